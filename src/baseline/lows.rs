//! How low an entity's windows usually are: what a negative binomial does not know of entities that pause.
//!
//! An entity that is silent in one hour of twenty, day after day, is not odd when it is silent; its counts have more zeros than any
//! dispersion explains. A single outage in the past is no habit.

use std::collections::BTreeSet;

use crate::stats::rule_of_succession;

/// Expected calls from which a window can be low.
const LEAST_EXPECTED: f64 = 5.0;
/// Low windows on fewer days than this are no habit.
const LEAST_DAYS: usize = 3;
/// Neither are those on a smaller share of the days.
const LEAST_SHARE: f64 = 0.15;

/// Deviations above a low count within which another is about as low. Where there are many windows, their ranks tell; where there are
/// as few as days, the lowest of windows that are all low is no lower than they are.
pub(super) const ALIKE: f64 = 2.0;

/// A past window: its day, its calls, and what was expected of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PastWindow {
    pub(super) day: usize,
    pub(super) calls: f64,
    pub(super) expected: f64,
}

impl PastWindow {
    /// Whether it held so little of what was expected, so many deviations more, or less.
    fn is_low(&self, share: f64, alike: f64) -> bool {
        let low = share * self.expected;
        self.calls <= low + alike * low.sqrt()
    }
}

/// `ln P(a window holds at most this share of what is expected)` by the past alone; negative infinity where that is no habit.
///
/// ```text
/// P = (low windows + 1) / (windows + 1),   when they are on at least 3 days and 15 % of all days; low up to `alike` deviations more
/// ```
pub(super) fn ln_habit_of_lows(past: impl Iterator<Item = PastWindow>, share: f64, alike: f64) -> f64 {
    let (mut windows, mut low) = (0.0, 0.0);
    let (mut days, mut low_days) = (BTreeSet::new(), BTreeSet::new());
    for window in past.filter(|window| window.expected >= LEAST_EXPECTED) {
        windows += 1.0;
        days.insert(window.day);
        if window.is_low(share, alike) {
            low += 1.0;
            low_days.insert(window.day);
        }
    }
    let is_habit = low_days.len() >= LEAST_DAYS && low_days.len() as f64 >= LEAST_SHARE * days.len() as f64;
    if is_habit { ((low + 1.0_f64) / (windows + 1.0)).ln() } else { f64::NEG_INFINITY }
}

/// `ln P(a window holds at most this share of what is expected)` by the same hours of the same day of the week; negative infinity unless
/// that was so on three such days.
///
/// ```text
/// P = (low windows + 1) / (windows + 2)
/// ```
pub(super) fn ln_weekly_low(past: impl Iterator<Item = PastWindow>, share: f64) -> f64 {
    let is_low: Vec<bool> =
        past.filter(|window| window.expected >= LEAST_EXPECTED).map(|window| window.is_low(share, ALIKE)).collect();
    let low = is_low.iter().filter(|&&is_low| is_low).count();
    if low < LEAST_DAYS { f64::NEG_INFINITY } else { rule_of_succession(low, is_low.len()).ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty-eight days of 24 windows of which every `every`-th up to a day is empty.
    fn past(every: usize, until: usize) -> impl Iterator<Item = PastWindow> {
        (0..28 * 24).map(move |hour| {
            let empty = hour % every == 0 && hour / 24 < until;
            PastWindow { day: hour / 24, calls: if empty { 0.0 } else { 20.0 }, expected: 20.0 }
        })
    }

    #[test]
    fn the_lowest_of_days_that_are_all_low_is_as_likely_as_they_are() {
        let days = |day: usize| PastWindow { day, calls: if day % 7 == 2 { 600.0 } else { 115.0 }, expected: 420.0 };
        let lowest = ln_habit_of_lows((0..28).map(days), 100.0 / 420.0, ALIKE).exp();
        assert!((lowest - 25.0 / 29.0).abs() < 1e-12, "{lowest}");
        assert!(
            ln_habit_of_lows((0..28).map(days), 20.0 / 420.0, ALIKE) == f64::NEG_INFINITY,
            "a fifth of them is another thing"
        );
    }

    #[test]
    fn pauses_day_after_day_are_a_habit_and_an_outage_is_none() {
        let habit = ln_habit_of_lows(past(20, 28), 0.1, 0.0).exp();
        assert!((habit - 35.0 / 673.0).abs() < 1e-12, "{habit}");
        assert!(ln_habit_of_lows(past(2, 2), 0.1, 0.0) == f64::NEG_INFINITY);
        assert!(ln_habit_of_lows(past(2, 4), 0.1, 0.0) == f64::NEG_INFINITY);
        assert!(ln_habit_of_lows(std::iter::empty(), 0.1, 0.0) == f64::NEG_INFINITY);
    }
}
