//! A night over very many entities: 28 days of history of up to a million of them, five busy hours a day on average.
//!
//! Not a stopwatch of events, of which there are none: rollups are written straight through the store, then read, learnt from and
//! judged as `insights run` does, step by step, in a process of its own so that its peak of memory is its own.
//! `cargo bench --bench entities` prints seconds, CPU seconds and memory; `INSIGHTS_ENTITIES=250000,1000000` chooses how many.

#![allow(clippy::print_stdout)]

mod population;

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use chrono::NaiveDate;
use insights::baseline::novelty::Company;
use insights::baseline::{Calendar, FamilyHistory, Feed, Window};
use insights::detect::judgement::{Night, judge as judge_rates};
use insights::detect::{Thresholds, first_seen};
use insights::rollup::Family;
use population::{HISTORY_DAYS, write_days};
use rayon::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let scored: NaiveDate = "2026-01-29".parse()?;
    match &arguments[..] {
        [what, state, entities] if what == "write" => Ok(write_days(Path::new(state), entities.parse()?, scored)?),
        [what, state] if what == "judge" => judge(Path::new(state), scored),
        _ => compare(),
    }
}

/// Writes and judges each number of entities in processes of their own.
fn compare() -> Result<(), Box<dyn Error>> {
    let sizes = std::env::var("INSIGHTS_ENTITIES").unwrap_or_else(|_| "250000,500000,1000000".to_owned());
    for size in sizes.split(',') {
        let folder = tempfile::tempdir()?;
        let state = folder.path().display().to_string();
        for arguments in [&["write", &state, size][..], &["judge", &state]] {
            let status = Command::new(std::env::current_exe()?).args(arguments).status()?;
            if !status.success() {
                return Err(format!("{arguments:?}: {status}").into());
            }
        }
    }
    Ok(())
}

fn judge(state: &Path, scored: NaiveDate) -> Result<(), Box<dyn Error>> {
    let mut clock = Clock::start();
    let window = Window::new(scored, HISTORY_DAYS, |_| true);
    let read = Family::RATED.par_iter().map(|&family| FamilyHistory::read(state, family, &window));
    let families: Vec<FamilyHistory> = read.collect::<Result<_, _>>()?;
    let entities: usize = families.iter().map(FamilyHistory::len).sum();
    let hours: usize =
        families.iter().map(|family| (0..family.len()).map(|member| family.hours(member).len()).sum::<usize>()).sum();
    println!("{entities} entities, {hours} hours with calls");
    clock.lap("read the history");
    let calendar = Calendar::new(chrono_tz::UTC);
    let feed = Feed::judge(&families[0], &window, &calendar);
    let night = Night { window: &window, calendar: &calendar, feed: &feed, thresholds: Thresholds::default() };
    clock.lap("judge the feed");
    let company = Company::read(state, &window)?;
    clock.lap("read the pairs");
    let company = first_seen::judge(company, &night.thresholds)?;
    clock.lap("judge the pairs");
    let tests = company.tests(families.len());
    let rates = judge_rates(&families.iter().collect::<Vec<_>>(), night, &tests)?;
    let found: usize = rates.families.iter().map(|family| family.deviations.len()).sum();
    let firsts = company.found(&rates.others, families.len()).len();
    clock.lap("learn, judge, replay and select the rates");
    println!("  {found} deviations, {firsts} with new company");
    clock.total();
    Ok(())
}

/// Wall and CPU seconds since the last step.
struct Clock {
    started: (Instant, f64),
    last: (Instant, f64),
}

impl Clock {
    fn start() -> Self {
        let now = (Instant::now(), cpu_seconds());
        Self { started: now, last: now }
    }

    fn lap(&mut self, what: &str) {
        Self::print(what, self.last);
        self.last = (Instant::now(), cpu_seconds());
    }

    fn total(&self) {
        Self::print("all of it", self.started);
    }

    fn print(what: &str, since: (Instant, f64)) {
        let (wall, cpu) = (since.0.elapsed().as_secs_f64(), cpu_seconds() - since.1);
        println!("  {what:<42} {wall:>7.2} s {cpu:>7.2} CPU s, peak {:>5} MiB so far", peak_mebibytes());
    }
}

/// CPU seconds of this process, user and system, as Linux tells them.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// The largest resident memory of this process, as Linux tells it.
fn peak_mebibytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1024
}
