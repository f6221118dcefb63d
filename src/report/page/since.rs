//! What is new since the night before, what goes on, what came again, what is over.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::report::night::{NewLevel, Night};
use crate::report::telling::short_date;

/// Entries of a list that are shown at first.
const SHOWN: usize = 8;
/// Entries that are there at all; the incidents hold the rest.
const LISTED: usize = 60;

/// The section.
pub(super) fn since(night: &Night) -> Markup {
    let (since, findings) = (&night.since, &night.findings);
    let link = |number: &usize| html! { a href={ "#insight-" (findings[*number].id) } { bdi { (findings[*number].sentence) } } };
    let links = |numbers: &BTreeSet<usize>| numbers.iter().map(link).collect::<Vec<Markup>>();
    let mut over = links(&since.over);
    let levels = night.record.iter().flat_map(|record| &record.new_levels);
    let closed = night.record.iter().flat_map(|record| &record.over);
    over.extend(closed.map(|closed| html! { bdi { (closed.sentence) } }));
    let (known, unknown): (Vec<&NewLevel>, Vec<&NewLevel>) = levels.partition(|level| level.known);
    let told = |levels: &[&NewLevel]| levels.iter().map(|level| html! { bdi { (level.sentence) } }).collect::<Vec<_>>();
    let before = since.compared_with.unwrap_or(night.date);
    over.extend(since.gone.iter().map(|finding| {
        html! { a href={ (before) ".html#insight-" (finding.id) } { bdi { (finding.sentence) } } ", the night before" }
    }));
    html! {
        section #since aria-labelledby="since-title" {
            h2 #since-title { "Since the night before" }
            @match since.compared_with {
                Some(before) => p.quiet { "Compared with " (short_date(before)) "." },
                None => p.quiet { "The night before was not judged: everything counts as new." },
            }
            (list("New", &links(&since.new)))
            (list("Going on", &links(&since.going_on)))
            (list("Again", &links(&since.again)))
            (list("Going on at a new level", &told(&known)))
            @if !unknown.is_empty() { (list("Not known", &told(&unknown))) }
            (list("Over, or quiet again", &over))
        }
    }
}

fn list(name: &str, entries: &[Markup]) -> Markup {
    let items = |entries: &[Markup]| html! { ul { @for entry in entries { li { (entry) } } } };
    html! {
        h3 { (name) " " span.count { (entries.len()) } }
        @if !entries.is_empty() { (items(&entries[..entries.len().min(SHOWN)])) }
        @if entries.len() > SHOWN {
            @let listed = &entries[SHOWN..entries.len().min(LISTED)];
            details {
                summary { "and " (entries.len() - SHOWN) " more" }
                (items(listed))
                @if entries.len() > LISTED { p.quiet { "and " (entries.len() - LISTED) " more, among the incidents" } }
            }
        }
    }
}
