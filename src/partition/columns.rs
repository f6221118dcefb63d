//! Which leaf columns of a Parquet file hold which canonical column.
//!
//! The choice is made by looking at the file's schema: nested structs and flattened names come to the same dotted path. Names the
//! clouds never used can be given in the settings.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::event::Column;
use crate::event::dialect::{ENVELOPE, spellings};
use crate::partition::made::Made;

/// The settings' own names for columns: canonical column to dotted path in the file.
pub type ColumnOverrides = BTreeMap<Column, String>;

/// A leaf column: its number among the file's leaves, and the way to it through nested structs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The position among all leaves, as Parquet counts them.
    pub index: usize,
    /// How many leaves it is, which is one but for lists and maps.
    pub width: usize,
    /// The field names from the root to the leaf.
    pub path: Vec<String>,
    /// What the file says is in it.
    pub data_type: DataType,
}

impl Leaf {
    /// Whether it is a leaf indeed, no list and no map.
    pub fn is_simple(&self) -> bool {
        !self.data_type.is_nested()
    }

    /// Its positions among all leaves.
    pub fn indexes(&self) -> std::ops::Range<usize> {
        self.index..self.index + self.width
    }
}

/// For each canonical column the leaves that can supply it, best first, or else what it is made of; neither when the file has
/// nothing like it.
#[derive(Debug, Clone)]
pub struct ColumnMap {
    leaves: Vec<Vec<Leaf>>,
    made: Vec<Option<Arc<Made>>>,
}

impl ColumnMap {
    /// Reads the map off a file's schema.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] when there is no time, no event name, or nothing that names the service.
    pub fn from_schema(path: &Path, schema: &Schema, overrides: &ColumnOverrides) -> Result<Self> {
        let parts = parts(schema);
        let found = leaves_by_path(&parts);
        let pick = |column: Column| match overrides.get(&column) {
            Some(own) => found.get(&own.to_lowercase()).cloned().into_iter().collect(),
            None => spellings(column).iter().filter_map(|name| look_up(&found, name)).collect(),
        };
        let leaves: Vec<Vec<Leaf>> = Column::ALL.iter().map(|&column| pick(column)).collect();
        let made = Made::of_schema(&leaves, &parts, &|column| overrides.get(&column).cloned());
        let map = Self { leaves, made: made.into_iter().map(|made| made.map(Arc::new)).collect() };
        for required in [Column::EventTime, Column::EventName] {
            map.require(path, schema, required, &[required])?;
        }
        map.require(path, schema, Column::ServiceName, &[Column::ServiceName, Column::EventSource])?;
        Ok(map)
    }

    /// The leaves that can supply `column`, best first.
    pub fn leaves(&self, column: Column) -> &[Leaf] {
        &self.leaves[column as usize]
    }

    /// How `column` is made, if no leaf supplies it.
    pub fn made(&self, column: Column) -> Option<&Arc<Made>> {
        self.made[column as usize].as_ref()
    }

    /// Whether this file has nothing for `column`.
    pub fn is_missing(&self, column: Column) -> bool {
        self.leaves(column).is_empty() && self.made(column).is_none()
    }

    /// The canonical columns that this file has nothing for.
    pub fn missing(&self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(|&column| self.is_missing(column))
    }

    fn require(&self, path: &Path, schema: &Schema, column: Column, any_of: &[Column]) -> Result<()> {
        if any_of.iter().any(|&candidate| !self.leaves(candidate).is_empty()) {
            return Ok(());
        }
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).take(12).collect();
        let found = if names.is_empty() { "no columns".to_owned() } else { names.join(", ") };
        Err(Error::MissingColumn { path: path.to_path_buf(), column: column.name(), found })
    }
}

fn look_up(found: &BTreeMap<String, Leaf>, name: &str) -> Option<Leaf> {
    found.get(name).or_else(|| found.get(&format!("{ENVELOPE}{name}"))).cloned()
}

/// All leaves in order; lists and maps are whole.
fn parts(schema: &Schema) -> Vec<Leaf> {
    let mut parts = Vec::new();
    for field in schema.fields() {
        collect_parts(field, &mut Vec::new(), &mut parts);
    }
    parts
}

fn collect_parts(field: &Field, path: &mut Vec<String>, parts: &mut Vec<Leaf>) {
    path.push(field.name().clone());
    if let DataType::Struct(fields) = field.data_type() {
        fields.iter().for_each(|child| collect_parts(child, path, parts));
    } else {
        let index = parts.last().map_or(0, |last| last.indexes().end);
        let data_type = field.data_type().clone();
        parts.push(Leaf { index, width: leaf_count(&data_type), path: path.clone(), data_type });
    }
    path.pop();
}

fn leaves_by_path(parts: &[Leaf]) -> BTreeMap<String, Leaf> {
    let mut found = BTreeMap::new();
    for leaf in parts.iter().filter(|part| part.is_simple()) {
        found.entry(leaf.path.join(".").to_lowercase()).or_insert_with(|| leaf.clone());
    }
    found
}

fn leaf_count(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|child| leaf_count(child.data_type())).sum(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => leaf_count(item.data_type()),
        _ => 1,
    }
}

/// The same schema with every text read as a dictionary, which keeps the file's own dictionary pages.
pub(super) fn with_dictionaries(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(|field| as_dictionary(field)).collect::<Fields>()))
}

fn as_dictionary(field: &Field) -> Field {
    let data_type = match field.data_type() {
        text @ (DataType::Utf8 | DataType::Binary) => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(text.clone()))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|child| as_dictionary(child)).collect()),
        other => other.clone(),
    };
    field.clone().with_data_type(data_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> Field {
        Field::new(name, DataType::Utf8, true)
    }

    fn map(fields: Vec<Field>) -> Result<ColumnMap> {
        ColumnMap::from_schema(Path::new("x.parquet"), &Schema::new(fields), &ColumnOverrides::new())
    }

    fn nested(name: &str, fields: Vec<Field>) -> Field {
        Field::new(name, DataType::Struct(fields.into()), true)
    }

    #[test]
    fn nested_flattened_and_enveloped_names_come_to_the_same() {
        let plain = || vec![text("eventTime"), text("eventName"), text("serviceName")];
        let mut structs = plain();
        structs.push(nested("userIdentity", vec![text("type"), text("accessKeyId")]));
        let mut flat = plain();
        flat.push(text("userIdentity.accessKeyId"));
        let envelope: Vec<Field> =
            ["event.eventTime", "event.eventName", "event.serviceName", "event.userIdentity.accessKeyId"]
                .map(text)
                .into();
        let whole = vec![nested("event", structs.clone())];
        for fields in [structs, flat, envelope, whole] {
            let found = map(fields).unwrap();
            assert_eq!(found.leaves(Column::AccessKeyId).len(), 1);
            assert_eq!(found.leaves(Column::EventName).len(), 1);
        }
    }

    #[test]
    fn lists_are_passed_over_and_still_counted() {
        let list = Field::new("tags", DataType::List(Arc::new(text("item"))), true);
        let found = map(vec![list, text("event_time"), text("event_name"), text("event_source")]).unwrap();
        assert_eq!(found.leaves(Column::EventTime)[0].index, 1);
    }

    #[test]
    fn what_cannot_be_done_without_is_named() {
        let error = map(vec![text("event_name"), text("service_name")]).unwrap_err().to_string();
        assert_eq!(error, "`x.parquet` has no column for `event_time`; it has event_name, service_name");
        assert!(map(vec![text("event_time"), text("event_name")]).unwrap_err().to_string().contains("service_name"));
    }

    #[test]
    fn the_settings_name_columns_of_ones_own() {
        let schema = Schema::new(vec![text("when"), text("what"), text("service_name")]);
        let overrides = [(Column::EventTime, "When".into()), (Column::EventName, "what".into())].into();
        let found = ColumnMap::from_schema(Path::new("x"), &schema, &overrides).unwrap();
        assert_eq!(found.leaves(Column::EventTime)[0].path, ["when"]);
    }
}
