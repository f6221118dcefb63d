//! Reading rollups back: a day's note, one family's entities, one kind of pairs.
//!
//! A night reads 28 days of them, so only the row groups and columns that are asked for are decoded, a batch at a time. A file that is damaged, or of a
//! newer format, is named; what becomes of it is decided in [`mend`](crate::rollup).

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt32Type;
use chrono::NaiveDate;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::statistics::Statistics;

use crate::error::{Error, Result};
use crate::rollup::family::pair_name;
use crate::rollup::members::EntityKey;
use crate::rollup::pairs::Pair;
use crate::rollup::store::entities::{Detail, EntityCursor, EntityDay};
use crate::rollup::store::{DayNote, FORMAT, FORMAT_KEY, NOTE_KEY, rollup_path};
use crate::rollup::{Family, UnreadHours};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 32_768;

/// The note of a rollup file, or `None` where there is no such file.
///
/// # Errors
/// [`Error::Rollup`] when the file is damaged, [`Error::NewerRollup`] when it is of a newer format.
pub fn read_note(path: &Path) -> Result<Option<DayNote>> {
    let (_, metadata) = match open(path) {
        Err(Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let refuse = refusal(path);
    let note = noted(&metadata, NOTE_KEY).ok_or_else(|| refuse("it does not say what it was made from".to_owned()))?;
    serde_json::from_str(note).map(Some).map_err(|error| refuse(error.to_string()))
}

/// The hours of a day of which events could not be read when it was counted; none of a day that was not.
///
/// # Errors
/// When its rollup is there and cannot be read.
pub fn unread_hours(state: &Path, date: NaiveDate) -> Result<UnreadHours> {
    let note = read_note(&rollup_path(state, date))?;
    Ok(note.map_or_else(UnreadHours::default, |note| note.counts.unread_hours))
}

/// Opens a file of the store whose format is known here.
fn open(path: &Path) -> Result<(File, ArrowReaderMetadata)> {
    let file = File::open(path).map_err(Error::read(path))?;
    let refuse = refusal(path);
    let metadata =
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| refuse(error.to_string()))?;
    match noted(&metadata, FORMAT_KEY).and_then(|format| format.parse::<u32>().ok()) {
        Some(format) if format <= FORMAT => Ok((file, metadata)),
        Some(format) => Err(Error::NewerRollup {
            path: path.to_path_buf(),
            message: format!("it has format {format}, and {FORMAT} is the newest known here"),
        }),
        None => Err(refuse("it does not say its format".to_owned())),
    }
}

/// What a file says under a key.
fn noted<'m>(metadata: &'m ArrowReaderMetadata, key: &str) -> Option<&'m str> {
    let notes = metadata.metadata().file_metadata().key_value_metadata()?;
    notes.iter().find(|note| note.key == key)?.value.as_deref()
}

/// Calls `visit` for every entity of a family in a rollup file, in order, with its key (service folded) and the service as spelled.
pub fn read_family(
    path: &Path,
    family: Family,
    mut visit: impl FnMut(EntityKey, Option<&str>, EntityDay<'_>),
) -> Result<()> {
    let mut entities = EntityCursor::open(path, family, Detail::Hours, BATCH_ROWS)?;
    while entities.advance()? {
        visit(EntityKey::of_joined(entities.key()), entities.service(), entities.day());
    }
    Ok(())
}

/// Calls `visit` for every entity of a family in a rollup file, in order, with its key as [`EntityKey::as_str`] has it, the service as spelled,
/// and its row.
pub(super) fn read_keys(path: &Path, family: Family, mut visit: impl FnMut(&str, Option<&str>, u32)) -> Result<()> {
    let mut entities = EntityCursor::open(path, family, Detail::Keys, BATCH_ROWS)?;
    while entities.advance()? {
        visit(entities.key(), entities.service(), entities.day().entity);
    }
    Ok(())
}

/// Calls `visit` for every pair of a kind; its sides are rows of the rollup file.
pub fn read_pairs(path: &Path, families: (Family, Family), mut visit: impl FnMut(Pair)) -> Result<()> {
    read_pair_lists(path, families, |left, rights, calls| {
        rights.iter().zip(calls).for_each(|(&right, &calls)| visit(Pair { left, right, calls }));
    })
}

/// Calls `visit` for every left side of a kind of pairs, with its right sides and the calls of each.
pub(super) fn read_pair_lists(
    path: &Path,
    families: (Family, Family),
    mut visit: impl FnMut(u32, &[u32], &[u32]),
) -> Result<()> {
    let (batches, _) = batches(path, &pair_name(families), &["entity", "with", "calls"], BATCH_ROWS)?;
    for batch in batches {
        let batch = batch.map_err(refusal(path))?;
        visit_pairs(&batch, &mut visit).ok_or_else(|| refusal(path)("a column is missing or of another type"))?;
    }
    Ok(())
}

fn visit_pairs(batch: &RecordBatch, visit: &mut impl FnMut(u32, &[u32], &[u32])) -> Option<()> {
    let lefts = batch.column_by_name("entity")?.as_primitive_opt::<UInt32Type>()?.values();
    let rights = batch.column_by_name("with")?.as_list_opt::<i32>()?;
    let (rights, calls) = (rights, batch.column_by_name("calls")?.as_list_opt::<i32>()?);
    let call_values = calls.values().as_primitive_opt::<UInt32Type>()?.values();
    let right_values = rights.values().as_primitive_opt::<UInt32Type>()?.values();
    if rights.value_offsets() != calls.value_offsets() {
        return None;
    }
    for (row, &left) in lefts.iter().enumerate() {
        let own = rights.value_offsets()[row] as usize..rights.value_offsets()[row + 1] as usize;
        visit(left, &right_values[own.clone()], &call_values[own]);
    }
    Some(())
}

/// What is wrong with a file of the store.
pub(super) fn refusal<Message: ToString>(path: &Path) -> impl Fn(Message) -> Error {
    move |message| Error::Rollup { path: path.to_path_buf(), message: message.to_string() }
}

/// Some columns of the row groups whose second (or, for pairs, first) column, which names their kind, is `kind`; and how many
/// values the largest of these columns holds at most.
pub(super) fn batches(
    path: &Path,
    kind: &str,
    columns: &[&str],
    rows: usize,
) -> Result<(ParquetRecordBatchReader, usize)> {
    let (file, metadata) = open(path)?;
    let mut groups = Vec::new();
    for group in 0..metadata.metadata().num_row_groups() {
        let (first, last) = kinds_of(&metadata, group).ok_or_else(|| {
            refusal(path)(format!("row group {group} has no statistics of the column that says what its rows are"))
        })?;
        if first != last {
            return Err(refusal(path)(format!("row group {group} has rows of several kinds")));
        }
        groups.extend((first == kind.as_bytes()).then_some(group));
    }
    let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
    let values = |&group: &usize| {
        let chunks = metadata.metadata().row_group(group).columns().iter().enumerate();
        let own = chunks.filter(|(leaf, _)| mask.leaf_included(*leaf)).map(|(_, chunk)| chunk.num_values());
        own.max().unwrap_or(0).max(0) as usize
    };
    let most = groups.iter().map(values).sum();
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_row_groups(groups)
        .with_projection(mask)
        .with_batch_size(rows)
        .build()
        .map_err(refusal(path))?;
    Ok((reader, most))
}

/// The first and the last family, or kind of pairs, of a row group's rows, as its statistics tell them; what is written here has one.
fn kinds_of(metadata: &ArrowReaderMetadata, group: usize) -> Option<(&[u8], &[u8])> {
    let columns = metadata.metadata().row_group(group).columns();
    let named = columns.iter().find(|column| matches!(column.column_path().string().as_str(), "family" | "pair"));
    match named?.statistics()? {
        Statistics::ByteArray(values) => Some((values.min_opt()?.data(), values.max_opt()?.data())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};

    use super::*;

    fn rows(path: &Path, kind: &str) -> Result<usize> {
        batches(path, kind, &["family"], 100).map(|(_, most)| most)
    }

    fn written(
        folder: &tempfile::TempDir,
        statistics: EnabledStatistics,
        format: u32,
        families: [&str; 2],
    ) -> std::path::PathBuf {
        let path = folder.path().join(format!("{statistics:?}-{format}-{}.parquet", families.join("-")));
        let family = Arc::new(StringArray::from(families.to_vec())) as arrow::array::ArrayRef;
        let batch = RecordBatch::try_from_iter([("family", family)]).unwrap();
        let format = KeyValue::new(FORMAT_KEY.to_owned(), format.to_string());
        let properties = WriterProperties::builder()
            .set_statistics_enabled(statistics)
            .set_key_value_metadata(Some(vec![format]))
            .build();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    }

    #[test]
    fn a_file_without_statistics_is_refused_and_not_taken_for_empty() {
        let folder = tempfile::tempdir().unwrap();
        let known = written(&folder, EnabledStatistics::Chunk, FORMAT, ["api", "api"]);
        assert_eq!((rows(&known, "api").unwrap(), rows(&known, "source_ip").unwrap()), (2, 0));
        let refused = rows(&written(&folder, EnabledStatistics::None, FORMAT, ["api", "api"]), "api").unwrap_err();
        assert!(matches!(&refused, Error::Rollup { message, .. } if message.contains("row group 0 has no statistics")));
    }

    #[test]
    fn a_row_group_of_several_families_and_a_newer_format_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let message = |format, families| {
            let path = written(&folder, EnabledStatistics::Chunk, format, families);
            // Of any family: neither is taken for one of them, nor passed over.
            ["api", "source_ip", "principal"].map(|kind| rows(&path, kind).unwrap_err().to_string())
        };
        assert!(
            message(FORMAT, ["api", "source_ip"]).iter().all(|said| said.contains("row group 0 has rows of several"))
        );
        assert!(
            message(FORMAT + 1, ["api", "api"])
                .iter()
                .all(|said| said.contains("it has format 2, and 1 is the newest"))
        );
    }
}
