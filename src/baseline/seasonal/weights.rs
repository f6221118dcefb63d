//! How much each hour of an entity's past may teach: odd hours are weighed down, those far too large are given up.
//!
//! The weights are those of [`crate::stats`]; here is which hours share them, and what happens when too many are odd.

use super::Fit;
use crate::baseline::series::Series;
use crate::stats::{NegativeBinomial, full_weight_range, has_full_weight, residual, weight};

/// An hour that keeps less weight than this was far above what is expected of it.
const ODD_WEIGHT: f64 = 0.3;
/// No more than this share of an entity's hours may be given up as anomalous; beyond it, what looks anomalous is its nature.
const MOST_IGNORED: f64 = 0.2;
/// The weight that such an entity's odd hours keep.
const LEAST_WEIGHT: f64 = 0.2;

/// Days with an hour that was given up for being far too large.
pub(super) fn odd_days(series: &Series, fit: &Fit, weights: &[f64]) -> usize {
    let above = |hour: usize| f64::from(series.counts[hour]) > fit.past_mean(series, hour);
    let odd = |hour: usize| series.believed[hour] && weights[hour] < ODD_WEIGHT && above(hour);
    let days = weights.len() / 24;
    (0..days).filter(|day| (day * 24..day * 24 + 24).any(odd)).count()
}

/// The weights of hours with one mean; most are told without a residual.
struct KindWeights {
    expected: NegativeBinomial,
    /// The counts of full weight, where a formula tells.
    full: Option<(f64, f64)>,
    /// Weights worked out before, by count; NaN where none was.
    known: [f64; KNOWN_COUNTS],
}

/// Counts below this are remembered.
const KNOWN_COUNTS: usize = 32;

impl KindWeights {
    fn new(mean: f64, alpha: f64) -> Option<Self> {
        let expected = NegativeBinomial::new(mean, 1.0 / alpha.max(1e-6)).ok()?;
        Some(Self { expected, full: full_weight_range(&expected), known: [f64::NAN; KNOWN_COUNTS] })
    }

    fn weight(&mut self, count: u32) -> f64 {
        if self.full.is_some_and(|(least, most)| (least..=most).contains(&f64::from(count))) {
            return 1.0;
        }
        match self.known.get(count as usize).copied() {
            Some(known) if known.is_nan() => {
                let weight = self.work_out(count);
                self.known[count as usize] = weight;
                weight
            }
            Some(known) => known,
            None => self.work_out(count),
        }
    }

    fn work_out(&self, count: u32) -> f64 {
        let count = u64::from(count);
        match has_full_weight(&self.expected, count) {
            Some(true) => 1.0,
            _ => weight(residual(count, &self.expected), self.expected.mean()),
        }
    }
}

/// Weighs every believed hour by how odd it is; true when too many are odd for any to be given up.
pub(super) fn reweigh(series: &Series, fit: &Fit, weights: &mut [f64]) -> bool {
    let mut kinds: Vec<Option<Option<KindWeights>>> = (0..fit.kinds(series)).map(|_| None).collect();
    let (mut believed, mut ignored) = (0.0, 0.0);
    for hour in (0..series.counts.len()).filter(|&hour| series.believed[hour]) {
        believed += 1.0;
        let kind = &mut kinds[fit.kind(series, hour)];
        let kind = kind.get_or_insert_with(|| KindWeights::new(fit.past_mean(series, hour), fit.alpha[0]));
        weights[hour] = kind.as_mut().map_or(1.0, |kind| kind.weight(series.counts[hour]));
        ignored += f64::from(u8::from(weights[hour] == 0.0));
    }
    let too_many = ignored > MOST_IGNORED * believed;
    if too_many {
        for hour in (0..weights.len()).filter(|&hour| series.believed[hour]) {
            weights[hour] = weights[hour].max(LEAST_WEIGHT);
        }
    }
    too_many
}
