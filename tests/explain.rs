//! `insights explain`: it says of every entity what the night did, whether that was reported or not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::{Outcome, insights};
use serde_json::Value;

const NIGHT: &str = "2026-01-29";

/// The state after a night of the sample, judged once for all tests.
fn state() -> &'static Path {
    static STATE: OnceLock<PathBuf> = OnceLock::new();
    STATE.get_or_init(|| {
        let state = tempfile::tempdir().unwrap().keep().join("state");
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
        let arguments = ["run", sample.to_str().unwrap(), "--date", NIGHT, "--state", state.to_str().unwrap()];
        insights(arguments).expect_code(0);
        state
    })
}

fn explain(arguments: &[&str]) -> Outcome {
    insights(["explain", "--state", state().to_str().unwrap()].iter().chain(arguments))
}

fn json(arguments: &[&str]) -> Value {
    let outcome = explain(&[arguments, &["--format", "json"]].concat()).expect_code(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// The insights of the night.
fn reported() -> Vec<Value> {
    let lines = std::fs::read_to_string(state().join(format!("insights/date={NIGHT}/insights.jsonl"))).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_day_is_shown_with_its_chart_windows_and_gates() {
    let text = explain(&["Oss/GetObject", "--date", NIGHT]).expect_code(0).stdout;
    insta::assert_snapshot!("explained", text);
}

#[test]
fn the_page_tells_the_same_and_loads_nothing() {
    let page = explain(&["Oss/GetObject", "--date", NIGHT, "--format", "html"]).expect_code(0).stdout;
    for words in
        ["Oss/GetObject on 2026-01-29", "11:00–12:00", "✓ passed", "min_excess", "five minutes of 11:00", "Seen with"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("default-src 'none'") && !page.contains("http://") && !page.contains("https://"), "{page}");
}

#[test]
fn every_reported_rate_has_an_answer_that_says_so() {
    let changes = ["PolicyChangeInsight", "PasswordChangeInsight", "TrailConcealmentInsight"];
    let mut explained = BTreeSet::new();
    for insight in reported() {
        let details = &insight["insightDetails"];
        let id = insight["sharedEventId"].as_str().unwrap();
        let judged_by = details["analysis"]["judgedBy"].as_str();
        if changes.contains(&details["insightType"].as_str().unwrap())
            || judged_by == Some("first_seen")
            || !explained.insert(id.to_owned())
        {
            continue;
        }
        let explanation = json(&[&id[..13]]);
        let answers = explanation["answers"].as_array().unwrap();
        assert!(answers.iter().any(|answer| answer["reported"] == true), "{id}: {answers:?}");
        let named = explanation["reported"].as_array().unwrap();
        assert!(named.iter().any(|named| named["id"] == id), "{id}: {named:?}");
    }
    assert!(explained.len() >= 3, "{explained:?}");
}

#[test]
fn what_was_not_reported_has_a_gate_that_stopped_it() {
    let explanation = json(&["Kms/Decrypt", "--date", NIGHT]);
    assert_eq!(explanation["reported"].as_array().unwrap().len(), 0);
    for answer in explanation["answers"].as_array().unwrap() {
        assert_eq!(answer["reported"], false);
        assert!(answer["gates"].as_array().unwrap().iter().any(|gate| gate["passed"] == false), "{answer}");
    }
    let enough = &explanation["enough"];
    assert!(enough["needed"].as_u64().unwrap() > enough["calls"].as_u64().unwrap(), "{enough}");
    assert_eq!(explanation["hours"].as_array().unwrap().len(), 24);
}

#[test]
fn a_name_that_is_not_known_or_not_one_thing_is_told() {
    let unknown = explain(&["Oss/GetObjct", "--date", NIGHT]).expect_code(2);
    unknown.expect_said(&["nothing is known of `Oss/GetObjct`", "--family api Oss/GetObject"]);
    let several = explain(&["NoPermission", "--date", NIGHT]).expect_code(2);
    several.expect_said(&["may be several things", "--family api_error", "say which with --family"]);
    let night = explain(&["Oss/GetObject", "--date", "2020-01-01"]).expect_code(2);
    night.expect_said(&["2020-01-01 is not counted", "name another --date"]);
    let folder = tempfile::tempdir().unwrap();
    let empty = insights(["explain", "x", "--state", folder.path().to_str().unwrap()]).expect_code(2);
    empty.expect_said(&["holds no counts", "insights rollup EVENTS"]);
}
