//! Episodes from night to night: one start and one end however many midnights lie between, nothing twice, a lasting change said
//! once, and the same bytes in every re-run.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use chrono::{DateTime, NaiveDate, Utc};
use common::made::{Call, key_of, usual_day, write_day, write_days};
use common::{assert_same_files, dated, day, files_below, insights, read_parquet, texts};
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
    reported_of(state, number, "7")
}

/// The same of any user's.
fn reported_of(state: &Path, number: u32, user: &str) -> Vec<(String, String, Value)> {
    let path = dated(&state.join("insights"), night(number)).join("insights.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = lines.filter(|event| event["insightDetails"]["insightObject"] == key_of(user).as_str());
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
fn two_bursts_of_a_day_are_two_episodes_that_share_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), night(1), |date| {
        let bursts = (10_800..14_400_i64).step_by(20).chain((54_000..57_600).step_by(20));
        if date == night(1) { bursts.map(|second| Call::usual(second, 7)).collect() } else { Vec::new() }
    });
    run(&events, &state, 1..=1, &[]);
    let found = reported(&state, 1);
    let mut spans: Vec<_> = found
        .iter()
        .filter(|event| event.0 == "Start")
        .map(|(_, _, analysis)| ["start", "end"].map(|key| moment(analysis[key].as_str().unwrap())))
        .collect();
    spans.sort_unstable();
    let [first, second] = spans[..] else { panic!("{found:?}") };
    assert!(first[1] <= second[0], "{first:?} {second:?}");
}

#[test]
fn whoever_outgrows_the_level_that_was_taken_for_new_is_told_again() {
    let night_of = |steps: [usize; 3]| {
        let folder = tempfile::tempdir().unwrap();
        let (events, state) = (folder.path().join("events"), folder.path().join("state"));
        write_days(&events, day(1, 1), night(3), |date| {
            let place = (date - night(1)).num_days();
            let step = usize::try_from(place).ok().and_then(|place| steps.get(place).copied());
            step.into_iter()
                .flat_map(|step| (0..86_400_i64).step_by(step).map(|second| Call::usual(second, 7)))
                .collect()
        });
        run(&events, &state, 1..=3, &["--set", "level_shift_days=2"]);
        let [first, last] = [1, 3].map(|number| reported(&state, number));
        assert_eq!(first[0].0, "Start", "{first:?}");
        last.into_iter().map(|event| (event.0, event.1 == first[0].1)).collect::<Vec<_>>()
    };
    assert_eq!(night_of([20, 20, 18]), [], "it goes on at its level");
    assert_eq!(
        night_of([20, 20, 5]).first(),
        Some(&("Start".to_owned(), false)),
        "four times as much is another story"
    );
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

/// The record of a night.
fn record(state: &Path, number: u32) -> Value {
    let text = fs::read_to_string(state.join("runs").join(format!("{}.json", night(number)))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_episode_that_is_over_at_midnight_is_closed_once_and_is_no_finding_of_the_next_night() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(3), "2026-01-29T20:00:00Z", "2026-01-30T00:00:00Z");
    run(&events, &state, 1..=1, &[]);
    // Nothing of the second night is news: neither its exit code nor its tables tell of it.
    run(&events, &state, 2..=3, &["--fail-on", "informational"]);
    let (first, second) = (reported(&state, 1), reported(&state, 2));
    assert_eq!((first.len(), first[0].0.as_str()), (1, "Start"));
    assert_eq!((second.len(), second[0].0.as_str()), (1, "End"));
    assert_eq!((&first[0].1, &second[0].2["end"]), (&second[0].1, &Value::from("2026-01-30T00:00:00Z")));
    assert!(reported(&state, 3).is_empty(), "it is closed once");
    let table = dated(&state.join("insights"), night(2)).join("insights.parquet");
    assert_eq!(read_parquet(&table).num_rows(), 0);
    let record = record(&state, 2);
    assert_eq!(record["reported"], serde_json::json!([]));
    let told = record["over"].as_array().unwrap().iter().map(|over| over["sentence"].as_str().unwrap());
    let own = told.filter(|told| told.starts_with(&format!("AccessKey {}", key_of("7")))).collect::<Vec<_>>();
    assert_eq!(own.len(), 1);
    assert!(own[0].contains("ended at 2026-01-30 00:00 UTC") && own[0].contains("since 2026-01-29 20:0"), "{own:?}");
    let digest = fs::read_to_string(state.join("reports").join(format!("{}.md", night(2)))).unwrap();
    assert!(digest.contains("nothing deviated"), "{digest}");
    assert!(digest.contains("over: AccessKey"), "{digest}");
}

/// Events in which user 77 calls once a minute in office hours, and from one night to another six times as often.
fn office_hours(events: &Path, last: NaiveDate, more: std::ops::RangeInclusive<u32>) {
    let raised = night(*more.start())..=night(*more.end());
    write_days(events, day(1, 1), last, |date| {
        let step = if raised.contains(&date) { 10 } else { 60 };
        (9 * 3600..17 * 3600).step_by(step).map(|second| Call::usual(second, 77)).collect()
    });
}

#[test]
fn a_level_in_office_hours_is_one_episode_until_it_is_told_to_be_a_level() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    office_hours(&events, night(6), 1..=6);
    run(&events, &state, 1..=6, &[]);
    let all: Vec<(u32, String, String)> = (1..=6)
        .flat_map(|number| reported_of(&state, number, "77").into_iter().map(move |own| (number, own.0, own.1)))
        .collect();
    let starts = all.iter().filter(|(_, what, _)| what == "Start").count();
    let ends: Vec<&(u32, String, String)> = all.iter().filter(|(_, what, _)| what == "End").collect();
    assert_eq!((starts, ends.len()), (1, 1), "one level, one episode: {all:?}");
    assert_eq!((all[0].0, &all[0].2), (1, &ends[0].2));
    let levels = |number: u32| {
        let levels = record(&state, number)["new_levels"].as_array().unwrap().clone();
        levels.iter().filter(|level| level["entity"] == key_of("77").as_str()).count()
    };
    let last = reported_of(&state, ends[0].0, "77");
    assert!(levels(ends[0].0) == 1 || last[0].2["levelShift"] == Value::Bool(true), "{last:?}");
}

#[test]
fn office_hours_that_are_usual_again_end_the_episode_of_the_day_before() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    office_hours(&events, night(2), 1..=1);
    run(&events, &state, 1..=2, &[]);
    let (first, second) = (reported_of(&state, 1, "77"), reported_of(&state, 2, "77"));
    assert_eq!(first.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["Start"], "nothing tells of an end");
    assert_eq!(second.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["End"]);
    assert!(is_near(&second[0].2["end"], "2026-01-29T17:00:00Z"), "{}", second[0].2);
    assert_eq!(record(&state, 2)["reported"], serde_json::json!([]));
}

#[test]
fn a_burst_of_three_days_is_one_episode_and_no_new_level() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(5), "2026-01-29T00:12:00Z", "2026-02-01T00:00:00Z");
    run(&events, &state, 1..=5, &[]);
    let all: Vec<(u32, String)> =
        (1..=5).flat_map(|number| reported(&state, number).into_iter().map(move |own| (number, own.0))).collect();
    assert_eq!(all, [(1, "Start".to_owned()), (4, "End".to_owned())]);
    for number in 1..=5 {
        assert_eq!(record(&state, number)["new_levels"], serde_json::json!([]), "night {number}");
    }
    let second = record(&state, 2);
    let sentences = second["reported"].as_array().unwrap().iter().map(|own| own["sentence"].as_str().unwrap());
    assert!(sentences.clone().all(|told| told.contains("; going on since 2026-01-29, ")), "{second}");
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
    nights_in_any_order(|events| burst(events, night(3), "2026-01-29T22:10:00Z", "2026-01-31T02:20:00Z"));
    nights_in_any_order(|events| office_hours(events, night(3), 1..=2));
}

fn nights_in_any_order(write: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    write(&events);
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

#[test]
fn every_scored_entity_has_its_hours_on_request_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(1), "2026-01-29T10:00:00Z", "2026-01-29T12:00:00Z");
    run(&events, &state, 1..=1, &["--scored-hours"]);
    let path = dated(&state.join("insights"), night(1)).join("scored-hours.parquet");
    let rows = read_parquet(&path);
    let (families, entities) = (texts(&rows, "family"), texts(&rows, "entity"));
    let keys = families.iter().filter(|family| family.as_deref() == Some("access_key")).count();
    assert_eq!(keys, 20 * 24, "reported or not, an hour with calls or without");
    let p = rows.column_by_name("log10_p_value").unwrap().as_primitive::<Float64Type>();
    let own = (0..rows.num_rows()).filter(|&row| entities[row].as_deref() == Some(&key_of("7")));
    let unlikely: Vec<usize> = own.enumerate().filter(|(_, row)| p.value(*row) < -6.0).map(|(hour, _)| hour).collect();
    assert_eq!(unlikely, [10, 11]);
    run(&events, &state, 1..=1, &[]);
    assert!(!path.exists(), "nobody asked for it");
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
fn a_damaged_note_of_the_night_before_is_made_anew_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(2), "2026-01-29T22:10:00Z", "2026-01-30T02:20:00Z");
    run(&events, &state, 1..=1, &[]);
    let note = dated(&state.join("insights"), night(1)).join("episodes.json");
    let date = night(2).to_string();
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    let whole = fs::read(&note).unwrap();
    fs::write(&note, "[{").unwrap();
    let told = insights(arguments).expect_code(0).stdout;
    assert!(told.contains("episodes.json` was damaged, and 2026-01-29 was judged again"), "{told}");
    assert_eq!(fs::read(&note).unwrap(), whole);
}

/// Events in which user 78 calls sixty times in half an hour of every day, in another hour from some night on.
fn daily_job(events: &Path, last: NaiveDate, hours: (i64, i64), moved: NaiveDate) {
    write_days(events, day(1, 1), last, |date| {
        let first = 3600 * if date < moved { hours.0 } else { hours.1 };
        (first..first + 1800).step_by(30).map(|second| Call::usual(second, 78)).collect()
    });
}

#[test]
fn a_rise_begins_before_the_midnight_of_its_day() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    // Of its first twelve minutes, which do not stand out on their day, the night knows from the events of that day.
    burst(&events, night(1), "2026-01-28T23:48:00Z", "2026-01-29T02:20:00Z");
    run(&events, &state, 1..=1, &[]);
    let found = reported(&state, 1);
    assert_eq!(found.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["Start", "End"]);
    let analysis = &found[0].2;
    assert!(is_near(&analysis["start"], "2026-01-28T23:48:00Z"), "{analysis}");
    let count = analysis["count"].as_u64().unwrap();
    assert!((456..=490).contains(&count), "152 minutes with three more calls each: {count}");
}

#[test]
fn a_job_that_was_moved_is_one_change_though_it_is_over_each_night() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    daily_job(&events, night(3), (2, 5), night(1));
    run(&events, &state, 1..=3, &[]);
    let all: Vec<(u32, String, String, Value)> = (1..=3)
        .flat_map(|number| reported_of(&state, number, "78").into_iter().map(move |own| (number, own.0, own.1, own.2)))
        .collect();
    let of = |direction: &str| -> Vec<&(u32, String, String, Value)> {
        all.iter().filter(|own| own.3["direction"] == direction).collect()
    };
    for direction in ["up", "down"] {
        let own = of(direction);
        assert!(own.iter().all(|told| told.2 == own[0].2), "one change of {direction}: {all:?}");
        assert_eq!(own.iter().filter(|told| told.1 == "Start").count(), 1, "begun once: {all:?}");
        let again: Vec<_> = own.iter().filter(|told| told.0 == 2).collect();
        let is_told = |told: &str| told.contains("; at the same hours for 2 nights in a row since 2026-01-29");
        assert!(again.iter().all(|told| is_told(told.3["sentence"].as_str().unwrap())), "{again:?}");
    }
    assert!(of("up").iter().any(|told| told.0 == 2), "{all:?}");
    let lines = (1..=3).map(|number| dated(&state.join("insights"), night(number)).join("insights.jsonl"));
    let text: String = lines.map(|path| fs::read_to_string(path).unwrap()).collect();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: BTreeSet<&str> = events.iter().map(|event| event["eventId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "an event's id is its own: {text}");
}

#[test]
fn another_burst_on_the_next_night_is_another_story() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), night(2), |date| {
        let (hour, address) = if date == night(1) { (9, "203.0.113.66") } else { (20, "198.51.100.7") };
        let call = |second| Call { address: address.to_owned(), ..Call::usual(second, 7) };
        let is_odd = date == night(1) || date == night(2);
        (hour * 3600..(hour + 1) * 3600).step_by(10).filter(|_| is_odd).map(call).collect()
    });
    run(&events, &state, 1..=2, &[]);
    let stories: Vec<Value> =
        (1..=2).flat_map(|number| reported(&state, number)).map(|own| own.2["incident"]["id"].clone()).collect();
    assert!(stories.len() >= 2 && stories.first() != stories.last(), "the first was over by eleven: {stories:?}");
}

#[test]
fn a_feed_that_breaks_off_for_some_hours_of_a_day_ends_no_level() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let hours = |second: i64| (25_200..54_000).contains(&second);
    for date in day(1, 1).iter_days().take_while(|date| *date <= night(3)) {
        // User 7 works from 7 to 15, from the first night on much more; on the second nothing arrives from 10:12 to 13:40.
        let more = (0..86_400_i64).step_by(30).filter(|second| date >= night(1) && hours(*second));
        let usual = usual_day(date).into_iter().filter(|call| call.user != "7" || hours(call.second));
        let calls = usual.chain(more.map(|second| Call::usual(second, 7)));
        let is_lost = |call: &Call| date == night(2) && (36_720..49_200).contains(&call.second);
        write_day(&events, date, calls.filter(|call| !is_lost(call)).collect());
    }
    run(&events, &state, 1..=3, &[]);
    let told = [1, 2, 3].map(|number| reported(&state, number).into_iter().map(|event| event.0).collect::<Vec<_>>());
    assert_eq!(told, [vec!["Start".to_owned()], vec![], vec![]]);
}

#[test]
fn a_night_that_was_left_out_ends_no_episode_and_begins_none() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    burst(&events, night(3), "2026-01-29T12:00:00Z", "2026-01-31T15:00:00Z");
    run(&events, &state, 1..=1, &[]);
    run(&events, &state, 3..=3, &[]);
    let (first, last) = (reported(&state, 1), reported(&state, 3));
    assert_eq!([&first[0].0, &last[0].0], ["Start", "End"]);
    assert_eq!((first[0].1.as_str(), last.len()), (last[0].1.as_str(), 1), "it is the same");
    // Three calls more a minute for twelve hours and for fifteen: those of the night between are not told.
    let count = last[0].2["count"].as_u64().unwrap();
    assert!((4_860..=5_200).contains(&count), "{count}");
    let sentence = last[0].2["sentence"].as_str().unwrap();
    assert!(sentence.contains("; 2026-01-30 not counted, for nobody judged it"), "{sentence}");
}
