//! A lasting change of level: the last three days were all odd in the same direction, so the entity lives at a new level now.
//!
//! Judged by the old level alone, such an entity would be reported night after night; judged by the new one alone, a return to
//! the old would be. Where a shift is seen both are asked, and only what neither explains deviates.

use crate::baseline::dispersion::WIDTHS;
use crate::baseline::seasonal::{Fit, WHOLE_DAY};

/// Days at the new level after which it is believed.
pub(super) const SHIFT_DAYS: usize = 3;
/// A day below this p-value is odd.
const ODD_BELOW: f64 = 0.01;
/// The lowest level that is believed in, relative to the old.
const LEAST_RATIO: f64 = 1e-3;

/// A past day: its calls and the slots of its hours, or `None` where the feed was not alive all day.
pub(super) type PastDay<'a> = Option<(u64, &'a [u8])>;

/// The level of the last days relative to the one fitted, if it has changed for good.
///
/// ```text
/// ratio = sum calls / sum expected,   when P(day) < 0.01 on each of the last three days, all in the same direction
/// ```
pub(super) fn shift_ratio<'a>(fit: &Fit, days: impl Iterator<Item = PastDay<'a>>) -> Option<f64> {
    const { assert!(WIDTHS[WHOLE_DAY] == 24) };
    let (mut calls, mut expected, mut above) = (0.0, 0.0, None);
    for day in days {
        let (total, slots) = day?;
        let usual = fit.expected(slots, WHOLE_DAY)?;
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
