//! Trying rules out on a few events as the cloud writes them: the examples in rule files, and tests.

use arrow::array::{ArrayRef, StringArray};

use crate::event::Column;
use crate::import::{EventTexts, event_texts};
use crate::partition::{EventBatch, TextColumn};
use crate::rules::compile::Program;
use crate::rules::evaluate::Layout;
use crate::rules::evaluate::exact::Evaluator;
use crate::rules::intake::Intake;
use crate::rules::matched::Match;
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
    for found in matches {
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
    let records: Vec<String> = example.events.iter().map(ToString::to_string).collect();
    match fired(rules, program, settings, &records) {
        Err(message) => Some(message),
        Ok(fired) if fired.contains(&position) == example.fires => None,
        Ok(_) if example.fires => Some("it should fire and does not".to_owned()),
        Ok(_) => Some("it should not fire and does".to_owned()),
    }
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
        times: events.iter().map(|event| event.time).collect(),
        columns: layout.columns().iter().map(joined).collect(),
    }
}
