//! The second look of an investigation, at the rows in the minutes of their episodes: who was in them, and which events to name.
//!
//! Most rows are in memory since the first reading. Ids and parameters are long and nearly all different, so they are read of those few
//! rows alone that will be named.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;
use crate::event::{ChangeKind, Column};
use crate::insight::investigate::{EXAMPLES, Evidence, Target};
use crate::insight::notes::{Rows, notes_on};
use crate::insight::reading::{Group, Reader, TargetRows, unless_damaged};
use crate::partition::{TextColumn, read_texts};
use crate::rollup::Family;

/// Requests whose parameters are in memory at a time.
const REQUESTS_AT_ONCE: usize = 32_768;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) date: NaiveDate,
    pub(super) targets: &'a [Target],
    /// The evidence by target, whose minutes are known.
    pub(super) known: &'a [Evidence],
}

/// What a row group tells, by target.
#[derive(Debug, Default)]
struct Seen {
    evidence: BTreeMap<usize, Evidence>,
    /// Rows whose ids are to be read: the target, the time and the row's number.
    examples: Vec<(usize, i64, u32)>,
    /// Successful changes, whose parameters are to be read.
    requests: Vec<Unread>,
}

/// A successful request of a change, without its parameters.
#[derive(Debug)]
struct Unread {
    target: usize,
    kind: ChangeKind,
    time: i64,
    api: String,
    row: u32,
}

impl Look<'_> {
    /// What the rows of a row group tell of the episodes.
    pub(super) fn closer(
        &self,
        reader: &mut Reader<'_>,
        group: Group<'_>,
        rows: &Rows,
    ) -> Result<BTreeMap<usize, Evidence>> {
        let mut seen = Seen::default();
        let mut visit = |target: usize, found: &TargetRows<'_>| self.note(&mut seen, target, found);
        match rows {
            Rows::Kept(kept) => reader.again(kept, &mut visit),
            Rows::These(rows) => reader.these(group, rows, &mut visit)?,
            Rows::All => reader.all(group, &mut visit)?,
        }
        seen.completed(group)
    }

    fn note(&self, seen: &mut Seen, target: usize, found: &TargetRows<'_>) {
        let (first, end) = self.known[target].span;
        let last_example = self.known[target].last_example();
        let minutes = notes_on(target, found, self.date, self.targets);
        let inside = minutes.zip(found.rows).filter(|(note, _)| (first..end).contains(&usize::from(note.minute)));
        let mut rows = Vec::new();
        for (note, &row) in inside {
            rows.push(row);
            if usize::from(note.minute) <= last_example {
                seen.examples.push((target, found.batch.times[row as usize], note.row));
            }
        }
        let found = &found.only(&rows);
        let evidence = seen.evidence.entry(target).or_default();
        count(evidence, found);
        if let Some(kind) = change_kind(&self.targets[target]) {
            let successful = found.rows.iter().filter(|&&row| !found.has_failed(row));
            seen.requests.extend(successful.map(|&row| Unread {
                target,
                kind,
                time: found.batch.times[row as usize],
                api: found.api(row).unwrap_or_default().to_owned(),
                row: found.numbers[row as usize],
            }));
        }
    }
}

/// What kind of change a target is, if it is one.
fn change_kind(target: &Target) -> Option<ChangeKind> {
    let key = target.keys.first().filter(|_| target.family == Family::Change)?;
    key.fields().nth(1).and_then(ChangeKind::named)
}

/// Counts attributes, failures and names.
fn count(evidence: &mut Evidence, found: &TargetRows<'_>) {
    found.count(&mut evidence.values);
    evidence.errors += found.rows.iter().filter(|&&row| found.has_failed(row)).count() as u64;
    for (principal, name, calls) in found.names() {
        evidence.names.add(&principal, name, calls);
    }
}

impl Seen {
    /// Reads what is still to be read.
    fn completed(mut self, group: Group<'_>) -> Result<BTreeMap<usize, Evidence>> {
        self.keep_earliest();
        let ids = Texts::read(group, Column::EventId, self.examples.iter().map(|(_, _, row)| *row))?;
        for (target, time, row) in self.examples {
            let examples = &mut self.evidence.entry(target).or_default().examples;
            examples.extend(ids.of(row).map(|id| (time, id.to_owned())));
        }
        for requests in self.requests.chunks(REQUESTS_AT_ONCE) {
            let parameters = Texts::read(group, Column::RequestParameters, requests.iter().map(|request| request.row))?;
            for Unread { target, kind, time, api, row } in requests {
                let evidence = self.evidence.entry(*target).or_default();
                if parameters.are_damaged() {
                    evidence.unread += 1;
                } else {
                    evidence.look_at(*kind, *time, api, parameters.of(*row).unwrap_or_default());
                }
            }
        }
        Ok(self.evidence)
    }

    /// Leaves out what cannot be among the earliest events of its target.
    fn keep_earliest(&mut self) {
        self.examples.sort_unstable();
        let by_target = self.examples.chunk_by(|left, right| left.0 == right.0);
        let earliest = by_target.flat_map(|own| {
            let last = own[own.len().min(EXAMPLES) - 1].1;
            own.iter().take_while(move |(_, time, _)| *time <= last).copied()
        });
        self.examples = earliest.collect();
    }
}

/// The texts of a column in some rows of a row group.
struct Texts {
    rows: Vec<u32>,
    /// Nothing where the file is damaged, which was named when the day was counted.
    column: Option<TextColumn>,
}

impl Texts {
    fn read((file, group): Group<'_>, column: Column, rows: impl Iterator<Item = u32>) -> Result<Self> {
        let mut rows: Vec<u32> = rows.collect();
        rows.sort_unstable();
        rows.dedup();
        if rows.is_empty() {
            return Ok(Self { rows, column: Some(TextColumn::constant(None)) });
        }
        let batch = unless_damaged(read_texts(file, group, &[&[column]], &rows))?;
        Ok(Self { rows, column: batch.and_then(|mut batch| batch.columns.pop()) })
    }

    fn are_damaged(&self) -> bool {
        self.column.is_none()
    }

    fn of(&self, row: u32) -> Option<&str> {
        self.column.as_ref()?.row(self.rows.binary_search(&row).ok()?)
    }
}
