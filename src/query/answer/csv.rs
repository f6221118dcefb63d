//! Comma-separated values for spreadsheets: no text can be taken for a formula, see [`harmless`].

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::query::answer::{AnswerWriter, Heading, Sink, Value};
use crate::query::rfc3339;
use crate::shown::harmless;

pub(super) struct CsvWriter {
    sink: Sink,
}

impl CsvWriter {
    pub(super) fn new(headings: &[Heading], sink: Sink) -> Result<Self> {
        let mut writer = Self { sink };
        let names: Vec<Value<'_>> =
            headings.iter().map(|heading| Value::Text(Cow::Borrowed(heading.name.as_str()))).collect();
        writer.rows(&[names])?;
        Ok(writer)
    }
}

impl AnswerWriter for CsvWriter {
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let wrong = |error: ::csv::Error| Error::Internal(error.to_string());
        for row in rows {
            row.iter().try_for_each(|value| writer.write_field(cell(value).as_ref())).map_err(wrong)?;
            writer.write_record(None::<&[u8]>).map_err(wrong)?;
        }
        let text = writer.into_inner().map_err(Error::internal)?;
        self.sink.put(&text)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.sink.complete()
    }
}

fn cell<'a>(value: &'a Value<'a>) -> Cow<'a, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Text(text) => harmless(text),
        Value::Integer(number) => Cow::Owned(number.to_string()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Truth(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Value::Time(time) => Cow::Owned(rfc3339(*time)),
    }
}
