//! How an insight goes on from night to night: what its reader has to know of the nights before.
//!
//! It is found out where the notes of the night before are read (`continuation`, `rhythm`), and told by the sentence. What is left to the next
//! night is an [`Episode`](super::episode::Episode).

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// How an episode goes on from night to night.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Life {
    /// Whether an earlier night reported its start.
    pub continued: bool,
    /// Nights in which its entity deviated this way, none of those between being usual, this one included; 0 for changes and first meetings.
    pub nights: u32,
    /// The first of them.
    #[serde(skip)]
    pub since: Option<NaiveDate>,
    /// How often it came at the same hours, night after night, and was over each time; 0 or 1 if it did not.
    #[serde(skip)]
    pub times: u32,
    /// Whether this is taken for the entity's new level from now on.
    pub level_shift: bool,
    /// The story that an earlier night found it to be a part of.
    #[serde(skip)]
    pub incident: Option<Uuid>,
    /// Of one that goes on from an earlier night, the calls of this one.
    #[serde(skip)]
    pub tonight: Option<u64>,
    /// Its days whose nights were left out: of these nothing is counted.
    #[serde(skip)]
    pub left_out: BTreeSet<NaiveDate>,
    /// What is done about a level that goes on, and is not odd by itself any more.
    #[serde(skip)]
    pub lasting: Lasting,
}

/// What becomes of an episode whose level goes on, though it is not odd by itself any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lasting {
    /// It is odd, or over.
    #[default]
    Not,
    /// It is closed.
    Closed,
    /// It is kept open with its story, of which another part is odd still.
    KeptOpen,
}

/// The minutes of some days up to a moment.
pub(in crate::insight) fn minutes_until(days: &BTreeSet<NaiveDate>, end: DateTime<Utc>) -> i64 {
    let until = |day: &NaiveDate| end - day.and_time(NaiveTime::MIN).and_utc();
    let minutes = |day: &NaiveDate| until(day).clamp(Duration::zero(), Duration::days(1)).num_minutes();
    days.iter().map(minutes).sum()
}
