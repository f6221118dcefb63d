//! What was judged again, of this night and in its run of earlier ones, and which nights do not stand any more.

use maud::{Markup, html};

use crate::report::night::{Change, JudgedAgain, Night};
use crate::report::page::tally::badge;
use crate::report::telling::{AGAIN, judged_again, stale};

/// Changes of a night that are listed; its own page has the rest.
const LISTED: usize = 30;

/// The section; nothing where there is nothing to say.
pub(super) fn again(night: &Night) -> Markup {
    let stale = stale(night);
    html! {
        @if !night.again.is_empty() || !stale.is_empty() {
            section #again aria-labelledby="again-title" {
                h2 #again-title { (AGAIN) }
                @for one in &night.again { (of_night(night, one)) }
                @for sentence in &stale { p { bdi { (sentence) } } }
            }
        }
    }
}

fn of_night(night: &Night, again: &JudgedAgain) -> Markup {
    html! {
        p {
            (judged_again(night, again))
            @if again.date != night.date { " " a href={ (again.date) ".html" } { "Its page" } }
        }
        ul {
            @for change in again.changes.iter().take(LISTED) { li { (told(night, again, change)) } }
            @if again.changes.len() > LISTED { li { "and " (again.changes.len() - LISTED) " more" } }
        }
    }
}

fn told(night: &Night, again: &JudgedAgain, change: &Change) -> Markup {
    let page = if again.date == night.date { String::new() } else { format!("{}.html", again.date) };
    html! {
        (badge(change.severity)) " " (change.what) ": "
        @if let Some(place) = &change.place { a href={ (page) "#" (place) } { bdi { (change.sentence) } } }
        @else { bdi { (change.sentence) } }
    }
}
