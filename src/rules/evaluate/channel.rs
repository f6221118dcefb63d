//! Channels: what a column, or whether a call failed, tells about which rules a row cannot match.
//!
//! For every distinct value a channel knows the rules that the value leaves, whatever the rest of the row holds. What is learnt of a
//! value is kept, for the next row group holds much the same values.

use hashbrown::HashMap;

use crate::error::Result;
use crate::event::{Column, failure_code, meaningful};
use crate::partition::{EventBatch, EventFile, distinct_values};
use crate::rules::compile::{Compiled, Program, Value};
use crate::rules::evaluate::exact::viewed;
use crate::rules::evaluate::rule_sets::{NOTHING, RuleSets, SetId};
use crate::rules::evaluate::{Dictionaries, Layout, Truth, alternatives, written};
use crate::rules::field::{Derived, Operand};

/// The most values that a channel remembers.
const MOST_VALUES: usize = 1 << 16;

/// Where a channel looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// At a column.
    Column(Column),
    /// Whether the call failed, which an error's code or its message says.
    Failed,
}

impl Source {
    /// Whether it decides a predicate.
    pub(super) fn tells(self, predicate: &Compiled) -> bool {
        match self {
            Self::Column(column) => {
                predicate.column == Some(column) && matches!(predicate.operand, Operand::Column(..))
            }
            Self::Failed => predicate.operand == Operand::Derived(Derived::Failed),
        }
    }

    /// The columns that it reads.
    pub(super) fn columns(self) -> Vec<Column> {
        match self {
            Self::Column(column) => vec![column],
            Self::Failed => vec![Column::ErrorCode, Column::ErrorMessage],
        }
    }
}

/// What the values of a row group leave: sets of rules, each with the number of values that leave it.
pub(super) type Outlook = Vec<(SetId, usize)>;

/// Something about a row that rules out rules.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) source: Source,
    /// The rules that it can rule out.
    pub(super) rules: Vec<usize>,
    /// What is left by the values met so far, and by none; by a call that succeeded, and by one that failed.
    known: HashMap<Box<str>, SetId>,
    absent: Option<SetId>,
    by_failure: Option<[SetId; 2]>,
    /// What is left by each key of the current dictionary.
    by_key: Vec<SetId>,
    generation: u32,
}

impl Channel {
    pub(super) fn new(source: Source, rules: Vec<usize>) -> Self {
        let known = HashMap::new();
        Self { source, rules, known, absent: None, by_failure: None, by_key: Vec::new(), generation: 0 }
    }

    /// Forgets what was learnt: numbers of sets are not what they were.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.source, std::mem::take(&mut self.rules));
    }

    /// What a row group's dictionaries leave; `None` where they do not tell.
    pub(super) fn outlook(
        &mut self,
        file: &EventFile,
        group: usize,
        program: &Program,
        sets: &mut RuleSets,
    ) -> Result<Option<Outlook>> {
        let Source::Column(column) = self.source else { return self.outlook_of_failure(file, group, program, sets) };
        let Some(values) = distinct_values(file, group, alternatives(column))? else { return Ok(None) };
        let mut counts: HashMap<SetId, usize> = HashMap::new();
        for value in values.iter() {
            *counts.entry(self.left_by(value, program, sets)).or_default() += 1;
        }
        let mut outlook: Outlook = counts.into_iter().collect();
        outlook.sort_unstable();
        Ok(Some(outlook))
    }

    fn outlook_of_failure(
        &mut self,
        file: &EventFile,
        group: usize,
        program: &Program,
        sets: &mut RuleSets,
    ) -> Result<Option<Outlook>> {
        let [succeeded, failed] = self.left_by_failure(program, sets);
        for (column, says) in [(Column::ErrorCode, code_says as fn(&str) -> bool), (Column::ErrorMessage, message_says)]
        {
            match distinct_values(file, group, alternatives(column))? {
                None => return Ok(None),
                Some(values) if values.iter().flatten().any(says) => {
                    return Ok(Some(vec![(succeeded, 1), (failed, 1)]));
                }
                Some(_) => {}
            }
        }
        Ok(Some(vec![(succeeded, 1)]))
    }

    /// Begins the batches of a row group.
    pub(super) fn begin_rows(&mut self) {
        self.generation = 0;
    }

    /// Learns what each key of a dictionary that is new leaves.
    pub(super) fn begin(
        &mut self,
        batch: &EventBatch,
        layout: &Layout,
        dictionaries: &Dictionaries,
        program: &Program,
        sets: &mut RuleSets,
    ) {
        let Source::Column(column) = self.source else { return };
        let Some(slot) = layout.slot(column) else { return };
        if self.generation != dictionaries.generation(slot) {
            self.generation = dictionaries.generation(slot);
            let values = &batch.columns[slot];
            let of_key = |key| self.left_by(written(values, key), program, sets);
            self.by_key = (0..values.key_count() as i32).map(of_key).collect();
        }
    }

    /// The rows of a batch of which some of the rules in `alive` are left.
    pub(super) fn open(
        &mut self,
        batch: &EventBatch,
        layout: &Layout,
        alive: SetId,
        sets: &mut RuleSets,
        open: &mut Vec<(u32, SetId)>,
    ) {
        if let Source::Column(column) = self.source
            && let Some(keys) = layout.slot(column).and_then(|slot| batch.columns[slot].keys())
        {
            let alive: Vec<SetId> = self.by_key.iter().map(|&set| sets.both(alive, set)).collect();
            let rows = keys[..batch.rows].iter().enumerate().map(|(row, &key)| (row as u32, alive[key as usize]));
            open.extend(rows.filter(|(_, set)| *set != NOTHING));
        } else {
            open.extend((0..batch.rows as u32).map(|row| (row, alive)));
            self.narrow(batch, layout, 0, sets, open);
        }
    }

    /// Drops those of `open` (row numbers less `first` are those of the batch) of which no rule is left.
    pub(super) fn narrow(
        &mut self,
        batch: &EventBatch,
        layout: &Layout,
        first: u32,
        sets: &mut RuleSets,
        open: &mut Vec<(u32, SetId)>,
    ) {
        match self.source {
            Source::Column(column) => {
                let Some(slot) = layout.slot(column) else { return };
                match batch.columns[slot].keys() {
                    Some(keys) => narrow(open, sets, |row| self.by_key[keys[(row - first) as usize] as usize]),
                    None => narrow(open, sets, |_| self.by_key[0]),
                }
            }
            Source::Failed => {
                let told = [(Column::ErrorCode, code_says as fn(&str) -> bool), (Column::ErrorMessage, message_says)];
                let told =
                    told.map(|(column, says)| layout.slot(column).map(|slot| FailureTexts::new(batch, slot, says)));
                let failed = |row: usize| told.iter().flatten().any(|told| told.row(row));
                let Some(left) = self.by_failure else { return };
                narrow(open, sets, |row| left[usize::from(failed((row - first) as usize))]);
            }
        }
    }

    fn left_by_failure(&mut self, program: &Program, sets: &mut RuleSets) -> [SetId; 2] {
        if let Some(known) = self.by_failure {
            return known;
        }
        let left = ["false", "true"].map(|word| self.work_out(Some(word), program, sets));
        self.by_failure = Some(left);
        left
    }

    fn left_by(&mut self, value: Option<&str>, program: &Program, sets: &mut RuleSets) -> SetId {
        let known = value.map_or(self.absent, |value| self.known.get(value).copied());
        if let Some(known) = known {
            return known;
        }
        let left = self.work_out(value, program, sets);
        match value {
            None => self.absent = Some(left),
            Some(value) => {
                if self.known.len() >= MOST_VALUES {
                    self.known.clear();
                }
                self.known.insert(value.into(), left);
            }
        }
        left
    }

    #[cold]
    fn work_out(&self, value: Option<&str>, program: &Program, sets: &mut RuleSets) -> SetId {
        let ruled_out = self.rules.iter().copied().filter(|&rule| {
            let truth = program.rules[rule].condition.truth(&mut |predicate| {
                let predicate = &program.predicates[predicate as usize];
                if self.source.tells(predicate) { holds(predicate, value).into() } else { Truth::Unknown }
            });
            truth == Truth::False
        });
        sets.without(ruled_out)
    }
}

fn narrow(open: &mut Vec<(u32, SetId)>, sets: &mut RuleSets, left: impl Fn(u32) -> SetId) {
    open.retain_mut(|(row, set)| {
        *set = sets.both(*set, left(*row));
        *set != NOTHING
    });
}

/// For each key of a column whether its text tells of a failure.
struct FailureTexts<'b> {
    keys: Option<&'b [i32]>,
    by_key: Vec<bool>,
}

impl<'b> FailureTexts<'b> {
    fn new(batch: &'b EventBatch, slot: usize, says: fn(&str) -> bool) -> Self {
        let column = &batch.columns[slot];
        let by_key = (0..column.key_count() as i32).map(|key| written(column, key).is_some_and(says)).collect();
        Self { keys: column.keys(), by_key }
    }

    fn row(&self, row: usize) -> bool {
        self.by_key[self.keys.map_or(0, |keys| keys[row]) as usize]
    }
}

fn code_says(text: &str) -> bool {
    meaningful(text).is_some()
}

fn message_says(text: &str) -> bool {
    failure_code(None, Some(text)).is_some()
}

fn holds(predicate: &Compiled, value: Option<&str>) -> bool {
    let view = |text| if let Operand::Column(_, view) = &predicate.operand { viewed(text, *view) } else { text };
    predicate.holds(&value.map(view).map_or(Value::Absent, Value::Text), &|_| Vec::new())
}
