//! Rules in the nightly run: alerts in every form, what is said of rules, and the same bytes however it is run.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;
mod json_schema;

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use common::logs::{alerts, call, import, moment, of_rule};
use common::{Outcome, files_below, insights, read_parquet, texts};
use serde_json::{Value, json};

/// What an attacker may write into a field that he chooses.
const HOSTILE: &str = "=cmd|' /C calc'!A0<script>alert(1)</script>\u{1b}[2J";

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(data().join("schema").join(format!("{name}.schema.json"))).unwrap())
        .unwrap()
}

fn run(events: &Path, state: &Path, more: &[&str]) -> Outcome {
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap()];
    insights(arguments.iter().chain(more))
}

/// A folder with `events`; states are made beside it.
fn prepared(records: &[Value]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    import(records, &events);
    (folder, events, state)
}

fn record(state: &Path, date: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(state.join("runs").join(format!("{date}.json"))).unwrap()).unwrap()
}

fn stop(time: &str, trail: &str) -> Value {
    call(moment(time), "cloudtrail", "StopLogging", json!({ "name": trail }))
}

#[test]
fn the_sample_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let states = ["one", "two"].map(|name| folder.path().join(name));
    let days = ["--from", "2026-02-02", "--to", "2026-02-04", "--outputs", "ocsf", "--quiet"];
    for (state, threads) in states.iter().zip(["1", "2"]) {
        run(&data().join("sample"), state, &[&days[..], &["--threads", threads]].concat()).expect_code(0);
    }
    common::assert_same_files(&files_below(&states[0].join("alerts")), &files_below(&states[1].join("alerts")));
    common::assert_same_files(&files_below(&states[0].join("alerting")), &files_below(&states[1].join("alerting")));
    run(&data().join("sample"), &states[1], &["--date", "2026-02-03", "--outputs", "ocsf", "--quiet"]).expect_code(0);
    common::assert_same_files(&files_below(&states[0].join("alerts")), &files_below(&states[1].join("alerts")));
    let (alert, finding) = (schema("alert"), schema("ocsf-alert-finding"));
    let mut count = 0;
    for date in ["2026-02-02", "2026-02-03", "2026-02-04"] {
        let found = alerts(&states[0], date);
        let folder = states[0].join("alerts").join(format!("date={date}"));
        for one in &found {
            assert_eq!(json_schema::errors(&alert, one), [""; 0], "{one:#}");
        }
        for line in fs::read_to_string(folder.join("alerts.ocsf.jsonl")).unwrap().lines() {
            let one = serde_json::from_str(line).unwrap();
            assert_eq!(json_schema::errors(&finding, &one), [""; 0], "{one:#}");
        }
        let table = read_parquet(&folder.join("alerts.parquet"));
        let ids: Vec<Option<String>> = found.iter().map(|one| one["alert_id"].as_str().map(str::to_owned)).collect();
        assert_eq!(texts(&table, "alert_id"), ids);
        let matches = table.column_by_name("count").unwrap().as_primitive::<Int64Type>();
        assert!(matches.values().iter().zip(&found).all(|(count, one)| one["count"] == *count));
        let severities: Vec<u64> = found.iter().map(|one| one["severity_number"].as_u64().unwrap()).collect();
        assert!(severities.is_sorted_by(|left, right| left >= right), "most serious first: {severities:?}");
        count += found.len();
    }
    assert!(count > 0);
    // Days without that output have it no more.
    run(&data().join("sample"), &states[0], &["--date", "2026-02-04", "--quiet"]).expect_code(0);
    assert!(!states[0].join("alerts/date=2026-02-04/alerts.ocsf.jsonl").exists());
}

#[test]
fn the_next_query_shows_the_events_of_an_alert() {
    let (_folder, events, state) = prepared(&[
        stop("2026-01-05T10:00:00Z", "a"),
        stop("2026-01-05T10:20:00Z", "a"),
        call(moment("2026-01-05T10:10:00Z"), "iam", "ListUsers", Value::Null),
    ]);
    run(&events, &state, &["--date", "2026-01-05", "--quiet"]).expect_code(0);
    let all = alerts(&state, "2026-01-05");
    let stopped = of_rule(&all, "Audit trail stopped")[0];
    let query = stopped["next_query"].as_str().unwrap().replace("EVENTS", events.to_str().unwrap());
    let words: Vec<&str> = query.split_whitespace().skip(1).chain(["--count"]).collect();
    assert_eq!(insights(words).expect_code(0).stdout.lines().nth(3), Some("│      2 │"));
    assert_eq!(
        stopped["sentence"],
        "Audit trail stopped: user alice called cloudtrail/StopLogging 2 times from 198.51.100.7 between 10:00 and 10:21 UTC"
    );
}

#[test]
fn an_alert_goes_on_past_midnight_and_a_rerun_changes_nothing() {
    let times = ["2026-01-05T23:10:00Z", "2026-01-05T23:40:00Z", "2026-01-06T00:30:00Z", "2026-01-06T01:20:00Z"];
    let (_folder, events, state) = prepared(&times.map(|time| stop(time, "a")));
    run(&events, &state, &["--from", "2026-01-05", "--to", "2026-01-06", "--quiet"]).expect_code(0);
    let [first, second] = ["2026-01-05", "2026-01-06"].map(|day| {
        let all = alerts(&state, day);
        of_rule(&all, "Audit trail stopped").into_iter().cloned().collect::<Vec<Value>>()
    });
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(first[0]["alert_id"], second[0]["alert_id"]);
    assert_eq!((&first[0]["continued"], &second[0]["continued"]), (&json!(false), &json!(true)));
    assert_eq!((&first[0]["count"], &second[0]["count"]), (&json!(2), &json!(4)));
    assert_eq!((&first[0]["status"], &second[0]["status"]), (&json!("firing"), &json!("resolved")));
    assert_eq!(second[0]["first_time"], "2026-01-05T23:10:00Z");
    assert_eq!(first[0]["notifications"], json!(["2026-01-05T23:10:00Z"]));
    assert_eq!(second[0]["notifications"], json!(["2026-01-06T00:30:00Z"]));
    let before = files_below(&state.join("alerts"));
    run(&events, &state, &["--date", "2026-01-05", "--quiet"]).expect_code(0);
    run(&events, &state, &["--date", "2026-01-06", "--quiet"]).expect_code(0);
    common::assert_same_files(&before, &files_below(&state.join("alerts")));
}

#[test]
fn a_rule_that_cannot_be_used_is_named_and_the_others_run() {
    let (folder, events, state) = prepared(&[stop("2026-01-05T10:00:00Z", "a")]);
    let (rules, settings) = (folder.path().join("broken.yml"), folder.path().join("insights.toml"));
    fs::write(
        &rules,
        "title: Broken\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventNam: x}, condition: s}\n",
    )
    .unwrap();
    fs::write(
        &settings,
        format!(
            "[rules]\npaths = ['{}']\n[[rules.whitelist]]\nrules = ['attack.defense-impairment']\nusers = ['alice']\nreason = 'drill 7'\n",
            rules.display()
        ),
    )
    .unwrap();
    let settings = settings.to_str().unwrap();
    let told =
        run(&events, &state, &["--date", "2026-01-05", "--settings", settings, "--fail-on", "low"]).expect_code(2);
    assert!(told.stdout.contains("! rule not used: "), "{}", told.stdout);
    assert!(told.stdout.contains("did you mean `eventName`?"), "{}", told.stdout);
    assert!(told.stdout.contains("2 matches hidden by a whitelist: drill 7"), "{}", told.stdout);
    let record = record(&state, "2026-01-05");
    assert_eq!(record["rules"]["refused"].as_array().unwrap().len(), 1);
    // What the rule matched, and what a correlation would have looked at.
    assert_eq!(record["rules"]["hidden"], json!([{ "reason": "drill 7", "matches": 2 }]));
    assert!(of_rule(&alerts(&state, "2026-01-05"), "Audit trail stopped").is_empty(), "the whitelist hides it");
    let (events, state) = (events.to_str().unwrap(), state.to_str().unwrap());
    insights(["alert", events, "--state", state, "--settings", settings, "--now", "2026-01-05T10:15:00Z"])
        .expect_code(2)
        .expect_said(&["! rule not used: "]);
}

#[test]
fn what_fails_a_run_are_alerts_too() {
    let (folder, events, state) = prepared(&[stop("2026-01-05T10:00:00Z", "a")]);
    let metrics = folder.path().join("run.prom");
    let more =
        ["--date", "2026-01-05", "--metrics", metrics.to_str().unwrap(), "--format", "json", "--fail-on", "high"];
    // Changes of the trail are insights as well; without them the alert alone decides.
    let told = run(&events, &state, &more).expect_code(1);
    let nights: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(nights[0]["alerts"][0]["rule"], "Audit trail stopped");
    assert_eq!(nights[0]["run"]["rules"]["alerts"]["high"], 1);
    let text = fs::read_to_string(metrics).unwrap();
    assert!(
        text.contains("insights_alerts{severity=\"high\"} 1\n") && text.contains("insights_rules_refused 0\n"),
        "{text}"
    );
    let days = ["--date", "2026-01-05", "--keep", "60d", "--quiet"];
    run(&events, &state, &days).expect_code(0);
    assert!(state.join("alerting/date=2026-01-05").exists());
}

#[test]
fn what_an_attacker_writes_stays_text() {
    let hostile = call(moment("2026-01-05T10:00:00Z"), "cloudtrail", "StopLogging", json!({ "name": HOSTILE }));
    let mut named = hostile.clone();
    named["userIdentity"]["userName"] = json!(HOSTILE);
    named["eventID"] = json!(HOSTILE);
    let (_folder, events, state) = prepared(&[named]);
    let told = run(&events, &state, &["--date", "2026-01-05"]).expect_code(0);
    assert!(!told.stdout.contains('\u{1b}'));
    let all = alerts(&state, "2026-01-05");
    let stopped = of_rule(&all, "Audit trail stopped")[0];
    assert_eq!(stopped["keys"]["requestParameters.name"], HOSTILE);
    assert!(!stopped["next_query"].as_str().unwrap().contains('\u{1b}'), "{}", stopped["next_query"]);
}

#[test]
fn a_rule_asks_for_consecutive_checks_or_for_matches_that_do_not_come() {
    let tries =
        |hour: u32| (0..4).map(move |quarter| stop(&format!("2026-01-05T{hour:02}:{:02}:00Z", quarter * 15), "a"));
    let (folder, events, state) = prepared(
        &tries(6).chain([stop("2026-01-05T12:00:00Z", "a"), stop("2026-01-05T12:31:00Z", "a")]).collect::<Vec<_>>(),
    );
    let rule = |title: &str, notify: &str| {
        format!(
            "title: {title}\nid: {title}\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection: {{s: {{eventName: StopLogging}}, condition: s}}\ninsights: {{notify: {{{notify}}}}}\n"
        )
    };
    let rules = folder.path().join("rules.yml");
    fs::write(&rules, [rule("persistent", "consecutive: 3"), rule("heartbeat", "no_data: 4h")].join("---\n")).unwrap();
    let settings = folder.path().join("insights.toml");
    fs::write(&settings, format!("[rules]\nbuiltin = false\npaths = ['{}']\n", rules.display())).unwrap();
    run(&events, &state, &["--date", "2026-01-05", "--settings", settings.to_str().unwrap(), "--quiet"]).expect_code(0);
    let all = alerts(&state, "2026-01-05");
    let persistent = of_rule(&all, "persistent");
    assert_eq!(persistent.len(), 1, "the second time there was a check between without a match");
    assert_eq!(
        (&persistent[0]["count"], &persistent[0]["notifications"]),
        (&json!(4), &json!(["2026-01-05T06:30:00Z"]))
    );
    let silent: Vec<(&Value, &Value, &Value)> = of_rule(&all, "heartbeat")
        .into_iter()
        .map(|alert| (&alert["first_time"], &alert["status"], &alert["no_data"]))
        .collect();
    let (resolved, firing, yes) = (json!("resolved"), json!("firing"), json!(true));
    let [first, second, third] = ["04:00:00", "10:45:00", "16:31:00"].map(|time| json!(format!("2026-01-05T{time}Z")));
    assert_eq!(silent, [(&first, &resolved, &yes), (&second, &resolved, &yes), (&third, &firing, &yes)]);
}

#[test]
fn a_rule_that_must_not_be_silent_remembers_its_last_match_over_a_day_without_events() {
    let stops = |times: &[&str]| times.iter().map(|time| stop(time, "a")).collect::<Vec<_>>();
    let other = call(moment("2026-01-06T12:00:00Z"), "iam", "ListUsers", Value::Null);
    let silent = |records: &[Value]| {
        let (folder, events, state) = prepared(records);
        let (rules, settings) = (folder.path().join("rules.yml"), folder.path().join("insights.toml"));
        let rule = "title: beat\nid: beat\nlogsource: {product: aws, service: cloudtrail}\n\
                    detection: {s: {eventName: StopLogging}, condition: s}\ninsights: {notify: {no_data: 24h}}\n";
        fs::write(&rules, rule).unwrap();
        fs::write(&settings, format!("[rules]\nbuiltin = false\npaths = ['{}']\n", rules.display())).unwrap();
        for date in ["2026-01-05", "2026-01-07"] {
            run(&events, &state, &["--date", date, "--settings", settings.to_str().unwrap(), "--quiet"]).expect_code(0);
        }
        let all = alerts(&state, "2026-01-07");
        all.iter().map(|alert| alert["first_time"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    let beats = stops(&["2026-01-05T10:00:00Z", "2026-01-07T20:00:00Z"]);
    assert_eq!(silent(&beats), ["2026-01-06T10:00:00Z"]);
    assert!(silent(&[beats, vec![other]].concat()).is_empty(), "nobody looked at the day between");
}

/// `AkInsight` on a key, then a new key by that key within an hour.
#[test]
fn an_insight_may_be_a_member_of_a_correlation() {
    use common::day;
    use common::made::{Call, write_days};
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), day(1, 29), |date| {
        if date != day(1, 29) {
            return Vec::new();
        }
        let burst = (0..400).map(|number| Call::usual(36_000 + number * 3, 7));
        let created = Call { service: "Ram", api: "CreateAccessKey", ..Call::usual(37_800, 7) };
        burst.chain([created]).collect()
    });
    let rule = "title: Many calls and then a key\nid: errors-key\ncorrelation:\n  type: temporal_ordered\n  \
                rules: ['insight:AkInsight', made]\n  group-by: [userIdentity.accessKeyId]\n  timespan: 1h\nlevel: high\n---\n\
                title: Made\nid: made\nname: made\nlogsource: {product: alibabacloud, service: actiontrail}\n\
                detection: {s: {eventName: CreateAccessKey}, condition: s}\n";
    let (rules, settings) = (folder.path().join("rules.yml"), folder.path().join("insights.toml"));
    fs::write(&rules, rule).unwrap();
    fs::write(&settings, format!("[rules]\nbuiltin = false\npaths = ['{}']\n", rules.display())).unwrap();
    run(&events, &state, &["--date", "2026-01-29", "--settings", settings.to_str().unwrap(), "--quiet"]).expect_code(0);
    let all = alerts(&state, "2026-01-29");
    let found = of_rule(&all, "Many calls and then a key");
    assert_eq!(found.len(), 1, "{all:#?}");
    assert_eq!(found[0]["keys"]["userIdentity.accessKeyId"], common::made::key_of("7"));
    // The insight stands before the event among the examples.
    let insights_text =
        fs::read_to_string(state.join("insights/date=2026-01-29/insights.jsonl")).unwrap().to_lowercase();
    assert!(insights_text.contains(found[0]["example_event_ids"][0].as_str().unwrap()));
    // A check knows nothing of insights and leaves what the night found in its place.
    let (events, state_text) = (events.to_str().unwrap(), state.to_str().unwrap());
    let settings = settings.to_str().unwrap();
    insights(["alert", events, "--state", state_text, "--settings", settings, "--now", "2026-01-30T00:10:00Z"])
        .expect_code(0);
    assert_eq!(alerts(&state, "2026-01-29"), all);
}

#[test]
fn remembered_matches_that_are_damaged_are_said_to_be_so() {
    let (_folder, events, state) =
        prepared(&["2026-01-05T10:00:00Z", "2026-01-06T10:00:00Z"].map(|time| stop(time, "a")));
    run(&events, &state, &["--from", "2026-01-05", "--to", "2026-01-06", "--quiet"]).expect_code(0);
    let before = files_below(&state.join("alerts"));
    let remembered = files_below(&state)
        .into_keys()
        .find(|path| path.ends_with("matches.parquet") && path.to_string_lossy().contains("2026-01-05"));
    let remembered = state.join(remembered.unwrap());
    let good = fs::read(&remembered).unwrap();
    fs::write(&remembered, &good[..good.len() / 2]).unwrap();
    run(&events, &state, &["--date", "2026-01-06", "--quiet"]).expect_code(0);
    let warnings = record(&state, "2026-01-06")["warnings"].to_string();
    assert!(
        warnings.contains("what was remembered of the matches of 2026-01-05 is not readable Parquet"),
        "{warnings}"
    );
    // Its events are there, so it was looked at again and nothing is lost.
    assert_eq!(fs::read(&remembered).unwrap(), good);
    common::assert_same_files(&before, &files_below(&state.join("alerts")));
}
