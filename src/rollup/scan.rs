//! The scan: every row of a day's files, once.
//!
//! Row groups are divided among threads in order, each thread counts its share, and the shares are added up. A row group
//! that cannot be read is named and counted, and the rest goes on.

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::Result;
use crate::partition::{DAY_MS, EventBatch, EventFile, NO_TIME, Problem, RowGroupReader, midnight_ms};
use crate::rollup::cells::{SLOT_MS, SLOTS};
use crate::rollup::counter::{DayCounter, DayRollup, ScanCounts};
use crate::rollup::keys::inputs;

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions {
    /// Whether to count pairs too.
    pub pairs: bool,
    /// Among how many threads to divide one day.
    pub threads: usize,
}

/// Counts one day from the files that concern it.
pub fn scan_day(files: &[EventFile], date: NaiveDate, options: ScanOptions) -> (DayRollup, Vec<Problem>) {
    let groups: Vec<(&EventFile, usize)> =
        files.iter().flat_map(|file| file.row_groups_of(date).map(move |group| (file, group))).collect();
    let share = groups.len().div_ceil(options.threads.max(1)).max(1);
    let shares: Vec<(DayCounter, Vec<Problem>)> =
        groups.par_chunks(share).map(|share| count_share(share, date, options.pairs)).collect();
    let added = shares.into_iter().reduce(|(mut total, mut problems), (counter, found)| {
        total.absorb(counter);
        problems.extend(found);
        (total, problems)
    });
    let (total, problems) = added.unwrap_or_else(|| (DayCounter::new(options.pairs), Vec::new()));
    (total.finish(), problems)
}

fn count_share(groups: &[(&EventFile, usize)], date: NaiveDate, pairs: bool) -> (DayCounter, Vec<Problem>) {
    let mut counter = DayCounter::new(pairs);
    let mut problems = Vec::new();
    for (file, group) in groups {
        let mut read = 0;
        if let Err(error) = count_row_group(&mut counter, file, *group, date, &mut read) {
            let lost = file.row_groups[*group].rows - read;
            counter.note(ScanCounts { unreadable: lost, ..ScanCounts::default() });
            let message = format!("{lost} rows of row group {group} were not read: {error}");
            problems.push(Problem { file: file.name.clone(), message });
        }
    }
    (counter, problems)
}

fn count_row_group(
    counter: &mut DayCounter,
    file: &EventFile,
    group: usize,
    date: NaiveDate,
    read: &mut u64,
) -> Result<()> {
    for batch in RowGroupReader::open(file, group, &inputs(counter.counts_pairs()))? {
        let batch = batch?;
        *read += batch.times.len() as u64;
        if file.folder_date.is_none_or(|folder| folder == date) {
            counter.note(rows_of_no_day(&batch, file.folder_date));
        }
        count_rows_of_day(counter, &batch, date);
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

fn count_rows_of_day(counter: &mut DayCounter, batch: &EventBatch, date: NaiveDate) {
    let midnight = midnight_ms(date);
    let in_order = batch.times.is_sorted();
    let whole = in_order
        && batch.times.first().is_some_and(|&first| first >= midnight)
        && batch.times.last().is_some_and(|&last| last < midnight + DAY_MS);
    if whole {
        counter.count(batch, &runs(&batch.times, midnight));
        return;
    }
    let rows = rows_by_slot(&batch.times, midnight);
    if !rows.is_empty() {
        let batch = batch.take(&rows);
        let runs = runs(&batch.times, midnight);
        counter.count(&batch, &runs);
    }
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

/// Runs of rows in one slot: (slot, first row, one past the last row).
fn runs(times: &[i64], midnight: i64) -> Vec<(u16, usize, usize)> {
    let mut runs = Vec::new();
    let mut first = 0;
    while let Some(&time) = times.get(first) {
        let slot = (time - midnight) / SLOT_MS;
        let bounds = midnight + slot * SLOT_MS..midnight + (slot + 1) * SLOT_MS;
        let length = times[first..].iter().position(|time| !bounds.contains(time)).unwrap_or(times.len() - first);
        runs.push((slot as u16, first, first + length));
        first += length;
    }
    runs
}
