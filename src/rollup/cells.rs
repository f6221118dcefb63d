//! Counts of five minutes, and how they become hours.
//!
//! Five-minute counts add, so partial rollups carry them. The largest five-minute count within an hour does not add: it is
//! taken once, after the last merge.

use serde::{Deserialize, Serialize};

/// Five-minute slots in a day.
pub const SLOTS: usize = 288;
/// Five-minute slots in an hour.
const SLOTS_PER_HOUR: usize = 12;
/// Milliseconds in a five-minute slot.
pub const SLOT_MS: i64 = 300_000;
/// Fewer cells than this are not worth compacting.
const COMPACT_FROM: usize = 1 << 20;

/// What one entity did in one five-minute slot. The same slot may appear again; counts add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    /// The slot of the day.
    pub slot: u16,
    /// The entity's number.
    pub member: u32,
    /// Calls.
    pub calls: u32,
    /// Failed calls among them.
    pub errors: u32,
}

/// What one entity did in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourCount {
    /// The entity's number.
    pub member: u32,
    /// The hour of the UTC day.
    pub hour: u8,
    /// Calls.
    pub calls: u32,
    /// Failed calls among them.
    pub errors: u32,
    /// The largest number of calls in one five-minute slot.
    pub peak: u32,
}

/// The cells of one family, in the making.
#[derive(Debug, Default)]
pub struct Cells {
    counted: Vec<Cell>,
    compacted: usize,
    open: Vec<u32>,
    open_errors: Vec<u32>,
    touched: Vec<u32>,
}

impl Cells {
    /// Makes room for members numbered below `members`.
    pub fn reserve(&mut self, members: usize) {
        if self.open.len() < members {
            self.open.resize(members, 0);
            self.open_errors.resize(members, 0);
        }
    }

    /// Counts rows of one slot: `members` row by row, [`NONE`](crate::rollup::NONE) for no member; `failed` are the numbers of the failed rows among
    /// them, counted from `first`. Room must have been made for all members.
    pub fn count(&mut self, slot: u16, members: &[u32], first: usize, failed: &[u32]) {
        if self.touched.len() < members.len() {
            self.touched.resize(members.len(), 0);
        }
        // Whether a member is new in its slot is as good as random, so it is added up and not branched on.
        let mut touched = 0;
        for &member in members {
            if let Some(calls) = self.open.get_mut(member as usize) {
                self.touched[touched] = member;
                touched += usize::from(*calls == 0);
                *calls += 1;
            }
        }
        for &row in failed {
            if let Some(errors) = self.open_errors.get_mut(members[row as usize - first] as usize) {
                *errors += 1;
            }
        }
        self.counted.extend(self.touched[..touched].iter().map(|&member| {
            let calls = std::mem::take(&mut self.open[member as usize]);
            let errors = std::mem::take(&mut self.open_errors[member as usize]);
            Cell { slot, member, calls, errors }
        }));
    }

    /// Counts rows of one slot in a family that few rows belong to: for each row its member, and whether it failed.
    pub fn count_listed(&mut self, slot: u16, rows: impl Iterator<Item = (u32, bool)>) {
        self.counted.extend(rows.map(|(member, failed)| Cell { slot, member, calls: 1, errors: u32::from(failed) }));
    }

    /// Adds cells counted elsewhere, whose members go by other numbers.
    pub fn absorb(&mut self, other: Self, renumber: &[u32]) {
        let renumbered = |cell: Cell| Cell { member: renumber[cell.member as usize], ..cell };
        self.counted.extend(other.counted.into_iter().map(renumbered));
        self.compact_if_large();
    }

    /// Adds up repeated cells once they are many, so that memory grows with entities and not with events.
    pub fn compact_if_large(&mut self) {
        if self.counted.len() > COMPACT_FROM.max(2 * self.compacted) {
            self.compact();
        }
    }

    fn compact(&mut self) {
        self.counted.sort_unstable_by_key(|cell| (cell.slot, cell.member));
        self.counted.dedup_by(|next, kept| {
            let same = (next.slot, next.member) == (kept.slot, kept.member);
            if same {
                kept.calls += next.calls;
                kept.errors += next.errors;
            }
            same
        });
        self.compacted = self.counted.len();
    }

    /// Folds all slots into hours, in order of hour and, within it, of no particular member.
    pub fn into_hours(mut self, members: usize) -> Vec<HourCount> {
        if !self.counted.is_sorted_by_key(|cell| cell.slot) {
            self.counted.sort_by_key(|cell| cell.slot);
        }
        let mut fold = HourFold::new(members);
        let mut hours = Vec::with_capacity(self.counted.len() / 4);
        for slot in self.counted.chunk_by(|left, right| left.slot == right.slot) {
            fold.enter((usize::from(slot[0].slot) / SLOTS_PER_HOUR) as u8, &mut hours);
            fold.add_slot(slot);
        }
        fold.close(&mut hours);
        hours
    }
}

/// The hour being added up, by member.
struct HourFold {
    hour: u8,
    slot: Vec<u32>,
    sums: Vec<HourCount>,
    touched: Vec<u32>,
}

impl HourFold {
    fn new(members: usize) -> Self {
        let empty = |member| HourCount { member, hour: 0, calls: 0, errors: 0, peak: 0 };
        Self { hour: 0, slot: vec![0; members], sums: (0..members as u32).map(empty).collect(), touched: Vec::new() }
    }

    fn enter(&mut self, hour: u8, hours: &mut Vec<HourCount>) {
        if hour != self.hour {
            self.close(hours);
            self.hour = hour;
        }
    }

    fn add_slot(&mut self, cells: &[Cell]) {
        for cell in cells {
            let sum = &mut self.sums[cell.member as usize];
            if sum.calls == 0 {
                self.touched.push(cell.member);
            }
            sum.calls += cell.calls;
            sum.errors += cell.errors;
            self.slot[cell.member as usize] += cell.calls;
        }
        for cell in cells {
            let in_slot = std::mem::take(&mut self.slot[cell.member as usize]);
            let sum = &mut self.sums[cell.member as usize];
            sum.peak = sum.peak.max(in_slot);
        }
    }

    fn close(&mut self, hours: &mut Vec<HourCount>) {
        for member in self.touched.drain(..) {
            let sum = &mut self.sums[member as usize];
            hours.push(HourCount { hour: self.hour, ..*sum });
            *sum = HourCount { member, hour: 0, calls: 0, errors: 0, peak: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn naive(events: &[(u16, u32, bool)]) -> Vec<HourCount> {
        let mut slots: BTreeMap<(u32, u16), (u32, u32)> = BTreeMap::new();
        for &(slot, member, failed) in events {
            let cell = slots.entry((member, slot)).or_default();
            *cell = (cell.0 + 1, cell.1 + u32::from(failed));
        }
        let mut hours: BTreeMap<(u32, u8), HourCount> = BTreeMap::new();
        for ((member, slot), (calls, errors)) in slots {
            let hour = (slot / 12) as u8;
            let sum = hours.entry((member, hour)).or_insert(HourCount { member, hour, calls: 0, errors: 0, peak: 0 });
            sum.calls += calls;
            sum.errors += errors;
            sum.peak = sum.peak.max(calls);
        }
        hours.into_values().collect()
    }

    fn count(events: &[(u16, u32, bool)]) -> Cells {
        let mut cells = Cells::default();
        for &(slot, member, failed) in events {
            cells.reserve(6);
            cells.count(slot, &[member, crate::rollup::NONE], 7, if failed { &[7] } else { &[] });
        }
        cells
    }

    proptest! {
        #[test]
        fn however_the_events_are_divided_the_hours_are_those_of_a_plain_count(
            events in prop::collection::vec((0_u16..288, 0_u32..6, any::<bool>()), 0..300),
            cut in 0_usize..300,
            compact in any::<bool>(),
        ) {
            let (first, second) = events.split_at(cut.min(events.len()));
            let mut cells = count(second);
            cells.absorb(count(first), &[0, 1, 2, 3, 4, 5]);
            if compact {
                cells.compact();
            }
            let mut hours = cells.into_hours(6);
            hours.sort_by_key(|hour| (hour.member, hour.hour));
            prop_assert_eq!(hours, naive(&events));
        }
    }
}
