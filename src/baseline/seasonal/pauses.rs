//! Entities that pause: hours without a call that no dispersion explains, day after day.
//!
//! An hour is paused or it is not, and what is counted in hours that are not is told apart from how often they are. A single outage in
//! the past is no pause.

use super::{Fit, WHOLE_DAY};
use crate::baseline::WEEK_HOURS;
use crate::baseline::dispersion::WIDTHS;
use crate::baseline::series::Series;

/// Expected calls from which an empty hour tells.
const LEAST_EXPECTED: f64 = 3.0;
/// Empty hours beyond what is expected, in standard deviations.
const LEAST_EXCESS: f64 = 4.0;
/// Pauses on fewer days than this are no habit.
const LEAST_DAYS: usize = 3;
/// Neither are those on a smaller share of the days.
const LEAST_SHARE: f64 = 0.15;

/// How an entity pauses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pauses {
    /// The share of hours that are paused.
    pub(super) share: f64,
    /// Whether they describe its hours better than clumps do, so that rises are judged by what it does between them. If not, they still make hours
    /// without a call no news.
    pub(super) describe: bool,
    /// By width of a window the correlation between its hours' pauses.
    pub(super) together: [f64; WHOLE_DAY + 1],
}

impl Pauses {
    /// A first guess; `None` unless pauses are the entity's habit.
    pub(super) fn find(series: &Series, fit: &Fit) -> Option<Self> {
        let mut seen = Seen::default();
        let chances: Vec<Option<f64>> = (0..WEEK_HOURS as u8).map(|hour| telling_chance(fit, hour)).collect();
        for day in 0..series.counts.len() / 24 {
            let hours = (day * 24..day * 24 + 24).filter(|&hour| series.believed[hour]);
            let telling = hours.filter_map(|hour| {
                let chance = chances[usize::from(series.week_hours[hour])]?;
                Some((chance, series.counts[hour] == 0))
            });
            seen.add_day(telling);
        }
        let share = seen.share_of_pauses()?;
        Some(Self { share, describe: true, together: [0.0; WHOLE_DAY + 1] })
    }

    /// The probability that an hour without a call was paused.
    pub(super) fn was_paused(&self, fit: &Fit, week_hour: u8) -> f64 {
        self.share / (self.share + (1.0 - self.share) * fit.chance_of_nothing(week_hour))
    }

    /// Weighs empty hours by how likely they were not paused, and learns the share of hours that were.
    pub(super) fn weigh(&mut self, series: &Series, fit: &Fit, weights: &mut [f64]) {
        let (mut hours, mut paused) = (0.0, 0.0);
        for hour in (0..series.counts.len()).filter(|&hour| series.believed[hour]) {
            hours += 1.0;
            if series.counts[hour] == 0 {
                let chance = self.was_paused(fit, series.week_hours[hour]);
                weights[hour] = 1.0 - chance;
                paused += chance;
            }
        }
        self.share = (paused / hours).clamp(1e-6, 1.0 - 1e-6);
    }

    /// Learns how much the hours of a window pause together.
    ///
    /// ```text
    /// r = Var K / (n s (1 - s)) - 1,   rho = r max(0, 1 - (2 / (w - 1)) / r^2) / (n - 1),   K of n hours paused in each of w windows, s their share
    /// ```
    /// drawn in by as much as chance alone makes of `r` (James and Stein 1961, the positive part).
    pub(super) fn learn_together(&mut self, series: &Series, paused: &[bool]) {
        for (width, together) in self.together.iter_mut().enumerate().skip(1) {
            let length = WIDTHS[width];
            let windows = paused.chunks_exact(length).zip(series.believed.chunks_exact(length));
            let counts: Vec<f64> = windows
                .filter(|(_, believed)| !believed.contains(&false))
                .map(|(paused, _)| paused.iter().filter(|&&paused| paused).count() as f64)
                .collect();
            let (windows, length) = (counts.len().max(2) as f64, length as f64);
            let mean = counts.iter().sum::<f64>() / windows;
            let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (windows - 1.0);
            let independent = mean * (1.0 - mean / length);
            let beyond = (variance / independent.max(1e-9) - 1.0).max(1e-9);
            let by_chance = 2.0 / (windows - 1.0);
            let beyond = beyond * (1.0 - by_chance / (beyond * beyond)).max(0.0);
            *together = (beyond / (length - 1.0)).min(0.99);
        }
    }
}

/// `P(no call)` in an hour of the week in which that would tell something.
fn telling_chance(fit: &Fit, week_hour: u8) -> Option<f64> {
    (fit.mean(week_hour) >= LEAST_EXPECTED).then(|| fit.chance_of_nothing(week_hour))
}

/// Empty hours among those that tell, and the days they are on.
#[derive(Debug, Default)]
struct Seen {
    hours: f64,
    empty: f64,
    expected: f64,
    days: usize,
    empty_days: usize,
}

impl Seen {
    /// Adds a day's hours: the chance that each is empty without a pause, and whether it is.
    fn add_day(&mut self, hours: impl Iterator<Item = (f64, bool)>) {
        let before = (self.hours, self.empty);
        for (chance, is_empty) in hours {
            self.hours += 1.0;
            self.expected += chance;
            self.empty += f64::from(u8::from(is_empty));
        }
        self.days += usize::from(self.hours > before.0);
        self.empty_days += usize::from(self.empty > before.1);
    }

    /// The share of hours that nothing but a pause explains, where that is a habit.
    fn share_of_pauses(&self) -> Option<f64> {
        let on_many_days = self.empty_days >= LEAST_DAYS && self.empty_days as f64 >= LEAST_SHARE * self.days as f64;
        let excess = self.empty - self.expected;
        let is_habit = on_many_days && excess >= LEAST_EXCESS * (self.expected + 1.0).sqrt();
        is_habit.then(|| excess / self.hours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty-eight days of hours that are hardly ever empty by chance, of which every `every`-th up to a day is.
    fn seen(chance: f64, every: usize, until: usize) -> Seen {
        let mut seen = Seen::default();
        for day in 0..28 {
            seen.add_day((0..24).map(|hour| (chance, (day * 24 + hour) % every == 0 && day < until)));
        }
        seen
    }

    #[test]
    fn pauses_day_after_day_are_a_habit_and_an_outage_is_none() {
        let share = seen(1e-4, 20, 28).share_of_pauses().unwrap();
        assert!((share - (34.0 / 672.0 - 1e-4)).abs() < 1e-9, "{share}");
        assert_eq!(seen(1e-4, 2, 2).share_of_pauses(), None);
        assert_eq!(Seen::default().share_of_pauses(), None);
    }

    #[test]
    fn what_clumping_explains_is_no_pause() {
        assert_eq!(seen(0.05, 20, 28).share_of_pauses(), None);
        assert!(seen(0.05, 4, 28).share_of_pauses().is_some());
    }
}
