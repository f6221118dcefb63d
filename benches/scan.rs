//! The scan kernel: one generated day of about 300,000 events in one file of two row groups, as `insights generate` writes it.
//!
//! The day is large enough for the cost of a row to outweigh that of opening a file, and small enough to stay in the page cache,
//! so that processor work is measured and not the disk. `decode` reads the same columns and counts nothing: the distance from
//! there to a rollup is what counting costs. All but the last case use one thread, so that they can be compared. A thread's share
//! is whole row groups, and the second one is small: the last case shows what dividing a day costs rather than what it gains.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use insights::generate::{Options, generate};
use insights::partition::{ColumnOverrides, EventFile, Partitions, RowGroupReader};
use insights::rollup::keys::INPUTS;
use insights::rollup::{ScanOptions, scan_day};

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
    let counted = scan_day(&files, date, ScanOptions { pairs: true, threads: 1 }).0.counts.events;
    assert!(problems.is_empty() && counted == made.events, "the day is not whole: {counted} of {} events", made.events);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(made.events));
    group.bench_function("decode", |bencher| bencher.iter(|| decode(&files)));
    for (name, pairs, threads) in [
        ("rollup", false, 1),
        ("rollup and pairs", true, 1),
        ("rollup and pairs, all cores", true, rayon::current_num_threads()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| scan_day(black_box(&files), date, ScanOptions { pairs, threads }));
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
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
