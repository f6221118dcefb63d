//! What became of the rules in a night: which ran, which could not, what matched, what was hidden and why.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::alert::RuleBook;
use crate::alert::day::DayAlerts;
use crate::insight::Severity;
use crate::rules::Refusal;
use crate::rules::replay::Hidden;
use crate::shown::counted;

/// The record of a night's rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RuleRecord {
    /// Rules that ran.
    pub rules: usize,
    /// Rules that the settings leave out.
    pub disabled: usize,
    /// What could not be used, with its place.
    pub refused: Vec<Refusal>,
    /// Events that were decided exactly.
    pub candidates: u64,
    /// Matches by rule, those that a whitelist hid left out; of correlations, the moments at which they fired.
    pub matches: BTreeMap<String, u64>,
    /// Matches of rules that raise nothing until they are tuned, by rule.
    pub waiting: BTreeMap<String, u64>,
    /// What whitelists hid.
    pub hidden: Vec<Hidden>,
    /// Members of correlations without a value to group by.
    pub without_group: u64,
    /// Members of correlations without a value that these measure.
    pub without_value: u64,
    /// Matches that were too many to be correlated or kept.
    pub beyond_limit: u64,
    /// Alerts by severity.
    pub alerts: BTreeMap<&'static str, usize>,
}

impl RuleRecord {
    /// The record of a day.
    pub fn new(book: &RuleBook, day: &DayAlerts) -> Self {
        let hits = book.rules.rules().iter().zip(&day.taken.hits).filter(|(_, hits)| **hits > 0);
        let waiting = (0..day.taken.hits.len()).filter(|&rule| book.waits(rule) && day.taken.hits[rule] > 0);
        let hidden = book.settings.whitelist.entries().iter().zip(&day.taken.hidden).filter(|(_, hidden)| **hidden > 0);
        let mut alerts = BTreeMap::new();
        for alert in &day.alerts {
            *alerts.entry(alert.severity.name()).or_default() += 1;
        }
        Self {
            rules: book.rules.rules().len(),
            disabled: book.rules.disabled().len(),
            refused: book.rules.refusals().to_vec(),
            candidates: day.looked.candidates,
            matches: hits.map(|(rule, &hits)| (rule.id.clone(), hits)).collect(),
            waiting: waiting.map(|rule| (book.rules.rules()[rule].id.clone(), day.taken.hits[rule])).collect(),
            hidden: hidden.map(|(entry, &matches)| Hidden { reason: entry.reason.clone(), matches }).collect(),
            without_group: day.taken.left_out.without_group,
            without_value: day.taken.left_out.without_value,
            beyond_limit: day.taken.left_out.beyond_limit + day.beyond,
            alerts,
        }
    }

    /// What a reader of the results should know.
    pub fn warnings(&self) -> Vec<String> {
        let mut said: Vec<String> = self.refused.iter().map(|refusal| format!("rule not used: {refusal}")).collect();
        if self.beyond_limit > 0 {
            let matches = counted(self.beyond_limit, "match of a rule was", "matches of rules were");
            said.push(format!("{matches} too many to be kept or correlated"));
        }
        said
    }

    /// Alerts of this severity.
    pub fn of_severity(&self, severity: Severity) -> usize {
        self.alerts.get(severity.name()).copied().unwrap_or_default()
    }
}
