//! The same entity at another level: all of it, or some of its hours. When that is asked for is told in `shift`.

use super::Fit;
use crate::baseline::calendar::slot;

impl Fit {
    /// The same entity at another level.
    #[must_use]
    pub fn at_level(&self, ratio: f64) -> Self {
        let between = self.between.as_deref().map(|between| Box::new(between.at_level(ratio)));
        Self { means: self.means.map(|mean| mean * ratio), level: self.level * ratio, between, ..self.clone() }
    }

    /// The same entity with some of its hours of the week at other levels, told by a few days each.
    #[must_use]
    pub(in crate::baseline) fn with_hours(&self, moved: &[(u8, f64)], samples: f64) -> Self {
        let mut changed = self.clone();
        for &(week_hour, ratio) in moved {
            changed.means[slot(week_hour)] = self.means[slot(week_hour)] * ratio;
            changed.samples[slot(week_hour)] = self.samples[slot(week_hour)].min(samples);
        }
        changed.between = self.between.as_deref().map(|between| Box::new(between.with_hours(moved, samples)));
        changed
    }
}
