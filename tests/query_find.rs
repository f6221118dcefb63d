//! What `insights query` finds is what is there: every answer is compared with one worked out from the rows in the plainest way,
//! in every dialect, page by page, and in every form of output.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, TimestampMillisecondType};
use common::{Outcome, dated, day, insights, read_parquet, texts, write_parquet};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

/// The sample's days that are looked at.
const FIRST: &str = "2026-01-28";
const LAST: &str = "2026-01-30";

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

/// An event as the file has it.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    time: i64,
    texts: BTreeMap<&'static str, String>,
}

impl Event {
    fn text(&self, column: &str) -> &str {
        self.texts.get(column).map_or("", String::as_str)
    }

    fn has_failed(&self) -> bool {
        let message = self.text("error_message");
        !self.text("error_code").is_empty() || !message.is_empty() && message != "success"
    }
}

const COLUMNS: [&str; 12] = [
    "event_id",
    "event_name",
    "service_name",
    "event_rw",
    "region",
    "source_ip_address",
    "user_identity_type",
    "user_name",
    "principal_id",
    "access_key_id",
    "error_code",
    "error_message",
];

fn rows_of(date: &str) -> RecordBatch {
    read_parquet(&sample().join(format!("date={date}/part-0000.parquet")))
}

/// All events of the days looked at, oldest first.
fn events() -> Vec<Event> {
    let mut events = Vec::new();
    for date in [FIRST, "2026-01-29", LAST] {
        let rows = rows_of(date);
        let times = rows.column_by_name("event_time").unwrap().as_primitive::<TimestampMillisecondType>().clone();
        let columns: Vec<Vec<Option<String>>> = COLUMNS.iter().map(|column| texts(&rows, column)).collect();
        for row in 0..rows.num_rows() {
            let pairs = COLUMNS.iter().zip(&columns).filter_map(|(name, texts)| Some((*name, texts[row].clone()?)));
            events.push(Event { time: times.value(row), texts: pairs.collect() });
        }
    }
    events
}

#[track_caller]
fn query(folder: &Path, arguments: &[&str]) -> Outcome {
    let folder = folder.to_str().unwrap();
    insights(["query", folder, "--from", FIRST, "--to", LAST].iter().chain(arguments)).expect_code(0)
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(folder: &Path, arguments: &[&str]) -> usize {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--count", "--format", "json"]).collect();
    lines(&query(folder, &arguments))[0]["events"].as_u64().unwrap() as usize
}

type Test = fn(&Event) -> bool;

/// Conditions, each with what it means.
const CONDITIONS: [(&[&str], Test); 15] = [
    (&[], |_| true),
    (&["--event", "Delete*,GetObject"], |event| {
        event.text("event_name").starts_with("Delete") || event.text("event_name") == "GetObject"
    }),
    (&["--event", "!Describe*,!list*"], |event| {
        !event.text("event_name").starts_with("Describe") && !event.text("event_name").starts_with("List")
    }),
    (&["--service", "ecs,RAM"], |event| ["Ecs", "Ram"].contains(&event.text("service_name"))),
    (&["--access-key", "LTAI5tSN662BHn4pLutEARFv"], |event| event.text("access_key_id") == "LTAI5tSN662BHn4pLutEARFv"),
    (&["--access-key", "LTAI5TSN662BHN4PLUTEARFV"], |_| false),
    (&["--access-key", "!*"], |event| event.text("access_key_id").is_empty()),
    (&["--source-ip", "47.174.11.0/24"], |event| event.text("source_ip_address").starts_with("47.174.11.")),
    (&["--source-ip", "!47.*", "--failed"], |event| {
        !event.text("source_ip_address").starts_with("47.") && event.has_failed()
    }),
    (&["--succeeded", "--region", "cn-*"], |event| !event.has_failed() && event.text("region").starts_with("cn-")),
    (&["--error", "NoPermission,Forbidden*"], |event| {
        event.text("error_code") == "NoPermission" || event.text("error_code").starts_with("Forbidden")
    }),
    (&["--user", "svc-0"], |event| {
        event.text("user_name") == "svc-0" && event.text("user_identity_type") != "assumed-role"
    }),
    (&["--role", "app-role-36", "--write"], |event| {
        event.text("user_name").starts_with("app-role-36:") && event.text("event_rw") == "Write"
    }),
    (&["--read", "--where", "user_name=svc-*", "--event", "*Key*"], |event| {
        event.text("event_rw") == "Read"
            && event.text("user_name").starts_with("svc-")
            && event.text("event_name").to_lowercase().contains("key")
    }),
    (&["--failed", "--either", "region=cn-hangzhou", "--either", "api=Ecs/Describe*"], |event| {
        let is_of_api = event.text("service_name") == "Ecs" && event.text("event_name").starts_with("Describe");
        event.has_failed() && (event.text("region") == "cn-hangzhou" || is_of_api)
    }),
];

#[test]
fn every_condition_finds_what_it_means() {
    let events = events();
    let mut with_some = 0;
    for (arguments, test) in CONDITIONS {
        let expected = events.iter().filter(|event| test(event)).count();
        assert_eq!(count(&sample(), arguments), expected, "{arguments:?}");
        with_some += usize::from(expected > 0);
    }
    assert_eq!(with_some, CONDITIONS.len() - 1, "only the key in another case is never found");
}

#[test]
fn times_are_half_open_and_dates_are_days() {
    let events = events();
    let found = |from: &str, to: &str| {
        let sample = sample();
        let arguments = ["query", sample.to_str().unwrap(), "--from", from, "--to", to, "--count", "--format", "json"];
        lines(&insights(arguments).expect_code(0))[0]["events"].as_u64().unwrap() as usize
    };
    let noon = chrono::DateTime::parse_from_rfc3339("2026-01-29T12:00:00Z").unwrap().timestamp_millis();
    let expected = events.iter().filter(|event| (noon..noon + 3_600_000).contains(&event.time)).count();
    assert_eq!(found("2026-01-29T12:00:00Z", "2026-01-29T13:00:00Z"), expected);
    assert_eq!(found("2026-01-29T20:00:00+08:00", "2026-01-29T13:00Z"), expected);
    assert_eq!(found("2026-01-29", "2026-01-29"), rows_of("2026-01-29").num_rows());
}

/// The same events as flattened ActionTrail with text times, and as nested structs.
fn rewritten(folder: &Path, nested: bool) {
    for (number, date) in [(28, FIRST), (29, "2026-01-29"), (30, LAST)] {
        let rows = rows_of(date);
        let text = |column: &str| Arc::new(StringArray::from(texts(&rows, column))) as ArrayRef;
        let times: ArrayRef = Arc::new(
            rows.column_by_name("event_time")
                .unwrap()
                .as_primitive::<TimestampMillisecondType>()
                .iter()
                .map(|time| chrono::DateTime::from_timestamp_millis(time.unwrap()).map(|time| time.to_rfc3339()))
                .collect::<StringArray>(),
        );
        let plain = [
            ("eventId", "event_id"),
            ("eventName", "event_name"),
            ("serviceName", "service_name"),
            ("eventRW", "event_rw"),
            ("acsRegion", "region"),
            ("sourceIpAddress", "source_ip_address"),
            ("errorCode", "error_code"),
            ("errorMessage", "error_message"),
        ];
        let identity = [
            ("type", "user_identity_type"),
            ("userName", "user_name"),
            ("principalId", "principal_id"),
            ("accessKeyId", "access_key_id"),
        ];
        let mut columns: Vec<(String, ArrayRef)> = vec![("eventTime".to_owned(), times)];
        columns.extend(plain.iter().map(|(name, column)| ((*name).to_owned(), text(column))));
        if nested {
            let fields =
                identity.iter().map(|(name, column)| (Arc::new(Field::new(*name, DataType::Utf8, true)), text(column)));
            columns.push(("userIdentity".to_owned(), Arc::new(StructArray::from(fields.collect::<Vec<_>>()))));
        } else {
            columns.extend(identity.iter().map(|(name, column)| (format!("event.userIdentity.{name}"), text(column))));
        }
        let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, rows)| (name, rows, true)));
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1_500)).build();
        write_parquet(&dated(folder, day(1, number)).join("x.parquet"), &rows.unwrap(), properties);
    }
}

#[test]
fn every_dialect_gives_the_same_answers() {
    for nested in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        rewritten(folder.path(), nested);
        for (arguments, _) in CONDITIONS {
            assert_eq!(count(folder.path(), arguments), count(&sample(), arguments), "nested: {nested}, {arguments:?}");
        }
        let shown = ["--columns", "time,id,api,principal,ip,error", "--failed", "--format", "csv"];
        assert_eq!(query(folder.path(), &shown).stdout, query(&sample(), &shown).stdout);
        let sql = "SELECT access_key_id, count(*) AS n FROM events WHERE event_time >= '2026-01-29T06:00:00' \
                   GROUP BY access_key_id ORDER BY n DESC, access_key_id LIMIT 20";
        let sql = ["--sql", sql, "--format", "csv"];
        assert_eq!(query(folder.path(), &sql).stdout, query(&sample(), &sql).stdout);
    }
}

#[test]
fn pages_follow_each_other_and_miss_nothing() {
    let conditions = ["--service", "Oss,Kms", "--columns", "id,time", "--format", "json"];
    let page = |more: &[&str]| query(&sample(), &[&conditions[..], more].concat());
    let whole = lines(&page(&[]));
    let times: Vec<&str> = whole.iter().map(|row| row["event_time"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "newest first");
    let services = ["Oss", "Kms"];
    assert_eq!(whole.len(), events().iter().filter(|event| services.contains(&event.text("service_name"))).count());

    let (mut pages, mut before) = (Vec::new(), None::<String>);
    loop {
        let limit = ["--limit", "997"];
        let outcome = match &before {
            Some(before) => page(&[&limit[..], &["--before", before]].concat()),
            None => page(&limit),
        };
        pages.extend(lines(&outcome));
        match outcome.stderr.split("--before ").nth(1) {
            Some(next) => before = Some(next.trim().to_owned()),
            None => break,
        }
    }
    assert_eq!(pages, whole);
    assert_eq!(lines(&page(&["--offset", "1000", "--limit", "10"])), whole[1000..1010]);
    let id = whole[499]["event_id"].as_str().unwrap();
    assert_eq!(lines(&page(&["--before", id, "--limit", "3"])), whole[500..503]);
}

#[test]
fn counts_by_fields_and_times_add_up() {
    let events = events();
    let mut expected: BTreeMap<(String, bool), u64> = BTreeMap::new();
    for event in &events {
        *expected.entry((event.text("service_name").to_owned(), event.has_failed())).or_default() += 1;
    }
    let counted = lines(&query(&sample(), &["--count-by", "service,error", "--format", "json"]));
    let mut found: BTreeMap<(String, bool), u64> = BTreeMap::new();
    for row in &counted {
        let key = (row["service"].as_str().unwrap().to_owned(), !row["error"].is_null());
        *found.entry(key).or_default() += row["events"].as_u64().unwrap();
    }
    assert_eq!(found, expected);
    assert!(counted.is_sorted_by_key(|row| std::cmp::Reverse(row["events"].as_u64().unwrap())));

    let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
    for event in &events {
        *hours.entry(event.time.div_euclid(3_600_000)).or_default() += 1;
    }
    let timeline = lines(&query(&sample(), &["--timeline", "1h", "--format", "json"]));
    let found: Vec<u64> = timeline.iter().map(|row| row["events"].as_u64().unwrap()).collect();
    assert_eq!(found, hours.into_values().collect::<Vec<_>>());
}

#[test]
fn answers_do_not_depend_on_the_threads() {
    for arguments in [
        &["--failed", "--format", "csv"][..],
        &["--count-by", "principal,network", "--format", "csv"],
        &["--timeline", "5m", "--format", "csv"],
    ] {
        let with = |threads| query(&sample(), &[arguments, &["--threads", threads]].concat());
        assert_eq!(with("1"), with("4"), "{arguments:?}");
    }
}

#[test]
fn every_form_holds_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let conditions = ["--service", "Ram,Kms", "--failed", "--out"];
    for name in ["x.jsonl", "x.csv", "x.parquet"] {
        query(&sample(), &[&conditions[..], &[file(name).to_str().unwrap()]].concat());
    }
    let rows: Vec<Value> = std::fs::read_to_string(file("x.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let parquet = read_parquet(&file("x.parquet"));
    let mut csv = csv_rows(&file("x.csv"));
    let headings = csv.remove(0);
    assert!(rows.len() > 10 && rows.len() == parquet.num_rows() && rows.len() == csv.len());
    let ids = texts(&parquet, "event_id");
    let place = headings.iter().position(|heading| heading == "event_id").unwrap();
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row["event_id"].as_str(), ids[number].as_deref());
        assert_eq!(row["event_id"].as_str(), Some(csv[number][place].as_str()));
        assert!(row["request_parameters"].is_object(), "{row}");
    }
    assert_eq!(parquet.schema().field_with_name("is_global").unwrap().data_type(), &DataType::Boolean);
}

fn csv_rows(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(File::open(path).unwrap());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let name = |date: &str| format!("date={date}/part-0000.parquet");
    for date in [FIRST, LAST] {
        std::fs::create_dir_all(folder.path().join(format!("date={date}"))).unwrap();
        std::fs::copy(sample().join(name(date)), folder.path().join(name(date))).unwrap();
    }
    let mut bytes = std::fs::read(folder.path().join(name(LAST))).unwrap();
    let middle = bytes.len() / 2;
    bytes[..middle].fill(0x5a);
    std::fs::write(folder.path().join(name(LAST)), bytes).unwrap();
    let arguments = ["query", folder.path().to_str().unwrap(), "--event", "*", "--columns", "id", "--format", "csv"];
    let outcome = insights(arguments).expect_code(4).expect_said(&["date=2026-01-30", "is left out"]);
    assert_eq!(outcome.stdout.lines().count(), rows_of(FIRST).num_rows() + 1);
}

#[test]
fn hostile_texts_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let hostile = "=cmd|' /C calc'!A0\u{1b}[2J\u{7}";
    let columns = [
        ("event_time", text("2026-01-05T00:00:00Z")),
        ("event_name", text("\u{1b}]0;owned\u{7}Delete")),
        ("service_name", text("-2+3")),
        ("user_name", text(hostile)),
        ("user_identity_type", text("ram-user")),
        ("request_parameters", text(&"[".repeat(100_000))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, rows)| (name, rows, true))).unwrap();
    write_parquet(&folder.path().join("x.parquet"), &rows, WriterProperties::default());
    let run = |more: &[&str]| insights(["query", folder.path().to_str().unwrap()].iter().chain(more)).expect_code(0);
    let table = run(&["--columns", "event,user,parameters"]).stdout;
    assert!(!table.contains(['\u{1b}', '\u{7}']), "{table}");
    let csv = run(&["--columns", "service,user", "--format", "csv"]).stdout;
    assert!(csv.contains("'-2+3,'=cmd"), "{csv}");
    let json: Value = serde_json::from_str(run(&["--format", "json"]).stdout.trim()).unwrap();
    assert_eq!(json["user_name"].as_str(), Some(hostile));
    assert!(json["request_parameters"].is_string());
}
