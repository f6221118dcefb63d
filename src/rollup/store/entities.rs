//! One family's entities in one day's rollup file, one after another.
//!
//! A cursor holds a batch of rows and the key of one of them; it allocates nothing for an entity. What it hands out was checked:
//! keys ascend, lists are of equal length, hours are hours of a day and ascend.

use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, UInt8Type, UInt32Type};
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
    fn of(family: Family, batch: &RecordBatch) -> std::result::Result<Self, String> {
        let text = |name| column(batch, name, "text", |column| column.as_string_opt::<i32>().cloned());
        let texts = key_columns(family).map(text).collect::<std::result::Result<_, _>>()?;
        let number = |column: &ArrayRef| Some(column.as_primitive_opt::<UInt32Type>()?.values().clone());
        let entities = column(batch, "entity", "whole numbers", number)?;
        let hours = batch.column_by_name("hour").map(|_| Hours::of(batch)).transpose()?;
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
    fn of(batch: &RecordBatch) -> std::result::Result<Self, String> {
        let [hour, calls, errors, peaks] = LISTS;
        let (offsets, of_day) = list::<UInt8Type>(batch, hour)?;
        let numbers = |name| {
            let (own, numbers) = list::<UInt32Type>(batch, name)?;
            let fits = own == offsets;
            fits.then_some(numbers)
                .ok_or_else(|| format!("the lists `{hour}` and `{name}` of an entity are not of equal length"))
        };
        let (calls, errors, peaks) = (numbers(calls)?, numbers(errors)?, numbers(peaks)?);
        let found = Self { offsets, of_day, calls, errors, peaks };
        found.check()?;
        Ok(found)
    }

    /// Whether hours are those of a day, in their order.
    fn check(&self) -> std::result::Result<(), String> {
        for own in self.offsets.windows(2).map(|ends| &self.of_day[ends[0] as usize..ends[1] as usize]) {
            if own.last().is_some_and(|&last| last > 23) {
                return Err("an entity has an hour beyond 23".to_owned());
            }
            if own.windows(2).any(|hours| hours[0] >= hours[1]) {
                return Err("the hours of an entity do not ascend".to_owned());
            }
        }
        Ok(())
    }
}

/// A column as something that it should be; or what is there instead, in words.
fn column<T>(
    batch: &RecordBatch,
    name: &str,
    expected: &str,
    of: impl Fn(&ArrayRef) -> Option<T>,
) -> std::result::Result<T, String> {
    let found = batch.column_by_name(name);
    found.and_then(of).ok_or_else(|| {
        let found = found.map_or_else(|| "none".to_owned(), |column| column.data_type().to_string());
        format!("expected a column `{name}` of {expected}, found {found}")
    })
}

/// A column of lists of numbers: where each begins and ends, and all of them.
fn list<N: ArrowPrimitiveType>(
    batch: &RecordBatch,
    name: &str,
) -> std::result::Result<(OffsetBuffer<i32>, ScalarBuffer<N::Native>), String> {
    column(batch, name, "lists of whole numbers", |column| {
        let list = column.as_list_opt::<i32>()?;
        Some((list.offsets().clone(), list.values().as_primitive_opt::<N>()?.values().clone()))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ListArray, UInt32Array};

    use super::*;

    fn hours(lists: &[&[u8]], lengths: &[u32]) -> std::result::Result<Hours, String> {
        let of_length = |&length: &u32| Some(vec![Some(1); length as usize]);
        let numbers: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(lengths.iter().map(of_length)));
        let own = lists.iter().map(|list| Some(list.iter().map(|&hour| Some(hour)).collect::<Vec<_>>()));
        let hour: ArrayRef = Arc::new(ListArray::from_iter_primitive::<UInt8Type, _, _>(own));
        let columns = [("hour", hour), ("calls", numbers.clone()), ("errors", numbers.clone()), ("peak", numbers)];
        Hours::of(&RecordBatch::try_from_iter(columns).unwrap())
    }

    #[test]
    fn what_is_handed_out_was_checked() {
        let said = |lists: &[&[u8]], lengths: &[u32]| hours(lists, lengths).err().unwrap_or_default();
        assert_eq!(said(&[&[0, 5, 23], &[], &[4]], &[3, 0, 1]), "");
        assert_eq!(said(&[&[0, 24]], &[2]), "an entity has an hour beyond 23");
        assert_eq!(said(&[&[5, 4]], &[2]), "the hours of an entity do not ascend");
        assert_eq!(said(&[&[4, 4]], &[2]), "the hours of an entity do not ascend");
        assert!(said(&[&[4], &[5]], &[2, 0]).contains("`hour` and `calls` of an entity are not of equal length"));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let said = Hours::of(&RecordBatch::try_from_iter([("hour", text)]).unwrap()).err().unwrap();
        assert_eq!(said, "expected a column `hour` of lists of whole numbers, found Utf8");
        let number: ArrayRef = Arc::new(UInt32Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("entity", number)]).unwrap();
        assert!(EntityBatch::of(Family::Api, &batch).err().unwrap().ends_with("of text, found none"));
    }
}
