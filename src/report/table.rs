//! `insights.parquet` and `alerts.parquet`: one flat row each, every number in it, to be loaded in one line.

use std::path::Path;

use polars::prelude::{
    Column, DataFrame, DataType, IntoColumn, NamedFrom, ParquetWriter, PolarsResult, Series, TimeUnit, TimeZone,
};

use crate::error::{Error, Result};
use crate::report::columns::{Columns, Values};
use crate::storage::write_bytes;

/// Writes the table.
pub(super) fn write<Row>(path: &Path, rows: &[Row], columns: &Columns<Row>) -> Result<()> {
    let internal = |error: polars::error::PolarsError| Error::Internal(error.to_string());
    let columns = columns.iter().map(|(name, values)| column(name, values, rows)).collect::<PolarsResult<_>>();
    let columns = columns.map_err(internal)?;
    let mut frame = DataFrame::new(rows.len(), columns).map_err(internal)?;
    // Into memory first: this writer has words of its own for a disk that is full.
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).map_err(internal)?;
    write_bytes(path, &bytes)
}

fn column<Row>(name: &str, values: &Values<Row>, rows: &[Row]) -> PolarsResult<Column> {
    let name = name.into();
    let series = match values {
        Values::Text(pick) => Series::new(name, rows.iter().map(pick).collect::<Vec<String>>()),
        Values::Number(pick) => Series::new(name, rows.iter().map(pick).collect::<Vec<f64>>()),
        Values::Count(pick) => Series::new(name, rows.iter().map(|one| pick(one) as i64).collect::<Vec<i64>>()),
        Values::Known(pick) => {
            let known = rows.iter().map(|one| pick(one).map(|count| count as i64));
            Series::new(name, known.collect::<Vec<Option<i64>>>())
        }
        Values::Time(pick) => {
            let times = rows.iter().map(|one| pick(one).timestamp_millis()).collect::<Vec<i64>>();
            Series::new(name, times).cast(&DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC)))?
        }
        Values::Flag(pick) => Series::new(name, rows.iter().map(pick).collect::<Vec<bool>>()),
    };
    Ok(series.into_column())
}
