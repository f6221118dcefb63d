//! What is planted: which anomalies there are, where they may stand, and the labels that tell of them.
//!
//! All of it is decided before the first day is made. The kinds are in the files below; each drafts rows or a drop out of `material`, and
//! [`planner::Planner`] turns a draft into labels or refuses it.

mod change;
mod intrusion;
mod material;
mod planner;
mod turnover;
mod volume;

use std::ops::Range;

use super::entity::Entity;
use super::label::Label;
use super::row::Row;
use super::world::World;
use crate::time::HOUR_SECONDS;
use planner::Planner;

/// An entity that falls silent.
#[derive(Debug, Clone)]
pub(crate) struct Silence {
    entity: Entity,
    /// Seconds since the start.
    span: Range<u32>,
}

/// Everything that is planted.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Sorted by time.
    rows: Vec<Row>,
    silences: Vec<Silence>,
    pub(crate) labels: Vec<Label>,
}

impl Plan {
    /// The planted events of an hour, counted from the start.
    pub(crate) fn planted(&self, hour: u32) -> &[Row] {
        let before = |second: u32| self.rows.partition_point(|row| row.second < second);
        &self.rows[before(hour * HOUR_SECONDS)..before((hour + 1) * HOUR_SECONDS)]
    }

    /// Takes away what drops keep from happening in an hour.
    pub(crate) fn remove_dropped(&self, world: &World, hour: u32, rows: &mut Vec<Row>) {
        let touches = |silence: &&Silence| {
            silence.span.start < (hour + 1) * HOUR_SECONDS && silence.span.end > hour * HOUR_SECONDS
        };
        for silence in self.silences.iter().filter(touches) {
            rows.retain(|row| !(silence.span.contains(&row.second) && silence.entity.holds(world, row)));
        }
    }
}

/// Decides what is planted. New addresses and requests are added to the world.
pub(crate) fn plan(world: &mut World) -> Plan {
    let days = world.options.anomaly_days.min(world.options.days);
    if world.options.quiet || days == 0 {
        return Plan::default();
    }
    let growth = 1.0 + 0.5 * (world.options.events_per_day as f64 / 5_000.0).max(1.0).log10();
    let several = |base: f64| (base * growth * f64::from(days.min(7)) / 7.0).round().max(1.0) as u32;
    let mut planner = Planner::new(world, world.options.days - days);
    // What needs the rarest circumstances goes first.
    planner.repeat(several(1.0), volume::level_shift);
    planner.repeat(several(1.0), volume::slow_ramp);
    planner.repeat(several(2.0), volume::rate_drop);
    planner.repeat(several(3.0), volume::error_surge);
    planner.repeat(several(2.0), intrusion::stolen_key);
    planner.repeat(several(1.0), intrusion::password_spray);
    for (base, factor) in [(6.0, 10.0), (3.0, 5.0), (3.0, 30.0)] {
        planner.repeat(several(base).max(base as u32), |planner| volume::rate_spike(planner, factor));
    }
    planner.repeat(several(3.0), change::permission_change);
    planner.repeat(several(2.0), change::password_change);
    planner.repeat(several(3.0), change::trail_tampering);
    turnover::label_turnover(&mut planner);
    planner.finish()
}
