//! An alert of a rule, read back.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::insight::Severity;
use crate::report::night::{Place, Text};
use crate::storage::read_text;

/// An alert as it was raised.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the file, described in README.md")]
pub struct Alert {
    pub alert_id: String,
    pub rule_id: Text,
    pub rule: Text,
    pub group: Text,
    severity: String,
    pub account: Text,
    pub keys: Map<String, Value>,
    pub first_time: DateTime<Utc>,
    pub last_time: DateTime<Utc>,
    pub count: u64,
    pub example_event_ids: Vec<Text>,
    pub actor: Text,
    pub source_ips: Vec<Text>,
    pub places: Vec<Place>,
    pub tactic: Text,
    pub technique: Text,
    pub technique_name: Text,
    pub sentence: Text,
    pub next_query: Text,
    pub continued: bool,
    pub description: Text,
    pub false_positives: Vec<Text>,
}

impl Alert {
    /// Its severity; what this version does not know is the least.
    pub fn severity(&self) -> Severity {
        Severity::named(&self.severity).unwrap_or(Severity::Informational)
    }
}

/// The alerts of a night, the most serious first and equals in the file's own order, which is that of their rank; none where there is
/// no file.
pub(super) fn read(path: &Path) -> Result<Vec<Alert>> {
    let Some(text) = read_text(path)? else { return Ok(Vec::new()) };
    let mut alerts = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let alert: Alert = serde_json::from_str(line).map_err(|error| Error::Line {
            path: path.to_path_buf(),
            line: number + 1,
            message: format!("no alert: {error}"),
        })?;
        alerts.push(alert);
    }
    alerts.sort_by_key(|alert| std::cmp::Reverse(alert.severity()));
    Ok(alerts)
}
