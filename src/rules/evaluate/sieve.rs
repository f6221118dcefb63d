//! The sieve: which rows any rule might match, told from a few cheap columns.
//!
//! For every distinct value of a column it is known which rules it rules out; a row is a candidate for the rules that none of its
//! values rules out. That is an over-approximation: it never loses a match, and [`exact`](crate::rules::evaluate::exact) decides.
//! Sets of rules have numbers, and what two sets leave is looked up, so that a row costs a few look-ups however many rules there are.

use crate::event::{Column, failure_code, meaningful};
use crate::partition::EventBatch;
use crate::rules::compile::{Compiled, Program, Value};
use crate::rules::evaluate::exact::viewed;
use crate::rules::evaluate::rule_sets::{NOTHING, RuleSets, SetId};
use crate::rules::evaluate::{Dictionaries, Layout, Truth, written};
use crate::rules::field::{Derived, Operand};

/// Columns with few distinct values, the most telling first.
const CHEAP: [Column; 13] = [
    Column::EventName,
    Column::ErrorCode,
    Column::UserIdentityType,
    Column::ServiceName,
    Column::EventSource,
    Column::EventType,
    Column::Cloud,
    Column::EventRw,
    Column::MfaAuthenticated,
    Column::EventCategory,
    Column::Region,
    Column::AccountId,
    Column::RecipientAccountId,
];

/// Columns with many, looked at only for rules about which the cheap ones tell nothing.
const DEAR: [Column; 8] = [
    Column::ErrorMessage,
    Column::UserAgent,
    Column::SourceIpAddress,
    Column::AccessKeyId,
    Column::UserName,
    Column::PrincipalId,
    Column::ResourceType,
    Column::ResourceName,
];

/// Finds candidates in batches of one layout.
#[derive(Debug)]
pub struct Sieve<'p> {
    program: &'p Program,
    layout: Layout,
    channels: Vec<Channel>,
    dictionaries: Dictionaries,
    sets: RuleSets,
    /// The rows of a batch that are not ruled out yet, each with its set.
    open: Vec<(u32, SetId)>,
}

/// Rows, and for each the rules that might match it.
#[derive(Debug, Default)]
pub struct Candidates {
    rows: Vec<u32>,
    rules: Vec<u32>,
    /// Where the rules of each row end.
    ends: Vec<usize>,
}

impl Candidates {
    /// The rows' numbers, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The rules (by their place in the program) that might match the row at `index` of [`Self::rows`].
    pub fn rules(&self, index: usize) -> impl Iterator<Item = usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.rules[start..self.ends[index]].iter().map(|&rule| rule as usize)
    }

    /// The rules that might match any row.
    pub fn all_rules(&self) -> Vec<usize> {
        let mut all = self.rules.clone();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|rule| rule as usize).collect()
    }

    fn push(&mut self, row: u32, rules: impl Iterator<Item = usize>) {
        self.rows.push(row);
        self.rules.extend(rules.map(|rule| rule as u32));
        self.ends.push(self.rules.len());
    }
}

/// Something about a row that rules out rules.
#[derive(Debug)]
struct Channel {
    source: Source,
    /// The rules that it can rule out.
    rules: Vec<usize>,
    /// The set that is left by each key of the current dictionary.
    by_key: Vec<SetId>,
    generation: u32,
    /// The sets that are left by a call that failed, and by one that did not.
    by_failure: [SetId; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Column(Column, usize),
    /// Whether the call failed: the columns of the code and of the message.
    Failed(usize, usize),
}

impl Source {
    /// Whether it decides a predicate.
    fn tells(self, predicate: &Compiled) -> bool {
        match self {
            Self::Column(column, _) => plain_column(predicate) == Some(column),
            Self::Failed(..) => is_failed(predicate),
        }
    }
}

impl<'p> Sieve<'p> {
    /// A sieve for a program's rules.
    pub fn new(program: &'p Program) -> Self {
        let mut sieve = Self {
            program,
            layout: Layout::default(),
            channels: Vec::new(),
            dictionaries: Dictionaries::default(),
            sets: RuleSets::new(program.rules.len()),
            open: Vec::new(),
        };
        let every: Vec<usize> = (0..program.rules.len()).collect();
        sieve.layout = Layout::new(sieve.columns(&every));
        sieve.open_channels(&every);
        sieve
    }

    /// The columns that batches must hold.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Adds the candidates among a batch's rows for which `wanted` is true; row numbers are counted from `first`.
    pub fn sift(&mut self, batch: &EventBatch, first: u32, wanted: impl Fn(i64) -> bool, found: &mut Candidates) {
        if self.program.rules.is_empty() {
            return;
        }
        self.dictionaries.begin(batch);
        if self.sets.is_full() {
            self.sets.forget();
            self.channels.iter_mut().for_each(|channel| channel.generation = 0);
        }
        let rows = batch.times.iter().enumerate().filter(|(_, time)| wanted(**time));
        self.open.clear();
        self.open.extend(rows.map(|(row, _)| (row as u32, self.sets.every())));
        for channel in &mut self.channels {
            channel.begin(batch, &self.dictionaries, self.program, &mut self.sets);
            channel.narrow(batch, &mut self.open, &mut self.sets);
        }
        for &(row, set) in &self.open {
            found.push(first + row, self.sets.rules(set));
        }
    }

    /// The columns worth reading: the cheap ones that rules ask for, and the dear ones for rules that the cheap do not hold back.
    fn columns(&self, rules: &[usize]) -> Vec<Column> {
        let asked = |column: Column, among: &[usize]| {
            among.iter().any(|&rule| self.asks(rule, |predicate| plain_column(predicate) == Some(column)))
        };
        let failed = rules.iter().any(|&rule| self.asks(rule, is_failed));
        let mut columns: Vec<Column> = CHEAP.into_iter().filter(|column| asked(*column, rules)).collect();
        if failed {
            columns.extend([Column::ErrorCode, Column::ErrorMessage]);
        }
        let loose: Vec<usize> = rules.iter().copied().filter(|&rule| !self.is_held(rule)).collect();
        columns.extend(DEAR.into_iter().filter(|column| asked(*column, &loose)));
        columns
    }

    /// Whether the call failed comes first: where rules ask for it, few rows are left.
    fn open_channels(&mut self, rules: &[usize]) {
        let slot = |column| self.layout.slot(column);
        let failed =
            slot(Column::ErrorCode).zip(slot(Column::ErrorMessage)).map(|(code, text)| Source::Failed(code, text));
        let columns = CHEAP.into_iter().chain(DEAR).filter_map(|column| Some(Source::Column(column, slot(column)?)));
        for source in failed.into_iter().chain(columns).collect::<Vec<_>>() {
            let told: Vec<usize> =
                rules.iter().copied().filter(|&rule| self.asks(rule, |predicate| source.tells(predicate))).collect();
            if !told.is_empty() {
                self.channels.push(Channel::new(source, told));
            }
        }
    }

    fn asks(&self, rule: usize, what: impl Fn(&Compiled) -> bool) -> bool {
        let mut asks = false;
        self.program.rules[rule].condition.visit(&mut |predicate| {
            asks |= what(&self.program.predicates[predicate as usize]);
        });
        asks
    }

    /// Whether the cheap columns rule out the rule for a row whose values it does not name.
    fn is_held(&self, rule: usize) -> bool {
        let truth = self.program.rules[rule].condition.truth(&mut |predicate| {
            let predicate = &self.program.predicates[predicate as usize];
            let cheap =
                plain_column(predicate).is_some_and(|column| column != Column::Cloud && CHEAP.contains(&column));
            if cheap || is_failed(predicate) { Truth::False } else { Truth::Unknown }
        });
        truth == Truth::False
    }
}

/// The one column on which a predicate depends, if it looks at it and not at what can be worked out from it.
fn plain_column(predicate: &Compiled) -> Option<Column> {
    predicate.column.filter(|_| matches!(predicate.operand, Operand::Column(..)))
}

fn is_failed(predicate: &Compiled) -> bool {
    predicate.operand == Operand::Derived(Derived::Failed)
}

impl Channel {
    fn new(source: Source, rules: Vec<usize>) -> Self {
        Self { source, rules, by_key: Vec::new(), generation: 0, by_failure: [NOTHING; 2] }
    }

    /// Learns what each key of a dictionary that is new leaves.
    fn begin(&mut self, batch: &EventBatch, dictionaries: &Dictionaries, program: &Program, sets: &mut RuleSets) {
        match self.source {
            Source::Column(column, slot) if self.generation != dictionaries.generation(slot) => {
                self.generation = dictionaries.generation(slot);
                let values = &batch.columns[slot];
                let of_key = |key| {
                    let value = written(values, key);
                    sets.of_value(column, value, |sets| self.left(value, program, sets))
                };
                self.by_key = (0..values.key_count() as i32).map(of_key).collect();
            }
            Source::Column(..) => {}
            Source::Failed(..) => self.by_failure = ["false", "true"].map(|word| self.left(Some(word), program, sets)),
        }
    }

    /// Drops the rows of which no rule is left.
    fn narrow(&self, batch: &EventBatch, open: &mut Vec<(u32, SetId)>, sets: &mut RuleSets) {
        match self.source {
            Source::Column(_, slot) => match batch.columns[slot].keys() {
                Some(keys) => narrow(open, sets, |row| self.by_key[keys[row] as usize]),
                None => narrow(open, sets, |_| self.by_key[0]),
            },
            Source::Failed(code, message) => {
                let (codes, messages) = (Told::new(batch, code, code_says), Told::new(batch, message, message_says));
                narrow(open, sets, |row| self.by_failure[usize::from(codes.row(row) || messages.row(row))]);
            }
        }
    }

    fn left(&self, value: Option<&str>, program: &Program, sets: &mut RuleSets) -> SetId {
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

fn narrow(open: &mut Vec<(u32, SetId)>, sets: &mut RuleSets, left: impl Fn(usize) -> SetId) {
    open.retain_mut(|(row, set)| {
        *set = sets.both(*set, left(*row as usize));
        *set != NOTHING
    });
}

/// For each key of a column whether its text tells of a failure.
struct Told<'b> {
    keys: Option<&'b [i32]>,
    by_key: Vec<bool>,
}

impl<'b> Told<'b> {
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
