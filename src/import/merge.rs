//! From runs to partition files: each day's events in order, without duplicates, in a file of their own.
//!
//! A merge goes window by window: which rows come next is decided once, then every column is gathered and encoded on its own
//! thread, while the next window is decided on. A day that has events already gets one more file.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::compute::interleave;
use arrow::datatypes::Int32Type;
use chrono::NaiveDate;

use crate::error::{Error, Result};
use crate::import::run::{Batches, Run, times_of};
use crate::import::{ImportReport, duplicates};
use crate::partition::write::{self, ROW_GROUP_ROWS};

/// Rows that are gathered at a time.
const WINDOW_ROWS: usize = 16_384;

/// Writes the partitions of all days that the runs have events of, and completes the report.
pub(super) fn write_partitions(out: &Path, runs: &[Run], report: &mut ImportReport) -> Result<()> {
    let days: BTreeSet<NaiveDate> = runs.iter().flat_map(Run::days).collect();
    for day in days {
        let runs: Vec<&Run> = runs.iter().filter(|run| run.count(day) > 0).collect();
        let dropped = duplicates::find(out, day, &runs)?;
        let total: usize = dropped.iter().map(Vec::len).sum();
        let repeated: usize = dropped.iter().flatten().filter(|&&dropped| dropped).count();
        report.duplicates += repeated as u64;
        report.added += (total - repeated) as u64;
        if total > repeated {
            report.days.push((day, (total - repeated) as u64));
            write_day(&next_file(out, day)?, day, &runs, dropped)?;
        }
    }
    Ok(())
}

fn next_file(out: &Path, day: NaiveDate) -> Result<PathBuf> {
    let taken = duplicates::partition_files(out, day)?;
    let name = (0..=taken.len()).map(|number| write::folder(out, day).join(format!("part-{number:04}.parquet")));
    name.into_iter().find(|path| !taken.contains(path)).ok_or_else(|| Error::Internal("no name left".to_owned()))
}

fn write_day(target: &Path, day: NaiveDate, runs: &[&Run], dropped: Vec<Vec<bool>>) -> Result<()> {
    let mut merge = Merge::new(day, runs, dropped)?;
    let mut file = write::create(target)?;
    let mut window = merge.next_window()?;
    while !window.is_empty() {
        let mut group = file.row_group()?;
        let mut rows = 0;
        while !window.is_empty() && rows < ROW_GROUP_ROWS {
            let batches = merge.batches();
            rows += window.len();
            let gathered = |column| gather(&batches, column, &window);
            let (next, appended) = rayon::join(|| merge.next_window(), || group.append(gathered));
            appended?;
            window = next?;
        }
        group.close()?;
    }
    file.finish()
}

/// A run that is being merged.
struct Cursor {
    batches: Batches,
    batch: Option<RecordBatch>,
    row: usize,
    passed: usize,
    dropped: Vec<bool>,
}

impl Cursor {
    /// Moves to the next row that stays, loading batches as needed only while `may_load`; false when that would need a load.
    fn settle(&mut self, may_load: bool) -> Result<bool> {
        loop {
            let rows = self.batch.as_ref().map_or(0, RecordBatch::num_rows);
            while self.row < rows && self.dropped[self.passed + self.row] {
                self.row += 1;
            }
            if self.row < rows {
                return Ok(true);
            }
            if !may_load {
                return Ok(false);
            }
            self.passed += rows;
            self.row = 0;
            self.batch = self.batches.next().transpose()?;
            if self.batch.is_none() {
                return Ok(true);
            }
        }
    }

    fn time(&self) -> Option<i64> {
        self.batch.as_ref().and_then(|batch| times_of(batch).get(self.row).copied())
    }
}

/// Merges runs by time; among equal times the run that came first goes first.
struct Merge {
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Reverse<(i64, usize)>>,
    /// Runs whose batch is used up; they may be reloaded once the window that still needs it is gathered.
    waiting: Vec<usize>,
}

impl Merge {
    fn new(day: NaiveDate, runs: &[&Run], dropped: Vec<Vec<bool>>) -> Result<Self> {
        let open = |(run, dropped): (&&Run, Vec<bool>)| {
            Ok(Cursor { batches: run.events(day)?, batch: None, row: 0, passed: 0, dropped })
        };
        let cursors: Vec<Cursor> = runs.iter().zip(dropped).map(open).collect::<Result<_>>()?;
        let waiting = (0..cursors.len()).collect();
        Ok(Self { cursors, heap: BinaryHeap::new(), waiting })
    }

    /// The next rows as (run, row of its batch); fewer than a full window when a run's batch is used up.
    fn next_window(&mut self) -> Result<Vec<(usize, usize)>> {
        for run in std::mem::take(&mut self.waiting) {
            self.cursors[run].settle(true)?;
            if let Some(time) = self.cursors[run].time() {
                self.heap.push(Reverse((time, run)));
            }
        }
        let mut window = Vec::with_capacity(WINDOW_ROWS);
        while window.len() < WINDOW_ROWS && self.waiting.is_empty() {
            let Some(Reverse((_, run))) = self.heap.pop() else { break };
            let cursor = &mut self.cursors[run];
            window.push((run, cursor.row));
            cursor.row += 1;
            match cursor.settle(false)?.then(|| cursor.time()).flatten() {
                Some(time) => self.heap.push(Reverse((time, run))),
                None => self.waiting.push(run),
            }
        }
        Ok(window)
    }

    /// The batches that windows point into, run by run.
    fn batches(&self) -> Vec<Option<RecordBatch>> {
        self.cursors.iter().map(|cursor| cursor.batch.clone()).collect()
    }
}

/// One column of the rows of a window.
fn gather(batches: &[Option<RecordBatch>], column: usize, window: &[(usize, usize)]) -> Result<ArrayRef> {
    let mut place = vec![None; batches.len()];
    let mut arrays: Vec<&dyn Array> = Vec::new();
    let mut rows = Vec::with_capacity(window.len());
    for &(run, row) in window {
        let Some(batch) = &batches[run] else { continue };
        let array = *place[run].get_or_insert_with(|| {
            arrays.push(batch.column(column).as_ref());
            arrays.len() - 1
        });
        rows.push((array, row));
    }
    let texts: Option<Vec<Texts<'_>>> = arrays.iter().map(|array| Texts::of(*array)).collect();
    match texts {
        Some(texts) => {
            Ok(Arc::new(rows.into_iter().map(|(array, row)| texts[array].row(row)).collect::<StringArray>()))
        }
        None => interleave(&arrays, &rows).map_err(Error::internal),
    }
}

/// The texts of a column of a batch: written out on disk, as keys in memory.
enum Texts<'a> {
    Plain(&'a StringArray),
    Coded(&'a Int32Array, &'a StringArray),
}

impl<'a> Texts<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        match array.as_dictionary_opt::<Int32Type>() {
            Some(coded) => Some(Self::Coded(coded.keys(), coded.values().as_string_opt()?)),
            None => array.as_string_opt().map(Self::Plain),
        }
    }

    fn row(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Coded(keys, texts) => keys.is_valid(row).then(|| texts.value(keys.value(row) as usize)),
        }
    }
}
