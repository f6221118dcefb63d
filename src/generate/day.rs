//! One day of events: drawn hour by hour, planted ones mixed in, sorted, and written row group by row group.
//!
//! At most one hour of rows and one row group of columns are in memory.

use std::path::Path;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::error::Result;
use crate::event::Column;
use crate::partition::write::{ROW_GROUP_ROWS, create, folder};
use crate::storage::ParquetFile;
use crate::time::HOUR_SECONDS;

use super::actor::{Actor, Kind};
use super::anomaly::Plan;
use super::columns::Columns;
use super::rhythm::HOURS;
use super::row::Row;
use super::stream::{Purpose, factor, gamma_of_mean_one, poisson, stream};
use super::world::World;

/// How much an actor's days differ from one another.
const DAY_EFFECT: f64 = 0.12;
/// The probability that a working day sees deployments, and that one of its core hours does then.
const DEPLOYMENT_DAY: f64 = 0.7;
const DEPLOYMENT_HOUR: f64 = 0.25;

/// Writes the partition of a day and tells how many events it has.
pub(crate) fn write(world: &World, plan: &Plan, day: u32, out: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<u64> {
    let target = folder(out, world.date(day)).join("part-0000.parquet");
    let mut file = create(&target)?;
    let mut writer = Writer { columns: Columns::new(world, day), pending: Vec::new(), written: 0, progress };
    let mut actors: Vec<Today> = (0..world.people.actors.len()).map(|number| Today::new(world, day, number)).collect();
    for hour in day * HOURS as u32..(day + 1) * HOURS as u32 {
        writer.pending.extend(draw_hour(world, plan, hour, &mut actors));
        writer.write_full_groups(&mut file)?;
    }
    writer.write_rest(&mut file)?;
    file.finish()?;
    Ok(writer.written as u64)
}

/// The events of one hour, sorted by time.
fn draw_hour(world: &World, plan: &Plan, hour: u32, actors: &mut [Today]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (actor, today) in world.people.actors.iter().zip(actors) {
        let expected = world.rate(actor, hour);
        let count = today.count(actor, expected);
        if count > 0 {
            actor.calls(world.tables(), count, hour * HOUR_SECONDS, &mut today.random, &mut rows);
        }
    }
    plan.remove_dropped(world, hour, &mut rows);
    rows.extend_from_slice(plan.planted(hour));
    sorted(&rows, hour * HOUR_SECONDS)
}

/// Sorts by second, keeping the order within a second: counting is several times as fast as comparing.
fn sorted(rows: &[Row], start: u32) -> Vec<Row> {
    let slot = |row: &Row| (row.second - start) as usize;
    let mut places = vec![0_usize; HOUR_SECONDS as usize + 1];
    for row in rows {
        places[slot(row) + 1] += 1;
    }
    for second in 0..HOUR_SECONDS as usize {
        places[second + 1] += places[second];
    }
    let mut ordered = rows.to_vec();
    for row in rows {
        ordered[places[slot(row)]] = *row;
        places[slot(row)] += 1;
    }
    ordered
}

/// An actor's day.
struct Today {
    random: Xoshiro256PlusPlus,
    effect: f64,
    deploys: bool,
}

impl Today {
    fn new(world: &World, day: u32, number: usize) -> Self {
        let mut random = stream(world.options.seed, Purpose::Calls, day, number as u64);
        let effect = factor(&mut random, DAY_EFFECT);
        let mut calendar = stream(world.options.seed, Purpose::Deployments, day, number as u64);
        Self { random, effect, deploys: calendar.random_bool(DEPLOYMENT_DAY) }
    }

    /// How many calls an hour really has: negative binomial around the expectation.
    fn count(&mut self, actor: &Actor, expected: f64) -> u64 {
        if expected <= 0.0 {
            return 0;
        }
        let mean = expected * self.effect;
        if actor.kind != Kind::Deployer {
            let mean = mean * gamma_of_mean_one(&mut self.random, actor.steadiness);
            return poisson(&mut self.random, mean);
        }
        let deployment = self.deploys && self.random.random_bool(DEPLOYMENT_HOUR);
        if deployment { poisson(&mut self.random, mean / (DEPLOYMENT_DAY * DEPLOYMENT_HOUR)) } else { 0 }
    }
}

/// What is still to be written of a day.
struct Writer<'progress> {
    columns: Columns,
    pending: Vec<Row>,
    written: usize,
    progress: &'progress (dyn Fn(u64) + Sync),
}

impl Writer<'_> {
    fn write_full_groups(&mut self, file: &mut ParquetFile) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let groups = pending.chunks_exact(ROW_GROUP_ROWS);
        self.pending.extend_from_slice(groups.remainder());
        groups.into_iter().try_for_each(|rows| self.write_group(file, rows))
    }

    fn write_rest(&mut self, file: &mut ParquetFile) -> Result<()> {
        let rest = std::mem::take(&mut self.pending);
        if rest.is_empty() { Ok(()) } else { self.write_group(file, &rest) }
    }

    fn write_group(&mut self, file: &mut ParquetFile, rows: &[Row]) -> Result<()> {
        let mut group = file.row_group()?;
        group.append(|column| self.columns.build(Column::ALL[column], rows, self.written))?;
        group.close()?;
        self.written += rows.len();
        (self.progress)(rows.len() as u64);
        Ok(())
    }
}
