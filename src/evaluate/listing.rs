//! One by one what the measures count: which insights were false and which labels were missed, and how near each came.
//!
//! Beside each stands the nearest on the other side, with the first thing that keeps the two apart: so one sees whether a threshold, an hour or
//! the labels themselves are to blame. Insights come in the order of their starts, then labels in that of theirs.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::detect::Direction;
use crate::evaluate::label::Label;
use crate::evaluate::matching::{Matches, Verdict, common_seconds, is_of, matches, share_a_bucket};
use crate::evaluate::measure::{SIZES, judged, size};
use crate::evaluate::reported::{Found, Reported};

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Insights about nothing that is known to have happened.
    False,
    /// Labels that no insight found.
    Missed,
    /// Every insight, and every label that none found.
    All,
}

/// What an insight or a label turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Outcome {
    True,
    Repeated,
    Explained,
    False,
    Missed,
}

impl Outcome {
    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::Repeated => "repeated",
            Self::Explained => "explained",
            Self::False => "false",
            Self::Missed => "missed",
        }
    }
}

/// What keeps an insight and a label apart, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// The label was found by another insight.
    FoundAlready,
    /// The insight found another label.
    FoundAnother,
    /// The insight is a side effect of the label's attack.
    SideEffect,
    /// They touch no common hour.
    OtherHours,
    /// One is of more calls, the other of fewer.
    OtherDirection,
    /// The entity of that name belongs to another account.
    OtherAccount,
    /// They have hours in common, and no entity.
    OtherEntity,
}

/// An insight or a label, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    /// The insight's id; labels have none.
    pub id: Option<String>,
    /// The label's kind, or the set of the insight.
    pub what: String,
    /// The label's size, as in [`KindMeasure`](crate::evaluate::measure::KindMeasure).
    pub size: Option<&'static str>,
    /// The family's name.
    pub family: String,
    /// The account, where it is named.
    pub account: Option<String>,
    /// The entity in the form in which entities are compared.
    pub entity: String,
    /// Which way counts went.
    pub direction: Direction,
    /// The first minute.
    pub start: DateTime<Utc>,
    /// One past the last minute.
    pub end: DateTime<Utc>,
    /// Calls in it, where they are told.
    pub observed: Option<i64>,
    /// Calls that were to be expected.
    pub expected: Option<f64>,
    /// The decimal logarithm of the insight's p-value.
    pub log10_p_value: Option<f64>,
    /// The insight's score.
    pub score: Option<f64>,
}

/// The nearest on the other side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nearest {
    /// What it is.
    #[serde(flatten)]
    pub subject: Subject,
    /// Minutes from the end of the earlier to the start of the later, positive where this one is the later; 0 where they overlap.
    pub minutes_away: i64,
    /// What keeps the two apart; nothing for an insight and the label that it found.
    pub apart: Option<Apart>,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// What it turned out to be.
    pub outcome: Outcome,
    /// What it is.
    #[serde(flatten)]
    pub subject: Subject,
    /// The nearest label of an insight, the nearest insight of a label; none where nothing is of this entity or in these hours.
    pub nearest: Option<Nearest>,
}

/// Lists what was reported and what is labelled of the nights that were judged.
pub fn list(reported: &Reported, labels: Vec<Label>, which: Which) -> Vec<Listed> {
    let (labels, _) = judged(reported, labels);
    let found = &reported.found;
    let matches = matches(found, &labels);
    let insights = found.iter().zip(&matches.verdicts).map(|(found, verdict)| insight(found, *verdict, &labels));
    let insights = insights.filter(|listed| match which {
        Which::False => listed.outcome == Outcome::False,
        Which::Missed => false,
        Which::All => true,
    });
    let mut missed: Vec<Listed> = if which == Which::False { Vec::new() } else { missed(found, &labels, &matches) };
    missed.sort_by_key(|listed| listed.subject.start);
    insights.chain(missed).collect()
}

fn insight(found: &Found, verdict: Verdict, labels: &[Label]) -> Listed {
    let beside = |label: &Label, apart| {
        Some(Nearest { subject: of_label(label), minutes_away: minutes_away(found_span(found), span(label)), apart })
    };
    let (outcome, nearest) = match verdict {
        Verdict::True(label) => (Outcome::True, beside(&labels[label], None)),
        Verdict::Repeated(label) => (Outcome::Repeated, beside(&labels[label], Some(Apart::FoundAlready))),
        Verdict::Explained(attack) => {
            let own = labels.iter().filter(|label| label.attack == attack);
            let nearest = own.min_by_key(|label| -common_seconds(found, label));
            (Outcome::Explained, nearest.and_then(|label| beside(label, Some(Apart::SideEffect))))
        }
        Verdict::False => {
            let near = labels.iter().filter_map(|label| Some((nearness(found, label)?, label)));
            let nearest = near.min_by_key(|(nearness, _)| *nearness);
            (Outcome::False, nearest.and_then(|((apart, ..), label)| beside(label, Some(apart))))
        }
    };
    Listed { outcome, subject: of_insight(found), nearest }
}

fn missed(found: &[Found], labels: &[Label], matches: &Matches) -> Vec<Listed> {
    let missed = labels.iter().zip(&matches.found_by).filter(|(_, insight)| insight.is_none());
    let line = |(label, _): (&Label, &Option<usize>)| {
        let near = found.iter().filter_map(|found| Some((nearness(found, label)?, found)));
        let nearest = near.min_by_key(|(nearness, _)| *nearness).map(|((apart, ..), found)| Nearest {
            subject: of_insight(found),
            minutes_away: minutes_away(span(label), found_span(found)),
            apart: Some(apart),
        });
        Listed { outcome: Outcome::Missed, subject: of_label(label), nearest }
    };
    missed.map(line).collect()
}

/// How near an insight and a label come that do not belong together, the nearest least: what keeps them apart, minutes between them, and
/// seconds that they have not in common. `None` where they have neither entity nor hours in common.
fn nearness(found: &Found, label: &Label) -> Option<(Apart, i64, i64)> {
    let same_account = label.account.as_ref().is_none_or(|account| *account == found.account);
    let same_hours = share_a_bucket(found, label);
    let apart = match (is_of(found, label), same_account) {
        (true, true) if found.direction != label.direction() => Apart::OtherDirection,
        (true, true) if same_hours => Apart::FoundAnother,
        (true, true) => Apart::OtherHours,
        (true, false) => Apart::OtherAccount,
        (false, true) if same_hours => Apart::OtherEntity,
        (false, _) => return None,
    };
    Some((apart, minutes_away(found_span(found), span(label)).abs(), -common_seconds(found, label)))
}

type Span = (DateTime<Utc>, DateTime<Utc>);

fn span(label: &Label) -> Span {
    (label.start, label.end)
}

fn found_span(found: &Found) -> Span {
    (found.start, found.end)
}

/// Minutes from one span to another, negative where the other comes before.
fn minutes_away(own: Span, other: Span) -> i64 {
    let after = (other.0 - own.1).num_minutes().max(0);
    let before = (own.0 - other.1).num_minutes().max(0);
    after - before
}

fn of_insight(found: &Found) -> Subject {
    Subject {
        id: Some(found.id.clone()),
        what: found.set.name().to_owned(),
        size: None,
        family: found.family.clone(),
        account: Some(found.account.clone()),
        entity: found.entity.clone(),
        direction: found.direction,
        start: found.start,
        end: found.end,
        observed: found.numbers.observed,
        expected: found.numbers.expected,
        log10_p_value: found.numbers.log10_p_value,
        score: found.numbers.score,
    }
}

fn of_label(label: &Label) -> Subject {
    // What is labelled is what came on top of the expected.
    let observed = label.expected.zip(label.calls).map(|(expected, calls)| expected.round() as i64 + calls);
    Subject {
        id: None,
        what: label.kind.clone(),
        size: Some(SIZES[size(label)].0),
        family: label.family.clone(),
        account: label.account.clone(),
        entity: label.entity.clone(),
        direction: label.direction(),
        start: label.start,
        end: label.end,
        observed,
        expected: label.expected,
        log10_p_value: None,
        score: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::matching::tests::{insight as found, label};

    fn listed(found: Vec<Found>, labels: Vec<Label>, which: Which) -> Vec<Listed> {
        let nights = found.iter().map(|found| found.night).collect();
        list(&Reported { nights, found, entity_days: None }, labels, which)
    }

    /// What keeps an insight about an API from a label about another, and minutes between the two.
    fn apart(own: Found, label: Label) -> Option<(Option<Apart>, i64)> {
        let [line] = &listed(vec![own], vec![label], Which::False)[..] else { panic!("it is not false") };
        line.nearest.as_ref().map(|nearest| (nearest.apart, nearest.minutes_away))
    }

    #[test]
    fn the_first_thing_that_keeps_two_apart_is_told() {
        let own = || found("api", "a/b", 60, 120);
        let said = |label: Label| apart(own(), label);
        assert_eq!(said(label("api", "a/b", 300, 360)), Some((Some(Apart::OtherHours), 180)));
        assert_eq!(
            apart(found("api", "a/b", 600, 660), label("api", "a/b", 300, 360)),
            Some((Some(Apart::OtherHours), -240))
        );
        let fewer = Label { calls: Some(-50), ..label("api", "a/b", 60, 120) };
        assert_eq!(said(fewer), Some((Some(Apart::OtherDirection), 0)));
        let elsewhere = Label { account: Some("another".to_owned()), ..label("api", "a/b", 60, 120) };
        assert_eq!(said(elsewhere), Some((Some(Apart::OtherAccount), 0)));
        assert_eq!(said(label("source_ip", "192.0.2.1", 100, 130)), Some((Some(Apart::OtherEntity), 0)));
        assert_eq!(said(label("api", "c/d", 600, 660)), None, "neither the entity nor the hours");
    }

    #[test]
    fn the_same_entity_is_nearer_than_the_same_hours() {
        let labels = vec![label("api", "c/d", 60, 120), label("api", "a/b", 900, 960), label("api", "a/b", 300, 360)];
        let lines = listed(vec![found("api", "a/b", 60, 120)], labels, Which::False);
        assert_eq!(lines[0].nearest.as_ref().map(|nearest| nearest.minutes_away), Some(180));
    }

    #[test]
    fn every_insight_is_listed_and_every_label_that_none_found() {
        let labels = vec![label("api", "a/b", 60, 120), label("api", "a/b", 100, 160), label("api", "e/f", 60, 120)];
        let insights = vec![found("api", "a/b", 60, 120), found("api", "x/y", 600, 660)];
        let lines = listed(insights.clone(), labels.clone(), Which::All);
        let outcomes: Vec<Outcome> = lines.iter().map(|line| line.outcome).collect();
        assert_eq!(outcomes, [Outcome::True, Outcome::False, Outcome::Missed, Outcome::Missed]);
        let apart = |line: &Listed| line.nearest.as_ref().map(|nearest| nearest.apart);
        let expected = [Some(None), None, Some(Some(Apart::OtherEntity)), Some(Some(Apart::FoundAnother))];
        assert_eq!(lines.iter().map(apart).collect::<Vec<_>>(), expected);
        assert_eq!(listed(insights.clone(), labels.clone(), Which::False).len(), 1);
        assert_eq!(listed(insights, labels, Which::Missed).len(), 2);
    }
}
