//! Rollups count what is there: an independent engine (Polars) that groups the same partitions finds the same calls, errors and
//! peaks for every entity and hour, and the same calls for every pair.
//!
//! And they do not remember how the work was divided: threads, the order of rows and the number of files change nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use chrono::NaiveDate;
use common::{
    Entity, HourCount, Pairs, dated, day, files_below, midnight, read_day, read_parquet, roll_up, write_parquet,
};
use insights::generate::Options;
use parquet::file::properties::WriterProperties;
use polars::prelude::{DataFrame, DataType, Expr, LazyFrame, ScanArgsParquet, col, len, lit};

const DAYS: u32 = 3;
const SEEDS: [u64; 2] = [11, 12];
const EVENTS_PER_DAY: u64 = 4000;
const FIVE_MINUTES: i64 = 300_000;
const COLUMNS: [&str; 11] = [
    "recipient_account_id",
    "account_id",
    "service_name",
    "event_name",
    "error_code",
    "source_ip_address",
    "access_key_id",
    "user_identity_type",
    "principal_id",
    "user_name",
    "region",
];

fn generated(seed: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { seed, days: DAYS, events_per_day: EVENTS_PER_DAY, anomaly_days: 2, ..Options::default() };
    common::generate_events(&folder.path().join("events"), &options);
    folder
}

fn dates() -> impl Iterator<Item = NaiveDate> {
    (1..=DAYS).map(|number| day(1, number))
}

/// Every distinct combination of the columns' texts and five-minute slot, with its calls and its failed calls, by Polars.
fn grouped(events: &Path, date: NaiveDate, columns: &[&str]) -> Vec<Group> {
    let path = dated(events, date).join("part-0000.parquet");
    let scan = LazyFrame::scan_parquet(path.to_str().unwrap().into(), ScanArgsParquet::default()).unwrap();
    let since_midnight = col("event_time").cast(DataType::Int64) - lit(midnight(date));
    let failed = col("error_code").is_not_null().and(col("error_code").neq(lit("")));
    let keys: Vec<Expr> = columns.iter().map(|name| col(*name)).chain([col("slot")]).collect();
    let grouped = scan
        .with_columns([
            (since_midnight.clone() - since_midnight % lit(FIVE_MINUTES)).alias("slot"),
            failed.alias("failed"),
        ])
        .group_by(keys)
        .agg([len().cast(DataType::UInt32).alias("calls"), col("failed").cast(DataType::UInt32).sum().alias("errors")])
        .collect()
        .unwrap();
    rows(&grouped, columns)
}

#[derive(Debug)]
struct Group {
    texts: BTreeMap<String, String>,
    slot: i64,
    calls: u32,
    errors: u32,
}

impl Group {
    /// A text that is there and not empty.
    fn text(&self, column: &str) -> Option<&str> {
        self.texts.get(column).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn recipient(&self) -> String {
        self.text("recipient_account_id").or(self.text("account_id")).unwrap_or_default().to_owned()
    }

    fn caller(&self) -> String {
        self.text("account_id").or(self.text("recipient_account_id")).unwrap_or_default().to_owned()
    }
}

fn rows(frame: &DataFrame, columns: &[&str]) -> Vec<Group> {
    let numbers = |name: &str| frame.column(name).unwrap().u32().unwrap().clone();
    let (slots, calls, errors) = (frame.column("slot").unwrap().i64().unwrap(), numbers("calls"), numbers("errors"));
    let texts: Vec<_> = columns.iter().map(|name| (*name, frame.column(name).unwrap().str().unwrap())).collect();
    let group = |row: usize| Group {
        texts: texts
            .iter()
            .filter_map(|(name, array)| Some(((*name).to_owned(), array.get(row)?.to_owned())))
            .collect(),
        slot: slots.get(row).unwrap() / FIVE_MINUTES,
        calls: calls.get(row).unwrap(),
        errors: errors.get(row).unwrap(),
    };
    (0..frame.height()).map(group).collect()
}

/// Says of which entity of a family a group of events is, if of any; written here anew, from the contract.
type Keyed = fn(&Group) -> Option<Vec<String>>;

fn api(group: &Group) -> Option<Vec<String>> {
    let service = group.text("service_name")?.to_lowercase();
    Some(vec![group.recipient(), service, group.text("event_name")?.to_owned()])
}

fn api_error(group: &Group) -> Option<Vec<String>> {
    let mut key = api(group)?;
    key.push(group.text("error_code")?.to_owned());
    Some(key)
}

fn address(group: &Group) -> Option<IpAddr> {
    group.text("source_ip_address")?.parse().ok()
}

fn source_ip(group: &Group) -> Option<Vec<String>> {
    Some(vec![group.recipient(), address(group)?.to_string()])
}

fn network(group: &Group) -> Option<Vec<String>> {
    let network = match address(group)? {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            format!("{first}.{second}.{third}.0/24")
        }
        IpAddr::V6(address) => {
            format!("{:x}:{:x}:{:x}::/48", address.segments()[0], address.segments()[1], address.segments()[2])
        }
    };
    Some(vec![group.recipient(), network])
}

fn access_key(group: &Group) -> Option<Vec<String>> {
    let key = group.text("access_key_id")?;
    let permanent = key.starts_with("LTAI") || key.starts_with("AKIA");
    permanent.then(|| vec![group.caller(), key.to_owned()])
}

fn principal(group: &Group) -> Option<Vec<String>> {
    let id = group.text("principal_id").or(group.text("user_name"));
    let (kind, id) = match group.text("user_identity_type").unwrap_or_default() {
        "root-account" => {
            ("root", Some(group.caller()).filter(|account| !account.is_empty()).or(id.map(str::to_owned)))
        }
        "ram-user" => ("user", id.map(str::to_owned)),
        "assumed-role" => ("role", id.map(|id| id.split(':').next().unwrap_or_default().to_owned())),
        "system" => ("service", id.map(str::to_owned)),
        "cloudsso-user" | "saml-user" | "oidc-user" => ("federated", id.map(str::to_owned)),
        "alibaba-cloud-account" => ("account", id.map(str::to_owned)),
        other => panic!("the generator writes an identity type that this test does not know: {other}"),
    };
    Some(vec![group.caller(), kind.to_owned(), id?])
}

fn region(group: &Group) -> Option<Vec<String>> {
    Some(vec![group.recipient(), group.text("region")?.to_owned()])
}

const ACCOUNTS: [&str; 2] = ["recipient_account_id", "account_id"];
const COUNTED: [(&str, Keyed, &[&str]); 5] = [
    ("api", api, &["service_name", "event_name"]),
    ("api_error", api_error, &["service_name", "event_name", "error_code"]),
    ("source_ip", source_ip, &["source_ip_address"]),
    ("access_key", access_key, &["access_key_id"]),
    ("principal", principal, &["user_identity_type", "principal_id", "user_name"]),
];
const PAIRED: [(&str, Keyed, Keyed); 7] = [
    ("access_key_api", access_key, api),
    ("access_key_network", access_key, network),
    ("principal_api", principal, api),
    ("principal_network", principal, network),
    ("principal_region", principal, region),
    ("api_network", api, network),
    ("access_key_principal", access_key, principal),
];

/// The hours of each entity of a family.
type Hours = BTreeMap<Vec<String>, Vec<HourCount>>;

fn expected_hours(events: &Path, date: NaiveDate, keyed: Keyed, columns: &[&str]) -> Hours {
    let columns: Vec<&str> = ACCOUNTS.iter().chain(columns).copied().collect();
    let mut slots: BTreeMap<(Vec<String>, i64), (u32, u32)> = BTreeMap::new();
    for group in grouped(events, date, &columns) {
        let Some(key) = keyed(&group) else { continue };
        let slot = slots.entry((key, group.slot)).or_default();
        *slot = (slot.0 + group.calls, slot.1 + group.errors);
    }
    let mut hours: BTreeMap<Vec<String>, BTreeMap<u32, HourCount>> = BTreeMap::new();
    for ((key, slot), (calls, errors)) in slots {
        let number = u32::try_from(slot / 12).unwrap();
        let hour =
            hours.entry(key).or_default().entry(number).or_insert(HourCount { hour: number, ..HourCount::default() });
        hour.calls += calls;
        hour.errors += errors;
        hour.peak = hour.peak.max(calls);
    }
    hours.into_iter().map(|(key, hours)| (key, hours.into_values().collect())).collect()
}

fn expected_pairs(events: &Path, date: NaiveDate) -> Pairs {
    let mut pairs = Pairs::new();
    for group in grouped(events, date, &COLUMNS) {
        // Who was not let in was not there.
        let is_refused = group.errors > 0 && group.text("event_name") == Some("ConsoleSignin");
        for (name, left, right) in PAIRED.into_iter().filter(|(name, ..)| !is_refused || *name == "api_network") {
            if let (Some(left), Some(right)) = (left(&group), right(&group)) {
                *pairs.entry((name.to_owned(), left, right)).or_default() += group.calls;
            }
        }
    }
    pairs
}

/// Services are compared without case; changes are keyed by their kind first.
fn folded(entity: &Entity) -> Vec<String> {
    let mut key = entity.key.clone();
    if matches!(entity.family.as_str(), "api" | "api_error") {
        key[1] = key[1].to_lowercase();
    }
    if entity.family == "change" {
        key[1..].rotate_right(1);
        key[2] = key[2].to_lowercase();
    }
    key
}

fn found_hours(entities: &[Entity], family: &str) -> Hours {
    let own = entities.iter().filter(|entity| entity.family == family);
    own.map(|entity| (folded(entity), entity.hours.clone())).collect()
}

#[test]
fn an_independent_engine_counts_the_same() {
    for seed in SEEDS {
        let folder = generated(seed);
        let (events, state) = (folder.path().join("events"), folder.path().join("state"));
        roll_up(&events, &state, &[]);
        for date in dates() {
            let (entities, _) = read_day(&state, date);
            for (family, keyed, columns) in COUNTED {
                let expected = expected_hours(&events, date, keyed, columns);
                assert!(!expected.is_empty(), "{family} has no members on {date}: nothing was tested");
                assert_eq!(found_hours(&entities, family), expected, "{family} on {date}, seed {seed}");
            }
        }
    }
}

#[test]
fn an_independent_engine_finds_the_same_pairs() {
    for seed in SEEDS {
        let folder = generated(seed);
        let (events, state) = (folder.path().join("events"), folder.path().join("state"));
        roll_up(&events, &state, &[]);
        for date in dates() {
            let (mut entities, _) = read_day(&state, date);
            for entity in &mut entities {
                entity.key = folded(entity);
            }
            let path = dated(&state.join("rollups"), date).join("pairs.parquet");
            let found = common::read_pairs(&path, &entities);
            let expected = expected_pairs(&events, date);
            assert!(PAIRED.iter().all(|(name, ..)| expected.keys().any(|(kind, ..)| kind == name)));
            assert_eq!(found, expected, "{date}, seed {seed}");
        }
    }
}

#[test]
fn every_entity_is_in_order_and_numbered_by_its_row() {
    let folder = generated(SEEDS[0]);
    let state = folder.path().join("state");
    roll_up(&folder.path().join("events"), &state, &[]);
    for date in dates() {
        let (entities, _) = read_day(&state, date);
        assert!(entities.iter().zip(0..).all(|(entity, row)| entity.number == row));
        for family in entities.chunk_by(|one, next| one.family == next.family) {
            assert!(family.iter().map(folded).is_sorted_by(|one, next| one < next), "{}", family[0].family);
        }
        assert!(entities.iter().all(|entity| entity.hours.is_sorted_by(|one, next| one.hour < next.hour)));
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    let folder = generated(SEEDS[1]);
    let events = folder.path().join("events");
    split_days(&events, 500);
    let states = ["1", "2", "7"].map(|threads| {
        let state = folder.path().join(threads);
        roll_up(&events, &state, &["--threads", threads]);
        files_below(&state.join("rollups"))
    });
    assert_eq!(states[0].len(), 2 * DAYS as usize);
    common::assert_same_files(&states[0], &states[1]);
    common::assert_same_files(&states[0], &states[2]);
}

/// The rows of a day's only file in another order, which the seed decides.
fn shuffled(rows: &RecordBatch, seed: u64) -> RecordBatch {
    let mut order: Vec<u32> = (0..u32::try_from(rows.num_rows()).unwrap()).collect();
    let disorder = |row: u32| (u64::from(row) + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    order.sort_by_key(|&row| disorder(row));
    take_record_batch(rows, &UInt32Array::from(order)).unwrap()
}

/// Replaces each day's file by several, in no order, with small row groups.
fn split_days(events: &Path, rows_in_group: usize) {
    for date in dates() {
        let whole = dated(events, date).join("part-0000.parquet");
        let rows = shuffled(&read_parquet(&whole), 3);
        fs::remove_file(&whole).unwrap();
        for (number, first) in (0..rows.num_rows()).step_by(1300).enumerate() {
            let part = rows.slice(first, 1300.min(rows.num_rows() - first));
            let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows_in_group)).build();
            write_parquet(&dated(events, date).join(format!("part-{:02}.parquet", 40 - number)), &part, properties);
        }
    }
}

fn counted(folder: &Path, events: &Path, name: &str) -> Vec<(Vec<Entity>, Pairs)> {
    let state = folder.join(name);
    roll_up(events, &state, &["--threads", "2"]);
    dates().map(|date| read_day(&state, date)).collect()
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let folder = generated(SEEDS[0]);
    let events = folder.path().join("events");
    let sorted = counted(folder.path(), &events, "sorted");
    for date in dates() {
        let path = dated(&events, date).join("part-0000.parquet");
        let rows = shuffled(&read_parquet(&path), 5);
        write_parquet(&path, &rows, WriterProperties::default());
    }
    assert_eq!(counted(folder.path(), &events, "shuffled"), sorted);
}

#[test]
fn a_row_group_in_no_order_counts_like_one_in_order() {
    // More rows than are read at a time: hours come back after they were thought to be over, though the footer gave no warning.
    let folder = tempfile::tempdir().unwrap();
    let (events, date) = (folder.path().join("events"), day(1, 1));
    common::generate_quiet(&events, SEEDS[0], 1, 80_000);
    let count = |name: &str, threads: &str| {
        let state = folder.path().join(name);
        roll_up(&events, &state, &["--threads", threads]);
        read_day(&state, date)
    };
    let sorted = count("sorted", "1");
    let path = dated(&events, date).join("part-0000.parquet");
    let rows = shuffled(&read_parquet(&path), 9);
    for (name, rows_in_group) in [("whole", 1 << 20), ("halves", 40_000)] {
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows_in_group)).build();
        write_parquet(&path, &rows, properties);
        for threads in ["1", "2"] {
            assert_eq!(count(&format!("{name} {threads}"), threads), sorted, "{name}, {threads} threads");
        }
    }
}

#[test]
fn the_number_of_files_and_row_groups_does_not_matter() {
    let folder = generated(SEEDS[1]);
    let events = folder.path().join("events");
    let whole = counted(folder.path(), &events, "whole");
    split_days(&events, 500);
    assert_eq!(counted(folder.path(), &events, "parts"), whole);
}

#[test]
fn rows_of_a_neighbouring_day_count_for_their_own() {
    let folder = generated(SEEDS[0]);
    let events = folder.path().join("events");
    let whole = counted(folder.path(), &events, "whole");
    for (from, to) in [(day(1, 1), day(1, 2)), (day(1, 3), day(1, 2))] {
        let path = dated(&events, from).join("part-0000.parquet");
        let rows = read_parquet(&path);
        let (stay, moved) = (rows.slice(0, 1000), rows.slice(1000, rows.num_rows() - 1000));
        write_parquet(&path, &stay, WriterProperties::default());
        write_parquet(&dated(&events, to).join(format!("late-{from}.parquet")), &moved, WriterProperties::default());
    }
    assert_eq!(counted(folder.path(), &events, "moved"), whole);
}
