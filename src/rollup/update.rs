//! Bringing the history up to date: days whose input is new or has changed are counted, all others are left alone.
//!
//! Events that were purged, which is by the folder of a day, take nothing out of a rollup: neither of their own day's, nor of a
//! neighbour's to which they had given a few rows. A day of which something could not be read is counted again once that can be read,
//! and a day of which nothing can is not there: no rows are not no events.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::partition::{EventFile, Partitions, Problem, date_of_path};
use crate::rollup::store::{self, CountedBy, DayInput, DayNote, InputFile};
use crate::rollup::{DayRollup, Family, ScanCounts, ScanOptions, Scanner, Unread, UnreadHours};
use crate::storage::{Commits, commit_beside, is_there};

/// What was done about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayOutcome {
    /// There was no rollup, or its input has changed: it was counted.
    Counted,
    /// The rollup is of the input as it is.
    UpToDate,
    /// Its events are there no more; the rollup is kept.
    Kept,
}

/// What is said of days that stay as they were counted by other settings.
pub const OF_OTHER_SETTINGS: &str =
    "counted by other columns or another max_entities, and not anew, for the events are gone";

/// A day of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatedDay {
    /// What its rollup says of itself.
    pub note: DayNote,
    /// What was done.
    pub outcome: DayOutcome,
    /// Whether it was counted by other settings than those in force, and its events are no more there to be counted by these.
    pub is_of_other_settings: bool,
}

/// What an update found and did.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The days that now have a rollup, ascending.
    pub days: Vec<UpdatedDay>,
    /// Files that could not be opened, or of which nothing could be read, or that are copies of others.
    pub problems: Vec<Problem>,
}

impl Update {
    /// What became of a day's rows; nothing where it has no rollup.
    pub fn counts_of(&self, date: NaiveDate) -> ScanCounts {
        let day = self.days.iter().find(|day| day.note.date == date);
        day.map_or_else(ScanCounts::default, |day| day.note.counts)
    }

    /// The hours of a day of which some rows, or all, could not be read.
    pub fn unread_hours(&self, date: NaiveDate) -> UnreadHours {
        let is_counted = self.days.iter().any(|day| day.note.date == date);
        let is_unreadable = !is_counted && self.problems_of(date).next().is_some();
        if is_unreadable { UnreadHours::DAY } else { self.counts_of(date).unread_hours }
    }

    /// What of a day could not be read, though something could.
    pub fn unread_of(&self, date: NaiveDate) -> &[Unread] {
        let day = self.days.iter().find(|day| day.note.date == date);
        day.map_or(&[], |day| &day.note.problems)
    }

    /// Everything that could not be used, each once.
    pub fn all_problems(&self) -> BTreeSet<Problem> {
        let of_days = self.days.iter().flat_map(|day| &day.note.problems).map(Unread::problem);
        self.problems.iter().cloned().chain(of_days).collect()
    }

    /// Whether a day's rollup is all there is of it: its events are gone, or none of its files can be read.
    pub fn is_all_there_is(&self, date: NaiveDate) -> bool {
        self.days.iter().any(|day| day.note.date == date && day.outcome == DayOutcome::Kept)
    }

    /// The days that stay as they were counted by other settings, for their events are gone.
    pub fn of_other_settings(&self) -> Vec<NaiveDate> {
        self.days.iter().filter(|day| day.is_of_other_settings).map(|day| day.note.date).collect()
    }

    /// What is wrong with the files of a day.
    pub fn problems_of(&self, date: NaiveDate) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(move |problem| date_of_path(Path::new(&problem.file)) == Some(date))
    }

    /// What it says of the days from `first` to `last`, and of files that are in no folder of another day.
    #[must_use]
    pub fn within(&self, first: NaiveDate, last: NaiveDate) -> Self {
        let days = self.days.iter().filter(|day| (first..=last).contains(&day.note.date)).cloned().collect();
        let near = |date: NaiveDate| (date - first).num_days() >= -1 && (date - last).num_days() <= 1;
        let concerns = |problem: &&Problem| date_of_path(Path::new(&problem.file)).is_none_or(near);
        Self { days, problems: self.problems.iter().filter(concerns).cloned().collect() }
    }
}

/// What is counted of a day.
#[derive(Debug, Clone, Copy)]
pub struct Counting {
    /// Whether to count pairs too.
    pub pairs: bool,
    /// The most entities of a family that a day names; see [`DayRollup::capped`].
    pub max_entities: usize,
}

/// Brings the rollups of `dates` (ascending) up to date; `progress` is told of each day's events when it is done.
///
/// # Errors
/// When rollups cannot be written, or an old one cannot be read. Unusable input is in the result.
pub fn update(
    partitions: &Partitions,
    dates: &[NaiveDate],
    state: &Path,
    counting: Counting,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Update> {
    let (Some(&first), Some(&last)) = (dates.first(), dates.last()) else { return Ok(Update::default()) };
    let (files, mut problems) = partitions.open_range(first, last);
    problems.extend(partitions.problems().iter().cloned());
    // Many days keep all threads busy; few are divided among them.
    let threads = rayon::current_num_threads();
    let within = if dates.len() >= 2 * threads { 1 } else { threads };
    let options = ScanOptions::new(counting.pairs, within, counting.max_entities);
    let scanners = Scanners { options, idle: Mutex::default() };
    let work = Work { partitions, files: &files, unopened: &problems, state, counting, progress };
    let days: Vec<Found> = commit_beside(|commits| {
        let day = |date: &NaiveDate| scanners.lend(|scanner| work.update_day(scanner, *date, commits));
        dates.par_iter().with_max_len(1).map(day).collect()
    })?;
    problems.extend(partitions.copies(first, last).cloned());
    problems.extend(days.iter().flat_map(|day| &day.lost).map(Unread::problem));
    Ok(Update { days: days.into_iter().filter_map(|found| found.day).collect(), problems })
}

/// What became of a day.
#[derive(Default)]
struct Found {
    /// The day, if there is a rollup of it.
    day: Option<UpdatedDay>,
    /// What could not be read, where nothing could.
    lost: Vec<Unread>,
}

/// Scanners that go from day to day, as many as there are days at work: what one has learnt about names holds on the next day.
struct Scanners {
    options: ScanOptions,
    idle: Mutex<Vec<Scanner>>,
}

impl Scanners {
    fn lend<T>(&self, work: impl FnOnce(&mut Scanner) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scanner = idle().pop().unwrap_or_else(|| Scanner::new(self.options));
        let result = work(&mut scanner);
        idle().push(scanner);
        result
    }
}

/// What all days of an update share.
struct Work<'a> {
    partitions: &'a Partitions,
    files: &'a [EventFile],
    /// Files that could not be opened, and folders that could not be listed.
    unopened: &'a [Problem],
    state: &'a Path,
    counting: Counting,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Work<'_> {
    fn update_day(&self, scanner: &mut Scanner, date: NaiveDate, commits: &Commits) -> Result<Found> {
        let own: Vec<EventFile> = self.files.iter().filter(|file| file.concerns(date)).cloned().collect();
        let old = store::read_note(&store::rollup_path(self.state, date))?;
        let counted_by = CountedBy::new(self.partitions.columns(), self.counting.max_entities);
        let is_otherwise = |note: &DayNote| !note.counted_by.counts_as(&counted_by, note.counts.beyond_cap);
        let as_it_was = |note: DayNote, outcome| {
            let day = UpdatedDay { is_of_other_settings: is_otherwise(&note), note, outcome };
            Found { day: Some(day), lost: Vec::new() }
        };
        if own.is_empty() {
            return Ok(old.map_or_else(Found::default, |note| as_it_was(note, DayOutcome::Kept)));
        }
        let input = DayInput::of(&own);
        if let Some(note) = &old {
            let outcome = self.outcome(note, &own, &input, is_otherwise(note))?;
            if outcome != DayOutcome::Counted {
                return Ok(old.map_or_else(Found::default, |note| as_it_was(note, outcome)));
            }
        }
        let (rollup, note) = self.count(scanner, &own, date, (input, counted_by.clone()))?;
        if note.counts.events == 0 && note.counts.unreadable > 0 {
            // What was counted before the damage is worth more than nothing.
            let before = old.filter(|note| note.counts.events > 0).map(|note| as_it_was(note, DayOutcome::Kept));
            return Ok(Found { lost: note.problems, ..before.unwrap_or_default() });
        }
        commits.put(store::day_files(self.state, &rollup, &note)?);
        (self.progress)(note.counts.events);
        let day = UpdatedDay { note, outcome: DayOutcome::Counted, is_of_other_settings: false };
        Ok(Found { day: Some(day), lost: Vec::new() })
    }

    /// What is to be done about a day that has a rollup and files.
    fn outcome(&self, note: &DayNote, own: &[EventFile], input: &DayInput, is_otherwise: bool) -> Result<DayOutcome> {
        if self.is_purged(note) {
            return Ok(DayOutcome::Kept);
        }
        let is_rest = input.is_rest_of(&note.input, |file| self.partitions.is_purged(file));
        // What a neighbour's folder that is gone held of the day would be lost.
        let is_to_be_counted = is_otherwise && *input == note.input;
        let is_as_counted = is_rest && !is_to_be_counted && !self.reads_otherwise(note, own);
        Ok(if is_as_counted && self.has_pairs(note)? { DayOutcome::UpToDate } else { DayOutcome::Counted })
    }

    /// Whether files can be read that could not when the day was counted, or cannot be opened that were not there then.
    fn reads_otherwise(&self, note: &DayNote, own: &[EventFile]) -> bool {
        let known = note.problems.iter().filter(|unread| unread.row_group.is_none()).map(|unread| &unread.file);
        let unopened: BTreeSet<&String> = self.unopened(note.date).map(|problem| &problem.file).collect();
        known.collect::<BTreeSet<_>>() != unopened || note.problems.iter().any(|unread| unread.is_readable_in(own))
    }

    /// The files of a day's folder that cannot be opened.
    fn unopened(&self, date: NaiveDate) -> impl Iterator<Item = &Problem> {
        self.unopened.iter().filter(move |problem| date_of_path(Path::new(&problem.file)) == Some(date))
    }

    /// Whether the day had a folder of its own that is gone: what neighbours still hold of it is not the day.
    fn is_purged(&self, note: &DayNote) -> bool {
        let is_own = |file: &InputFile| date_of_path(Path::new(&file.file)) == Some(note.date);
        !self.partitions.has_folder(note.date) && note.input.files.iter().any(is_own)
    }

    /// Whether pairs were counted if they are wanted, and are there if they were counted.
    fn has_pairs(&self, note: &DayNote) -> Result<bool> {
        if note.pairs { is_there(&store::pairs_path(self.state, note.date)) } else { Ok(!self.counting.pairs) }
    }

    fn count(
        &self,
        scanner: &mut Scanner,
        own: &[EventFile],
        date: NaiveDate,
        (input, counted_by): (DayInput, CountedBy),
    ) -> Result<(DayRollup, DayNote)> {
        let (rollup, mut problems) = scanner.scan(own, date, self.state)?;
        check(&rollup)?;
        let (pairs, mut counts) = (self.counting.pairs, rollup.counts);
        for problem in self.unopened(date) {
            counts.unread_hours = UnreadHours::DAY;
            problems.push(Unread::file(problem));
        }
        let note = DayNote { date, input, pairs, counted_by, counts, problems };
        Ok((rollup, note))
    }
}

/// Every event with an API is in exactly one member of the API family.
fn check(rollup: &DayRollup) -> Result<()> {
    let apis = &rollup.families[Family::Api as usize];
    let counted: u64 = apis.hours.calls.iter().map(|&calls| u64::from(calls)).sum();
    let expected = rollup.counts.events - rollup.counts.without_api;
    if counted == expected {
        return Ok(());
    }
    Err(Error::Internal(format!("{counted} calls were counted for APIs, of {expected} events that name one")))
}
