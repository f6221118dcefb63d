//! First-seen pairs end to end: a key on a network where it never was, calling what it never called.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use common::made::{Call, key_of, write_days};
use common::{Outcome, dated, day, insights, roll_up};
use serde_json::Value;

const APIS: [(&str, &str); 4] =
    [("Ram", "ListUsers"), ("Oss", "ListBuckets"), ("Kms", "GetSecretValue"), ("Sts", "GetCallerIdentity")];

fn run(events: &Path, state: &Path, date: NaiveDate, more: &[&str]) -> Outcome {
    let (date, state) = (date.to_string(), state.to_str().unwrap());
    insights(["run", events.to_str().unwrap(), "--date", &date, "--state", state].iter().chain(more))
}

/// What was reported as first seen, starts alone.
fn first_seen(state: &Path, date: NaiveDate) -> Vec<Value> {
    let text = fs::read_to_string(dated(&state.join("insights"), date).join("insights.jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["insightDetails"].clone());
    events.filter(|event| event["state"] == "Start" && event["analysis"]["judgedBy"] == "first_seen").collect()
}

/// Sixteen calls to four APIs within eight minutes, on a network of its own, with the fifth person's key.
fn theft(date: NaiveDate) -> Vec<Call> {
    if date != day(1, 29) {
        return Vec::new();
    }
    let call = |number: i64| Call {
        service: APIS[number as usize % 4].0,
        api: APIS[number as usize % 4].1,
        address: "203.0.113.9".to_owned(),
        ..Call::usual(36_000 + number * 30, 5)
    };
    (0..16).map(call).collect()
}

#[test]
fn a_stolen_key_is_told_with_its_network_and_its_apis_and_is_one_story() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), day(1, 29), theft);
    run(&events, &state, day(1, 28), &["--quiet"]).expect_code(0);
    assert_eq!(first_seen(&state, day(1, 28)), Vec::<Value>::new());
    run(&events, &state, day(1, 29), &["--quiet"]).expect_code(0);
    let found = first_seen(&state, day(1, 29));
    let key = found.iter().find(|found| found["insightType"] == "AkInsight").unwrap();
    assert_eq!(key["insightObject"], key_of("5").as_str());
    let analysis = &key["analysis"];
    assert_eq!(analysis["firstSeen"]["networks"], serde_json::json!(["203.0.113.0/24"]));
    assert_eq!(analysis["firstSeen"]["total"], 5);
    assert_eq!(
        (&analysis["start"], &analysis["end"]),
        (&"2026-01-29T10:00:00Z".into(), &"2026-01-29T10:08:00Z".into())
    );
    assert_eq!(
        (&analysis["expected"], key["insightContext"]["statistics"]["insightCount"].as_u64()),
        (&0.0.into(), Some(16))
    );
    // What one caller did from there is told of it and its key, not of each API.
    assert!(found.iter().all(|found| found["insightType"] != "ApiCallRateInsight"), "{found:#?}");
    let sentence = analysis["sentence"].as_str().unwrap();
    insta::assert_snapshot!(sentence);
    let incidents: Vec<&Value> = found.iter().map(|found| &found["analysis"]["incident"]["id"]).collect();
    assert!(found.len() > 1 && incidents.iter().all(|incident| *incident == incidents[0]), "{found:#?}");
}

#[test]
fn without_pairs_of_the_days_before_nothing_is_first_seen_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), day(1, 29), theft);
    roll_up(&events, &state, &["--no-pairs"]);
    for date in day(1, 1).iter_days().take_while(|date| *date < day(1, 29)) {
        fs::remove_dir_all(dated(&events, date)).unwrap();
    }
    run(&events, &state, day(1, 29), &["--quiet"]).expect_code(0);
    assert_eq!(first_seen(&state, day(1, 29)), Vec::<Value>::new());
    let record = fs::read_to_string(state.join("runs").join("2026-01-29.json")).unwrap();
    assert!(record.contains("0 days of history have pairs, and 14 are needed"), "{record}");
}
