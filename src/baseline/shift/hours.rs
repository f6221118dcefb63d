//! Hours of the day that are at another level for good, as when a new job runs every night.
//!
//! The whole of the day at another level is told by [`shift`](crate::baseline::shift), which also decides between the
//! two.

use std::ops::Range;

use super::{LEAST_CHANGE, SHIFT_DAYS, Shift, onset, ratio};
use crate::baseline::FamilyBaseline;
use crate::baseline::calendar::slot;
use crate::baseline::seasonal::Fit;

/// Calls that an hour must differ by at least; and what is lent to both sides of a ratio, so that hours without a call
/// have one.
const LEAST_APART: f64 = 3.0;
const LENT_CALLS: f64 = 0.5;

/// A past hour: its calls, its hour of the week, and the level of its day.
#[derive(Clone, Copy)]
struct KnownHour {
    calls: u32,
    week_hour: u8,
    level: f64,
}

/// The same, or `None` where the feed was not alive.
type PastHour = Option<KnownHour>;

/// A change of some hours.
pub(super) struct NewHours {
    pub(super) shift: Shift,
    /// Whether the day's other hours are at their old level.
    pub(super) others_stay: bool,
}

/// The hours before a day, day by day.
struct PastHours {
    days: Vec<[PastHour; 24]>,
    today: Vec<u8>,
}

/// An hour of the day that may have moved: on all days, or on those of its slot alone.
#[derive(Clone, Copy)]
struct Suspect {
    hour: usize,
    alike: bool,
}

impl PastHours {
    /// An hour of the days before that a suspect is judged by, the last first, with the day.
    fn of(&self, suspect: Suspect) -> impl Iterator<Item = (usize, PastHour)> + Clone {
        let today = slot(self.today[suspect.hour]);
        let days = self.days.iter().enumerate().rev().map(move |(day, hours)| (day, hours[suspect.hour]));
        days.filter(move |(_, past)| !suspect.alike || past.is_none_or(|past| slot(past.week_hour) == today))
    }

    fn last(&self, suspect: Suspect) -> [PastHour; SHIFT_DAYS] {
        let mut known = self.of(suspect).filter_map(|(_, past)| past);
        std::array::from_fn(|_| known.next())
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
                let Some(past) = past else { continue };
                sums[day] = (sums[day].0 + f64::from(past.calls), sums[day].1 + past.mean(fit));
            }
        }
        let ratio = |&(calls, expected): &(f64, f64)| (calls + LENT_CALLS) / (expected + LENT_CALLS);
        sums.iter().map(|sums| (sums.1 > 0.0).then(|| ratio(sums))).collect()
    }

    /// Whether the hours of the last days that have not moved are about as a fit expects; hours of which there are none
    /// are not.
    fn others_stay(&self, fit: &Fit, moved: &[(Suspect, f64)]) -> bool {
        let last = &self.days[self.days.len().saturating_sub(SHIFT_DAYS)..];
        let others = (0..24).filter(|hour| moved.iter().all(|(suspect, _)| suspect.hour != *hour));
        let others = others.flat_map(|hour| last.iter().filter_map(move |hours| hours[hour]));
        let (calls, expected) = others.fold((0.0, 0.0), |(calls, expected), past| {
            (calls + f64::from(past.calls), expected + fit.mean(past.week_hour))
        });
        let ratio = (calls + LENT_CALLS) / (expected + LENT_CALLS);
        expected > 0.0 && (LEAST_CHANGE.recip()..LEAST_CHANGE).contains(&ratio)
    }
}

impl KnownHour {
    /// What was expected of it, by a fit of the whole window.
    fn mean(self, fit: &Fit) -> f64 {
        fit.mean(self.week_hour) * self.level
    }
}

/// Whether an hour is far enough from what is expected of it.
fn apart(fit: &Fit, past: KnownHour, above: bool) -> bool {
    let (calls, mean) = (f64::from(past.calls), past.mean(fit));
    if above {
        calls > (LEAST_CHANGE * mean).max(mean + LEAST_APART)
    } else {
        LEAST_CHANGE * calls < mean - LEAST_APART
    }
}

impl FamilyBaseline<'_> {
    /// The fit with the hours that had another level on the last three days, or on the last three days of their slot;
    /// judged by the days before these hours had it, if there are enough.
    pub(super) fn new_hours(&self, member: usize, day: usize, fit: &Fit, without: &Range<usize>) -> Option<NewHours> {
        let past = self.past_hours(member, day, fit);
        let suspects = past.suspects(fit);
        if suspects.is_empty() {
            return None;
        }
        let since = onset(&past.ratios(fit, &suspects));
        let before = match since {
            Some(since) => self.fit_before(member, since, without)?,
            None => fit.on_day(day).unwrap_or_else(|| fit.clone()),
        };
        let moved = |suspect: &Suspect| {
            let today = past.today[suspect.hour];
            Some((*suspect, new_mean(&before, past.last(*suspect), today)?))
        };
        let moved: Vec<(Suspect, f64)> = suspects.iter().filter_map(moved).collect();
        if moved.is_empty() {
            return None;
        }
        let others_stay = past.others_stay(&before, &moved);
        let hours: Vec<(u8, f64)> = moved.iter().map(|&(suspect, mean)| (past.today[suspect.hour], mean)).collect();
        let moved = before.with_hours(&hours, since, SHIFT_DAYS as f64);
        let alone = since.and_then(|since| self.fit_since(member, (since, day), without));
        let now = std::iter::once(moved).chain(alone).collect();
        Some(NewHours { shift: Shift { before, now }, others_stay })
    }

    fn past_hours(&self, member: usize, day: usize, fit: &Fit) -> PastHours {
        let of_day = |day: usize| {
            let (alive, week_hours) = (self.alive(member, day..day + 1), self.week_hours(day..day + 1));
            let (calls, level) = (self.calls_of(member, day), fit.past_level(day));
            let is_known = day >= self.known_from(member);
            let known = |hour: usize| KnownHour { calls: calls[hour], week_hour: week_hours[hour], level };
            std::array::from_fn(|hour| (is_known && alive[hour]).then(|| known(hour)))
        };
        PastHours { days: (0..day).map(of_day).collect(), today: self.week_hours(day..day + 1).to_vec() }
    }
}

/// The mean of an hour of the week, if that hour was odd on each of some days, and always in the same direction. What
/// comes on top does so whatever else there is in that hour; what falls away falls away in part.
///
/// ```text
/// m + (sum calls - sum expected) / days,   m sum calls / sum expected   of drops
/// ```
fn new_mean(fit: &Fit, hours: [PastHour; SHIFT_DAYS], today: u8) -> Option<f64> {
    let may_be_odd = |hour: &PastHour| hour.is_some_and(|hour| fit.may_be_odd(hour.week_hour, hour.calls));
    if !hours.iter().all(may_be_odd) {
        return None;
    }
    let week_hours = hours.map(|hour| hour.map_or([0], |hour| [hour.week_hour]));
    let windows = hours.iter().zip(&week_hours);
    let ratio =
        ratio(fit, 0, windows.map(|(hour, week_hour)| hour.map(|hour| (u64::from(hour.calls), &week_hour[..]))))?;
    let more: f64 = hours.iter().flatten().map(|hour| f64::from(hour.calls) - fit.mean(hour.week_hour)).sum();
    let mean = fit.mean(today);
    Some(if ratio > 1.0 { mean + more / SHIFT_DAYS as f64 } else { mean * ratio })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DAYS, USUAL, new_level_of_first};
    use crate::baseline::seasonal::Learnt;

    #[test]
    fn a_job_that_runs_every_night_is_seen_however_long_it_has() {
        for days in [3, 5, 8, 12] {
            let job = |ago: usize, hour: usize| if ago <= days && (1..3).contains(&hour) { 150.0 } else { USUAL };
            let fit = new_level_of_first(job).unwrap();
            assert_eq!(fit.learnt(), Learnt::Before(DAYS - days));
            let found = [1, 2, 3, 12].map(|hour| fit.mean(hour) / job(1, usize::from(hour)));
            assert!(found.iter().all(|ratio| (0.6..1.5).contains(ratio)), "{days} days: {found:?}");
        }
    }

    #[test]
    fn a_job_comes_on_top_of_what_there_is() {
        // The scored day is a Monday, so that a job of some days ran on two days of a quiet weekend.
        let usual = |ago: usize| if [1, 2].contains(&(ago % 7)) { 2.0 } else { USUAL };
        let fit = new_level_of_first(|ago, hour| usual(ago) + if ago <= 5 && hour == 2 { 120.0 } else { 0.0 }).unwrap();
        let found = fit.mean(2) / (USUAL + 120.0);
        assert!((0.6..1.4).contains(&found), "{found}");
    }

    #[test]
    fn a_job_that_is_over_in_two_days_is_none() {
        assert!(new_level_of_first(|ago, hour| if ago <= 2 && hour == 1 { 150.0 } else { USUAL }).is_none());
        assert!(new_level_of_first(|_, _| USUAL).is_none());
    }
}
