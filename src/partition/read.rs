//! Reading a row group in batches of dictionary columns under canonical names.
//!
//! Two things make it fast: the file's own dictionary pages are kept, so that no text is touched per row, and a column whose
//! statistics show a single value is not read at all. One row group at a time, so that a batch never straddles dictionaries.

use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::statistics::Statistics;

use crate::error::{Error, Result};
use crate::event::Column;
use crate::partition::chunks::Chunks;
use crate::partition::columns::Leaf;
use crate::partition::times::milliseconds;
use crate::partition::{EventFile, TextColumn};

/// Rows in a batch: small enough for its keys to stay in the processor's cache.
const BATCH_ROWS: usize = 32_768;

/// Which rows of a row group are read, and how.
#[derive(Debug, Clone, Copy)]
pub struct RowChoice<'rows> {
    /// The numbers of the rows in the row group, ascending; every row where there is none.
    pub rows: Option<&'rows [u32]>,
    /// Whether times are read; [`EventBatch::times`] is empty otherwise.
    pub times: bool,
    /// The most rows in a batch.
    pub batch_rows: usize,
}

impl Default for RowChoice<'_> {
    /// Every row with its time.
    fn default() -> Self {
        Self { rows: None, times: true, batch_rows: BATCH_ROWS }
    }
}

/// Some rows of some columns.
#[derive(Debug, Clone)]
pub struct EventBatch {
    /// How many rows there are.
    pub rows: usize,
    /// The time of each row in milliseconds, or [`i64::MIN`] where there is none.
    pub times: ScalarBuffer<i64>,
    /// The columns asked for, in that order.
    pub columns: Vec<TextColumn>,
}

impl EventBatch {
    /// The rows of the given numbers, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let times = rows.iter().filter_map(|&row| self.times.get(row as usize).copied()).collect();
        Self { rows: rows.len(), times, columns: self.columns.iter().map(|column| column.take(rows)).collect() }
    }
}

/// Reads one row group; an iterator of batches.
#[allow(missing_debug_implementations)]
pub struct RowGroupReader<'file> {
    file: &'file EventFile,
    reader: ParquetRecordBatchReader,
    time: Option<Leaf>,
    columns: Vec<Vec<Source>>,
}

/// Where the rows of a column come from.
pub(super) enum Source {
    Leaf(Leaf),
    Constant(TextColumn),
}

impl Source {
    fn leaf(&self) -> Option<&Leaf> {
        match self {
            Self::Leaf(leaf) => Some(leaf),
            Self::Constant(_) => None,
        }
    }
}

impl<'file> RowGroupReader<'file> {
    /// Opens a row group to read the times and, for each of `columns`, the first of the named ones that has a text.
    pub fn open(file: &'file EventFile, group: usize, columns: &[&[Column]]) -> Result<Self> {
        Self::open_rows(file, group, columns, RowChoice::default())
    }

    /// Opens some rows of a row group; pages that hold none of them are not decoded.
    pub fn open_rows(
        file: &'file EventFile,
        group: usize,
        columns: &[&[Column]],
        choice: RowChoice<'_>,
    ) -> Result<Self> {
        let columns: Vec<Vec<Source>> = columns.iter().map(|alternatives| sources(file, group, alternatives)).collect();
        let time = choice.times.then(|| file.columns.leaves(Column::EventTime)[0].clone());
        let wanted = || columns.iter().flatten().filter_map(Source::leaf);
        let as_stored = time.is_none() && wanted().all(|leaf| file.is_mostly_distinct(group, leaf));
        let metadata = if as_stored { &file.without_dictionaries } else { &file.metadata };
        let mut leaves: Vec<usize> = wanted().chain(time.as_ref()).map(|leaf| leaf.index).collect();
        leaves.sort_unstable();
        leaves.dedup();
        let chunks = chunks(file, group, &leaves)?;
        let mask = ProjectionMask::leaves(file.metadata.parquet_schema(), leaves);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(choice.batch_rows);
        if let Some(rows) = choice.rows {
            let all = file.metadata.metadata().row_group(group).num_rows() as usize;
            builder = builder.with_row_selection(row_selection(rows, all));
        }
        let reader = builder.build().map_err(Error::parquet(&file.path))?;
        Ok(Self { file, reader, time, columns })
    }

    fn convert(&self, batch: &RecordBatch) -> Result<EventBatch> {
        convert(self.file, self.time.as_ref(), &self.columns, batch.num_rows(), &|leaf| leaf_array(batch, leaf))
    }
}

/// Puts columns under their canonical names; `array` finds that of a leaf.
pub(super) fn convert(
    file: &EventFile,
    time: Option<&Leaf>,
    columns: &[Vec<Source>],
    rows: usize,
    array: &dyn Fn(&Leaf) -> ArrayRef,
) -> Result<EventBatch> {
    let wrong = |leaf: &Leaf, expected| Error::ColumnType {
        path: file.path.clone(),
        column: leaf.path.join("."),
        expected,
        found: leaf.data_type.to_string(),
    };
    let times = match time {
        Some(time) => milliseconds(&array(time)).map_err(|_| wrong(time, "a timestamp"))?,
        None => ScalarBuffer::from(Vec::new()),
    };
    let column = |sources: &Vec<Source>| {
        let parts = sources.iter().map(|source| match source {
            Source::Constant(column) => Ok(column.clone()),
            Source::Leaf(leaf) => {
                let array = array(leaf);
                // Texts come as they are stored only where a dictionary of them would be of no use.
                match array.as_string_opt::<i32>() {
                    Some(texts) => Ok(TextColumn::of_rows(texts)),
                    None => TextColumn::from_array(&array).map_err(|_| wrong(leaf, "text")),
                }
            }
        });
        Ok(TextColumn::coalesce(parts.collect::<Result<_>>()?, rows))
    };
    Ok(EventBatch { rows, times, columns: columns.iter().map(column).collect::<Result<_>>()? })
}

impl Iterator for RowGroupReader<'_> {
    type Item = Result<EventBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(Error::parquet(&self.file.path)).and_then(|batch| self.convert(&batch)))
    }
}

/// Consecutive rows are one range; most rows that are asked for stand alone.
fn row_selection(rows: &[u32], all: usize) -> RowSelection {
    let ranges = rows.chunk_by(|row, next| row + 1 == *next);
    RowSelection::from_consecutive_ranges(ranges.map(|run| run[0] as usize..run[0] as usize + run.len()), all)
}

fn chunks(file: &EventFile, group: usize, leaves: &[usize]) -> Result<Chunks> {
    let range = |&leaf: &usize| {
        let chunk = file.metadata.metadata().row_group(group).column(leaf);
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        // What Parquet itself would panic at.
        let (Ok(start), Ok(length)) = (u64::try_from(start), u64::try_from(chunk.compressed_size())) else {
            let message = format!("column chunk {leaf} of row group {group} has no place in the file: it is damaged");
            return Err(Error::Parquet { path: file.path.clone(), message });
        };
        Ok(start..start.saturating_add(length))
    };
    let ranges: Vec<_> = leaves.iter().map(range).collect::<Result<_>>()?;
    let handle = File::open(&file.path).map_err(Error::read(&file.path))?;
    Chunks::load(handle, file.size, ranges).map_err(Error::read(&file.path))
}

/// What supplies a column in this row group: leaves after the first that is surely without nulls are of no use.
pub(super) fn sources(file: &EventFile, group: usize, alternatives: &[Column]) -> Vec<Source> {
    let mut found = Vec::new();
    for leaf in alternatives.iter().flat_map(|&column| file.columns.leaves(column)) {
        let (source, complete) = source(file, group, leaf);
        found.push(source);
        if complete {
            break;
        }
    }
    found
}

fn source(file: &EventFile, group: usize, leaf: &Leaf) -> (Source, bool) {
    let chunk = file.metadata.metadata().row_group(group).column(leaf.index);
    let rows = file.metadata.metadata().row_group(group).num_rows() as u64;
    let unknown = (Source::Leaf(leaf.clone()), false);
    let Some(statistics) = chunk.statistics() else { return unknown };
    match statistics.null_count_opt() {
        Some(nulls) if nulls == rows => (Source::Constant(TextColumn::constant(None)), false),
        Some(0) => match single_value(statistics) {
            Some(value) => (Source::Constant(TextColumn::constant(Some(&value))), true),
            None => (Source::Leaf(leaf.clone()), true),
        },
        _ => unknown,
    }
}

/// The one text of a column without nulls, if its statistics show that there is but one. Statistics that were cut short differ
/// between smallest and largest, for the largest is rounded up; so equal ones are whole.
fn single_value(statistics: &Statistics) -> Option<String> {
    let Statistics::ByteArray(values) = statistics else { return None };
    let (smallest, largest) = (values.min_opt()?, values.max_opt()?);
    (smallest == largest).then(|| smallest.as_utf8().ok().map(str::to_owned)).flatten()
}

/// The first and last time in a row group, if the footer tells in a form that we can trust.
pub(super) fn time_range_from_statistics(file: &EventFile, group: usize) -> Option<(i64, i64)> {
    let leaf = &file.columns.leaves(Column::EventTime)[0];
    let Statistics::Int64(values) = file.metadata.metadata().row_group(group).column(leaf.index).statistics()? else {
        return None;
    };
    let ends: ArrayRef =
        std::sync::Arc::new(arrow::array::Int64Array::from(vec![*values.min_opt()?, *values.max_opt()?]));
    let field = leaf_type(file, leaf)?;
    let typed = if field == DataType::Int64 { ends } else { arrow::compute::cast(&ends, &field).ok()? };
    let ends = milliseconds(&typed).ok()?;
    Some((ends[0], ends[1]))
}

fn leaf_type(file: &EventFile, leaf: &Leaf) -> Option<DataType> {
    let (first, rest) = leaf.path.split_first()?;
    let mut data_type = file.metadata.schema().field_with_name(first).ok()?.data_type().clone();
    for name in rest {
        let DataType::Struct(fields) = &data_type else { return None };
        data_type = fields.find(name)?.1.data_type().clone();
    }
    Some(data_type)
}

/// The array of a leaf; a row whose enclosing struct is null has no value.
pub(super) fn leaf_array(batch: &RecordBatch, leaf: &Leaf) -> ArrayRef {
    let mut array = batch
        .column_by_name(&leaf.path[0])
        .cloned()
        .unwrap_or_else(|| arrow::array::new_null_array(&DataType::Utf8, batch.num_rows()));
    for name in &leaf.path[1..] {
        let parent = array.as_struct();
        let Some(child) = parent.column_by_name(name) else { break };
        array = match parent.nulls() {
            Some(nulls) if nulls.null_count() > 0 => mask(child, nulls),
            _ => child.clone(),
        };
    }
    array
}

fn mask(child: &ArrayRef, nulls: &arrow::buffer::NullBuffer) -> ArrayRef {
    let joined = arrow::buffer::NullBuffer::union(child.nulls(), Some(nulls));
    child.to_data().into_builder().nulls(joined).build().map_or_else(|_| child.clone(), arrow::array::make_array)
}
