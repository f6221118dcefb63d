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
    for words in [
        "Oss/GetObject on 2026-01-29",
        "11:00–12:00",
        "✓ passed",
        "min_excess",
        "five minutes of 11:00",
        "Seen with",
        "layer by layer",
        "new ones due",
    ] {
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

/// The layers of an explanation, and the factor and the calls of each.
fn layers(explanation: &Value) -> Vec<(String, f64, f64)> {
    let layers = explanation["composition"]["layers"].as_array().unwrap();
    let number = |layer: &Value, name: &str| layer[name].as_f64().unwrap();
    layers
        .iter()
        .map(|layer| (layer["kind"].as_str().unwrap().to_owned(), number(layer, "factor"), number(layer, "calls")))
        .collect()
}

#[test]
fn the_layers_multiply_to_the_count_that_was_expected() {
    for (about, hour) in [("Oss/GetObject", "11"), ("Oss/GetObject", "3"), ("Kms/Decrypt", "20")] {
        let explanation = json(&[about, "--date", NIGHT, "--hour", hour]);
        let product: f64 = layers(&explanation).iter().map(|(_, factor, _)| factor).product();
        let shown = &explanation["hours"][hour.parse::<usize>().unwrap()];
        let expected = shown["expected"].as_f64().unwrap();
        assert!((product / expected - 1.0).abs() < 1e-9, "{about} {hour}: {product} {expected}");
    }
}

#[test]
fn an_entity_that_comes_and_goes_is_explained_by_the_day() {
    let addresses = |date: &str| -> BTreeSet<String> {
        let entities = common::read_entities(&state().join(format!("rollups/date={date}/rollup.parquet")));
        entities.into_iter().filter(|entity| entity.family == "source_ip").map(|entity| entity.key[1].clone()).collect()
    };
    let before: BTreeSet<String> = (1..=22).flat_map(|day| addresses(&format!("2026-01-{day:02}"))).collect();
    let today = addresses(NIGHT);
    let newcomers = today.iter().filter(|address| !before.contains(*address)).take(2);
    let known = today.iter().filter(|address| before.contains(*address)).step_by(9).take(12);
    let (mut sparse, mut new) = (0, 0);
    for address in newcomers.chain(known) {
        let explanation = json(&["--family", "source_ip", address, "--date", NIGHT]);
        let layers = layers(&explanation);
        let kinds: Vec<&str> = layers.iter().map(|(kind, ..)| kind.as_str()).collect();
        match explanation["model"].as_str().unwrap() {
            "seasonal" => assert_eq!(kinds[..4], ["level", "day_type", "shape", "hour"]),
            model => {
                assert_eq!(kinds, ["day_size", "activity"]);
                sparse += usize::from(model == "sparse");
                new += usize::from(model == "new");
            }
        }
        let whole_day: f64 = layers.iter().map(|(_, factor, _)| factor).product();
        let hours = explanation["hours"].as_array().unwrap();
        let of_hours: f64 = hours.iter().map(|hour| hour["expected"].as_f64().unwrap()).sum();
        if kinds.len() == 2 {
            assert!((whole_day - of_hours).abs() < 1e-9 * (1.0 + of_hours), "{whole_day} {of_hours}");
        }
    }
    assert!(sparse > 0 && new > 0, "{sparse} {new}");
}

#[test]
fn new_company_is_an_answer_with_its_pairs_its_rank_and_its_gate() {
    let thief = json(&["LTAI5tSN662BHn4pLutEARFv", "--date", NIGHT]);
    let answers = thief["answers"].as_array().unwrap();
    let answer = answers.iter().find(|answer| answer["asked"] == "company").unwrap();
    assert_eq!((&answer["reported"], &answer["set"]), (&true.into(), &"first_seen".into()));
    let (rank, tests) = (answer["rank"].as_u64().unwrap(), answer["tests"].as_u64().unwrap());
    assert!((1..20).contains(&rank) && tests > 50, "{answer}");
    let kinds = thief["company"]["kinds"].as_array().unwrap();
    let network = kinds.iter().find(|kind| kind["with"] == "network").unwrap();
    assert_eq!(network["named"][0]["name"], "185.64.31.0/24", "{network}");
    assert_eq!(network["named"][0]["known_to"], 0);
    assert!(network["expected_new"].as_f64().unwrap() < 1.0 && network["p_any"].as_f64().unwrap() < 0.5, "{network}");
    // Errors have no company, and say so.
    let error = json(&["--family", "api_error", "Redis/DescribeInstances/NoPermission", "--date", NIGHT]);
    assert!(error["company"]["left_out"].as_str().unwrap().contains("api_error"), "{}", error["company"]);
}

#[test]
fn every_reported_first_meeting_has_an_answer_that_says_so() {
    let mut explained = 0;
    for insight in reported() {
        let analysis = &insight["insightDetails"]["analysis"];
        if analysis["judgedBy"] != "first_seen" || insight["insightDetails"]["state"] != "Start" {
            continue;
        }
        let explanation = json(&[insight["sharedEventId"].as_str().unwrap()]);
        let answers = explanation["answers"].as_array().unwrap();
        let answer = answers.iter().find(|answer| answer["asked"] == "company").unwrap();
        assert_eq!(answer["reported"], true, "{answer}");
        explained += 1;
    }
    assert!(explained > 0);
}
