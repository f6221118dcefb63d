//! A level that drifts: the conjugate gamma filter of a Poisson-like count around a known shape.
//!
//! It answers "how far above or below its usual shape has the series been lately, and how sure is that"; the shape comes
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
}
