//! The seasonal slots: hour of the day by weekday or weekend, in the tenant's time zone, with the days off it names.
//!
//! Counts are kept by UTC hour; the zone only decides which slot an hour falls into, its clock changes included.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;

/// Seasonal slots: 24 hours of a weekday, then 24 of a weekend day.
pub const SLOTS: usize = 48;
/// Hours of a week, from Monday's first.
pub const WEEK_HOURS: usize = 7 * 24;
/// The days of a week from which on it is the weekend, counted from Monday.
const WEEKEND_FROM: u8 = 5;
/// Days off are Sundays, whatever day of the week they fall on.
const DAY_OFF: u8 = 6;

/// Maps hours to slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    days_off: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// The calendar of a time zone, without days off.
    pub fn new(zone: Tz) -> Self {
        Self { zone, days_off: BTreeSet::new() }
    }

    /// The same with these days off, dates in the zone: they are like weekend days.
    #[must_use]
    pub fn with_days_off(self, days_off: impl IntoIterator<Item = NaiveDate>) -> Self {
        Self { days_off: days_off.into_iter().collect(), ..self }
    }

    /// The zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The days off.
    pub fn days_off(&self) -> &BTreeSet<NaiveDate> {
        &self.days_off
    }

    /// The slots of the 24 hours of a UTC day.
    pub fn slots(&self, date: NaiveDate) -> [u8; 24] {
        self.week_hours(date).map(|hour| slot(hour) as u8)
    }

    /// The hours of the week, of [`WEEK_HOURS`], that the 24 hours of a UTC day are.
    pub fn week_hours(&self, date: NaiveDate) -> [u8; 24] {
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        std::array::from_fn(|hour| {
            let local = (midnight + chrono::Duration::hours(hour as i64)).with_timezone(&self.zone);
            self.day_of_week(&local) * 24 + local.hour() as u8
        })
    }

    fn day_of_week(&self, local: &DateTime<Tz>) -> u8 {
        if self.days_off.contains(&local.date_naive()) {
            return DAY_OFF;
        }
        local.weekday().num_days_from_monday() as u8
    }
}

/// The slots of the hours of the week, worked out once: they are asked for millions of times.
const SLOT_OF: [u8; WEEK_HOURS] = {
    let mut slots = [0; WEEK_HOURS];
    let mut hour = 0;
    while hour < WEEK_HOURS {
        slots[hour] = (hour % 24) as u8 + if is_off(hour as u8) { 24 } else { 0 };
        hour += 1;
    }
    slots
};

/// The slot of an hour of the week.
pub(super) fn slot(week_hour: u8) -> usize {
    usize::from(SLOT_OF[usize::from(week_hour)])
}

/// Whether an hour of the week is of a weekend or a day off.
pub(super) const fn is_off(week_hour: u8) -> bool {
    week_hour / 24 >= WEEKEND_FROM
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_zone_moves_the_weekend() {
        let utc = Calendar::new(chrono_tz::UTC).slots(day("2026-01-02"));
        assert_eq!((utc[0], utc[23]), (0, 23));
        let shanghai = Calendar::new(chrono_tz::Asia::Shanghai).slots(day("2026-01-02"));
        assert_eq!((shanghai[0], shanghai[15], shanghai[16]), (8, 23, 24));
    }

    #[test]
    fn a_day_off_is_a_day_of_the_weekend_in_its_own_zone() {
        let calendar = Calendar::new(chrono_tz::Asia::Shanghai).with_days_off([day("2026-02-17")]);
        // 16:00 UTC is midnight in Shanghai.
        assert_eq!((calendar.slots(day("2026-02-16"))[15], calendar.slots(day("2026-02-16"))[16]), (23, 24));
        assert_eq!((calendar.slots(day("2026-02-17"))[15], calendar.slots(day("2026-02-17"))[16]), (47, 0));
        assert_eq!(calendar.week_hours(day("2026-02-17"))[0], 6 * 24 + 8);
    }

    #[test]
    fn clock_changes_count() {
        let berlin = Calendar::new(chrono_tz::Europe::Berlin);
        assert_eq!(berlin.slots(day("2026-03-27"))[8], 9);
        assert_eq!(berlin.slots(day("2026-03-30"))[8], 10);
    }
}
