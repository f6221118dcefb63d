//! How high an entity's windows are again and again: what a fit that weighs bursts down does not know of jobs that come back.
//!
//! A job of every Monday, or one that ran on eight of the last thirty days, is a burst each time and no anomaly. Bursts on three days
//! are a habit; how large the next one may be is told by how much they differ.

use crate::stats::LogNormalPredictive;

/// Bursts on fewer days than this are no habit.
const LEAST_BURSTS: usize = 3;
/// The usual deviation of `ln` of a burst's size, and bursts' worth of that belief.
const USUAL_DEVIATION: f64 = 0.5;
const BELIEF: f64 = 3.0;

/// The windows of some past days, at the same hours of the day: how many there were, and the calls in those that were bursts.
#[derive(Debug, Clone, Default)]
pub(super) struct PastBursts {
    pub(super) windows: usize,
    pub(super) bursts: Vec<u64>,
}

impl PastBursts {
    /// `ln P(there is a burst again, and it has at least so many calls)`; negative infinity where bursts are no habit.
    ///
    /// ```text
    /// P = (k + 1) / (n + 2)  P(T >= t),   k bursts in n windows
    /// ```
    /// with `t` the size by the log-normal predictive of the bursts before ([`LogNormalPredictive::of_few`]).
    pub(super) fn ln_again(&self, calls: u64) -> f64 {
        let count = self.bursts.len();
        if count < LEAST_BURSTS {
            return f64::NEG_INFINITY;
        }
        let again = (count as f64 + 1.0) / (self.windows as f64 + 2.0);
        let size = LogNormalPredictive::of_few(&self.bursts, USUAL_DEVIATION, BELIEF);
        again.ln() + size.map_or(f64::NEG_INFINITY, |size| size.ln_upper(calls))
    }
}

/// `ln P(the largest five minutes of a day are at least so large)` by days on which they were about as large; negative infinity unless
/// these are a habit.
///
/// ```text
/// P = (k + 1) / (n + 2) / 2,   k days with at least half of it among n
/// ```
pub(super) fn ln_habit_of_peaks(past: &[u64], peak: u64) -> f64 {
    let alike = past.iter().filter(|&&past| 2 * past >= peak).count();
    if alike < LEAST_BURSTS {
        return f64::NEG_INFINITY;
    }
    ((alike as f64 + 1.0) / (past.len() as f64 + 2.0) / 2.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(bursts: &[u64], calls: u64) -> f64 {
        PastBursts { windows: 28, bursts: bursts.to_vec() }.ln_again(calls).exp()
    }

    #[test]
    fn what_came_on_three_days_may_come_again_and_what_came_on_two_is_no_habit() {
        assert!((again(&[800, 790, 810, 805], 800) - 5.0 / 30.0 * 0.5).abs() < 0.02);
        assert!(again(&[800, 790], 800) == 0.0);
    }

    #[test]
    fn what_is_much_larger_than_all_that_came_before_is_odd_however_often_it_came() {
        assert!(again(&[800, 790, 810, 805], 8000) < 1e-3);
        assert!(again(&[158, 89, 47, 108, 58, 135, 52], 396) > 1e-3, "whose bursts differ may have a larger one");
        assert!(again(&[158, 89, 47, 108, 58, 135, 52], 10_000) < 1e-4);
    }

    #[test]
    fn a_peak_of_which_there_was_half_on_three_days_is_no_news() {
        assert!((ln_habit_of_peaks(&[5, 6, 60, 55, 48, 5], 90).exp() - 4.0 / 8.0 / 2.0).abs() < 1e-12);
        assert!(ln_habit_of_peaks(&[5, 6, 60, 55, 40, 5], 90) == f64::NEG_INFINITY);
    }
}
