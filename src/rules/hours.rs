//! When people work: hours of weekdays in the tenant's time zone, but not on holidays.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::rules::settings::date;

/// Working hours.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkingHours {
    zone: Tz,
    from: NaiveTime,
    to: NaiveTime,
    days: [bool; 7],
    holidays: BTreeSet<NaiveDate>,
}

impl Default for WorkingHours {
    /// Monday to Friday from 08:00 to 20:00 UTC.
    fn default() -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        Self {
            zone: chrono_tz::UTC,
            from: hour(8),
            to: hour(20),
            days: [true, true, true, true, true, false, false],
            holidays: BTreeSet::new(),
        }
    }
}

impl WorkingHours {
    /// Reads what the settings say. Hours that end before they begin are night shifts: they go on past midnight. Those that end as they
    /// begin last until then on the next day.
    pub fn parse(zone: Tz, from: &str, to: &str, days: &[String], holidays: &[String]) -> Result<Self, String> {
        let mut worked = [false; 7];
        for name in days {
            let day: Weekday = name.parse().map_err(|_| {
                format!("rules.working_hours.days: expected mon, tue, wed, thu, fri, sat or sun, found `{name}`")
            })?;
            worked[day.num_days_from_monday() as usize] = true;
        }
        Ok(Self {
            zone,
            from: time("rules.working_hours.from", from)?,
            to: time("rules.working_hours.to", to)?,
            days: worked,
            holidays: holidays.iter().map(|day| date("rules.holidays", day)).collect::<Result<_, _>>()?,
        })
    }

    /// From, to and days, as the settings have them.
    pub(super) fn typed(&self) -> (String, String, Vec<String>) {
        let time = |time: NaiveTime| time.format("%H:%M").to_string();
        let days = (0..).map_while(|number| Weekday::try_from(number).ok()).zip(self.days);
        let worked = days.filter(|(_, worked)| *worked).map(|(day, _)| day.to_string().to_lowercase());
        (time(self.from), time(self.to), worked.collect())
    }

    /// Whether a moment (milliseconds since 1970) is outside working hours.
    pub fn is_outside(&self, time_ms: i64) -> bool {
        let Some(moment) = DateTime::from_timestamp_millis(time_ms) else { return true };
        let local = moment.with_timezone(&self.zone).naive_local();
        let (date, time) = (local.date(), local.time());
        if self.from < self.to {
            return !(self.is_worked(date) && self.from <= time && time < self.to);
        }
        let evening = self.is_worked(date) && time >= self.from;
        let morning = date.pred_opt().is_some_and(|yesterday| self.is_worked(yesterday)) && time < self.to;
        !(evening || morning)
    }

    fn is_worked(&self, date: NaiveDate) -> bool {
        self.days[date.weekday().num_days_from_monday() as usize] && !self.holidays.contains(&date)
    }
}

fn time(key: &str, text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("{key}: expected a time such as 09:00, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: &str, to: &str) -> WorkingHours {
        let days = ["mon", "tue", "wed", "thu", "fri"].map(str::to_owned);
        WorkingHours::parse(chrono_tz::Asia::Shanghai, from, to, &days, &["2026-10-01".to_owned()]).unwrap()
    }

    fn outside(hours: &WorkingHours, moment: &str) -> bool {
        hours.is_outside(moment.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis())
    }

    #[test]
    fn the_zone_and_the_calendar_decide() {
        let office = hours("09:00", "18:00");
        for (moment, expected) in [
            ("2026-11-20T01:00:00Z", false), // Friday 09:00 in Shanghai
            ("2026-11-20T00:59:59Z", true),
            ("2026-11-20T09:59:59Z", false),
            ("2026-11-20T10:00:00Z", true),
            ("2026-11-21T03:00:00Z", true), // Saturday
            ("2026-10-01T03:00:00Z", true), // holiday
        ] {
            assert_eq!(outside(&office, moment), expected, "{moment}");
        }
    }

    #[test]
    fn a_night_shift_goes_on_past_midnight() {
        let night = hours("22:00", "06:00");
        for (moment, expected) in [
            ("2026-11-20T15:00:00Z", false), // Friday 23:00
            ("2026-11-20T20:00:00Z", false), // Saturday 04:00, of Friday's shift
            ("2026-11-21T20:00:00Z", true),  // Sunday 04:00
            ("2026-11-20T05:00:00Z", true),
        ] {
            assert_eq!(outside(&night, moment), expected, "{moment}");
        }
    }

    #[test]
    fn hours_that_end_as_they_begin_are_whole_days() {
        let all_day = hours("06:00", "06:00");
        for (moment, expected) in [
            ("2026-11-19T21:59:59Z", false), // Friday 05:59, of Thursday's
            ("2026-11-20T21:59:59Z", false), // Saturday 05:59, of Friday's
            ("2026-11-20T22:00:00Z", true),
        ] {
            assert_eq!(outside(&all_day, moment), expected, "{moment}");
        }
    }

    #[test]
    fn what_is_typed_is_read_as_it_was() {
        let usual = WorkingHours::default();
        let (from, to, days) = usual.typed();
        assert_eq!((from.as_str(), to.as_str(), days.join(" ").as_str()), ("08:00", "20:00", "mon tue wed thu fri"));
        assert_eq!(WorkingHours::parse(chrono_tz::UTC, &from, &to, &days, &[]).unwrap(), usual);
    }

    #[test]
    fn mistakes_are_named() {
        let error = WorkingHours::parse(chrono_tz::UTC, "9 o'clock", "18:00", &[], &[]).unwrap_err();
        assert_eq!(error, "rules.working_hours.from: expected a time such as 09:00, found `9 o'clock`");
    }
}
