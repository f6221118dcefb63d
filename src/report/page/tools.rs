//! Filter and search. They need the page's script, which shows them; without it everything is there to be read.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::insight::Severity;
use crate::report::night::Night;
use crate::report::telling::type_words;

/// The type under which alerts are filtered.
pub(super) const ALERT_TYPE: &str = "alert";

/// The form.
pub(super) fn tools(night: &Night) -> Markup {
    let types: BTreeSet<&str> = night.findings.iter().map(|finding| finding.insight_type.as_str()).collect();
    html! {
        form.tools #tools role="search" aria-label="Filter the findings" hidden {
            label for="search" { "Search" }
            input #search type="search" placeholder="name, key, address, API …" autocomplete="off" spellcheck="false";
            label for="severity" { "Severity" }
            select #severity {
                option value="0" { "all" }
                @for severity in Severity::ALL.into_iter().skip(1) {
                    option value=(severity as u8) { (severity.name()) @if severity != Severity::Critical { " or above" } }
                }
            }
            label for="type" { "Type" }
            select #type {
                option value="" { "all" }
                @for name in &types { option value=(name) { (type_words(name)) } }
                @if !night.alerts.is_empty() { option value=(ALERT_TYPE) { "alerts of rules" } }
            }
            label for="events" { "Your events folder" }
            input #events type="text" value="EVENTS" autocomplete="off" spellcheck="false";
            label for="state" { "Your state folder" }
            input #state type="text" value="STATE" autocomplete="off" spellcheck="false";
            output #shown for="search severity type" { }
        }
    }
}
