//! Whether past p-values were honest, and what a new one is worth in that light.
//!
//! A forecaster that sees one-percent events three times too often learns it here from its own record, without knowing why.
//! One calibration is one tail of one series.

use crate::stats::normal::score_of_valid;

/// The tail that is calibrated: p-values below this.
const TAIL: f64 = 0.05;
/// How many honest tail events a record starts with.
const PRIOR_EVENTS: f64 = 6.0;
/// Standard errors of the depth that it is raised by: too heavy a tail costs less than too light a one.
const CAUTION: f64 = 0.5;
/// Tail events that must have been due before a record says anything.
const MIN_DUE: f64 = 20.0;
/// Standard deviations up to which a tail event is believed to be ordinary, and from which on it is not.
const BELIEVED_TO: f64 = 4.0;
const IGNORED_FROM: f64 = 5.0;
/// Forecasts after which a record counts half.
const HALF_LIFE: f64 = 2000.0;
/// The least and the most often that tail events can be said to come: a fifth of what is honest, and every other time.
const RATE: std::ops::RangeInclusive<f64> = TAIL / 5.0..=0.5;
/// Furthest that one record can stretch or squeeze a tail.
const EXPONENT: std::ops::RangeInclusive<f64> = 0.5..=2.5;

/// The record of a tail: how many p-values fell into it, and how deep.
///
/// Honest p-values below `u` come at the rate `u`, and `-ln(p/u)` is exponential with mean 1. From weighted sums with
/// `A` honest events as prior,
///
/// ```text
/// E = sum w [p < u] + A
/// rate     k = E / (u n + A),   u k within [u/5, 1/2]
/// depth    g = (sum w -ln(p/u) [p < u] + A) / E (1 + c / sqrt E),   within [0.5, 2.5]          (Hill's estimator, c of its errors up)
/// p' = k u (p/u)^(1/g)   below u;   linear from there to 1
/// ```
/// with `u` = 5 %, `A` = 6 and `c` = 1/2. Before 20 tail events were due, `u n < 20`, a record says nothing: `p' = p`.
///
/// Weights are those of robust fitting, so that an anomaly among the past does not make the tail look heavy. A discrete
/// p-value enters as the uniform variable that it bounds. Sources: Hill 1975; Siffer et al. 2017 (tails of streams).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TailCalibration {
    /// What a forecast counts for after the next.
    keep: f64,
    forecasts: f64,
    events: f64,
    depth: f64,
}

/// A record that forgets.
impl Default for TailCalibration {
    fn default() -> Self {
        Self { keep: (-HALF_LIFE.recip()).exp2(), ..Self::lasting() }
    }
}

impl TailCalibration {
    /// A record in which the first forecast counts as much as the last.
    pub fn lasting() -> Self {
        Self { keep: 1.0, forecasts: 0.0, events: 0.0, depth: 0.0 }
    }

    /// Whether a p-value is in the tail that is calibrated.
    pub fn is_tail(ln_p: f64) -> bool {
        ln_p < TAIL.ln()
    }

    /// Adds a past p-value, known to lie between `exp(ln_from)` and `exp(ln_to)`: `P(Y > y)` and `P(Y >= y)`.
    pub fn add(&mut self, ln_from: f64, ln_to: f64) {
        self.forecasts = self.forecasts * self.keep + 1.0;
        (self.events, self.depth) = (self.events * self.keep, self.depth * self.keep);
        let ln_tail = TAIL.ln();
        if ln_from >= ln_tail {
            return;
        }
        let (from, to) = (ln_from.exp(), ln_to.exp());
        let inside_to = ln_to.min(ln_tail);
        let share = if to > from { (inside_to.exp() - from) / (to - from) } else { 1.0 };
        let weight = share * credibility(inside_to);
        // The mean of -ln(p/u) over a uniform p in [a, b] is 1 + ln u + (a ln a - b ln b) / (b - a).
        let (a, b) = (from, inside_to.exp());
        let product = |p: f64, ln_p: f64| if p > 0.0 { p * ln_p } else { 0.0 };
        let mean_depth = if b > a * (1.0 + 1e-9) {
            1.0 + ln_tail + (product(a, ln_from) - product(b, inside_to)) / (b - a)
        } else {
            ln_tail - inside_to
        };
        self.events += weight;
        self.depth += weight * mean_depth;
    }

    /// Adds `k` past p-values of which it is enough to know that they are not in the tail: the same as adding each, in one step.
    ///
    /// ```text
    /// n' = n d^k + (1 - d^k) / (1 - d),   the other sums times d^k;   d what a forecast counts for after the next
    /// ```
    pub fn add_usual(&mut self, forecasts: usize) {
        let keep = self.keep.powf(forecasts as f64);
        let added = if self.keep < 1.0 { (1.0 - keep) / (1.0 - self.keep) } else { forecasts as f64 };
        self.forecasts = self.forecasts * keep + added;
        (self.events, self.depth) = (self.events * keep, self.depth * keep);
    }

    /// What this record says, as if it were of at most so many forecasts: all of its sums times `min(1, forecasts / n)`.
    #[must_use]
    pub fn worth(&self, forecasts: f64) -> Self {
        let share = (forecasts / self.forecasts.max(1.0)).min(1.0);
        let part = |sum: f64| sum * share;
        Self { forecasts: part(self.forecasts), events: part(self.events), depth: part(self.depth), ..*self }
    }

    /// Both records: their sums added up. It forgets as this one does.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let forecasts = self.forecasts + other.forecasts;
        Self { forecasts, events: self.events + other.events, depth: self.depth + other.depth, ..*self }
    }

    /// What a log p-value is worth given the record.
    ///
    /// ```text
    /// p' = k u (p/u)^(1/g)   below u;   1 - (1 - p) (1 - k u) / (1 - u)   from there on
    /// ```
    pub fn corrected(&self, ln_p: f64) -> f64 {
        let (ln_rate, exponent) = self.fitted();
        let ln_tail = TAIL.ln();
        if ln_p < ln_tail {
            return (ln_rate + (ln_p - ln_tail) / exponent).min(0.0);
        }
        let outside = (1.0 - ln_p.exp()) * (1.0 - ln_rate.exp()) / (1.0 - TAIL);
        (-outside).ln_1p().min(0.0)
    }

    /// The same where a record is believed only as far down as it reaches: that a claim is worth more than it says grows no further from where
    /// the last twenty events were due.
    ///
    /// ```text
    /// p'' = p'   where n p >= 20;   below, at least p times (p'/p at 20/n)
    /// ```
    pub fn corrected_within_reach(&self, ln_p: f64) -> f64 {
        let corrected = self.corrected(ln_p);
        let reach = (MIN_DUE / self.forecasts.max(1.0)).ln().min(TAIL.ln());
        if ln_p >= reach || corrected >= ln_p {
            return corrected;
        }
        corrected.max(ln_p + (self.corrected(reach) - reach).min(0.0))
    }

    /// The p-value, before correction, of what comes out as `ln_corrected`: the inverse of [`Self::corrected`], where that is below one.
    ///
    /// ```text
    /// p = u (p' / (k u))^g   below k u;   1 - (1 - p') (1 - u) / (1 - k u)   from there on
    /// ```
    pub fn uncorrected(&self, ln_corrected: f64) -> f64 {
        let (ln_rate, exponent) = self.fitted();
        if ln_corrected < ln_rate {
            return TAIL.ln() + (ln_corrected - ln_rate) * exponent;
        }
        let outside = (1.0 - ln_corrected.exp()) * (1.0 - TAIL) / (1.0 - ln_rate.exp());
        (-outside).ln_1p().min(0.0)
    }

    /// `ln (k u)` and `g`.
    fn fitted(&self) -> (f64, f64) {
        if TAIL * self.forecasts < MIN_DUE {
            return (TAIL.ln(), 1.0);
        }
        let events = self.events + PRIOR_EVENTS;
        let rate = TAIL * events / (TAIL * self.forecasts + PRIOR_EVENTS);
        let depth = (self.depth + PRIOR_EVENTS) / events * (1.0 + CAUTION / events.sqrt());
        (rate.clamp(*RATE.start(), *RATE.end()).ln(), depth.clamp(*EXPONENT.start(), *EXPONENT.end()))
    }
}

/// How much an event of this probability says about ordinary ones: 1 up to four standard deviations, 0 from five on.
fn credibility(ln_p: f64) -> f64 {
    ((IGNORED_FROM - score_of_valid(ln_p)) / (IGNORED_FROM - BELIEVED_TO)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record of p-values `p(u)` for evenly spread `u`: honest where `p(u) = u`.
    fn record(forecasts: usize, p: impl Fn(f64) -> f64) -> TailCalibration {
        let mut record = TailCalibration::default();
        for index in 0..forecasts {
            // A permutation, so that the order of sizes plays no part.
            let u = ((index * 7919 % forecasts) as f64 + 0.5) / forecasts as f64;
            record.add(p(u).ln(), p(u).ln());
        }
        record
    }

    #[test]
    fn a_short_record_says_nothing() {
        let short = record(399, |u| u.powi(3));
        for ln_p in [-0.1, -1.0, -10.0, -1000.0] {
            assert!((short.corrected(ln_p) - ln_p).abs() < 1e-12 * ln_p.abs());
        }
    }

    #[test]
    fn an_honest_record_changes_little() {
        let honest = record(2000, |u| u);
        for level in [1e-2_f64, 1e-3, 1e-4] {
            let ratio = (honest.corrected(level.ln()) - level.ln()).exp();
            assert!((0.9..1.8).contains(&ratio), "{level}: {ratio}");
        }
    }

    #[test]
    fn a_tail_that_was_too_light_is_made_heavier() {
        // True probability u, claimed u^1.5: one in a thousand was called one in thirty thousand.
        let light = record(3000, |u| u.powf(1.5));
        for truth in [1e-2_f64, 1e-3, 1e-4] {
            let ratio = (light.corrected(1.5 * truth.ln()) - truth.ln()).exp();
            assert!((0.5..2.5).contains(&ratio), "{truth}: {ratio}");
        }
        let heavy = record(3000, |u| u.powf(0.8));
        assert!(heavy.corrected(1e-3_f64.ln()) < 1e-3_f64.ln());
    }

    #[test]
    fn anomalies_of_the_past_do_not_excuse_those_to_come() {
        let honest = record(2000, |u| u);
        let mut with_anomalies = honest;
        (0..20).for_each(|_| with_anomalies.add(-80.0, -80.0));
        let change = with_anomalies.corrected(-20.0) - honest.corrected(-20.0);
        assert!(change.abs() < 0.2, "{change}");
    }

    #[test]
    fn a_discrete_p_value_counts_for_what_it_covers() {
        // Uniform on [0, 0.1]: half of it lies in the tail, where -ln(p/u) has a mean of 1.
        let mut record = TailCalibration::default();
        record.add(f64::NEG_INFINITY, 0.1_f64.ln());
        assert!((record.events - 0.5).abs() < 1e-12 && (record.depth - 0.5).abs() < 1e-12);
        record.add(-0.5, 0.0);
        assert!((record.events - 0.5).abs() < 1e-3);
    }

    #[test]
    fn that_a_claim_is_worth_more_is_believed_as_far_as_it_was_seen() {
        // True probability u, claimed u^0.7: one in a thousand was called one in 126.
        let of = |forecasts: usize| {
            let mut lasting = TailCalibration::lasting();
            for index in 0..forecasts {
                let ln_p = 0.7 * ((index as f64 + 0.5) / forecasts as f64).ln();
                lasting.add(ln_p, ln_p);
            }
            lasting
        };
        let gain = |record: &TailCalibration, ln_p: f64| ln_p - record.corrected_within_reach(ln_p);
        let (short, long) = (of(2_000), of(200_000));
        for ln_p in [-6.0, -9.0, -14.0] {
            assert!((gain(&short, ln_p) - gain(&short, (20.0_f64 / 2e3).ln())).abs() < 1e-9);
            assert!(gain(&long, ln_p) > gain(&short, ln_p) + 0.3);
        }
        assert!(gain(&long, -20.0) - gain(&long, (20.0_f64 / 2e5).ln()) < 1e-9);
        // Truly one in a thousand.
        let worth = long.corrected_within_reach(0.7 * 1e-3_f64.ln()).exp();
        assert!((0.8e-3..1.4e-3).contains(&worth), "{worth}");
    }

    proptest! {
        #[test]
        fn within_reach_is_monotone_and_never_believes_more(power in 0.6..2.0, ln_p in -700.0..-1e-6, step in 0.0..10.0) {
            let record = record(1000, |u| u.powf(power));
            let corrected = record.corrected_within_reach(ln_p);
            prop_assert!(record.corrected_within_reach(ln_p - step) <= corrected + 1e-12);
            prop_assert!(corrected >= record.corrected(ln_p) && corrected <= 0.0);
        }

        #[test]
        fn correction_is_monotone_and_has_an_inverse(power in 0.6..2.0, ln_p in -700.0..-1e-6, step in 0.0..10.0) {
            let record = record(1000, |u| u.powf(power));
            let corrected = record.corrected(ln_p);
            prop_assert!(record.corrected(ln_p - step) <= corrected && corrected <= 0.0);
            prop_assert!((record.uncorrected(corrected) - ln_p).abs() < 1e-6 * (1.0 + ln_p.abs()));
        }
    }
}
