//! What is expected of one bucket: a distribution with exact tails.

use super::log_tail::LogTail;
use crate::stats::{NegativeBinomial, TailCalibration, ln_1m_exp, ln_sum_exp};

/// The predictive distribution of a count: negative binomial, with a longer tail by as much as the past speaks for one, and a share of buckets that
/// are empty for another reason.
///
/// ```text
/// P(N >= k) = (1-w) NB(>= k) + w LogStudent(>= k)
/// P(Y >= k) = (1-s) P(N >= k) for k >= 1,   P(Y <= k) = s + (1-s) P(N <= k)
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    counts: NegativeBinomial,
    long: Option<LogTail>,
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
    pub(super) fn new(counts: NegativeBinomial, long: Option<LogTail>, empty_share: f64, record: &Record) -> Self {
        Self { counts, long, empty_share, upper: record.upper, lower: record.lower }
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
        if count == 0 { 0.0 } else { self.ln_at_least(count) + (-self.empty_share).ln_1p() }
    }

    fn plain_lower(&self, count: u64) -> f64 {
        let inside = self.ln_at_most(count);
        if self.empty_share <= 0.0 {
            return inside;
        }
        // s + (1-s) p = 1 - (1-s)(1-p)
        ln_1m_exp((-self.empty_share).ln_1p() + ln_1m_exp(inside)).min(0.0)
    }

    /// `ln P(N >= count)` for a count of at least 1.
    fn ln_at_least(&self, count: u64) -> f64 {
        self.mixed(self.counts.ln_upper(count), |long| long.ln_upper(count))
    }

    fn ln_at_most(&self, count: u64) -> f64 {
        self.mixed(self.counts.ln_lower(count), |long| long.ln_lower(count))
    }

    fn mixed(&self, plain: f64, long: impl Fn(&LogTail) -> f64) -> f64 {
        let mix =
            |tail: &LogTail| ln_sum_exp(&[(-tail.part()).ln_1p() + plain, tail.part().ln() + long(tail)]).min(0.0);
        self.long.as_ref().map_or(plain, mix)
    }

    /// Ends of the central interval that holds at least this share.
    pub fn interval(&self, coverage: f64) -> (u64, u64) {
        let ln_outside = (0.5 * (1.0 - coverage)).ln();
        let occupied = 1.0 - self.empty_share;
        let below = (self.lower.uncorrected(ln_outside).exp() - self.empty_share) / occupied;
        let above = self.upper.uncorrected(ln_outside).exp() / occupied;
        let lower = if below > 0.0 { self.least(below, |count| self.ln_at_most(count) > below.ln()) } else { 0 };
        (lower, self.least(1.0 - above, |count| self.ln_at_least(count + 1) <= above.ln()))
    }

    /// The least count of which something is so that is so of all larger ones; near the negative binomial's quantile.
    fn least(&self, probability: f64, is_so: impl Fn(u64) -> bool) -> u64 {
        let near = self.counts.quantile(probability.clamp(0.0, 1.0 - 1e-12)).unwrap_or(0);
        if self.long.is_none() {
            return near;
        }
        let (mut below, mut most) = if is_so(near) { (None, near) } else { (Some(near), near) };
        let mut step = (near / 64).max(1);
        while below == Some(most) {
            most = most.saturating_add(step);
            step = step.saturating_mul(2);
            if !is_so(most) && most < u64::MAX {
                below = Some(most);
            }
        }
        while below.is_none() && most > 0 {
            let lower = most.saturating_sub(step);
            step = step.saturating_mul(2);
            if is_so(lower) { most = lower } else { below = Some(lower) }
        }
        let mut least = below.map_or(0, |below| below + 1);
        while least < most {
            let middle = least.midpoint(most);
            if is_so(middle) { most = middle } else { least = middle + 1 }
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(empty_share: f64) -> Forecast {
        Forecast::new(NegativeBinomial::new(30.0, 10.0).unwrap(), None, empty_share, &Record::default())
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
