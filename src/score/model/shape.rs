//! The usual mean of every bucket, learnt from a window of the past: level, season and, for long seasons, trend.
//!
//! Past anomalies are weighed down before anything is learnt from them, and what is seldom seen is drawn towards what is
//! common: a slot towards its coarser slot, a harmonic and a trend towards none. How far the recent level has left the
//! shape is a matter of [`super::track`].

use std::ops::Range;

use super::design::{Design, Grouping};
use crate::stats::log_linear::{LogLinear, MAX_COLUMNS, Ridge};
use crate::stats::{
    DROP_MIN_MEAN, ExcessEvidence, NegativeBinomial, Overdispersion, VarianceForm, ln_negative_binomial, residual,
    weight,
};

/// The power of a robust weight in the estimate of the variance, where deviations enter squared. A long season is learnt from
/// few counts, among which half an anomaly shows; short ones have many, and days that differ are their nature.
const STRICT: i32 = 4;
const LENIENT: i32 = 1;
/// Passes of weighing and fitting.
const PASSES: usize = 3;
/// Rounds over the groupings in a pass.
const ROUNDS: usize = 2;
/// Relative standard deviation of a slot's factor that a season starts from.
const USUAL_SPREAD: f64 = 0.3;
/// Buckets that a slot must have been seen in: what was seen once or twice may as well be chance.
const TELLING: f64 = 3.0;
/// Bounds of the variance of a season's factors.
const LEAST_SPREAD: f64 = 1e-4;
/// Squared deviations, in variances, below which a bucket is not odd whatever the exact residual.
const NEVER_ODD: f64 = 3.0;
/// No more than this share of buckets may be given up; beyond it, what looks anomalous is the series' nature.
const MOST_IGNORED: f64 = 0.2;
/// The weight that odd buckets keep then.
const LEAST_WEIGHT: f64 = 0.2;
/// Standard deviations of the prior of a trend, in log units a season, and of the first harmonic; the k-th has 1/k^2 of it.
const TREND_SPREAD: f64 = 0.4;
const HARMONIC_SPREAD: f64 = 0.7;
/// Standard deviation of the prior of the log level.
const LEVEL_SPREAD: f64 = 3.0;

/// Past counts as the fit sees them; gaps have weight 0.
pub(super) struct PastCounts<'a> {
    /// The buckets they are of.
    pub(super) range: Range<usize>,
    /// Counts, one a bucket of the range.
    pub(super) counts: &'a [f64],
    /// 1 where there is a count, 0 in gaps.
    pub(super) present: &'a [f64],
}

/// A learnt shape.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    model: Model,
    /// Robust weights of the window's buckets.
    pub(super) weights: Vec<f64>,
    /// Usual means of the window's buckets.
    pub(super) means: Vec<f64>,
    /// Overdispersion around the shape.
    pub(super) dispersion: Overdispersion,
    /// Effective number of parameters.
    pub(super) parameters: f64,
    /// The power of the weights in estimates of the variance.
    pub(super) strictness: i32,
}

#[derive(Debug, Clone)]
enum Model {
    Slots { level: f64, level_variance: f64, factors: Vec<Factors> },
    Harmonics { period: f64, fit: Box<LogLinear> },
}

#[derive(Debug, Clone)]
struct Factors {
    factor: Vec<f64>,
    relative_variance: Vec<f64>,
}

impl Shape {
    /// Learns a shape; `earlier` is where the search starts.
    pub(super) fn learn(design: &Design, past: &PastCounts<'_>, earlier: Option<&Self>) -> Self {
        let usual = Overdispersion { form: design.usual_form(), excess: 0.3 };
        let dispersion = earlier.map_or(usual, |earlier| earlier.dispersion);
        // What was odd to the earlier shape is kept away from the start, or it would make room for itself in the new one.
        let foreseen = |earlier: &Self| {
            let means: Vec<f64> = past.range.clone().map(|bucket| earlier.mean(design, bucket)).collect();
            robust_weights(design, past, &means, dispersion)
        };
        let weights = earlier.map_or_else(|| past.present.to_vec(), foreseen);
        let mut shape = Self::fit(design, past, weights, dispersion, earlier);
        for _ in 1..PASSES {
            let weights = robust_weights(design, past, &shape.means, shape.dispersion);
            shape = Self::fit(design, past, weights, shape.dispersion, Some(&shape));
        }
        shape
    }

    /// The usual mean of a bucket.
    pub(super) fn mean(&self, design: &Design, bucket: usize) -> f64 {
        match (&self.model, design) {
            (Model::Slots { level, factors, .. }, Design::Slots(groupings)) => {
                let factor =
                    |(factors, grouping): (&Factors, &Grouping)| factors.factor[usize::from(grouping.slot_of[bucket])];
                level * factors.iter().zip(groupings).map(factor).product::<f64>()
            }
            (Model::Harmonics { period, fit }, _) => fit.mean(&Design::row(*period, bucket)),
            _ => 0.0,
        }
    }

    /// How unsure the usual mean is: its variance over its square.
    pub(super) fn relative_variance(&self, design: &Design, bucket: usize) -> f64 {
        match (&self.model, design) {
            (Model::Slots { level_variance, factors, .. }, Design::Slots(groupings)) => {
                let variance = |(factors, grouping): (&Factors, &Grouping)| {
                    factors.relative_variance[usize::from(grouping.slot_of[bucket])]
                };
                level_variance + factors.iter().zip(groupings).map(variance).sum::<f64>()
            }
            (Model::Harmonics { period, fit }, _) => fit.relative_variance(&Design::row(*period, bucket)),
            _ => 0.0,
        }
    }

    /// `n / (n - parameters)`: what squared deviations lack because the means were fitted to them.
    pub(super) fn correction(&self) -> f64 {
        let buckets: f64 = self.weights.iter().sum();
        if buckets > 2.0 * self.parameters { buckets / (buckets - self.parameters) } else { 2.0 }
    }

    /// The average mean of the window's buckets, as they are weighed.
    pub(super) fn level(&self) -> f64 {
        let (total, weight) = self
            .means
            .iter()
            .zip(&self.weights)
            .fold((0.0, 1e-9), |(total, sum), (mean, weight)| (total + mean * weight, sum + weight));
        total / weight
    }

    fn fit(
        design: &Design,
        past: &PastCounts<'_>,
        weights: Vec<f64>,
        dispersion: Overdispersion,
        earlier: Option<&Self>,
    ) -> Self {
        let mut shape = match design {
            Design::Slots(groupings) => Self::fit_slots(groupings, past, weights, dispersion),
            Design::Harmonics(period) => Self::fit_harmonics(*period, past, weights, dispersion, earlier),
        };
        let strictness = shape.strictness;
        let correction = shape.correction() / consistency(shape.level(), dispersion, strictness);
        let mut evidence = ExcessEvidence::new(dispersion);
        for (index, &mean) in shape.means.iter().enumerate() {
            evidence.add(past.counts[index], mean, shape.weights[index].powi(strictness), correction, 0.0);
        }
        shape.dispersion = evidence.estimate(0.3, 1.0, 0.0);
        shape
    }

    fn fit_harmonics(
        period: f64,
        past: &PastCounts<'_>,
        weights: Vec<f64>,
        dispersion: Overdispersion,
        earlier: Option<&Self>,
    ) -> Self {
        let start = match earlier.map(|earlier| &earlier.model) {
            Some(Model::Harmonics { fit, .. }) => Some(fit.as_ref()),
            _ => None,
        };
        let rows: Vec<_> = past.range.clone().map(|bucket| Design::row(period, bucket)).collect();
        let total: f64 = past.counts.iter().zip(&weights).map(|(count, weight)| count * weight).sum();
        let ridge = ridge((total + 0.5) / (weights.iter().sum::<f64>() + 1.0));
        let observations: Vec<_> =
            (0..rows.len()).map(|index| (rows[index], past.counts[index], weights[index])).collect();
        let fit = LogLinear::fit(&observations, &ridge, 1.0 + dispersion.excess, start);
        let means: Vec<f64> = rows.iter().map(|row| fit.mean(row)).collect();
        let leverage = |index: usize| {
            weights[index] * means[index] / (1.0 + dispersion.excess) * fit.relative_variance(&rows[index])
        };
        let parameters = (0..rows.len()).map(leverage).sum();
        Self {
            model: Model::Harmonics { period, fit: Box::new(fit) },
            weights,
            means,
            dispersion,
            parameters,
            strictness: STRICT,
        }
    }

    /// Level and factors in turns, each a gamma posterior given the others.
    ///
    /// ```text
    /// factor[s] = (1/t^2 + sum w y/d) / (1/t^2 + sum w m/d),   d = V/m
    /// t^2       = max(0, sum_s [(Y_s - M_s)^2 - M_s]) / sum_s M_s^2, with one average slot's worth of 0.3^2
    /// ```
    fn fit_slots(groupings: &[Grouping], past: &PastCounts<'_>, weights: Vec<f64>, dispersion: Overdispersion) -> Self {
        let mut means = vec![1.0; past.counts.len()];
        let mut level = 1.0;
        let mut level_variance = 1.0;
        let mut factors: Vec<Factors> = groupings
            .iter()
            .map(|grouping| Factors { factor: vec![1.0; grouping.slots], relative_variance: vec![0.0; grouping.slots] })
            .collect();
        let mut parameters = 1.0;
        for round in 0..=ROUNDS {
            // The first level is a plain mean: before it, no bucket's variance is known.
            let deflate = |mean: f64| if round == 0 { 1.0 } else { dispersion.variance(mean) / mean };
            let (mut counted, mut expected) = (0.1, 0.0);
            for (index, &mean) in means.iter().enumerate() {
                let information = weights[index] / deflate(mean);
                counted += information * past.counts[index];
                expected += information * mean;
            }
            let ratio = counted / (expected + 1e-9);
            level *= ratio;
            level_variance = (counted + 0.4).recip();
            for mean in &mut means {
                *mean = (*mean * ratio).max(1e-9);
            }
            if round == ROUNDS {
                break;
            }
            parameters = 1.0;
            for (grouping, factors) in groupings.iter().zip(&mut factors) {
                parameters += factors.refit(grouping, past, &weights, dispersion, &mut means);
            }
        }
        Self {
            model: Model::Slots { level, level_variance, factors },
            weights,
            means,
            dispersion,
            parameters,
            strictness: LENIENT,
        }
    }
}

/// A slot most of whose buckets are odd is a habit that the shape has still to learn, and no anomaly.
fn believe_habits(finest: &Grouping, past: &PastCounts<'_>, weights: &mut [f64]) {
    let slots = &finest.slot_of[past.range.clone()];
    let mut seen = vec![(0.0, 0.0); finest.slots];
    for (index, &slot) in slots.iter().enumerate() {
        let (visits, odd) = &mut seen[usize::from(slot)];
        *visits += past.present[index];
        *odd += past.present[index] * f64::from(u8::from(weights[index] < 0.5));
    }
    for (index, &slot) in slots.iter().enumerate() {
        let (visits, odd) = seen[usize::from(slot)];
        if visits >= 2.0 && 2.0 * odd > visits {
            weights[index] = past.present[index];
        }
    }
}

/// Weighs every bucket by how odd it is.
fn robust_weights(design: &Design, past: &PastCounts<'_>, means: &[f64], dispersion: Overdispersion) -> Vec<f64> {
    let weigh = |(index, &mean): (usize, &f64)| past.present[index] * oddness(past.counts[index], mean, dispersion);
    let mut weights: Vec<f64> = means.iter().enumerate().map(weigh).collect();
    if let Design::Slots(groupings) = design {
        groupings.last().into_iter().for_each(|finest| believe_habits(finest, past, &mut weights));
    }
    let present: f64 = past.present.iter().sum();
    let ignored: f64 =
        weights.iter().zip(past.present).filter(|(weight, _)| **weight == 0.0).map(|(_, present)| present).sum();
    if ignored > MOST_IGNORED * present {
        let kept = |(weight, present): (&mut f64, &f64)| *weight = weight.max(LEAST_WEIGHT * present);
        weights.iter_mut().zip(past.present).for_each(kept);
    }
    weights
}

impl Factors {
    /// The factors given everything else; the means follow. Gives the parameters that were spent.
    fn refit(
        &mut self,
        grouping: &Grouping,
        past: &PastCounts<'_>,
        weights: &[f64],
        dispersion: Overdispersion,
        means: &mut [f64],
    ) -> f64 {
        let slots = &grouping.slot_of[past.range.clone()];
        let mut sums = vec![SlotSum::default(); grouping.slots];
        for (index, &slot) in slots.iter().enumerate() {
            let mean = means[index];
            let information = weights[index] * mean / dispersion.variance(mean);
            let sum = &mut sums[usize::from(slot)];
            sum.visits += weights[index];
            sum.counted += information * past.counts[index];
            sum.expected += information * mean / self.factor[usize::from(slot)];
        }
        let spread = spread(&sums);
        let strength = spread.recip();
        let mut parameters = 0.0;
        let mut change = vec![1.0; grouping.slots];
        for (slot, sum) in sums.iter().enumerate() {
            let known = sum.visits >= TELLING;
            let (counted, expected) = if known { (sum.counted, sum.expected) } else { (0.0, 0.0) };
            let factor = (strength + counted) / (strength + expected);
            change[slot] = factor / self.factor[slot];
            self.factor[slot] = factor;
            self.relative_variance[slot] = (strength + counted).recip();
            parameters += expected / (strength + expected);
        }
        slots.iter().zip(means).for_each(|(&slot, mean)| *mean = (*mean * change[usize::from(slot)]).max(1e-9));
        parameters
    }
}

/// What a slot has seen.
#[derive(Debug, Clone, Copy, Default)]
struct SlotSum {
    visits: f64,
    counted: f64,
    expected: f64,
}

/// The priors of level, trend and harmonics, around a plain mean.
fn ridge(level: f64) -> Vec<Ridge> {
    let around = |center: f64, spread: f64| Ridge { center, precision: spread.powi(-2) };
    let harmonic = |column: usize| {
        let number = (column / 2) as f64;
        around(0.0, HARMONIC_SPREAD / (number * number))
    };
    let fixed = [around(level.ln(), LEVEL_SPREAD), around(0.0, TREND_SPREAD)];
    fixed.into_iter().chain((fixed.len()..MAX_COLUMNS).map(harmonic)).collect()
}

/// Variance of the factors of slots; none where no slot was seen often enough to tell.
fn spread(sums: &[SlotSum]) -> f64 {
    let telling = || sums.iter().filter(|sum| sum.visits >= TELLING);
    let slots = telling().count();
    if slots == 0 {
        return LEAST_SPREAD;
    }
    let average = telling().map(|sum| sum.expected).sum::<f64>() / slots as f64;
    let excess: f64 = telling().map(|sum| (sum.counted - sum.expected).powi(2) - sum.expected).sum();
    let squares: f64 = telling().map(|sum| sum.expected * sum.expected).sum();
    let prior = average * average;
    ((excess.max(0.0) + USUAL_SPREAD * USUAL_SPREAD * prior) / (squares + prior).max(1e-12)).clamp(LEAST_SPREAD, 9.0)
}

/// Mean that is as good as any larger one for [`consistency`]: from there on the shape of the distribution stays.
const LARGE: f64 = 30.0;

/// What robust weights leave of the variance where nothing is wrong: dividing by it makes the estimate consistent.
///
/// ```text
/// sum_k P(k) w(k)^s (k-m)^2  /  (V sum_k P(k) w(k)^s)
/// ```
pub(super) fn consistency(level: f64, dispersion: Overdispersion, strictness: i32) -> f64 {
    let inverse_size = dispersion.inverse_size(level);
    let mean = level.clamp(1e-3, LARGE);
    // The same distribution at a smaller scale keeps its size.
    let scaled = Overdispersion { form: VarianceForm::Quadratic, excess: inverse_size };
    let variance = scaled.variance(mean);
    let step = mean / (1.0 + mean * inverse_size);
    let last = mean + 12.0 * variance.sqrt() + 12.0;
    let (mut probability, mut count) = (ln_negative_binomial(0.0, mean, inverse_size).exp(), 0.0);
    let (mut kept, mut weighted) = (0.0, 0.0);
    while count <= last {
        let share = probability * oddness(count, mean, scaled).powi(strictness);
        weighted += share;
        kept += share * (count - mean) * (count - mean);
        probability *= step * (1.0 + count * inverse_size) / (count + 1.0);
        count += 1.0;
    }
    (kept / (weighted * variance)).clamp(0.2, 1.0)
}

/// The robust weight of a count; the exact residual is worked out only where it could matter.
pub(super) fn oddness(count: f64, mean: f64, dispersion: Overdispersion) -> f64 {
    let deviation = count - mean;
    if deviation * deviation <= NEVER_ODD * dispersion.variance(mean) || (deviation < 0.0 && mean < DROP_MIN_MEAN) {
        return 1.0;
    }
    let size = dispersion.inverse_size(mean).recip();
    NegativeBinomial::new(mean, size).map_or(1.0, |expected| weight(residual(count as u64, &expected), mean))
}
