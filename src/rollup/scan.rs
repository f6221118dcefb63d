//! The scan: every row of a day's files, once.
//!
//! Row groups are divided among threads in the order of their times, each thread counts its share, and the shares are added up.
//! An hour that one thread meets in one piece is summed up as it passes; where the footers say that it will come in several pieces, or
//! turn out to have been wrong, it is counted in parts. A row group that cannot be read is named and counted, and the rest goes on.

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::Error;
use crate::partition::{DAY_MS, EventBatch, EventFile, HOUR_MS, NO_TIME, Problem, RowGroupReader, midnight_ms};
use crate::rollup::counter::{DayCounter, HourSet, OutOfOrder, Run};
use crate::rollup::day::{DayRollup, ScanCounts};
use crate::rollup::hours::{SLOT_MS, SLOTS};
use crate::rollup::keys::inputs;

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions {
    /// Whether to count pairs too.
    pub pairs: bool,
    /// Among how many threads to divide one day.
    pub threads: usize,
}

/// Counts day after day.
#[derive(Debug)]
pub struct Scanner {
    counters: Vec<DayCounter>,
}

/// Counts one day from the files that concern it.
pub fn scan_day(files: &[EventFile], date: NaiveDate, options: ScanOptions) -> (DayRollup, Vec<Problem>) {
    Scanner::new(options).scan(files, date)
}

/// A row group of a file.
type Group<'files> = (&'files EventFile, usize);

impl Scanner {
    /// A scanner that has seen nothing yet.
    pub fn new(options: ScanOptions) -> Self {
        Self { counters: (0..options.threads.max(1)).map(|_| DayCounter::new(options.pairs)).collect() }
    }

    /// Counts one day from the files that concern it.
    pub fn scan(&mut self, files: &[EventFile], date: NaiveDate) -> (DayRollup, Vec<Problem>) {
        let mut groups: Vec<Group<'_>> =
            files.iter().flat_map(|file| file.row_groups_of(date).map(move |group| (file, group))).collect();
        groups.sort_by_key(|(file, group)| file.row_groups[*group].span.map_or(i64::MAX, |(first, _)| first));
        let shares: Vec<&[Group<'_>]> = groups.chunks(groups.len().div_ceil(self.counters.len()).max(1)).collect();
        let in_parts = hours_in_parts(&shares, date);
        let problems = self
            .count(&shares, date, in_parts)
            .or_else(|OutOfOrder| self.count(&shares, date, HourSet::from([true; 24])))
            // With every hour in parts there is no order to be out of.
            .unwrap_or_else(|OutOfOrder| unreachable!("hours in parts may come in any order"));
        (self.counters[0].finish(), problems)
    }

    /// Counts all shares into the first counter.
    fn count(
        &mut self,
        shares: &[&[Group<'_>]],
        date: NaiveDate,
        in_parts: HourSet,
    ) -> Result<Vec<Problem>, OutOfOrder> {
        self.counters.iter_mut().for_each(|counter| counter.begin_day(in_parts));
        let counted: Vec<_> = self
            .counters
            .par_iter_mut()
            .zip(shares)
            .map(|(counter, share)| count_share(counter, share, date))
            .collect::<Result<_, OutOfOrder>>()?;
        if let Some((first, rest)) = self.counters.split_first_mut() {
            rest.iter_mut().take(shares.len().saturating_sub(1)).try_for_each(|other| first.absorb(other))?;
        }
        Ok(counted.concat())
    }
}

/// The hours whose rows may come in several pieces: to several shares, or to one share with other hours between them.
fn hours_in_parts(shares: &[&[Group<'_>]], date: NaiveDate) -> HourSet {
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

fn count_share(counter: &mut DayCounter, groups: &[Group<'_>], date: NaiveDate) -> Result<Vec<Problem>, OutOfOrder> {
    let mut problems = Vec::new();
    for (file, group) in groups {
        let mut read = 0;
        match count_row_group(counter, file, *group, date, &mut read) {
            Ok(()) => {}
            Err(Stop::OutOfOrder) => return Err(OutOfOrder),
            Err(Stop::Unreadable(error)) => {
                let lost = file.row_groups[*group].rows - read;
                counter.note(ScanCounts { unreadable: lost, ..ScanCounts::default() });
                let message = format!("{lost} rows of row group {group} were not read: {}", error.about_its_file());
                problems.push(Problem { file: file.name.clone(), message });
            }
        }
    }
    Ok(problems)
}

/// Why a row group was not counted to its end.
enum Stop {
    Unreadable(Error),
    OutOfOrder,
}

impl From<OutOfOrder> for Stop {
    fn from(OutOfOrder: OutOfOrder) -> Self {
        Self::OutOfOrder
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Unreadable(error)
    }
}

fn count_row_group(
    counter: &mut DayCounter,
    file: &EventFile,
    group: usize,
    date: NaiveDate,
    read: &mut u64,
) -> Result<(), Stop> {
    for batch in RowGroupReader::open(file, group, &inputs(counter.counts_pairs()))? {
        let batch = batch?;
        *read += batch.times.len() as u64;
        let in_order = batch.times.is_sorted();
        if !(in_order && lies_within(&batch.times, date)) && file.folder_date.is_none_or(|folder| folder == date) {
            counter.note(rows_of_no_day(&batch, file.folder_date));
        }
        count_rows_of_day(counter, &batch, in_order, date)?;
    }
    Ok(())
}

/// Rows that no day will count, met on the day of their folder (an undated file's timeless rows are met on each of its days).
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
) -> Result<(), OutOfOrder> {
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
