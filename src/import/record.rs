//! One JSON record to one event: the field names of both clouds, and the envelopes that log stores put around them.
//!
//! Only the top level and the identity are taken apart; everything nested stays the JSON text that it was, so that nothing is
//! lost and rules can name any field the source had.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::event::{
    Column, FAILURE, IdentityText, failed_by_response, failure_code, is_told_by_response, meaningful, service_name,
};
use crate::import::Limits;
use crate::import::outline::{Key, Object, Outline, Value};
use crate::import::surrogates::mended;
use crate::partition::parse_time;

/// Why a record is no event.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("a record is not sound JSON: {0}")]
    NotJson(String),
    #[error("a record is no audit event: it has no {0}")]
    NotAnEvent(&'static str),
    #[error("a record has an `eventTime` that is no time: {0}")]
    BadTime(String),
    #[error("a record is no audit event: it is one of {0}")]
    Foreign(&'static str),
}

/// One event, field by field; text borrows from the record wherever it can.
#[derive(Debug, Default)]
pub(super) struct Event<'a> {
    pub(super) time: i64,
    pub(super) texts: [Option<Cow<'a, str>>; Column::ALL.len()],
    pub(super) mfa: Option<bool>,
    pub(super) global: Option<bool>,
    /// Whether halves of characters were replaced in the text that an envelope held.
    pub(super) has_halves: bool,
    other: String,
}

/// What becomes of an event: it, or why there is none, and the text that it was made from.
pub(super) type Take<'t> = &'t mut dyn FnMut(Result<Event<'_>, RecordError>, &str);

/// Parses a record, whose outline may be known already, and hands over its events: one, or those of a wrapper that was not
/// recognised from its first key.
pub(super) fn parse(text: &str, known: Option<&Outline>, take: Take<'_>) {
    let mut outline = Outline::default();
    match known.map_or_else(|| object(text, &mut outline), |known| Ok(known.object(text))) {
        Ok(object) => take_events(text, object, take),
        Err(error) => take(Err(error), text),
    }
}

fn take_events(text: &str, object: Object<'_>, take: Take<'_>) {
    let bare = object.find("eventName").is_some();
    if let Some(inner) = object.find("event").filter(|_| !bare) {
        // A log store's envelope: the event is an object, or an object written into a string.
        parse_enveloped(&inner.text().unwrap_or_default(), take);
    } else if let Some(records) = object.find("Records").filter(|_| !bare) {
        match serde_json::from_str::<Vec<&RawValue>>(records.raw()) {
            Ok(records) => records.into_iter().for_each(|record| parse_one(record.get(), take)),
            Err(error) => take(Err(not_json(&error)), text),
        }
    } else if !bare && object.find("digestStartTime").is_some() && object.find("logFiles").is_some() {
        take(Err(RecordError::Foreign("CloudTrail digests")), text);
    } else {
        take(event(object), text);
    }
}

fn parse_one(text: &str, take: Take<'_>) {
    let mut outline = Outline::default();
    take(object(text, &mut outline).and_then(event), text);
}

fn parse_enveloped(text: &str, take: Take<'_>) {
    let text = mended(text);
    let mut outline = Outline::default();
    let found = object(&text, &mut outline).and_then(event);
    take(found.map(|event| Event { has_halves: matches!(text, Cow::Owned(_)), ..event }), &text);
}

/// The `eventType` of the vendor's own Insights events.
const INSIGHT: &str = "ActionTrailInsight";
/// The same of the other vendor, which lays them down in files of their own and names the API in the details alone.
const FOREIGN_INSIGHT: &str = "AwsCloudTrailInsight";
/// The prefix of an identity's fields where a log store has flattened them.
const OF_IDENTITY: &str = "userIdentity.";
/// The most steps of such a field's path. Those of the clouds have three; a longer one is kept as a field like any other.
const MOST_STEPS: usize = 16;

fn not_json(error: &serde_json::Error) -> RecordError {
    RecordError::NotJson(error.to_string())
}

/// The object that a text is; what comes behind it does not matter, and limits were enforced where it was found.
fn object<'t>(text: &'t str, outline: &'t mut Outline) -> Result<Object<'t>, RecordError> {
    const ANY: Limits = Limits { decompressed: u64::MAX, depth: usize::MAX, string: usize::MAX, record: usize::MAX };
    match outline.trace(text.as_bytes(), &ANY) {
        Some(_) => Ok(outline.object(text)),
        None => Err(refusal(text)),
    }
}

/// What is wrong with a text that was refused.
fn refusal(text: &str) -> RecordError {
    struct Whole;
    impl<'de> Visitor<'de> for Whole {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while map.next_entry::<String, IgnoredAny>()?.is_some() {}
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match deserializer.deserialize_map(Whole) {
        Err(error) => not_json(&error),
        Ok(()) => RecordError::NotJson("it is too long".to_owned()),
    }
}

fn truth(text: Option<Cow<'_, str>>) -> Option<bool> {
    crate::event::truth(&text?)
}

/// The column that a top-level field of either cloud is kept in.
fn column_of(key: &str) -> Option<Column> {
    Some(match key {
        "eventId" | "eventID" => Column::EventId,
        "eventName" => Column::EventName,
        "serviceName" => Column::ServiceName,
        "eventSource" => Column::EventSource,
        "eventType" => Column::EventType,
        "eventCategory" => Column::EventCategory,
        "eventRW" => Column::EventRw,
        "apiVersion" => Column::ApiVersion,
        "acsRegion" | "awsRegion" => Column::Region,
        "sourceIpAddress" | "sourceIPAddress" => Column::SourceIpAddress,
        "userAgent" => Column::UserAgent,
        "requestId" | "requestID" => Column::RequestId,
        "recipientAccountId" => Column::RecipientAccountId,
        "errorCode" => Column::ErrorCode,
        "errorMessage" => Column::ErrorMessage,
        "resourceType" => Column::ResourceType,
        "resourceName" => Column::ResourceName,
        "vpcId" | "vpcEndpointId" => Column::VpcId,
        "requestParameters" => Column::RequestParameters,
        "responseElements" => Column::ResponseElements,
        "additionalEventData" => Column::AdditionalEventData,
        _ => return None,
    })
}

/// Whether a dotted path of the identity is one to follow: those of hostile records have any length.
fn is_short(path: &str) -> bool {
    path.bytes().filter(|sign| *sign == b'.').take(MOST_STEPS).count() < MOST_STEPS
}

/// Puts a value at its dotted path, which is short; a path through what is no object ends there.
fn nest(object: &mut Map<String, Json>, path: &str, value: Value<'_>) {
    let Some((first, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), serde_json::from_str(value.raw()).unwrap_or_default());
        return;
    };
    if let Json::Object(inner) = object.entry(first).or_insert_with(|| Json::Object(Map::new())) {
        nest(inner, rest, value);
    }
}

fn event(object: Object<'_>) -> Result<Event<'_>, RecordError> {
    let mut event = Event::default();
    let mut time = None;
    let (mut parameters_as_text, mut extras) = (None, None);
    let mut identity = Map::new();
    for (key, value) in object.fields() {
        let text = key.text();
        let name = text.strip_prefix("event.").unwrap_or(&text);
        match name {
            "eventTime" => time = value.text(),
            "userIdentity" => event.take_identity(value),
            "readOnly" => {
                event.set(Column::EventRw, truth(value.text()).map(|read| if read { "Read" } else { "Write" }));
            }
            "isGlobal" => event.global = truth(value.text()),
            "requestParameterJson" => parameters_as_text = Some(value),
            _ => match (column_of(name), name.strip_prefix(OF_IDENTITY)) {
                (Some(column), _) => event.texts[column as usize] = value.text(),
                (None, Some(path)) if is_short(path) => nest(&mut identity, path, value),
                (None, _) => event.keep(|json| key.write(json), value),
            },
        }
        match name {
            "awsRegion" => event.set(Column::Cloud, Some("aws")),
            "acsRegion" => event.set(Column::Cloud, Some("alibaba")),
            "additionalEventData" => extras = Some(value),
            _ => {}
        }
    }
    if !identity.is_empty() && event.text(Column::UserIdentity).is_none() {
        event.take_identity_text(Json::Object(identity).to_string());
    }
    event.settle_parameters(parameters_as_text);
    if event.text(Column::EventName).is_none() && event.text(Column::EventType) == Some(FOREIGN_INSIGHT) {
        return Err(RecordError::Foreign("CloudTrail Insights events"));
    }
    event.settle_insight();
    event.settle_service()?;
    let time = time.ok_or(RecordError::NotAnEvent("eventTime"))?;
    event.time = parse_time(&time).ok_or_else(|| RecordError::BadTime(time.chars().take(60).collect()))?;
    event.settle_mfa(extras);
    event.settle_sign_in();
    event.close_other();
    Ok(event)
}

impl<'a> Event<'a> {
    /// The text of a column.
    pub(super) fn text(&self, column: Column) -> Option<&str> {
        self.texts[column as usize].as_deref()
    }

    fn set(&mut self, column: Column, text: Option<&'static str>) {
        self.texts[column as usize] = text.map(Cow::Borrowed);
    }

    /// Keeps a field that no column holds.
    fn keep(&mut self, key: impl FnOnce(&mut String), value: Value<'_>) {
        self.other.push(if self.other.is_empty() { '{' } else { ',' });
        key(&mut self.other);
        self.other.push(':');
        self.other.push_str(value.raw());
    }

    fn close_other(&mut self) {
        if !self.other.is_empty() {
            self.other.push('}');
            self.texts[Column::OtherFields as usize] = Some(Cow::Owned(std::mem::take(&mut self.other)));
        }
    }

    /// The identity is kept whole, and its usual fields are columns too.
    fn take_identity(&mut self, value: Value<'a>) {
        let whole = value.text();
        if value.raw().starts_with('"') {
            return whole.into_iter().for_each(|text| self.take_identity_text(text.into_owned()));
        }
        self.texts[Column::UserIdentity as usize] = whole;
        let Some(identity) = value.object() else { return };
        let mut behalf = None;
        let mut names: [Option<Cow<'a, str>>; 3] = [None, None, None];
        for (key, value) in identity.fields() {
            match key.text().as_ref() {
                "type" => self.texts[Column::UserIdentityType as usize] = value.text(),
                "accountId" => self.texts[Column::AccountId as usize] = value.text(),
                "principalId" => self.texts[Column::PrincipalId as usize] = value.text(),
                "accessKeyId" => self.texts[Column::AccessKeyId as usize] = value.text(),
                "userName" => names[0] = value.text(),
                "invokedBy" => names[2] = value.text(),
                "sessionContext" => names[1] = self.take_session(value),
                "onBehalfOf" => behalf = Some(value),
                _ => {}
            }
        }
        let principal = &mut self.texts[Column::PrincipalId as usize];
        if let (None, Some(behalf)) = (&principal, behalf) {
            *principal = behalf.object().and_then(|person| person.find("userId")).and_then(Value::text);
        }
        let said = |name: &Cow<'a, str>| meaningful(name).is_some();
        self.texts[Column::UserName as usize] = names.into_iter().flatten().find(said);
    }

    /// The identity as a text of JSON, as some stores write it.
    fn take_identity_text(&mut self, text: String) {
        let told = IdentityText::parse(&text);
        self.mfa = told.mfa.as_deref().and_then(crate::event::truth);
        for column in crate::event::OF_IDENTITY.into_iter().filter(|column| *column != Column::MfaAuthenticated) {
            self.texts[column as usize] = told.clone().of(column).map(Cow::Owned);
        }
        self.texts[Column::UserIdentity as usize] = Some(Cow::Owned(text));
    }

    /// Whether the session used a second factor, and the name of the role behind it.
    fn take_session(&mut self, value: Value<'a>) -> Option<Cow<'a, str>> {
        let mut issuer = None;
        for (key, value) in value.object()?.fields() {
            let find = |name: &str| value.object().and_then(|inner| inner.find(name)).and_then(Value::text);
            match key.text().as_ref() {
                "attributes" | "sessionAttributes" => self.mfa = truth(find("mfaAuthenticated")),
                "sessionIssuer" => issuer = find("userName"),
                _ => {}
            }
        }
        issuer
    }

    /// The parameters as an object win over the same as text, which is kept aside if it is all there is, or says more.
    fn settle_parameters(&mut self, as_text: Option<Value<'a>>) {
        let Some(as_text) = as_text else { return };
        let column = &mut self.texts[Column::RequestParameters as usize];
        if column.is_none() {
            *column = as_text.text();
        } else {
            self.keep(|json| json.push_str("\"requestParameterJson\""), as_text);
        }
    }

    /// `ActionTrail`'s own Insights events, which a trail delivers among the others, name neither an API nor a service.
    fn settle_insight(&mut self) {
        if self.text(Column::EventName).is_none() && self.text(Column::EventType) == Some(INSIGHT) {
            self.set(Column::EventName, Some(INSIGHT));
            self.texts[Column::ServiceName as usize].get_or_insert(Cow::Borrowed("Actiontrail"));
        }
    }

    fn settle_service(&mut self) -> Result<(), RecordError> {
        if self.text(Column::EventName).and_then(meaningful).is_none() {
            return Err(RecordError::NotAnEvent("eventName"));
        }
        if self.texts[Column::ServiceName as usize].is_none() {
            let source = self.texts[Column::EventSource as usize].clone();
            let source = source.ok_or(RecordError::NotAnEvent("serviceName or eventSource"))?;
            self.texts[Column::ServiceName as usize] = Some(Cow::Owned(service_name(&source).to_owned()));
        }
        Ok(())
    }

    /// A sign-in that tells no error may say in its response alone that it failed; that word becomes its message, for whoever counts
    /// failures reads no responses.
    fn settle_sign_in(&mut self) {
        let error = (self.text(Column::ErrorCode), self.text(Column::ErrorMessage));
        let is_meant = self.text(Column::EventName).is_some_and(is_told_by_response);
        let is_silent = is_meant && failure_code(error.0, error.1).is_none();
        if is_silent && self.text(Column::ResponseElements).is_some_and(failed_by_response) {
            self.set(Column::ErrorMessage, Some(FAILURE));
        }
    }

    /// Sign-ins tell of the second factor in their extras, under names that differ by kind of user and by cloud.
    fn settle_mfa(&mut self, extras: Option<Value<'a>>) {
        let Some(extras) = extras.filter(|_| self.mfa.is_none()) else { return };
        if let Some(object) = extras.object() {
            self.mfa = second_factor(object);
        } else if let Some(text) = extras.text() {
            let mut outline = Outline::default();
            self.mfa = object(&text, &mut outline).ok().and_then(second_factor);
        }
    }
}

fn second_factor(extras: Object<'_>) -> Option<bool> {
    let told = |key: Key<'_>| ["isMFAChecked", "mfaChecked", "MFAUsed"].contains(&key.text().as_ref());
    let (_, value) = extras.fields().find(|&(key, _)| told(key))?;
    truth(value.text())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Result<Vec<(String, Option<String>)>, RecordError> {
        let mut found = Ok(Vec::new());
        parse(text, None, &mut |event, _| {
            found = event.map(|event| {
                let mut fields = vec![
                    ("time".to_owned(), Some(event.time.to_string())),
                    ("mfa".to_owned(), event.mfa.map(|mfa| mfa.to_string())),
                ];
                let column = |column: Column| (column.name().to_owned(), event.text(column).map(str::to_owned));
                fields.extend(Column::ALL.map(column));
                fields
            });
        });
        found
    }

    fn field(text: &str, name: &str) -> Option<String> {
        one(text).unwrap().into_iter().find(|(column, _)| column == name).unwrap().1
    }

    const BASE: &str = r#""eventTime":"2026-01-05T00:00:00Z","eventName":"ConsoleSignin","serviceName":"AasSub""#;

    #[test]
    fn the_version_may_be_a_number_or_a_string() {
        for version in ["1", "\"1\""] {
            let other = field(&format!("{{{BASE},\"eventVersion\":{version}}}"), "other_fields");
            assert_eq!(other, Some(format!("{{\"eventVersion\":{version}}}")));
        }
    }

    #[test]
    fn the_second_factor_has_many_names() {
        for extra in [
            r#""additionalEventData":{"isMFAChecked":"true"}"#,
            r#""additionalEventData":{"mfaChecked":"true"}"#,
            r#""additionalEventData":{"MFAUsed":"Yes"}"#,
            r#""userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":"true"}}}"#,
            r#""userIdentity":{"sessionContext":{"sessionAttributes":{"mfaAuthenticated":"true"}}}"#,
        ] {
            assert_eq!(field(&format!("{{{BASE},{extra}}}"), "mfa"), Some("true".into()), "{extra}");
        }
    }

    #[test]
    fn a_sign_in_may_fail_by_its_response_alone() {
        let base =
            r#""eventTime":"2026-01-05T00:00:00Z","eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com""#;
        let message = |more: &str| field(&format!("{{{base},{more}}}"), "error_message");
        let failed = r#""responseElements":{"ConsoleLogin":"Failure"}"#;
        assert_eq!(message(failed), Some("Failure".into()));
        let told = format!(r#"{failed},"errorMessage":"No username found in supplied account""#);
        assert_eq!(message(&told), Some("No username found in supplied account".into()));
        assert_eq!(message(r#""responseElements":{"ConsoleLogin":"Success"}"#), None);
        assert_eq!(message(r#""responseElements":"no json""#), None);
        assert_eq!(field(&format!("{{{BASE},{failed}}}"), "error_message"), None, "another cloud's sign-in");
    }

    #[test]
    fn an_identity_may_be_a_text_or_flattened() {
        let identity = r#"{"type":"ram-user","accountId":"1599","principalId":"u1","userName":"alice","accessKeyId":"LTAI5t","sessionContext":{"attributes":{"mfaAuthenticated":"true"}}}"#;
        let text = Json::from(identity).to_string();
        let flat = r#""userIdentity.type":"ram-user","event.userIdentity.accountId":"1599","userIdentity.principalId":"u1","userIdentity.userName":"alice","userIdentity.accessKeyId":"LTAI5t","userIdentity.sessionContext.attributes.mfaAuthenticated":"true""#;
        let names = ["user_identity_type", "account_id", "principal_id", "user_name", "access_key_id", "mfa"];
        let whole = one(&format!("{{{BASE},\"userIdentity\":{identity}}}")).unwrap();
        for other in [format!("{{{BASE},\"userIdentity\":{text}}}"), format!("{{{BASE},{flat}}}")] {
            let found = one(&other).unwrap();
            let pick = |fields: &[(String, Option<String>)]| -> Vec<Option<String>> {
                names.map(|name| fields.iter().find(|(known, _)| known == name).unwrap().1.clone()).to_vec()
            };
            assert_eq!(pick(&found), pick(&whole), "{other}");
            assert!(field(&other, "user_identity").unwrap().contains(r#""principalId":"u1""#), "{other}");
            assert_eq!(field(&other, "other_fields"), None, "{other}");
        }
        let person =
            format!(r#"{{{BASE},"userIdentity":{{"type":"IdentityCenterUser","onBehalfOf":{{"userId":"9067"}}}}}}"#);
        assert_eq!(field(&person, "principal_id"), Some("9067".into()));
    }

    #[test]
    fn a_path_of_an_identity_without_an_end_is_kept_as_it_stands() {
        let path = |steps: usize| format!("userIdentity{}", ".a".repeat(steps));
        let of = |steps| one(&format!("{{{BASE},\"{}\":1}}", path(steps))).unwrap();
        let held = |steps, name: &str| of(steps).into_iter().find(|(column, _)| column == name).unwrap().1;
        assert_eq!(held(2, "user_identity"), Some(r#"{"a":{"a":1}}"#.into()));
        for steps in [MOST_STEPS + 1, 200_000] {
            assert_eq!(held(steps, "user_identity"), None);
            assert_eq!(held(steps, "other_fields"), Some(format!("{{\"{}\":1}}", path(steps))));
        }
    }

    proptest! {
        /// Whatever is a key, the record comes to an event or to a word why it does not, and the field to what is kept.
        #[test]
        fn no_key_brings_a_record_down(
            start in prop::sample::select(vec!["", "event.", "userIdentity", "event.userIdentity", "requestParameters", "Records"]),
            step in prop::sample::select(vec![".", ".a", "..", "\\u002e", "\\\"", "."]),
            steps in prop::sample::select(vec![0_usize, 1, 2, 15, 16, 17, 1_000, 60_000]),
            value in prop::sample::select(vec!["1", "null", "\"x\"", "{}", "[[{\"a\":1}]]", "{\"a.b\":{\"type\":[]}}"]),
        ) {
            let key = format!("{start}{}", step.repeat(steps));
            let text = format!("{{{BASE},\"{key}\":{value},\"{key}.b\":{value}}}");
            if let Ok(found) = one(&text) {
                let kept: usize = found.iter().filter_map(|(_, text)| text.as_ref()).map(String::len).sum();
                prop_assert!(kept >= steps, "nothing is lost: {start} {step} {steps}");
            }
        }
    }

    #[test]
    fn what_other_files_of_a_trail_hold_is_known() {
        let digest = r#"{"awsAccountId":"1","digestStartTime":"2026-01-05T00:00:00Z","logFiles":[]}"#;
        let insight = r#"{"eventTime":"2026-01-05T00:00:00Z","eventType":"AwsCloudTrailInsight","insightDetails":{}}"#;
        assert!(matches!(one(digest), Err(RecordError::Foreign("CloudTrail digests"))));
        assert!(matches!(one(insight), Err(RecordError::Foreign("CloudTrail Insights events"))));
    }

    #[test]
    fn envelopes_are_opened() {
        let event = format!("{{{BASE},\"eventId\":\"e1\"}}");
        let text = serde_json::Value::from(event.as_str()).to_string();
        for envelope in [
            format!("{{\"__topic__\":\"actiontrail_audit_event\",\"event\":{event}}}"),
            format!("{{\"__topic__\":\"actiontrail_audit_event\",\"event\":{text}}}"),
            format!("{{\"x\":1,\"Records\":[{event}]}}"),
        ] {
            assert_eq!(field(&envelope, "event_id"), Some("e1".into()), "{envelope}");
        }
    }

    #[test]
    fn a_service_is_known_by_its_host_where_it_has_no_name() {
        let text = r#"{"eventTime":"2026-01-05T00:00:00Z","eventName":"RunInstances","eventSource":"ec2.amazonaws.com","awsRegion":"eu-west-1","readOnly":false}"#;
        assert_eq!(field(text, "service_name"), Some("ec2".into()));
        assert_eq!(field(text, "cloud"), Some("aws".into()));
        assert_eq!(field(text, "event_rw"), Some("Write".into()));
    }

    #[test]
    fn the_vendors_insights_are_events_too() {
        let text = r#"{"eventTime":"2026-01-05T00:00:00Z","eventType":"ActionTrailInsight","insightDetails":{"insightType":"IpInsight"}}"#;
        assert_eq!(field(text, "event_name"), Some("ActionTrailInsight".into()));
        assert_eq!(field(text, "service_name"), Some("Actiontrail".into()));
        assert!(one(&text.replace("ActionTrailInsight", "ApiCall")).is_err());
    }

    #[test]
    fn escapes_and_odd_keys_survive() {
        let text = format!("{{{BASE},\"userAgent\":\"a\\u00e9\\n\\\"\",\"odd \\\"key\":[1]}}");
        assert_eq!(field(&text, "user_agent"), Some("aé\n\"".into()));
        assert_eq!(field(&text, "other_fields"), Some("{\"odd \\\"key\":[1]}".into()));
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        for (text, words) in [
            ("{\"a\":1", "not sound JSON"),
            ("{\"a\":1}", "no eventName"),
            ("{\"eventName\":\"x\",\"eventSource\":\"y\"}", "no eventTime"),
            ("{\"eventName\":\"x\",\"eventTime\":\"y\",\"serviceName\":\"z\"}", "is no time: y"),
            ("{\"eventName\":\"x\",\"eventTime\":\"2026-01-05T00:00:00Z\"}", "no serviceName or eventSource"),
        ] {
            assert!(one(text).unwrap_err().to_string().contains(words), "{text}");
        }
    }
}
