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
/// Widths of the windows that are told apart, in hours: what clumps within hours need not clump within days.
pub const WIDTHS: [usize; 2] = [1, 3];
/// An hour that keeps less weight than this was far above what is expected of it.
const ODD_WEIGHT: f64 = 0.3;
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

/// What a family's entities tell of dispersion: by the size of the entity, and by the mean of the hour.
///
/// The first is the prior of an entity's own alpha. The second is a floor: calls come in clumps, so hours that are usually
/// quiet vary far more, for their mean, than the busy hours that an entity's alpha is learnt from.
#[derive(Debug, Clone)]
pub struct Dispersions {
    by_width: [WidthDispersions; WIDTHS.len()],
}

/// The dispersions of windows of one width.
#[derive(Debug, Clone)]
struct WidthDispersions {
    by_size: Vec<f64>,
    by_mean: Vec<f64>,
}

/// Powers of two that sizes and means are told apart by.
const BANDS: usize = 24;
/// The band of a mean of one call an hour.
const BAND_OF_ONE: f64 = 10.0;
/// Entities that must speak for a band.
const BAND_MEMBERS: usize = 3;
/// The largest alpha of an hour's mean; beyond it a mean says nothing.
const MOST_ALPHA: f64 = 200.0;

fn band(mean: f64) -> usize {
    (mean.max(1e-6).log2().floor() + BAND_OF_ONE).clamp(0.0, BANDS as f64 - 1.0) as usize
}

/// Sums from which the alpha of a band of means is estimated: `sum [(y-m)^2 - m]`, `sum m^2`, and the variance of the former.
#[derive(Debug, Clone, Copy, Default)]
struct BandSums {
    excess: f64,
    squares: f64,
    sampling: f64,
    members: usize,
}

impl BandSums {
    /// The band's alpha: what the entity's own windows tell, drawn towards what all entities' do.
    ///
    /// ```text
    /// (I a + A a_all) / (I + A),   I = (sum m^2)^2 / sum [2 m^2 (1 + 0.3 m)^2 + m]
    /// ```
    fn shrunk_towards(&self, all: f64) -> f64 {
        if self.squares <= 0.0 {
            return all;
        }
        let own = (self.excess / self.squares).clamp(0.0, MOST_ALPHA);
        let information = self.squares * self.squares / self.sampling;
        let prior = DispersionPrior::DEFAULT_INFORMATION;
        (information * own + prior * all) / (information + prior)
    }
}

/// What one entity contributes to [`Dispersions`].
#[derive(Debug, Clone)]
pub struct Testimony {
    level: f64,
    by_width: [WidthTestimony; WIDTHS.len()],
}

/// An entity's evidence on windows of one width.
#[derive(Debug, Clone)]
struct WidthTestimony {
    evidence: DispersionEvidence,
    bands: Vec<BandSums>,
}

impl Dispersions {
    /// Nothing known.
    pub fn unknown() -> Self {
        let nothing = || WidthDispersions { by_size: vec![USUAL_ALPHA; BANDS], by_mean: vec![0.0; BANDS] };
        Self { by_width: std::array::from_fn(|_| nothing()) }
    }

    /// Learns from all entities, in their order.
    pub fn learn(entities: &[Testimony]) -> Self {
        Self { by_width: std::array::from_fn(|width| WidthDispersions::learn(entities, width)) }
    }
}

impl WidthDispersions {
    fn learn(entities: &[Testimony], width: usize) -> Self {
        let overall =
            group_alpha(entities.iter().map(|entity| &entity.by_width[width].evidence)).unwrap_or(USUAL_ALPHA);
        let of_size = |size: usize| {
            let near = entities.iter().filter(|entity| band(entity.level).abs_diff(size) <= 1);
            group_alpha(near.map(|entity| &entity.by_width[width].evidence)).unwrap_or(overall)
        };
        let of_mean = |mean: usize| {
            let mut sum = BandSums::default();
            for entity in entities {
                let own = &entity.by_width[width].bands[mean];
                sum.excess += own.excess;
                sum.squares += own.squares;
                sum.members += own.members;
            }
            if sum.members >= BAND_MEMBERS { (sum.excess / sum.squares).clamp(0.0, MOST_ALPHA) } else { 0.0 }
        };
        Self { by_size: (0..BANDS).map(of_size).collect(), by_mean: (0..BANDS).map(of_mean).collect() }
    }

    fn prior(&self, level: f64) -> f64 {
        self.by_size.get(band(level)).copied().unwrap_or(USUAL_ALPHA)
    }

    /// The floors of an entity, by band of means.
    fn floors(&self, own: &[BandSums]) -> Vec<f64> {
        own.iter().zip(&self.by_mean).map(|(own, &all)| own.shrunk_towards(all)).collect()
    }
}

/// What is expected of one entity, slot by slot.
#[derive(Debug, Clone)]
pub struct Fit {
    means: [f64; SLOTS],
    samples: [f64; SLOTS],
    total: f64,
    alpha: [f64; WIDTHS.len()],
    floors: [Vec<f64>; WIDTHS.len()],
    level: f64,
    odd_days: usize,
    unstable: bool,
}

/// A window of the entity's past, or an hour of it.
struct PastWindow {
    count: f64,
    mean: f64,
    /// What the count may be at most before it is cut.
    cap: f64,
    weight: f64,
    samples: f64,
}

impl Fit {
    /// Fits an entity's past.
    pub fn new(series: &Series, profile: &Profile, dispersions: &Dispersions) -> Self {
        let mut weights: Vec<f64> = series.believed.iter().map(|&believed| f64::from(u8::from(believed))).collect();
        let prior = |width: usize, level: f64| dispersions.by_width[width].prior(level);
        let mut fit = Self::fit_means(series, profile, &weights, prior(0, series.level()));
        for _ in 1..PASSES {
            let unstable = reweigh(series, &fit, &mut weights);
            let alpha = shrunk(&fit.evidence(series, &weights, 0), prior(0, fit.level));
            fit = Self { unstable, ..Self::fit_means(series, profile, &weights, alpha) };
        }
        fit.alpha =
            std::array::from_fn(|width| shrunk(&fit.evidence(series, &weights, width), prior(width, fit.level)));
        fit.floors =
            std::array::from_fn(|width| dispersions.by_width[width].floors(&fit.bands(series, &weights, width)));
        fit.odd_days = odd_days(series, &fit, &weights);
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
        let (alpha, floors) = ([alpha; WIDTHS.len()], std::array::from_fn(|_| vec![0.0; BANDS]));
        Self { means, samples, total, alpha, floors, level, odd_days: 0, unstable: false }
    }

    /// What a window of [`WIDTHS`]`[width]` hours, given by their slots, is expected to hold: the predictive distribution, with
    /// all that is uncertain about its mean.
    ///
    /// ```text
    /// 1/size = alpha + sum m_i^2 u_i / (sum m_i)^2 + 1 / (calls seen + 1),   u_i = (1/m_i + alpha) / n_i
    /// ```
    /// where alpha is the entity's for that width or, if that is more, that of windows with such a mean, `m_i` are the means of
    /// the slots, `n_i` the hours behind them, their group's included, and the last term is the level's own uncertainty (a
    /// gamma posterior whose shape is the number of calls seen).
    pub fn expected(&self, slots: &[u8], width: usize) -> Option<NegativeBinomial> {
        let means = || slots.iter().map(|&slot| self.means[usize::from(slot)]);
        let mean: f64 = means().sum();
        let alpha = self.alpha[width].max(self.floors[width][band(mean)]);
        let unsure = |&slot: &u8| {
            let (mean, samples) = (self.means[usize::from(slot)], self.samples[usize::from(slot)]);
            mean * mean * (1.0 / mean + alpha) / samples
        };
        let unsure: f64 = slots.iter().map(unsure).sum();
        let spread = alpha + unsure / (mean * mean) + 1.0 / (self.total + 1.0);
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

    /// Days on which some hour was far above what is expected of it.
    pub fn odd_days(&self) -> usize {
        self.odd_days
    }

    /// What the entity's past tells of the dispersion of all.
    pub fn testimony(&self, series: &Series) -> Testimony {
        let believed: Vec<f64> = series.believed.iter().map(|&believed| f64::from(u8::from(believed))).collect();
        let of_width = |width: usize| WidthTestimony {
            evidence: self.evidence(series, &believed, width),
            bands: self.bands(series, &believed, width),
        };
        Testimony { level: self.level, by_width: std::array::from_fn(of_width) }
    }

    /// Single windows are cut at `m + 6 sqrt(m + 1)`, so that clumps count and the occasional attack does not.
    fn bands(&self, series: &Series, weights: &[f64], width: usize) -> Vec<BandSums> {
        let mut bands = vec![BandSums::default(); BANDS];
        for window in self.windows(series, weights, width) {
            let count = window.count.min(window.mean + 6.0 * (window.mean + 1.0).sqrt());
            let sums = &mut bands[band(window.mean)];
            let correction = window.samples / (window.samples - 1.0);
            sums.excess += (count - window.mean) * (count - window.mean) * correction - window.mean;
            sums.squares += window.mean * window.mean;
            sums.sampling += 2.0 * (window.mean * (1.0 + USUAL_ALPHA * window.mean)).powi(2) + window.mean;
            sums.members = 1;
        }
        bands
    }

    fn evidence(&self, series: &Series, weights: &[f64], width: usize) -> DispersionEvidence {
        let mut evidence = DispersionEvidence::new();
        for window in self.windows(series, weights, width) {
            // Out of range are only counts beyond 1e15, which do not fit the type.
            let _ = evidence.add(window.count.min(window.cap), window.mean, window.weight, window.samples);
        }
        evidence
    }

    /// The past's windows of a width, side by side; those with an hour that is not believed or has no weight are left out.
    fn windows<'a>(
        &'a self,
        series: &'a Series,
        weights: &'a [f64],
        width: usize,
    ) -> impl Iterator<Item = PastWindow> + 'a {
        let hours = WIDTHS[width];
        let alpha = self.alpha[width];
        (0..series.counts.len() / hours).filter_map(move |window| {
            let range = window * hours..(window + 1) * hours;
            let weight = weights[range.clone()].iter().copied().fold(1.0, f64::min);
            if weight <= 0.0 {
                return None;
            }
            let slots = &series.slots[range.clone()];
            let mean: f64 = slots.iter().map(|&slot| self.means[usize::from(slot)]).sum();
            let samples = slots.iter().map(|&slot| self.samples[usize::from(slot)]).fold(f64::INFINITY, f64::min);
            let count = series.counts[range].iter().map(|&count| f64::from(count)).sum();
            let usual = mean + crate::stats::DOWN_WEIGHT_FROM * (mean + alpha * mean * mean).sqrt();
            let cap = if weight < 1.0 { usual } else { f64::INFINITY };
            Some(PastWindow { count, mean, cap, weight, samples: samples.max(1.001) })
        })
    }
}

fn shrunk(evidence: &DispersionEvidence, prior: f64) -> f64 {
    let prior = DispersionPrior::new(prior.clamp(0.0, 5.0), DispersionPrior::DEFAULT_INFORMATION);
    prior.and_then(|prior| shrunk_alpha(evidence, &prior, INFLATION)).unwrap_or(USUAL_ALPHA)
}

/// Days with an hour that was given up for being far too large.
fn odd_days(series: &Series, fit: &Fit, weights: &[f64]) -> usize {
    let above = |hour: usize| f64::from(series.counts[hour]) > fit.means[usize::from(series.slots[hour])];
    let odd = |hour: usize| series.believed[hour] && weights[hour] < ODD_WEIGHT && above(hour);
    let days = weights.len() / 24;
    (0..days).filter(|day| (day * 24..day * 24 + 24).any(odd)).count()
}

/// Weighs every believed hour by how odd it is; true when too many are odd for any to be given up.
fn reweigh(series: &Series, fit: &Fit, weights: &mut [f64]) -> bool {
    let expected: Vec<Option<NegativeBinomial>> =
        (0..SLOTS).map(|slot| NegativeBinomial::new(fit.means[slot], 1.0 / fit.alpha[0].max(1e-6)).ok()).collect();
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
