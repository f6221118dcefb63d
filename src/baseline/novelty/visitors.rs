//! How many principals came from each network on the days that are asked.
//!
//! What a principal does alone on a network is told of it, once, and not of everything that it called there: an API's company is its
//! own news only where several met it from the same new network.

use super::{Days, REPLAYED};
use crate::rollup::store::PairDay;

/// From this number on there are several.
const SEVERAL: u8 = 2;

/// By network and day that is asked, how many principals came from it: none, one, or several.
#[derive(Debug, Default)]
pub(super) struct Visitors(Vec<[u8; REPLAYED + 1]>);

impl Visitors {
    /// With so many networks, from which nobody came.
    pub(super) fn of(networks: usize) -> Self {
        Self(vec![[0; REPLAYED + 1]; networks])
    }

    /// Adds a principal with the networks that it came from; one that stands for many counts for several.
    pub(super) fn add(&mut self, is_many: bool, met: &[PairDay], days: Days<'_>) {
        for &pair in met {
            let network = self.0.get_mut(pair.partner as usize);
            let asked = usize::try_from(days.asked(pair)).ok();
            if let Some(count) = network.zip(asked).and_then(|(network, day)| network.get_mut(day)) {
                *count = if is_many { SEVERAL } else { (*count + 1).min(SEVERAL) };
            }
        }
    }

    /// Whether one principal alone came from a network on a day.
    pub(super) fn is_one(&self, network: u32, day: u8) -> bool {
        self.0.get(network as usize).is_some_and(|days| days[usize::from(day)] == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_from_none_and_from_several() {
        let present: Vec<usize> = (0..=28).collect();
        let days = Days { present: &present, length: 28 };
        let pair = |partner, place| PairDay { partner, place };
        let mut visitors = Visitors::of(4);
        visitors.add(false, &[pair(0, 3), pair(0, 28), pair(1, 28)], days);
        visitors.add(false, &[pair(1, 28), pair(2, 27)], days);
        visitors.add(true, &[pair(2, 28)], days);
        let one = |network, day| visitors.is_one(network, day);
        assert_eq!(
            [one(0, 7), one(0, 6), one(1, 7), one(2, 6), one(2, 7), one(3, 7)],
            [true, false, false, true, false, false]
        );
    }
}
