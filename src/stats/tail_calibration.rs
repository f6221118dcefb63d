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
/// Furthest that one record can stretch or squeeze a tail.
const EXPONENT: std::ops::RangeInclusive<f64> = 0.5..=2.5;

/// The record of a tail: how many p-values fell into it, and how deep.
///
/// Honest p-values below `u` come at the rate `u`, and `-ln(p/u)` is exponential with mean 1. From weighted sums with
/// `A` honest events as prior,
///
/// ```text
/// rate     k = (sum w [p < u] + A) / (u n + A)
/// depth    g = (sum w -ln(p/u) [p < u] + A) / (sum w [p < u] + A)          (Hill's estimator)
/// p' = k u (p/u)^(1/g)   below u;   linear from there to 1
/// ```
///
/// Weights are those of robust fitting, so that an anomaly among the past does not make the tail look heavy. A discrete
/// p-value enters as the uniform variable that it bounds. Sources: Hill 1975; Siffer et al. 2017 (tails of streams).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TailCalibration {
    forecasts: f64,
    events: f64,
    depth: f64,
}

impl TailCalibration {
    /// Adds a past p-value, known to lie between `exp(ln_from)` and `exp(ln_to)`: `P(Y > y)` and `P(Y >= y)`.
    pub fn add(&mut self, ln_from: f64, ln_to: f64) {
        let keep = (-HALF_LIFE.recip()).exp2();
        self.forecasts = self.forecasts * keep + 1.0;
        (self.events, self.depth) = (self.events * keep, self.depth * keep);
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

    /// What a log p-value is worth given the record.
    pub fn corrected(&self, ln_p: f64) -> f64 {
        let (ln_rate, exponent) = self.fitted();
        let ln_tail = TAIL.ln();
        if ln_p < ln_tail {
            return (ln_rate + (ln_p - ln_tail) / exponent).min(0.0);
        }
        let outside = (1.0 - ln_p.exp()) * (1.0 - ln_rate.exp()) / (1.0 - TAIL);
        (-outside).ln_1p().min(0.0)
    }

    /// The p-value, before correction, of what comes out as `ln_corrected`.
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
        (rate.clamp(TAIL / 5.0, 0.5).ln(), depth.clamp(*EXPONENT.start(), *EXPONENT.end()))
    }
}

/// How much an event of this probability says about ordinary ones: 1 up to four standard deviations, 0 from five on.
fn credibility(ln_p: f64) -> f64 {
    ((IGNORED_FROM - score_of_valid(ln_p)) / (IGNORED_FROM - BELIEVED_TO)).clamp(0.0, 1.0)
}
