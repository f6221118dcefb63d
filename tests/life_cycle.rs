//! Episodes from night to night: one start and one end however many midnights lie between, nothing twice, a lasting change said
//! once, and the same bytes in every re-run.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use common::made::{Call, key_of, write_days};
use common::{assert_same_files, dated, day, files_below, insights};
use serde_json::Value;

/// The first of the nights that are judged; four weeks lie before it.
fn night(number: u32) -> NaiveDate {
    day(1, 29) + chrono::Duration::days(i64::from(number) - 1)
}

/// Events in which user 7 makes three more calls a minute from one moment to another.
fn burst(events: &Path, last: NaiveDate, from: &str, to: &str) {
    let (from, to) = (moment(from), moment(to));
    write_days(events, day(1, 1), last, |date| {
        let start = date.and_hms_opt(0, 0, 0).unwrap().and_utc();
        let seconds = (0..86_400_i64).step_by(20).filter(|second| {
            let time = start + chrono::Duration::seconds(*second);
            (from..to).contains(&time)
        });
        seconds.map(|second| Call::usual(second, 7)).collect()
    });
}

fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn run(events: &Path, state: &Path, nights: std::ops::RangeInclusive<u32>, more: &[&str]) {
    let (from, to) = (night(*nights.start()).to_string(), night(*nights.end()).to_string());
    let arguments =
        ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--from", &from, "--to", &to, "--quiet"];
    insights(arguments.iter().chain(more)).expect_code(0);
}

/// What a night reported of the key of user 7: state, id, analysis.
fn reported(state: &Path, number: u32) -> Vec<(String, String, Value)> {
    let path = dated(&state.join("insights"), night(number)).join("insights.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = lines.filter(|event| event["insightDetails"]["insightObject"] == key_of("7").as_str());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    own.map(|event| {
        let details = &event["insightDetails"];
        let mut analysis = details["analysis"].clone();
        analysis["count"] = details["insightContext"]["statistics"]["insightCount"].clone();
        (text(&details["state"]), text(&event["sharedEventId"]), analysis)
    })
    .collect()
}

fn is_near(found: &Value, wanted: &str) -> bool {
    (moment(found.as_str().unwrap()) - moment(wanted)).num_minutes().abs() <= 5
}

#[test]
fn an_episode_across_midnight_has_one_start_and_one_end() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(2), "2026-01-29T22:10:00Z", "2026-01-30T02:20:00Z");
    run(&events, &state, 1..=2, &[]);
    let (first, second) = (reported(&state, 1), reported(&state, 2));
    assert_eq!(first.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["Start"]);
    assert_eq!(second.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["End"]);
    assert_eq!(first[0].1, second[0].1, "start and end have one id");
    let (start, end) = (&first[0].2, &second[0].2);
    assert!(is_near(&start["start"], "2026-01-29T22:10:00Z"), "{start}");
    assert_eq!(start["start"], end["start"]);
    assert!(is_near(&end["end"], "2026-01-30T02:20:00Z"), "{end}");
    // 250 minutes with three more calls each, beside the ten an hour that are usual.
    let count = end["count"].as_u64().unwrap();
    assert!((750..=810).contains(&count), "{count}");
    assert_eq!(start["incident"]["id"], end["incident"]["id"], "it stays one story");
}

#[test]
fn what_is_left_after_midnight_is_found_even_if_it_does_not_stand_out() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(3), "2026-01-29T22:10:00Z", "2026-01-30T00:04:00Z");
    run(&events, &state, 1..=3, &[]);
    let (first, second) = (reported(&state, 1), reported(&state, 2));
    assert_eq!(first.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["Start"]);
    assert_eq!(second.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["End"]);
    assert_eq!(first[0].1, second[0].1);
    assert!(is_near(&second[0].2["end"], "2026-01-30T00:04:00Z"), "{}", second[0].2);
    assert!(reported(&state, 3).is_empty());
}

#[test]
fn an_episode_that_is_over_before_midnight_ends_that_day() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(2), "2026-01-29T20:10:00Z", "2026-01-29T23:30:00Z");
    run(&events, &state, 1..=2, &[]);
    let states: Vec<String> = reported(&state, 1).into_iter().map(|event| event.0).collect();
    assert_eq!(states, ["Start", "End"]);
    assert!(reported(&state, 2).is_empty());
}

#[test]
fn a_lasting_change_is_a_level_after_some_nights_and_then_nothing_more_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let settings = folder.path().join("insights.toml");
    fs::write(&settings, "level_shift_days = 2\n").unwrap();
    burst(&events, night(4), "2026-01-29T00:00:00Z", "2026-02-02T00:00:00Z");
    run(&events, &state, 1..=4, &["--settings", settings.to_str().unwrap()]);
    let states = |number: u32| reported(&state, number).into_iter().map(|event| event.0).collect::<Vec<_>>();
    assert_eq!(states(1), ["Start"]);
    let last = reported(&state, 2);
    assert_eq!((last.len(), last[0].0.as_str()), (1, "End"));
    assert_eq!((&last[0].2["levelShift"], &last[0].2["nights"]), (&Value::Bool(true), &Value::from(2)));
    assert!(last[0].2["sentence"].as_str().unwrap().contains("2 nights in a row"), "{}", last[0].2);
    assert!(states(3).is_empty() && states(4).is_empty(), "what goes on is not reported again");
    let record = fs::read_to_string(state.join("runs").join(format!("{}.json", night(3)))).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert!(record["absorbed"].as_u64().unwrap() >= 2, "the key and its user: {record}");
    let levels: Vec<&str> =
        record["new_levels"].as_array().unwrap().iter().map(|level| level["sentence"].as_str().unwrap()).collect();
    let goes_on = "goes on at the level that it has had since 2026-01-29: ";
    for name in [format!("AccessKey {}", key_of("7")), "user name7".to_owned()] {
        assert!(levels.iter().any(|level| level.starts_with(&format!("{name} {goes_on}"))), "{name}: {levels:?}");
    }
    let digest = fs::read_to_string(state.join("reports").join(format!("{}.md", night(3)))).unwrap();
    assert!(!digest.contains("not any more: AccessKey"), "{digest}");
    let record = fs::read_to_string(state.join("runs").join(format!("{}.json", night(4)))).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["new_levels"], Value::Array(Vec::new()), "it is said once");
    let explain = ["explain", &key_of("7"), "--state", state.to_str().unwrap(), "--date", "2026-01-31"];
    let told = insights(explain.iter().chain(&["--settings", settings.to_str().unwrap()])).expect_code(0).stdout;
    assert!(told.contains("higher level since 2026-01-29: ") && told.contains("so it is not told tonight"), "{told}");
    assert!(told.contains("✗ level_shift_days: so since 2026-01-29, 2 nights before this one"), "{told}");
}

#[test]
fn a_level_that_the_model_takes_for_new_is_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(4), "2026-01-29T00:00:00Z", "2026-02-02T00:00:00Z");
    run(&events, &state, 1..=4, &[]);
    let levels = |number: u32| {
        let record = fs::read_to_string(state.join("runs").join(format!("{}.json", night(number)))).unwrap();
        let record: Value = serde_json::from_str(&record).unwrap();
        let levels = record["new_levels"].as_array().unwrap().clone();
        levels.into_iter().filter(|level| level["entity"] == key_of("7").as_str()).collect::<Vec<_>>()
    };
    let told: Vec<(u32, Value)> =
        (1..=4).flat_map(|number| levels(number).into_iter().map(move |level| (number, level))).collect();
    let [(number, level)] = &told[..] else { panic!("once: {told:?}") };
    let states = |number: u32| reported(&state, number).into_iter().map(|event| event.0).collect::<Vec<_>>();
    let all: Vec<Vec<String>> = (1..=4).map(states).collect();
    let told_on = *number as usize - 1;
    assert!(all[..told_on].concat().contains(&"Start".to_owned()), "it was reported before: {all:?}");
    assert!(!all[told_on..].concat().contains(&"Start".to_owned()), "it is not any more: {all:?}");
    assert_eq!((&level["direction"], &level["since"]), (&Value::from("up"), &Value::from("2026-01-29")));
    let said = level["sentence"].as_str().unwrap();
    assert!(said.contains("has a new level since 2026-01-29: ") && said.contains("where 240 were usual"), "{said}");
    let digest = fs::read_to_string(state.join("reports").join(format!("{}.md", night(*number)))).unwrap();
    assert!(digest.contains("new level: AccessKey"), "{digest}");
}

#[test]
fn nights_one_by_one_together_and_again_leave_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    burst(&events, night(3), "2026-01-29T22:10:00Z", "2026-01-31T02:20:00Z");
    let (together, one_by_one) = (folder.path().join("together"), folder.path().join("single"));
    run(&events, &together, 1..=3, &["--threads", "1"]);
    for number in 1..=3 {
        run(&events, &one_by_one, number..=number, &["--threads", "2"]);
    }
    let results = |state: &Path| files_below(&state.join("insights"));
    let first = results(&together);
    assert_same_files(&first, &results(&one_by_one));
    run(&events, &together, 2..=2, &[]);
    run(&events, &together, 1..=3, &[]);
    assert_same_files(&first, &results(&together));
}

/// A successful change of the trail.
fn trail_change(date: NaiveDate, on: u32, parameters: &'static str) -> Vec<Call> {
    let change = Call { service: "Actiontrail", api: "UpdateTrail", parameters, ..Call::usual(40_000, 3) };
    if date == night(on) { vec![change] } else { Vec::new() }
}

#[test]
fn a_trail_is_held_against_the_settings_it_was_last_seen_to_have() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let all = r#"{"Name":"main","EventRW":"All","OssBucketName":"logs"}"#;
    let less = r#"{"Name":"main","EventRW":"Write","OssBucketName":"other"}"#;
    write_days(&events, day(1, 1), night(4), |date| {
        [trail_change(date, 1, all), trail_change(date, 3, less), trail_change(date, 4, less)].concat()
    });
    run(&events, &state, 1..=4, &[]);
    let told = |number: u32| {
        let path = dated(&state.join("insights"), night(number)).join("insights.jsonl");
        let text = fs::read_to_string(path).unwrap();
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own = events.map(|event| event["insightDetails"].clone());
        let trail = own.into_iter().find(|details| details["insightType"] == "TrailConcealmentInsight");
        trail.map(|details| details["analysis"].clone()).unwrap_or_default()
    };
    let concerns =
        |number: u32| -> Vec<String> { serde_json::from_value(told(number)["concerns"].clone()).unwrap_or_default() };
    let is_about_settings = |concern: &String| ["records_less", "narrowed", "redirected"].contains(&concern.as_str());
    let settings = |number: u32| concerns(number).into_iter().filter(is_about_settings).collect::<Vec<_>>();
    assert!(settings(1).is_empty(), "{}", told(1));
    assert_eq!(settings(3), ["records_less", "redirected"], "over a night without a change");
    let sentence = told(3)["sentence"].as_str().unwrap().to_owned();
    assert!(
        sentence.contains("the trail records less than before; its records go elsewhere than before"),
        "{sentence}"
    );
    assert_eq!(settings(4), ["narrowed"], "as it was by then");
}

#[test]
fn a_damaged_note_of_the_night_before_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(2), "2026-01-29T22:10:00Z", "2026-01-30T02:20:00Z");
    run(&events, &state, 1..=1, &[]);
    fs::write(dated(&state.join("insights"), night(1)).join("episodes.json"), "[{").unwrap();
    let date = night(2).to_string();
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    insights(arguments).expect_code(3).expect_said(&["episodes.json`, line 1", "run that night again"]);
}
