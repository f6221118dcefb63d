//! How high the score of a deviation may be where there is little to judge by, whatever its p-value.
//!
//! A p-value is as good as the model behind it. Of an entity that has not been seen for a whole week the model knows no weekday twice, and of
//! one whose past is odd it knows not what is usual. Such evidence alone makes no insight more than medium ([`crate::insight::meaning::severity`]);
//! what was called, and by whom, may still raise it.

use crate::detect::Deviation;
use crate::stats::score;

/// The most that a score can be.
const HIGHEST: f64 = 100.0;
/// Up to so many days after an entity was first seen its score is at most so high: a week, in which no weekday came twice, and two.
const YOUNG: [(usize, f64); 2] = [(7, 60.0), (14, 75.0)];
/// The score of one whose past was too odd to be sure of anything is at most so high, the least that is medium.
const UNSTABLE: f64 = 50.0;

/// The score of a deviation's p-value, as far as it can be trusted.
pub fn capped_score(deviation: &Deviation) -> f64 {
    let full = score(deviation.ln_p.min(0.0)).unwrap_or(0.0);
    let young = YOUNG.iter().find(|(days, _)| deviation.days_known < *days);
    let by_age = young.map_or(HIGHEST, |(_, cap)| *cap);
    let by_stability = if deviation.unstable { UNSTABLE } else { HIGHEST };
    full.min(by_age).min(by_stability)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Direction, Model};

    fn capped(days_known: usize, unstable: bool, ln_p: f64) -> f64 {
        capped_score(&Deviation {
            member: 0,
            direction: Direction::Up,
            model: Model::Seasonal,
            hours: crate::time::HourSpan::hour(0),
            observed: 100,
            expected: 1.0,
            lower: 0,
            upper: 3,
            ln_p,
            ln_q: 0.0,
            unstable,
            days_known,
            by_hour: Vec::new(),
        })
    }

    #[test]
    fn what_is_hardly_known_is_at_most_medium() {
        let certain = -1000.0;
        let of_age = [0, 6, 7, 13, 14, 28].map(|days| capped(days, false, certain));
        let is = |score: f64, cap: f64| (score - cap).abs() < 1e-12;
        let caps = [60.0, 60.0, 75.0, 75.0, HIGHEST, HIGHEST];
        assert!(of_age.iter().zip(caps).all(|(&score, cap)| is(score, cap)), "{of_age:?}");
        assert!(is(capped(28, true, certain), UNSTABLE) && is(capped(0, true, certain), UNSTABLE));
        let (little, full) = (capped(0, true, 1e-4_f64.ln()), score(1e-4_f64.ln()).unwrap());
        assert!(is(little, full), "a cap raises nothing");
    }
}
