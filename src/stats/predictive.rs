//! What a new positive value should be, given a handful of earlier ones: the log-normal predictive distribution.
//!
//! For quantities that are no steady counts, such as the daily total of an entity that is active only now and then.
//! Days without activity do not enter; whether today should be active at all is another question.

use crate::stats::Effect;
use crate::stats::student::ln_student_upper;

/// Fewest values a prediction is made from: with fewer a Student t's tail is so heavy that hardly anything would be unlikely. One in a
/// thousand is 4.8 deviations off with seven degrees of freedom, and 10.2 with three.
pub const MIN_VALUES: usize = 8;

/// The usual deviation of `ln` of the size of a job's bursts, and bursts' worth of that belief.
const BURST_DEVIATION: f64 = 0.35;
const BURST_BELIEF: f64 = 8.0;

/// Smallest standard deviation of `ln(1 + value)` believed in: about 22 % of the value. Identical samples say that a
/// quantity is steady, not that it can never change.
pub const MIN_LOG_DEVIATION: f64 = 0.2;

/// Student-t prediction of `ln(1 + value)` from a sample of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogNormalPredictive {
    /// Mean of `ln(1 + value)`.
    center: f64,
    /// Standard deviation of the prediction, that of the mean included.
    scale: f64,
    /// Degrees of freedom.
    freedom: f64,
}

impl LogNormalPredictive {
    /// Learns from earlier values; `None` from fewer than 8.
    ///
    /// ```text
    /// z_i = ln(1 + value_i),  sd^2 = sum (z_i - mean z)^2 / (n-1),  sd at least 0.2
    /// (z_new - mean z) / (sd sqrt(1 + 1/n))  ~  Student t with n-1 degrees of freedom
    /// ```
    ///
    /// Source: the prediction of a normal sample's next value, as in Aitchison and Dunsmore 1975.
    pub fn fit(values: &[u64]) -> Option<Self> {
        if values.len() < MIN_VALUES {
            return None;
        }
        let count = values.len() as f64;
        let logs = || values.iter().map(|&value| (value as f64).ln_1p());
        let center = logs().sum::<f64>() / count;
        let variance = logs().map(|log| (log - center).powi(2)).sum::<f64>() / (count - 1.0);
        let scale = variance.sqrt().max(MIN_LOG_DEVIATION) * (1.0 + count.recip()).sqrt();
        Some(Self { center, scale, freedom: count - 1.0 })
    }

    /// Learns from a few values and a belief of their deviation that is worth so many of them; `None` from none.
    ///
    /// ```text
    /// sd^2 = (w s0^2 + sum (z_i - mean z)^2) / (w + n - 1),   w + n - 1 degrees of freedom
    /// ```
    ///
    /// Source: a scaled inverse chi-square prior of the variance, none of the mean; Gelman et al., Bayesian Data Analysis, chapter 3.
    pub fn of_few(values: &[u64], deviation: f64, worth: f64) -> Option<Self> {
        let count = values.len() as f64;
        let center = values.iter().map(|&value| (value as f64).ln_1p()).sum::<f64>() / count;
        let squares: f64 = values.iter().map(|&value| ((value as f64).ln_1p() - center).powi(2)).sum();
        let freedom = worth + count - 1.0;
        let scale = ((worth * deviation * deviation + squares) / freedom * (1.0 + count.recip())).sqrt();
        (!values.is_empty()).then_some(Self { center, scale, freedom })
    }

    /// The same of the sizes of bursts that come again and again, which differ by about a third of their size.
    pub fn of_bursts(sizes: &[u64]) -> Option<Self> {
        Self::of_few(sizes, BURST_DEVIATION, BURST_BELIEF)
    }

    /// The same of one of whom more is known, in units of the deviation: its center is elsewhere, and it varies less than the sample, which
    /// is of many.
    ///
    /// ```text
    /// center' = center + shift s,   s' = max(s sqrt(1 - explained), 0.2),   s the deviation of the prediction, that of the mean included
    /// ```
    #[must_use]
    pub fn informed(&self, effect: Effect) -> Self {
        let scale = self.scale * (1.0 - effect.explained).max(0.0).sqrt();
        Self { center: self.center + effect.shift * self.scale, scale: scale.max(MIN_LOG_DEVIATION), ..*self }
    }

    /// How far a value is from the center, in units of the deviation.
    pub fn deviation(&self, value: u64) -> f64 {
        ((value as f64).ln_1p() - self.center) / self.scale
    }

    /// Median prediction, `exp(mean z) - 1`, in the unit of the values.
    pub fn median(&self) -> f64 {
        self.center.exp_m1()
    }

    /// `ln P(V >= value)` of a new value, taken at `ln(1 + value)` without continuity correction; finite always.
    ///
    /// ```text
    /// P(T >= t) = I_x(f/2, 1/2) / 2,   x = f/(f + t^2),   for t >= 0, mirrored below
    /// ```
    pub fn ln_upper(&self, value: u64) -> f64 {
        ln_student_upper(self.deviation(value), self.freedom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::f64::consts::LN_2;

    use super::*;

    #[test]
    fn few_values_predict_nothing() {
        assert!(LogNormalPredictive::fit(&[5; 7]).is_none());
        assert!(LogNormalPredictive::fit(&[5; 8]).is_some());
    }

    #[test]
    fn center_is_even_odds() {
        let steady = LogNormalPredictive::fit(&[40; 20]).unwrap();
        assert!((steady.ln_upper(40) + LN_2).abs() < 1e-12);
        assert!((steady.median() - 40.0).abs() < 1e-9);
    }

    #[test]
    fn identical_samples_leave_room() {
        // t = ln(82/41) / (0.2 sqrt(1.05)) with 19 degrees of freedom.
        let steady = LogNormalPredictive::fit(&[40; 20]).unwrap();
        let expected = ln_student_upper(LN_2 / (0.2 * 1.05f64.sqrt()), 19.0);
        assert!((steady.ln_upper(81) - expected).abs() < 1e-12);
        assert!(steady.ln_upper(45).exp() > 0.25);
        assert!(steady.ln_upper(u64::MAX).is_finite());
    }

    #[test]
    fn spread_is_learnt() {
        let values = [3, 40, 7, 120, 15, 9, 60, 31];
        let wild = LogNormalPredictive::fit(&values).unwrap();
        let steady = LogNormalPredictive::fit(&[21; 8]).unwrap();
        assert!(wild.ln_upper(500) > steady.ln_upper(500) + 1.0);
        let logs: Vec<f64> = values.iter().map(|&value| (value as f64 + 1.0).ln()).collect();
        let mean = logs.iter().sum::<f64>() / 8.0;
        let deviation = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
        let expected = ln_student_upper((501f64.ln() - mean) / (deviation * 1.125f64.sqrt()), 7.0);
        assert!((wild.ln_upper(500) - expected).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn larger_is_less_likely(values in prop::collection::vec(1u64..10_000, 8..40), value in 0u64..1_000_000) {
            let fitted = LogNormalPredictive::fit(&values).unwrap();
            prop_assert!(fitted.ln_upper(value + 1) <= fitted.ln_upper(value));
        }
    }
}
