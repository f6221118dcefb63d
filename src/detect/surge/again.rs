//! How often an API's errors came in such a surge before: what a share and its clumping do not know of surges that come back.
//!
//! A day is a surge if it would have been looked at itself. That its errors surge again is as likely as the days on which they did tell, and
//! how large they are, by their number and by their share of the calls, is held against the surges before, so that one that is much larger is
//! odd however often small ones came.
//!
//! A past surge may have been an attack, and then it was told as a finding. Days in a row are one occasion, for an attack goes on; how long it is
//! told for is the business of [`crate::insight`]. That such is the way of the API is believed one time in a million after a single occasion, in
//! ten thousand after two, in a hundred after three: the next is odd, and less so each time. After four, or after one of a week or longer, it is
//! what the days say it is. Whoever may do so unseen for the fifth time was told of four times.

use std::collections::BTreeSet;

use crate::stats::{LogNormalPredictive, rule_of_succession};

/// Days in a row from which on one occasion is as good as several: by then it was told night after night, and is taken for a new level.
const LASTING: usize = 7;
/// How far one, two and three occasions are believed to be the way of an API: two outages in a month are no routine.
const BELIEF_OF_FEW: [f64; 3] = [1e-6, 1e-4, 1e-2];
/// Shares are told apart by so small a part.
const SHARE_UNITS: f64 = 1e6;

/// The failures of a window and the calls that they are a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FailedPart {
    pub(super) failed: u64,
    pub(super) calls: u64,
}

impl FailedPart {
    fn share(self) -> u64 {
        (self.failed as f64 / self.calls.max(1) as f64 * SHARE_UNITS).round() as u64
    }
}

/// Past days on which an API was called, and the surges among them, each by its oddest window of some width.
#[derive(Debug, Clone, Default)]
pub(super) struct PastSurges {
    days: usize,
    surges: Vec<(usize, FailedPart)>,
}

impl PastSurges {
    /// Adds the next day, and what of it was a surge.
    pub(super) fn add(&mut self, day: usize, surge: Option<FailedPart>) {
        self.days += 1;
        self.surges.extend(surge.map(|part| (day, part)));
    }

    /// `ln P(there is such a surge again, and it is at least so large)`: by all surges before, or by the largest of them alone, however many,
    /// whichever is most; negative infinity where there were none.
    ///
    /// ```text
    /// P = b (k + 1) / (n + 2) min(1, 2 min(P(failures >= f), P(share >= f / calls))),   k surges on n days
    /// b = 1e-6, 1e-4, 1e-2 after one, two, three occasions, none of which lasted seven days;   b = 1 otherwise
    /// ```
    /// with sizes by the log-normal predictive of the surges ([`LogNormalPredictive::of_bursts`]); days in a row are one occasion.
    pub(super) fn ln_again(&self, today: FailedPart) -> f64 {
        let by = |size: fn(FailedPart) -> u64| {
            let sizes: BTreeSet<u64> = self.surges.iter().map(|&(_, part)| size(part)).collect();
            sizes.into_iter().map(move |least| self.ln_again_of(&self.at_least(size, least), today))
        };
        by(|part| part.failed).chain(by(FailedPart::share)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The surges that are at least so large, in their order.
    fn at_least(&self, size: fn(FailedPart) -> u64, least: u64) -> Vec<(usize, FailedPart)> {
        self.surges.iter().copied().filter(|&(_, part)| size(part) >= least).collect()
    }

    fn ln_again_of(&self, surges: &[(usize, FailedPart)], today: FailedPart) -> f64 {
        let sizes = |size: fn(FailedPart) -> u64| {
            let past: Vec<u64> = surges.iter().map(|&(_, part)| size(part)).collect();
            Some(LogNormalPredictive::of_bursts(&past)?.ln_upper(size(today)))
        };
        let Some(smaller) =
            sizes(|part| part.failed).zip(sizes(FailedPart::share)).map(|(count, share)| count.min(share))
        else {
            return f64::NEG_INFINITY;
        };
        let again = rule_of_succession(surges.len(), self.days);
        let ln_size = (std::f64::consts::LN_2 + smaller).min(0.0);
        belief(surges).ln() + again.min(1.0).ln() + ln_size
    }
}

/// How far surges of some days, ascending, are believed to be what comes again and again.
fn belief(surges: &[(usize, FailedPart)]) -> f64 {
    let occasions = surges.chunk_by(|(before, _), (day, _)| before + 1 == *day);
    if occasions.clone().any(|days| days.len() >= LASTING) {
        return 1.0;
    }
    BELIEF_OF_FEW.get(occasions.count().saturating_sub(1)).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(failed: u64) -> FailedPart {
        FailedPart { failed, calls: failed + 20 }
    }

    /// Surges of such sizes on such days of four weeks.
    fn again(surges: &[(usize, u64)], today: FailedPart) -> f64 {
        let mut past = PastSurges::default();
        for day in 0..28 {
            let surge = surges.iter().find(|(own, _)| *own == day);
            past.add(day, surge.map(|&(_, failed)| part(failed)));
        }
        past.ln_again(today).exp()
    }

    #[test]
    fn a_surge_is_as_likely_as_the_days_on_which_there_was_one() {
        let every = |step: usize| -> Vec<(usize, u64)> { (0..28).step_by(step).map(|day| (day, 40)).collect() };
        for (step, count) in [(2, 14.0), (5, 6.0), (7, 4.0)] {
            let found = again(&every(step), part(40));
            assert!((found - (count + 1.0) / 30.0).abs() < 1e-3, "{step}: {found}");
        }
        assert!(again(&[], part(40)) == 0.0);
    }

    #[test]
    fn one_occasion_is_told_again_and_a_week_in_a_row_is_none() {
        let row = |days: usize| -> Vec<(usize, u64)> { (20..20 + days).map(|day| (day, 40)).collect() };
        assert!(again(&row(1), part(40)) < 1e-5 && again(&row(6), part(40)) < 1e-4);
        assert!(again(&row(7), part(40)) > 0.2);
        let of = |days: &[usize]| again(&days.iter().map(|&day| (day, 40)).collect::<Vec<_>>(), part(40));
        assert!(of(&[3, 15]) < 1e-4, "two outages in a month are no routine");
        assert!((1e-4..0.01).contains(&of(&[3, 15, 20])) && of(&[3, 8, 15, 20]) > 0.1);
    }

    #[test]
    fn what_is_much_larger_is_odd_by_number_or_by_share() {
        let now_and_then = [(3, 40), (9, 38), (20, 44), (24, 36)];
        let (alike, twice, ten_times) =
            (again(&now_and_then, part(45)), again(&now_and_then, part(80)), again(&now_and_then, part(400)));
        assert!(alike > 0.1 && twice > 0.01 && ten_times < 1e-4, "{alike} {twice} {ten_times}");
        let busy = FailedPart { failed: 40, calls: 4000 };
        let mut past = PastSurges::default();
        (0..28).for_each(|day| past.add(day, (day % 4 == 0).then_some(busy)));
        let all_fail = past.ln_again(FailedPart { failed: 40, calls: 40 }).exp();
        assert!(all_fail < 1e-4, "one in a hundred failed before: {all_fail}");
    }

    #[test]
    fn many_small_ones_do_not_make_a_large_one_odd_that_came_as_large_before() {
        let mixed: Vec<(usize, u64)> = (0..28).map(|day| (day, if day % 7 == 4 { 400 } else { 12 })).collect();
        let found = again(&mixed, part(400));
        assert!((found - 5.0 / 30.0).abs() < 0.02, "{found}");
    }

    proptest! {
        #[test]
        fn a_larger_one_is_no_likelier(
            days in prop::collection::btree_map(0_usize..28, 5_u64..500, 0..15), failed in 5_u64..500, more in 1_u64..500,
        ) {
            let surges: Vec<(usize, u64)> = days.into_iter().collect();
            let of = |failed: u64| again(&surges, FailedPart { failed, calls: 2000 });
            prop_assert!(of(failed + more) <= of(failed) * (1.0 + 1e-9));
        }
    }
}
