//! Random streams: one of its own for every purpose, day and entity, all derived from the one seed.
//!
//! Whoever draws more or less from one stream changes no other, so a day can be made alone, on any thread, and an added
//! actor leaves the others' events where they were.

use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma, Poisson};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What a stream is for; part of its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Catalogue,
    Actor,
    Calendar,
    Deployments,
    Calls,
    Plan,
    Text,
}

/// The stream of `purpose` for one day (or any other number) and one entity.
pub(crate) fn stream(seed: u64, purpose: Purpose, day: u32, entity: u64) -> Xoshiro256PlusPlus {
    let mut state = scatter(seed ^ scatter(purpose as u64 + 1));
    state = scatter(state ^ scatter(u64::from(day).wrapping_add(0x0051_7CC1_B727_220A)));
    Xoshiro256PlusPlus::seed_from_u64(scatter(state ^ entity.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// The finishing step of `SplitMix64`: neighbouring numbers come out unrelated.
pub(crate) fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A gamma variable of mean 1; a shape that no distribution has gives the mean itself.
pub(crate) fn gamma_of_mean_one(random: &mut impl Rng, shape: f64) -> f64 {
    Gamma::new(shape, 1.0 / shape).map_or(1.0, |gamma| gamma.sample(random))
}

/// A Poisson count; a mean of zero or nonsense gives zero.
pub(crate) fn poisson(random: &mut impl Rng, mean: f64) -> u64 {
    Poisson::new(mean).map_or(0, |poisson: Poisson<f64>| poisson.sample(random) as u64)
}

/// A log-normal factor of mean 1.
pub(crate) fn factor(random: &mut impl Rng, deviation: f64) -> f64 {
    (normal(random) * deviation - deviation * deviation / 2.0).exp()
}

/// A standard normal variable.
pub(crate) fn normal(random: &mut impl Rng) -> f64 {
    rand_distr::StandardNormal.sample(random)
}

/// A whole number whose expectation is `number`.
pub(crate) fn round_randomly(random: &mut impl Rng, number: f64) -> u64 {
    (number + random.random::<f64>()) as u64
}
