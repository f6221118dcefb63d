//! How many events by one or several fields.
//!
//! Values become small numbers once for every distinct value of a row group; what a row costs is a look-up in a table. Row groups
//! are counted side by side and joined in order, so that the same values are told apart however many threads there are.

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::error::Result;
use crate::event::Column;
use crate::partition::{EventBatch, Problem, RowChoice, RowGroupReader};
use crate::query::number::{NumberedField, number_rows};
use crate::query::search::{Found, GroupPlace};
use crate::query::{Field, Search};

/// Combinations of values that are told apart; the events of others are counted as one, [`OTHER`](crate::shown::OTHER).
pub const MOST_VALUES: usize = 500_000;

/// The values of the fields, and the number of events with them.
pub(super) type Counted = (Vec<Option<String>>, u64);

/// Counts by value, most first, equal ones in order of the values.
#[derive(Debug, Default)]
pub struct Tally {
    /// The combinations that occur.
    pub rows: Vec<(Vec<Option<String>>, u64)>,
    /// All events.
    pub events: u64,
    /// Events whose values were not told apart, for there were too many.
    pub other: u64,
}

type Counts = HashMap<Vec<Option<String>>, u64>;

impl Search {
    /// Counts matching events by fields.
    pub fn tally(&self, fields: &[Field]) -> (Tally, Vec<Problem>) {
        let (mut counts, mut other, mut problems) = (Counts::new(), 0, Vec::new());
        for wave in self.groups.chunks(rayon::current_num_threads()) {
            let counted: Vec<Found<Vec<Counted>>> =
                wave.par_iter().map(|&place| self.tally_group(place, fields)).collect();
            for group in counted {
                match group {
                    Ok(group) => other += add(&mut counts, group),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        (Tally::new(counts, other), problems)
    }

    fn tally_group(&self, place: GroupPlace, fields: &[Field]) -> Found<Vec<Counted>> {
        let selection = self.select(place)?;
        let count = || -> Result<Vec<Counted>> {
            if selection.is_empty() {
                return Ok(Vec::new());
            }
            let columns: Vec<&[Column]> = fields.iter().flat_map(|field| field.inputs()).copied().collect();
            let times = fields.iter().any(|field| field.needs_time());
            let choice = RowChoice { rows: selection.rows(), times, ..RowChoice::default() };
            let mut group = GroupTally::new(fields);
            for batch in RowGroupReader::open_rows(self.file(place), place.group as usize, &columns, choice)? {
                group.add(&batch?);
            }
            Ok(group.into_rows())
        };
        count().map_err(|error| self.problem(place, &error))
    }
}

/// Adds in the order of the values; the number of events for which there was no room.
fn add(counts: &mut Counts, group: Vec<Counted>) -> u64 {
    let mut other = 0;
    for (values, events) in group {
        if let Some(known) = counts.get_mut(&values) {
            *known += events;
        } else if counts.len() < MOST_VALUES {
            counts.insert(values, events);
        } else {
            other += events;
        }
    }
    other
}

impl Tally {
    fn new(counts: Counts, other: u64) -> Self {
        let mut rows: Vec<Counted> = counts.into_iter().collect();
        rows.sort_unstable_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        let events = rows.iter().map(|(_, events)| events).sum::<u64>() + other;
        Self { rows, events, other }
    }
}

/// The counts of one row group.
struct GroupTally {
    fields: Vec<NumberedField>,
    counts: HashMap<Vec<u32>, u64>,
}

impl GroupTally {
    fn new(fields: &[Field]) -> Self {
        Self { fields: fields.iter().map(|&field| NumberedField::new(field)).collect(), counts: HashMap::new() }
    }

    fn add(&mut self, batch: &EventBatch) {
        let numbers = number_rows(&mut self.fields, batch);
        if let [only] = &numbers[..] {
            self.add_single(only);
        } else {
            let mut key = vec![0; numbers.len()];
            for row in 0..batch.rows {
                key.iter_mut().zip(&numbers).for_each(|(number, column)| *number = column[row]);
                *self.counts.entry_ref(&key[..]).or_default() += 1;
            }
        }
    }

    fn add_single(&mut self, numbers: &[u32]) {
        let mut counts = vec![0_u64; self.fields[0].values().len()];
        for &number in numbers {
            counts[number as usize] += 1;
        }
        for (number, events) in (0..).zip(counts).filter(|(_, events)| *events > 0) {
            *self.counts.entry(vec![number]).or_default() += events;
        }
    }

    /// In the order of the values.
    fn into_rows(self) -> Vec<Counted> {
        let fields = self.fields;
        let value = |(field, number): (&NumberedField, &u32)| field.values()[*number as usize].clone();
        let values = |key: &[u32]| fields.iter().zip(key).map(value).collect::<Vec<_>>();
        let mut rows: Vec<Counted> = self.counts.iter().map(|(key, events)| (values(key), *events)).collect();
        rows.sort_unstable();
        rows
    }
}
