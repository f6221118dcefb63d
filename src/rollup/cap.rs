//! The most entities of a family and day that a rollup names: what is beyond is counted under `(other)`, account by account.
//!
//! A cap is no part of normal use. It is for a day on which somebody makes up names by the million: the day's rollup, every history that it is
//! a part of, and every night that reads one stay bounded, and so does the count itself (`bounded`). Those with the most calls are kept, so that
//! whoever does much keeps a name; changes are never capped, for one of them may be all there is to see.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::rollup::day::{DayRollup, FamilyRollup, HourColumns, PairRollup, starts};
use crate::rollup::members::{EntityKey, SEPARATOR};
use crate::rollup::{Family, NONE};
use crate::shown::OTHER;

/// What the entities beyond a cap did together, hour by hour: calls, failed calls, and the largest peak of one of them.
pub(super) type OtherHours = [Option<(u32, u32, u32)>; 24];

impl EntityKey {
    /// What stands for an account's entities of a family that are beyond the cap.
    pub fn other(family: Family, account: &str) -> Self {
        Self::new(std::iter::once(account).chain(family.keyed_by().iter().map(|_| OTHER)))
    }

    /// Whether it stands for entities beyond a cap. No cloud has a service, a kind of principal or an address of that name.
    pub fn is_other(&self) -> bool {
        is_other(self.as_str())
    }
}

/// The same of a key as [`EntityKey::as_str`] has it.
pub(super) fn is_other(key: &str) -> bool {
    key.ends_with(OTHER) && key.split(SEPARATOR).skip(1).all(|field| field == OTHER)
}

impl DayRollup {
    /// The same day with at most `most` entities in each family but changes, and one more for each account that had others. Of equals the first
    /// in order are kept.
    #[must_use]
    pub fn capped(self, most: usize) -> Self {
        self.capped_but(most, |_| false)
    }

    /// The same but for families that are capped already.
    #[must_use]
    pub(super) fn capped_but(mut self, most: usize, is_capped: impl Fn(Family) -> bool) -> Self {
        let mut places: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for rollup in self.families.iter_mut().filter(|rollup| !is_capped(rollup.family)) {
            let names = rollup.members.len();
            if let Some(new) = rollup.cap(most) {
                self.counts.beyond_cap += (names - rollup.named()) as u64;
                places.insert(rollup.family as usize, new);
            }
        }
        for pairs in &mut self.pairs {
            let of = |family: Family| places.get(&(family as usize));
            let (lefts, rights) = (of(pairs.families.0), of(pairs.families.1));
            if lefts.is_some() || rights.is_some() {
                *pairs = renumber(pairs, lefts, rights);
            }
        }
        self
    }
}

/// Which members have the most calls; `(other)` itself is never one of them.
fn most_active(rollup: &FamilyRollup, most: usize) -> Vec<bool> {
    let calls =
        |member: usize| rollup.hours.calls[rollup.hours_of(member)].iter().map(|&calls| u64::from(calls)).sum::<u64>();
    let named = (0..rollup.members.len()).filter(|&member| !rollup.members[member].is_other());
    let mut order: Vec<(Reverse<u64>, &EntityKey, usize)> =
        named.map(|member| (Reverse(calls(member)), &rollup.members[member], member)).collect();
    if most < order.len() {
        order.select_nth_unstable(most);
    }
    let mut kept = vec![false; rollup.members.len()];
    order.iter().take(most).for_each(|&(_, _, member)| kept[member] = true);
    kept
}

/// Folds all but the kept members into their accounts' others; gives the new place of each old member.
fn fold(rollup: &mut FamilyRollup, kept: &[bool]) -> Vec<u32> {
    let old = std::mem::replace(rollup, FamilyRollup::empty(rollup.family));
    let mut others: BTreeMap<EntityKey, OtherHours> = BTreeMap::new();
    let stands_in: Vec<Option<EntityKey>> = (0..kept.len())
        .map(|member| (!kept[member]).then(|| EntityKey::other(old.family, old.members[member].account())))
        .collect();
    for (member, other) in stands_in.iter().enumerate() {
        if let Some(other) = other {
            old.add_hours(member, others.entry(other.clone()).or_default());
        }
    }
    let named = (0..kept.len()).filter(|&member| kept[member]).map(|member| (&old.members[member], Some(member)));
    let mut order: Vec<(&EntityKey, Option<usize>)> = named.chain(others.keys().map(|key| (key, None))).collect();
    // Members that are in order, or in order of two parts, are soon sorted so.
    order.sort();
    let mut places = vec![NONE; kept.len()];
    let mut place_of_other: BTreeMap<&EntityKey, u32> = BTreeMap::new();
    for (place, (key, member)) in (0_u32..).zip(order) {
        rollup.members.push(key.clone());
        if let Some(member) = member {
            places[member] = place;
            rollup.hours.extend(&old.hours, old.hours_of(member));
        } else {
            place_of_other.insert(key, place);
            rollup.hours.extend_others(&others[key]);
        }
        rollup.starts.push(rollup.hours.hour.len() as u32);
    }
    for (place, other) in places.iter_mut().zip(&stands_in) {
        if let Some(other) = other {
            *place = place_of_other[other];
        }
    }
    places
}

impl FamilyRollup {
    /// A family of nobody.
    pub(super) fn empty(family: Family) -> Self {
        Self { family, members: Vec::new(), starts: vec![0], hours: HourColumns::default() }
    }

    /// Keeps the names of those with the most calls; gives the new place of each old member, or nothing where all are kept. The members need not
    /// be in order before, and are then.
    pub(super) fn cap(&mut self, most: usize) -> Option<Vec<u32>> {
        if self.members.len() <= most || self.family == Family::Change {
            return None;
        }
        let kept = most_active(self, most);
        Some(fold(self, &kept))
    }

    /// How many members are one entity each.
    fn named(&self) -> usize {
        self.members.iter().filter(|key| !key.is_other()).count()
    }

    /// Adds members that are no members yet, behind those that are there.
    pub(super) fn append(&mut self, other: &Self) {
        let before = self.hours.hour.len() as u32;
        self.members.extend_from_slice(&other.members);
        self.starts.extend(other.starts[1..].iter().map(|start| before + start));
        self.hours.extend(&other.hours, 0..other.hours.hour.len());
    }

    /// What a member did hour by hour.
    pub(super) fn others_hours(&self, member: usize) -> OtherHours {
        let mut hours = OtherHours::default();
        self.add_hours(member, &mut hours);
        hours
    }

    fn add_hours(&self, member: usize, others: &mut OtherHours) {
        for hour in self.hours_of(member) {
            let sum = others[usize::from(self.hours.hour[hour])].get_or_insert_default();
            sum.0 = sum.0.saturating_add(self.hours.calls[hour]);
            sum.1 = sum.1.saturating_add(self.hours.errors[hour]);
            sum.2 = sum.2.max(self.hours.peak[hour]);
        }
    }

    /// Gives a member the peaks of these hours.
    pub(super) fn set_peaks(&mut self, member: usize, hours: &OtherHours) {
        for hour in self.hours_of(member) {
            if let Some((_, _, peak)) = hours[usize::from(self.hours.hour[hour])] {
                self.hours.peak[hour] = peak;
            }
        }
    }

    fn hours_of(&self, member: usize) -> Range<usize> {
        self.starts[member] as usize..self.starts[member + 1] as usize
    }
}

impl HourColumns {
    fn extend(&mut self, other: &Self, hours: Range<usize>) {
        self.hour.extend_from_slice(&other.hour[hours.clone()]);
        self.calls.extend_from_slice(&other.calls[hours.clone()]);
        self.errors.extend_from_slice(&other.errors[hours.clone()]);
        self.peak.extend_from_slice(&other.peak[hours]);
    }

    fn extend_others(&mut self, others: &OtherHours) {
        for (hour, (calls, errors, peak)) in (0_u8..).zip(others).filter_map(|(hour, sums)| Some((hour, (*sums)?))) {
            self.hour.push(hour);
            self.calls.push(calls);
            self.errors.push(errors);
            self.peak.push(peak);
        }
    }
}

/// The pairs by their sides' new places, where these have changed; pairs that have become one are added up.
fn renumber(pairs: &PairRollup, lefts: Option<&Vec<u32>>, rights: Option<&Vec<u32>>) -> PairRollup {
    let place = |places: Option<&Vec<u32>>, member: u32| places.map_or(member, |places| places[member as usize]);
    let mut all: Vec<(u32, u32, u32)> = Vec::with_capacity(pairs.rights.len());
    for (group, &left) in pairs.lefts.iter().enumerate() {
        let left = place(lefts, left);
        let of_left = pairs.starts[group] as usize..pairs.starts[group + 1] as usize;
        all.extend(of_left.map(|pair| (left, place(rights, pairs.rights[pair]), pairs.calls[pair])));
    }
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 = kept.2.saturating_add(next.2);
        }
        same
    });
    let found: BTreeSet<u32> = all.iter().map(|pair| pair.0).collect();
    let lefts: Vec<u32> = found.into_iter().collect();
    let group = |left: u32| lefts.partition_point(|&other| other < left) as u32;
    PairRollup {
        families: pairs.families,
        starts: starts(lefts.len(), all.iter().map(|pair| group(pair.0))),
        rights: all.iter().map(|pair| pair.1).collect(),
        calls: all.iter().map(|pair| pair.2).collect(),
        lefts,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rollup::{PAIRS, ScanCounts};

    /// Calls by entity and hour, and by pair, of one kind of pairs.
    type Calls = BTreeMap<(u8, u8), BTreeMap<u8, u32>>;

    const LEFT: Family = Family::AccessKey;
    const RIGHT: Family = Family::Api;

    fn key(family: Family, (account, number): (u8, u8)) -> EntityKey {
        let account = format!("a{account}");
        let names: Vec<String> = family.keyed_by().iter().map(|_| format!("n{number:03}")).collect();
        EntityKey::new(std::iter::once(account.as_str()).chain(names.iter().map(String::as_str)))
    }

    fn family(family: Family, calls: &Calls) -> FamilyRollup {
        let mut rollup = FamilyRollup::empty(family);
        for (&entity, hours) in calls {
            rollup.members.push(key(family, entity));
            for (&hour, &calls) in hours {
                rollup.hours.hour.push(hour);
                rollup.hours.calls.push(calls);
                rollup.hours.errors.push(calls / 2);
                rollup.hours.peak.push(calls / 3);
            }
            rollup.starts.push(rollup.hours.hour.len() as u32);
        }
        rollup
    }

    /// A day of two families; every left entity is paired with every third right one.
    fn day(lefts: &Calls, rights: &Calls) -> DayRollup {
        let mut families: Vec<FamilyRollup> = Family::ALL.iter().map(|&family| FamilyRollup::empty(family)).collect();
        families[LEFT as usize] = family(LEFT, lefts);
        families[RIGHT as usize] = family(RIGHT, rights);
        let mut pairs = PairRollup {
            families: (LEFT, RIGHT),
            lefts: (0..lefts.len() as u32).collect(),
            starts: vec![0],
            rights: Vec::new(),
            calls: Vec::new(),
        };
        for left in 0..lefts.len() as u32 {
            for right in (0..rights.len() as u32).filter(|right| (left + right) % 3 == 0) {
                pairs.rights.push(right);
                pairs.calls.push(1 + left + right);
            }
            pairs.starts.push(pairs.rights.len() as u32);
        }
        assert!(PAIRS.contains(&pairs.families));
        DayRollup { families, pairs: vec![pairs], spellings: BTreeMap::new(), counts: ScanCounts::default() }
    }

    /// Calls by key and hour.
    fn by_key(rollup: &FamilyRollup) -> BTreeMap<(EntityKey, u8), u32> {
        let mut found = BTreeMap::new();
        for (member, key) in rollup.members.iter().enumerate() {
            for hour in rollup.starts[member] as usize..rollup.starts[member + 1] as usize {
                let twice = found.insert((key.clone(), rollup.hours.hour[hour]), rollup.hours.calls[hour]);
                assert_eq!(twice, None);
            }
        }
        found
    }

    /// Calls by the keys of a pair.
    fn by_pair(day: &DayRollup) -> BTreeMap<(EntityKey, EntityKey), u32> {
        let pairs = &day.pairs[0];
        let name = |family: Family, place: u32| day.families[family as usize].members[place as usize].clone();
        let mut found = BTreeMap::new();
        for (group, &left) in pairs.lefts.iter().enumerate() {
            for pair in pairs.starts[group] as usize..pairs.starts[group + 1] as usize {
                let twice = found.insert((name(LEFT, left), name(RIGHT, pairs.rights[pair])), pairs.calls[pair]);
                assert_eq!(twice, None);
            }
        }
        found
    }

    /// The names that stay, by a plain sort.
    fn kept(family: Family, calls: &Calls, most: usize) -> BTreeSet<EntityKey> {
        let mut order: Vec<_> =
            calls.iter().map(|(entity, hours)| (Reverse(hours.values().sum::<u32>()), key(family, *entity))).collect();
        order.sort();
        order.into_iter().take(most).map(|(_, key)| key).collect()
    }

    fn folded(family: Family, key: &EntityKey, kept: &BTreeSet<EntityKey>) -> EntityKey {
        if kept.contains(key) { key.clone() } else { EntityKey::other(family, key.account()) }
    }

    fn calls() -> impl Strategy<Value = Calls> {
        let hours = prop::collection::btree_map(0_u8..24, 1_u32..9, 1..4);
        prop::collection::btree_map((0_u8..3, any::<u8>()), hours, 0..25)
    }

    proptest! {
        #[test]
        fn what_is_beyond_is_added_up_by_account_and_nothing_else_changes(
            lefts in calls(), rights in calls(), most in 1_usize..30,
        ) {
            let plain = day(&lefts, &rights);
            let capped = plain.clone().capped(most);
            let beyond = lefts.len().saturating_sub(most) + rights.len().saturating_sub(most);
            prop_assert_eq!(capped.counts.beyond_cap, beyond as u64);
            let kept = [kept(LEFT, &lefts, most), kept(RIGHT, &rights, most)];
            for (family, kept) in [LEFT, RIGHT].into_iter().zip(&kept) {
                let mut expected = BTreeMap::new();
                for ((key, hour), calls) in by_key(&plain.families[family as usize]) {
                    *expected.entry((folded(family, &key, kept), hour)).or_insert(0) += calls;
                }
                let found = &capped.families[family as usize];
                prop_assert!(found.members.is_sorted());
                prop_assert_eq!(by_key(found), expected);
            }
            let mut expected = BTreeMap::new();
            for ((left, right), calls) in by_pair(&plain) {
                *expected.entry((folded(LEFT, &left, &kept[0]), folded(RIGHT, &right, &kept[1]))).or_insert(0) += calls;
            }
            prop_assert_eq!(by_pair(&capped), expected);
            // What is capped already stays.
            prop_assert_eq!(&capped.clone().capped(most + 3).families, &capped.families);
        }
    }

    #[test]
    fn changes_are_never_capped() {
        let many: Calls = (0..40).map(|number| ((0, number), BTreeMap::from([(3, 1)]))).collect();
        let mut plain = day(&Calls::new(), &Calls::new());
        plain.families[Family::Change as usize] = family(Family::Change, &many);
        assert_eq!(plain.clone().capped(2), plain);
    }
}
