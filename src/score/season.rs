//! Bucket widths and seasons: from what a person asks for to the plan by which a series is walked through.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;

use crate::score::model::{Design, Grouping, Plan};
use crate::time::{DAY_SECONDS, WEEK_SECONDS};

/// Slots that a day is divided into at most.
const DAY_SLOTS: usize = 48;
/// Weeks that the shape of a week is learnt from at most.
const WEEKS_LEARNT: usize = 8;
/// Seasons of another length that a shape is learnt from at most.
const SEASONS_LEARNT: usize = 8;
/// Longest season with a factor for each of its buckets; longer ones are harmonic.
const LONGEST_SLOTTED: usize = 31;
/// Buckets that a constant level is learnt from at most, and before the first is judged.
const LEVEL_WINDOW: usize = 365;
const LEVEL_WARMUP: usize = 30;
/// The most buckets between two fits.
const LAZIEST: usize = 288;

/// What repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Season {
    /// Nothing.
    None,
    /// The hours of the day and the days of the week.
    Week,
    /// So many buckets.
    Buckets(u16),
}

/// Which hours are alike, and which days: those of a time zone, its clock changes included, with days off that are Sundays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTime {
    /// The zone.
    pub zone: Tz,
    /// Dates in the zone.
    pub days_off: BTreeSet<NaiveDate>,
}

impl LocalTime {
    /// UTC, without days off.
    pub fn utc() -> Self {
        Self { zone: Tz::UTC, days_off: BTreeSet::new() }
    }

    /// The second of the week, from Monday's first, at a second since 1970.
    fn second_of_week(&self, second: i64) -> u32 {
        let local = DateTime::from_timestamp(second, 0).unwrap_or_default().with_timezone(&self.zone);
        let is_off = self.days_off.contains(&local.date_naive());
        let day = if is_off { 6 } else { local.weekday().num_days_from_monday() };
        day * DAY_SECONDS + local.num_seconds_from_midnight()
    }
}

/// When the buckets of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeline {
    /// Seconds since 1970 at which bucket 0 begins.
    pub start: i64,
    /// Seconds that a bucket lasts.
    pub bucket: u32,
    /// How many buckets there are.
    pub buckets: usize,
}

impl Timeline {
    /// Seconds since 1970 at which a bucket begins.
    pub fn begin(&self, bucket: usize) -> i64 {
        self.start + bucket as i64 * i64::from(self.bucket)
    }

    /// The season that such buckets usually have: the week for buckets of up to a day, the year for weeks.
    pub fn usual_season(&self) -> Season {
        match self.bucket {
            0..=DAY_SECONDS => Season::Week,
            WEEK_SECONDS => Season::Buckets(52),
            _ => Season::None,
        }
    }

    /// Buckets in a day, at least one.
    fn a_day(&self) -> usize {
        (DAY_SECONDS / self.bucket.max(1)).max(1) as usize
    }
}

/// How a series with this season is walked through; `warmup` in buckets, if it is not the usual one.
pub fn plan(timeline: &Timeline, season: Season, warmup: Option<usize>, local: &LocalTime) -> Plan {
    let (design, usual_warmup, window) = match season {
        Season::None => (Design::Slots(Vec::new()), LEVEL_WARMUP, LEVEL_WINDOW),
        Season::Week => week(timeline, local),
        Season::Buckets(period) if usize::from(period) <= LONGEST_SLOTTED => slotted(timeline, usize::from(period)),
        Season::Buckets(period) => {
            let buckets = usize::from(period);
            (Design::Harmonics(f64::from(period)), 2 * buckets, SEASONS_LEARNT * buckets)
        }
    };
    let refit_every = if timeline.bucket < DAY_SECONDS { timeline.a_day().min(LAZIEST) } else { 1 };
    Plan { design, warmup: warmup.unwrap_or(usual_warmup), refit_every, window, readmit_after: readmit_after(timeline) }
}

/// A day's worth of odd buckets is a new level; a week of days, two months of weeks.
fn readmit_after(timeline: &Timeline) -> usize {
    match timeline.bucket {
        0..DAY_SECONDS => timeline.a_day(),
        DAY_SECONDS..WEEK_SECONDS => 7,
        _ => 8,
    }
}

/// Time of day; day of the week; weekend by time of day; day of the week by time of day.
fn week(timeline: &Timeline, local: &LocalTime) -> (Design, usize, usize) {
    let a_week = (WEEK_SECONDS / timeline.bucket.max(1)).max(1) as usize;
    // A bucket of a day is that of its noon, wherever the zone's midnight is.
    let telling = if timeline.bucket >= DAY_SECONDS { i64::from(timeline.bucket / 2) } else { 0 };
    let seconds: Vec<u32> =
        (0..timeline.buckets).map(|bucket| local.second_of_week(timeline.begin(bucket) + telling)).collect();
    let second_of_week = |bucket: usize| seconds[bucket] as usize;
    let weekday = |bucket: usize| second_of_week(bucket) / DAY_SECONDS as usize;
    let times = timeline.a_day().min(DAY_SLOTS);
    let time = |bucket: usize| second_of_week(bucket) % DAY_SECONDS as usize * times / DAY_SECONDS as usize;
    let weekend_time = |bucket: usize| if weekday(bucket) < 5 { 0 } else { 1 + time(bucket) };
    let buckets = timeline.buckets;
    let mut groupings = vec![Grouping::new(buckets, 7, weekday)];
    if times > 1 {
        groupings.insert(0, Grouping::new(buckets, times, time));
        groupings.push(Grouping::new(buckets, 1 + times, weekend_time));
        groupings.push(Grouping::new(buckets, 7 * times, |bucket| weekday(bucket) * times + time(bucket)));
    }
    let warmup = if times > 1 { a_week } else { 3 * a_week };
    (Design::Slots(groupings), warmup, WEEKS_LEARNT * a_week)
}

fn slotted(timeline: &Timeline, period: usize) -> (Design, usize, usize) {
    let grouping = Grouping::new(timeline.buckets, period, |bucket| bucket % period);
    (Design::Slots(vec![grouping]), 3 * period, (SEASONS_LEARNT * 4 * period).max(LEVEL_WINDOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(design: &Design, grouping: usize, buckets: std::ops::Range<usize>) -> Vec<u16> {
        match design {
            Design::Slots(groupings) => groupings[grouping].slot_of[buckets].to_vec(),
            Design::Harmonics(_) => Vec::new(),
        }
    }

    #[test]
    fn a_week_of_hours_begins_on_monday() {
        // Friday, 2 January 2026, 22:00.
        let timeline = Timeline { start: 1_767_391_200, bucket: 3600, buckets: 200 };
        let plan = plan(&timeline, Season::Week, None, &LocalTime::utc());
        assert_eq!(slots(&plan.design, 0, 0..4), [22, 23, 0, 1]);
        assert_eq!(slots(&plan.design, 1, 0..4), [4, 4, 5, 5]);
        assert_eq!(slots(&plan.design, 2, 0..4), [0, 0, 1, 2]);
        assert_eq!(slots(&plan.design, 3, 0..4), [4 * 24 + 22, 4 * 24 + 23, 5 * 24, 5 * 24 + 1]);
        assert_eq!((plan.warmup, plan.refit_every, plan.readmit_after), (168, 24, 24));
    }

    #[test]
    fn hours_are_those_of_the_zone_before_and_after_a_clock_change() {
        // Sunday, 29 March 2026, 00:00 UTC: an hour before Berlin's clocks are put on.
        let timeline = Timeline { start: 1_774_742_400, bucket: 3600, buckets: 48 };
        let local = LocalTime { zone: Tz::Europe__Berlin, days_off: ["2026-03-30".parse().unwrap()].into() };
        let plan = plan(&timeline, Season::Week, None, &local);
        assert_eq!(slots(&plan.design, 0, 0..3), [1, 3, 4]);
        assert_eq!(slots(&plan.design, 1, 21..23), [6, 6], "Monday, a day off, is a Sunday");
        assert_eq!(slots(&plan.design, 1, 46..47), [1]);
    }

    #[test]
    fn finer_buckets_share_half_hours_and_days_have_weekdays_only() {
        let fine = Timeline { start: 0, bucket: 300, buckets: 2016 };
        let plan_fine = plan(&fine, Season::Week, None, &LocalTime::utc());
        assert_eq!(slots(&plan_fine.design, 0, 5..7), [0, 1]);
        assert_eq!((plan_fine.warmup, plan_fine.refit_every), (2016, 288));
        let days = Timeline { start: 0, bucket: DAY_SECONDS, buckets: 50 };
        let plan_days = plan(&days, days.usual_season(), None, &LocalTime::utc());
        assert_eq!(slots(&plan_days.design, 0, 0..5), [3, 4, 5, 6, 0]);
        assert_eq!((plan_days.warmup, plan_days.refit_every, plan_days.readmit_after), (21, 1, 7));
    }

    #[test]
    fn a_year_of_weeks_is_harmonic_and_a_short_season_has_factors() {
        let weeks = Timeline { start: 0, bucket: WEEK_SECONDS, buckets: 300 };
        assert_eq!(weeks.usual_season(), Season::Buckets(52));
        assert!(
            matches!(plan(&weeks, Season::Buckets(52), None, &LocalTime::utc()).design, Design::Harmonics(period) if (period - 52.0).abs() < 1e-9)
        );
        let months = plan(&weeks, Season::Buckets(12), Some(5), &LocalTime::utc());
        assert_eq!((slots(&months.design, 0, 11..14), months.warmup), (vec![11, 0, 1], 5));
        assert!(
            matches!(plan(&weeks, Season::None, None, &LocalTime::utc()).design, Design::Slots(groupings) if groupings.is_empty())
        );
    }
}
