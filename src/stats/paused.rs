//! A negative binomial over several hours of which some may be paused: zero whatever would else have been.
//!
//! What pauses leaves more empty windows than any dispersion explains, and fewer large ones. Hours pause together or apart; how much
//! they do so is one number, as in the beta-binomial distribution.

use statrs::function::beta::ln_beta;
use statrs::function::factorial::ln_binomial;

use crate::stats::{NegativeBinomial, ParameterError, ln_sum_exp, require};

/// Parts of a window less likely than this are left out.
const NEGLIGIBLE: f64 = 1e-12;

/// The count of a window of `n` hours.
///
/// ```text
/// Y | K ~ NB(m (n - K) / n, size),   K ~ BetaBinomial(n, share, rho),   Var K = n share (1 - share) (1 + (n - 1) rho)
/// ```
///
/// Source: counts with more zeros than their distribution explains, Lambert 1992, hour by hour; Skellam 1948 (the beta-binomial).
#[derive(Debug, Clone, PartialEq)]
pub struct PausedNegativeBinomial {
    /// Distributions by paused hours, with their weights; `None` when all hours are paused.
    parts: Vec<(Option<NegativeBinomial>, f64)>,
    unpaused: f64,
}

impl PausedNegativeBinomial {
    /// The distribution of a window of `hours` that would hold `mean` without pauses; `share` of the hours are paused, `together` is
    /// their correlation within a window.
    ///
    /// # Errors
    /// When `mean` or `size` is out of the range of [`NegativeBinomial::new`], or `share` or `together` is not in `[0, 1]`.
    pub fn new(mean: f64, size: f64, hours: usize, share: f64, together: f64) -> Result<Self, ParameterError> {
        require((0.0..=1.0).contains(&share), "share", "in [0, 1]", share)?;
        require((0.0..=1.0).contains(&together), "together", "in [0, 1]", together)?;
        let part = |(paused, weight): (usize, f64)| {
            let active = (hours - paused) as f64 / hours as f64;
            let part = (active > 0.0).then(|| NegativeBinomial::new(mean * active, size)).transpose()?;
            Ok((part, weight))
        };
        let likely = pauses(hours, share.clamp(1e-9, 1.0 - 1e-9), together);
        let unpaused = likely.first().copied().unwrap_or(1.0);
        let parts = likely.into_iter().enumerate().filter(|(_, weight)| *weight > NEGLIGIBLE).map(part);
        Ok(Self { parts: parts.collect::<Result<_, _>>()?, unpaused })
    }

    /// `ln P(no hour is paused)`.
    pub fn ln_unpaused(&self) -> f64 {
        self.unpaused.ln().min(0.0)
    }

    /// `ln P(Y >= count)`.
    pub fn ln_upper(&self, count: u64) -> f64 {
        let nothing = if count == 0 { 0.0 } else { f64::NEG_INFINITY };
        self.ln_sum(nothing, |part| part.ln_upper(count))
    }

    /// `ln P(Y <= count)`.
    pub fn ln_lower(&self, count: u64) -> f64 {
        self.ln_sum(0.0, |part| part.ln_lower(count))
    }

    /// The mean of the count.
    pub fn mean(&self) -> f64 {
        self.parts.iter().map(|(part, weight)| weight * part.map_or(0.0, |part| part.mean())).sum()
    }

    /// The variance of the count.
    pub fn variance(&self) -> f64 {
        let square = |part: NegativeBinomial| part.variance() + part.mean() * part.mean();
        let squares: f64 = self.parts.iter().map(|(part, weight)| weight * part.map_or(0.0, square)).sum();
        squares - self.mean() * self.mean()
    }

    fn ln_sum(&self, ln_of_nothing: f64, ln_tail: impl Fn(&NegativeBinomial) -> f64) -> f64 {
        let term = |(part, weight): &(Option<NegativeBinomial>, f64)| {
            weight.ln() + part.as_ref().map_or(ln_of_nothing, &ln_tail)
        };
        let terms: Vec<f64> = self.parts.iter().map(term).collect();
        ln_sum_exp(&terms).min(0.0)
    }
}

/// The chance of each number of paused hours.
fn pauses(hours: usize, share: f64, together: f64) -> Vec<f64> {
    let precision = together.max(1e-6).recip() - 1.0;
    let (a, b) = (share * precision.max(1e-3), (1.0 - share) * precision.max(1e-3));
    let chance = |paused: usize| {
        let active = (hours - paused) as f64;
        let ways = ln_binomial(hours as u64, paused as u64);
        (ways + ln_beta(paused as f64 + a, active + b) - ln_beta(a, b)).exp()
    };
    (0..=hours).map(chance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_pauses_it_is_the_negative_binomial() {
        let plain = NegativeBinomial::new(30.0, 4.0).unwrap();
        let never = PausedNegativeBinomial::new(30.0, 4.0, 3, 0.0, 0.2).unwrap();
        for count in [0, 5, 30, 90] {
            assert!((never.ln_upper(count) - plain.ln_upper(count)).abs() < 1e-6);
            assert!((never.ln_lower(count) - plain.ln_lower(count)).abs() < 1e-4, "{count}");
        }
    }

    #[test]
    fn independent_pauses_by_hand() {
        let half = PausedNegativeBinomial::new(20.0, 5.0, 2, 0.5, 0.0).unwrap();
        assert!((half.ln_unpaused().exp() - 0.25).abs() < 1e-5);
        let part = |mean: f64| NegativeBinomial::new(mean, 5.0).unwrap();
        let upper = 0.5 * part(10.0).ln_upper(15).exp() + 0.25 * part(20.0).ln_upper(15).exp();
        assert!((half.ln_upper(15).exp() / upper - 1.0).abs() < 1e-5);
        let lower = 0.25 + 0.5 * part(10.0).ln_lower(3).exp() + 0.25 * part(20.0).ln_lower(3).exp();
        assert!((half.ln_lower(3).exp() / lower - 1.0).abs() < 1e-5);
        assert!((half.mean() - 10.0).abs() < 1e-4);
    }

    #[test]
    fn the_number_of_paused_hours_has_the_variance_of_the_beta_binomial() {
        for (share, together) in [(0.05_f64, 0.0_f64), (0.2, 0.3), (0.5, 0.8)] {
            let chances = pauses(6, share, together);
            let moment = |power: i32| -> f64 {
                chances.iter().enumerate().map(|(paused, chance)| chance * (paused as f64).powi(power)).sum()
            };
            assert!((moment(0) - 1.0).abs() < 1e-9 && (moment(1) - 6.0 * share).abs() < 1e-9);
            let expected = 6.0 * share * (1.0 - share) * (1.0 + 5.0 * together);
            assert!((moment(2) - moment(1).powi(2) - expected).abs() < 1e-4 * expected);
        }
    }
}
