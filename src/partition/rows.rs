//! Reading a few rows of a row group, with as many columns as may be asked for.
//!
//! Keys into dictionaries are picked from their pages, and of the dictionary only the texts are made that occur. Others (ids, parameters)
//! are passed over row by row, so that only what is asked for is built.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::ScalarBuffer;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelectionPolicy, RowSelector};
use parquet::basic::Encoding;

use crate::error::{Error, Result};
use crate::event::Column;
use crate::partition::columns::Leaf;
use crate::partition::pages::{KeyColumn, TimeColumn};
use crate::partition::read::{chunks, convert, leaf_array, text_of, times_of};
use crate::partition::sources::{Source, sources};
use crate::partition::{EventBatch, EventFile, RowChoice, RowGroupReader, TextColumn};

/// Reads the rows of the given ascending numbers: the times and, for each of `columns`, the first of the named ones that has a text.
pub fn read_rows(file: &EventFile, group: usize, columns: &[&[Column]], rows: &[u32]) -> Result<EventBatch> {
    let time = &file.columns.leaves(Column::EventTime)[0];
    let columns = sources_of(file, group, columns, rows)?;
    Error::if_damaged(&file.path, || read_leaves(file, group, &columns, rows, Some(time)))
}

/// As [`read_rows`], without times.
pub fn read_texts(file: &EventFile, group: usize, columns: &[&[Column]], rows: &[u32]) -> Result<EventBatch> {
    read_held(file, group, &sources_of(file, group, columns, rows)?, rows)
}

/// The same of columns whose sources are known.
pub(super) fn read_held(file: &EventFile, group: usize, columns: &[Vec<Source>], rows: &[u32]) -> Result<EventBatch> {
    Error::if_damaged(&file.path, || read_leaves(file, group, columns, rows, None))
}

fn sources_of(file: &EventFile, group: usize, columns: &[&[Column]], rows: &[u32]) -> Result<Vec<Vec<Source>>> {
    columns.iter().map(|alternatives| sources(file, group, alternatives, Some(rows))).collect()
}

/// The time of each row of a row group in milliseconds, or [`NO_TIME`](crate::partition::NO_TIME) where there is none.
pub fn read_times(file: &EventFile, group: usize) -> Result<ScalarBuffer<i64>> {
    let rows = file.row_groups[group].rows as usize;
    let choice = RowChoice { batch_rows: rows.max(1), ..RowChoice::default() };
    let batches: Vec<EventBatch> = RowGroupReader::open_rows(file, group, &[], choice)?.collect::<Result<_>>()?;
    let times = match &batches[..] {
        [whole] => whole.times.clone(),
        parts => parts.iter().flat_map(|part| part.times.iter().copied()).collect(),
    };
    if times.len() == rows { Ok(times) } else { Err(short(file, times.len(), rows)) }
}

fn read_leaves(
    file: &EventFile,
    group: usize,
    columns: &[Vec<Source>],
    rows: &[u32],
    time: Option<&Leaf>,
) -> Result<EventBatch> {
    let mut leaves: Vec<&Leaf> = columns.iter().flatten().flat_map(Source::leaves).collect();
    leaves.sort_unstable_by_key(|leaf| leaf.index);
    leaves.dedup_by_key(|leaf| leaf.index);
    let texts = Picked::read(file, group, &mut leaves, rows)?;
    let (times, time) = match time {
        Some(time) => match picked_times(file, group, time, rows)? {
            Some(times) => (times.into(), None),
            None => (Vec::new().into(), Some(time)),
        },
        None => (Vec::new().into(), None),
    };
    let (coded, plain): (Vec<&Leaf>, Vec<&Leaf>) =
        leaves.into_iter().chain(time).partition(|leaf| is_coded(file, group, leaf));
    let coded_rows = read(file, group, &coded, rows, RowSelectionPolicy::default())?;
    let plain_rows = read(file, group, &plain, rows, RowSelectionPolicy::Selectors)?;
    let array = |leaf: &Leaf| -> ArrayRef {
        leaf_array(if is_coded(file, group, leaf) { &coded_rows } else { &plain_rows }, leaf)
    };
    let times = time.map_or(Ok(times), |time| times_of(file, time, &array(time)))?;
    let text = |leaf: &Leaf| match texts.of(leaf) {
        Some(column) => Ok(column.clone()),
        None => text_of(file, leaf, &array(leaf)),
    };
    convert(times, columns, 0..rows.len(), &text)
}

/// The times of rows, if they can be picked from pages of numbers.
fn picked_times(file: &EventFile, group: usize, time: &Leaf, rows: &[u32]) -> Result<Option<Vec<i64>>> {
    let chunk = Arc::new(chunks(file, group, &[time])?);
    let picked = TimeColumn::open(file, group, time, &chunk).map(|column| column?.pick(rows));
    picked.transpose().map_err(Error::parquet(&file.path))
}

/// Texts picked from pages of keys, by the leaves' numbers.
struct Picked(Vec<(usize, TextColumn)>);

impl Picked {
    /// Reads those of the leaves that can be read so, and takes them from the leaves that are still to be read.
    fn read(file: &EventFile, group: usize, leaves: &mut Vec<&Leaf>, rows: &[u32]) -> Result<Self> {
        let coded: Vec<&Leaf> = leaves.iter().copied().filter(|leaf| is_coded(file, group, leaf)).collect();
        let all = Arc::new(chunks(file, group, &coded)?);
        let mut picked = Vec::new();
        for leaf in std::mem::take(leaves) {
            match KeyColumn::open(file, group, leaf, &all) {
                Some(column) => {
                    let texts = column.and_then(|mut column| column.pick_texts(rows));
                    picked.push((leaf.index, texts.map_err(Error::parquet(&file.path))?));
                }
                None => leaves.push(leaf),
            }
        }
        Ok(Self(picked))
    }

    fn of(&self, leaf: &Leaf) -> Option<&TextColumn> {
        self.0.iter().find(|(index, _)| *index == leaf.index).map(|(_, column)| column)
    }
}

/// Whether every page of a leaf holds keys into a dictionary, or values as cheap as keys.
pub(super) fn is_coded(file: &EventFile, group: usize, leaf: &Leaf) -> bool {
    let chunk = file.metadata.metadata().row_group(group).column(leaf.index);
    let text = chunk.column_type() == parquet::basic::Type::BYTE_ARRAY;
    let only_keys = chunk
        .page_encoding_stats_mask()
        .is_some_and(|mask| mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY));
    leaf.is_simple() && (!text || only_keys)
}

fn read(
    file: &EventFile,
    group: usize,
    leaves: &[&Leaf],
    rows: &[u32],
    policy: RowSelectionPolicy,
) -> Result<RecordBatch> {
    if leaves.is_empty() {
        return Ok(RecordBatch::new_empty(arrow::datatypes::SchemaRef::new(arrow::datatypes::Schema::empty())));
    }
    let mask = ProjectionMask::leaves(file.metadata.parquet_schema(), leaves.iter().flat_map(|leaf| leaf.indexes()));
    let handle = File::open(&file.path).map_err(Error::read(&file.path))?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, file.metadata.clone())
        .with_row_groups(vec![group])
        .with_projection(mask)
        .with_batch_size(rows.len().max(1))
        .with_row_selection(selection(rows))
        .with_row_selection_policy(policy)
        .build()
        .map_err(Error::parquet(&file.path))?;
    let mut batches = Vec::new();
    for batch in reader {
        batches.push(batch.map_err(Error::parquet(&file.path))?);
    }
    let whole = match batches.len() {
        1 => batches.swap_remove(0),
        _ => match batches.first() {
            Some(first) => {
                arrow::compute::concat_batches(&first.schema(), &batches).map_err(Error::parquet(&file.path))?
            }
            None => return Err(short(file, 0, rows.len())),
        },
    };
    if whole.num_rows() == rows.len() { Ok(whole) } else { Err(short(file, whole.num_rows(), rows.len())) }
}

fn short(file: &EventFile, found: usize, wanted: usize) -> Error {
    Error::Parquet { path: file.path.clone(), message: format!("{found} rows where {wanted} should be") }
}

/// Runs of rows to read and rows to pass over.
fn selection(rows: &[u32]) -> RowSelection {
    let mut selectors = Vec::new();
    let mut next = 0;
    for run in rows.chunk_by(|left, right| left + 1 == *right) {
        let first = run[0] as usize;
        if first > next {
            selectors.push(RowSelector::skip(first - next));
        }
        selectors.push(RowSelector::select(run.len()));
        next = first + run.len();
    }
    selectors.into()
}
