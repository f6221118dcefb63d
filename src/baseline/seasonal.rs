//! The model of entities that are active day by day: a negative binomial for each hour.
//!
//! The mean of a slot is the entity's own, drawn towards its level times the shape that its group shares; the dispersion is the
//! entity's own, drawn towards that of entities of about its size. Past bursts are weighed down before anything is learnt from
//! them. Formulas: [`Fit::expected`], [`Profile`]; robust weights and dispersion in [`crate::stats`].

use crate::baseline::SLOTS;
use crate::baseline::dispersion::{BANDS, BandSums, Dispersions, Testimony, USUAL_ALPHA, WIDTHS, WidthTestimony, band};
use crate::baseline::series::{Profile, Series};
use crate::stats::{DispersionEvidence, DispersionPrior, NegativeBinomial, residual, shrunk_alpha, weight};

/// Relative standard deviation of an entity's daily shape around its group's.
const SHAPE_SPREAD: f64 = 0.3;
/// Hours' worth of the group's shape in an entity's weekday or weekend level.
const DAY_TYPE_HOURS: f64 = 12.0;
/// An hour that keeps less weight than this was far above what is expected of it.
const ODD_WEIGHT: f64 = 0.3;
/// Passes of weighing and fitting.
const PASSES: usize = 3;
/// No more than this share of an entity's hours may be given up as anomalous; beyond it, what looks anomalous is its nature.
const MOST_IGNORED: f64 = 0.2;
/// The weight that such an entity's odd hours keep.
const LEAST_WEIGHT: f64 = 0.2;
/// Inflation of alpha for its own uncertainty (`c`).
const INFLATION: f64 = 0.5;

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
        let (mut fit, weights) = Self::robust(series, profile, dispersions);
        fit.floors =
            std::array::from_fn(|width| dispersions.by_width[width].floors(&fit.bands(series, &weights, width)));
        fit
    }

    /// What an entity's past tells of the dispersion of all.
    pub fn testimony(series: &Series, profile: &Profile) -> Testimony {
        let (fit, _) = Self::robust(series, profile, &Dispersions::unknown());
        let believed: Vec<f64> = series.believed.iter().map(|&believed| f64::from(u8::from(believed))).collect();
        let of_width = |width: usize| WidthTestimony {
            evidence: fit.evidence(series, &believed, width),
            bands: fit.bands(series, &believed, width),
        };
        Testimony { level: fit.level, by_width: std::array::from_fn(of_width) }
    }

    /// Means and dispersion from which odd hours were kept away, and the weights that did it.
    fn robust(series: &Series, profile: &Profile, dispersions: &Dispersions) -> (Self, Vec<f64>) {
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
        fit.odd_days = odd_days(series, &fit, &weights);
        (fit, weights)
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

/// Weights worked out before: most hours hold one of a few small counts.
struct KnownWeights([[f64; KNOWN_COUNTS]; SLOTS]);

/// Counts below this are remembered.
const KNOWN_COUNTS: usize = 32;

impl Default for KnownWeights {
    fn default() -> Self {
        Self([[f64::NAN; KNOWN_COUNTS]; SLOTS])
    }
}

impl KnownWeights {
    fn weight(&mut self, slot: usize, count: u32, expected: &NegativeBinomial) -> f64 {
        let work_out = || weight(residual(u64::from(count), expected), expected.mean());
        match self.0[slot].get_mut(count as usize) {
            Some(known) if known.is_nan() => {
                *known = work_out();
                *known
            }
            Some(known) => *known,
            None => work_out(),
        }
    }
}

/// Weighs every believed hour by how odd it is; true when too many are odd for any to be given up.
fn reweigh(series: &Series, fit: &Fit, weights: &mut [f64]) -> bool {
    let expected: Vec<Option<NegativeBinomial>> =
        (0..SLOTS).map(|slot| NegativeBinomial::new(fit.means[slot], 1.0 / fit.alpha[0].max(1e-6)).ok()).collect();
    let mut known = KnownWeights::default();
    let (mut believed, mut ignored) = (0.0, 0.0);
    for hour in (0..series.counts.len()).filter(|&hour| series.believed[hour]) {
        let slot = usize::from(series.slots[hour]);
        let count = series.counts[hour];
        believed += 1.0;
        // An empty hour of a small entity is never odd, and most hours are such.
        let usual = count == 0 && fit.means[slot] < crate::stats::DROP_MIN_MEAN;
        weights[hour] = match &expected[slot] {
            Some(expected) if !usual => known.weight(slot, count, expected),
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
