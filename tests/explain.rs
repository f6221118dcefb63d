//! `insights explain`: it says of every entity what the night did, whether that was reported or not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use common::{Outcome, insights};
use parquet::file::properties::WriterProperties;
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

/// The state after the nights of the sample that have something planted, judged once for all tests.
fn week() -> &'static Path {
    static STATE: OnceLock<PathBuf> = OnceLock::new();
    STATE.get_or_init(|| {
        let state = tempfile::tempdir().unwrap().keep().join("state");
        let (events, to) = (sample(), state.to_str().unwrap());
        let nights = ["--from", NIGHT, "--to", "2026-02-04"];
        insights(["run", events.to_str().unwrap(), "--state", to].iter().chain(&nights)).expect_code(0);
        state
    })
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

/// The same with the events of the sample.
fn with_events(arguments: &[&str]) -> Outcome {
    let events = sample();
    explain(&[arguments, &["--events", events.to_str().unwrap()]].concat())
}

/// What is not the same on another machine is left out.
fn portable(text: &str) -> String {
    text.replace(sample().to_str().unwrap(), "EVENTS")
}

#[test]
fn a_change_is_shown_with_its_events_its_rules_and_its_severity() {
    insta::assert_snapshot!("change_of_the_trail", portable(&with_events(&["92DFDF83"]).expect_code(0).stdout));
    let text = with_events(&["--family", "change", "permission", "--date", NIGHT]).expect_code(0).stdout;
    insta::assert_snapshot!("changes_of_permissions", portable(&text));
}

#[test]
fn changes_are_told_on_a_page_that_loads_nothing() {
    let page = with_events(&["D60D0A4E", "--format", "html"]).expect_code(0).stdout;
    for words in [
        "permission change through Ram by role ram-team-1",
        "reported: a first by this principal",
        "Ram/CreatePolicyVersion",
        "121.17.102.38",
        "a statement allows every action on every resource",
        "it gives all rights",
        "What would have silenced it",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("default-src 'none'") && !page.contains("http://") && !page.contains("https://"), "{page}");
}

/// The insights about changes of a state, the last event of each.
fn reported_changes(state: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for night in fs::read_dir(state.join("insights")).unwrap() {
        let lines = fs::read_to_string(night.unwrap().path().join("insights.jsonl")).unwrap();
        for event in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            if event["insightDetails"]["analysis"]["family"] == "change" {
                found.insert(event["sharedEventId"].as_str().unwrap().to_owned(), event);
            }
        }
    }
    found
}

/// What is judged again is what the night reported, whether its events are read or not.
#[test]
fn facts_of_a_change_are_those_of_its_insight() {
    let (state, events) = (week().to_str().unwrap(), sample());
    let changes = reported_changes(week());
    let types: BTreeSet<&str> =
        changes.values().map(|event| event["insightDetails"]["insightType"].as_str().unwrap()).collect();
    assert!(changes.len() >= 6 && types.len() == 3, "{types:?}");
    for (id, event) in &changes {
        let (details, analysis) = (&event["insightDetails"], &event["insightDetails"]["analysis"]);
        for more in [&[][..], &["--events", events.to_str().unwrap()]] {
            let arguments = ["explain", id, "--state", state, "--format", "json"];
            let explained = insights(arguments.iter().chain(more)).expect_code(0).stdout;
            let explained: Value = serde_json::from_str(&explained).unwrap();
            let [change] = &explained["changes"].as_array().unwrap()[..] else { panic!("{id}: {explained}") };
            let named = |list: &Value, name: &str| -> Vec<Value> {
                list.as_array().unwrap().iter().map(|item| item[name].clone()).collect()
            };
            assert_eq!(change["reason"], analysis["reason"], "{id}");
            assert_eq!(change["calls"], details["insightContext"]["statistics"]["insightCount"], "{id}");
            assert_eq!(change["errors"], analysis["errors"], "{id}");
            assert_eq!(change["expected"], analysis["expected"], "{id}");
            assert_eq!(change["log10_p"], analysis["log10PValue"], "{id}");
            assert_eq!(change["principal"], analysis["actor"], "{id}");
            assert_eq!(&named(&change["concerns"], "concern"), analysis["concerns"].as_array().unwrap(), "{id}");
            assert_eq!(named(&change["severity"], "severity").last(), Some(&analysis["severity"]), "{id}");
            assert_eq!(explained["days_of_history"], analysis["daysOfHistory"], "{id}");
            assert_eq!(change["reported"]["id"], **id, "{id}");
            assert_eq!(change["reported"]["sentence"], analysis["sentence"], "{id}");
            if !more.is_empty() {
                let ids = named(&change["events"], "id");
                let examples = analysis["exampleEventIds"].as_array().unwrap();
                assert_eq!(&ids[..examples.len()], &examples[..], "{id}");
                assert_eq!(Some(ids.len() as u64), change["calls"].as_u64(), "{id}");
            }
        }
    }
}

#[test]
fn changes_that_did_not_alarm_say_why_and_what_would_have() {
    let state = week().to_str().unwrap();
    let reported: BTreeSet<String> = reported_changes(week()).into_keys().collect();
    let (mut alarmed, mut quiet) = (0, 0);
    for date in ["2026-01-30", "2026-02-01", "2026-02-02"] {
        for kind in ["permission", "password"] {
            let arguments =
                ["explain", "--family", "change", kind, "--date", date, "--state", state, "--format", "json"];
            let outcome = insights(arguments);
            if outcome.code == Some(2) {
                outcome.expect_said(&["changed no permission, no password and no trail"]);
                continue;
            }
            let explained: Value = serde_json::from_str(&outcome.expect_code(0).stdout).unwrap();
            for change in explained["changes"].as_array().unwrap() {
                let met = change["rules"].as_array().unwrap().iter().any(|rule| rule["met"] == true);
                assert_eq!(met, !change["reason"].is_null(), "{change}");
                assert_eq!(change["otherwise"].as_array().unwrap().len(), 1, "{change}");
                if met {
                    alarmed += 1;
                    assert!(reported.contains(change["reported"]["id"].as_str().unwrap()), "{change}");
                } else {
                    quiet += 1;
                    assert!(
                        change["reported"].is_null() && change["severity"].as_array().unwrap().is_empty(),
                        "{change}"
                    );
                    assert!(change["before"].as_u64() > Some(0), "{change}");
                    assert!(change["today"].as_u64() <= change["usual_up_to"].as_u64(), "{change}");
                }
            }
        }
    }
    assert!(alarmed > 0 && quiet > 0, "{alarmed} {quiet}");
}

#[test]
fn who_changed_nothing_or_not_then_is_told_with_those_who_did() {
    let nobody = explain(&["--family", "change", "nora", "--date", NIGHT]).expect_code(2);
    nobody.expect_said(&["`nora` changed no permission", "(nora61)", "with --events EVENTS names are looked up"]);
    let hour = explain(&["--family", "change", "nora61", "--date", NIGHT, "--hour", "3"]).expect_code(2);
    hour.expect_said(&["made no change in the hour from 03:00", "1 change that day"]);
    let change = json(&["--family", "change", "nora61", "--date", NIGHT, "--hour", "7"]);
    assert_eq!(change["changes"].as_array().unwrap().len(), 1);
    let by_entity = json(&["trail/Actiontrail/UpdateTrail/user/210358760215429956", "--date", NIGHT]);
    assert_eq!(by_entity, change);
}

#[test]
fn users_are_known_by_the_names_of_insights_and_of_events() {
    let by_name = json(&["svc-25", "--date", NIGHT]);
    assert_eq!((&by_name["family"], &by_name["called"]), (&"principal".into(), &"svc-25".into()));
    assert_eq!(by_name, json(&[by_name["entity"].as_str().unwrap(), "--date", NIGHT]));
    explain(&["mei44", "--date", NIGHT])
        .expect_code(2)
        .expect_said(&["nothing is known of `mei44`", "--events EVENTS"]);
    let text = with_events(&["mei44", "--date", NIGHT]).expect_code(0).stdout;
    assert!(text.starts_with("principal user/288214277023352238 (mei44) of account"), "{text}");
    let text = with_events(&["Oss/GetObject", "--date", NIGHT]).expect_code(0).stdout;
    let callers = text.lines().filter(|line| line.contains("│ principal"));
    assert!(callers.clone().count() >= 3 && callers.clone().all(|line| line.contains(" (")), "{text}");
    let changed = explain(&["nora61", "--date", NIGHT]).expect_code(0).stdout;
    assert!(changed.contains("it made 1 change of permissions, passwords or the trail"), "{changed}");
}

#[test]
fn a_name_that_several_have_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let column = |texts: [&str; 3]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let columns = [
        ("event_time", column(["2026-01-05T00:00:00Z", "2026-01-05T00:00:01Z", "2026-01-05T00:00:02Z"])),
        ("event_name", column(["AttachPolicyToUser"; 3])),
        ("service_name", column(["Ram"; 3])),
        ("user_identity_type", column(["ram-user", "ram-user", "assumed-role"])),
        ("principal_id", column(["11", "12", "13:session"])),
        ("user_name", column(["alice", "alice@corp.example", "<b>\u{202e}role:session"])),
        ("account_id", column(["1599"; 3])),
    ];
    common::write_parquet(
        &events.join("date=2026-01-05/a.parquet"),
        &RecordBatch::try_from_iter(columns).unwrap(),
        WriterProperties::default(),
    );
    common::roll_up(&events, &state, &[]);
    let ask = |arguments: &[&str]| {
        let own = ["explain", "--state", state.to_str().unwrap(), "--events", events.to_str().unwrap()];
        insights(own.iter().chain(arguments))
    };
    ask(&["alice"]).expect_code(2).expect_said(&["may be several things", "user/11", "user/12"]);
    ask(&["alice", "--family", "change"]).expect_code(2).expect_said(&["several principals", "user/11", "user/12"]);
    let text = ask(&["12", "--family", "change"]).expect_code(0).stdout;
    assert!(text.contains("by user alice@corp.example (12)") && text.contains("0 days of history, 7 needed"), "{text}");
    let text = ask(&["13", "--family", "change"]).expect_code(0).stdout;
    assert!(!text.contains('\u{202e}'), "{text}");
    let page = ask(&["13", "--family", "change", "--format", "html"]).expect_code(0).stdout;
    assert!(!page.contains("<b>") && !page.contains('\u{202e}'), "{page}");
}

#[test]
fn explanations_go_where_they_were_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write =
        |name: &str, more: &[&str]| explain(&[&["Oss/GetObject", "--date", NIGHT, "--out", &out(name)], more].concat());
    for (name, begin) in [("a.html", "<!DOCTYPE html>"), ("a.json", "{"), ("a.txt", "api Oss/GetObject")] {
        write(name, &[]).expect_code(0).expect_said(&["wrote"]);
        assert!(fs::read_to_string(folder.path().join(name)).unwrap().starts_with(begin), "{name}");
    }
    write("a.pdf", &[]).expect_code(2).expect_said(&["nothing is known of how to write", ".html, .json or .txt"]);
    write("a.pdf", &["--format", "text"]).expect_code(0);
    write("none/a.html", &[]).expect_code(3).expect_said(&["cannot write"]);
}
