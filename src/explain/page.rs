//! An explanation as a page that needs nothing else: the same that [`super::text`] tells, in the frame of the nightly report.
//!
//! What callers wrote is escaped by construction, and hidden characters in it are shown as marks.

use maud::{Markup, html};

use crate::explain::text::{asked, chart, heading, power_of_ten, span, way};
use crate::explain::{Answer, Explanation};
use crate::insight::sentence_number as number;
use crate::insight::visible::visible;
use crate::report::page::document;

/// Columns of the chart's bars.
const BAR: u16 = 100;

/// The page.
pub fn page(explanation: &Explanation) -> String {
    let title = format!("{} on {}", visible(&explanation.entity), explanation.date);
    let heading = heading(explanation);
    let body = html! {
        header {
            p.brand { "insights · explanation" }
            h1 { (title) }
            @for line in heading.lines() { p { (visible(line)) } }
        }
        main {
            div.stories {
                h2 { "Calls by hour" }
                pre { (chart(explanation, Some(BAR))) }
                h2 { "Was it reported?" }
                @for answer in &explanation.answers { (verdict(answer)) }
                @if let Some(enough) = explanation.enough {
                    p { (number(enough.needed)) " calls in the hour from " (format!("{:02}:00", enough.hour)) " would have been reported; it had " (number(enough.calls)) "." }
                }
                h2 { "Every window that was tested" }
                (windows(explanation))
            }
            div.side {
                @if !explanation.partners.is_empty() { h2 { "Seen with" } (partners(explanation)) }
                @if !explanation.reported.is_empty() { h2 { "Reported as" } }
                @for reported in &explanation.reported { p { code { (reported.id) } " from " (reported.start) " to " (reported.end) } }
            }
        }
    };
    document(&title, &body)
}

fn verdict(answer: &Answer) -> Markup {
    html! {
        h3 { (asked(answer.set)) "? " (if answer.reported { "Yes" } else { "No" }) }
        p { "p " (power_of_ten(answer.log10_p)) ", q " (power_of_ten(answer.log10_q)) @if answer.power < 1.0 { ", p corrected by the replay" } }
        ul { @for gate in &answer.gates {
            li { (if gate.passed { "✓ passed " } else { "✗ stopped by " }) code { (gate.setting) } ": " (gate.says) }
        } }
    }
}

fn windows(explanation: &Explanation) -> Markup {
    html! {
        table {
            thead { tr { @for name in ["window", "calls", "expected", "way", "p", "p, all windows considered"] { th scope="col" { (name) } } } }
            tbody { @for window in &explanation.windows {
                tr {
                    td { (span(window)) }
                    td { (number(window.observed)) }
                    td { (format!("{:.1}", window.expected)) }
                    td { (way(window)) }
                    td { (power_of_ten(window.log10_p)) }
                    td { (power_of_ten(window.log10_corrected_p)) }
                }
            } }
        }
    }
}

fn partners(explanation: &Explanation) -> Markup {
    html! {
        table {
            thead { tr { @for name in ["kind", "name", "calls", "usual a day"] { th scope="col" { (name) } } } }
            tbody { @for partner in &explanation.partners {
                tr {
                    td { (partner.family.replace('_', " ")) }
                    td { (visible(&partner.name)) }
                    td { (number(partner.calls)) }
                    td { (format!("{:.1}", partner.usual)) }
                }
            } }
        }
    }
}
