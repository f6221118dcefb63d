//! Times in tables of counts: what audit logs have, and the plainer forms that spreadsheets and databases export.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::partition::{epoch_ms, parse_time};

/// What is understood, in words.
pub(super) const FORMS: &str =
    "a form such as 2026-01-31T14:00:00Z, 2026-01-31 14:00 or 2026-01-31, or a number of seconds since 1970";
/// Characters that are shown of what is not.
const SHOWN: usize = 40;

/// Milliseconds since 1970 of a time in any usual form: RFC 3339, date and time with a blank, a date, minutes only, or a
/// number of seconds, milliseconds, microseconds or nanoseconds, told apart by size. Without a zone it is UTC.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    parse_time(text).or_else(|| date(text)).or_else(|| minutes(text)).or_else(|| number(text))
}

/// The same, or what was found and what would be understood.
pub(super) fn understood(text: &str) -> Result<i64, String> {
    parse(text).ok_or_else(|| {
        let shown: String = text.trim().chars().take(SHOWN).collect();
        format!("`timestamp` is `{shown}`, expected {FORMS}")
    })
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
    fn what_is_not_understood_is_shown_with_what_would_be() {
        let error = understood(" 31/12/2026 ").unwrap_err();
        assert!(error.starts_with("`timestamp` is `31/12/2026`, expected a form such as 2026-01-31T"), "{error}");
        assert!(understood(&"9".repeat(10_000)).unwrap_err().len() < 300);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "NaN", "inf", "05/01/2026", "1e300"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"1".repeat(10_000)), None);
    }
}
