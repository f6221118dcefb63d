//! A JSON object a line; what is null is left out.

use std::fmt::Write;

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::query::answer::{AnswerWriter, Heading, Kind, Sink, Value};
use crate::query::rfc3339;

pub(super) struct LinesWriter {
    /// Each heading with its name as JSON.
    headings: Vec<(String, Kind)>,
    sink: Sink,
}

impl LinesWriter {
    pub(super) fn new(headings: Vec<Heading>, sink: Sink) -> Self {
        let named = |heading: Heading| (quoted(&heading.name), heading.kind);
        Self { headings: headings.into_iter().map(named).collect(), sink }
    }

    fn line(&self, row: &[Value<'_>], line: &mut String) -> Result<()> {
        line.push('{');
        let mut comma = "";
        for ((name, kind), value) in self.headings.iter().zip(row).filter(|(_, value)| **value != Value::Null) {
            write!(line, "{comma}{name}:").map_err(Error::internal)?;
            push(line, *kind, value);
            comma = ",";
        }
        line.push_str("}\n");
        Ok(())
    }
}

fn push(line: &mut String, kind: Kind, value: &Value<'_>) {
    match value {
        // What claims to be JSON and is not is a text like any other.
        Value::Text(text) if kind == Kind::Json && is_json(text) => line.push_str(text),
        Value::Text(text) => line.push_str(&quoted(text)),
        Value::Integer(number) => line.push_str(&number.to_string()),
        Value::Number(number) if number.is_finite() => line.push_str(&number.to_string()),
        Value::Null | Value::Number(_) => line.push_str("null"),
        Value::Truth(truth) => line.push_str(if *truth { "true" } else { "false" }),
        Value::Time(time) => line.push_str(&quoted(&rfc3339(*time))),
    }
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && !text.contains(['\n', '\r']) && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl AnswerWriter for LinesWriter {
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        let mut text = String::new();
        for row in rows {
            self.line(row, &mut text)?;
        }
        self.sink.put(text.as_bytes())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.sink.complete()
    }
}
