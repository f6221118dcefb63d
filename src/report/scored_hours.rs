//! `scored-hours.parquet`: a row for every hour of every entity that was scored, on request, for those who look into the model.
//!
//! Entities are scored again some at a time, and what they come to is written before the next are, so memory does not grow with them.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use rayon::prelude::*;

use crate::baseline::FamilyBaseline;
use crate::detect::scored::{ScoredDay, ScoredHour, scored_day};
use crate::error::{Error, Result};
use crate::storage::{AtomicFile, ParquetFile, compact};
use crate::time::{HOUR_MS, midnight_ms};

/// The file below the day's folder of insights.
pub const FILE_NAME: &str = "scored-hours.parquet";
/// Entities whose hours are in memory at a time.
const ENTITIES_AT_ONCE: usize = 4096;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let required = |name: &str, data_type| Field::new(name, data_type, false);
    Arc::new(Schema::new(vec![
        required("family", DataType::Utf8),
        required("account", DataType::Utf8),
        required("entity", DataType::Utf8),
        required("time", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
        required("calls", DataType::Int64),
        required("errors", DataType::Int64),
        required("expected", DataType::Float64),
        required("expected_lower", DataType::Int64),
        required("expected_upper", DataType::Int64),
        Field::new("log10_p_value", DataType::Float64, true),
        required("model", DataType::Utf8),
        required("believed", DataType::Boolean),
    ]))
});

/// Writes the hours of all families below the day's folder; the file is yet to be put in its place.
pub fn write(folder: &Path, baselines: &[FamilyBaseline<'_>]) -> Result<AtomicFile> {
    let mut file = ParquetFile::create(&folder.join(FILE_NAME), &SCHEMA, compact().build())?;
    for baseline in baselines {
        let members: Vec<usize> = (0..baseline.history.len()).collect();
        for members in members.chunks(ENTITIES_AT_ONCE) {
            let days: Vec<ScoredDay> = members.par_iter().map(|&member| scored_day(baseline, member)).collect();
            let batch = RecordBatch::try_new(SCHEMA.clone(), columns(baseline, members, &days));
            file.write(&batch.map_err(Error::internal)?)?;
        }
    }
    file.complete()
}

fn columns(baseline: &FamilyBaseline<'_>, members: &[usize], days: &[ScoredDay]) -> Vec<ArrayRef> {
    let texts = |of: &dyn Fn(usize, &ScoredDay) -> String| -> ArrayRef {
        let each = members.iter().zip(days).flat_map(|(&member, day)| vec![of(member, day); day.hours.len()]);
        Arc::new(StringArray::from(each.collect::<Vec<String>>()))
    };
    let hours = || days.iter().flat_map(|day| &day.hours);
    let counts = |of: fn(&ScoredHour) -> i64| -> ArrayRef {
        Arc::new(hours().map(|hour| Some(of(hour))).collect::<Int64Array>())
    };
    let midnight = midnight_ms(baseline.window().scored());
    let times: Vec<i64> = hours().map(|hour| midnight + i64::from(hour.expected.hour) * HOUR_MS).collect();
    let log10 = |hour: &ScoredHour| hour.ln_p.map(|ln_p| ln_p / std::f64::consts::LN_10);
    vec![
        texts(&|_, _| baseline.history.family.name().to_owned()),
        texts(&|member, _| baseline.history.key(member).account().to_owned()),
        texts(&|member, _| baseline.history.label(member)),
        Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC")),
        counts(|hour| i64::from(hour.expected.calls)),
        counts(|hour| i64::from(hour.expected.errors)),
        Arc::new(hours().map(|hour| Some(hour.expected.expected)).collect::<Float64Array>()),
        counts(|hour| hour.expected.lower as i64),
        counts(|hour| hour.expected.upper as i64),
        Arc::new(hours().map(log10).collect::<Float64Array>()),
        texts(&|_, day| day.model.name().to_owned()),
        Arc::new(hours().map(|hour| Some(hour.expected.alive)).collect::<BooleanArray>()),
    ]
}
