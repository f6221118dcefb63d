//! How far the night can be trusted: what was read, what was wrong with it, how honest the p-values were.

use maud::{Markup, html};

use crate::report::night::Night;
use crate::report::telling::{honesty as told, input, troubles};

/// Remarks that are shown at first.
const SHOWN: usize = 10;

/// Health of the input.
pub(super) fn health(night: &Night) -> Markup {
    let troubles = troubles(night);
    let items = |from: &[String]| html! { ul.troubles { @for trouble in from { li { bdi { (trouble) } } } } };
    html! {
        section #health aria-labelledby="health-title" {
            h2 #health-title { "Health of the input" }
            @if night.record.is_none() { p { "There is no record of this run." } }
            @else if troubles.is_empty() { p.well { "Nothing was missing, and nothing was set aside." } }
            @else {
                (items(&troubles[..troubles.len().min(SHOWN)]))
                @if troubles.len() > SHOWN {
                    details { summary { "and " (troubles.len() - SHOWN) " more" } (items(&troubles[SHOWN..])) }
                }
            }
            dl.facts { @for (name, value) in input(night) { dt { (name) } dd { (value) } } }
        }
    }
}

/// How well calibrated the night was.
pub(super) fn honesty(night: &Night) -> Markup {
    let sets = told(night);
    html! {
        section #calibration aria-labelledby="calibration-title" {
            h2 #calibration-title { "How honest the numbers are" }
            p.quiet { "Each night judges the seven days before it again; what looks unlikely then should be as rare as promised." }
            @if sets.is_empty() { p { "There was too little history to judge past days again." } }
            @else { dl.facts { @for (set, answer) in &sets { dt { (set) } dd { (answer) } } } }
        }
    }
}

/// What the words on the page mean.
pub(super) fn how_to_read() -> Markup {
    html! {
        section #reading aria-labelledby="reading-title" {
            h2 #reading-title { "How to read this" }
            dl.words {
                dt { "expected" } dd { "what an entity's own history makes likely for these hours; the band holds the central 99 %" }
                dt { "p" } dd { "how likely a day at least this unusual is, if history is all there is to it" }
                dt { "score" } dd { "p on a scale from 0 to 100; changes have the score of their severity" }
                dt { "incident" } dd { "findings that share time and actor; more evidence that agrees ranks higher" }
            }
        }
    }
}
