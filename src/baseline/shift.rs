//! A lasting change of level: the last three days were all odd in the same direction, so the entity lives at a new level now; or some
//! hours of the day have, as when a new job runs every night.
//!
//! Judged by the old level alone, such an entity would be reported night after night; judged by the new one alone, a return to
//! the old would be. Where a shift is seen both are asked, and only what neither explains deviates. The days at the new level are judged
//! by a fit that has not seen them: one that has takes them for the entity's nature, and does not find them odd.

use std::ops::Range;

use crate::baseline::FamilyBaseline;
use crate::baseline::calendar::slot;
use crate::baseline::seasonal::{Fit, WHOLE_DAY};

/// Days at the new level after which it is believed.
const SHIFT_DAYS: usize = 3;
/// Days that must have been at the old one.
const LEAST_BEFORE: usize = 7;
/// How many times the old level a new one is at least, or the old one the new.
const LEAST_CHANGE: f64 = 1.5;
/// Days in which a change is looked for, of the whole day or of hours of a slot.
const RECENT_DAYS: usize = 14;
/// A day or an hour below this p-value is odd.
const ODD_BELOW: f64 = 0.01;
/// The lowest level that is believed in, relative to the old.
const LEAST_RATIO: f64 = 1e-3;

/// A past day: its calls and its hours of the week, or `None` where the feed was not alive all day.
type PastDay<'a> = Option<(u64, &'a [u8])>;

impl FamilyBaseline<'_> {
    /// The fit at the level of the last days before `day`, where all of the day or some hours of it have changed for good; `without` are the
    /// days that the fit has not seen.
    pub(super) fn shifted(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<Fit> {
        self.shift(member, day, fit, without).or_else(|| {
            let moved = self.moved_hours(member, day, fit);
            (!moved.is_empty()).then(|| fit.with_hours(&moved, SHIFT_DAYS as f64))
        })
    }

    fn shift(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<Fit> {
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

    /// The hours of the week that a day's hours are and that had another level on the last three days, or on the last three days
    /// of that slot; with that level relative to the one fitted.
    fn moved_hours(&self, member: usize, day: usize, fit: &Fit) -> Vec<(u8, f64)> {
        let days = day.saturating_sub(RECENT_DAYS)..day;
        let first = days.start;
        let (alive, week_hours) = (self.alive(member, days.clone()), self.week_hours(days.clone()));
        let calls: Vec<[u32; 24]> = days.clone().map(|day| self.calls_of(member, day)).collect();
        let past = |day: usize, hour: usize| {
            let place = (day - first) * 24 + hour;
            alive[place].then(|| (calls[day - first][hour], week_hours[place]))
        };
        let moved = |(hour, &today): (usize, &u8)| {
            let recent = days.clone().rev().map(|day| past(day, hour));
            let alike = recent.clone().filter(|past| past.is_none_or(|(_, week_hour)| slot(week_hour) == slot(today)));
            let ratio = hour_ratio(fit, last_days(recent)).or_else(|| hour_ratio(fit, last_days(alike)))?;
            Some((today, ratio))
        };
        self.week_hours(day..day + 1).iter().enumerate().filter_map(moved).collect()
    }
}

/// The latest of some past hours, the last first.
fn last_days(mut hours: impl Iterator<Item = Option<(u32, u8)>>) -> [Option<(u32, u8)>; SHIFT_DAYS] {
    std::array::from_fn(|_| hours.next().flatten())
}

/// A day's calls relative to what was expected of it.
fn day_ratio(fit: &Fit, calls: u64, hours: &[u8]) -> Option<f64> {
    let expected: f64 = hours.iter().map(|&hour| fit.mean(hour)).sum();
    (expected > 0.0).then(|| calls as f64 / expected)
}

/// The day with which a new level may have begun: the split of the days' ratios that leaves the least variance of their logarithms, if the
/// levels on both sides are far enough apart.
fn onset(ratios: &[Option<f64>]) -> Option<usize> {
    let first = (ratios.len().saturating_sub(RECENT_DAYS)).max(LEAST_BEFORE);
    let ln = |ratio: &Option<f64>| ratio.map(|ratio| ratio.max(LEAST_RATIO).ln());
    let split = |&day: &usize| {
        let (before, after) = ratios.split_at(day);
        let (before, after) = (Spread::of(before.iter().filter_map(ln)), Spread::of(after.iter().filter_map(ln)));
        let enough = before.number >= LEAST_BEFORE as f64 && after.number >= SHIFT_DAYS as f64;
        enough.then_some((day, after.mean - before.mean, before.squares + after.squares))
    };
    let days = first..(ratios.len() + 1).saturating_sub(SHIFT_DAYS);
    let best = days.filter_map(|day| split(&day)).min_by(|left, right| left.2.total_cmp(&right.2));
    best.filter(|(_, change, _)| change.abs() >= LEAST_CHANGE.ln()).map(|(day, ..)| day)
}

/// Some values: how many, their mean, and the squares of their distances from it.
struct Spread {
    number: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut number, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for value in values {
            number += 1.0;
            let apart = value - mean;
            mean += apart / number;
            squares += apart * (value - mean);
        }
        Self { number, mean, squares }
    }
}

/// The same of one hour of the day: a past hour is its calls and its hour of the week.
fn hour_ratio(fit: &Fit, hours: [Option<(u32, u8)>; SHIFT_DAYS]) -> Option<f64> {
    let may_be_odd = |hour: &Option<(u32, u8)>| hour.is_some_and(|(calls, week_hour)| fit.may_be_odd(week_hour, calls));
    if !hours.iter().all(may_be_odd) {
        return None;
    }
    let week_hours = hours.map(|hour| hour.map_or([0], |(_, week_hour)| [week_hour]));
    let past = hours
        .iter()
        .zip(&week_hours)
        .map(|(hour, week_hour)| hour.map(|(calls, _)| (u64::from(calls), &week_hour[..])));
    ratio(fit, 0, past)
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

    const DAYS: usize = 28;

    fn split(ratios: impl IntoIterator<Item = f64>) -> Option<usize> {
        onset(&ratios.into_iter().map(Some).collect::<Vec<_>>())
    }

    #[test]
    fn a_level_begins_where_both_sides_are_most_alike() {
        let with = |old: usize, level: f64, new: usize| split([vec![1.0; old], vec![level; new]].concat());
        assert_eq!(with(20, 3.0, 3), Some(20));
        assert_eq!(with(20, 0.0, 8), Some(20));
        assert_eq!(with(20, 1.4, 8), None, "hardly another one");
        assert_eq!(with(4, 3.0, 5), None, "too little is known of the old one");
        assert_eq!(split([]), None);
        let gap = [vec![Some(1.0); 20], vec![None], vec![Some(4.0); 3]].concat();
        assert_eq!(onset(&gap), Some(20));
    }

    /// What is expected of twenty entities, the first of which was at so many times its level on so many of the last days.
    fn ratio_of_first(factor: f64, days_since: usize) -> Option<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
        let mut entity = |number: usize| {
            let hours = (0..DAYS * 24).map(|hour| {
                let is_new = number == 0 && hour >= (DAYS - days_since) * 24;
                let usual = 12.0 * if is_new { factor } else { 1.0 };
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
        let shifted = shifted?;
        let expected = shifted.expected(&[12], 0)?.mean();
        assert_eq!(shifted.since(), Some(DAYS - days_since));
        Some(expected / 12.0)
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
