//! One plain sentence for a person: who did what, when, and what would have been usual.

use std::collections::BTreeMap;

use crate::detect::change::Reason;
use crate::detect::{Direction, Model};
use crate::insight::actor::{dominant, dominant_calls};
use crate::insight::first_seen;
use crate::insight::investigate::{Evidence, top};
use crate::insight::{Actor, Insight, InsightType};
use crate::rollup::Family;
use crate::shown::{clipped, counted, number, span};

/// The places of the principal and the API among [`ATTRIBUTES`](crate::insight::investigate::ATTRIBUTES).
const PRINCIPAL: usize = 0;
const API: usize = 4;

/// The sentence of an insight.
pub(super) fn sentence(insight: &Insight, evidence: &Evidence) -> String {
    match insight.insight_type {
        InsightType::TrailConcealmentInsight
        | InsightType::PolicyChangeInsight
        | InsightType::PasswordChangeInsight => change_sentence(insight, evidence),
        _ if insight.new_company.is_some() => first_seen::sentence(insight),
        _ => rate_sentence(insight, evidence),
    }
}

fn rate_sentence(insight: &Insight, evidence: &Evidence) -> String {
    let subject = insight.subject();
    let calls = counted(insight.observed, "call", "calls");
    let times = counted(insight.observed, "time", "times");
    let few = if insight.observed == 0 { "no calls".to_owned() } else { format!("only {calls}") };
    let to = || most(evidence, insight.observed);
    let by = || by(insight, evidence);
    let (did, asides) = match (insight.insight_type, insight.direction) {
        (InsightType::ApiErrorRateInsight, _) => {
            let (api, code) = (clipped(insight.apis().first().copied().unwrap_or_default()), clipped(&insight.object));
            match insight.direction {
                Direction::Up => (format!("{api} failed {times} with {code}"), vec![by()]),
                Direction::Down => (format!("{api} failed only {times} with {code}"), Vec::new()),
            }
        }
        (InsightType::IpInsight, Direction::Up) => (format!("{subject} made {calls}"), vec![to(), by()]),
        (InsightType::AkInsight | InsightType::PrincipalInsight, Direction::Up) => {
            (format!("{subject} made {calls}"), vec![to()])
        }
        (InsightType::IpInsight | InsightType::AkInsight | InsightType::PrincipalInsight, Direction::Down) => {
            (format!("{subject} made {few}"), Vec::new())
        }
        (_, Direction::Up) => (format!("{subject} was called {times}"), vec![by()]),
        (_, Direction::Down) => (format!("{subject} got {few}"), Vec::new()),
    };
    format!("{did}{} {}; {}", told(asides), span(insight.start, insight.end), expectation(insight))
}

/// Whom a sentence is about: a key as such, a principal by what it is called, anything else by itself.
pub(super) fn subject(family: Family, entity: &str, called: Option<String>) -> String {
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
    let (api, calls) = dominant_calls(evidence, API)?;
    let api = clipped(api);
    Some(if calls >= all {
        Aside::OfAll(format!("to {api}"))
    } else {
        Aside::OfMost(format!("{} of them to {api}", number(calls)))
    })
}

/// `by user svc-25` where all calls are theirs, `mostly by user svc-25` where most are.
fn by(insight: &Insight, evidence: &Evidence) -> Option<Aside> {
    let who = insight.actor.as_ref().map(Actor::shown)?;
    let is_all = dominant_calls(evidence, PRINCIPAL).is_some_and(|(_, calls)| calls >= insight.observed);
    Some(if is_all { Aside::OfAll(format!("by {who}")) } else { Aside::OfMost(format!("mostly by {who}")) })
}

fn expectation(insight: &Insight) -> String {
    if insight.days_hidden > 0 && matches!(insight.model, Some(Model::New | Model::Sparse)) {
        return as_far_as_known(insight);
    }
    match insight.model {
        Some(Model::New) if insight.days_known == 0 => {
            format!("never seen before, first days usually hold up to {}", number(insight.expected_upper))
        }
        Some(Model::New) => {
            format!(
                "new for {}, such days usually hold up to {}",
                counted(insight.days_known as u64, "day", "days"),
                number(insight.expected_upper)
            )
        }
        Some(Model::Sparse) => {
            format!("not active day by day, its active days usually hold up to {}", number(insight.expected_upper))
        }
        // The hours of a day may be odd and their sum not.
        _ if (insight.expected_lower..=insight.expected_upper).contains(&insight.observed) => {
            format!(
                "some of its hours are far from the usual, about {} in all",
                number(insight.expected.round() as u64)
            )
        }
        _ => format!("expected {}–{}", number(insight.expected_lower), number(insight.expected_upper)),
    }
}

/// What is expected of an entity that may have called on days whose counts do not name it.
fn as_far_as_known(insight: &Insight) -> String {
    let (known, days) = match (insight.model, insight.days_known) {
        (Some(Model::Sparse), _) => ("not known to be active day by day".to_owned(), "its active days"),
        (_, 0) => ("not known from before".to_owned(), "first days"),
        (_, days) => (format!("known for {}", counted(days as u64, "day", "days")), "such days"),
    };
    format!(
        "{known}, for {} of history {} not counted in full; {days} usually hold up to {}",
        counted(insight.days_hidden as u64, "day", "days"),
        if insight.days_hidden == 1 { "was" } else { "were" },
        number(insight.expected_upper)
    )
}

/// The entity of a silence is the last change of the trail before it.
fn silence_sentence(insight: &Insight) -> String {
    let who = insight.actor.as_ref().map_or_else(|| "someone".to_owned(), Actor::shown);
    let api = changed_with(insight);
    format!(
        "the feed of {} fell silent {}, where {} usual, after {who} touched the audit trail with {api} the day before",
        if insight.account.is_empty() { "no account" } else { &insight.account },
        span(insight.start, insight.end),
        counted(insight.expected.round() as u64, "call is", "calls are")
    )
}

/// What was done to the trail, where all calls did the same that has a word.
fn did_to_the_trail(apis: &BTreeMap<String, u64>) -> &'static str {
    let all = |word: &str| !apis.is_empty() && apis.keys().all(|api| api.rsplit('/').next() == Some(word));
    let words = [("StopLogging", "stopped the audit trail"), ("DeleteTrail", "deleted the audit trail")];
    words.into_iter().find(|(word, _)| all(word)).map_or("touched the audit trail", |(_, said)| said)
}

fn change_sentence(insight: &Insight, evidence: &Evidence) -> String {
    if insight.reason == Some(Reason::Silence) {
        return silence_sentence(insight);
    }
    let who = insight.actor.as_ref().map_or_else(|| "someone".to_owned(), Actor::shown);
    let mut apis: Vec<String> = top(&evidence.values[API], 4).iter().map(|(api, calls)| times(api, *calls)).collect();
    if apis.is_empty() {
        // Events that are gone tell of no API; the entity is one.
        apis.push(changed_with(insight));
    }
    let more = evidence.values[API].len().saturating_sub(apis.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let outcome = match (insight.errors, insight.observed) {
        (0, _) => String::new(),
        (failed, all) if failed == all && all == 1 => " and failed".to_owned(),
        (failed, all) if failed == all => format!(" and failed all {all} times"),
        (failed, all) => format!(", {failed} of {all} calls failed"),
    };
    let from = dominant(evidence, 2).map_or(String::new(), |source| format!(" from {}", clipped(&source)));
    let did = match insight.insight_type {
        InsightType::TrailConcealmentInsight => did_to_the_trail(&evidence.values[API]),
        InsightType::PolicyChangeInsight => "changed permissions",
        _ => "changed passwords or sign-in factors",
    };
    let why = match insight.reason {
        Some(Reason::First) => "; for the first time",
        Some(Reason::Unusual) => "; more often than usual",
        Some(Reason::NoHistory) if insight.days_known == 0 => "; there is no history to compare with",
        Some(Reason::NoHistory) => "; there is too little history to compare with",
        _ => "",
    };
    let when = span(insight.start, insight.end);
    format!("{who} {did} with {}{more}{from} {when}{outcome}{why}", apis.join(", "))
}

/// The API of a change's entity, as `Service/EventName`: between the kind and the principal.
fn changed_with(insight: &Insight) -> String {
    insight.own_api().map_or_else(String::new, |(service, name)| clipped(&format!("{service}/{name}")).into_owned())
}

fn times(api: &str, calls: u64) -> String {
    let api = clipped(api);
    if calls == 1 { api.into_owned() } else { format!("{api} ({calls} times)") }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn calls_are_told_of_what_they_were_and_asides_are_closed() {
        let told = |insight_type, apis: &[(&str, u64)], principals: &[(&str, u64)]| {
            let mut evidence = Evidence::default();
            evidence.values[API] = apis.iter().map(|&(api, calls)| (api.to_owned(), calls)).collect();
            evidence.values[PRINCIPAL] = principals.iter().map(|&(who, calls)| (who.to_owned(), calls)).collect();
            let (family, entity) = match insight_type {
                InsightType::AkInsight => (Family::AccessKey, "203.0.113.77"),
                InsightType::IpInsight => (Family::SourceIp, "203.0.113.77"),
                _ => (Family::Api, "Oss/GetObject"),
            };
            let rate = crate::insight::example::rate();
            let insight = Insight { insight_type, family, entity: entity.to_owned(), ..rate };
            let sentence = sentence(&insight, &evidence);
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
