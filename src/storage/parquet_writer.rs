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
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::storage::{AtomicFile, Packed};

/// Who our files say has written them.
pub const WRITER: &str = "insights";

/// The properties all our files start from: zstd at its fastest, no version in the bytes, statistics never cut short.
pub fn compact() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(WRITER.to_owned())
        .set_statistics_truncate_length(None)
        .set_column_index_truncate_length(Some(64))
}

/// The properties of files of [`Values`]. They are read by whole row groups and have no index of pages; and zstd takes longer to begin
/// than most of their columns take to be written, so texts that are worth it ask for it.
pub fn compact_values() -> WriterPropertiesBuilder {
    compact()
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
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

    /// Writes a row group whose columns are few and plain, at less cost than arrays have; the file's properties must be made from
    /// [`compact_values`].
    pub fn write_values(&mut self, columns: Vec<Values>) -> Result<()> {
        let target = self.file.target();
        let failure = |error| write_failure(target, error);
        let leaves = self.writer.schema_descr().columns().to_vec();
        let mut group = self.writer.next_row_group().map_err(failure)?;
        for (leaf, values) in leaves.into_iter().zip(columns) {
            values.write(leaf, &mut group).map_err(failure)?;
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
    pub fn finish(self) -> Result<()> {
        self.complete()?.commit()
    }

    /// Completes the file, which is yet to be put in its place.
    pub fn complete(mut self) -> Result<AtomicFile> {
        self.writer.finish().map_err(|error| write_failure(self.file.target(), error))?;
        Ok(self.file)
    }
}

/// The values of one column of a row group, by how its field is declared.
#[derive(Debug, Clone)]
pub enum Values {
    /// Required numbers, or lists of them.
    Packed(Packed),
    /// A required text column.
    Texts(Vec<ByteArray>),
    /// An optional text column without nulls.
    Present(Vec<ByteArray>),
    /// So many nulls of an optional text column.
    Absent(usize),
}

impl Values {
    fn write(
        self,
        column: ColumnDescPtr,
        group: &mut SerializedRowGroupWriter<'_, File>,
    ) -> parquet::errors::Result<()> {
        let (texts, levels) = match self {
            Self::Packed(packed) => return packed.write(column, group),
            Self::Texts(texts) => (texts, None),
            Self::Present(texts) => {
                let levels = vec![1; texts.len()];
                (texts, Some(levels))
            }
            Self::Absent(count) => (Vec::new(), Some(vec![0; count])),
        };
        let Some(mut writer) = group.next_column()? else { return Ok(()) };
        writer.typed::<ByteArrayType>().write_batch(&texts, levels.as_deref(), None)?;
        writer.close()
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
