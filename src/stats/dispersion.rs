//! How much more than Poisson an entity's counts vary: the moment estimate of `alpha` in `Var = m + alpha m^2`, what
//! it is worth, and its shrinkage towards the group.
//!
//! One evidence per entity and window width. Means, weights and groups come from `baseline`; the result becomes the
//! size of a `NegativeBinomial`.

use crate::stats::order::quantile;
use crate::stats::{ParameterError, require};

/// Largest raw estimate of `alpha`: a standard deviation of 2.2 times the mean.
pub const MAX_ALPHA: f64 = 5.0;

/// Smallest shrunken `alpha`: nothing in the cloud is more regular than 3 % around its mean.
pub const MIN_ALPHA: f64 = 0.001;

/// Information from which an entity has a say in its group's `alpha`: a standard error of `1/sqrt(20)`, 0.22, which is less than
/// the `alpha` of most things.
pub const GROUP_MIN_INFORMATION: f64 = 20.0;

/// The upper half of a group lies so much further from its median than the lower one, and a little more.
const SKEWNESS: f64 = 1.5;

/// The lower quantile that tells how far members lie apart: one standard deviation below the median, were they normal.
const LOWER_QUANTILE: f64 = 0.16;

/// Members lie apart by at least this part of their group's `alpha`, or by this much: no group, however alike its members look, outweighs
/// what many buckets of one of them tell.
const LEAST_RELATIVE_DEVIATION: f64 = 0.25;
const LEAST_DEVIATION: f64 = 0.002;

/// Members from which a group tells how far they lie apart: from eight on the lowest alone has no say in
/// the lower quantile.
pub const GROUP_MIN_MEMBERS: usize = 8;

/// Buckets from which on steadiness is no chance, and standard errors by which what is steady is drawn away from that at most.
const SURELY_STEADY: f64 = 15.0;
const STEADY_ERRORS: f64 = 6.0;

/// `alpha` of most things, assumed before anything is known.
const TYPICAL_ALPHA: f64 = 0.3;

/// What a group lends its members: its `alpha`, and how far those of its members lie around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DispersionPrior {
    alpha: f64,
    deviation: f64,
}

impl DispersionPrior {
    /// Where no group can tell: so wide that it is worth 14 units of information, less than an entity needs to have a say in a group.
    pub const USUAL: Self = Self { alpha: TYPICAL_ALPHA, deviation: 0.27 };

    /// A prior around this `alpha`, with a standard deviation between members.
    ///
    /// # Errors
    /// When `alpha` is not in `[0, 5]`, or `deviation` is not positive and finite.
    pub fn new(alpha: f64, deviation: f64) -> Result<Self, ParameterError> {
        require((0.0..=MAX_ALPHA).contains(&alpha), "alpha", "in [0, 5]", alpha)?;
        require(deviation > 0.0 && deviation.is_finite(), "deviation", "positive and finite", deviation)?;
        Ok(Self { alpha, deviation })
    }

    /// `alpha` of the group.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The same of a member of whose `alpha` so much more is known from elsewhere.
    #[must_use]
    pub fn beyond(self, explained: f64) -> Self {
        Self { alpha: (self.alpha + explained.max(0.0)).min(MAX_ALPHA), ..self }
    }

    /// The standard deviation of `alpha` between members.
    pub fn deviation(&self) -> f64 {
        self.deviation
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
    /// `sum v^2 m^k`, `k` from 1 to 4: the sampling variance at any `alpha` is made of them.
    powers: [f64; 4],
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
        self.excess_variance += weight * (deviation * deviation * correction - mean);
        self.squared_means += weight * square;
        self.add_powers(weight * weight, mean);
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
        self.excess_variance += buckets.squared_deviations * correction - buckets.weight * mean;
        self.squared_means += buckets.weight * square;
        self.add_powers(buckets.squared_weight, mean);
        Ok(())
    }

    fn add_powers(&mut self, squared_weight: f64, mean: f64) {
        let mut power = squared_weight;
        for sum in &mut self.powers {
            power *= mean;
            *sum += power;
        }
    }

    /// The evidence of both.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            excess_variance: self.excess_variance + other.excess_variance,
            squared_means: self.squared_means + other.squared_means,
            powers: std::array::from_fn(|power| self.powers[power] + other.powers[power]),
        }
    }

    /// How many buckets of one mean would tell as much.
    ///
    /// ```text
    /// n = (sum v m^2)^2 / sum v^2 m^4
    /// ```
    fn buckets(&self) -> f64 {
        if self.squared_means > 0.0 { self.squared_means / self.powers[3] * self.squared_means } else { 0.0 }
    }

    /// Moment estimate, clipped to `[0, 5]`; `None` before any bucket with weight and a positive mean.
    ///
    /// ```text
    /// a = sum v [(y-m)^2 n/(n-1) - m] / sum v m^2
    /// ```
    ///
    /// Source: the method of moments for the negative binomial, Anscombe 1950, pooled over buckets of different means.
    pub fn alpha(&self) -> Option<f64> {
        (self.squared_means > 0.0).then(|| (self.excess_variance / self.squared_means).clamp(0.0, MAX_ALPHA))
    }

    /// Information of the estimate at a typical `alpha` of 0.3; 0 without evidence.
    pub fn information(&self) -> f64 {
        self.information_at(TYPICAL_ALPHA)
    }

    /// Information of the estimate, the inverse of its sampling variance, if this is `alpha`.
    ///
    /// ```text
    /// I = (sum v m^2)^2 / sum v^2 [(2 + 6 alpha) V^2 + V],   V = m + alpha m^2
    /// ```
    /// `(2 + 6 alpha) V^2 + V` is the variance of a negative binomial's squared deviation, `mu4 - V^2` with its excess kurtosis
    /// `6 alpha + 1/V`. 0 without evidence.
    pub fn information_at(&self, alpha: f64) -> f64 {
        let [first, second, third, fourth] = self.powers;
        let squares = second + 2.0 * alpha * third + alpha * alpha * fourth;
        let variance = (2.0 + 6.0 * alpha) * squares + first + alpha * second;
        if self.squared_means > 0.0 { self.squared_means / variance * self.squared_means } else { 0.0 }
    }
}

/// An estimate of `alpha` drawn towards a group's: both, and what each is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawnAlpha {
    /// The entity's own estimate.
    pub own: f64,
    /// What that is worth: its information.
    pub information: f64,
    /// The group's `alpha`.
    pub lent: f64,
    /// What that is worth.
    pub belief: f64,
}

impl DrawnAlpha {
    /// Draws an entity's estimate towards its group's by what both are worth.
    ///
    /// ```text
    /// I at the larger of both,   L = 1 / s^2
    /// ```
    /// with `s` the standard deviation between the group's members. What looks regular by chance must not be sure of it.
    pub fn plain(evidence: &DispersionEvidence, prior: &DispersionPrior) -> Self {
        let own = evidence.alpha().unwrap_or(0.0);
        let information = evidence.information_at(own.max(prior.alpha));
        Self { own, information, lent: prior.alpha, belief: prior.deviation.powi(-2) }
    }

    /// The same, but not farther than the entity's own evidence can bear.
    ///
    /// ```text
    /// L <= I d / (|a - a0| - d),   d = 1 / sqrt(I) where the entity clumps more than its group,
    ///                              d = 6 standard errors at its own alpha where it clumps less, and fifteen buckets or more say so
    /// ```
    /// What clumps more than its group is drawn towards it by one standard error at most: a few that work in sessions are no steady service
    /// because most are. What is steady night after night is not made unsteady by others either.
    ///
    /// Source: limited translation, Efron and Morris 1972.
    pub fn limited(evidence: &DispersionEvidence, prior: &DispersionPrior) -> Self {
        let plain = Self::plain(evidence, prior);
        let farthest = if plain.own > plain.lent {
            plain.information.sqrt().recip()
        } else if evidence.buckets() >= SURELY_STEADY {
            STEADY_ERRORS / evidence.information_at(plain.own.max(MIN_ALPHA)).sqrt()
        } else {
            f64::INFINITY
        };
        let beyond = (plain.own - plain.lent).abs() - farthest;
        let most = if beyond > 0.0 { plain.information * farthest / beyond } else { plain.belief };
        Self { belief: plain.belief.min(most), ..plain }
    }

    /// Both together.
    pub fn worth(&self) -> f64 {
        self.information + self.belief
    }

    /// What comes of it, and a share of what both leave uncertain.
    ///
    /// ```text
    /// alpha = max(0.001, (I a + L a0) / (I + L)) + c / sqrt(I + L)
    /// ```
    /// `inflation` is `c`, in standard errors of the result.
    pub fn alpha(&self, inflation: f64) -> f64 {
        let drawn = (self.information * self.own + self.belief * self.lent) / self.worth();
        drawn.max(MIN_ALPHA) + inflation / self.worth().sqrt()
    }
}

/// The entity's `alpha`: its own estimate and its group's, weighted by what each is worth, plus a share of what both leave
/// uncertain.
///
/// ```text
/// alpha = max(0.001, (I a + L a0) / (I + L)) + c / sqrt(I + L)
/// ```
/// with `I` and `L` as [`DrawnAlpha::plain`] has them. `inflation` is `c`, in standard errors of the result.
///
/// Source: empirical Bayes with a normal prior, Efron and Morris 1975.
///
/// # Errors
/// When `inflation` is not in `[0, 100]`.
pub fn shrunk_alpha(
    evidence: &DispersionEvidence,
    prior: &DispersionPrior,
    inflation: f64,
) -> Result<f64, ParameterError> {
    require((0.0..=100.0).contains(&inflation), "inflation", "in [0, 100]", inflation)?;
    Ok(DrawnAlpha::plain(evidence, prior).alpha(inflation))
}

/// What a group lends: the median `alpha` of members with information above 20, and how far they lie around it beyond chance; of each
/// member's `alpha` only what is beyond an `explained` part, known from elsewhere. `None` when there is no such member.
///
/// ```text
/// s^2 = max((1.5 (q50 - q16))^2 - median of 1/I,  (a0 / 4)^2,  0.002^2),   q the quantiles of the members' estimates
/// s   = 0.27, as where no group can tell, of less than eight members
/// ```
/// Members with bursts in their past are all above the median, so only the lower half tells how far members lie apart.
///
/// Source: moments of a random effect, the variance of estimates less that of their errors (`DerSimonian` and Laird 1986), with quantiles in
/// the place of squares.
pub fn group_dispersion<'a>(
    members: impl IntoIterator<Item = (&'a DispersionEvidence, f64)>,
) -> Option<DispersionPrior> {
    let telling = members.into_iter().filter(|(member, _)| member.information() > GROUP_MIN_INFORMATION);
    let (mut alphas, mut variances): (Vec<f64>, Vec<f64>) = telling
        .filter_map(|(member, explained)| {
            let alpha = member.alpha()?;
            Some((alpha - explained, member.information_at(alpha).recip()))
        })
        .unzip();
    alphas.sort_unstable_by(f64::total_cmp);
    variances.sort_unstable_by(f64::total_cmp);
    let alpha = quantile(&alphas, 0.5)?;
    let below = SKEWNESS * (alpha - quantile(&alphas, LOWER_QUANTILE)?);
    let between = (below * below - quantile(&variances, 0.5)?).max(0.0).sqrt();
    let alpha = alpha.clamp(0.0, MAX_ALPHA);
    let deviation = if alphas.len() < GROUP_MIN_MEMBERS {
        DispersionPrior::USUAL.deviation
    } else {
        between.max(LEAST_RELATIVE_DEVIATION * alpha).max(LEAST_DEVIATION)
    };
    DispersionPrior::new(alpha, deviation).ok()
}

/// Size of the negative binomial that predicts a new count, the uncertainty of the mean included.
///
/// ```text
/// 1/r = alpha + (1/m + alpha) / n
/// ```
///
/// The law of total variance: a count varies by `m + alpha m^2` around its mean, and the mean of `n` such counts by an `n`-th of that.
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
        // V = 10 + 0.3 * 100 = 40 and 8 + 0.3 * 64 = 27.2; 3.8 V^2 + V is 6120, and 2838.592 of which a quarter.
        assert!((two.information() - 132.0 * 132.0 / (6120.0 + 709.648)).abs() < 1e-9);
        // Poisson: 2 * 100 + 10, and a quarter of 2 * 64 + 8.
        assert!((two.information_at(0.0) - 132.0 * 132.0 / (210.0 + 34.0)).abs() < 1e-9);
    }

    #[test]
    fn who_clumps_more_than_its_group_is_drawn_to_it_by_one_standard_error_at_most() {
        // Sixty hours of 10 calls on average that are 4 or 16: alpha (36 * 20/19 - 10) / 100 = 0.279.
        let unsteady = evidence(&[(4.0, 10.0, 1.0, 20.0), (16.0, 10.0, 1.0, 20.0)].repeat(30));
        let steady = DispersionPrior::new(0.02, 0.01).unwrap();
        let drawn = DrawnAlpha::limited(&unsteady, &steady);
        let error = drawn.information.sqrt().recip();
        assert!(drawn.own - 0.02 > 2.0 * error, "{drawn:?}");
        let shrunk = drawn.alpha(0.0);
        assert!((drawn.own - shrunk - error).abs() < 1e-12, "{drawn:?} {shrunk}");
        // Who is near its group, or steadier, is drawn as far as the group is worth.
        for alpha in [drawn.own + 0.1, drawn.own - error] {
            let near = DrawnAlpha::limited(&unsteady, &DispersionPrior::new(alpha, 0.01).unwrap());
            assert!((near.belief / 1e4 - 1.0).abs() < 1e-9, "{near:?}");
        }
    }

    #[test]
    fn estimate_stays_in_bounds() {
        assert!(evidence(&[(10.0, 10.0, 1.0, 5.0)]).alpha() == Some(0.0));
        assert!(evidence(&[(1000.0, 10.0, 1.0, 5.0)]).alpha() == Some(MAX_ALPHA));
        assert!(evidence(&[(3.0, 0.0, 1.0, 5.0), (1.0, 2.0, 0.0, 5.0)]).alpha().is_none());
    }

    #[test]
    fn no_evidence_is_the_prior() {
        let prior = DispersionPrior::new(0.4, 0.25).unwrap();
        let alpha = shrunk_alpha(&DispersionEvidence::new(), &prior, 0.5).unwrap();
        assert!((alpha - (0.4 + 0.5 / 4.0)).abs() < 1e-15);
    }

    #[test]
    fn shrinkage_by_hand() {
        let two = evidence(&[(20.0, 10.0, 1.0, 5.0), (4.0, 8.0, 0.5, 2.0)]);
        let alpha = two.alpha().unwrap();
        let own = two.information_at(alpha);
        let prior = DispersionPrior::new(0.1, 0.25).unwrap();
        let expected = (own * alpha + 16.0 * 0.1) / (own + 16.0) + 0.5 / (own + 16.0).sqrt();
        assert!((shrunk_alpha(&two, &prior, 0.5).unwrap() - expected).abs() < 1e-15);
        let regular = DispersionPrior::new(0.0, 0.2).unwrap();
        let alpha = shrunk_alpha(&DispersionEvidence::new(), &regular, 1.0).unwrap();
        assert!((alpha - (MIN_ALPHA + 0.2)).abs() < 1e-15);
    }

    #[test]
    fn regular_by_chance_is_drawn_to_a_group_that_is_not() {
        let regular = evidence(&[(10.0, 10.0, 1.0, 50.0); 20]);
        let clumping = DispersionPrior::new(0.3, 0.1).unwrap();
        let [alone, among] = [DispersionPrior::new(0.0, 0.1).unwrap(), clumping]
            .map(|prior| shrunk_alpha(&regular, &prior, 0.0).unwrap());
        assert!(alone < 0.01 && among > 0.1, "{alone} {among}");
    }

    fn lent<'a>(members: impl IntoIterator<Item = &'a DispersionEvidence>, explained: f64) -> Option<DispersionPrior> {
        group_dispersion(members.into_iter().map(|member| (member, explained)))
    }

    #[test]
    fn group_is_the_median_of_the_telling_and_beyond_what_is_explained() {
        let many = |count: f64| evidence(&[(count, 10.0, 1.0, 50.0); 300]);
        let members = [many(15.0), many(17.0), many(20.0), evidence(&[(300.0, 10.0, 1.0, 50.0)])];
        assert!(members[0].information() > GROUP_MIN_INFORMATION && members[3].information() < GROUP_MIN_INFORMATION);
        let middle = members[1].alpha().unwrap();
        let group = lent(&members, 0.0).unwrap();
        assert!((group.alpha(), group.deviation()) == (middle, DispersionPrior::USUAL.deviation()));
        assert!((lent(&members, 0.1).unwrap().alpha() - (middle - 0.1)).abs() < 1e-12);
        assert!((lent(&members, 0.1).unwrap().beyond(0.1).alpha() - middle).abs() < 1e-12);
        let even = lent(&members[..2], 0.0).unwrap().alpha();
        assert!((even - f64::midpoint(members[0].alpha().unwrap(), middle)).abs() < 1e-15);
        assert!(lent(&members[3..], 0.0).is_none());
    }

    #[test]
    fn members_with_bursts_do_not_make_a_group_look_diverse() {
        let member = |square: f64| {
            let apart = (10.0 + square * 100.0_f64).sqrt();
            evidence(&[(10.0 + apart, 10.0, 1.0, f64::INFINITY); 300])
        };
        let alike: Vec<DispersionEvidence> =
            (0..40).map(|number| member(0.3 + 0.001 * f64::from(number % 7))).collect();
        let bursty: Vec<DispersionEvidence> =
            alike.iter().copied().take(30).chain((0..10).map(|_| member(4.0))).collect();
        let [alike, bursty] = [alike, bursty].map(|members| lent(&members, 0.0).unwrap());
        assert!((alike.deviation() - 0.25 * alike.alpha()).abs() < 1e-12, "{alike:?}");
        assert!((bursty.deviation() - alike.deviation()).abs() < 0.01, "{bursty:?}");
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
            prop_assert!(each.powers.iter().zip(together.powers).all(|(&each, together)| near(each, together)));
        }

        #[test]
        fn shrunken_lies_between_own_and_group(
            counts in prop::collection::vec(0.0..100.0, 1..50), group in 0.01..5.0, mean in 0.1..30.0,
        ) {
            let sums = evidence(&counts.iter().map(|&count| (count, mean, 1.0, 28.0)).collect::<Vec<_>>());
            let own = sums.alpha().unwrap().max(MIN_ALPHA);
            let alpha = shrunk_alpha(&sums, &DispersionPrior::new(group, 0.27).unwrap(), 0.0).unwrap();
            prop_assert!(alpha >= own.min(group) - 1e-12 && alpha <= own.max(group) + 1e-12);
        }
    }
}
