//! Values and how often they occur: of each attribute so many are told apart, and the rest goes by one name.
//!
//! Which values rows have is told by `described`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::mem::take;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::insight::attribute::{Attribute, ByAttribute};
use crate::shown::OTHER;

/// Distinct values of an attribute that are told apart; the rest goes by one name.
const MOST_VALUES: usize = 10_000;

/// Of each attribute the values and their calls.
pub type Values = ByAttribute<BTreeMap<String, u64>>;

/// Values while they are counted, which is faster than in their order.
#[derive(Debug, Default)]
pub(in crate::insight) struct Counts(ByAttribute<Unordered>);

impl Counts {
    /// Adds calls of a value of an attribute.
    pub(super) fn add(&mut self, attribute: Attribute, value: &str, calls: u64) {
        self.0[attribute].add(value, calls);
    }
}

/// The values of an attribute and their calls.
#[derive(Debug, Default)]
struct Unordered(HashMap<String, u64, RandomState>);

impl Unordered {
    /// As [`add`] does.
    fn add(&mut self, value: &str, calls: u64) {
        if let Some(known) = self.0.get_mut(value) {
            *known += calls;
        } else if self.0.len() < MOST_VALUES {
            self.0.insert(value.to_owned(), calls);
        } else {
            *self.0.entry_ref(OTHER).or_default() += calls;
        }
    }
}

impl From<Counts> for Values {
    fn from(counts: Counts) -> Self {
        counts.0.map(|unordered| unordered.0.into_iter().collect())
    }
}

/// Adds up what was counted in two places; where values may be too many to be told apart, those of `own` go first, then those of `later` in
/// order.
pub(super) fn add_all(own: &mut BTreeMap<String, u64>, later: BTreeMap<String, u64>) {
    if own.len() + later.len() > MOST_VALUES {
        later.into_iter().for_each(|(value, calls)| add(own, value, calls));
        return;
    }
    let (mut left, mut right) = (take(own).into_iter().peekable(), later.into_iter().peekable());
    *own = std::iter::from_fn(|| match (left.peek(), right.peek()) {
        (Some((one, _)), Some((other, _))) => match one.cmp(other) {
            Ordering::Less => left.next(),
            Ordering::Greater => right.next(),
            Ordering::Equal => left.next().zip(right.next()).map(|((value, one), (_, other))| (value, one + other)),
        },
        (Some(_), None) => left.next(),
        _ => right.next(),
    })
    .collect();
}

/// Adds calls of a value; values beyond the most that are told apart go by one name.
pub(in crate::insight) fn add(counts: &mut BTreeMap<String, u64>, value: impl AsRef<str> + Into<String>, calls: u64) {
    if let Some(known) = counts.get_mut(AsRef::<str>::as_ref(&value)) {
        *known += calls;
    } else if counts.len() < MOST_VALUES {
        counts.insert(value.into(), calls);
    } else {
        *counts.entry(OTHER.to_owned()).or_default() += calls;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_two_places_counted_adds_up(
            counted in prop::collection::vec((0_u8..9, 1_u64..5), 0..30), more in prop::collection::vec((0_u8..9, 1_u64..5), 0..30)
        ) {
            let count = |counted: &[(u8, u64)]| {
                let mut counts = Unordered::default();
                counted.iter().for_each(|(value, calls)| counts.add(&value.to_string(), *calls));
                counts.0.into_iter().collect::<BTreeMap<String, u64>>()
            };
            let mut sum = count(&counted);
            add_all(&mut sum, count(&more));
            prop_assert_eq!(sum, count(&[counted, more].concat()));
        }
    }

    #[test]
    fn values_beyond_the_most_go_by_one_name() {
        let mut counts = Unordered::default();
        (0..MOST_VALUES + 7).for_each(|value| counts.add(&value.to_string(), 2));
        assert_eq!(counts.0[OTHER], 14);
        let mut own = BTreeMap::from([("a".to_owned(), 1)]);
        add_all(&mut own, counts.0.into_iter().collect());
        assert_eq!((own.len(), own.values().sum::<u64>()), (MOST_VALUES, 2 * (MOST_VALUES as u64 + 7) + 1));
    }
}
