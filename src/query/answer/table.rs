//! A table as wide as the terminal.

use crate::error::Result;
use crate::query::answer::{AnswerWriter, Heading, Kind, Sink, Value};
use crate::query::rfc3339;
use crate::shown::{self, Shown, TextTable, printable};

pub(super) struct TableWriter {
    table: TextTable,
    sink: Sink,
}

impl TableWriter {
    pub(super) fn new(headings: &[Heading], sink: Sink, width: Option<u16>) -> Self {
        let columns = headings.iter().map(|heading| (name(heading), shown(heading.kind)));
        Self { table: TextTable::new(width, columns), sink }
    }
}

fn name(heading: &Heading) -> String {
    let zone = if heading.kind == Kind::Time { " (UTC)" } else { "" };
    format!("{}{zone}", printable(&heading.name.replace('_', " ")))
}

fn shown(kind: Kind) -> Shown {
    match kind {
        Kind::Integer | Kind::Number => Shown::Number,
        Kind::Id | Kind::Time | Kind::Truth => Shown::Whole,
        Kind::Names => Shown::Names,
        Kind::Text | Kind::Json => Shown::Words,
    }
}

fn cell(value: &Value<'_>) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => printable(text),
        Value::Integer(number) => thousands(*number),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => truth.to_string(),
        Value::Time(time) => rfc3339(*time).trim_end_matches('Z').replace('T', " "),
    }
}

fn thousands(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", shown::number(number.unsigned_abs()))
}

impl AnswerWriter for TableWriter {
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        for row in rows {
            self.table.row(row.iter().map(cell));
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if !self.table.is_empty() {
            let text = format!("{}\n", self.table);
            self.sink.put(text.as_bytes())?;
        }
        self.sink.complete()
    }
}
