//! Null calibration: how often single-bucket p-values fall below a level when nothing is wrong.
//!
//! Five generators that are not the model, hourly counts with a daily and weekly rhythm, eight weeks of which
//! the hours after four weeks (or after one) are judged. p-values are randomised for discreteness: uniform between `P(Y > y)` and `P(Y >= y)`.

use std::ops::Range;

use insights::score::model::{Forecast, walk};
use insights::score::season::{Season, Timeline, plan};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Mean counts an hour.
pub(crate) const RATES: [f64; 7] = [0.05, 0.2, 1.0, 5.0, 20.0, 100.0, 500.0];
/// Nominal levels.
pub(crate) const LEVELS: [f64; 3] = [1e-2, 1e-3, 1e-4];
const HOURS: usize = 8 * 168;
/// After four weeks of history.
pub(crate) const SETTLED: Range<usize> = 4 * 168..HOURS;
/// After the first week, as soon as anything is judged by default.
pub(crate) const EARLY: Range<usize> = 168..4 * 168;

/// What counts are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generator {
    /// Poisson.
    Poisson,
    /// Gamma-mixed Poisson, alpha 0.05 to 1.
    NegativeBinomial,
    /// Log-normally mixed Poisson, sigma 0.2 to 0.6.
    LogNormal,
    /// Poisson whose log rate is an AR(1) process, correlation 0.5 to 0.95 from hour to hour, sigma 0.3.
    Autocorrelated,
    /// 5, 20 or 50 % of the hours empty, else gamma-mixed with alpha 0.1.
    ZeroInflated,
}

impl Generator {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Poisson, Self::NegativeBinomial, Self::LogNormal, Self::Autocorrelated, Self::ZeroInflated];

    /// What it is called in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Poisson => "Poisson",
            Self::NegativeBinomial => "negative binomial",
            Self::LogNormal => "log-normal mixture",
            Self::Autocorrelated => "autocorrelated rate",
            Self::ZeroInflated => "zero-inflated",
        }
    }

    /// Hourly counts around a rhythm with this mean.
    pub(crate) fn series(self, rate: f64, replicate: usize, hours: usize, random: &mut Xoshiro256PlusPlus) -> Vec<u64> {
        let mut log_rate = 0.0;
        let normal = |random: &mut Xoshiro256PlusPlus| -> f64 { StandardNormal.sample(random) };
        let rhythm = Rhythm::draw(random);
        let pick = |values: [f64; 3]| values[replicate % 3];
        let mut counts = Vec::with_capacity(hours);
        for hour in 0..hours {
            let mean = rate * rhythm.at(hour);
            let mixed = match self {
                Self::Poisson => mean,
                Self::NegativeBinomial => mean * gamma(pick([0.05, 0.3, 1.0]), random),
                Self::LogNormal => {
                    let sigma = pick([0.2, 0.4, 0.6]);
                    mean * (sigma * normal(random) - 0.5 * sigma * sigma).exp()
                }
                Self::Autocorrelated => {
                    let (correlation, sigma) = (pick([0.5, 0.8, 0.95]), 0.3_f64);
                    let innovation: f64 = normal(random);
                    log_rate = correlation * log_rate + (1.0 - correlation * correlation).sqrt() * sigma * innovation;
                    mean * (log_rate - 0.5 * sigma * sigma).exp()
                }
                Self::ZeroInflated => {
                    if random.random::<f64>() < pick([0.05, 0.2, 0.5]) {
                        0.0
                    } else {
                        mean * gamma(0.1, random)
                    }
                }
            };
            counts.push(poisson(mixed, random));
        }
        counts
    }
}

/// A day with two harmonics and quiet weekends, with a mean of about 1.
struct Rhythm {
    amplitude: f64,
    phase: f64,
    weekend: f64,
}

impl Rhythm {
    fn draw(random: &mut Xoshiro256PlusPlus) -> Self {
        Self { amplitude: random.random(), phase: random.random(), weekend: 0.4 + 0.6 * random.random::<f64>() }
    }

    fn at(&self, hour: usize) -> f64 {
        let angle = std::f64::consts::TAU * (hour as f64 / 24.0 + self.phase);
        let day = (self.amplitude * (angle.sin() + 0.3 * (2.0 * angle).cos())).exp();
        day * if hour / 24 % 7 >= 5 { self.weekend } else { 1.0 }
    }
}

/// A gamma variate with mean 1 and variance `alpha`.
pub(crate) fn gamma(alpha: f64, random: &mut Xoshiro256PlusPlus) -> f64 {
    Gamma::new(alpha.recip(), alpha).map_or(1.0, |gamma| gamma.sample(random))
}

/// A Poisson variate.
pub(crate) fn poisson(mean: f64, random: &mut Xoshiro256PlusPlus) -> u64 {
    if mean <= 1e-12 { 0 } else { Poisson::new(mean).map_or(0, |poisson| poisson.sample(random) as u64) }
}

/// How many of the judged hours fell below each level: rises, drops, and both together (two-sided).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Exceedances {
    /// Hours judged.
    pub(crate) hours: u64,
    /// By direction (up, down, two-sided) and level.
    pub(crate) below: [[u64; 3]; 3],
}

impl Exceedances {
    /// The share below a level relative to the level.
    pub(crate) fn ratio(&self, direction: usize, level: usize) -> f64 {
        self.below[direction][level] as f64 / self.hours as f64 / LEVELS[level]
    }

    /// The 95 % interval of [`Exceedances::ratio`], if they are independent (Byar's approximation of the Poisson interval).
    pub(crate) fn interval(&self, direction: usize, level: usize) -> (f64, f64) {
        let count = self.below[direction][level] as f64;
        let limit = |count: f64, deviations: f64| {
            let root = 1.0 - 1.0 / (9.0 * count) + deviations / (3.0 * count.sqrt());
            count * root.powi(3) / (self.hours as f64 * LEVELS[level])
        };
        (if count > 0.0 { limit(count, -1.96).max(0.0) } else { 0.0 }, limit(count + 1.0, 1.96))
    }

    pub(crate) fn add(mut self, other: Self) -> Self {
        self.hours += other.hours;
        for (own, other) in self.below.iter_mut().flatten().zip(other.below.as_flattened()) {
            *own += other;
        }
        self
    }

    fn judge(&mut self, forecast: &Forecast, count: u64, chance: f64) {
        let outer = if count == 0 { f64::NEG_INFINITY } else { forecast.ln_lower(count - 1) };
        let up = [forecast.ln_upper(count + 1), forecast.ln_upper(count)];
        self.judge_with(up, [outer, forecast.ln_lower(count)], chance);
    }

    /// Judges a count by the logarithms of its tails, each without the count itself and with it.
    pub(crate) fn judge_with(&mut self, up: [f64; 2], down: [f64; 2], chance: f64) {
        let between = |[outer, inner]: [f64; 2]| outer.exp() + chance * (inner.exp() - outer.exp());
        let (up, down) = (between(up), between(down));
        self.hours += 1;
        for (level, &nominal) in LEVELS.iter().enumerate() {
            let two_sided = 2.0 * up.min(down);
            for (direction, p) in [up, down, two_sided].into_iter().enumerate() {
                self.below[direction][level] += u64::from(p <= nominal);
            }
        }
    }
}

/// Judges some hours of `replicates` series of a generator at each of [`RATES`].
pub(crate) fn calibrate(generator: Generator, replicates: usize, seed: u64, judged: &Range<usize>) -> Vec<Exceedances> {
    let of_rate = |rate: usize| {
        let one = |replicate: usize| one_series(generator, rate, replicate, seed, judged.clone());
        (0..replicates).into_par_iter().map(one).reduce(Exceedances::default, Exceedances::add)
    };
    (0..RATES.len()).map(of_rate).collect()
}

/// All rates together.
pub(crate) fn pooled(by_rate: &[Exceedances]) -> Exceedances {
    by_rate.iter().copied().fold(Exceedances::default(), Exceedances::add)
}

fn one_series(generator: Generator, rate: usize, replicate: usize, seed: u64, judged: Range<usize>) -> Exceedances {
    let stream =
        seed ^ ((generator as u64) << 40 | (rate as u64) << 32 | replicate as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(stream);
    let counts = generator.series(RATES[rate], replicate, HOURS, &mut random);
    let timeline = Timeline { start: 4 * 86_400, bucket: 3600, buckets: HOURS };
    let values: Vec<Option<u64>> = counts.iter().copied().map(Some).collect();
    let forecasts = walk(&values, &plan(&timeline, Season::Week, None));
    let mut result = Exceedances::default();
    for hour in judged {
        if let Some(forecast) = &forecasts[hour] {
            result.judge(forecast, counts[hour], random.random());
        }
    }
    result
}
