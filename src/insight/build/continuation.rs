//! Going on with an episode of the night before, or ending it: its numbers and those of this night are one.

use chrono::NaiveDate;

use crate::insight::build::draft::{Subject, moment, rate_type, region};
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::Usual;
use crate::insight::life::course::Rates;
use crate::insight::life::episode::{Running, Same};
use crate::insight::meaning::complete::complete;
use crate::insight::{Insight, Lasting, Life};

/// Examples that are named.
const EXAMPLES: usize = 10;

/// Puts an episode of the night before and its continuation together.
pub(super) fn go_on(insight: &mut Insight, evidence: &mut Evidence, running: &Running) {
    insight.id = running.id;
    insight.start = running.start;
    let is_within = |day: &&NaiveDate| moment(**day, 0) < insight.end;
    insight.life.left_out = running.left_out.iter().filter(is_within).copied().collect();
    insight.observed += running.observed;
    insight.errors += running.errors;
    insight.expected += running.expected;
    insight.expected_lower += running.expected_lower;
    insight.expected_upper += running.expected_upper;
    insight.ln_p = insight.ln_p.min(running.ln_p);
    insight.ln_q = insight.ln_q.into_iter().chain(running.ln_q).reduce(f64::min);
    insight.score = insight.score.max(running.score);
    insight.baseline_average = running.baseline_average;
    insight.days_known = running.days_known;
    insight.days_hidden = running.days_hidden;
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
    insight.observed += eve.calls();
    insight.errors += eve.errors;
    insight.expected += usual * evidence.before as f64;
    let examples = eve.examples.iter().map(|(_, id)| id).chain(&insight.examples).take(EXAMPLES).cloned().collect();
    insight.examples = examples;
    insight.principal_arns.extend(eve.principal_arns.clone());
    evidence.absorb(*eve);
    insight.region = region(evidence);
}

/// What a few more minutes add to the band of an episode. Nobody judged them, so it grows as the expected count does.
fn band_of_more(running: &Running, expected: f64) -> (u64, u64) {
    if running.expected <= 0.0 {
        return (0, 0);
    }
    let share = expected / running.expected;
    ((running.expected_lower as f64 * share).floor() as u64, (running.expected_upper as f64 * share).ceil() as u64)
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
    let (expected_lower, expected_upper) = band_of_more(running, expected);
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
        expected,
        expected_lower,
        expected_upper,
        ln_p: running.ln_p,
        ln_q: running.ln_q,
        score: running.score,
        baseline_average: running.baseline_average,
        days_known: running.days_known,
        ended: life.lasting != Lasting::KeptOpen,
        life,
        ..subject.draft(&evidence, date)
    };
    go_on(&mut insight, &mut evidence, running);
    complete(&mut insight, &evidence, usual);
    (insight, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_grows_with_what_is_expected() {
        let evidence = Evidence::default();
        let mut insight = crate::insight::example::rate();
        (insight.expected, insight.expected_lower, insight.expected_upper) = (8.0, 3, 13);
        let running = Running::of(&insight, insight.end, 0.1, &evidence);
        assert_eq!(band_of_more(&running, 8.0), (3, 13), "as much again is as wide again");
        assert_eq!(band_of_more(&running, 2.0), (0, 4), "never narrower than it should be");
        assert_eq!(band_of_more(&running, 0.0), (0, 0));
        assert_eq!(band_of_more(&Running { expected: 0.0, ..running }, 1.0), (0, 0));
    }
}
