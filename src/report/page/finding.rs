//! One finding: its sentence, who and where and when, its chart, how unusual it is, what to do next.
//!
//! Everything about it is on one screen, its sentence first; what fewer readers ask for is a click away. The words are those of
//! [`telling`](crate::report::telling): here is only how they are laid out.

use maud::{Markup, html};

use crate::report::night::{Finding, Night};
use crate::report::page::attributions::attributions;
use crate::report::page::chart::chart;
use crate::report::page::command::command;
use crate::report::page::tally::badge;
use crate::report::telling::{commands, facts, steps, type_words, unusual};

/// How much of a finding is shown at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Open,
    /// Its sentence; the rest, with a chart, a click away.
    Folded,
    /// Its sentence; the rest, without chart and attributions, a click away.
    Compact,
}

/// The finding.
pub(super) fn finding(night: &Night, number: usize, form: Form) -> Markup {
    let own = &night.findings[number];
    let id = format!("insight-{}", own.id);
    let severity = own.severity() as u8;
    html! {
        @if form == Form::Open {
            article.finding id=(id) data-severity=(severity) data-type=(own.insight_type) {
                h4 { bdi { (own.sentence) } }
                (about(night, number))
                (body(night, own, form))
            }
        } @else {
            details.finding id=(id) data-severity=(severity) data-type=(own.insight_type) {
                summary { (badge(own.severity())) " " bdi { (own.sentence) } }
                (about(night, number))
                (body(night, own, form))
            }
        }
    }
}

fn about(night: &Night, number: usize) -> Markup {
    let own = &night.findings[number];
    html! {
        p.about {
            (badge(own.severity()))
            " " (type_words(&own.insight_type))
            " · score " (format!("{:.0}", own.score))
            " · " (night.since.standing(number).name())
            " · " a href={ "#insight-" (own.id) } { "link to this finding" }
        }
    }
}

fn body(night: &Night, own: &Finding, form: Form) -> Markup {
    html! {
        div.what {
            dl.facts { @for (name, known) in facts(own, night) { dt { (name) } dd { bdi { (known) } } } }
            @if form != Form::Compact { (chart(own)) }
        }
        p.unusual { strong { "How unusual: " } (unusual(own)) }
        @if form != Form::Compact { (attributions(own)) }
        div.next {
            p { strong { "What to do next" } }
            ol { @for step in steps(own) { li { (step) } } }
            @for (about, text) in commands(own) { (command(about, &text)) }
        }
        @if form != Form::Compact { (examples(own)) }
    }
}

fn examples(own: &Finding) -> Markup {
    html! {
        @if !own.examples.is_empty() {
            details.examples {
                summary { "Ids of some of its events" }
                p { @for id in &own.examples { code { (id) } " " } }
            }
        }
    }
}
