//! What going back to the events costs beside counting them: the time of an investigation of a hundred insights over that of a scan.
//!
//! A busy day is generated, counted, and from the counts a hundred entities are chosen in two ways: spread evenly over all entities of all
//! families, as a night's insights are, and the hundred with the most calls, which is the worst that can be asked for. Each is looked into
//! in the hours around its busiest one, as if it had risen there. Scan and investigation take turns on one thread, and the best of their
//! times are compared, so that neither other work nor the number of cores tells; where the system tells how long threads really ran, it is
//! that. `cargo bench --bench investigate` prints seconds and ratios.
//!
//! `INSIGHTS_EVENTS=FOLDER` takes the newest day of one's own partitions instead, `INSIGHTS_EVENTS_PER_DAY=28000000` generates a day of
//! another size. With `INSIGHTS_HISTORY_DAYS=9` so many days go before, and what a night finds on the newest day is looked into too, with all
//! that a night reads for it, the week before and the evening before included: gates are opened until it finds a hundred deviations and
//! changes or they are wide open, and of more a hundred are taken evenly. What was generated can be kept with `INSIGHTS_GENERATED=FOLDER`.

#![allow(clippy::print_stdout)]

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use insights::baseline::{Calendar, FamilyHistory, Feed, Window};
use insights::detect::Thresholds;
use insights::detect::change;
use insights::detect::judgement::{Night, judge};
use insights::generate::{Options, generate};
use insights::insight::NightFindings;
use insights::insight::events::apart::tell_apart;
use insights::insight::events::eve;
use insights::insight::events::evidence::Evidence;
use insights::insight::events::investigate::{Investigation, investigate};
use insights::insight::events::missing::tell_with_the_missing;
use insights::insight::events::target::{Begin, Minutes, Target};
use insights::insight::events::usual::Past;
use insights::insight::extent::minutes::UsualDay;
use insights::insight::extent::rhythm::Days;
use insights::partition::{ColumnOverrides, EventFile, Partitions};
use insights::rollup::update::{Counting, update};
use insights::rollup::{DayRollup, Family, FamilyRollup, ScanOptions, scan_day};
use insights::storage::StateLock;
use insights::time::HourSpan;

/// The allocator of the program, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 10_000_000;
const INSIGHTS: usize = 100;
const ROUNDS: usize = 7;

/// Share of false discoveries, p-value and ratio: those of a night first.
const GATES: [(f64, f64, f64); 4] = [(0.05, 5e-3, 2.0), (0.2, 0.02, 1.5), (0.5, 0.1, 1.2), (0.9, 0.5, 1.05)];

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()?;
    let asked = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let number = |name: &str, usual: u64| std::env::var(name).map_or(Ok(usual), |number| number.parse());
    let history = number("INSIGHTS_HISTORY_DAYS", 0)? as usize;
    let folder = tempfile::tempdir()?;
    let events = asked("INSIGHTS_EVENTS").or_else(|| asked("INSIGHTS_GENERATED"));
    let events = events.unwrap_or_else(|| folder.path().join("events"));
    if !events.join("labels.jsonl").exists() && asked("INSIGHTS_EVENTS").is_none() {
        let events_per_day = number("INSIGHTS_EVENTS_PER_DAY", EVENTS)?;
        let options = Options { days: history as u32 + 1, events_per_day, quiet: true, ..Options::default() };
        generate(&options, &events, &|_| {})?;
    }
    compare(&events, history, &folder.path().join("state"))
}

fn compare(events: &Path, history: usize, state: &Path) -> Result<(), Failure> {
    let partitions = Partitions::find(events, &ColumnOverrides::new())?;
    let date = partitions.dates().last().copied().ok_or("there are no events")?;
    let (files, _) = partitions.open_range(date, date);
    let day = scan(&files, date)?;
    println!("{} events of {date}, one thread", day.counts.events);
    for (name, targets) in [("spread over all", spread(&day)), ("the busiest", busiest(&day))] {
        let calls = || Ok(calls(&investigate(&files, date, &targets)?));
        take_turns((name, targets.len()), || scan(&files, date).map(drop), calls)?;
    }
    if history > 0 {
        let night = Found::on(&partitions, history, state)?;
        let calls = || night.look_into(&partitions, &files, state);
        take_turns(("what a night finds", night.targets.len()), || scan(&files, date).map(drop), calls)?;
    }
    Ok(())
}

fn calls(evidence: &[Evidence]) -> u64 {
    evidence.iter().map(Evidence::calls).sum()
}

/// Scans and investigates by turns; prints the best times of both, and their ratio.
fn take_turns(
    (name, insights): (&str, usize),
    scan: impl Fn() -> insights::Result<()>,
    investigate: impl Fn() -> Result<u64, Failure>,
) -> Result<(), Failure> {
    let (mut scanned, mut investigated) = (Duration::MAX, Duration::MAX);
    let mut calls = 0;
    for _ in 0..ROUNDS {
        let begin = Moment::now();
        scan()?;
        scanned = scanned.min(begin.elapsed());
        let begin = Moment::now();
        calls = investigate()?;
        investigated = investigated.min(begin.elapsed());
    }
    let ratio = investigated.as_secs_f64() / scanned.as_secs_f64();
    println!(
        "{insights} insights, {name}: {calls} calls in {investigated:.3?}; a scan takes {scanned:.3?}; ratio {ratio:.2}"
    );
    Ok(())
}

/// What a night goes back to the events for, and what it knows by then.
struct Found {
    date: NaiveDate,
    window: Window,
    feed: Feed,
    targets: Vec<Target>,
}

impl Found {
    /// The deviations of the newest day from so many days before it, and its changes.
    fn on(partitions: &Partitions, history: usize, state: &Path) -> Result<Self, Failure> {
        let dates: Vec<NaiveDate> = partitions.dates().into_iter().rev().take(history + 1).rev().collect();
        let _lock = StateLock::acquire(state)?;
        update(partitions, &dates, state, Counting { pairs: true, max_entities: usize::MAX }, &|_| {})?;
        let date = dates.last().copied().ok_or("there are no events")?;
        let window = Window::new(date, history, |day| dates.contains(&day));
        let read = |family| FamilyHistory::read(state, family, &window);
        let families = || Family::RATED.into_iter().map(read).collect::<Result<Vec<FamilyHistory>, _>>();
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&families()?[0], &window, &calendar);
        let mut targets = Vec::new();
        for (false_discovery_rate, max_p_value, min_ratio) in GATES {
            let families = families()?;
            let thresholds = Thresholds { false_discovery_rate, max_p_value, min_ratio, ..Thresholds::default() };
            let night = Night { window: &window, calendar: &calendar, feed: &feed, thresholds };
            let rates = judge(&families.iter().collect::<Vec<_>>(), night, &[])?.families;
            let rates = families.into_iter().zip(rates.into_iter().map(|result| result.deviations)).collect();
            let changes = read(Family::Change)?;
            let found = [change::detect(&changes, &window), change::usual(&changes, &window)].concat();
            let (of_changes, before) = (found.len(), BTreeMap::new());
            let days = Days { window: &window, calendar: &calendar, feed: &feed };
            targets = NightFindings::new(rates, (changes, found), before, u32::MAX).targets(days);
            println!(
                "{} deviations at a false discovery rate of {false_discovery_rate}, and {of_changes} changes",
                targets.len() - of_changes
            );
            if targets.len() >= INSIGHTS {
                break;
            }
        }
        println!("{} are found; a hundred of them, evenly", targets.len());
        let hundred = (0..INSIGHTS.min(targets.len()))
            .map(|number| targets[number * targets.len() / INSIGHTS.min(targets.len())].clone());
        Ok(Self { date, window, feed, targets: hundred.collect() })
    }

    /// All that a night reads of events for them, as the pipeline does.
    fn look_into(&self, partitions: &Partitions, files: &[EventFile], state: &Path) -> Result<u64, Failure> {
        let Self { date, window, feed, targets } = self;
        let mut targets = targets.clone();
        eve::look_back(partitions, *date, &mut targets)?;
        let (read, mut evidence) = Investigation::of(files, *date, &targets)?;
        let (usual, _) = Past { state, partitions, window, feed }.usual(&targets)?;
        tell_apart(partitions, &read, &usual, &mut evidence)?;
        tell_with_the_missing(files, (*date, &targets), &usual, &mut evidence)?;
        eve::read(partitions, *date, &targets, &mut evidence)?;
        Ok(calls(&evidence))
    }
}

/// When something began, on the clock of the threads if there is one.
struct Moment(Instant, Option<Duration>);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), ran())
    }

    fn elapsed(&self) -> Duration {
        self.1.zip(ran()).map_or_else(|| self.0.elapsed(), |(begin, end)| end.saturating_sub(begin))
    }
}

/// How long all threads ran so far.
fn ran() -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let told = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += Duration::from_nanos(told.split(' ').next()?.parse().ok()?);
    }
    Some(sum)
}

fn scan(files: &[EventFile], date: NaiveDate) -> insights::Result<DayRollup> {
    Ok(scan_day(files, date, ScanOptions::new(true, 1, usize::MAX))?.0)
}

/// An entity of a day: its family's rollup and its place there.
type Entity<'a> = (&'a FamilyRollup, usize);

fn entities(day: &DayRollup) -> Vec<Entity<'_>> {
    let counted = day.families.iter().filter(|family| Family::COUNTED.contains(&family.family));
    counted.flat_map(|family| (0..family.members.len()).map(move |member| (family, member))).collect()
}

fn spread(day: &DayRollup) -> Vec<Target> {
    let all = entities(day);
    (0..INSIGHTS).map(|number| target(all[number * all.len() / INSIGHTS])).collect()
}

fn busiest(day: &DayRollup) -> Vec<Target> {
    let mut all = entities(day);
    all.sort_by_key(|&entity| Reverse(hours(entity).map(|(_, calls)| u64::from(calls)).sum::<u64>()));
    all.into_iter().take(INSIGHTS).map(target).collect()
}

/// The hours of an entity and its calls.
fn hours((family, member): Entity<'_>) -> impl Iterator<Item = (u8, u32)> {
    let own = family.starts[member] as usize..family.starts[member + 1] as usize;
    own.map(|place| (family.hours.hour[place], family.hours.calls[place]))
}

/// A rise in the busiest hour, with the hours around it.
fn target(entity: Entity<'_>) -> Target {
    let (hour, calls) = hours(entity).max_by_key(|(_, calls)| *calls).unwrap_or_default();
    Target {
        family: entity.0.family,
        keys: vec![entity.0.members[entity.1].clone()],
        hours: HourSpan::hour(hour),
        search: HourSpan::new(hour.saturating_sub(1), hour + 2),
        minutes: Minutes::Rise { usual: UsualDay::even(f64::from(calls) / 600.0), least: 1, begin: Begin::Within },
        since: NaiveDate::default(),
        with: Vec::new(),
        eve: Vec::new(),
    }
}
