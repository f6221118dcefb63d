//! Adding up what belongs together without hashing or sorting: group by the left side, then add in an array over the right side.
//!
//! Members have small numbers by then, so an array has room for all of one side. A day may have millions of pairs; this is what makes them cheap, and their order
//! the same every time.

use crate::rollup::day::starts;

/// Calls of pairs of numbers, grouped by the left one.
#[derive(Debug, Default)]
pub(super) struct Sums {
    starts: Vec<u32>,
    /// Right numbers and calls, each right number once in a group.
    pairs: Vec<(u32, u32)>,
}

impl Sums {
    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The right numbers and calls of a left number.
    pub(super) fn of(&self, left: u32) -> &[(u32, u32)] {
        let left = left as usize;
        if left + 1 < self.starts.len() {
            &self.pairs[self.starts[left] as usize..self.starts[left + 1] as usize]
        } else {
            &[]
        }
    }

    /// Adds the calls of items that are grouped by left number. Right numbers beyond `rights` are left out.
    pub(super) fn add<T>(&mut self, items: &Groups<T>, rights: usize, pair: impl Fn(&T) -> (u32, u32)) {
        let mut total = Self { starts: vec![0], pairs: Vec::with_capacity(self.len() + items.items.len() / 2) };
        let mut tally = Tally::new(rights);
        for left in 0..items.len().max(self.starts.len().saturating_sub(1)) as u32 {
            self.of(left).iter().for_each(|&(right, calls)| tally.add(right, calls));
            items.of(left).iter().map(&pair).for_each(|(right, calls)| tally.add(right, calls));
            tally.drain_into(&mut total.pairs);
            total.starts.push(total.pairs.len() as u32);
        }
        *self = total;
    }

    /// Adds sums whose numbers are others here; `bounds` are the numbers of left and right sides here.
    pub(super) fn absorb(
        &mut self,
        other: &Self,
        bounds: (usize, usize),
        left_here: impl Fn(u32) -> u32,
        right_here: impl Fn(u32) -> u32,
    ) {
        let mut triples = Vec::<Triple>::with_capacity(other.len());
        for left in 0..other.starts.len().saturating_sub(1) as u32 {
            let here = |&(right, calls): &(u32, u32)| (left_here(left), right_here(right), calls);
            triples.extend(other.of(left).iter().map(here));
        }
        let by_left = Groups::new(&triples, bounds.0, |&(left, right, calls)| (left, (right, calls)));
        self.add(&by_left, bounds.1, |&pair| pair);
    }
}

/// A pair and its calls.
type Triple = (u32, u32, u32);

/// Items by the group they belong to.
#[derive(Debug, Default)]
pub(super) struct Groups<T> {
    items: Vec<T>,
    starts: Vec<u32>,
}

impl<T: Copy + Default> Groups<T> {
    /// Groups what `split` makes of each item: its group, below `groups`, and what is kept of it.
    pub(super) fn new<I>(items: &[I], groups: usize, split: impl Fn(&I) -> (u32, T)) -> Self {
        let mut grouped = Self::default();
        grouped.refill(items, groups, split);
        grouped
    }

    /// As [`Groups::new`], in the place of what was there.
    pub(super) fn refill<I>(&mut self, items: &[I], groups: usize, split: impl Fn(&I) -> (u32, T)) {
        self.starts = starts(groups, items.iter().map(|item| split(item).0));
        let mut next = self.starts.clone();
        self.items.resize(items.len(), T::default());
        for item in items {
            let (group, kept) = split(item);
            let next = &mut next[group as usize];
            self.items[*next as usize] = kept;
            *next += 1;
        }
    }
}

impl<T> Groups<T> {
    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The items of a group; none beyond the last group.
    pub(super) fn of(&self, group: u32) -> &[T] {
        let group = group as usize;
        if group < self.len() { &self.items[self.starts[group] as usize..self.starts[group + 1] as usize] } else { &[] }
    }
}

/// Calls by number, of few numbers at a time.
struct Tally {
    calls: Vec<u32>,
    touched: Vec<u32>,
    count: usize,
}

impl Tally {
    fn new(numbers: usize) -> Self {
        Self { calls: vec![0; numbers], touched: vec![0; numbers + 1], count: 0 }
    }

    #[inline]
    fn add(&mut self, number: u32, calls: u32) {
        // Whether a number is new is as good as random, so it is added up and not branched on.
        if let Some(sum) = self.calls.get_mut(number as usize) {
            self.touched[self.count] = number;
            self.count += usize::from(*sum == 0);
            *sum += calls;
        }
    }

    fn drain_into(&mut self, pairs: &mut Vec<(u32, u32)>) {
        let calls = &mut self.calls;
        let touched = &self.touched[..self.count];
        pairs.extend(touched.iter().map(|&number| (number, std::mem::take(&mut calls[number as usize]))));
        self.count = 0;
    }
}

/// Calls by number, given back in the order of numbers: bits tell which numbers, and which words of bits, are there.
#[derive(Debug)]
pub(super) struct OrderedTally {
    calls: Vec<u32>,
    numbers: Vec<u64>,
    words: Vec<u64>,
}

impl OrderedTally {
    /// For numbers below a bound.
    pub(super) fn new(numbers: usize) -> Self {
        let words = numbers.div_ceil(64);
        Self { calls: vec![0; numbers], numbers: vec![0; words], words: vec![0; words.div_ceil(64)] }
    }

    /// Adds calls, of which there must be some, to a number.
    #[inline]
    pub(super) fn add(&mut self, number: u32, calls: u32) {
        let number = number as usize;
        self.calls[number] += calls;
        self.numbers[number / 64] |= 1 << (number % 64);
        self.words[number / 4096] |= 1 << (number / 64 % 64);
    }

    /// Calls `visit` with each number and its calls, in order, and forgets them.
    pub(super) fn drain(&mut self, mut visit: impl FnMut(u32, u32)) {
        let Self { calls, numbers, words } = self;
        drain_bits(words, |word| {
            drain_bits(&mut numbers[word..=word], |bit| {
                let number = word * 64 + bit;
                visit(number as u32, std::mem::take(&mut calls[number]));
            });
        });
    }
}

fn drain_bits(words: &mut [u64], mut visit: impl FnMut(usize)) {
    for (place, word) in words.iter_mut().enumerate() {
        while *word != 0 {
            visit(place * 64 + word.trailing_zeros() as usize);
            *word &= *word - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn triples() -> impl Strategy<Value = Vec<Triple>> {
        prop::collection::vec((0_u32..9, 0_u32..200, 1_u32..5), 0..200)
    }

    proptest! {
        #[test]
        fn adding_up_is_what_a_map_would_do(batches in prop::collection::vec(triples(), 0..4)) {
            let (mut expected, mut sums) = (BTreeMap::<(u32, u32), u32>::new(), Sums::default());
            for batch in &batches {
                for &(left, right, calls) in batch.iter().filter(|triple| triple.1 < 150) {
                    *expected.entry((left, right)).or_default() += calls;
                }
                let groups = Groups::new(batch, 9, |&(left, right, calls)| (left, (right, calls)));
                sums.add(&groups, 150, |&pair| pair);
            }
            let found = (0..12).flat_map(|left| sums.of(left).iter().map(move |&(right, calls)| ((left, right), calls)));
            let found: Vec<_> = found.collect();
            prop_assert_eq!(found.len(), expected.len());
            prop_assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
        }

        #[test]
        fn an_ordered_tally_is_an_ordered_map(rounds in prop::collection::vec(prop::collection::vec((0_u32..9000, 1_u32..5), 0..80), 0..4)) {
            let mut tally = OrderedTally::new(9000);
            for round in rounds {
                let mut expected = BTreeMap::<u32, u32>::new();
                for (number, calls) in round {
                    *expected.entry(number).or_default() += calls;
                    tally.add(number, calls);
                }
                let mut found = Vec::new();
                tally.drain(|number, calls| found.push((number, calls)));
                prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
