//! Every form in which insights are written: each line is as its schema says and as the published formats require, all forms tell
//! the same findings, and what an attacker writes into a field comes out as what it is, text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;
mod json_schema;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use common::{dated, day, files_below, insights, read_parquet, texts};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

/// What an attacker may write into a field that he chooses.
const HOSTILE: &str = "=cmd|' /C calc'!A0<script>alert(1)</script>";
const ALL: &str = "actiontrail,cloudtrail,ocsf,security-lake,parquet,csv";
const JSON_LINES: [(&str, &str); 3] = [
    ("insights.jsonl", "actiontrail-insight"),
    ("insights.cloudtrail.jsonl", "cloudtrail-insight"),
    ("insights.ocsf.jsonl", "ocsf-detection-finding"),
];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

/// The sample, in whose days from January 29 on every user agent is [`HOSTILE`].
fn hostile_events(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for date in day(1, 1).iter_days().take(35) {
        let source = dated(&data().join("sample"), date);
        if date < day(1, 29) {
            symlink(source, dated(folder, date)).unwrap();
            continue;
        }
        let rows = read_parquet(&source.join("part-0000.parquet"));
        let place = rows.schema().index_of("user_agent").unwrap();
        let mut columns = rows.columns().to_vec();
        columns[place] = Arc::new(StringArray::from(vec![HOSTILE; rows.num_rows()])) as ArrayRef;
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        common::write_parquet(&dated(folder, date).join("part-0000.parquet"), &rows, WriterProperties::default());
    }
}

/// Seven days of [`hostile_events`], written in every form.
fn state() -> &'static Path {
    static STATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = STATE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (events, state) = (folder.path().join("events"), folder.path().join("state"));
        hostile_events(&events);
        let range = ["--from", "2026-01-29", "--to", "2026-02-04", "--outputs", ALL];
        let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap()];
        insights(arguments.iter().chain(&range)).expect_code(0);
        folder
    });
    Box::leak(folder.path().join("state/insights").into_boxed_path())
}

fn days() -> Vec<PathBuf> {
    day(1, 29).iter_days().take(7).map(|date| dated(state(), date)).collect()
}

fn lines(file: &str) -> Vec<Value> {
    let texts = days().into_iter().map(|folder| fs::read_to_string(folder.join(file)).unwrap());
    let parse = |text: String| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    texts.flat_map(parse).collect()
}

fn schema(name: &str) -> Value {
    let path = data().join("schema").join(format!("{name}.schema.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'value>(value: &'value Value, pointer: &str) -> &'value str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} in {value}"))
}

#[test]
fn every_line_is_as_its_schema_says() {
    for (file, name) in JSON_LINES {
        let (schema, lines) = (schema(name), lines(file));
        assert!(lines.len() > 20, "{file} has {} lines, which are few to test", lines.len());
        for line in lines {
            assert_eq!(json_schema::errors(&schema, &line), Vec::<String>::new(), "{file}");
        }
    }
}

/// Every way to take one field out of a value, or to make it another type.
fn spoiled(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>, whole: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut without = whole.clone();
                without.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
                found.push((format!("without {pointer}/{name}"), without));
                spoiled(field, &format!("{pointer}/{name}"), found, whole);
            }
            let mut more = whole.clone();
            more.pointer_mut(pointer).unwrap()["unheardOf"] = Value::Null;
            found.push((format!("more at {pointer}"), more));
        }
        Value::Array(items) => {
            if let Some(item) = items.first() {
                spoiled(item, &format!("{pointer}/0"), found, whole);
            }
        }
        _ => {
            let mut other = whole.clone();
            *other.pointer_mut(pointer).unwrap() = serde_json::json!({ "of": "another type" });
            found.push((format!("another type at {pointer}"), other));
        }
    }
}

#[test]
fn the_schemas_refuse_what_is_not_so() {
    for (file, name) in JSON_LINES {
        let (schema, lines) = (schema(name), lines(file));
        let rate = lines.iter().find(|line| line.to_string().contains("seasonal")).unwrap();
        let mut wrong = Vec::new();
        spoiled(rate, "", &mut wrong, rate);
        let accepted: Vec<String> = wrong
            .into_iter()
            .filter(|(_, value)| json_schema::errors(&schema, value).is_empty())
            .map(|(what, _)| what)
            .collect();
        // What may be missing, and the one part that is open to more.
        let may = |what: &String| {
            let optional = ["activity_name", "category_name", "class_name", "type_name", "severity", "status"];
            let optional =
                [&optional[..], &["is_alert", "risk_score", "duration", "timezone_offset", "remediation"]].concat();
            let deeper = [
                "/cloud/",
                "/unmapped",
                "/evidences/",
                "/observations/",
                "/anomalies/0/",
                "/baselines/0/",
                "/analysis_targets/",
            ];
            // Only changes have it, and only where requests say what they are about.
            what.starts_with("without ") && what.ends_with("/analysis/changed")
                || name == "ocsf-detection-finding"
                    && (optional.iter().any(|field| what.ends_with(&format!("without /{field}")))
                        || deeper.iter().any(|part| what.contains(part)))
        };
        let accepted: Vec<&String> = accepted.iter().filter(|what| !may(what)).collect();
        assert!(accepted.is_empty(), "{name} accepts lines {accepted:#?}");
    }
}

/// What the published formats require, read from their documents and kept apart from our schemas: where, and which fields.
const PUBLISHED: [(&str, &str, &[&str]); 12] = [
    (
        "insights.jsonl",
        "",
        &[
            "eventId",
            "sharedEventId",
            "eventVersion",
            "eventTime",
            "eventType",
            "eventCategory",
            "acsRegion",
            "recipientAccountId",
            "insightDetails",
        ],
    ),
    ("insights.jsonl", "/insightDetails", &["state", "insightType", "insightObject", "insightContext"]),
    (
        "insights.jsonl",
        "/insightDetails/insightContext/statistics",
        &["insight", "insightDuration", "baseline", "baselineDuration", "insightCount"],
    ),
    (
        "insights.cloudtrail.jsonl",
        "",
        &[
            "eventVersion",
            "eventType",
            "eventID",
            "eventTime",
            "awsRegion",
            "sharedEventID",
            "eventCategory",
            "insightDetails",
        ],
    ),
    (
        "insights.cloudtrail.jsonl",
        "/insightDetails",
        &["state", "eventSource", "eventName", "insightType", "insightContext"],
    ),
    (
        "insights.cloudtrail.jsonl",
        "/insightDetails/insightContext/statistics",
        &["baseline", "insight", "insightDuration", "baselineDuration"],
    ),
    (
        "insights.ocsf.jsonl",
        "",
        &[
            "activity_id",
            "category_uid",
            "class_uid",
            "type_uid",
            "time",
            "severity_id",
            "metadata",
            "finding_info",
            "cloud",
        ],
    ),
    ("insights.ocsf.jsonl", "/metadata", &["product", "version"]),
    ("insights.ocsf.jsonl", "/finding_info", &["uid", "title"]),
    ("insights.ocsf.jsonl", "/finding_info/analytic", &["type_id"]),
    ("insights.ocsf.jsonl", "/cloud", &["provider"]),
    ("insights.ocsf.jsonl", "/anomaly_analyses/0", &["analysis_targets", "anomalies"]),
];

#[test]
fn every_line_has_what_the_published_formats_require() {
    for (file, pointer, required) in PUBLISHED {
        for line in lines(file) {
            let part = line.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} of {file}"));
            for field in required {
                assert!(
                    part.get(field).is_some_and(|field| !field.is_null()),
                    "{file}: no {field} at {pointer} in {line}"
                );
            }
        }
    }
}

#[test]
fn findings_keep_the_numbers_that_the_schema_computes() {
    for finding in lines("insights.ocsf.jsonl") {
        let number = |name: &str| finding[name].as_i64().unwrap();
        assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
        assert_eq!(number("duration"), number("end_time") - number("start_time"));
        for evidence in finding["evidences"].as_array().unwrap() {
            let told = ["actor", "api", "data", "src_endpoint"].iter().any(|field| evidence.get(field).is_some());
            assert!(told, "the schema wants one of these: {evidence}");
        }
        for observed in finding["anomaly_analyses"][0]["anomalies"].as_array().unwrap() {
            assert!(!observed["observations"].as_array().unwrap().is_empty(), "{observed}");
        }
    }
}

#[test]
fn all_forms_tell_the_same_findings() {
    let ids = |file: &str, pointer: &str| -> BTreeSet<String> {
        lines(file).iter().map(|line| text(line, pointer).to_owned()).collect()
    };
    let told = ids("insights.jsonl", "/sharedEventId");
    assert!(told.len() > 10);
    assert_eq!(ids("insights.cloudtrail.jsonl", "/sharedEventID"), told);
    assert_eq!(ids("insights.ocsf.jsonl", "/finding_info/uid"), told);
    let (mut flat, mut sheet, mut lake) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for folder in days() {
        flat.extend(texts(&read_parquet(&folder.join("insights.parquet")), "insight_id").into_iter().flatten());
        sheet.extend(cells(&folder).into_iter().map(|row| row[0].clone()));
        for file in lake_files(&folder) {
            let rows = read_parquet(&file);
            let uids = rows.column_by_name("finding_info").unwrap().as_struct().column_by_name("uid").unwrap().clone();
            lake.extend(uids.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
    }
    assert_eq!((&flat, &sheet, &lake), (&told, &told, &told));
}

/// The rows of a day's CSV file, without its head.
fn cells(folder: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(folder.join("insights.csv")).unwrap();
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn lake_files(folder: &Path) -> Vec<PathBuf> {
    let lake = folder.join("security-lake");
    files_below(&lake).into_keys().map(|file| lake.join(file)).collect()
}

#[test]
fn what_lies_in_the_folder_of_a_day_of_the_lake_is_of_that_day() {
    let mut activities = BTreeSet::new();
    for file in days().iter().flat_map(|folder| lake_files(folder)) {
        let rows = read_parquet(&file);
        let text = |column: &str| texts(&rows, column).into_iter().map(Option::unwrap);
        let times = rows.column_by_name("time").unwrap().as_primitive::<Int64Type>().values().to_vec();
        for (time, activity) in times.into_iter().zip(text("activity_name")) {
            let day = chrono::DateTime::from_timestamp_millis(time).unwrap().format("eventDay=%Y%m%d").to_string();
            assert!(file.components().any(|part| part.as_os_str() == day.as_str()), "{activity} of {day}: {file:?}");
            activities.insert(activity);
        }
    }
    assert!(activities.len() > 1, "{activities:?}");
}

#[test]
fn every_form_says_how_serious_it_is_what_it_means_and_what_to_ask_next() {
    for event in lines("insights.jsonl").iter().chain(&lines("insights.cloudtrail.jsonl")) {
        let analysis = &event["insightDetails"]["analysis"];
        assert!(text(analysis, "/attacks/0/technique/uid").starts_with('T'));
        assert!(text(analysis, "/nextQuery").starts_with("insights query EVENTS --"));
    }
    for finding in lines("insights.ocsf.jsonl") {
        assert!(text(&finding, "/finding_info/attacks/0/tactic/uid").starts_with("TA"));
        assert!(text(&finding, "/remediation/desc").contains("insights query EVENTS --"));
    }
    for folder in days() {
        let flat = read_parquet(&folder.join("insights.parquet"));
        for column in ["severity", "tactic", "technique", "sentence", "next_query"] {
            assert!(
                texts(&flat, column).iter().all(|text| text.as_ref().is_some_and(|text| !text.is_empty())),
                "{column}"
            );
        }
    }
}

#[test]
fn the_lake_has_one_class_a_file_in_order_of_time() {
    let mut files = 0;
    for (folder, date) in days().into_iter().zip(day(1, 29).iter_days()) {
        for file in lake_files(&folder) {
            let own = format!("accountId=external_1599000000000001/eventDay={}", date.format("%Y%m%d"));
            assert!(file.to_string_lossy().contains(&own), "{}", file.display());
            let rows = read_parquet(&file);
            let numbers =
                |column: &str| rows.column_by_name(column).unwrap().as_primitive::<Int64Type>().values().to_vec();
            assert!(numbers("time").is_sorted());
            assert!(numbers("type_uid").iter().all(|uid| (200_401..=200_403).contains(uid)));
            files += 1;
        }
    }
    assert!(files >= 5, "only {files} files");
}

/// The agents of the sample's days before those in which all are [`HOSTILE`]: those that a drop misses.
fn usual_agents() -> BTreeSet<String> {
    let days = day(1, 1).iter_days().take(28).map(|date| dated(&data().join("sample"), date).join("part-0000.parquet"));
    days.flat_map(|file| texts(&read_parquet(&file), "user_agent")).flatten().collect()
}

/// The ids of insights about rises and changes, all of whose events have the agent [`HOSTILE`].
fn rises() -> BTreeSet<String> {
    let lines = lines("insights.jsonl");
    let up = lines.iter().filter(|line| text(line, "/insightDetails/analysis/direction") == "up");
    up.map(|line| text(line, "/sharedEventId").to_owned()).collect()
}

/// Every agent must be the hostile one, byte by byte, or one that a drop misses; so many insights of rises must name it.
#[track_caller]
fn assert_exact(form: &str, found: &[(String, String)]) {
    let (rises, usual) = (rises(), usual_agents());
    assert!(!usual.iter().any(|agent| agent.contains("calc")));
    for (id, agent) in found {
        let missed = !rises.contains(id) && usual.contains(agent);
        assert!(agent == HOSTILE || missed, "{form}: {id} names {agent:?}");
    }
    let named: BTreeSet<&String> = found.iter().filter(|(_, agent)| agent == HOSTILE).map(|(id, _)| id).collect();
    assert!(rises.iter().all(|id| named.contains(id)), "{form}: {} of {} rises name it", named.len(), rises.len());
}

#[test]
fn a_hostile_user_agent_is_text_in_both_vendors_forms() {
    for (file, id) in [("insights.jsonl", "/sharedEventId"), ("insights.cloudtrail.jsonl", "/sharedEventID")] {
        let mut found = Vec::new();
        for line in lines(file) {
            let attributions = line["insightDetails"]["insightContext"]["attributions"].as_array().unwrap();
            let agents = attributions.iter().filter(|attribution| attribution["attribute"] == "userAgent");
            let shares = agents.flat_map(|agents| agents["insight"].as_array().unwrap());
            found.extend(shares.map(|share| (text(&line, id).to_owned(), text(share, "/value").to_owned())));
        }
        assert_exact(file, &found);
    }
}

#[test]
fn a_hostile_user_agent_is_text_in_findings() {
    let mut found = Vec::new();
    for finding in lines("insights.ocsf.jsonl") {
        let id = text(&finding, "/finding_info/uid").to_owned();
        let evidences = finding["evidences"].as_array().unwrap();
        let agents = evidences.iter().filter_map(|evidence| evidence.pointer("/http_request/user_agent")?.as_str());
        found.extend(agents.map(|agent| (id.clone(), agent.to_owned())));
    }
    assert_exact("ocsf", &found);
    let mut lake = Vec::new();
    for file in days().iter().flat_map(|folder| lake_files(folder)) {
        let rows = read_parquet(&file);
        let uids = rows.column_by_name("finding_info").unwrap().as_struct().column_by_name("uid").unwrap().clone();
        for (row, uid) in uids.as_string::<i32>().iter().flatten().enumerate() {
            let evidences = rows.column_by_name("evidences").unwrap().as_list::<i32>().value(row);
            let requests = evidences.as_struct().column_by_name("http_request").unwrap().clone();
            let agents = requests.as_struct().column_by_name("user_agent").unwrap().clone();
            let agents = agents.as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>();
            lake.extend(agents.into_iter().map(|agent| (uid.to_owned(), agent)));
        }
    }
    assert_exact("security lake", &lake);
}

#[test]
fn a_hostile_user_agent_is_text_in_tables() {
    let (mut flat, mut sheet) = (Vec::new(), Vec::new());
    for folder in days() {
        let rows = read_parquet(&folder.join("insights.parquet"));
        let pairs = texts(&rows, "insight_id").into_iter().zip(texts(&rows, "top_user_agent"));
        flat.extend(pairs.filter_map(|(id, agent)| Some((id?, agent?))).filter(|(_, agent)| !agent.is_empty()));
        let mut reader = csv::Reader::from_path(folder.join("insights.csv")).unwrap();
        let head = reader.headers().unwrap().clone();
        let place = |name: &str| head.iter().position(|column| column == name).unwrap();
        let (id, agent) = (place("insight_id"), place("top_user_agent"));
        for row in reader.records().map(Result::unwrap).filter(|row| !row[agent].is_empty()) {
            // What begins like a formula comes with a quote before it.
            let bare = row[agent].strip_prefix("'=").map_or_else(|| row[agent].to_owned(), |rest| format!("={rest}"));
            assert!(!row[agent].starts_with('='), "{}", &row[agent]);
            sheet.push((row[id].to_owned(), bare));
        }
    }
    assert_exact("parquet", &flat);
    assert_exact("csv", &sheet);
}

#[test]
fn no_cell_of_the_sheet_begins_a_formula() {
    for cell in days().iter().flat_map(|folder| cells(folder)).flatten() {
        let begins =
            cell.starts_with(['=', '+', '@', '\t', '\r']) || (cell.starts_with('-') && cell.parse::<f64>().is_err());
        assert!(!begins && !cell.contains(char::is_control), "{cell:?}");
    }
}

#[test]
fn a_form_that_is_asked_for_no_more_goes_and_what_others_read_stays() {
    let state = tempfile::tempdir().unwrap();
    let events = data().join("sample");
    let names = |more: &[&str]| -> Vec<String> {
        let arguments =
            ["run", events.to_str().unwrap(), "--state", state.path().to_str().unwrap(), "--date", "2026-01-29"];
        insights(arguments.iter().chain(more)).expect_code(0);
        let folder = dated(&state.path().join("insights"), day(1, 29));
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&[]), ["episodes.json", "hours.parquet", "insights.jsonl", "insights.parquet"]);
    assert_eq!(names(&["--outputs", ALL]).len(), 8);
    assert_eq!(
        names(&["--outputs", "csv"]),
        ["episodes.json", "hours.parquet", "insights.csv", "insights.jsonl", "insights.parquet"]
    );
    assert_eq!(
        names(&["--set", "outputs.formats="]),
        ["episodes.json", "hours.parquet", "insights.jsonl", "insights.parquet"]
    );
}
