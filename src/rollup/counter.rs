//! Counting one day: batches of events in, a [`DayRollup`] out.
//!
//! A counter may see all of a day or a part; parts are absorbed into one another in any order, and only then finished, when
//! everything is put in the order of its keys. What comes out does not remember how the work was divided.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::partition::EventBatch;
use crate::rollup::cells::{Cells, HourCount};
use crate::rollup::keys::Keyer;
use crate::rollup::members::{EntityKey, Members};
use crate::rollup::pairs::{Pair, PairCounter};
use crate::rollup::{Family, NONE, PAIRS, RowKeys};

/// What became of the rows of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanCounts {
    /// Rows of the day.
    pub events: u64,
    /// Failed calls among them.
    pub errors: u64,
    /// Rows more than a day away from the date of the folder they were found in; not counted anywhere.
    pub set_aside: u64,
    /// Rows whose time is missing or cannot be understood; not counted anywhere.
    pub without_time: u64,
    /// Rows that name no service or no API; counted for their address, key and principal only.
    pub without_api: u64,
    /// Rows in row groups that could not be read to the end.
    pub unreadable: u64,
}

impl ScanCounts {
    /// What a reader of the counts should know, in words.
    pub fn warnings(&self) -> Vec<String> {
        let said = [
            (self.set_aside, "lie more than a day away from their partition's date and were set aside"),
            (self.without_time, "have no usable time and were set aside"),
            (self.without_api, "name no service or no API: they count for their address, key and principal only"),
        ];
        said.into_iter().filter(|(rows, _)| *rows > 0).map(|(rows, what)| format!("{rows} rows {what}")).collect()
    }

    /// Whether some rows could not be read or placed in time.
    pub fn is_partial(&self) -> bool {
        self.without_time > 0 || self.unreadable > 0
    }
}

impl std::ops::AddAssign for ScanCounts {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.errors += other.errors;
        self.set_aside += other.set_aside;
        self.without_time += other.without_time;
        self.without_api += other.without_api;
        self.unreadable += other.unreadable;
    }
}

/// Counts events of one day.
#[derive(Debug, Default)]
pub struct DayCounter {
    keyer: Keyer,
    keys: RowKeys,
    cells: [Cells; Family::COUNTED.len()],
    pairs: Option<PairCounter>,
    counts: ScanCounts,
}

/// One family's hours of a day, ordered by key and hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyRollup {
    /// The family.
    pub family: Family,
    /// Its members, in order.
    pub members: Vec<EntityKey>,
    /// Where each member's hours begin; one more than there are members.
    pub starts: Vec<u32>,
    /// The hours; a member is numbered by its place in `members`.
    pub hours: Vec<HourCount>,
}

/// One kind of pair, ordered by its sides, which are numbered by their places among their families' members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRollup {
    /// The two families.
    pub families: (Family, Family),
    /// The pairs.
    pub pairs: Vec<Pair>,
}

/// One day, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRollup {
    /// One entry a family, in the order of [`Family::ALL`].
    pub families: Vec<FamilyRollup>,
    /// One entry a kind of pair, in the order of [`PAIRS`]; empty when pairs were not counted.
    pub pairs: Vec<PairRollup>,
    /// How each service is spelled, by its folded name.
    pub spellings: BTreeMap<String, String>,
    /// What became of the rows.
    pub counts: ScanCounts,
}

impl DayCounter {
    /// A counter with or without the pairs.
    pub fn new(pairs: bool) -> Self {
        Self { keyer: Keyer::new(pairs), pairs: pairs.then(PairCounter::default), ..Self::default() }
    }

    /// Whether pairs are counted.
    pub fn counts_pairs(&self) -> bool {
        self.pairs.is_some()
    }

    /// Notes rows that are not counted as events of the day.
    pub fn note(&mut self, counts: ScanCounts) {
        self.counts += counts;
    }

    /// Counts a batch whose rows are all of the day; `runs` are (slot, first row, one past the last row), in row order.
    pub fn count(&mut self, batch: &EventBatch, runs: &[(u16, usize, usize)]) {
        self.keyer.number_rows(batch, &mut self.keys);
        let failed = self.keys.failed();
        let failed_by_run: Vec<&[u32]> =
            runs.iter().map(|&(_, first, end)| between(failed, |&row| row, first, end)).collect();
        for (&family, cells) in Family::COUNTED.iter().zip(&mut self.cells) {
            cells.reserve(self.keyer.members(family).len());
            for (&(slot, first, end), failed) in runs.iter().zip(&failed_by_run) {
                if let Some(members) = self.keys.dense(family) {
                    cells.count(slot, &members[first..end], first, failed);
                } else {
                    let rows = between(self.keys.listed(family), |&(row, _)| row, first, end);
                    let outcome = |&(row, member): &(u32, u32)| (member, self.keys.has_failed(row as usize));
                    cells.count_listed(slot, rows.iter().map(outcome));
                }
            }
            cells.compact_if_large();
        }
        if let Some(pairs) = &mut self.pairs {
            pairs.count(&self.keys);
        }
        self.counts.events += batch.times.len() as u64;
        self.counts.errors += failed.len() as u64;
        self.counts.without_api += self.keys.of(Family::Api).iter().filter(|&&api| api == NONE).count() as u64;
    }

    /// Adds what another counter has counted of the same day.
    pub fn absorb(&mut self, other: Self) {
        let (members, spellings) = other.keyer.into_parts();
        for (folded, spelling) in spellings {
            self.keyer.adopt_spelling(&folded, spelling);
        }
        let renumber: [Vec<u32>; Family::COUNT] = std::array::from_fn(|family| {
            members[family].keys().iter().map(|key| self.keyer.adopt(Family::ALL[family], key.clone())).collect()
        });
        for ((family, cells), others) in Family::COUNTED.iter().zip(&mut self.cells).zip(other.cells) {
            cells.absorb(others, &renumber[*family as usize]);
        }
        if let (Some(pairs), Some(others)) = (&mut self.pairs, other.pairs) {
            pairs.absorb(others, &renumber);
        }
        self.counts += other.counts;
    }

    /// Puts everything in order.
    pub fn finish(self) -> DayRollup {
        let (members, spellings) = self.keyer.into_parts();
        let ordered: Vec<(Vec<EntityKey>, Vec<u32>)> = members.into_par_iter().map(Members::into_ordered).collect();
        let (members, ranks): (Vec<_>, Vec<_>) = ordered.into_iter().unzip();
        let ranks: [Vec<u32>; Family::COUNT] = std::array::from_fn(|family| ranks[family].clone());
        let cells: Vec<Option<Cells>> =
            self.cells.into_iter().map(Some).chain(std::iter::repeat_with(|| None)).take(Family::COUNT).collect();
        let family = |((family, members), cells): ((Family, Vec<EntityKey>), Option<Cells>)| {
            let hours = cells.map_or_else(Vec::new, |cells| cells.into_hours(members.len()));
            family_rollup(family, members, &hours, &ranks[family as usize])
        };
        let families: Vec<_> = Family::ALL.into_iter().zip(members).zip(cells).collect();
        let (families, pairs) = rayon::join(
            || families.into_par_iter().map(family).collect(),
            || self.pairs.map_or_else(Vec::new, |pairs| pairs.finish(&ranks)),
        );
        let pairs = PAIRS.into_iter().zip(pairs).map(|(families, pairs)| PairRollup { families, pairs }).collect();
        let spellings = spellings.into_iter().map(|(folded, (_, shown))| (folded, shown)).collect();
        DayRollup { families, pairs, spellings, counts: self.counts }
    }
}

/// Those of some items, ascending by row, whose row lies in a range.
fn between<T>(items: &[T], row: impl Fn(&T) -> u32, first: usize, end: usize) -> &[T] {
    let place = |bound: usize| items.partition_point(|item| (row(item) as usize) < bound);
    &items[place(first)..place(end)]
}

/// Orders hours, which come hour by hour, by the rank of their member.
fn family_rollup(family: Family, members: Vec<EntityKey>, hours: &[HourCount], rank: &[u32]) -> FamilyRollup {
    let mut starts = vec![0_u32; members.len() + 1];
    for hour in hours {
        starts[rank[hour.member as usize] as usize + 1] += 1;
    }
    for member in 0..members.len() {
        starts[member + 1] += starts[member];
    }
    let mut next = starts.clone();
    let mut ordered = vec![HourCount { member: 0, hour: 0, calls: 0, errors: 0, peak: 0 }; hours.len()];
    for hour in hours {
        let member = rank[hour.member as usize];
        ordered[next[member as usize] as usize] = HourCount { member, ..*hour };
        next[member as usize] += 1;
    }
    FamilyRollup { family, members, starts, hours: ordered }
}
