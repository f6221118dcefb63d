//! Who is somebody, and on which days a meeting may have gone uncounted: what is beyond a cap stands for many, who are no company and
//! have none, but whoever met *it* may have met anybody whose name was not kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Days;
use crate::rollup::EntityKey;
use crate::rollup::store::PairDay;

/// What stands for many on either side of a kind of pairs, and what that hides.
pub(super) struct Hidden<'a> {
    lefts: &'a [EntityKey],
    /// The numbers of those that stand for many.
    unnamed: (BTreeSet<u32>, BTreeSet<u32>),
    /// By account, the past days on which entities of the left side that are not named met anybody.
    met_by_many: BTreeMap<&'a str, BTreeSet<usize>>,
    /// Of those who met somebody new tonight: the past days on which they met anybody, and those on which they met many.
    newly_met: BTreeMap<u32, [BTreeSet<usize>; 2]>,
}

impl<'a> Hidden<'a> {
    /// With the keys of both sides by their numbers.
    pub(super) fn of(lefts: &'a [EntityKey], rights: &[EntityKey]) -> Self {
        let unnamed = |keys: &[EntityKey]| {
            let keys = (0..).zip(keys);
            keys.filter(|(_, key)| key.is_other()).map(|(number, _)| number).collect()
        };
        let unnamed = (unnamed(lefts), unnamed(rights));
        Self { lefts, unnamed, met_by_many: BTreeMap::new(), newly_met: BTreeMap::new() }
    }

    /// The pairs of somebody with somebody; `None` of what stands for many.
    pub(super) fn among<'p>(&mut self, member: u32, met: &'p [PairDay], days: Days<'_>) -> Option<Cow<'p, [PairDay]>> {
        if self.unnamed.0.contains(&member) {
            let account = self.lefts[member as usize].account();
            self.met_by_many.entry(account).or_default().extend(past(met, days));
            return None;
        }
        if self.unnamed.1.is_empty() {
            return Some(Cow::Borrowed(met));
        }
        Some(Cow::Owned(met.iter().filter(|pair| !self.is_many(**pair)).copied().collect()))
    }

    fn is_many(&self, pair: PairDay) -> bool {
        self.unnamed.1.contains(&pair.partner)
    }

    /// Notes the days of somebody who met somebody new tonight.
    pub(super) fn note(&mut self, member: u32, met: &[PairDay], days: Days<'_>) {
        if self.unnamed.0.is_empty() && self.unnamed.1.is_empty() {
            return;
        }
        let many: Vec<PairDay> = met.iter().filter(|pair| self.is_many(**pair)).copied().collect();
        self.newly_met.insert(member, [past(met, days).collect(), past(&many, days).collect()]);
    }

    /// For each of those, on how many past days a meeting of theirs may not have been counted under their names: they met some who are not
    /// named, or are not named themselves and others of their account met somebody.
    pub(super) fn days(self) -> BTreeMap<u32, usize> {
        let count = |(member, [any, many]): (u32, [BTreeSet<usize>; 2])| {
            let unnamed = self.met_by_many.get(self.lefts[member as usize].account());
            let absent = unnamed.into_iter().flatten().filter(|day| !any.contains(day)).count();
            (member, absent + many.len())
        };
        self.newly_met.into_iter().map(count).filter(|(_, days)| *days > 0).collect()
    }
}

/// The days of pairs before the scored one.
fn past(met: &[PairDay], days: Days<'_>) -> impl Iterator<Item = usize> {
    met.iter().map(move |pair| days.of(*pair)).filter(move |day| *day < days.length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::Family;

    #[test]
    fn whoever_met_many_or_may_be_one_of_many_has_days_that_were_not_counted_in_full() {
        let keys = |family: Family, names: &[&str]| -> Vec<EntityKey> {
            let named = names.iter().map(|name| EntityKey::new(["1", name]));
            std::iter::once(EntityKey::other(family, "1")).chain(named).collect()
        };
        let (lefts, rights) = (keys(Family::AccessKey, &["k1", "k2"]), keys(Family::Network, &["n1", "n2"]));
        let present: Vec<usize> = (0..=5).collect();
        let days = Days { present: &present, length: 5 };
        let mut hidden = Hidden::of(&lefts, &rights);
        let pair = |partner, place| PairDay { partner, place };
        assert_eq!(hidden.among(0, &[pair(1, 2), pair(0, 3), pair(1, 5)], days), None);
        let first = [pair(1, 0), pair(1, 1), pair(0, 2), pair(1, 3), pair(1, 4), pair(2, 5)];
        assert_eq!(hidden.among(1, &first, days).unwrap().len(), 5, "many are no company");
        hidden.note(1, &first, days);
        let second = [pair(1, 0), pair(2, 5)];
        hidden.note(2, &second, days);
        // The first met many on one day; the second is not named on the two days on which many met somebody.
        assert_eq!(hidden.days(), BTreeMap::from([(1, 1), (2, 2)]));
    }
}
