//! A lasting change of level: the last three days were all odd in the same direction, so the entity lives at a new level now; or some
//! hours of the day have, as when a new job runs every night.
//!
//! Judged by the old level alone, such an entity would be reported night after night; judged by the new one alone, a return to
//! the old would be. Where a shift is seen both are asked, and only what neither explains deviates. The days at the new level are judged
//! by a fit that has not seen them: one that has takes them for the entity's nature, and does not find them odd.

mod hours;
mod onset;

use std::ops::Range;

use onset::onset;

use crate::baseline::FamilyBaseline;
use crate::baseline::seasonal::{Fit, WHOLE_DAY};

/// Days at the new level after which it is believed.
pub(super) const SHIFT_DAYS: usize = 3;
/// How many times the old level a new one is at least, or the old one the new.
const LEAST_CHANGE: f64 = 1.5;
/// A day or an hour below this p-value is odd.
const ODD_BELOW: f64 = 0.01;
/// The lowest level that is believed in, relative to the old.
const LEAST_RATIO: f64 = 1e-3;

/// A past day or hour: its calls and its hours of the week.
type KnownDay<'a> = (u64, &'a [u8]);
/// The same, or `None` where the feed was not alive all of it.
type PastDay<'a> = Option<KnownDay<'a>>;

/// An entity before and since a lasting change.
pub(super) struct Shift {
    /// As it was, if enough is known of it, told by the days before alone.
    pub(super) before: Fit,
    /// As it may be now: as before at another level, or with other hours; and where the days since are enough, as they alone tell, for
    /// what has another level may have another shape of the day.
    pub(super) now: Vec<Fit>,
}

impl FamilyBaseline<'_> {
    /// What has changed for good in the last days before `day`: all of the day, or some hours of it; `without` are the days that the fit
    /// has not seen. Hours are asked where the others are as they were.
    pub(super) fn shift(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<Shift> {
        match (self.new_level(member, day, fit, without), self.new_hours(member, day, fit, without)) {
            (Some(level), Some(hours)) => Some(if hours.others_stay { hours.shift } else { level }),
            (level, hours) => level.or(hours.map(|hours| hours.shift)),
        }
    }

    fn new_level(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<Shift> {
        let past = |day: usize| {
            let alive = !self.alive(member, day..day + 1).contains(&false);
            let calls = self.calls_of(member, day).iter().map(|&calls| u64::from(calls)).sum();
            alive.then(|| (calls, self.week_hours(day..day + 1)))
        };
        // An entity that is young has no old level.
        let known = |day: usize| past(day).filter(|_| day >= self.known_from(member));
        let ratio_of = |day: usize| day_ratio(fit, known(day)?, fit.past_level(day));
        let onset = onset(&(0..day).map(ratio_of).collect::<Vec<_>>())?;
        let before = self.fit_before(member, onset, without)?;
        let since: Vec<KnownDay<'_>> = (onset..day).filter_map(past).collect();
        let last = since.len().checked_sub(SHIFT_DAYS)?;
        ratio(&before, WHOLE_DAY, since[last..].iter().map(|&day| Some(day)))?;
        let (calls, expected) = since.iter().fold((0.0, 0.0), |(calls, expected), &(total, hours)| {
            (calls + total as f64, expected + hours.iter().map(|&hour| before.mean(hour)).sum::<f64>())
        });
        let now = before.at_new_level((calls / expected).max(LEAST_RATIO), calls, onset, since.len());
        let now = std::iter::once(now).chain(self.fit_since(member, (onset, day), without)).collect();
        Some(Shift { before, now })
    }
}

/// A day's calls relative to what was expected of it.
fn day_ratio(fit: &Fit, (calls, hours): KnownDay<'_>, level: f64) -> Option<f64> {
    let expected: f64 = hours.iter().map(|&hour| fit.mean(hour) * level).sum();
    (expected > 0.0).then(|| calls as f64 / expected)
}

/// The level of some windows relative to the one fitted, if each is odd, and all in the same direction.
///
/// ```text
/// ratio = sum calls / sum expected,   when P(window) < 0.01 for each
/// ```
fn ratio<'a>(fit: &Fit, width: usize, windows: impl Iterator<Item = PastDay<'a>>) -> Option<f64> {
    let (mut calls, mut expected, mut above) = (0.0, 0.0, None);
    for window in windows {
        let (total, week_hours) = window?;
        let usual = fit.expected(week_hours, width)?;
        let rises = total as f64 > usual.mean();
        let ln_p = if rises { usual.ln_upper(total) } else { usual.ln_lower(total) };
        if ln_p > ODD_BELOW.ln() || above.is_some_and(|above| above != rises) {
            return None;
        }
        above = Some(rises);
        calls += total as f64;
        expected += usual.mean();
    }
    above.map(|_| (calls / expected).max(LEAST_RATIO))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::baseline::seasonal::Learnt;
    use crate::baseline::{Calendar, Expectation, FamilyHistory, Feed, HistoryHour, Window};
    use crate::rollup::{EntityKey, Family};

    pub(super) const DAYS: usize = 28;
    /// Calls of a usual hour.
    pub(super) const USUAL: f64 = 12.0;

    /// What the new level of the first of twenty entities makes us expect, which made so many calls in the hours of the last days.
    pub(super) fn new_level_of_first(usual_of: impl Fn(usize, usize) -> f64) -> Option<Fit> {
        fits_of_first(|_| false, usual_of).get(1).cloned()
    }

    /// All that may hold, what was before first; on some days, so many days ago, nothing came in.
    fn fits_of_first(is_gap: impl Fn(usize) -> bool, usual_of: impl Fn(usize, usize) -> f64) -> Vec<Fit> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
        let mut entity = |number: usize| {
            let hours = (0..DAYS * 24).filter(|hour| !is_gap(DAYS - hour / 24)).map(|hour| {
                let usual = if number == 0 { usual_of(DAYS - hour / 24, hour % 24) } else { USUAL };
                let calls = (usual * random.random_range(0.3..1.7)).round() as u32;
                HistoryHour { hour: hour as u16, calls, errors: 0, peak: calls }
            });
            (EntityKey::new(["1", &format!("10.0.0.{number:03}")]), hours.filter(|hour| hour.calls > 0).collect())
        };
        let history = FamilyHistory::from_entities(Family::SourceIp, (0..20).map(&mut entity).collect::<Vec<_>>());
        let window = Window::new("2026-02-02".parse().unwrap(), DAYS, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&history, &window, &calendar);
        let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
        let Expectation::Seasonal { fits, .. } = baseline.expect(0, DAYS) else { return Vec::new() };
        fits.iter().map(|fit| Fit::clone(fit)).collect()
    }

    fn ratio_of_first(factor: f64, days: usize) -> Option<f64> {
        let shifted = new_level_of_first(|ago, _| if ago <= days { factor * USUAL } else { USUAL })?;
        assert_eq!(shifted.learnt(), Learnt::Before(DAYS - days));
        Some(shifted.mean(12) / USUAL)
    }

    #[test]
    fn a_level_is_seen_from_the_third_day_on_however_long_it_lasts() {
        for factor in [2.0, 3.0, 20.0, 0.3] {
            assert_eq!(ratio_of_first(factor, 2), None, "{factor}");
            for days in [3, 5, 8, 12] {
                let ratio = ratio_of_first(factor, days).unwrap_or(0.0);
                assert!((0.85..1.15).contains(&(ratio / factor)), "{factor} for {days} days: {ratio}");
            }
        }
        assert_eq!(ratio_of_first(1.0, 5), None);
    }

    #[test]
    fn what_was_before_is_asked_as_it_was() {
        let fits = fits_of_first(|_| false, |ago, _| if ago <= 6 { 3.0 * USUAL } else { USUAL });
        let (before, now) = (&fits[0], &fits[1]);
        let ratio = before.mean(12) / USUAL;
        assert!((0.85..1.15).contains(&ratio) && now.mean(12) > 2.5 * before.mean(12), "{ratio}");
    }

    #[test]
    fn a_gap_does_not_make_a_level_forgotten() {
        for gap in [1, 2, 3] {
            let fits = fits_of_first(|ago| ago == gap, |ago, _| if ago <= 7 { 3.0 * USUAL } else { USUAL });
            let ratio = fits.get(1).map_or(0.0, |now| now.mean(12) / USUAL);
            assert!((2.5..3.5).contains(&ratio), "{gap} days ago: {ratio}");
        }
    }

    #[test]
    fn a_new_level_may_have_another_shape_of_the_day() {
        let usual = |ago: usize, hour: usize| match (ago <= 8, hour < 12) {
            (true, true) => 8.0 * USUAL,
            (false, false) => 2.0 * USUAL,
            _ => 0.5,
        };
        let fits = fits_of_first(|_| false, usual);
        let nearest = |hour: u8| {
            let ratio = |fit: &Fit| (fit.mean(hour) / usual(1, usize::from(hour))).ln().abs();
            fits[1..].iter().map(ratio).fold(f64::INFINITY, f64::min)
        };
        // The old shape at the new level is thirty times off.
        let twice = 2.0_f64.ln();
        assert!(fits.len() == 3 && nearest(3) < twice && nearest(9) < twice, "{} {}", nearest(3), nearest(9));
        assert_eq!(fits[2].learnt(), Learnt::Since(DAYS - 8));
    }

    #[test]
    fn whoever_is_young_has_no_old_level() {
        for days in [8, 12] {
            assert!(new_level_of_first(|ago, _| if ago <= days { USUAL } else { 0.0 }).is_none(), "{days}");
        }
    }
}
