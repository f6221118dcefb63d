//! Explained changes as a page that needs nothing else: the same that [`super::text`] tells, in the frame of the nightly report.

use maud::{Markup, html};

use crate::explain::change::text::{heading, reported};
use crate::explain::change::{Change, Changes, tables};
use crate::explain::page::table;
use crate::report::page::document;
use crate::shown::{number, visible};

/// The page.
pub fn page(changes: &Changes) -> String {
    let title = format!("Changes on {}", changes.date);
    let body = html! {
        header {
            p.brand { "insights · explanation" }
            h1 { (title) }
            p { (visible(&changes.events_from)) }
        }
        main { div.stories { @for change in &changes.changes { (one(change, changes)) } } }
    };
    document(&title, &body)
}

fn one(change: &Change, changes: &Changes) -> Markup {
    let title = heading(change, changes);
    html! {
        h2 { (visible(&title)) }
        p { (change.verdict) }
        @if let Some(reported) = reported(change) { p { (visible(&reported)) } }
        h3 { "What happened" }
        @if change.events.is_empty() { (table(&tables::attempts(change))) }
        @else { (table(&tables::events(change, usize::MAX))) }
        @if change.more_events > 0 { p { (number(change.more_events)) " more events are not listed." } }
        h3 { "Which rule reports it" }
        (table(&tables::rules(change)))
        @if !change.concerns.is_empty() { h3 { "What makes it serious" } (table(&tables::concerns(change))) }
        @if !change.severity.is_empty() { h3 { "How its severity comes about" } (table(&tables::severity(change))) }
        h3 { (if change.reason.is_some() { "What would have silenced it" } else { "What would have had it reported" }) }
        ul { @for other in &change.otherwise { li { (other) } } }
        @if let Some(told) = &change.reported { p { "Its events: " code { (visible(&told.analysis.next_query)) } } }
    }
}
