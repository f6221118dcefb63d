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
use crate::detect::judgement::tests;
use crate::detect::rate::{EntityScore, score_expected};
use crate::detect::select::TestSet;
use crate::stats::{Calibration, benjamini_hochberg};

/// Calibrations by set; a set that was not measured is not in it.
pub type Calibrations = BTreeMap<TestSet, Calibration>;

/// Replays the families and measures each set of tests on counts.
pub fn replay(baselines: &[FamilyBaseline<'_>], thresholds: &Thresholds) -> Calibrations {
    let mut found: BTreeMap<TestSet, Vec<f64>> = BTreeMap::new();
    for baseline in baselines {
        let scores = replay_family(baseline, thresholds);
        for test in tests(0, baseline.history.family, &scores).filter(|test| test.set.is_of_counts()) {
            found.entry(test.set).or_default().push(test.ln_p);
        }
    }
    let measure = |ln_p: Vec<f64>| Calibration::measure(&without_discoveries(ln_p, thresholds));
    found.into_iter().map(|(set, ln_p)| (set, measure(ln_p))).collect()
}

/// Leaves out what would have been a discovery.
pub(super) fn without_discoveries(ln_p: Vec<f64>, thresholds: &Thresholds) -> Vec<f64> {
    let Ok(selection) = benjamini_hochberg(&ln_p, ln_p.len(), thresholds.false_discovery_rate) else { return ln_p };
    ln_p.into_iter().zip(selection.rejected).filter(|(_, discovery)| !discovery).map(|(ln_p, _)| ln_p).collect()
}

fn replay_family(baseline: &FamilyBaseline<'_>, thresholds: &Thresholds) -> Vec<EntityScore> {
    baseline.replayed().ask(|member, day, expected| {
        // A day on which a cap may hide the entity is no quiet day of its.
        let is_known = baseline.window().is_present(day) && !baseline.history.is_hidden(member, day);
        is_known.then(|| score_expected(baseline, thresholds, member, day, expected))
    })
}
