//! Anomalies of volume: an entity does much more of what it always did, or nothing at all.

use rand::RngExt;

use super::Silence;
use super::material::pick_one;
use super::planner::{Draft, Planner, hours_of};
use crate::generate::entity::Entity;
use crate::generate::expectation::Expectation;
use crate::generate::rhythm::HOURS;
use crate::time::{DAY_SECONDS, HOUR_SECONDS};

/// The smallest number of extra calls that deserves a label.
const LEAST_EXTRA: usize = 10;
/// What an error surge adds at least, and the calls that its API should have in an hour.
const LEAST_ERRORS: usize = 15;
const SURGE_CALLS: f64 = 2.0;

/// The rate of the entities that are multiplied: dense enough to have a rate, too small to double the whole day.
fn ordinary(planner: &Planner<'_>) -> std::ops::Range<f64> {
    1.0..6.0 + planner.world.options.events_per_day as f64 / HOURS as f64 * 0.002
}

/// An API, a key or an address has `factor` times its calls for one to four hours.
pub(super) fn rate_spike(planner: &mut Planner<'_>, factor: f64) -> Option<Draft> {
    let length = planner.random.random_range(12..=48) * 300;
    let start = planner.moment(length)?;
    let span = start..start + length;
    let range = ordinary(planner);
    let entity = planner.choose(start / HOUR_SECONDS, range)?;
    if hours_of(&span)
        .any(|(hour, _)| planner.expected(entity, &(hour * HOUR_SECONDS..(hour + 1) * HOUR_SECONDS)) < 1.0)
    {
        return None;
    }
    let users: Vec<u32> = planner.actors_of(entity, start / HOUR_SECONDS).into_iter().map(|(actor, _)| actor).collect();
    let one = planner.random.random_bool(0.5);
    let culprit = if one { pick_one(&users, &mut planner.random) } else { None };
    let rows = planner.more_calls(entity, culprit, &span, |_| factor - 1.0);
    let marks = vec![(entity, Some(factor))];
    (rows.len() >= LEAST_EXTRA).then_some(Draft { kind: "rate_spike", span, marks, rows, silence: None })
}

/// A busy entity is silent for six hours.
pub(super) fn rate_drop(planner: &mut Planner<'_>) -> Option<Draft> {
    let length = 6 * HOUR_SECONDS;
    let start = planner.moment(length + HOUR_SECONDS)?.div_ceil(HOUR_SECONDS) * HOUR_SECONDS;
    let span = start..start + length;
    let total = planner.world.options.events_per_day as f64;
    let entity = planner.choose(start / HOUR_SECONDS, 20.0..(total * 0.05).max(60.0))?;
    if hours_of(&span).any(|(_, part)| planner.expected(entity, &part) < 20.0) {
        return None;
    }
    let silence = Some(Silence { entity, span: span.clone() });
    Some(Draft { kind: "rate_drop", span, marks: vec![(entity, Some(0.0))], rows: Vec::new(), silence })
}

/// Over three days a key's or an API's calls grow to five times what they were.
pub(super) fn slow_ramp(planner: &mut Planner<'_>) -> Option<Draft> {
    let length = 3 * DAY_SECONDS;
    let start = planner.moment(length)? / DAY_SECONDS * DAY_SECONDS;
    if start / DAY_SECONDS < planner.days.start {
        return None;
    }
    let range = ordinary(planner);
    let entity = planner.choose(start / HOUR_SECONDS + 3, range)?;
    let span = start..start + length;
    let last = 5.0;
    let strength = |hour: u32| (last - 1.0) * f64::from(hour * HOUR_SECONDS - start) / f64::from(length);
    let rows = planner.more_calls(entity, None, &span, strength);
    let marks = vec![(entity, Some(last))];
    (rows.len() >= 10 * LEAST_EXTRA).then_some(Draft { kind: "slow_ramp", span, marks, rows, silence: None })
}

/// From some day on, to the end, an entity has four times its calls.
pub(super) fn level_shift(planner: &mut Planner<'_>) -> Option<Draft> {
    let (first, end) = (planner.days.start, planner.days.end);
    let latest = end.checked_sub(2).filter(|latest| *latest >= first)?;
    let start = planner.random.random_range((first + 1).min(latest)..=latest) * DAY_SECONDS;
    let range = ordinary(planner);
    let entity = planner.choose(start / HOUR_SECONDS + 3, range)?;
    let span = start..end * DAY_SECONDS;
    let factor = 4.0;
    let rows = planner.more_calls(entity, None, &span, |_| factor - 1.0);
    let marks = vec![(entity, Some(factor))];
    (rows.len() >= 10 * LEAST_EXTRA).then_some(Draft { kind: "level_shift", span, marks, rows, silence: None })
}

/// An API's errors of one code jump to ten to fifty times their number for one or two hours.
pub(super) fn error_surge(planner: &mut Planner<'_>) -> Option<Draft> {
    let length = planner.random.random_range(12..=24) * 300;
    let start = planner.moment(length)?;
    let span = start..start + length;
    let expectation = Expectation::of(planner.world, start / HOUR_SECONDS);
    let busy = |(position, calls): (usize, &f64)| (*calls >= SURGE_CALLS).then_some(position as u16);
    let apis: Vec<u16> = expectation.apis.iter().enumerate().filter_map(busy).collect();
    let api = pick_one(&apis, &mut planner.random)?;
    let called = &planner.world.catalogue.apis[api as usize];
    if called.popularity <= 0.0 {
        return None;
    }
    let entity = Entity::ApiError(api, called.errors.draw(&mut planner.random) as u8);
    let factor = planner.random.random_range(10.0..50.0_f64).round();
    let most = planner.world.options.events_per_day as f64 * 0.01 + 100.0;
    let rows = planner.more_calls(entity, None, &span, |_| factor - 1.0);
    let marks = vec![(entity, Some(factor))];
    let fits = (LEAST_ERRORS..most as usize).contains(&rows.len());
    fits.then_some(Draft { kind: "error_surge", span, marks, rows, silence: None })
}
