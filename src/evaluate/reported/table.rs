//! Insights from the flat table, which holds no attributions.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMillisecondType};
use chrono::{DateTime, NaiveDate, Utc};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::detect::{Direction, Model};
use crate::error::{Error, Result};
use crate::evaluate::matching::canonical;

use super::{Found, Numbers, Set};

/// Reads the table.
pub(super) fn read(path: &Path, night: Option<NaiveDate>) -> Result<Vec<Found>> {
    Error::if_damaged(path, || read_sound(path, night))
}

fn read_sound(path: &Path, night: Option<NaiveDate>) -> Result<Vec<Found>> {
    // What a writer notes of its own types besides Parquet's may be unknown to the library.
    let physical = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let file = File::open(path).map_err(Error::read(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, physical)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(Error::parquet(path))?;
    let mut found = Vec::new();
    for batch in reader {
        let rows = Rows { path, batch: batch.map_err(Error::parquet(path))? };
        found.extend(rows.insights(night)?);
    }
    Ok(found)
}

struct Rows<'path> {
    path: &'path Path,
    batch: RecordBatch,
}

impl Rows<'_> {
    fn insights(&self, night: Option<NaiveDate>) -> Result<Vec<Found>> {
        let [ids, accounts, families, entities, directions] =
            ["insight_id", "account", "family", "entity", "direction"].map(|name| self.texts(name));
        let (ids, accounts, families) = (ids?, accounts?, families?);
        let (entities, directions, judged_by) = (entities?, directions?, self.texts("judged_by")?);
        let (starts, ends) = (self.times("start")?, self.times("end")?);
        let incidents = self.texts("incident").unwrap_or_default();
        let [observed, expected, log10_p_values, scores] =
            ["observed", "expected", "log10_p_value", "score"].map(|name| self.numbers(name).unwrap_or_default());
        let number = |numbers: &[Option<f64>], row: usize| numbers.get(row).copied().flatten();
        let insight = |row: usize| {
            let direction = if directions[row] == "down" { Direction::Down } else { Direction::Up };
            Found {
                id: ids[row].clone(),
                night: night.unwrap_or_else(|| starts[row].date_naive()),
                set: Set::of(&families[row], direction, Model::named(&judged_by[row])),
                family: families[row].clone(),
                account: accounts[row].clone(),
                entity: canonical(&families[row], &entities[row]),
                direction,
                start: starts[row],
                end: ends[row],
                told_end: ends[row],
                // It has a row in every night.
                is_open: false,
                incident: incidents.get(row).filter(|incident| !incident.is_empty()).cloned(),
                numbers: Numbers {
                    observed: number(&observed, row).map(|observed| observed as i64),
                    expected: number(&expected, row),
                    log10_p_value: number(&log10_p_values, row),
                    score: number(&scores, row),
                },
                attributions: None,
            }
        };
        Ok((0..ids.len()).map(insight).collect())
    }

    fn column(&self, name: &'static str, wanted: &DataType) -> Result<arrow::array::ArrayRef> {
        let column = self.batch.column_by_name(name).ok_or_else(|| Error::MissingColumn {
            path: self.path.to_path_buf(),
            column: name,
            found: self
                .batch
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        cast(column, wanted).map_err(Error::parquet(self.path))
    }

    fn texts(&self, name: &'static str) -> Result<Vec<String>> {
        let column = self.column(name, &DataType::Utf8)?;
        Ok(column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    }

    fn numbers(&self, name: &'static str) -> Result<Vec<Option<f64>>> {
        Ok(self.column(name, &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect())
    }

    fn times(&self, name: &'static str) -> Result<Vec<DateTime<Utc>>> {
        let column = self.column(name, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
        let times = column.as_primitive::<TimestampMillisecondType>().values().iter();
        Ok(times.map(|&time| DateTime::from_timestamp_millis(time).unwrap_or_default()).collect())
    }
}
