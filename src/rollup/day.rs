//! What one day comes to once it is counted: families with their hours, pairs, and what became of the rows.
//!
//! Everything is in the order of its keys, so that nothing tells how the work was divided.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rollup::Family;
use crate::rollup::hours::HourCount;
use crate::rollup::members::EntityKey;
use crate::rollup::unread::UnreadHours;
use crate::shown::{OTHER, counted, number};

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
    /// The hours of the day that such rows may be of, or those of a file that could not be opened: what is counted of these is the least
    /// that there was.
    #[serde(default, skip_serializing_if = "UnreadHours::is_empty")]
    pub unread_hours: UnreadHours,
    /// Entities, of all families together, that were beyond the cap and are counted under [`OTHER`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub beyond_cap: u64,
}

/// Some rows and what is with them, in words; `None` of no rows.
fn rows_that(rows: u64, what: &str) -> Option<String> {
    (rows > 0).then(|| format!("{} {what}", counted(rows, "row", "rows")))
}

impl ScanCounts {
    /// What a reader of the counts should know, in words.
    pub fn warnings(&self) -> Vec<String> {
        [self.far_away(), self.timeless(), self.nameless(), self.capped()].into_iter().flatten().collect()
    }

    /// The rows of other days, in words; `None` where there are none.
    pub fn far_away(&self) -> Option<String> {
        rows_that(self.set_aside, "more than a day away from their partition's date set aside")
    }

    /// The rows without a time, in words; `None` where there are none.
    pub fn timeless(&self) -> Option<String> {
        rows_that(self.without_time, "without a usable time set aside")
    }

    /// The rows that call nothing, in words; `None` where there are none.
    pub fn nameless(&self) -> Option<String> {
        let what = "without a service or an API, counted for their address, key and principal only";
        rows_that(self.without_api, what)
    }

    /// How many entities are not named, in words; `None` where all are.
    pub fn capped(&self) -> Option<String> {
        let beyond = self.beyond_cap;
        (beyond > 0).then(|| {
            format!(
                "{} entities are more than `max_entities` allows: they are counted under `{OTHER}` and not judged",
                number(beyond)
            )
        })
    }

    /// Whether some rows could not be read or placed in time, or were in the folder of a day far from theirs.
    pub fn is_partial(&self) -> bool {
        self.without_time > 0 || self.unreadable > 0 || !self.unread_hours.is_empty() || self.set_aside > 0
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
        self.unread_hours |= other.unread_hours;
        self.beyond_cap += other.beyond_cap;
    }
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Hours in which somebody called, as columns of equal length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HourColumns {
    /// The hour of the day.
    pub hour: Vec<u8>,
    /// Calls.
    pub calls: Vec<u32>,
    /// Failed calls among them.
    pub errors: Vec<u32>,
    /// The largest number of calls in five minutes.
    pub peak: Vec<u32>,
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
    /// The hours of all members, one member after another.
    pub hours: HourColumns,
}

/// One kind of pair, ordered by its sides, which are numbered by their places among their families' members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRollup {
    /// The two families.
    pub families: (Family, Family),
    /// The members of the left family that are in a pair.
    pub lefts: Vec<u32>,
    /// Where the pairs of each of `lefts` begin; one more than there are lefts.
    pub starts: Vec<u32>,
    /// The members of the right family, one pair after another.
    pub rights: Vec<u32>,
    /// The calls of each pair.
    pub calls: Vec<u32>,
}

/// One day, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRollup {
    /// One entry a family, in the order of [`Family::ALL`].
    pub families: Vec<FamilyRollup>,
    /// One entry a kind of pair, in the order of [`PAIRS`](crate::rollup::PAIRS); empty when pairs were not counted.
    pub pairs: Vec<PairRollup>,
    /// How each service is spelled, by its folded name.
    pub spellings: BTreeMap<String, String>,
    /// What became of the rows.
    pub counts: ScanCounts,
}

impl FamilyRollup {
    /// Puts hours, which come hour by hour, with their members; `ranks` gives each member's place by its number.
    pub(super) fn new(family: Family, members: Vec<EntityKey>, ranks: &[u32], hours: &[HourCount]) -> Self {
        let starts = starts(members.len(), hours.iter().map(|hour| ranks[hour.member as usize]));
        let mut next = starts.clone();
        let column = || vec![0; hours.len()];
        let mut columns = HourColumns { hour: vec![0; hours.len()], calls: column(), errors: column(), peak: column() };
        for hour in hours {
            let next = &mut next[ranks[hour.member as usize] as usize];
            let place = *next as usize;
            *next += 1;
            columns.hour[place] = hour.hour;
            columns.calls[place] = hour.calls;
            columns.errors[place] = hour.errors;
            columns.peak[place] = hour.peak;
        }
        Self { family, members, starts, hours: columns }
    }
}

/// Where each of `groups` groups begins when items are put group by group; one more than there are groups.
pub(super) fn starts(groups: usize, group_of_items: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut starts = vec![0; groups + 1];
    group_of_items.for_each(|group| starts[group as usize + 1] += 1);
    for group in 0..groups {
        starts[group + 1] += starts[group];
    }
    starts
}
