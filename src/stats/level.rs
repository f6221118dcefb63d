//! A level that drifts: the conjugate gamma filter of a Poisson-like count around a known shape, and the filter of one that walks.
//!
//! They answer "how far above or below its usual shape has the series been lately, and how sure is that"; the shape comes
//! from elsewhere.

/// A gamma-distributed factor on the usual mean, which forgets: `lambda ~ Gamma(a, b)`, mean `a/b`.
///
/// ```text
/// forget:  a <- w a + (1-w) a0,   b <- w b + (1-w) a0
/// learn:   a <- a + y/d,          b <- b + m/d
/// ```
///
/// `w = 2^(-1/half-life)`; the prior `Gamma(a0, a0)` has mean 1, so a level that is not fed returns to the shape. `d` is
/// variance over mean: an overdispersed count tells less. Source: West & Harrison 1997, chapter 10; Harvey & Fernandes 1989.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftingLevel {
    keep: f64,
    prior: f64,
    shape: f64,
    rate: f64,
}

impl DriftingLevel {
    /// A level that forgets half of what it knew in `half_life` buckets, and lies around 1 with a relative standard
    /// deviation of `1/sqrt(prior)` when it knows nothing.
    pub fn new(half_life: f64, prior: f64) -> Self {
        Self { keep: (-half_life.recip()).exp2(), prior, shape: prior, rate: prior }
    }

    /// Back to knowing nothing.
    pub fn reset(&mut self) {
        (self.shape, self.rate) = (self.prior, self.prior);
    }

    /// One bucket passes.
    pub fn forget(&mut self) {
        self.shape = self.keep * self.shape + (1.0 - self.keep) * self.prior;
        self.rate = self.keep * self.rate + (1.0 - self.keep) * self.prior;
    }

    /// A count where `mean` was usual; `information` is its weight over its variance-to-mean ratio.
    pub fn learn(&mut self, count: f64, mean: f64, information: f64) {
        self.shape += information * count;
        self.rate += information * mean;
    }

    /// Expected factor on the usual mean.
    pub fn mean(&self) -> f64 {
        self.shape / self.rate
    }

    /// Variance of the factor over the square of its mean.
    pub fn relative_variance(&self) -> f64 {
        self.shape.recip()
    }
}

/// A surprise beyond this many standard deviations does not move a [`WalkingLevel`].
const MOST_SURPRISE: f64 = 2.5;

/// A level that walks at random, seen through noise: the local level model, filtered robustly.
///
/// ```text
/// see:   S = P + v,   K = P/S,   L <- L + K e,   P <- (1 - K) P,   e = y - L;   nothing where |e| > 2.5 sqrt(S)
/// pass:  P <- P + q
/// ```
///
/// Source: Durbin & Koopman 2012, chapter 2; what is far off is left out as if it had not been seen, so that neither a burst nor a week off is a
/// level. Should it go on, `P` grows until it is believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalkingLevel {
    level: f64,
    variance: f64,
    walk: f64,
}

impl WalkingLevel {
    /// A level believed to be near 1, with this variance, that walks by a variance of `walk` from one bucket to the next.
    pub fn new(variance: f64, walk: f64) -> Self {
        Self { level: 1.0, variance, walk }
    }

    /// What is seen, with the variance of its noise, which is above 0; gives the logarithm of how likely that was, but for a constant.
    ///
    /// ```text
    /// -(ln S + e^2 / S) / 2
    /// ```
    pub fn see(&mut self, observed: f64, noise: f64) -> f64 {
        let spread = self.variance + noise;
        let most = MOST_SURPRISE * spread.sqrt();
        let surprise = observed - self.level;
        if surprise.abs() <= most {
            let gain = self.variance / spread;
            self.level += gain * surprise;
            self.variance *= 1.0 - gain;
        }
        -0.5 * (spread.ln() + surprise.clamp(-most, most).powi(2) / spread)
    }

    /// One bucket passes.
    pub fn pass(&mut self) {
        self.variance += self.walk;
    }

    /// Where the level is expected.
    pub fn mean(&self) -> f64 {
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_is_conjugate() {
        let mut level = DriftingLevel::new(1e12, 2.0);
        level.learn(9.0, 3.0, 1.0);
        level.learn(4.0, 3.0, 0.5);
        // Gamma(2, 2) and counts 9 and 4 (half) where 3 and 3 (half) were usual.
        assert!((level.mean() - 13.0 / 6.5).abs() < 1e-12);
        assert!((level.relative_variance() - 1.0 / 13.0).abs() < 1e-12);
    }

    #[test]
    fn a_half_life_halves_what_is_known() {
        let mut level = DriftingLevel::new(8.0, 1.0);
        level.learn(99.0, 9.0, 1.0);
        (0..8).for_each(|_| level.forget());
        assert!((level.relative_variance().recip() - (1.0 + 99.0 / 2.0)).abs() < 1e-9);
        assert!((level.mean() - (1.0 + 99.0 / 2.0) / (1.0 + 9.0 / 2.0)).abs() < 1e-9);
    }

    #[test]
    fn a_level_that_is_not_fed_returns() {
        let mut level = DriftingLevel::new(4.0, 3.0);
        level.learn(1000.0, 10.0, 1.0);
        assert!(level.mean() > 50.0);
        (0..400).for_each(|_| level.forget());
        assert!((level.mean() - 1.0).abs() < 1e-9);
        level.learn(5.0, 1.0, 1.0);
        level.reset();
        assert_eq!(level, DriftingLevel::new(4.0, 3.0));
    }

    #[test]
    fn a_walking_level_follows_as_the_textbook_says() {
        // The Nile's flow at Aswan: q = 1469.1, v = 15099, steady variance 5501.3 and gain 0.267 (Durbin & Koopman 2012, 2.2 and 2.11).
        let mut level = WalkingLevel::new(1e7, 1469.1);
        for _ in 0..100 {
            level.see(1.0, 15_099.0);
            level.pass();
        }
        assert!((level.variance - 5501.3).abs() < 0.1, "{}", level.variance);
        let (before, mut burst) = (level, level);
        level.see(101.0, 15_099.0);
        assert!((level.mean() - before.mean() - 26.7).abs() < 0.05, "{}", level.mean());
        burst.see(1e9, 15_099.0);
        assert!((burst.mean() - before.mean()).abs() < 1e-9, "a burst is no level: {}", burst.mean());
        (0..120).for_each(|_| {
            burst.see(1001.0, 15_099.0);
            burst.pass();
        });
        assert!(burst.mean() > 900.0, "what goes on is one: {}", burst.mean());
    }

    #[test]
    fn what_is_seen_is_as_likely_as_a_normal_deviate() {
        let mut level = WalkingLevel::new(3.0, 1.0);
        // ln N(3; 1, 3 + 1) + ln(2 pi) / 2
        assert!((level.see(3.0, 1.0) - (-0.5 * (4.0_f64.ln() + 1.0))).abs() < 1e-15);
        assert!((level.mean() - 2.5).abs() < 1e-15 && (level.variance - 0.75).abs() < 1e-15);
        let mut still = WalkingLevel::new(0.0, 0.0);
        still.see(9.0, 1.0);
        assert!((still.mean() - 1.0).abs() < 1e-15, "what is certain does not move");
    }
}
