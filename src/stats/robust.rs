//! How far a count lies from what was expected, and how much it should still teach: residuals and their weights.
//!
//! Keeps earlier anomalies out of the baseline. Who iterates the passes, and how many, is decided in `baseline`.

use crate::stats::NegativeBinomial;
use crate::stats::normal::score_of_valid;

/// Residual from which a bucket is down-weighted (standard deviations; the normal 99.5 % point).
pub const DOWN_WEIGHT_FROM: f64 = 2.58;

/// Probability that a standard normal variable is above [`DOWN_WEIGHT_FROM`].
const UPPER_TAIL_OF_DOWN_WEIGHT: f64 = 0.004_940_015_757_770_644;

/// Residual above which a bucket teaches nothing (standard deviations). Chosen by measurement: what is beyond is an anomaly or a burst, and
/// even with little weight large ones drag a mean along.
pub const IGNORE_ABOVE: f64 = 6.0;

/// Expected count from which drops are down-weighted too. Below, a quiet bucket is nothing special: of a Poisson count with mean 5 even
/// silence has a probability of 0.7 %, no less than the point from which on buckets are down-weighted.
pub const DROP_MIN_MEAN: f64 = 5.0;

/// Mean from which the Anscombe transformation is close enough to normal.
const ANSCOMBE_MIN_MEAN: f64 = 2.0;

/// Signed residual of a count in standard deviations; positive above the mean.
///
/// ```text
/// mean m >= 2:  s = 1.5 (y^(2/3) - m^(2/3)) m^(-1/6) / sqrt(V/m)
/// mean m <  2:  s = max(0, z(P(Y >= y)))  for y > m,   min(0, -z(P(Y <= y)))  otherwise
/// ```
///
/// with `V` the variance and `z(p)` the standard normal quantile of the upper tail probability `p`. Infinite for a
/// positive count at mean 0.
///
/// Source: the residual of Farrington et al. 1996 and Noufaily et al. 2013 (without the leverage term).
pub fn residual(count: u64, expected: &NegativeBinomial) -> f64 {
    let (observed, mean) = (count as f64, expected.mean());
    if mean >= ANSCOMBE_MIN_MEAN {
        let two_thirds = |value: f64| value.cbrt().powi(2);
        let dispersion = expected.variance() / mean;
        1.5 * (two_thirds(observed) - two_thirds(mean)) / (mean.cbrt() * dispersion).sqrt()
    } else if observed > mean {
        score_of_valid(expected.ln_upper(count)).max(0.0)
    } else {
        -score_of_valid(expected.ln_lower(count)).max(0.0)
    }
}

/// Weight in `[0, 1]` of a bucket with this residual and expected count.
///
/// ```text
/// s = residual, or -residual where mean >= 5 and the residual is negative
/// 1 for s <= 2.58,   (2.58/s)^2 for 2.58 < s <= 6,   0 for s > 6
/// ```
///
/// A NaN in either is given no weight.
///
/// Source: Noufaily et al. 2013 (the weight), this project's measurements (the cut at 6).
pub fn weight(residual: f64, mean: f64) -> f64 {
    let surprise = if mean >= DROP_MIN_MEAN { residual.abs() } else { residual };
    if mean.is_nan() || surprise.is_nan() || surprise > IGNORE_ABOVE {
        0.0
    } else if surprise > DOWN_WEIGHT_FROM {
        (DOWN_WEIGHT_FROM / surprise).powi(2)
    } else {
        1.0
    }
}

/// The counts between which [`weight`] is 1, both ends included, for a mean of at least 2; `None` below, where no formula tells.
///
/// ```text
/// y^(2/3) = m^(2/3) +- 2.58/1.5 m^(1/6) sqrt(V/m);   no lower end for means below 5
/// ```
/// It is the formula of [`residual`], solved for the count at 2.58.
///
/// Spares the residual of most counts.
pub fn full_weight_range(expected: &NegativeBinomial) -> Option<(f64, f64)> {
    let mean = expected.mean();
    if mean < ANSCOMBE_MIN_MEAN {
        return None;
    }
    let root = mean.cbrt();
    let reach = DOWN_WEIGHT_FROM / 1.5 * (root * expected.variance() / mean).sqrt();
    let end = |two_thirds: f64| two_thirds.max(0.0) * two_thirds.max(0.0).sqrt();
    // A hair inside, so that rounding never grants a count more than its residual would.
    let low = if mean >= DROP_MIN_MEAN { end(root * root - reach) * (1.0 + 1e-9) } else { 0.0 };
    Some((low, end(root * root + reach) * (1.0 - 1e-9)))
}

/// Whether [`weight`] is 1 of a count, for a mean below 2; `None` from there on, where [`full_weight_range`] tells.
///
/// ```text
/// P(Y >= y) >= 1 - Phi(2.58), by adding up P(Y = 0) to P(Y = y - 1)
/// ```
///
/// Spares the residual of most counts.
pub fn has_full_weight(expected: &NegativeBinomial, count: u64) -> Option<bool> {
    if expected.mean() >= ANSCOMBE_MIN_MEAN {
        return None;
    }
    // A hair inside, so that rounding never grants a count more than its residual would.
    let most_below = 1.0 - UPPER_TAIL_OF_DOWN_WEIGHT * (1.0 + 1e-9);
    let mut below = 0.0;
    // Adding up ends where it is decided, however large the count is.
    let counts = usize::try_from(count).unwrap_or(usize::MAX);
    Some(expected.probabilities().take(counts).all(|probability| {
        below += probability;
        below <= most_below
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expect(mean: f64, size: f64) -> NegativeBinomial {
        NegativeBinomial::new(mean, size).unwrap()
    }

    #[test]
    fn anscombe_by_hand() {
        // y = 27, m = 8, r = 8: V = 16; 1.5 (9 - 4) / sqrt(2) / sqrt(2) = 3.75.
        assert!((residual(27, &expect(8.0, 8.0)) - 3.75).abs() < 1e-12);
        // y = 0, m = 64, Poisson: 1.5 (0 - 16) / 2 = -12.
        assert!((residual(0, &expect(64.0, f64::INFINITY)) + 12.0).abs() < 1e-12);
        assert!(residual(64, &expect(64.0, 3.0)).abs() < 1e-12);
    }

    #[test]
    fn small_means_use_the_exact_tail() {
        // Poisson(1): P(Y >= 5) = 1 - 65/24/e = 0.003659846827..., whose normal quantile is 2.681938...
        let found = residual(5, &expect(1.0, f64::INFINITY));
        assert!((found - crate::stats::reference::NORMAL_SCORE_OF_POISSON_ONE_FIVE).abs() < 1e-12, "{found}");
        // P(Y <= 0) = 1/e, so a quiet bucket lies 0.337 deviations down.
        let quiet = residual(0, &expect(1.0, f64::INFINITY));
        assert!((quiet - crate::stats::reference::NORMAL_SCORE_OF_POISSON_ONE_ZERO).abs() < 1e-12, "{quiet}");
    }

    #[test]
    fn a_call_where_none_was_ever_expected_is_infinite() {
        assert!(residual(1, &expect(0.0, 1.0)) == f64::INFINITY);
        assert!(residual(0, &expect(0.0, 1.0)) == 0.0);
    }

    #[test]
    fn weights_step_down() {
        assert!(weight(2.58, 1.0) >= 1.0);
        assert!((weight(5.16, 1.0) - 0.25).abs() < 1e-15);
        assert!(weight(6.0, 1.0) > 0.18);
        assert!(weight(6.000_001, 1.0) == 0.0);
        assert!(weight(f64::INFINITY, 0.0) == 0.0);
    }

    #[test]
    fn drops_count_from_a_mean_of_five() {
        assert!(weight(-4.0, 4.999) >= 1.0);
        assert!((weight(-5.16, 5.0) - 0.25).abs() < 1e-15);
        assert!(weight(-7.0, 5.0) == 0.0);
    }

    #[test]
    fn nan_teaches_nothing() {
        assert!(weight(f64::NAN, 10.0) == 0.0);
        assert!(weight(1.0, f64::NAN) == 0.0);
    }

    proptest! {
        #[test]
        fn counts_in_the_full_weight_range_have_full_weight(mean in 2.0..1e5, size in 0.05..1e4, count in 0u64..200_000) {
            let expected = expect(mean, size);
            let (low, high) = full_weight_range(&expected).unwrap();
            let full = weight(residual(count, &expected), mean) >= 1.0;
            let inside = (low..=high).contains(&(count as f64));
            prop_assert!(full || !inside);
            // Outside by more than rounding it is never full.
            prop_assert!(!full || inside || (count as f64) < low * 1.000_001 || (count as f64) > high * 0.999_999);
        }

        #[test]
        fn small_means_have_full_weight_up_to_a_count(mean in 0.001..2.0, size in 0.05..1e4, count in 0u64..200) {
            let expected = expect(mean, size);
            let full = weight(residual(count, &expected), mean) >= 1.0;
            // It never grants what the residual would not, and differs from it at most on the border itself.
            let border = (residual(count, &expected) - DOWN_WEIGHT_FROM).abs() < 1e-6;
            prop_assert!(has_full_weight(&expected, count) == Some(full) || (full && border), "{full}");
        }

        #[test]
        fn residual_grows_with_the_count(mean in 0.001..1e4, size in 0.05..1e4, count in 0u64..10_000) {
            let expected = expect(mean, size);
            let (here, above) = (residual(count, &expected), residual(count + 1, &expected));
            prop_assert!(above >= here, "{} {}", here, above);
            prop_assert!((count as f64 > mean) || here <= 0.0);
            prop_assert!((count as f64) < mean || here >= 0.0);
        }
    }
}
