//! Counts of five minutes, and how they become hours.
//!
//! Five-minute counts add; the largest of an hour does not. An hour that is counted in one piece is summed up at its end. Of an
//! hour that is counted in parts the five-minute counts are kept, and its largest is taken once, after the last merge.

/// Five-minute slots in a day.
pub const SLOTS: usize = 288;
/// Five-minute slots in an hour.
pub const SLOTS_PER_HOUR: usize = 12;
/// Milliseconds in a five-minute slot.
pub const SLOT_MS: i64 = 300_000;
/// Members that are summed up together.
const TOGETHER: usize = 1024;
/// Fewer cells than this are not worth compacting.
const COMPACT_FROM: usize = 1 << 20;

/// What one entity did in one five-minute slot. The same slot may appear again; counts add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// The slot of the day.
    pub(super) slot: u16,
    /// The entity's number.
    pub(super) member: u32,
    /// Calls.
    pub(super) calls: u32,
    /// Failed calls among them.
    pub(super) errors: u32,
}

impl Cell {
    fn hour(&self) -> u8 {
        (usize::from(self.slot) / SLOTS_PER_HOUR) as u8
    }
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

/// The hours of one family, in the making: slots of one hour are open at a time, twelve counts for every entity.
#[derive(Debug, Default)]
pub struct HourlyCounts {
    hour: u8,
    /// Whether anything of the open hour was counted.
    counted: bool,
    slots: [Vec<u32>; SLOTS_PER_HOUR],
    errors: Vec<u32>,
    closed: Vec<HourCount>,
    cells: Vec<Cell>,
    compacted: usize,
}

impl HourlyCounts {
    /// Makes room for members numbered below `members`.
    pub fn reserve(&mut self, members: usize) {
        if self.errors.len() < members {
            self.slots.iter_mut().chain([&mut self.errors]).for_each(|counts| counts.resize(members, 0));
        }
    }

    /// Closes the open hour, which is summed up for good, and opens another.
    pub fn open(&mut self, hour: u8) {
        if self.counted {
            self.sum_up();
        }
        self.hour = hour;
    }

    /// Counts rows of one slot of the open hour: `members` row by row, [`NONE`](crate::rollup::NONE) for no member; `failed` are the
    /// numbers of the failed rows among them, counted from `first`. Room must have been made for all members.
    pub fn count(&mut self, slot: u16, members: &[u32], first: usize, failed: &[u32]) {
        self.counted = true;
        let calls = &mut self.slots[usize::from(slot) % SLOTS_PER_HOUR][..];
        for &member in members {
            add(calls, member, 1);
        }
        for &row in failed {
            add(&mut self.errors, members[row as usize - first], 1);
        }
    }

    /// Counts rows of one slot of the open hour in a family that few rows belong to: for each row its member, and whether it failed.
    pub fn count_listed(&mut self, slot: u16, rows: impl Iterator<Item = (u32, bool)>) {
        for (member, failed) in rows {
            self.add_cell(Cell { slot, member, calls: 1, errors: u32::from(failed) });
        }
    }

    /// As [`HourlyCounts::count`], of an hour that is counted in parts: it is never open.
    pub fn count_part(&mut self, slot: u16, members: &[u32], first: usize, failed: &[u32]) {
        self.count(slot, members, first, failed);
        self.counted = false;
        let calls = &mut self.slots[usize::from(slot) % SLOTS_PER_HOUR][..];
        for &member in members {
            if let Some(calls) = calls.get_mut(member as usize)
                && *calls > 0
            {
                let (calls, errors) = (std::mem::take(calls), std::mem::take(&mut self.errors[member as usize]));
                self.cells.push(Cell { slot, member, calls, errors });
            }
        }
        self.compact_if_large();
    }

    /// As [`HourlyCounts::count_listed`], of an hour that is counted in parts.
    pub fn count_part_listed(&mut self, slot: u16, rows: impl Iterator<Item = (u32, bool)>) {
        self.cells.extend(rows.map(|(member, failed)| Cell { slot, member, calls: 1, errors: u32::from(failed) }));
        self.compact_if_large();
    }

    fn add_cell(&mut self, cell: Cell) {
        self.counted = true;
        add(&mut self.slots[usize::from(cell.slot) % SLOTS_PER_HOUR], cell.member, cell.calls);
        add(&mut self.errors, cell.member, cell.errors);
    }

    /// Sums up some members at a time, so that their sums stay in the fastest cache while all slots are gone through.
    fn sum_up(&mut self) {
        self.counted = false;
        for first in (0..self.errors.len()).step_by(TOGETHER) {
            let members = first..self.errors.len().min(first + TOGETHER);
            let (mut sums, mut peaks) = ([0; TOGETHER], [0; TOGETHER]);
            for slot in &mut self.slots {
                let counts = &mut slot[members.clone()];
                for ((sum, peak), calls) in sums.iter_mut().zip(&mut peaks).zip(counts) {
                    *sum += *calls;
                    *peak = (*peak).max(*calls);
                    *calls = 0;
                }
            }
            let errors = &mut self.errors[members];
            for (member, ((&calls, &peak), errors)) in (first as u32..).zip(sums.iter().zip(&peaks).zip(errors)) {
                if calls > 0 {
                    let errors = std::mem::take(errors);
                    self.closed.push(HourCount { member, hour: self.hour, calls, errors, peak });
                }
            }
        }
    }

    /// Adds what was counted elsewhere, whose members go by other numbers. The other side's open hour must have been closed.
    pub fn absorb(&mut self, other: &Self, renumber: &[u32]) {
        let here = |member: u32| renumber[member as usize];
        self.closed.extend(other.closed.iter().map(|hour| HourCount { member: here(hour.member), ..*hour }));
        self.cells.extend(other.cells.iter().map(|cell| Cell { member: here(cell.member), ..*cell }));
        self.compact_if_large();
    }

    /// Adds up repeated cells once they are many, so that memory grows with entities and not with events.
    fn compact_if_large(&mut self) {
        if self.cells.len() > COMPACT_FROM.max(2 * self.compacted) {
            self.compact();
        }
    }

    /// Counts of a slot that were made elsewhere.
    pub(super) fn add_part(&mut self, cell: Cell) {
        self.cells.push(cell);
        self.compact_if_large();
    }

    /// What was counted in parts, member by member.
    pub(super) fn parts(&mut self) -> &[Cell] {
        self.compact();
        self.cells.sort_unstable_by_key(|cell| (cell.member, cell.slot));
        &self.cells
    }

    fn compact(&mut self) {
        self.cells.sort_unstable_by_key(|cell| (cell.slot, cell.member));
        self.cells.dedup_by(|next, kept| {
            let same = (next.slot, next.member) == (kept.slot, kept.member);
            if same {
                kept.calls += next.calls;
                kept.errors += next.errors;
            }
            same
        });
        self.compacted = self.cells.len();
    }

    /// All hours of members numbered below `members`, hour by hour.
    pub fn finish(&mut self, members: usize) -> &[HourCount] {
        self.reserve(members);
        let mut cells = std::mem::take(&mut self.cells);
        cells.sort_unstable_by_key(|cell| cell.slot);
        for hour in cells.chunk_by(|left, right| left.hour() == right.hour()) {
            self.open(hour[0].hour());
            for &cell in hour {
                self.add_cell(cell);
            }
        }
        self.open(0);
        if !self.closed.is_sorted_by_key(|hour| hour.hour) {
            self.closed.sort_by_key(|hour| hour.hour);
        }
        &self.closed
    }

    /// Begins a day on which nobody has called yet.
    pub fn begin_day(&mut self) {
        self.slots.iter_mut().chain([&mut self.errors]).for_each(Vec::clear);
        self.closed.clear();
        self.cells.clear();
        (self.counted, self.compacted) = (false, 0);
    }
}

/// Adds to the count of a member; [`NONE`](crate::rollup::NONE) is beyond all of them.
#[inline]
fn add(counts: &mut [u32], member: u32, more: u32) {
    if let Some(count) = counts.get_mut(member as usize) {
        *count += more;
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

    /// Counts events in the order in which they come, each hour as whole or in parts.
    fn count(events: &[(u16, u32, bool)], whole: impl Fn(u8) -> bool) -> HourlyCounts {
        let mut counts = HourlyCounts::default();
        for &(slot, member, failed) in events {
            let hour = (slot / 12) as u8;
            if hour != counts.hour {
                counts.open(hour);
            }
            counts.reserve(6);
            let (members, failures) = ([member, crate::rollup::NONE], if failed { &[7][..] } else { &[] });
            match (member == 5, whole(hour)) {
                (true, true) => counts.count_listed(slot, std::iter::once((member, failed))),
                (true, false) => counts.count_part_listed(slot, std::iter::once((member, failed))),
                (false, true) => counts.count(slot, &members, 7, failures),
                (false, false) => counts.count_part(slot, &members, 7, failures),
            }
        }
        counts.open(0);
        counts
    }

    fn events() -> impl Strategy<Value = Vec<(u16, u32, bool)>> {
        prop::collection::vec((0_u16..288, 0_u32..6, any::<bool>()), 0..300)
    }

    fn by_member(hours: &[HourCount]) -> Vec<HourCount> {
        assert!(hours.is_sorted_by_key(|hour| hour.hour));
        let mut hours = hours.to_vec();
        hours.sort_by_key(|hour| hour.member);
        hours
    }

    proptest! {
        #[test]
        fn however_the_events_are_divided_the_hours_are_those_of_a_plain_count(
            events in events(),
            cut in 0_usize..300,
            compact in any::<bool>(),
        ) {
            let (first, second) = events.split_at(cut.min(events.len()));
            let mut counts = count(second, |_| false);
            counts.absorb(&count(first, |_| false), &[0, 1, 2, 3, 4, 5]);
            if compact {
                counts.compact();
            }
            prop_assert_eq!(by_member(counts.finish(6)), naive(&events));
        }

        #[test]
        fn hours_in_order_can_be_summed_up_at_once(mut events in events(), parts in prop::collection::vec(any::<bool>(), 24)) {
            events.sort_by_key(|event| event.0 / 12);
            let mut counts = count(&events, |hour| !parts[usize::from(hour)]);
            prop_assert_eq!(by_member(counts.finish(6)), naive(&events));
            counts.begin_day();
            prop_assert_eq!(counts.finish(6), &[]);
        }
    }
}
