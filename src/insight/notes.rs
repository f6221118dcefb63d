//! Which rows of which row groups belong to targets, and in which minute: what a first reading leaves for a second, so that this one reads
//! nothing else.
//!
//! Bounded: of more rows than [`MOST_NOTED`] only the row groups are remembered.

use crate::insight::investigate::{Evidence, Target};
use crate::insight::reading::{MINUTE_MS, TargetRows, window};

/// Rows that are remembered, of all row groups together: 48 MiB.
const MOST_NOTED: usize = 4 << 20;

/// A row of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    /// The target's number.
    pub(super) target: u32,
    /// The row's number in its row group.
    pub(super) row: u32,
    /// The minute, counted from the first that is searched for the target.
    pub(super) minute: u16,
}

/// The notes on each row group, in the order of row groups; `None` where they are too many to be remembered.
#[derive(Debug, Default)]
pub(super) struct Notes {
    groups: Vec<Option<Vec<Note>>>,
    count: usize,
}

/// The notes on the rows of a target in a batch.
pub(super) fn notes_on(
    target: usize,
    found: &TargetRows<'_>,
    date: chrono::NaiveDate,
    targets: &[Target],
) -> impl Iterator<Item = Note> {
    let (start, _) = window(date, targets[target].search);
    found.rows.iter().map(move |&row| Note {
        target: target as u32,
        row: found.numbers[row as usize],
        minute: ((found.batch.times[row as usize] - start) / MINUTE_MS) as u16,
    })
}

impl Notes {
    /// Adds those on the next row group.
    pub(super) fn push(&mut self, notes: Vec<Note>) {
        self.count += notes.len();
        self.groups.push((self.count <= MOST_NOTED).then_some(notes));
    }

    /// The rows of a row group that lie in the minutes of their episodes, ascending, each once; `None` where any may.
    pub(super) fn rows_within(&self, group: usize, evidence: &[Evidence]) -> Option<Vec<u32>> {
        let notes = self.groups[group].as_ref()?;
        let is_within = |note: &&Note| {
            let (first, end) = evidence[note.target as usize].span;
            (first..end).contains(&usize::from(note.minute))
        };
        let mut rows: Vec<u32> = notes.iter().filter(is_within).map(|note| note.row).collect();
        rows.sort_unstable();
        rows.dedup();
        Some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_in_the_minutes_of_an_episode_are_read_again() {
        let mut notes = Notes::default();
        let note = |target, row, minute| Note { target, row, minute };
        notes.push(vec![note(0, 9, 3), note(0, 4, 4), note(1, 4, 70), note(1, 2, 5), note(0, 1, 5)]);
        notes.push(Vec::new());
        let evidence = |span| Evidence { span, ..Evidence::default() };
        let spans = [evidence((3, 5)), evidence((60, 80))];
        assert_eq!(notes.rows_within(0, &spans), Some(vec![4, 9]));
        assert_eq!(notes.rows_within(1, &spans), Some(Vec::new()));
        notes.push(vec![note(0, 0, 0); MOST_NOTED]);
        assert_eq!(notes.rows_within(2, &spans), None);
    }
}
