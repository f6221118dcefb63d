//! How much more than Poisson an entity's counts vary: the moment estimate of `alpha` in `Var = m + alpha m^2`, what
//! it is worth, and its shrinkage towards the group.
//!
//! One evidence per entity and window width. Means, weights and groups come from `baseline`; the result becomes the
//! size of a `NegativeBinomial`.

use crate::stats::{ParameterError, require};

/// Largest raw estimate of `alpha`: a standard deviation of 2.2 times the mean.
pub const MAX_ALPHA: f64 = 5.0;

/// Smallest shrunken `alpha`: nothing in the cloud is more regular than 10 % around its mean.
pub const MIN_ALPHA: f64 = 0.01;

/// Information from which an entity has a say in its group's `alpha`.
pub const GROUP_MIN_INFORMATION: f64 = 20.0;

/// Typical `alpha` assumed in the sampling variance of a squared deviation.
const TYPICAL_ALPHA: f64 = 0.3;

/// What a group lends its members: its `alpha` and how much information that counts for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DispersionPrior {
    alpha: f64,
    information: f64,
}

impl DispersionPrior {
    /// Information of a prior whose `alpha` varies by 0.15 between members around a typical 0.3: `0.3 / 0.15^2`.
    pub const DEFAULT_INFORMATION: f64 = 0.3 / (0.15 * 0.15);

    /// A prior of this `alpha` worth this much information.
    ///
    /// # Errors
    /// When `alpha` is not in `[0, 5]`, or `information` is not positive and finite.
    pub fn new(alpha: f64, information: f64) -> Result<Self, ParameterError> {
        require((0.0..=MAX_ALPHA).contains(&alpha), "alpha", "in [0, 5]", alpha)?;
        require(information > 0.0 && information.is_finite(), "information", "positive and finite", information)?;
        Ok(Self { alpha, information })
    }

    /// `alpha` of the group.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Information it counts for.
    pub fn information(&self) -> f64 {
        self.information
    }
}

/// Sums over buckets that were expected to have one mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AlikeBuckets {
    /// `sum v`.
    weight: f64,
    /// `sum v^2`.
    squared_weight: f64,
    /// `sum v (y-m)^2`.
    squared_deviations: f64,
}

impl AlikeBuckets {
    /// Adds a bucket: how far its count lies from the mean, and its robust weight.
    pub fn add(&mut self, deviation: f64, weight: f64) {
        self.weight += weight;
        self.squared_weight += weight * weight;
        self.squared_deviations += weight * deviation * deviation;
    }

    /// The weight of all of them.
    pub fn weight(&self) -> f64 {
        self.weight
    }
}

/// Sums over an entity's past buckets from which its dispersion is estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DispersionEvidence {
    /// `sum v [(y-m)^2 n/(n-1) - m]`.
    excess_variance: f64,
    /// `sum v m^2`.
    squared_means: f64,
    /// `sum v^2 [2 m^2 (1 + 0.3 m)^2 + m]`.
    sampling_variance: f64,
}

impl DispersionEvidence {
    /// No bucket yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one bucket: its `count` (possibly winsorised), the `mean` it was expected to have, its robust `weight`,
    /// and the effective number of samples `n` behind that mean, which makes good for the mean having seen the count.
    ///
    /// # Errors
    /// When `count` or `mean` is not in `[0, 1e15]`, `weight` is not in `[0, 1]`, or `effective_samples` is not above
    /// 1. The evidence is then unchanged. An infinite `effective_samples` means a mean known from elsewhere.
    pub fn add(&mut self, count: f64, mean: f64, weight: f64, effective_samples: f64) -> Result<(), ParameterError> {
        require((0.0..=1e15).contains(&count), "count", "in [0, 1e15]", count)?;
        require((0.0..=1e15).contains(&mean), "mean", "in [0, 1e15]", mean)?;
        require((0.0..=1.0).contains(&weight), "weight", "in [0, 1]", weight)?;
        require(effective_samples > 1.0, "effective_samples", "above 1", effective_samples)?;
        let deviation = count - mean;
        let correction = (1.0 - effective_samples.recip()).recip();
        let square = mean * mean;
        let growth = 1.0 + TYPICAL_ALPHA * mean;
        self.excess_variance += weight * (deviation * deviation * correction - mean);
        self.squared_means += weight * square;
        self.sampling_variance += weight * weight * (2.0 * square * growth * growth + mean);
        Ok(())
    }

    /// Adds buckets that were expected to have one mean, all at once; the same as adding each by itself, up to rounding.
    ///
    /// # Errors
    /// As [`DispersionEvidence::add`], for the mean and the samples behind it.
    pub fn add_alike(
        &mut self,
        buckets: &AlikeBuckets,
        mean: f64,
        effective_samples: f64,
    ) -> Result<(), ParameterError> {
        require((0.0..=1e15).contains(&mean), "mean", "in [0, 1e15]", mean)?;
        require(effective_samples > 1.0, "effective_samples", "above 1", effective_samples)?;
        let correction = (1.0 - effective_samples.recip()).recip();
        let square = mean * mean;
        let growth = 1.0 + TYPICAL_ALPHA * mean;
        self.excess_variance += buckets.squared_deviations * correction - buckets.weight * mean;
        self.squared_means += buckets.weight * square;
        self.sampling_variance += buckets.squared_weight * (2.0 * square * growth * growth + mean);
        Ok(())
    }

    /// The evidence of both.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            excess_variance: self.excess_variance + other.excess_variance,
            squared_means: self.squared_means + other.squared_means,
            sampling_variance: self.sampling_variance + other.sampling_variance,
        }
    }

    /// Moment estimate, clipped to `[0, 5]`; `None` before any bucket with weight and a positive mean.
    ///
    /// ```text
    /// a = sum v [(y-m)^2 n/(n-1) - m] / sum v m^2
    /// ```
    pub fn alpha(&self) -> Option<f64> {
        (self.squared_means > 0.0).then(|| (self.excess_variance / self.squared_means).clamp(0.0, MAX_ALPHA))
    }

    /// Information of the estimate: the inverse of its sampling variance at a typical `alpha` of 0.3.
    ///
    /// ```text
    /// I = (sum v m^2)^2 / sum v^2 [2 m^2 (1 + 0.3 m)^2 + m]
    /// ```
    ///
    /// 0 without evidence.
    pub fn information(&self) -> f64 {
        if self.squared_means > 0.0 { self.squared_means / self.sampling_variance * self.squared_means } else { 0.0 }
    }
}

/// The entity's `alpha`: its own estimate and its group's, weighted by information, plus a share of what both leave
/// uncertain.
///
/// ```text
/// alpha = max(0.01, (I a + A a0) / (I + A)) + c / sqrt(I + A)
/// ```
///
/// `inflation` is `c`: 0.5 by default, 1 where the nightly replay shows inflated p-values.
///
/// # Errors
/// When `inflation` is not in `[0, 100]`.
pub fn shrunk_alpha(
    evidence: &DispersionEvidence,
    prior: &DispersionPrior,
    inflation: f64,
) -> Result<f64, ParameterError> {
    require((0.0..=100.0).contains(&inflation), "inflation", "in [0, 100]", inflation)?;
    let own = evidence.information();
    let total = own + prior.information;
    let weighted = (own * evidence.alpha().unwrap_or(0.0) + prior.information * prior.alpha) / total;
    Ok(weighted.max(MIN_ALPHA) + inflation / total.sqrt())
}

/// The group's `alpha`: the median estimate over members with information above 20, or `None` when there is no such.
pub fn group_alpha<'a>(members: impl IntoIterator<Item = &'a DispersionEvidence>) -> Option<f64> {
    let telling = members.into_iter().filter(|member| member.information() > GROUP_MIN_INFORMATION);
    let mut alphas: Vec<f64> = telling.filter_map(DispersionEvidence::alpha).collect();
    alphas.sort_unstable_by(f64::total_cmp);
    let upper = *alphas.get(alphas.len() / 2)?;
    let lower = alphas[(alphas.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// Size of the negative binomial that predicts a new count, the uncertainty of the mean included.
///
/// ```text
/// 1/r = alpha + (1/m + alpha) / n
/// ```
///
/// Infinite at mean 0 (where the size does not matter) and where nothing adds to Poisson.
///
/// # Errors
/// When `mean` or `alpha` is negative or not finite, or `effective_samples` is not positive.
pub fn predictive_size(mean: f64, alpha: f64, effective_samples: f64) -> Result<f64, ParameterError> {
    require((0.0..=1e100).contains(&mean), "mean", "in [0, 1e100]", mean)?;
    require((0.0..=1e15).contains(&alpha), "alpha", "in [0, 1e15]", alpha)?;
    require(effective_samples > 0.0, "effective_samples", "positive", effective_samples)?;
    if mean <= 1e-80 {
        return Ok(f64::INFINITY);
    }
    Ok((alpha + (mean.recip() + alpha) / effective_samples).recip())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn evidence(buckets: &[(f64, f64, f64, f64)]) -> DispersionEvidence {
        let mut evidence = DispersionEvidence::new();
        for &(count, mean, weight, samples) in buckets {
            evidence.add(count, mean, weight, samples).unwrap();
        }
        evidence
    }

    #[test]
    fn estimate_by_hand() {
        // (20-10)^2 * 5/4 - 10 = 115, half of (4-8)^2 * 2 - 8 = 24; over 100 + 32.
        let two = evidence(&[(20.0, 10.0, 1.0, 5.0), (4.0, 8.0, 0.5, 2.0)]);
        assert!((two.alpha().unwrap() - (115.0 + 12.0) / 132.0).abs() < 1e-14);
        // 2*100*16 + 10 = 3210, a quarter of 2*64*3.4^2 + 8 = 1487.68.
        assert!((two.information() - 132.0 * 132.0 / (3210.0 + 371.92)).abs() < 1e-12);
    }

    #[test]
    fn estimate_stays_in_bounds() {
        assert!(evidence(&[(10.0, 10.0, 1.0, 5.0)]).alpha() == Some(0.0));
        assert!(evidence(&[(1000.0, 10.0, 1.0, 5.0)]).alpha() == Some(MAX_ALPHA));
        assert!(evidence(&[(3.0, 0.0, 1.0, 5.0), (1.0, 2.0, 0.0, 5.0)]).alpha().is_none());
    }

    #[test]
    fn no_evidence_is_the_prior() {
        let prior = DispersionPrior::new(0.4, 16.0).unwrap();
        let alpha = shrunk_alpha(&DispersionEvidence::new(), &prior, 0.5).unwrap();
        assert!((alpha - (0.4 + 0.5 / 4.0)).abs() < 1e-15);
        assert!((DispersionPrior::DEFAULT_INFORMATION - 13.333_333_333_333_334).abs() < 1e-12);
    }

    #[test]
    fn shrinkage_by_hand() {
        let two = evidence(&[(20.0, 10.0, 1.0, 5.0), (4.0, 8.0, 0.5, 2.0)]);
        let (own, alpha) = (two.information(), two.alpha().unwrap());
        let prior = DispersionPrior::new(0.1, 10.0).unwrap();
        let expected = (own * alpha + 10.0 * 0.1) / (own + 10.0) + 0.5 / (own + 10.0).sqrt();
        assert!((shrunk_alpha(&two, &prior, 0.5).unwrap() - expected).abs() < 1e-15);
        let regular = DispersionPrior::new(0.0, 25.0).unwrap();
        assert!((shrunk_alpha(&DispersionEvidence::new(), &regular, 1.0).unwrap() - 0.21).abs() < 1e-15);
    }

    #[test]
    fn group_is_the_median_of_the_telling() {
        let many = |count: f64| evidence(&[(count, 10.0, 1.0, 50.0); 200]);
        let members = [many(15.0), many(17.0), many(20.0), evidence(&[(300.0, 10.0, 1.0, 50.0)])];
        assert!(members[0].information() > GROUP_MIN_INFORMATION && members[3].information() < GROUP_MIN_INFORMATION);
        assert!(group_alpha(&members) == members[1].alpha());
        let even = group_alpha(&members[..2]).unwrap();
        assert!((even - f64::midpoint(members[0].alpha().unwrap(), members[1].alpha().unwrap())).abs() < 1e-15);
        assert!(group_alpha(&members[3..]).is_none());
    }

    #[test]
    fn predictive_size_by_hand() {
        assert!((predictive_size(4.0, 0.25, 10.0).unwrap() - 1.0 / 0.3).abs() < 1e-14);
        assert!(predictive_size(0.0, 0.25, 10.0).unwrap() == f64::INFINITY);
        assert!(predictive_size(4.0, 0.0, f64::INFINITY).unwrap() == f64::INFINITY);
    }

    #[test]
    fn nonsense_is_refused_and_changes_nothing() {
        let mut sums = evidence(&[(20.0, 10.0, 1.0, 5.0)]);
        let before = sums;
        for bad in [(f64::NAN, 1.0, 1.0, 5.0), (1.0, -1.0, 1.0, 5.0), (1.0, 1.0, 1.5, 5.0), (1.0, 1.0, 1.0, 1.0)] {
            assert!(sums.add(bad.0, bad.1, bad.2, bad.3).is_err());
        }
        assert_eq!(sums, before);
        assert!(DispersionPrior::new(f64::NAN, 1.0).is_err());
        assert!(DispersionPrior::new(0.1, 0.0).is_err());
        assert!(predictive_size(1.0, f64::NAN, 1.0).is_err());
        assert!(shrunk_alpha(&sums, &DispersionPrior::new(0.1, 1.0).unwrap(), f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn buckets_that_are_alike_may_be_added_up_first(
            buckets in prop::collection::vec((0.0..1000.0, 0.0..1.0), 1..50), mean in 0.0..500.0, samples in 1.001..100.0,
        ) {
            let (mut alike, mut each) = (AlikeBuckets::default(), DispersionEvidence::new());
            for &(count, weight) in &buckets {
                alike.add(count - mean, weight);
                each.add(count, mean, weight, samples).unwrap();
            }
            let mut together = DispersionEvidence::new();
            together.add_alike(&alike, mean, samples).unwrap();
            let near = |left: f64, right: f64| (left - right).abs() <= 1e-9 * (1.0 + left.abs());
            let scale = each.excess_variance.abs() + each.squared_means + mean * alike.weight;
            prop_assert!((each.excess_variance - together.excess_variance).abs() <= 1e-9 * (1.0 + scale));
            prop_assert!(near(each.squared_means, together.squared_means));
            prop_assert!(near(each.sampling_variance, together.sampling_variance));
        }

        #[test]
        fn shrunken_lies_between_own_and_group(
            counts in prop::collection::vec(0.0..100.0, 1..50), group in 0.01..5.0, mean in 0.1..30.0,
        ) {
            let sums = evidence(&counts.iter().map(|&count| (count, mean, 1.0, 28.0)).collect::<Vec<_>>());
            let own = sums.alpha().unwrap().max(MIN_ALPHA);
            let alpha = shrunk_alpha(&sums, &DispersionPrior::new(group, 13.0).unwrap(), 0.0).unwrap();
            prop_assert!(alpha >= own.min(group) - 1e-12 && alpha <= own.max(group) + 1e-12);
        }
    }
}
