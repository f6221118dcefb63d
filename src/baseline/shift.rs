//! A lasting change of level: the last three days were all odd in the same direction, so the entity lives at a new level now; or some
//! hours of the day have, as when a new job runs every night.
//!
//! Judged by the old level alone, such an entity would be reported night after night; judged by the new one alone, a return to
//! the old would be. Where a shift is seen both are asked, and only what neither explains deviates.

use crate::baseline::FamilyBaseline;
use crate::baseline::calendar::slot;
use crate::baseline::dispersion::WIDTHS;
use crate::baseline::seasonal::{Fit, WHOLE_DAY};

/// Days at the new level after which it is believed.
const SHIFT_DAYS: usize = 3;
/// Days in which hours of a slot are looked for that have moved.
const RECENT_DAYS: usize = 14;
/// A day or an hour below this p-value is odd.
const ODD_BELOW: f64 = 0.01;
/// The lowest level that is believed in, relative to the old.
const LEAST_RATIO: f64 = 1e-3;

/// A past day: its calls and its hours of the week, or `None` where the feed was not alive all day.
type PastDay<'a> = Option<(u64, &'a [u8])>;

impl FamilyBaseline<'_> {
    /// The fit at the level of the last days, where all of the day or some hours of it have changed for good.
    pub(super) fn shifted(&self, member: usize, day: usize, fit: &Fit) -> Option<Fit> {
        if let Some(ratio) = self.shift(member, day, fit) {
            return Some(fit.at_level(ratio));
        }
        let moved = self.moved_hours(member, day, fit);
        (!moved.is_empty()).then(|| fit.with_hours(&moved, SHIFT_DAYS as f64))
    }

    fn shift(&self, member: usize, day: usize, fit: &Fit) -> Option<f64> {
        let past = |day: usize| {
            let alive = !self.alive(member, day..day + 1).contains(&false);
            let calls = self.calls_of(member, day).iter().map(|&calls| u64::from(calls)).sum();
            alive.then(|| (calls, self.week_hours(day..day + 1)))
        };
        shift_ratio(fit, (day.checked_sub(SHIFT_DAYS)?..day).map(past))
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

/// The level of the last days relative to the one fitted, if it has changed for good.
///
/// ```text
/// ratio = sum calls / sum expected,   when P(day) < 0.01 on each of the last three days, all in the same direction
/// ```
fn shift_ratio<'a>(fit: &Fit, days: impl Iterator<Item = PastDay<'a>>) -> Option<f64> {
    const { assert!(WIDTHS[WHOLE_DAY] == 24) };
    ratio(fit, WHOLE_DAY, days)
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
