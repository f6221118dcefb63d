//! One family's entities in one day's rollup file, one after another.
//!
//! A cursor holds a batch of rows and the key of one of them; it allocates nothing for an entity. What it hands out was checked:
//! keys ascend, lists are of equal length, hours are hours of a day.

use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{UInt8Type, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::error::Result;
use crate::event::fold_service;
use crate::rollup::members::EntityKey;
use crate::rollup::store::reading::{batches, refusal};
use crate::rollup::{Dimension, Family};

/// The lists of an entity's hours.
const LISTS: [&str; 4] = ["hour", "calls", "errors", "peak"];

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

/// What is read of each entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Its key alone.
    Keys,
    /// Its hours as well.
    Hours,
}

/// A place among the entities of a family; before the first until [`EntityCursor::advance`] is called.
pub(super) struct EntityCursor {
    path: PathBuf,
    family: Family,
    /// Where the service stands among the columns of the key.
    service: Option<usize>,
    reader: ParquetRecordBatchReader,
    most_hours: usize,
    batch: Option<EntityBatch>,
    /// One past the entity that the cursor stands at.
    next: usize,
    key: String,
    previous: String,
}

impl EntityCursor {
    pub(super) fn open(path: &Path, family: Family, detail: Detail, batch_rows: usize) -> Result<Self> {
        let lists = if detail == Detail::Hours { &LISTS[..] } else { &[] };
        let columns: Vec<&str> =
            ["entity"].into_iter().chain(key_columns(family)).chain(lists.iter().copied()).collect();
        let (reader, most_hours) = batches(path, family.name(), &columns, batch_rows)?;
        let service = family.keyed_by().iter().position(|&key| key == Dimension::Service).map(|place| place + 1);
        let (key, previous) = (String::new(), String::new());
        Ok(Self { path: path.to_path_buf(), family, service, reader, most_hours, batch: None, next: 0, key, previous })
    }

    /// So many hours, or less, lie ahead of a cursor that was just opened.
    pub(super) fn most_hours(&self) -> usize {
        self.most_hours
    }

    /// Goes to the next entity; false when there is none.
    pub(super) fn advance(&mut self) -> Result<bool> {
        while self.batch.as_ref().is_none_or(|batch| self.next >= batch.entities.len()) {
            let Some(batch) = self.reader.next() else { return Ok(false) };
            let batch = batch.map_err(refusal(&self.path))?;
            let found = EntityBatch::of(self.family, &batch).map_err(refusal(&self.path))?;
            (self.batch, self.next) = (Some(found), 0);
        }
        let Some(batch) = &self.batch else { return Ok(false) };
        std::mem::swap(&mut self.key, &mut self.previous);
        batch.join_key(self.next, self.service, &mut self.key);
        self.next += 1;
        if self.key <= self.previous {
            return Err(refusal(&self.path)("its entities are not in the order of their keys"));
        }
        Ok(true)
    }

    /// The key of the entity, as [`EntityKey::as_str`] has it.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The service as it is spelled, for families that have one.
    pub(super) fn service(&self) -> Option<&str> {
        Some(self.batch.as_ref()?.texts[self.service?].value(self.next - 1))
    }

    /// What the entity did.
    pub(super) fn day(&self) -> EntityDay<'_> {
        let nothing = EntityDay { entity: 0, hours: &[], calls: &[], errors: &[], peaks: &[] };
        self.batch.as_ref().map_or(nothing, |batch| batch.day(self.next - 1))
    }
}

fn key_columns(family: Family) -> impl Iterator<Item = &'static str> {
    std::iter::once(Dimension::Account).chain(family.keyed_by().iter().copied()).map(Dimension::name)
}

/// Some rows, decoded.
struct EntityBatch {
    texts: Vec<StringArray>,
    entities: ScalarBuffer<u32>,
    hours: Option<Hours>,
}

/// The lists of those rows.
struct Hours {
    offsets: OffsetBuffer<i32>,
    of_day: ScalarBuffer<u8>,
    calls: ScalarBuffer<u32>,
    errors: ScalarBuffer<u32>,
    peaks: ScalarBuffer<u32>,
}

impl EntityBatch {
    fn of(family: Family, batch: &RecordBatch) -> std::result::Result<Self, &'static str> {
        let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>().cloned();
        let texts: Option<Vec<StringArray>> = key_columns(family).map(text).collect();
        let entities = batch.column_by_name("entity").and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let missing = "a column is missing or of another type";
        let (texts, entities) = (texts.ok_or(missing)?, entities.ok_or(missing)?.values().clone());
        let hours = match batch.column_by_name("hour") {
            Some(_) => Some(Hours::of(batch).ok_or(missing)??),
            None => None,
        };
        Ok(Self { texts, entities, hours })
    }

    fn join_key(&self, row: usize, service: Option<usize>, key: &mut String) {
        let folded = service.map(|place| fold_service(self.texts[place].value(row)));
        let text = |place: usize| match &folded {
            Some(folded) if Some(place) == service => folded,
            _ => self.texts[place].value(row),
        };
        EntityKey::join((0..self.texts.len()).map(text), key);
    }

    fn day(&self, row: usize) -> EntityDay<'_> {
        let entity = self.entities[row];
        let Some(lists) = &self.hours else {
            return EntityDay { entity, hours: &[], calls: &[], errors: &[], peaks: &[] };
        };
        let range = lists.offsets[row] as usize..lists.offsets[row + 1] as usize;
        EntityDay {
            entity,
            hours: &lists.of_day[range.clone()],
            calls: &lists.calls[range.clone()],
            errors: &lists.errors[range.clone()],
            peaks: &lists.peaks[range],
        }
    }
}

impl Hours {
    /// `None` where a column is missing or of another type.
    fn of(batch: &RecordBatch) -> Option<std::result::Result<Self, &'static str>> {
        let [hour, calls, errors, peak] = LISTS.map(|name| batch.column_by_name(name)?.as_list_opt::<i32>());
        let (hour, calls, errors, peak) = (hour?, calls?, errors?, peak?);
        let of_day = hour.values().as_primitive_opt::<UInt8Type>()?.values().clone();
        if [calls, errors, peak].iter().any(|list| list.value_offsets() != hour.value_offsets()) {
            return Some(Err("the lists of an entity are not of equal length"));
        }
        if of_day.iter().any(|&hour| hour > 23) {
            return Some(Err("it has an hour beyond 23"));
        }
        let numbers =
            |list: &arrow::array::ListArray| Some(list.values().as_primitive_opt::<UInt32Type>()?.values().clone());
        let offsets = hour.offsets().clone();
        Some(Ok(Self { offsets, of_day, calls: numbers(calls)?, errors: numbers(errors)?, peaks: numbers(peak)? }))
    }
}
