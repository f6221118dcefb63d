//! Several days of one family, entity by entity: the days' files are in order, so they merge in the memory of a batch
//! each.
//!
//! How a file is read is told by `reading`; what days come to together is decided by whoever takes the entities.

use std::path::PathBuf;

use crate::error::Result;
use crate::rollup::Family;
use crate::rollup::cap::is_other;
use crate::rollup::members::EntityKey;
use crate::rollup::store::entities::{Detail, EntityCursor, EntityDay};

/// Rows that are decoded at a time of each day.
const BATCH_ROWS: usize = 4096;

/// What one entity did on one of several days.
#[derive(Debug, Clone, Copy)]
pub struct MergedDay<'batch> {
    /// The entity's key, as [`EntityKey::as_str`] has it.
    pub key: &'batch str,
    /// The service as that day spelled it, for families that have one.
    pub service: Option<&'batch str>,
    /// The place of the day's file among those that are merged.
    pub place: usize,
    /// What it did.
    pub day: EntityDay<'batch>,
}

/// The files of several days, opened at one family.
pub struct FamilyDays {
    cursors: Vec<EntityCursor>,
}

impl std::fmt::Debug for FamilyDays {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "FamilyDays of {} files", self.cursors.len())
    }
}

impl MergedDay<'_> {
    /// Whether it stands for entities beyond a cap.
    pub fn is_other(&self) -> bool {
        is_other(self.key)
    }
}

impl FamilyDays {
    /// Opens rollup files.
    ///
    /// # Errors
    /// [`crate::Error::Rollup`] when one is damaged.
    pub fn open(paths: &[PathBuf], family: Family, detail: Detail) -> Result<Self> {
        let cursor = |path: &PathBuf| EntityCursor::open(path, family, detail, BATCH_ROWS);
        Ok(Self { cursors: paths.iter().map(cursor).collect::<Result<_>>()? })
    }

    /// So many hours, or less, there are in all.
    pub fn most_hours(&self) -> usize {
        self.cursors.iter().map(EntityCursor::most_hours).sum()
    }

    /// Calls `visit` for every entity in the order of keys, and for each with its days in the order of files.
    ///
    /// # Errors
    /// [`crate::Error::Rollup`] when a file is damaged, or its entities are not in order.
    pub fn for_each(mut self, mut visit: impl FnMut(MergedDay<'_>)) -> Result<()> {
        // The last is the next.
        let mut waiting: Vec<usize> = Vec::with_capacity(self.cursors.len());
        for place in 0..self.cursors.len() {
            self.enqueue(place, &mut waiting)?;
        }
        while let Some(place) = waiting.pop() {
            let cursor = &self.cursors[place];
            visit(MergedDay { key: cursor.key(), service: cursor.service(), place, day: cursor.day() });
            self.enqueue(place, &mut waiting)?;
        }
        Ok(())
    }

    fn enqueue(&mut self, place: usize, waiting: &mut Vec<usize>) -> Result<()> {
        if self.cursors[place].advance()? {
            let own = (self.cursors[place].key(), place);
            let after = waiting.partition_point(|&other| (self.cursors[other].key(), other) > own);
            waiting.insert(after, place);
        }
        Ok(())
    }
}

/// The numbers that the rows of several days' files have over all of these days, in the order of keys.
#[derive(Debug)]
pub struct Numbering {
    /// By number.
    pub keys: Vec<EntityKey>,
    /// By file the first row of the family, and the numbers of its rows.
    rows: Vec<(u32, Vec<u32>)>,
}

impl Numbering {
    /// Numbers the rows of a family.
    ///
    /// # Errors
    /// [`crate::Error::Rollup`] when a file is damaged.
    pub fn read(paths: &[PathBuf], family: Family) -> Result<Self> {
        let mut found = Self { keys: Vec::new(), rows: vec![(0, Vec::new()); paths.len()] };
        FamilyDays::open(paths, family, Detail::Keys)?.for_each(|merged| {
            if found.keys.last().is_none_or(|last| last.as_str() != merged.key) {
                found.keys.push(EntityKey::of_joined(merged.key));
            }
            let (first, numbers) = &mut found.rows[merged.place];
            if numbers.is_empty() {
                *first = merged.day.entity;
            }
            numbers.push(found.keys.len() as u32 - 1);
        })?;
        Ok(found)
    }

    /// The number of a row of a file; `None` if the row is not of the family.
    pub fn number(&self, place: usize, row: u32) -> Option<u32> {
        let (first, numbers) = self.rows.get(place)?;
        numbers.get(row.checked_sub(*first)? as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::rollup::day::{DayRollup, FamilyRollup, HourColumns, PairRollup};
    use crate::rollup::store::{CountedBy, DayInput, DayNote, merge_pairs, pairs_path, rollup_path, write_day};
    use crate::rollup::{PAIRS, ScanCounts};

    /// Keys with the hours in which they called, and the networks that each was on.
    type Day = BTreeMap<u8, (BTreeSet<u8>, BTreeSet<u8>)>;

    fn key(account: &str, number: u8) -> EntityKey {
        EntityKey::new([account, &format!("LTAI{number}")])
    }

    fn write(state: &Path, number: u32, day: &Day) {
        let networks: BTreeSet<u8> = day.values().flat_map(|(_, networks)| networks.iter().copied()).collect();
        let members = |keys: Vec<EntityKey>| FamilyRollup {
            family: Family::Api,
            starts: vec![0; keys.len() + 1],
            members: keys,
            hours: HourColumns::default(),
        };
        let mut families: Vec<FamilyRollup> =
            Family::ALL.iter().map(|&family| FamilyRollup { family, ..members(Vec::new()) }).collect();
        families[Family::Network as usize].members = networks.iter().map(|&network| key("n", network)).collect();
        families[Family::Network as usize].members.sort();
        families[Family::Network as usize].starts = vec![0; networks.len() + 1];
        let place: BTreeMap<EntityKey, u32> =
            families[Family::Network as usize].members.iter().cloned().zip(0..).collect();
        let mut keys: Vec<_> = day.iter().map(|(&number, found)| (key("k", number), found)).collect();
        keys.sort();
        let own = &mut families[Family::AccessKey as usize];
        let mut pairs = PairRollup {
            families: (Family::AccessKey, Family::Network),
            lefts: Vec::new(),
            starts: vec![0],
            rights: Vec::new(),
            calls: Vec::new(),
        };
        own.starts = vec![0];
        for (number, (key, (hours, networks))) in keys.into_iter().enumerate() {
            own.members.push(key);
            for &hour in hours {
                own.hours.hour.push(hour);
                own.hours.calls.push(u32::from(hour) + 1);
                own.hours.errors.push(0);
                own.hours.peak.push(1);
            }
            own.starts.push(own.hours.hour.len() as u32);
            let mut rights: Vec<u32> =
                networks.iter().map(|&network| place[&super::tests::key("n", network)]).collect();
            rights.sort_unstable();
            if !rights.is_empty() {
                pairs.lefts.push(number as u32);
                pairs.calls.extend(rights.iter().map(|_| 1));
                pairs.rights.extend(rights);
                pairs.starts.push(pairs.rights.len() as u32);
            }
        }
        let none = |families| PairRollup {
            families,
            lefts: Vec::new(),
            starts: vec![0],
            rights: Vec::new(),
            calls: Vec::new(),
        };
        let pairs =
            PAIRS.iter().map(|&families| if families == pairs.families { pairs.clone() } else { none(families) });
        let rollup =
            DayRollup { families, pairs: pairs.collect(), spellings: BTreeMap::new(), counts: ScanCounts::default() };
        let (input, counts) = (DayInput::default(), ScanCounts::default());
        let counted_by = CountedBy::default();
        let note = DayNote { date: date(number), input, pairs: true, counted_by, counts, problems: Vec::new() };
        write_day(state, &rollup, &note).unwrap();
    }

    fn date(number: u32) -> chrono::NaiveDate {
        chrono::NaiveDate::from_ymd_opt(2026, 1, 1 + number).unwrap()
    }

    fn days() -> impl Strategy<Value = Vec<Day>> {
        let some = || prop::collection::btree_set(0_u8..24, 0..4);
        prop::collection::vec(prop::collection::btree_map(0_u8..15, (some(), some()), 0..10), 1..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn days_merge_to_what_was_written(days in days()) {
            let state = tempfile::tempdir().unwrap();
            (0..).zip(&days).for_each(|(number, day)| write(state.path(), number, day));
            let dates = || (0..days.len() as u32).map(date);
            let rollups: Vec<PathBuf> = dates().map(|date| rollup_path(state.path(), date)).collect();
            let merged = FamilyDays::open(&rollups, Family::AccessKey, Detail::Hours).unwrap();
            let written: usize = days.iter().flat_map(|day| day.values().map(|(hours, _)| hours.len())).sum();
            prop_assert!(merged.most_hours() >= written);
            let mut found: Vec<(String, usize, Vec<u8>)> = Vec::new();
            merged.for_each(|day| found.push((day.key.to_owned(), day.place, day.day.hours.to_vec()))).unwrap();
            let mut expected: Vec<(String, usize, Vec<u8>)> = Vec::new();
            for (place, day) in days.iter().enumerate() {
                let own = |(&number, (hours, _)): (&u8, &(BTreeSet<u8>, BTreeSet<u8>))| {
                    (key("k", number).as_str().to_owned(), place, hours.iter().copied().collect())
                };
                expected.extend(day.iter().map(own));
            }
            expected.sort();
            prop_assert_eq!(found, expected);

            let lefts = Numbering::read(&rollups, Family::AccessKey).unwrap();
            let rights = Numbering::read(&rollups, Family::Network).unwrap();
            let pairs: Vec<Option<PathBuf>> = dates().map(|date| Some(pairs_path(state.path(), date))).collect();
            let mut met: BTreeSet<(EntityKey, EntityKey, usize)> = BTreeSet::new();
            merge_pairs(&pairs, (Family::AccessKey, Family::Network), (&lefts, &rights), |left, pairs| {
                assert!(pairs.is_sorted_by_key(|pair| (pair.place, pair.partner)));
                let key = |numbers: &Numbering, number: u32| numbers.keys[number as usize].clone();
                met.extend(pairs.iter().map(|pair| (key(&lefts, left), key(&rights, pair.partner), usize::from(pair.place))));
            }).unwrap();
            let expected: BTreeSet<(EntityKey, EntityKey, usize)> = days.iter().enumerate().flat_map(|(place, day)| {
                day.iter().flat_map(move |(&number, (_, networks))| {
                    networks.iter().map(move |&network| (key("k", number), key("n", network), place))
                })
            }).collect();
            prop_assert_eq!(met, expected);
        }
    }
}
