//! Going on with an episode of the night before, or ending it: its numbers and those of this night are one.

use chrono::NaiveDate;

use crate::insight::build::draft::{Subject, moment, rate_type, region};
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::Usual;
use crate::insight::life::course::Rates;
use crate::insight::life::episode::{Running, Same};
use crate::insight::meaning::complete::complete;
use crate::insight::{Insight, Lasting, Life, Measured};

/// Examples that are named.
const EXAMPLES: usize = 10;

/// Puts an episode of the night before and its continuation together.
pub(super) fn go_on(insight: &mut Insight, evidence: &mut Evidence, running: &Running) {
    insight.id = running.id;
    insight.start = running.start;
    let is_within = |day: &&NaiveDate| moment(**day, 0) < insight.end;
    insight.life.left_out = running.left_out.iter().filter(is_within).copied().collect();
    insight.measured.go_on_from(&running.measured);
    let examples = running.examples.iter().chain(&insight.examples).take(EXAMPLES).cloned().collect();
    insight.examples = examples;
    insight.principal_arns.extend(running.principal_arns.clone());
    for (attribute, before) in &running.values {
        let own = &mut evidence.values[attribute];
        for (value, calls) in before {
            *own.entry(value.clone()).or_default() += calls;
        }
    }
    evidence.names.absorb(&running.names_by_principal);
    insight.region = region(evidence);
}

/// Puts an episode that began before the midnight of its day together with what it did there; `usual` are the calls a minute that would have
/// been usual.
pub(super) fn begin_before(insight: &mut Insight, evidence: &mut Evidence, usual: f64) {
    let Some(eve) = evidence.eve.take() else { return };
    insight.start = moment(insight.date, -(evidence.before as i64));
    insight.measured.observed += eve.calls();
    insight.measured.errors += eve.errors;
    insight.measured.expected += usual * evidence.before as f64;
    let examples = eve.examples.iter().map(|(_, id)| id).chain(&insight.examples).take(EXAMPLES).cloned().collect();
    insight.examples = examples;
    insight.principal_arns.extend(eve.principal_arns.clone());
    evidence.absorb(*eve);
    insight.region = region(evidence);
}

/// An episode of the night before that no deviation goes on with, which is over, or its entity's level by now, or kept open by its story;
/// its life tells which. With what the events told of all of it.
pub(super) fn left_insight(
    (family, key, direction): &Same,
    (running, rates): (&Running, Rates),
    (evidence, usual): (&Evidence, &Usual),
    life: Life,
    date: NaiveDate,
) -> (Insight, Evidence) {
    let mut evidence = evidence.clone();
    let expected = rates.usual * evidence.span.1 as f64;
    let (expected_lower, expected_upper) = running.measured.band_of_more(expected);
    let counted = Measured::counted(&evidence);
    let subject = Subject {
        id: running.id,
        insight_type: rate_type(*family),
        account: running.account.clone(),
        family: *family,
        fields: match &running.fields[..] {
            [] => key.fields().skip(1).map(str::to_owned).collect(),
            known => known.to_vec(),
        },
        object: running.object.clone(),
    };
    let mut insight = Insight {
        direction: *direction,
        model: running.model,
        start: running.start,
        end: if evidence.span.1 == 0 { running.end } else { moment(date, evidence.span.1 as i64) },
        measured: Measured { expected, expected_lower, expected_upper, ..counted },
        ended: life.lasting != Lasting::KeptOpen,
        life,
        ..subject.draft(&evidence, date)
    };
    go_on(&mut insight, &mut evidence, running);
    complete(&mut insight, &evidence, usual);
    (insight, evidence)
}
