//! The page that a security team opens in the morning: one HTML file, made from a [`Night`] alone, that loads nothing.
//!
//! Markup is written with `maud`: a template is a function, the compiler checks it, and every value is escaped unless it says
//! otherwise, which only the page's own script and style do. Charts are SVG of our own, about a hundred lines: no chart library
//! draws an expected band without bringing a script with it. The Content-Security-Policy names the one script and the one style by
//! their hashes, so that nothing else could run, whatever a name holds. One idea a file; [`document`] is the frame.

mod again;
mod alerts;
mod attributions;
mod calendar;
mod chart;
mod command;
mod document;
mod finding;
mod health;
mod incidents;
mod since;
mod tally;
mod tools;

use maud::html;

use crate::report::night::Night;
use crate::report::telling::{long_date, tonight};
use crate::shown::local_day;

pub use document::document;

/// The parts of a page and where they stand.
const SECTIONS: [(&str, &str); 6] = [
    ("incidents", "Incidents"),
    ("alerts", "Alerts"),
    ("since", "Since last night"),
    ("calendar", "Four weeks"),
    ("health", "Health"),
    ("calibration", "Honesty"),
];

/// The page of a night.
pub fn page(night: &Night) -> String {
    let title = format!("Insights of {}", night.date);
    let body = html! {
        a.skip href="#incidents" { "Skip to the incidents" }
        header {
            p.brand { "insights · nightly report" }
            h1 { (long_date(night.date)) }
            div.tonight { @for sentence in tonight(night) { p { (sentence) } } }
            @if let Some(local) = local_day(night.date, night.zone()) { p.quiet { "On this page " (local) "." } }
            (tally::tally(night))
            nav aria-label="Sections" { @for (id, name) in SECTIONS { a href={ "#" (id) } { (name) } " " } }
        }
        main {
            (tools::tools(night))
            div.stories {
                (again::again(night))
                (incidents::incidents(night))
                (alerts::alerts(night))
            }
            div.side {
                (since::since(night))
                (calendar::calendar(night))
                (health::health(night))
                (health::honesty(night))
                (health::how_to_read())
            }
        }
        footer { (footer(night)) }
    };
    document(&title, &body)
}

fn footer(night: &Night) -> maud::Markup {
    html! {
        p {
            "Made by insights "
            @if let Some(record) = &night.record { (record.version) ", settings " code { (record.settings_hash) } }
            ". All times are UTC. This file loads nothing and sends nothing."
        }
    }
}

#[cfg(test)]
mod tests;
