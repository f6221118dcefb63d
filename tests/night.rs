//! A night from end to end, on the sample that ships with the crate: the same bytes however often and on however many threads,
//! every planted change of trail or permissions reported, every line in the vendor's form, and silence where nothing happens.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMillisecondType;
use chrono::{DateTime, NaiveDate, Utc};
use common::{Outcome, assert_same_files, dated, day, files_below, generate_quiet, insights};
use serde_json::Value;

const FIRST: &str = "2026-01-29";
const LAST: &str = "2026-02-04";

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("sample")
}

fn run(events: &Path, state: &Path, more: &[&str]) -> Outcome {
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap()];
    insights(arguments.iter().chain(more))
}

/// Runs the sample's last seven days into a new state directory.
fn week(more: &[&str]) -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    run(&sample(), state.path(), &[&["--from", FIRST, "--to", LAST], more].concat()).expect_code(0);
    state
}

fn results(state: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let below = |name: &str| {
        files_below(&state.join(name))
            .into_iter()
            .map(move |(path, bytes)| (name.to_owned(), path, bytes))
            .collect::<Vec<_>>()
    };
    ["insights", "reports"]
        .iter()
        .flat_map(|name| below(name))
        .map(|(name, path, bytes)| (Path::new(&name).join(path), bytes))
        .collect()
}

/// The insights events of a state directory, by day.
fn events(state: &Path) -> Vec<(NaiveDate, Value)> {
    let mut found = Vec::new();
    for date in day(1, 29).iter_days().take_while(|date| *date <= day(2, 4)) {
        let text = fs::read_to_string(dated(&state.join("insights"), date).join("insights.jsonl")).unwrap();
        found.extend(text.lines().map(|line| (date, serde_json::from_str(line).unwrap())));
    }
    found
}

/// The events of the sample's last seven days, found once for all tests that only read them.
fn week_events() -> &'static [(NaiveDate, Value)] {
    static EVENTS: OnceLock<Vec<(NaiveDate, Value)>> = OnceLock::new();
    EVENTS.get_or_init(|| events(week(&[]).path()))
}

fn moment(value: &Value) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap().to_utc()
}

fn text<'value>(value: &'value Value, pointer: &str) -> &'value str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} in {value}"))
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {pointer} in {value}"))
}

#[test]
fn a_week_gives_the_same_bytes_on_one_thread_and_on_two_and_again() {
    let states = [week(&["--threads", "1"]), week(&["--threads", "2"]), week(&["--threads", "2"])];
    let first = results(states[0].path());
    assert_eq!(first.len(), 42, "insights.jsonl and three files beside it, page and digest, for seven days");
    assert!(first.values().all(|bytes| !bytes.is_empty()));
    for state in &states[1..] {
        assert_same_files(&first, &results(state.path()));
        assert_same_files(&files_below(&states[0].path().join("rollups")), &files_below(&state.path().join("rollups")));
    }
}

#[test]
fn a_rerun_replaces_its_files_and_leaves_no_other() {
    let state = week(&[]);
    let before = files_below(state.path());
    run(&sample(), state.path(), &["--from", FIRST, "--to", LAST]).expect_code(0);
    run(&sample(), state.path(), &["--date", "2026-02-01"]).expect_code(0);
    let after = files_below(state.path());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    // The record of a run says what this run did, so it alone may differ; the lock names the process.
    let lasting = |files: BTreeMap<PathBuf, Vec<u8>>| -> BTreeMap<PathBuf, Vec<u8>> {
        files.into_iter().filter(|(path, _)| !path.starts_with("runs") && !path.starts_with("lock")).collect()
    };
    assert_same_files(&lasting(before), &lasting(after));
    for (path, _) in files_below(state.path()) {
        let folders = ["rollups", "insights", "alerts", "alerting", "reports", "runs", "trail_settings", "lock"];
        let known = folders.iter().any(|known| path.starts_with(known));
        assert!(known, "{}", path.display());
    }
}

#[test]
fn no_call_of_an_entity_is_told_twice_in_a_night() {
    type Span = (DateTime<Utc>, DateTime<Utc>);
    let mut spans: BTreeMap<(NaiveDate, String, String), Vec<Span>> = BTreeMap::new();
    for (date, event) in week_events() {
        let details = &event["insightDetails"];
        let analysis = &details["analysis"];
        let is_rise = analysis["direction"] == "up" && analysis["reason"].is_null();
        if !is_rise || analysis["judgedBy"] == "first_seen" || analysis["end"].is_null() {
            continue;
        }
        let key = (*date, text(details, "/insightType").to_owned(), format!("{}", analysis["entity"]));
        let span = (moment(&analysis["start"]), moment(&analysis["end"]));
        let own = spans.entry(key).or_default();
        if !own.contains(&span) {
            own.push(span);
        }
    }
    // Two of an entity are in `life_cycle`.
    assert!(!spans.is_empty());
    for ((date, kind, entity), mut own) in spans {
        own.sort();
        for pair in own.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{date} {kind} {entity}: {pair:?}");
        }
    }
}

#[test]
fn a_night_knows_nothing_of_the_days_after_it() {
    let whole = week(&[]);
    let folder = tempfile::tempdir().unwrap();
    let past = folder.path().join("events");
    for date in day(1, 1).iter_days().take_while(|date| *date <= day(2, 1)) {
        fs::create_dir_all(dated(&past, date)).unwrap();
        let file = "part-0000.parquet";
        fs::copy(dated(&sample(), date).join(file), dated(&past, date).join(file)).unwrap();
    }
    let state = folder.path().join("state");
    run(&past, &state, &["--from", FIRST, "--to", "2026-02-01"]).expect_code(0);
    let name = "insights.jsonl";
    let night = |state: &Path| fs::read_to_string(dated(&state.join("insights"), day(2, 1)).join(name)).unwrap();
    assert_eq!(night(&state), night(whole.path()));
}

/// What was planted of a kind: the interval and who did it.
fn planted(kind: &str) -> Vec<(DateTime<Utc>, DateTime<Utc>, String)> {
    let labels = fs::read_to_string(sample().join("labels.jsonl")).unwrap();
    let labels = labels.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = labels.filter(|label| label["kind"] == kind && label["family"] == "change");
    own.map(|label| {
        let principal: Vec<&str> = text(&label, "/entity").rsplitn(3, '/').collect();
        (moment(&label["start"]), moment(&label["end"]), format!("{}/{}", principal[1], principal[0]))
    })
    .collect()
}

#[test]
fn every_planted_change_of_trail_or_permissions_is_reported() {
    let found = week_events();
    for (kind, insight_type) in
        [("trail_tampering", "TrailConcealmentInsight"), ("permission_change", "PolicyChangeInsight")]
    {
        let labels = planted(kind);
        assert!(!labels.is_empty(), "the sample has no {kind}");
        for (start, end, principal) in labels {
            let reported = found.iter().any(|(date, event)| {
                let analysis = &event["insightDetails"]["analysis"];
                *date == start.date_naive()
                    && text(event, "/insightDetails/insightType") == insight_type
                    && text(analysis, "/entity").ends_with(&principal)
                    && moment(&analysis["start"]) < end
                    && moment(&analysis["end"]) > start
            });
            assert!(reported, "{kind} by {principal} from {start} to {end} is not reported");
        }
    }
}

const TYPES: [&str; 8] = [
    "TrailConcealmentInsight",
    "PolicyChangeInsight",
    "PasswordChangeInsight",
    "ApiCallRateInsight",
    "ApiErrorRateInsight",
    "IpInsight",
    "AkInsight",
    "PrincipalInsight",
];

fn check_vendor_form(date: NaiveDate, event: &Value) {
    assert_eq!(text(event, "/eventType"), "ActionTrailInsight");
    assert_eq!(text(event, "/eventCategory"), "Insight");
    assert!(!text(event, "/eventVersion").is_empty());
    assert!(!text(event, "/recipientAccountId").is_empty());
    assert!(TYPES.contains(&text(event, "/insightDetails/insightType")));
    assert!(!text(event, "/insightDetails/insightObject").is_empty());
    assert!(!text(event, "/insightDetails/analysis/sentence").is_empty());
    let statistics = &event["insightDetails"]["insightContext"]["statistics"];
    let (count, minutes) = (number(statistics, "/insightCount"), number(statistics, "/insightDuration"));
    assert!(minutes >= 1.0);
    // A drop to nothing has no busiest region and no examples.
    let examples = event["insightDetails"]["analysis"]["exampleEventIds"].as_array().unwrap();
    assert_eq!((text(event, "/acsRegion").is_empty(), examples.is_empty()), (count < 1.0, count < 1.0), "{event}");
    assert!((number(statistics, "/insight/average") - count / minutes).abs() < 1e-9, "{event}");
    assert!((number(statistics, "/baselineDuration") - 10_080.0).abs() < f64::EPSILON);
    assert!(number(statistics, "/baseline/average") >= 0.0);
    let analysis = &event["insightDetails"]["analysis"];
    let (start, end) = (moment(&analysis["start"]), moment(&analysis["end"]));
    assert_eq!((end - start).num_minutes().to_string(), minutes.to_string(), "{event}");
    let midnight = date.and_hms_opt(0, 0, 0).unwrap().and_utc();
    let continued = analysis["continued"].as_bool().unwrap();
    // What begins with the day may have begun in the hour before it.
    let begun = start < midnight;
    assert!(begun == continued || begun && start >= midnight - chrono::Duration::hours(1), "{event}");
    assert!(end <= midnight + chrono::Duration::days(1), "{event}");
    assert!((0.0..=1.0).contains(&number(analysis, "/pValue")) && (0.0..=100.0).contains(&number(analysis, "/score")));
    let at = if text(event, "/insightDetails/state") == "Start" { start } else { end };
    assert_eq!(moment(&event["eventTime"]), at);
}

fn check_attributions(event: &Value) {
    let average = number(event, "/insightDetails/insightContext/statistics/insight/average");
    for attribution in event["insightDetails"]["insightContext"]["attributions"].as_array().unwrap() {
        assert!(!text(attribution, "/attribute").is_empty());
        assert!(attribution["baseline"].is_array());
        let shares = attribution["insight"].as_array().unwrap();
        let total: f64 = shares.iter().map(|share| number(share, "/average")).sum();
        assert!(total <= average + 1e-9, "the parts are more than the whole: {event}");
        let values: BTreeSet<&str> = shares.iter().map(|share| text(share, "/value")).collect();
        assert_eq!(values.len(), shares.len(), "{event}");
    }
}

#[test]
fn every_event_is_in_the_vendors_form() {
    let found = week_events();
    assert!(found.len() > 20, "{} events are few to test", found.len());
    for (date, event) in found {
        check_vendor_form(*date, event);
    }
    let ids: BTreeSet<&str> = found.iter().map(|(_, event)| text(event, "/eventId")).collect();
    assert_eq!(ids.len(), found.len(), "event ids repeat");
}

#[test]
fn the_parts_are_no_more_than_the_whole() {
    for (_, event) in week_events() {
        check_attributions(event);
    }
}

/// A row of a partition: its id, its time, and what it is called by in each family that has one column or a few.
struct Row {
    id: String,
    time: DateTime<Utc>,
    entities: [(&'static str, String); 4],
}

fn rows(date: NaiveDate) -> Vec<Row> {
    let table = common::read_parquet(&dated(&sample(), date).join("part-0000.parquet"));
    let texts = |column: &str| -> Vec<String> {
        common::texts(&table, column).into_iter().map(Option::unwrap_or_default).collect()
    };
    let times = table.column_by_name("event_time").unwrap();
    let times = times.as_primitive::<TimestampMillisecondType>().values();
    let [ids, services, names, codes] = ["event_id", "service_name", "event_name", "error_code"].map(texts);
    let [addresses, keys] = ["source_ip_address", "access_key_id"].map(texts);
    let row = |row: usize| Row {
        id: ids[row].clone(),
        time: DateTime::from_timestamp_millis(times[row]).unwrap(),
        entities: [
            ("api", format!("{}/{}", services[row], names[row])),
            ("api_error", format!("{}/{}/{}", services[row], names[row], codes[row])),
            ("source_ip", addresses[row].clone()),
            ("access_key", keys[row].clone()),
        ],
    };
    (0..table.num_rows()).map(row).collect()
}

/// Whether a row is with a network or an API that was met for the first time; regions are not looked at.
fn is_first_met(row: &Row, met: &Value) -> bool {
    assert_eq!(met["regions"], serde_json::json!([]));
    let has = |list: &str, value: &str| met[list].as_array().unwrap().iter().any(|known| known == value);
    let network = row.entities[2].1.parse().map(insights::event::network);
    has("apis", &row.entities[0].1) || network.is_ok_and(|network| has("networks", &network))
}

#[test]
fn a_count_is_the_number_of_events_between_start_and_end() {
    let mut checked = BTreeSet::new();
    for (date, event) in week_events() {
        let analysis = &event["insightDetails"]["analysis"];
        let (start, end) = (moment(&analysis["start"]), moment(&analysis["end"]));
        let entity = (text(analysis, "/family"), text(analysis, "/entity").to_lowercase());
        let is_own = |row: &&Row| row.entities.iter().any(|(family, name)| entity == (*family, name.to_lowercase()));
        let is_meant = |row: &&Row| analysis.get("firstSeen").is_none_or(|met| is_first_met(row, met));
        let days = start.date_naive().iter_days().take_while(|day| day <= date);
        let rows: Vec<Row> = days.flat_map(rows).collect();
        let own = rows.iter().filter(is_own).filter(is_meant).filter(|row| (start..end).contains(&row.time)).count();
        if ["api", "api_error", "source_ip", "access_key"].contains(&entity.0) {
            let count = number(event, "/insightDetails/insightContext/statistics/insightCount");
            assert_eq!(own.to_string(), count.to_string(), "{event}");
            checked.insert(entity.0.to_owned());
        }
    }
    assert!(checked.len() >= 3, "only {checked:?} were checked");
}

#[test]
fn examples_lie_between_start_and_end() {
    for (date, event) in week_events() {
        let analysis = &event["insightDetails"]["analysis"];
        let (start, end) = (moment(&analysis["start"]), moment(&analysis["end"]));
        let days = start.date_naive().iter_days().take_while(|day| day <= date);
        let times: BTreeMap<String, DateTime<Utc>> = days.flat_map(rows).map(|row| (row.id, row.time)).collect();
        for example in analysis["exampleEventIds"].as_array().unwrap() {
            let time = times[example.as_str().unwrap()];
            assert!((start..end).contains(&time), "{example} is of {time}, the episode from {start} to {end}: {event}");
        }
    }
}

#[test]
fn starts_and_ends_belong_together() {
    let mut episodes: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (_, event) in week_events() {
        episodes.entry(text(event, "/sharedEventId")).or_default().push(event);
    }
    for (id, events) in episodes {
        let states: Vec<&str> = events.iter().map(|event| text(event, "/insightDetails/state")).collect();
        assert!(matches!(states[..], ["Start"] | ["Start", "End"]), "{id}: {states:?}");
        if let [start, end] = events[..] {
            assert!(moment(&start["eventTime"]) < moment(&end["eventTime"]));
            assert_eq!(moment(&start["eventTime"]), moment(&end["insightDetails"]["analysis"]["start"]));
            let without_state = |event: &Value| {
                let mut details = event["insightDetails"].clone();
                details["state"] = Value::Null;
                details
            };
            // What goes on after midnight is known in full at its end alone.
            if !end["insightDetails"]["analysis"]["continued"].as_bool().unwrap() {
                assert_eq!(without_state(start), without_state(end));
            }
        }
    }
}

#[test]
fn the_table_has_a_row_for_every_episode() {
    let state = week(&[]);
    let found = events(state.path());
    for date in day(1, 29).iter_days().take_while(|date| *date <= day(2, 4)) {
        let table = common::read_parquet(&dated(&state.path().join("insights"), date).join("insights.parquet"));
        let rows: BTreeSet<String> = common::texts(&table, "insight_id").into_iter().map(Option::unwrap).collect();
        let own = found.iter().filter(|(own, _)| *own == date);
        // What the night before left and this one closed is no finding of it; what goes on for the whole of a later day has a row, and no line.
        let own = own.filter(|(_, event)| number(event, "/insightDetails/analysis/incident/rank") > 0.0);
        let told: BTreeSet<String> = own.map(|(_, event)| text(event, "/sharedEventId").to_owned()).collect();
        assert!(told.is_subset(&rows), "{date}");
        assert_eq!(rows.len(), table.num_rows(), "{date}");
    }
}

#[test]
fn incident_days_are_not_learnt_from_and_said() {
    let state = tempfile::tempdir().unwrap();
    let named = ["--date", FIRST, "--set", "incident_days=2026-01-12/2026-01-13,2026-01-29"];
    run(&sample(), state.path(), &named).expect_code(0);
    let record = fs::read_to_string(state.path().join("runs").join(format!("{FIRST}.json"))).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    // The judged day itself is judged as any other.
    assert_eq!(record["incident_days"], serde_json::json!(["2026-01-12", "2026-01-13"]));
    assert_eq!((&record["days_of_history"], &record["missing_days"]), (&Value::from(26), &Value::Array(Vec::new())));
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("incident on 2026-01-12, 2026-01-13: not learnt from"), "{warnings}");
    assert!(record["insights"]["TrailConcealmentInsight"].as_u64() >= Some(1), "{record}");
}

#[test]
fn a_scheduler_can_ask_for_an_exit_code() {
    let state = tempfile::tempdir().unwrap();
    run(&sample(), state.path(), &["--date", FIRST, "--fail-on", "informational"]).expect_code(1);
    run(&sample(), state.path(), &["--date", FIRST]).expect_code(0);
    let quiet = run(&sample(), state.path(), &["--date", FIRST, "--quiet"]).expect_code(0);
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.starts_with("2026-01-29:"), "{}", quiet.stdout);
}

#[test]
fn the_vendors_types_alone_if_one_wants() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("own.toml");
    fs::write(&settings, "vendor_types_only = true\n").unwrap();
    let state = folder.path().join("state");
    run(&sample(), &state, &["--from", FIRST, "--to", LAST, "--settings", settings.to_str().unwrap()]).expect_code(0);
    assert!(events(&state).iter().all(|(_, event)| event["insightDetails"]["insightType"] != "PrincipalInsight"));
}

/// Insights about rates in the last seven of 35 days in which nothing was planted.
fn false_alarms(seed: u64) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (quiet, state) = (folder.path().join("events"), folder.path().join("state"));
    generate_quiet(&quiet, seed, 35, 6000);
    run(&quiet, &state, &["--from", FIRST, "--to", LAST]).expect_code(0);
    let changes = &TYPES[..3];
    let found = events(&state).into_iter().map(|(_, event)| event);
    let rates = found.filter(|event| {
        text(event, "/insightDetails/state") == "Start"
            && !changes.contains(&text(event, "/insightDetails/insightType"))
    });
    rates.map(|event| text(&event, "/insightDetails/analysis/sentence").to_owned()).collect()
}

#[test]
fn quiet_weeks_are_quiet() {
    for seed in [1, 2, 3] {
        let alarms = false_alarms(seed);
        assert!(alarms.len() <= 3, "seed {seed}: {alarms:#?}");
    }
}
