//! Deciding which events a [`Program`] matches.
//!
//! [`sieve`] looks at dictionaries and a few cheap columns and keeps the rows that some rule might match; [`exact`] decides those, and is
//! right by itself; [`scan`] drives both over partitions. A predicate about one column is decided once for each distinct value.

mod candidates;
mod channel;
pub mod exact;
mod in_order;
mod rule_sets;
pub mod scan;
pub mod sieve;

use crate::event::Column;
use crate::partition::{EventBatch, TextColumn};
use crate::rules::compile::Node;

/// True, false, or not to be told from what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    False,
    True,
    Unknown,
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

impl Node {
    /// The truth of a condition, in three values (Kleene): what `decide` cannot tell makes the whole unknown only where it matters.
    pub(super) fn truth(&self, decide: &mut dyn FnMut(u32) -> Truth) -> Truth {
        match self {
            Self::Is(predicate) => decide(*predicate),
            Self::Not(part) => match part.truth(decide) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Self::All(parts) => {
                let mut result = Truth::True;
                for part in parts {
                    match part.truth(decide) {
                        Truth::False => return Truth::False,
                        Truth::Unknown => result = Truth::Unknown,
                        Truth::True => {}
                    }
                }
                result
            }
            Self::Any(parts) => {
                let mut result = Truth::False;
                for part in parts {
                    match part.truth(decide) {
                        Truth::True => return Truth::True,
                        Truth::Unknown => result = Truth::Unknown,
                        Truth::False => {}
                    }
                }
                result
            }
            Self::AtLeast(number, parts) => at_least(*number, parts, decide),
        }
    }
}

fn at_least(number: u64, parts: &[Node], decide: &mut dyn FnMut(u32) -> Truth) -> Truth {
    let (mut sure, mut open) = (0, 0);
    for part in parts {
        match part.truth(decide) {
            Truth::True => sure += 1,
            Truth::Unknown => open += 1,
            Truth::False => {}
        }
    }
    match number {
        _ if sure >= number => Truth::True,
        _ if sure + open >= number => Truth::Unknown,
        _ => Truth::False,
    }
}

/// Which columns a batch holds, and where.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    slots: [Option<usize>; Column::ALL.len()],
    columns: Vec<&'static [Column]>,
}

impl Layout {
    /// A layout of these columns, each once.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        let mut layout = Self::default();
        for column in columns {
            if layout.slots[column as usize].is_none() && column != Column::EventTime {
                layout.slots[column as usize] = Some(layout.add(alternatives(column)));
            }
        }
        layout
    }

    /// Adds a column that is not looked for by itself; its place.
    fn add(&mut self, column: &'static [Column]) -> usize {
        self.columns.push(column);
        self.columns.len() - 1
    }

    /// The columns, each with those that stand in for it, as [`crate::partition::RowGroupReader`] takes them.
    pub fn columns(&self) -> &[&'static [Column]] {
        &self.columns
    }

    fn slot(&self, column: Column) -> Option<usize> {
        self.slots[column as usize]
    }
}

/// A column and what stands in for it: some formats have the service's host only under the service's name.
fn alternatives(column: Column) -> &'static [Column] {
    static ALL: [Column; Column::ALL.len()] = Column::ALL;
    match column {
        Column::EventSource => &[Column::EventSource, Column::ServiceName],
        other => std::slice::from_ref(&ALL[other as usize]),
    }
}

/// The key of a row.
fn key(column: &TextColumn, row: usize) -> i32 {
    column.keys().map_or(0, |keys| keys[row])
}

/// The text of a key as it is written, for a rule may ask for the very word that means nothing.
fn written(column: &TextColumn, key: i32) -> Option<&str> {
    column.as_written(key)
}

/// Notices when a column of a batch has another dictionary than that of the batch before.
#[derive(Debug, Default)]
struct Dictionaries {
    last: Vec<TextColumn>,
    generations: Vec<u32>,
}

impl Dictionaries {
    fn begin(&mut self, batch: &EventBatch) {
        let same = |slot: usize| self.last.get(slot).is_some_and(|last| last.same_dictionary(&batch.columns[slot]));
        let same: Vec<bool> = (0..batch.columns.len()).map(same).collect();
        self.generations.resize(batch.columns.len(), 0);
        for (generation, same) in self.generations.iter_mut().zip(same) {
            *generation += u32::from(!same);
        }
        self.last = batch.columns.iter().map(TextColumn::without_rows).collect();
    }

    /// A number that changes with the dictionary of a column; never 0 within a batch.
    fn generation(&self, slot: usize) -> u32 {
        self.generations[slot]
    }
}
