//! Hours and days of UTC: how long they are, when a day begins, and spans of its hours.
//!
//! Moments that were counted, not those of a clock: nothing here knows what time it is. Days off, seasons and the zones in which people see
//! times are the business of others.

mod hour_span;

use chrono::{DateTime, NaiveDate, NaiveTime};

pub use hour_span::HourSpan;

/// Hours of a day.
pub const DAY_HOURS: usize = 24;
/// Minutes of a day.
pub const DAY_MINUTES: i64 = 24 * 60;
/// Seconds of an hour.
pub const HOUR_SECONDS: u32 = 3_600;
/// Seconds of a day.
pub const DAY_SECONDS: u32 = 86_400;
/// Seconds of a week.
pub const WEEK_SECONDS: u32 = 7 * DAY_SECONDS;
/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// The first millisecond of a UTC day.
pub fn midnight_ms(date: NaiveDate) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp_millis()
}

/// The UTC day of a moment in milliseconds; `None` beyond the calendar's end.
pub fn date_of_ms(ms: i64) -> Option<NaiveDate> {
    DateTime::from_timestamp_millis(ms).map(|moment| moment.date_naive())
}
