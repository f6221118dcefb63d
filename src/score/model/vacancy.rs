//! Series that are sometimes empty for a reason of their own: off, not collected, closed.
//!
//! Such buckets say nothing about the level, and another one is no surprise. Whether a series is of that kind is decided by
//! which of two explanations of its past is likelier; a single outage never suffices.

use super::design::Design;
use super::shape::{PastCounts, Shape};
use crate::stats::ln_negative_binomial;

/// Stretches of empty buckets from which on being empty may be the series' nature.
const STRETCHES: usize = 3;
/// Mean of the other buckets below which empty ones are nothing special.
const MIN_MEAN: f64 = 4.0;
/// How much likelier, in log units, a reason of their own must be.
const EVIDENCE: f64 = 6.0;
/// The most, in log units, that one bucket can say against an explanation.
const MOST_AGAINST: f64 = 12.0;
/// Rounds of telling vacant buckets from empty ones.
const ROUNDS: usize = 2;

/// The share of vacant buckets, and which they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Vacancy {
    /// Share of buckets that are vacant.
    pub(super) share: f64,
    /// How much each bucket of the past says about the level: 0 in gaps, little where it is probably vacant.
    pub(super) telling: Vec<f64>,
}

/// Learns the shape, and whether some buckets are vacant.
pub(super) fn learn(design: &Design, past: &PastCounts<'_>, earlier: Option<&Shape>) -> (Shape, Vacancy) {
    let plain = Shape::learn(design, past, earlier);
    let none = Vacancy { share: 0.0, telling: past.present.to_vec() };
    if !eligible(past) {
        return (plain, none);
    }
    let is_empty = |index: usize| past.present[index] > 0.0 && past.counts[index] == 0.0;
    let mut vacancy = none.clone();
    (0..past.counts.len()).filter(|&index| is_empty(index)).for_each(|index| vacancy.telling[index] = 0.0);
    let buckets: f64 = past.present.iter().sum();
    let mut shape = None;
    for _ in 0..ROUNDS {
        vacancy.share = (buckets - vacancy.telling.iter().sum::<f64>() + 0.5) / (buckets + 1.0);
        let visible = PastCounts { range: past.range.clone(), counts: past.counts, present: &vacancy.telling };
        let fitted = Shape::learn(design, &visible, shape.as_ref());
        for index in (0..past.counts.len()).filter(|&index| is_empty(index)) {
            vacancy.telling[index] = past.present[index] * occupied(&fitted, index, vacancy.share);
        }
        shape = Some(fitted);
    }
    match shape {
        Some(shape) if likelihood(&shape, past, vacancy.share) > likelihood(&plain, past, 0.0) + EVIDENCE => {
            (shape, vacancy)
        }
        _ => (plain, none),
    }
}

/// Whether there are enough stretches of empty buckets among ones that are not small.
fn eligible(past: &PastCounts<'_>) -> bool {
    let (mut stretches, mut inside, mut total, mut positive) = (0, false, 0.0, 0.0);
    for (&count, &present) in past.counts.iter().zip(past.present) {
        if present == 0.0 {
            continue;
        }
        stretches += usize::from(count == 0.0 && !inside);
        inside = count == 0.0;
        total += count;
        positive += f64::from(u8::from(count > 0.0));
    }
    stretches >= STRETCHES && total >= MIN_MEAN * positive
}

/// Probability that an empty bucket is not vacant.
fn occupied(shape: &Shape, index: usize, share: f64) -> f64 {
    let empty = (1.0 - share) * ln_probability(shape, index, 0.0).exp();
    empty / (share + empty)
}

fn ln_probability(shape: &Shape, index: usize, count: f64) -> f64 {
    let mean = shape.means[index];
    ln_negative_binomial(count, mean, shape.dispersion.inverse_size(mean))
}

fn likelihood(shape: &Shape, past: &PastCounts<'_>, share: f64) -> f64 {
    let of = |index: usize| {
        let count = past.counts[index];
        let counted = (1.0 - share) * ln_probability(shape, index, count).exp();
        let vacant = if count == 0.0 { share } else { 0.0 };
        (counted + vacant).ln().max(-MOST_AGAINST)
    };
    (0..past.counts.len()).filter(|&index| past.present[index] > 0.0).map(of).sum()
}
