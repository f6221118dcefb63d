//! Answers: rows under headings, written as a table for a terminal, as lines of JSON, as CSV, or as Parquet.
//!
//! Whatever a question was about, its answer goes through here, so that times, numbers and hostile texts look the same everywhere.
//! Rows are written as they come; only a table for a terminal is held as a whole.

mod csv;
mod lines;
mod parquet;
mod placed;
mod table;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::storage::AtomicFile;

pub use placed::{Placed, placed_headings};

/// What stands under a heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text to be copied as a whole: a key, an id.
    Id,
    /// A name to be copied as a whole, with what is said of it.
    Names,
    /// The text of a JSON object or array.
    Json,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Truth,
    /// A moment in milliseconds.
    Time,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its name.
    pub name: String,
    /// What stands under it.
    pub kind: Kind,
}

impl Heading {
    /// A heading.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// What stands in a row under a heading.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A text, of [`Kind::Text`], [`Kind::Id`], [`Kind::Names`] or [`Kind::Json`].
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// Any number.
    Number(f64),
    /// True or false.
    Truth(bool),
    /// A moment in milliseconds.
    Time(i64),
}

impl<'a> Value<'a> {
    /// A text, or nothing.
    pub fn text(text: Option<impl Into<Cow<'a, str>>>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    /// The same value, of which a text is not copied.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(Cow::Borrowed(text.as_ref())),
            Self::Integer(number) => Value::Integer(*number),
            Self::Number(number) => Value::Number(*number),
            Self::Truth(truth) => Value::Truth(*truth),
            Self::Time(time) => Value::Time(*time),
        }
    }

    /// A count.
    pub fn count(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A moment, or nothing.
    pub fn time(time: Option<i64>) -> Self {
        time.map_or(Self::Null, Self::Time)
    }
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AnswerFormat {
    /// For people
    Table,
    /// A JSON object a line
    Json,
    /// Comma-separated; no cell can be a formula
    Csv,
    /// For other programs; needs --out
    Parquet,
}

impl AnswerFormat {
    /// The form that a file's ending asks for.
    pub fn of_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            "txt" => Some(Self::Table),
            _ => None,
        }
    }
}

/// Writes the rows of an answer.
pub trait AnswerWriter {
    /// Adds rows; each has a value for every heading.
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()>;
    /// Completes the answer.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Where an answer goes.
#[allow(missing_debug_implementations)]
pub enum Sink {
    /// To someone who reads along.
    Stream(Box<dyn Write>),
    /// To a file that appears when it is complete.
    File(AtomicFile),
}

impl Sink {
    /// A file.
    pub fn file(path: &Path) -> Result<Self> {
        AtomicFile::create(path).map(Self::File)
    }

    fn name(&self) -> &Path {
        match self {
            Self::Stream(_) => Path::new("standard output"),
            Self::File(file) => file.target(),
        }
    }

    fn put(&mut self, text: &[u8]) -> Result<()> {
        let written = self.write_all(text);
        written.map_err(|error| Error::write(self.name())(error))
    }

    fn complete(mut self) -> Result<()> {
        let flushed = self.flush();
        flushed.map_err(|error| Error::write(self.name())(error))?;
        match self {
            Self::Stream(_) => Ok(()),
            Self::File(file) => file.commit(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// Starts an answer. Tables are as wide as `width`, or 120 columns.
///
/// # Errors
/// [`Error::Query`] for Parquet that would go to a stream.
pub fn writer(
    format: AnswerFormat,
    headings: Vec<Heading>,
    sink: Sink,
    width: Option<u16>,
) -> Result<Box<dyn AnswerWriter>> {
    Ok(match (format, sink) {
        (AnswerFormat::Table, sink) => Box::new(table::TableWriter::new(&headings, sink, width)),
        (AnswerFormat::Json, sink) => Box::new(lines::LinesWriter::new(headings, sink)),
        (AnswerFormat::Csv, sink) => Box::new(csv::CsvWriter::new(&headings, sink)?),
        (AnswerFormat::Parquet, Sink::File(file)) => {
            let target = file.target().to_path_buf();
            drop(file);
            Box::new(parquet::ParquetAnswer::create(&target, headings)?)
        }
        (AnswerFormat::Parquet, Sink::Stream(_)) => {
            let message = "--format parquet: a Parquet file cannot be printed".to_owned();
            return Err(Error::Query { message, hint: Some("name the file with --out FILE.parquet".to_owned()) });
        }
    })
}

/// Anything to be written at once.
pub fn write_all(mut writer: Box<dyn AnswerWriter + '_>, rows: &[Vec<Value<'_>>]) -> Result<()> {
    writer.rows(rows)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headings() -> Vec<Heading> {
        [("who", Kind::Text), ("what", Kind::Json), ("n", Kind::Integer), ("at", Kind::Time), ("ok", Kind::Truth)]
            .map(|(name, kind)| Heading::new(name, kind))
            .to_vec()
    }

    fn rows() -> Vec<Vec<Value<'static>>> {
        let text = |text: &'static str| Value::Text(text.into());
        vec![
            vec![text("=1+1,\"x\""), text("{\"a\": [1]}"), Value::Integer(-12_345), Value::Time(0), Value::Truth(true)],
            vec![text("\u{1b}[31mred\n"), text("{broken"), Value::Integer(2), Value::Null, Value::Null],
            vec![Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
        ]
    }

    fn written(format: AnswerFormat, name: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let writer = writer(format, headings(), Sink::file(&path).unwrap(), Some(60)).unwrap();
        write_all(writer, &rows()).unwrap();
        std::fs::read(&path).unwrap()
    }

    fn text(format: AnswerFormat) -> String {
        String::from_utf8(written(format, "x")).unwrap()
    }

    #[test]
    fn lines_are_json_and_leave_out_what_is_not_there() {
        insta::assert_snapshot!(text(AnswerFormat::Json), @r#"
        {"who":"=1+1,\"x\"","what":{"a": [1]},"n":-12345,"at":"1970-01-01T00:00:00Z","ok":true}
        {"who":"\u001b[31mred\n","what":"{broken","n":2}
        {}
        "#);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let lines = [
            "who,what,n,at,ok",
            "\"'=1+1,\"\"x\"\"\",\"{\"\"a\"\": [1]}\",-12345,1970-01-01T00:00:00Z,true",
            "' [31mred ,{broken,2,,",
            ",,,,\n",
        ];
        assert_eq!(text(AnswerFormat::Csv), lines.join("\n"));
    }

    #[test]
    fn nothing_in_a_table_steers_the_terminal() {
        let table = text(AnswerFormat::Table);
        assert!(!table.contains('\u{1b}'), "{table}");
        assert!(table.contains("-12,345") && table.contains("1970-01-01") && table.contains("00:00:00"), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 60), "{table}");
    }

    #[test]
    fn parquet_keeps_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        std::fs::write(&path, written(AnswerFormat::Parquet, "x.parquet")).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let mut reader =
            ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batch = reader.next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), 3);
        insta::assert_snapshot!(
            batch
                .schema()
                .fields()
                .iter()
                .map(|field| format!("{} {}", field.name(), field.data_type()))
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
}
