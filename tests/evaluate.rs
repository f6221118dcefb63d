//! Insights compared with labels, as a data scientist does it: on the sample, on made-up files whose measures are known, and on
//! broken ones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::{Outcome, dated, day, insights};
use serde_json::{Value, json};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("sample")
}

/// The sample's last seven days, judged once for all tests.
fn judged() -> &'static Path {
    static STATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let run = || {
        let state = tempfile::tempdir().unwrap();
        let (events, folder) = (sample(), state.path().to_str().unwrap().to_owned());
        let dates = ["--from", "2026-01-29", "--to", "2026-02-04", "--quiet"];
        insights(["run", events.to_str().unwrap(), "--state", &folder].iter().chain(&dates)).expect_code(0);
        state
    };
    STATE.get_or_init(run).path()
}

fn evaluate(reported: &Path, labels: &Path, more: &[&str]) -> Outcome {
    let arguments = ["evaluate", reported.to_str().unwrap(), "--labels", labels.to_str().unwrap()];
    insights(arguments.iter().chain(more))
}

fn measured(reported: &Path, labels: &Path) -> Value {
    let outcome = evaluate(reported, labels, &["--format", "json"]).expect_code(0);
    assert_eq!(outcome.stderr, "");
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn of<'value>(list: &'value Value, key: &str, name: &str) -> &'value Value {
    list.as_array().unwrap().iter().find(|item| item[key] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn the_sample_is_measured_alike_from_the_state_its_folder_and_the_table() {
    let labels = sample().join("labels.jsonl");
    let whole = measured(judged(), &labels);
    assert_eq!(whole, measured(&judged().join("insights"), &labels));
    let copy = tempfile::tempdir().unwrap();
    for date in day(1, 29).iter_days().take_while(|date| *date <= day(2, 4)) {
        let (from, to) = (dated(&judged().join("insights"), date), dated(copy.path(), date));
        fs::create_dir_all(&to).unwrap();
        fs::copy(from.join("insights.parquet"), to.join("insights.parquet")).unwrap();
    }
    let table = measured(copy.path(), &labels);
    for same in ["labels", "recall", "kinds"] {
        assert_eq!(whole[same], table[same], "{same}");
    }
    let begun = |measured: &Value| {
        let all = measured["timing"].as_array().unwrap().iter();
        all.map(|own| ["kind", "size", "starts", "delay_hours"].map(|name| own[name].clone())).collect::<Vec<_>>()
    };
    assert_eq!(begun(&whole), begun(&table), "the ends of what the next night closes stand in the events alone");
    assert_eq!(table["attributions"], json!([]), "the table holds no attributions");
    assert_eq!(table["entity_days"], Value::Null, "there are no records of runs beside it");
}

#[test]
fn on_the_sample_most_of_what_is_reported_was_planted() {
    let whole = measured(judged(), &sample().join("labels.jsonl"));
    let (sets, attacks) = (&whole["sets"], &whole["attacks"]);
    let all = of(sets, "set", "all");
    assert_eq!(all["reported"], all["true"].as_u64().unwrap() + others(all));
    assert!(all["precision"]["share"].as_f64().unwrap() > 0.8, "{all}");
    assert_eq!(of(attacks, "kind", "trail_tampering")["found"]["share"], 1.0);
    assert_eq!(of(attacks, "kind", "stolen_key")["found"]["share"], 1.0);
    assert!(whole["entity_days"]["up"].as_u64().unwrap() > 1000);
    let kinds = whole["kinds"].as_array().unwrap();
    let labels: u64 = kinds.iter().map(|kind| kind["found"]["of"].as_u64().unwrap()).sum();
    assert_eq!(whole["labels"], labels);
}

fn others(set: &Value) -> u64 {
    ["explained", "repeated", "false"].iter().map(|verdict| set[verdict].as_u64().unwrap()).sum()
}

#[test]
fn a_night_alone_is_measured_against_its_own_labels() {
    let file = dated(&judged().join("insights"), day(1, 29)).join("insights.jsonl");
    let night = measured(&file, &sample().join("labels.jsonl"));
    assert_eq!((&night["nights"], &night["first_night"]), (&json!(1), &json!("2026-01-29")));
    assert!(night["labels_outside"].as_u64().unwrap() > night["labels"].as_u64().unwrap());
    assert!(night["entity_days"]["up"].as_u64().unwrap() > 0);
}

/// A line as `run` writes it, of an address with this many calls more than usual.
fn event(id: &str, entity: &str, start: &str, end: &str) -> Value {
    json!({
        "sharedEventId": id,
        "recipientAccountId": "1",
        "insightDetails": {
            "state": "Start",
            "insightType": "IpInsight",
            "insightContext": { "attributions": [
                { "attribute": "principalId", "insight": [{ "average": 1.0, "value": "user/7" }], "baseline": [] },
            ] },
            "analysis": { "family": "source_ip", "entity": entity, "direction": "up", "judgedBy": "seasonal",
                          "start": start, "end": end },
        },
    })
}

fn label(family: &str, entity: &str, start: &str, end: &str) -> Value {
    json!({ "start": start, "end": end, "family": family, "account": "1", "entity": entity, "kind": "scan", "size": 10.0,
            "expected": 100.0, "calls": 900, "anomaly": 1 })
}

fn write(path: &Path, lines: &[Value]) {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_small_case_gives_the_numbers_that_one_can_count() {
    let folder = tempfile::tempdir().unwrap();
    let (reported, labels) = (folder.path().join("found.jsonl"), folder.path().join("labels.jsonl"));
    let (start, end) = ("2026-01-29T10:00:00Z", "2026-01-29T12:00:00Z");
    write(&labels, &[label("source_ip", "192.0.2.1", start, end), label("principal", "user/7", start, end)]);
    let late = "2026-01-29T20:00:00Z";
    write(
        &reported,
        &[
            event("A", "192.0.2.1", "2026-01-29T10:04:00Z", "2026-01-29T12:00:00Z"),
            event("B", "192.0.2.1", "2026-01-29T11:50:00Z", "2026-01-29T12:10:00Z"),
            event("C", "192.0.2.2", "2026-01-29T10:10:00Z", "2026-01-29T10:20:00Z"),
            event("D", "192.0.2.3", late, "2026-01-29T20:30:00Z"),
        ],
    );
    let measured = measured(&reported, &labels);
    let all = of(&measured["sets"], "set", "all");
    let counts = ["reported", "true", "repeated", "explained", "false"].map(|name| all[name].as_u64().unwrap());
    assert_eq!(counts, [4, 1, 1, 1, 1]);
    assert_eq!((&all["precision"]["share"], &measured["recall"]["share"]), (&json!(0.5), &json!(0.5)));
    assert_eq!((&measured["f1"], &measured["entity_days"]), (&json!(0.5), &Value::Null));
    let timing = of(&measured["timing"], "kind", "scan");
    assert_eq!((&timing["start_error"], &timing["end_error"]), (&json!(4.0), &json!(0.0)));
    assert_eq!(timing["delay_hours"], 14.0);
    let culprit = of(&measured["attributions"], "attribute", "principalId");
    assert_eq!((&culprit["first"]["count"], &culprit["first"]["of"]), (&json!(1), &json!(1)));
}

#[test]
fn lines_of_one_id_are_one_insight() {
    let folder = tempfile::tempdir().unwrap();
    let (reported, labels) = (folder.path().join("found.jsonl"), folder.path().join("labels.jsonl"));
    write(&labels, &[label("source_ip", "192.0.2.1", "2026-01-29T23:00:00Z", "2026-01-30T01:00:00Z")]);
    let first = event("A", "192.0.2.1", "2026-01-29T23:00:00Z", "2026-01-30T00:00:00Z");
    let second = event("A", "192.0.2.1", "2026-01-29T23:00:00Z", "2026-01-30T01:02:00Z");
    write(&reported, &[first, second]);
    let measured = measured(&reported, &labels);
    assert_eq!(of(&measured["sets"], "set", "all")["reported"], 1);
    assert_eq!(of(&measured["timing"], "kind", "all")["end_error"], 2.0);
}

#[test]
fn the_tables_show_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (reported, labels) = (folder.path().join("found.jsonl"), folder.path().join("labels.jsonl"));
    write(&labels, &[label("source_ip", "192.0.2.1", "2026-01-29T10:00:00Z", "2026-01-29T12:00:00Z")]);
    write(&reported, &[event("A", "192.0.2.1", "2026-01-29T10:04:00Z", "2026-01-29T12:00:00Z")]);
    insta::assert_snapshot!("evaluate", evaluate(&reported, &labels, &[]).expect_code(0).stdout);
}

/// An insight that found its label, one of no label at all, one of other hours; a label that nothing found, and one of a drop.
fn near_misses(folder: &Path) -> (PathBuf, PathBuf) {
    let (reported, labels) = (folder.join("found.jsonl"), folder.join("labels.jsonl"));
    let mut drop = label("api", "Ecs/DescribeInstances", "2026-01-29T14:00:00Z", "2026-01-29T20:00:00Z");
    (drop["kind"], drop["size"], drop["calls"]) = (json!("rate_drop"), json!(0.1), json!(-90));
    write(
        &labels,
        &[
            label("source_ip", "192.0.2.1", "2026-01-29T10:00:00Z", "2026-01-29T12:00:00Z"),
            label("principal", "user/<b>7", "2026-01-29T10:00:00Z", "2026-01-29T12:00:00Z"),
            drop,
        ],
    );
    let numbered = |mut event: Value, log10_p_value: f64| {
        let details = &mut event["insightDetails"];
        details["insightContext"]["statistics"] = json!({ "insightCount": 640 });
        details["insightContext"]["attributions"] = json!([]);
        let analysis = &mut details["analysis"];
        (analysis["expected"], analysis["log10PValue"]) = (json!(80.25), json!(log10_p_value));
        analysis["score"] = json!(62.4);
        event
    };
    write(
        &reported,
        &[
            numbered(event("A", "192.0.2.1", "2026-01-29T10:04:00Z", "2026-01-29T12:00:00Z"), -21.3),
            numbered(event("B", "192.0.2.9", "2026-01-29T03:10:00Z", "2026-01-29T03:20:00Z"), -4.1),
            event("C", "192.0.2.1", "2026-01-29T22:30:00Z", "2026-01-30T00:00:00Z"),
        ],
    );
    (reported, labels)
}

#[test]
fn what_was_false_and_what_was_missed_is_listed_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let (reported, labels) = near_misses(folder.path());
    let listed = |which: &str| evaluate(&reported, &labels, &["--list", which]).expect_code(0).stdout;
    insta::assert_snapshot!("evaluate_list", listed("all"));
    let lines = |which: &str| {
        let printed = evaluate(&reported, &labels, &["--list", which, "--format", "json"]).expect_code(0).stdout;
        serde_json::from_str::<Vec<Value>>(&printed).unwrap()
    };
    let ids = |lines: &[Value]| lines.iter().map(|line| line["id"].clone()).collect::<Vec<_>>();
    let wrong = lines("false");
    assert_eq!(ids(&wrong), [json!("B"), json!("C")]);
    assert_eq!(wrong[0]["nearest"], Value::Null);
    assert_eq!(
        (&wrong[1]["nearest"]["apart"], &wrong[1]["nearest"]["minutes_away"]),
        (&json!("other_hours"), &json!(-630))
    );
    assert_eq!((&wrong[0]["observed"], &wrong[0]["log10_p_value"]), (&json!(640), &json!(-4.1)));
    let missed = lines("missed");
    assert_eq!(missed.iter().map(|line| line["what"].clone()).collect::<Vec<_>>(), ["scan", "rate_drop"]);
    assert_eq!(missed[0]["nearest"]["apart"], "other_entity");
    assert!(!listed("missed").contains("192.0.2.9"), "it was no label");
}

#[test]
fn a_list_agrees_with_the_measures() {
    let labels = sample().join("labels.jsonl");
    let whole = measured(judged(), &labels);
    let printed = evaluate(judged(), &labels, &["--list", "all", "--format", "json"]).expect_code(0).stdout;
    let lines: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count() as u64;
    let all = of(&whole["sets"], "set", "all");
    for outcome in ["true", "explained", "repeated", "false"] {
        assert_eq!(count(outcome), all[outcome].as_u64().unwrap(), "{outcome}");
    }
    let recall = &whole["recall"];
    assert_eq!(count("missed"), recall["of"].as_u64().unwrap() - recall["count"].as_u64().unwrap());
    let insights = lines.iter().filter(|line| line["outcome"] != "missed");
    assert!(
        insights.clone().count() > 10
            && insights.clone().all(|line| line["observed"].is_i64() && line["score"].is_f64())
    );
}

#[test]
fn nothing_to_list_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (reported, labels) = (folder.path().join("found.jsonl"), folder.path().join("labels.jsonl"));
    write(&labels, &[label("source_ip", "192.0.2.1", "2026-01-29T10:00:00Z", "2026-01-29T12:00:00Z")]);
    write(&reported, &[event("A", "192.0.2.1", "2026-01-29T10:04:00Z", "2026-01-29T12:00:00Z")]);
    let listed = |more: &[&str]| evaluate(&reported, &labels, more).expect_code(0).stdout;
    assert_eq!(listed(&["--list", "missed"]), "nothing to list\n");
    assert_eq!(listed(&["--list", "false", "--format", "json"]).trim(), "[]");
    evaluate(&reported, &labels, &["--list", "wrong"]).expect_code(2).expect_said(&["false, missed, all"]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (reported, labels) = (folder.path().join("found.jsonl"), folder.path().join("labels.jsonl"));
    fs::write(&labels, "\n{\"start\":1}\n").unwrap();
    fs::write(&reported, "no json\n").unwrap();
    evaluate(folder.path(), &labels, &[]).expect_code(3).expect_said(&["no insights in", "hint: expected a state"]);
    evaluate(&reported, &labels, &[]).expect_code(3).expect_said(&["found.jsonl`, line 1: no insights event"]);
    fs::write(&reported, "").unwrap();
    evaluate(&reported, &labels, &[]).expect_code(3).expect_said(&["labels.jsonl`, line 2: no label"]);
    evaluate(&folder.path().join("absent"), &labels, &[]).expect_code(3).expect_said(&["cannot read"]);
    insights(["evaluate", "state"]).expect_code(2).expect_said(&["--labels"]);
}
