//! What was reported, read back from the events of a night: the facts that an explanation repeats, and who was named.
//!
//! Of a night's files alone: whether it would be judged so again is told by [`working`](crate::explain::working).

use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::detect::Direction;
use crate::detect::change::Reason;
use crate::error::{Error, Result};
use crate::insight::LeftToCaller;
use crate::severity::Severity;
use crate::storage::{Daily, is_there};

/// An insight as the night reported it; of a start and an end, the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportedInsight {
    /// Its id.
    pub id: String,
    /// What kind it is.
    pub insight_type: String,
    /// The account.
    pub account: String,
    /// Calls between start and end.
    pub calls: u64,
    /// The rest.
    #[serde(flatten)]
    pub analysis: Analysis,
}

/// What stands under `insightDetails.analysis`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
#[allow(missing_docs, reason = "the fields are those of the insights event, described in README.md")]
pub struct Analysis {
    pub sentence: String,
    pub next_query: String,
    pub family: String,
    pub entity: String,
    pub direction: Direction,
    pub reason: Option<Reason>,
    pub expected: f64,
    pub errors: u64,
    #[serde(rename(deserialize = "log10PValue"))]
    pub log10_p: f64,
    pub score: f64,
    pub severity: Severity,
    pub actor: Option<NamedPrincipal>,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub days_of_history: u64,
    #[serde(rename(deserialize = "exampleEventIds"))]
    pub examples: Vec<String>,
    pub concerns: Vec<String>,
}

/// A principal with its name, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPrincipal {
    /// What kind of thing it is.
    pub kind: String,
    /// Its lasting identifier.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    shared_event_id: String,
    recipient_account_id: String,
    insight_details: Details,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    insight_type: String,
    insight_context: Context,
    analysis: Analysis,
}

#[derive(Deserialize)]
struct Context {
    statistics: Statistics,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    insight_count: u64,
}

/// What a night reported, in its order; nothing where it was not judged.
///
/// # Errors
/// When its events are there and cannot be read.
pub(super) fn read(state: &Path, night: NaiveDate) -> Result<Vec<ReportedInsight>> {
    let path = Daily::Insights.folder(state, night).join("insights.jsonl");
    if !is_there(&path)? {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path).map_err(Error::read(&path))?;
    let mut all: Vec<ReportedInsight> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let event: Event = serde_json::from_str(line).map_err(|error| Error::Line {
            path: path.clone(),
            line: number + 1,
            message: format!("no insights event: {error}"),
        })?;
        let told = event.told();
        // The end of an insight comes after its start.
        match all.iter_mut().rev().find(|known| known.id == told.id) {
            Some(known) => *known = told,
            None => all.push(told),
        }
    }
    Ok(all)
}

/// What a run record says of rises that are no findings.
#[derive(Default, Deserialize)]
struct RunRecord {
    #[serde(default)]
    left_to_callers: Vec<LeftToCaller>,
}

/// The rises that a night left to their callers; none where it was not judged, or its record tells nothing of them.
///
/// # Errors
/// When its record is there and cannot be read.
pub(super) fn left_to_callers(state: &Path, night: NaiveDate) -> Result<Vec<LeftToCaller>> {
    let path = Daily::Runs.file(state, night, "json");
    if !is_there(&path)? {
        return Ok(Vec::new());
    }
    let text = std::fs::read(&path).map_err(Error::read(&path))?;
    Ok(serde_json::from_slice::<RunRecord>(&text).unwrap_or_default().left_to_callers)
}

impl Event {
    fn told(self) -> ReportedInsight {
        let Details { insight_type, insight_context, analysis } = self.insight_details;
        let calls = insight_context.statistics.insight_count;
        ReportedInsight { id: self.shared_event_id, insight_type, account: self.recipient_account_id, calls, analysis }
    }
}
