//! The model of entities that are active day by day: a negative binomial for each hour.
//!
//! The mean of a slot is the entity's own, drawn towards its level times the shape that its group shares; the dispersion is the
//! entity's own, drawn towards that of entities of about its size. Past bursts are weighed down before anything is learnt from
//! them. Formulas: [`Fit::expected`], [`Profile`]; robust weights and dispersion in [`crate::stats`].

mod evidence;
mod hourly;
mod layers;
mod likelihood;
mod moved;
mod past;
mod pauses;
mod predictive;
mod weights;

use std::sync::Arc;

use evidence::EntityPast;
use pauses::Pauses;
pub(super) use predictive::LOOK_CLOSER_BELOW;
use weights::{odd_days, reweigh};

use crate::baseline::SLOTS;
use crate::baseline::calendar::slot;
use crate::baseline::dispersion::{BANDS, Dispersions, Testimony, WIDTHS, explained};
use crate::baseline::drift::Levels;
use crate::baseline::series::{Profile, Series, SlotSums};
use crate::baseline::week::Week;
use crate::stats::{
    DROP_MIN_MEAN, DispersionEvidence, DispersionPrior, DrawnAlpha, MAX_ALPHA, MIN_ALPHA, shrunk_alpha,
};

/// Relative variance of an entity's daily shape around its group's, before the entity is heard.
const SHAPE_SPREAD: f64 = 0.09;
/// Slots' worth of that belief.
const SHAPE_BELIEF: f64 = 4.0;
/// The largest such variance: a shape of its own altogether.
const MOST_SHAPE_SPREAD: f64 = 4.0;
/// Hours' worth of the group's shape in an entity's weekday or weekend level.
const DAY_TYPE_HOURS: f64 = 12.0;
/// The first pass believes in at most so many times the usual alpha.
const FIRST_ALPHA: f64 = 2.0;
/// Passes of weighing and fitting.
const PASSES: usize = 4;
/// The place of the whole day among the widths.
pub(crate) const WHOLE_DAY: usize = 3;
/// The largest relative variance between days that is believed in.
const MOST_DAY_VARIANCE: f64 = 2.0;
/// Relative standard deviation of alpha between an entity's wider windows of different means.
const BAND_SPREAD: f64 = 0.3;
/// Inflation of alpha for its own uncertainty (`c`).
const INFLATION: f64 = 0.15;

/// What is expected of one entity, slot by slot.
#[derive(Debug, Clone)]
pub struct Fit {
    means: [f64; SLOTS],
    samples: [f64; SLOTS],
    week: Week,
    total: f64,
    alpha: [f64; WIDTHS.len()],
    /// Alpha of windows with such a mean, where the entity has some: quiet hours clump unlike busy ones.
    by_mean: [[Option<f64>; BANDS]; WIDTHS.len()],
    /// Alpha of hours by slot, where slots differ.
    by_slot: Option<Arc<[f64; SLOTS]>>,
    /// The alpha that its hours have beyond doubt, where that is far more than they were drawn to.
    beyond_doubt: Option<f64>,
    /// Relative variance of whole days that clumps within them do not explain.
    day_variance: f64,
    level: f64,
    /// The level of each day relative to these means, and that of the day which they are of.
    levels: Levels,
    today: f64,
    /// Which of the days were learnt from.
    learnt: Learnt,
    /// Whether the level, or some hours, have been changed since.
    moved: bool,
    /// Whether weekends and weekdays have changed places.
    other_days: bool,
    odd_days: usize,
    unstable: bool,
    /// Of an entity that pauses: what it does between pauses.
    between: Option<Box<Fit>>,
    /// In what an entity does between pauses: how it pauses.
    pauses: Option<Pauses>,
}

/// Which days of its past an entity's fit has learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::baseline) enum Learnt {
    /// All that can be believed.
    Whole,
    /// Those before a day.
    Before(usize),
    /// Those from a day on.
    Since(usize),
}

impl Fit {
    /// Fits an entity's past.
    pub fn new(series: &Series, profile: &Profile, dispersions: &Dispersions) -> Self {
        Self::robust(series, profile, dispersions).0
    }

    /// What an entity's past tells of the dispersion of all.
    pub fn testimony(series: &Series, profile: &Profile) -> Testimony {
        let (fit, _) = Self::robust(series, profile, &Dispersions::unknown());
        let of_hours = fit.evidence_of_hours(series, &believed(series));
        let counts: Vec<f64> = series.counts.iter().map(|&count| f64::from(count)).collect();
        let mut by_width = [DispersionEvidence::new(); WIDTHS.len()];
        by_width[0] = of_hours;
        for (width, bands) in EntityPast::new(&fit, series, &counts).wider() {
            by_width[width] = evidence::of_all(&bands);
        }
        Testimony { level: fit.level, by_width }
    }

    /// Means and dispersion from which odd hours were kept away, and the weights that did it.
    fn robust(series: &Series, profile: &Profile, dispersions: &Dispersions) -> (Self, Vec<f64>) {
        let mut weights = believed(series);
        let prior = |width: usize, level: f64| dispersions.by_width[width].prior(level);
        let mut fit = Self::fit_means(series, profile, &weights, prior(0, series.level()).alpha(), Week::flat());
        // The first alpha is that of all hours, within reason: one that is too small would call clumps odd, and so stay too small.
        let lent = prior(0, fit.level);
        let first = shrunk(&fit.evidence_of_hours(series, &weights), lent);
        fit.alpha[0] = first.min(FIRST_ALPHA * lent.alpha().max(0.5 * lent.deviation()));
        for _ in 1..PASSES {
            let unstable = reweigh(series, &fit, &mut weights);
            let alpha = shrunk(&fit.evidence_of_hours(series, &weights), prior(0, fit.level));
            let week = Week::learn(series, &weights, &fit.means);
            fit = Self { unstable, ..Self::fit_means(series, profile, &weights, alpha, week) };
        }
        fit.odd_days = odd_days(series, &fit, &weights);
        if let Some(pauses) = Pauses::find(series, &fit) {
            let mut weights = weights.clone();
            let mut between = fit.clone().between_pauses(pauses, series, profile, &mut weights, lent);
            between.learn_dispersion(series, &weights, prior);
            fit.between = Some(Box::new(between));
        }
        fit.learn_dispersion(series, &weights, prior);
        let describe = fit.between.as_deref().is_some_and(|between| fit.is_outdone_by(between, series));
        if let Some(pauses) = fit.between.as_mut().and_then(|between| between.pauses.as_mut()) {
            pauses.describe = describe;
        }
        (fit, weights)
    }

    /// The same for an entity that pauses: of the hours in which it did not.
    fn between_pauses(
        self,
        mut pauses: Pauses,
        series: &Series,
        profile: &Profile,
        weights: &mut [f64],
        lent: DispersionPrior,
    ) -> Self {
        let mut fit = self;
        for _ in 0..PASSES {
            reweigh(series, &fit, weights);
            pauses.weigh(series, &fit, weights);
            let alpha = shrunk(&fit.evidence_of_hours(series, weights), lent);
            let between = Self::fit_means(series, profile, weights, alpha, fit.week.clone());
            fit = Self { odd_days: fit.odd_days, ..between };
        }
        pauses.learn_together(series, &fit.likely_paused(series, &pauses));
        Self { pauses: Some(pauses), ..fit }
    }

    /// Which past hours were most likely paused.
    fn likely_paused(&self, series: &Series, pauses: &Pauses) -> Vec<bool> {
        let hours = series.counts.iter().zip(&series.week_hours);
        hours.map(|(&count, &hour)| count == 0 && pauses.was_paused(self, hour) > 0.5).collect()
    }

    /// `P(no call)` in an hour of the week that is not paused.
    fn chance_of_nothing(&self, week_hour: u8) -> f64 {
        let alpha = self.alpha[0].max(1e-6);
        (-(alpha * self.mean(week_hour)).ln_1p() / alpha).exp()
    }

    /// Alpha by width, and within a width by mean.
    fn learn_dispersion(&mut self, series: &Series, weights: &[f64], prior: impl Fn(usize, f64) -> DispersionPrior) {
        let usual = self.usual_counts(series, weights);
        let wider = EntityPast::new(self, series, &usual).wider();
        let by_width = std::iter::once((0, self.evidence_by_mean(series, weights))).chain(wider);
        let mut hourly = 0.0;
        for (width, bands) in by_width.collect::<Vec<_>>() {
            let all = evidence::of_all(&bands);
            let lent = prior(width, self.level).beyond(explained(hourly, width));
            // A new level of some days is no clumping of whole days.
            let drawn = if width < WHOLE_DAY { DrawnAlpha::limited } else { DrawnAlpha::plain };
            let own = drawn(&all, &lent).alpha(0.0);
            match width {
                0 => {
                    hourly = own;
                    self.day_variance -= own / 24.0;
                }
                WHOLE_DAY => self.day_variance += own,
                _ => {}
            }
            self.alpha[width] = drawn(&all, &lent).alpha(INFLATION);
            self.by_mean[width] = bands.map(|band| band.map(|band| drawn(&band, &around(own, width)).alpha(INFLATION)));
        }
        self.day_variance = self.day_variance.clamp(0.0, MOST_DAY_VARIANCE);
        self.by_slot = self.slot_clumps(series, weights).map(|clumps| Arc::new(clumps.alphas()));
        self.clump_as_they_do(series, &self.evidence_of_hours(series, weights));
    }

    fn fit_means(series: &Series, profile: &Profile, weights: &[f64], alpha: f64, week: Week) -> Self {
        let sums = series.sums(Some(weights), &week);
        let level = sums.level();
        let parents = parents(&sums, profile);
        let spread = shape_spread(&sums, &parents, alpha);
        let strength = |slot: usize| (1.0 / parents[slot] + alpha) / spread;
        let samples: [f64; SLOTS] = std::array::from_fn(|slot| sums.hours[slot] + strength(slot));
        let means = std::array::from_fn(|slot| (sums.calls[slot] + strength(slot) * parents[slot]) / samples[slot]);
        let total = sums.calls.iter().sum();
        let (alpha, by_mean) = ([alpha; WIDTHS.len()], [[None; BANDS]; WIDTHS.len()]);
        Self {
            means,
            samples,
            week,
            total,
            alpha,
            by_mean,
            by_slot: None,
            beyond_doubt: None,
            day_variance: 0.0,
            level,
            levels: series.levels.clone(),
            today: 1.0,
            learnt: Learnt::Whole,
            moved: false,
            other_days: false,
            odd_days: 0,
            unstable: false,
            between: None,
            pauses: None,
        }
    }

    /// The calls that an hour of the week is expected to hold.
    pub(super) fn mean(&self, week_hour: u8) -> f64 {
        self.means[slot(week_hour)] * self.week.factor(week_hour)
    }

    /// Whether hours without a call are the entity's habit.
    pub(crate) fn pauses(&self) -> bool {
        self.between.is_some()
    }

    /// Whether a count is worth comparing with an hour's distribution because it may be odd.
    pub(super) fn may_be_odd(&self, week_hour: u8, count: u32) -> bool {
        let (mean, count) = (self.mean(week_hour), f64::from(count));
        let sd = (mean + self.alpha[0] * mean * mean).sqrt();
        count > mean + sd || (mean >= DROP_MIN_MEAN && count < mean - sd)
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
}

/// A weight for each hour: that of those that can be believed.
fn believed(series: &Series) -> Vec<f64> {
    series.believed.iter().map(|&believed| f64::from(u8::from(believed))).collect()
}

/// What an entity's slots would hold if it had its group's shape: its level of weekdays and of weekends, times the shape.
fn parents(sums: &SlotSums, profile: &Profile) -> [f64; SLOTS] {
    let level = sums.level();
    let mut parents = [0.0; SLOTS];
    for day_type in [0..24, 24..SLOTS] {
        let calls: f64 = sums.calls[day_type.clone()].iter().sum();
        let hours: f64 = sums.hours[day_type.clone()].iter().sum();
        let usual = profile.shape[day_type.clone()].iter().sum::<f64>() / 24.0;
        let day_level = (calls + DAY_TYPE_HOURS * level * usual) / (hours + DAY_TYPE_HOURS);
        for slot in day_type {
            parents[slot] = (day_level * profile.shape[slot] / usual).max(1e-9);
        }
    }
    parents
}

/// How far an entity's shape strays from its group's, as a relative variance: by moments, drawn towards the usual.
///
/// ```text
/// tau^2 = (sum [(y_s - p_s)^2 - (p_s + alpha p_s^2) / n_s] + 4 * 0.09 * mean p^2) / (sum p_s^2 + 4 * mean p^2)
/// ```
/// with `y_s` the mean calls of a slot, `p_s` its parent, `n_s` its hours.
fn shape_spread(sums: &SlotSums, parents: &[f64; SLOTS], alpha: f64) -> f64 {
    let (mut apart, mut squares, mut slots) = (0.0, 0.0, 0.0_f64);
    for (slot, &parent) in parents.iter().enumerate().filter(|(slot, _)| sums.hours[*slot] > 0.0) {
        let noise = (parent + alpha * parent * parent) / sums.hours[slot];
        apart += (sums.calls[slot] / sums.hours[slot] - parent).powi(2) - noise;
        squares += parent * parent;
        slots += 1.0;
    }
    let belief = SHAPE_BELIEF * squares / slots.max(1.0);
    ((apart + belief * SHAPE_SPREAD) / (squares + belief).max(1e-18)).clamp(SHAPE_SPREAD / 4.0, MOST_SHAPE_SPREAD)
}

fn shrunk(evidence: &DispersionEvidence, prior: DispersionPrior) -> f64 {
    shrunk_alpha(evidence, &prior, INFLATION).unwrap_or(prior.alpha())
}

/// What an entity's alpha says of its windows of some mean: of hours less than of wider windows, of which there are few.
fn around(alpha: f64, width: usize) -> DispersionPrior {
    let spread = if width == 0 { DispersionPrior::USUAL.deviation() } else { BAND_SPREAD * alpha.max(MIN_ALPHA) };
    DispersionPrior::new(alpha.clamp(0.0, MAX_ALPHA), spread).unwrap_or(DispersionPrior::USUAL)
}
