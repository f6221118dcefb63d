//! Error surges: an API fails with one code more often than its calls explain.
//!
//! *What it flags*: hours in which the share of an API's calls that fail with a code is far above its own past share.
//! *Statistic*: the beta-binomial tail of the failures among the calls, over windows of 1, 3, 6 and 24 hours, combined by weighted
//! Bonferroni; the count of the failures is its companion and must be unusual too, so that errors which merely rose with the calls,
//! or a share that rose because calls fell, are no surge. Nor is a surge less likely than the days on which there was one before ([`again`]).
//! *Assumptions*: failures of an hour clump alike over the hours of an API; a code never seen before has the family's usual share.
//! *When it is wrong*: when an API's calls change their kind. *Parameters*: `min_excess`, `min_ratio`.
//! *References*: Skellam 1948 (beta-binomial); precision from Pearson's excess, as for over-dispersed proportions (Williams 1982).

mod again;

use rayon::prelude::*;

use crate::baseline::{FamilyBaseline, FamilyHistory};
use crate::detect::Thresholds;
use crate::detect::day_score::DayScore;
use crate::detect::surge::again::{FailedPart, PastSurges};
use crate::detect::window_test::{Span, WindowTest};
use crate::rollup::EntityKey;
use crate::stats::BetaBinomial;
use crate::time::DAY_HOURS;

/// Widths of the windows, and each one's share of the error that a day is allowed.
const WIDTHS: [Width; 4] = [
    Width { hours: 1, share: 0.35 },
    Width { hours: 3, share: 0.3 },
    Width { hours: 6, share: 0.2 },
    Width { hours: 24, share: 0.15 },
];
/// How many calls the family's usual share counts for.
const SHARE_CALLS: f64 = 50.0;
/// How many calls the family's usual clumping counts for.
const CLUMP_CALLS: f64 = 500.0;
/// An hour's squared residual counts at most this much, so that past surges do not pass for clumping.
const MOST_SQUARE: f64 = 25.0;
/// The count must be at least this unlikely by itself.
const COUNT_BELOW: f64 = 0.05;

#[derive(Debug, Clone, Copy)]
struct Width {
    hours: usize,
    share: f64,
}

impl Width {
    /// How many windows a day has.
    fn windows(self) -> f64 {
        (DAY_HOURS - self.hours + 1) as f64
    }

    /// What choosing among them costs, to be added to `ln p`.
    fn correction(self) -> f64 {
        (self.windows() / self.share).ln()
    }
}

/// What the family of errors taught about shares.
#[derive(Debug)]
pub(super) struct Surges<'a> {
    errors: &'a FamilyBaseline<'a>,
    apis: &'a FamilyHistory,
    min_ratio: f64,
    /// Up to this p-value a day of the past was one to look at.
    max_p_value: f64,
    share: f64,
    clumping: f64,
}

/// An entity's failures and its API's calls by hour of the window.
struct Failures {
    failed: Vec<u32>,
    calls: Vec<u32>,
}

/// A window in which clearly more failed than the share lets expect.
#[derive(Debug, Clone, Copy)]
struct Surge {
    first: usize,
    part: FailedPart,
    expected: f64,
    ln_p: f64,
}

/// Sums over the past hours of an entity.
#[derive(Debug, Default, Clone, Copy)]
struct PastSums {
    failed: f64,
    calls: f64,
    /// `sum min(r^2, 25) - 1` with `r` Pearson's residual, and `sum (n - 1)`.
    excess: f64,
    pairs: f64,
}

impl<'a> Surges<'a> {
    pub(super) fn learn(errors: &'a FamilyBaseline<'a>, apis: &'a FamilyHistory, thresholds: &Thresholds) -> Self {
        let &Thresholds { min_ratio, max_p_value, .. } = thresholds;
        let unlearnt = Self { errors, apis, min_ratio, max_p_value, share: 0.01, clumping: 0.0 };
        let today = errors.window().length();
        let pasts: Vec<PastSums> = (0..errors.history.len())
            .into_par_iter()
            .filter_map(|member| Some(unlearnt.past(member, &unlearnt.failures(member)?, today)))
            .collect();
        let total = pasts.iter().fold(PastSums::default(), PastSums::and);
        let clumping = (total.excess / total.pairs.max(1.0)).clamp(0.0, 0.5);
        Self { share: (total.failed + 0.5) / (total.calls + SHARE_CALLS), clumping, ..unlearnt }
    }

    /// How unlikely an entity's failures of a day are, given its API's calls; `ln_count` is how unlikely they are by number.
    pub(super) fn score(&self, member: usize, day: usize, ln_count: f64) -> DayScore {
        let mut score = DayScore::usual();
        let Some(failures) = self.failures(member).filter(|_| ln_count <= COUNT_BELOW.ln()) else { return score };
        for test in self.of_day(member, &failures, day) {
            let hours = test.span.hours().filter(|hour| failures.failed[day * DAY_HOURS + hour] > 0);
            score.note(telling(hours, &failures.failed, day), test.ln_corrected);
        }
        score
    }

    /// The windows that the score comes from; they count for nothing where the number of failures is nothing unusual.
    pub(super) fn tests(&self, member: usize, day: usize, ln_count: f64) -> Vec<WindowTest> {
        let counts = |test: WindowTest| {
            if ln_count <= COUNT_BELOW.ln() { test } else { WindowTest { ln_corrected: 0.0, ..test } }
        };
        self.failures(member)
            .map_or_else(Vec::new, |failures| self.of_day(member, &failures, day).into_iter().map(counts).collect())
    }

    /// The windows in which clearly more failed than the share lets expect, in the light of surges of other days. Failures that stand there
    /// more than once look surer than they are.
    fn of_day(&self, member: usize, failures: &Failures, day: usize) -> Vec<WindowTest> {
        let repeated = self.errors.repeated(member, day);
        let is_true = |surge: &Surge, width: Width| !repeated[surge.first..surge.first + width.hours].contains(&true);
        let posterior = self.posterior(&self.past(member, failures, day));
        let of_width = |width: Width| {
            let mut surges = self.surges(failures, day, width, posterior);
            surges.retain(|surge| is_true(surge, width));
            let is_odd = move |surge: &Surge| surge.ln_p + width.correction() <= COUNT_BELOW.ln();
            let past = surges.iter().any(is_odd).then(|| self.past_surges(member, failures, day, width, posterior));
            let ln_again = move |surge: &Surge| {
                past.as_ref().filter(|_| is_odd(surge)).map_or(f64::NEG_INFINITY, |past| past.ln_again(surge.part))
            };
            surges.into_iter().map(move |surge| surge.test(width, ln_again(&surge)))
        };
        WIDTHS.into_iter().flat_map(of_width).collect()
    }

    /// The windows of a width in which clearly more failed than the share lets expect.
    fn surges(&self, failures: &Failures, day: usize, width: Width, (a, b): (f64, f64)) -> Vec<Surge> {
        let window = |first: usize| {
            let range = day * DAY_HOURS + first..day * DAY_HOURS + first + width.hours;
            let total = |counts: &[u32]| counts[range.clone()].iter().map(|&count| u64::from(count)).sum::<u64>();
            let (failed, calls) = (total(&failures.failed), total(&failures.calls));
            let expected = BetaBinomial::new(calls.max(failed), a, b).ok()?;
            // A share that is surely, but hardly, larger is none of anybody's business.
            let is_more = failed as f64 > expected.mean() && failed as f64 >= self.min_ratio * expected.mean();
            let part = FailedPart { failed, calls };
            is_more.then(|| Surge { first, part, expected: expected.mean(), ln_p: expected.ln_upper(failed) })
        };
        (0..=DAY_HOURS - width.hours).filter_map(window).collect()
    }

    /// The days before the scored one but `day` on which the API was called, with the surges that they would have been found for.
    fn past_surges(
        &self,
        member: usize,
        failures: &Failures,
        day: usize,
        width: Width,
        posterior: (f64, f64),
    ) -> PastSurges {
        let days = self.errors.window().length();
        let alive = self.errors.alive(member, 0..days);
        let is_told = |past: usize| {
            (past * DAY_HOURS..(past + 1) * DAY_HOURS).any(|hour| alive[hour] && failures.calls[hour] > 0)
        };
        let mut found = PastSurges::default();
        for past in (0..days).filter(|&past| past != day && is_told(past)) {
            let surges = self.surges(failures, past, width, posterior);
            let oddest = surges.into_iter().min_by(|left, right| left.ln_p.total_cmp(&right.ln_p));
            let surge = oddest.filter(|surge| surge.ln_p + width.correction() <= self.max_p_value.ln());
            found.add(past, surge.map(|surge| surge.part));
        }
        found
    }

    /// The share's posterior, no surer than the clumping of failures lets anyone be.
    ///
    /// ```text
    /// a + b = min(50 + calls, 1/rho - 1),   a / (a + b) = (failed + 50 share) / (calls + 50)
    /// ```
    fn posterior(&self, past: &PastSums) -> (f64, f64) {
        let share = (past.failed + SHARE_CALLS * self.share) / (past.calls + SHARE_CALLS);
        let clumping = (past.excess + CLUMP_CALLS * self.clumping) / (past.pairs + CLUMP_CALLS);
        let precision = (past.calls + SHARE_CALLS).min(1.0 / clumping.clamp(1e-9, 0.5) - 1.0);
        let share = share.clamp(1e-9, 1.0 - 1e-9);
        ((share * precision).clamp(1e-9, 1e9), ((1.0 - share) * precision).clamp(1e-9, 1e9))
    }

    /// The entity's failures beside all calls of its API; `None` if the API's calls are not known.
    fn failures(&self, member: usize) -> Option<Failures> {
        let key = self.errors.history.key(member);
        let api = self.apis.find(&EntityKey::new(key.fields().take(3)))?;
        let hours = (self.errors.window().length() + 1) * DAY_HOURS;
        let dense = |history: &FamilyHistory, member: usize| {
            let mut counts = vec![0; hours];
            for hour in history.hours(member) {
                counts[usize::from(hour.hour)] = hour.calls;
            }
            counts
        };
        Some(Failures { failed: dense(self.errors.history, member), calls: dense(self.apis, api) })
    }

    /// The past without `day` and without hours in which the feed was silent.
    fn past(&self, member: usize, failures: &Failures, day: usize) -> PastSums {
        let days = self.errors.window().length();
        let alive = self.errors.alive(member, 0..days);
        let hours =
            (0..days * DAY_HOURS).filter(|hour| alive[*hour] && hour / DAY_HOURS != day && failures.calls[*hour] > 0);
        let sums = |past: PastSums, hour: usize| PastSums {
            failed: past.failed + f64::from(failures.failed[hour]),
            calls: past.calls + f64::from(failures.calls[hour]),
            ..past
        };
        let totals = hours.clone().fold(PastSums::default(), sums);
        let share = ((totals.failed + 0.5) / (totals.calls + 1.0)).min(0.999);
        hours.fold(totals, |past, hour| {
            let (failed, calls) = (f64::from(failures.failed[hour]), f64::from(failures.calls[hour]));
            let square = (failed - calls * share).powi(2) / (calls * share * (1.0 - share));
            PastSums { excess: past.excess + square.min(MOST_SQUARE) - 1.0, pairs: past.pairs + calls - 1.0, ..past }
        })
    }
}

impl Surge {
    /// The test of it, at least as likely as that a day holds such a surge.
    fn test(&self, width: Width, ln_again: f64) -> WindowTest {
        let span = Span::Hours { first: self.first as u8, end: (self.first + width.hours) as u8 };
        let ln_p = self.ln_p.max(ln_again - width.windows().ln());
        WindowTest::rise(span, self.part.failed, self.expected, ln_p, width.correction())
    }
}

impl PastSums {
    fn and(self, other: &Self) -> Self {
        Self {
            failed: self.failed + other.failed,
            calls: self.calls + other.calls,
            excess: self.excess + other.excess,
            pairs: self.pairs + other.pairs,
        }
    }
}

/// Of the hours with failures those without which the window would not be what it is.
fn telling(hours: impl Iterator<Item = usize>, failed: &[u32], day: usize) -> Vec<usize> {
    let hours: Vec<usize> = hours.collect();
    let most = hours.iter().map(|hour| failed[day * DAY_HOURS + hour]).max().unwrap_or(0);
    hours.into_iter().filter(|hour| failed[day * DAY_HOURS + hour] * 2 >= most).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Binomial, Distribution};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::baseline::{Calendar, Feed, HistoryHour, Window};
    use crate::detect::Thresholds;
    use crate::detect::judgement::{Night, judge};
    use crate::rollup::Family;
    use crate::time::HourSpan;

    const TODAY: u16 = 28 * 24;

    /// Twenty APIs of 50 calls an hour, one call in a hundred failing; then the calls and failures of the last day changed.
    fn deviations(seed: u64, change: impl Fn(usize, u16) -> (u32, f64)) -> Vec<(usize, HourSpan)> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (mut apis, mut errors) = (Vec::new(), Vec::new());
        for number in 0..20 {
            let name = format!("Api{number:02}");
            let (mut calls, mut failed) = (Vec::new(), Vec::new());
            for hour in 0..TODAY + 24 {
                let (count, share) = change(number, hour);
                let failures = Binomial::new(u64::from(count), share).unwrap().sample(&mut random) as u32;
                let hour = |calls| HistoryHour { hour, calls, errors: failures, peak: 0 };
                calls.push(hour(count));
                failed.extend((failures > 0).then(|| hour(failures)));
            }
            apis.push((EntityKey::new(["1", "ecs", &name]), calls));
            errors.push((EntityKey::new(["1", "ecs", &name, "Forbidden"]), failed));
        }
        let (apis, errors) =
            (FamilyHistory::from_entities(Family::Api, apis), FamilyHistory::from_entities(Family::ApiError, errors));
        let window = Window::new("2026-02-02".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&apis, &window, &calendar);
        let night = Night { window: &window, calendar: &calendar, feed: &feed, thresholds: Thresholds::default() };
        let result = judge(&[&apis, &errors], night, &[]).unwrap().families.pop().unwrap();
        result.deviations.iter().map(|found| (found.member, found.hours)).collect()
    }

    #[test]
    fn one_percent_to_twenty_on_fifty_calls_for_three_hours_is_found() {
        let surge = |number: usize, hour: u16| number == 7 && (TODAY + 9..TODAY + 12).contains(&hour);
        for seed in 0..10 {
            let found = deviations(seed, |number, hour| (50, if surge(number, hour) { 0.2 } else { 0.01 }));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].0 == 7 && found[0].1.overlaps(HourSpan::new(9, 12)), "{found:?}");
        }
    }

    #[test]
    fn a_surge_that_comes_now_and_then_is_no_news_and_one_ten_times_as_large_is() {
        let hour_of = |number: usize, day: u16| (number as u16 * 5 + day * 7) % 24;
        let often = |number: usize| if number.is_multiple_of(2) { 7 } else { 3 };
        let surges = |number: usize, hour: u16| {
            let day = hour / 24;
            (day + number as u16).is_multiple_of(often(number)) && hour % 24 == hour_of(number, day)
        };
        let now_and_then = |number: usize, hour: u16| if surges(number, hour) { (60, 0.5) } else { (20, 0.01) };
        assert!((0..20).any(|number| (TODAY..TODAY + 24).any(|hour| surges(number, hour))), "there are some");
        let larger = |number: usize, hour: u16| {
            if number == 7 && hour == TODAY + 3 { (600, 0.8) } else { now_and_then(number, hour) }
        };
        for seed in 0..3 {
            assert_eq!(deviations(seed, now_and_then), []);
            let found = deviations(seed, larger);
            assert_eq!(found.iter().map(|found| found.0).collect::<Vec<_>>(), [7], "{found:?}");
        }
    }

    #[test]
    fn errors_that_rise_with_their_calls_are_no_surge() {
        let busy = |number: usize, hour: u16| number == 3 && (TODAY + 9..TODAY + 12).contains(&hour);
        let found = deviations(1, |number, hour| (if busy(number, hour) { 2000 } else { 50 }, 0.01));
        assert_eq!(found, []);
    }

    #[test]
    fn a_share_that_grows_by_half_with_ten_times_the_calls_is_no_surge() {
        let busy = |number: usize, hour: u16| number == 3 && (TODAY + 9..TODAY + 12).contains(&hour);
        let found = deviations(1, |number, hour| if busy(number, hour) { (20_000, 0.015) } else { (2000, 0.01) });
        assert_eq!(found, []);
    }

    #[test]
    fn ordinary_days_are_silent() {
        assert_eq!((0..10).map(|seed| deviations(seed, |_, _| (50, 0.01)).len()).sum::<usize>(), 0);
    }
}
