//! JSON values as nested Arrow columns of a given schema.
//!
//! The schema decides: a field that it lacks is left out, a value of another type is null, and any value in a text column that
//! is no text is written as JSON.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use arrow::error::ArrowError;
use serde_json::Value;

/// The values as rows of the schema.
pub(super) fn rows(schema: &SchemaRef, values: &[Value]) -> Result<RecordBatch, ArrowError> {
    let values: Vec<Option<&Value>> = values.iter().map(Some).collect();
    let columns = children(schema.fields(), &values)?;
    RecordBatch::try_new(schema.clone(), columns)
}

/// One column for each field of objects.
fn children(fields: &Fields, values: &[Option<&Value>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let child = |field: &FieldRef| {
        let values: Vec<Option<&Value>> =
            values.iter().map(|value| value.and_then(|value| value.get(field.name()))).collect();
        column(field.data_type(), &values)
    };
    fields.iter().map(child).collect()
}

fn column(data_type: &DataType, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let each = || values.iter().copied();
    Ok(match data_type {
        DataType::Boolean => Arc::new(each().map(|value| value?.as_bool()).collect::<BooleanArray>()),
        DataType::Int32 => Arc::new(each().map(|value| i32::try_from(value?.as_i64()?).ok()).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(each().map(|value| value?.as_i64()).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(each().map(|value| value?.as_f64()).collect::<Float64Array>()),
        DataType::Struct(fields) => {
            let present = each().map(|value| value.is_some_and(Value::is_object)).collect::<NullBuffer>();
            Arc::new(StructArray::try_new(fields.clone(), children(fields, values)?, Some(present))?)
        }
        DataType::List(item) => list(item, values)?,
        _ => Arc::new(each().map(|value| value.map(text)).collect::<StringArray>()),
    })
}

fn list(item: &FieldRef, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let lists: Vec<Option<&Vec<Value>>> = values.iter().map(|value| value.and_then(Value::as_array)).collect();
    let lengths = lists.iter().map(|list| list.map_or(0, Vec::len));
    let present = lists.iter().map(Option::is_some).collect::<NullBuffer>();
    let items: Vec<Option<&Value>> = lists.iter().flatten().flat_map(|list| list.iter().map(Some)).collect();
    let items = column(item.data_type(), &items)?;
    Ok(Arc::new(ListArray::try_new(item.clone(), OffsetBuffer::from_lengths(lengths), items, Some(present))?))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
