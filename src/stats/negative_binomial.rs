//! The negative binomial distribution of a count: exact tails in log space, quantiles, central intervals.
//!
//! This is what `baseline` predicts with and `detect` judges by. It is called tens of millions of times a night, so
//! small counts, which are most of them, take a path without any gamma function. How mean and size are estimated is
//! decided elsewhere.

use std::f64::consts::SQRT_2;

use statrs::function::erf::erfc_inv;
use statrs::function::gamma::ln_gamma;

use crate::stats::special::{BetaPoint, GammaPoint, Tail, ln_1m_exp};
use crate::stats::{ParameterError, require};

/// Counts up to this build their probabilities by multiplication. Longer products gain nothing over the gamma path.
const SMALL_COUNT: u64 = 24;

/// Means above this could overflow the products of the small-count path.
const SMALL_COUNT_MAX_MEAN: f64 = 1e10;

/// Bounds within which no intermediate product of the tails over- or underflows.
const EXTREME: f64 = 1e100;

/// Sizes beyond this lose digits in a difference of gamma functions, and are no different from a Poisson count in any comparison.
const ALMOST_POISSON: f64 = 1e6;

/// The least probability of a tail that begins at a count that [is surely usual](NegativeBinomial::is_surely_usual).
pub const SURELY_USUAL: f64 = 0.1;

/// A count `Y` with mean `m` and variance `m + m^2/r`; `r`, the size, may be infinite (Poisson).
///
/// ```text
/// P(Y = k) = Gamma(r+k)/(Gamma(r) k!) * (r/(r+m))^r * (m/(r+m))^k
/// ```
///
/// Mean 0 is a point mass at zero. Means are counts per window, sizes are pure numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NegativeBinomial {
    mean: f64,
    size: f64,
    /// `1/r`, 0 for Poisson.
    inverse_size: f64,
    /// `r/(r+m)`, 1 for Poisson.
    success: f64,
    /// `m/(r+m)`, 0 for Poisson.
    failure: f64,
}

impl NegativeBinomial {
    /// The distribution with this mean and size.
    ///
    /// # Errors
    /// When `mean` is not in `[0, 1e100]`, or `size` is below `1e-100`; NaN is refused. `f64::INFINITY` is a valid
    /// size.
    pub fn new(mean: f64, size: f64) -> Result<Self, ParameterError> {
        require((0.0..=EXTREME).contains(&mean), "mean", "in [0, 1e100]", mean)?;
        require(size >= EXTREME.recip(), "size", "at least 1e-100 (or infinite)", size)?;
        // Beyond the bound the difference from Poisson has no digit left to show in.
        let (inverse_size, failure) = if size > EXTREME { (0.0, 0.0) } else { (size.recip(), mean / (mean + size)) };
        Ok(Self { mean, size, inverse_size, success: (1.0 + mean * inverse_size).recip(), failure })
    }

    /// Expected count.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Size `r` as given; infinite for Poisson.
    pub fn size(&self) -> f64 {
        self.size
    }

    /// Variance of the count, `m + m^2/r`.
    pub fn variance(&self) -> f64 {
        self.mean + self.mean * self.mean * self.inverse_size
    }

    /// Whether a count is so near the mean that what is as large, or as small if it is below the mean, has at least probability
    /// [`SURELY_USUAL`]; told without a tail. `false` says nothing.
    ///
    /// ```text
    /// size >= 1/2,   max(mean - sd, mean/4) <= count <= mean + sd
    /// ```
    ///
    /// No theorem, but checked: the bounds were chosen so that it holds on a grid of means from 1e-3 to 1e10 and sizes from 1/2 on (see the tests).
    pub fn is_surely_usual(&self, count: u64) -> bool {
        let (count, deviation) = (count as f64, self.variance().sqrt());
        self.size >= 0.5 && count <= self.mean + deviation && count >= (self.mean - deviation).max(self.mean * 0.25)
    }

    /// `ln P(Y >= count)`, exact (not mid-p). 0 for a count of 0, negative infinity for a positive count at mean 0.
    ///
    /// ```text
    /// ln I_{m/(m+r)}(count, r),   Poisson: ln P(count, m)
    /// ```
    ///
    /// Relative error below 3e-12 for sizes from 0.001 and means up to 1e7, however small the probability.
    pub fn ln_upper(&self, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        if self.mean <= 0.0 {
            return f64::NEG_INFINITY;
        }
        if count == 1 {
            return ln_1m_exp(self.ln_zero());
        }
        self.tail_from(count as f64).ln()
    }

    /// `ln P(Y <= count)`, exact (not mid-p). 0 at mean 0.
    ///
    /// ```text
    /// ln I_{r/(m+r)}(r, count + 1),   Poisson: ln Q(count + 1, m)
    /// ```
    pub fn ln_lower(&self, count: u64) -> f64 {
        if self.mean <= 0.0 {
            return 0.0;
        }
        if count == 0 {
            return self.ln_zero();
        }
        self.tail_from(count as f64 + 1.0).ln_complement()
    }

    /// `ln P(Y = count)`. For comparing descriptions of counts, not for tails: of sizes beyond 1e6 it is that of a Poisson count.
    ///
    /// ```text
    /// ln Gamma(r+k) - ln Gamma(r) - ln k! + r ln(r/(r+m)) + k ln(m/(r+m)),   Poisson: k ln m - m - ln k!
    /// ```
    pub fn ln_mass(&self, count: u64) -> f64 {
        let k = count as f64;
        if self.mean <= 0.0 {
            return if count == 0 { 0.0 } else { f64::NEG_INFINITY };
        }
        if count == 0 {
            return self.ln_zero();
        }
        if self.size > ALMOST_POISSON {
            return k * self.mean.ln() - self.mean - ln_gamma(k + 1.0);
        }
        ln_gamma(self.size + k) - ln_gamma(self.size) - ln_gamma(k + 1.0) + self.ln_zero() + k * self.failure.ln()
    }

    /// Smallest `k` with `P(Y <= k) >= probability`; saturates at `u64::MAX`. Searched by exact tails, outwards from where Cornish and Fisher
    /// (1938) expect it.
    ///
    /// # Errors
    /// When `probability` is not in `[0, 1)`.
    pub fn quantile(&self, probability: f64) -> Result<u64, ParameterError> {
        require((0.0..1.0).contains(&probability), "probability", "in [0, 1)", probability)?;
        if probability < 0.5 {
            Ok(self.lower_quantile(probability))
        } else {
            Ok(self.upper_quantile(1.0 - probability))
        }
    }

    /// Central interval: from the `(1-coverage)/2` to the `(1+coverage)/2` quantile, both ends included.
    ///
    /// ```text
    /// [min k: P(Y <= k) >= (1 - coverage)/2,   min k: P(Y > k) <= (1 - coverage)/2]
    /// ```
    ///
    /// Discreteness makes it cover at least `coverage`.
    ///
    /// # Errors
    /// When `coverage` is not in `(0, 1)`.
    pub fn interval(&self, coverage: f64) -> Result<(u64, u64), ParameterError> {
        require(coverage > 0.0 && coverage < 1.0, "coverage", "in (0, 1)", coverage)?;
        let outside = 0.5 * (1.0 - coverage);
        Ok((self.lower_quantile(outside), self.upper_quantile(outside)))
    }

    /// `P(Y = 0), P(Y = 1), ...` without end, for means that are small enough not to underflow at 0.
    ///
    /// ```text
    /// P(Y = j+1) = P(Y = j) * m success (1 + j/r) / (j+1)
    /// ```
    pub(super) fn probabilities(&self) -> impl Iterator<Item = f64> {
        let (step, inverse_size) = (self.mean * self.success, self.inverse_size);
        let next = move |(probability, j): &(f64, f64)| {
            Some((probability * step * (1.0 + j * inverse_size) / (j + 1.0), j + 1.0))
        };
        std::iter::successors(Some((self.ln_zero().exp(), 0.0)), next).map(|(probability, _)| probability)
    }

    /// `ln P(Y = 0) = -r ln(1 + m/r)`.
    fn ln_zero(&self) -> f64 {
        if self.inverse_size == 0.0 { -self.mean } else { -self.size * (self.mean * self.inverse_size).ln_1p() }
    }

    /// `P(Y >= count)` for a whole `count` of at least 1 and a positive mean.
    fn tail_from(&self, count: f64) -> Tail {
        if count <= SMALL_COUNT as f64 && self.mean <= SMALL_COUNT_MAX_MEAN {
            return self.small_tail_from(count);
        }
        self.fraction_tail_from(count)
    }

    /// [`Self::tail_from`] by the incomplete beta or gamma function.
    fn fraction_tail_from(&self, count: f64) -> Tail {
        if self.inverse_size == 0.0 { self.gamma_point(count).tail() } else { self.beta_point(count).tail() }
    }

    /// [`Self::tail_from`] by the products `P(Y = j+1) = P(Y = j) * m success (1 + j/r) / (j+1)`.
    ///
    /// Below the centre the terms are summed, which cannot cancel; above it the last one is the front factor of the
    /// continued fraction.
    fn small_tail_from(&self, count: f64) -> Tail {
        let step = self.mean * self.success;
        let ln_zero = self.ln_zero();
        let (mut term, mut sum, mut j) = (1.0, 0.0, 0.0);
        while j < count {
            sum += term;
            term *= step * (1.0 + j * self.inverse_size) / (j + 1.0);
            j += 1.0;
        }
        if count < self.mean {
            return Tail::Complement(ln_zero + sum.ln());
        }
        if term < f64::MIN_POSITIVE {
            return self.fraction_tail_from(count);
        }
        // x^a y^b / B(a, b) is P(Y = a) times a; for large b the factor y^b is P(Y = 0).
        let ln_front = ln_zero + (term * count).ln();
        if self.inverse_size == 0.0 {
            self.gamma_point(count).tail_with_front(ln_front)
        } else {
            self.beta_point(count).tail_with_front(ln_front)
        }
    }

    fn gamma_point(&self, count: f64) -> GammaPoint {
        GammaPoint { a: count, x: self.mean }
    }

    fn beta_point(&self, count: f64) -> BetaPoint {
        let excess = (count - self.mean) * self.success;
        BetaPoint { a: count, b: self.size, x: self.failure, y: self.success, excess }
    }

    /// Smallest `k` with `P(Y <= k) >= mass`, for a mass below one half.
    fn lower_quantile(&self, mass: f64) -> u64 {
        let ln_mass = mass.ln();
        self.first_where(self.guess(-normal_quantile(mass)), |k| self.ln_lower(k) >= ln_mass)
    }

    /// Smallest `k` with `P(Y > k) <= mass`, for a mass of at most one half.
    fn upper_quantile(&self, mass: f64) -> u64 {
        let ln_mass = mass.ln();
        self.first_where(self.guess(normal_quantile(mass)), |k| k == u64::MAX || self.ln_upper(k + 1) <= ln_mass)
    }

    /// Where a quantile `z` standard deviations out should lie, skewness included (Cornish-Fisher).
    fn guess(&self, z: f64) -> u64 {
        let deviation = self.variance().sqrt();
        let skewness = (1.0 + 2.0 * self.mean * self.inverse_size) / deviation;
        let shift = z + skewness.min(3.0) * (z * z - 1.0) / 6.0;
        (self.mean + deviation * shift) as u64
    }

    /// Smallest `k` for which a monotone predicate holds, searched outwards from a guess and then by bisection.
    fn first_where(&self, guess: u64, holds: impl Fn(u64) -> bool) -> u64 {
        if self.mean <= 0.0 {
            return 0;
        }
        let mut width = (self.variance().sqrt() / 16.0).max(1.0) as u64;
        let (mut low, mut high) = (guess, guess);
        while low > 0 && holds(low) {
            (low, high, width) = (low.saturating_sub(width), low, width.saturating_mul(2));
        }
        if low == 0 && holds(0) {
            return 0;
        }
        while high == low || !holds(high) {
            if high == u64::MAX {
                return high;
            }
            (low, high, width) = (high, high.saturating_add(width), width.saturating_mul(2));
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if holds(middle) { high = middle } else { low = middle }
        }
        high
    }
}

/// The `z` with `P(Z >= z) = mass` of a standard normal `Z`, only ever a starting point.
fn normal_quantile(mass: f64) -> f64 {
    if mass > 0.0 { SQRT_2 * erfc_inv(2.0 * mass) } else { 40.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::reference::{NEGATIVE_BINOMIAL, relative_error};

    fn distribution(mean: f64, size: f64) -> NegativeBinomial {
        NegativeBinomial::new(mean, size).unwrap()
    }

    /// `P(Y = 0), P(Y = 1), ...` by plain multiplication, for small means.
    fn probabilities(mean: f64, size: f64, up_to: usize) -> Vec<f64> {
        let mut all = vec![if size.is_infinite() { (-mean).exp() } else { (1.0 + mean / size).powf(-size) }];
        for k in 0..up_to {
            let k = k as f64;
            let ratio = if size.is_infinite() { mean } else { mean * (size + k) / (size + mean) };
            all.push(all[all.len() - 1] * ratio / (k + 1.0));
        }
        all
    }

    #[test]
    fn masses_are_those_of_plain_multiplication() {
        for (mean, size) in [(0.3, 0.2), (3.0, 1.7), (12.0, 40.0), (7.0, 1e7), (7.0, f64::INFINITY)] {
            for (count, probability) in probabilities(mean, size, 30).into_iter().enumerate() {
                let error = distribution(mean, size).ln_mass(count as u64) - probability.ln();
                assert!(error.abs() < 1e-4 * (size / 1e7).clamp(1e-7, 1.0), "{mean} {size} {count}: {error}");
            }
        }
        assert!(distribution(0.0, 1.0).ln_mass(0).abs() < 1e-300);
        assert!(distribution(0.0, 1.0).ln_mass(1) < f64::MIN);
    }

    /// Also prints the worst errors, by size class, for whoever wants to know (`--nocapture`).
    #[test]
    fn tails_match_the_reference() {
        let mut worst = [(0.0, 0.0, 0.0, 0); 2];
        for &(mean, size, count, upper, lower) in NEGATIVE_BINOMIAL {
            let predicted = distribution(mean, size);
            for (side, found, expected) in
                [(0, predicted.ln_upper(count), upper), (1, predicted.ln_lower(count), lower)]
            {
                let error = relative_error(found, expected);
                if error > worst[side].0 {
                    worst[side] = (error, mean, size, count);
                }
            }
        }
        println!("worst relative error of ln p: upper {:?}, lower {:?}", worst[0], worst[1]);
        assert!(worst[0].0 < 3e-12 && worst[1].0 < 3e-12, "{worst:?}");
    }

    #[test]
    fn reference_reaches_far_and_wide() {
        assert!(NEGATIVE_BINOMIAL.len() > 500);
        assert!(NEGATIVE_BINOMIAL.iter().filter(|row| row.3 < -700.0).count() > 50);
        assert!(NEGATIVE_BINOMIAL.iter().any(|row| row.0 >= 1e7 && row.4 < -700.0));
    }

    #[test]
    fn sums_by_brute_force() {
        for (mean, size) in [(0.2, 0.5), (1.0, 3.0), (4.5, 0.1), (6.0, f64::INFINITY)] {
            let all = probabilities(mean, size, 4000);
            let predicted = distribution(mean, size);
            for k in 0..40 {
                let upper: f64 = all[k..].iter().rev().sum();
                let lower: f64 = all[..=k].iter().sum();
                assert!(relative_error(predicted.ln_upper(k as u64).exp(), upper) < 1e-12, "{mean} {size} {k}");
                assert!(relative_error(predicted.ln_lower(k as u64).exp(), lower) < 1e-12, "{mean} {size} {k}");
            }
        }
    }

    #[test]
    fn poisson_is_the_limit() {
        for (mean, count) in [(0.01, 3), (2.0, 9), (100.0, 60), (100.0, 190)] {
            let (near, limit) = (distribution(mean, 1e13), distribution(mean, f64::INFINITY));
            // The difference itself is of order (count - mean)^2 / 2 size.
            assert!((near.ln_upper(count) - limit.ln_upper(count)).abs() < 1e-9);
            assert!((near.ln_lower(count) - limit.ln_lower(count)).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_surely_usual_is() {
        let means = (-60..=200).map(|power| 1.122_f64.powi(power));
        let sizes: Vec<f64> = (0..=80).map(|power| 0.5 * 1.2_f64.powi(power)).chain([f64::INFINITY]).collect();
        let (mut told, mut least) = (0, 1.0_f64);
        for predicted in means.flat_map(|mean| sizes.iter().map(move |&size| distribution(mean, size))) {
            let deviation = predicted.variance().sqrt();
            let ends =
                [predicted.mean() - deviation, 0.25 * predicted.mean(), predicted.mean(), predicted.mean() + deviation];
            let near = ends.iter().flat_map(|end| [end.floor(), end.ceil()]).filter(|count| *count >= 0.0);
            for count in near.map(|count| count as u64).filter(|&count| predicted.is_surely_usual(count)) {
                let above = count as f64 > predicted.mean();
                let ln_p = if above { predicted.ln_upper(count) } else { predicted.ln_lower(count) };
                (told, least) = (told + 1, least.min(ln_p.exp()));
            }
        }
        assert!(told > 50_000 && least >= SURELY_USUAL, "{told} {least}");
    }

    #[test]
    fn mean_zero_is_a_point_mass() {
        let nothing = distribution(0.0, 2.0);
        assert!(nothing.ln_upper(0) == 0.0 && nothing.ln_upper(1) == f64::NEG_INFINITY);
        assert!(nothing.ln_lower(0) == 0.0 && nothing.ln_lower(7) == 0.0);
        assert_eq!((nothing.quantile(0.999).unwrap(), nothing.interval(0.9).unwrap()), (0, (0, 0)));
    }

    #[test]
    fn extremes_stay_numbers() {
        for mean in [1e-300, 1e-20, 1.0, 1e9, 1e18, 1e100] {
            for size in [1e-100, 1e-3, 1.0, 1e12, 1e100, 1e300, f64::INFINITY] {
                for count in [1, 2, 24, 25, 1_000, 1 << 40, 1 << 60, u64::MAX] {
                    let predicted = distribution(mean, size);
                    let (upper, lower) = (predicted.ln_upper(count), predicted.ln_lower(count));
                    assert!(upper <= 0.0 && lower <= 0.0, "{mean} {size} {count}: {upper} {lower}");
                }
            }
        }
    }

    #[test]
    fn tiny_means_underflow_no_product() {
        // P(Y >= 24) is P(Y = 24) = m^24/24! up to a relative 1e-20; the product itself would be 1e-504.
        let expected = 24.0 * 1e-20f64.ln() - (2..=24).map(|n| f64::from(n).ln()).sum::<f64>();
        assert!(relative_error(distribution(1e-20, f64::INFINITY).ln_upper(24), expected) < 1e-14);
        assert!(relative_error(distribution(1e-20, 1e40).ln_upper(24), expected) < 1e-14);
    }

    #[test]
    fn quantiles_by_brute_force() {
        for (mean, size) in [(0.2, 0.5), (1.0, 3.0), (4.5, 0.1), (6.0, f64::INFINITY)] {
            let all = probabilities(mean, size, 4000);
            for probability in [0.0, 0.001, 0.1, 0.37, 0.5, 0.9, 0.999, 0.999_999] {
                let mut sum = 0.0;
                let expected = all.iter().position(|p| {
                    sum += p;
                    sum >= probability
                });
                let found = distribution(mean, size).quantile(probability).unwrap();
                assert_eq!(Some(found as usize), expected, "{mean} {size} {probability}");
            }
        }
    }

    #[test]
    fn quantiles_reach_far_into_the_lower_tail() {
        let predicted = distribution(100.0, f64::INFINITY);
        let found = predicted.quantile(1e-20).unwrap();
        assert!(predicted.ln_lower(found) >= 1e-20f64.ln() && predicted.ln_lower(found - 1) < 1e-20f64.ln());
    }

    #[test]
    fn interval_of_a_wide_distribution_is_nearly_normal() {
        let (low, high) = distribution(1e6, f64::INFINITY).interval(0.95).unwrap();
        assert!(
            (low as f64 - (1e6 - 1959.96)).abs() < 3.0 && (high as f64 - (1e6 + 1959.96)).abs() < 3.0,
            "{low} {high}"
        );
        assert_eq!(distribution(1e100, 1.0).quantile(0.5).unwrap(), u64::MAX);
    }

    #[test]
    fn nonsense_is_refused() {
        for (mean, size) in
            [(f64::NAN, 1.0), (-1.0, 1.0), (f64::INFINITY, 1.0), (1.0, f64::NAN), (1.0, 0.0), (1.0, -2.0)]
        {
            assert!(NegativeBinomial::new(mean, size).is_err(), "{mean} {size}");
        }
        let predicted = distribution(1.0, 1.0);
        assert!(predicted.quantile(1.0).is_err() && predicted.quantile(f64::NAN).is_err());
        assert!(predicted.interval(0.0).is_err() && predicted.interval(f64::NAN).is_err());
    }

    fn parameters() -> impl Strategy<Value = (f64, f64)> {
        let exponential = |range: std::ops::Range<f64>| range.prop_map(|exponent: f64| 10f64.powf(exponent));
        (exponential(-3.0..7.0), prop_oneof![4 => exponential(-1.3..8.0), 1 => Just(f64::INFINITY)])
    }

    /// A count at most twenty standard deviations from the mean.
    fn count_near(predicted: &NegativeBinomial, deviations: f64) -> u64 {
        (predicted.mean() + deviations * predicted.variance().sqrt()).round() as u64
    }

    proptest! {
        #[test]
        fn tails_are_monotone((mean, size) in parameters(), deviations in -6.0..20.0) {
            let predicted = distribution(mean, size);
            let count = count_near(&predicted, deviations);
            prop_assert!(predicted.ln_upper(count + 1) <= predicted.ln_upper(count));
            prop_assert!(predicted.ln_lower(count + 1) >= predicted.ln_lower(count));
        }

        #[test]
        fn tails_complete_each_other((mean, size) in parameters(), deviations in -6.0..20.0) {
            let predicted = distribution(mean, size);
            let count = count_near(&predicted, deviations);
            let total = predicted.ln_upper(count + 1).exp() + predicted.ln_lower(count).exp();
            prop_assert!((total - 1.0).abs() < 1e-13, "{}", total);
        }

        /// Neighbouring upper tails differ by one probability, whose neighbours stand in a known ratio.
        #[test]
        fn tails_step_by_the_probabilities(mean in 0.01..50.0, size in 0.05..1e4, count in 1u64..60) {
            let predicted = distribution(mean, size);
            let at = |k: u64| predicted.ln_upper(k).exp() - predicted.ln_upper(k + 1).exp();
            let below = |k: u64| predicted.ln_lower(k).exp() - predicted.ln_lower(k - 1).exp();
            let k = count as f64;
            let ratio = mean * (size + k) / (size + mean) / (k + 1.0);
            prop_assert!((at(count + 1) - ratio * at(count)).abs() < 1e-13);
            prop_assert!((at(count) - below(count)).abs() < 1e-13);
        }

        #[test]
        fn quantile_is_the_first_to_reach((mean, size) in parameters(), probability in 0.0001..0.9999) {
            let predicted = distribution(mean, size);
            let found = predicted.quantile(probability).unwrap();
            prop_assert!(predicted.ln_lower(found).exp() >= probability - 1e-13);
            prop_assert!(found == 0 || predicted.ln_lower(found - 1).exp() < probability + 1e-13);
        }
    }
}
