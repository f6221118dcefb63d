//! A Parquet file of a state directory as columns of plain values.
//!
//! A column that is not there is empty: files of earlier versions lack what later ones added.

use std::fs::File;
use std::path::Path;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType};
use chrono::{DateTime, Utc};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Error, Result};

/// All rows of a file.
pub(super) struct Columns<'path> {
    path: &'path Path,
    rows: RecordBatch,
}

impl<'path> Columns<'path> {
    /// Reads a file.
    pub(super) fn read(path: &'path Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::read(path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
        let schema = builder.schema().clone();
        let reader = builder.build().map_err(Error::parquet(path))?;
        let batches: Vec<RecordBatch> = reader.collect::<std::result::Result<_, _>>().map_err(Error::parquet(path))?;
        let rows = concat_batches(&schema, &batches).map_err(Error::parquet(path))?;
        Ok(Self { path, rows })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    fn column(&self, name: &str, wanted: &DataType) -> Result<Option<ArrayRef>> {
        let column = self.rows.column_by_name(name);
        column.map(|column| cast(column, wanted).map_err(Error::parquet(self.path))).transpose()
    }

    /// Texts, empty where there is none.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let Some(column) = self.column(name, &DataType::Utf8)? else { return Ok(vec![String::new(); self.len()]) };
        Ok(column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    }

    /// Numbers, `None` where there is none.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>> {
        let Some(column) = self.column(name, &DataType::Float64)? else { return Ok(vec![None; self.len()]) };
        Ok(column.as_primitive::<Float64Type>().iter().map(|number| number.filter(|number| !number.is_nan())).collect())
    }

    /// Whole numbers that are not negative, 0 where there is none.
    pub(super) fn counts(&self, name: &str) -> Result<Vec<u64>> {
        let Some(column) = self.column(name, &DataType::Int64)? else { return Ok(vec![0; self.len()]) };
        let counts = column.as_primitive::<Int64Type>().iter();
        Ok(counts.map(|count| count.unwrap_or_default().try_into().unwrap_or_default()).collect())
    }

    /// Moments.
    pub(super) fn times(&self, name: &str) -> Result<Vec<DateTime<Utc>>> {
        let wanted = DataType::Timestamp(TimeUnit::Millisecond, None);
        let Some(column) = self.column(name, &wanted)? else { return Ok(vec![DateTime::UNIX_EPOCH; self.len()]) };
        let times = column.as_primitive::<TimestampMillisecondType>().iter();
        Ok(times.map(|time| time.and_then(DateTime::from_timestamp_millis).unwrap_or_default()).collect())
    }

    /// Yes or no, no where there is neither.
    pub(super) fn flags(&self, name: &str) -> Result<Vec<bool>> {
        let Some(column) = self.column(name, &DataType::Boolean)? else { return Ok(vec![false; self.len()]) };
        Ok(column.as_boolean().iter().map(Option::unwrap_or_default).collect())
    }
}
