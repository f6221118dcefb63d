//! How high an entity's windows are again and again: what a fit that weighs bursts down does not know of jobs that come back.
//!
//! A job of every Monday, or one that has run on two in five days since it began, is a burst each time and no anomaly. A few bursts now and
//! then are no habit, or whoever attacks thrice would be free to go on. How large the next one may be is told by how much they differ.

use crate::stats::{LogNormalPredictive, rule_of_succession};

/// Bursts on fewer days than this are no habit.
const LEAST_BURSTS: usize = 3;
/// Neither are those on a smaller share of the days since the first of them.
const LEAST_SHARE: f64 = 0.4;

/// The windows of some past days, in their order, at the same hours of the day: how many there were since the first burst, and the calls in
/// those that were bursts.
#[derive(Debug, Clone, Default)]
pub(super) struct PastBursts {
    windows: usize,
    bursts: Vec<u64>,
}

impl PastBursts {
    /// Adds the next day's window.
    pub(super) fn add(&mut self, calls: u64, is_burst: bool) {
        self.windows += usize::from(is_burst || !self.bursts.is_empty());
        self.bursts.extend(is_burst.then_some(calls));
    }

    /// `ln P(there is a burst again, and it has at least so many calls)`; negative infinity where bursts are no habit.
    ///
    /// ```text
    /// P = (k + 1) / (n + 2)  P(T >= t),   k bursts in n windows since the first
    /// ```
    /// with `t` the size by the log-normal predictive of the bursts before ([`LogNormalPredictive::of_bursts`]).
    pub(super) fn ln_again(&self, calls: u64) -> f64 {
        let count = self.bursts.len();
        if count < LEAST_BURSTS || (count as f64) < LEAST_SHARE * self.windows as f64 {
            return f64::NEG_INFINITY;
        }
        let again = rule_of_succession(count, self.windows);
        let size = LogNormalPredictive::of_bursts(&self.bursts);
        again.ln() + size.map_or(f64::NEG_INFINITY, |size| size.ln_upper(calls))
    }
}

/// `ln P(the largest five minutes of a day are at least so large)` by days, in their order, on which they were about as large; negative
/// infinity unless these are a habit.
///
/// ```text
/// P = (k + 1) / (n + 2) / 2,   k days with at least half of it among n since the first
/// ```
pub(super) fn ln_habit_of_peaks(past: &[u64], peak: u64) -> f64 {
    let is_alike = |past: &&u64| 2 * **past >= peak;
    let since = past.iter().skip_while(|past| !is_alike(past));
    let (days, alike) = (since.clone().count(), since.filter(is_alike).count());
    if alike < LEAST_BURSTS || (alike as f64) < LEAST_SHARE * days as f64 {
        return f64::NEG_INFINITY;
    }
    (rule_of_succession(alike, days) / 2.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bursts of such sizes, each after so many quiet days.
    fn again(bursts: &[u64], quiet: usize, calls: u64) -> f64 {
        let mut past = PastBursts::default();
        for &burst in bursts {
            (0..quiet).for_each(|_| past.add(5, false));
            past.add(burst, true);
        }
        past.ln_again(calls).exp()
    }

    #[test]
    fn what_came_on_three_days_may_come_again_and_what_came_on_two_or_now_and_then_is_no_habit() {
        let found = again(&[800, 790, 810, 805], 1, 800);
        assert!((found - 5.0 / 9.0 * 0.5).abs() < 0.03, "{found}");
        assert!(again(&[800, 790], 0, 800) == 0.0);
        assert!(again(&[800, 790, 810, 805], 6, 800) == 0.0, "of all days, those of one day of the week are a few");
    }

    #[test]
    fn what_is_much_larger_than_all_that_came_before_is_odd_however_often_it_came() {
        let equal = [800, 790, 810, 805];
        let (ten_times, five_times) = (again(&equal, 0, 8000), again(&equal, 0, 4000));
        assert!(ten_times < 1e-4 && five_times < 1e-3, "{ten_times} {five_times}");
        let unequal = [158, 89, 47, 108, 58, 135, 52];
        assert!(again(&unequal, 0, 396) > 1e-4, "whose bursts differ may have a larger one");
        assert!(again(&unequal, 0, 10_000) < 1e-6);
    }

    #[test]
    fn a_peak_of_which_there_was_half_on_three_days_is_no_news() {
        assert!((ln_habit_of_peaks(&[5, 6, 60, 55, 48, 5], 90).exp() - 4.0 / 6.0 / 2.0).abs() < 1e-12);
        assert!(ln_habit_of_peaks(&[5, 6, 60, 55, 40, 5], 90) == f64::NEG_INFINITY);
    }
}
