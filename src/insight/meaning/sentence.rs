//! One plain sentence for a person: who did what, when, and what would have been usual.
//!
//! It must stand alone, in a pager or a ticket: so it holds the number, the time, the actor and the address where one explains what is odd, and
//! nothing that is not so of all calls without saying of how many. Names are whatever callers chose; they are cut and made harmless here.

use std::collections::BTreeMap;

use chrono::Duration;

use crate::detect::change::Reason;
use crate::detect::{Direction, Model};
use crate::insight::attribute::Attribute;
use crate::insight::events::evidence::{Evidence, Request};
use crate::insight::events::investigate::top;
use crate::insight::events::usual::Usual;
use crate::insight::meaning::actor::dominant_calls;
use crate::insight::meaning::attack::is_sign_in;
use crate::insight::meaning::new_company;
use crate::insight::meaning::severity::is_own_password;
use crate::insight::meaning::sign_ins::{let_in, succeeded};
use crate::insight::requests::changed::Object;
use crate::insight::requests::serious::is_same_user;
use crate::insight::{Actor, Attribution, Insight, InsightType};
use crate::rollup::Family;
use crate::shown::{OTHER, clipped, counted, number, span};
use crate::time::MINUTE_MS;

/// Addresses that a sentence names.
const NAMED_SOURCES: usize = 3;
/// The calls that stop a trail and start it again, in both clouds.
const STOPPED: &str = "StopLogging";
const STARTED: &str = "StartLogging";

/// The sentence of an insight.
pub(in crate::insight) fn sentence(insight: &Insight, evidence: &Evidence, usual: &Usual) -> String {
    match insight.insight_type {
        InsightType::TrailConcealmentInsight
        | InsightType::PolicyChangeInsight
        | InsightType::PasswordChangeInsight => change_sentence(insight, evidence),
        _ if insight.new_company.is_some() => new_company::sentence(insight, evidence),
        _ => rate_sentence(insight, evidence, usual),
    }
}

fn rate_sentence(insight: &Insight, evidence: &Evidence, usual: &Usual) -> String {
    let subject = subject(insight.family, &insight.entity, who(insight, evidence));
    let calls = counted(insight.measured.observed, "call", "calls");
    let times = counted(insight.measured.observed, "time", "times");
    let few = if insight.measured.observed == 0 { "no calls".to_owned() } else { format!("only {calls}") };
    let to = || most(evidence, insight.measured.observed);
    let by = || by(insight, evidence);
    let not_errors = || insight.insight_type != InsightType::ApiErrorRateInsight;
    let with_from = |aside: Option<Aside>| {
        let from = from(insight, evidence, usual);
        std::iter::once(aside)
            .chain(from)
            .chain([not_errors().then(|| failed(insight, evidence)).flatten()])
            .collect::<Vec<_>>()
    };
    let (did, asides) = match (insight.insight_type, insight.direction) {
        (InsightType::ApiErrorRateInsight, _) => {
            let (api, code) = (clipped(insight.apis().first().copied().unwrap_or_default()), clipped(&insight.object));
            match insight.direction {
                Direction::Up => {
                    let told = tried(insight, evidence).or_else(by);
                    (format!("{api} failed {times} with {code}"), with_from(told))
                }
                Direction::Down => (format!("{api} failed only {times} with {code}"), Vec::new()),
            }
        }
        (InsightType::IpInsight, Direction::Up) => {
            (format!("{subject} made {calls}"), vec![to(), by(), failed(insight, evidence)])
        }
        (InsightType::AkInsight | InsightType::PrincipalInsight, Direction::Up) => {
            (format!("{subject} made {calls}"), with_from(to()))
        }
        (InsightType::IpInsight | InsightType::AkInsight | InsightType::PrincipalInsight, Direction::Down) => {
            (format!("{subject} made {few}"), Vec::new())
        }
        (_, Direction::Up) => (format!("{subject} was called {times}"), with_from(by())),
        (_, Direction::Down) => (format!("{subject} got {few}"), Vec::new()),
    };
    let when = span(insight.start, insight.end);
    format!("{did}{} {when}; {}{}", told(asides), expectation(insight), let_in(insight, evidence))
}

/// Whom a sentence is about: a key as such, a principal by what it is called, anything else by itself.
pub(in crate::insight) fn subject(family: Family, entity: &str, called: Option<String>) -> String {
    match family {
        Family::AccessKey => format!("AccessKey {}", clipped(entity)),
        Family::Principal => called.unwrap_or_else(|| clipped(entity).into_owned()),
        _ => clipped(entity).into_owned(),
    }
}

/// Something that is true of all calls, or of most.
enum Aside {
    OfAll(String),
    OfMost(String),
}

/// The asides one after the other; commas close what is true of most.
fn told(asides: Vec<Option<Aside>>) -> String {
    let mut text = String::new();
    let mut is_open = false;
    for aside in asides.into_iter().flatten() {
        let comma = if is_open || matches!(aside, Aside::OfMost(_)) { "," } else { "" };
        is_open = matches!(aside, Aside::OfMost(_));
        let (Aside::OfAll(words) | Aside::OfMost(words)) = aside;
        text = format!("{text}{comma} {words}");
    }
    if is_open { text + "," } else { text }
}

/// `to Oss/GetObject` where all calls went there, `204 of them to Oss/GetObject` where most did.
fn most(evidence: &Evidence, all: u64) -> Option<Aside> {
    let (api, calls) = dominant_calls(evidence, Attribute::Api).filter(|(_, calls)| 2 * calls > all)?;
    let api = clipped(api);
    Some(if calls >= all {
        Aside::OfAll(format!("to {api}"))
    } else {
        Aside::OfMost(format!("{} of them to {api}", number(calls)))
    })
}

/// `by user svc-25` where all calls are theirs, `mostly by user svc-25` where most are.
fn by(insight: &Insight, evidence: &Evidence) -> Option<Aside> {
    let who = who(insight, evidence)?;
    let is_all =
        dominant_calls(evidence, Attribute::Principal).is_some_and(|(_, calls)| calls >= insight.measured.observed);
    let calls = actor_calls(insight, evidence);
    Some(match calls {
        _ if is_all => Aside::OfAll(format!("by {who}")),
        // Who explains what is odd need not be who calls most.
        Some(calls) if 2 * calls < insight.measured.observed => {
            Aside::OfMost(format!("{} of them by {who}", number(calls)))
        }
        _ => Aside::OfMost(format!("mostly by {who}")),
    })
}

/// The calls of who is behind it, as far as events tell.
fn actor_calls(insight: &Insight, evidence: &Evidence) -> Option<u64> {
    let actor = insight.actor.as_ref()?;
    evidence.values[Attribute::Principal].get(&format!("{}/{}", actor.kind, actor.id)).copied()
}

/// `from 203.0.113.77` where all calls came from there, and whether the week before knows it; `200 of all from 203.0.113.77` where it does not know one
/// that explains most of what is odd. What somebody did the nights before does not make his address known.
fn from(insight: &Insight, evidence: &Evidence, usual: &Usual) -> [Option<Aside>; 2] {
    let known = usual.values[Attribute::SourceAddress].as_ref().filter(|known| !known.is_empty());
    let is_new = |address: &str| known.is_some_and(|known| !known.contains_key(address) && !known.contains_key(OTHER));
    let unseen = |address: &str| evidence.unseen.addresses.get(address);
    let days = || counted(evidence.unseen.days as u64, "day", "days");
    let new = |address: &str| {
        Aside::OfMost(match unseen(address) {
            Some(first) if *first < insight.date => format!("which nobody used before {first}"),
            Some(_) => format!("which nobody used in the {} before", days()),
            None => "not seen with it in the week before".to_owned(),
        })
    };
    let is_new = |address: &str| unseen(address).is_some() || is_new(address);
    let all =
        dominant_calls(evidence, Attribute::SourceAddress).filter(|(_, calls)| *calls >= insight.measured.observed);
    if let Some((address, _)) = all {
        return [Some(Aside::OfAll(format!("from {}", clipped(address)))), is_new(address).then(|| new(address))];
    }
    let culprit = insight.attribution(Attribute::SourceAddress).and_then(Attribution::culprit);
    let Some(address) = culprit.filter(|address| is_new(address)) else { return [None, None] };
    let calls = number(evidence.values[Attribute::SourceAddress].get(address).copied().unwrap_or_default());
    [Some(Aside::OfMost(format!("{calls} of all from {}", clipped(address)))), Some(new(address))]
}

/// `180 of them failed`, where more did than did not; of sign-ins whose did not.
fn failed(insight: &Insight, evidence: &Evidence) -> Option<Aside> {
    let (failed, all) = (insight.measured.errors, insight.measured.observed);
    (2 * failed > all).then(|| match failed {
        failed if failed >= all => Aside::OfMost("all of them failed".to_owned()),
        failed => Aside::OfMost(format!("{} of them failed{}", number(failed), succeeded(evidence))),
    })
}

/// `for 45 users` of sign-ins that failed, of several.
fn tried(insight: &Insight, evidence: &Evidence) -> Option<Aside> {
    let users = evidence.values[Attribute::Principal].len() as u64;
    let is_sign_in = insight.apis().into_iter().any(is_sign_in);
    (is_sign_in && users > 1).then(|| Aside::OfMost(format!("for {} users", number(users))))
}

/// Who made the calls, if somebody did: a role with its session, where it was one.
pub(in crate::insight) fn who(insight: &Insight, evidence: &Evidence) -> Option<String> {
    let actor = insight.actor.as_ref()?;
    let session = evidence.names.session_of(&format!("{}/{}", actor.kind, actor.id));
    let session = session.map_or_else(String::new, |session| format!(" (session {})", clipped(session)));
    Some(actor.shown() + &session)
}

fn expectation(insight: &Insight) -> String {
    if insight.measured.days_hidden > 0 && matches!(insight.model, Some(Model::New | Model::Sparse)) {
        return as_far_as_known(insight);
    }
    match insight.model {
        Some(Model::New) if insight.measured.days_known == 0 => {
            format!("never seen before, first days usually hold up to {}", number(insight.measured.expected_upper))
        }
        Some(Model::New) => {
            format!(
                "new for {}, such days usually hold up to {}",
                counted(insight.measured.days_known as u64, "day", "days"),
                number(insight.measured.expected_upper)
            )
        }
        Some(Model::Sparse) => {
            format!(
                "not active day by day, its active days usually hold up to {}",
                number(insight.measured.expected_upper)
            )
        }
        // The hours of a day may be odd and their sum not.
        _ if (insight.measured.expected_lower..=insight.measured.expected_upper)
            .contains(&insight.measured.observed) =>
        {
            format!(
                "some of its hours are far from the usual, about {} in all",
                number(insight.measured.expected.round() as u64)
            )
        }
        _ => {
            format!("expected {}–{}", number(insight.measured.expected_lower), number(insight.measured.expected_upper))
        }
    }
}

/// What is expected of an entity that may have called on days whose counts do not name it.
fn as_far_as_known(insight: &Insight) -> String {
    let (known, days) = match (insight.model, insight.measured.days_known) {
        (Some(Model::Sparse), _) => ("not known to be active day by day".to_owned(), "its active days"),
        (_, 0) => ("not known from before".to_owned(), "first days"),
        (_, days) => (format!("known for {}", counted(days as u64, "day", "days")), "such days"),
    };
    format!(
        "{known}, for {} of history {} not counted in full; {days} usually hold up to {}",
        counted(insight.measured.days_hidden as u64, "day", "days"),
        if insight.measured.days_hidden == 1 { "was" } else { "were" },
        number(insight.measured.expected_upper)
    )
}

/// The entity of a silence is the last change of the trail before it.
fn silence_sentence(insight: &Insight) -> String {
    let who = insight.actor.as_ref().map_or_else(|| "someone".to_owned(), Actor::shown);
    let api = changed_with(insight);
    format!(
        "the feed of {} fell silent {}, where {} usual{}, after {who} touched the audit trail with {api} the day before",
        if insight.account.is_empty() { "no account" } else { &insight.account },
        silent_span(insight),
        counted(insight.measured.expected.round() as u64, "call is", "calls are"),
        if insight.measured.observed == 0 {
            String::new()
        } else {
            format!(" and {} came", number(insight.measured.observed))
        }
    )
}

/// When a feed was silent: in hours of the night's day, or on whole days before it.
fn silent_span(insight: &Insight) -> String {
    let (first, last) = (insight.start.date_naive(), (insight.end - Duration::minutes(1)).date_naive());
    match last < insight.date {
        false => span(insight.start, insight.end),
        true if first == last => format!("for all of {first}"),
        true => format!("from {first} to {last}"),
    }
}

/// What was done to the trail, where all calls did the same that has a word, and whether it was started again.
fn did_to_the_trail(evidence: &Evidence) -> String {
    let apis: Vec<&str> = evidence.values[Attribute::Api].keys().filter_map(|api| api.rsplit('/').next()).collect();
    let all = |word: &str| !apis.is_empty() && apis.iter().all(|api| *api == word || *api == STARTED);
    let words = [("StopLogging", "stopped the audit trail"), ("DeleteTrail", "deleted the audit trail")];
    let did = words.into_iter().find(|(word, _)| all(word)).map_or("touched the audit trail", |(_, said)| said);
    let again = started_again(&evidence.requests);
    let again = again.map_or_else(String::new, |minutes| {
        format!(" and started it again {} later", counted(minutes, "minute", "minutes"))
    });
    did.to_owned() + &again
}

/// The minutes for which trails were stopped, the longest, if each was started again after it was stopped last; requests stand in order of
/// time.
fn started_again(requests: &[Request]) -> Option<u64> {
    let of = |api: &'static str| requests.iter().filter(move |request| request.api == api);
    let stopped: Option<BTreeMap<_, i64>> = of(STOPPED).map(|request| Some((request.trail()?, request.time))).collect();
    let for_how_long = |(trail, stopped): (_, i64)| {
        let started =
            of(STARTED).find(|request| request.time >= stopped && request.trail().as_ref() == Some(&trail))?;
        Some((started.time - stopped).max(0) as u64 / MINUTE_MS as u64)
    };
    stopped?.into_iter().map(for_how_long).collect::<Option<Vec<u64>>>()?.into_iter().max()
}

/// ` from 203.0.113.77`, or from all or how many addresses there were: a change from another than its first is worth its name.
fn from_all(evidence: &Evidence) -> String {
    let sources = &evidence.values[Attribute::SourceAddress];
    let named: Vec<String> =
        top(sources, NAMED_SOURCES).iter().map(|(source, _)| clipped(source).into_owned()).collect();
    match &named[..] {
        [] => String::new(),
        _ if sources.contains_key(OTHER) => " from very many addresses".to_owned(),
        _ if sources.len() > NAMED_SOURCES => format!(" from {} addresses", number(sources.len() as u64)),
        [one] => format!(" from {one}"),
        [first @ .., last] => format!(" from {} and {last}", first.join(", ")),
    }
}

fn change_sentence(insight: &Insight, evidence: &Evidence) -> String {
    if insight.reason == Some(Reason::Silence) {
        return silence_sentence(insight);
    }
    let who = who(insight, evidence).unwrap_or_else(|| "someone".to_owned());
    let mut apis: Vec<String> =
        top(&evidence.values[Attribute::Api], 4).iter().map(|(api, calls)| about(evidence, api, *calls)).collect();
    if apis.is_empty() {
        // Events that are gone tell of no API; the entity is one.
        apis.push(changed_with(insight));
    }
    let more = evidence.values[Attribute::Api].len().saturating_sub(apis.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let outcome = match (insight.measured.errors, insight.measured.observed) {
        (0, _) => String::new(),
        (failed, all) if failed == all && all == 1 => " and failed".to_owned(),
        (failed, all) if failed == all => format!(" and failed all {all} times"),
        (failed, all) => format!(", {failed} of {all} calls failed"),
    };
    let from = from_all(evidence);
    let did = match insight.insight_type {
        InsightType::TrailConcealmentInsight => did_to_the_trail(evidence),
        InsightType::PolicyChangeInsight => "changed permissions".to_owned(),
        _ if is_own_password(insight) => "changed their own password".to_owned(),
        _ if is_of_others(insight) => "changed passwords or sign-in factors of others".to_owned(),
        _ => "changed passwords or sign-in factors".to_owned(),
    };
    let why = match insight.reason {
        // Of those whom no event names nobody knows what is a first.
        Some(Reason::First) if insight.actor.as_ref().is_some_and(Actor::is_nameless) => "",
        Some(Reason::First) => "; for the first time",
        Some(Reason::Unusual) => "; more often than usual",
        Some(Reason::NoHistory) if insight.measured.days_known == 0 => "; there is no history to compare with",
        Some(Reason::NoHistory) => "; there is too little history to compare with",
        _ => "",
    };
    let when = span(insight.start, insight.end);
    format!("{who} {did} with {}{more}{from} {when}{outcome}{why}", apis.join(", "))
}

/// Whether a request names a user who is not the caller.
fn is_of_others(insight: &Insight) -> bool {
    let Some(actor) = &insight.actor else { return false };
    let own = [actor.name.as_deref(), Some(actor.id.as_str())];
    let users = insight.changed.iter().flat_map(|changed| &changed.object.whom);
    users.into_iter().any(|user| !own.into_iter().flatten().any(|own| is_same_user(&user.name, own)))
}

/// The API of a change's entity, as `Service/EventName`: between the kind and the principal.
fn changed_with(insight: &Insight) -> String {
    insight.own_api().map_or_else(String::new, |(service, name)| clipped(&format!("{service}/{name}")).into_owned())
}

/// An API with how often it was called, and what about: `Ram/AttachPolicyToUser (policy ReadOnly for user bob)`.
fn about(evidence: &Evidence, api: &str, calls: u64) -> String {
    let objects =
        Some(evidence.objects.words(api)).filter(|words| !words.is_empty()).or_else(|| the_resource(evidence));
    let api = clipped(api);
    match (calls, objects) {
        (1, None) => api.into_owned(),
        (1, Some(objects)) => format!("{api} ({objects})"),
        (_, None) => format!("{api} ({} times)", number(calls)),
        (_, Some(objects)) => format!("{api} ({} times: {objects})", number(calls)),
    }
}

/// The one thing that all events are about, where requests do not name it.
fn the_resource(evidence: &Evidence) -> Option<String> {
    let is_all = |calls: u64| evidence.values[Attribute::Api].len() == 1 && calls >= evidence.calls();
    let (resource, _) = dominant_calls(evidence, Attribute::Resource).filter(|(_, calls)| is_all(*calls))?;
    Some(Object::resource(resource).words())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};

    use super::*;
    use crate::insight::Measured;
    use crate::insight::events::evidence::Unseen;
    use crate::insight::events::let_in::LetIn;

    #[test]
    fn calls_are_told_of_what_they_were_and_asides_are_closed() {
        let told = |insight_type, apis: &[(&str, u64)], principals: &[(&str, u64)]| {
            let mut evidence = Evidence::default();
            evidence.values[Attribute::Api] = apis.iter().map(|&(api, calls)| (api.to_owned(), calls)).collect();
            evidence.values[Attribute::Principal] =
                principals.iter().map(|&(who, calls)| (who.to_owned(), calls)).collect();
            let (family, entity) = match insight_type {
                InsightType::AkInsight => (Family::AccessKey, "203.0.113.77"),
                InsightType::IpInsight => (Family::SourceIp, "203.0.113.77"),
                _ => (Family::Api, "Oss/GetObject"),
            };
            let rate = crate::insight::example::rate();
            let insight = Insight { insight_type, family, entity: entity.to_owned(), ..rate };
            let sentence = sentence(&insight, &evidence, &Usual::default());
            sentence.split(" between ").next().unwrap().to_owned()
        };
        let (all, most) = ([("Oss/GetObject", 204)], [("Oss/GetObject", 150), ("Kms/Decrypt", 54)]);
        let (one, many) = ([("user/2389", 204)], [("user/2389", 190), ("user/7", 14)]);
        assert_eq!(told(InsightType::AkInsight, &all, &one), "AccessKey 203.0.113.77 made 204 calls to Oss/GetObject");
        assert_eq!(
            told(InsightType::AkInsight, &most, &one),
            "AccessKey 203.0.113.77 made 204 calls, 150 of them to Oss/GetObject,"
        );
        assert_eq!(
            told(InsightType::IpInsight, &most, &one),
            "203.0.113.77 made 204 calls, 150 of them to Oss/GetObject, by user svc-25"
        );
        assert_eq!(
            told(InsightType::IpInsight, &most, &many),
            "203.0.113.77 made 204 calls, 150 of them to Oss/GetObject, mostly by user svc-25,"
        );
        assert_eq!(
            told(InsightType::ApiCallRateInsight, &all, &many),
            "Oss/GetObject was called 204 times, mostly by user svc-25,"
        );
    }

    /// What is told of a role's calls from an address, where the week before knew others.
    #[test]
    fn an_address_and_a_session_that_all_calls_share_are_told() {
        let counted = |values: &[(&str, u64)]| values.iter().map(|&(value, calls)| (value.to_owned(), calls)).collect();
        let mut evidence =
            Evidence { names: [("role/9", "team-4:gus", 35)].into_iter().collect(), ..Evidence::default() };
        evidence.values[Attribute::Principal] = counted(&[("role/9", 35)]);
        evidence.values[Attribute::SourceAddress] = counted(&[("91.240.118.5", 35)]);
        let actor = crate::insight::Actor { kind: "role".into(), id: "9".into(), name: Some("team-4".into()) };
        let insight = Insight {
            insight_type: InsightType::ApiCallRateInsight,
            measured: Measured { observed: 35, ..crate::insight::example::rate().measured },
            actor: Some(actor),
            ..crate::insight::example::rate()
        };
        let told = |evidence: &Evidence, known: &[(&str, u64)]| {
            let mut usual = Usual::default();
            usual.values[Attribute::SourceAddress] = Some(counted(known));
            sentence(&insight, evidence, &usual).split(" between ").next().unwrap().to_owned()
        };
        let by = "Oss/GetObject was called 35 times by role team-4 (session gus) from 91.240.118.5";
        assert_eq!(told(&evidence, &[("10.0.0.1", 9)]), format!("{by}, not seen with it in the week before,"));
        assert_eq!(told(&evidence, &[("10.0.0.1", 9), ("91.240.118.5", 1)]), by);
        assert_eq!([told(&evidence, &[]), told(&evidence, &[("10.0.0.1", 9), (OTHER, 4)])], [by, by]);
        evidence.values[Attribute::SourceAddress] = counted(&[("91.240.118.5", 34), ("10.0.0.1", 1)]);
        assert!(!told(&evidence, &[]).contains("from"));
    }

    #[test]
    fn a_new_address_is_told_though_a_few_ordinary_calls_share_the_hour() {
        let counted = |values: &[(&str, u64)]| values.iter().map(|&(value, calls)| (value.to_owned(), calls)).collect();
        let mut evidence = Evidence::default();
        evidence.values[Attribute::SourceAddress] = counted(&[("62.4.4.4", 200), ("10.0.0.1", 4)]);
        evidence.values[Attribute::Api] = counted(&[("Oss/GetObject", 204)]);
        let mut insight = Insight {
            insight_type: InsightType::AkInsight,
            family: Family::AccessKey,
            entity: "LTAI5t".to_owned(),
            ..crate::insight::example::rate()
        };
        let addresses = insight.attributions.iter_mut().find(|found| found.attribute == Attribute::SourceAddress);
        let addresses = addresses.unwrap();
        (addresses.insight[0].value, addresses.most) = ("62.4.4.4".to_owned(), true);
        let told = |insight: &Insight, known: &[(&str, u64)]| {
            let mut usual = Usual::default();
            usual.values[Attribute::SourceAddress] = Some(counted(known));
            sentence(insight, &evidence, &usual).split(" between ").next().unwrap().to_owned()
        };
        let made = "AccessKey LTAI5t made 204 calls to Oss/GetObject";
        let new = ", 200 of all from 62.4.4.4, not seen with it in the week before,";
        assert_eq!(told(&insight, &[("10.0.0.1", 90)]), format!("{made}{new}"));
        assert_eq!(told(&insight, &[("10.0.0.1", 90), ("62.4.4.4", 2)]), made, "it is known");
        let mut nobodys = evidence.clone();
        let mut since = |first: NaiveDate| {
            nobodys.unseen = Unseen { addresses: [("62.4.4.4".to_owned(), first)].into(), days: 28 };
            sentence(&insight, &nobodys, &Usual::default())
        };
        let said = since(insight.date);
        assert!(said.contains(", 200 of all from 62.4.4.4, which nobody used in the 28 days before,"), "{said}");
        let said = since(insight.date - Duration::days(2));
        assert!(said.contains(", 200 of all from 62.4.4.4, which nobody used before 2026-01-27,"), "{said}");
        insight.attributions.iter_mut().for_each(|found| found.most = false);
        assert_eq!(told(&insight, &[("10.0.0.1", 90)]), made, "it does not explain most of it");
    }

    #[test]
    fn of_a_password_spray_the_users_are_counted_and_of_calls_the_failures() {
        let mut evidence = Evidence::default();
        evidence.values[Attribute::Principal] = (0..45).map(|user| (format!("user/{user}"), 2)).collect();
        let fields = ["AasSub", "ConsoleSignin", "InvalidPassword"].map(str::to_owned).to_vec();
        let errors = Insight {
            insight_type: InsightType::ApiErrorRateInsight,
            family: Family::ApiError,
            entity: fields.join("/"),
            object: "InvalidPassword".to_owned(),
            fields,
            measured: Measured { observed: 90, errors: 90, ..crate::insight::example::rate().measured },
            actor: None,
            ..crate::insight::example::rate()
        };
        let told = |insight: &Insight, evidence: &Evidence| {
            sentence(insight, evidence, &Usual::default()).split(" between ").next().unwrap().to_owned()
        };
        assert_eq!(
            told(&errors, &evidence),
            "AasSub/ConsoleSignin failed 90 times with InvalidPassword, for 45 users,"
        );
        let calls = Insight {
            insight_type: InsightType::ApiCallRateInsight,
            family: Family::Api,
            entity: "AasSub/ConsoleSignin".to_owned(),
            measured: Measured { observed: 91, ..errors.measured },
            ..errors.clone()
        };
        assert_eq!(told(&calls, &evidence), "AasSub/ConsoleSignin was called 91 times, 90 of them failed,");
        evidence.signed_in = [("user/7".to_owned(), 1)].into();
        evidence.names.add("user/7", "anna20", 3);
        let succeeded = "AasSub/ConsoleSignin was called 91 times, 90 of them failed and 1 by user anna20 succeeded,";
        assert_eq!(told(&calls, &evidence), succeeded);
        // At 11:52 of the example's day.
        let at = (calls.start + Duration::minutes(12)).timestamp_millis();
        let (address, who, names) = ("66.6.6.6".to_owned(), evidence.signed_in.clone(), evidence.names.clone());
        evidence.let_in = Some(LetIn { address, who, names, at });
        assert_eq!(told(&calls, &evidence), "AasSub/ConsoleSignin was called 91 times, 90 of them failed,");
        for insight in [&calls, &errors] {
            let said = sentence(insight, &evidence, &Usual::default());
            assert!(said.ends_with("; user anna20 signed in from 66.6.6.6 at 11:52 UTC"), "{said}");
        }
    }

    #[test]
    fn whose_password_it_was_is_told() {
        let told = |api: &str, user: Option<&str>| {
            let mut evidence = Evidence { span: (0, 1), minutes: vec![1], ..Evidence::default() };
            evidence.values[Attribute::Api] = [(format!("Ram/{api}"), 1)].into();
            if let Some(user) = user {
                let request = format!(r#"{{"UserName":"{user}"}}"#);
                evidence.look_at(crate::event::ChangeKind::Password, 0, api, &request);
            }
            let mut insight = Insight {
                insight_type: InsightType::PasswordChangeInsight,
                family: Family::Change,
                reason: Some(Reason::First),
                changed: evidence.objects.listed(),
                measured: Measured { errors: 0, ..crate::insight::example::rate().measured },
                ..crate::insight::example::rate()
            };
            insight.attributions = vec![Attribution {
                attribute: Attribute::Api,
                insight: vec![crate::insight::Share { average: 1.0, value: format!("Ram/{api}") }],
                baseline: None,
                broad: false,
                most: true,
            }];
            sentence(&insight, &evidence, &Usual::default()).split(" with ").next().unwrap().to_owned()
        };
        assert_eq!(told("ChangePassword", None), "user svc-25 changed their own password");
        let others = "user svc-25 changed passwords or sign-in factors of others";
        assert_eq!(told("UpdateLoginProfile", Some("dora3")), others);
        let own = "user svc-25 changed passwords or sign-in factors";
        assert_eq!(told("UpdateLoginProfile", Some("SVC-25@corp.example")), own);
    }

    #[test]
    fn a_change_says_what_was_changed_for_whom() {
        use InsightType::{PasswordChangeInsight, PolicyChangeInsight};
        let told = |insight_type, api: &str, requests: &[(&str, &str)], resources: &[(&str, u64)]| {
            let mut evidence = Evidence { span: (0, 1), minutes: vec![requests.len() as u32], ..Evidence::default() };
            evidence.values[Attribute::Api] = [(api.to_owned(), requests.len() as u64)].into();
            evidence.values[Attribute::Resource] =
                resources.iter().map(|&(name, calls)| (name.to_owned(), calls)).collect();
            let kind = match insight_type {
                InsightType::PasswordChangeInsight => crate::event::ChangeKind::Password,
                _ => crate::event::ChangeKind::Permission,
            };
            for (event, parameters) in requests {
                evidence.look_at(kind, 0, event, parameters);
            }
            let measured = Measured { errors: 0, ..crate::insight::example::rate().measured };
            let insight =
                Insight { insight_type, measured, reason: Some(Reason::First), ..crate::insight::example::rate() };
            sentence(&insight, &evidence, &Usual::default()).split(" between ").next().unwrap().to_owned()
        };
        let attach = r#"{"PolicyName":"AdministratorAccess","UserName":"support2"}"#;
        assert_eq!(
            told(PolicyChangeInsight, "Ram/AttachPolicyToUser", &[("AttachPolicyToUser", attach)], &[]),
            "user svc-25 changed permissions with Ram/AttachPolicyToUser (policy AdministratorAccess for user support2)"
        );
        let (one, other) = (r#"{"userName":"emil4"}"#, r#"{"userName":"fay5"}"#);
        let both = [("UpdateLoginProfile", one), ("UpdateLoginProfile", other)];
        assert_eq!(
            told(PasswordChangeInsight, "iam/UpdateLoginProfile", &both, &[]),
            "user svc-25 changed passwords or sign-in factors with iam/UpdateLoginProfile (2 times: user emil4; user fay5)"
        );
        // Where requests do not say it, the resource of all events does.
        assert_eq!(
            told(PolicyChangeInsight, "s3/PutBucketPolicy", &[("PutBucketPolicy", "{}")], &[("backups", 1)]),
            "user svc-25 changed permissions with s3/PutBucketPolicy (resource backups)"
        );
    }

    #[test]
    fn a_trail_that_was_started_again_is_told() {
        let told = |requests: &[(&str, i64)]| {
            let mut evidence = Evidence::default();
            for &(api, minute) in requests {
                evidence.look_at(crate::event::ChangeKind::Trail, minute * 60_000, api, r#"{"Name":"main"}"#);
                evidence.values[Attribute::Api].insert(format!("Actiontrail/{api}"), 1);
            }
            did_to_the_trail(&evidence)
        };
        let of = |requests: &[(&str, &str, i64)]| {
            let mut evidence = Evidence::default();
            for &(api, trail, minute) in requests {
                let parameters = format!(r#"{{"Name":"{trail}"}}"#);
                evidence.look_at(crate::event::ChangeKind::Trail, minute * 60_000, api, &parameters);
            }
            started_again(&evidence.requests)
        };
        assert_eq!(of(&[(STOPPED, "a", 1), (STARTED, "b", 2)]), None, "another trail was started");
        assert_eq!(of(&[(STOPPED, "", 1), (STARTED, "", 2)]), None, "nothing tells that it is the same");
        assert_eq!(of(&[(STOPPED, "a", 1), (STOPPED, "b", 2), (STARTED, "b", 3)]), None, "one is stopped still");
        assert_eq!(of(&[(STOPPED, "a", 1), (STOPPED, "b", 2), (STARTED, "b", 3), (STARTED, "a", 9)]), Some(8));
        assert_eq!(told(&[(STOPPED, 310)]), "stopped the audit trail");
        assert_eq!(
            told(&[(STOPPED, 310), (STARTED, 340)]),
            "stopped the audit trail and started it again 30 minutes later"
        );
        assert_eq!(told(&[(STARTED, 300), (STOPPED, 310)]), "stopped the audit trail");
        assert_eq!(told(&[("DeleteTrail", 1), (STOPPED, 2)]), "touched the audit trail");
    }

    #[test]
    fn whoever_it_is_about_cannot_fill_the_page() {
        let long = "x".repeat(10_000);
        for family in Family::RATED {
            let said = subject(family, &long, None);
            assert!(said.len() < 1000, "{family:?}: {} bytes", said.len());
        }
        assert_eq!(subject(Family::Principal, "user/1", Some("user eve".to_owned())), "user eve");
        assert_eq!(subject(Family::AccessKey, "LTAI1", Some("user eve".to_owned())), "AccessKey LTAI1");
    }

    #[test]
    fn a_change_hides_no_address() {
        let from = |sources: &[(&str, u64)]| {
            let mut evidence = Evidence::default();
            evidence.values[Attribute::SourceAddress] =
                sources.iter().map(|&(source, calls)| (source.to_owned(), calls)).collect();
            from_all(&evidence)
        };
        assert_eq!(from(&[]), "");
        assert_eq!(from(&[("10.0.0.1", 3)]), " from 10.0.0.1");
        assert_eq!(from(&[("10.0.0.1", 3), ("66.6.6.6", 1)]), " from 10.0.0.1 and 66.6.6.6");
        assert_eq!(from(&[("a", 1), ("b", 3), ("c", 2)]), " from b, c and a");
        assert_eq!(from(&[("a", 1), ("b", 3), ("c", 2), ("d", 9)]), " from 4 addresses");
        assert_eq!(from(&[("a", 1), (OTHER, 3)]), " from very many addresses");
    }

    #[test]
    fn a_silence_before_the_day_is_told_with_its_days() {
        let told = |start: &str, end: &str| {
            let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
            let date = "2026-01-29".parse().unwrap();
            silent_span(&Insight { date, start: moment(start), end: moment(end), ..crate::insight::example::rate() })
        };
        assert_eq!(told("2026-01-29T10:00:00Z", "2026-01-30T00:00:00Z"), "between 10:00 and 24:00 UTC");
        assert_eq!(told("2026-01-28T00:00:00Z", "2026-01-29T00:00:00Z"), "for all of 2026-01-28");
        assert_eq!(told("2026-01-26T00:00:00Z", "2026-01-29T00:00:00Z"), "from 2026-01-26 to 2026-01-28");
    }

    #[test]
    fn times_name_the_day_only_where_it_changes() {
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (start, end, said) in [
            ("2026-01-29T07:14:00Z", "2026-01-29T07:15:00Z", "at 07:14 UTC"),
            ("2026-01-29T07:14:00Z", "2026-01-29T08:00:00Z", "between 07:14 and 08:00 UTC"),
            ("2026-01-29T22:00:00Z", "2026-01-30T00:00:00Z", "between 22:00 and 24:00 UTC"),
            ("2026-01-29T22:00:00Z", "2026-01-30T01:00:00Z", "between 2026-01-29 22:00 and 2026-01-30 01:00 UTC"),
        ] {
            assert_eq!(span(moment(start), moment(end)), said);
        }
    }
}
