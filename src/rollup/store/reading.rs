//! Reading rollups back: a day's note, one family's entities, one kind of pairs.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{UInt8Type, UInt32Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::statistics::Statistics;

use crate::error::{Error, Result};
use crate::event::fold_service;
use crate::rollup::family::pair_name;
use crate::rollup::members::EntityKey;
use crate::rollup::pairs::Pair;
use crate::rollup::store::{DayNote, FORMAT, FORMAT_KEY, NOTE_KEY};
use crate::rollup::{Dimension, Family};

/// What one entity did on one day; the slices are of equal length, an element for each hour with calls.
#[derive(Debug, Clone, Copy)]
pub struct EntityDay<'batch> {
    /// Its row in the file.
    pub entity: u32,
    /// Its hours, ascending.
    pub hours: &'batch [u8],
    /// Calls by hour.
    pub calls: &'batch [u32],
    /// Failed calls by hour.
    pub errors: &'batch [u32],
    /// The largest five-minute count by hour.
    pub peaks: &'batch [u32],
}

/// The note of a rollup file, or `None` where there is no such file.
///
/// # Errors
/// [`Error::Rollup`] when the file is damaged or of a newer format.
pub fn read_note(path: &Path) -> Result<Option<DayNote>> {
    if !path.exists() {
        return Ok(None);
    }
    let metadata = open(path)?.1;
    let notes = metadata.metadata().file_metadata().key_value_metadata();
    let value = |key: &str| notes?.iter().find(|note| note.key == key)?.value.clone();
    let refuse = |message: String| Error::Rollup { path: path.to_path_buf(), message };
    match value(FORMAT_KEY).and_then(|format| format.parse::<u32>().ok()) {
        Some(format) if format <= FORMAT => {}
        Some(format) => return Err(refuse(format!("it has format {format}, and {FORMAT} is the newest known here"))),
        None => return Err(refuse("it does not say its format".to_owned())),
    }
    let note = value(NOTE_KEY).ok_or_else(|| refuse("it does not say what it was made from".to_owned()))?;
    serde_json::from_str(&note).map(Some).map_err(|error| refuse(error.to_string()))
}

fn open(path: &Path) -> Result<(File, ArrowReaderMetadata)> {
    let file = File::open(path).map_err(Error::read(path))?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .map_err(|error| Error::Rollup { path: path.to_path_buf(), message: error.to_string() })?;
    Ok((file, metadata))
}

/// Calls `visit` for every entity of a family in a rollup file, in order, with its key (service folded) and the service as spelled.
pub fn read_family(
    path: &Path,
    family: Family,
    mut visit: impl FnMut(EntityKey, Option<&str>, EntityDay<'_>),
) -> Result<()> {
    let names: Vec<&str> =
        std::iter::once(Dimension::Account).chain(family.keyed_by().iter().copied()).map(Dimension::name).collect();
    let wanted: Vec<&str> =
        ["entity"].into_iter().chain(names.iter().copied()).chain(["hour", "calls", "errors", "peak"]).collect();
    let mut read = |batch: &RecordBatch| {
        let texts: Option<Vec<&StringArray>> =
            names.iter().map(|name| batch.column_by_name(name)?.as_string_opt::<i32>()).collect();
        let lists = ["hour", "calls", "errors", "peak"].map(|name| batch.column_by_name(name)?.as_list_opt::<i32>());
        let entities = batch.column_by_name("entity")?.as_primitive_opt::<UInt32Type>()?;
        visit_batch(family, &texts?, entities.values(), lists, &mut visit)
    };
    for_each_batch(path, family.name(), &wanted, &mut read)
}

fn visit_batch(
    family: Family,
    texts: &[&StringArray],
    entities: &[u32],
    lists: [Option<&arrow::array::ListArray>; 4],
    visit: &mut impl FnMut(EntityKey, Option<&str>, EntityDay<'_>),
) -> Option<()> {
    let [hour, calls, errors, peak] = lists;
    let (hour, calls, errors, peak) = (hour?, calls?, errors?, peak?);
    let hours = hour.values().as_primitive_opt::<UInt8Type>()?.values();
    let numbers =
        |list: &arrow::array::ListArray| Some(list.values().as_primitive_opt::<UInt32Type>()?.values().clone());
    let (calls, errors, peaks) = (numbers(calls)?, numbers(errors)?, numbers(peak)?);
    let service = family.keyed_by().iter().position(|&key| key == Dimension::Service).map(|position| position + 1);
    for (row, &entity) in entities.iter().enumerate() {
        let range = hour.value_offsets()[row] as usize..hour.value_offsets()[row + 1] as usize;
        let text = |(position, column): (usize, &&'_ StringArray)| {
            let text = column.value(row);
            if Some(position) == service { fold_service(text).into_owned() } else { text.to_owned() }
        };
        let fields: Vec<String> = texts.iter().enumerate().map(|(position, column)| text((position, column))).collect();
        let day = EntityDay {
            entity,
            hours: &hours[range.clone()],
            calls: &calls[range.clone()],
            errors: &errors[range.clone()],
            peaks: &peaks[range],
        };
        visit(
            EntityKey::new(fields.iter().map(String::as_str)),
            service.map(|position| texts[position].value(row)),
            day,
        );
    }
    Some(())
}

/// Calls `visit` for every pair of a kind; its sides are rows of the rollup file.
pub fn read_pairs(path: &Path, families: (Family, Family), mut visit: impl FnMut(Pair)) -> Result<()> {
    let mut read = |batch: &RecordBatch| {
        let lefts = batch.column_by_name("entity")?.as_primitive_opt::<UInt32Type>()?.values();
        let list = |name: &str| batch.column_by_name(name)?.as_list_opt::<i32>();
        let (rights, calls) = (list("with")?, list("calls")?);
        let numbers =
            |list: &arrow::array::ListArray| Some(list.values().as_primitive_opt::<UInt32Type>()?.values().clone());
        let (right_values, call_values) = (numbers(rights)?, numbers(calls)?);
        for (row, &left) in lefts.iter().enumerate() {
            let range = rights.value_offsets()[row] as usize..rights.value_offsets()[row + 1] as usize;
            for place in range {
                visit(Pair { left, right: right_values[place], calls: call_values[place] });
            }
        }
        Some(())
    };
    for_each_batch(path, &pair_name(families), &["entity", "with", "calls"], &mut read)
}

/// Reads the row groups whose second (or, for pairs, first) column, which names their kind, is `kind`.
fn for_each_batch(
    path: &Path,
    kind: &str,
    columns: &[&str],
    read: &mut impl FnMut(&RecordBatch) -> Option<()>,
) -> Result<()> {
    let refuse = |message: String| Error::Rollup { path: path.to_path_buf(), message };
    let (file, metadata) = open(path)?;
    let groups: Vec<usize> =
        (0..metadata.metadata().num_row_groups()).filter(|&group| is_of_kind(&metadata, group, kind)).collect();
    let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_row_groups(groups)
        .with_projection(mask)
        .with_batch_size(32_768)
        .build()
        .map_err(|error| refuse(error.to_string()))?;
    for batch in reader {
        let batch = batch.map_err(|error| refuse(error.to_string()))?;
        read(&batch).ok_or_else(|| refuse("a column is missing or of another type".to_owned()))?;
    }
    Ok(())
}

fn is_of_kind(metadata: &ArrowReaderMetadata, group: usize, kind: &str) -> bool {
    let columns = metadata.metadata().row_group(group).columns();
    let named = columns.iter().find(|column| matches!(column.column_path().string().as_str(), "family" | "pair"));
    match named.and_then(|column| column.statistics()) {
        Some(Statistics::ByteArray(values)) => {
            values.min_opt().is_some_and(|smallest| smallest.data() == kind.as_bytes())
        }
        _ => false,
    }
}
