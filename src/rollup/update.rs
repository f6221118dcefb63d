//! Bringing the history up to date: days whose input is new or has changed are counted, all others are left alone.

use std::path::Path;

use chrono::NaiveDate;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::partition::{EventFile, Partitions, Problem};
use crate::rollup::store::{self, DayInput, DayNote};
use crate::rollup::{Family, ScanCounts, ScanOptions, Scanner};

/// What was done about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayOutcome {
    /// There was no rollup, or its input has changed: it was counted.
    Counted,
    /// The rollup is of the input as it is.
    UpToDate,
    /// There are no events any more; the rollup is kept.
    Kept,
}

/// A day of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatedDay {
    /// What its rollup says of itself.
    pub note: DayNote,
    /// What was done.
    pub outcome: DayOutcome,
}

/// What an update found and did.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The days that now have a rollup, ascending.
    pub days: Vec<UpdatedDay>,
    /// Files that could not be opened.
    pub problems: Vec<Problem>,
}

impl Update {
    /// What became of a day's rows; nothing where it has no rollup.
    pub fn counts_of(&self, date: NaiveDate) -> ScanCounts {
        let day = self.days.iter().find(|day| day.note.date == date);
        day.map_or_else(ScanCounts::default, |day| day.note.counts)
    }
}

/// Brings the rollups of `dates` (ascending) up to date; `progress` is told of each day's events when it is done.
///
/// # Errors
/// When rollups cannot be written, or an old one cannot be read. Unusable input is in the result.
pub fn update(
    partitions: &Partitions,
    dates: &[NaiveDate],
    state: &Path,
    pairs: bool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Update> {
    let (Some(&first), Some(&last)) = (dates.first(), dates.last()) else { return Ok(Update::default()) };
    let (files, mut problems) = partitions.open_range(first, last);
    problems.extend(partitions.problems().iter().cloned());
    // Many days keep all threads busy; few are divided among them.
    let threads = rayon::current_num_threads();
    let within = if dates.len() >= 2 * threads { 1 } else { threads };
    let options = ScanOptions { pairs, threads: within };
    let day = |scanner: &mut Scanner, &date: &NaiveDate| update_day(scanner, &files, date, state, pairs, progress);
    let days: Vec<Option<UpdatedDay>> =
        dates.par_iter().map_init(|| Scanner::new(options), day).collect::<Result<_>>()?;
    let days: Vec<UpdatedDay> = days.into_iter().flatten().collect();
    Ok(Update { days, problems })
}

fn update_day(
    scanner: &mut Scanner,
    files: &[EventFile],
    date: NaiveDate,
    state: &Path,
    pairs: bool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Option<UpdatedDay>> {
    let own: Vec<EventFile> = files.iter().filter(|file| file.concerns(date)).cloned().collect();
    let old = store::read_note(&store::rollup_path(state, date))?;
    let input = DayInput::of(&own);
    if own.is_empty() {
        return Ok(old.map(|note| UpdatedDay { note, outcome: DayOutcome::Kept }));
    }
    if let Some(note) = old
        && note.input == input
        && (note.pairs || !pairs)
        && (!note.pairs || store::pairs_path(state, date).exists())
    {
        progress(note.counts.events);
        return Ok(Some(UpdatedDay { note, outcome: DayOutcome::UpToDate }));
    }
    let (rollup, problems) = scanner.scan(&own, date);
    check(&rollup)?;
    let note = DayNote { date, input, pairs, counts: rollup.counts, problems };
    store::write_day(state, &rollup, &note)?;
    progress(note.counts.events);
    Ok(Some(UpdatedDay { note, outcome: DayOutcome::Counted }))
}

/// Every event with an API is in exactly one member of the API family.
fn check(rollup: &crate::rollup::DayRollup) -> Result<()> {
    let apis = &rollup.families[Family::Api as usize];
    let counted: u64 = apis.hours.calls.iter().map(|&calls| u64::from(calls)).sum();
    let expected = rollup.counts.events - rollup.counts.without_api;
    if counted == expected {
        return Ok(());
    }
    Err(Error::Internal(format!("{counted} calls were counted for APIs, of {expected} events that name one")))
}
