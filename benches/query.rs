//! Questions about six generated days of 100,000 events each: how many calls a key made, the newest of them, counts by a field.
//!
//! `decode` reads the key's column and does nothing with it: the floor for whoever counts by it. All cores are used, as by the program.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use insights::event::Column;
use insights::generate::{Options, generate};
use insights::partition::{ColumnOverrides, Partitions, RowChoice, RowGroupReader};
use insights::query::{Field, Filter, Request, Search};
use rayon::prelude::*;

/// The allocator of the program, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: &[&[Column]] = &[&[Column::AccessKeyId]];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let made = generate(
        &Options { days: 6, events_per_day: 100_000, quiet: true, ..Options::default() },
        folder.path(),
        &|_| {},
    )?;
    let partitions = Partitions::find(folder.path(), &ColumnOverrides::new())?;
    let all = Search::open(&partitions, Filter::default());
    let keys = all.tally(&[Field::Column(Column::AccessKeyId)]).0;
    let busiest = keys.rows.iter().find_map(|(values, _)| values[0].clone().filter(|key| key.starts_with("LTAI")));
    let asked = Request { access_key: vec![busiest.ok_or("no key was generated")?], ..Request::default() };
    let filter = Filter::parse(&asked, 0)?;

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("query");
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(made.events));
    group.bench_function("decode", |bencher| bencher.iter(|| decode(&all)));
    group.bench_function("open and count by key", |bencher| {
        bencher.iter(|| Search::open(&partitions, filter.clone()).count());
    });
    let search = Search::open(&partitions, filter);
    group.bench_function("count by key", |bencher| bencher.iter(|| black_box(&search).count()));
    group.bench_function("newest 50", |bencher| bencher.iter(|| black_box(&search).newest(None, 50)));
    group.bench_function("count by API", |bencher| bencher.iter(|| black_box(&all).tally(&[Field::Api])));
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// Reads the keys of all row groups, and gives the number of rows.
fn decode(search: &Search) -> usize {
    let choice = RowChoice { times: false, ..RowChoice::default() };
    let rows = |&place: &insights::query::GroupPlace| {
        let reader = RowGroupReader::open_rows(search.file(place), place.group as usize, KEY, choice);
        reader.into_iter().flatten().flatten().map(|batch| black_box(batch).rows).sum::<usize>()
    };
    search.groups.par_iter().map(rows).sum()
}
