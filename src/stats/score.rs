//! The 0-100 score people see: how improbable, on a scale that means the same every night and everywhere.
//!
//! A pure function of the p-value. Caps where there is little to judge by belong to `detect`.

use std::f64::consts::LN_10;

use crate::stats::{ParameterError, require};

/// Knots `(L, score)` with `L = -log10 p`, between which the score is linear.
///
/// They are a convention, not an estimate, and never change: one in a hundred is nothing, one in a million is the middle, and each step
/// beyond takes more, for what lies between 1e-20 and 1e-50 is a matter of the model more than of the world.
const KNOTS: [(f64, f64); 7] =
    [(2.0, 0.0), (4.0, 25.0), (6.0, 50.0), (10.0, 75.0), (20.0, 90.0), (50.0, 99.0), (300.0, 100.0)];

/// Score of a p-value given as its natural logarithm: 0 to 100, higher is more unusual.
///
/// ```text
/// L = -log10 p;  linear through (2,0) (4,25) (6,50) (10,75) (20,90) (50,99) (300,100);  0 below, 100 above
/// ```
///
/// # Errors
/// When `ln_p` is NaN or positive.
pub fn score(ln_p: f64) -> Result<f64, ParameterError> {
    require(ln_p <= 0.0, "ln_p", "at most 0", ln_p)?;
    let magnitude = -ln_p / LN_10;
    let (first, last) = (KNOTS[0], KNOTS[KNOTS.len() - 1]);
    if magnitude <= first.0 {
        return Ok(first.1);
    }
    let segment = KNOTS.windows(2).find(|pair| magnitude <= pair[1].0);
    Ok(segment.map_or(last.1, |pair| between(pair[0], pair[1], magnitude)))
}

fn between(left: (f64, f64), right: (f64, f64), at: f64) -> f64 {
    left.1 + (right.1 - left.1) * ((at - left.0) / (right.0 - left.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passes_through_the_knots() {
        for (magnitude, expected) in KNOTS {
            let found = score(-magnitude * LN_10).unwrap();
            assert!((found - expected).abs() < 1e-12, "{magnitude}: {found}");
        }
    }

    #[test]
    fn is_linear_between() {
        for (magnitude, expected) in [(3.0, 12.5), (8.0, 62.5), (15.0, 82.5), (35.0, 94.5), (175.0, 99.5)] {
            assert!((score(-magnitude * LN_10).unwrap() - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn ends_are_flat() {
        for (ln_p, expected) in [(0.0, 0.0), (-1.0, 0.0), (-1e6, 100.0), (f64::NEG_INFINITY, 100.0)] {
            assert!((score(ln_p).unwrap() - expected).abs() < f64::EPSILON, "{ln_p}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(score(f64::NAN).is_err());
        assert!(score(1e-9).is_err());
    }

    proptest! {
        #[test]
        fn never_falls_as_p_falls(ln_p in -800.0..0.0, step in 0.0..50.0) {
            prop_assert!(score(ln_p - step).unwrap() >= score(ln_p).unwrap());
            prop_assert!((0.0..=100.0).contains(&score(ln_p).unwrap()));
        }
    }
}
