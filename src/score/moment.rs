//! Times in tables of counts: what audit logs have, and the plainer forms that spreadsheets and databases export.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::partition::{epoch_ms, parse_time};

/// Milliseconds since 1970 of a time in any usual form: RFC 3339, date and time with a blank, a date, minutes only, or a
/// number of seconds, milliseconds, microseconds or nanoseconds, told apart by size. Without a zone it is UTC.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    parse_time(text).or_else(|| date(text)).or_else(|| minutes(text)).or_else(|| number(text))
}

fn date(text: &str) -> Option<i64> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
}

fn minutes(text: &str) -> Option<i64> {
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(time.and_utc().timestamp_millis())
}

fn number(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(epoch_ms(whole));
    }
    let seconds: f64 = text.parse().ok()?;
    (seconds.is_finite() && seconds.abs() < 1e11).then_some((seconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_moment() {
        let forms = [
            "2026-01-05T00:00:00Z",
            "2026-01-05T08:00:00+08:00",
            "2026-01-05 00:00:00",
            "2026-01-05 00:00",
            "2026-01-05T00:00",
            "2026-01-05",
            " 2026-01-05 ",
            "1767571200",
            "1767571200.0",
            "1767571200000",
            "1767571200000000",
        ];
        for form in forms {
            assert_eq!(parse(form), Some(1_767_571_200_000), "{form}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "NaN", "inf", "05/01/2026", "1e300"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"1".repeat(10_000)), None);
    }
}
