//! Hours of the day that are at another level for good, as when a new job runs every night.

use std::ops::Range;

use super::{LEAST_CHANGE, SHIFT_DAYS, onset, ratio};
use crate::baseline::FamilyBaseline;
use crate::baseline::calendar::slot;
use crate::baseline::seasonal::Fit;

/// Calls that an hour must differ by at least; and what is lent to both sides of a ratio, so that hours without a call have one.
const LEAST_APART: f64 = 3.0;
const LENT_CALLS: f64 = 0.5;

/// A past hour: its calls and its hour of the week, or `None` where the feed was not alive.
type PastHour = Option<(u32, u8)>;

/// A fit in which some hours are at their new level.
pub(super) struct NewHours {
    pub(super) fit: Fit,
    /// Whether the day's other hours are at their old level.
    pub(super) others_stay: bool,
}

/// The hours before a day, day by day.
struct Past {
    days: Vec<[PastHour; 24]>,
    today: Vec<u8>,
}

/// An hour of the day that may have moved: on all days, or on those of its slot alone.
#[derive(Clone, Copy)]
struct Suspect {
    hour: usize,
    alike: bool,
}

impl Past {
    /// An hour of the days before that a suspect is judged by, the last first, with the day.
    fn of(&self, suspect: Suspect) -> impl Iterator<Item = (usize, PastHour)> + Clone {
        let today = slot(self.today[suspect.hour]);
        let days = self.days.iter().enumerate().rev().map(move |(day, hours)| (day, hours[suspect.hour]));
        days.filter(move |(_, past)| !suspect.alike || past.is_none_or(|(_, week_hour)| slot(week_hour) == today))
    }

    fn last(&self, suspect: Suspect) -> [PastHour; SHIFT_DAYS] {
        let mut hours = self.of(suspect);
        std::array::from_fn(|_| hours.next().and_then(|(_, past)| past))
    }

    /// The hours whose last days all differ from a fit, in the same direction.
    fn suspects(&self, fit: &Fit) -> Vec<Suspect> {
        let differs = |suspect: &Suspect| {
            let hours = self.last(*suspect);
            [false, true]
                .into_iter()
                .any(|above| hours.iter().all(|hour| hour.is_some_and(|hour| apart(fit, hour, above))))
        };
        let of_hour = |hour: usize| [false, true].map(|alike| Suspect { hour, alike }).into_iter().find(&differs);
        (0..24).filter_map(of_hour).collect()
    }

    /// What some hours of each day held together, relative to a fit.
    fn ratios(&self, fit: &Fit, suspects: &[Suspect]) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0.0); self.days.len()];
        for &suspect in suspects {
            for (day, past) in self.of(suspect) {
                let Some((calls, week_hour)) = past else { continue };
                sums[day] = (sums[day].0 + f64::from(calls), sums[day].1 + fit.mean(week_hour));
            }
        }
        let ratio = |&(calls, expected): &(f64, f64)| (calls + LENT_CALLS) / (expected + LENT_CALLS);
        sums.iter().map(|sums| (sums.1 > 0.0).then(|| ratio(sums))).collect()
    }

    /// Whether the hours of the last days that have not moved are about as a fit expects; hours of which there are none are not.
    fn others_stay(&self, fit: &Fit, moved: &[(Suspect, f64)]) -> bool {
        let last = &self.days[self.days.len().saturating_sub(SHIFT_DAYS)..];
        let others = (0..24).filter(|hour| moved.iter().all(|(suspect, _)| suspect.hour != *hour));
        let others = others.flat_map(|hour| last.iter().filter_map(move |hours| hours[hour]));
        let (calls, expected) = others.fold((0.0, 0.0), |(calls, expected), (own, week_hour)| {
            (calls + f64::from(own), expected + fit.mean(week_hour))
        });
        let ratio = (calls + LENT_CALLS) / (expected + LENT_CALLS);
        expected > 0.0 && (LEAST_CHANGE.recip()..LEAST_CHANGE).contains(&ratio)
    }
}

/// Whether an hour is far enough from what is expected of it.
fn apart(fit: &Fit, (calls, week_hour): (u32, u8), above: bool) -> bool {
    let (calls, mean) = (f64::from(calls), fit.mean(week_hour));
    if above {
        calls > (LEAST_CHANGE * mean).max(mean + LEAST_APART)
    } else {
        LEAST_CHANGE * calls < mean - LEAST_APART
    }
}

impl FamilyBaseline<'_> {
    /// The fit with the hours that had another level on the last three days, or on the last three days of their slot; judged by the days
    /// before these hours had it, if there are enough.
    pub(super) fn new_hours(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<NewHours> {
        let past = self.past_hours(member, day);
        let suspects = past.suspects(fit);
        if suspects.is_empty() {
            return None;
        }
        let since = onset(&past.ratios(fit, &suspects));
        let unseen = since.map(|since| since.min(without.start)..without.end);
        let old = unseen.map_or_else(|| Some(fit.clone()), |unseen| self.fit_without(member, &unseen))?;
        let level = |suspect: &Suspect| Some((*suspect, hour_ratio(&old, past.last(*suspect))?));
        let moved: Vec<(Suspect, f64)> = suspects.iter().filter_map(level).collect();
        if moved.is_empty() {
            return None;
        }
        let others_stay = past.others_stay(&old, &moved);
        let hours: Vec<(u8, f64)> = moved.iter().map(|&(suspect, ratio)| (past.today[suspect.hour], ratio)).collect();
        Some(NewHours { fit: old.with_hours(&hours, since, SHIFT_DAYS as f64), others_stay })
    }

    fn past_hours(&self, member: usize, day: usize) -> Past {
        let of_day = |day: usize| {
            let (alive, week_hours) = (self.alive(member, day..day + 1), self.week_hours(day..day + 1));
            let calls = self.calls_of(member, day);
            std::array::from_fn(|hour| alive[hour].then(|| (calls[hour], week_hours[hour])))
        };
        Past { days: (0..day).map(of_day).collect(), today: self.week_hours(day..day + 1).to_vec() }
    }
}

/// The level of an hour relative to the one fitted, if it is odd on each of some days, and always in the same direction.
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

#[cfg(test)]
mod tests {
    use super::super::tests::{DAYS, USUAL, new_level_of_first};

    #[test]
    fn a_job_that_runs_every_night_is_seen_however_long_it_has() {
        for days in [3, 5, 8, 12] {
            let job = |ago: usize, hour: usize| if ago <= days && (1..3).contains(&hour) { 150.0 } else { USUAL };
            let fit = new_level_of_first(job).unwrap();
            assert_eq!(fit.since(), Some(DAYS - days));
            let found = [1, 2, 3, 12].map(|hour| fit.mean(hour) / job(1, usize::from(hour)));
            assert!(found.iter().all(|ratio| (0.6..1.5).contains(ratio)), "{days} days: {found:?}");
        }
    }

    #[test]
    fn a_job_that_is_over_in_two_days_is_none() {
        assert!(new_level_of_first(|ago, hour| if ago <= 2 && hour == 1 { 150.0 } else { USUAL }).is_none());
        assert!(new_level_of_first(|_, _| USUAL).is_none());
    }
}
