//! Null calibration of the nightly job's model: single windows of a day that nothing is wrong with, after four weeks.
//!
//! The five generators of the null study, each the only inhabitant of a family; every entity has a rhythm of its own. What is judged
//! is what `detect` asks of a window before it corrects for choosing among windows. p-values are randomised for discreteness.

use insights::baseline::dispersion::WIDTHS;
use insights::baseline::{Calendar, DayWindow, Expectation, FamilyBaseline, FamilyHistory, Feed, HistoryHour, Window};
use insights::rollup::{EntityKey, Family};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::null::{Exceedances, Generator, RATES};

/// Days before the one that is judged.
const HISTORY_DAYS: usize = 28;
/// The rates at which entities have a model of single hours; sparser ones are judged by the day.
pub(crate) const NIGHTLY_RATES: [f64; 5] = [RATES[2], RATES[3], RATES[4], RATES[5], RATES[6]];
/// The widths that a single day holds.
pub(crate) const DAY_WIDTHS: usize = 4;

/// Exceedances by width, and within a width by rate.
pub(crate) type ByWidth = [[Exceedances; NIGHTLY_RATES.len()]; DAY_WIDTHS];

/// Judges the last day of `replicates` entities at each of [`NIGHTLY_RATES`], in so many families of which none knows the others.
pub(crate) fn calibrate_nightly(generator: Generator, replicates: usize, families: u64, seed: u64) -> ByWidth {
    let one = |number: u64| calibrate_family(generator, replicates, seed.wrapping_add(number << 48));
    (0..families).map(one).fold(ByWidth::default(), sum)
}

fn calibrate_family(generator: Generator, replicates: usize, seed: u64) -> ByWidth {
    let history = family(generator, replicates, seed);
    let window = Window::new("2026-02-02".parse().unwrap_or_default(), HISTORY_DAYS, |_| true);
    let calendar = Calendar::new(chrono_tz::UTC);
    let feed = Feed::judge(&history, &window, &calendar);
    let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
    let judged = |member: usize| {
        let mut found = ByWidth::default();
        let mut random = stream(seed ^ 0x5eed, generator, member);
        judge_day(&baseline, member, |width, one| {
            found[width][member / replicates].judge_with(one.0, one.1, random.random());
        });
        found
    };
    (0..history.len()).into_par_iter().map(judged).reduce(ByWidth::default, sum)
}

/// A window's tails: `ln P(Y >= y)` and `ln P(Y <= y)` at the count and at its outer neighbour.
type Tails = ([f64; 2], [f64; 2]);

fn judge_day(baseline: &FamilyBaseline<'_>, member: usize, mut note: impl FnMut(usize, Tails)) {
    let Expectation::Seasonal { fits, .. } = baseline.expect(member, HISTORY_DAYS) else { return };
    let fit = &fits[0];
    let calls = baseline.calls_of(member, HISTORY_DAYS);
    let week_hours = baseline.week_hours(HISTORY_DAYS..HISTORY_DAYS + 1);
    for (width, &hours) in WIDTHS.iter().enumerate().take(DAY_WIDTHS) {
        for (place, (calls, week_hours)) in calls.chunks(hours).zip(week_hours.chunks(hours)).enumerate() {
            let count: u64 = calls.iter().map(|&calls| u64::from(calls)).sum();
            let window = DayWindow { member, day: HISTORY_DAYS, first: place * hours, hours: week_hours, width };
            let up = |count: u64| baseline.ln_upper(fit, window, count);
            let down = |count: u64| baseline.ln_lower(fit, window, count);
            let below = count.checked_sub(1).map_or(f64::NEG_INFINITY, down);
            note(width, ([up(count + 1), up(count)], [below, down(count)]));
        }
    }
}

#[allow(clippy::large_types_passed_by_value, reason = "that is how rayon reduces")]
fn sum(mut left: ByWidth, right: ByWidth) -> ByWidth {
    for (own, other) in left.as_flattened_mut().iter_mut().zip(right.as_flattened()) {
        *own = own.add(*other);
    }
    left
}

fn stream(seed: u64, generator: Generator, member: usize) -> Xoshiro256PlusPlus {
    let place = ((generator as u64) << 32 | member as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Xoshiro256PlusPlus::seed_from_u64(seed ^ place)
}

fn family(generator: Generator, replicates: usize, seed: u64) -> FamilyHistory {
    let entity = |member: usize| {
        let mut random = stream(seed, generator, member);
        let rate = NIGHTLY_RATES[member / replicates];
        let counts = generator.series(rate, member, (HISTORY_DAYS + 1) * 24, &mut random);
        let hours = counts.iter().enumerate().filter(|(_, calls)| **calls > 0);
        let hours =
            hours.map(|(hour, &calls)| HistoryHour { hour: hour as u16, calls: calls as u32, errors: 0, peak: 0 });
        // Keys in the order of numbers, for histories are ordered by key.
        (EntityKey::new(["1", &format!("10.{:03}.{:03}.1", member / 256, member % 256)]), hours.collect())
    };
    let entities: Vec<_> = (0..NIGHTLY_RATES.len() * replicates).into_par_iter().map(entity).collect();
    FamilyHistory::from_entities(Family::SourceIp, entities)
}
