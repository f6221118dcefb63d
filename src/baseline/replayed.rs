//! The days and entities of a family that are judged again, as if each day were tonight, to see what its claims are worth, and what
//! was expected of them. What comes of it is for the tails of the family, and for `detect`.

use std::ops::Range;

use rayon::prelude::*;

use crate::baseline::{Expectation, FamilyBaseline};

/// Days that are judged again.
const DAYS: usize = 7;
/// Days that must remain to learn from.
const LEAST_HISTORY: usize = 14;
/// Entities of a family that are asked.
const ENTITIES: usize = 1024;

/// What was expected of a sample of entities on the last days, from all days but these.
#[derive(Debug)]
pub(crate) struct Replayed {
    days: Range<usize>,
    /// Entities, with what was expected of each day.
    members: Vec<(usize, Vec<Expectation>)>,
}

impl Replayed {
    /// The last days before the scored one; no entity where too little would be left to learn from.
    pub(super) fn of(baseline: &FamilyBaseline<'_>) -> Self {
        let length = baseline.window().length();
        if length < DAYS + LEAST_HISTORY {
            return Self::none();
        }
        let days = length - DAYS..length;
        let asked: Vec<usize> = baseline.sample(ENTITIES).collect();
        let expected = |member: usize| (member, baseline.expect_days(member, days.clone()));
        Self { members: asked.into_par_iter().map(expected).collect(), days }
    }

    pub(super) fn none() -> Self {
        Self { days: 0..0, members: Vec::new() }
    }

    /// Asks about each entity and day, in their order; threads share the entities.
    pub(crate) fn ask<T: Send>(&self, of_day: impl Fn(usize, usize, &Expectation) -> Option<T> + Sync) -> Vec<T> {
        let of_member = |(member, expected): &(usize, Vec<Expectation>)| {
            let days = self.days.clone().zip(expected);
            days.filter_map(|(day, expected)| of_day(*member, day, expected)).collect::<Vec<T>>()
        };
        self.members.par_iter().flat_map_iter(of_member).collect()
    }
}

impl FamilyBaseline<'_> {
    /// At most so many entities, one from each of as many parts of their order; where in its part is left to a fixed sequence without
    /// period, for what is at every third place may be alike.
    pub(crate) fn sample(&self, most: usize) -> impl Iterator<Item = usize> {
        let (entities, part) = (self.history.len(), self.history.len().div_ceil(most).max(1));
        let place = move |number: usize| {
            let scattered = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            number * part + (scattered % part as u64) as usize
        };
        (0..entities.div_ceil(part)).map(place).filter(move |&member| member < entities)
    }
}
