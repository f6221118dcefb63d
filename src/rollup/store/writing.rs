//! Writing a day's rollup. The pairs go first and the rollup last: a day counts as done when its rollup is there.
//!
//! Bytes depend on the counts alone, not on threads or the machine. The format is our own only in its columns; any reader of Parquet opens it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::ByteArray;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::rollup::day::{DayRollup, FamilyRollup, HourColumns};
use crate::rollup::family::pair_name;
use crate::rollup::store::{DayNote, FORMAT, FORMAT_KEY, NOTE_KEY, pairs_path, rollup_path};
use crate::rollup::{Dimension, EntityKey, Family};
use crate::storage::{AtomicFile, Packed, ParquetFile, Values, compact_values, remove};

/// Entities in a row group.
const ROW_GROUP_ENTITIES: usize = 131_072;
/// Columns of texts that are in order, or absent.
const SORTED: [&str; 4] = ["source_ip", "access_key", "principal", "network"];
/// The lists of an entity's hours.
const LISTS: [(&str, DataType); 4] =
    [("hour", DataType::UInt8), ("calls", DataType::UInt32), ("errors", DataType::UInt32), ("peak", DataType::UInt32)];

/// Writes a day into the state directory, replacing what was there.
pub fn write_day(state: &Path, rollup: &DayRollup, note: &DayNote) -> Result<()> {
    day_files(state, rollup, note)?.into_iter().try_for_each(AtomicFile::commit)
}

/// The files of a day, complete and yet to be put in their places, in this order.
pub fn day_files(state: &Path, rollup: &DayRollup, note: &DayNote) -> Result<Vec<AtomicFile>> {
    let path = pairs_path(state, note.date);
    let mut files = Vec::new();
    if note.pairs {
        files.push(write_pairs(&path, rollup, note)?);
    } else {
        remove(&path)?;
    }
    files.push(write_rollup(&rollup_path(state, note.date), rollup, note)?);
    Ok(files)
}

fn write_rollup(path: &Path, rollup: &DayRollup, note: &DayNote) -> Result<AtomicFile> {
    let mut file = ParquetFile::create(path, &rollup_schema(), rollup_properties())?;
    describe(&mut file, note)?;
    let mut entity = 0;
    for family in &rollup.families {
        for first in (0..family.members.len()).step_by(ROW_GROUP_ENTITIES) {
            let members = first..family.members.len().min(first + ROW_GROUP_ENTITIES);
            write_entities(&mut file, rollup, family, members, entity + first as u32)?;
        }
        entity += family.members.len() as u32;
    }
    file.complete()
}

fn write_entities(
    file: &mut ParquetFile,
    rollup: &DayRollup,
    family: &FamilyRollup,
    range: Range<usize>,
    entity: u32,
) -> Result<()> {
    let members = &family.members[range.clone()];
    let starts = &family.starts[range.start..=range.end];
    let entities: Vec<u32> = (entity..entity + members.len() as u32).collect();
    let mut columns = vec![
        Values::Packed(Packed::numbers(&entities, |entity| entity)),
        Values::Texts(vec![ByteArray::from(family.family.name()); members.len()]),
    ];
    columns.extend(Dimension::ALL.map(|dimension| dimension_values(rollup, family.family, members, dimension)));
    let HourColumns { hour, calls, errors, peak } = &family.hours;
    columns.push(Values::Packed(Packed::lists(hour, starts, u32::from)));
    let list = |column: &Vec<u32>| Values::Packed(Packed::lists(column, starts, |count| count));
    columns.extend([calls, errors, peak].map(list));
    file.write_values(columns)
}

fn describe(file: &mut ParquetFile, note: &DayNote) -> Result<()> {
    let text = serde_json::to_string(note).map_err(Error::internal)?;
    file.note(FORMAT_KEY, FORMAT.to_string());
    file.note(NOTE_KEY, text);
    Ok(())
}

fn rollup_schema() -> SchemaRef {
    let text = |dimension: Dimension| Field::new(dimension.name(), DataType::Utf8, true);
    let list = |(name, item): (&str, DataType)| {
        Field::new(name, DataType::List(Arc::new(Field::new("element", item, false))), false)
    };
    let mut fields = vec![Field::new("entity", DataType::UInt32, false), Field::new("family", DataType::Utf8, false)];
    fields.extend(Dimension::ALL.map(text));
    fields.extend(LISTS.map(list));
    Arc::new(Schema::new(fields))
}

fn rollup_properties() -> WriterProperties {
    SORTED.into_iter().map(ColumnPath::from).fold(compact_values(), as_sorted).build()
}

/// Texts in order share their beginnings, and are most of what there is to compress.
fn as_sorted(builder: WriterPropertiesBuilder, path: ColumnPath) -> WriterPropertiesBuilder {
    builder
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path.clone(), Encoding::DELTA_BYTE_ARRAY)
        .set_column_compression(path, Compression::ZSTD(ZstdLevel::default()))
}

fn dimension_values(rollup: &DayRollup, family: Family, members: &[EntityKey], dimension: Dimension) -> Values {
    let position = match dimension {
        Dimension::Account => Some(0),
        _ => family.keyed_by().iter().position(|&key| key == dimension).map(|position| position + 1),
    };
    let Some(position) = position else { return Values::Absent(members.len()) };
    let text = |key: &EntityKey| {
        let field = key.fields().nth(position).unwrap_or_default();
        match dimension {
            Dimension::Service => rollup.spellings.get(field).map_or(field, String::as_str).into(),
            _ => field.into(),
        }
    };
    Values::Present(members.iter().map(text).collect())
}

fn write_pairs(path: &Path, rollup: &DayRollup, note: &DayNote) -> Result<AtomicFile> {
    let list =
        |name: &str| Field::new(name, DataType::List(Arc::new(Field::new("element", DataType::UInt32, false))), false);
    let schema = Arc::new(Schema::new(vec![
        Field::new("pair", DataType::Utf8, false),
        Field::new("entity", DataType::UInt32, false),
        list("with"),
        list("calls"),
    ]));
    let mut file = ParquetFile::create(path, &schema, compact_values().build())?;
    describe(&mut file, note)?;
    let first_row = first_rows(rollup);
    for kind in rollup.pairs.iter().filter(|kind| !kind.lefts.is_empty()) {
        let (left, right) = (first_row[kind.families.0 as usize], first_row[kind.families.1 as usize]);
        file.write_values(vec![
            Values::Texts(vec![ByteArray::from(&*pair_name(kind.families)); kind.lefts.len()]),
            Values::Packed(Packed::numbers(&kind.lefts, |member| left + member)),
            Values::Packed(Packed::lists(&kind.rights, &kind.starts, |member| right + member)),
            Values::Packed(Packed::lists(&kind.calls, &kind.starts, |calls| calls)),
        ])?;
    }
    file.complete()
}

/// The row in `rollup.parquet` at which each family begins.
fn first_rows(rollup: &DayRollup) -> Vec<u32> {
    let counts = rollup.families.iter().map(|family| family.members.len() as u32);
    counts.scan(0, |next, count| Some(std::mem::replace(next, *next + count))).collect()
}
