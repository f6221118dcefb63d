//! How much harm a call can do, and which ATT&CK technique it would serve.
//!
//! The judgement is data, `data/sensitivity.csv`, read from the top: the first line whose service and event name match counts.
//! A `*` at one end of a pattern, or in its middle, stands for any text; services are compared without case. Names of
//! tactics and techniques are in `data/attack.csv`.

use std::sync::LazyLock;

use serde::Serialize;

static RULES: &str = include_str!("../../data/sensitivity.csv");
static NAMES: &str = include_str!("../../data/attack.csv");

/// How much harm a call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensitivity {
    /// Plain reading of what exists.
    Low,
    /// Anything that no line of the table singles out.
    Normal,
    /// Destroys, grants, exposes or executes.
    High,
}

/// A tactic or technique of MITRE ATT&CK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AttackTerm {
    /// Its identifier, such as `TA0040` or `T1485`.
    pub uid: &'static str,
    /// Its name.
    pub name: &'static str,
}

impl AttackTerm {
    /// The tactic or technique of that identifier; one that `data/attack.csv` lacks goes by its identifier.
    pub fn of(uid: &'static str) -> Self {
        Self { uid, name: name_of(uid).unwrap_or(uid) }
    }
}

/// The names in `data/attack.csv`, by identifier.
fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.lines().filter_map(|line| line.split_once(','))
}

/// The name of the tactic or technique of an identifier.
pub fn name_of(uid: &str) -> Option<&'static str> {
    names().find(|(known, _)| *known == uid).map(|(_, name)| name)
}

/// The identifier of the tactic that a rule's tag names, as `defense-evasion`.
pub fn tactic_named(word: &str) -> Option<&'static str> {
    let hyphened = |name: &str| name.to_ascii_lowercase().replace(' ', "-");
    let word = word.replace('_', "-");
    names().find(|(uid, name)| uid.starts_with("TA") && hyphened(name) == word).map(|(uid, _)| uid)
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
struct Rule {
    service: &'static str,
    event_name: &'static str,
    meaning: CallMeaning,
}

/// What a call may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallMeaning {
    /// How much harm it can do.
    pub sensitivity: Sensitivity,
    /// The identifier of the tactic.
    pub tactic: &'static str,
    /// The identifier of the technique.
    pub technique: &'static str,
}

impl CallMeaning {
    /// The meaning of an API written `Service/EventName`.
    pub fn of_api(api: &str) -> Self {
        static TABLE: LazyLock<Vec<Rule>> = LazyLock::new(|| RULES.lines().skip(1).filter_map(rule).collect());
        let (service, event_name) = api.split_once('/').unwrap_or(("", api));
        let service = service.to_ascii_lowercase();
        let found = TABLE.iter().find(|rule| matches(rule.service, &service) && matches(rule.event_name, event_name));
        found.map_or(Self { sensitivity: Sensitivity::Normal, tactic: "TA0001", technique: "T1078.004" }, |rule| {
            rule.meaning
        })
    }
}

fn rule(line: &'static str) -> Option<Rule> {
    let fields: Vec<&str> = line.split(',').collect();
    let [service, event_name, sensitivity, tactic, technique] = fields[..] else { return None };
    let sensitivity = match sensitivity {
        "low" => Sensitivity::Low,
        "normal" => Sensitivity::Normal,
        "high" => Sensitivity::High,
        _ => return None,
    };
    Some(Rule { service, event_name, meaning: CallMeaning { sensitivity, tactic, technique } })
}

/// Whether a text is as the pattern says; at most one `*` in it stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_matches_counts() {
        for (api, sensitivity, technique) in [
            ("Ecs/DeleteInstance", Sensitivity::High, "T1485"),
            ("Ram/DeleteUser", Sensitivity::High, "T1531"),
            ("iam/AttachRolePolicy", Sensitivity::High, "T1098.003"),
            ("iam/DeactivateMFADevice", Sensitivity::High, "T1556.006"),
            ("Ecs/DescribeInstances", Sensitivity::Low, "T1580"),
            ("Oss/GetObject", Sensitivity::Normal, "T1530"),
            ("secretsmanager/GetSecretValue", Sensitivity::High, "T1555.006"),
            ("Some/Unheard", Sensitivity::Normal, "T1078.004"),
            ("NoService", Sensitivity::Normal, "T1078.004"),
        ] {
            let found = CallMeaning::of_api(api);
            assert_eq!((found.sensitivity, found.technique), (sensitivity, technique), "{api}");
        }
    }

    #[test]
    fn every_line_can_be_read_and_every_name_is_known() {
        let lines = RULES.lines().skip(1).count();
        let rules: Vec<Rule> = RULES.lines().skip(1).filter_map(rule).collect();
        assert_eq!(rules.len(), lines);
        for rule in rules {
            for uid in [rule.meaning.tactic, rule.meaning.technique] {
                assert_ne!(AttackTerm::of(uid).name, uid, "data/attack.csv lacks {uid}");
            }
            assert!(rule.event_name.matches('*').count() <= 1 && rule.service.matches('*').count() <= 1);
        }
        assert!(
            rule("ecs,DeleteInstance,hihg,TA0040,T1485").is_none(),
            "a slip is no line, and a line that is none is found here"
        );
    }

    #[test]
    fn a_star_stands_for_any_text_once() {
        assert!(matches("Attach*Policy", "AttachUserPolicy") && !matches("Attach*Policy", "AttachUser"));
        assert!(matches("*MFADevice", "UnbindMFADevice") && !matches("ab*ba", "aba"));
    }
}
