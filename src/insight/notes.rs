//! Which rows of which row groups belong to targets, and in which minute: what a first reading leaves for a second look, so that this one
//! reads hardly anything.
//!
//! Bounded: of more rows than [`MOST_KEPT`] only the numbers are remembered, of more than [`MOST_NOTED`] only the row groups.

use crate::insight::belonging::{MINUTE_MS, window};
use crate::insight::investigate::{Evidence, Target};
use crate::insight::reading::Kept;
use crate::insight::sieve::those;
use crate::insight::values::TargetRows;

/// Rows whose numbers are remembered, of all row groups together: 48 MiB.
const MOST_NOTED: usize = 4 << 20;
/// Rows that are remembered as they are: some 64 MiB.
const MOST_KEPT: usize = 1 << 20;

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

/// What is remembered of a row group.
#[derive(Debug)]
enum Noted {
    Kept(Vec<Kept>),
    Notes(Vec<Note>),
    /// There was too much.
    Nothing,
}

/// The rows of a row group that are looked at again.
#[derive(Debug)]
pub(super) enum Rows {
    /// They are in memory, with some that are not meant.
    Kept(Vec<Kept>),
    /// Their numbers, ascending.
    These(Vec<u32>),
    /// Any may be.
    All,
}

impl Rows {
    /// Whether there are none for sure.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Kept(rows) => rows.is_empty(),
            Self::These(rows) => rows.is_empty(),
            Self::All => false,
        }
    }
}

/// What is remembered of each row group, in the order of row groups.
#[derive(Debug, Default)]
pub(super) struct Notes {
    groups: Vec<Noted>,
    count: usize,
    kept: usize,
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
    /// Adds those on the next row group, and its rows if they were kept.
    pub(super) fn push(&mut self, notes: Vec<Note>, kept: Option<Vec<Kept>>) {
        self.count += notes.len();
        let rows = kept.as_deref().map_or(0, |kept| kept.iter().map(Kept::len).sum());
        let noted = match kept {
            Some(kept) if self.kept + rows <= MOST_KEPT => {
                self.kept += rows;
                Noted::Kept(kept)
            }
            _ if self.count <= MOST_NOTED => Noted::Notes(notes),
            _ => Noted::Nothing,
        };
        self.groups.push(noted);
    }

    /// For each row group the rows that may lie in the minutes of their episodes.
    pub(super) fn into_rows(self, evidence: &[Evidence]) -> impl Iterator<Item = Rows> {
        self.groups.into_iter().map(|noted| match noted {
            Noted::Kept(rows) => Rows::Kept(rows),
            Noted::Notes(notes) => Rows::These(rows_within(&notes, evidence)),
            Noted::Nothing => Rows::All,
        })
    }
}

/// The rows that lie in the minutes of their episodes, ascending, each once.
fn rows_within(notes: &[Note], evidence: &[Evidence]) -> Vec<u32> {
    let is_within = |note: &&Note| {
        let (first, end) = evidence[note.target as usize].span;
        (first..end).contains(&usize::from(note.minute))
    };
    let end = notes.iter().map(|note| note.row as usize + 1).max().unwrap_or_default();
    let mut rows = vec![false; end];
    notes.iter().filter(is_within).for_each(|note| rows[note.row as usize] = true);
    those(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_in_the_minutes_of_an_episode_are_read_again() {
        let mut notes = Notes::default();
        let note = |target, row, minute| Note { target, row, minute };
        notes.push(vec![note(0, 9, 3), note(0, 4, 4), note(1, 4, 70), note(1, 2, 5), note(0, 1, 5)], None);
        notes.push(Vec::new(), None);
        notes.push(vec![note(0, 0, 0)], Some(Vec::new()));
        notes.push(vec![note(0, 0, 0); MOST_NOTED], None);
        let evidence = |span| Evidence { span, ..Evidence::default() };
        let rows: Vec<Rows> = notes.into_rows(&[evidence((3, 5)), evidence((60, 80))]).collect();
        assert!(matches!(&rows[..2], [Rows::These(some), Rows::These(none)] if some[..] == [4, 9] && none.is_empty()));
        assert!(matches!(rows[2..], [Rows::Kept(_), Rows::All]));
    }
}
