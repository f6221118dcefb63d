//! When an actor works: a factor for every hour of a working day and of a day off.
//!
//! Pure shape: over a working day the factors average one. How much an actor does, and by how much an hour strays from its
//! expectation, is not told here.

use rand::{Rng, RngExt};

/// The hours of a day in UTC.
pub(crate) const HOURS: usize = 24;

/// Factors on an actor's mean hourly calls, by UTC hour.
#[derive(Debug, Clone)]
pub(crate) struct Rhythm {
    working: [f64; HOURS],
    off: [f64; HOURS],
}

/// Activity of office people by local hour; the dip is lunch.
const OFFICE: [f64; HOURS] = [
    0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.6, 2.0, 6.0, 12.0, 14.0, 13.0, 6.0, 9.0, 14.0, 15.0, 14.0, 12.0, 8.0, 5.0, 4.0,
    3.0, 1.5, 0.6,
];

/// The company sits in China, whose clock is eight hours ahead.
const LOCAL_HOURS_AHEAD: usize = 8;

impl Rhythm {
    /// Office hours, an individual's hour earlier or later, and little on days off.
    pub(crate) fn office(random: &mut impl Rng) -> Self {
        let shift = random.random_range(0..3) + HOURS - 1;
        let working = std::array::from_fn(|hour| OFFICE[(hour + LOCAL_HOURS_AHEAD + shift) % HOURS]);
        Self::shaped(working, random.random_range(0.02..0.3))
    }

    /// A machine that never rests and follows people's day only a little.
    pub(crate) fn always(random: &mut impl Rng) -> Self {
        let people = random.random_range(0.0..0.05);
        let working = std::array::from_fn(|hour| 1.0 + people * OFFICE[(hour + LOCAL_HOURS_AHEAD) % HOURS]);
        Self::shaped(working, random.random_range(0.8..1.0))
    }

    /// A job at a few fixed hours, with a trickle in between.
    pub(crate) fn batch(random: &mut impl Rng) -> Self {
        let mut working = [0.02; HOURS];
        for _ in 0..random.random_range(1..5) {
            working[random.random_range(0..HOURS)] = random.random_range(0.5..1.5);
        }
        Self::shaped(working, if random.random_bool(0.7) { 1.0 } else { 0.03 })
    }

    /// Nothing but the office's core hours on working days: when deployments happen.
    pub(crate) fn core_hours() -> Self {
        let local = |hour: usize| (hour + LOCAL_HOURS_AHEAD) % HOURS;
        Self::shaped(std::array::from_fn(|hour| f64::from(u8::from((10..18).contains(&local(hour))))), 0.0)
    }

    fn shaped(mut working: [f64; HOURS], day_off: f64) -> Self {
        let mean = working.iter().sum::<f64>() / HOURS as f64;
        for factor in &mut working {
            *factor /= mean;
        }
        Self { working, off: working.map(|factor| factor * day_off) }
    }

    /// The factor of an hour.
    pub(crate) fn at(&self, day_off: bool, hour: usize) -> f64 {
        if day_off { self.off[hour] } else { self.working[hour] }
    }
}
