//! Times as people type them: a date, an RFC 3339 time, or how long ago; and the range between two of them.

use chrono::{DateTime, NaiveDate, SecondsFormat};

use crate::error::{Error, Result};
use crate::partition::{NO_TIME, parse_time};
use crate::query::Mistake;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, midnight_ms};

const EXPECTED: &str = "a date (2026-01-29), a time (2026-01-29T08:00:00Z, 2026-01-29T16:00+08:00), how long ago (30m, 24h, \
                        7d, 2w), `now`, `today` or `yesterday`";

/// A span of time in milliseconds: from, and up to but not including; open where there is no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// The first millisecond.
    pub from: Option<i64>,
    /// One past the last.
    pub to: Option<i64>,
}

impl TimeRange {
    /// Understands both ends. A date as the end means that its day is still within; `now` is what "ago" counts from.
    ///
    /// # Errors
    /// When an end is no time, or nothing can lie between them.
    pub fn parse(from: Option<&str>, to: Option<&str>, now: i64) -> Result<Self> {
        let end = |text: Option<&str>, option: &str, last: bool| {
            text.map(|text| parse(text, now, last).map_err(|mistake| mistake.of(option))).transpose()
        };
        let range = Self { from: end(from, "--from", false)?, to: end(to, "--to", true)? };
        match (range.from, range.to) {
            (Some(first), Some(past)) if first >= past => Err(impossible(from, to, first, past)),
            _ => Ok(range),
        }
    }

    /// From the begin of a day to the end of another; an open end where there is no day.
    ///
    /// # Errors
    /// When the days are in the wrong order.
    pub fn of_days(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<Self> {
        let text = |day: Option<NaiveDate>| day.map(|day| day.to_string());
        Self::parse(text(from).as_deref(), text(to).as_deref(), 0)
    }

    /// Whether a time lies within; rows without a time lie only in the range without ends.
    pub fn contains(&self, time: i64) -> bool {
        let is_inside = || self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to);
        self.is_open() || time != NO_TIME && is_inside()
    }

    /// Whether there is no end on either side.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// From the first moment to one past the last, in milliseconds.
    pub fn moments(&self) -> std::ops::Range<i64> {
        self.from.unwrap_or(i64::MIN)..self.to.unwrap_or(i64::MAX)
    }

    /// Whether any moment from `first` to `last`, both included, lies within.
    pub fn touches(&self, (first, last): (i64, i64)) -> bool {
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first < to)
    }

    /// Whether every moment from `first` to `last` lies within.
    pub fn covers(&self, (first, last): (i64, i64)) -> bool {
        self.contains(first) && self.contains(last)
    }

    /// The range that lies in both.
    #[must_use]
    pub fn and(&self, other: Self) -> Self {
        let later = |left: Option<i64>, right: Option<i64>| left.max(right);
        let earlier = |left: Option<i64>, right: Option<i64>| left.into_iter().chain(right).min();
        Self { from: later(self.from, other.from), to: earlier(self.to, other.to) }
    }
}

fn impossible(from: Option<&str>, to: Option<&str>, first: i64, past: i64) -> Error {
    Error::Query {
        message: format!(
            "nothing lies between --from {} ({}) and --to {} ({})",
            from.unwrap_or_default(),
            rfc3339(first),
            to.unwrap_or_default(),
            rfc3339(past)
        ),
        hint: Some("--from must be before --to; a date as --to means the end of its day".to_owned()),
    }
}

/// A moment in UTC, to the millisecond where there are any.
pub fn rfc3339(ms: i64) -> String {
    let form = if ms.rem_euclid(1000) == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    DateTime::from_timestamp_millis(ms).map_or_else(|| format!("{ms} ms"), |time| time.to_rfc3339_opts(form, true))
}

/// A length of time: a number and `s`, `m`, `h`, `d` or `w`; in milliseconds.
pub fn parse_length(text: &str) -> std::result::Result<i64, Mistake> {
    let expected = "a length of time such as 90s, 5m, 1h, 1d or 2w";
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "s" => 1000,
        "m" => MINUTE_MS,
        "h" => HOUR_MS,
        "d" => DAY_MS,
        "w" => 7 * DAY_MS,
        _ => return Err(Mistake::new(text, digits, format!("`{text}` is no length of time"), expected)),
    };
    let length = text[..digits].parse::<i64>().ok().and_then(|count| count.checked_mul(unit));
    match length {
        Some(length) if (1..=400 * 366 * DAY_MS).contains(&length) => Ok(length),
        _ => Err(Mistake::new(text, 0, format!("`{text}` is too short or too long"), expected)),
    }
}

/// Understands one time; with `last`, a date means the end of its day.
pub fn parse(text: &str, now: i64, last: bool) -> std::result::Result<i64, Mistake> {
    let word = text.trim();
    let today = now - now.rem_euclid(DAY_MS);
    let whole_day = |midnight: i64| if last { midnight + DAY_MS } else { midnight };
    match word {
        "now" => return Ok(now),
        "today" => return Ok(whole_day(today)),
        "yesterday" => return Ok(whole_day(today - DAY_MS)),
        _ => {}
    }
    if let Ok(length) = parse_length(word.strip_suffix("ago").map_or(word, str::trim_end)) {
        return Ok(now - length);
    }
    if word.trim_start_matches('0').len() < word.len()
        && ["s", "m", "h", "d", "w"].contains(&word.trim_start_matches('0'))
    {
        return Ok(now);
    }
    if let Ok(date) = word.parse::<NaiveDate>() {
        return Ok(whole_day(midnight_ms(date)));
    }
    parse_time(word).or_else(|| parse_minutes(word)).ok_or_else(|| explain(text))
}

/// Times without seconds, with an offset or without.
fn parse_minutes(word: &str) -> Option<i64> {
    let with_offset = DateTime::parse_from_str(word, "%Y-%m-%dT%H:%M%:z").map(|time| time.timestamp_millis());
    let bare = |form| chrono::NaiveDateTime::parse_from_str(word, form).map(|time| time.and_utc().timestamp_millis());
    with_offset.or_else(|_| bare("%Y-%m-%dT%H:%M")).or_else(|_| bare("%Y-%m-%d %H:%M")).ok()
}

/// Says which part of a date is impossible, if the text is shaped like one.
fn explain(text: &str) -> Mistake {
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok());
    let shaped = text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
    let (at, message) = match (part(5..7), part(8..10)) {
        (Some(month), _) if shaped && !(1..=12).contains(&month) => (5, format!("there is no month {month}")),
        (Some(month), Some(day)) if shaped && text.parse::<NaiveDate>().is_err() && text.len() == 10 => {
            (8, format!("month {month} has no day {day}"))
        }
        _ if shaped && text.len() > 10 => (10, "what follows the date is no time of day".to_owned()),
        _ => (0, format!("`{text}` is no time")),
    };
    Mistake::new(text, at, message, EXPECTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_769_680_800_000;

    fn ms(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn every_way_to_say_a_time() {
        assert_eq!(ms("2026-01-29T10:00:00Z"), NOW);
        for (text, first, last) in [
            ("2026-01-28", "2026-01-28T00:00:00Z", "2026-01-29T00:00:00Z"),
            ("2026-01-28T08:00:00+08:00", "2026-01-28T00:00:00Z", "2026-01-28T00:00:00Z"),
            ("2026-01-28T08:00+08:00", "2026-01-28T00:00:00Z", "2026-01-28T00:00:00Z"),
            ("2026-01-28 07:30", "2026-01-28T07:30:00Z", "2026-01-28T07:30:00Z"),
            ("24h", "2026-01-28T10:00:00Z", "2026-01-28T10:00:00Z"),
            ("30m ago", "2026-01-29T09:30:00Z", "2026-01-29T09:30:00Z"),
            ("1w", "2026-01-22T10:00:00Z", "2026-01-22T10:00:00Z"),
            ("today", "2026-01-29T00:00:00Z", "2026-01-30T00:00:00Z"),
            ("yesterday", "2026-01-28T00:00:00Z", "2026-01-29T00:00:00Z"),
            ("now", "2026-01-29T10:00:00Z", "2026-01-29T10:00:00Z"),
        ] {
            assert_eq!((parse(text, NOW, false), parse(text, NOW, true)), (Ok(ms(first)), Ok(ms(last))), "{text}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, at, words) in [
            ("2026-13-05", 5, "no month 13"),
            ("2026-02-30", 8, "month 2 has no day 30"),
            ("2026-02-03T25:00:00Z", 10, "no time of day"),
            ("soon", 0, "`soon` is no time"),
            ("7x", 0, "is no time"),
            ("é-é", 0, "is no time"),
        ] {
            let mistake = parse(text, NOW, false).unwrap_err();
            assert_eq!(mistake.at, at, "{text}");
            assert!(mistake.message.contains(words), "{}", mistake.message);
        }
    }

    #[test]
    fn a_range_is_half_open_and_cannot_be_empty() {
        let day = TimeRange::parse(Some("2026-01-28"), Some("2026-01-28"), NOW).unwrap();
        assert!(day.contains(ms("2026-01-28T23:59:59.999Z")) && !day.contains(ms("2026-01-29T00:00:00Z")));
        assert!(TimeRange::parse(Some("2026-01-29"), Some("2026-01-28"), NOW).is_err());
        let error = TimeRange::parse(Some("1h"), Some("2h"), NOW).unwrap_err().to_string();
        assert!(error.contains("1h (2026-01-29T09:00:00Z) and --to 2h (2026-01-29T08:00:00Z)"), "{error}");
    }

    #[test]
    fn lengths() {
        assert_eq!(parse_length("90s"), Ok(90_000));
        for bad in ["", "5", "m", "0h", "99999999999999999999d", "1y", "-1h"] {
            assert!(parse_length(bad).is_err(), "{bad}");
        }
    }
}
