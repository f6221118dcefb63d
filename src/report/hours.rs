//! `hours.parquet`: a row for every hour of every finding's entity, on the judged day and the days before it.
//!
//! Charts are drawn from it, by our page and by anybody's notebook, without the rollups and without judging the night again. Hours that could not be believed
//! are marked, and have no expectation.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};
use crate::insight::build::hours::FindingHour;
use crate::storage::{ParquetFile, compact};

/// The file below the day's folder of insights.
pub const FILE_NAME: &str = "hours.parquet";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let required = |name: &str, data_type| Field::new(name, data_type, false);
    let optional = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        required("insight_id", DataType::Utf8),
        required("time", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
        required("calls", DataType::Int64),
        required("errors", DataType::Int64),
        optional("expected", DataType::Float64),
        optional("expected_lower", DataType::Int64),
        optional("expected_upper", DataType::Int64),
        required("believed", DataType::Boolean),
        required("flagged", DataType::Boolean),
    ]))
});

/// Writes the table below the day's folder.
pub fn write(folder: &Path, hours: &[FindingHour]) -> Result<PathBuf> {
    let path = folder.join(FILE_NAME);
    let mut file = ParquetFile::create(&path, &SCHEMA, compact().build())?;
    if !hours.is_empty() {
        let batch = RecordBatch::try_new(SCHEMA.clone(), columns(hours));
        file.write(&batch.map_err(Error::internal)?)?;
    }
    file.finish()?;
    Ok(path)
}

fn columns(hours: &[FindingHour]) -> Vec<ArrayRef> {
    let numbers = |pick: &dyn Fn(&FindingHour) -> Option<i64>| -> ArrayRef {
        Arc::new(hours.iter().map(pick).collect::<Int64Array>())
    };
    let flags = |pick: fn(&FindingHour) -> bool| -> ArrayRef {
        Arc::new(hours.iter().map(|hour| Some(pick(hour))).collect::<BooleanArray>())
    };
    let times = hours.iter().map(|hour| hour.time.timestamp_millis());
    vec![
        Arc::new(StringArray::from_iter_values(hours.iter().map(|hour| hour.insight.to_string()))),
        Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC")),
        numbers(&|hour| Some(hour.calls as i64)),
        numbers(&|hour| Some(hour.errors as i64)),
        Arc::new(hours.iter().map(|hour| hour.expected.map(|expected| expected.mean)).collect::<Float64Array>()),
        numbers(&|hour| hour.expected.map(|expected| expected.lower as i64)),
        numbers(&|hour| hour.expected.map(|expected| expected.upper as i64)),
        flags(|hour| hour.believed),
        flags(|hour| hour.flagged),
    ]
}
