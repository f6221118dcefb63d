//! What is expected of one bucket: a distribution with exact tails.

use crate::stats::{NegativeBinomial, TailCalibration, ln_1m_exp};

/// The predictive distribution of a count: negative binomial, with a share of buckets that are empty for another reason.
///
/// ```text
/// P(Y >= k) = (1-s) P(N >= k) for k >= 1,   P(Y <= k) = s + (1-s) P(N <= k)
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    counts: NegativeBinomial,
    empty_share: f64,
    upper: TailCalibration,
    lower: TailCalibration,
}

/// The tails' record so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Record {
    upper: TailCalibration,
    lower: TailCalibration,
}

impl Record {
    /// Adds what a forecast said of the count that came.
    pub(super) fn add(&mut self, forecast: &Forecast, count: u64) {
        // The tail on the other side of the mean is at least about one half, and only its being there is of interest.
        let above = count as f64 > forecast.counts.mean();
        if above {
            self.upper.add(forecast.plain_upper(count + 1), forecast.plain_upper(count));
            self.lower.add(0.0, 0.0);
        } else {
            let below = if count == 0 { f64::NEG_INFINITY } else { forecast.plain_lower(count - 1) };
            self.lower.add(below, forecast.plain_lower(count));
            self.upper.add(0.0, 0.0);
        }
    }
}

impl Forecast {
    pub(super) fn new(counts: NegativeBinomial, empty_share: f64, record: &Record) -> Self {
        Self { counts, empty_share, upper: record.upper, lower: record.lower }
    }

    /// Expected count.
    pub fn mean(&self) -> f64 {
        (1.0 - self.empty_share) * self.counts.mean()
    }

    /// `ln P(Y >= count)`.
    pub fn ln_upper(&self, count: u64) -> f64 {
        self.upper.corrected(self.plain_upper(count))
    }

    /// `ln P(Y <= count)`.
    pub fn ln_lower(&self, count: u64) -> f64 {
        self.lower.corrected(self.plain_lower(count))
    }

    fn plain_upper(&self, count: u64) -> f64 {
        if count == 0 { 0.0 } else { self.counts.ln_upper(count) + (-self.empty_share).ln_1p() }
    }

    fn plain_lower(&self, count: u64) -> f64 {
        let inside = self.counts.ln_lower(count);
        if self.empty_share <= 0.0 {
            return inside;
        }
        // s + (1-s) p = 1 - (1-s)(1-p)
        ln_1m_exp((-self.empty_share).ln_1p() + ln_1m_exp(inside)).min(0.0)
    }

    /// Ends of the central interval that holds at least this share.
    pub fn interval(&self, coverage: f64) -> (u64, u64) {
        let ln_outside = (0.5 * (1.0 - coverage)).ln();
        let occupied = 1.0 - self.empty_share;
        let below = (self.lower.uncorrected(ln_outside).exp() - self.empty_share) / occupied;
        let above = self.upper.uncorrected(ln_outside).exp() / occupied;
        let quantile = |probability: f64| self.counts.quantile(probability.clamp(0.0, 1.0 - 1e-12)).unwrap_or(0);
        (if below > 0.0 { quantile(below) } else { 0 }, quantile(1.0 - above))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(empty_share: f64) -> Forecast {
        Forecast::new(NegativeBinomial::new(30.0, 10.0).unwrap(), empty_share, &Record::default())
    }

    #[test]
    fn tails_and_interval_agree() {
        for share in [0.0, 0.003, 0.2] {
            let forecast = forecast(share);
            let (lower, upper) = forecast.interval(0.99);
            let outside = 0.005_f64.ln();
            assert!(forecast.ln_upper(upper + 1) <= outside && forecast.ln_upper(upper) > outside);
            assert!(forecast.ln_lower(lower) > outside);
            assert!(lower == 0 || forecast.ln_lower(lower - 1) <= outside);
        }
    }

    #[test]
    fn vacancy_makes_an_empty_bucket_usual_and_a_full_one_rarer() {
        let (plain, vacant) = (forecast(0.0), forecast(0.2));
        assert!(plain.ln_lower(0) < -10.0 && (vacant.ln_lower(0) - 0.2_f64.ln()).abs() < 1e-3);
        assert!((vacant.ln_upper(40) - plain.ln_upper(40) - 0.8_f64.ln()).abs() < 1e-12);
        assert!((vacant.mean() - 24.0).abs() < 1e-12);
        assert!(vacant.ln_upper(0).abs() < 1e-15);
    }
}
