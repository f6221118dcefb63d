//! Reading history and judging a night: 28 generated days and the scored one, 50,000 events a day.
//!
//! Both are paid by entity, not by event, so days are small and all five families that have rates are taken: busy ones (APIs,
//! principals), which are judged hour by hour, and many that come and go (errors, addresses). The throughput is entities.

use std::error::Error;
use std::time::Duration;

use chrono::NaiveDate;
use criterion::{Criterion, Throughput};
use insights::baseline::{Calendar, FamilyHistory, Feed, Window};
use insights::detect::Thresholds;
use insights::detect::judgement::{Night, detect};
use insights::generate::{Options, generate};
use insights::partition::{ColumnOverrides, Partitions};
use insights::rollup::Family;
use insights::rollup::update::{Counting, update};
use insights::storage::StateLock;

/// The allocator of the program, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HISTORY_DAYS: u32 = 28;
const EVENTS_PER_DAY: u64 = 50_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let options = Options { days: HISTORY_DAYS + 1, events_per_day: EVENTS_PER_DAY, ..Options::default() };
    generate(&options, &events, &|_| {})?;
    let partitions = Partitions::find(&events, &ColumnOverrides::new())?;
    let dates: Vec<NaiveDate> = partitions.dates().into_iter().collect();
    let _lock = StateLock::acquire(&state)?;
    let counting = Counting { pairs: false, max_entities: usize::MAX };
    update(&partitions, &dates, &state, counting, &|_| {})?;

    let scored = *dates.last().ok_or("no days were generated")?;
    let window = Window::new(scored, HISTORY_DAYS as usize, |day| dates.contains(&day));
    let read = || Family::RATED.map(|family| FamilyHistory::read(&state, family, &window));
    let families: Vec<FamilyHistory> = read().into_iter().collect::<Result<_, _>>()?;
    let calendar = Calendar::new(chrono_tz::UTC);
    let feed = Feed::judge(&families[0], &window, &calendar);
    let night = Night { window: &window, calendar: &calendar, feed: &feed, thresholds: Thresholds::default() };
    let entities: usize = families.iter().map(FamilyHistory::len).sum();

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("baseline");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(entities as u64));
    group.bench_function("read history", |bencher| bencher.iter(read));
    group.bench_function("detect", |bencher| {
        bencher.iter(|| {
            families.iter().map(|history| Ok(detect(history, night)?.deviations.len())).sum::<insights::Result<usize>>()
        });
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}
