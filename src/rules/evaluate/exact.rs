//! The exact evaluation: whether a row satisfies a rule's condition, every column it asks for being there.
//!
//! What is decided about a distinct value is remembered for as long as the dictionary lasts.

use std::borrow::Cow;
use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat};

use crate::event::{Column, PrincipalKind, SourceAddress, failure_code, network};
use crate::partition::EventBatch;
use crate::rules::compile::{Compiled, Program, Value};
use crate::rules::evaluate::{Dictionaries, Layout, Truth, key, written};
use crate::rules::field::{Derived, Operand, View, holds_json};
use crate::rules::hours::WorkingHours;
use crate::rules::json;
use crate::rules::matched::{FactReader, Facts, Match, principal};

/// Dictionaries larger than this are not remembered: the memory would cost more than deciding again.
const MOST_REMEMBERED: usize = 1 << 16;

/// Decides rules on batches of one layout.
#[derive(Debug)]
pub struct Evaluator<'p> {
    program: &'p Program,
    hours: &'p WorkingHours,
    layout: Layout,
    facts: FactReader,
    dictionaries: Dictionaries,
    memories: Vec<Memory>,
}

/// What is known of a predicate by key: 0 nothing, 1 false, 2 true.
#[derive(Debug, Default)]
struct Memory {
    generation: u32,
    decided: Vec<u8>,
}

impl<'p> Evaluator<'p> {
    /// An evaluator for batches that hold the given columns; those that a match is described by come along.
    pub fn new(program: &'p Program, hours: &'p WorkingHours, columns: impl IntoIterator<Item = Column>) -> Self {
        Self::with_facts(program, hours, columns, Facts::All)
    }

    /// The same, with as much of a match's event as `facts` says.
    pub fn with_facts(
        program: &'p Program,
        hours: &'p WorkingHours,
        columns: impl IntoIterator<Item = Column>,
        facts: Facts,
    ) -> Self {
        let mut layout = Layout::new(columns);
        let facts = FactReader::new(facts.columns().iter().map(|fact| layout.add(fact)).collect());
        let memories = program.predicates.iter().map(|_| Memory::default()).collect();
        Self { program, hours, layout, facts, dictionaries: Dictionaries::default(), memories }
    }

    /// The columns that batches must hold.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Takes notice of a batch; every row that is asked about next is one of its.
    pub fn begin(&mut self, batch: &EventBatch) {
        self.dictionaries.begin(batch);
        self.facts.begin(batch);
    }

    /// Adds the matches of a row to `matches`: of the rules (by their place in the program) that `candidates` names.
    pub fn row(
        &mut self,
        batch: &EventBatch,
        row: usize,
        candidates: impl Iterator<Item = usize>,
        matches: &mut Vec<Match>,
    ) {
        let program = self.program;
        let mut event = None;
        for place in candidates {
            let compiled = &program.rules[place];
            if compiled.condition.truth(&mut |predicate| self.decide(batch, row, predicate)) != Truth::True {
                continue;
            }
            let event = event.get_or_insert_with(|| self.facts.read(batch, row).into());
            let captures = program.captures(compiled.rule).iter().map(|operand| self.capture(batch, row, operand));
            matches.push(Match {
                rule: compiled.rule,
                event: std::sync::Arc::clone(event),
                captures: captures.collect(),
            });
        }
    }

    fn decide(&mut self, batch: &EventBatch, row: usize, predicate: u32) -> Truth {
        let compiled = &self.program.predicates[predicate as usize];
        let slot = compiled.column.and_then(|column| self.layout.slot(column));
        let Some(slot) = slot.filter(|slot| batch.columns[*slot].key_count() <= MOST_REMEMBERED) else {
            return self.fields(batch, row).holds(compiled).into();
        };
        let key = key(&batch.columns[slot], row);
        let generation = self.dictionaries.generation(slot);
        let memory = &mut self.memories[predicate as usize];
        if memory.generation != generation {
            memory.generation = generation;
            memory.decided.clear();
            memory.decided.resize(batch.columns[slot].key_count(), 0);
        }
        if memory.decided[key as usize] == 0 {
            let holds = Fields { batch, row, layout: &self.layout, hours: self.hours }.holds(compiled);
            memory.decided[key as usize] = 1 + u8::from(holds);
        }
        (memory.decided[key as usize] == 2).into()
    }

    fn fields<'b>(&'b self, batch: &'b EventBatch, row: usize) -> Fields<'b> {
        Fields { batch, row, layout: &self.layout, hours: self.hours }
    }

    /// The first text of a field.
    fn capture(&self, batch: &EventBatch, row: usize, operand: &Operand) -> Option<String> {
        self.fields(batch, row).texts(operand).into_iter().next()
    }
}

/// The fields of one row.
pub(super) struct Fields<'b> {
    batch: &'b EventBatch,
    row: usize,
    layout: &'b Layout,
    hours: &'b WorkingHours,
}

impl<'b> Fields<'b> {
    fn holds(&self, predicate: &Compiled) -> bool {
        let other = |operand: &Operand| self.texts(operand);
        if predicate.operand == Operand::Anything {
            return self.any_text_of_the_event(&mut |text| predicate.holds(&Value::Text(text), &other));
        }
        self.with_value(&predicate.operand, |value| predicate.holds(value, &other))
    }

    fn texts(&self, operand: &Operand) -> Vec<String> {
        let mut texts = Vec::new();
        self.with_value(operand, |value| {
            value.any_text(&mut |text| {
                texts.push(text.to_owned());
                false
            })
        });
        texts
    }

    fn with_value<T>(&self, operand: &Operand, then: impl FnOnce(&Value<'_>) -> T) -> T {
        match operand {
            Operand::Column(column, View::Text) => then(&self.column(*column)),
            Operand::Column(column, view) => {
                let text = self.text(*column).map(|text| viewed(text, *view));
                then(&text.map_or(Value::Absent, Value::Text))
            }
            Operand::Json { column, path, fallback } => then(&self.path(*column, path, *fallback)),
            Operand::Time => {
                let moment = DateTime::from_timestamp_millis(self.batch.times[self.row]);
                let text = moment.map(|moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true));
                then(&text.as_deref().map_or(Value::Absent, Value::Text))
            }
            Operand::Derived(derived) => then(&self.derived(*derived).as_deref().map_or(Value::Absent, Value::Text)),
            Operand::Anything => then(&Value::Absent),
        }
    }

    fn text(&self, column: Column) -> Option<&'b str> {
        let column = &self.batch.columns[self.layout.slot(column)?];
        written(column, key(column, self.row))
    }

    fn column(&self, column: Column) -> Value<'b> {
        match self.text(column) {
            None => Value::Absent,
            Some(text) if holds_json(column) && json::is_container(text) => Value::Json(vec![text]),
            Some(text) => Value::Text(text),
        }
    }

    fn path(&self, column: Column, path: &str, fallback: Option<Column>) -> Value<'b> {
        let Some(text) = self.text(column) else { return fallback.map_or(Value::Absent, |column| self.column(column)) };
        let mut found = Vec::new();
        json::any_at(text, path, &mut |value| {
            found.push(value);
            false
        });
        if found.is_empty() || found == ["null"] { Value::Absent } else { Value::Json(found) }
    }

    fn derived(&self, derived: Derived) -> Option<Cow<'static, str>> {
        let truth = |truth: bool| Some(Cow::Borrowed(if truth { "true" } else { "false" }));
        match derived {
            Derived::Failed => {
                truth(failure_code(self.text(Column::ErrorCode), self.text(Column::ErrorMessage)).is_some())
            }
            Derived::OutsideHours => truth(self.hours.is_outside(self.batch.times[self.row])),
            Derived::Network => {
                let address: IpAddr = SourceAddress::parse(self.text(Column::SourceIpAddress)?)?.ip()?;
                Some(Cow::Owned(network(address)))
            }
            Derived::Principal => {
                let [kind, id, name] = [Column::UserIdentityType, Column::PrincipalId, Column::UserName];
                let account = self.text(Column::AccountId).or_else(|| self.text(Column::RecipientAccountId));
                principal(self.text(kind), self.text(id), self.text(name), account).map(Cow::Owned)
            }
        }
    }

    fn any_text_of_the_event(&self, visit: &mut dyn FnMut(&str) -> bool) -> bool {
        Column::ALL.into_iter().filter_map(|column| Some((column, self.text(column)?))).any(|(column, text)| {
            if holds_json(column) && json::is_container(text) { json::any_leaf(text, visit) } else { visit(text) }
        })
    }
}

/// What a column's text comes to in a view.
pub(super) fn viewed(text: &str, view: View) -> &str {
    let truth = match view {
        View::Text => return text,
        View::ReadOnly => text.eq_ignore_ascii_case("read"),
        View::Root => PrincipalKind::parse(text) == PrincipalKind::Root,
    };
    if truth { "true" } else { "false" }
}
