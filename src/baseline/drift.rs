//! Levels that drift: an entity's calls may grow or shrink from day to day without anything being wrong.
//!
//! Each entity's days are foretold one by one by rival filters, which take a larger or smaller part of the variance between days for a
//! walk of the level. How often each of them is right is learnt from the family; an entity's level is what its rivals say, weighed by
//! how well they foretold its own days. A family whose days are foretold no better by any walk keeps the level of the whole window.
//!
//! *References*: Harvey 1989 (the local level model: a random walk seen through noise, followed by the Kalman filter); Magill 1965 (rival filters
//! weighed by their likelihoods); Dempster, Laird and Rubin 1977 (the weights of a mixture by EM).

use crate::stats::level::WalkingLevel;
use crate::stats::upper_median;

/// The parts of the variance between days that rivals take for a walk of the level; the first takes none.
const PARTS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 0.95];
/// What walks must have foretold a family's days better by, in log units, to be believed.
const STEADY_BONUS: f64 = 6.0;
/// The most that one entity can say for them: a few that change make no family that drifts.
const MOST_GAIN: f64 = 3.0;
/// Neither does one of which this share is steady.
const STEADY_SHARE: f64 = 0.75;
/// Rounds of learning how often each rival is right.
const ROUNDS: usize = 30;
/// The usual relative variance between days, and days' worth of that belief in an entity's own.
const USUAL_VARIANCE: f64 = 0.02;
const BELIEF: f64 = 5.0;
const LEAST_VARIANCE: f64 = 1e-3;
/// The variance is at most so many times the one that the median tells.
const MOST_TIMES: f64 = 3.0;
/// The median of a standard normal variable's absolute value.
const MEDIAN_OF_NORMAL: f64 = 0.6745;
/// Steps in which a level is told, within an octave; and octaves up and down to which a level may drift.
const STEPS: f64 = 12.0;
const OCTAVES: f64 = 1.0;
/// Calls a week from which a level is followed.
const LEAST_WEEK: f64 = 50.0;

/// An entity's levels, day by day, relative to one that its slots are told by; in steps, so that hours of a kind and a step share
/// what is worked out of their mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Levels(Vec<i8>);

impl Levels {
    /// The same on every day.
    pub(super) fn flat() -> Self {
        Self::default()
    }

    fn of(levels: impl Iterator<Item = f64>) -> Self {
        Self(levels.map(|level| (level.log2().clamp(-OCTAVES, OCTAVES) * STEPS).round() as i8).collect())
    }

    /// Whether no day differs from any other.
    pub(super) fn is_flat(&self) -> bool {
        self.0.is_empty()
    }

    /// The level of a day.
    pub(super) fn on(&self, day: usize) -> f64 {
        self.0.get(day).map_or(1.0, |&step| (f64::from(step) / STEPS).exp2())
    }

    /// The place of a day's level among all that there are.
    pub(super) fn step(&self, day: usize) -> usize {
        self.0.get(day).map_or(0, |&step| (f64::from(step) + OCTAVES * STEPS) as usize)
    }

    /// How many levels there are.
    pub(super) fn steps(&self) -> usize {
        if self.0.is_empty() { 1 } else { (2.0 * OCTAVES * STEPS) as usize + 1 }
    }
}

/// What an entity did day by day, bursts cut, beside what the level of the whole window would have made of these days; `None` for days
/// of which nothing is known.
#[derive(Debug, Clone)]
pub(super) struct Track {
    days: Vec<Option<(f64, f64)>>,
}

/// What a rival said of an entity: its level before each day and after the last, and how well it foretold them.
struct Foretold {
    levels: Vec<f64>,
    ln_likelihood: f64,
}

impl Track {
    pub(super) fn new(days: Vec<Option<(f64, f64)>>) -> Self {
        Self { days }
    }

    fn known(&self) -> impl Iterator<Item = (f64, f64)> {
        self.days.iter().flatten().copied().filter(|&(_, expected)| expected > 0.0)
    }

    /// The relative variance between days that is not that of counts; a few days off do not make it large.
    ///
    /// ```text
    /// A = (n a + 5 * 0.02) / (n + 5),   a = min(sum [(y - m)^2 n/(n-1) - m] / sum m^2, 3 (median |r - median r| / 0.6745)^2),   r = y/m
    /// ```
    fn variance(&self) -> f64 {
        let days = self.known().count() as f64;
        let correction = days / (days - 1.0).max(1.0);
        let apart: f64 = self.known().map(|(calls, expected)| (calls - expected).powi(2) * correction - expected).sum();
        let squares: f64 = self.known().map(|(_, expected)| expected * expected).sum();
        let own = (apart / squares.max(1e-9)).min(MOST_TIMES * self.usual_deviation().powi(2));
        ((days * own + BELIEF * USUAL_VARIANCE) / (days + BELIEF)).max(LEAST_VARIANCE)
    }

    /// The standard deviation of days' ratios, by the median.
    fn usual_deviation(&self) -> f64 {
        let ratios: Vec<f64> = self.known().map(|(calls, expected)| calls / expected).collect();
        let usual = upper_median(ratios.iter().copied()).unwrap_or(0.0);
        upper_median(ratios.into_iter().map(|ratio| (ratio - usual).abs())).unwrap_or(0.0) / MEDIAN_OF_NORMAL
    }

    /// What a rival makes of it: the ratios `y/m` as a walking level seen through noise.
    ///
    /// ```text
    /// q = 6 part A / T,   v = (1 - part) A + 1/m,   P_0 = q T/3
    /// ```
    /// A walk of variance `q` a day lies about its own mean of `T` days with a variance of `q T/6`, and begins with one of `q T/3`.
    fn followed(&self, part: f64, variance: f64) -> Foretold {
        let length = self.days.len() as f64;
        let walk = 6.0 * part * variance / length;
        let mut level = WalkingLevel::new(walk * length / 3.0, walk);
        let mut told = Foretold { levels: vec![level.mean()], ln_likelihood: 0.0 };
        for day in &self.days {
            if let Some((calls, expected)) = day.filter(|&(_, expected)| expected > 0.0) {
                told.ln_likelihood += level.see(calls / expected, (1.0 - part) * variance + 1.0 / expected);
            }
            level.pass();
            told.levels.push(level.mean());
        }
        told
    }

    fn rivals(&self) -> [Foretold; PARTS.len()] {
        let variance = self.variance();
        PARTS.map(|part| self.followed(part, variance))
    }
}

/// How the levels of a family's entities drift: how often each rival is right, or nothing, where they do not.
#[derive(Debug, Clone)]
pub(super) struct Drift {
    shares: Option<[f64; PARTS.len()]>,
}

impl Drift {
    /// Levels stay.
    pub(super) fn none() -> Self {
        Self { shares: None }
    }

    /// Whether levels stay.
    pub(super) fn is_none(&self) -> bool {
        self.shares.is_none()
    }

    /// Whether an entity of this level, in calls an hour, has enough calls to be followed.
    pub(super) fn follows(&self, level: f64) -> bool {
        self.shares.is_some() && level * 168.0 >= LEAST_WEEK
    }

    /// Learns from entities how often each rival is right: the weights of a mixture, by expectation and maximisation.
    pub(super) fn learn<'a>(tracks: impl Iterator<Item = &'a Track>) -> Self {
        let said: Vec<[f64; PARTS.len()]> = tracks.map(|track| track.rivals().map(|told| told.ln_likelihood)).collect();
        let mut shares = [1.0 / PARTS.len() as f64; PARTS.len()];
        for _ in 0..ROUNDS {
            let mut sums = [0.0; PARTS.len()];
            for said in &said {
                let (weights, _) = weights(&shares, said);
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
            }
            shares = sums.map(|sum| sum / (said.len() as f64).max(1.0));
        }
        let gain: f64 = said.iter().map(|said| (weights(&shares, said).1 - said[0]).min(MOST_GAIN)).sum();
        let drifts = gain > STEADY_BONUS && shares[0] < STEADY_SHARE;
        Self { shares: drifts.then_some(shares) }
    }

    /// An entity's level on each day, told by the days before, and on the day after the last.
    pub(super) fn levels(&self, track: &Track) -> Levels {
        let Some(shares) = &self.shares else { return Levels::flat() };
        let rivals = track.rivals();
        let (weights, _) = weights(shares, &rivals.each_ref().map(|told| told.ln_likelihood));
        let level = |day: usize| rivals.iter().zip(&weights).map(|(told, weight)| weight * told.levels[day]).sum();
        Levels::of((0..=track.days.len()).map(level))
    }
}

/// How likely each rival is the right one, and the logarithm of the likelihood of all together.
fn weights(shares: &[f64; PARTS.len()], said: &[f64; PARTS.len()]) -> ([f64; PARTS.len()], f64) {
    let best = said.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let likely: [f64; PARTS.len()] = std::array::from_fn(|rival| shares[rival] * (said[rival] - best).exp());
    let sum: f64 = likely.iter().sum();
    (likely.map(|likely| likely / sum), best + sum.ln())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, Poisson, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    const DAYS: usize = 28;
    /// Calls of a usual day.
    const USUAL: f64 = 500.0;

    /// Sixty entities whose levels walk by so much a day, and whose days vary by so much beside that; with the level of the day after.
    fn family(walk: f64, between: f64) -> (Vec<Track>, Vec<f64>) {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(17);
        let mut normal = move || -> f64 { StandardNormal.sample(&mut random) };
        let mut counts = Xoshiro256PlusPlus::seed_from_u64(18);
        let mut entity = || {
            let mut levels = vec![1.0_f64];
            (0..DAYS).for_each(|day| levels.push(levels[day] * (walk * normal()).exp()));
            let mut calls = |level: f64| -> f64 {
                Poisson::new(USUAL * level * (between * normal()).exp()).unwrap().sample(&mut counts)
            };
            let days: Vec<f64> = levels[..DAYS].iter().map(|&level| calls(level)).collect();
            let usual = days.iter().sum::<f64>() / DAYS as f64;
            (Track::new(days.iter().map(|&calls| Some((calls, usual))).collect()), levels[DAYS] * USUAL / usual)
        };
        (0..60).map(|_| entity()).unzip()
    }

    fn root_mean_square(errors: impl Iterator<Item = f64>) -> f64 {
        let (sum, count) = errors.fold((0.0, 0.0), |(sum, count), error| (sum + error * error, count + 1.0));
        (sum / count).sqrt()
    }

    #[test]
    fn a_walk_is_followed() {
        let (tracks, truth) = family(0.06, 0.1);
        let drift = Drift::learn(tracks.iter());
        assert!(!drift.is_none());
        let followed = tracks.iter().zip(&truth).map(|(track, truth)| drift.levels(track).on(DAYS) - truth);
        let (followed, left) = (root_mean_square(followed), root_mean_square(truth.iter().map(|truth| 1.0 - truth)));
        assert!(followed < 0.65 * left, "{followed} {left}");
    }

    #[test]
    fn days_that_vary_around_one_level_are_not_followed() {
        for between in [0.0, 0.1, 0.4] {
            let drift = Drift::learn(family(0.0, between).0.iter());
            assert!(drift.is_none() && !drift.follows(1000.0), "{between}: {drift:?}");
        }
        assert!(Drift::learn(std::iter::empty()).is_none());
    }

    #[test]
    fn a_week_off_is_no_level() {
        let (mut tracks, _) = family(0.06, 0.1);
        let drift = Drift::learn(tracks.iter());
        let before = drift.levels(&tracks[0]).on(DAYS);
        for day in 20..25 {
            tracks[0].days[day] = tracks[0].days[day].map(|(_, expected)| (0.0, expected));
        }
        let after = drift.levels(&tracks[0]).on(DAYS);
        assert!((after / before).log2().abs() < 0.25, "{before} {after}");
    }

    #[test]
    fn a_level_is_told_by_the_days_before_it() {
        let days = |odd: f64| (0..DAYS).map(|day| Some((if day == 20 { odd } else { 100.0 }, 100.0))).collect();
        let (usual, odd) = (Track::new(days(100.0)).followed(0.5, 0.04), Track::new(days(150.0)).followed(0.5, 0.04));
        assert_eq!(usual.levels[..21], odd.levels[..21]);
        assert!(odd.levels[21] > usual.levels[21] + 0.05 && odd.ln_likelihood < usual.ln_likelihood);
        let gap = Track::new((0..DAYS).map(|day| (day != 20).then_some((100.0, 100.0))).collect());
        assert_eq!(gap.followed(0.5, 0.04).levels.len(), DAYS + 1);
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn levels_are_told_in_steps_within_an_octave() {
        let levels = Levels::of([1.0, 1.3, 0.71, 9.0, 0.01].into_iter());
        for (day, level) in [1.0, 1.3, 0.71].into_iter().enumerate() {
            assert!((levels.on(day) / level).log2().abs() <= 0.5 / STEPS + 1e-9);
        }
        assert_eq!([levels.on(3), levels.on(4)], [2.0, 0.5]);
        assert!((0..5).all(|day| levels.step(day) < levels.steps()));
        assert_eq!((Levels::flat().on(7), Levels::flat().step(7), Levels::flat().steps()), (1.0, 0, 1));
    }
}
