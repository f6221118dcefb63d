//! Which rows of which row groups belong to targets, and in which minute: what a first reading leaves for a second look, so that this one
//! need not find them again; and what they say, where they are few.
//!
//! Rows are remembered by their distances, a byte each where they are many, and minutes by how many rows in a row they have. Bounded: of
//! more than [`MOST_BYTES`] only the row groups are remembered.

use std::ops::Range;

use crate::insight::events::at_hand::AtHand;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::passing::Part;
use crate::partition::EventBatch;
use crate::time::MINUTE_MS;

/// Rows of which what they say is kept, of one row group and of all: some 64 MiB.
pub(super) const MOST_KEPT_OF_GROUP: usize = 1 << 15;
const MOST_KEPT: usize = 1 << 20;
/// Bytes of what was decoded anyway and is kept of rows of which there are more.
const MOST_AT_HAND: usize = 48 << 20;
/// Bytes of all row groups together.
const MOST_BYTES: usize = 48 << 20;
/// Bits of a distance in one byte; the last says whether more follow.
const BITS: u32 = 7;

/// The rows of a target in a row group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// The target's number.
    pub(super) target: usize,
    /// Minutes, counted from the first that is searched for the target, and how many rows in a row lie in each.
    minutes: Vec<(u16, u32)>,
    /// From each row to the next.
    distances: Vec<u8>,
    next: u32,
}

impl Trace {
    /// That of a target whose search begins at a time; `rows` are ascending.
    pub(super) fn of(target: usize, start: i64, rows: &[u32], part: &Part<'_>) -> Self {
        let mut trace = Self { target, distances: Vec::with_capacity(rows.len()), ..Self::default() };
        for &row in rows {
            trace.push(row, ((part.time(row) - start) / MINUTE_MS) as u16);
        }
        trace.distances.shrink_to_fit();
        trace
    }

    fn push(&mut self, row: u32, minute: u16) {
        match self.minutes.last_mut() {
            Some((last, rows)) if *last == minute => *rows += 1,
            _ => self.minutes.push((minute, 1)),
        }
        let mut distance = row - self.next;
        while distance >> BITS > 0 {
            self.distances.push(distance as u8 | 1 << BITS);
            distance >>= BITS;
        }
        self.distances.push(distance as u8);
        self.next = row + 1;
    }

    /// Adds the calls by minute.
    pub(super) fn count(&self, minutes: &mut [u32]) {
        self.minutes.iter().for_each(|&(minute, rows)| minutes[usize::from(minute)] += rows);
    }

    /// The rows in some minutes, ascending.
    pub(super) fn rows(&self, within: &Range<usize>) -> Vec<u32> {
        let mut rows = Vec::new();
        let end = self
            .minutes
            .iter()
            .rposition(|(minute, _)| within.contains(&usize::from(*minute)))
            .map_or(0, |last| last + 1);
        self.walk(end, |row, minute| {
            if within.contains(&usize::from(minute)) {
                rows.push(row);
            }
        });
        rows
    }

    /// All rows, ascending, and the minute of each.
    pub(super) fn all(&self) -> (Vec<u32>, Vec<u16>) {
        let (mut rows, mut minutes) = (Vec::new(), Vec::new());
        self.walk(self.minutes.len(), |row, minute| {
            rows.push(row);
            minutes.push(minute);
        });
        (rows, minutes)
    }

    /// Calls `each` with the rows of the first `end` runs, and their minutes.
    fn walk(&self, end: usize, mut each: impl FnMut(u32, u16)) {
        let (mut distances, mut next) = (self.distances.iter(), 0);
        for &(minute, count) in &self.minutes[..end] {
            for _ in 0..count {
                next += distance(&mut distances);
                each(next, minute);
                next += 1;
            }
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.distances.capacity() + self.minutes.capacity() * size_of::<(u16, u32)>()
    }
}

#[inline]
fn distance(bytes: &mut std::slice::Iter<'_, u8>) -> u32 {
    let (mut distance, mut shift) = (0, 0);
    for &byte in bytes {
        distance |= u32::from(byte & !(1 << BITS)) << shift;
        if byte >> BITS == 0 {
            break;
        }
        shift += BITS;
    }
    distance
}

/// Rows of a row group by their ascending numbers, and when they were and what they say.
pub(super) type Kept = (Vec<u32>, EventBatch);

/// What the rows of targets say, as far as it is kept.
#[derive(Debug)]
pub(super) enum Said {
    /// All of it: there are few rows.
    Whole(Vec<Kept>),
    /// What was decoded anyway.
    AtHand(AtHand),
}

impl Said {
    /// The times of ascending rows, if they were kept.
    pub(super) fn times(&self, rows: &[u32]) -> Option<Vec<i64>> {
        let Self::Whole(kept) = self else { return None };
        let mut wanted = rows.iter().peekable();
        let kept = kept.iter().flat_map(|(rows, batch)| rows.iter().zip(batch.times.iter()));
        let times: Vec<i64> = kept.filter(|(row, _)| wanted.next_if_eq(row).is_some()).map(|(_, &time)| time).collect();
        (times.len() == rows.len()).then_some(times)
    }
}

impl Default for Said {
    fn default() -> Self {
        Self::AtHand(AtHand::default())
    }
}

/// For what there is room in what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// For all that rows say.
    pub(super) whole: bool,
    /// For what was decoded anyway.
    pub(super) at_hand: bool,
}

/// What is remembered of a row group.
#[derive(Debug)]
pub(super) enum Noted {
    /// The rows of targets and what they say.
    Traces(Vec<Trace>, Said),
    /// There was too much.
    Nothing,
}

/// What is remembered of each row group, in the order of row groups.
#[derive(Debug, Default)]
pub(in crate::insight) struct Notes {
    pub(in crate::insight) groups: Vec<Noted>,
    bytes: usize,
    kept: usize,
    at_hand: usize,
}

impl Notes {
    /// Adds those on the next row group, and their calls to those of their targets.
    pub(in crate::insight) fn push(&mut self, traces: Vec<Trace>, said: Said, evidence: &mut [Evidence]) {
        traces.iter().for_each(|trace| trace.count(&mut evidence[trace.target].minutes));
        self.bytes += traces.iter().map(Trace::bytes).sum::<usize>();
        match &said {
            Said::Whole(kept) => self.kept += kept.iter().map(|(rows, _)| rows.len()).sum::<usize>(),
            Said::AtHand(at_hand) => self.at_hand += at_hand.bytes(),
        }
        self.groups.push(if self.bytes <= MOST_BYTES { Noted::Traces(traces, said) } else { Noted::Nothing });
    }

    /// For what of the next row groups there is room.
    pub(in crate::insight) fn room(&self) -> Room {
        Room { whole: self.kept < MOST_KEPT, at_hand: self.at_hand < MOST_AT_HAND }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back_with_their_minutes(
            noted in prop::collection::vec((prop_oneof![3 => 0_u32..3, 1 => 0_u32..70_000_000], 0_i64..200), 0..60),
            within in (0_usize..200, 0_usize..200),
        ) {
            let mut next = 0;
            let mut rows = Vec::new();
            for (distance, minute) in noted {
                next += distance;
                rows.push((next, minute));
                next += 1;
            }
            let mut trace = Trace::default();
            rows.iter().for_each(|&(row, minute)| trace.push(row, minute as u16));
            let within = within.0..within.1;
            let expected: Vec<u32> =
                rows.iter().filter(|(_, minute)| within.contains(&(*minute as usize))).map(|(row, _)| *row).collect();
            prop_assert_eq!(trace.rows(&within), expected);
            let mut minutes = vec![0; 200];
            trace.count(&mut minutes);
            for (minute, &calls) in minutes.iter().enumerate() {
                prop_assert_eq!(calls as usize, rows.iter().filter(|row| row.1 as usize == minute).count());
            }
        }
    }

    #[test]
    fn of_too_much_only_the_calls_are_remembered() {
        let times = [0, 59_999, 60_000, 180_000];
        let trace = Trace::of(1, 0, &[7, 8, 9, 10], &Part::new(7, &times));
        assert_eq!(trace.rows(&(0..1)), [7, 8]);
        assert_eq!(trace.rows(&(1..9)), [9, 10]);
        let mut evidence = vec![Evidence { minutes: vec![0; 60], ..Evidence::default() }; 2];
        let mut notes = Notes::default();
        let large = Trace { distances: vec![0; MOST_BYTES / 2], ..trace };
        (0..3).for_each(|_| notes.push(vec![large.clone()], Said::default(), &mut evidence));
        assert!(matches!(notes.groups[..], [Noted::Traces(..), Noted::Nothing, Noted::Nothing]));
        assert_eq!(evidence[1].minutes[..4], [6, 3, 0, 3]);
    }
}
