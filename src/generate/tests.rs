//! Of the whole: the same bytes again, the counts that were asked for, and labels that tell the truth.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use chrono::{DateTime, Duration};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::*;
use crate::event::Column;

fn small() -> Options {
    Options { days: 14, events_per_day: 5_000, ..Options::default() }
}

fn made(options: &Options) -> (tempfile::TempDir, Generated) {
    let folder = tempfile::tempdir().unwrap();
    let generated = generate(options, folder.path(), &|_| ()).unwrap();
    (folder, generated)
}

fn partitions(folder: &Path) -> Vec<PathBuf> {
    let days = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = days.map(|day| day.join("part-0000.parquet")).collect();
    files.sort();
    files
}

fn bytes(folder: &Path) -> Vec<Vec<u8>> {
    partitions(folder).iter().chain([&folder.join(LABELS)]).map(|file| fs::read(file).unwrap()).collect()
}

fn labels(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(LABELS)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What nobody planted.
const TURNOVER: [&str; 2] = ["arrival", "departure"];

fn is_turnover(label: &Value) -> bool {
    TURNOVER.iter().any(|kind| label["kind"] == *kind)
}

fn batches(file: &Path) -> impl Iterator<Item = RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
    reader.map(|batch| batch.unwrap())
}

fn times(batch: &RecordBatch) -> Vec<i64> {
    batch.column(Column::EventTime as usize).as_primitive::<TimestampMillisecondType>().values().to_vec()
}

/// When, and the names of all the entities that the event counts for.
type Seen = (i64, Vec<(&'static str, String)>);

fn seen(batch: &RecordBatch) -> Vec<Seen> {
    let times = times(batch);
    let text = |column: Column, row: usize| {
        let values = batch.column(column as usize).as_string::<i32>();
        values.is_valid(row).then(|| values.value(row).to_owned())
    };
    let entities = |row: usize| {
        let api = format!("{}/{}", text(Column::ServiceName, row).unwrap(), text(Column::EventName, row).unwrap());
        let id = text(Column::PrincipalId, row).unwrap();
        let id = id.split(':').next().unwrap();
        let principal = match text(Column::UserIdentityType, row).unwrap().as_str() {
            "ram-user" => format!("user/{id}"),
            "assumed-role" => format!("role/{id}"),
            "system" => format!("service/{id}"),
            "root-account" => format!("root/{id}"),
            other => format!("{other}/{id}"),
        };
        let mut all = vec![("source_ip", text(Column::SourceIpAddress, row).unwrap())];
        all.extend(text(Column::ErrorCode, row).map(|code| ("api_error", format!("{api}/{code}"))));
        all.extend(text(Column::AccessKeyId, row).map(|key| ("access_key", key)));
        all.extend(["permission", "password", "trail"].map(|class| ("change", format!("{class}/{api}/{principal}"))));
        all.extend([("api", api), ("principal", principal)]);
        all
    };
    times.iter().enumerate().map(|(row, time)| (*time, entities(row))).collect()
}

#[test]
fn the_same_bytes_on_one_thread_and_on_two_and_others_for_another_seed() {
    let options = Options { days: 8, ..small() };
    let on = |threads: usize, options: &Options| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        bytes(pool.install(|| made(options)).0.path())
    };
    let once = on(1, &options);
    assert_eq!(once.len(), 9);
    assert!(once == on(2, &options), "threads show in the bytes");
    let other = on(2, &Options { seed: 8, ..options });
    assert!(once.iter().zip(&other).all(|(one, other)| one != other), "the seed does not show");
}

#[test]
fn counts_are_as_asked_for_and_times_are_sorted() {
    let options = Options { days: 28, ..small() };
    let progress = std::sync::atomic::AtomicU64::new(0);
    let folder = tempfile::tempdir().unwrap();
    let tell = |events| {
        progress.fetch_add(events, Ordering::Relaxed);
    };
    let generated = generate(&Options { quiet: true, ..options.clone() }, folder.path(), &tell).unwrap();
    let asked = (u64::from(options.days) * options.events_per_day) as f64;
    let ratio = generated.events as f64 / asked;
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
    assert_eq!(progress.into_inner(), generated.events);
    let mut found = 0;
    let mut identifiers = BTreeSet::new();
    for (number, file) in partitions(folder.path()).iter().enumerate() {
        let midnight = options.first_day.and_time(chrono::NaiveTime::MIN).and_utc() + Duration::days(number as i64);
        let mut all: Vec<i64> = Vec::new();
        for batch in batches(file) {
            assert_eq!(batch.schema().fields(), crate::event::schema::canonical().fields());
            all.extend(times(&batch));
            let texts = batch.column(Column::EventId as usize).as_string::<i32>().clone();
            identifiers.extend(texts.iter().map(|text| text.unwrap().to_owned()));
        }
        assert!(all.is_sorted());
        let day = midnight.timestamp_millis()..(midnight + Duration::days(1)).timestamp_millis();
        assert!(all.iter().all(|time| day.contains(time)));
        found += all.len();
    }
    assert_eq!(found as u64, generated.events);
    assert_eq!(identifiers.len(), found);
}

#[test]
fn quiet_has_no_labels_and_otherwise_what_was_there_before() {
    let options = Options { quiet: true, days: 5, anomaly_days: 1, ..small() };
    let (folder, generated) = made(&options);
    assert_eq!(generated.labels, 0);
    assert!(labels(folder.path()).is_empty());
    let (loud, _) = made(&Options { quiet: false, ..options });
    assert!(bytes(folder.path())[..4] == bytes(loud.path())[..4], "days without anomalies are the same");
}

#[test]
fn every_kind_is_there_and_every_interval_holds_what_was_planted() {
    let (folder, generated) = made(&small());
    let labels = labels(folder.path());
    assert_eq!(labels.len() as u64, generated.labels);
    let (turnover, planted) = labels.into_iter().partition::<Vec<_>, _>(is_turnover);
    let kinds: BTreeSet<&str> = planted.iter().map(|label| label["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    assert!(!turnover.is_empty(), "somebody came or went");
    let events: Vec<Seen> =
        partitions(folder.path()).iter().flat_map(|file| batches(file)).flat_map(|batch| seen(&batch)).collect();
    for label in planted.iter().chain(&turnover) {
        let moment = |field: &str| DateTime::parse_from_rfc3339(label[field].as_str().unwrap()).unwrap();
        let span = moment("start").timestamp_millis()..moment("end").timestamp_millis();
        let entity = (label["family"].as_str().unwrap(), label["entity"].as_str().unwrap());
        let holds = |(time, entities): &&Seen| {
            span.contains(time) && entities.iter().any(|(family, name)| (*family, name.as_str()) == entity)
        };
        let found = events.iter().filter(holds).count() as i64;
        let (expected, planted) = (label["expected"].as_f64().unwrap(), label["calls"].as_i64().unwrap());
        if label["kind"] == "arrival" {
            let all = expected + planted as f64;
            assert!((0.4..2.5).contains(&(found as f64 / all)), "{label}: {found}");
        } else if planted < 0 {
            let rest = expected + planted as f64;
            assert!(found as f64 <= rest + 6.0 * (rest + 1.0).sqrt(), "{label}: {found}");
            assert!(label["size"] != 0.0 || found == 0, "{label}: {found}");
        } else {
            assert!(found >= planted && planted > 0, "{label}: {found}");
        }
    }
}

#[test]
fn no_two_anomalies_meet_on_an_entity() {
    let mut world = World::new(&small());
    let mut labels = anomaly::plan(&mut world).labels;
    labels.retain(|label| !TURNOVER.contains(&label.kind));
    for (position, label) in labels.iter().enumerate() {
        for other in &labels[position + 1..] {
            let apart = label.entity != other.entity || label.end <= other.start || other.end <= label.start;
            assert!(apart || label.anomaly == other.anomaly, "{label:?} {other:?}");
        }
    }
    let tens: BTreeSet<u32> = labels
        .iter()
        .filter(|label| label.kind == "rate_spike" && label.size == Some(10.0))
        .inspect(|label| assert!(label.calls >= 10 && label.expected >= 1.0, "{label:?}"))
        .map(|label| label.anomaly)
        .collect();
    assert!(tens.len() >= 6, "{}", tens.len());
}

#[test]
fn very_small_worlds_work() {
    for (days, events_per_day, anomaly_days) in [(0, 5_000, 7), (1, 1, 7), (1, 0, 1), (2, 300, 2), (9, 100, 9)] {
        let (_, generated) = made(&Options { days, events_per_day, anomaly_days, ..Options::default() });
        assert_eq!(generated.days, days);
    }
}

#[test]
fn the_stated_expectations_are_what_happens() {
    let options = Options { quiet: true, events_per_day: 20_000, ..small() };
    let (folder, _) = made(&options);
    let world = World::new(&options);
    let mut found: std::collections::BTreeMap<(&str, String), f64> = std::collections::BTreeMap::new();
    for (_, entities) in partitions(folder.path()).iter().flat_map(|file| batches(file)).flat_map(|batch| seen(&batch))
    {
        for entity in entities {
            *found.entry(entity).or_default() += 1.0;
        }
    }
    let hours: Vec<_> = (0..options.days * 24).map(|hour| expectation::Expectation::of(&world, hour)).collect();
    let apis = (0..world.catalogue.apis.len() as u16).map(entity::Entity::Api);
    let principals = (0..world.people.principals.len() as u32).map(entity::Entity::Principal);
    let addresses = (3..world.people.addresses.len() as u32).map(entity::Entity::SourceIp);
    let mut compared = 0;
    for entity in apis.chain(principals).chain(addresses) {
        let expected: f64 = hours.iter().map(|hour| hour.calls(entity)).sum();
        if expected > 1_000.0 {
            let ratio = found.get(&(entity.family(), entity.name(&world))).copied().unwrap_or(0.0) / expected;
            assert!((0.75..1.3).contains(&ratio), "{} {}: {ratio} of {expected}", entity.family(), entity.name(&world));
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}
