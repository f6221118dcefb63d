//! Rules over a generated day of about a million events, beside the scan that counts the same events for the rollup.
//!
//! The rules are the built-in ones: 57 about single events, all of them, and a thousand made by giving copies of them other event names,
//! as many rules about many things would have. What `rsigma-eval` needs for the same rules and events is measured in `tests/oracle`, for
//! it is no dependency of this crate. One thread but for the last case, so that cases can be compared.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use insights::generate::{Options, generate};
use insights::partition::{ColumnOverrides, EventFile, Partitions};
use insights::rollup::{DayRollup, ScanOptions, scan_day};
use insights::rules::builtin::FILES;
use insights::rules::evaluate::scan::{Looked, evaluate_day};
use insights::rules::matched::Facts;
use insights::rules::parse::{Parsed, parse_text};
use insights::rules::plan::Body;
use insights::rules::{Program, RuleSet, RuleSettings};

/// The allocator of the program, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 1_000_000;

/// The first `most` built-in rules about single events, in as many variations as that takes.
fn rules(most: usize) -> RuleSet {
    let settings = RuleSettings::default();
    let mut parsed = Parsed::default();
    for variation in 0.. {
        for (name, text) in FILES {
            let text = if variation == 0 {
                (*text).to_owned()
            } else {
                text.replace("eventName:", &format!("eventName|endswith: [V{variation}]\n    event_name:"))
            };
            for mut rule in parse_text(name, &text, &settings).rules {
                if matches!(rule.body, Body::Detection(_)) && parsed.rules.len() < most {
                    rule.id = format!("{}-{variation}", rule.id);
                    rule.name = rule.name.map(|name| format!("{name}-{variation}"));
                    parsed.rules.push(rule);
                }
            }
        }
        if parsed.rules.len() >= most || variation > 20 {
            break;
        }
    }
    RuleSet::link(vec![parsed], &settings)
}

fn evaluate(program: &Program, files: &[EventFile], date: chrono::NaiveDate) -> Looked {
    evaluate_day(program, &RuleSettings::default().hours, files, date, |found| {
        black_box(found);
        Facts::All
    })
    .0
}

/// Counts the day as a night without rules does.
fn count(files: &[EventFile], date: chrono::NaiveDate, threads: usize) -> insights::Result<DayRollup> {
    Ok(scan_day(files, date, ScanOptions::new(true, threads, usize::MAX))?.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let options = Options { days: 1, events_per_day: EVENTS, quiet: true, ..Options::default() };
    let made = generate(&options, folder.path(), &|_| {})?;
    let date = options.first_day;
    let (files, problems) = Partitions::find(folder.path(), &ColumnOverrides::new())?.open_range(date, date);
    assert!(problems.is_empty(), "{problems:?}");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("rules");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(made.events));
    let few = Program::compile(&rules(57));
    group.bench_function("the scan without rules", |bencher| bencher.iter(|| one.install(|| count(&files, date, 1))));
    for most in [57, 200, 1000] {
        let set = rules(most);
        let program = Program::compile(&set);
        let looked = one.install(|| evaluate(&program, &files, date));
        assert_eq!(looked.events, made.events, "the day is not whole");
        let name = format!("{} rules ({} candidates, {} matches)", program.len(), looked.candidates, looked.matches);
        group.bench_function(name, |bencher| bencher.iter(|| one.install(|| evaluate(&program, &files, date))));
    }
    group.bench_function("57 rules, all cores", |bencher| bencher.iter(|| evaluate(&few, &files, date)));
    group.finish();
    criterion.final_summary();
    Ok(())
}
