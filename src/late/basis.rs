//! What a night was judged by: the counts of its days, as digests of what they were made from, and what the night before left.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::baseline::Window;
use crate::error::Result;
use crate::late::left_before;
use crate::rollup::store::DayNote;
use crate::rollup::update::{Update, UpdatedDay};

/// Letters of a digest.
pub(super) const DIGEST: usize = 16;

/// What the results of a night rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The first day of its window; the last is its own.
    pub first: NaiveDate,
    /// For each day of the window that had a rollup a digest of the files that it was made from, and of what in them could not be read.
    pub days: BTreeMap<NaiveDate, String>,
    /// The digest of what the night before left; `None` if it left nothing.
    pub before: Option<String>,
}

impl Basis {
    /// What a night rests on that is judged now; `before` is that of [`left_before`].
    pub fn of(window: &Window, history: &Update, before: Option<String>) -> Self {
        let first = window.date(0);
        let own = history.days.iter().filter(|day| (first..=window.scored()).contains(&day.note.date));
        let days = own.map(|day| (day.note.date, digest(&day.note))).collect();
        Self { first, days, before }
    }

    /// The days of the window of `night` whose counts are others now, or are there only now. Days that `history` says nothing of
    /// have not changed: counts that are gone tell nothing.
    pub fn changed(&self, night: NaiveDate, history: &Update) -> Vec<NaiveDate> {
        let own = history.days.iter().filter(|day| (self.first..=night).contains(&day.note.date));
        let differs = |day: &&UpdatedDay| self.days.get(&day.note.date).is_none_or(|known| *known != digest(&day.note));
        own.filter(differs).map(|day| day.note.date).collect()
    }

    /// Whether counts that the night was judged by are gone from the state.
    pub fn is_lost(&self, history: &Update) -> bool {
        let there = |date: &NaiveDate| history.days.iter().any(|day| day.note.date == *date);
        !self.days.keys().all(there)
    }

    /// Whether the night before left something else than it does now. What is gone tells nothing.
    ///
    /// # Errors
    /// When what it left cannot be read.
    pub fn before_differs(&self, state: &Path, night: NaiveDate) -> Result<bool> {
        let now = left_before(state, night)?;
        Ok(now.is_some() && self.before != now)
    }
}

/// The digest of a day's input. Names are those below the events folder, so that folder may move. A file that is put right in its place
/// keeps size and fingerprint: so what could not be read is part of it.
fn digest(note: &DayNote) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in &note.input.files {
        hasher.update(file.file.as_bytes()).update(&[0]).update(file.fingerprint.as_bytes()).update(&[0]);
        hasher.update(&file.size.to_le_bytes());
    }
    for unread in &note.problems {
        hasher.update(b"unread\0").update(unread.file.as_bytes()).update(&[0]);
        hasher.update(&unread.row_group.unwrap_or(usize::MAX).to_le_bytes());
    }
    hasher.finalize().to_hex()[..DIGEST].to_owned()
}
