//! Checks of what arrived lately: started every fifteen minutes, or less regularly, they leave what a night leaves, and tell nothing twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chrono::{DateTime, Duration, Utc};
use common::logs::{alerts, call, failed_sign_in, import, moment};
use common::{insights, program};
use insights::alert::notice::Notice;
use insights::alert::{RuleBook, Status};
use insights::partition::Partitions;
use insights::pipeline::{Job, check_lately};
use insights::place::PlaceBook;
use insights::settings::Settings;
use serde_json::{Value, json};

const DAY: &str = "2026-01-07";
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// Two days of events: a spray, guesses across midnight, a trail that is disabled and set up again, a rule that matches every ten minutes for
/// hours, and one whose matches begin before midnight and go on after it.
fn records() -> Vec<Value> {
    let mut records = Vec::new();
    let spray = moment("2026-01-07T09:30:00Z");
    records.extend((0..60).map(|number| {
        let address = format!("198.18.{}.7", number % 40);
        failed_sign_in(spray + Duration::seconds(20 * number), &format!("user-{number}"), &address)
    }));
    let guesses = moment("2026-01-06T20:00:00Z");
    records
        .extend((0..14).map(|number| failed_sign_in(guesses + Duration::minutes(40 * number), "bob", "203.0.113.22")));
    let name = json!({ "name": "trail-prod" });
    records.push(call(moment("2026-01-06T23:50:00Z"), "cloudtrail", "StopLogging", name.clone()));
    records.push(call(moment("2026-01-07T00:20:00Z"), "cloudtrail", "StopLogging", name.clone()));
    records.push(call(moment("2026-01-07T03:00:00Z"), "cloudtrail", "StartLogging", name));
    let keys = moment("2026-01-07T12:05:00Z");
    let created = |number: i64| {
        call(keys + Duration::minutes(10 * number), "iam", "CreateAccessKey", json!({ "userName": "eve" }))
    };
    records.extend((0..40).map(created));
    records.push(call(moment("2026-01-07T23:59:59Z"), "iam", "CreateUser", json!({ "userName": "late" })));
    records
}

/// The events, and a state in which the day before is judged already.
fn prepared() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        import(&records(), &folder.path().join("events"));
        night(folder.path(), &folder.path().join("before"), "2026-01-06");
        folder
    });
    folder.path()
}

fn night(folder: &Path, state: &Path, day: &str) {
    let events = folder.join("events");
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", day, "--quiet"];
    insights(arguments).expect_code(0);
}

/// A state of one's own in which the day before is judged.
fn own_state() -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    copy(&prepared().join("before"), state.path());
    state
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in common::files_below(from) {
        let target = to.join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

/// The files of the day's alerts.
fn results(state: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    common::files_below(&state.join("alerts").join(format!("date={DAY}")))
}

/// Checks at every one of the moments, as `insights alert` does; what was told when.
fn checks(state: &Path, moments: impl IntoIterator<Item = i64>) -> Vec<Notice> {
    let settings = Settings::default();
    let book = RuleBook::load(&settings.rules, &settings.alerts, &settings.columns).unwrap();
    let partitions = Partitions::find(&prepared().join("events"), &settings.columns).unwrap();
    let mut notices = Vec::new();
    for now in moments {
        let job = Job {
            partitions: &partitions,
            state,
            settings: &settings,
            settings_hash: &settings.hash(),
            due: None,
            ahead: &[],
            every_night: false,
            book: &book,
            places: &PlaceBook::default(),
            progress: &|_| (),
        };
        let checked = check_lately(&job, 30 * MINUTE, now).unwrap();
        checked.told.write(state).unwrap();
        notices.extend(checked.notices);
    }
    notices
}

fn midnight() -> i64 {
    moment("2026-01-07T00:00:00Z").timestamp_millis()
}

#[track_caller]
fn assert_told_at_most_once_an_hour(notices: &[Notice]) {
    let mut told: BTreeMap<_, DateTime<Utc>> = BTreeMap::new();
    for notice in notices.iter().filter(|notice| notice.status == Status::Firing) {
        let before = told.insert(notice.alert.fingerprint, notice.at);
        assert!(before.is_none_or(|before| notice.at - before >= Duration::hours(1)), "{before:?} {notice:#?}");
    }
}

#[test]
fn a_day_of_checks_leaves_what_the_night_leaves() {
    let by_night = own_state();
    night(prepared(), by_night.path(), DAY);
    let expected = results(by_night.path());
    let titles: Vec<Value> = alerts(by_night.path(), DAY).iter().map(|alert| alert["rule"].clone()).collect();
    assert!(titles.len() >= 6, "{titles:?}");
    assert!(alerts(by_night.path(), DAY).iter().any(|alert| alert["continued"] == true));

    let every_quarter: Vec<i64> = (1..=96).map(|quarter| midnight() + quarter * 15 * MINUTE).collect();
    // Starts that are missed, for minutes and for hours, and starts at odd times.
    let irregular: Vec<i64> =
        [1, 5, 6, 7, 30, 31, 33, 60, 61, 95, 101].map(|quarter| midnight() + quarter * 15 * MINUTE + 7_777).into();
    let once = vec![midnight() + 15 * MINUTE, midnight() + 25 * HOUR];
    for moments in [every_quarter, irregular, once] {
        let state = own_state();
        let notices = checks(state.path(), moments.clone());
        common::assert_same_files(&expected, &results(state.path()));
        assert_told_at_most_once_an_hour(&notices);
        assert!(!notices.is_empty());
    }
}

#[test]
fn every_alert_is_told_however_irregular_the_starts() {
    let state = own_state();
    let notices = checks(state.path(), [3, 20, 40, 41, 90, 96, 104].map(|quarter| midnight() + quarter * 15 * MINUTE));
    // What was over half an hour before the first start is not told: nobody had asked yet.
    let first = midnight() + 15 * MINUTE;
    for alert in alerts(state.path(), DAY) {
        let last = alert["last_time"].as_str().map(moment).unwrap().timestamp_millis();
        let told = notices.iter().any(|notice| notice.alert.alert_id.to_string() == alert["alert_id"]);
        assert_eq!(told, last >= first, "{alert:#}");
    }
}

#[test]
fn long_alerts_are_told_again_every_hour_and_no_more() {
    let state = own_state();
    let every_quarter = (49..=96).map(|quarter| midnight() + quarter * 15 * MINUTE);
    let notices = checks(state.path(), every_quarter);
    let told: Vec<String> = notices
        .iter()
        .filter(|notice| notice.alert.rule == "Access key created")
        .map(|notice| notice.at.format("%H:%M").to_string())
        .collect();
    // Matches from 12:05 to 18:35, found by checks on the quarter.
    assert_eq!(told, ["12:15", "13:15", "14:15", "15:15", "16:15", "17:15", "18:15", "19:15"]);
}

#[test]
fn late_events_are_told_late_and_not_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let user = |time: &str| call(moment(time), "iam", "CreateUser", json!({ "userName": "a" }));
    let check = |now: &str| -> Vec<String> {
        let (events, state) = (events.to_str().unwrap(), state.to_str().unwrap());
        let told = insights(["alert", events, "--state", state, "--now", now, "--format", "json"]).expect_code(0);
        let notices: Vec<Value> = serde_json::from_str(&told.stdout).unwrap();
        let of = notices.iter().filter(|notice| notice["alert"]["rule"] == "User created");
        of.map(|notice| notice["alert"]["count"].to_string()).collect()
    };
    import(&[user("2026-01-07T10:02:00Z")], &events);
    assert_eq!(check("2026-01-07T10:15:00Z"), ["1"]);
    import(&[user("2026-01-07T10:14:00Z")], &events);
    assert_eq!(check("2026-01-07T10:30:00Z"), [""; 0], "the hour is not over");
    assert_eq!(check("2026-01-07T11:15:00Z"), ["2"]);
    assert_eq!(check("2026-01-07T11:30:00Z"), [""; 0]);
}

#[test]
fn a_clock_that_was_ahead_leaves_no_gap_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let user = |time: &str, name: &str| call(moment(time), "iam", "CreateUser", json!({ "userName": name }));
    let check = |now: &str| {
        let (events, state) = (events.to_str().unwrap(), state.to_str().unwrap());
        let told = insights(["alert", events, "--state", state, "--now", now, "--format", "json"]).expect_code(0);
        let notices: Vec<Value> = serde_json::from_str(&told.stdout).unwrap();
        let of = notices.iter().filter(|notice| notice["alert"]["rule"] == "User created");
        (of.map(|notice| notice["alert"]["count"].to_string()).collect::<Vec<_>>(), told.stderr)
    };
    import(&[user("2026-01-07T10:02:00Z", "a")], &events);
    assert_eq!(check("2026-01-07T10:15:00Z").0, ["1"]);
    check("2036-01-07T10:30:00Z");
    // They arrive between the check by the wrong clock and the next by the right one, which looks back by half an hour.
    import(&[user("2026-01-07T10:20:00Z", "b"), user("2026-01-07T10:50:00Z", "c")], &events);
    let (told, said) = check("2026-01-07T12:15:00Z");
    assert_eq!(told, ["1", "1"], "of two users, one of whom came in the gap: {said}");
    let words = "! the check before was at 2036-01-07T10:30:00Z, which is yet to come: a clock was wrong, so everything since 2026-01-07T09:45:00Z was looked at";
    assert!(said.contains(words), "{said}");
    let (told, said) = check("2026-01-07T12:30:00Z");
    assert!(told.is_empty() && !said.contains("a clock was wrong"), "it is over: {said}");
}

#[test]
fn the_command_says_what_is_due_and_ends_as_asked() {
    let state = own_state();
    let events = prepared().join("events");
    let arguments = |now: &'static str| {
        [
            "alert",
            events.to_str().unwrap(),
            "--state",
            state.path().to_str().unwrap(),
            "--now",
            now,
            "--fail-on",
            "high",
        ]
    };
    let first = insights(arguments("2026-01-07T00:30:00Z")).expect_code(1);
    assert!(first.stdout.contains("Audit trail stopped: user alice called cloudtrail/StopLogging"), "{}", first.stdout);
    assert!(first.stdout.contains("begin with: insights query EVENTS --event-id "), "{}", first.stdout);
    let again = insights(arguments("2026-01-07T00:30:00Z")).expect_code(0);
    assert!(again.stdout.starts_with("nothing to tell from "), "{}", again.stdout);
    let record = state.path().join("alerting/date=2026-01-07/notices.jsonl");
    let line: Value = serde_json::from_str(fs::read_to_string(record).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!((&line["at"], &line["status"]), (&json!("2026-01-07T00:30:00Z"), &json!("firing")));
}

#[test]
fn two_starts_at_once_do_no_harm() {
    let state = own_state();
    let events = prepared().join("events");
    let start = || {
        let mut command = program();
        command.args(["alert", events.to_str().unwrap(), "--state", state.path().to_str().unwrap()]);
        command.args(["--now", "2026-01-07T12:15:00Z", "--format", "json"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let both: Vec<common::Outcome> =
        [start(), start()].into_iter().map(|child| child.wait_with_output().unwrap().into()).collect();
    let mut told = 0;
    for outcome in both {
        match outcome.code {
            Some(0) => told += serde_json::from_str::<Vec<Value>>(&outcome.stdout).unwrap().len(),
            _ => drop(outcome.expect_code(3).expect_said(&["hint: wait for the other run to end"])),
        }
    }
    assert_eq!(told, 1, "whoever came first told it, and nobody else");
}

#[test]
fn a_program_is_told_and_what_it_misses_is_told_again() {
    let state = own_state();
    let events = prepared().join("events");
    let told = state.path().join("told-to-program.json");
    let check = |program: &str, now: &str, code: i32| {
        let setting = format!("alerts.command={program}");
        let (events, state) = (events.to_str().unwrap(), state.path().to_str().unwrap());
        insights(["alert", events, "--state", state, "--now", now, "--set", &setting]).expect_code(code)
    };
    check("false", "2026-01-07T12:15:00Z", 3).expect_said(&["alerts.command: `false` failed", "is told again"]);
    check(&format!("tee,{}", told.display()), "2026-01-07T12:30:00Z", 0);
    let notices: Vec<Notice> = serde_json::from_slice(&fs::read(&told).unwrap()).unwrap();
    assert_eq!(notices.iter().map(|notice| notice.alert.count).collect::<Vec<_>>(), [3], "12:05, 12:15 and 12:25");
}

/// The feed stops, and there is not even a partition of the next day.
#[test]
fn a_feed_that_stops_is_an_alert_and_so_is_its_return() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let beat = |time: &str| call(moment(time), "sts", "GetCallerIdentity", Value::Null);
    import(&[beat("2026-01-07T20:00:00Z"), beat("2026-01-07T21:00:00Z")], &events);
    let rule = "title: Heartbeat\nid: heartbeat\nlogsource: {product: aws, service: cloudtrail}\n\
                detection: {s: {eventName: GetCallerIdentity}, condition: s}\ninsights: {notify: {no_data: 6h}}\n";
    let (rules, settings) = (folder.path().join("rules.yml"), folder.path().join("insights.toml"));
    fs::write(&rules, rule).unwrap();
    fs::write(
        &settings,
        format!("[rules]\nbuiltin = false\npaths = ['{}']\n[alerts]\nresolved = true\n", rules.display()),
    )
    .unwrap();
    let check = |now: &str| -> Vec<(Value, Value)> {
        let (events, state, settings) = (events.to_str().unwrap(), state.to_str().unwrap(), settings.to_str().unwrap());
        let more = ["--now", now, "--format", "json", "--settings", settings];
        let told = insights(["alert", events, "--state", state].iter().chain(&more)).expect_code(0);
        let notices: Vec<Value> = serde_json::from_str(&told.stdout).unwrap();
        notices.iter().map(|notice| (notice["status"].clone(), notice["alert"]["sentence"].clone())).collect()
    };
    assert_eq!(check("2026-01-07T21:15:00Z"), []);
    assert_eq!(check("2026-01-08T02:45:00Z"), []);
    let sentence = json!("Heartbeat: no match since 2026-01-07T21:00:00Z, longer than 6 h");
    assert_eq!(check("2026-01-08T03:15:00Z"), [(json!("firing"), sentence.clone())]);
    assert_eq!(check("2026-01-08T09:00:00Z"), [], "it is told once");
    import(&[beat("2026-01-08T09:10:00Z")], &events);
    assert_eq!(check("2026-01-08T09:15:00Z"), [(json!("resolved"), sentence)]);
    assert_eq!(check("2026-01-08T09:30:00Z"), []);
}

#[test]
fn what_cannot_be_used_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    insights(["alert", empty]).expect_code(3).expect_said(&["no event partitions in"]);
    let events = prepared().join("events");
    let state = own_state();
    let arguments = |more: &[&'static str]| {
        let first = ["alert", events.to_str().unwrap(), "--state", state.path().to_str().unwrap()];
        insights(first.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    arguments(&["--last", "soon"]).expect_code(2).expect_said(&["--last: `soon` is no length of time"]);
    arguments(&["--now", "2026-13-01"]).expect_code(2).expect_said(&["--now: "]);
    arguments(&["--set", "alerts.group_gap=never"])
        .expect_code(2)
        .expect_said(&["alerts.group_gap: expected a time from 1m to 24h, such as 15m or 1h, found `never`"]);
    let told = state.path().join("alerting/told.json");
    fs::write(&told, "{]").unwrap();
    arguments(&["--now", "2026-01-07T12:15:00Z"])
        .expect_code(3)
        .expect_said(&["told.json`, line 1: not what was told so far"]);
}
