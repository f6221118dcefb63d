//! Calls that failed by what their response alone says, in partitions that others wrote: ours say so in the message.
//!
//! Whoever reads the messages of a row group finds [`FAILURE`] in those of such rows, so that nobody else has to know of responses. They are
//! looked for once, and only where the names of a row group tell that there may be any: responses are long.

use std::sync::{Arc, OnceLock};

use arrow::array::{BooleanBufferBuilder, StringArray};
use arrow::buffer::BooleanBuffer;

use crate::error::{Error, Result};
use crate::event::{Column, FAILURE, failed_by_response, failure_code, is_told_by_response, meaningful};
use crate::partition::rows::read_held;
use crate::partition::sources::held;
use crate::partition::{EventFile, RowChoice, RowGroupReader, TextColumn, distinct_values, is_absent};
use crate::storage::WRITER;

/// Responses that are in memory at a time.
const AT_ONCE: usize = 1024;

/// What the responses of a row group tell.
#[derive(Debug, Default)]
struct Outcomes {
    /// Row by row whether it failed by its response alone; nothing where none did.
    failed: Option<BooleanBuffer>,
    /// Why responses could not be read.
    unread: Option<String>,
}

/// What the responses of a file tell, row group by row group, once somebody asked.
#[derive(Debug, Clone)]
pub(super) struct Responses(Arc<[OnceLock<Outcomes>]>);

impl Responses {
    /// Nobody asked yet.
    pub(super) fn unasked(row_groups: usize) -> Self {
        Self((0..row_groups).map(|_| OnceLock::new()).collect())
    }
}

impl EventFile {
    /// The places, among some rows of a row group or all, of those that failed by their response alone.
    pub(super) fn failures_by_response(&self, group: usize, rows: Option<&[u32]>) -> Result<Vec<u32>> {
        let Some(failed) = &self.told_by_responses(group)?.failed else { return Ok(Vec::new()) };
        Ok(match rows {
            Some(rows) => {
                (0..).zip(rows).filter(|(_, row)| failed.value(**row as usize)).map(|(place, _)| place).collect()
            }
            None => failed.set_indices().map(|row| row as u32).collect(),
        })
    }

    /// Why responses of a row group that may tell of failures could not be read, as far as somebody tried.
    pub fn unread_responses(&self, group: usize) -> Option<&str> {
        self.responses.0[group].get()?.unread.as_deref()
    }

    fn told_by_responses(&self, group: usize) -> Result<&Outcomes> {
        let known = &self.responses.0[group];
        if let Some(told) = known.get() {
            return Ok(told);
        }
        let told = Outcomes::read(self, group)?;
        Ok(known.get_or_init(|| told))
    }

    /// Whether its writer tells of every failure by code or message, as this program does.
    pub fn tells_all_failures(&self) -> bool {
        self.metadata.metadata().file_metadata().created_by() == Some(WRITER)
    }
}

impl Outcomes {
    fn read(file: &EventFile, group: usize) -> Result<Self> {
        let mut failed = Vec::new();
        let looked = Error::if_damaged(&file.path, || look(file, group, &mut failed));
        let unread = match looked {
            Err(error @ Error::Read { .. }) => return Err(error),
            looked => looked.err().map(|error| error.about_its_file()),
        };
        let all = file.row_groups[group].rows as usize;
        let failed = (!failed.is_empty()).then(|| {
            let mut bits = BooleanBufferBuilder::new(all);
            bits.append_n(all, false);
            failed.into_iter().for_each(|row| bits.set_bit(row as usize, true));
            bits.finish()
        });
        Ok(Self { failed, unread })
    }
}

/// Adds the rows that failed by their response alone, as far as the file is sound.
fn look(file: &EventFile, group: usize, failed: &mut Vec<u32>) -> Result<()> {
    const RESPONSE: &[Column] = &[Column::ResponseElements];
    if file.tells_all_failures() || is_absent(file, group, RESPONSE) || !may_name_any(file, group)? {
        return Ok(());
    }
    let rows = silent(file, group, named(file, group)?)?;
    if rows.is_empty() {
        return Ok(());
    }
    let choice = RowChoice { rows: Some(&rows), times: false, batch_rows: AT_ONCE };
    let mut first = 0;
    for batch in RowGroupReader::open_sources(file, group, vec![held(file, group, RESPONSE)], choice)? {
        let batch = batch?;
        let says_so = |&place: &usize| batch.columns[0].row(place).is_some_and(failed_by_response);
        failed.extend((0..batch.rows).filter(says_so).map(|place| rows[first + place]));
        first += batch.rows;
    }
    Ok(())
}

/// Whether a row group may hold an event that its response tells of, by the dictionary of its names.
fn may_name_any(file: &EventFile, group: usize) -> Result<bool> {
    let names = distinct_values(file, group, &[Column::EventName])?;
    Ok(names.is_none_or(|names| names.iter().flatten().filter_map(meaningful).any(is_told_by_response)))
}

/// The rows of such events.
fn named(file: &EventFile, group: usize) -> Result<Vec<u32>> {
    let choice = RowChoice { times: false, ..RowChoice::default() };
    let (mut rows, mut first) = (Vec::new(), 0);
    for batch in RowGroupReader::open_rows(file, group, &[&[Column::EventName]], choice)? {
        let batch = batch?;
        let names = &batch.columns[0];
        let is_meant = |key: i32| names.value(key).is_some_and(is_told_by_response);
        let by_key: Vec<bool> = (0..names.key_count() as i32).map(is_meant).collect();
        let is_meant = |row: &u32| by_key[names.keys().map_or(0, |keys| keys[*row as usize] as usize)];
        rows.extend((0..batch.rows as u32).filter(is_meant).map(|row| first + row));
        first += batch.rows as u32;
    }
    Ok(rows)
}

/// Those of some rows that tell of no failure in code or message.
fn silent(file: &EventFile, group: usize, rows: Vec<u32>) -> Result<Vec<u32>> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let columns = [Column::ErrorCode, Column::ErrorMessage].map(|column| held(file, group, &[column]));
    let told = read_held(file, group, &columns, &rows)?;
    let says_nothing = |place: usize| failure_code(told.columns[0].row(place), told.columns[1].row(place)).is_none();
    Ok(rows.into_iter().enumerate().filter(|(place, _)| says_nothing(*place)).map(|(_, row)| row).collect())
}

/// The messages of those among `rows` rows from `first` on that failed by their response alone, by ascending places.
pub(super) fn messages(failed: &[u32], first: usize, rows: usize) -> TextColumn {
    let place = |bound: usize| failed.partition_point(|&failed| (failed as usize) < bound);
    let own = &failed[place(first)..place(first + rows)];
    if own.is_empty() {
        return TextColumn::constant(None);
    }
    let mut keys = vec![1; rows];
    own.iter().for_each(|&failed| keys[failed as usize - first] = 0);
    TextColumn::of_keys(StringArray::from(vec![FAILURE]), keys.into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow::array::{ArrayRef, RecordBatch, TimestampMillisecondArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::partition::{CodedColumn, ColumnOverrides, read_texts};

    const MESSAGE: &[Column] = &[Column::ErrorMessage];

    /// A sign-in that works, one that fails by its response, one that says why, one whose code tells, and another's event.
    const KINDS: [(&str, Option<&str>, Option<&str>, &str); 5] = [
        ("ConsoleLogin", None, None, r#"{"ConsoleLogin":"Success"}"#),
        ("ConsoleLogin", None, Some("success"), r#"{"ConsoleLogin":"Failure"}"#),
        ("ConsoleLogin", None, Some("No username found"), r#"{"ConsoleLogin":"Failure"}"#),
        ("ConsoleLogin", Some("AccessDenied"), None, r#"{"ConsoleLogin":"Failure"}"#),
        ("RunInstances", None, None, r#"{"ConsoleLogin":"Failure"}"#),
    ];
    const ROWS: usize = 20_000;

    /// A file in two row groups, the second of which has no sign-ins.
    fn file(path: &Path, writer: &str) -> EventFile {
        let kind = |row: usize| if row < ROWS / 2 { KINDS[row * 7 % 11 % KINDS.len()] } else { KINDS[4] };
        let texts = |of: &dyn Fn(usize) -> Option<&'static str>| -> ArrayRef {
            Arc::new((0..ROWS).map(of).collect::<StringArray>())
        };
        let times: ArrayRef =
            Arc::new(TimestampMillisecondArray::from_iter_values((0..ROWS).map(|row| 1_767_571_200_000 + row as i64)));
        let rows = RecordBatch::try_from_iter_with_nullable([
            ("eventTime", times, true),
            ("eventName", texts(&|row| Some(kind(row).0)), true),
            ("eventSource", texts(&|_| Some("signin.amazonaws.com")), true),
            ("errorCode", texts(&|row| kind(row).1), true),
            ("errorMessage", texts(&|row| kind(row).2), true),
            ("responseElements", texts(&|row| Some(kind(row).3)), true),
        ]);
        let properties = WriterProperties::builder()
            .set_created_by(writer.to_owned())
            .set_max_row_group_row_count(Some(ROWS / 2))
            .build();
        let rows = rows.unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        std::fs::write(path, writer.into_inner().unwrap()).unwrap();
        EventFile::open(path, "a".to_owned(), None, &ColumnOverrides::new()).unwrap()
    }

    fn all_messages(file: &EventFile, group: usize) -> Vec<Option<String>> {
        let mut found = Vec::new();
        for batch in RowGroupReader::open(file, group, &[MESSAGE]).unwrap() {
            let batch = batch.unwrap();
            found.extend((0..batch.rows).map(|row| batch.columns[0].row(row).map(str::to_owned)));
        }
        found
    }

    #[test]
    fn the_message_says_what_only_the_response_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder.path().join("a.parquet"), "another");
        let found = all_messages(&file, 0);
        for (row, message) in found.iter().enumerate() {
            let (name, code, written, response) = KINDS[row * 7 % 11 % KINDS.len()];
            let is_silent = name == "ConsoleLogin" && failure_code(code, written).is_none();
            let expected = if is_silent && response.contains(FAILURE) { Some(FAILURE) } else { written };
            assert_eq!(message.as_deref(), expected, "{row}");
        }
        assert!(all_messages(&file, 1).iter().all(Option::is_none));
    }

    #[test]
    fn however_a_message_is_read_it_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder.path().join("a.parquet"), "another");
        let all = all_messages(&file, 0);
        let rows: Vec<u32> = (0..ROWS as u32 / 2).filter(|row| row * row % 7 == 2).collect();
        let some = read_texts(&file, 0, &[MESSAGE], &rows).unwrap();
        for (place, &row) in rows.iter().enumerate() {
            assert_eq!(some.columns[0].row(place), all[row as usize].as_deref());
        }
        assert!(CodedColumn::open(&file, 0, MESSAGE).unwrap().is_none(), "keys would lack what responses say");
        let distinct = distinct_values(&file, 0, MESSAGE).unwrap().unwrap();
        assert!(distinct.iter().any(|text| text == Some(FAILURE)));
        assert!(file.text_bounds(0, MESSAGE).is_none() && !file.has_whole_dictionary(0, MESSAGE));
        assert!(is_absent(&file, 1, MESSAGE) && file.text_bounds(1, MESSAGE).is_some());
    }

    #[test]
    fn responses_of_our_own_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder.path().join("a.parquet"), WRITER);
        assert!(all_messages(&file, 0).iter().all(|message| message.as_deref() != Some(FAILURE)));
    }
}
