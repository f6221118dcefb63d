//! Reading a row group in batches of dictionary columns under canonical names.
//!
//! Two things make it fast: the file's own dictionary pages are kept, so that no text is touched per row, and a column whose
//! statistics show a single value is not read at all. One row group at a time, so that a batch never straddles dictionaries.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

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
use crate::partition::nested::json_texts;
use crate::partition::pages::{KeyColumn, TimeColumn};
use crate::partition::responses::messages;
use crate::partition::sources::{Source, sources};
use crate::partition::times::milliseconds;
use crate::partition::{EventFile, TextColumn};

/// Rows in a batch: small enough for its keys to stay in the processor's cache.
const BATCH_ROWS: usize = 8_192;

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

    /// The same rows with dictionaries that hold what occurs in them and nothing else: for keeping.
    #[must_use]
    pub fn compact(&self) -> Self {
        Self { columns: self.columns.iter().map(TextColumn::compact).collect(), ..self.clone() }
    }
}

/// Reads one row group; an iterator of batches.
#[allow(missing_debug_implementations)]
pub struct RowGroupReader<'file> {
    file: &'file EventFile,
    time: Option<Leaf>,
    columns: Vec<Vec<Source>>,
    pages: Pages,
    /// Reads the leaves that cannot be read page by page.
    arrays: Option<ParquetRecordBatchReader>,
    batch_rows: usize,
    done: usize,
    left: usize,
}

/// The leaves that are read page by page, texts by the leaves' numbers.
#[derive(Default)]
struct Pages {
    times: Option<TimeColumn>,
    texts: Vec<(usize, KeyColumn)>,
}

impl Pages {
    /// Opens those of the leaves that can be read so, and takes them from the leaves that are still to be read.
    fn open(
        file: &EventFile,
        group: usize,
        time: Option<&Leaf>,
        columns: &[Vec<Source>],
        leaves: &mut Vec<&Leaf>,
        chunks: &Arc<Chunks>,
    ) -> parquet::errors::Result<Self> {
        let mut pages = Self::default();
        let is_time = |leaf: &Leaf| time.is_some_and(|time| time.index == leaf.index);
        let is_text_too = columns.iter().flatten().flat_map(Source::leaves).any(is_time);
        if let Some(leaf) = time.filter(|_| !is_text_too)
            && let Some(column) = TimeColumn::open(file, group, leaf, chunks)
        {
            pages.times = Some(column?);
            leaves.retain(|leaf| !is_time(leaf));
        }
        // Times that are written as texts, or wanted as texts too, are read as arrays.
        for leaf in std::mem::take(leaves) {
            let column = if is_time(leaf) { None } else { KeyColumn::open(file, group, leaf, chunks) };
            match column {
                Some(column) => pages.texts.push((leaf.index, column?)),
                None => leaves.push(leaf),
            }
        }
        Ok(pages)
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
        let sources = |alternatives: &&[Column]| sources(file, group, alternatives, choice.rows);
        let columns = columns.iter().map(sources).collect::<Result<_>>()?;
        Self::open_sources(file, group, columns, choice)
    }

    /// The same of columns whose sources are known.
    pub(super) fn open_sources(
        file: &'file EventFile,
        group: usize,
        columns: Vec<Vec<Source>>,
        choice: RowChoice<'_>,
    ) -> Result<Self> {
        Error::if_damaged(&file.path, || Self::open_sound(file, group, columns, choice))
    }

    fn open_sound(
        file: &'file EventFile,
        group: usize,
        columns: Vec<Vec<Source>>,
        choice: RowChoice<'_>,
    ) -> Result<Self> {
        let time = choice.times.then(|| file.columns.leaves(Column::EventTime)[0].clone());
        let mut leaves: Vec<&Leaf> = columns.iter().flatten().flat_map(Source::leaves).chain(time.as_ref()).collect();
        leaves.sort_unstable_by_key(|leaf| leaf.index);
        leaves.dedup_by_key(|leaf| leaf.index);
        let chunks = Arc::new(chunks(file, group, &leaves)?);
        let (mut pages, failure) = (Pages::default(), Error::parquet(&file.path));
        if choice.rows.is_none() {
            pages = Pages::open(file, group, time.as_ref(), &columns, &mut leaves, &chunks).map_err(failure)?;
        }
        let arrays = (!leaves.is_empty() || choice.rows.is_some())
            .then(|| arrays(file, group, &leaves, &chunks, choice))
            .transpose()?;
        let left = file.metadata.metadata().row_group(group).num_rows() as usize;
        Ok(Self { file, time, columns, pages, arrays, batch_rows: choice.batch_rows, done: 0, left })
    }

    fn read(&mut self) -> Result<Option<EventBatch>> {
        let path = &self.file.path;
        let arrays = self.arrays.as_mut().map(|arrays| arrays.next().transpose()).transpose();
        let batch = arrays.map_err(Error::parquet(path))?.flatten();
        let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
        let rows = if self.arrays.is_some() { rows } else { self.left.min(self.batch_rows) };
        if rows == 0 {
            return Ok(None);
        }
        let own = self.done..self.done + rows;
        (self.done, self.left) = (own.end, self.left.saturating_sub(rows));
        let array = |leaf: &Leaf| batch.as_ref().map_or_else(|| no_array(rows), |batch| leaf_array(batch, leaf));
        let times = match (&mut self.pages.times, &self.time) {
            (Some(column), _) => column.read(rows).map_err(Error::parquet(path))?.into(),
            (None, Some(leaf)) => times_of(self.file, leaf, &array(leaf))?,
            (None, None) => ScalarBuffer::from(Vec::new()),
        };
        let mut texts: Vec<(usize, TextColumn)> = Vec::with_capacity(self.pages.texts.len());
        for (leaf, column) in &mut self.pages.texts {
            texts.push((*leaf, column.read_texts(rows).map_err(Error::parquet(path))?));
        }
        let text = |leaf: &Leaf| match texts.iter().find(|(index, _)| *index == leaf.index) {
            Some((_, column)) => Ok(column.clone()),
            None => text_of(self.file, leaf, &array(leaf)),
        };
        convert(times, &self.columns, own, &text).map(Some)
    }
}

impl Iterator for RowGroupReader<'_> {
    type Item = Result<EventBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = &self.file.path;
        let batch = Error::if_damaged(path, || self.read());
        if batch.is_err() {
            // There is no telling where the columns stand now.
            (self.arrays, self.left) = (None, 0);
        }
        batch.transpose()
    }
}

/// Puts columns of some rows, by their places among those that are read, under their canonical names; `text` finds that of a leaf.
pub(super) fn convert(
    times: ScalarBuffer<i64>,
    columns: &[Vec<Source>],
    places: Range<usize>,
    text: &dyn Fn(&Leaf) -> Result<TextColumn>,
) -> Result<EventBatch> {
    let rows = places.len();
    let column = |sources: &Vec<Source>| {
        let parts = sources.iter().map(|source| match source {
            Source::Constant(column) => Ok(column.clone()),
            Source::Leaf(leaf) => text(leaf),
            Source::Made(made) => made.texts(rows, text),
            Source::Responses(failed) => Ok(messages(failed, places.start, rows)),
        });
        Ok(TextColumn::coalesce(parts.collect::<Result<_>>()?, rows))
    };
    Ok(EventBatch { rows, times, columns: columns.iter().map(column).collect::<Result<_>>()? })
}

/// The milliseconds of a leaf's array.
pub(super) fn times_of(file: &EventFile, leaf: &Leaf, array: &ArrayRef) -> Result<ScalarBuffer<i64>> {
    milliseconds(array).map_err(|_| wrong_type(file, leaf, "a timestamp"))
}

/// The texts of a leaf's array.
pub(super) fn text_of(file: &EventFile, leaf: &Leaf, array: &ArrayRef) -> Result<TextColumn> {
    if !leaf.is_simple() {
        return json_texts(array).map_err(|_| wrong_type(file, leaf, "text"));
    }
    // Texts come as they are stored only where a dictionary of them would be of no use.
    match array.as_string_opt::<i32>() {
        Some(texts) => Ok(TextColumn::of_rows(texts)),
        None => TextColumn::from_array(array).map_err(|_| wrong_type(file, leaf, "text")),
    }
}

fn wrong_type(file: &EventFile, leaf: &Leaf, expected: &'static str) -> Error {
    Error::ColumnType {
        path: file.path.clone(),
        column: leaf.path.join("."),
        expected,
        found: leaf.data_type.to_string(),
    }
}

/// A reader of leaves as arrays.
fn arrays(
    file: &EventFile,
    group: usize,
    leaves: &[&Leaf],
    chunks: &Chunks,
    choice: RowChoice<'_>,
) -> Result<ParquetRecordBatchReader> {
    let as_stored = !choice.times && leaves.iter().all(|leaf| file.is_mostly_distinct(group, leaf));
    let metadata = if as_stored { &file.without_dictionaries } else { &file.metadata };
    let mask = ProjectionMask::leaves(file.metadata.parquet_schema(), leaves.iter().flat_map(|leaf| leaf.indexes()));
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks.clone(), metadata.clone())
        .with_row_groups(vec![group])
        .with_projection(mask)
        .with_batch_size(choice.batch_rows);
    if let Some(rows) = choice.rows {
        let all = file.metadata.metadata().row_group(group).num_rows() as usize;
        builder = builder.with_row_selection(row_selection(rows, all));
    }
    builder.build().map_err(Error::parquet(&file.path))
}

/// Consecutive rows are one range; most rows that are asked for stand alone.
fn row_selection(rows: &[u32], all: usize) -> RowSelection {
    let ranges = rows.chunk_by(|row, next| row + 1 == *next);
    RowSelection::from_consecutive_ranges(ranges.map(|run| run[0] as usize..run[0] as usize + run.len()), all)
}

/// The chunks of some leaves in a row group, brought into memory.
pub(super) fn chunks(file: &EventFile, group: usize, leaves: &[&Leaf]) -> Result<Chunks> {
    let range = |leaf: usize| {
        let chunk = file.metadata.metadata().row_group(group).column(leaf);
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        // What Parquet itself would panic at.
        let (Ok(start), Ok(length)) = (u64::try_from(start), u64::try_from(chunk.compressed_size())) else {
            let message = format!("column chunk {leaf} of row group {group} has no place in the file: it is damaged");
            return Err(Error::Parquet { path: file.path.clone(), message });
        };
        Ok(start..start.saturating_add(length))
    };
    let ranges: Vec<_> = leaves.iter().flat_map(|leaf| leaf.indexes()).map(range).collect::<Result<_>>()?;
    let handle = File::open(&file.path).map_err(Error::read(&file.path))?;
    Chunks::load(handle, file.size, ranges).map_err(Error::read(&file.path))
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
    let mut array = batch.column_by_name(&leaf.path[0]).cloned().unwrap_or_else(|| no_array(batch.num_rows()));
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

/// What stands for the array of a leaf that was not read.
fn no_array(rows: usize) -> ArrayRef {
    arrow::array::new_null_array(&DataType::Utf8, rows)
}

fn mask(child: &ArrayRef, nulls: &arrow::buffer::NullBuffer) -> ArrayRef {
    let joined = arrow::buffer::NullBuffer::union(child.nulls(), Some(nulls));
    child.to_data().into_builder().nulls(joined).build().map_or_else(|_| child.clone(), arrow::array::make_array)
}
