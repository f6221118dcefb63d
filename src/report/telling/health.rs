//! The health of the input, and how honest the night's p-values were.
//!
//! Both say how far the rest can be trusted, so they stand in every report, on quiet nights above all: that nothing was found is worth as much as what
//! was looked at.

use crate::detect::select::TestSet;
use crate::report::night::{Hidden, Left, Night};
use crate::report::telling::Fact;
use crate::shown::{counted, number};

/// Rises left to their callers that are named.
const NAMED: usize = 5;
/// The name of what whitelists hid.
pub const HIDDEN: &str = "Hidden by a whitelist";

/// What was read.
pub fn input(night: &Night) -> Vec<Fact> {
    let Some(record) = &night.record else { return Vec::new() };
    let counts = record.counts;
    let failed = counts.errors as f64 / counts.events.max(1) as f64 * 100.0;
    let rows = |rows: u64| if rows == 0 { String::new() } else { number(rows) };
    let tested: Vec<String> = record
        .families
        .iter()
        .filter(|family| family.tested > 0)
        .map(|family| format!("{} {}", number(family.tested), family.family.replace('_', " ")))
        .collect();
    let facts = [
        ("Events", number(counts.events)),
        ("Failed calls", format!("{failed:.1} %")),
        ("Days of history", number(record.days_of_history)),
        ("Days without events", rows(record.missing_days.len() as u64)),
        ("Tested", tested.join(", ")),
        ("Set aside, too far from their day", rows(counts.set_aside)),
        ("Set aside, without a time", rows(counts.without_time)),
        ("Without an API", rows(counts.without_api)),
        ("Unreadable", rows(counts.unreadable)),
        ("Not reported, a new level by now", rows(record.absorbed)),
        ("Not reported, no more than their callers usually do", left(&record.left_to_callers)),
        (HIDDEN, hidden(&record.rules.hidden)),
    ];
    facts.into_iter().filter(|(_, told)| !told.is_empty()).collect()
}

/// Rises that were left to their callers, the first of them by name.
fn left(all: &[Left]) -> String {
    let named = all.iter().take(NAMED).map(|left| format!("{} ({})", left.entity.shown(), number(left.calls)));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = all.len().saturating_sub(NAMED) as u64;
    let more = if more > 0 { format!(" and {} more", number(more)) } else { String::new() };
    if all.is_empty() { named } else { format!("{}: {named}{more}", counted(all.len() as u64, "rise", "rises")) }
}

/// What whitelists hid, and why: nothing is passed over in silence.
fn hidden(entries: &[Hidden]) -> String {
    let told =
        entries.iter().map(|entry| format!("{}: {}", counted(entry.matches, "match", "matches"), entry.reason.shown()));
    told.collect::<Vec<_>>().join("; ")
}

/// Everything about the input that a reader should know; each a sentence.
pub fn troubles(night: &Night) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(record) = &night.record {
        said.extend(record.quality.iter().map(|found| found.sentence.shown().into_owned()));
        said.extend(record.warnings.iter().map(|warning| warning.shown().into_owned()));
        let problems = record.problems.iter();
        said.extend(problems.map(|problem| format!("{}: {}", problem.file.shown(), problem.message.shown())));
    }
    said.extend(night.unread.iter().map(|what| format!("not readable any more: {what}")));
    // The same defect may be a warning and an entry of its own.
    let mut unique: Vec<String> = Vec::new();
    said.into_iter().for_each(|sentence| {
        if !unique.contains(&sentence) {
            unique.push(sentence);
        }
    });
    unique
}

/// How honest p-values were on the last days, set by set: what is asked, and the answer.
pub fn honesty(night: &Night) -> Vec<(String, String)> {
    let calibration = night.record.iter().flat_map(|record| &record.calibration);
    calibration
        .map(|set| {
            let asked = TestSet::named(&set.set).map_or_else(|| set.set.clone(), |known| known.words().to_owned());
            let days = counted(set.entity_days, "entity-day", "entity-days");
            let told = match (set.nominal, set.inflation) {
                (Some(nominal), Some(inflation)) => {
                    let corrected = if set.power < 1.0 { ", corrected tonight" } else { "" };
                    format!("{inflation:.1} times as many p-values below {nominal} as due in {days}{corrected}")
                }
                _ => format!("not measurable yet in {days}"),
            };
            (asked, told)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::night::Record;

    #[test]
    fn what_was_left_to_callers_is_told_with_its_calls() {
        let told = |count: u64| {
            let one = |number: u64| Left { entity: format!("Ecs/Call{number}").as_str().into(), calls: 1000 + number };
            let record = Record { left_to_callers: (0..count).map(one).collect(), ..Record::default() };
            let night = Night { record: Some(record), ..Night::default() };
            let found = input(&night).into_iter().find(|(name, _)| name.contains("their callers"));
            found.map(|(_, told)| told)
        };
        assert_eq!(told(0), None);
        assert_eq!(told(1).unwrap(), "1 rise: Ecs/Call0 (1,000)");
        let many = told(7).unwrap();
        assert!(many.starts_with("7 rises: ") && many.ends_with("Ecs/Call4 (1,004) and 2 more"), "{many}");
    }
}
