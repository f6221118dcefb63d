//! How unlikely a day is in one direction: as a whole, and hour by hour for the episodes in it.

use crate::time::DAY_HOURS;

/// How unlikely an entity's day is in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DayScore {
    /// The natural logarithm of the day's p-value, corrected for all windows.
    pub(super) ln_p: f64,
    /// The same for each hour: that of the most unlikely window the hour has a part in.
    pub(super) hours: [f64; DAY_HOURS],
    /// The natural logarithm of each single hour's own p-value, not corrected.
    pub(super) single: [f64; DAY_HOURS],
}

impl DayScore {
    /// A day in which nothing is unlikely.
    pub(super) fn usual() -> Self {
        Self { ln_p: 0.0, hours: [0.0; DAY_HOURS], single: [0.0; DAY_HOURS] }
    }

    /// What neither of two explanations makes likely.
    pub(super) fn unless(&self, other: &Self) -> Self {
        let larger =
            |own: &[f64; DAY_HOURS], other: &[f64; DAY_HOURS]| std::array::from_fn(|hour| own[hour].max(other[hour]));
        let (hours, single) = (larger(&self.hours, &other.hours), larger(&self.single, &other.single));
        Self { ln_p: self.ln_p.max(other.ln_p), hours, single }
    }

    /// The same, corrected by a power of the p-values.
    pub(super) fn to_the_power(self, power: f64) -> Self {
        let corrected = |hours: [f64; DAY_HOURS]| hours.map(|ln_p| ln_p * power);
        Self { ln_p: self.ln_p * power, hours: corrected(self.hours), single: corrected(self.single) }
    }

    /// The same, its most unlikely hours at least as unlikely as the day is known to be.
    pub(super) fn at_most(self, ln_p: f64) -> Self {
        let hours = self.hours.map(|hour| if hour <= self.ln_p { hour.min(ln_p) } else { hour });
        Self { ln_p: self.ln_p.min(ln_p), hours, ..self }
    }

    /// Notes that these hours are so unlikely, the correction for choosing among windows included.
    pub(super) fn note(&mut self, hours: impl IntoIterator<Item = usize>, ln_p: f64) {
        let ln_p = ln_p.min(0.0);
        self.ln_p = self.ln_p.min(ln_p);
        for hour in hours {
            self.hours[hour] = self.hours[hour].min(ln_p);
        }
    }
}
