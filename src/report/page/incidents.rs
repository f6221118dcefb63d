//! The incidents, the one with the most evidence first, each with its findings.
//!
//! The findings that rank highest have a chart each; what comes after them is a click away in a compact form, so that a night
//! with a thousand findings is still a page.

use maud::{Markup, html};

use crate::report::night::{Incident, Night};
use crate::report::page::finding::{Form, finding};
use crate::report::page::tally::badge;
use crate::report::telling::{agreeing_rules, span};
use crate::shown::counted;

/// Findings with a chart.
const CHARTS: usize = 100;
/// Rules that are named.
const RULES: usize = 12;

/// The section.
pub(super) fn incidents(night: &Night) -> Markup {
    let mut drawn = 0;
    html! {
        section #incidents aria-labelledby="incidents-title" {
            h2 #incidents-title { "Incidents" }
            @if night.incidents.is_empty() { p.none { "None: nothing deviates from its history." } }
            @for incident in &night.incidents { (section(night, incident, &mut drawn)) }
            p.none.no-match hidden { "Nothing fits the filter." }
        }
    }
}

fn section(night: &Night, incident: &Incident, drawn: &mut usize) -> Markup {
    let id = format!("incident-{}", incident.number);
    let forms: Vec<(usize, Form)> =
        incident.findings.iter().map(|&number| (number, form(number, incident, drawn))).collect();
    html! {
        section.incident id=(id) aria-labelledby={ (id) "-title" } {
            h3 id={ (id) "-title" } { (badge(incident.severity)) " " (heading(night, incident)) }
            (agreeing(night, incident))
            @for (number, form) in &forms { (finding(night, *number, *form)) }
        }
    }
}

/// The rules that agree, each once with the number of its alerts and the way to the first of them.
fn agreeing(night: &Night, incident: &Incident) -> Markup {
    let rules = agreeing_rules(night, incident);
    html! {
        @if !rules.is_empty() {
            p.agree {
                "Rules that agree: "
                @for (place, (first, alerts)) in rules.iter().take(RULES).enumerate() {
                    @if place > 0 { ", " }
                    a href={ "#alert-" (first.alert_id) } { (first.rule) }
                    @if *alerts > 1 { span.quiet { " (" (counted(*alerts, "alert", "alerts")) ")" } }
                }
                @if rules.len() > RULES { ", and " (rules.len() - RULES) " more" }
            }
        }
    }
}

fn form(number: usize, incident: &Incident, drawn: &mut usize) -> Form {
    *drawn += 1;
    match (*drawn <= CHARTS, incident.findings.first() == Some(&number)) {
        (true, true) => Form::Open,
        (true, false) => Form::Folded,
        (false, _) => Form::Compact,
    }
}

fn heading(night: &Night, incident: &Incident) -> Markup {
    let parts = counted(incident.findings.len() as u64, "finding", "findings");
    let actors = night.findings_of(incident).map(|finding| finding.actor.clone());
    let culprits = night.findings_of(incident).map(|finding| finding.called(&finding.culprit));
    // A name says more than an identifier.
    let culprit = actors.chain(culprits).find(|culprit| !culprit.is_empty());
    html! {
        "Incident " (incident.number)
        @if let Some(culprit) = culprit { ": " bdi { (night.located(incident, &culprit)) } }
        span.quiet { " · " (span(incident.start, incident.end, night.date)) " · " (parts) }
    }
}
