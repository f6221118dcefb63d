//! The digest of several nights: what was found day by day and type by type, the top incidents, what is still open, calibration, health.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::insight::Severity;
use crate::report::digest::Document;
use crate::report::night::{Finding, Incident, Night};
use crate::report::telling::{AGAIN, HIDDEN, honesty, input, long_date, short_date, stale, troubles, type_words};
use crate::shown::{counted, number};

/// Incidents that are told.
const INCIDENTS: usize = 10;
/// Entries of other lists.
const ENTRIES: usize = 10;

/// The digest of the nights between two days, both included, of which there are results.
pub fn range(nights: &[Night], (from, to): (NaiveDate, NaiveDate)) -> Document {
    let mut document = Document::default();
    document.heading(1, format!("Insights from {} to {}", long_date(from), long_date(to)));
    document.paragraph(overview(nights, (from, to)));
    document.heading(2, "Day by day");
    document.table(
        vec!["day", "events", "insights", "alerts", "incidents", "gravest", "remarks"],
        nights.iter().map(day).collect(),
    );
    let twice = nights.iter().map(|night| night.findings.len()).sum::<usize>() - insights(nights).len();
    if twice > 0 {
        document.paragraph(format!(
            "{} counted in more nights than one, for an episode that goes on over midnight is told in each.",
            if twice == 1 { "One insight is".to_owned() } else { format!("{} insights are", number(twice as u64)) }
        ));
    }
    let twice = nights.iter().map(|night| night.alerts.len()).sum::<usize>() - alerts(nights);
    if twice > 0 {
        document.paragraph(format!(
            "{} counted in more nights than one, for matches that go on over midnight are told in each.",
            if twice == 1 { "One alert is".to_owned() } else { format!("{} alerts are", number(twice as u64)) }
        ));
    }
    add_again(&mut document, nights);
    add_types(&mut document, nights);
    add_incidents(&mut document, nights);
    add_open(&mut document, nights);
    add_calibration(&mut document, nights);
    add_health(&mut document, nights);
    document
}

/// Every insight once, as the last night that reported it has it.
fn insights(nights: &[Night]) -> BTreeMap<&str, &Finding> {
    nights.iter().flat_map(|night| &night.findings).map(|finding| (finding.id.as_str(), finding)).collect()
}

/// How many alerts there are, each counted once.
fn alerts(nights: &[Night]) -> usize {
    let ids: BTreeSet<&str> =
        nights.iter().flat_map(|night| &night.alerts).map(|alert| alert.alert_id.as_str()).collect();
    ids.len()
}

fn overview(nights: &[Night], (from, to): (NaiveDate, NaiveDate)) -> String {
    let insights = insights(nights);
    let serious = insights.values().filter(|finding| finding.severity() >= Severity::High).count();
    let days = (to - from).num_days() + 1;
    let judged: BTreeSet<NaiveDate> = nights.iter().map(|night| night.date).collect();
    let missing: Vec<String> =
        from.iter_days().take(days as usize).filter(|day| !judged.contains(day)).map(short_date).collect();
    let missing = match missing.len() {
        0 => String::new(),
        1..=7 => format!(" Not judged: {}.", missing.join(", ")),
        many => format!(" {many} days were not judged."),
    };
    format!(
        "{} judged: {}, {serious} of them high or critical, and {}.{missing}",
        counted(nights.len() as u64, "night was", "nights were"),
        counted(insights.len() as u64, "insight", "insights"),
        counted(alerts(nights) as u64, "alert of rules", "alerts of rules")
    )
}

fn day(night: &Night) -> Vec<String> {
    let gravest = night.days.last().and_then(|day| day.gravest).map_or("", Severity::name);
    let events = night.record.as_ref().map_or(String::new(), |record| number(record.counts.events));
    vec![
        short_date(night.date),
        events,
        night.findings.len().to_string(),
        night.alerts.len().to_string(),
        night.incidents.len().to_string(),
        gravest.to_owned(),
        Some(troubles(night).len()).filter(|remarks| *remarks > 0).map_or(String::new(), |remarks| remarks.to_string()),
    ]
}

/// Nights that were judged again, each once, and what does not stand after the last.
fn add_again(document: &mut Document, nights: &[Night]) {
    let own = nights.iter().flat_map(|night| night.again.iter().map(move |again| (night, again)));
    let own = own.filter(|(night, again)| again.date == night.date);
    let told: Vec<String> = own
        .map(|(night, again)| {
            let run = short_date(again.in_run_of);
            format!("{}, in the run of {run}, {}", short_date(night.date), again.what)
        })
        .chain(nights.last().map(stale).unwrap_or_default())
        .collect();
    if told.is_empty() {
        return;
    }
    document.heading(2, AGAIN);
    document.list(told.iter().take(ENTRIES).cloned());
    if told.len() > ENTRIES {
        document.paragraph(format!("And {} more.", told.len() - ENTRIES));
    }
}

fn add_types(document: &mut Document, nights: &[Night]) {
    let mut types: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    for finding in insights(nights).into_values() {
        types.entry(type_words(&finding.insight_type)).or_default()[finding.severity() as usize] += 1;
    }
    if types.is_empty() {
        return;
    }
    document.heading(2, "Type by type");
    let row = |(name, counts): (&&str, &[usize; 5])| {
        let counts = counts.iter().rev().map(ToString::to_string);
        std::iter::once((*name).to_owned()).chain(counts).collect()
    };
    let head = vec!["type", "critical", "high", "medium", "low", "informational"];
    document.table(head, types.iter().map(row).collect());
}

fn add_incidents(document: &mut Document, nights: &[Night]) {
    let mut told = BTreeSet::new();
    let mut all: Vec<(&Night, &Incident)> =
        nights.iter().flat_map(|night| night.incidents.iter().map(move |incident| (night, incident))).collect();
    // Nights are in order and the sort is stable: of equals the earlier comes first.
    all.sort_by_key(|(_, incident)| std::cmp::Reverse(incident.rank_key()));
    let top = all.into_iter().filter_map(|(night, incident)| {
        let lead = night.findings_of(incident).next()?;
        // A story that goes on from night to night is told once.
        told.insert(lead.incident.clone()).then_some((night, incident, lead))
    });
    let top: Vec<String> = top
        .take(INCIDENTS)
        .map(|(night, incident, lead)| {
            let parts = counted(incident.findings.len() as u64, "finding", "findings");
            format!("{}, {} ({parts}): {}", short_date(night.date), incident.severity.name(), lead.sentence.shown())
        })
        .collect();
    if !top.is_empty() {
        document.heading(2, "Top incidents");
        document.list(top);
    }
}

fn add_open(document: &mut Document, nights: &[Night]) {
    let Some(last) = nights.last() else { return };
    let open: Vec<&Finding> = last.findings.iter().filter(|finding| !finding.ended).collect();
    document.heading(2, format!("Still open after {}", short_date(last.date)));
    if open.is_empty() {
        document.paragraph("Nothing.");
    }
    document.list(open.iter().take(ENTRIES).map(|finding| finding.sentence.shown().into_owned()));
    if open.len() > ENTRIES {
        document.paragraph(format!("And {} more.", open.len() - ENTRIES));
    }
    let levels = nights.iter().flat_map(|night| night.record.iter().flat_map(|record| &record.new_levels));
    let levels: Vec<String> = levels.map(|level| level.sentence.shown().into_owned()).collect();
    if !levels.is_empty() {
        document.paragraph("Not reported any more, and not over:");
        document.list(levels.iter().take(ENTRIES).cloned());
    }
}

fn add_calibration(document: &mut Document, nights: &[Night]) {
    let Some(last) = nights.iter().rev().find(|night| !honesty(night).is_empty()) else { return };
    document.heading(2, "How honest the numbers are");
    document.paragraph(format!(
        "As the night of {} found by judging the seven days before it again:",
        short_date(last.date)
    ));
    document.list(honesty(last).into_iter().map(|(set, answer)| format!("{set}: {answer}")));
}

fn add_health(document: &mut Document, nights: &[Night]) {
    document.heading(2, "Health of the input");
    let mut said: BTreeMap<String, Vec<NaiveDate>> = BTreeMap::new();
    for night in nights {
        let hidden = input(night).into_iter().filter(|(name, _)| *name == HIDDEN);
        let hidden = hidden.map(|(name, told)| format!("{name}: {told}"));
        let all = troubles(night).into_iter().chain(hidden);
        all.for_each(|trouble| said.entry(trouble).or_default().push(night.date));
    }
    if said.is_empty() {
        document.paragraph("Nothing was missing, and nothing was set aside.");
        return;
    }
    let days = |days: &[NaiveDate]| days.iter().map(|&day| short_date(day)).collect::<Vec<_>>().join(", ");
    let more = said.len().saturating_sub(ENTRIES);
    document.list(said.iter().take(ENTRIES).map(|(trouble, on)| format!("{}: {trouble}", days(on))));
    if more > 0 {
        document.paragraph(format!("And {more} more."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::night::Alert;

    #[test]
    fn an_alert_that_goes_on_over_midnight_counts_once() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let alert = |id: &&str| -> Alert { serde_json::from_value(serde_json::json!({ "alert_id": id })).unwrap() };
        let night =
            |day, ids: &[&str]| Night { date: date(day), alerts: ids.iter().map(alert).collect(), ..Night::default() };
        let told = range(&[night(10, &["a", "b"]), night(11, &["b"])], (date(10), date(11))).markdown();
        assert!(told.contains("and 2 alerts of rules."), "{told}");
        assert!(told.contains("One alert is counted in more nights than one"), "{told}");
        let told = range(&[night(10, &["a"]), night(11, &["b"])], (date(10), date(11))).markdown();
        assert!(!told.contains("in more nights than one"), "{told}");
    }
}
