//! MITRE ATT&CK as rules tell it, in their tags: `attack.persistence`, `attack.t1098.001`.

use crate::event::sensitivity::{name_of, tactic_named};

/// What a rule's tags say; of several the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tagged {
    pub(super) tactic: Option<String>,
    pub(super) technique: Option<String>,
    pub(super) technique_name: Option<String>,
}

impl Tagged {
    /// A technique whose name is not known goes by its identifier.
    pub(super) fn of(tags: &[String]) -> Self {
        let words = || tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
        let technique = words().find(|word| is_technique(word)).map(str::to_uppercase);
        Self {
            tactic: words().find_map(tactic_named).map(str::to_owned),
            technique_name: technique.as_deref().map(|uid| name_of(uid).unwrap_or(uid).to_owned()),
            technique,
        }
    }
}

/// `t1098`, `t1098.001`.
fn is_technique(word: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(number) = word.strip_prefix('t') else { return false };
    let (main, sub) = number.split_once('.').unwrap_or((number, "000"));
    digits(main, 4) && digits(sub, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{RuleSet, RuleSettings};

    fn tagged(tags: &[&str]) -> Tagged {
        Tagged::of(&tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_tactic_and_technique_count() {
        let found = tagged(&["cve.2020", "attack.persistence", "attack.t1098.001", "attack.impact", "attack.t1485"]);
        assert_eq!(found.tactic.as_deref(), Some("TA0003"));
        assert_eq!(found.technique.as_deref(), Some("T1098.001"));
        assert_eq!(found.technique_name.as_deref(), Some("Account Manipulation: Additional Cloud Credentials"));
        assert_eq!(tagged(&["attack.t9999"]).technique_name.as_deref(), Some("T9999"));
        assert_eq!(tagged(&["attack.t12", "attack.telnet", "attack.nonsense"]), Tagged::default());
    }

    #[test]
    fn every_built_in_tag_has_a_name() {
        let rules = RuleSet::load(&RuleSettings::default()).unwrap();
        for rule in rules.rules() {
            let found = Tagged::of(&rule.tags);
            assert_ne!(found.technique_name.is_some(), found.technique_name == found.technique, "{}", rule.id);
            let names = rule.tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
            for name in names.filter(|name| !is_technique(name)) {
                assert!(tactic_named(name).is_some(), "data/attack.csv has no tactic {name}, which {} names", rule.id);
            }
        }
    }
}
