//! Why changes of permissions, passwords and the trail were reported in a night, or were not.
//!
//! They are judged by their meaning, so there is neither a chart nor a layer to show: what was asked is whether the trail was touched,
//! whether it was a first by its principal, and whether it made more of them than it does. [`working`] judges the night again
//! from the counts, [`rules`] say what came of it; [`events`] and [`concerns`] go back to the events, if somebody says where they are.

mod concerns;
mod events;
pub mod page;
mod rules;
mod subject;
mod tables;
pub mod text;
mod working;

use chrono::NaiveDate;
use serde::Serialize;

use crate::detect::change::Reason;
use crate::explain::told::{NamedPrincipal, ReportedInsight};
use crate::insight::meaning::severity::Step;
use crate::place::{Place, PlaceBook};
use crate::time::HourSpan;

pub(super) use working::{Asked, explain};

/// Changes of a night, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// The night.
    pub date: NaiveDate,
    /// `change`.
    pub family: &'static str,
    /// Days of history of all.
    pub days_of_history: usize,
    /// Where the events come from, or why there are none.
    pub events_from: String,
    /// What was asked about: at least one.
    pub changes: Vec<Change>,
}

/// Changes of one kind by one principal through one service, which is what one insight is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The account.
    pub account: String,
    /// `permission`, `password` or `trail`.
    pub kind: &'static str,
    /// The service.
    pub service: String,
    /// Who made them.
    pub principal: NamedPrincipal,
    /// The first hour of the day and one past the last: of the changes, or of the silence.
    pub hours: HourSpan,
    /// Attempts by API.
    pub apis: Vec<Attempts>,
    /// Attempts.
    pub calls: u64,
    /// Failed attempts among them.
    pub errors: u64,
    /// Why they are reported, as judged again; null if they are not.
    pub reason: Option<Reason>,
    /// That in words.
    pub verdict: String,
    /// What was asked, and the answers.
    pub rules: Vec<Rule>,
    /// Attempts of this kind by this principal in the days before, through any service.
    pub before: u64,
    /// On how many days.
    pub days_before: usize,
    /// The last of these days.
    pub last_before: Option<NaiveDate>,
    /// Attempts of this kind on the day, through any service.
    pub today: u64,
    /// Attempts that were expected on a day; of a silence, the calls of the account in its hours.
    pub expected: f64,
    /// The p-value of so many, as a power of ten.
    pub log10_p: f64,
    /// The most attempts in a day that would have been no more than usual.
    pub usual_up_to: u64,
    /// What makes it serious, the gravest first.
    pub concerns: Vec<Said>,
    /// How its severity comes about; empty if it is not reported.
    pub severity: Vec<Step>,
    /// What would have kept it from being reported, or, if it was not, what would have had it reported.
    pub otherwise: Vec<String>,
    /// Its events in order of time, at most 1,000; of a silence, the changes of the trail on the day before.
    pub events: Vec<Event>,
    /// How many more there are.
    pub more_events: u64,
    /// What the night reported of it.
    pub reported: Option<ReportedInsight>,
}

impl Changes {
    /// Adds where the addresses of its events are.
    pub fn locate(&mut self, places: &PlaceBook) {
        for event in self.changes.iter_mut().flat_map(|change| &mut change.events) {
            event.place = event.source_ip_address.as_deref().and_then(|address| places.look_up(address));
        }
    }
}

impl Change {
    /// Whether it is a silence that followed changes, and no change itself.
    pub fn is_silence(&self) -> bool {
        self.reason == Some(Reason::Silence)
    }
}

/// Attempts through one API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// The API.
    pub api: String,
    /// Attempts.
    pub calls: u64,
    /// Failed attempts among them.
    pub errors: u64,
}

/// A rule that reports changes, and whether it does so here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name.
    pub rule: &'static str,
    /// What was found beside what it asks, in words.
    pub says: String,
    /// Whether it is met; the first that is met decides.
    pub met: bool,
}

/// A concern and what says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Its name, as in the insight.
    pub concern: &'static str,
    /// In words.
    pub words: &'static str,
    /// Whether it raises the severity by a level whatever that is.
    pub grave: bool,
    /// What was seen, beside what was known before.
    pub says: String,
}

/// An attempt to change something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its id.
    pub id: Option<String>,
    /// When, RFC 3339.
    pub time: Option<String>,
    /// The API.
    pub api: String,
    /// The name of who made it, with the session of a role.
    pub name: Option<String>,
    /// From where.
    pub source_ip_address: Option<String>,
    /// Where that is; absent where no database tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// With which key.
    pub access_key_id: Option<String>,
    /// `success`, or the error code.
    pub outcome: String,
    /// What was asked for.
    pub request_parameters: Option<String>,
}
