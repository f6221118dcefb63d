//! Attacks that built-in rules catch, from log records to alerts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use chrono::Duration;
use common::insights;
use common::logs::{ACCOUNT, alerts, call, failed_sign_in, import, moment, of_rule};
use serde_json::{Value, json};

/// Judges the days one after the other, and gives the folder with the state.
fn judged(records: &[Value], days: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    import(records, &events);
    for day in days {
        run(&events, folder.path(), &["--date", day]);
    }
    folder
}

fn run(events: &Path, folder: &Path, more: &[&str]) {
    let state = folder.join("state");
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--quiet"];
    insights(arguments.iter().chain(more)).expect_code(0);
}

#[test]
fn a_password_spray_of_one_try_a_user() {
    let begin = moment("2026-01-07T09:30:00Z");
    let sign_in = |number: i64| {
        let address = format!("198.18.{}.7", number % 40);
        failed_sign_in(begin + Duration::seconds(20 * number), &format!("user-{number}"), &address)
    };
    let folder = judged(&(0..300).map(sign_in).collect::<Vec<_>>(), &["2026-01-07"]);
    let all = alerts(&folder.path().join("state"), "2026-01-07");
    let found = of_rule(&all, "Failed sign-ins of many users in the account");
    assert_eq!(found.len(), 1, "one alert, not one for each try: {all:#?}");
    let alert = found[0];
    assert_eq!(alert["severity"], "high");
    assert_eq!(alert["keys"], json!({ "recipientAccountId": ACCOUNT }));
    assert_eq!(alert["account"], ACCOUNT);
    // From the twentieth user on, every further try is a moment at which the correlation holds.
    assert_eq!(alert["count"], 281);
    assert_eq!(alert["first_time"], "2026-01-07T09:30:00Z");
    assert_eq!(alert["last_time"], "2026-01-07T11:09:40Z");
    assert_eq!(alert["technique_name"], "Brute Force: Password Spraying");
    assert_eq!(alert["source_ips"].as_array().unwrap().len(), 5);
    // At the twentieth try, an hour later, and no third time.
    assert_eq!(alert["notifications"], json!(["2026-01-07T09:36:20Z", "2026-01-07T10:36:20Z"]));
}

#[test]
fn a_slow_brute_force_across_midnight() {
    let begin = moment("2026-01-07T20:00:00Z");
    let tries: Vec<Value> =
        (0..12).map(|number| failed_sign_in(begin + Duration::minutes(40 * number), "bob", "203.0.113.22")).collect();
    let rule = "Failed sign-ins of one user over a whole day";
    let folder = judged(&tries, &["2026-01-07", "2026-01-08"]);
    let state = folder.path().join("state");
    assert!(of_rule(&alerts(&state, "2026-01-07"), rule).is_empty(), "six tries before midnight are not enough");
    let second = alerts(&state, "2026-01-08");
    let found = of_rule(&second, rule);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0]["count"].clone(), found[0]["first_time"].clone()), (json!(3), json!("2026-01-07T20:00:00Z")));
    assert_eq!(found[0]["keys"]["userIdentity.userName"], "bob");
    // The same without the night before: its events are looked back on.
    let alone = judged(&tries, &["2026-01-08"]);
    assert_eq!(alerts(&alone.path().join("state"), "2026-01-08"), second);
}

#[test]
fn a_trail_that_is_disabled_and_set_up_again() {
    let name = json!({ "name": "trail-prod" });
    let records = [
        call(moment("2026-01-05T23:30:00Z"), "cloudtrail", "StopLogging", name.clone()),
        call(moment("2026-01-06T00:30:00Z"), "cloudtrail", "StartLogging", name),
    ];
    let folder = judged(&records, &["2026-01-05", "2026-01-06"]);
    let state = folder.path().join("state");
    let first = alerts(&state, "2026-01-05");
    assert_eq!(of_rule(&first, "Audit trail stopped").len(), 1);
    let second = alerts(&state, "2026-01-06");
    let found = of_rule(&second, "Audit trail disabled, then set up again");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["actor"], "user alice");
    assert_eq!(
        found[0]["example_event_ids"],
        json!(["cloudtrail-StopLogging-1767655800000", "cloudtrail-StartLogging-1767659400000"])
    );
}

/// The attack that a public log of a real exercise holds: how often each call is made there, and how many alerts that is.
#[test]
fn what_an_intruder_does_is_an_alert_of_a_built_in_rule() {
    let trails = ["a", "b", "c"];
    let mut records = Vec::new();
    let mut add = |source: &str, name: &str, parameters: Value| {
        let time = moment("2026-01-05T10:00:00Z") + Duration::seconds(records.len() as i64 * 7);
        records.push(call(time, source, name, parameters));
    };
    for trail in trails {
        add("cloudtrail", "StopLogging", json!({ "name": trail }));
    }
    for trail in trails {
        add("cloudtrail", "DeleteTrail", json!({ "name": trail }));
    }
    add("ec2", "DeleteFlowLogs", json!({ "DeleteFlowLogsRequest": { "FlowLogId": { "content": "fl-1" } } }));
    for user in ["mallory", "trent"] {
        add("iam", "CreateAccessKey", json!({ "userName": user }));
        add("iam", "CreateLoginProfile", json!({ "userName": user }));
    }
    let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    add("iam", "AttachUserPolicy", json!({ "userName": "mallory", "policyArn": policy }));
    add("organizations", "LeaveOrganization", Value::Null);
    let folder = judged(&records, &["2026-01-05"]);
    let all = alerts(&folder.path().join("state"), "2026-01-05");
    for (title, calls) in [
        ("Audit trail stopped", 3),
        ("Audit trail deleted", 3),
        ("VPC flow logs deleted", 1),
        ("Access key created", 2),
        ("Console password given to a user", 2),
        ("Policy attached directly to a user", 1),
        ("Account left the organisation", 1),
    ] {
        let count: u64 = of_rule(&all, title).iter().map(|alert| alert["count"].as_u64().unwrap()).sum();
        let titles: Vec<&Value> = all.iter().map(|alert| &alert["rule"]).collect();
        assert_eq!(count, calls, "{title} among {titles:?}");
    }
}
