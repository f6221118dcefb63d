//! The scan: every row of a day's files, once, unless there are more names than can be held ([`bounded`](crate::rollup::bounded)).
//!
//! Row groups are divided among threads in the order of their times, each thread counts its share, and the shares are added up.
//! An hour that one thread meets in one piece is summed up as it passes; where the footers say that it will come in several pieces, or
//! turn out to have been wrong, it is counted in parts. A row group that cannot be read is named and counted, and the rest goes on.

use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::partition::{EventBatch, EventFile, NO_TIME, RowGroupReader};
use crate::rollup::counter::{Anew, DayCounter, HourSet, Run};
use crate::rollup::day::{DayRollup, ScanCounts};
use crate::rollup::hours::{SLOT_MS, SLOTS};
use crate::rollup::names::Names;
use crate::rollup::room::Room;
use crate::rollup::shed::Shed;
use crate::rollup::{Family, Unread, UnreadHours, bounded};
use crate::time::{DAY_MS, HOUR_MS, HourSpan, midnight_ms};

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions {
    /// Whether to count pairs too.
    pub pairs: bool,
    /// Among how many threads to divide one day.
    pub threads: usize,
    /// The most entities of a family that a day names; see [`DayRollup::capped`].
    pub max_entities: usize,
    /// The most names of a family that are held at a time; where there are more, the day is read more than once.
    pub max_names: usize,
}

/// So many names are held whatever the cap: an ordinary day has fewer, and is read once.
const LEAST_NAMES: usize = 1 << 19;

impl ScanOptions {
    /// Options with as much room for names as goes with a cap.
    pub fn new(pairs: bool, threads: usize, max_entities: usize) -> Self {
        Self { pairs, threads, max_entities, max_names: max_entities.saturating_mul(2).max(LEAST_NAMES) }
    }
}

/// Counts day after day.
#[derive(Debug)]
pub struct Scanner {
    options: ScanOptions,
    counters: Vec<DayCounter>,
}

/// Counts one day from the files that concern it; should memory not do, with the help of the disk of temporary files.
///
/// # Errors
/// When that disk is full.
pub fn scan_day(files: &[EventFile], date: NaiveDate, options: ScanOptions) -> Result<(DayRollup, Vec<Unread>)> {
    Scanner::new(options).scan(files, date, &std::env::temp_dir())
}

impl Scanner {
    /// A scanner that has seen nothing yet.
    pub fn new(options: ScanOptions) -> Self {
        Self { options, counters: counters(options, &Names::All) }
    }

    /// Counts one day from the files that concern it. Names that memory has no room for are counted with the help of the disk that `folder`
    /// is on.
    ///
    /// # Errors
    /// When that disk is full.
    pub fn scan(&mut self, files: &[EventFile], date: NaiveDate, folder: &Path) -> Result<(DayRollup, Vec<Unread>)> {
        let day = Day::of(files, date, self.counters.len());
        match day.count(&mut self.counters, self.options.max_names) {
            Ok(problems) => Ok((self.counters[0].finish().capped(self.options.max_entities), problems)),
            Err(crowded) => {
                // What is held makes room first.
                self.counters = counters(self.options, &Names::All);
                bounded::count(&day, self.options, folder, crowded)
            }
        }
    }
}

/// One counter a thread.
pub(super) fn counters(options: ScanOptions, names: &Names) -> Vec<DayCounter> {
    (0..options.threads.max(1)).map(|_| DayCounter::of_names(options.pairs, names.clone())).collect()
}

/// A row group of a file.
type Group<'files> = (&'files EventFile, usize);

/// The row groups of a day in the order of their times, divided among counters.
pub(super) struct Day<'files> {
    date: NaiveDate,
    shares: Vec<Vec<Group<'files>>>,
}

impl<'files> Day<'files> {
    fn of(files: &'files [EventFile], date: NaiveDate, counters: usize) -> Self {
        let mut groups: Vec<Group<'_>> =
            files.iter().flat_map(|file| file.row_groups_of(date).map(move |group| (file, group))).collect();
        groups.sort_by_key(|(file, group)| file.row_groups[*group].span.map_or(i64::MAX, |(first, _)| first));
        let shares = groups.chunks(groups.len().div_ceil(counters).max(1)).map(<[_]>::to_vec).collect();
        Self { date, shares }
    }

    /// Counts the day into the first counter, if all of them need hold no more than so many names of a family; else tells of which families
    /// they hold many.
    pub(super) fn count(
        &self,
        counters: &mut [DayCounter],
        max_names: usize,
    ) -> std::result::Result<Vec<Unread>, Vec<Family>> {
        let mut in_parts = hours_in_parts(&self.shares, self.date);
        loop {
            let room = Arc::new(Room::of(max_names));
            counters.iter_mut().for_each(|counter| counter.begin_day_within(Arc::clone(&room), in_parts));
            match self.count_once(counters) {
                Ok(problems) => return Ok(problems),
                Err(Anew::Full) => return Err(room.crowded()),
                // With every hour in parts there is no order to be out of.
                Err(Anew::OutOfOrder) => in_parts = [true; 24],
            }
        }
    }

    fn count_once(&self, counters: &mut [DayCounter]) -> std::result::Result<Vec<Unread>, Anew> {
        let problems = self.count_shares(counters, |_| Ok::<(), Anew>(()))?;
        if let Some((first, rest)) = counters.split_first_mut() {
            rest.iter_mut().take(self.shares.len().saturating_sub(1)).try_for_each(|other| first.absorb(other))?;
        }
        Ok(problems)
    }

    /// Counts a family of the day, and sheds what was counted whenever all counters hold more than so many of its names, and at the end.
    pub(super) fn shed(
        &self,
        counters: &mut [DayCounter],
        family: Family,
        max_names: usize,
        shed: &Shed,
    ) -> Result<()> {
        let most = max_names / counters.len();
        counters.iter_mut().for_each(|counter| counter.begin_day([true; 24]));
        let after =
            |counter: &mut DayCounter| if counter.held(family) > most { counter.shed(family, shed) } else { Ok(()) };
        self.count_shares(counters, |counter| after(counter).map_err(Unshed)).map_err(|Unshed(error)| error)?;
        counters.iter_mut().try_for_each(|counter| counter.shed(family, shed))
    }

    /// Counts each share into a counter of its own, and calls `after` behind every batch.
    fn count_shares<E: From<Anew> + Send>(
        &self,
        counters: &mut [DayCounter],
        after: impl Fn(&mut DayCounter) -> std::result::Result<(), E> + Sync,
    ) -> std::result::Result<Vec<Unread>, E> {
        let counted: Vec<_> = counters
            .par_iter_mut()
            .zip(&self.shares)
            .map(|(counter, share)| count_share(counter, share, self.date, &after))
            .collect::<std::result::Result<_, E>>()?;
        Ok(counted.concat())
    }
}

/// The hours whose rows may come in several pieces: to several shares, or to one share with other hours between them.
fn hours_in_parts(shares: &[Vec<Group<'_>>], date: NaiveDate) -> HourSet {
    let mut in_parts = HourSet::default();
    let mut reached = None;
    for share in shares {
        for (place, (file, group)) in share.iter().enumerate() {
            let Some(span) = file.row_groups[*group].span else { return [true; 24] };
            let Some((first, last)) = hours_of(span, date) else { continue };
            if let Some(reached) = reached
                && (first < reached || first == reached && place == 0)
            {
                in_parts[first..=reached].fill(true);
            }
            reached = reached.max(Some(last));
        }
    }
    in_parts
}

/// The first and the last hour of the day that lie in a span of time.
fn hours_of((first, last): (i64, i64), date: NaiveDate) -> Option<(usize, usize)> {
    let midnight = midnight_ms(date);
    let (first, last) = (first.max(midnight), last.min(midnight + DAY_MS - 1));
    let hour = |time: i64| ((time - midnight) / HOUR_MS) as usize;
    (first <= last).then(|| (hour(first), hour(last)))
}

fn count_share<E: From<Anew>>(
    counter: &mut DayCounter,
    groups: &[Group<'_>],
    date: NaiveDate,
    after: &impl Fn(&mut DayCounter) -> std::result::Result<(), E>,
) -> std::result::Result<Vec<Unread>, E> {
    let mut problems = Vec::new();
    for (file, group) in groups {
        let mut read = 0;
        match count_row_group(counter, (file, *group), date, &mut read, after) {
            Ok(()) => problems.extend(unread_responses(file, *group)),
            Err(Stop::Other(other)) => return Err(other),
            Err(Stop::Unreadable(error)) => {
                let lost = file.row_groups[*group].rows - read;
                let unread_hours = unread_hours(file, *group, date);
                counter.note(ScanCounts { unreadable: lost, unread_hours, ..ScanCounts::default() });
                let message = format!("{lost} rows of row group {group} were not read: {}", error.about_its_file());
                problems.push(Unread { file: file.name.clone(), row_group: Some(*group), message });
            }
        }
    }
    Ok(problems)
}

/// The hours of the day in which a row group may hold rows; those that were read before it broke off may be of any of them.
fn unread_hours(file: &EventFile, group: usize, date: NaiveDate) -> UnreadHours {
    let Some(span) = file.row_groups[group].span else { return UnreadHours::DAY };
    let hours = hours_of(span, date).map(|(first, last)| HourSpan::new(first as u8, last as u8 + 1));
    hours.map(UnreadHours::from).unwrap_or_default()
}

/// Whether some calls of a row group failed is not known where their responses cannot be read.
fn unread_responses(file: &EventFile, group: usize) -> Option<Unread> {
    let why = file.unread_responses(group)?;
    let message =
        format!("responses in row group {group} were not read, so sign-ins that failed may count as successes: {why}");
    Some(Unread { file: file.name.clone(), row_group: Some(group), message })
}

/// What was counted could not be shed.
struct Unshed(Error);

impl From<Anew> for Unshed {
    /// Does not happen to those who count in parts and without a bound.
    fn from(anew: Anew) -> Self {
        Self(Error::Internal(format!("a day has to be counted anew and is not: {anew:?}")))
    }
}

/// Why a row group was not counted to its end.
enum Stop<E> {
    Unreadable(Error),
    Other(E),
}

impl<E> From<Error> for Stop<E> {
    fn from(error: Error) -> Self {
        Self::Unreadable(error)
    }
}

fn count_row_group<E: From<Anew>>(
    counter: &mut DayCounter,
    (file, group): Group<'_>,
    date: NaiveDate,
    read: &mut u64,
    after: &impl Fn(&mut DayCounter) -> std::result::Result<(), E>,
) -> std::result::Result<(), Stop<E>> {
    for batch in RowGroupReader::open(file, group, &counter.inputs())? {
        let batch = batch?;
        *read += batch.times.len() as u64;
        let in_order = batch.times.is_sorted();
        if !(in_order && lies_within(&batch.times, date)) && file.home_of(group) == Some(date) {
            counter.note(rows_of_no_day(&batch, file.folder_date));
        }
        count_rows_of_day(counter, &batch, in_order, date).map_err(|anew| Stop::Other(anew.into()))?;
        after(counter).map_err(Stop::Other)?;
    }
    Ok(())
}

/// Rows that no day will count, met on the day of their folder; those of an undated file on its first.
fn rows_of_no_day(batch: &EventBatch, folder: Option<NaiveDate>) -> ScanCounts {
    let without_time = batch.times.iter().filter(|&&time| time == NO_TIME).count() as u64;
    let near = folder.map_or(i64::MIN..i64::MAX, |date| midnight_ms(date) - DAY_MS..midnight_ms(date) + 2 * DAY_MS);
    let far = batch.times.iter().filter(|&&time| !near.contains(&time)).count() as u64;
    let set_aside = if folder.is_some() { far - without_time } else { 0 };
    ScanCounts { set_aside, without_time, ..ScanCounts::default() }
}

fn count_rows_of_day(
    counter: &mut DayCounter,
    batch: &EventBatch,
    in_order: bool,
    date: NaiveDate,
) -> std::result::Result<(), Anew> {
    let midnight = midnight_ms(date);
    if in_order && lies_within(&batch.times, date) {
        return counter.count(batch, &runs(&batch.times, midnight));
    }
    let rows = rows_by_slot(&batch.times, midnight);
    if rows.is_empty() {
        return Ok(());
    }
    let batch = batch.take(&rows);
    let runs = runs(&batch.times, midnight);
    counter.count(&batch, &runs)
}

/// Whether times that are in order all lie in the day.
fn lies_within(times: &[i64], date: NaiveDate) -> bool {
    let day = midnight_ms(date)..midnight_ms(date) + DAY_MS;
    [times.first(), times.last()].into_iter().flatten().all(|time| day.contains(time))
}

/// The numbers of the rows that lie in the day, slot by slot.
fn rows_by_slot(times: &[i64], midnight: i64) -> Vec<u32> {
    let mut by_slot = vec![Vec::new(); SLOTS];
    for (row, &time) in times.iter().enumerate() {
        if (midnight..midnight + DAY_MS).contains(&time) {
            by_slot[((time - midnight) / SLOT_MS) as usize].push(row as u32);
        }
    }
    by_slot.concat()
}

/// Rows of the day that begins at `midnight` by the slot they are in; those of a slot must follow one another.
pub fn runs(times: &[i64], midnight: i64) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut first = 0;
    while let Some(&time) = times.get(first) {
        let slot = (time - midnight) / SLOT_MS;
        let end = midnight + (slot + 1) * SLOT_MS;
        // Within a slot rows may be in any order, but none of a later slot comes before.
        let length = times[first..].partition_point(|&time| time < end);
        runs.push((slot as u16, first, first + length));
        first += length;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();

    #[test]
    fn runs_are_of_one_slot_each() {
        let midnight = midnight_ms(DATE);
        let times = [5, 3, SLOT_MS, SLOT_MS + 9, SLOT_MS + 1, 7 * SLOT_MS].map(|time| midnight + time);
        assert_eq!(runs(&times, midnight), [(0, 0, 2), (1, 2, 5), (7, 5, 6)]);
    }

    #[test]
    fn spans_are_cut_to_the_day() {
        let hour = |hour: i64| midnight_ms(DATE) + hour * HOUR_MS;
        assert_eq!(hours_of((hour(-3), hour(2)), DATE), Some((0, 2)));
        assert_eq!(hours_of((hour(22), hour(30)), DATE), Some((22, 23)));
        assert_eq!(hours_of((hour(24), hour(30)), DATE), None);
    }
}
