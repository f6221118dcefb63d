//! The beta-binomial distribution: how many of `n` calls fail when the share that fails is itself uncertain.
//!
//! The share's uncertainty, and how much failures come in clumps, are one number: the precision `a + b`. Where shares come from
//! is decided in `detect`.

use statrs::function::beta::ln_beta;
use statrs::function::factorial::ln_binomial;

use crate::stats::{NegativeBinomial, ParameterError, require};

/// Terms smaller than this part of the sum are left out.
const NEGLIGIBLE: f64 = 1e-13;
/// Calls above which the tail is that of a negative binomial, or a Poisson, instead.
const MOST_SUMMED: u64 = 100_000;

/// `K` of `n` calls, each failing with a probability drawn once from `Beta(a, b)`.
///
/// ```text
/// P(K = k) = C(n, k) B(k + a, n - k + b) / B(a, b)
/// ```
///
/// Source: Skellam 1948.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaBinomial {
    calls: u64,
    failing: f64,
    passing: f64,
}

impl BetaBinomial {
    /// The distribution over `calls` with the parameters of the beta distribution.
    ///
    /// # Errors
    /// When `a` or `b` is not in `[1e-9, 1e9]`.
    pub fn new(calls: u64, a: f64, b: f64) -> Result<Self, ParameterError> {
        require((1e-9..=1e9).contains(&a), "a", "in [1e-9, 1e9]", a)?;
        require((1e-9..=1e9).contains(&b), "b", "in [1e-9, 1e9]", b)?;
        Ok(Self { calls, failing: a, passing: b })
    }

    /// Expected failures, `n a / (a + b)`.
    pub fn mean(&self) -> f64 {
        self.calls as f64 * self.failing / (self.failing + self.passing)
    }

    /// Variance of the failures, `n pi (1 - pi) (1 + (n - 1) / (a + b + 1))`.
    pub fn variance(&self) -> f64 {
        let (share, precision) = (self.mean() / self.calls.max(1) as f64, self.failing + self.passing);
        self.mean() * (1.0 - share) * (1.0 + (self.calls as f64 - 1.0).max(0.0) / (precision + 1.0))
    }

    /// `ln P(K >= failures)`, for failures above the mean; 0 up to it, where nobody asks.
    ///
    /// ```text
    /// P(K = k) = C(n, k) B(k + a, n - k + b) / B(a, b),   summed upwards by
    /// P(K = k + 1) / P(K = k) = (n - k) (k + a) / ((k + 1) (n - k - 1 + b))
    /// ```
    ///
    /// Above 100,000 calls the tail is that of the negative binomial with the same mean and variance; where the variance is not above the
    /// mean, which no negative binomial has, that of the Poisson with the same mean, which is wider.
    pub fn ln_upper(&self, failures: u64) -> f64 {
        if failures as f64 <= self.mean() {
            return 0.0;
        }
        if failures > self.calls {
            return f64::NEG_INFINITY;
        }
        if self.calls > MOST_SUMMED {
            return self.ln_upper_of_many(failures);
        }
        let (calls, first) = (self.calls as f64, failures as f64);
        let ln_first = ln_binomial(self.calls, failures) + ln_beta(first + self.failing, calls - first + self.passing)
            - ln_beta(self.failing, self.passing);
        let (mut sum, mut term) = (1.0, 1.0);
        for failed in failures..self.calls {
            let failed = failed as f64;
            term *=
                (calls - failed) * (failed + self.failing) / ((failed + 1.0) * (calls - failed - 1.0 + self.passing));
            sum += term;
            if term < NEGLIGIBLE * sum {
                break;
            }
        }
        (ln_first + f64::ln(sum)).min(0.0)
    }

    fn ln_upper_of_many(&self, failures: u64) -> f64 {
        let (mean, excess) = (self.mean(), self.variance() - self.mean());
        let size = if excess > 0.0 { mean * mean / excess } else { f64::INFINITY };
        NegativeBinomial::new(mean, size).map_or(0.0, |matched| matched.ln_upper(failures))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Drawing without formulas: Polya's urn gives the distribution of a small number of calls by counting paths.
    fn by_urn(calls: u64, a: f64, b: f64) -> Vec<f64> {
        let mut chances = vec![1.0];
        for drawn in 0..calls {
            let mut next = vec![0.0; chances.len() + 1];
            for (failed, chance) in chances.iter().enumerate() {
                let share = (a + failed as f64) / (a + b + drawn as f64);
                next[failed + 1] += chance * share;
                next[failed] += chance * (1.0 - share);
            }
            chances = next;
        }
        chances
    }

    #[test]
    fn the_tail_is_that_of_an_urn() {
        for (calls, a, b) in [(12, 0.1, 49.9), (40, 2.0, 38.0), (150, 1.5, 120.0), (60, 30.0, 2.0)] {
            let chances = by_urn(calls, a, b);
            let found = BetaBinomial::new(calls, a, b).unwrap();
            for failures in (found.mean() as u64 + 1)..=calls {
                let expected: f64 = chances[failures as usize..].iter().sum();
                let error = (found.ln_upper(failures) - expected.ln()).abs();
                assert!(error < 1e-9 * (1.0 - expected.ln()), "{calls} {a} {b} {failures}: {error}");
            }
        }
    }

    #[test]
    fn certainty_about_the_share_is_the_binomial() {
        // P(K >= 8 of 10) at a share of one half: 56 of 1024.
        let sure = BetaBinomial::new(10, 5e8, 5e8).unwrap();
        assert!((sure.ln_upper(8) - (56.0_f64 / 1024.0).ln()).abs() < 1e-3);
    }

    #[test]
    fn many_calls_pass_smoothly_into_the_negative_binomial() {
        let [below, above] = [MOST_SUMMED, MOST_SUMMED + 1].map(|calls| BetaBinomial::new(calls, 2.0, 1998.0).unwrap());
        for failures in [200, 400, 800] {
            let (left, right) = (below.ln_upper(failures), above.ln_upper(failures));
            assert!((left - right).abs() < 0.1 * (1.0 - left), "{failures}: {left} {right}");
        }
    }

    proptest! {
        #[test]
        fn more_failures_are_less_likely(calls in 1u64..5000, a in 0.01..100.0, b in 0.01..1000.0, part in 0.0..1.0) {
            let found = BetaBinomial::new(calls, a, b).unwrap();
            let failures = (calls as f64 * part) as u64;
            prop_assert!(found.ln_upper(failures + 1) <= found.ln_upper(failures) + 1e-9);
        }
    }
}
