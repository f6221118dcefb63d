//! How far counts lie from what was foretold, in logarithms: the tail of series that vary in proportion and have no gamma's thin end.
//!
//! A negative binomial with the right variance promises far too much about rare days of a log-normal series. Which of the two a series is, is
//! told by how well each has foretold it; what is said of the next bucket is the mixture of both, weighed so.

use crate::stats::student::{ln_student_density, ln_student_upper};

/// Buckets from which on a deviation is told at all.
const LEAST_BUCKETS: f64 = 20.0;
/// Expected calls below which counts are too coarse for logarithms to tell anything.
const LEAST_MEAN: f64 = 5.0;
/// Forecasts after which a bucket counts half.
const HALF_LIFE: f64 = 1000.0;
/// Deviations at which a bucket is cut before it teaches, so that an anomaly neither widens the tail nor is a reason for it.
const CUT: f64 = 4.0;
/// The most, in log units, that one bucket can say for either form.
const MOST_SAID: f64 = 3.0;
/// A part of the mixture that is not worth working out.
const LEAST_PART: f64 = 1e-3;

/// What a series' past buckets tell of its log residuals `z = ln((y + 1/2) / (m + 1/2))`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LogResiduals {
    buckets: f64,
    center: f64,
    /// The weighted sum of squares around the center.
    squares: f64,
    /// How much better they foretold than the negative binomial, in log units.
    gain: f64,
}

/// The log-Student part of a forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LogTail {
    /// `ln(m + 1/2)` and the center together.
    center: f64,
    scale: f64,
    freedom: f64,
    /// Its part of the mixture.
    part: f64,
}

impl LogResiduals {
    /// Learns from a bucket, of which the negative binomial said `ln_said`.
    ///
    /// ```text
    /// gain = sum clip(ln f_t(t) - ln(s (y + 1/2)) - ln NB(y), +-3),   z cut at 4 deviations
    /// ```
    /// each bucket counting half after a thousand more.
    pub(super) fn learn(&mut self, mean: f64, count: f64, ln_said: f64) {
        if mean < LEAST_MEAN {
            return;
        }
        let keep = (-HALF_LIFE.recip()).exp2();
        if let Some(tail) = self.tail_at(mean, 1.0) {
            let said = (tail.ln_density(count) - ln_said).clamp(-MOST_SAID, MOST_SAID);
            self.gain = keep * self.gain + if said.is_finite() { said } else { 0.0 };
        }
        let residual = (count + 0.5).ln() - (mean + 0.5).ln();
        let cut = match self.deviation() {
            Some(deviation) => residual.clamp(self.center - CUT * deviation, self.center + CUT * deviation),
            None => residual,
        };
        self.buckets = keep * self.buckets + 1.0;
        let apart = cut - self.center;
        self.center += apart / self.buckets;
        self.squares = keep * self.squares + apart * (cut - self.center);
    }

    /// What they say of a bucket with such a mean; `None` while they are too few, or foretold far worse, and of small means.
    pub(super) fn tail(&self, mean: f64) -> Option<LogTail> {
        if mean < LEAST_MEAN {
            return None;
        }
        let part = (1.0 + (-self.gain).exp()).recip();
        self.tail_at(mean, part).filter(|tail| tail.part >= LEAST_PART)
    }

    fn tail_at(&self, mean: f64, part: f64) -> Option<LogTail> {
        let scale = self.deviation()? * (1.0 + self.buckets.recip()).sqrt();
        Some(LogTail { center: (mean + 0.5).ln() + self.center, scale, freedom: self.buckets - 1.0, part })
    }

    fn deviation(&self) -> Option<f64> {
        let deviation = (self.squares / (self.buckets - 1.0)).sqrt();
        (self.buckets >= LEAST_BUCKETS && deviation > 0.0).then_some(deviation)
    }
}

impl LogTail {
    /// Its part of the mixture.
    pub(super) fn part(&self) -> f64 {
        self.part
    }

    /// `ln P(Y >= count)` for a count of at least 1.
    ///
    /// ```text
    /// P(T >= (ln y - ln(m + 1/2) - center) / s),   s with the unsure center's part
    /// ```
    pub(super) fn ln_upper(&self, count: u64) -> f64 {
        ln_student_upper(((count as f64).ln() - self.center) / self.scale, self.freedom)
    }

    /// `ln P(Y <= count)`.
    pub(super) fn ln_lower(&self, count: u64) -> f64 {
        ln_student_upper((self.center - (count as f64 + 1.0).ln()) / self.scale, self.freedom)
    }

    fn ln_density(&self, count: f64) -> f64 {
        let t = ((count + 0.5).ln() - self.center) / self.scale;
        ln_student_density(t, self.freedom) - self.scale.ln() - (count + 0.5).ln()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, Gamma, Poisson, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::stats::ln_negative_binomial;

    /// What three hundred buckets of a mean of a hundred teach, the negative binomial knowing their variance.
    fn learnt(alpha: f64, factor: impl Fn(&mut Xoshiro256PlusPlus) -> f64) -> LogTail {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
        let mut residuals = LogResiduals::default();
        for _ in 0..300 {
            let count: f64 = Poisson::new((100.0 * factor(&mut random)).max(1e-9)).unwrap().sample(&mut random);
            residuals.learn(100.0, count, ln_negative_binomial(count, 100.0, alpha));
        }
        let part = (1.0 + (-residuals.gain).exp()).recip();
        residuals.tail_at(100.0, part).unwrap()
    }

    #[test]
    fn a_log_normal_series_is_told_from_a_gamma_one() {
        let sigma = 0.5_f64;
        let log_normal = learnt((sigma * sigma).exp_m1(), |random| {
            let normal: f64 = StandardNormal.sample(random);
            (sigma * normal - 0.5 * sigma * sigma).exp()
        });
        let gamma = learnt(0.3, |random| Gamma::new(1.0 / 0.3, 0.3).unwrap().sample(random));
        assert!(log_normal.part() > 0.9 && gamma.part() < 0.1, "{} {}", log_normal.part(), gamma.part());
        // Its tail is that of the series: three deviations up and down.
        for (deviations, share) in [(3.0, 1.35e-3), (-3.0, 1.0 - 1.35e-3)] {
            let count = (100.0_f64.ln() - 0.5 * sigma * sigma + deviations * sigma).exp().round() as u64;
            let told = log_normal.ln_upper(count).exp();
            assert!((told / share).ln().abs() < 0.7, "{told} for {share}");
        }
    }

    #[test]
    fn an_anomaly_teaches_little_and_few_buckets_nothing() {
        let mut residuals = LogResiduals::default();
        for bucket in 0..100_u32 {
            // Twenty, and a little more for what is forgotten of them.
            assert_eq!(residuals.tail(50.0).is_some(), bucket >= 21);
            let count = f64::from(40 + bucket % 21);
            residuals.learn(50.0, count, ln_negative_binomial(count, 50.0, 0.02));
        }
        let before = residuals.tail_at(50.0, 1.0).unwrap().ln_upper(120);
        residuals.learn(50.0, 1e6, -200.0);
        let after = residuals.tail_at(50.0, 1.0).unwrap().ln_upper(120);
        assert!(before < after && after < 0.75 * before, "{before} {after}");
    }
}
