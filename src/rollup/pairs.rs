//! Which two entities were seen together, and how often.
//!
//! Six pairs a row would be dear. A row's caller (key and principal) and its place (network and region) are few, so three
//! pairs are counted, caller with API, caller with place, API with network, and the six that are kept are added up from them.

use crate::rollup::combine::PairNumbers;
use crate::rollup::{Family, NONE, PAIRS, RowKeys};

/// Fewer pairs than this are not worth adding up before the end.
const ADD_UP_FROM: usize = 1 << 20;
/// Regions beyond this many are kept in a hash map.
const REGIONS: usize = 64;

/// Two numbers and how many calls they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Pair {
    /// The left one's number.
    pub left: u32,
    /// The right one's number.
    pub right: u32,
    /// Calls.
    pub calls: u32,
}

/// Pairs of one kind, in the making.
#[derive(Debug, Default)]
struct PairList {
    /// A row each.
    rows: Vec<(u32, u32)>,
    /// Rows that were added up.
    sums: Vec<Pair>,
}

impl PairList {
    fn add_up_if_large(&mut self) {
        if self.rows.len() > ADD_UP_FROM.max(2 * self.sums.len()) {
            self.sums = add_up_unordered(&self.rows, &self.sums);
            self.rows.clear();
        }
    }

    /// All pairs, added up and in order; both sides renumbered.
    fn finish(&self, lefts: impl Fn(u32) -> u32, rights: impl Fn(u32) -> u32) -> Vec<Pair> {
        let rows: Vec<(u32, u32)> = self.rows.iter().map(|&(left, right)| (lefts(left), rights(right))).collect();
        let sums = self.sums.iter().map(|pair| Pair { left: lefts(pair.left), right: rights(pair.right), ..*pair });
        add_up(&rows, &sums.collect::<Vec<_>>())
    }
}

/// Counts pairs row by row.
#[derive(Debug)]
pub(super) struct PairCounter {
    callers: PairNumbers,
    places: PairNumbers,
    caller_api: PairList,
    caller_place: PairList,
    api_network: PairList,
}

/// Numbers are shifted by one, so that [`NONE`] is zero and small.
const fn shift(number: u32) -> u32 {
    number.wrapping_add(1)
}

impl Default for PairCounter {
    fn default() -> Self {
        Self {
            callers: PairNumbers::new(0),
            places: PairNumbers::new(REGIONS),
            caller_api: PairList::default(),
            caller_place: PairList::default(),
            api_network: PairList::default(),
        }
    }
}

impl PairCounter {
    /// Counts the rows of a batch.
    pub(super) fn count(&mut self, keys: &RowKeys) {
        let apis = keys.of(Family::Api);
        self.lists().into_iter().for_each(|list| list.rows.reserve(apis.len()));
        let networks = keys.of(Family::Network);
        let callers = keys.of(Family::AccessKey).iter().zip(keys.of(Family::Principal));
        let places = networks.iter().zip(keys.of(Family::Region));
        for (((&key, &principal), (&network, &region)), &api) in callers.zip(places).zip(apis) {
            let caller = self.callers.number(shift(key), shift(principal));
            let place = self.places.number(shift(network), shift(region));
            self.caller_place.rows.push((caller, place));
            if api != NONE {
                self.caller_api.rows.push((caller, api));
                if network != NONE {
                    self.api_network.rows.push((api, network));
                }
            }
        }
        self.lists().into_iter().for_each(PairList::add_up_if_large);
    }

    fn lists(&mut self) -> [&mut PairList; 3] {
        [&mut self.caller_api, &mut self.caller_place, &mut self.api_network]
    }

    /// Adds what was counted elsewhere; `renumber` gives, family by family, this side's number for each of the other's.
    pub(super) fn absorb(&mut self, other: Self, renumber: &[Vec<u32>; Family::COUNT]) {
        let ours = |family: Family, shifted: u32| match shifted {
            0 => 0,
            number => shift(renumber[family as usize][number as usize - 1]),
        };
        let callers: Vec<u32> = numbers_here(&mut self.callers, &other.callers, |(key, principal)| {
            (ours(Family::AccessKey, key), ours(Family::Principal, principal))
        });
        let places: Vec<u32> = numbers_here(&mut self.places, &other.places, |(network, region)| {
            (ours(Family::Network, network), ours(Family::Region, region))
        });
        let (apis, networks) = (&renumber[Family::Api as usize], &renumber[Family::Network as usize]);
        extend(&mut self.caller_api, other.caller_api, &callers, apis);
        extend(&mut self.caller_place, other.caller_place, &callers, &places);
        extend(&mut self.api_network, other.api_network, apis, networks);
    }

    /// The pairs of [`PAIRS`], each ordered by the ranks of its two sides; `rank` gives each family's ranks by number.
    pub(super) fn finish(self, rank: &[Vec<u32>; Family::COUNT]) -> Vec<Vec<Pair>> {
        let caller_api = add_up_unordered(&self.caller_api.rows, &self.caller_api.sums);
        let caller_place = add_up_unordered(&self.caller_place.rows, &self.caller_place.sums);
        let (callers, places) = (self.callers.pairs(), self.places.pairs());
        let ranked = |family: Family, shifted: u32| (shifted > 0).then(|| rank[family as usize][shifted as usize - 1]);
        let side = |family: Family, caller: u32, place: u32, api: u32| match family {
            Family::AccessKey => ranked(family, callers[caller as usize].0),
            Family::Principal => ranked(family, callers[caller as usize].1),
            Family::Network => ranked(family, places[place as usize].0),
            Family::Region => ranked(family, places[place as usize].1),
            _ => ranked(family, shift(api)),
        };
        let project = |(left, right): (Family, Family)| -> Vec<Pair> {
            let source = match (left, right) {
                (Family::Api, _) => return self.api_network_by_rank(rank),
                (_, Family::Api) => &caller_api,
                _ => &caller_place,
            };
            let sides = |pair: &Pair| {
                let left = side(left, pair.left, pair.right, pair.right)?;
                Some(Pair { left, right: side(right, pair.left, pair.right, pair.right)?, calls: pair.calls })
            };
            add_up(&[], &source.iter().filter_map(sides).collect::<Vec<_>>())
        };
        PAIRS.map(project).into()
    }

    fn api_network_by_rank(&self, rank: &[Vec<u32>; Family::COUNT]) -> Vec<Pair> {
        let (apis, networks) = (&rank[Family::Api as usize], &rank[Family::Network as usize]);
        self.api_network.finish(|api| apis[api as usize], |network| networks[network as usize])
    }
}

fn numbers_here(here: &mut PairNumbers, there: &PairNumbers, convert: impl Fn((u32, u32)) -> (u32, u32)) -> Vec<u32> {
    let number = |&pair: &(u32, u32)| {
        let (left, right) = convert(pair);
        here.number(left, right)
    };
    there.pairs().iter().map(number).collect()
}

fn extend(list: &mut PairList, other: PairList, lefts: &[u32], rights: &[u32]) {
    let here = |(left, right): (u32, u32)| (lefts[left as usize], rights[right as usize]);
    list.rows.extend(other.rows.into_iter().map(here));
    let sums: Vec<Pair> = other
        .sums
        .into_iter()
        .map(|pair| {
            let (left, right) = here((pair.left, pair.right));
            Pair { left, right, ..pair }
        })
        .collect();
    if !sums.is_empty() {
        list.sums.extend(sums);
        list.sums = add_up_unordered(&[], &list.sums);
    }
    list.add_up_if_large();
}

/// Adds up rows, which count one each, and sums, and puts them in order.
fn add_up(rows: &[(u32, u32)], sums: &[Pair]) -> Vec<Pair> {
    let mut result = add_up_unordered(rows, sums);
    result
        .chunk_by_mut(|one, next| one.left == next.left)
        .for_each(|group| group.sort_unstable_by_key(|pair| pair.right));
    result
}

/// Adds up rows, which count one each, and sums; only the left sides come in order. Grouped by the left side with a counting
/// sort, then added up in an array over the right side: a fraction of the cost of sorting or hashing whole pairs.
fn add_up_unordered(rows: &[(u32, u32)], sums: &[Pair]) -> Vec<Pair> {
    let sides = || rows.iter().copied().chain(sums.iter().map(|pair| (pair.left, pair.right)));
    let (lefts, rights) = sides()
        .fold((0, 0), |(lefts, rights), (left, right)| (lefts.max(left as usize + 1), rights.max(right as usize + 1)));
    let rows = group(rows, lefts, |&(left, right)| (left, right));
    let sums = group(sums, lefts, |pair| (pair.left, (pair.right, pair.calls)));
    let (mut calls, mut touched) = (vec![0_u32; rights], Vec::new());
    let mut result = Vec::with_capacity(usize::midpoint(rows.0.len(), sums.0.len()));
    for left in 0..lefts {
        let mut add = |right: u32, more: u32| {
            let sum = &mut calls[right as usize];
            if *sum == 0 {
                touched.push(right);
            }
            *sum += more;
        };
        rows.0[rows.1[left] as usize..rows.1[left + 1] as usize].iter().for_each(|&right| add(right, 1));
        sums.0[sums.1[left] as usize..sums.1[left + 1] as usize].iter().for_each(|&(right, more)| add(right, more));
        for right in touched.drain(..) {
            result.push(Pair { left: left as u32, right, calls: std::mem::take(&mut calls[right as usize]) });
        }
    }
    result
}

/// Groups by the left side: the values by group, and where each group begins.
fn group<T, V: Copy + Default>(items: &[T], lefts: usize, split: impl Fn(&T) -> (u32, V)) -> (Vec<V>, Vec<u32>) {
    let mut starts = vec![0_u32; lefts + 1];
    for item in items {
        starts[split(item).0 as usize + 1] += 1;
    }
    for left in 0..lefts {
        starts[left + 1] += starts[left];
    }
    let mut next = starts.clone();
    let mut grouped = vec![V::default(); items.len()];
    for item in items {
        let (left, value) = split(item);
        let place = &mut next[left as usize];
        grouped[*place as usize] = value;
        *place += 1;
    }
    (grouped, starts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn adding_up_is_what_a_map_would_do(pairs in prop::collection::vec((0_u32..9, 0_u32..9, 1_u32..5), 0..200)) {
            let mut expected: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            for &(left, right, calls) in &pairs {
                *expected.entry((left, right)).or_default() += calls;
            }
            let pairs: Vec<Pair> = pairs.into_iter().map(|(left, right, calls)| Pair { left, right, calls }).collect();
            let (rows, sums): (Vec<&Pair>, Vec<&Pair>) = pairs.iter().partition(|pair| pair.calls == 1);
            let rows: Vec<_> = rows.iter().map(|pair| (pair.left, pair.right)).collect();
            let sums: Vec<_> = sums.into_iter().copied().collect();
            let found: Vec<_> = add_up(&rows, &sums).iter().map(|pair| ((pair.left, pair.right), pair.calls)).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
