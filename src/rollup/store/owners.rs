//! Whose keys are: by the pairs of several days, the principal who made most of a key's calls.
//!
//! A day that was counted before there were such pairs says nothing, and neither does one without pairs. Whoever is beyond the cap of a
//! day owns nothing.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::error::Result;
use crate::rollup::store::merge::Numbering;
use crate::rollup::store::reading::{read_pairs, refusal};
use crate::rollup::store::{pairs_path, rollup_path};
use crate::rollup::{EntityKey, OWNERS};
use crate::storage::is_there;

/// Keys and their principals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    /// In order.
    keys: Vec<EntityKey>,
    /// By key the place of its owner.
    owned_by: Vec<u32>,
    principals: Vec<EntityKey>,
}

/// Calls that a principal made with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    key: u32,
    principal: u32,
    calls: u64,
}

impl Owners {
    /// Who owns which key.
    pub fn from_keys(owned: impl IntoIterator<Item = (EntityKey, EntityKey)>) -> Self {
        let mut owned: Vec<(EntityKey, EntityKey)> = owned.into_iter().collect();
        owned.sort();
        let mut principals: Vec<EntityKey> = owned.iter().map(|(_, owner)| owner.clone()).collect();
        principals.sort();
        principals.dedup();
        let place = |owner: &EntityKey| principals.partition_point(|other| other < owner) as u32;
        let owned_by = owned.iter().map(|(_, owner)| place(owner)).collect();
        Self { keys: owned.into_iter().map(|(key, _)| key).collect(), owned_by, principals }
    }

    /// The owner of a key.
    pub fn of(&self, key: &EntityKey) -> Option<&EntityKey> {
        let place = self.keys.binary_search(key).ok()?;
        self.principals.get(*self.owned_by.get(place)? as usize)
    }
}

/// The owners of the keys that were used on some days that have rollups: of several principals the one with most calls, of equals the
/// first by name.
///
/// # Errors
/// [`crate::Error::Rollup`] when a file is damaged, or names rows that its rollup has not.
pub fn read_owners(state: &Path, dates: &[NaiveDate]) -> Result<Owners> {
    let rollups: Vec<PathBuf> = dates.iter().map(|&date| rollup_path(state, date)).collect();
    let (keys, principals) =
        rayon::join(|| Numbering::read(&rollups, OWNERS.0), || Numbering::read(&rollups, OWNERS.1));
    let (keys, principals) = (keys?, principals?);
    let mut uses: Vec<Use> = Vec::new();
    for (place, &date) in dates.iter().enumerate() {
        let path = pairs_path(state, date);
        if is_there(&path)? {
            read_uses(&path, place, (&keys, &principals), &mut uses)?;
            add_up(&mut uses);
        }
    }
    uses.sort_unstable_by_key(|used| (used.key, Reverse(used.calls), used.principal));
    uses.dedup_by_key(|used| used.key);
    Ok(named(&uses, keys.keys, principals.keys))
}

/// Adds a day's uses behind what is there.
fn read_uses(
    path: &Path,
    place: usize,
    (keys, principals): (&Numbering, &Numbering),
    uses: &mut Vec<Use>,
) -> Result<()> {
    let mut is_known = true;
    read_pairs(path, OWNERS, |pair| match (keys.number(place, pair.left), principals.number(place, pair.right)) {
        (Some(key), Some(principal)) => uses.push(Use { key, principal, calls: u64::from(pair.calls) }),
        _ => is_known = false,
    })?;
    if is_known { Ok(()) } else { Err(refusal(path)("it names rows that are not there")) }
}

/// Makes one of all uses of a key by a principal. Both what was there and what came are in order, which a stable sort knows to use.
fn add_up(uses: &mut Vec<Use>) {
    uses.sort_by_key(|used| (used.key, used.principal));
    uses.dedup_by(|next, kept| {
        let same = (next.key, next.principal) == (kept.key, kept.principal);
        if same {
            kept.calls = kept.calls.saturating_add(next.calls);
        }
        same
    });
}

/// Owners by key, one use of each; nobody owns, and is owned, who is not named.
fn named(uses: &[Use], mut keys: Vec<EntityKey>, principals: Vec<EntityKey>) -> Owners {
    let is_named = |used: &&Use| !keys[used.key as usize].is_other() && !principals[used.principal as usize].is_other();
    let uses: Vec<Use> = uses.iter().filter(is_named).copied().collect();
    let mut owned = vec![false; keys.len()];
    uses.iter().for_each(|used| owned[used.key as usize] = true);
    let mut owned = owned.into_iter();
    keys.retain(|_| owned.next().unwrap_or(false));
    Owners { keys, owned_by: uses.iter().map(|used| used.principal).collect(), principals }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rollup::day::{DayRollup, FamilyRollup, HourColumns, PairRollup};
    use crate::rollup::store::{CountedBy, DayInput, DayNote, write_day};
    use crate::rollup::{Family, PAIRS, ScanCounts};
    use crate::shown::OTHER;

    pub(in crate::rollup::store) fn key(name: &str) -> EntityKey {
        EntityKey::new(["1", name])
    }

    pub(in crate::rollup::store) fn principal(name: &str) -> EntityKey {
        EntityKey::new(["1", "user", name])
    }

    pub(in crate::rollup::store) fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1 + day).unwrap()
    }

    /// Writes a day of keys, principals and calls; before there were owners it had pairs of other kinds only.
    pub(in crate::rollup::store) fn write(state: &Path, day: u32, uses: &[(&str, &str, u32)], has_owners: bool) {
        let in_order = |mut keys: Vec<EntityKey>| {
            keys.sort();
            keys.dedup();
            keys
        };
        let keys = in_order(uses.iter().map(|used| key(used.0)).collect());
        let principals = in_order(uses.iter().map(|used| principal(used.1)).collect());
        let family = |family: Family| {
            let members = match family {
                Family::AccessKey => keys.clone(),
                Family::Principal => principals.clone(),
                _ => Vec::new(),
            };
            FamilyRollup { family, starts: vec![0; members.len() + 1], members, hours: HourColumns::default() }
        };
        let mut calls: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for &(own, owner, count) in uses {
            let place = |all: &[EntityKey], one: EntityKey| all.iter().position(|key| *key == one).unwrap() as u32;
            *calls.entry((place(&keys, key(own)), place(&principals, principal(owner)))).or_default() += count;
        }
        let pairs = |&families: &(Family, Family)| {
            let mut pairs =
                PairRollup { families, lefts: Vec::new(), starts: vec![0], rights: Vec::new(), calls: Vec::new() };
            for (&(left, right), &count) in calls.iter().filter(|_| families == OWNERS && has_owners) {
                if pairs.lefts.last() != Some(&left) {
                    pairs.lefts.push(left);
                    pairs.starts.push(pairs.rights.len() as u32);
                }
                pairs.rights.push(right);
                pairs.calls.push(count);
                *pairs.starts.last_mut().unwrap() = pairs.rights.len() as u32;
            }
            pairs
        };
        let rollup = DayRollup {
            families: Family::ALL.map(family).into(),
            pairs: PAIRS.iter().map(pairs).collect(),
            spellings: BTreeMap::new(),
            counts: ScanCounts::default(),
        };
        let note = DayNote {
            date: date(day),
            input: DayInput::default(),
            pairs: true,
            counted_by: CountedBy::default(),
            counts: ScanCounts::default(),
            problems: Vec::new(),
        };
        write_day(state, &rollup, &note).unwrap();
    }

    #[test]
    fn a_key_is_whose_most_calls_are_and_of_equals_the_first_ones() {
        let state = tempfile::tempdir().unwrap();
        write(state.path(), 0, &[("k1", "bob", 5), ("k1", "eve", 6), ("k2", "eve", 3), ("k3", "bob", 1)], true);
        write(state.path(), 1, &[("k1", "bob", 4), ("k2", "amy", 3), ("k4", "zoe", 1)], true);
        let found = read_owners(state.path(), &[date(0), date(1)]).unwrap();
        let owner = |name: &str| found.of(&key(name)).cloned();
        assert_eq!(owner("k1"), Some(principal("bob")));
        assert_eq!(owner("k2"), Some(principal("amy")));
        assert_eq!(owner("k4"), Some(principal("zoe")));
        assert_eq!(owner("k5"), None);
        assert_eq!(found.of(&key("k3")), Owners::from_keys([(key("k3"), principal("bob"))]).of(&key("k3")));
    }

    #[test]
    fn days_counted_before_there_were_owners_say_nothing_and_neither_do_those_without_pairs() {
        let state = tempfile::tempdir().unwrap();
        write(state.path(), 0, &[("k1", "bob", 5), ("k2", "bob", 5)], false);
        write(state.path(), 1, &[("k1", "eve", 1)], true);
        write(state.path(), 2, &[("k2", "amy", 1)], true);
        std::fs::remove_file(pairs_path(state.path(), date(2))).unwrap();
        let found = read_owners(state.path(), &[date(0), date(1), date(2)]).unwrap();
        assert_eq!((found.of(&key("k1")), found.of(&key("k2"))), (Some(&principal("eve")), None));
    }

    #[test]
    fn who_is_beyond_the_cap_owns_nothing() {
        let state = tempfile::tempdir().unwrap();
        write(state.path(), 0, &[("k1", "bob", 5), (OTHER, "bob", 5)], true);
        let other = EntityKey::other(Family::AccessKey, "1");
        let found = read_owners(state.path(), &[date(0)]).unwrap();
        assert_eq!((found.of(&key("k1")), found.of(&other)), (Some(&principal("bob")), None));
    }
}
