//! An explanation as a page that needs nothing else: the same that [`super::text`] tells, in the frame of the nightly report.
//!
//! What callers wrote is escaped by construction, and hidden characters in it are shown as marks.

use maud::{Markup, html};

use crate::explain::Explanation;
use crate::explain::answers::Answer;
use crate::explain::tables::{self, Cells};
use crate::explain::text::{
    absorbed, changes, chart, composed, corrected, heading, left_to_caller, place, power_of_ten,
};
use crate::report::page::document;
use crate::shown::{number, visible};

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
                h2 { "What was expected, and why" }
                p { (composed(explanation)) }
                (table(&tables::layers(explanation)))
                @if let Some(spread) = &explanation.composition.spread { (table(&tables::spread(spread))) }
                @for remark in &explanation.composition.remarks { p { (remark) } }
                h2 { "Was it reported?" }
                @for answer in &explanation.answers { (verdict(answer)) }
                @if let Some(level) = &explanation.absorbed { p { (absorbed(level)) } }
                @for left in &explanation.left_to_callers { p { (visible(&left_to_caller(left))) } }
                @if let Some(enough) = explanation.what_would_be_enough() {
                    p { (number(enough.needed)) " calls in the hour from " (format!("{:02}:00", enough.hour)) " would have been reported; it had " (number(enough.calls)) "." }
                }
                h2 { "Every window that was tested" }
                (table(&tables::windows(explanation, usize::MAX)))
                h2 { "Whom it met for the first time" }
                @if let Some(why) = &explanation.company.left_out { p { "Not asked: " (visible(why)) "." } }
                @if !explanation.company.kinds.is_empty() { (table(&tables::company(explanation))) }
            }
            div.side {
                @if !explanation.partners.is_empty() { h2 { "Seen with" } (table(&tables::partners(explanation))) }
                @if !explanation.reported.is_empty() { h2 { "Reported as" } }
                @if explanation.changes > 0 { p { (visible(&changes(explanation))) } }
                @for reported in &explanation.reported { p { code { (reported.id) } " from " (reported.start) " to " (reported.end) @if reported.is_open { ", not known to be over" } } }
            }
        }
    };
    document(&title, &body)
}

fn verdict(answer: &Answer) -> Markup {
    html! {
        h3 { (answer.asked.words()) "? " (if answer.reported { "Yes" } else { "No" }) }
        p { "p " (power_of_ten(answer.log10_p)) ", " (place(answer)) ", q " (power_of_ten(answer.log10_q)) (corrected(answer)) }
        ul { @for gate in &answer.gates {
            li { (if gate.passed { "✓ passed " } else { "✗ stopped by " }) code { (gate.setting) } ": " (gate.says) }
        } }
    }
}

pub(super) fn table(cells: &Cells) -> Markup {
    html! {
        div.plain { table {
            thead { tr { @for name in &cells.head { th scope="col" { (name) } } } }
            tbody { @for row in &cells.rows { tr { @for cell in row { td { (visible(cell)) } } } } }
        } }
    }
}
