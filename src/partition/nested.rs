//! Nested arrays (structs, maps, lists) as JSON text, a row at a time. What is null is left out of objects.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::partition::TextColumn;

/// The JSON text of every row of an array.
pub(super) fn json_texts(array: &ArrayRef) -> Result<TextColumn, ArrowError> {
    let node = Node::of(array)?;
    let row = |row: usize| {
        let mut text = String::new();
        node.write(row, &mut text).then_some(text)
    };
    let texts: StringArray = (0..array.len()).map(row).collect();
    Ok(TextColumn::of_rows(&texts))
}

/// Whether values of a type, as texts, are JSON as they stand.
pub(super) fn is_bare(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Boolean || data_type.is_nested()
}

/// Adds a text as JSON; a bare one as it is, unless it is no JSON, as some numbers are not.
pub(super) fn push_value(out: &mut String, text: &str, is_bare: bool) {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if is_bare && is_json(text) {
        out.push_str(text);
    } else {
        push_text(out, text);
    }
}

/// Adds a text as a JSON string.
pub(super) fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// An array with all that is below it brought into a form that can be written.
enum Node {
    Struct(StructArray, Vec<Self>),
    Map(MapArray, StringArray, Box<Self>),
    List(ListArray, Box<Self>),
    Texts(StringArray, bool),
}

impl Node {
    fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Struct(_) => {
                let fields = array.as_struct();
                Self::Struct(fields.clone(), fields.columns().iter().map(Self::of).collect::<Result<_, _>>()?)
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let keys = cast(map.keys(), &DataType::Utf8)?.as_string::<i32>().clone();
                Self::Map(map.clone(), keys, Box::new(Self::of(map.values())?))
            }
            DataType::List(_) => {
                Self::List(array.as_list().clone(), Box::new(Self::of(array.as_list::<i32>().values())?))
            }
            DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Self::of(&cast(array, &DataType::List(item.clone()))?)?
            }
            other => Self::Texts(cast(array, &DataType::Utf8)?.as_string::<i32>().clone(), is_bare(other)),
        })
    }

    /// Adds a row; false, and nothing added, where it is null.
    fn write(&self, row: usize, out: &mut String) -> bool {
        let is_null = match self {
            Self::Struct(array, _) => array.is_null(row),
            Self::Map(array, ..) => array.is_null(row),
            Self::List(array, _) => array.is_null(row),
            Self::Texts(array, _) => array.is_null(row),
        };
        if is_null {
            return false;
        }
        match self {
            Self::Struct(array, children) => {
                let fields = array.column_names().into_iter().zip(children);
                push_object(out, fields.map(|(name, child)| (name, child, row)));
            }
            Self::Map(array, keys, values) => {
                let rows = range(array.value_offsets(), row);
                push_object(out, rows.map(|row| (keys.value(row), &**values, row)));
            }
            Self::List(array, items) => {
                out.push('[');
                for (place, row) in range(array.value_offsets(), row).enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    if !items.write(row, out) {
                        out.push_str("null");
                    }
                }
                out.push(']');
            }
            Self::Texts(array, is_bare) => push_value(out, array.value(row), *is_bare),
        }
        true
    }
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

fn push_object<'n>(out: &mut String, fields: impl Iterator<Item = (&'n str, &'n Node, usize)>) {
    out.push('{');
    let begin = out.len();
    for (name, node, row) in fields {
        let before = out.len();
        if before > begin {
            out.push(',');
        }
        push_text(out, name);
        out.push(':');
        if !node.write(row, out) {
            out.truncate(before);
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, MapBuilder, StringBuilder};
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn structs_maps_and_lists_are_json() {
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        map.keys().append_value("PolicyName");
        map.values().append_value("Admin\"");
        map.keys().append_value("none");
        map.values().append_null();
        map.append(true).unwrap();
        map.append(false).unwrap();
        let map: ArrayRef = Arc::new(map.finish());
        let texts = json_texts(&map).unwrap();
        assert_eq!([texts.row(0), texts.row(1)], [Some(r#"{"PolicyName":"Admin\""}"#), None]);

        let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        let field = |name: &str, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), true));
        let whole: ArrayRef = Arc::new(StructArray::from(vec![
            (field("count", &number), number.clone()),
            (field("tags", &map), map.clone()),
        ]));
        let texts = json_texts(&whole).unwrap();
        assert_eq!(texts.row(0), Some(r#"{"count":7,"tags":{"PolicyName":"Admin\""}}"#));
        assert_eq!(texts.row(1), Some("{}"));

        let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
        ]));
        let texts = json_texts(&list).unwrap();
        assert_eq!([texts.row(0), texts.row(1)], [Some("[1,null]"), None]);
    }
}
