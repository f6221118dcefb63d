//! How much more than Poisson counts around known means vary: two forms of the variance, estimated alike.
//!
//! `dispersion` estimates one form for an entity among thousands and leans on its group; here a series stands alone, its
//! means may span decades, and which form fits better is for the caller to decide by [`ln_negative_binomial`].

use statrs::function::gamma::ln_gamma;

/// Sizes from here on are Poisson to more digits than the difference of two log-gammas keeps.
const POISSON_FROM: f64 = 1e8;

/// How the variance `V` of a count grows with its mean `m`; `e` is the excess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarianceForm {
    /// `V = m + e m` (quasi-Poisson): events come in clumps of a size that does not depend on the rate.
    Linear,
    /// `V = m + e m^2` (gamma-mixed Poisson): the rate itself varies in proportion.
    Quadratic,
}

/// A form of variance with its excess.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overdispersion {
    /// How the variance grows with the mean.
    pub form: VarianceForm,
    /// `e`; 0 is Poisson.
    pub excess: f64,
}

impl Overdispersion {
    /// Variance of a count with this mean, `m + e m` or `m + e m^2`.
    pub fn variance(&self, mean: f64) -> f64 {
        mean + self.excess * self.growth(mean)
    }

    /// `1/r` of the negative binomial with this mean and variance, `(V - m) / m^2`, which is `e/m` or `e`; 0 is Poisson.
    pub fn inverse_size(&self, mean: f64) -> f64 {
        match self.form {
            VarianceForm::Linear => self.excess / mean.max(1e-12),
            VarianceForm::Quadratic => self.excess,
        }
    }

    /// What the excess is multiplied by.
    fn growth(&self, mean: f64) -> f64 {
        match self.form {
            VarianceForm::Linear => mean,
            VarianceForm::Quadratic => mean * mean,
        }
    }
}

/// Sums over past counts from which an excess is estimated by weighted moments.
///
/// ```text
/// e = sum w [(y-m)^2 c - m - u] g / S  /  sum w g^2 / S,   g = m or m^2,   S = 2 V^2 + V
/// ```
///
/// `S` is about the sampling variance of a squared deviation, so that busy and quiet buckets have the say they deserve; it
/// needs a first guess of the variance, the estimate of an earlier pass. Source: Breslow 1984 (iteratively weighted moments).
#[derive(Debug, Clone, Copy)]
pub struct ExcessEvidence {
    guess: Overdispersion,
    excess: f64,
    information: f64,
}

impl ExcessEvidence {
    /// No count yet; `guess` weighs those to come.
    pub fn new(guess: Overdispersion) -> Self {
        Self { guess, excess: 0.0, information: 0.0 }
    }

    /// Adds a count with its mean, its robust weight in `[0, 1]`, what squared deviations are multiplied by because the means
    /// were fitted to the same counts (`n / (n - parameters)`), and the variance of the mean itself where it was foretold.
    pub fn add(&mut self, count: f64, mean: f64, weight: f64, correction: f64, unsure: f64) {
        let growth = self.guess.growth(mean);
        let variance = self.guess.variance(mean);
        let scaled = weight * growth / (2.0 * variance * variance + variance).max(1e-300);
        self.excess += scaled * ((count - mean) * (count - mean) * correction - mean - unsure);
        self.information += scaled * growth;
    }

    /// The excess, drawn towards `prior` as if that had been measured with a standard deviation of `prior_deviation`, plus
    /// `caution` standard errors of the result.
    ///
    /// ```text
    /// max(0, (I e + prior / s^2) / (I + 1/s^2)) + caution / sqrt(I + 1/s^2),   I = sum w g^2 / S,   s the prior deviation
    /// ```
    pub fn estimate(&self, prior: f64, prior_deviation: f64, caution: f64) -> Overdispersion {
        let prior_information = prior_deviation.powi(-2);
        let total = self.information + prior_information;
        let mean = ((self.excess + prior * prior_information) / total).max(0.0);
        Overdispersion { form: self.guess.form, excess: mean + caution / total.sqrt() }
    }
}

/// `ln P(Y = count)` of a negative binomial with this mean and `1/size` (0 is Poisson).
///
/// ```text
/// ln Gamma(r+k) - ln Gamma(r) - ln k! - r ln(1 + m/r) + k ln(m / (r+m))
/// ```
///
/// Accurate to about eight digits, which is plenty for comparing models and nothing else.
pub fn ln_negative_binomial(count: f64, mean: f64, inverse_size: f64) -> f64 {
    if mean <= 0.0 {
        return if count > 0.0 { f64::NEG_INFINITY } else { 0.0 };
    }
    let size = inverse_size.max(0.0).recip();
    if size > POISSON_FROM {
        return count * mean.ln() - mean - ln_gamma(count + 1.0);
    }
    let ways = if count == 0.0 { 0.0 } else { ln_gamma(size + count) - ln_gamma(size) - ln_gamma(count + 1.0) };
    ways - size * (mean / size).ln_1p() + count * (mean / (size + mean)).ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::NegativeBinomial;

    fn over(form: VarianceForm, excess: f64) -> Overdispersion {
        Overdispersion { form, excess }
    }

    #[test]
    fn variances_by_hand() {
        let (linear, quadratic) = (over(VarianceForm::Linear, 0.5), over(VarianceForm::Quadratic, 0.5));
        assert!((linear.variance(4.0) - 6.0).abs() < 1e-15 && (quadratic.variance(4.0) - 12.0).abs() < 1e-15);
        for dispersion in [linear, quadratic] {
            let counts = NegativeBinomial::new(4.0, dispersion.inverse_size(4.0).recip()).unwrap();
            assert!((counts.variance() - dispersion.variance(4.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn estimate_by_hand() {
        // Linear, guess 0: S = 2 m^2 + m = 36 at m = 4; two deviations of 4: (16 - 4) * 4 / 36 each, over 16 / 36 each.
        let mut evidence = ExcessEvidence::new(over(VarianceForm::Linear, 0.0));
        evidence.add(8.0, 4.0, 1.0, 1.0, 0.0);
        evidence.add(0.0, 4.0, 1.0, 1.0, 0.0);
        assert!((evidence.estimate(0.0, 1e9, 0.0).excess - 3.0).abs() < 1e-9);
        // A prior as sure as the data (information 32/36) draws half way; caution adds standard errors.
        let prior_deviation = (36.0_f64 / 32.0).sqrt();
        assert!((evidence.estimate(1.0, prior_deviation, 0.0).excess - 2.0).abs() < 1e-9);
        let cautious = evidence.estimate(1.0, prior_deviation, 1.0).excess;
        assert!((cautious - 2.0 - (36.0_f64 / 64.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn what_the_unsure_mean_explains_is_no_excess() {
        let mut evidence = ExcessEvidence::new(over(VarianceForm::Quadratic, 0.1));
        evidence.add(14.0, 10.0, 1.0, 1.0, 6.0);
        assert!(evidence.estimate(0.0, 1e9, 0.0).excess.abs() < 1e-9);
    }

    #[test]
    fn probabilities_sum_to_one_and_match_the_tails() {
        for (mean, inverse_size) in [(0.3, 0.0), (0.3, 2.0), (5.0, 0.2), (40.0, 0.01)] {
            let sum: f64 = (0..3000).map(|k| ln_negative_binomial(f64::from(k), mean, inverse_size).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{mean} {inverse_size}: {sum}");
            let counts = NegativeBinomial::new(mean, f64::recip(inverse_size)).unwrap();
            let step = counts.ln_upper(3).exp() - counts.ln_upper(4).exp();
            assert!((ln_negative_binomial(3.0, mean, inverse_size).exp() - step).abs() < 1e-8);
        }
        assert!(ln_negative_binomial(0.0, 0.0, 1.0).abs() < 1e-15);
        assert!(ln_negative_binomial(1.0, 0.0, 1.0) == f64::NEG_INFINITY);
    }

    proptest! {
        #[test]
        fn an_excess_is_never_negative(counts in prop::collection::vec(0.0..50.0, 1..40), mean in 0.01..30.0) {
            for form in [VarianceForm::Linear, VarianceForm::Quadratic] {
                let mut evidence = ExcessEvidence::new(over(form, 0.3));
                for &count in &counts {
                    evidence.add(count, mean, 1.0, 1.0, 0.0);
                }
                prop_assert!(evidence.estimate(0.3, 0.5, 0.5).excess >= 0.0);
            }
        }
    }
}
