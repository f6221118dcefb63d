//! The tables of explained changes as rows of cells, for a terminal and for a page alike. Cells hold what callers wrote as they wrote it:
//! whoever shows them cleans them.

use crate::explain::change::{Change, Event};
use crate::explain::tables::{Cells, named};
use crate::place::Place;
use crate::shown::number;

/// Characters of a request that a cell holds.
const REQUEST: usize = 300;

/// What was done, API by API; that is all there is without events.
pub(super) fn attempts(change: &Change) -> Cells {
    let row = |api: &crate::explain::change::Attempts| [api.api.clone(), number(api.calls), number(api.errors)];
    Cells::new(["API", "attempts", "failed"], change.apis.iter().map(row))
}

/// The events; so many at most.
pub(super) fn events(change: &Change, most: usize) -> Cells {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let row = |event: &Event| {
        let request = text(&event.request_parameters);
        let cut: String = request.chars().take(REQUEST).collect();
        let cut = if cut.len() < request.len() { cut + "…" } else { cut };
        [
            text(&event.time),
            event.api.clone(),
            text(&event.name),
            named(&text(&event.source_ip_address), event.place.as_ref().map(Place::shown).as_deref()),
            text(&event.access_key_id),
            event.outcome.clone(),
            cut,
        ]
    };
    let head = ["time", "API", "by", "from", "AccessKey", "outcome", "what was asked for"];
    Cells::new(head, change.events.iter().take(most).map(row)).whole(&["time", "from", "AccessKey"])
}

/// What was asked, and the answers.
pub(super) fn rules(change: &Change) -> Cells {
    let decides = change.rules.iter().position(|rule| rule.met);
    let row = |(place, rule): (usize, &crate::explain::change::Rule)| {
        let answer = match (rule.met, decides == Some(place)) {
            (true, true) => "yes, and so reported",
            (true, false) => "yes",
            (false, _) => "no",
        };
        [rule.rule.to_owned(), answer.to_owned(), rule.says.clone()]
    };
    Cells::new(["rule", "met", "what was found"], change.rules.iter().enumerate().map(row))
}

/// What makes it serious.
pub(super) fn concerns(change: &Change) -> Cells {
    let row = |said: &crate::explain::change::Said| {
        let grave = if said.grave { "a level more" } else { "a level more, up to high" };
        [said.words.to_owned(), grave.to_owned(), said.says.clone()]
    };
    Cells::new(["what makes it serious", "raises the severity by", "what says so"], change.concerns.iter().map(row))
}

/// How the severity comes about.
pub(super) fn severity(change: &Change) -> Cells {
    let row = |step: &crate::insight::meaning::severity::Step| [step.severity.name().to_owned(), step.why.to_owned()];
    Cells::new(["severity", "because"], change.severity.iter().map(row))
}
