//! Which of a family's days and entities are judged again, as if each day were tonight, to see what its claims are worth.

use std::ops::Range;

use crate::baseline::FamilyBaseline;

/// Days that are judged again.
const DAYS: usize = 7;
/// Days that must remain to learn from.
const LEAST_HISTORY: usize = 14;
/// Entities of a family that are asked.
const ENTITIES: usize = 1024;

impl FamilyBaseline<'_> {
    /// The last days before the scored one, and a sample of the entities; `None` where too little would be left to learn from.
    pub(crate) fn replayed(&self) -> Option<(Range<usize>, Vec<usize>)> {
        let length = self.window().length();
        (length >= DAYS + LEAST_HISTORY).then(|| (length - DAYS..length, self.sample(ENTITIES).collect()))
    }

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
