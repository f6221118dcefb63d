//! Importing takes every sound event of every log file once, whatever the file's shape, name or company, and names the rest.
//!
//! Files are hostile: what is broken, foreign or made to exhaust us costs its own records and nobody else's, and is said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimestampMillisecondType};
use chrono::{DateTime, NaiveDate, SecondsFormat};
use common::{
    Outcome, assert_same_files, dated, day, files_below, insights, midnight, read_parquet, texts, write_parquet,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use insights::storage::StateLock;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["DescribeInstances", "RunInstances", "DeleteInstance"];

/// An event as ActionTrail writes it.
fn event(number: usize, date: NaiveDate) -> Value {
    let time = midnight(date) + (number as i64 * 7919 % 86_400) * 1000;
    json!({
        "eventId": format!("event-{date}-{number:06}"),
        "eventTime": DateTime::from_timestamp_millis(time).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true),
        "eventName": NAMES[number % NAMES.len()],
        "serviceName": "Ecs",
        "eventVersion": "1",
        "acsRegion": "cn-hangzhou",
        "sourceIpAddress": format!("203.0.113.{}", number % 200),
        "userAgent": "a \"quoted\" agent, with {brackets} and \\ backslashes",
        "userIdentity": { "type": "ram-user", "accountId": "1599", "principalId": format!("2{}", number % 9) },
        "requestParameters": { "Filter": [{ "Name": "x", "Values": ["1", "2"] }] },
    })
}

fn events(count: usize, date: NaiveDate) -> Vec<Value> {
    (0..count).map(|number| event(number, date)).collect()
}

fn joined(events: &[Value], between: &str) -> String {
    events.iter().map(Value::to_string).collect::<Vec<_>>().join(between)
}

fn lines(events: &[Value]) -> String {
    joined(events, "\n") + "\n"
}

fn records(events: &[Value]) -> String {
    format!("{{\"Records\":[{}]}}", joined(events, ","))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder for logs and partitions.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.logs()).unwrap();
        place
    }

    fn logs(&self) -> PathBuf {
        self.0.path().join("logs")
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("events")
    }

    fn log(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.logs().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn import(&self, more: &[&str]) -> Imported {
        let (logs, out) = (self.logs(), self.out());
        let arguments = ["import", logs.to_str().unwrap(), "--out", out.to_str().unwrap(), "--format", "json"];
        Imported::from(insights(arguments.iter().chain(more)))
    }

    fn partitions(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = files_below(&self.out()).into_iter();
        files.filter(|(path, _)| path != Path::new(".lock")).collect()
    }

    /// The ids of a day's events, file by file, in the order in which they stand.
    fn ids(&self, date: NaiveDate) -> Vec<String> {
        let own = self.partitions().into_keys().filter(|path| path.starts_with(format!("date={date}")));
        let ids = own.flat_map(|path| texts(&read_parquet(&self.out().join(path)), "event_id"));
        ids.map(Option::unwrap).collect()
    }
}

/// What an import said.
#[derive(Debug)]
struct Imported {
    outcome: Outcome,
    report: Value,
}

impl From<Outcome> for Imported {
    fn from(outcome: Outcome) -> Self {
        let report = serde_json::from_str(&outcome.stdout).unwrap_or_default();
        Self { outcome, report }
    }
}

impl Imported {
    #[track_caller]
    fn expect(self, code: i32, added: u64, duplicates: u64) -> Self {
        let outcome = self.outcome.expect_code(code);
        let count = |name: &str| self.report[name].as_u64();
        let counts = (count("added"), count("duplicates"));
        assert_eq!(counts, (Some(added), Some(duplicates)), "{}\n{}", self.report, outcome.stderr);
        Self { outcome, report: self.report }
    }

    #[track_caller]
    fn said(self, words: &[&str]) -> Self {
        Self { outcome: self.outcome.expect_said(words), report: self.report }
    }
}

const DATE: (u32, u32) = (1, 5);

fn date() -> NaiveDate {
    day(DATE.0, DATE.1)
}

fn shapes(events: &[Value]) -> Vec<(&'static str, String)> {
    let object = |event: &Value| json!({ "__topic__": "actiontrail_audit_event", "__time__": 1, "event": event });
    let string = |event: &Value| json!({ "__topic__": "actiontrail_audit_event", "event": event.to_string() });
    let pretty = |event: &Value| serde_json::to_string_pretty(&json!({ "event": event.to_string() })).unwrap();
    vec![
        ("lines", lines(events)),
        ("lines with carriage returns", joined(events, "\r\n")),
        ("records", records(events)),
        (
            "records with blanks and a byte order mark",
            format!("\u{feff} {{ \"Records\" : [\n{}\n] }}\n", joined(events, " ,\n")),
        ),
        ("several wrappers", events.chunks(7).map(records).collect::<Vec<_>>().join("\n")),
        ("array", format!("[{}]", joined(events, ","))),
        ("nothing between", joined(events, "")),
        ("envelope with an object", lines(&events.iter().map(object).collect::<Vec<_>>())),
        ("envelope with a string", lines(&events.iter().map(string).collect::<Vec<_>>())),
        ("envelope, pretty-printed", events.iter().map(pretty).collect::<Vec<_>>().join("\n")),
        ("array of envelopes", format!("[{}]", joined(&events.iter().map(object).collect::<Vec<_>>(), ","))),
    ]
}

#[test]
fn every_shape_plain_or_compressed_gives_the_same_partition() {
    let events = events(50, date());
    let expected = Place::new();
    expected.log("a.jsonl", lines(&events)).import(&[]).expect(0, 50, 0);
    for (shape, text) in shapes(&events) {
        for (name, content) in [
            ("named-as-it-is.json", text.as_bytes().to_vec()),
            ("plain-but-named.gz", text.as_bytes().to_vec()),
            ("compressed-but-named.json", gzip(text.as_bytes())),
            ("in-two-members.gz", [gzip(&text.as_bytes()[..900]), gzip(&text.as_bytes()[900..])].concat()),
        ] {
            let place = Place::new();
            let imported = place.log(name, content).import(&[]);
            assert_eq!(imported.outcome.stderr, "", "{shape}, {name}");
            imported.expect(0, 50, 0);
            assert_eq!(place.partitions(), expected.partitions(), "{shape}, {name}");
        }
    }
}

#[test]
fn a_second_time_adds_nothing() {
    let place = Place::new();
    place
        .log("a.json", records(&events(40, date())))
        .log("deep/er/b.gz", gzip(lines(&events(30, day(1, 6))).as_bytes()));
    place.import(&[]).expect(0, 70, 0);
    let before = place.partitions();
    place.import(&[]).expect(0, 0, 70);
    assert_same_files(&before, &place.partitions());
}

#[test]
fn an_event_goes_in_once_however_often_it_comes() {
    let place = Place::new();
    let events = events(40, date());
    place.log("a.jsonl", lines(&events[..30]) + &lines(&events[10..20])).log("b.jsonl", lines(&events[20..]));
    place.import(&[]).expect(0, 40, 20);
    let ids = place.ids(date());
    assert_eq!(ids.len(), 40);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 40);
    place.log("c.jsonl", lines(&common_events(60))).import(&[]).expect(0, 20, 100);
    assert_eq!(place.ids(date()).into_iter().collect::<BTreeSet<_>>().len(), 60);
}

fn common_events(count: usize) -> Vec<Value> {
    events(count, date())
}

#[test]
fn threads_do_not_change_a_byte() {
    let place = Place::new();
    for file in 0..12 {
        let own = (0..2500).map(|number| event(file * 2000 + number * 13 % 2500, day(1, 3 + (number % 3) as u32)));
        place.log(&format!("{file:02}.jsonl"), lines(&own.collect::<Vec<_>>()));
    }
    let partitions = ["1", "2", "5"].map(|threads| {
        let _ = fs::remove_dir_all(place.out());
        let imported = place.import(&["--threads", threads]);
        imported.outcome.expect_code(0);
        place.partitions()
    });
    assert_eq!(partitions[0].len(), 3);
    assert_same_files(&partitions[0], &partitions[1]);
    assert_same_files(&partitions[0], &partitions[2]);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_in() {
    let place = Place::new();
    let many = lines(&events(3000, date()));
    let mut broken: Vec<String> = events(20, day(1, 6)).iter().map(Value::to_string).collect();
    broken[3].truncate(100);
    broken[7] = "{\"eventName\": oops}".to_owned();
    broken[9] = "{\"a\":1}".to_owned();
    let compressed = gzip(many.as_bytes());
    let binary: Vec<u8> = (0..2000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect();
    place
        .log("good.json", records(&events(10, day(1, 7))))
        .log("broken.jsonl", broken.join("\n"))
        .log("cut.json.gz", &compressed[..compressed.len() / 2])
        .log("binary.json", binary)
        .log("table.log", "time,name\n2026-01-05,x\n")
        .log("empty.json", "")
        .log("empty.gz", gzip(b""))
        .log("cut-plain.json", &records(&events(10, day(1, 8)))[..3000]);
    let imported = place.import(&[]);
    let outcome = imported.outcome.expect_code(4);
    let outcome = outcome.expect_said(&["broken.jsonl", "cut.json.gz", "binary.json", "table.log", "empty.json"]);
    let outcome = outcome.expect_said(&["cut-plain.json", "truncated", "0 bytes"]);
    assert!(!outcome.stderr.contains("good.json"), "{}", outcome.stderr);
    assert_eq!(place.ids(day(1, 7)).len(), 10);
    assert_eq!(place.ids(day(1, 6)).len(), 17);
    let saved = place.ids(date()).len();
    assert!((500..3000).contains(&saved), "{saved} of 3000 events stand before the cut");
    assert!(!place.ids(day(1, 8)).is_empty());
    assert_eq!(imported.report["problems"].as_array().unwrap().len(), outcome.stderr.lines().count());
}

#[test]
fn a_problem_is_one_line_whatever_the_file_is_called() {
    let place = Place::new();
    place.log("two\nlines\u{1b}[31m.json", "{\"a\":1}").log("b.json", lines(&events(3, date())));
    let outcome = place.import(&[]).expect(4, 3, 0).outcome;
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains('\u{1b}'), "{:?}", outcome.stderr);
}

#[test]
fn a_gzip_bomb_is_stopped_at_the_limit() {
    let place = Place::new();
    let bomb = [lines(&events(5, date())).into_bytes(), vec![b' '; 64 << 20]].concat();
    place.log("bomb.json.gz", gzip(&bomb)).log("good.json", lines(&events(9, day(1, 6))));
    let imported = place.import(&["--max-decompressed", "1000000"]);
    imported.expect(4, 14, 0).said(&["bomb.json.gz", "more than 1000000 bytes", "--max-decompressed"]);
    place.import(&[]).expect(0, 0, 14);
}

#[test]
fn a_bomb_within_one_record_is_stopped_too() {
    let place = Place::new();
    let bomb = format!("{{\"eventName\":{}", "[".repeat(32 << 20));
    place.log("bomb.gz", gzip(bomb.as_bytes())).log("good.json", lines(&events(9, date())));
    place.import(&[]).expect(4, 9, 0).said(&["bomb.gz"]);
}

#[test]
fn deep_nesting_costs_one_record() {
    let place = Place::new();
    let mut deep = event(1000, date()).to_string();
    deep.truncate(deep.len() - 1);
    let deep = format!("{deep},\"deep\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let all = events(10, date());
    place.log("a.jsonl", lines(&all[..5]) + &deep + "\n" + &lines(&all[5..]));
    place.log("b.json", format!("{{\"Records\":[{},{deep},{}]}}", event(20, date()), event(21, date())));
    place.import(&[]).expect(4, 12, 0).said(&["a.jsonl", "b.json", "nested deeper than 64", "--max-depth"]);
    assert!(!place.ids(date()).iter().any(|id| id.ends_with("001000")));
}

#[test]
fn a_giant_string_costs_one_record_unless_it_is_allowed() {
    let place = Place::new();
    let mut giant = event(1000, date());
    giant["userAgent"] = Value::from("x".repeat(50_000_000));
    let all = events(10, date());
    place.log("a.jsonl", lines(&all[..5]) + &lines(&[giant]) + &lines(&all[5..]));
    place.import(&[]).expect(4, 10, 0).said(&["a.jsonl", "longer than 1048576 bytes", "--max-string"]);
    place.import(&["--max-string", "60000000"]).expect(0, 1, 10);
    assert_eq!(place.ids(date()).len(), 11);
}

#[test]
fn invalid_utf8_is_kept_as_what_can_be_shown() {
    let place = Place::new();
    let mut odd = event(1, date());
    odd["userAgent"] = Value::from("before-MARK-after");
    let text = lines(&[event(0, date()), odd, event(2, date())]);
    let (first, rest) = text.split_once("MARK").unwrap();
    place.log("a.jsonl", [first.as_bytes(), &[0xff, 0xc3, 0x28], rest.as_bytes()].concat());
    place.import(&[]).expect(4, 3, 0).said(&["a.jsonl", "record 2: bytes that are no UTF-8 were replaced"]);
    let rows = read_parquet(&dated(&place.out(), date()).join("part-0000.parquet"));
    let agents: Vec<String> = texts(&rows, "user_agent").into_iter().flatten().collect();
    assert!(
        agents.iter().any(|agent| agent.starts_with("before-\u{fffd}") && agent.ends_with("(-after")),
        "{agents:?}"
    );
}

#[test]
fn half_a_character_costs_itself_alone() {
    let place = Place::new();
    let mut odd = event(1, date());
    odd["userAgent"] = Value::from("before-MARK-after");
    odd["requestParameters"] = json!({ "userName": "MARK", "policyName": "p" });
    let text = lines(&[event(0, date()), odd]).replace("MARK", "\\ud800");
    place.log("a.jsonl", text);
    place.import(&[]).expect(4, 2, 0).said(&["a.jsonl", "record 2: halves of characters were replaced by U+FFFD"]);
    let rows = read_parquet(&dated(&place.out(), date()).join("part-0000.parquet"));
    let agents: Vec<String> = texts(&rows, "user_agent").into_iter().flatten().collect();
    assert!(agents.contains(&"before-\u{fffd}-after".to_owned()), "{agents:?}");
    let parameters: Vec<String> = texts(&rows, "request_parameters").into_iter().flatten().collect();
    let sound = |text: &String| serde_json::from_str::<Value>(text).is_ok();
    assert!(parameters.iter().all(sound), "{parameters:?}");
}

#[test]
fn what_is_no_log_of_events_is_passed_over_and_said() {
    let place = Place::new();
    let digest = json!({ "awsAccountId": "1", "digestStartTime": "2026-01-05T00:00:00Z", "logFiles": [] });
    let insight = json!({ "eventTime": "2026-01-05T00:00:00Z", "eventType": "AwsCloudTrailInsight" });
    place
        .log("a.json", records(&events(3, date())))
        .log("digest.json", digest.to_string())
        .log("insight.json", records(&[insight]))
        .log("a.json.1", "rotated")
        .log("noending", "x");
    let report = place.import(&[]).expect(0, 3, 0).report;
    let expected = json!({ "CloudTrail Insights events": 1, "CloudTrail digests": 1, "files with other endings": 2 });
    assert_eq!(report["passed_over"], expected);
}

#[test]
fn lists_without_end_are_said() {
    let place = Place::new();
    place.log("a.json", records(&events(3, date())));
    place.log("b.json", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    place.import(&[]).expect(4, 3, 0).said(&["b.json", "lists are nested deeper than 64", "--max-depth"]);
}

#[test]
fn many_kinds_of_fault_are_named_each() {
    let place = Place::new();
    let kind = |number: usize| json!({ "eventName": "x", "serviceName": "y", "eventTime": format!("never {number}") });
    place.log("a.jsonl", lines(&(0..12).map(kind).collect::<Vec<_>>()));
    let report = place.import(&[]).expect(4, 0, 0).report;
    assert_eq!(report["problems"].as_array().unwrap().len(), 12);
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_or_back_cost_themselves_alone() {
    let place = Place::new();
    place.log("a.json", records(&events(3, date())));
    std::os::unix::fs::symlink("/nowhere/b.json", place.logs().join("b.json")).unwrap();
    std::os::unix::fs::symlink(place.logs(), place.logs().join("again")).unwrap();
    place.import(&[]).expect(4, 3, 0).said(&["b.json", "cannot be read", "again", "a folder that it is in itself"]);
}

#[test]
fn every_day_has_its_own_partition_sorted_by_time() {
    let place = Place::new();
    let days = [day(1, 1), day(1, 2), day(1, 31), day(2, 28), day(12, 31)];
    let mixed: Vec<Value> = (0..1000).map(|number| event(number * 17 % 1000, days[number % 5])).collect();
    place.log("b.json", records(&mixed[..600])).log("a.jsonl", lines(&mixed[600..]));
    let imported = place.import(&[]).expect(0, 1000, 0);
    let told: Vec<&str> =
        imported.report["days"].as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
    assert_eq!(told, days.map(|day| day.to_string()));
    assert_eq!(place.partitions().len(), 5);
    for date in days {
        let rows = read_parquet(&dated(&place.out(), date).join("part-0000.parquet"));
        let times =
            rows.column_by_name("event_time").unwrap().as_primitive::<TimestampMillisecondType>().values().to_vec();
        assert_eq!(times.len(), 200);
        assert!(times.is_sorted());
        assert!(times.iter().all(|time| (0..86_400_000).contains(&(time - midnight(date)))));
    }
}

fn without_id(number: usize) -> Value {
    let mut event = event(number, date());
    event.as_object_mut().unwrap().remove("eventId");
    event
}

#[test]
fn an_event_without_an_id_is_known_again() {
    let place = Place::new();
    let nameless: Vec<Value> = (0..10).map(without_id).collect();
    place.log("a.jsonl", lines(&nameless)).import(&[]).expect(0, 10, 0);
    place.import(&[]).expect(0, 0, 10);
    place.log("b.json", records(&nameless)).import(&[]).expect(0, 0, 20);
    let ids: BTreeSet<String> = place.ids(date()).into_iter().collect();
    assert_eq!(ids.len(), 10);
}

#[test]
fn events_without_ids_in_one_wrapper_are_told_apart() {
    let place = Place::new();
    let nameless: Vec<Value> = (0..3).map(without_id).collect();
    place.log("a.json", format!("{{\"owner\":\"x\",\"Records\":[{}]}}", joined(&nameless, ",")));
    place.import(&[]).expect(0, 3, 0);
}

#[test]
fn an_event_without_an_id_is_the_same_event_in_an_envelope() {
    let place = Place::new();
    let nameless = without_id(4);
    place.log("a.jsonl", lines(std::slice::from_ref(&nameless))).import(&[]).expect(0, 1, 0);
    place.log("b.jsonl", lines(&[json!({ "__time__": 5, "event": nameless })]));
    place.import(&[]).expect(0, 0, 2);
}

#[test]
fn a_broken_record_in_a_wrapper_costs_one_record() {
    let place = Place::new();
    let all = events(3, date());
    let text = format!("{{\"owner\":\"x\",\"Records\":[{},{{\"a\":1}},{}]}}", all[0], all[1]);
    place.log("a.json", text).import(&[]).expect(4, 2, 0).said(&["a.json"]);
}

#[test]
fn cloud_trail_files_keep_what_they_say() {
    let place = Place::new();
    let event = json!({
        "eventVersion": "1.11", "eventID": "one", "eventTime": "2026-01-05T01:02:03Z", "eventName": "RunInstances",
        "eventSource": "ec2.amazonaws.com", "awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.9",
        "userIdentity": { "type": "AssumedRole", "principalId": "AROA1:alice", "accessKeyId": "ASIA1",
            "sessionContext": { "sessionIssuer": { "userName": "admin" }, "attributes": { "mfaAuthenticated": "true" } } },
        "recipientAccountId": "123456789012", "readOnly": false, "tlsDetails": { "tlsVersion": "TLSv1.3" },
    });
    place.log("a.json", records(&[event])).import(&[]).expect(0, 1, 0);
    let rows = read_parquet(&dated(&place.out(), date()).join("part-0000.parquet"));
    for (column, expected) in [
        ("event_id", "one"),
        ("service_name", "ec2"),
        ("event_source", "ec2.amazonaws.com"),
        ("region", "eu-west-1"),
        ("principal_id", "AROA1:alice"),
        ("user_name", "admin"),
        ("event_rw", "Write"),
        ("mfa_authenticated", "true"),
        ("cloud", "aws"),
    ] {
        assert_eq!(texts(&rows, column), [Some(expected.to_owned())], "{column}");
    }
    assert!(texts(&rows, "other_fields")[0].as_ref().unwrap().contains("TLSv1.3"));
}

#[test]
fn nothing_to_import_is_said() {
    let place = Place::new();
    let outcome = place.import(&[]).outcome.expect_code(3).expect_said(&["no log files in", "hint:"]);
    assert_eq!(outcome.stdout, "");
    let missing = place.logs().join("nowhere");
    let arguments = ["import", missing.to_str().unwrap(), "--out", place.out().to_str().unwrap()].map(str::to_owned);
    insights(arguments).expect_code(3).expect_said(&["cannot read", "nowhere"]);
}

#[test]
fn nothing_unfinished_is_left_behind() {
    let place = Place::new();
    place.log("a.json", records(&events(10, date()))).import(&[]).expect(0, 10, 0);
    fs::create_dir(place.out().join(".insights-unfinished-killed")).unwrap();
    fs::write(place.out().join(".insights-unfinished-killed").join("run.parquet"), "half").unwrap();
    place.import(&[]).expect(0, 0, 10);
    assert_eq!(place.partitions().into_keys().collect::<Vec<_>>(), [Path::new("date=2026-01-05/part-0000.parquet")]);
}

#[test]
fn one_import_at_a_time_writes_to_a_folder() {
    let place = Place::new();
    place.log("a.json", records(&events(10, date())));
    let held = StateLock::of_events(&place.out()).unwrap();
    place.import(&[]).outcome.expect_code(3).expect_said(&["is in use by process", "hint: wait for the other run"]);
    assert!(place.partitions().is_empty());
    drop(held);
    place.import(&[]).expect(0, 10, 0);
}

#[test]
fn ids_in_files_of_other_writers_are_known() {
    let place = Place::new();
    place.log("a.json", records(&events(100, date()))).import(&[]).expect(0, 100, 0);
    let path = dated(&place.out(), date()).join("part-0000.parquet");
    let written = read_parquet(&path);
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for other in [coded, DataType::LargeUtf8, DataType::Utf8View] {
        let fields = written.schema();
        let column = |(field, column): (&Arc<Field>, &ArrayRef)| {
            let column = if field.name() == "event_id" { cast(column, &other).unwrap() } else { Arc::clone(column) };
            (field.name().clone(), column, true)
        };
        let columns = fields.fields().iter().zip(written.columns()).map(column);
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        write_parquet(&path, &rows, WriterProperties::default());
        place.import(&[]).expect(0, 0, 100);
    }
}

#[test]
fn a_stray_line_costs_itself_alone() {
    let place = Place::new();
    let lines: Vec<String> = events(3, date()).iter().map(Value::to_string).collect();
    let text = format!("{}\nrotated at midnight\n{}\n{}\n", lines[0], lines[1], lines[2]);
    place.log("a.jsonl", text).import(&[]).expect(4, 3, 0).said(&["record 2: the rest of a line is no JSON"]);
    place.log("b.txt", "no log at all\nof anything\n").import(&[]).expect(4, 0, 3).said(&["nothing after it was read"]);
}
