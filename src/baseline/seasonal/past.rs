//! A fit beside the past that it is made of: what was expected of its hours, and what they usually hold at most.
//!
//! Hours of a kind have one mean, so that what is worked out of a mean is worked out once for all of them; where levels drift, hours of
//! different steps are of different kinds.

use super::Fit;
use crate::baseline::drift::Track;
use crate::baseline::series::Series;
use crate::stats::{DOWN_WEIGHT_FROM, NegativeBinomial, full_weight_range};

impl Fit {
    /// The calls that an hour of the past was expected to hold.
    pub(super) fn past_mean(&self, series: &Series, hour: usize) -> f64 {
        self.mean(series.week_hours[hour]) * series.levels.on(hour / 24)
    }

    /// Into how many kinds the hours of a past fall that have the same mean.
    pub(super) fn kinds(&self, series: &Series) -> usize {
        self.week.kinds() * series.levels.steps()
    }

    /// The kind of an hour of the past.
    pub(super) fn kind(&self, series: &Series, hour: usize) -> usize {
        self.week.kind(series.week_hours[hour]) + self.week.kinds() * series.levels.step(hour / 24)
    }

    /// The past's days as [`Track`] has them.
    pub(in crate::baseline) fn track(&self, series: &Series) -> Track {
        let usual = |hour: usize| {
            let (week_hour, count) = (series.week_hours[hour], series.counts[hour]);
            if self.may_be_odd(week_hour, count) {
                f64::from(count).min(self.usual_most(week_hour))
            } else {
                f64::from(count)
            }
        };
        let day = |day: usize| {
            let hours = (day * 24..day * 24 + 24).filter(|&hour| series.fed[hour]);
            let sums = hours.map(|hour| (usual(hour), self.mean(series.week_hours[hour])));
            sums.reduce(|sum, hour| (sum.0 + hour.0, sum.1 + hour.1))
        };
        Track::new((0..series.counts.len() / 24).map(day).collect())
    }

    /// What an hour of the week usually holds at most: the count from which one is weighed down, or `m + 2.58 sd` of small means.
    pub fn usual_most(&self, week_hour: u8) -> f64 {
        self.usual_most_at(self.mean(week_hour))
    }

    /// The same of an hour of a past day.
    pub fn usual_most_on(&self, day: usize, week_hour: u8) -> f64 {
        self.usual_most_at(self.mean(week_hour) * self.past_level(day))
    }

    fn usual_most_at(&self, mean: f64) -> f64 {
        let expected = NegativeBinomial::new(mean, 1.0 / self.alpha[0].max(1e-6)).ok();
        let range = expected.as_ref().and_then(full_weight_range);
        range.map_or(mean + DOWN_WEIGHT_FROM * (mean + self.alpha[0] * mean * mean).sqrt(), |(_, most)| most)
    }

    /// The past's counts; hours that were weighed down hold what is usual at most.
    pub(super) fn usual_counts(&self, series: &Series, weights: &[f64]) -> Vec<f64> {
        let usual = |hour: usize| {
            let count = f64::from(series.counts[hour]);
            if weights[hour] < 1.0 { count.min(self.usual_most_at(self.past_mean(series, hour))) } else { count }
        };
        (0..series.counts.len()).map(usual).collect()
    }
}
