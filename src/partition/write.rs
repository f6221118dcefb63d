//! Our own partitions: canonical columns, sorted by time, zstd, row groups of [`ROW_GROUP_ROWS`] rows.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use parquet::basic::Encoding;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::error::Result;
use crate::event::Column;
use crate::event::schema::canonical;
use crate::storage::{ParquetFile, compact, day_folder};

/// Columns of which hardly any two values are equal.
pub const UNIQUE: [Column; 2] = [Column::EventId, Column::RequestId];

/// Rows in a row group: enough to compress well, few enough to skip finely by time.
pub const ROW_GROUP_ROWS: usize = 262_144;

/// The folder of a day's partition below `events`.
pub fn folder(events: &Path, date: NaiveDate) -> PathBuf {
    day_folder(events, date)
}

/// Starts a partition file at `target`. Rows must come sorted by time, in row groups of at most [`ROW_GROUP_ROWS`].
pub fn create(target: &Path) -> Result<ParquetFile> {
    ParquetFile::create(target, &canonical(), properties())
}

fn properties() -> WriterProperties {
    let column = |column: Column| ColumnPath::from(column.name());
    let mut builder = compact()
        .set_column_dictionary_enabled(column(Column::EventTime), false)
        .set_column_encoding(column(Column::EventTime), Encoding::DELTA_BINARY_PACKED);
    // Every value differs, so a dictionary would be built only to be thrown away.
    for unique in UNIQUE {
        builder = builder
            .set_column_dictionary_enabled(column(unique), false)
            .set_column_encoding(column(unique), Encoding::DELTA_BYTE_ARRAY);
    }
    builder.build()
}
