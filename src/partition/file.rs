//! One Parquet file of events: its footer, which columns it has, and the time its row groups cover.
//!
//! A file is known by its footer, which holds the sizes, offsets and statistics of everything in it: the footer's hash changes
//! when the content does, and costs one small read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::ParquetMetaDataReader;

use crate::error::{Error, Result};
use crate::partition::columns::with_dictionaries;
use crate::partition::read::{RowGroupReader, time_range_from_statistics};
use crate::partition::responses::Responses;
use crate::partition::times::NO_TIME;
use crate::partition::{ColumnMap, ColumnOverrides};
use crate::time::date_of_ms;

/// The last bytes of every Parquet file: the footer's length and the magic word.
const TAIL: usize = 8;
const MAGIC: &[u8] = b"PAR1";

/// The days that a row group's rows lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroupRange {
    /// The days, ascending, each once; rows without a usable time are not in it.
    pub days: Vec<NaiveDate>,
    /// The number of rows.
    pub rows: u64,
    /// The first and the last time in milliseconds, where the footer tells.
    pub span: Option<(i64, i64)>,
}

impl RowGroupRange {
    /// Whether none of its rows has a time.
    fn is_timeless(&self) -> bool {
        self.days.is_empty() && self.span.is_none() && self.rows > 0
    }
}

/// An opened file of events.
#[derive(Debug, Clone)]
pub struct EventFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder that was searched: what it is called in reports.
    pub name: String,
    /// The day its folder says it holds, if it says.
    pub folder_date: Option<NaiveDate>,
    /// Its size in bytes.
    pub size: u64,
    /// The hash of its footer.
    pub fingerprint: String,
    /// Which of its columns hold what.
    pub columns: ColumnMap,
    /// What each row group covers.
    pub row_groups: Vec<RowGroupRange>,
    pub(crate) metadata: ArrowReaderMetadata,
    /// The same with texts as they are stored.
    pub(super) without_dictionaries: ArrowReaderMetadata,
    pub(super) responses: Responses,
}

impl EventFile {
    /// Opens a file and reads its footer; times are read too where the footer has no statistics of them.
    pub fn open(
        path: &Path,
        name: String,
        folder_date: Option<NaiveDate>,
        overrides: &ColumnOverrides,
    ) -> Result<Self> {
        let (footer, size) = read_footer(path)?;
        let (metadata, without_dictionaries, columns) =
            Error::if_damaged(path, || arrow_metadata(path, &footer, overrides))?;
        let fingerprint = blake3::hash(&footer).to_hex()[..32].to_owned();
        let responses = Responses::unasked(metadata.metadata().num_row_groups());
        let mut file = Self {
            path: path.to_path_buf(),
            name,
            folder_date,
            size,
            fingerprint,
            columns,
            row_groups: Vec::new(),
            metadata,
            without_dictionaries,
            responses,
        };
        file.row_groups =
            (0..file.metadata.metadata().num_row_groups()).map(|group| file.range(group)).collect::<Result<_>>()?;
        Ok(file)
    }

    /// All rows of the file.
    pub fn rows(&self) -> u64 {
        self.row_groups.iter().map(|group| group.rows).sum()
    }

    /// Whether any row may belong to `date`, or be set aside on its account.
    pub fn concerns(&self, date: NaiveDate) -> bool {
        self.row_groups_of(date).next().is_some()
    }

    /// The row groups to be read for `date`: those with rows of that day, and, on the folder's own day, all those of the folder,
    /// so that misplaced rows are met once and counted; in no dated folder those without a time on the file's first day.
    pub fn row_groups_of(&self, date: NaiveDate) -> impl Iterator<Item = usize> {
        let own_day = self.folder_date == Some(date);
        let holds = move |(index, group): &(usize, &RowGroupRange)| {
            own_day
                || (group.days.contains(&date) && self.may_hold(date))
                || (group.is_timeless() && self.home_of(*index) == Some(date))
        };
        self.row_groups.iter().enumerate().filter(holds).map(|(index, _)| index)
    }

    /// The day on which rows of a row group that belong to no day are met and counted: the folder's, or else the first of the row group
    /// or of the file. There is none where no row of a file outside of dated folders has a time.
    pub fn home_of(&self, group: usize) -> Option<NaiveDate> {
        let first = || self.row_groups.iter().filter_map(|group| group.days.first()).min();
        self.folder_date.or_else(|| self.row_groups.get(group)?.days.first().or_else(first).copied())
    }

    /// The same file, as if it had no rows but those of row groups that may hold a moment in `span` (milliseconds).
    #[must_use]
    pub fn narrowed(&self, span: &std::ops::Range<i64>) -> Self {
        let mut file = self.clone();
        for group in &mut file.row_groups {
            let touches = |(first, last): (i64, i64)| first < span.end && last >= span.start;
            let near = |day: &NaiveDate| self.may_hold(*day) && group.span.is_none_or(touches);
            group.days.retain(near);
        }
        // Otherwise every row group of the folder's own day would count.
        file.folder_date = None;
        file
    }

    /// A folder's rows may be a day off; a file in no dated folder may hold any day.
    fn may_hold(&self, date: NaiveDate) -> bool {
        self.folder_date.is_none_or(|folder| (date - folder).num_days().abs() <= 1)
    }

    fn range(&self, group: usize) -> Result<RowGroupRange> {
        let rows = self.metadata.metadata().row_group(group).num_rows() as u64;
        let span = time_range_from_statistics(self, group);
        let days = match span {
            Some((first, last)) if last.saturating_sub(first) <= 2 * crate::time::DAY_MS => days_between(first, last),
            _ => self.days_by_reading(group)?,
        };
        Ok(RowGroupRange { days, rows, span })
    }

    fn days_by_reading(&self, group: usize) -> Result<Vec<NaiveDate>> {
        let mut days = Vec::new();
        for batch in RowGroupReader::open(self, group, &[])? {
            let mut seen: Vec<NaiveDate> =
                batch?.times.iter().filter(|&&time| time != NO_TIME).filter_map(|&time| date_of_ms(time)).collect();
            seen.dedup();
            days.append(&mut seen);
            days.sort_unstable();
            days.dedup();
        }
        Ok(days)
    }
}

fn days_between(first_ms: i64, last_ms: i64) -> Vec<NaiveDate> {
    match (date_of_ms(first_ms), date_of_ms(last_ms)) {
        (Some(first), Some(last)) => first.iter_days().take_while(|day| *day <= last).collect(),
        _ => Vec::new(),
    }
}

fn arrow_metadata(
    path: &Path,
    footer: &[u8],
    overrides: &ColumnOverrides,
) -> Result<(ArrowReaderMetadata, ArrowReaderMetadata, ColumnMap)> {
    let parquet = Arc::new(ParquetMetaDataReader::decode_metadata(footer).map_err(Error::parquet(path))?);
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let physical = ArrowReaderMetadata::try_new(parquet.clone(), plain).map_err(Error::parquet(path))?;
    let columns = ColumnMap::from_schema(path, physical.schema(), overrides)?;
    let wanted = ArrowReaderOptions::new().with_schema(with_dictionaries(physical.schema()));
    let metadata = ArrowReaderMetadata::try_new(parquet, wanted).map_err(Error::parquet(path))?;
    Ok((metadata, physical, columns))
}

pub(super) fn read_footer(path: &Path) -> Result<(Vec<u8>, u64)> {
    let damaged = |message: &str| Error::Parquet { path: path.to_path_buf(), message: message.to_owned() };
    let mut file = File::open(path).map_err(Error::read(path))?;
    let size = file.metadata().map_err(Error::read(path))?.len();
    if size == 0 {
        return Err(damaged("the file is empty (0 bytes)"));
    }
    if size < (TAIL + MAGIC.len()) as u64 {
        return Err(damaged(&format!("the file is too short ({size} bytes)")));
    }
    let mut tail = [0; TAIL];
    file.seek(SeekFrom::End(-(TAIL as i64))).and_then(|_| file.read_exact(&mut tail)).map_err(Error::read(path))?;
    let (length, magic) = tail.split_at(4);
    if magic != MAGIC {
        return Err(damaged("it does not end like a Parquet file: it is truncated, or something else"));
    }
    let length = u64::from(u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
    if length + TAIL as u64 + MAGIC.len() as u64 > size {
        return Err(damaged("its footer is longer than the file: it is truncated"));
    }
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::End(-((TAIL as u64 + length) as i64)))
        .and_then(|_| file.read_exact(&mut footer))
        .map_err(Error::read(path))?;
    Ok((footer, size))
}

#[cfg(test)]
mod tests {
    use arrow::array::{RecordBatch, StringArray, TimestampMillisecondArray};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::Encoding;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::event::Column;

    /// Texts that share their beginnings with the one before, which is what this encoding is for.
    fn shared_beginnings() -> Vec<u8> {
        let texts = |begin: &str| StringArray::from_iter_values((0..300).map(|row| format!("{begin}-{:04}", row * 7)));
        let times = TimestampMillisecondArray::from_iter_values((0..300).map(|row| 1_767_571_200_000 + row));
        let rows = RecordBatch::try_from_iter([
            ("event_time", Arc::new(times) as arrow::array::ArrayRef),
            ("event_name", Arc::new(texts("RunInstances"))),
            ("service_name", Arc::new(texts("ecs"))),
        ]);
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::DELTA_BYTE_ARRAY)
            .set_column_encoding("event_time".into(), Encoding::PLAIN)
            .build();
        let rows = rows.unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.into_inner().unwrap()
    }

    fn read_all(path: &Path) -> Result<usize> {
        let file = EventFile::open(path, "a".to_owned(), None, &ColumnOverrides::new())?;
        let mut rows = 0;
        for group in 0..file.row_groups.len() {
            for batch in RowGroupReader::open(&file, group, &[&[Column::EventName], &[Column::ServiceName]])? {
                rows += batch?.rows;
            }
        }
        Ok(rows)
    }

    #[test]
    fn rows_without_a_time_are_met_on_one_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        std::fs::write(&path, shared_beginnings()).unwrap();
        let mut file = EventFile::open(&path, "a".to_owned(), None, &ColumnOverrides::new()).unwrap();
        let day = |day| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let group = |days: &[u32]| RowGroupRange {
            days: days.iter().map(|&number| day(number)).collect(),
            rows: 9,
            span: None,
        };
        file.row_groups = vec![group(&[11, 12]), group(&[]), group(&[10, 11])];
        let of = |file: &EventFile, number| file.row_groups_of(day(number)).collect::<Vec<usize>>();
        assert_eq!([10, 11, 12, 13].map(|number| of(&file, number)), [vec![1, 2], vec![0, 2], vec![0], vec![]]);
        assert_eq!([0, 1, 2].map(|group| file.home_of(group)), [Some(day(11)), Some(day(10)), Some(day(10))]);
        file.folder_date = Some(day(11));
        assert_eq!([10, 11, 12].map(|number| of(&file, number)), [vec![2], vec![0, 1, 2], vec![0]]);
        assert_eq!(file.home_of(1), Some(day(11)));
        file.folder_date = None;
        file.row_groups = vec![group(&[])];
        assert_eq!((file.home_of(0), file.concerns(day(10))), (None, false));
    }

    #[test]
    fn a_decoder_that_panics_gives_up_its_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let sound = shared_beginnings();
        let mut panics = 0;
        for place in 4..sound.len() - 8 {
            let mut damaged = sound.clone();
            damaged[place] ^= 0x55;
            std::fs::write(&path, damaged).unwrap();
            let said = read_all(&path).map_or_else(|error| error.to_string(), |_| String::new());
            panics += usize::from(said.contains("is not readable Parquet: it is damaged: "));
        }
        assert!(panics > 0, "no damage makes the decoder panic any more");
        std::fs::write(&path, &sound).unwrap();
        assert_eq!(read_all(&path).unwrap(), 300);
    }
}
