//! The same entity at another level: all of it, or some of its hours. When that is asked for is told in `shift`.

use super::{Fit, Learnt, WHOLE_DAY};
use crate::baseline::calendar::slot;
use crate::baseline::drift::Levels;
use crate::baseline::week::Week;

impl Fit {
    /// The same entity at another level, on all days.
    #[must_use]
    pub fn at_level(&self, ratio: f64) -> Self {
        let between = self.between.as_deref().map(|between| Box::new(between.at_level(ratio)));
        let (levels, today) = (Levels::flat(), 1.0);
        let means = self.means.map(|mean| mean * ratio);
        Self { means, level: self.level * ratio, levels, today, between, ..self.clone() }
    }

    /// The same entity at a level that so many days since one have told: what these leave uncertain is uncertain.
    ///
    /// ```text
    /// u = 1 / (calls + 1) + alpha of whole days / days
    /// ```
    #[must_use]
    pub(in crate::baseline) fn at_new_level(&self, ratio: f64, calls: f64, since: usize, days: usize) -> Self {
        let unsure = 1.0 / (calls + 1.0) + self.alpha[WHOLE_DAY] / days as f64;
        Self { total: 1.0 / unsure - 1.0, learnt: Learnt::Before(since), moved: true, ..self.at_level(ratio) }
    }

    /// The same entity at the level that it has drifted to on a day; `None` where it does not drift.
    pub(in crate::baseline) fn on_day(&self, day: usize) -> Option<Self> {
        let today = self.levels.on(day);
        (!self.levels.is_flat()).then(|| Self { levels: self.levels.clone(), today, ..self.at_level(today) })
    }

    /// The same entity at the level that it had on a past day.
    #[must_use]
    pub(crate) fn at_level_of(&self, day: usize) -> Self {
        self.at_level(self.past_level(day))
    }

    /// The same entity with other means in some of its hours of the week since a day, told by a few days each.
    #[must_use]
    pub(in crate::baseline) fn with_hours(&self, moved: &[(u8, f64)], since: Option<usize>, samples: f64) -> Self {
        let mut changed = Self { learnt: since.map_or(self.learnt, Learnt::Before), moved: true, ..self.clone() };
        for &(week_hour, mean) in moved {
            changed.means[slot(week_hour)] = mean / self.week.factor(week_hour);
            changed.samples[slot(week_hour)] = self.samples[slot(week_hour)].min(samples);
        }
        changed.between = self.between.as_deref().map(|between| Box::new(between.with_hours(moved, since, samples)));
        changed
    }

    /// The same entity as if a weekend day were a weekday, or the other way round; what days of the week differ by was told beside days of their
    /// own kind, and says nothing of the other.
    #[must_use]
    pub(in crate::baseline) fn as_on_other_days(&self, is_off: bool) -> Self {
        let mut other = Self { by_slot: None, other_days: true, week: Week::flat(), ..self.clone() };
        let (from, to) = if is_off { (0, 24) } else { (24, 0) };
        other.means.copy_within(from..from + 24, to);
        other.samples.copy_within(from..from + 24, to);
        other.between = self.between.as_deref().map(|between| Box::new(between.as_on_other_days(is_off)));
        other
    }

    /// Whether it is of the other kind of days.
    pub(in crate::baseline) fn is_of_other_days(&self) -> bool {
        self.other_days
    }

    /// The same, learnt from some of the days alone.
    #[must_use]
    pub(in crate::baseline) fn of_days(self, learnt: Learnt) -> Self {
        Self { learnt, ..self }
    }

    /// Which days it has learnt from.
    pub(in crate::baseline) fn learnt(&self) -> Learnt {
        self.learnt
    }

    /// Whether it is at a level, or has hours, that it has not learnt.
    pub(in crate::baseline) fn is_moved(&self) -> bool {
        self.moved
    }

    /// Of a new level: the day with which it began.
    pub(crate) fn since(&self) -> Option<usize> {
        match self.learnt {
            Learnt::Before(day) if self.moved => Some(day),
            Learnt::Since(day) => Some(day),
            Learnt::Before(_) | Learnt::Whole => None,
        }
    }

    /// A day's level relative to that of the day which the fit is of.
    pub(crate) fn past_level(&self, day: usize) -> f64 {
        self.levels.on(day) / self.today
    }
}

#[cfg(test)]
mod tests {
    use crate::baseline::dispersion::Dispersions;
    use crate::baseline::seasonal::Fit;
    use crate::baseline::series::{ProfileSum, Series};
    use crate::baseline::{Calendar, HistoryHour};

    /// The first hour of Sundays, and one of Wednesdays.
    const SUNDAY: u8 = 6 * 24;
    const WEDNESDAY: u8 = 2 * 24;

    #[test]
    fn a_day_off_as_if_it_were_a_weekday_is_not_made_small_by_sundays_without_work() {
        // Ten weeks of somebody who works from Mondays to Saturdays, ten calls in every hour.
        let calendar = Calendar::new(chrono_tz::UTC);
        let monday: chrono::NaiveDate = "2026-01-05".parse().unwrap();
        let week_hours: Vec<u8> =
            (0..70).flat_map(|day| calendar.week_hours(monday + chrono::Days::new(day))).collect();
        let works = |hour: &usize| week_hours[*hour] < SUNDAY;
        let hour = |hour: usize| HistoryHour { hour: hour as u16, calls: 10, errors: 0, peak: 1 };
        let hours: Vec<HistoryHour> = (0..week_hours.len()).filter(works).map(hour).collect();
        let mut series = Series::default();
        series.fill(&hours, &week_hours, &vec![true; week_hours.len()], 0);
        let fit = Fit::new(&series, &ProfileSum::default().profile(), &Dispersions::unknown());
        assert!(fit.mean(SUNDAY) < 4.0, "{}", fit.mean(SUNDAY));
        let other = fit.as_on_other_days(true);
        assert!((other.mean(SUNDAY) / fit.mean(WEDNESDAY) - 1.0).abs() < 0.15, "{}", other.mean(SUNDAY));
    }
}
