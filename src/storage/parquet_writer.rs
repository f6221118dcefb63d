//! Parquet files written column by column on all cores.
//!
//! Encoding and compressing are most of the cost of writing, and columns are independent: each row group's columns are encoded
//! in parallel and then laid down in order, so the bytes do not depend on how many threads there were.

use std::fs::File;
use std::path::Path;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::storage::AtomicFile;

/// The properties all our files start from: zstd at its fastest, no version in the bytes, statistics never cut short.
pub fn compact() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("insights".to_owned())
        .set_statistics_truncate_length(None)
        .set_column_index_truncate_length(Some(64))
}

/// A Parquet file in the making; it appears under its name at [`ParquetFile::finish`].
pub struct ParquetFile {
    file: AtomicFile,
    schema: SchemaRef,
    writer: SerializedFileWriter<File>,
    columns: ArrowRowGroupWriterFactory,
    row_groups: usize,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ParquetFile").field("target", &self.file.target()).finish_non_exhaustive()
    }
}

/// A row group whose columns are still being encoded.
#[allow(missing_debug_implementations)]
pub struct RowGroup<'file> {
    file: &'file mut ParquetFile,
    writers: Vec<ArrowColumnWriter>,
}

impl ParquetFile {
    /// Starts `target` with the given schema.
    pub fn create(target: &Path, schema: &SchemaRef, properties: WriterProperties) -> Result<Self> {
        let file = AtomicFile::create(target)?;
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file.handle()?, schema.clone(), options)
            .map_err(Error::parquet(target))?;
        let (writer, columns) = writer.into_serialized_writer().map_err(Error::parquet(target))?;
        Ok(Self { file, schema: schema.clone(), writer, columns, row_groups: 0 })
    }

    /// Opens the next row group.
    pub fn row_group(&mut self) -> Result<RowGroup<'_>> {
        let writers =
            self.columns.create_column_writers(self.row_groups).map_err(Error::parquet(self.file.target()))?;
        Ok(RowGroup { file: self, writers })
    }

    /// Writes one batch as a row group of its own.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut group = self.row_group()?;
        group.append(|column| Ok(batch.column(column).clone()))?;
        group.close()
    }

    /// Writes a row group whose columns are few and plain, at less cost than arrays have: no copies, no levels but the given ones.
    pub fn write_values(&mut self, columns: &[Values<'_>]) -> Result<()> {
        let target = self.file.target();
        let failure = |error| write_failure(target, error);
        let mut group = self.writer.next_row_group().map_err(failure)?;
        for values in columns {
            let column = group.next_column().map_err(failure)?;
            let mut column = column.ok_or_else(|| Error::Internal("more values than columns".to_owned()))?;
            values.write(&mut column).map_err(failure)?;
            column.close().map_err(failure)?;
        }
        group.close().map_err(failure)?;
        self.row_groups += 1;
        Ok(())
    }

    /// Adds a note to the file's metadata.
    pub fn note(&mut self, key: &str, value: String) {
        self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Completes the file and puts it in its place.
    pub fn finish(mut self) -> Result<()> {
        self.writer.finish().map_err(|error| write_failure(self.file.target(), error))?;
        self.file.commit()
    }
}

/// The values of one column of a row group, by how its field is declared.
#[derive(Debug, Clone)]
pub enum Values<'levels> {
    /// A required 32-bit column.
    Numbers(Vec<i32>),
    /// A required text column.
    Texts(Vec<ByteArray>),
    /// An optional text column without nulls.
    Present(Vec<ByteArray>),
    /// So many nulls of an optional text column.
    Absent(usize),
    /// The elements of a required list of required 32-bit numbers.
    Lists(Vec<i32>, &'levels ListLevels),
}

/// Where lists begin and end, as Parquet writes it; made once for all columns with lists of the same lengths.
#[derive(Debug, Clone, Default)]
pub struct ListLevels {
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl ListLevels {
    /// The levels of lists that begin at `starts`, which has one more element than there are lists.
    pub fn new(starts: &[u32]) -> Self {
        let elements = starts.last().map_or(0, |end| (end - starts[0]) as usize);
        let mut levels = Self { definition: Vec::with_capacity(elements), repetition: Vec::with_capacity(elements) };
        for bounds in starts.windows(2) {
            let length = (bounds[1] - bounds[0]) as usize;
            // An empty list is one entry that is not defined.
            levels.definition.push(i16::from(length > 0));
            levels.repetition.push(0);
            let end = levels.definition.len() + length.saturating_sub(1);
            levels.definition.resize(end, 1);
            levels.repetition.resize(end, 1);
        }
        levels
    }
}

impl Values<'_> {
    fn write(&self, column: &mut SerializedColumnWriter<'_>) -> parquet::errors::Result<()> {
        let written = match self {
            Self::Numbers(values) => column.typed::<Int32Type>().write_batch(values, None, None),
            Self::Texts(values) => column.typed::<ByteArrayType>().write_batch(values, None, None),
            Self::Present(values) => {
                column.typed::<ByteArrayType>().write_batch(values, Some(&vec![1; values.len()]), None)
            }
            Self::Absent(count) => column.typed::<ByteArrayType>().write_batch(&[], Some(&vec![0; *count]), None),
            Self::Lists(values, levels) => {
                column.typed::<Int32Type>().write_batch(values, Some(&levels.definition), Some(&levels.repetition))
            }
        };
        written.map(|_| ())
    }
}

impl RowGroup<'_> {
    /// Adds rows: `rows(i)` is called once for every column `i` of a flat schema, from several threads.
    pub fn append(&mut self, rows: impl Fn(usize) -> Result<ArrayRef> + Sync) -> Result<()> {
        let (schema, target) = (&self.file.schema, self.file.file.target());
        self.writers.par_iter_mut().enumerate().try_for_each(|(index, writer)| {
            let leaves = compute_leaves(schema.field(index), &rows(index)?).map_err(Error::parquet(target))?;
            leaves.iter().try_for_each(|leaf| writer.write(leaf)).map_err(Error::parquet(target))
        })
    }

    /// Compresses what is left of every column and lays the row group down.
    pub fn close(self) -> Result<()> {
        let Self { file, writers } = self;
        let chunks: std::result::Result<Vec<ArrowColumnChunk>, _> =
            writers.into_par_iter().map(ArrowColumnWriter::close).collect();
        let chunks = chunks.map_err(|error| write_failure(file.file.target(), error))?;
        let mut group = file.writer.next_row_group().map_err(|error| write_failure(file.file.target(), error))?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group).map_err(|error| write_failure(file.file.target(), error))?;
        }
        group.close().map_err(|error| write_failure(file.file.target(), error))?;
        file.row_groups += 1;
        Ok(())
    }
}

/// A Parquet writer wraps the disk's own errors; unwrap them, for they are what the operator can act on.
fn write_failure(target: &Path, error: parquet::errors::ParquetError) -> Error {
    if let parquet::errors::ParquetError::External(inner) = error {
        return match inner.downcast::<std::io::Error>() {
            Ok(source) => Error::write(target)(*source),
            Err(other) => Error::parquet(target)(other),
        };
    }
    Error::parquet(target)(error)
}
