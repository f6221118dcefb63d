//! Which two entities were seen together, and how often.
//!
//! Seven pairs a row would be dear. A row's caller (key and principal) stands for two of its entities, so rows are kept as caller,
//! API and network, and added up from time to time; the kinds that are kept are made from those sums, once, at the end. How often a key
//! and a principal were one caller is how many rows there were of it.

use std::collections::BTreeMap;

use crate::rollup::combine::PairNumbers;
use crate::rollup::day::PairRollup;
use crate::rollup::sums::{Groups, OrderedTally, Sums};
use crate::rollup::{Family, NONE, OWNERS, PAIRS, RowKeys};

/// Fewer rows than this are not worth adding up before the end.
const ADD_UP_FROM: usize = 1 << 20;
/// Regions beyond this many are kept in a tree.
const REGIONS: usize = 32;

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

/// What the pairs of a row are made of; API and network may be [`NONE`].
#[derive(Debug, Clone, Copy)]
struct Row {
    caller: u32,
    api: u32,
    network: u32,
}

/// Counts pairs row by row.
#[derive(Debug)]
pub(super) struct PairCounter {
    /// Key and principal, both shifted.
    callers: PairNumbers,
    regional: RegionalCalls,
    rows: Vec<Row>,
    sums: RowSums,
    room: Room,
    /// How many APIs and networks rows may name.
    apis: usize,
    networks: usize,
}

/// Calls of callers by region: regions are few, so there is a line for each caller, as wide as the regions that are known ask for.
#[derive(Debug, Default)]
struct RegionalCalls {
    width: usize,
    calls: Vec<u32>,
    others: BTreeMap<(u32, u32), u32>,
}

impl RegionalCalls {
    /// Makes room for this many regions in a line; at most [`REGIONS`] get it.
    fn reserve(&mut self, regions: usize) {
        let width = regions.min(REGIONS).next_power_of_two();
        if width > self.width {
            let others = std::mem::take(&mut self.others);
            let narrow = std::mem::replace(self, Self { width, others, ..Self::default() });
            narrow.in_lines().for_each(|(caller, region, calls)| self.add(caller, region, calls));
        }
    }

    /// Adds calls; those of no region are left out.
    #[inline]
    fn add(&mut self, caller: u32, region: u32, calls: u32) {
        let (line, region_number) = (caller as usize * self.width, region as usize);
        if region_number < self.width {
            if self.calls.len() < line + self.width {
                self.calls.resize(line + self.width, 0);
            }
            self.calls[line + region_number] += calls;
        } else if region != NONE {
            *self.others.entry((caller, region)).or_default() += calls;
        }
    }

    /// Caller, region, calls.
    fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        self.in_lines().chain(self.others.iter().map(|(&(caller, region), &calls)| (caller, region, calls)))
    }

    fn in_lines(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let lines = (0..).zip(self.calls.chunks_exact(self.width.max(1)));
        lines.flat_map(|(caller, line)| {
            (0..).zip(line).filter(|(_, calls)| **calls > 0).map(move |(region, &calls)| (caller, region, calls))
        })
    }
}

/// Rows that were added up.
#[derive(Debug, Default)]
struct RowSums {
    /// Calls by caller.
    caller: Vec<u32>,
    caller_api: Sums,
    caller_network: Sums,
    /// By shifted API.
    api_network: Sums,
}

/// Where rows are grouped, kept for the next time.
#[derive(Debug, Default)]
struct Room {
    /// API and network.
    by_caller: Groups<(u32, u32)>,
    /// Network.
    by_api: Groups<u32>,
}

/// How many there are of what rows are made of.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    callers: usize,
    apis: usize,
    networks: usize,
}

impl RowSums {
    fn len(&self) -> usize {
        self.caller_api.len() + self.caller_network.len() + self.api_network.len()
    }

    fn add(&mut self, rows: &[Row], bounds: Bounds, room: &mut Room) {
        room.by_caller.refill(rows, bounds.callers, |row| (row.caller, (row.api, row.network)));
        self.caller.resize(bounds.callers, 0);
        (0..).zip(&mut self.caller).for_each(|(caller, calls)| *calls += room.by_caller.of(caller).len() as u32);
        self.caller_api.add(&room.by_caller, bounds.apis, |&(api, _)| (api, 1));
        self.caller_network.add(&room.by_caller, bounds.networks, |&(_, network)| (network, 1));
        room.by_api.refill(rows, bounds.apis + 1, |row| (shift(row.api), row.network));
        self.api_network.add(&room.by_api, bounds.networks, |&network| (network, 1));
    }

    /// Adds sums whose sides go by other numbers.
    fn absorb(&mut self, other: &Self, bounds: Bounds, here: &Here) {
        let Bounds { callers, apis, networks } = bounds;
        let caller = |number: u32| here.callers[number as usize];
        let (api, network) = (|number| here.of(Family::Api, number), |number| here.of(Family::Network, number));
        let shifted_api = |number| here.shifted(Family::Api, number);
        self.caller.resize(callers, 0);
        for (there, calls) in (0..).zip(&other.caller) {
            self.caller[caller(there) as usize] += calls;
        }
        self.caller_api.absorb(&other.caller_api, (callers, apis), caller, api);
        self.caller_network.absorb(&other.caller_network, (callers, networks), caller, network);
        self.api_network.absorb(&other.api_network, (apis + 1, networks), shifted_api, network);
    }
}

/// What another counter's numbers are here.
struct Here<'numbers> {
    callers: Vec<u32>,
    members: &'numbers [Vec<u32>; Family::COUNT],
}

impl Here<'_> {
    fn of(&self, family: Family, number: u32) -> u32 {
        self.members[family as usize].get(number as usize).copied().unwrap_or(NONE)
    }

    fn shifted(&self, family: Family, number: u32) -> u32 {
        shift(self.of(family, unshift(number)))
    }
}

/// Numbers are shifted by one, so that [`NONE`] is zero and small.
const fn shift(number: u32) -> u32 {
    number.wrapping_add(1)
}

const fn unshift(number: u32) -> u32 {
    number.wrapping_sub(1)
}

impl Default for PairCounter {
    fn default() -> Self {
        Self {
            callers: PairNumbers::new(0),
            regional: RegionalCalls::default(),
            rows: Vec::new(),
            sums: RowSums::default(),
            room: Room::default(),
            apis: 0,
            networks: 0,
        }
    }
}

impl PairCounter {
    /// Begins a day without rows.
    pub(super) fn begin_day(&mut self) {
        let (mut rows, room) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.room));
        rows.clear();
        *self = Self { rows, room, ..Self::default() };
    }

    /// Makes room for this many APIs, networks and regions.
    pub(super) fn reserve(&mut self, apis: usize, networks: usize, regions: usize) {
        (self.apis, self.networks) = (apis, networks);
        self.regional.reserve(regions);
    }

    /// Counts the rows of a batch; room must have been made for its members.
    pub(super) fn count(&mut self, keys: &RowKeys) {
        let callers = keys.of(Family::AccessKey).iter().zip(keys.of(Family::Principal));
        let places = keys.of(Family::Network).iter().zip(keys.of(Family::Region));
        let Self { rows, callers: numbers, regional, .. } = self;
        // A row moves no more than once, and memory that no row needs is not touched.
        rows.reserve(if rows.is_empty() { ADD_UP_FROM } else { 0 });
        rows.extend(callers.zip(places).zip(keys.of(Family::Api)).map(
            |(((&key, &principal), (&network, &region)), &api)| {
                let caller = numbers.number(shift(key), shift(principal));
                regional.add(caller, region, 1);
                Row { caller, api, network }
            },
        ));
        if self.rows.len() > ADD_UP_FROM.max(2 * self.sums.len()) {
            self.add_up();
        }
    }

    fn add_up(&mut self) {
        let bounds = self.bounds();
        self.sums.add(&self.rows, bounds, &mut self.room);
        self.rows.clear();
    }

    fn bounds(&self) -> Bounds {
        Bounds { callers: self.callers.pairs().len(), apis: self.apis, networks: self.networks }
    }

    /// Adds what was counted elsewhere; `renumber` gives, family by family, this side's number for each of the other's. Room must
    /// have been made for all of them.
    pub(super) fn absorb(&mut self, other: &mut Self, renumber: &[Vec<u32>; Family::COUNT]) {
        other.add_up();
        let mut here = Here { callers: Vec::new(), members: renumber };
        for &(key, principal) in other.callers.pairs() {
            let (key, principal) = (here.shifted(Family::AccessKey, key), here.shifted(Family::Principal, principal));
            here.callers.push(self.callers.number(key, principal));
        }
        for (caller, region, calls) in other.regional.iter() {
            self.regional.add(here.callers[caller as usize], here.of(Family::Region, region), calls);
        }
        self.sums.absorb(&other.sums, self.bounds(), &here);
    }

    /// The pairs of [`PAIRS`], each in the order of its two sides; `ranks` gives each family's places in order by number.
    pub(super) fn finish(&mut self, ranks: &[Vec<u32>]) -> Vec<PairRollup> {
        self.add_up();
        let ranks = |family: Family| &ranks[family as usize][..];
        let regional = self.regional_sums(ranks(Family::Region).len());
        let owners = self.owner_sums(ranks(Family::Principal).len());
        let keys = self.callers_of(Family::AccessKey, ranks(Family::AccessKey));
        let principals = self.callers_of(Family::Principal, ranks(Family::Principal));
        let apis =
            Groups::new(&numbered(ranks(Family::Api)), ranks(Family::Api).len(), |&(api, rank)| (rank, shift(api)));
        let roll_up = |(left, right): (Family, Family)| {
            let sources = match left {
                Family::AccessKey => &keys,
                Family::Principal => &principals,
                _ => &apis,
            };
            let sums = match (left, right) {
                OWNERS => &owners,
                (Family::Api, _) => &self.sums.api_network,
                (_, Family::Api) => &self.sums.caller_api,
                (_, Family::Region) => &regional,
                _ => &self.sums.caller_network,
            };
            roll_up((left, right), sums, sources, ranks(right))
        };
        PAIRS.into_iter().map(roll_up).collect()
    }

    fn regional_sums(&self, regions: usize) -> Sums {
        let calls: Vec<(u32, u32, u32)> = self.regional.iter().collect();
        let by_caller =
            Groups::new(&calls, self.callers.pairs().len(), |&(caller, region, calls)| (caller, (region, calls)));
        let mut sums = Sums::default();
        sums.add(&by_caller, regions, |&pair| pair);
        sums
    }

    /// The principal of each caller that has one.
    fn owner_sums(&self, principals: usize) -> Sums {
        let callers = self.callers.pairs();
        let known = (0..).zip(callers).zip(&self.sums.caller).filter(|((_, (_, principal)), _)| *principal > 0);
        let calls: Vec<(u32, u32, u32)> =
            known.map(|((caller, &(_, principal)), &calls)| (caller, unshift(principal), calls)).collect();
        let by_caller = Groups::new(&calls, callers.len(), |&(caller, principal, calls)| (caller, (principal, calls)));
        let mut sums = Sums::default();
        sums.add(&by_caller, principals, |&pair| pair);
        sums
    }

    /// The callers that each key, or each principal, is part of, by its place in order.
    fn callers_of(&self, family: Family, ranks: &[u32]) -> Groups<u32> {
        let side = |&(key, principal): &(u32, u32)| if family == Family::AccessKey { key } else { principal };
        let sides: Vec<u32> = self.callers.pairs().iter().map(side).collect();
        let known: Vec<(u32, u32)> = numbered(&sides).into_iter().filter(|(_, shifted)| *shifted > 0).collect();
        Groups::new(&known, ranks.len(), |&(caller, shifted)| (ranks[unshift(shifted) as usize], caller))
    }
}

fn numbered(items: &[u32]) -> Vec<(u32, u32)> {
    (0..).zip(items.iter().copied()).collect()
}

/// The pairs of one kind: `sources` are the left numbers of `sums` that make up each member of the left family, in order.
fn roll_up(families: (Family, Family), sums: &Sums, sources: &Groups<u32>, right_ranks: &[u32]) -> PairRollup {
    let mut tally = OrderedTally::new(right_ranks.len());
    let (mut lefts, mut starts) = (Vec::new(), vec![0]);
    let (mut rights, mut calls) = (Vec::with_capacity(sums.len()), Vec::with_capacity(sums.len()));
    for left in 0..sources.len() as u32 {
        for &source in sources.of(left) {
            sums.of(source).iter().for_each(|&(right, calls)| tally.add(right_ranks[right as usize], calls));
        }
        tally.drain(|right, sum| {
            rights.push(right);
            calls.push(sum);
        });
        if rights.len() > starts[starts.len() - 1] as usize {
            lefts.push(left);
            starts.push(rights.len() as u32);
        }
    }
    PairRollup { families, lefts, starts, rights, calls }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Key, principal, network, region and API of a row.
    type Members = [Option<u32>; 5];

    const FAMILIES: [Family; 5] = [Family::AccessKey, Family::Principal, Family::Network, Family::Region, Family::Api];
    const MEMBERS: u32 = 6;

    /// Regions of which some are beyond what a line holds.
    const MANY: u32 = 40;

    fn rows() -> impl Strategy<Value = Vec<Members>> {
        let member = || prop::option::of(0..MEMBERS);
        let members = (member(), member(), member(), prop::option::of(0..MANY), member());
        prop::collection::vec(members.prop_map(|row| [row.0, row.1, row.2, row.3, row.4]), 0..200)
    }

    fn count(counter: &mut PairCounter, rows: &[Members]) {
        let mut keys = RowKeys::default();
        for (place, family) in FAMILIES.into_iter().enumerate() {
            *keys.numbers_mut(family) = rows.iter().map(|row| row[place].unwrap_or(NONE)).collect();
        }
        // Regions become known little by little.
        let regions = rows.iter().filter_map(|row| row[3]).max().map_or(0, |last| last as usize + 1);
        counter.reserve(MEMBERS as usize, MEMBERS as usize, regions);
        counter.count(&keys);
    }

    fn expected(rows: &[Members], (left, right): (Family, Family)) -> BTreeMap<(u32, u32), u32> {
        let place = |family| FAMILIES.iter().position(|&known| known == family).unwrap();
        let mut pairs = BTreeMap::new();
        for row in rows {
            if let (Some(left), Some(right)) = (row[place(left)], row[place(right)]) {
                *pairs.entry((left, right)).or_default() += 1;
            }
        }
        pairs
    }

    fn pairs_of(rollup: &PairRollup) -> Vec<((u32, u32), u32)> {
        let group = |place: usize| rollup.starts[place] as usize..rollup.starts[place + 1] as usize;
        let pairs =
            rollup.lefts.iter().enumerate().flat_map(|(place, &left)| {
                group(place).map(move |pair| ((left, rollup.rights[pair]), rollup.calls[pair]))
            });
        pairs.collect()
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_a_plain_count(one in rows(), other in rows(), third in rows(), add_up in any::<bool>()) {
            let (mut here, mut there) = (PairCounter::default(), PairCounter::default());
            count(&mut here, &one);
            count(&mut there, &other);
            if add_up {
                here.add_up();
            }
            count(&mut here, &third);
            // There, members go by other numbers.
            let count = |family: Family| if family == Family::Region { MANY } else { MEMBERS };
            here.absorb(&mut there, &Family::ALL.map(|family| (0..count(family)).rev().collect()));
            let reversed = |row: &Members| std::array::from_fn(|place| row[place].map(|member| count(FAMILIES[place]) - 1 - member));
            let renumbered = other.iter().map(reversed);
            let all: Vec<Members> = one.iter().chain(&third).copied().chain(renumbered).collect();
            let ranks = Family::ALL.map(|family| (0..count(family)).collect::<Vec<u32>>());
            for rollup in here.finish(&ranks) {
                let expected: Vec<_> = expected(&all, rollup.families).into_iter().collect();
                prop_assert_eq!(pairs_of(&rollup), expected, "{:?}", rollup.families);
            }
        }
    }
}
