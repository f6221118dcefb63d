//! The sieve: which rows any rule might match, told from a few cheap columns.
//!
//! For every distinct value of a column it is known which rules it rules out; a row is a candidate for the rules that none of its
//! values rules out. That is an over-approximation: it never loses a match, and [`exact`](crate::rules::evaluate::exact) decides.
//! Sets of rules are bits in words, so that a row costs a few `and`s however many rules there are.

use hashbrown::HashMap;

use crate::event::{Column, failure_code};
use crate::partition::{EventBatch, TextColumn};
use crate::rules::compile::{Compiled, Program, Value};
use crate::rules::evaluate::exact::viewed;
use crate::rules::evaluate::{Dictionaries, Layout, Truth, key, written};
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

/// The most values of a column that are remembered from row group to row group.
const MOST_REMEMBERED: usize = 1 << 16;
const NOT_YET: u32 = u32::MAX;

/// Finds candidates in batches of one layout.
#[derive(Debug)]
pub struct Sieve<'p> {
    program: &'p Program,
    layout: Layout,
    words: usize,
    channels: Vec<Channel>,
    dictionaries: Dictionaries,
    scratch: Vec<u64>,
}

/// Rows, and for each the rules that might match it as bits in words.
#[derive(Debug, Default)]
pub struct Candidates {
    /// The rows' numbers, ascending.
    pub rows: Vec<u32>,
    masks: Vec<u64>,
    words: usize,
}

impl Candidates {
    /// The rules (by their place in the program) that might match the row at `index` of [`Self::rows`].
    pub fn rules(&self, index: usize) -> impl Iterator<Item = usize> {
        let mask = &self.masks[index * self.words..(index + 1) * self.words];
        mask.iter().enumerate().flat_map(|(word, &bits)| Bits(bits).map(move |bit| word * 64 + bit))
    }

    /// The rules that might match any row.
    pub fn all_rules(&self) -> Vec<usize> {
        let mut union = vec![0; self.words];
        for mask in self.masks.chunks(self.words.max(1)) {
            union.iter_mut().zip(mask).for_each(|(sum, bits)| *sum |= bits);
        }
        union.iter().enumerate().flat_map(|(word, &bits)| Bits(bits).map(move |bit| word * 64 + bit)).collect()
    }

    fn push(&mut self, row: u32, mask: &[u64]) {
        self.rows.push(row);
        self.masks.extend_from_slice(mask);
    }
}

/// The numbers of the bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// Something about a row that rules out rules.
#[derive(Debug)]
struct Channel {
    source: Source,
    /// The rules that it can rule out.
    rules: Vec<usize>,
    /// The set of rules left by each value met so far, by number; nothing for a row without a value.
    known: HashMap<Option<Box<str>>, u32>,
    /// The sets, one after another.
    sets: Vec<u64>,
    /// The number of the set by key of the current dictionary.
    by_key: Vec<u32>,
    generation: u32,
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
            Self::Failed(..) => predicate.operand == Operand::Derived(Derived::Failed),
        }
    }
}

impl<'p> Sieve<'p> {
    /// A sieve for a program's rules.
    pub fn new(program: &'p Program) -> Self {
        let mut sieve = Self {
            program,
            layout: Layout::default(),
            words: program.rules.len().div_ceil(64),
            channels: Vec::new(),
            dictionaries: Dictionaries::default(),
            scratch: vec![0; program.rules.len().div_ceil(64)],
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
        found.words = self.words;
        self.dictionaries.begin(batch);
        for channel in &mut self.channels {
            channel.begin(batch, &self.dictionaries);
        }
        for (row, &time) in batch.times.iter().enumerate() {
            if self.is_candidate(batch, row) && wanted(time) {
                found.push(first + row as u32, &self.scratch);
            }
        }
    }

    /// Leaves the rules that might match a row in the scratch set; whether there are any.
    fn is_candidate(&mut self, batch: &EventBatch, row: usize) -> bool {
        self.scratch.fill(u64::MAX);
        if let (Some(last), odd) = (self.scratch.last_mut(), self.program.rules.len() % 64)
            && odd > 0
        {
            *last = (1 << odd) - 1;
        }
        for channel in &mut self.channels {
            let set = channel.set(batch, row, self.program) as usize * self.words;
            let set = &channel.sets[set..set + self.words];
            let mut any = 0;
            for (left, bits) in self.scratch.iter_mut().zip(set) {
                *left &= bits;
                any |= *left;
            }
            if any == 0 {
                return false;
            }
        }
        self.words > 0
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

    fn open_channels(&mut self, rules: &[usize]) {
        let mut sources: Vec<Source> = Vec::new();
        for column in CHEAP.into_iter().chain(DEAR) {
            if let Some(slot) = self.layout.slot(column) {
                sources.push(Source::Column(column, slot));
            }
        }
        if let (Some(code), Some(message)) =
            (self.layout.slot(Column::ErrorCode), self.layout.slot(Column::ErrorMessage))
        {
            sources.insert(1.min(sources.len()), Source::Failed(code, message));
        }
        for source in sources {
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
        Self { source, rules, known: HashMap::new(), sets: Vec::new(), by_key: Vec::new(), generation: 0 }
    }

    fn begin(&mut self, batch: &EventBatch, dictionaries: &Dictionaries) {
        if self.known.len() > MOST_REMEMBERED {
            self.known.clear();
            self.sets.clear();
            self.generation = 0;
        }
        match self.source {
            Source::Column(_, slot) if self.generation != dictionaries.generation(slot) => {
                self.generation = dictionaries.generation(slot);
                self.by_key.clear();
                self.by_key.resize(batch.columns[slot].key_count(), NOT_YET);
            }
            Source::Column(..) => {}
            Source::Failed(..) => {
                self.by_key.clear();
                self.by_key.resize(2, NOT_YET);
            }
        }
    }

    /// The number of the set of rules that a row leaves.
    fn set(&mut self, batch: &EventBatch, row: usize, program: &Program) -> u32 {
        match self.source {
            Source::Column(_, slot) => {
                let column = &batch.columns[slot];
                let key = key(column, row);
                if self.by_key[key as usize] == NOT_YET {
                    self.by_key[key as usize] = self.of_value(written(column, key), program);
                }
                self.by_key[key as usize]
            }
            Source::Failed(code, message) => {
                let text = |slot: usize| -> Option<&str> {
                    let column: &TextColumn = &batch.columns[slot];
                    written(column, key(column, row))
                };
                let failed = failure_code(text(code), text(message)).is_some();
                if self.by_key[usize::from(failed)] == NOT_YET {
                    self.by_key[usize::from(failed)] =
                        self.of_value(Some(if failed { "true" } else { "false" }), program);
                }
                self.by_key[usize::from(failed)]
            }
        }
    }

    fn of_value(&mut self, value: Option<&str>, program: &Program) -> u32 {
        let value: Option<Box<str>> = value.map(Box::from);
        if let Some(&known) = self.known.get(&value) {
            return known;
        }
        let number = self.known.len() as u32;
        let set = self.rules_left(value.as_deref(), program);
        self.sets.extend(set);
        self.known.insert(value, number);
        number
    }

    fn rules_left(&self, value: Option<&str>, program: &Program) -> Vec<u64> {
        let mut set = vec![u64::MAX; program.rules.len().div_ceil(64)];
        for &rule in &self.rules {
            let truth = program.rules[rule].condition.truth(&mut |predicate| {
                let predicate = &program.predicates[predicate as usize];
                if self.source.tells(predicate) { holds(predicate, value).into() } else { Truth::Unknown }
            });
            if truth == Truth::False {
                set[rule / 64] &= !(1 << (rule % 64));
            }
        }
        set
    }
}

fn holds(predicate: &Compiled, value: Option<&str>) -> bool {
    let view = |text| if let Operand::Column(_, view) = &predicate.operand { viewed(text, *view) } else { text };
    predicate.holds(&value.map(view).map_or(Value::Absent, Value::Text), &|_| Vec::new())
}
