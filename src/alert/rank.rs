//! In which order a day's alerts are shown: the serious before the mild, and of equals the rare before the common.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::alert::Alert;
use crate::alert::book::wants_tuning;
use crate::rules::RuleSet;

/// Orders alerts by severity; then those of rules with few alerts that day before those of rules with many, rules that want tuning
/// last; then by rule and time.
pub(super) fn rank(alerts: &mut [Alert], rules: &RuleSet) {
    let common: BTreeSet<&str> =
        rules.rules().iter().filter(|rule| wants_tuning(rule)).map(|rule| rule.id.as_str()).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for alert in &*alerts {
        *counts.entry(alert.rule_id.clone()).or_default() += 1;
    }
    alerts.sort_by_cached_key(|alert| {
        let rule = alert.rule_id.clone();
        let frequency = (common.contains(rule.as_str()), counts.get(&rule).copied().unwrap_or_default());
        (Reverse(alert.severity), frequency, rule, alert.first_time, alert.fingerprint, alert.alert_id)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::example::alert;
    use crate::insight::Severity;
    use crate::rules::RuleSettings;

    #[test]
    fn serious_goes_before_mild_and_rare_before_common() {
        let rules = RuleSet::load(&RuleSettings::default()).unwrap();
        let noisy = rules.rules().iter().find(|rule| wants_tuning(rule)).unwrap();
        let of = |rule: &str, severity| Alert { rule_id: rule.to_owned(), severity, ..alert() };
        let mut alerts = [
            of("c", Severity::Low),
            of(&noisy.id, Severity::High),
            of("a", Severity::High),
            of("a", Severity::High),
            of("b", Severity::High),
        ];
        rank(&mut alerts, &rules);
        let order: Vec<&str> = alerts.iter().map(|alert| alert.rule_id.as_str()).collect();
        assert_eq!(order, ["b", "a", "a", &noisy.id, "c"]);
    }
}
