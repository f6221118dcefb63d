//! The scan kernel: one generated day of about 300,000 events in one file of two row groups, as `insights generate` writes it.
//!
//! The day is large enough for the cost of a row to outweigh that of opening a file, and small enough to stay in the page cache,
//! so that processor work is measured and not the disk. `decode` reads the same columns and counts nothing; `count` is the kernel
//! alone: batches that are in memory, to hours in order, by a counter that knows the names, as on any day but the first. All but
//! the last case use one thread, so that they can be compared. A thread's share is whole row groups, and the second one is
//! small: the last case shows what dividing a day costs rather than what it gains.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use chrono::NaiveDate;
use criterion::{Criterion, Throughput};
use insights::generate::{Options, generate};
use insights::partition::{ColumnOverrides, EventBatch, EventFile, Partitions, RowGroupReader};
use insights::rollup::keys::INPUTS;
use insights::rollup::{DayCounter, DayRollup, HourSet, Run, ScanOptions, runs, scan_day};
use insights::time::midnight_ms;

/// The allocator of the program, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 300_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let options = Options { days: 1, events_per_day: EVENTS, quiet: true, ..Options::default() };
    let made = generate(&options, folder.path(), &|_| {})?;
    let date = options.first_day;
    let (files, problems) = Partitions::find(folder.path(), &ColumnOverrides::new())?.open_range(date, date);
    let counted = scan_day(&files, date, ScanOptions::new(true, 1, usize::MAX))?.0.counts.events;
    assert!(problems.is_empty() && counted == made.events, "the day is not whole: {counted} of {} events", made.events);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(made.events));
    group.bench_function("decode", |bencher| bencher.iter(|| decode(&files)));
    let batches = batches(&files, date)?;
    for (name, pairs) in [("count", false), ("count and pairs", true)] {
        let mut counter = DayCounter::new(pairs);
        group.bench_function(name, |bencher| bencher.iter(|| count(&mut counter, black_box(&batches))));
    }
    for (name, pairs, threads) in [
        ("rollup", false, 1),
        ("rollup and pairs", true, 1),
        ("rollup and pairs, all cores", true, rayon::current_num_threads()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| scan_day(black_box(&files), date, ScanOptions::new(pairs, threads, usize::MAX)));
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

type Batches = Vec<(EventBatch, Vec<Run>)>;

/// The rows of the day, which is in order, and their runs.
fn batches(files: &[EventFile], date: NaiveDate) -> insights::Result<Batches> {
    let mut batches = Batches::new();
    for file in files {
        for group in 0..file.row_groups.len() {
            for batch in RowGroupReader::open(file, group, &INPUTS)? {
                let batch = batch?;
                let runs = runs(&batch.times, midnight_ms(date));
                batches.push((batch, runs));
            }
        }
    }
    Ok(batches)
}

fn count(counter: &mut DayCounter, batches: &Batches) -> DayRollup {
    counter.begin_day(HourSet::default());
    let in_order = batches.iter().try_for_each(|(batch, runs)| counter.count(batch, runs));
    assert_eq!(in_order, Ok(()), "a generated day is in order");
    counter.finish()
}

/// Reads what a rollup reads, and gives the number of rows.
fn decode(files: &[EventFile]) -> insights::Result<usize> {
    let mut rows = 0;
    for file in files {
        for group in 0..file.row_groups.len() {
            for batch in RowGroupReader::open(file, group, &INPUTS)? {
                rows += black_box(batch?).times.len();
            }
        }
    }
    Ok(rows)
}
