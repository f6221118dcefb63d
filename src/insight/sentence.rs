//! One plain sentence for a person: who did what, when, and what would have been usual.

use chrono::{DateTime, Duration, Utc};

use crate::detect::change::Reason;
use crate::detect::{Direction, Model};
use crate::insight::actor::dominant;
use crate::insight::first_seen;
use crate::insight::investigate::{Evidence, top};
use crate::insight::{Actor, Insight, InsightType};

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
    let calls = number(insight.observed);
    let few = if insight.observed == 0 { "no calls".to_owned() } else { format!("only {calls} calls") };
    let actor = || insight.actor.as_ref().map(Actor::shown);
    let who = || actor().map_or(String::new(), |who| format!(", mostly by {who}"));
    let apis = || dominant(evidence, 4).map_or(String::new(), |api| format!(" to {api}"));
    let what = match (insight.insight_type, insight.direction) {
        (InsightType::ApiErrorRateInsight, _) => {
            let (api, code) = insight.entity.rsplit_once('/').unwrap_or((&insight.entity, ""));
            format!("{api} failed {calls} times with {code}{}", who())
        }
        (InsightType::IpInsight, Direction::Up) => format!("{} made {calls} calls{}{}", insight.object, apis(), who()),
        (InsightType::AkInsight, Direction::Up) => format!("AccessKey {} made {calls} calls{}", insight.object, apis()),
        (InsightType::PrincipalInsight, Direction::Up) => {
            format!("{} made {calls} calls{}", actor().unwrap_or_else(|| insight.entity.clone()), apis())
        }
        (InsightType::IpInsight, Direction::Down) => format!("{} made {few}", insight.object),
        (InsightType::AkInsight, Direction::Down) => format!("AccessKey {} made {few}", insight.object),
        (InsightType::PrincipalInsight, Direction::Down) => {
            format!("{} made {few}", actor().unwrap_or_else(|| insight.entity.clone()))
        }
        (_, Direction::Up) => format!("{} was called {calls} times{}", insight.entity, who()),
        (_, Direction::Down) => format!("{} got {few}", insight.entity),
    };
    format!("{what} {}; {}", span(insight.start, insight.end), expectation(insight))
}

fn expectation(insight: &Insight) -> String {
    match insight.model {
        Some(Model::New) if insight.days_known == 0 => {
            format!("never seen before, first days usually hold up to {}", number(insight.expected_upper))
        }
        Some(Model::New) => {
            format!(
                "new for {} days, such days usually hold up to {}",
                insight.days_known,
                number(insight.expected_upper)
            )
        }
        Some(Model::Sparse) => {
            format!("seldom seen, its active days usually hold up to {}", number(insight.expected_upper))
        }
        _ => format!("expected {}–{}", number(insight.expected_lower), number(insight.expected_upper)),
    }
}

/// The entity of a silence is the last change of the trail before it.
fn silence_sentence(insight: &Insight) -> String {
    let who = insight.actor.as_ref().map_or_else(|| "someone".to_owned(), Actor::shown);
    let api = insight.entity.splitn(4, '/').skip(1).take(2).collect::<Vec<_>>().join("/");
    format!(
        "the feed of {} fell silent {}, where {} calls are usual, after {who} touched the audit trail with {api} the day before",
        if insight.account.is_empty() { "no account" } else { &insight.account },
        span(insight.start, insight.end),
        number(insight.expected.round() as u64)
    )
}

fn change_sentence(insight: &Insight, evidence: &Evidence) -> String {
    if insight.reason == Some(Reason::Silence) {
        return silence_sentence(insight);
    }
    let who = insight.actor.as_ref().map_or_else(|| "someone".to_owned(), Actor::shown);
    let apis: Vec<String> = top(&evidence.values[4], 4).iter().map(|(api, calls)| times(api, *calls)).collect();
    let more = evidence.values[4].len().saturating_sub(apis.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let outcome = match (insight.errors, insight.observed) {
        (0, _) => String::new(),
        (failed, all) if failed == all && all == 1 => " and failed".to_owned(),
        (failed, all) if failed == all => format!(" and failed all {all} times"),
        (failed, all) => format!(", {failed} of {all} calls failed"),
    };
    let from = dominant(evidence, 2).map_or(String::new(), |source| format!(" from {source}"));
    let did = match insight.insight_type {
        InsightType::TrailConcealmentInsight => "touched the audit trail",
        InsightType::PolicyChangeInsight => "changed permissions",
        _ => "changed passwords or sign-in factors",
    };
    let why = match insight.reason {
        Some(Reason::First) => "; for the first time",
        Some(Reason::Unusual) => "; more often than usual",
        Some(Reason::NoHistory) => "; there is no history to compare with",
        _ => "",
    };
    let when = span(insight.start, insight.end);
    format!("{who} {did} with {}{more}{from} {when}{outcome}{why}", apis.join(", "))
}

fn times(api: &str, calls: u64) -> String {
    if calls == 1 { api.to_owned() } else { format!("{api} ({calls} times)") }
}

/// `between 16:32 and 16:34 UTC`, with the days where the two differ.
pub(crate) fn span(start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    if (end - start).num_minutes() <= 1 {
        return format!("at {} UTC", start.format("%H:%M"));
    }
    let last_minute = end - Duration::minutes(1);
    if last_minute.date_naive() != start.date_naive() {
        return format!("between {} and {} UTC", start.format("%Y-%m-%d %H:%M"), end.format("%Y-%m-%d %H:%M"));
    }
    let end = if end.date_naive() == start.date_naive() { end.format("%H:%M").to_string() } else { "24:00".to_owned() };
    format!("between {} and {end} UTC", start.format("%H:%M"))
}

/// `1,170`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 12, 999, 1170, 1_234_567].map(number), ["0", "12", "999", "1,170", "1,234,567"]);
    }
}
