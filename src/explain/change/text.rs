//! Explained changes for a person at a terminal.

use std::fmt::Write;

use crate::explain::change::{Change, Changes, tables};
use crate::explain::tables::Cells;
use crate::explain::text::table;
use crate::shown::{number, printable};

/// Events of a change that are listed; JSON has more.
const EVENTS: usize = 30;

/// All changes, one after the other; `width` is the terminal's, if there is one.
pub fn text(changes: &Changes, width: Option<u16>) -> String {
    let told: Vec<String> = changes.changes.iter().map(|change| one(change, changes, width)).collect();
    format!("{}\n{}\n", told.join("\n"), printable(&changes.events_from))
}

/// What it is, by whom, and whether it was reported.
pub(super) fn heading(change: &Change, changes: &Changes) -> String {
    let account = if change.account.is_empty() { "no account" } else { &change.account };
    let who = match (&change.principal.name, change.principal.id.as_str()) {
        (_, "") => "someone".to_owned(),
        (Some(name), id) => format!("{} {name} ({id})", change.principal.kind),
        (None, id) => format!("{} {id}", change.principal.kind),
    };
    let what = match change.kind {
        _ if change.is_silence() => "silence after changes of the trail".to_owned(),
        kind => format!("{kind} change"),
    };
    let what = if change.service.is_empty() { what } else { format!("{what} through {}", change.service) };
    format!("{what} by {who} of account {account} on {}", changes.date)
}

/// The insight in a line, if there is one.
pub(super) fn reported(change: &Change) -> Option<String> {
    let told = change.reported.as_ref()?;
    Some(format!(
        "insight {} ({}, {}): {}",
        told.id,
        told.insight_type,
        told.analysis.severity.name(),
        told.analysis.sentence
    ))
}

fn one(change: &Change, changes: &Changes, width: Option<u16>) -> String {
    let mut text = format!("{}\n{}\n", printable(&heading(change, changes)), change.verdict);
    if let Some(reported) = reported(change) {
        let _ = writeln!(text, "{}", printable(&reported));
    }
    let mut add = |cells: &Cells| {
        if !cells.rows.is_empty() {
            let _ = write!(text, "\n{}\n", table(cells, width));
        }
    };
    if change.events.is_empty() {
        add(&tables::attempts(change));
    } else {
        add(&tables::events(change, EVENTS));
    }
    add(&tables::rules(change));
    add(&tables::concerns(change));
    add(&tables::severity(change));
    let left = change.events.len().saturating_sub(EVENTS) as u64 + change.more_events;
    if left > 0 {
        let _ = writeln!(text, "{} more events: --format json, or insights query", number(left));
    }
    let asked = if change.reason.is_some() { "what would have silenced it" } else { "what would have had it reported" };
    let _ = writeln!(text, "{asked}: {}", change.otherwise.join("; or "));
    if let Some(told) = &change.reported {
        let _ = writeln!(text, "its events: {}", printable(&told.analysis.next_query));
    }
    text
}
