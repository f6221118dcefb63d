//! The metrics of a run in Prometheus' text format, for a node exporter's textfile collector.
//!
//! All are gauges about the last run. The names, labels and units here are a contract with whoever alerts on them.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, NaiveTime, Utc};

use crate::insight::{Insight, Severity};
use crate::quality::FlawKind;
use crate::report::NightRecord;

/// What a run came to.
#[derive(Debug, Default)]
pub struct RunMetrics<'run> {
    /// The nights that were finished, in their order.
    pub nights: Vec<(&'run NightRecord, &'run [Insight])>,
    /// Nights that were left out, as nothing of their events could be used.
    pub left_out: usize,
    /// The process's exit code.
    pub exit_code: u8,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The most memory it held, in bytes, where the system tells.
    pub peak_memory: Option<u64>,
    /// The most it was meant to hold, in bytes, where somebody said so.
    pub memory_limit: Option<u64>,
}

/// A metric: name, what it says, and its samples by label.
type Metric = (&'static str, &'static str, Vec<(String, f64)>);

impl RunMetrics<'_> {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, help, samples) in self.of_run().into_iter().chain(self.of_nights()) {
            let _ = writeln!(text, "# HELP insights_{name} {help}\n# TYPE insights_{name} gauge");
            for (labels, value) in samples {
                let _ = writeln!(text, "insights_{name}{labels} {value}");
            }
        }
        text
    }

    fn of_run(&self) -> Vec<Metric> {
        let refused = self.nights.iter().any(|(record, _)| !record.rules.refused.is_empty());
        let succeeded = matches!(self.exit_code, 0 | 1 | 4) || self.exit_code == 2 && refused;
        let mut metrics = vec![
            one("run_end_timestamp_seconds", "When the last run ended, Unix time.", self.ended.timestamp() as f64),
            one("run_duration_seconds", "How long the last run took.", self.seconds),
            one("run_exit_code", "Exit code of the last run.", f64::from(self.exit_code)),
            one("run_success", "1 if the last run judged its days, else 0.", f64::from(u8::from(succeeded))),
        ];
        if let Some(bytes) = self.peak_memory {
            metrics.push(one("run_peak_memory_bytes", "The most memory that the last run held.", bytes as f64));
        }
        if let Some(bytes) = self.memory_limit {
            metrics.push(one("run_memory_limit_bytes", "The most memory that it was meant to hold.", bytes as f64));
        }
        metrics
    }

    fn of_nights(&self) -> Vec<Metric> {
        let Some((last, _)) = self.nights.last() else { return Vec::new() };
        let sum =
            |pick: fn(&NightRecord) -> u64| self.nights.iter().map(|(record, _)| pick(record)).sum::<u64>() as f64;
        let judged = last.date.and_time(NaiveTime::MIN).and_utc().timestamp() as f64;
        vec![
            one("judged_days", "Days that the last run judged.", self.nights.len() as f64),
            one("left_out_days", "Days that the last run had to leave out.", self.left_out as f64),
            one("judged_day_timestamp_seconds", "Begin of the newest judged day, Unix time.", judged),
            one("events", "Events read of the judged days.", sum(|record| record.counts.events)),
            one("failed_events", "Failed calls among them.", sum(|record| record.counts.errors)),
            one("history_days", "Days that the newest judged day was compared with.", last.days_of_history as f64),
            one("history_missing_days", "Days of its baseline without events.", last.missing_days.len() as f64),
            one(
                "judged_again_days",
                "Earlier days that were judged again.",
                sum(|record| record.judged_again.len() as u64),
            ),
            one("stale_days", "Days whose results do not stand any more.", last.stale.len() as f64),
            one("warnings", "Warnings of the judged days.", sum(|record| record.warnings.len() as u64)),
            one("problems", "Parts of the input that could not be used.", sum(|record| record.problems.len() as u64)),
            ("input_flaws", "Flaws of the judged days' input, by kind.", self.by_flaw()),
            ("entities_tested", "Entities of the newest judged day that were tested, by family.", tested(last)),
            ("findings", "Insights of the judged days, by severity.", self.by_severity()),
            ("findings_by_type", "Insights of the judged days, by type.", self.by_type()),
            ("alerts", "Alerts of the judged days, by severity.", self.alerts()),
            one("rules", "Rules that were evaluated.", last.rules.rules as f64),
            one("rules_refused", "Faults in rule files.", last.rules.refused.len() as f64),
            one("rule_matches", "Matches of rules.", sum(|record| record.rules.matches.values().sum())),
            one("rule_matches_hidden", "Matches that whitelists hid.", sum(hidden)),
        ]
    }

    fn alerts(&self) -> Vec<(String, f64)> {
        let count = |severity| self.nights.iter().map(|(record, _)| record.rules.of_severity(severity)).sum::<usize>();
        Severity::ALL.into_iter().map(|severity| (label("severity", severity.name()), count(severity) as f64)).collect()
    }

    fn by_severity(&self) -> Vec<(String, f64)> {
        let all = || self.nights.iter().flat_map(|(_, insights)| insights.iter());
        let count = |severity: Severity| all().filter(|insight| insight.severity == severity).count() as f64;
        let labelled = |severity: Severity| (label("severity", severity.name()), count(severity));
        Severity::ALL.into_iter().map(labelled).collect()
    }

    fn by_flaw(&self) -> Vec<(String, f64)> {
        let all = || self.nights.iter().flat_map(|(record, _)| &record.quality);
        let count = |kind: FlawKind| all().filter(|flaw| flaw.kind == kind).count() as f64;
        FlawKind::ALL.into_iter().map(|kind| (label("kind", kind.name()), count(kind))).collect()
    }

    fn by_type(&self) -> Vec<(String, f64)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (record, _) in &self.nights {
            for (name, count) in &record.insights {
                *counts.entry(name).or_default() += count;
            }
        }
        counts.into_iter().map(|(name, count)| (label("type", name), count as f64)).collect()
    }
}

fn one(name: &'static str, help: &'static str, value: f64) -> Metric {
    (name, help, vec![(String::new(), value)])
}

fn hidden(record: &NightRecord) -> u64 {
    record.rules.hidden.iter().map(|hidden| hidden.matches).sum()
}

fn tested(record: &NightRecord) -> Vec<(String, f64)> {
    record.families.iter().map(|family| (label("family", &family.family), family.tested as f64)).collect()
}

fn label(name: &str, value: &str) -> String {
    format!("{{{name}=\"{value}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_failed_says_so_and_no_more() {
        let failed = RunMetrics { exit_code: 3, seconds: 1.5, ..RunMetrics::default() };
        insta::assert_snapshot!(failed.text(), @r"
        # HELP insights_run_end_timestamp_seconds When the last run ended, Unix time.
        # TYPE insights_run_end_timestamp_seconds gauge
        insights_run_end_timestamp_seconds 0
        # HELP insights_run_duration_seconds How long the last run took.
        # TYPE insights_run_duration_seconds gauge
        insights_run_duration_seconds 1.5
        # HELP insights_run_exit_code Exit code of the last run.
        # TYPE insights_run_exit_code gauge
        insights_run_exit_code 3
        # HELP insights_run_success 1 if the last run judged its days, else 0.
        # TYPE insights_run_success gauge
        insights_run_success 0
        ");
    }
}
