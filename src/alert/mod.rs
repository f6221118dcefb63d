//! Alerts: what the matches of rules come to, who is told, and what a day leaves to the next.
//!
//! Matches of a rule that agree on its keys have one [`Fingerprint`]; those that follow one another closely are one [`Alert`]
//! ([`join`]). [`day`] makes the alerts of a day out of its events, [`check`] does the same over what arrived lately; both keep every
//! match in [`matches`], so that it does not matter in how many pieces a day was looked at. [`notice`] decides who is told when. How
//! alerts are written for others is the business of `report`.

mod attack;
mod book;
pub mod carry;
pub mod check;
pub mod day;
#[cfg(test)]
pub(crate) mod example;
mod fingerprint;
pub mod hook;
mod insight_member;
pub mod join;
pub mod matches;
pub mod members;
pub mod notice;
pub mod occurrence;
mod places;
mod rank;
mod sentence;
mod settings;
mod silence;
mod write_up;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::insight::Severity;
use crate::place::Place;

pub use book::RuleBook;
pub use fingerprint::Fingerprint;
pub use settings::{AlertSettings, RawAlerts};

/// Events that an alert names as examples.
pub const EXAMPLES: usize = 10;
/// Addresses that an alert names.
pub const ADDRESSES: usize = 5;

/// What is raised: matches of one rule that agree on its keys and follow one another closely. A line of `alerts.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same in every re-run, and on every day on which it goes on.
    pub alert_id: Uuid,
    /// The day that it is told of.
    pub date: NaiveDate,
    /// The rule's id.
    pub rule_id: String,
    /// Its title.
    pub rule: String,
    /// The product's own id for it.
    pub builtin: Option<String>,
    /// Its group of rules.
    pub group: Option<String>,
    /// How serious it is.
    pub severity: Severity,
    /// The vendor's number for that: 10 critical, 8 high, 6 medium, 4 low, 2 informational.
    pub severity_number: u8,
    /// The account; empty where events of several are in it.
    pub account: String,
    /// The fields that tell the rule's alerts apart, with their values.
    pub keys: BTreeMap<String, Option<String>>,
    /// What all alerts of the rule with these keys have in common.
    pub fingerprint: Fingerprint,
    /// The first event.
    pub first_time: DateTime<Utc>,
    /// The last match so far.
    pub last_time: DateTime<Utc>,
    /// Matches: events, or moments at which a correlation held.
    pub count: u64,
    /// Failed calls among the events; 0 for correlations.
    pub failed: u64,
    /// Ids of the first events.
    pub example_event_ids: Vec<String>,
    /// Who did it, where it was one.
    pub actor: Option<String>,
    /// The first APIs that were called, as `Service/EventName`.
    pub apis: Vec<String>,
    /// The first addresses.
    pub source_ips: Vec<String>,
    /// Countries and network owners of these and of keys that are addresses; empty without a database to look them up in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// ATT&CK tactic, by identifier.
    pub tactic: Option<String>,
    /// ATT&CK technique, by identifier.
    pub technique: Option<String>,
    /// The technique's name.
    pub technique_name: Option<String>,
    /// What happened, for a person.
    pub sentence: String,
    /// The command that shows its events.
    pub next_query: String,
    /// Whether it began on an earlier day.
    pub continued: bool,
    /// Whether it is about matches that did not come.
    pub no_data: bool,
    /// Whether more may follow.
    pub status: Status,
    /// The moments of this day at which it was worth a notification.
    pub notifications: Vec<DateTime<Utc>>,
    /// What the rule finds and why that matters.
    pub description: String,
    /// Harmless things that look the same.
    pub false_positives: Vec<String>,
}

/// Whether an alert may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Further matches would join it.
    Firing,
    /// It is over.
    Resolved,
}

impl Status {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// A moment in milliseconds as a time; the first moment of 1970 for one beyond the calendar's end.
pub(crate) fn moment(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}
