//! The part of `insights.toml` that is about alerts: what belongs together, how often somebody is told, and by which command.

use serde::{Deserialize, Serialize};

use crate::rules::parse::timespan_ms;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};

/// The table `[alerts]` as it is typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct RawAlerts {
    group_gap: String,
    repeat_interval: String,
    check_interval: String,
    resolved: bool,
    command: Vec<String>,
}

/// Settings about alerts, as they are in force. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// Matches that follow the last one within this time join its alert.
    pub group_gap: i64,
    /// A fingerprint is told of at most once in this time.
    pub repeat_interval: i64,
    /// The grid of times in which consecutive matches are counted.
    pub check_interval: i64,
    /// Whether somebody is told when an alert is over.
    pub resolved: bool,
    /// The program that is told, with its arguments; nobody if it is empty.
    pub command: Vec<String>,
}

impl Default for RawAlerts {
    fn default() -> Self {
        Self {
            group_gap: "1h".to_owned(),
            repeat_interval: "1h".to_owned(),
            check_interval: "15m".to_owned(),
            resolved: false,
            command: Vec::new(),
        }
    }
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            group_gap: HOUR_MS,
            repeat_interval: HOUR_MS,
            check_interval: HOUR_MS / 4,
            resolved: false,
            command: Vec::new(),
        }
    }
}

impl RawAlerts {
    /// What was typed, checked.
    ///
    /// # Errors
    /// The key, what was found and what was expected.
    pub fn validate(self) -> Result<AlertSettings, String> {
        Ok(AlertSettings {
            group_gap: length("group_gap", &self.group_gap)?,
            repeat_interval: length("repeat_interval", &self.repeat_interval)?,
            check_interval: length("check_interval", &self.check_interval)?,
            resolved: self.resolved,
            command: self.command,
        })
    }
}

impl AlertSettings {
    /// The same without what changes nothing about the alerts themselves.
    #[must_use]
    pub fn judging(&self) -> Self {
        Self { resolved: false, command: Vec::new(), ..self.clone() }
    }
}

/// A length of time between a minute and a day: what is open at midnight must be no more than a day old.
fn length(key: &str, text: &str) -> Result<i64, String> {
    let found = timespan_ms(text).filter(|ms| (MINUTE_MS..=DAY_MS).contains(ms));
    found.ok_or_else(|| format!("alerts.{key}: expected a time from 1m to 24h, such as 15m or 1h, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_what_is_typed_by_default() {
        assert_eq!(RawAlerts::default().validate().unwrap(), AlertSettings::default());
    }

    #[test]
    fn a_wrong_length_is_named() {
        for text in ["", "1", "soon", "10s", "25h", "-1h"] {
            let raw = RawAlerts { group_gap: text.to_owned(), ..RawAlerts::default() };
            let message = raw.validate().unwrap_err();
            assert!(message.starts_with("alerts.group_gap: expected") && message.ends_with(&format!("`{text}`")));
        }
    }
}
