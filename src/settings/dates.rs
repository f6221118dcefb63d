//! Lists of days, as they are typed: `2026-02-17`, or `2026-02-16/2026-02-22` for the first to the last of a span.

use std::collections::BTreeSet;

use chrono::NaiveDate;

/// Most days that a span may have.
const MOST_DAYS: i64 = 400;

/// The days of a list; `key` is the setting that an error names.
pub(super) fn read(key: &str, list: &[String]) -> Result<BTreeSet<NaiveDate>, String> {
    let mut days = BTreeSet::new();
    for text in list {
        let (first, last) = span(text).ok_or_else(|| {
            format!("{key}: `{text}` is neither a date such as `2026-02-17` nor a span such as `2026-02-16/2026-02-22`")
        })?;
        if last < first {
            return Err(format!("{key}: `{text}` ends before it begins"));
        }
        let length = (last - first).num_days() + 1;
        if length > MOST_DAYS {
            return Err(format!("{key}: `{text}` has {length} days; expected from 1 to {MOST_DAYS}"));
        }
        days.extend(first.iter_days().take_while(|day| *day <= last));
    }
    Ok(days)
}

fn span(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let (first, last) = text.split_once('/').unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str) -> Result<Vec<String>, String> {
        let days = read("days_off", &[text.to_owned()])?;
        Ok(days.iter().map(NaiveDate::to_string).collect())
    }

    #[test]
    fn days_and_spans() {
        assert_eq!(read_one("2026-02-17").unwrap(), ["2026-02-17"]);
        assert_eq!(read_one("2026-02-27 / 2026-03-01").unwrap(), ["2026-02-27", "2026-02-28", "2026-03-01"]);
        assert_eq!(read("days_off", &[]).unwrap().len(), 0);
    }

    #[test]
    fn mistakes_name_the_setting_and_what_was_found() {
        for (text, words) in [
            ("christmas", "days_off: `christmas` is neither a date"),
            ("2026-02-30", "days_off: `2026-02-30` is neither a date"),
            ("2026-02-17/2026-02-16", "days_off: `2026-02-17/2026-02-16` ends before it begins"),
            ("2026-01-01/9999-12-31", "expected from 1 to 400"),
        ] {
            let message = read_one(text).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }
}
