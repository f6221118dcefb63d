//! Trying rules out on a few events as the cloud writes them: the examples in rule files, and tests.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, StringArray};
use serde_json::Value;

use crate::event::Column;
use crate::import::{EventTexts, event_texts};
use crate::partition::{EventBatch, TextColumn, parse_time};
use crate::rules::compile::Program;
use crate::rules::evaluate::Layout;
use crate::rules::evaluate::exact::Evaluator;
use crate::rules::intake::Intake;
use crate::rules::matched::Match;
use crate::rules::parse::timespan_ms;
use crate::rules::plan::Example;
use crate::rules::set::RuleSet;
use crate::rules::settings::RuleSettings;

/// An example that did not do what it says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// The rule's id.
    pub rule: String,
    /// The example's name.
    pub example: String,
    /// What happened instead.
    pub message: String,
}

/// Every match of a program in some log records, in the records' order.
///
/// # Errors
/// What is wrong with a record.
pub fn evaluate_records(program: &Program, settings: &RuleSettings, records: &[String]) -> Result<Vec<Match>, String> {
    let mut events = Vec::new();
    for record in records {
        events.extend(event_texts(record)?);
    }
    let mut evaluator = Evaluator::new(program, &settings.hours, Column::ALL);
    let batch = batch(evaluator.layout(), &events);
    evaluator.begin(&batch);
    let mut matches = Vec::new();
    for row in 0..events.len() {
        evaluator.row(&batch, row, 0..program.len(), &mut matches);
    }
    Ok(matches)
}

/// The positions of the rules, correlations included, that fire on some log records.
///
/// # Errors
/// What is wrong with a record.
pub fn fired(
    rules: &RuleSet,
    program: &Program,
    settings: &RuleSettings,
    records: &[String],
) -> Result<Vec<usize>, String> {
    let mut intake = Intake::new(rules, &settings.whitelist);
    let mut matches = evaluate_records(program, settings, records)?;
    matches.sort_by_key(|found| found.event.time);
    for found in &matches {
        intake.take(found);
    }
    let (_, taken) = intake.finish(i64::MIN..i64::MAX);
    Ok((0..rules.rules().len()).filter(|&rule| taken.hits[rule] > 0).collect())
}

/// Tries every rule's examples; how many there are, and those that did not do what they say.
pub fn try_all(rules: &RuleSet, settings: &RuleSettings) -> (usize, Vec<Failure>) {
    let program = Program::compile(rules);
    let mut tried = 0;
    let mut failures = Vec::new();
    for (position, rule) in rules.rules().iter().enumerate() {
        for example in &rule.extension.examples {
            tried += 1;
            if let Some(message) = contradiction(rules, &program, settings, position, example) {
                failures.push(Failure { rule: rule.id.clone(), example: example.name.clone(), message });
            }
        }
    }
    (tried, failures)
}

fn contradiction(
    rules: &RuleSet,
    program: &Program,
    settings: &RuleSettings,
    position: usize,
    example: &Example,
) -> Option<String> {
    let records = example.events.iter().map(records).collect::<Result<Vec<_>, _>>().map(|records| records.concat());
    match records.and_then(|records| fired(rules, program, settings, &records)) {
        Err(message) => Some(message),
        Ok(fired) if fired.contains(&position) == example.fires => None,
        Ok(_) if example.fires => Some("it should fire and does not".to_owned()),
        Ok(_) => Some("it should not fire and does".to_owned()),
    }
}

/// Copies of an event, each some time later than the one before, and different in some fields.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// How many.
    count: u32,
    /// How much later, as `20s`.
    every: String,
    /// Fields (by path) and their values; in a text `{n}` is the copy's number from 0, and `{n%K}` the same modulo K.
    #[serde(default)]
    vary: BTreeMap<String, Value>,
    /// The event.
    event: Value,
}

/// The most copies of an event.
const MOST_COPIES: u32 = 100_000;

/// The log records of an example's event: itself, or the copies that `repeat` asks for.
fn records(event: &Value) -> Result<Vec<String>, String> {
    let Some(repeat) = event.get("repeat") else { return Ok(vec![event.to_string()]) };
    let repeat: Repeated = serde_json::from_value(repeat.clone()).map_err(|error| format!("`repeat`: {error}"))?;
    if repeat.count > MOST_COPIES {
        return Err(format!("`repeat`: {} copies, more than {MOST_COPIES}", repeat.count));
    }
    let every = timespan_ms(&repeat.every).ok_or_else(|| format!("`repeat`: `{}` is no timespan", repeat.every))?;
    let start = repeat.event.get("eventTime").and_then(Value::as_str).and_then(parse_time);
    let start = start.ok_or("`repeat`: the event has no `eventTime`")?;
    (0..repeat.count).map(|number| repeat.copy(number, start + i64::from(number) * every)).collect()
}

impl Repeated {
    fn copy(&self, number: u32, time: i64) -> Result<String, String> {
        let moment = chrono::DateTime::from_timestamp_millis(time).ok_or("`repeat`: beyond the calendar's end")?;
        let mut copy = self.event.clone();
        set(&mut copy, "eventTime", Value::from(moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)));
        for (path, value) in &self.vary {
            let value = value.as_str().map_or_else(|| value.clone(), |text| Value::from(numbered(text, number)));
            set(&mut copy, path, value);
        }
        Ok(copy.to_string())
    }
}

/// Sets the field at a path, making the objects on the way.
fn set(event: &mut Value, path: &str, value: Value) {
    let mut place = event;
    for name in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(serde_json::Map::new());
        }
        place = &mut place[name];
    }
    *place = value;
}

/// A text with `{n}` and `{n%K}` filled in.
fn numbered(text: &str, number: u32) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{n") {
        let Some((inner, behind)) = after.split_once('}') else { break };
        let modulo = inner.strip_prefix('%').and_then(|modulo| modulo.parse::<u32>().ok()).filter(|modulo| *modulo > 0);
        result.push_str(before);
        result.push_str(&modulo.map_or(number, |modulo| number % modulo).to_string());
        rest = behind;
    }
    result + rest
}

/// Events as a batch of a layout's columns.
fn batch(layout: &Layout, events: &[EventTexts]) -> EventBatch {
    let column = |column: Column| {
        let texts: StringArray = events.iter().map(|event| event.texts[column as usize].as_deref()).collect();
        TextColumn::from_array(&(std::sync::Arc::new(texts) as ArrayRef)).unwrap_or_else(|_| TextColumn::constant(None))
    };
    let joined = |alternatives: &&'static [Column]| {
        TextColumn::coalesce(alternatives.iter().map(|&one| column(one)).collect(), events.len())
    };
    EventBatch {
        rows: events.len(),
        times: events.iter().map(|event| event.time).collect(),
        columns: layout.columns().iter().map(joined).collect(),
    }
}
