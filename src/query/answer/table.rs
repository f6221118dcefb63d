//! A table as wide as the terminal.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use crate::error::Result;
use crate::insight::sentence_number;
use crate::query::answer::{AnswerWriter, Heading, Kind, Sink, Value};
use crate::query::rfc3339;
use crate::report::summary::printable;

/// Where there is no terminal.
const DEFAULT_WIDTH: u16 = 120;
/// No cell is worth more of a screen.
const MOST_CHARACTERS: usize = 2_000;

pub(super) struct TableWriter {
    table: Table,
    sink: Sink,
}

impl TableWriter {
    pub(super) fn new(headings: &[Heading], sink: Sink, width: Option<u16>) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width.unwrap_or(DEFAULT_WIDTH));
        table.set_header(headings.iter().map(heading));
        // What is copied from a terminal should stand on one line, where the terminal is wide enough for it.
        if width.unwrap_or(DEFAULT_WIDTH) >= DEFAULT_WIDTH {
            let whole = |heading: &Heading| {
                matches!(heading.kind, Kind::Id | Kind::Time).then_some(ColumnConstraint::ContentWidth)
            };
            for (column, constraint) in table.column_iter_mut().zip(headings.iter().map(whole)) {
                constraint.map(|constraint| column.set_constraint(constraint));
            }
        }
        Self { table, sink }
    }
}

fn heading(heading: &Heading) -> Cell {
    let zone = if heading.kind == Kind::Time { " (UTC)" } else { "" };
    Cell::new(format!("{}{zone}", printable(&heading.name.replace('_', " "))))
}

fn cell(value: &Value<'_>) -> Cell {
    match value {
        Value::Null => Cell::new(""),
        Value::Text(text) => Cell::new(printable(&shortened(text))),
        Value::Integer(number) => Cell::new(thousands(*number)).set_alignment(CellAlignment::Right),
        Value::Number(number) => Cell::new(number).set_alignment(CellAlignment::Right),
        Value::Truth(truth) => Cell::new(truth),
        Value::Time(time) => Cell::new(rfc3339(*time).trim_end_matches('Z').replace('T', " ")),
    }
}

fn thousands(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", sentence_number(number.unsigned_abs()))
}

fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl AnswerWriter for TableWriter {
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        for row in rows {
            self.table.add_row(row.iter().map(cell));
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
