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
const SHIFT_DAYS: usize = 3;
/// How many times the old level a new one is at least, or the old one the new.
const LEAST_CHANGE: f64 = 1.5;
/// A day or an hour below this p-value is odd.
const ODD_BELOW: f64 = 0.01;
/// The lowest level that is believed in, relative to the old.
const LEAST_RATIO: f64 = 1e-3;

/// A past day: its calls and its hours of the week, or `None` where the feed was not alive all day.
type PastDay<'a> = Option<(u64, &'a [u8])>;

impl FamilyBaseline<'_> {
    /// The fit at the level of the last days before `day`, where all of the day or some hours of it have changed for good; `without` are the
    /// days that the fit has not seen. Hours are asked where the others are as they were.
    pub(super) fn shifted(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<Fit> {
        match (self.new_level(member, day, fit, without), self.new_hours(member, day, fit, without)) {
            (Some(level), Some(hours)) => Some(if hours.others_stay { hours.fit } else { level }),
            (level, hours) => level.or(hours.map(|hours| hours.fit)),
        }
    }

    fn new_level(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<Fit> {
        let past = |day: usize| {
            let alive = !self.alive(member, day..day + 1).contains(&false);
            let calls = self.calls_of(member, day).iter().map(|&calls| u64::from(calls)).sum();
            alive.then(|| (calls, self.week_hours(day..day + 1)))
        };
        let ratios = (0..day).map(|day| past(day).and_then(|(calls, hours)| day_ratio(fit, calls, hours)));
        let onset = onset(&ratios.collect::<Vec<_>>())?;
        let old = self.fit_without(member, &(onset.min(without.start)..without.end))?;
        ratio(&old, WHOLE_DAY, (day - SHIFT_DAYS..day).map(past))?;
        let since = (onset..day).filter_map(past);
        let days = since.clone().count();
        let (calls, expected) = since.fold((0.0, 0.0), |(calls, expected), (total, hours)| {
            (calls + total as f64, expected + hours.iter().map(|&hour| old.mean(hour)).sum::<f64>())
        });
        Some(old.at_new_level((calls / expected).max(LEAST_RATIO), calls, onset, days))
    }
}

/// A day's calls relative to what was expected of it.
fn day_ratio(fit: &Fit, calls: u64, hours: &[u8]) -> Option<f64> {
    let expected: f64 = hours.iter().map(|&hour| fit.mean(hour)).sum();
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
    use crate::baseline::{Calendar, Expectation, FamilyHistory, Feed, HistoryHour, Window};
    use crate::rollup::{EntityKey, Family};

    pub(super) const DAYS: usize = 28;
    /// Calls of a usual hour.
    pub(super) const USUAL: f64 = 12.0;

    /// What the new level of the first of twenty entities makes us expect, which made so many calls in the hours of the last days.
    pub(super) fn new_level_of_first(usual_of: impl Fn(usize, usize) -> f64) -> Option<Fit> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
        let mut entity = |number: usize| {
            let hours = (0..DAYS * 24).map(|hour| {
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
        let Expectation::Seasonal { shifted, .. } = baseline.expect(0, DAYS) else { return None };
        shifted.map(|shifted| Fit::clone(&shifted))
    }

    fn ratio_of_first(factor: f64, days: usize) -> Option<f64> {
        let shifted = new_level_of_first(|ago, _| if ago <= days { factor * USUAL } else { USUAL })?;
        assert_eq!(shifted.since(), Some(DAYS - days));
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
}
