//! Reading a row group in batches of dictionary columns under canonical names.
//!
//! Two things make it fast: the file's own dictionary pages are kept, so that no text is touched per row, and a column whose
//! statistics show a single value is not read at all. One row group at a time, so that a batch never straddles dictionaries.

use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::statistics::Statistics;

use crate::error::{Error, Result};
use crate::event::Column;
use crate::partition::columns::Leaf;
use crate::partition::times::milliseconds;
use crate::partition::{EventFile, TextColumn};

/// Rows in a batch: small enough for its keys to stay in the processor's cache.
const BATCH_ROWS: usize = 65_536;

/// Some rows of some columns.
#[derive(Debug, Clone)]
pub struct EventBatch {
    /// The time of each row in milliseconds, or [`i64::MIN`] where there is none.
    pub times: Vec<i64>,
    /// The columns asked for, in that order.
    pub columns: Vec<TextColumn>,
}

impl EventBatch {
    /// The rows of the given numbers, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let times = rows.iter().map(|&row| self.times[row as usize]).collect();
        Self { times, columns: self.columns.iter().map(|column| column.take(rows)).collect() }
    }
}

/// Reads one row group; an iterator of batches.
#[allow(missing_debug_implementations)]
pub struct RowGroupReader<'file> {
    file: &'file EventFile,
    reader: ParquetRecordBatchReader,
    time: Leaf,
    columns: Vec<Vec<Source>>,
}

/// Where the rows of a column come from.
pub(super) enum Source {
    Leaf(Leaf),
    Constant(TextColumn),
}

impl<'file> RowGroupReader<'file> {
    /// Opens a row group to read the times and, for each of `columns`, the first of the named ones that has a text.
    pub fn open(file: &'file EventFile, group: usize, columns: &[&[Column]]) -> Result<Self> {
        let columns: Vec<Vec<Source>> = columns.iter().map(|alternatives| sources(file, group, alternatives)).collect();
        let time = file.columns.leaves(Column::EventTime)[0].clone();
        let wanted = columns.iter().flatten().filter_map(|source| match source {
            Source::Leaf(leaf) => Some(leaf.index),
            Source::Constant(_) => None,
        });
        let mask = ProjectionMask::leaves(file.metadata.parquet_schema(), wanted.chain([time.index]));
        let handle = File::open(&file.path).map_err(Error::read(&file.path))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, file.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(Error::parquet(&file.path))?;
        Ok(Self { file, reader, time, columns })
    }

    fn convert(&self, batch: &RecordBatch) -> Result<EventBatch> {
        convert(self.file, &self.time, &self.columns, batch.num_rows(), &|leaf| leaf_array(batch, leaf))
    }
}

/// Puts columns under their canonical names; `array` finds that of a leaf.
pub(super) fn convert(
    file: &EventFile,
    time: &Leaf,
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
    let times = milliseconds(&array(time)).map_err(|_| wrong(time, "a timestamp"))?;
    let column = |sources: &Vec<Source>| {
        let parts = sources.iter().map(|source| match source {
            Source::Constant(column) => Ok(column.clone()),
            Source::Leaf(leaf) => TextColumn::from_array(&array(leaf)).map_err(|_| wrong(leaf, "text")),
        });
        Ok(TextColumn::coalesce(parts.collect::<Result<_>>()?, rows))
    };
    Ok(EventBatch { times, columns: columns.iter().map(column).collect::<Result<_>>()? })
}

impl Iterator for RowGroupReader<'_> {
    type Item = Result<EventBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(Error::parquet(&self.file.path)).and_then(|batch| self.convert(&batch)))
    }
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
