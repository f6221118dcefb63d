//! Sign-ins that say in their response alone that they failed: whoever wrote the partition, they fail for the count, for rules, for
//! queries and for `changes`, as if the logs had been imported.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use chrono::TimeDelta;
use common::logs::{alerts, call, failed_sign_in, import, moment, of_rule};
use common::{dated, day, insights, read_day, roll_up, write_parquet};
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

/// A day of calls and sign-ins: every third is a sign-in, of these a third works, a third says that it failed, and a third says it in its
/// response alone.
fn records() -> Vec<Value> {
    let record = |number: i64| {
        let time = moment("2026-01-05T08:00:00Z") + TimeDelta::seconds(number * 40);
        let mut record = failed_sign_in(time, &format!("person-{}", number / 3 % 2), "203.0.113.7");
        match number % 9 {
            0 => record["responseElements"] = json!({ "ConsoleLogin": "Success" }),
            3 => return record,
            6 => {}
            _ => return call(time, "ec2", "RunInstances", json!({ "imageId": "ami-1" })),
        }
        record.as_object_mut().unwrap().remove("errorMessage");
        record
    };
    (0..360).map(record).collect()
}

/// How many of them failed.
const FAILED: u64 = 80;

fn text(records: &[Value], pointer: &str) -> ArrayRef {
    let text = |record: &Value| match record.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Arc::new(records.iter().map(text).collect::<StringArray>())
}

/// The response as one text, or as a struct of what it holds.
fn responses(records: &[Value], as_struct: bool) -> ArrayRef {
    if !as_struct {
        return text(records, "/responseElements");
    }
    let inner = text(records, "/responseElements/ConsoleLogin");
    let fields = Fields::from(vec![Field::new("ConsoleLogin", DataType::Utf8, true)]);
    Arc::new(StructArray::new(fields, vec![inner], None))
}

/// The same records as another writer lays them out.
fn write(records: &[Value], responses: ArrayRef, events: &Path, properties: WriterProperties) {
    let column = |name: &str| (name.to_owned(), text(records, &format!("/{}", name.replace('.', "/"))));
    let names = [
        "eventID",
        "eventTime",
        "eventName",
        "eventSource",
        "eventType",
        "readOnly",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "recipientAccountId",
        "userIdentity.type",
        "userIdentity.principalId",
        "userIdentity.accountId",
        "userIdentity.userName",
        "userIdentity.accessKeyId",
        "errorCode",
        "errorMessage",
        "requestParameters",
        "additionalEventData",
    ];
    let mut columns: Vec<(String, ArrayRef)> = names.map(column).into();
    columns.push(("responseElements".to_owned(), responses));
    let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    write_parquet(&dated(events, day(1, 5)).join("a.parquet"), &rows.unwrap(), properties);
}

/// Row groups of a hundred rows, with dictionaries or without.
fn layout(with_dictionaries: bool) -> WriterProperties {
    WriterProperties::builder().set_max_row_group_row_count(Some(100)).set_dictionary_enabled(with_dictionaries).build()
}

#[test]
fn another_writers_partition_is_counted_as_if_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("imported"), folder.path().join("state"));
    import(&records(), &events);
    roll_up(&events, &state, &[]);
    let imported = read_day(&state, day(1, 5));
    let failed = imported.0.iter().filter(|entity| entity.family == "api").flat_map(|entity| &entity.hours);
    assert_eq!(failed.map(|hour| u64::from(hour.errors)).sum::<u64>(), FAILED);
    for (as_struct, with_dictionaries) in [(false, true), (false, false), (true, true)] {
        let name = format!("other-{as_struct}-{with_dictionaries}");
        let (events, state) = (folder.path().join(&name), folder.path().join(format!("{name}-state")));
        write(&records(), responses(&records(), as_struct), &events, layout(with_dictionaries));
        roll_up(&events, &state, &["--threads", "2"]);
        assert!(read_day(&state, day(1, 5)) == imported, "{name}");
    }
}

fn lines(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn queries_and_changes_know_them_as_failures() {
    let folder = tempfile::tempdir().unwrap();
    write(&records(), responses(&records(), false), folder.path(), layout(true));
    let events = folder.path().to_str().unwrap();
    let asked = |more: &[&str]| insights(["query", events].iter().chain(more)).expect_code(0).stdout;
    let counted =
        |more: &[&str]| lines(&asked(&[more, &["--count", "--format", "json"]].concat()))[0]["events"].clone();
    assert_eq!(counted(&["--failed"]), FAILED);
    let alone = ["--event", "ConsoleLogin", "--error", "(no code)", "--format", "json", "--limit", "0"];
    let found = lines(&asked(&alone));
    assert_eq!(found.len() as u64, FAILED);
    let messages = |word: &str| found.iter().filter(|event| event["error_message"] == word).count() as u64;
    assert_eq!((messages("Failure"), messages("Failed authentication")), (FAILED / 2, FAILED / 2));
    assert_eq!(counted(&["--where", "error_message=Failure"]), FAILED / 2);
    let by_message = "SELECT count(*) AS failures FROM events WHERE error_message = 'Failure'";
    assert_eq!(lines(&asked(&["--sql", by_message, "--format", "json"])), [json!({ "failures": FAILED / 2 })]);
    let signed = insights(["changes", events, "--sign-ins", "--format", "json", "--limit", "0"]).expect_code(0);
    let outcomes = lines(&signed.stdout);
    let of = |outcome: &str| outcomes.iter().filter(|sign_in| sign_in["outcome"] == outcome).count() as u64;
    assert_eq!((of("(no code)"), of("success")), (FAILED, FAILED / 2));
}

#[test]
fn rules_see_the_same_as_in_imported_logs() {
    let folder = tempfile::tempdir().unwrap();
    let raised = |events: &Path, state: &str| {
        let state = folder.path().join(state);
        let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", "2026-01-05"];
        insights(arguments.iter().chain(&["--quiet"])).expect_code(0);
        let alerts = alerts(&state, "2026-01-05");
        let told = of_rule(&alerts, "Many failed console sign-ins of one user");
        told.iter().map(|alert| (alert["sentence"].to_string(), alert["matches"].to_string())).collect::<Vec<_>>()
    };
    let (imported, other) = (folder.path().join("imported"), folder.path().join("other"));
    import(&records(), &imported);
    write(&records(), responses(&records(), false), &other, layout(true));
    let expected = raised(&imported, "a");
    assert!(!expected.is_empty());
    assert_eq!(raised(&other, "b"), expected);
}

#[test]
fn responses_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let padded = |record: &Value| format!("{{\"ConsoleLogin\":\"Failure\",\"padding\":\"{}\"}}", record["eventID"]);
    let long: StringArray = records().iter().map(|record| Some(padded(record))).collect();
    write(&records(), Arc::new(long), folder.path(), layout(false));
    let path = dated(folder.path(), day(1, 5)).join("a.parquet");
    let mut bytes = fs::read(&path).unwrap();
    let word = b"padding";
    let places: Vec<usize> = (0..bytes.len() - word.len()).filter(|&at| bytes[at..].starts_with(word)).collect();
    // The length of a text, of which one is told to be longer than its page.
    let place = places[places.len() / 2] - "{\"ConsoleLogin\":\"Failure\",\"".len();
    bytes[place - 1] = 0x7f;
    fs::write(&path, bytes).unwrap();
    let state = folder.path().join("state");
    let arguments = ["rollup", folder.path().to_str().unwrap(), "--state", state.to_str().unwrap()];
    let said = insights(arguments).expect_code(4);
    let said = said.expect_said(&["were not read, so sign-ins that failed may count as successes"]);
    assert!(!said.stderr.contains("rows of row group"), "what was asked for can be read: {}", said.stderr);
}
