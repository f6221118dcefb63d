//! A run: some events in the order of their times, in memory or on disk.
//!
//! Runs are made while files are read and merged when all are. Where a run is kept depends on how much memory is taken already,
//! what is in it only on the input, so the partitions come out the same either way.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampMillisecondType;
use chrono::NaiveDate;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::error::{Error, Result};
use crate::event::Column;
use crate::import::rows::written_out;
use crate::partition::write;
use crate::time::{DAY_MS, date_of_ms, midnight_ms};

/// Runs beyond this many bytes go to disk.
const RESIDENT_BYTES: usize = 384 << 20;
/// Rows of a spilled run that are read at a time.
const SPILLED_ROWS: usize = 2048;

/// Events in the order of their times.
#[derive(Debug)]
pub(super) struct Run {
    place: RunPlace,
    /// For each day the rows that are its own, ascending.
    days: Vec<(NaiveDate, Range<usize>)>,
}

#[derive(Debug)]
enum RunPlace {
    Memory(RecordBatch),
    Disk(PathBuf),
}

/// How much memory all runs take together, and where those that find no room go.
#[derive(Debug)]
pub(super) struct RunSpace<'a> {
    pub(super) folder: &'a Path,
    pub(super) resident: AtomicUsize,
}

impl Run {
    /// Sorts events by time; among equal times they stay as they came.
    pub(super) fn new(events: &RecordBatch, space: &RunSpace<'_>, name: &str) -> Result<Self> {
        let internal = |error: arrow::error::ArrowError| Error::Internal(error.to_string());
        let times = times_of(events);
        let mut order: Vec<u32> = (0..times.len() as u32).collect();
        order.sort_by_key(|&row| times[row as usize]);
        let sorted = if order.is_sorted() {
            events.clone()
        } else {
            take_record_batch(events, &UInt32Array::from(order)).map_err(internal)?
        };
        let days = days_of(times_of(&sorted));
        let bytes = sorted.get_array_memory_size();
        if space.resident.fetch_add(bytes, Ordering::Relaxed) + bytes <= RESIDENT_BYTES {
            return Ok(Self { place: RunPlace::Memory(sorted), days });
        }
        space.resident.fetch_sub(bytes, Ordering::Relaxed);
        let path = space.folder.join(name);
        let mut file = write::create(&path)?;
        file.write(&written_out(&sorted).map_err(internal)?)?;
        file.finish()?;
        Ok(Self { place: RunPlace::Disk(path), days })
    }

    /// The days that it has events of.
    pub(super) fn days(&self) -> impl Iterator<Item = NaiveDate> {
        self.days.iter().map(|(day, _)| *day)
    }

    /// How many events of a day it has.
    pub(super) fn count(&self, day: NaiveDate) -> usize {
        self.rows(day).len()
    }

    fn rows(&self, day: NaiveDate) -> Range<usize> {
        self.days.iter().find(|(own, _)| *own == day).map_or(0..0, |(_, rows)| rows.clone())
    }

    /// The ids of a day's events, in order, batch by batch.
    pub(super) fn ids(&self, day: NaiveDate) -> Result<Batches> {
        self.batches(day, Some(Column::EventId))
    }

    /// A day's events, in order, batch by batch.
    pub(super) fn events(&self, day: NaiveDate) -> Result<Batches> {
        self.batches(day, None)
    }

    fn batches(&self, day: NaiveDate, only: Option<Column>) -> Result<Batches> {
        let rows = self.rows(day);
        match &self.place {
            RunPlace::Memory(all) => {
                let slice = all.slice(rows.start, rows.len());
                let slice = match only {
                    Some(column) => slice.project(&[column as usize]).map_err(Error::internal)?,
                    None => slice,
                };
                Ok(Batches::Memory(Some(slice).filter(|slice| slice.num_rows() > 0)))
            }
            RunPlace::Disk(path) => {
                let file = File::open(path).map_err(Error::read(path))?;
                let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
                let mask = match only {
                    Some(column) => ProjectionMask::leaves(builder.parquet_schema(), [column as usize]),
                    None => ProjectionMask::all(),
                };
                let reader = builder
                    .with_projection(mask)
                    .with_batch_size(SPILLED_ROWS)
                    .with_offset(rows.start)
                    .with_limit(rows.len())
                    .build()
                    .map_err(Error::parquet(path))?;
                Ok(Batches::Disk(Box::new(reader), path.clone()))
            }
        }
    }
}

/// The rows of a run, batch by batch.
pub(super) enum Batches {
    Memory(Option<RecordBatch>),
    Disk(Box<ParquetRecordBatchReader>, PathBuf),
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory(batch) => batch.take().map(Ok),
            Self::Disk(reader, path) => Some(reader.next()?.map_err(Error::parquet(path))),
        }
    }
}

/// The times of events, in milliseconds.
pub(super) fn times_of(events: &RecordBatch) -> &[i64] {
    let times: &ArrayRef = events.column(Column::EventTime as usize);
    times.as_primitive::<TimestampMillisecondType>().values()
}

fn days_of(times: &[i64]) -> Vec<(NaiveDate, Range<usize>)> {
    let mut days = Vec::new();
    let mut first = 0;
    while let Some(&time) = times.get(first) {
        let Some(day) = date_of_ms(time) else { break };
        let end = first + times[first..].partition_point(|&other| other < midnight_ms(day) + DAY_MS);
        days.push((day, first..end));
        first = end;
    }
    days
}
