//! Times as the clocks of a zone show them, beside UTC, in which everything else is told.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

/// `times are UTC; on the clocks of Asia/Shanghai this day is from 29 Jan 08:00 to 30 Jan 08:00`; `None` where the clocks show UTC.
pub fn local_day(date: NaiveDate, zone: Tz) -> Option<String> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
    let (start, end) = (midnight(date), midnight(date.succ_opt()?));
    let shown = |time: DateTime<Utc>| time.with_timezone(&zone).format("%-d %b %H:%M").to_string();
    (zone != Tz::UTC)
        .then(|| format!("times are UTC; on the clocks of {zone} this day is from {} to {}", shown(start), shown(end)))
}

/// `19:40–19:50 Asia/Shanghai`, with the days where they are not those of UTC; `None` where the clocks show UTC.
pub fn local_span(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz) -> Option<String> {
    let shown = |time: DateTime<Utc>| {
        let local = time.with_timezone(&zone);
        let is_same_day = local.date_naive() == time.date_naive();
        local.format(if is_same_day { "%H:%M" } else { "%-d %b %H:%M" }).to_string()
    };
    let is_moment = end - start <= Duration::minutes(1);
    let span = if is_moment { shown(start) } else { format!("{}–{}", shown(start), shown(end)) };
    (zone != Tz::UTC).then(|| format!("{span} {zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_name_the_zone_and_other_days() {
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let told = |start: &str, end: &str, zone| local_span(moment(start), moment(end), zone);
        let (morning, later) = ("2026-01-29T11:40:00Z", "2026-01-29T11:50:00Z");
        assert_eq!(told(morning, later, Tz::UTC), None);
        assert_eq!(told(morning, later, Tz::Asia__Shanghai).unwrap(), "19:40–19:50 Asia/Shanghai");
        let late = told("2026-01-29T15:30:00Z", "2026-01-29T16:30:00Z", Tz::Asia__Shanghai).unwrap();
        assert_eq!(late, "23:30–30 Jan 00:30 Asia/Shanghai");
        let one = told("2026-07-01T10:00:00Z", "2026-07-01T10:01:00Z", Tz::Europe__Berlin).unwrap();
        assert_eq!(one, "12:00 Europe/Berlin", "summer time counts");
        let day = local_day("2026-01-29".parse().unwrap(), Tz::Asia__Shanghai).unwrap();
        assert!(day.ends_with("Asia/Shanghai this day is from 29 Jan 08:00 to 30 Jan 08:00"), "{day}");
        assert_eq!(local_day("2026-01-29".parse().unwrap(), Tz::UTC), None);
    }
}
