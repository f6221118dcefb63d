//! Replay: the last days scored again as if each were tonight, to see whether p-values are what they claim.
//!
//! *What it does*: entities of every family, a sample of large ones, are fitted without the last seven days and judged on each of
//! these. What is then below 1 in 1000, or 1 in 100 where that is too rare, is compared with what should be; a set that promises
//! too much is corrected by a power ([`Calibration`]). What would have been a discovery is left out of the count, so that a week of
//! attacks does not blind the night after it. *When it is wrong*: anomalies too small to be discoveries look like inflation, and the
//! correction is then more careful than it need be. *Reference*: prequential calibration, Dawid 1984.

use std::collections::BTreeMap;

use crate::baseline::FamilyBaseline;
use crate::detect::Thresholds;
use crate::detect::judgement::{is_errors, of_share, tests};
use crate::detect::rate::{EntityScore, score_expected};
use crate::detect::select::{TestSet, rounded, unranked};
use crate::detect::surge::Surges;
use crate::error::Result;
use crate::stats::{Calibration, benjamini_hochberg};

/// The sets whose tests ask about counts, of which past days can be asked the same.
const OF_COUNTS: [TestSet; 4] = [TestSet::RateUp, TestSet::RateDown, TestSet::Error, TestSet::New];

/// Calibrations by set; a set that was not measured is not in it.
pub type Calibrations = BTreeMap<TestSet, Calibration>;

/// Replays the families and measures each set of tests on their counts, errors by their share of the calls; none where history is too short.
pub(super) fn replay(
    baselines: &[FamilyBaseline<'_>],
    surges: Option<&Surges<'_>>,
    thresholds: &Thresholds,
) -> Result<Calibrations> {
    let mut found: BTreeMap<TestSet, Vec<f64>> = BTreeMap::new();
    for baseline in baselines {
        let surges = surges.filter(|_| is_errors(baseline));
        let scores = replay_family(baseline, surges, thresholds);
        for test in tests(0, baseline.history.family, &scores) {
            found.entry(test.set).or_default().push(test.ln_p);
        }
    }
    if !found.is_empty() {
        for set in OF_COUNTS {
            found.entry(set).or_default();
        }
    }
    found.into_iter().map(|(set, ln_p)| Ok((set, measure(set, ln_p, thresholds)?))).collect()
}

/// How honest the p-values of a set were, without what would have been a discovery.
///
/// # Errors
/// When one of them is none.
pub(super) fn measure(set: TestSet, ln_p: Vec<f64>, thresholds: &Thresholds) -> Result<Calibration> {
    let ln_p: Vec<f64> = ln_p.into_iter().map(rounded).collect();
    let selection = benjamini_hochberg(&ln_p, ln_p.len(), thresholds.false_discovery_rate);
    let rejected = selection.map_err(|error| unranked(set, error))?.rejected;
    let usual = ln_p.into_iter().zip(rejected).filter(|(_, discovery)| !discovery);
    Ok(Calibration::measure(&usual.map(|(ln_p, _)| ln_p).collect::<Vec<_>>()))
}

fn replay_family(
    baseline: &FamilyBaseline<'_>,
    surges: Option<&Surges<'_>>,
    thresholds: &Thresholds,
) -> Vec<EntityScore> {
    baseline.replayed().ask(|member, day, expected| {
        if !baseline.window().is_present(day) {
            return None;
        }
        let score = score_expected(baseline, thresholds, member, day, expected);
        Some(surges.map_or(score, |surges| of_share(surges, member, day, score)))
    })
}
