//! Writing scores: CSV for people and pipes, Parquet for tables; one row a bucket.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use chrono::{DateTime, SecondsFormat};

use crate::error::{Error, Result};
use crate::score::judge::{Judgement, SeriesScore, Verdict};
use crate::shown::harmless;
use crate::storage::{AtomicFile, ParquetFile, compact};

/// The columns, in order.
pub const COLUMNS: [&str; 11] =
    ["series", "timestamp", "value", "expected", "lower", "upper", "p_up", "p_down", "p_value", "score", "flagged"];

/// What a file of scores is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// Text.
    Csv,
    /// Parquet.
    Parquet,
}

impl FileForm {
    /// By the ending of a file's name.
    ///
    /// # Errors
    /// [`Error::Query`] when it is another.
    pub fn of(target: &Path) -> Result<Self> {
        let ending = target.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("csv") => Ok(Self::Csv),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(Error::unknown_ending(target, ".csv or .parquet")),
        }
    }
}

/// Where scores go, series by series.
#[derive(Debug)]
pub enum ScoreWriter<Out: Write> {
    /// CSV to something that is open.
    Stream(Box<csv::Writer<Out>>),
    /// CSV to a file that appears when it is whole.
    Csv(Box<csv::Writer<AtomicFile>>),
    /// Parquet to such a file.
    Parquet(Box<ParquetFile>, Arc<Schema>),
}

impl<Out: Write> ScoreWriter<Out> {
    /// A file, CSV or Parquet by its ending.
    ///
    /// # Errors
    /// When its ending is neither, or it cannot be created.
    pub fn file(target: &Path) -> Result<Self> {
        match FileForm::of(target)? {
            FileForm::Parquet => {
                let schema = Arc::new(schema());
                let file = ParquetFile::create(target, &schema, compact().build())?;
                Ok(Self::Parquet(Box::new(file), schema))
            }
            FileForm::Csv => {
                let mut writer = csv::Writer::from_writer(AtomicFile::create(target)?);
                writer.write_record(COLUMNS).map_err(write_failure(target))?;
                Ok(Self::Csv(Box::new(writer)))
            }
        }
    }

    /// CSV to a stream.
    ///
    /// # Errors
    /// When the stream cannot be written to.
    pub fn stream(out: Out) -> std::io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(COLUMNS)?;
        Ok(Self::Stream(Box::new(writer)))
    }

    /// Adds some series.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn add(&mut self, scores: &[SeriesScore]) -> std::io::Result<()> {
        match self {
            Self::Stream(writer) => scores.iter().try_for_each(|series| write_series(writer, series)),
            Self::Csv(writer) => scores.iter().try_for_each(|series| write_series(writer, series)),
            Self::Parquet(file, schema) => {
                let batch = batch(schema, scores).map_err(std::io::Error::other)?;
                if batch.num_rows() == 0 { Ok(()) } else { file.write(&batch).map_err(std::io::Error::other) }
            }
        }
    }

    /// Makes the result whole and visible.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub fn finish(self, target: &Path) -> Result<()> {
        match self {
            Self::Stream(mut writer) => writer.flush().map_err(Error::write(target)),
            Self::Csv(writer) => {
                let file = writer.into_inner().map_err(|error| Error::write(target)(error.into_error()))?;
                file.commit()
            }
            Self::Parquet(file, _) => file.finish(),
        }
    }
}

fn write_failure(target: &Path) -> impl Fn(csv::Error) -> Error {
    move |error| Error::write(target)(io_error(error))
}

/// The operating system's own error where there is one: a pipe that was closed must be known for what it is.
fn io_error(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

fn write_series(writer: &mut csv::Writer<impl Write>, series: &SeriesScore) -> std::io::Result<()> {
    let name = harmless(&series.name).into_owned();
    for row in &series.rows {
        let mut fields = vec![name.clone(), moment(row.time), row.value.to_string()];
        fields.extend(row.verdict.as_ref().map_or_else(unjudged, verdict_fields));
        writer.write_record(fields).map_err(io_error)?;
    }
    Ok(())
}

fn moment(time: i64) -> String {
    DateTime::from_timestamp_millis(time)
        .map_or_else(|| time.to_string(), |moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn unjudged() -> Vec<String> {
    let mut fields = vec![String::new(); 7];
    fields.push("false".to_owned());
    fields
}

fn verdict_fields(verdict: &Verdict) -> Vec<String> {
    vec![
        significant(verdict.expected),
        verdict.lower.to_string(),
        verdict.upper.to_string(),
        significant(verdict.p_up),
        significant(verdict.p_down),
        significant(verdict.p_value),
        format!("{:.1}", verdict.score),
        verdict.flagged.to_string(),
    ]
}

/// Six significant digits, in powers of ten where that is shorter to read.
fn significant(value: f64) -> String {
    if value == 0.0 || (1e-4..1e15).contains(&value) {
        let decimals = if value > 0.0 { (5 - value.log10().floor() as i32).clamp(0, 9) } else { 0 };
        let text = format!("{value:.*}", decimals as usize);
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        format!("{value:.5e}")
    }
}

fn schema() -> Schema {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let types = [
        (DataType::Utf8, false),
        (time, false),
        (DataType::Float64, false),
        (DataType::Float64, true),
        (DataType::UInt64, true),
        (DataType::UInt64, true),
        (DataType::Float64, true),
        (DataType::Float64, true),
        (DataType::Float64, true),
        (DataType::Float64, true),
        (DataType::Boolean, false),
    ];
    let field = |(name, (kind, nullable)): (&str, (DataType, bool))| Field::new(name, kind, nullable);
    Schema::new(COLUMNS.into_iter().zip(types).map(field).collect::<Vec<_>>())
}

fn batch(schema: &Arc<Schema>, scores: &[SeriesScore]) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
    let rows = || scores.iter().flat_map(|series| &series.rows);
    let number = |of: fn(&Verdict) -> f64| -> ArrayRef {
        Arc::new(rows().map(|row| row.verdict.as_ref().map(of)).collect::<Float64Array>())
    };
    let whole = |of: fn(&Verdict) -> u64| -> ArrayRef {
        Arc::new(rows().map(|row| row.verdict.as_ref().map(of)).collect::<UInt64Array>())
    };
    let names = scores.iter().flat_map(|series| series.rows.iter().map(|_| Some(series.name.as_str())));
    let flagged = |row: &Judgement| Some(row.verdict.as_ref().is_some_and(|verdict| verdict.flagged));
    let times: TimestampMillisecondArray = rows().map(|row| row.time).collect::<Vec<i64>>().into();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(names.collect::<StringArray>()),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(rows().map(|row| Some(row.value)).collect::<Float64Array>()),
        number(|verdict| verdict.expected),
        whole(|verdict| verdict.lower),
        whole(|verdict| verdict.upper),
        number(|verdict| verdict.p_up),
        number(|verdict| verdict.p_down),
        number(|verdict| verdict.p_value),
        number(|verdict| verdict.score),
        Arc::new(rows().map(flagged).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(schema.clone(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_say_enough() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (12.345_678_9, "12.3457"),
            (123_456_789.0, "123456789"),
            (0.000_123_456_7, "0.000123457"),
            (1.234_567_8e-20, "1.23457e-20"),
            (10.0, "10"),
        ];
        for (value, expected) in cases {
            assert_eq!(significant(value), expected);
        }
    }

    #[test]
    fn names_are_no_formulas() {
        assert_eq!(harmless("=1+1"), "'=1+1");
        assert_eq!(harmless("Oss/GetObject"), "Oss/GetObject");
    }
}
