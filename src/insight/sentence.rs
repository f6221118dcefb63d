//! One plain sentence for a person: who did what, when, and what would have been usual.

use chrono::{DateTime, Utc};

use crate::detect::change::Reason;
use crate::detect::{Direction, Model};
use crate::insight::investigate::{Evidence, top};
use crate::insight::{Insight, InsightType};

/// From this share of the calls on, one value speaks for all.
const SPEAKS_FOR_ALL: f64 = 0.6;

/// The sentence of an insight.
pub(super) fn sentence(insight: &Insight, evidence: &Evidence) -> String {
    match insight.insight_type {
        InsightType::TrailConcealmentInsight
        | InsightType::PolicyChangeInsight
        | InsightType::PasswordChangeInsight => change_sentence(insight, evidence),
        _ => rate_sentence(insight, evidence),
    }
}

fn rate_sentence(insight: &Insight, evidence: &Evidence) -> String {
    let calls = number(insight.observed);
    let few = if insight.observed == 0 { "no calls".to_owned() } else { format!("only {calls} calls") };
    let who = || principal(evidence).map_or(String::new(), |who| format!(", mostly by {who}"));
    let apis = || dominant(evidence, 4).map_or(String::new(), |api| format!(" to {api}"));
    let what = match (insight.insight_type, insight.direction) {
        (InsightType::ApiErrorRateInsight, _) => {
            let (api, code) = insight.entity.rsplit_once('/').unwrap_or((&insight.entity, ""));
            format!("{api} failed {calls} times with {code}{}", who())
        }
        (InsightType::IpInsight, Direction::Up) => format!("{} made {calls} calls{}{}", insight.object, apis(), who()),
        (InsightType::AkInsight, Direction::Up) => format!("AccessKey {} made {calls} calls{}", insight.object, apis()),
        (InsightType::PrincipalInsight, Direction::Up) => {
            format!("{} made {calls} calls{}", principal(evidence).unwrap_or_else(|| insight.entity.clone()), apis())
        }
        (InsightType::IpInsight, Direction::Down) => format!("{} made {few}", insight.object),
        (InsightType::AkInsight, Direction::Down) => format!("AccessKey {} made {few}", insight.object),
        (InsightType::PrincipalInsight, Direction::Down) => format!("{} made {few}", insight.entity),
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

fn change_sentence(insight: &Insight, evidence: &Evidence) -> String {
    let who = principal(evidence).unwrap_or_else(|| "someone".to_owned());
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

/// The value that most calls have, if one does.
fn dominant(evidence: &Evidence, attribute: usize) -> Option<String> {
    let values = &evidence.values[attribute];
    let total: u64 = values.values().sum();
    let (value, calls) = *top(values, 1).first()?;
    (calls as f64 >= SPEAKS_FOR_ALL * total as f64).then(|| value.to_owned())
}

/// The principal behind most calls, by kind and, where events tell it, by name.
fn principal(evidence: &Evidence) -> Option<String> {
    let label = dominant(evidence, 0)?;
    let (kind, id) = label.split_once('/')?;
    if kind == "root" {
        return Some(format!("root of {id}"));
    }
    let name = top(&evidence.names, 1).first().map(|(name, _)| name.split(':').next().unwrap_or(name).to_owned());
    Some(format!("{kind} {}", name.unwrap_or_else(|| id.to_owned())))
}

/// `between 16:32 and 16:34`, with the day where the two differ.
fn span(start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    if (end - start).num_minutes() <= 1 {
        return format!("at {}", start.format("%H:%M"));
    }
    let end = if end.date_naive() == start.date_naive() { end.format("%H:%M").to_string() } else { "24:00".to_owned() };
    format!("between {} and {end}", start.format("%H:%M"))
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
    fn numbers_are_grouped() {
        assert_eq!([0, 12, 999, 1170, 1_234_567].map(number), ["0", "12", "999", "1,170", "1,234,567"]);
    }
}
