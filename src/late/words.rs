//! Late data in words: why a night was judged again and what that changed, and which nights are stale and how to mend them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::late::{Difference, Revision, StaleNight, Why};

/// Why a night was judged again, for the middle of a sentence.
pub fn because(why: &Why) -> String {
    match why {
        Why::Asked => "as it was asked for".to_owned(),
        Why::Unfinished => "as the run that began it was ended in the middle".to_owned(),
        Why::Damaged => "as what it had left to the nights after it was damaged".to_owned(),
        Why::Counts(days) => format!("as the events of {} have changed", spans(&days.iter().copied().collect())),
        Why::NightBefore => "as the night before it was judged again with another result".to_owned(),
        Why::CameLate => "as no run had judged it, though later nights were judged".to_owned(),
        Why::Maker => "as it was judged with other settings or by another version".to_owned(),
    }
}

/// What was done with a night, for the middle of a sentence: one that no run had judged is judged for the first time.
pub const fn judged_how(why: &Why) -> &'static str {
    if matches!(why, Why::CameLate) { "judged late" } else { "judged again" }
}

/// How much a revision changed: `2 insights added, 1 alert taken back`.
pub fn revised(revision: &Revision) -> String {
    let insights = in_numbers(&revision.insights, ["insight", "insights"]);
    let alerts = in_numbers(&revision.alerts, ["alert", "alerts"]);
    let parts: Vec<String> = insights.into_iter().chain(alerts).collect();
    if parts.is_empty() { "there is nothing to report".to_owned() } else { parts.join(", ") }
}

fn in_numbers<T>(difference: &Difference<T>, [one, many]: [&str; 2]) -> Vec<String> {
    let changed = match difference.raised.len() {
        0 => "changed".to_owned(),
        graver => format!("changed ({graver} more severe)"),
    };
    let parts = [
        (difference.added.len(), "added"),
        (difference.changed.len(), &changed),
        (difference.taken_back.len(), "taken back"),
    ];
    let told = parts.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("{count} {} {what}", if *count == 1 { one } else { many })).collect()
}

/// What is to be said of nights that are stale; `newest` is the last that was judged.
pub fn stale(nights: &[StaleNight], newest: NaiveDate) -> Vec<String> {
    let mut groups: BTreeMap<(Reason, bool), Group> = BTreeMap::new();
    for night in nights {
        let group = groups.entry((Reason::of(&night.why), night.is_lost)).or_default();
        group.nights.insert(night.date);
        if let Why::Counts(days) = &night.why {
            group.days.extend(days);
        }
    }
    groups.iter().map(|((reason, is_lost), group)| group.sentence(*reason, *is_lost, newest)).collect()
}

/// A reason without its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Counts,
    NightBefore,
    Unfinished,
    CameLate,
    Maker,
}

impl Reason {
    fn of(why: &Why) -> Self {
        match why {
            Why::Counts(_) => Self::Counts,
            Why::NightBefore | Why::Asked | Why::Damaged => Self::NightBefore,
            Why::Unfinished => Self::Unfinished,
            Why::CameLate => Self::CameLate,
            Why::Maker => Self::Maker,
        }
    }
}

/// Nights that are stale for one reason, and the days whose events have changed.
#[derive(Debug, Default)]
struct Group {
    nights: BTreeSet<NaiveDate>,
    days: BTreeSet<NaiveDate>,
}

impl Group {
    fn sentence(&self, reason: Reason, is_lost: bool, newest: NaiveDate) -> String {
        let is_one = self.nights.len() == 1;
        let (subject, left) = if is_one { ("the night", "as it is") } else { ("the nights", "as they are") };
        let were = if is_one { "was" } else { "were" };
        let what = match reason {
            Reason::Counts => format!("judged before the events of {} changed", spans(&self.days)),
            Reason::NightBefore => "judged before the night before was judged again with another result".to_owned(),
            Reason::Unfinished => "not judged to the end".to_owned(),
            Reason::CameLate => "not judged, as the events came after later nights had been judged".to_owned(),
            Reason::Maker => format!("judged with other settings or by another version, and left {left}"),
        };
        let told = format!("{subject} {} {were} {what}", spans(&self.nights));
        match (reason, is_lost) {
            (Reason::Maker, _) => told,
            (_, true) => {
                let (it, its) = if is_one { ("it was", "its") } else { ("they were", "their") };
                format!("{told}; what {it} judged by is gone in part, so {its} results are left as they are")
            }
            (Reason::CameLate, false) => format!("{told}; {} judges what was not", self.remedy(newest)),
            (_, false) => format!("{told}; {} judges again what is stale", self.remedy(newest)),
        }
    }

    /// The command that judges these nights again, and those after them.
    fn remedy(&self, newest: NaiveDate) -> String {
        let first = self.nights.first().copied().unwrap_or(newest);
        let last = self.nights.last().map_or(newest, |last| newest.max(*last));
        format!("`insights run EVENTS --from {first} --to {last}`")
    }
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
            night(4, Why::CameLate),
        ];
        nights[5].is_lost = true;
        insta::assert_snapshot!(stale(&nights, day(20)).join("\n"));
        assert_eq!(because(&Why::Counts(vec![day(4)])), "as the events of 2026-01-04 have changed");
        let lost = |number| StaleNight { is_lost: true, ..night(number, Why::Counts(vec![day(4)])) };
        let two = stale(&[lost(11), lost(12)], day(20)).join("\n");
        assert!(two.contains("what they were judged by is gone in part, so their results are left"), "{two}");
    }
}
