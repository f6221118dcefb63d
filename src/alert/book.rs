//! The rules of a run with everything that evaluating them takes: compiled, with their settings and those of alerts.

use crate::alert::AlertSettings;
use crate::error::Result;
use crate::partition::ColumnOverrides;
use crate::rules::settings::names_rule;
use crate::rules::{Program, Rule, RuleSet, RuleSettings};

/// Changes when what is kept of matches does.
const FORMAT: u32 = 1;

/// The tag of rules that fire on ordinary days until somebody has told them what is ordinary.
const TUNE_FIRST: &str = "insights.tune-first";

/// Rules, ready to be evaluated.
#[derive(Debug)]
pub struct RuleBook {
    /// The rules.
    pub rules: RuleSet,
    /// The same, compiled.
    pub program: Program,
    /// Their settings.
    pub settings: RuleSettings,
    /// What is made of their matches.
    pub alerts: AlertSettings,
    fingerprint: String,
    waits: Vec<bool>,
}

impl RuleBook {
    /// Reads and compiles the rules that the settings name. Those that cannot be used are among the set's refusals.
    ///
    /// # Errors
    /// When a folder of rules cannot be listed.
    pub fn load(settings: &RuleSettings, alerts: &AlertSettings, columns: &ColumnOverrides) -> Result<Self> {
        Ok(Self::new(RuleSet::load(settings)?, settings, alerts, columns))
    }

    /// The book of a set of rules.
    pub fn new(rules: RuleSet, settings: &RuleSettings, alerts: &AlertSettings, columns: &ColumnOverrides) -> Self {
        let program = Program::compile(&rules);
        let fingerprint = fingerprint(&rules, &program, settings, columns);
        let waits = rules.rules().iter().map(|rule| wants_tuning(rule) && !is_tuned(rule, settings)).collect();
        Self { rules, program, settings: settings.clone(), alerts: alerts.clone(), fingerprint, waits }
    }

    /// A hash of everything that decides which events match: matches that were found under another one are not these rules'.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// How far before a day its correlations look, in milliseconds.
    pub fn look_back_ms(&self) -> i64 {
        self.rules.look_back_ms()
    }

    /// Whether a rule raises nothing until somebody has said what is ordinary for it.
    pub fn waits(&self, rule: usize) -> bool {
        self.waits[rule]
    }

    /// Whether there is a rule that must not be silent.
    pub fn watches_silence(&self) -> bool {
        let watched = |rule: &Rule| rule.extension.notify.no_data_ms().is_some();
        self.rules.rules().iter().enumerate().any(|(position, rule)| self.rules.reports(position) && watched(rule))
    }

    /// Whether correlations look at a rule's matches.
    pub fn is_member(&self, rule: usize) -> bool {
        !self.rules.links(rule).is_empty()
    }
}

/// Whether a rule fires on ordinary days until it is tuned.
pub(super) fn wants_tuning(rule: &Rule) -> bool {
    rule.tags.iter().any(|tag| tag == TUNE_FIRST)
}

/// Whether the settings enable a rule by name, override it, or say what a list of it stands for.
fn is_tuned(rule: &Rule, settings: &RuleSettings) -> bool {
    settings.enable.iter().any(|name| names_rule(name, rule))
        || settings.override_of(&rule.id, rule.extension.builtin.as_deref()).is_some()
        || rule.extension.parameters.values.keys().any(|name| settings.values.contains_key(name))
}

fn fingerprint(rules: &RuleSet, program: &Program, settings: &RuleSettings, columns: &ColumnOverrides) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: String| {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    add(format!("{FORMAT} {} {columns:?} {:?}", env!("CARGO_PKG_VERSION"), settings.hours));
    for (position, rule) in rules.rules().iter().enumerate() {
        add(format!("{} {:?} {:?}", rule.id, rule.body, program.captures(position)));
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::Scalar;
    use crate::rules::settings::Override;

    fn waiting(settings: &RuleSettings) -> Vec<String> {
        let book = RuleBook::load(settings, &AlertSettings::default(), &ColumnOverrides::new()).unwrap();
        let rules = book.rules.rules().iter().enumerate();
        rules.filter(|(position, _)| book.waits(*position)).map(|(_, rule)| rule.id.clone()).collect()
    }

    #[test]
    fn what_fires_on_ordinary_days_waits_until_it_is_tuned() {
        let all = waiting(&RuleSettings::default());
        assert!(all.len() >= 7, "{all:?}");
        let by_tag = RuleSettings { enable: vec![TUNE_FIRST.to_owned()], ..RuleSettings::default() };
        assert!(waiting(&by_tag).is_empty());
        let threshold = Override { threshold: Some(50.0), ..Override::default() };
        let by_override = RuleSettings { overrides: [(all[0].clone(), threshold)].into(), ..RuleSettings::default() };
        assert_eq!(waiting(&by_override), all[1..]);
        let networks = vec![Scalar::Text("10.0.0.0/8".to_owned())];
        let by_list =
            RuleSettings { values: [("allowed_networks".to_owned(), networks)].into(), ..RuleSettings::default() };
        assert!(waiting(&by_list).len() < all.len());
    }

    #[test]
    fn the_fingerprint_is_of_what_matches() {
        let fingerprint = |settings: &RuleSettings| {
            let book = RuleBook::load(settings, &AlertSettings::default(), &ColumnOverrides::new()).unwrap();
            book.fingerprint().to_owned()
        };
        let own = fingerprint(&RuleSettings::default());
        assert_eq!(own, fingerprint(&RuleSettings { enable: vec!["x".to_owned()], ..RuleSettings::default() }));
        assert_ne!(own, fingerprint(&RuleSettings { disable: vec!["low".to_owned()], ..RuleSettings::default() }));
    }
}
