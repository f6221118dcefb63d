//! What was counted of an episode, beside what was expected of it: the numbers that one night hands on to the next.
//!
//! They add up over the nights of an episode. From when to when it went, and what it means, is told elsewhere.

use serde::{Deserialize, Serialize};

use crate::insight::events::evidence::Evidence;

/// The numbers of an episode.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Calls between start and end.
    pub observed: u64,
    /// Failed calls among them.
    pub errors: u64,
    /// Calls expected in the hours that the episode touches.
    pub expected: f64,
    /// The lower end of what was expected.
    pub expected_lower: u64,
    /// The upper end of what was expected.
    pub expected_upper: u64,
    /// The natural logarithm of the p-value.
    pub ln_p: f64,
    /// The natural logarithm of the q-value; `None` for changes, which are not selected by it.
    pub ln_q: Option<f64>,
    /// 0 to 100.
    pub score: f64,
    /// Calls a minute in the seven days before the start.
    pub baseline_average: f64,
    /// Days of history that the entity was known for.
    pub days_known: usize,
    /// Days of history that a cap left uncounted for it: it may have been among those that have no name.
    #[serde(default)]
    pub days_hidden: usize,
}

impl Measured {
    /// What the events told, before anything of it is judged.
    pub(super) fn counted(evidence: &Evidence) -> Self {
        Self { observed: evidence.calls(), errors: evidence.errors, ..Self::default() }
    }

    /// Goes on with what the nights before had: calls add up, what is most unlikely stays, and what was usual is that of before.
    pub(super) fn go_on_from(&mut self, before: &Self) {
        *self = Self {
            observed: self.observed + before.observed,
            errors: self.errors + before.errors,
            expected: self.expected + before.expected,
            expected_lower: self.expected_lower + before.expected_lower,
            expected_upper: self.expected_upper + before.expected_upper,
            ln_p: self.ln_p.min(before.ln_p),
            ln_q: self.ln_q.into_iter().chain(before.ln_q).reduce(f64::min),
            score: self.score.max(before.score),
            ..before.clone()
        };
    }

    /// What a few more minutes add to the band of an episode. Nobody judged them, so it grows as the expected count does.
    pub(super) fn band_of_more(&self, expected: f64) -> (u64, u64) {
        if self.expected <= 0.0 {
            return (0, 0);
        }
        let share = expected / self.expected;
        ((self.expected_lower as f64 * share).floor() as u64, (self.expected_upper as f64 * share).ceil() as u64)
    }

    /// The same for JSON, which has no infinity.
    pub(super) fn finite(&self) -> Self {
        let finite = |ln: f64| ln.max(f64::MIN);
        Self { ln_p: finite(self.ln_p), ln_q: self.ln_q.map(finite), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_grows_with_what_is_expected() {
        let measured = Measured { expected: 8.0, expected_lower: 3, expected_upper: 13, ..Measured::default() };
        assert_eq!(measured.band_of_more(8.0), (3, 13), "as much again is as wide again");
        assert_eq!(measured.band_of_more(2.0), (0, 4), "never narrower than it should be");
        assert_eq!(measured.band_of_more(0.0), (0, 0));
        assert_eq!(Measured { expected: 0.0, ..measured }.band_of_more(1.0), (0, 0));
    }
}
