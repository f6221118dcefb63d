//! Late data in words: why a night was judged again, and which nights are stale and how to mend them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::late::{StaleNight, Why};

/// Why a night was judged again, for the middle of a sentence.
pub fn because(why: &Why) -> String {
    match why {
        Why::Asked => "as it was asked for".to_owned(),
        Why::Unfinished => "as the run that began it was ended in the middle".to_owned(),
        Why::Counts(days) => format!("as the events of {} have changed", spans(&days.iter().copied().collect())),
        Why::NightBefore => "as the night before it was judged again with another result".to_owned(),
        Why::Maker => "as it was judged with other settings or by another version".to_owned(),
    }
}

/// What is to be said of nights that are stale; `newest` is the last that was judged.
pub fn stale(nights: &[StaleNight], newest: NaiveDate) -> Vec<String> {
    let mut by_reason: BTreeMap<(u8, bool), (BTreeSet<NaiveDate>, BTreeSet<NaiveDate>)> = BTreeMap::new();
    for night in nights {
        let (reason, days) = match &night.why {
            Why::Counts(days) => (0, days.as_slice()),
            Why::NightBefore | Why::Asked => (1, &[][..]),
            Why::Unfinished => (2, &[][..]),
            Why::Maker => (3, &[][..]),
        };
        let found = by_reason.entry((reason, night.is_lost)).or_default();
        found.0.insert(night.date);
        found.1.extend(days);
    }
    by_reason
        .into_iter()
        .map(|((reason, is_lost), (nights, days))| sentence(reason, is_lost, &nights, &days, newest))
        .collect()
}

fn sentence(
    reason: u8,
    is_lost: bool,
    nights: &BTreeSet<NaiveDate>,
    days: &BTreeSet<NaiveDate>,
    newest: NaiveDate,
) -> String {
    let (own, subject) = (spans(nights), if nights.len() == 1 { "the night" } else { "the nights" });
    let one = nights.len() == 1;
    let told = match reason {
        0 => format!("{subject} {own} {} judged before the events of {} changed", were(one), spans(days)),
        1 => {
            format!("{subject} {own} {} judged before the night before was judged again with another result", were(one))
        }
        2 => format!("{subject} {own} {} not judged to the end", were(one)),
        _ => {
            let left = if one { "as it is" } else { "as they are" };
            return format!(
                "{subject} {own} {} judged with other settings or by another version, and left {left}",
                were(one)
            );
        }
    };
    if is_lost {
        return format!("{told}; what it was judged by is gone in part, so its results are left as they are");
    }
    let first = nights.first().copied().unwrap_or(newest);
    let last = nights.last().map_or(newest, |last| newest.max(*last));
    format!("{told}; `insights run EVENTS --from {first} --to {last}` judges again what is stale")
}

fn were(is_one: bool) -> &'static str {
    if is_one { "was" } else { "were" }
}

/// Days in words, those in a row as a span.
fn spans(days: &BTreeSet<NaiveDate>) -> String {
    let mut spans: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for &day in days {
        match spans.last_mut() {
            Some((_, last)) if last.succ_opt() == Some(day) => *last = day,
            _ => spans.push((day, day)),
        }
    }
    let span = |(first, last): &(NaiveDate, NaiveDate)| match (*last - *first).num_days() {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    spans.iter().map(span).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, number).unwrap()
    }

    #[test]
    fn days_in_a_row_are_a_span() {
        let days = [1, 2, 5, 7, 8, 9].map(day).into_iter().collect();
        assert_eq!(spans(&days), "2026-01-01, 2026-01-02, 2026-01-05, 2026-01-07 to 2026-01-09");
    }

    #[test]
    fn stale_nights_are_told_by_their_reason_with_what_to_do() {
        let night = |number, why| StaleNight { date: day(number), why, is_lost: false };
        let mut nights = vec![
            night(5, Why::Counts(vec![day(4)])),
            night(6, Why::Counts(vec![day(4), day(6)])),
            night(7, Why::NightBefore),
            night(8, Why::Unfinished),
            night(9, Why::Maker),
            night(10, Why::Counts(vec![day(4)])),
        ];
        nights[5].is_lost = true;
        insta::assert_snapshot!(stale(&nights, day(20)).join("\n"));
        assert_eq!(because(&Why::Counts(vec![day(4)])), "as the events of 2026-01-04 have changed");
    }
}
