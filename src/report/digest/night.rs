//! The digest of a night: what a mail, a chat or a ticket holds of it.
//!
//! It is the page without charts, in the same order and the same words ([`telling`](crate::report::telling)); long lists are cut, and say so.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use crate::report::digest::Document;
use crate::report::night::{Finding, Incident, NewLevel, Night, Over, Text};
use crate::report::telling::{
    AGAIN, agreeing_rules, change, commands, facts, honesty, input, judged_again, long_date, span, stale, steps,
    tonight, troubles, unusual,
};
use crate::shown::{counted, local_day, number};

/// Incidents that are told; more are on the page.
const INCIDENTS: usize = 10;
/// Alerts that are told.
const ALERTS: usize = 20;
/// Entries of other lists.
const ENTRIES: usize = 10;

/// The digest.
pub fn night(night: &Night) -> Document {
    let mut document = Document::default();
    document.heading(1, format!("Insights of {}", long_date(night.date)));
    document.paragraph(tonight(night).join(" "));
    if let Some(local) = local_day(night.date, night.zone()) {
        document.paragraph(format!("In this digest {local}."));
    }
    add_again(&mut document, night);
    add_incidents(&mut document, night);
    add_alerts(&mut document, night);
    add_since(&mut document, night);
    add_health(&mut document, night);
    document
}

/// What was judged again, and what does not stand any more.
fn add_again(document: &mut Document, night: &Night) {
    let stale = stale(night);
    if night.again.is_empty() && stale.is_empty() {
        return;
    }
    document.heading(2, AGAIN);
    for again in &night.again {
        document.paragraph(judged_again(night, again));
        document.list(again.changes.iter().take(ENTRIES).map(change));
        if again.changes.len() > ENTRIES {
            document.paragraph(format!("And {} more.", again.changes.len() - ENTRIES));
        }
    }
    document.list(stale);
}

fn add_incidents(document: &mut Document, night: &Night) {
    for incident in night.incidents.iter().take(INCIDENTS) {
        document.heading(2, format!("Incident {}, {}", incident.number, heading(night, incident)));
        let Some(lead) = night.findings_of(incident).next() else { continue };
        document.paragraph(format!("{}.", lead.sentence.shown()));
        let is_utc = night.zone() == Tz::UTC;
        let known = facts(lead, night).into_iter().filter(|(name, _)| !is_utc || *name != "When");
        document.list(known.map(|(name, known)| format!("{name}: {known}")));
        document.paragraph(format!("How unusual: {}", unusual(lead)));
        let more: Vec<&Finding> = night.findings_of(incident).skip(1).collect();
        let said = more.iter().take(ENTRIES).map(|finding| {
            format!(
                "also {} ({}): {}",
                finding.severity().name(),
                crate::report::telling::type_words(&finding.insight_type),
                finding.sentence.shown()
            )
        });
        let rules = agreeing_rules(night, incident);
        let agrees = rules.iter().take(ENTRIES).map(|(first, alerts)| match alerts {
            1 => format!("rule agrees: {}", first.rule.shown()),
            many => format!("rule agrees: {} ({} alerts)", first.rule.shown(), number(*many)),
        });
        document.list(said.chain(agrees));
        document.paragraph(format!("What to do next: {}", steps(lead).join(" ")));
        commands(lead).into_iter().for_each(|(_, command)| document.command(command));
    }
    if let Some(more) = night.incidents.len().checked_sub(INCIDENTS).filter(|more| *more > 0) {
        document.paragraph(format!("And {}, on the page.", counted(more as u64, "more incident", "more incidents")));
    }
}

fn heading(night: &Night, incident: &Incident) -> String {
    let parts = counted(incident.findings.len() as u64, "finding", "findings");
    format!("{}, {}, {parts}", incident.severity.name(), span(incident.start, incident.end, night.date))
}

fn add_alerts(document: &mut Document, night: &Night) {
    if night.alerts.is_empty() {
        return;
    }
    document.heading(2, "Alerts of rules");
    let accounts: BTreeSet<&Text> = night.alerts.iter().map(|alert| &alert.account).collect();
    let alert = |alert: &crate::report::night::Alert| {
        let times = counted(alert.count, "time", "times");
        let when = span(alert.first_time, alert.last_time, night.date);
        let group = if alert.group.is_empty() { String::new() } else { format!(", {}", alert.group.shown()) };
        let account = if accounts.len() > 1 { format!(", account {}", alert.account.shown()) } else { String::new() };
        format!(
            "{}: {}{group}{account}, {times}, {when}: {}",
            alert.severity().name(),
            alert.rule.shown(),
            alert.sentence.shown()
        )
    };
    document.list(night.alerts.iter().take(ALERTS).map(alert));
    if let Some(more) = night.alerts.len().checked_sub(ALERTS).filter(|more| *more > 0) {
        document.paragraph(format!("And {more} more."));
    }
}

fn add_since(document: &mut Document, night: &Night) {
    let since = &night.since;
    let levels: Vec<&NewLevel> = night.record.iter().flat_map(|record| &record.new_levels).collect();
    let closed: Vec<&Over> = night.record.iter().flat_map(|record| &record.over).collect();
    let lists = [&since.going_on, &since.again, &since.over];
    let nothing =
        lists.iter().all(|list| list.is_empty()) && since.gone.is_empty() && levels.is_empty() && closed.is_empty();
    if since.compared_with.is_none() || nothing {
        return;
    }
    document.heading(2, "Since the night before");
    let sentence = |what: &str, number: &usize| format!("{what}: {}", night.findings[*number].sentence.shown());
    let going_on = since.going_on.iter().map(|number| sentence("going on", number));
    let again = since.again.iter().map(|number| sentence("again", number));
    let state = |level: &NewLevel| if level.known { "new level" } else { "not known" };
    let levels = levels.into_iter().map(|level| format!("{}: {}", state(level), level.sentence.shown()));
    let over = since.over.iter().map(|number| sentence("over", number));
    let closed = closed.into_iter().map(|closed| format!("over: {}", closed.sentence.shown()));
    let gone = since.gone.iter().map(|finding| format!("not any more: {}", finding.sentence.shown()));
    let all: Vec<String> = going_on.chain(again).chain(levels).chain(over).chain(closed).chain(gone).collect();
    document.list(all.iter().take(ENTRIES).cloned());
    if all.len() > ENTRIES {
        document.paragraph(format!("And {} more.", all.len() - ENTRIES));
    }
}

fn add_health(document: &mut Document, night: &Night) {
    document.heading(2, "Health of the input, and how honest the numbers are");
    let troubles = troubles(night);
    let more = troubles.len().saturating_sub(ENTRIES);
    document.list(troubles.into_iter().take(ENTRIES).map(|trouble| format!("mind: {trouble}")));
    if more > 0 {
        document.paragraph(format!("And {}.", counted(more as u64, "more remark", "more remarks")));
    }
    let told = input(night).into_iter().map(|(name, value)| format!("{name}: {value}"));
    document.list(told.chain(honesty(night).into_iter().map(|(set, answer)| format!("{set}: {answer}"))));
}
