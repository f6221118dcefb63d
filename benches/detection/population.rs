//! A made-up family whose truth is known: entities with rhythms of their own, clumped counts, past bursts, and anomalies on the last day.
//!
//! It is deliberately not the product's generator, and not its model either: shapes differ from entity to entity without groups,
//! each has a dispersion of its own, and whole days drift together.

use insights::baseline::{FamilyHistory, HistoryHour};
use insights::rollup::{EntityKey, Family};
use insights::time::HourSpan;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Days before the scored one.
pub(crate) const HISTORY_DAYS: usize = 28;
const HOURS: usize = (HISTORY_DAYS + 1) * 24;
const TODAY: usize = HISTORY_DAYS * 24;

/// How unruly a population is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nature {
    /// What the table calls it.
    pub name: &'static str,
    /// Entities.
    pub entities: usize,
    /// Share of past entity-days that hold a burst of 5 to 50 times.
    pub past_bursts: f64,
    /// Standard deviation of the logarithm of a day's effect on an entity.
    pub day_effect: f64,
    /// Standard deviation of the logarithm of an entity's step from one day's level to the next.
    pub drift: f64,
    /// Share of entities with something planted on the last day.
    pub planted: f64,
}

/// What was planted on an entity's last day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Planted {
    /// Nothing.
    Nothing,
    /// So many times the calls in these hours.
    Burst { factor: f64, hours: HourSpan, excess: f64 },
    /// Hardly a call in these hours.
    Drop { hours: HourSpan },
}

/// An entity's truth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth {
    /// Calls an hour on average.
    pub level: f64,
    /// What was planted.
    pub planted: Planted,
}

/// Draws a population; the same seed gives the same.
pub(crate) fn population(nature: Nature, seed: u64) -> (FamilyHistory, Vec<Truth>) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut entities = Vec::new();
    let mut truths = Vec::new();
    for number in 0..nature.entities {
        let (counts, truth) = entity(nature, &mut random);
        let hours = counts.iter().enumerate().filter(|(_, calls)| **calls > 0);
        let hours = hours.map(|(hour, &calls)| HistoryHour { hour: hour as u16, calls, errors: 0, peak: calls });
        entities
            .push((EntityKey::new(["1", &format!("10.0.{:03}.{:03}", number / 256, number % 256)]), hours.collect()));
        truths.push(truth);
    }
    (FamilyHistory::from_entities(Family::SourceIp, entities), truths)
}

fn entity(nature: Nature, random: &mut Xoshiro256PlusPlus) -> (Vec<u32>, Truth) {
    let level = (random.random_range(0.02_f64.ln()..500.0_f64.ln())).exp();
    let shape = shape(random);
    let weekend = random.random_range(0.2..1.1);
    let size = (4.0_f64.ln() + 0.8 * normal(random)).exp().max(0.3);
    let mut drifted = 0.0;
    let means: Vec<f64> = (0..HOURS / 24)
        .flat_map(|day| {
            if nature.drift > 0.0 {
                drifted += nature.drift * normal(random);
            }
            let effect = (drifted + nature.day_effect * normal(random)).exp();
            let factor = if day % 7 >= 5 { weekend } else { 1.0 };
            shape.map(|hour| level * hour * factor * effect)
        })
        .collect();
    let mut means = means;
    for day in 0..HISTORY_DAYS {
        if random.random_bool(nature.past_bursts) {
            let (first, length) = (random.random_range(0..18), random.random_range(2..=6));
            let factor = random.random_range(5.0_f64.ln()..50.0_f64.ln()).exp();
            (first..first + length).for_each(|hour| means[day * 24 + hour] = means[day * 24 + hour].max(0.3) * factor);
        }
    }
    let mut counts: Vec<u32> = means.iter().map(|&mean| negative_binomial(mean, size, random)).collect();
    let planted = plant(nature, &means, &mut counts, random);
    (counts, Truth { level, planted })
}

fn plant(nature: Nature, means: &[f64], counts: &mut [u32], random: &mut Xoshiro256PlusPlus) -> Planted {
    let chance: f64 = random.random_range(0.0..1.0);
    if chance < nature.planted * 2.0 / 3.0 {
        let factor = [3.0, 5.0, 10.0, 30.0][random.random_range(0..4)];
        let (first, length) = (random.random_range(0..20), random.random_range(1..=4));
        let hours = HourSpan::new(first as u8, (first + length) as u8);
        let mut excess = 0.0;
        for hour in TODAY + first..TODAY + first + length {
            let extra = poisson((factor - 1.0) * means[hour].max(0.3), random);
            excess += f64::from(extra);
            counts[hour] += extra;
        }
        Planted::Burst { factor, hours, excess }
    } else if chance < nature.planted {
        let first = random.random_range(0..18);
        for count in &mut counts[TODAY + first..TODAY + first + 6] {
            *count = poisson(0.02 * f64::from(*count), random);
        }
        Planted::Drop { hours: HourSpan::new(first as u8, first as u8 + 6) }
    } else {
        Planted::Nothing
    }
}

fn shape(random: &mut Xoshiro256PlusPlus) -> [f64; 24] {
    let (strength, second) = (random.random_range(0.0..1.3), random.random_range(0.0..0.5));
    let (noon, other) = (13.0 + 2.5 * normal(random), random.random_range(0.0..24.0));
    let wave = |hour: f64, peak: f64, times: f64| ((hour - peak) * times * std::f64::consts::TAU / 24.0).cos();
    let raw: [f64; 24] = std::array::from_fn(|hour| {
        (strength * wave(hour as f64, noon, 1.0) + second * wave(hour as f64, other, 2.0)).exp()
    });
    let mean = raw.iter().sum::<f64>() / 24.0;
    raw.map(|hour| hour / mean)
}

/// A standard normal deviate.
pub(crate) fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(random)
}

/// A count of this mean and `Var = mean + mean^2 / size`.
pub(crate) fn negative_binomial(mean: f64, size: f64, random: &mut Xoshiro256PlusPlus) -> u32 {
    let mixed = Gamma::new(size, mean / size).map_or(mean, |gamma| gamma.sample(random));
    poisson(mixed, random)
}

fn poisson(mean: f64, random: &mut Xoshiro256PlusPlus) -> u32 {
    Poisson::new(mean.max(1e-9)).map_or(0, |poisson| poisson.sample(random) as u32)
}
