//! Parquet with the types of the headings, in row groups of a bounded number of rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};
use crate::query::answer::{AnswerWriter, Heading, Kind, Value};
use crate::storage::{ParquetFile, compact};

/// Rows in a row group, and so the most that are held.
const ROW_GROUP_ROWS: usize = 65_536;

pub(super) struct ParquetAnswer {
    file: ParquetFile,
    target: PathBuf,
    schema: SchemaRef,
    headings: Vec<Heading>,
    waiting: Vec<RecordBatch>,
}

impl ParquetAnswer {
    pub(super) fn create(target: &Path, headings: Vec<Heading>) -> Result<Self> {
        let field = |heading: &Heading| Field::new(&heading.name, data_type(heading.kind), true);
        let schema = Arc::new(Schema::new(headings.iter().map(field).collect::<Vec<_>>()));
        let file = ParquetFile::create(target, &schema, compact().build())?;
        Ok(Self { file, target: target.to_path_buf(), schema, headings, waiting: Vec::new() })
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let batch = concat_batches(&self.schema, &self.waiting).map_err(Error::parquet(&self.target))?;
        self.waiting.clear();
        self.file.write(&batch)
    }
}

impl AnswerWriter for ParquetAnswer {
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        let column = |(number, heading): (usize, &Heading)| array(heading.kind, rows, number);
        let columns = self.headings.iter().enumerate().map(column).collect();
        self.waiting.push(RecordBatch::try_new(self.schema.clone(), columns).map_err(Error::parquet(&self.target))?);
        if self.waiting.iter().map(RecordBatch::num_rows).sum::<usize>() >= ROW_GROUP_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()?;
        self.file.finish()
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Id | Kind::Names | Kind::Json => DataType::Utf8,
        Kind::Integer => DataType::Int64,
        Kind::Number => DataType::Float64,
        Kind::Truth => DataType::Boolean,
        Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
    }
}

fn array<'rows>(kind: Kind, rows: &'rows [Vec<Value<'rows>>], column: usize) -> ArrayRef {
    let values = rows.iter().map(|row| &row[column]);
    let integer = |value: &Value<'_>| match value {
        Value::Integer(number) | Value::Time(number) => Some(*number),
        _ => None,
    };
    match kind {
        Kind::Text | Kind::Id | Kind::Names | Kind::Json => {
            let text = |row: &'rows Vec<Value<'rows>>| match &row[column] {
                Value::Text(text) => Some(text.as_ref()),
                _ => None,
            };
            Arc::new(rows.iter().map(text).collect::<StringArray>())
        }
        Kind::Integer => Arc::new(values.map(integer).collect::<Int64Array>()),
        Kind::Time => Arc::new(values.map(integer).collect::<TimestampMillisecondArray>().with_timezone("UTC")),
        Kind::Number => {
            let number = |value: &Value<'_>| if let Value::Number(number) = value { Some(*number) } else { None };
            Arc::new(values.map(number).collect::<Float64Array>())
        }
        Kind::Truth => {
            let truth = |value: &Value<'_>| if let Value::Truth(truth) = value { Some(*truth) } else { None };
            Arc::new(values.map(truth).collect::<BooleanArray>())
        }
    }
}
