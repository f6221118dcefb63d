//! A saved search as an alarm: every so often, over the last so long, more than so many events.
//!
//! The decision is a pure function of the settings, the count and the record of earlier checks. The record is a file a search in
//! `alerting/searches/` of the state directory; what is told to whom is the business of others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::Result;
use crate::insight::Severity;
use crate::query::{TimeRange, parse_length};
use crate::storage::{Daily, read_json, write_json};
use crate::time::MINUTE_MS;

/// Triggers that a record keeps.
const MOST_TRIGGERS: usize = 1_000;
/// Fillings of a search's blanks of which a record knows the last check; of more, those checked last.
const MOST_FILLINGS: usize = 1_000;

/// When a saved search is worth an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchAlert {
    /// How long after a check the next one is due, in milliseconds.
    #[serde(deserialize_with = "length")]
    pub every: i64,
    /// How far a check looks back, in milliseconds.
    #[serde(deserialize_with = "length")]
    pub last: i64,
    /// More events than this are an alert.
    pub above: u64,
    /// How serious it is.
    #[serde(deserialize_with = "severity")]
    pub severity: Severity,
}

impl Default for SearchAlert {
    /// Any event in the last ten minutes, every five: ActionTrail's own AccessKey alarm.
    fn default() -> Self {
        Self { every: 5 * MINUTE_MS, last: 10 * MINUTE_MS, above: 0, severity: Severity::Medium }
    }
}

fn length<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_length(&text)
        .map_err(|mistake| serde::de::Error::custom(format!("{}, expected {}", mistake.message, mistake.expected)))
}

fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Severity, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = || "info, low, medium, high, critical";
    Severity::from_str(&text, true)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no severity, expected {}", known())))
}

/// A time at which there were too many events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// When it was noticed, in milliseconds.
    pub at: i64,
    /// The first millisecond that was looked at.
    pub from: i64,
    /// One past the last.
    pub to: i64,
    /// How many events there were.
    pub events: u64,
    /// How many there may be.
    pub above: u64,
    /// What the search's blanks held, as `key=LTAI…`; empty where that is what the settings say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parameters: String,
}

/// What is remembered of a search's checks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TriggerRecord {
    /// When it was last checked as the settings have it, in milliseconds.
    pub checked: Option<i64>,
    /// When it was last checked with other things in its blanks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checked_with: BTreeMap<String, i64>,
    /// The latest triggers, oldest first.
    pub triggers: Vec<Trigger>,
}

impl SearchAlert {
    /// Whether it is time for a check with these parameters. Schedulers are not exact: nine tenths of the time are enough.
    pub fn is_due(&self, record: &TriggerRecord, parameters: &str, now: i64) -> bool {
        record
            .last_check(parameters)
            .is_none_or(|checked| checked > now || (now - checked).saturating_mul(10) >= self.every.saturating_mul(9))
    }

    /// The time that a check looks at.
    pub fn window(&self, now: i64) -> TimeRange {
        TimeRange { from: Some(now - self.last), to: Some(now) }
    }
}

/// Decides whether a count is an alert.
pub fn search_alert(alert: &SearchAlert, parameters: &str, now: i64, events: u64) -> Option<Trigger> {
    let (from, above, parameters) = (now - alert.last, alert.above, parameters.to_owned());
    (events > above).then_some(Trigger { at: now, from, to: now, events, above, parameters })
}

impl TriggerRecord {
    /// The record of a search; empty where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn read(state: &Path, name: &str) -> Result<Self> {
        let what = (
            "what is remembered of a search",
            "remove the file and run it again: the search is checked as if for the first time",
        );
        Ok(read_json(&path(state, name), what)?.unwrap_or_default())
    }

    /// When the search was last checked with these parameters.
    pub fn last_check(&self, parameters: &str) -> Option<i64> {
        if parameters.is_empty() { self.checked } else { self.checked_with.get(parameters).copied() }
    }

    /// Adds a check with these parameters and what came of it.
    pub fn note(&mut self, parameters: &str, now: i64, trigger: Option<Trigger>) {
        if parameters.is_empty() {
            self.checked = Some(now);
        } else {
            self.checked_with.insert(parameters.to_owned(), now);
        }
        if self.checked_with.len() > MOST_FILLINGS
            && let Some(oldest) = self.checked_with.iter().min_by_key(|(_, checked)| **checked)
        {
            let oldest = oldest.0.clone();
            self.checked_with.remove(&oldest);
        }
        self.triggers.extend(trigger);
        let extra = self.triggers.len().saturating_sub(MOST_TRIGGERS);
        self.triggers.drain(..extra);
    }

    /// Writes the record of a search.
    pub fn write(&self, state: &Path, name: &str) -> Result<()> {
        write_json(&path(state, name), self)
    }
}

fn path(state: &Path, name: &str) -> PathBuf {
    Daily::Alerting.root(state).join("searches").join(format!("{name}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALERT: SearchAlert = SearchAlert { every: 300_000, last: 600_000, above: 3, severity: Severity::High };

    #[test]
    fn more_than_the_threshold_is_an_alert() {
        let fires = |events| {
            search_alert(&ALERT, "", 1_000_000, events).map(|trigger| (trigger.from, trigger.to, trigger.events))
        };
        assert_eq!([0, 3].map(fires), [None, None]);
        assert_eq!(fires(4), Some((400_000, 1_000_000, 4)));
    }

    #[test]
    fn a_check_is_due_after_its_time_and_not_before() {
        let after = |ms: i64| {
            ALERT.is_due(&TriggerRecord { checked: Some(1_000_000), ..Default::default() }, "", 1_000_000 + ms)
        };
        assert_eq!([0, 269_999, 270_000, 300_000, -1].map(after), [false, false, true, true, true]);
        assert!(ALERT.is_due(&TriggerRecord::default(), "", 0));
    }

    #[test]
    fn the_record_is_kept_and_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = TriggerRecord::read(folder.path(), "a").unwrap();
        for now in 0..1_500 {
            record.note("", now, search_alert(&ALERT, "", now, 9));
        }
        record.write(folder.path(), "a").unwrap();
        let read = TriggerRecord::read(folder.path(), "a").unwrap();
        assert_eq!((read.triggers.len(), read.triggers[0].at, read.checked), (MOST_TRIGGERS, 500, Some(1_499)));
    }

    #[test]
    fn a_check_with_other_parameters_is_another_check() {
        let mut record = TriggerRecord::default();
        record.note("key=A", 1_000_000, search_alert(&ALERT, "key=A", 1_000_000, 9));
        assert!(!ALERT.is_due(&record, "key=A", 1_000_001));
        assert!(ALERT.is_due(&record, "key=B", 1_000_001) && ALERT.is_due(&record, "", 1_000_001));
        assert_eq!(record.triggers[0].parameters, "key=A");
        (0..2 * MOST_FILLINGS as i64).for_each(|now| record.note(&format!("key={now}"), now, None));
        assert_eq!(record.checked_with.len(), MOST_FILLINGS);
        assert!(!ALERT.is_due(&record, "key=A", 1_000_001), "it was checked last");
        let before: TriggerRecord = serde_json::from_str(r#"{"checked":5,"triggers":[]}"#).unwrap();
        assert_eq!(before.last_check(""), Some(5), "records of earlier versions are read");
    }

    #[test]
    fn settings_are_understood() {
        let alert: SearchAlert = toml::from_str("every = '1m'\nabove = 5\nseverity = 'critical'").unwrap();
        assert_eq!((alert.every, alert.last, alert.above, alert.severity), (60_000, 600_000, 5, Severity::Critical));
        for bad in ["every = '1 lightyear'", "severity = 'bad'", "above = -1"] {
            assert!(toml::from_str::<SearchAlert>(bad).is_err(), "{bad}");
        }
    }
}
