//! How many findings there are of each severity.

use maud::{Markup, html};

use crate::insight::Severity;
use crate::report::night::{Alert, Finding, Night};

/// The counts, the gravest first; nothing on a night without findings.
pub(super) fn tally(night: &Night) -> Markup {
    let severities = || night.findings.iter().map(Finding::severity).chain(night.alerts.iter().map(Alert::severity));
    let counts = Severity::ALL.into_iter().rev().map(|level| (level, severities().filter(|own| *own == level).count()));
    html! {
        ul.tally aria-label="Findings by severity" {
            @for (severity, count) in counts.filter(|(_, count)| *count > 0) {
                li { (badge(severity)) " " strong { (count) } }
            }
        }
    }
}

/// A severity with its colour.
pub(super) fn badge(severity: Severity) -> Markup {
    html! { span class={ "badge sev-" (severity.name()) } { (severity.name()) } }
}
