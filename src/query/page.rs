//! The events of a page: only now are the columns read that are to be shown, and only for the rows of the page.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::Result;
use crate::event::Column;
use crate::partition::{EventBatch, NO_TIME, Problem, RowChoice, RowGroupReader};
use crate::query::search::GroupPlace;
use crate::query::{Field, Hit, Search};

/// Events with the columns that some fields are made of.
#[derive(Debug)]
pub struct Page {
    fields: Vec<Field>,
    /// For each field where its inputs begin among the columns of a batch.
    inputs: Vec<usize>,
    batches: Vec<EventBatch>,
    /// For each event its time, its batch and its row there.
    events: Vec<(i64, usize, usize)>,
}

impl Page {
    /// Reads the fields of events. Those that cannot be read any more are left out and named.
    pub fn read(search: &Search, hits: &[Hit], fields: &[Field]) -> (Self, Vec<Problem>) {
        let columns: Vec<&[Column]> = fields.iter().flat_map(|field| field.inputs()).copied().collect();
        let starts = fields.iter().scan(0, |next, field| {
            let start = *next;
            *next += field.inputs().len();
            Some(start)
        });
        let mut page =
            Self { fields: fields.to_vec(), inputs: starts.collect(), batches: Vec::new(), events: Vec::new() };
        let mut problems = Vec::new();
        let mut found: BTreeMap<usize, (i64, usize, usize)> = BTreeMap::new();
        for (place, mut wanted) in by_place(hits) {
            wanted.sort_unstable();
            match page.read_group(search, place, &wanted, &columns) {
                Ok(rows) => {
                    found.extend(
                        wanted.iter().zip(rows).map(|(&(_, number), row)| (number, (hits[number].time, row.0, row.1))),
                    );
                }
                Err(error) => problems.push(search.problem(place, &error)),
            }
        }
        page.events = found.into_values().collect();
        (page, problems)
    }

    /// Reads rows of a row group; where each of them now stands.
    fn read_group(
        &mut self,
        search: &Search,
        place: GroupPlace,
        wanted: &[(u32, usize)],
        columns: &[&[Column]],
    ) -> Result<Vec<(usize, usize)>> {
        let rows: Vec<u32> = wanted.iter().map(|(row, _)| *row).collect();
        let choice = RowChoice { rows: Some(&rows), times: false, ..RowChoice::default() };
        let mut places = Vec::with_capacity(rows.len());
        for batch in RowGroupReader::open_rows(search.file(place), place.group as usize, columns, choice)? {
            let batch = batch?;
            places.extend((0..batch.rows).map(|row| (self.batches.len(), row)));
            self.batches.push(batch);
        }
        Ok(places)
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The time of an event, if it has one.
    pub fn time(&self, event: usize) -> Option<i64> {
        Some(self.events[event].0).filter(|time| *time != NO_TIME)
    }

    /// The text of a field, by the field's number.
    pub fn text(&self, event: usize, field: usize) -> Option<Cow<'_, str>> {
        let (time, batch, row) = self.events[event];
        let (start, count) = (self.inputs[field], self.fields[field].inputs().len());
        let columns = &self.batches[batch].columns[start..start + count];
        let mut texts = [None; 4];
        for (text, column) in texts.iter_mut().zip(columns) {
            *text = column.row(row);
        }
        self.fields[field].text(&texts[..count], time)
    }
}

/// The rows of each row group, with the numbers of the events in the page.
fn by_place(hits: &[Hit]) -> BTreeMap<GroupPlace, Vec<(u32, usize)>> {
    let mut places: BTreeMap<GroupPlace, Vec<(u32, usize)>> = BTreeMap::new();
    for (number, hit) in hits.iter().enumerate() {
        places.entry(hit.place).or_default().push((hit.row, number));
    }
    places
}
