//! The alerts of rules: rule, group, how often, from when to when.

use std::borrow::Cow;

use maud::{Markup, html};

use crate::event::sensitivity::name_of;
use crate::report::night::{Alert, Night, Place, Text};
use crate::report::page::command::command;
use crate::report::page::tally::badge;
use crate::report::page::tools::ALERT_TYPE;
use crate::report::telling::span;
use crate::shown::counted;

/// The section.
pub(super) fn alerts(night: &Night) -> Markup {
    html! {
        section #alerts aria-labelledby="alerts-title" {
            h2 #alerts-title { "Alerts of rules" }
            @if night.alerts.is_empty() { p.none { "None." } }
            @for own in &night.alerts { (alert(night, own)) }
        }
    }
}

fn alert(night: &Night, own: &Alert) -> Markup {
    let times = counted(own.count, "time", "times");
    html! {
        details.finding.alert id={ "alert-" (own.alert_id) } data-severity=(own.severity() as u8) data-type=(ALERT_TYPE) {
            summary {
                (badge(own.severity())) " " bdi { (own.rule) }
                span.quiet { " · " (times) " · " (span(own.first_time, own.last_time, night.date)) @if own.continued { " · going on" } }
            }
            @if !own.sentence.is_empty() { p { bdi { (own.sentence) } } }
            dl.facts { @for (name, known) in facts(own) { dt { (name) } dd { bdi { (known) } } } }
            @if !own.next_query.is_empty() { div.next { (command("its events", &own.next_query.whole())) } }
        }
    }
}

fn facts(own: &Alert) -> Vec<(&'static str, String)> {
    let joined = |texts: &[Text]| texts.iter().map(|text| text.shown()).collect::<Vec<_>>().join(", ");
    let from: Vec<String> = own.source_ips.iter().map(|address| Place::beside(&own.places, address)).collect();
    let tactic = name_of(own.tactic.raw()).map_or(own.tactic.shown(), Cow::Borrowed);
    let tactic = if tactic.is_empty() { String::new() } else { format!("({tactic})") };
    let technique = [own.technique.shown(), own.technique_name.shown(), tactic.into()].join(" ");
    let facts = [
        ("Who", own.actor.shown().into_owned()),
        ("From", from.join(", ")),
        ("Group", own.group.shown().into_owned()),
        ("Rule", own.rule_id.shown().into_owned()),
        ("Account", own.account.shown().into_owned()),
        ("ATT&CK", technique.trim().to_owned()),
        ("Meaning", own.description.in_one_line()),
        ("May be harmless", own.false_positives.iter().map(Text::in_one_line).collect::<Vec<_>>().join(", ")),
        ("Events", joined(&own.example_event_ids)),
    ];
    facts.into_iter().filter(|(_, known)| !known.is_empty()).collect()
}
