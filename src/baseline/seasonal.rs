//! The model of entities that are active day by day: a negative binomial for each hour.
//!
//! The mean of a slot is the entity's own, drawn towards its level times the shape that its group shares; the dispersion is the
//! entity's own, drawn towards that of entities of about its size. Past bursts are weighed down before anything is learnt from
//! them. Formulas: [`Fit::expected`], [`Profile`]; robust weights and dispersion in [`crate::stats`].

use crate::baseline::{HistoryHour, SLOTS};
use crate::stats::{
    DispersionEvidence, DispersionPrior, NegativeBinomial, group_alpha, residual, shrunk_alpha, weight,
};

/// Relative standard deviation of an entity's daily shape around its group's.
const SHAPE_SPREAD: f64 = 0.3;
/// Hours' worth of the group's shape in an entity's weekday or weekend level.
const DAY_TYPE_HOURS: f64 = 12.0;
/// Passes of weighing and fitting.
const PASSES: usize = 3;
/// No more than this share of an entity's hours may be given up as anomalous; beyond it, what looks anomalous is its nature.
const MOST_IGNORED: f64 = 0.2;
/// The weight that such an entity's odd hours keep.
const LEAST_WEIGHT: f64 = 0.2;
/// A level from which an entity has a say in its group's shape, in calls an hour.
const SHAPING_LEVEL: f64 = 1.0;
/// An hour counts at most this many times its entity's level in the group's shape.
const SHAPE_CAP: f64 = 8.0;
/// Alpha where no group can tell.
const USUAL_ALPHA: f64 = 0.3;
/// Inflation of alpha for its own uncertainty (`c`).
const INFLATION: f64 = 0.5;

/// An entity's past as dense hours: the count, the seasonal slot, and whether the hour can be believed.
#[derive(Debug, Default)]
pub struct Series {
    counts: Vec<u32>,
    slots: Vec<u8>,
    believed: Vec<bool>,
}

impl Series {
    /// Lays out the hours before the scored day. An entity's past begins with the day it was first seen.
    pub fn fill(&mut self, hours: &[HistoryHour], slots: &[u8], alive: &[bool], first_day: usize) {
        self.counts.clear();
        self.counts.resize(slots.len(), 0);
        for hour in hours {
            self.counts[usize::from(hour.hour)] = hour.calls;
        }
        self.slots.clear();
        self.slots.extend_from_slice(slots);
        self.believed.clear();
        self.believed
            .extend(alive[..slots.len()].iter().enumerate().map(|(hour, &alive)| alive && hour >= first_day * 24));
    }

    /// Calls an hour over the hours that can be believed.
    ///
    /// ```text
    /// level = (sum y + 0.1) / (n + 5)
    /// ```
    pub fn level(&self) -> f64 {
        self.sums(None).level()
    }

    fn sums(&self, weights: Option<&[f64]>) -> SlotSums {
        let mut sums = SlotSums { calls: [0.0; SLOTS], hours: [0.0; SLOTS] };
        for hour in (0..self.counts.len()).filter(|&hour| self.believed[hour]) {
            let weight = weights.map_or(1.0, |weights| weights[hour]);
            let slot = usize::from(self.slots[hour]);
            sums.calls[slot] += weight * f64::from(self.counts[hour]);
            sums.hours[slot] += weight;
        }
        sums
    }
}

/// Weighted calls and hours by slot.
struct SlotSums {
    calls: [f64; SLOTS],
    hours: [f64; SLOTS],
}

impl SlotSums {
    fn level(&self) -> f64 {
        (self.calls.iter().sum::<f64>() + 0.1) / (self.hours.iter().sum::<f64>() + 5.0)
    }
}

/// The shape of a day that a group of entities shares, relative to their levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    shape: [f64; SLOTS],
}

/// Adds up the shapes of a group's entities; each counts the same, whatever its size.
#[derive(Debug, Clone)]
pub struct ProfileSum {
    shape: [f64; SLOTS],
    members: [f64; SLOTS],
}

impl Default for ProfileSum {
    fn default() -> Self {
        Self { shape: [0.0; SLOTS], members: [0.0; SLOTS] }
    }
}

impl ProfileSum {
    /// Adds an entity, if it is active enough to have a shape.
    pub fn add(&mut self, series: &Series) {
        let sums = series.sums(None);
        let level = sums.level();
        if level < SHAPING_LEVEL {
            return;
        }
        for slot in (0..SLOTS).filter(|&slot| sums.hours[slot] > 0.0) {
            self.shape[slot] += (sums.calls[slot] / sums.hours[slot] / level).min(SHAPE_CAP);
            self.members[slot] += 1.0;
        }
    }

    /// How many entities have a say.
    pub fn members(&self) -> f64 {
        self.members.iter().copied().fold(0.0, f64::max)
    }

    /// The mean shape; flat where nothing is known.
    ///
    /// ```text
    /// S[slot] = mean over entities of (mean calls in slot / level)
    /// ```
    pub fn profile(&self) -> Profile {
        let shape = std::array::from_fn(|slot| {
            if self.members[slot] > 0.0 { (self.shape[slot] / self.members[slot]).max(0.01) } else { 1.0 }
        });
        Profile { shape }
    }
}

/// The dispersion of entities of about the same size, by powers of two of their level.
#[derive(Debug, Clone)]
pub struct Dispersions {
    by_size: Vec<f64>,
    overall: f64,
}

const SIZES: usize = 24;

fn size_of(level: f64) -> usize {
    (level.max(1e-6).log2().floor() + 4.0).clamp(0.0, SIZES as f64 - 1.0) as usize
}

impl Dispersions {
    /// Learns from each entity's level and evidence.
    pub fn learn(entities: &[(f64, DispersionEvidence)]) -> Self {
        let overall = group_alpha(entities.iter().map(|(_, evidence)| evidence)).unwrap_or(USUAL_ALPHA);
        let of_size = |size: usize| {
            let near = entities.iter().filter(|(level, _)| size_of(*level).abs_diff(size) <= 1);
            group_alpha(near.map(|(_, evidence)| evidence)).unwrap_or(overall)
        };
        Self { by_size: (0..SIZES).map(of_size).collect(), overall }
    }

    fn prior(&self, level: f64) -> f64 {
        self.by_size.get(size_of(level)).copied().unwrap_or(self.overall)
    }
}

/// What is expected of one entity, slot by slot.
#[derive(Debug, Clone)]
pub struct Fit {
    means: [f64; SLOTS],
    samples: [f64; SLOTS],
    total: f64,
    alpha: f64,
    evidence: DispersionEvidence,
    level: f64,
    unstable: bool,
}

impl Fit {
    /// Fits an entity's past; `alpha` is what its dispersion is taken to be while bursts are told apart.
    pub fn new(series: &Series, profile: &Profile, dispersions: Option<&Dispersions>) -> Self {
        let mut weights: Vec<f64> = series.believed.iter().map(|&believed| f64::from(u8::from(believed))).collect();
        let prior = |level: f64| dispersions.map_or(USUAL_ALPHA, |known| known.prior(level));
        let mut fit = Self::fit_means(series, profile, &weights, prior(series.level()));
        for _ in 1..PASSES {
            fit.unstable = reweigh(series, &fit, &mut weights);
            let (alpha, unstable) = (fit.dispersion(series, &weights, prior(fit.level)), fit.unstable);
            fit = Self::fit_means(series, profile, &weights, alpha);
            fit.unstable = unstable;
        }
        fit.alpha = fit.dispersion(series, &weights, prior(fit.level));
        fit
    }

    fn fit_means(series: &Series, profile: &Profile, weights: &[f64], alpha: f64) -> Self {
        let sums = series.sums(Some(weights));
        let level = sums.level();
        let (mut means, mut samples) = ([0.0; SLOTS], [0.0; SLOTS]);
        for day_type in [0..24, 24..SLOTS] {
            let calls: f64 = sums.calls[day_type.clone()].iter().sum();
            let hours: f64 = sums.hours[day_type.clone()].iter().sum();
            let usual = profile.shape[day_type.clone()].iter().sum::<f64>() / 24.0;
            let day_level = (calls + DAY_TYPE_HOURS * level * usual) / (hours + DAY_TYPE_HOURS);
            for slot in day_type {
                let parent = (day_level * profile.shape[slot] / usual).max(1e-9);
                let strength = (1.0 / parent + alpha) / (SHAPE_SPREAD * SHAPE_SPREAD);
                samples[slot] = sums.hours[slot] + strength;
                means[slot] = (sums.calls[slot] + strength * parent) / samples[slot];
            }
        }
        let total = sums.calls.iter().sum();
        Self { means, samples, total, alpha, evidence: DispersionEvidence::new(), level, unstable: false }
    }

    /// What the hours are expected to hold in a slot: the predictive distribution, with all that is uncertain about its mean.
    ///
    /// ```text
    /// 1/size = alpha + (1/m + alpha) / n + 1 / (calls seen + 1)
    /// ```
    /// where `m` is the slot's mean, `n` the hours behind it, its group's included, and the last term the level's own
    /// uncertainty (a gamma posterior whose shape is the number of calls seen).
    pub fn expected(&self, slot: u8) -> Option<NegativeBinomial> {
        let mean = self.means[usize::from(slot)];
        let spread =
            self.alpha + (1.0 / mean + self.alpha) / self.samples[usize::from(slot)] + 1.0 / (self.total + 1.0);
        NegativeBinomial::new(mean, 1.0 / spread).ok()
    }

    /// Calls an hour, past bursts weighed down.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// Whether so many hours were odd that none of them was given up.
    pub fn is_unstable(&self) -> bool {
        self.unstable
    }

    /// What the past tells of the dispersion.
    pub fn evidence(&self) -> &DispersionEvidence {
        &self.evidence
    }

    fn dispersion(&mut self, series: &Series, weights: &[f64], prior: f64) -> f64 {
        let mut evidence = DispersionEvidence::new();
        let cap: [f64; SLOTS] = std::array::from_fn(|slot| {
            let mean = self.means[slot];
            mean + crate::stats::DOWN_WEIGHT_FROM * (mean + self.alpha * mean * mean).sqrt()
        });
        for hour in (0..series.counts.len()).filter(|&hour| weights[hour] > 0.0) {
            let slot = usize::from(series.slots[hour]);
            let count = f64::from(series.counts[hour]);
            let weight = weights[hour].min(1.0);
            let count = if weight < 1.0 { count.min(cap[slot].max(self.means[slot])) } else { count };
            // Values out of range are possible only for counts beyond 1e15, which do not fit the type.
            let _ = evidence.add(count, self.means[slot], weight, self.samples[slot].max(1.001));
        }
        self.evidence = evidence;
        let prior = DispersionPrior::new(prior.clamp(0.0, 5.0), DispersionPrior::DEFAULT_INFORMATION);
        prior.and_then(|prior| shrunk_alpha(&evidence, &prior, INFLATION)).unwrap_or(USUAL_ALPHA)
    }
}

/// Weighs every believed hour by how odd it is; true when too many are odd for any to be given up.
fn reweigh(series: &Series, fit: &Fit, weights: &mut [f64]) -> bool {
    let expected: Vec<Option<NegativeBinomial>> =
        (0..SLOTS).map(|slot| NegativeBinomial::new(fit.means[slot], 1.0 / fit.alpha.max(1e-6)).ok()).collect();
    let (mut believed, mut ignored) = (0.0, 0.0);
    for hour in (0..series.counts.len()).filter(|&hour| series.believed[hour]) {
        let slot = usize::from(series.slots[hour]);
        let count = series.counts[hour];
        believed += 1.0;
        // An empty hour of a small entity is never odd, and most hours are such.
        let usual = count == 0 && fit.means[slot] < crate::stats::DROP_MIN_MEAN;
        weights[hour] = match &expected[slot] {
            Some(expected) if !usual => weight(residual(u64::from(count), expected), fit.means[slot]),
            _ => 1.0,
        };
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
