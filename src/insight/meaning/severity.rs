//! What makes an insight serious.
//!
//! ```text
//! rates     score below 25 informational, 25 low, 50 medium, 90 high;
//!           a level up if calls of high sensitivity are a fifth of all, a level up if a privileged identity made them,
//!           a level down for an API that only reads and was called by nobody privileged; drops are low at most;
//!           a level up for somebody on a network that was unknown to all, who calls what he never called
//! changes   trail: critical, or high if every attempt failed; a silence of the feed after one: critical;
//!           the own password: low, or medium from a network and at an hour new for the principal; else permission, password: high if a first that succeeded, low without history, else medium; attempts that all failed are
//!           told what they asked for, and so come a level below success;
//!           a level up if a privileged identity made them and there is a history to compare with;
//!           a level up for a grave concern, for any other one up to high
//! ```
//!
//! Sensitivity is the table in [`crate::event::sensitivity`]; privileged is [`crate::insight::Actor::is_privileged`];
//! concerns are those of [`crate::insight::requests::concern`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::detect::Direction;
use crate::detect::change::Reason;
use crate::event::sensitivity::{CallMeaning, Sensitivity};
use crate::insight::requests::concern;
use crate::insight::{Concern, Insight, InsightType};
use crate::rollup::Family;
use crate::severity::Severity;

/// Calls of high sensitivity count from this share of the calls on.
const SENSITIVE_SHARE: f64 = 0.2;

/// What a change was made to, as far as its severity goes by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// The audit trail.
    Trail,
    /// The caller's own password, and nothing else.
    OwnPassword,
    /// Permissions, other passwords and factors.
    Other,
}

impl Touched {
    /// What a change of a kind was made to; of passwords it must be known whose.
    pub const fn of(is_of_the_trail: bool, is_own_password: bool) -> Self {
        match (is_of_the_trail, is_own_password) {
            (true, _) => Self::Trail,
            (_, true) => Self::OwnPassword,
            _ => Self::Other,
        }
    }
}

/// What decides how serious a change is.
#[derive(Debug, Clone, Copy)]
pub struct ChangeFacts<'a> {
    /// What was changed.
    pub touched: Touched,
    /// Why it is reported.
    pub reason: Reason,
    /// Whether every attempt failed.
    pub all_failed: bool,
    /// Whether somebody made it who may do anything.
    pub is_privileged: bool,
    /// What makes it serious.
    pub concerns: &'a [Concern],
}

/// Whether attempts were made, and every one of them failed.
pub fn all_failed(errors: u64, attempts: u64) -> bool {
    attempts > 0 && errors == attempts
}

/// A step on the way to a severity: where it leads, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The severity from here on.
    pub severity: Severity,
    /// Why.
    pub why: &'static str,
}

/// How serious a change is, step by step; the first is what it is by itself, the last tells.
pub fn change_steps(facts: ChangeFacts<'_>) -> Vec<Step> {
    let mut steps = vec![first_step(facts)];
    if facts.is_privileged && facts.reason != Reason::NoHistory {
        add_step(&mut steps, |severity| severity.moved(1), "made by somebody who may do anything");
    }
    if let Some(gravest) = facts.concerns.first() {
        add_step(&mut steps, |severity| concern::raised(severity, facts.concerns), gravest.words());
    }
    steps
}

/// Adds a step, if it leads anywhere.
fn add_step(steps: &mut Vec<Step>, raised: impl Fn(Severity) -> Severity, why: &'static str) {
    let before = steps.last().map_or(Severity::Informational, |step| step.severity);
    let severity = raised(before);
    steps.extend((severity != before).then_some(Step { severity, why }));
}

fn first_step(facts: ChangeFacts<'_>) -> Step {
    let (severity, why) = match facts.reason {
        Reason::Silence => (Severity::Critical, "the feed fell silent after a change of the trail"),
        _ if facts.touched == Touched::Trail && facts.all_failed => {
            (Severity::High, "attempts on the trail that all failed")
        }
        _ if facts.touched == Touched::Trail => (Severity::Critical, "a change of the trail"),
        Reason::NoHistory => (Severity::Low, "without history to compare with"),
        _ if facts.touched == Touched::OwnPassword && is_out_of_the_ordinary(facts.concerns) => {
            (Severity::Medium, "of the caller's own password, from elsewhere and at another hour")
        }
        _ if facts.touched == Touched::OwnPassword => (Severity::Low, "of the caller's own password"),
        Reason::First if facts.all_failed => (Severity::Medium, "a first by this principal, and all of it failed"),
        Reason::First => (Severity::High, "a first by this principal that succeeded"),
        Reason::Grave => (Severity::Medium, "usual for this principal"),
        _ => (Severity::Medium, "more than this principal makes"),
    };
    Step { severity, why }
}

/// Whether neither the place nor the time are the principal's: somebody else may know its password.
fn is_out_of_the_ordinary(concerns: &[Concern]) -> bool {
    [Concern::UnusualNetwork, Concern::UnusualHour].iter().all(|concern| concerns.contains(concern))
}

/// The severity of an insight whose attributions and actor are known; `apis` are all that were called in it, with their calls, as far as
/// events tell them.
pub(in crate::insight) fn severity(insight: &Insight, apis: &BTreeMap<String, u64>) -> Severity {
    match insight.reason {
        Some(reason) => of_change(insight, reason),
        None => of_rate(insight, apis),
    }
}

fn of_rate(insight: &Insight, apis: &BTreeMap<String, u64>) -> Severity {
    let by_score = match insight.measured.score {
        score if score >= 90.0 => Severity::High,
        score if score >= 50.0 => Severity::Medium,
        score if score >= 25.0 => Severity::Low,
        _ => Severity::Informational,
    };
    // Silence is worth a look, and seldom an attack.
    if insight.direction == Direction::Down {
        return by_score.min(Severity::Low);
    }
    let privileged = is_privileged(insight);
    let intruding = insight.new_company.as_ref().is_some_and(|new| new.unknown_network && !new.apis.is_empty());
    let more = i32::from(is_sensitive(insight, apis)) + i32::from(privileged) + i32::from(intruding);
    by_score.moved(more - i32::from(only_reads(insight) && !privileged))
}

fn of_change(insight: &Insight, reason: Reason) -> Severity {
    let steps = change_steps(ChangeFacts {
        touched: Touched::of(insight.insight_type == InsightType::TrailConcealmentInsight, is_own_password(insight)),
        reason,
        all_failed: all_failed(insight.measured.errors, insight.measured.observed),
        is_privileged: is_privileged(insight),
        concerns: &insight.concerns,
    });
    steps.last().map_or(Severity::Informational, |step| step.severity)
}

fn is_privileged(insight: &Insight) -> bool {
    insight.actor.as_ref().is_some_and(crate::insight::Actor::is_privileged)
}

/// Whether nothing but the caller's own password was changed: whom it is of, such a request cannot say.
pub(super) fn is_own_password(insight: &Insight) -> bool {
    let apis = insight.apis();
    let own = || insight.own_api().map(|(_, name)| name);
    let mut names =
        apis.iter().filter_map(|api| api.rsplit('/').next()).chain(own().filter(|_| apis.is_empty())).peekable();
    insight.insight_type == InsightType::PasswordChangeInsight
        && names.peek().is_some()
        && names.all(changes_own_password)
}

/// Whether an API changes the password of its caller, and nobody else's.
pub fn changes_own_password(event_name: &str) -> bool {
    event_name == "ChangePassword"
}

/// Whether calls of high sensitivity are no accident among the insight's calls.
fn is_sensitive(insight: &Insight, apis: &BTreeMap<String, u64>) -> bool {
    let high = |api: &str| CallMeaning::of_api(api).sensitivity == Sensitivity::High;
    if apis.is_empty() {
        return insight.apis().into_iter().any(high);
    }
    let calls: u64 = apis.iter().filter(|(api, _)| high(api)).map(|(_, calls)| calls).sum();
    calls > 0 && calls as f64 >= SENSITIVE_SHARE * apis.values().sum::<u64>() as f64
}

fn only_reads(insight: &Insight) -> bool {
    let low = |api: &str| CallMeaning::of_api(api).sensitivity == Sensitivity::Low;
    insight.family == Family::Api && insight.apis().into_iter().all(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Actor;
    use crate::insight::Measured;
    use crate::insight::example::rate;

    fn severity_of(entity: &str, score: f64, actor: Option<&str>) -> Severity {
        let actor = actor.map(|name| Actor { kind: "role".into(), id: "1".into(), name: Some(name.into()) });
        let measured = Measured { score, ..rate().measured };
        severity(&Insight { measured, actor, entity: entity.into(), ..rate() }, &BTreeMap::new())
    }

    #[test]
    fn score_sensitivity_and_identity_add_up() {
        for (entity, score, actor, expected) in [
            ("Oss/GetObject", 20.0, None, Severity::Informational),
            ("Oss/GetObject", 30.0, None, Severity::Low),
            ("Oss/GetObject", 60.0, None, Severity::Medium),
            ("Oss/GetObject", 95.0, None, Severity::High),
            ("Ecs/DescribeInstances", 95.0, None, Severity::Medium),
            ("Ecs/DescribeInstances", 95.0, Some("ram-admin"), Severity::Critical),
            ("Ecs/DeleteInstance", 60.0, None, Severity::High),
            ("Ecs/DeleteInstance", 60.0, Some("ram-admin"), Severity::Critical),
            ("Ecs/DeleteInstance", 99.0, Some("ram-admin"), Severity::Critical),
        ] {
            assert_eq!(severity_of(entity, score, actor), expected, "{entity} {score} {actor:?}");
        }
    }

    #[test]
    fn harm_counts_however_many_apis_it_is_spread_over() {
        let of = |apis: &[(&str, u64)]| {
            let apis = apis.iter().map(|&(api, calls)| (api.to_owned(), calls)).collect();
            severity(
                &Insight {
                    measured: Measured { score: 60.0, ..rate().measured },
                    entity: "Ecs/DescribeInstances".into(),
                    family: Family::Principal,
                    ..rate()
                },
                &apis,
            )
        };
        let spread: Vec<String> = (0..44).map(|number| format!("Ecs/Delete{number}Item")).collect();
        let spread: Vec<(&str, u64)> = spread.iter().map(|api| (api.as_str(), 10)).collect();
        assert_eq!(of(&spread), of(&[("Ecs/DeleteItem", 440)]));
        assert_eq!(of(&spread), Severity::High);
        assert_eq!(of(&[("Ecs/DeleteItem", 19), ("Oss/GetObject", 81)]), Severity::Medium, "under a fifth");
    }

    #[test]
    fn an_attempt_at_all_rights_is_a_level_below_its_success() {
        let of = |all_failed| {
            let facts = ChangeFacts {
                touched: Touched::Other,
                reason: Reason::First,
                all_failed,
                is_privileged: false,
                concerns: &[Concern::AdministratorPolicy, Concern::SelfGrant],
            };
            change_steps(facts).last().map(|step| step.severity)
        };
        assert_eq!([of(false), of(true)], [Some(Severity::Critical), Some(Severity::High)]);
    }

    #[test]
    fn ones_own_password_is_no_attack_until_something_else_speaks_for_one() {
        let of = |api: &str, concerns: &[Concern]| {
            let insight = Insight {
                insight_type: InsightType::PasswordChangeInsight,
                family: Family::Change,
                reason: Some(Reason::First),
                fields: ["password", "Ram", api, "user", "7"].map(str::to_owned).to_vec(),
                concerns: concerns.to_vec(),
                attributions: Vec::new(),
                ..rate()
            };
            severity(&insight, &BTreeMap::new())
        };
        assert_eq!([of("ChangePassword", &[]), of("UpdateLoginProfile", &[])], [Severity::Low, Severity::High]);
        assert_eq!(of("ChangePassword", &[Concern::UnusualNetwork]), Severity::Medium);
        assert_eq!(of("ChangePassword", &[Concern::UnusualNetwork, Concern::UnusualHour]), Severity::High);
    }

    #[test]
    fn drops_are_low_at_most() {
        let measured = Measured { score: 99.0, ..rate().measured };
        let drop = Insight { measured, direction: Direction::Down, entity: "Ecs/DeleteInstance".into(), ..rate() };
        assert_eq!(severity(&drop, &BTreeMap::new()), Severity::Low);
    }

    #[test]
    fn changes_go_by_what_they_are() {
        use InsightType::{PolicyChangeInsight as Policy, TrailConcealmentInsight as Trail};
        let of = |insight_type, reason, errors, root: bool| {
            let actor = root.then(|| Actor { kind: "root".into(), id: "1".into(), name: None });
            let measured = Measured { observed: 2, errors, ..rate().measured };
            severity(&Insight { insight_type, reason: Some(reason), measured, actor, ..rate() }, &BTreeMap::new())
        };
        assert_eq!(of(Trail, Reason::Trail, 0, false), Severity::Critical);
        assert_eq!(of(Trail, Reason::Trail, 2, false), Severity::High);
        assert_eq!(of(Policy, Reason::First, 1, false), Severity::High);
        assert_eq!(of(Policy, Reason::First, 2, false), Severity::Medium);
        assert_eq!(of(Policy, Reason::First, 0, true), Severity::Critical);
        assert_eq!(of(Policy, Reason::NoHistory, 0, true), Severity::Low);
        assert_eq!(of(Policy, Reason::Unusual, 0, false), Severity::Medium);
    }
}
