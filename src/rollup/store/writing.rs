//! Writing a day's rollup. The pairs go first and the rollup last: a day counts as done when its rollup is there.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, RecordBatch, StringArray, UInt8Array, UInt32Array};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::Encoding;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::rollup::day::{DayRollup, FamilyRollup, PairRollup};
use crate::rollup::family::pair_name;
use crate::rollup::store::{DayNote, FORMAT, FORMAT_KEY, NOTE_KEY, pairs_path, rollup_path};
use crate::rollup::{Dimension, Family};
use crate::storage::{ParquetFile, compact};

/// Entities in a row group.
const ROW_GROUP_ENTITIES: usize = 131_072;
/// The lists of an entity's hours.
const LISTS: [(&str, DataType); 4] =
    [("hour", DataType::UInt8), ("calls", DataType::UInt32), ("errors", DataType::UInt32), ("peak", DataType::UInt32)];

/// Writes a day into the state directory, replacing what was there.
pub fn write_day(state: &Path, rollup: &DayRollup, note: &DayNote) -> Result<()> {
    let path = pairs_path(state, note.date);
    if note.pairs {
        write_pairs(&path, rollup, note)?;
    } else if path.exists() {
        std::fs::remove_file(&path).map_err(Error::write(&path))?;
    }
    write_rollup(&rollup_path(state, note.date), rollup, note)
}

fn write_rollup(path: &Path, rollup: &DayRollup, note: &DayNote) -> Result<()> {
    let mut file = ParquetFile::create(path, &rollup_schema(), rollup_properties())?;
    describe(&mut file, note)?;
    let mut entity = 0;
    for family in &rollup.families {
        for first in (0..family.members.len()).step_by(ROW_GROUP_ENTITIES) {
            let end = family.members.len().min(first + ROW_GROUP_ENTITIES);
            let columns = family_columns(rollup, family, first..end, entity + first as u32);
            file.write(&RecordBatch::try_new(rollup_schema(), columns).map_err(Error::parquet(path))?)?;
        }
        entity += family.members.len() as u32;
    }
    file.finish()
}

fn describe(file: &mut ParquetFile, note: &DayNote) -> Result<()> {
    let text = serde_json::to_string(note).map_err(|error| Error::Internal(error.to_string()))?;
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
    let plain = |builder: parquet::file::properties::WriterPropertiesBuilder, name: &str| {
        builder.set_column_dictionary_enabled(ColumnPath::from(vec![name.to_owned()]), false)
    };
    let sorted = ["entity", "source_ip", "access_key", "principal", "network"];
    let mut builder = sorted.into_iter().fold(compact(), plain);
    builder = builder.set_column_encoding(ColumnPath::from("entity"), Encoding::DELTA_BINARY_PACKED);
    for (list, _) in LISTS {
        let path = ColumnPath::from(vec![list.to_owned(), "list".to_owned(), "element".to_owned()]);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for text in ["source_ip", "access_key", "principal", "network"] {
        builder = builder.set_column_encoding(ColumnPath::from(text), Encoding::DELTA_BYTE_ARRAY);
    }
    builder.build()
}

fn family_columns(
    rollup: &DayRollup,
    family: &FamilyRollup,
    range: std::ops::Range<usize>,
    entity: u32,
) -> Vec<ArrayRef> {
    let members = &family.members[range.clone()];
    let rows = members.len();
    let numbers: UInt32Array = (entity..entity + rows as u32).collect();
    let name: StringArray = std::iter::repeat_n(Some(family.family.name()), rows).collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(name)];
    columns.extend(Dimension::ALL.map(|dimension| dimension_column(rollup, family.family, members, dimension)));
    columns.extend(list_columns(family, range));
    columns
}

fn dimension_column(
    rollup: &DayRollup,
    family: Family,
    members: &[crate::rollup::EntityKey],
    dimension: Dimension,
) -> ArrayRef {
    let position = match dimension {
        Dimension::Account => Some(0),
        _ => family.keyed_by().iter().position(|&key| key == dimension).map(|position| position + 1),
    };
    let Some(position) = position else { return Arc::new(StringArray::new_null(members.len())) };
    let text = |key: &crate::rollup::EntityKey| {
        let field = key.fields().nth(position).unwrap_or_default().to_owned();
        match dimension {
            Dimension::Service => rollup.spellings.get(&field).cloned().unwrap_or(field),
            _ => field,
        }
    };
    Arc::new(members.iter().map(|key| Some(text(key))).collect::<StringArray>())
}

fn list_columns(family: &FamilyRollup, range: std::ops::Range<usize>) -> Vec<ArrayRef> {
    let starts = &family.starts[range.start..=range.end];
    let hours = starts[0] as usize..starts[starts.len() - 1] as usize;
    let offsets: Vec<i32> = starts.iter().map(|&start| (start - starts[0]) as i32).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let columns = &family.hours;
    let numbers = |column: &[u32]| Arc::new(UInt32Array::from(column[hours.clone()].to_vec())) as ArrayRef;
    let values: [ArrayRef; 4] = [
        Arc::new(UInt8Array::from(columns.hour[hours.clone()].to_vec())),
        numbers(&columns.calls),
        numbers(&columns.errors),
        numbers(&columns.peak),
    ];
    let list = |((_, item), values): ((&str, DataType), ArrayRef)| {
        let field = Arc::new(Field::new("element", item, false));
        Arc::new(ListArray::new(field, offsets.clone(), values, None)) as ArrayRef
    };
    LISTS.into_iter().zip(values).map(list).collect()
}

fn write_pairs(path: &Path, rollup: &DayRollup, note: &DayNote) -> Result<()> {
    let list =
        |name: &str| Field::new(name, DataType::List(Arc::new(Field::new("element", DataType::UInt32, false))), false);
    let schema = Arc::new(Schema::new(vec![
        Field::new("pair", DataType::Utf8, false),
        Field::new("entity", DataType::UInt32, false),
        list("with"),
        list("calls"),
    ]));
    let mut file = ParquetFile::create(path, &schema, pairs_properties())?;
    describe(&mut file, note)?;
    let first_row = first_rows(rollup);
    for kind in &rollup.pairs {
        let (left, right) = (first_row[kind.families.0 as usize], first_row[kind.families.1 as usize]);
        let columns = pair_columns(kind, left, right);
        if !kind.lefts.is_empty() {
            file.write(&RecordBatch::try_new(schema.clone(), columns).map_err(Error::parquet(path))?)?;
        }
    }
    file.finish()
}

fn pair_columns(kind: &PairRollup, left: u32, right: u32) -> Vec<ArrayRef> {
    let offsets = OffsetBuffer::new(kind.starts.iter().map(|&start| start as i32).collect());
    let list = |values: UInt32Array| {
        let field = Arc::new(Field::new("element", DataType::UInt32, false));
        Arc::new(ListArray::new(field, offsets.clone(), Arc::new(values), None)) as ArrayRef
    };
    let name: StringArray = std::iter::repeat_n(Some(pair_name(kind.families)), kind.lefts.len()).collect();
    vec![
        Arc::new(name),
        Arc::new(kind.lefts.iter().map(|member| left + member).collect::<UInt32Array>()),
        list(kind.rights.iter().map(|member| right + member).collect()),
        list(UInt32Array::from(kind.calls.clone())),
    ]
}

fn pairs_properties() -> WriterProperties {
    let delta = |builder: parquet::file::properties::WriterPropertiesBuilder, path: Vec<String>| {
        let path = ColumnPath::from(path);
        builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
    };
    let element = |name: &str| vec![name.to_owned(), "list".to_owned(), "element".to_owned()];
    [vec!["entity".to_owned()], element("with"), element("calls")].into_iter().fold(compact(), delta).build()
}

/// The row in `rollup.parquet` at which each family begins.
fn first_rows(rollup: &DayRollup) -> Vec<u32> {
    let counts = rollup.families.iter().map(|family| family.members.len() as u32);
    counts.scan(0, |next, count| Some(std::mem::replace(next, *next + count))).collect()
}
