//! What the parameters of a request say about how serious a change is. The conditions are data, `data/serious.csv`, documented beside
//! it; that all is allowed, and to oneself, is looked for here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::event::{ChangeKind, meaningful};
use crate::insight::requests::changed::{self, Object};
use crate::insight::requests::concern::Concern;
use crate::insight::requests::selectors;

static TABLE: &str = include_str!("../../../data/serious.csv");
static CONDITIONS: LazyLock<Vec<Condition>> = LazyLock::new(|| TABLE.lines().filter_map(Condition::parse).collect());

/// Characters of a value that are shown.
const SHOWN: usize = 100;

/// Parameters that name to whom rights are given.
const RECEIVERS: [&str; 4] = ["username", "rolename", "principalname", "userprincipalname"];

/// Stands in the table for every API that gives rights.
const ANY: &str = "*";
/// How the names of APIs begin that take rights away.
const TAKING: [&str; 5] = ["Detach", "Delete", "Remove", "Revoke", "Deprovision"];
/// What is in the names of what holds rights back: to take that away gives them.
const BOUNDS: [&str; 3] = ["PermissionsBoundary", "ControlPolicy", "PublicAccessBlock"];

/// Whether an API takes rights away: what its request names is what nobody has any more.
fn takes_away(event_name: &str) -> bool {
    TAKING.iter().any(|word| event_name.starts_with(word)) && !BOUNDS.iter().any(|word| event_name.contains(word))
}

/// One line of the table.
struct Condition {
    kind: ChangeKind,
    event_name: &'static str,
    parameter: String,
    comparison: Comparison,
    value: String,
    concern: Concern,
}

impl Condition {
    fn parse(line: &'static str) -> Option<Self> {
        let fields: Vec<&'static str> = line.split(',').collect();
        let [kind, event_name, parameter, condition, value, concern] = fields[..] else { return None };
        Some(Self {
            kind: ChangeKind::named(kind)?,
            event_name,
            parameter: parameter.to_lowercase(),
            comparison: Comparison::named(condition)?,
            value: value.to_lowercase(),
            concern: Concern::named(concern)?,
        })
    }

    /// What of a request meets the condition; `None` if nothing does.
    fn met_by(&self, kind: ChangeKind, event_name: &str, parameters: &[(String, String)]) -> Option<String> {
        let is_meant = if self.event_name == ANY { !takes_away(event_name) } else { self.event_name == event_name };
        if self.kind != kind || !is_meant {
            return None;
        }
        let fits = |value: &str| self.comparison.holds(value, &self.value);
        let (name, value) = parameters.iter().find(|(name, value)| *name == self.parameter && fits(value))?;
        let shown: String = value.chars().take(SHOWN).collect();
        Some(format!("{name} is {}{}", shown, if shown.len() < value.len() { "…" } else { "" }))
    }
}

/// How a parameter is held against a value.
#[derive(Debug, Clone, Copy)]
enum Comparison {
    Is,
    IsNot,
    StartsWith,
    EndsWith,
    Contains,
}

impl Comparison {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "is" => Self::Is,
            "is_not" => Self::IsNot,
            "starts_with" => Self::StartsWith,
            "ends_with" => Self::EndsWith,
            "contains" => Self::Contains,
            _ => return None,
        })
    }

    fn holds(self, parameter: &str, value: &str) -> bool {
        match self {
            Self::Is => parameter == value,
            Self::IsNot => parameter != value,
            Self::StartsWith => parameter.starts_with(value),
            Self::EndsWith => parameter.ends_with(value),
            Self::Contains => parameter.contains(value),
        }
    }
}

/// What a request tells by itself.
#[derive(Debug, Default)]
pub struct Looked {
    /// What makes it serious, each with what says so.
    pub concerns: BTreeMap<Concern, String>,
    /// To whom it gives rights.
    pub receivers: BTreeSet<String>,
    /// What it is about, and for whom.
    pub object: Option<Object>,
    /// Whether its parameters, or a document in them, could not be read: cut off, or nested beyond all bounds.
    pub is_unread: bool,
}

/// Looks at the parameters of a request of a change; of those that are no JSON it says so.
pub fn of_request(kind: ChangeKind, event_name: &str, parameters: &str) -> Looked {
    let Ok(request) = serde_json::from_str::<Value>(parameters) else {
        return Looked { is_unread: meaningful(parameters).is_some(), ..Looked::default() };
    };
    let mut parameters = Vec::new();
    flatten("", &request, &mut parameters);
    let is_unread = kind == ChangeKind::Permission && parameters.iter().any(is_unread_document);
    let mut looked = Looked { object: changed::object(kind, &request), is_unread, ..Looked::default() };
    for condition in CONDITIONS.iter() {
        if let Some(says) = condition.met_by(kind, event_name, &parameters) {
            looked.concerns.entry(condition.concern).or_insert(says);
        }
    }
    if kind == ChangeKind::Trail && selectors::leave_events_out(&request) {
        let says = || "its selectors leave management events out".to_owned();
        looked.concerns.entry(Concern::Narrowed).or_insert_with(says);
    }
    if kind == ChangeKind::Permission && !takes_away(event_name) {
        if has_statement(&request, is_carte_blanche) {
            let says = || "a statement allows every action on every resource".to_owned();
            looked.concerns.entry(Concern::AdministratorPolicy).or_insert_with(says);
        }
        if has_statement(&request, is_for_anybody) {
            let says = || "a statement allows something to anybody".to_owned();
            looked.concerns.entry(Concern::MadePublic).or_insert_with(says);
        }
        let named = parameters.iter().filter(|(name, _)| RECEIVERS.contains(&name.as_str()));
        looked.receivers.extend(named.map(|(_, value)| bare(value)));
    }
    looked
}

/// Whether a text that should be a document of rights is none: what is one was taken apart.
fn is_unread_document((name, value): &(String, String)) -> bool {
    let is_of_rights = ["policy", "document"].iter().any(|end| name.ends_with(end));
    is_of_rights && value.trim_start().starts_with(['{', '['])
}

/// Whether one of those who are given rights is a caller of that name.
pub fn gives_to(receivers: &BTreeSet<String>, caller: &str) -> bool {
    receivers.contains(&bare(caller))
}

/// Whether a name that a request has is that of a caller.
pub(in crate::insight) fn is_same_user(named: &str, caller: &str) -> bool {
    bare(named) == bare(caller)
}

/// A name without its domain; of a role without its session.
fn bare(name: &str) -> String {
    name.split([':', '@']).next().unwrap_or_default().to_lowercase()
}

/// All names and texts of a request in lower case, of documents inside texts too. Nesting is bounded by the reader of JSON.
pub(in crate::insight) fn flatten(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&name.to_lowercase(), value, found)),
        Value::Array(items) => items.iter().for_each(|item| flatten(name, item, found)),
        Value::String(text) => match document(text) {
            Some(document) => flatten(name, &document, found),
            None => found.push((name.to_owned(), text.to_lowercase())),
        },
        Value::Bool(_) | Value::Number(_) => found.push((name.to_owned(), value.to_string())),
        Value::Null => {}
    }
}

/// The document that a text holds, if it is one.
fn document(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|value| matches!(value, Value::Object(_) | Value::Array(_)))
}

/// Whether a request has such a statement of a policy, wherever in it that stands.
fn has_statement(value: &Value, is_such: fn(&Map<String, Value>) -> bool) -> bool {
    let has = |value: &Value| has_statement(value, is_such);
    match value {
        Value::Object(fields) => is_such(fields) || fields.values().any(has),
        Value::Array(items) => items.iter().any(has),
        Value::String(text) => document(text).is_some_and(|document| has(&document)),
        _ => false,
    }
}

/// Whether a statement allows something to anybody, without a condition.
fn is_for_anybody(statement: &Map<String, Value>) -> bool {
    let named = |name: &str| {
        let own = statement.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value).collect::<Vec<_>>()
    };
    let allows =
        named("effect").iter().any(|value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("allow")));
    let is_bound = named("condition").iter().any(|value| value.as_object().is_some_and(|bounds| !bounds.is_empty()));
    allows && !is_bound && named("principal").into_iter().any(names_anybody)
}

/// Whether a principal is `*`: alone, in a list, or of a kind, as `{"AWS": "*"}`.
fn names_anybody(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text == "*",
        Value::Array(items) => items.iter().any(names_anybody),
        Value::Object(kinds) => kinds.values().any(names_anybody),
        _ => false,
    }
}

fn is_carte_blanche(statement: &Map<String, Value>) -> bool {
    let has = |name: &str, is_meant: fn(&str) -> bool| {
        let mut named = statement.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let fits = |value: &Value| value.as_str().is_some_and(is_meant);
        named.any(|value| fits(value) || value.as_array().is_some_and(|items| items.iter().any(fits)))
    };
    let all_but_some = |_: &str| true;
    has("effect", |effect| effect.eq_ignore_ascii_case("allow"))
        && (has("action", is_every_action) || has("notaction", all_but_some))
        && (has("resource", is_every_resource) || has("notresource", all_but_some))
}

/// `*`, or `*:*`: any action of any service.
fn is_every_action(action: &str) -> bool {
    are_all_wild(action.split(':'))
}

/// `*`, or a name of resources (`arn:aws:…`, `acs:…`) whose parts are all left open: service, region, account and what follows.
fn is_every_resource(resource: &str) -> bool {
    let mut parts = resource.split(':');
    match parts.next() {
        Some(first) if first.eq_ignore_ascii_case("acs") => are_all_wild(parts),
        // The partition (`aws`, `aws-cn`) is that of the whole cloud.
        Some(first) if first.eq_ignore_ascii_case("arn") => {
            resource.to_lowercase() == "arn:*" || are_all_wild(parts.skip(1))
        }
        _ => are_all_wild(resource.split(':')),
    }
}

/// Whether there are parts, and each fits everything.
fn are_all_wild<'t>(parts: impl Iterator<Item = &'t str>) -> bool {
    let mut parts = parts.peekable();
    parts.peek().is_some() && parts.all(|part| part.contains('*') && part.chars().all(|sign| sign == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::events::evidence::Evidence;

    fn concerns(kind: ChangeKind, event_name: &str, parameters: &str) -> Vec<&'static str> {
        let Looked { concerns, receivers, .. } = of_request(kind, event_name, parameters);
        let names = [("user/1", "Alice@corp.example", 1)].into_iter().collect();
        let concerns = concerns.into_keys().collect();
        let evidence = Evidence { names, concerns, receivers, ..Evidence::default() };
        evidence.all_concerns().into_iter().map(Concern::name).collect()
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        use ChangeKind::{Permission, Trail};
        let unread = |kind, parameters: &str| of_request(kind, "CreatePolicy", parameters).is_unread;
        let document = r#"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]"#;
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(!unread(Permission, &format!(r#"{{"PolicyDocument":"{document}}}"}}"#)), "it is whole");
        for cut in [format!(r#"{{"PolicyDocument":"{document}"#), format!(r#"{{"PolicyDocument":"{document}"}}"#), deep]
        {
            assert!(unread(Permission, &cut), "{cut}");
        }
        assert!(unread(Trail, r#"{"Name":"ma"#));
        for nothing in ["", " ", "null", "{}", r#"{"PolicyName":"a","Description":"{a}"}"#] {
            assert!(!unread(Permission, nothing), "{nothing:?}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        assert_eq!(TABLE.lines().filter_map(Condition::parse).count(), TABLE.lines().count() - 1);
    }

    #[test]
    fn all_rights_are_seen_by_name_and_in_the_document() {
        use ChangeKind::Permission;
        let attach = r#"{"PolicyName":"AdministratorAccess","UserName":"bob"}"#;
        assert_eq!(concerns(Permission, "AttachPolicyToUser", attach), ["administrator_policy"]);
        let arn = r#"{"policyArn":"arn:aws:iam::aws:policy/AdministratorAccess","userName":"alice"}"#;
        assert_eq!(concerns(Permission, "AttachUserPolicy", arn), ["administrator_policy", "self_grant"]);
        let document =
            r#"{"PolicyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}"#;
        assert_eq!(concerns(Permission, "CreatePolicyVersion", document), ["administrator_policy"]);
        let harmless =
            r#"{"PolicyDocument":"{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}"#;
        assert!(concerns(Permission, "CreatePolicyVersion", harmless).is_empty());
    }

    #[test]
    #[allow(clippy::too_many_lines, reason = "it is a table")]
    fn every_condition_has_a_near_miss() {
        use ChangeKind::{Password, Permission, Trail};
        type Requests = (ChangeKind, &'static str, &'static str, &'static str, &'static str);
        let requests: [Requests; 27] = [
            (
                Permission,
                "AttachPolicyToRole",
                r#"{"PolicyName":"administratoraccess"}"#,
                r#"{"PolicyName":"AdministratorAccessAudit"}"#,
                "administrator_policy",
            ),
            (
                Permission,
                "AttachPolicyToUser",
                r#"{"PolicyName":"AliyunRAMFullAccess"}"#,
                r#"{"PolicyName":"AliyunRAMReadOnlyAccess"}"#,
                "administrator_policy",
            ),
            (
                Permission,
                "AttachUserPolicy",
                r#"{"policyName":"PowerUserAccess"}"#,
                r#"{"policyName":"UserAccess"}"#,
                "administrator_policy",
            ),
            (
                Permission,
                "AttachRolePolicy",
                r#"{"policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#,
                r#"{"policyArn":"arn:aws:iam::1:policy/NoAdministratorAccess"}"#,
                "administrator_policy",
            ),
            (
                Permission,
                "AttachRolePolicy",
                r#"{"policyArn":"arn:aws:iam::aws:policy/AmazonS3FullAccess"}"#,
                r#"{"policyArn":"arn:aws:iam::aws:policy/FullAccessDenied"}"#,
                "administrator_policy",
            ),
            (
                Permission,
                "AttachRolePolicy",
                r#"{"policyArn":"arn:aws:iam::aws:policy/PowerUserAccess"}"#,
                r#"{"policyArn":"arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"}"#,
                "administrator_policy",
            ),
            (
                Permission,
                "AddPermissionPolicyToAccessConfiguration",
                r#"{"PermissionPolicyName":"AdministratorAccess"}"#,
                r#"{"PermissionPolicyName":"ReadOnlyAccess"}"#,
                "administrator_policy",
            ),
            (
                Permission,
                "AttachManagedPolicyToPermissionSet",
                r#"{"managedPolicyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#,
                r#"{"managedPolicyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}"#,
                "administrator_policy",
            ),
            (Permission, "PutBucketAcl", r#"{"x-oss-acl":"public-read"}"#, r#"{"x-oss-acl":"private"}"#, "made_public"),
            (
                Permission,
                "PutBucketAcl",
                r#"{"x-amz-acl":"public-read-write"}"#,
                r#"{"x-amz-acl":"bucket-owner-read"}"#,
                "made_public",
            ),
            (
                Permission,
                "PutBucketPublicAccessBlock",
                r#"{"PublicAccessBlockConfiguration":{"BlockPublicPolicy":false}}"#,
                r#"{"PublicAccessBlockConfiguration":{"BlockPublicPolicy":true}}"#,
                "made_public",
            ),
            (
                Permission,
                "PutBucketAcl",
                r#"{"AccessControlPolicy":{"AccessControlList":{"Grant":[{"Grantee":{"URI":"http://acs.amazonaws.com/groups/global/AllUsers"}}]}}}"#,
                r#"{"AccessControlPolicy":{"AccessControlList":{"Grant":[{"Grantee":{"URI":"http://acs.amazonaws.com/groups/s3/LogDelivery"}}]}}}"#,
                "made_public",
            ),
            (
                Permission,
                "PutBucketAcl",
                r#"{"x-amz-grant-read":"id=\"1\", uri=\"http://acs.amazonaws.com/groups/global/AuthenticatedUsers\""}"#,
                r#"{"x-amz-grant-read":"id=\"1\""}"#,
                "made_public",
            ),
            (
                Permission,
                "AddPermission20150331v2",
                r#"{"functionName":"f","principal":"*"}"#,
                r#"{"functionName":"f","principal":"events.amazonaws.com"}"#,
                "made_public",
            ),
            (
                Permission,
                "AddPermission20150331",
                r#"{"functionName":"f","principal":"*"}"#,
                r#"{"functionName":"*","principal":"1"}"#,
                "made_public",
            ),
            (
                Trail,
                "PutEventSelectors",
                r#"{"advancedEventSelectors":[{"name":"all","fieldSelectors":[{"field":"eventCategory","equals":["Management"]},{"field":"readOnly","equals":["false"]}]}]}"#,
                r#"{"advancedEventSelectors":[{"name":"all","fieldSelectors":[{"field":"eventCategory","equals":["Management"]}]}]}"#,
                "narrowed",
            ),
            (
                Permission,
                "PutBucketAcl",
                r#"{"x-amz-grant-full-control":"uri=http://acs.amazonaws.com/groups/global/AllUsers"}"#,
                r#"{"x-amz-grant-full-control":"id=AllUsers"}"#,
                "made_public",
            ),
            (Password, "SetPasswordPolicy", r#"{"HardExpiry":false}"#, r#"{"HardExpiry":true}"#, "weaker_sign_in"),
            (
                Password,
                "UpdateLoginProfile",
                r#"{"MFABindRequired":"false"}"#,
                r#"{"MFABindRequired":"true"}"#,
                "weaker_sign_in",
            ),
            (
                Password,
                "SetSecurityPreference",
                r#"{"EnforceMFAForLogin":"false"}"#,
                r#"{"EnforceMFAForLogin":"true"}"#,
                "weaker_sign_in",
            ),
            (
                Password,
                "UpdateLoginProfile",
                r#"{"PasswordResetRequired":false}"#,
                r#"{"PasswordResetRequired":true}"#,
                "password_known_to_the_caller",
            ),
            (Trail, "UpdateTrail", r#"{"EventRW":"Write"}"#, r#"{"EventRW":"All"}"#, "narrowed"),
            (Trail, "UpdateTrail", r#"{"TrailRegion":"cn-hangzhou"}"#, r#"{"TrailRegion":"All"}"#, "narrowed"),
            (Trail, "UpdateTrail", r#"{"isMultiRegionTrail":false}"#, r#"{"isMultiRegionTrail":true}"#, "narrowed"),
            (Trail, "UpdateTrail", r#"{"StartLogging":"false"}"#, r#"{"StartLogging":"true"}"#, "stopped"),
            (
                Trail,
                "PutEventSelectors",
                r#"{"eventSelectors":[{"includeManagementEvents":false}]}"#,
                r#"{"eventSelectors":[{"includeManagementEvents":true}]}"#,
                "narrowed",
            ),
            (Trail, "UpdateDetector", r#"{"enable":false}"#, r#"{"enable":true}"#, "stopped"),
        ];
        for (kind, event_name, serious, near_miss, concern) in requests {
            assert_eq!(concerns(kind, event_name, serious), [concern], "{event_name} {serious}");
            assert!(concerns(kind, event_name, near_miss).is_empty(), "{event_name} {near_miss}");
        }
    }

    #[test]
    fn to_take_rights_away_is_not_to_give_them() {
        let all = r#"{"policyArn":"arn:aws:iam::aws:policy/AdministratorAccess","PolicyName":"AdministratorAccess","userName":"alice"}"#;
        let of = |event_name: &str| concerns(ChangeKind::Permission, event_name, all);
        for taking in ["DetachUserPolicy", "DetachPolicyFromUser", "DeletePolicyVersion", "RemoveUserFromGroup"] {
            assert!(of(taking).is_empty(), "{taking}");
        }
        assert_eq!(of("AttachUserPolicy"), ["administrator_policy", "self_grant"]);
        assert_eq!(
            of("DeleteUserPermissionsBoundary"),
            ["administrator_policy", "self_grant"],
            "what held back is gone"
        );
    }

    #[test]
    fn rights_for_oneself_are_seen_and_rights_for_a_namesake_are_not() {
        use ChangeKind::{Password, Permission};
        let attach = |name: &str| format!(r#"{{"PolicyName":"Own","UserName":"{name}"}}"#);
        assert_eq!(concerns(Permission, "AttachPolicyToUser", &attach("alice")), ["self_grant"]);
        assert_eq!(concerns(Permission, "AddUserToGroup", &attach("ALICE@corp.example")), ["self_grant"]);
        assert!(concerns(Permission, "AttachPolicyToUser", &attach("alice2")).is_empty());
        assert!(concerns(Password, "UpdateLoginProfile", &attach("alice")).is_empty(), "a password of one's own");
    }

    #[test]
    fn a_document_that_allows_much_is_not_one_that_allows_all() {
        let document = |action: &str, resource: &str| {
            format!(
                r#"{{"PolicyDocument":"{{\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"{resource}\"}}]}}"}}"#
            )
        };
        let of = |action, resource| concerns(ChangeKind::Permission, "CreatePolicy", &document(action, resource));
        for (action, resource) in
            [("*", "*"), ("*:*", "*"), ("*", "arn:aws:*:*:*:*"), ("*:*", "acs:*:*:*:*"), ("*", "arn:*")]
        {
            assert_eq!(of(action, resource), ["administrator_policy"], "{action} {resource}");
        }
        for (action, resource) in [
            ("oss:*", "*"),
            ("*", "acs:oss:*:*:mine"),
            ("*", "arn:aws:s3:::*"),
            ("*:Describe*", "*"),
            ("*", "acs"),
            ("*", ""),
            ("", "*"),
        ] {
            assert!(of(action, resource).is_empty(), "{action} {resource}");
        }
    }

    #[test]
    fn all_but_some_is_nearly_all() {
        let of = |effect: &str, what: &str, on: &str| {
            let statement = serde_json::json!({ "Effect": effect, what: ["iam:*", "ram:*"], on: "*" });
            let text = serde_json::json!({ "policyDocument": { "Statement": [statement] } }).to_string();
            concerns(ChangeKind::Permission, "PutUserPolicy", &text)
        };
        assert_eq!(of("Allow", "NotAction", "Resource"), ["administrator_policy"]);
        assert!(of("Deny", "NotAction", "Resource").is_empty() && of("Allow", "Action", "Resource").is_empty());
    }

    #[test]
    fn a_policy_for_anybody_makes_public_unless_it_is_bound() {
        let of = |event_name: &str, statement: &str| {
            let text = format!(r#"{{"bucketPolicy":{{"Version":"2012-10-17","Statement":[{statement}]}}}}"#);
            concerns(ChangeKind::Permission, event_name, &text)
        };
        let get = r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*""#;
        for principal in [r#""*""#, r#"{"AWS":"*"}"#, r#"{"AWS":["arn:aws:iam::1:root","*"]}"#, r#"["*"]"#] {
            let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},{get}}}"#);
            assert_eq!(of("PutBucketPolicy", &statement), ["made_public"], "{principal}");
        }
        let role = r#"{"policyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"}]}"}"#;
        assert_eq!(concerns(ChangeKind::Permission, "UpdateAssumeRolePolicy", role), ["made_public"]);
        for harmless in [
            format!(
                r#"{{"Effect":"Deny","Principal":"*",{get},"Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}"#
            ),
            format!(r#"{{"Effect":"Deny","Principal":"*",{get}}}"#),
            format!(
                r#"{{"Effect":"Allow","Principal":"*",{get},"Condition":{{"StringEquals":{{"aws:PrincipalOrgID":"o-1"}}}}}}"#
            ),
            format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::1:root"}},{get}}}"#),
        ] {
            assert!(of("PutBucketPolicy", &harmless).is_empty(), "{harmless}");
        }
    }

    #[test]
    fn statements_are_not_mixed_up() {
        let of = |document: &str| {
            let text = serde_json::json!({ "policyDocument": document }).to_string();
            concerns(ChangeKind::Permission, "PutUserPolicy", &text)
        };
        // Nothing without a second factor: the most usual policy of all.
        let factor = r#"{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},
            {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;
        assert!(of(factor).is_empty());
        let lists = r#"{"Statement":{"Effect":"Allow","Action":["s3:GetObject","*"],"Resource":["*"]}}"#;
        assert_eq!(of(lists), ["administrator_policy"]);
    }

    #[test]
    fn a_narrowed_trail_is_seen_in_both_clouds() {
        use ChangeKind::Trail;
        assert_eq!(
            concerns(Trail, "UpdateTrail", r#"{"Name":"t","EventRW":"Read","TrailRegion":"All"}"#),
            ["narrowed"]
        );
        assert!(concerns(Trail, "UpdateTrail", r#"{"Name":"t","EventRW":"All"}"#).is_empty());
        let selectors = r#"{"eventSelectors":[{"readWriteType":"WriteOnly","includeManagementEvents":true}]}"#;
        assert_eq!(concerns(Trail, "PutEventSelectors", selectors), ["narrowed"]);
        assert_eq!(concerns(Trail, "UpdateTrail", r#"{"StartLogging":"false"}"#), ["stopped"]);
    }

    #[test]
    fn what_is_no_json_concerns_nobody() {
        assert!(concerns(ChangeKind::Trail, "UpdateTrail", "{\"EventRW\":").is_empty());
        let deep = "[".repeat(10_000);
        assert!(concerns(ChangeKind::Trail, "UpdateTrail", &deep).is_empty());
    }
}
