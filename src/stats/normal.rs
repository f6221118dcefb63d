//! The standard normal distribution as a scale for surprise: its upper tail in log space, and back.
//!
//! Used to put a tail probability of any distribution on the familiar scale of standard deviations.

use std::f64::consts::{LN_2, SQRT_2, TAU};

use statrs::function::erf::erfc_inv;

use crate::stats::special::{GammaPoint, ln_1m_exp};
use crate::stats::{ParameterError, require};

/// Where the inverse hands over from `erfc_inv`, whose argument would underflow, to Newton's method.
const NEWTON_BELOW: f64 = -600.0;

/// `ln P(Z >= z)` of a standard normal `Z`; finite for every `z` up to 1e50. NaN stays NaN.
///
/// ```text
/// P(Z >= z) = Q(1/2, z^2/2) / 2 for z >= 0, mirrored below
/// ```
///
/// Source: DLMF 7.11.2.
pub fn ln_normal_upper(z: f64) -> f64 {
    let tail = GammaPoint { a: 0.5, x: 0.5 * z * z }.tail();
    let ln_outer = tail.ln_complement() - LN_2;
    if z < 0.0 { ln_1m_exp(ln_outer) } else { ln_outer }
}

/// The `z` with `ln P(Z >= z) = ln_p`: how many standard deviations a tail probability is worth.
///
/// Positive for `p < 1/2`, infinite for `p = 0` and `p = 1`.
///
/// ```text
/// z = sqrt 2 erfc^-1(2 p);   where p is no number any more, Newton's method on ln P(Z >= z) from z^2 = -2 ln p - ln(-4 pi ln p)
/// ```
///
/// Source: the start is the leading term of DLMF 7.12.1 turned round.
///
/// # Errors
/// When `ln_p` is NaN or above 0.
pub fn normal_score(ln_p: f64) -> Result<f64, ParameterError> {
    require(ln_p <= 0.0, "ln_p", "at most 0", ln_p)?;
    Ok(score_of_valid(ln_p))
}

/// [`normal_score`] of what is known to be a log-probability.
pub(super) fn score_of_valid(ln_p: f64) -> f64 {
    if ln_p == f64::NEG_INFINITY {
        return f64::INFINITY;
    }
    if ln_p > -LN_2 {
        return -SQRT_2 * erfc_inv(-2.0 * ln_p.exp_m1());
    }
    if ln_p > NEWTON_BELOW {
        return SQRT_2 * erfc_inv(2.0 * ln_p.exp());
    }
    let start = (-2.0 * ln_p - (TAU * -2.0 * ln_p).ln()).sqrt();
    // The slope of the log tail is -(z + 1/z) up to 1/z^3, so three steps from this close reach the last bits.
    (0..3).fold(start, |z, _| z + (ln_normal_upper(z) - ln_p) / (z + z.recip()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::reference::{NORMAL_UPPER, relative_error};

    #[test]
    fn upper_tail_matches_the_reference() {
        let errors = NORMAL_UPPER.iter().map(|&(z, expected)| relative_error(ln_normal_upper(z), expected));
        let worst = errors.fold(0.0, f64::max);
        println!("normal: worst relative error of ln p {worst:e}");
        assert!(worst < 1e-13);
    }

    #[test]
    fn ends() {
        assert!(normal_score(0.0).unwrap() == f64::NEG_INFINITY);
        assert!(normal_score(f64::NEG_INFINITY).unwrap() == f64::INFINITY);
        assert!(normal_score(-LN_2).unwrap().abs() < 1e-15);
        assert!(normal_score(f64::NAN).is_err() && normal_score(0.1).is_err());
        assert!(ln_normal_upper(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn score_inverts_the_tail(z in prop_oneof![-8.0..8.0, 8.0..300.0]) {
            let found = normal_score(ln_normal_upper(z)).unwrap();
            prop_assert!((found - z).abs() < 1e-13 * (1.0 + z.abs()), "{} {}", found, z);
        }
    }
}
