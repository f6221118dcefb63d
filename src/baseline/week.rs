//! How much of its weekdays' or weekend's level an entity has on each day of the week; told only where history allows.
//!
//! Slots know weekdays and days off alone: with four Mondays nothing more can be told. From eight weeks on a weekly report is seen as one, and each
//! day is drawn to its kind by three days' worth of belief, so that a single odd Monday makes no rule.

use crate::baseline::calendar::slot;
use crate::baseline::series::Series;
use crate::baseline::{SLOTS, WEEK_HOURS};

/// Days of history from which days of the week are told apart: eight of each.
const LEAST_DAYS: usize = 56;
/// Days' worth of the belief that they are alike.
const BORROWED_DAYS: f64 = 3.0;

/// Factors on the means of the slots, by day of the week.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Week {
    factors: Option<[f64; 7]>,
    days: f64,
}

impl Week {
    /// Days of a kind are alike.
    pub(super) fn flat() -> Self {
        Self { factors: None, days: f64::INFINITY }
    }

    /// Learns from weighted hours beside what their slots hold on average; flat from fewer than eight weeks.
    ///
    /// ```text
    /// factor = (calls + 3 E) / (expected + 3 E),   E = calls expected on such a day
    /// ```
    pub(super) fn learn(series: &Series, weights: &[f64], means: &[f64; SLOTS]) -> Self {
        if series.believed_hours() < LEAST_DAYS * 24 {
            return Self::flat();
        }
        let (mut calls, mut expected, mut hours) = ([0.0; 7], [0.0; 7], [0.0_f64; 7]);
        for hour in (0..series.counts.len()).filter(|&hour| series.believed[hour]) {
            let day = usize::from(series.week_hours[hour] / 24);
            calls[day] += weights[hour] * f64::from(series.counts[hour]);
            expected[day] += weights[hour] * means[slot(series.week_hours[hour])] * series.levels.on(hour / 24);
            hours[day] += weights[hour];
        }
        let factor = |day: usize| {
            let borrowed = BORROWED_DAYS * 24.0 * expected[day] / hours[day].max(1.0);
            (calls[day] + borrowed).max(1e-9) / (expected[day] + borrowed).max(1e-9)
        };
        let fewest = hours.iter().copied().fold(f64::INFINITY, f64::min);
        Self { factors: Some(std::array::from_fn(factor)), days: fewest / 24.0 + BORROWED_DAYS }
    }

    /// Whether days of the week are told apart.
    pub(super) fn is_told(&self) -> bool {
        self.factors.is_some()
    }

    /// The factor of an hour of the week.
    pub(super) fn factor(&self, week_hour: u8) -> f64 {
        self.factors.map_or(1.0, |factors| factors[usize::from(week_hour / 24)])
    }

    /// How many days stand behind a factor.
    pub(super) fn days(&self) -> f64 {
        self.days
    }

    /// How many kinds of hours there are.
    pub(super) fn kinds(&self) -> usize {
        if self.factors.is_some() { WEEK_HOURS } else { SLOTS }
    }

    /// The kind of an hour of the week: hours of a kind have the same mean.
    pub(super) fn kind(&self, week_hour: u8) -> usize {
        if self.factors.is_some() { usize::from(week_hour) } else { slot(week_hour) }
    }
}
