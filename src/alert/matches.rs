//! The matches of a day, kept as a file: whatever part of the day is looked at again, the rest need not be.
//!
//! Rules go by their id and texts by themselves, so that a file can be read by rules in another order. Whitelists are applied to what is
//! read, not to what is kept. The file says which rules it was made with, up to when, and of which files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use chrono::NaiveDate;
use hashbrown::HashSet;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

use crate::alert::RuleBook;
use crate::alert::carry::folder;
use crate::error::{Error, Result};
use crate::rules::Match;
use crate::rules::matched::MatchedEvent;
use crate::storage::{AtomicFile, ParquetFile, compact};
use crate::time::MINUTE_MS;

/// The most matches that are kept of a day; those beyond are counted.
pub const MOST_MATCHES: usize = 1_000_000;
/// Matches in a row group.
const ROW_GROUP: usize = 131_072;
const NOTE_KEY: &str = "insights.matches";

/// What the file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The fingerprint of the rules.
    pub rules: String,
    /// Events up to this moment (milliseconds) were looked at.
    pub until: i64,
    /// A hash of the files, where the whole day was looked at once and nothing of it again.
    pub input: Option<String>,
    /// Matches beyond [`MOST_MATCHES`], by the minute in which they happened, so that a part of the day can be looked at again.
    #[serde(default)]
    pub beyond_by_minute: BTreeMap<i64, u64>,
}

impl Note {
    /// Matches beyond [`MOST_MATCHES`].
    pub fn beyond(&self) -> u64 {
        self.beyond_by_minute.values().sum()
    }
}

/// The begin of the minute that a moment is in, both in milliseconds.
pub(super) fn minute_of(moment: i64) -> i64 {
    moment - moment.rem_euclid(MINUTE_MS)
}

/// The matches of a day.
#[derive(Debug, Clone, Default)]
pub struct DayMatches {
    /// What they were made of.
    pub note: Note,
    /// The matches, in an order that depends on nothing else.
    pub matches: Vec<Match>,
}

/// The facts of an event that are kept, beside its time.
type Facts<T> = [T; 13];
const FACTS: Facts<&str> = [
    "event_id",
    "event_name",
    "service",
    "account",
    "caller_account",
    "principal",
    "user_name",
    "access_key",
    "source_ip",
    "region",
    "error_code",
    "resource_name",
    "user_agent",
];

fn facts(event: &MatchedEvent) -> Facts<&Option<Arc<str>>> {
    [
        &event.event_id,
        &event.event_name,
        &event.service,
        &event.account,
        &event.caller_account,
        &event.principal,
        &event.user_name,
        &event.access_key,
        &event.source_ip,
        &event.region,
        &event.error_code,
        &event.resource_name,
        &event.user_agent,
    ]
}

impl DayMatches {
    /// Adds a match, as long as there is room.
    pub fn add(&mut self, found: Match) {
        self.add_up_to(MOST_MATCHES, found);
    }

    /// Whether a match is kept; of those beyond only their minutes are.
    pub fn has_room(&self) -> bool {
        self.matches.len() < MOST_MATCHES
    }

    fn add_up_to(&mut self, most: usize, found: Match) {
        if self.matches.len() < most {
            self.matches.push(found);
        } else {
            *self.note.beyond_by_minute.entry(minute_of(found.event.time)).or_default() += 1;
        }
    }

    /// Adds what was known before a part of the day was looked at again; the part begins with a minute.
    pub fn add_known(&mut self, known: Self, again: &Range<i64>) {
        self.add_known_up_to(MOST_MATCHES, known, again);
    }

    fn add_known_up_to(&mut self, most: usize, known: Self, again: &Range<i64>) {
        self.note.until = self.note.until.max(known.note.until);
        for (minute, beyond) in known.note.beyond_by_minute.into_iter().filter(|(minute, _)| !again.contains(minute)) {
            *self.note.beyond_by_minute.entry(minute).or_default() += beyond;
        }
        let outside = known.matches.into_iter().filter(|found| !again.contains(&found.event.time));
        outside.for_each(|found| self.add_up_to(most, found));
        self.sort();
    }

    /// Puts the matches in their order.
    pub fn sort(&mut self) {
        self.matches.sort_by(|left, right| {
            let order = |one: &Match| (one.event.time, one.rule);
            order(left)
                .cmp(&order(right))
                .then_with(|| left.event.cmp(&right.event))
                .then_with(|| left.captures.cmp(&right.captures))
        });
    }

    /// The matches of a day; `None` if there are none, or they are those of other rules than the book's.
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read, [`Error::Parquet`] when it is damaged.
    pub fn read(state: &Path, date: NaiveDate, book: &RuleBook) -> Result<Option<Self>> {
        let path = path(state, date);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Error::read(&path))?,
        };
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(&path))?;
        let note = note_of(reader.metadata().file_metadata().key_value_metadata());
        let note = note.ok_or_else(|| Error::parquet(&path)("it does not say what it was made of"))?;
        if note.rules != book.fingerprint() {
            return Ok(None);
        }
        let rules: BTreeMap<&str, usize> =
            book.rules.rules().iter().enumerate().map(|(position, rule)| (rule.id.as_str(), position)).collect();
        let mut read = Self { note, matches: Vec::new() };
        let mut texts = HashSet::new();
        for batch in reader.build().map_err(Error::parquet(&path))? {
            let batch = batch.map_err(Error::parquet(&path))?;
            read_batch(&batch, &rules, &mut texts, &mut read.matches)
                .ok_or_else(|| Error::parquet(&path)("a column is missing or of another type, or a rule is unknown"))?;
        }
        read.sort();
        Ok(Some(read))
    }

    /// Writes the matches of a day to a file that is still to be put in its place.
    ///
    /// # Errors
    /// When that is impossible.
    pub fn prepare(&self, state: &Path, date: NaiveDate, book: &RuleBook) -> Result<AtomicFile> {
        let mut file = ParquetFile::create(&path(state, date), &schema(), compact().build())?;
        let note = serde_json::to_string(&self.note).map_err(Error::internal)?;
        file.note(NOTE_KEY, note);
        for matches in self.matches.chunks(ROW_GROUP) {
            file.write(&batch(matches, book).map_err(Error::internal)?)?;
        }
        file.complete()
    }
}

fn note_of(notes: Option<&Vec<KeyValue>>) -> Option<Note> {
    let note = notes?.iter().find(|note| note.key == NOTE_KEY)?;
    serde_json::from_str(note.value.as_deref()?).ok()
}

/// Where the matches of a day are.
pub(super) fn path(state: &Path, date: NaiveDate) -> PathBuf {
    folder(state, date).join("matches.parquet")
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let mut fields =
        vec![Field::new("rule", DataType::Utf8, false), Field::new("time", DataType::Int64, false), text("captures")];
    fields.extend(FACTS.map(text));
    Arc::new(Schema::new(fields))
}

fn batch(matches: &[Match], book: &RuleBook) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
    let ids = matches.iter().map(|found| Some(book.rules.rules()[found.rule].id.as_str()));
    let times = matches.iter().map(|found| found.event.time);
    let captures = matches.iter().map(|found| Some(serde_json::Value::from(found.captures.clone()).to_string()));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(ids.collect::<StringArray>()),
        Arc::new(times.collect::<Int64Array>()),
        Arc::new(captures.collect::<StringArray>()),
    ];
    for fact in 0..FACTS.len() {
        let texts = matches.iter().map(|found| facts(&found.event)[fact].as_deref());
        columns.push(Arc::new(texts.collect::<StringArray>()));
    }
    RecordBatch::try_new(schema(), columns)
}

/// Adds the matches of a batch; `None` if it is not what is written.
fn read_batch(
    batch: &RecordBatch,
    rules: &BTreeMap<&str, usize>,
    texts: &mut HashSet<Arc<str>>,
    matches: &mut Vec<Match>,
) -> Option<()> {
    let column = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
    let (ids, captures) = (column("rule")?, column("captures")?);
    let times = batch.column_by_name("time")?.as_primitive_opt::<Int64Type>()?;
    let columns: Vec<&StringArray> = FACTS.iter().map(|name| column(name)).collect::<Option<_>>()?;
    for row in 0..batch.num_rows() {
        let mut fact = |place: usize| {
            let text = columns[place].is_valid(row).then(|| columns[place].value(row))?;
            Some(shared(texts, text))
        };
        let event = MatchedEvent {
            time: times.value(row),
            event_id: fact(0),
            event_name: fact(1),
            service: fact(2),
            account: fact(3),
            caller_account: fact(4),
            principal: fact(5),
            user_name: fact(6),
            access_key: fact(7),
            source_ip: fact(8),
            region: fact(9),
            error_code: fact(10),
            resource_name: fact(11),
            user_agent: fact(12),
        };
        let rule = *rules.get(ids.value(row))?;
        let captures = serde_json::from_str(captures.value(row)).ok()?;
        matches.push(Match { rule, event: Arc::new(event), captures });
    }
    Some(())
}

/// The text, once in memory however often it comes.
fn shared(texts: &mut HashSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(known) = texts.get(text) {
        return Arc::clone(known);
    }
    let new: Arc<str> = Arc::from(text);
    texts.insert(Arc::clone(&new));
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::AlertSettings;
    use crate::partition::ColumnOverrides;
    use crate::rules::RuleSettings;

    fn book(settings: &RuleSettings) -> RuleBook {
        RuleBook::load(settings, &AlertSettings::default(), &ColumnOverrides::new()).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_only_by_the_same_rules() {
        let state = tempfile::tempdir().unwrap();
        let date = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
        let own = book(&RuleSettings::default());
        let text = |text: &str| Some(Arc::from(text));
        let event =
            Arc::new(MatchedEvent { time: 7, event_id: text("e"), account: text(""), ..MatchedEvent::default() });
        let early = Arc::new(MatchedEvent { time: 3, error_code: text("\u{1f}\"é"), ..MatchedEvent::default() });
        let mut day = DayMatches {
            note: Note { rules: own.fingerprint().to_owned(), ..Note::default() },
            ..DayMatches::default()
        };
        day.add(Match { rule: 4, event: Arc::clone(&event), captures: vec![None, Some("a".into())] });
        day.add(Match { rule: 0, event, captures: vec![] });
        day.add(Match { rule: 9, event: early, captures: vec![Some("\u{0}".into())] });
        day.sort();
        assert_eq!(day.matches.iter().map(|found| found.rule).collect::<Vec<_>>(), [9, 0, 4]);
        day.prepare(state.path(), date, &own).unwrap().commit().unwrap();
        let read = DayMatches::read(state.path(), date, &own).unwrap().unwrap();
        assert_eq!((read.note, read.matches), (day.note, day.matches));
        let others = book(&RuleSettings { disable: vec!["low".into()], ..RuleSettings::default() });
        assert!(DayMatches::read(state.path(), date, &others).unwrap().is_none());
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted_once_however_often_it_is_looked_at() {
        let minute = MINUTE_MS;
        let look = |span: &Range<i64>| {
            let mut day = DayMatches { note: Note { until: span.end, ..Note::default() }, ..DayMatches::default() };
            for time in (0..span.end).step_by(10_000).filter(|time| span.contains(time)) {
                let event = Arc::new(MatchedEvent { time, ..MatchedEvent::default() });
                day.add_up_to(20, Match { rule: 0, event, captures: vec![] });
            }
            day
        };
        let mut known = look(&(0..10 * minute));
        assert_eq!((known.matches.len(), known.note.beyond()), (20, 40));
        for end in 11..20 {
            let again = (end - 6) * minute..end * minute;
            let mut own = look(&again);
            own.add_known_up_to(20, known, &again);
            assert_eq!((own.matches.len() as u64 + own.note.beyond(), own.note.until), (end as u64 * 6, end * minute));
            known = own;
        }
    }

    #[test]
    fn a_damaged_file_is_not_none() {
        let state = tempfile::tempdir().unwrap();
        let date = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
        let own = book(&RuleSettings::default());
        assert!(DayMatches::read(state.path(), date, &own).unwrap().is_none(), "there is none");
        std::fs::create_dir_all(folder(state.path(), date)).unwrap();
        std::fs::write(path(state.path(), date), "PAR1 nonsense PAR1").unwrap();
        let damaged = DayMatches::read(state.path(), date, &own).unwrap_err();
        assert!(matches!(damaged, Error::Parquet { .. }), "{damaged}");
    }
}
