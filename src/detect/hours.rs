//! What was expected hour by hour, for those who draw it.
//!
//! Nothing is decided by these numbers; windows and episodes are judged in [`super::windows`] and [`super::rate`]. Entities that are
//! judged by the day have none: no hour of theirs was expected to hold anything in particular.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::baseline::FamilyBaseline;
use crate::baseline::seasonal::Fit;

/// Days that are told: the scored one and some before it.
pub const HOURLY_DAYS: usize = 4;

/// What was expected of one hour: the band that a chart shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The mean.
    pub mean: f64,
    /// The lower end of the central 99 %.
    pub lower: u64,
    /// The upper end of it.
    pub upper: u64,
}

/// The last days of a window that are told, the scored one included.
pub fn hourly_days(length: usize) -> Range<usize> {
    (length + 1).saturating_sub(HOURLY_DAYS)..length + 1
}

/// What a fit of tonight's model expects of each hour of [`hourly_days`]; nothing where days are judged as a whole.
pub(super) fn by_hour(baseline: &FamilyBaseline<'_>, told: Option<&Fit>, coverage: f64) -> Vec<Band> {
    let Some(fit) = told else { return Vec::new() };
    // The same hours of a week are expected alike.
    let mut of_hour: BTreeMap<u8, Band> = BTreeMap::new();
    let expected = |&week_hour: &u8| {
        *of_hour.entry(week_hour).or_insert_with(|| {
            let mean = fit.told(&[week_hour], 0);
            let (lower, upper) = fit.interval(&[week_hour], 0, coverage).unwrap_or((0, 0));
            Band { mean, lower, upper }
        })
    };
    baseline.week_hours(hourly_days(baseline.window().length())).iter().map(expected).collect()
}
