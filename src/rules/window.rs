//! What a sliding window knows of the members in it, kept up to date as members come and go.
//!
//! Everything here is exact, and the same whatever was in the window before: sums are whole numbers of millionths.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::rules::plan::Bound;

/// Whether a value is within every bound.
pub(super) fn bounds_hold(bounds: &[Bound], value: f64) -> bool {
    bounds.iter().all(|bound| bound.relation.holds(value, bound.value))
}

/// The number of distinct values.
#[derive(Debug, Default)]
pub(super) struct ValueCount(HashMap<u32, u32>);

impl ValueCount {
    pub(super) fn add(&mut self, value: Option<u32>) {
        if let Some(value) = value {
            *self.0.entry(value).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, value: Option<u32>) {
        let Some(value) = value else { return };
        if let Some(count) = self.0.get_mut(&value) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&value);
            }
        }
    }

    pub(super) fn distinct(&self) -> usize {
        self.0.len()
    }
}

/// The sum of numbers in millionths, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Sum {
    total: i128,
    count: u64,
}

impl Sum {
    pub(super) fn add(&mut self, number: Option<i128>) {
        if let Some(number) = number {
            self.total += number;
            self.count += 1;
        }
    }

    pub(super) fn remove(&mut self, number: Option<i128>) {
        if let Some(number) = number {
            self.total -= number;
            self.count -= 1;
        }
    }

    pub(super) fn total(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total as f64 / 1e6)
    }

    pub(super) fn mean(&self) -> Option<f64> {
        self.total().map(|total| total / self.count as f64)
    }
}

/// A percentile by nearest rank: the smallest value that at least `rank` percent of the values do not exceed.
///
/// The values up to the rank are kept apart from those above it, so that a value that comes or goes moves the border by one.
#[derive(Debug)]
pub(super) struct Percentile {
    rank: f64,
    low: Bag,
    high: Bag,
}

/// Numbers, some of them several times.
#[derive(Debug, Default)]
struct Bag {
    numbers: BTreeMap<i128, u64>,
    count: u64,
}

impl Bag {
    fn add(&mut self, number: i128) {
        *self.numbers.entry(number).or_default() += 1;
        self.count += 1;
    }

    fn remove(&mut self, number: i128) -> bool {
        let Some(times) = self.numbers.get_mut(&number) else { return false };
        *times -= 1;
        if *times == 0 {
            self.numbers.remove(&number);
        }
        self.count -= 1;
        true
    }

    fn largest(&self) -> Option<i128> {
        self.numbers.last_key_value().map(|(number, _)| *number)
    }

    fn smallest(&self) -> Option<i128> {
        self.numbers.first_key_value().map(|(number, _)| *number)
    }
}

impl Percentile {
    pub(super) fn new(rank: f64) -> Self {
        Self { rank, low: Bag::default(), high: Bag::default() }
    }

    pub(super) fn add(&mut self, number: Option<i128>) {
        let Some(number) = number else { return };
        let side =
            if self.low.largest().is_some_and(|largest| number <= largest) { &mut self.low } else { &mut self.high };
        side.add(number);
        self.balance();
    }

    pub(super) fn remove(&mut self, number: Option<i128>) {
        let Some(number) = number else { return };
        if !self.low.remove(number) {
            self.high.remove(number);
        }
        self.balance();
    }

    pub(super) fn value(&self) -> Option<f64> {
        self.low.largest().map(|number| number as f64 / 1e6)
    }

    fn balance(&mut self) {
        let count = self.low.count + self.high.count;
        let wanted = ((self.rank / 100.0 * count as f64).ceil() as u64).clamp(count.min(1), count);
        while self.low.count < wanted {
            let Some(number) = self.high.smallest() else { break };
            self.high.remove(number);
            self.low.add(number);
        }
        while self.low.count > wanted {
            let Some(number) = self.low.largest() else { break };
            self.low.remove(number);
            self.high.add(number);
        }
    }
}

/// Whether members came in order: for each member the latest moment at which a sequence up to it can have begun.
#[derive(Debug)]
pub(super) struct Sequence {
    begun: Vec<Option<i64>>,
    /// The last moment at which the last member came.
    ended: Option<i64>,
}

impl Sequence {
    pub(super) fn new(members: usize) -> Self {
        Self { begun: vec![None; members], ended: None }
    }

    /// A member came. Those of one moment must be told in the order of the members, for which of them was first cannot be known.
    pub(super) fn add(&mut self, member: usize, moment: i64) {
        let begun = if member == 0 { Some(moment) } else { self.begun[member - 1] };
        self.begun[member] = self.begun[member].max(begun);
        if member + 1 == self.begun.len() {
            self.ended = Some(moment);
        }
    }

    /// Whether a sequence that began after `start` ends at this moment.
    pub(super) fn ends_at(&self, moment: i64, start: i64) -> bool {
        let begun = self.begun.last().copied().flatten();
        self.ended == Some(moment) && begun.is_some_and(|begun| begun > start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_percentile_is_the_nearest_rank(numbers in prop::collection::vec(-50_i64..50, 1..40), rank in 0_u32..=100, width in 1_usize..10) {
            let mut percentile = Percentile::new(f64::from(rank));
            for (end, &number) in numbers.iter().enumerate() {
                percentile.add(Some(i128::from(number) * 1_000_000));
                if end >= width {
                    percentile.remove(Some(i128::from(numbers[end - width]) * 1_000_000));
                }
                let mut sorted = numbers[(end + 1).saturating_sub(width)..=end].to_vec();
                sorted.sort_unstable();
                let place = ((f64::from(rank) / 100.0 * sorted.len() as f64).ceil() as usize).max(1) - 1;
                prop_assert_eq!(percentile.value(), Some(sorted[place] as f64));
            }
        }
    }

    #[test]
    fn nothing_has_no_sum() {
        let mut sum = Sum::default();
        sum.add(Some(2_500_000));
        sum.add(None);
        assert_eq!((sum.total(), sum.mean()), (Some(2.5), Some(2.5)));
        sum.remove(Some(2_500_000));
        assert_eq!((sum.total(), sum.mean()), (None, None));
    }
}
