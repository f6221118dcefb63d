//! The quality gate, as a user meets it: whatever is wrong with a night's input is told in the summary, in the run record and in the
//! metrics, what is missing raises no alarm, and what only looks alike is not told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use chrono::NaiveDate;
use common::made::{Call, usual_day, write_day, write_days, write_part};
use common::{Outcome, dated, day, insights, read_parquet, write_parquet};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

const FIRST: u32 = 5;
const LAST: u32 = 22;
const HOUR: i64 = 3600;

/// Eighteen days of events of which the last is judged.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    /// Usual days, and a last one made of `last`.
    fn new(last: Vec<Call>) -> Self {
        Self::after(|_| Vec::new(), last)
    }

    /// Usual days with `more` in each, and a last one made of `last`.
    fn after(more: impl Fn(NaiveDate) -> Vec<Call>, last: Vec<Call>) -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        write_days(&made.events(), day(1, FIRST), day(1, LAST - 1), more);
        write_day(&made.events(), day(1, LAST), last);
        made
    }

    fn events(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn part(&self) -> PathBuf {
        dated(&self.events(), day(1, LAST)).join("part-0000.parquet")
    }

    fn run(&self, more: &[&str]) -> Outcome {
        let (events, state) = (self.events(), self.state());
        let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap()];
        insights(arguments.iter().chain(more))
    }

    /// Judges the last day and gives what was printed and the run record.
    fn judge(&self, more: &[&str]) -> (String, Value) {
        self.judge_with(0, more)
    }

    /// The same, with the exit code that is expected.
    fn judge_with(&self, code: i32, more: &[&str]) -> (String, Value) {
        let date = day(1, LAST).to_string();
        let outcome = self.run(&[&["--date", &date], more].concat()).expect_code(code);
        (outcome.stdout, self.record())
    }

    fn record(&self) -> Value {
        let path = self.state().join("runs").join(format!("{}.json", day(1, LAST)));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// The insights that ended on the last day.
    fn ended(&self) -> BTreeSet<String> {
        let path = dated(&self.state().join("insights"), day(1, LAST)).join("insights.jsonl");
        let lines = fs::read_to_string(path).unwrap();
        let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ended = events.filter(|event| event["insightDetails"]["state"] == "End");
        ended.map(|event| event["sharedEventId"].as_str().unwrap().to_owned()).collect()
    }

    /// The insights of the last day, each once.
    fn insights(&self) -> Vec<Value> {
        let path = dated(&self.state().join("insights"), day(1, LAST)).join("insights.jsonl");
        let lines = fs::read_to_string(path).unwrap();
        let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["insightDetails"]["state"] == "Start").collect()
    }
}

fn last_day() -> Vec<Call> {
    usual_day(day(1, LAST))
}

/// The flaws of a kind.
fn flaws<'record>(record: &'record Value, kind: &str) -> Vec<&'record Value> {
    record["quality"].as_array().unwrap().iter().filter(|flaw| flaw["kind"] == kind).collect()
}

/// The one flaw of a kind; the summary must say it.
#[track_caller]
fn only<'record>((stdout, record): &'record (String, Value), kind: &str) -> &'record Value {
    let found = flaws(record, kind);
    assert_eq!(found.len(), 1, "{kind}: {}", record["quality"]);
    let sentence = found[0]["sentence"].as_str().unwrap();
    assert!(stdout.contains(&format!("! {sentence}")), "{sentence:?} is not in:\n{stdout}");
    found[0]
}

fn by(user: u32, second: i64, api: &'static str) -> Call {
    Call { service: "Actiontrail", api, ..Call::usual(second, user) }
}

#[test]
fn an_ordinary_day_has_no_flaws_but_the_columns_that_nobody_wrote() {
    let made = Made::new(last_day());
    let (_, record) = made.judge(&[]);
    let kinds: Vec<(&Value, &Value)> =
        record["quality"].as_array().unwrap().iter().map(|flaw| (&flaw["kind"], &flaw["where"]["columns"])).collect();
    let columns = |names: &[&str]| serde_json::json!(names);
    // The made days lack these; and every call of them reads and goes well.
    assert_eq!(
        kinds,
        [
            (&Value::from("empty_column"), &columns(&["error_code", "error_message"])),
            (&Value::from("empty_column"), &columns(&["resource_name"])),
            (&Value::from("reads_only"), &Value::Null),
        ]
    );
}

#[test]
fn silent_hours_are_masked_and_told() {
    let made = Made::new(last_day().into_iter().filter(|call| !(5 * HOUR..9 * HOUR).contains(&call.second)).collect());
    let judged = made.judge(&["--metrics", made.folder.path().join("run.prom").to_str().unwrap()]);
    let flaw = only(&judged, "silent_hours");
    assert_eq!((&flaw["effect"], &flaw["where"]["hours"]), (&"masked".into(), &serde_json::json!([5, 6, 7, 8])));
    assert_eq!((&flaw["where"]["account"], &flaw["numbers"]["usual"]), (&"1".into(), &800.into()));
    assert!(made.insights().is_empty(), "{:#?}", made.insights());
    let metrics = fs::read_to_string(made.folder.path().join("run.prom")).unwrap();
    assert!(metrics.contains("insights_input_flaws{kind=\"silent_hours\"} 1\n"), "{metrics}");
    assert!(metrics.contains("insights_input_flaws{kind=\"stale_feed\"} 0\n"), "{metrics}");
}

#[test]
fn half_the_callers_missing_is_no_silence() {
    let made = Made::new(
        last_day()
            .into_iter()
            .filter(|call| call.second < 12 * HOUR || call.user.parse::<u32>().unwrap() > 10)
            .collect(),
    );
    let (_, record) = made.judge(&[]);
    assert!(flaws(&record, "silent_hours").is_empty() && flaws(&record, "stale_feed").is_empty(), "{record}");
    assert!(made.insights().len() >= 10, "the drops of ten people are reported");
}

#[test]
fn a_feed_that_stops_within_an_hour_is_told_to_the_minute_and_alarms_nobody() {
    let made = Made::new(last_day().into_iter().filter(|call| call.second < 15 * HOUR + 1200).collect());
    let judged = made.judge(&[]);
    let flaw = only(&judged, "stale_feed");
    assert!(flaw["sentence"].as_str().unwrap().starts_with("the newest event is of 2026-01-22 15:19 UTC"), "{flaw}");
    assert_eq!((&flaw["effect"], &flaw["numbers"]["minutes_missing"]), (&"masked".into(), &520.into()));
    assert_eq!(only(&judged, "silent_hours")["where"]["hours"], serde_json::json!((15..24).collect::<Vec<_>>()));
    assert!(made.insights().is_empty(), "{:#?}", made.insights());
}

/// An hour and a half of calls, then nothing; the trail was touched before.
fn silenced_after(change: Call) -> Vec<Call> {
    let end = change.second + HOUR / 2;
    last_day().into_iter().filter(|call| call.second < end).chain([change]).collect()
}

#[test]
fn a_feed_that_stops_after_the_trail_was_touched_is_a_concern_of_that_change() {
    let made = Made::new(silenced_after(by(7, 15 * HOUR, "StopLogging")));
    made.judge(&[]);
    let found = made.insights();
    assert_eq!(found.len(), 1, "{found:#?}");
    let analysis = &found[0]["insightDetails"]["analysis"];
    assert_eq!(found[0]["insightDetails"]["insightType"], "TrailConcealmentInsight");
    assert_eq!(
        (&analysis["concerns"], &analysis["severity"]),
        (&serde_json::json!(["silence_followed"]), &"critical".into())
    );
    let sentence = analysis["sentence"].as_str().unwrap();
    assert!(sentence.ends_with("; the account's feed fell silent after it"), "{sentence}");
}

#[test]
fn a_trail_change_without_a_silence_and_a_silence_before_one_are_no_concern() {
    let made = Made::new(last_day().into_iter().chain([by(7, 15 * HOUR, "StopLogging")]).collect());
    made.judge(&[]);
    assert_eq!(made.insights()[0]["insightDetails"]["analysis"]["concerns"], serde_json::json!([]));
    let gap = last_day().into_iter().filter(|call| !(5 * HOUR..9 * HOUR).contains(&call.second));
    let made = Made::new(gap.chain([by(7, 15 * HOUR, "StopLogging")]).collect());
    made.judge(&[]);
    assert_eq!(made.insights()[0]["insightDetails"]["analysis"]["concerns"], serde_json::json!([]));
}

#[test]
fn a_feed_that_stops_on_the_day_after_is_an_insight_of_its_own_and_only_then() {
    let touched =
        |on: u32| move |date| if date == day(1, on) { vec![by(7, 22 * HOUR, "UpdateTrail")] } else { Vec::new() };
    let morning = || last_day().into_iter().filter(|call| call.second < 10 * HOUR).collect();
    let made = Made::after(touched(LAST - 1), morning());
    made.judge(&[]);
    let found = made.insights();
    assert_eq!(found.len(), 1, "{found:#?}");
    let analysis = &found[0]["insightDetails"]["analysis"];
    assert_eq!((&analysis["reason"], &analysis["direction"]), (&"silence".into(), &"down".into()));
    assert_eq!(
        analysis["sentence"],
        "the feed of 1 fell silent between 10:00 and 24:00 UTC, where 2,800 calls are usual, after user name7 touched the audit trail \
         with Actiontrail/UpdateTrail the day before"
    );
    assert_eq!(analysis["severity"], "critical");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/schema/actiontrail-insight.schema.json");
    assert!(fs::read_to_string(schema).unwrap().contains("\"silence\""));
    let made = Made::after(touched(LAST - 2), morning());
    made.judge(&[]);
    assert!(made.insights().is_empty(), "two days before is no reason: {:#?}", made.insights());
}

/// The calls of people 1 to 5 are in another region than those of the others.
fn in_regions(calls: Vec<Call>) -> Vec<Call> {
    let moved = |call: Call| match call.user.parse::<u32>() {
        Ok(1..=5) => Call { region: "eu-central-1", ..call },
        _ => call,
    };
    calls.into_iter().map(moved).collect()
}

fn days_in_regions(last: Vec<Call>) -> Made {
    let made = Made { folder: tempfile::tempdir().unwrap() };
    for date in day(1, FIRST).iter_days().take_while(|date| *date < day(1, LAST)) {
        write_day(&made.events(), date, in_regions(usual_day(date)));
    }
    write_day(&made.events(), day(1, LAST), last);
    made
}

#[test]
fn a_silent_region_is_told_and_explains_the_drops_of_those_who_called_there() {
    let made =
        days_in_regions(in_regions(last_day()).into_iter().filter(|call| call.region == "cn-hangzhou").collect());
    let judged = made.judge(&[]);
    let flaw = only(&judged, "silent_region");
    assert_eq!((&flaw["where"]["region"], &flaw["effect"]), (&"eu-central-1".into(), &"masked".into()));
    assert_eq!((&flaw["numbers"]["calls"], &flaw["numbers"]["usual"]), (&0.into(), &1200.into()));
    assert!(made.insights().is_empty(), "{:#?}", made.insights());
    assert!(judged.1["drops_explained"].as_u64().unwrap() >= 15, "five people, their keys and addresses: {}", judged.1);
}

#[test]
fn a_region_in_which_one_is_left_explains_nothing() {
    let all = in_regions(last_day()).into_iter();
    let made = days_in_regions(all.filter(|call| !["1", "2", "3", "4"].contains(&call.user.as_str())).collect());
    let (_, record) = made.judge(&[]);
    assert!(flaws(&record, "silent_region").is_empty(), "{record}");
    assert!(made.insights().len() >= 4, "{:#?}", made.insights());
}

#[test]
fn an_account_that_is_silent_all_day_is_told() {
    let second = |date: NaiveDate| -> Vec<Call> {
        let calls = usual_day(date).into_iter().filter(|call| call.user == "3");
        calls.map(|call| Call { account: "2", user: "99".to_owned(), ..call }).collect()
    };
    let made = Made::after(second, last_day());
    let judged = made.judge(&[]);
    let flaw = only(&judged, "silent_account");
    assert_eq!((&flaw["where"]["account"], &flaw["effect"]), (&"2".into(), &"masked".into()));
    assert!(made.insights().is_empty(), "{:#?}", made.insights());
    let made = Made::after(second, last_day().into_iter().chain(second(day(1, LAST))).collect());
    assert!(flaws(&made.judge(&[]).1, "silent_account").is_empty());
}

#[test]
fn ids_that_come_twice_are_found_when_asked_for() {
    let made = Made::new(last_day());
    assert!(made.judge(&["--check-duplicates"]).0.contains("4,800 ids, none twice"));
    // The same events, written otherwise: no copy of the file.
    let again = made.part().with_file_name("part-0001.parquet");
    fs::copy(made.part(), &again).unwrap();
    rewrite_file(&again, |name, column| (name != "user_agent").then(|| column.clone()));
    let unasked = made.judge(&[]);
    let guessed = only(&unasked, "duplicate_ids");
    assert_eq!((&guessed["numbers"]["rows"], &guessed["effect"]), (&4800.into(), &"for_information".into()));
    assert!(unasked.1["ids_checked"].is_null() && !made.insights().is_empty());
    let judged = made.judge(&["--check-duplicates"]);
    let flaw = only(&judged, "duplicate_ids");
    assert_eq!((&flaw["numbers"]["rows"], &flaw["numbers"]["ids"]), (&4800.into(), &4800.into()));
    assert_eq!((&flaw["effect"], flaw["where"]["hours"].as_array().unwrap().len()), (&"masked".into(), 24));
    assert_eq!(made.insights(), Vec::<Value>::new(), "what is known to stand twice is no rise");
    let name = |part: &str| format!("date={}/{part}", day(1, LAST));
    assert_eq!(flaw["where"]["files"], serde_json::json!([name("part-0000.parquet"), name("part-0001.parquet")]));
}

/// A day on which eighty APIs are called, each hour as often as a hash says.
fn of_many_apis(date: NaiveDate) -> Vec<Call> {
    let calls = |api: u32, hour: i64| {
        let mut hasher = DefaultHasher::new();
        (date, api, hour).hash(&mut hasher);
        (0..(hasher.finish() % 5) as i64).map(move |call| hour * HOUR + call * 600 + i64::from(api))
    };
    let seconds = |api: u32| (0..24).flat_map(move |hour| calls(api, hour)).collect::<Vec<_>>();
    let names: Vec<&'static str> = (0..80).map(|api| &*format!("Describe{api}").leak()).collect();
    let of = |api: u32| {
        let name = names[api as usize];
        seconds(api).into_iter().map(move |second| Call { api: name, ..Call::usual(second, api % 20 + 1) })
    };
    (0..80).flat_map(of).collect()
}

#[test]
fn a_day_that_was_delivered_twice_is_told_by_its_counts_and_raises_nothing() {
    let made = Made { folder: tempfile::tempdir().unwrap() };
    for date in day(1, FIRST).iter_days().take_while(|date| *date <= day(1, LAST)) {
        write_day(&made.events(), date, of_many_apis(date));
    }
    assert!(flaws(&made.judge(&[]).1, "repeated_events").is_empty());
    // The morning's events once more, in two files, with ids of their own.
    let own: Vec<Call> = of_many_apis(day(1, LAST)).into_iter().filter(|call| call.second < 16 * HOUR).collect();
    let (first, second) = own.split_at(own.len() / 3);
    write_part(&made.events(), day(1, LAST), 1, first.to_vec());
    write_part(&made.events(), day(1, LAST), 2, second.to_vec());
    let judged = made.judge(&[]);
    let flaw = only(&judged, "repeated_events");
    assert_eq!(
        (&flaw["effect"], &flaw["numbers"]["times"], &flaw["numbers"]["odd"]),
        (&"masked".into(), &2.into(), &0.into())
    );
    assert_eq!(flaw["where"]["hours"], serde_json::json!((0..16).collect::<Vec<u8>>()));
    assert_eq!(judged.1["quality"][0], *flaw, "it is said first");
    assert!(flaws(&judged.1, "silent_hours").is_empty());
    assert_eq!(made.insights(), Vec::<Value>::new());
}

#[test]
fn rows_of_far_away_days_and_their_files_are_named() {
    let far = Call { second: 40 * 24 * HOUR, ..Call::usual(0, 1) };
    let made = Made::new(last_day().into_iter().chain(vec![far; 7]).collect());
    let judged = made.judge_with(4, &[]);
    let flaw = only(&judged, "clock_skew");
    assert_eq!((&flaw["numbers"]["rows"], &flaw["effect"]), (&7.into(), &"not_judged".into()));
    assert_eq!(flaw["where"]["files"], serde_json::json!([format!("date={}/part-0000.parquet", day(1, LAST))]));
    assert!(flaw["sentence"].as_str().unwrap().contains("(as late as 2026-03-03 00:00 UTC)"), "{flaw}");
}

#[test]
fn a_partition_that_should_be_there_is_missed_by_whoever_names_no_day() {
    let made = Made::new(last_day());
    let outcome = made.run(&[]).expect_code(0);
    let record = made.record();
    let flaw = flaws(&record, "stale_feed")[0];
    assert!(flaw["numbers"]["days_missing"].as_u64().unwrap() > 0, "{flaw}");
    assert!(outcome.stdout.contains("the newest partition is of 2026-01-22"), "{}", outcome.stdout);
    assert!(flaws(&made.judge(&[]).1, "stale_feed").is_empty(), "a day that is named is not late");
}

#[test]
fn a_partition_that_is_yet_to_come_is_named_by_whoever_names_no_day() {
    let made = Made::new(last_day());
    let ahead = dated(&made.events(), NaiveDate::from_ymd_opt(2999, 5, 1).unwrap());
    fs::create_dir(&ahead).unwrap();
    fs::copy(made.part(), ahead.join("part-0000.parquet")).unwrap();
    let outcome = made.run(&[]).expect_code(0);
    let judged = (outcome.stdout, made.record());
    let flaw = only(&judged, "future_partition");
    assert_eq!((&flaw["numbers"]["days"], &flaw["effect"]), (&1.into(), &"not_judged".into()));
    assert!(judged.0.contains("a partition is of 2999-05-01, which is yet to come"), "{}", judged.0);
    assert!(flaws(&made.judge(&[]).1, "future_partition").is_empty(), "the day that is named is what is asked about");
}

/// The last day's partition, changed.
fn rewrite(made: &Made, change: impl Fn(&str, &ArrayRef) -> Option<ArrayRef>) {
    rewrite_file(&made.part(), change);
}

fn rewrite_file(path: &Path, change: impl Fn(&str, &ArrayRef) -> Option<ArrayRef>) {
    let rows = read_parquet(path);
    let fields = rows.schema();
    let columns = fields.fields().iter().zip(rows.columns());
    let kept = columns.filter_map(|(field, column)| Some((field.name().clone(), change(field.name(), column)?)));
    let rows = RecordBatch::try_from_iter(kept).unwrap();
    write_parquet(path, &rows, WriterProperties::builder().build());
}

#[test]
fn columns_that_say_nothing_are_named_with_what_they_disable() {
    let made = Made::new(last_day());
    let nothing =
        |rows: usize, word: Option<&str>| -> ArrayRef { std::sync::Arc::new(StringArray::from(vec![word; rows])) };
    rewrite(&made, |name, column| match name {
        "access_key_id" => None,
        "source_ip_address" => Some(nothing(column.len(), None)),
        "user_agent" => Some(nothing(column.len(), Some("null"))),
        _ => Some(column.clone()),
    });
    let (stdout, record) = made.judge(&[]);
    for (column, effect, said) in [
        ("access_key_id", "not_judged", "access_key_id is absent in every event: AkInsight is blind"),
        ("source_ip_address", "not_judged", "source_ip_address is null in every event: IpInsight is blind"),
        ("user_agent", "for_information", "user_agent is null in every event: attributions name no user agents"),
    ] {
        let found = flaws(&record, "empty_column");
        let flaw = found.iter().find(|flaw| flaw["where"]["columns"][0] == column).unwrap();
        assert_eq!(flaw["effect"], effect);
        assert!(stdout.contains(said), "{said:?} is not in:\n{stdout}");
    }
    let unnamed = flaws(&record, "unnamed_family");
    assert_eq!(unnamed.len(), 2, "{unnamed:?}");
    assert!(stdout.contains("name no source ip (0 calls do, "), "{stdout}");
    assert_eq!(types(&made), BTreeSet::new(), "an address that nobody wrote down has not fallen silent");
}

#[test]
fn parameters_are_missed_only_where_something_is_written() {
    let is_told = |side: &str| {
        let made = Made::new(last_day());
        let rows = read_parquet(&made.part());
        let texts =
            |text: Option<&str>| -> ArrayRef { std::sync::Arc::new(StringArray::from(vec![text; rows.num_rows()])) };
        let fields = rows.schema();
        let columns = fields.fields().iter().zip(rows.columns());
        let silent = |name: &str| name == "request_parameters";
        let columns = columns.map(|(field, column)| {
            (field.name().clone(), if silent(field.name()) { texts(None) } else { column.clone() })
        });
        let rows = RecordBatch::try_from_iter(columns.chain([("event_rw".to_owned(), texts(Some(side)))])).unwrap();
        write_parquet(&made.part(), &rows, WriterProperties::builder().build());
        let (_, record) = made.judge(&[]);
        flaws(&record, "empty_column").iter().any(|flaw| flaw["where"]["columns"][0] == "request_parameters")
    };
    assert_eq!([is_told("Write"), is_told("Read")], [true, false]);
}

/// The types of the night's insights.
fn types(made: &Made) -> BTreeSet<String> {
    let name = |insight: &Value| insight["insightDetails"]["insightType"].as_str().unwrap().to_owned();
    made.insights().iter().map(name).collect()
}

#[test]
fn days_without_addresses_teach_nothing_of_addresses() {
    let silent_keys = |made: &Made| {
        let date = day(1, LAST).to_string();
        made.run(&["--date", &date]).expect_code(0);
        made.insights()
            .iter()
            .map(|insight| insight["insightDetails"]["analysis"]["entity"].clone())
            .collect::<Vec<_>>()
    };
    let last = || last_day().into_iter().filter(|call| call.user != "2" || call.second < 9 * HOUR).collect::<Vec<_>>();
    let whole = Made::new(last());
    let found = silent_keys(&whole);
    assert!(found.iter().any(|entity| entity == "192.0.2.2"), "{found:?}");
    let holes = Made::new(last());
    for date in [day(1, 10), day(1, 14), day(1, 15)] {
        rewrite_file(&dated(&holes.events(), date).join("part-0000.parquet"), |name, column| {
            (name != "source_ip_address").then(|| column.clone())
        });
    }
    assert_eq!(silent_keys(&holes), found);
}

#[test]
fn a_trail_that_delivers_writes_only_is_told_with_what_goes_blind() {
    let writes =
        |calls: Vec<Call>| calls.into_iter().map(|call| Call { api: "StartInstance", ..call }).collect::<Vec<_>>();
    let made = Made::new(writes(last_day()));
    let judged = made.judge(&[]);
    let flaw = only(&judged, "writes_only");
    assert_eq!((&flaw["where"]["account"], &flaw["effect"]), (&"1".into(), &"not_judged".into()));
    assert_eq!(flaw["numbers"]["others_before_percent"], 100);
    let sentence = flaw["sentence"].as_str().unwrap();
    assert!(sentence.contains("ApiCallRateInsight and ApiErrorRateInsight do not see reading APIs"), "{sentence}");
    let drops =
        made.insights().into_iter().filter(|insight| insight["insightDetails"]["analysis"]["direction"] == "down");
    assert_eq!(drops.collect::<Vec<_>>(), Vec::<Value>::new(), "reads are missing, they have not dropped");
    assert!(judged.1["drops_explained"].as_u64().unwrap() > 0, "{}", judged.1);
    let mixed = last_day().into_iter().enumerate();
    let made = Made::new(
        mixed.map(|(row, call)| if row % 50 > 0 { Call { api: "StartInstance", ..call } } else { call }).collect(),
    );
    assert!(flaws(&made.judge(&[]).1, "writes_only").is_empty(), "one in fifty reads");
}

#[test]
fn json_tells_the_same() {
    let made = Made::new(last_day().into_iter().filter(|call| !(5 * HOUR..9 * HOUR).contains(&call.second)).collect());
    let (stdout, record) = made.judge(&["--format", "json"]);
    let printed: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(printed[0]["run"]["quality"], record["quality"]);
    assert_eq!(flaws(&record, "silent_hours").len(), 1);
}

#[test]
fn a_drop_that_was_open_goes_on_though_a_silent_region_explains_the_rest() {
    let made =
        days_in_regions(in_regions(last_day()).into_iter().filter(|call| call.region == "cn-hangzhou").collect());
    let eve = day(1, LAST - 1);
    let stays = |call: &Call| !["1", "2", "3", "4"].contains(&call.user.as_str());
    write_day(&made.events(), eve, in_regions(usual_day(eve)).into_iter().filter(stays).collect());
    made.run(&["--date", &eve.to_string()]).expect_code(0);
    let open = |date: NaiveDate| -> BTreeSet<String> {
        let path = dated(&made.state().join("insights"), date).join("episodes.json");
        let episodes: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        episodes.iter().filter_map(|episode| Some(episode["open"]["id"].as_str()?.to_owned())).collect()
    };
    let before = open(eve);
    assert!(before.len() >= 4, "{before:?}");
    let (_, record) = made.judge(&[]);
    assert_eq!(flaws(&record, "silent_region").len(), 1);
    let (after, ended) = (open(day(1, LAST)), made.ended());
    assert!(before.iter().all(|id| after.contains(id) || ended.contains(id)), "{before:?} {after:?} {ended:?}");
}
