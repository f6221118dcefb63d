//! The seasonal slots: hour of the day by weekday or weekend, in the tenant's time zone.
//!
//! Counts are kept by UTC hour; the zone only decides which slot an hour falls into, its clock changes included.

use chrono::{Datelike, NaiveDate, Timelike, Weekday};
use chrono_tz::Tz;

/// Seasonal slots: 24 hours of a weekday, then 24 of a weekend day.
pub const SLOTS: usize = 48;

/// Maps hours to slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
}

impl Calendar {
    /// The calendar of a time zone.
    pub fn new(zone: Tz) -> Self {
        Self { zone }
    }

    /// The zone.
    pub fn zone(self) -> Tz {
        self.zone
    }

    /// The slots of the 24 hours of a UTC day.
    pub fn slots(self, date: NaiveDate) -> [u8; 24] {
        std::array::from_fn(|hour| {
            let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
            let local = (midnight + chrono::Duration::hours(hour as i64)).with_timezone(&self.zone);
            let weekend = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
            local.hour() as u8 + if weekend { 24 } else { 0 }
        })
    }
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
    fn clock_changes_count() {
        let berlin = Calendar::new(chrono_tz::Europe::Berlin);
        assert_eq!(berlin.slots(day("2026-03-27"))[8], 9);
        assert_eq!(berlin.slots(day("2026-03-30"))[8], 10);
    }
}
