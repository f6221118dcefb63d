//! Labelled synthetic events: a make-believe company on a make-believe cloud, with anomalies planted where we know of them, and people who come
//! and go.
//!
//! [`generate`] is the entrance. A [`world::World`] is drawn from the seed, a [`anomaly::Plan`] says what is planted, and each
//! day is then made alone from streams of its own, so the bytes do not depend on how many threads there are. Writes
//! `date=YYYY-MM-DD/part-0000.parquet` and `labels.jsonl`; knows nothing of how anomalies are found.

mod actor;
mod anomaly;
mod catalogue;
mod choice;
mod columns;
mod day;
mod entity;
mod expectation;
mod label;
mod network;
mod population;
mod rhythm;
mod row;
mod services;
mod stream;
#[cfg(test)]
mod tests;
mod texts;
mod world;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use chrono::NaiveDate;

use crate::error::{Error, Result};

use world::World;

/// The name of the file of labels beside the partitions.
pub const LABELS: &str = "labels.jsonl";

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What all chance is derived from; the same options give the same bytes.
    pub seed: u64,
    /// The first day.
    pub first_day: NaiveDate,
    /// How many days.
    pub days: u32,
    /// How many events a day has on average; days off have fewer.
    pub events_per_day: u64,
    /// Whether no anomalies are planted.
    pub quiet: bool,
    /// How many days at the end may have anomalies.
    pub anomaly_days: u32,
}

impl Default for Options {
    fn default() -> Self {
        let first_day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default();
        Self { seed: 7, first_day, days: 35, events_per_day: 1_000_000, quiet: false, anomaly_days: 7 }
    }
}

/// What was generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generated {
    /// Partitions.
    pub days: u32,
    /// Events in all of them.
    pub events: u64,
    /// Lines of labels.
    pub labels: u64,
}

/// Writes partitions and labels below `out`; `progress` is told how many events were written since it was last told.
///
/// # Errors
/// [`Error::Query`] when there are days or labels already, which may be nobody's making; [`Error::Write`].
pub fn generate(options: &Options, out: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<Generated> {
    refuse_what_is_there(out)?;
    let mut world = World::new(options);
    let plan = anomaly::plan(&mut world);
    let next = AtomicU32::new(0);
    let failed = AtomicBool::new(false);
    // One loop per thread instead of a parallel iterator over days: a thread that waits for columns could begin another day, and
    // the memory of several would add up.
    let results = rayon::broadcast(|_| {
        let mut events = 0;
        while !failed.load(Ordering::Relaxed) {
            let day = next.fetch_add(1, Ordering::Relaxed);
            if day >= options.days {
                break;
            }
            let written = day::write(&world, &plan, day, out, progress);
            failed.fetch_or(written.is_err(), Ordering::Relaxed);
            events += written?;
        }
        Ok::<u64, Error>(events)
    });
    let events = results.into_iter().sum::<Result<u64>>()?;
    label::write(&world, &plan.labels, &out.join(LABELS))?;
    Ok(Generated { days: options.days, events, labels: plan.labels.len() as u64 })
}

/// Labels tell of all events beside them, and days that are there may be real: nothing is replaced, and nothing added to.
fn refuse_what_is_there(out: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(out) else { return Ok(()) };
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    let taken = names.iter().find(|name| *name == LABELS || name.starts_with("date="));
    let Some(taken) = taken else { return Ok(()) };
    Err(Error::Query {
        message: format!("--out: `{}` holds `{taken}` already, and made-up events replace nothing", out.display()),
        hint: Some("name a folder that is new or empty, or remove this one first".to_owned()),
    })
}
