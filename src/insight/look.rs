//! The second look of an investigation, at the rows in the minutes of their episodes: who was in them, and which events to name.
//!
//! Most rows are in memory since the first reading. Ids and parameters are long and nearly all different, so they are read of those few
//! rows alone that will be named.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;
use crate::event::{ChangeKind, Column, IdentityText};
use crate::insight::investigate::{EXAMPLES, Evidence, Target};
use crate::insight::notes::{Rows, notes_on};
use crate::insight::reading::{Group, Reader, unless_damaged};
use crate::insight::values::TargetRows;
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
pub(super) struct Seen {
    pub(super) evidence: BTreeMap<usize, Evidence>,
    /// Events that may be named.
    pub(super) examples: Vec<Example>,
    /// Changes, whose parameters are to be read.
    requests: Vec<Unread>,
}

/// An event that may be named, by its row in a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Example {
    target: usize,
    time: i64,
    row: u32,
}

impl Example {
    /// Whose event it is.
    pub(super) fn target(&self) -> usize {
        self.target
    }

    fn when(&self) -> (usize, i64) {
        (self.target, self.time)
    }
}

/// A request of a change, without its parameters.
#[derive(Debug)]
struct Unread {
    target: usize,
    kind: ChangeKind,
    time: i64,
    api: String,
    row: u32,
    failed: bool,
}

impl Look<'_> {
    /// What the rows of a row group tell of the episodes.
    pub(super) fn closer(&self, reader: &mut Reader<'_>, group: Group<'_>, rows: &Rows) -> Result<Seen> {
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
                seen.examples.push(Example { target, time: found.batch.times[row as usize], row: note.row });
            }
        }
        let found = &found.only(&rows);
        let evidence = seen.evidence.entry(target).or_default();
        count(evidence, found);
        if let Some(kind) = change_kind(&self.targets[target]) {
            // A trail is followed by what was done to it; a grant tells whom to watch even if it failed.
            let meant = found.rows.iter().filter(|&&row| kind == ChangeKind::Permission || !found.has_failed(row));
            seen.requests.extend(meant.map(|&row| Unread {
                target,
                kind,
                time: found.batch.times[row as usize],
                api: found.api(row).unwrap_or_default().to_owned(),
                row: found.numbers[row as usize],
                failed: found.has_failed(row),
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
    /// Reads the parameters that are still to be read.
    fn completed(mut self, group: Group<'_>) -> Result<Self> {
        if group.0.text_bounds(group.1, &[Column::EventId]).is_some_and(|bounds| bounds.is_empty()) {
            // None has an id to be named by.
            self.examples.clear();
        }
        keep_earliest(&mut self.examples, |example| example);
        for requests in self.requests.chunks(REQUESTS_AT_ONCE) {
            let parameters = Texts::read(group, Column::RequestParameters, requests.iter().map(|request| request.row))?;
            for Unread { target, kind, time, api, row, failed } in requests {
                let evidence = self.evidence.entry(*target).or_default();
                if *failed {
                    evidence.look_at_attempt(*kind, api, parameters.of(*row).unwrap_or_default());
                } else if parameters.are_damaged() {
                    evidence.unread += 1;
                } else {
                    evidence.look_at(*kind, *time, api, parameters.of(*row).unwrap_or_default());
                }
            }
        }
        self.requests.clear();
        Ok(self)
    }
}

/// Leaves out what cannot be among the earliest events of its target.
pub(super) fn keep_earliest<T>(examples: &mut Vec<T>, example: impl Fn(&T) -> &Example) {
    examples.sort_by_key(|item| example(item).when());
    let mut own = (usize::MAX, 0, i64::MAX);
    examples.retain(|item| {
        let Example { target, time, .. } = *example(item);
        let (last, before, latest) = own;
        own = if target == last { (target, before + 1, latest) } else { (target, 1, i64::MAX) };
        if own.1 == EXAMPLES {
            own.2 = time;
        }
        time <= own.2
    });
}

/// The ids of events of a row group; nothing for those that have none, or none that can be read.
pub(super) fn ids(group: Group<'_>, examples: &[Example]) -> Result<Vec<(usize, (i64, String))>> {
    let ids = Texts::read(group, Column::EventId, examples.iter().map(|example| example.row))?;
    let named = |example: &Example| Some((example.target, (example.time, ids.of(example.row)?.to_owned())));
    Ok(examples.iter().filter_map(named).collect())
}

/// Identifiers of those who called in some rows, with their ARNs. Only events of the cloud that has such names tell them.
pub(super) fn arns(group: Group<'_>, examples: &[Example]) -> Result<Vec<(usize, (String, String))>> {
    let identities = Texts::read(group, Column::UserIdentity, examples.iter().map(|example| example.row))?;
    let told = |example: &Example| {
        let identity = IdentityText::parse(identities.of(example.row)?);
        Some((example.target, identity.id_and_arn()?))
    };
    Ok(examples.iter().filter_map(told).collect())
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
