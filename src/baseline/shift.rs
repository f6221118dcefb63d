//! A lasting change of level: the last three days were all odd in the same direction, so the entity lives at a new level now; or some
//! hours of the day have, as when a new job runs every night.
//!
//! Judged by the old level alone, such an entity would be reported night after night; judged by the new one alone, a return to
//! the old would be. Where a shift is seen both are asked, and only what neither explains deviates.

use crate::baseline::dispersion::WIDTHS;
use crate::baseline::seasonal::{Fit, WHOLE_DAY};

/// Days at the new level after which it is believed.
pub(super) const SHIFT_DAYS: usize = 3;
/// A day or an hour below this p-value is odd.
const ODD_BELOW: f64 = 0.01;
/// The lowest level that is believed in, relative to the old.
const LEAST_RATIO: f64 = 1e-3;

/// A past day: its calls and its hours of the week, or `None` where the feed was not alive all day.
pub(super) type PastDay<'a> = Option<(u64, &'a [u8])>;

/// The level of the last days relative to the one fitted, if it has changed for good.
///
/// ```text
/// ratio = sum calls / sum expected,   when P(day) < 0.01 on each of the last three days, all in the same direction
/// ```
pub(super) fn shift_ratio<'a>(fit: &Fit, days: impl Iterator<Item = PastDay<'a>>) -> Option<f64> {
    const { assert!(WIDTHS[WHOLE_DAY] == 24) };
    ratio(fit, WHOLE_DAY, days)
}

/// The same of one hour of the day: a past hour is its calls and its hour of the week.
pub(super) fn hour_ratio(fit: &Fit, hours: [Option<(u32, u8)>; SHIFT_DAYS]) -> Option<f64> {
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
