//! Why the job thinks what it thinks of an entity's day, whether it alarmed or not.
//!
//! [`question`] finds out which entity and which night is meant; [`working`] judges that night again from the rollups and keeps what the
//! job throws away: every window, every rank, every gate. [`text`] and [`page`] show it to a person. Events are not opened: who contributed is what
//! the rollups' pairs tell. Nothing here decides anything.

pub mod page;
pub mod partners;
pub mod question;
pub mod text;
pub mod working;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use crate::detect::select::TestSet;
use crate::detect::trace::HourExpected;
use crate::detect::{Direction, Model, Span};
use crate::explain::partners::Partner;

/// How an entity's day was judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The judged day.
    pub date: NaiveDate,
    /// The family's name.
    pub family: &'static str,
    /// The account.
    pub account: String,
    /// The entity, fields joined by slashes.
    pub entity: String,
    /// By which model.
    pub model: Model,
    /// Days of history of all.
    pub days_of_history: usize,
    /// Days for which the entity was known.
    pub days_known: usize,
    /// What the expectation is made of.
    pub layers: Vec<Layer>,
    /// The scored day, hour by hour.
    pub hours: Vec<HourExpected>,
    /// Every window that was looked at, the most unlikely first.
    pub windows: Vec<WindowShown>,
    /// What was asked about the day, and the answers.
    pub answers: Vec<Answer>,
    /// How many calls in its most unlikely hour would have been reported.
    pub enough: Option<Enough>,
    /// With whom it was seen that day, and how often before.
    pub partners: Vec<Partner>,
    /// What was reported of it that night.
    pub reported: Vec<Reported>,
}

impl Explanation {
    /// Whether single hours have an expectation.
    pub fn is_hourly(&self) -> bool {
        self.model == Model::Seasonal
    }
}

/// Something that an expectation is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layer {
    /// What it is.
    pub name: String,
    /// What it says, in words.
    pub says: String,
}

/// A window beside what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WindowShown {
    /// Which.
    pub span: Span,
    /// The calls in it.
    pub observed: u64,
    /// The calls that were expected.
    pub expected: f64,
    /// Which way it deviates.
    pub direction: Direction,
    /// Its own p-value, as a power of ten.
    pub log10_p: f64,
    /// Corrected for all windows of the day.
    pub log10_corrected_p: f64,
}

/// What was asked about an entity's day, and the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The set of tests it was ranked in.
    pub set: TestSet,
    /// The day's p-value, corrected by replay, as a power of ten.
    pub log10_p: f64,
    /// The power it was corrected by.
    pub power: f64,
    /// Its q-value among the set's tests, as a power of ten.
    pub log10_q: f64,
    /// The p-value up to which tests of the set were selected, as a power of ten; minus infinity, shown as null, where none was.
    #[serde(serialize_with = "finite")]
    pub log10_threshold: f64,
    /// The gates it had to pass, in order.
    pub gates: Vec<Gate>,
    /// Whether it passed them all.
    pub reported: bool,
}

/// A condition for being reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// The setting that decides it.
    pub setting: &'static str,
    /// What was found beside what was needed, in words.
    pub says: String,
    /// Whether it was met.
    pub passed: bool,
}

/// How many calls would have been enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Enough {
    /// The hour.
    pub hour: u8,
    /// The calls in it.
    pub calls: u64,
    /// The calls from which it would have been reported.
    pub needed: u64,
}

/// An insight that tells of the entity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reported {
    /// Its id.
    pub id: String,
    /// Which way.
    pub direction: Direction,
    /// The first minute, RFC 3339.
    pub start: String,
    /// One past the last.
    pub end: String,
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}
