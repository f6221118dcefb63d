//! Events that come late, change or go: what had been reported is made good, or named where it is not, and in the end the state is
//! that of nights that had all events from the beginning.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use common::made::{Call, key_of, usual_day, write_day, write_days};
use common::{Outcome, assert_same_files, dated, day, files_below, insights, lasting, program};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::Value;

/// The first of the nights that are judged; two weeks lie before it.
fn night(number: u32) -> NaiveDate {
    day(1, 14) + chrono::Duration::days(i64::from(number))
}

/// A burst of user 7: three more calls a minute from ten to eleven.
fn burst() -> Vec<Call> {
    (36_000..39_600).step_by(20).map(|second| Call::usual(second, 7)).collect()
}

/// Events from the first day to a night, with a burst on some.
fn events(folder: &Path, last: u32, bursts: &[u32]) -> PathBuf {
    let events = folder.join("events");
    let has_burst = |date: NaiveDate| bursts.iter().any(|&number| night(number) == date);
    write_days(&events, day(1, 1), night(last), |date| if has_burst(date) { burst() } else { Vec::new() });
    events
}

/// Writes a night's events anew.
fn rewrite(events: &Path, number: u32, more: Vec<Call>) {
    write_day(events, night(number), usual_day(night(number)).into_iter().chain(more).collect());
}

fn run(events: &Path, state: &Path, nights: std::ops::RangeInclusive<u32>, more: &[&str]) -> Outcome {
    let (from, to) = (night(*nights.start()).to_string(), night(*nights.end()).to_string());
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--from", &from, "--to", &to];
    insights(arguments.iter().chain(&["--quiet", "--set", "baseline_days=14"]).chain(more)).expect_code(0)
}

/// What is told of a night and of its runs.
fn digest_of_runs(state: &Path, number: u32) -> Option<String> {
    fs::read_to_string(state.join("runs").join(format!("{}.md", night(number)))).ok()
}

/// The state of nights that have all events from the beginning.
fn quiet(folder: &Path, events: &Path, last: u32) -> BTreeMap<PathBuf, Vec<u8>> {
    let state = folder.join("quiet");
    run(events, &state, 1..=last, &[]);
    lasting(&state)
}

fn record(state: &Path, number: u32) -> Value {
    let text = fs::read_to_string(state.join("runs").join(format!("{}.json", night(number)))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Whether a night reports the key of user 7.
fn reports_the_key(state: &Path, number: u32) -> bool {
    let path = dated(&state.join("insights"), night(number)).join("insights.jsonl");
    fs::read_to_string(path).unwrap().contains(&format!("\"insightObject\":\"{}\"", key_of("7")))
}

#[test]
fn what_came_late_is_reported_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 3, &[]), folder.path().join("state"));
    run(&events, &state, 1..=2, &[]);
    assert!(!reports_the_key(&state, 1));
    rewrite(&events, 1, burst());
    let told = run(&events, &state, 3..=3, &["--fail-on", "critical"]).stdout;
    let (first, second) = (night(1), night(2));
    assert!(told.contains(&format!("{first} judged again, as the events of {first} have changed: ")), "{told}");
    assert!(told.contains(&format!("{second} judged again, as the events of {first} have changed")), "{told}");
    assert!(told.contains("added") && told.contains(&key_of("7")), "{told}");
    insta::assert_snapshot!("judged_again", told);
    assert!(reports_the_key(&state, 1));
    assert_same_files(&quiet(folder.path(), &events, 3), &lasting(&state));
    // Whoever reads in the morning what the last run did reads of it; so does whoever asks for the report of one of the nights.
    let (one, three) = (first.format("%a %-d %b"), night(3).format("%a %-d %b"));
    let told = format!("The night of {one} was judged again, as the events of {first} have changed: ");
    let digest = digest_of_runs(&state, 3).unwrap();
    assert!(digest.contains(&told) && digest.contains("added, "), "{digest}");
    let own = format!("This night was judged again in the run of {three}, as the events");
    assert!(digest_of_runs(&state, 1).unwrap().contains(&own));
    let date = night(3).to_string();
    let report = ["report", "--state", state.to_str().unwrap(), "--date", &date, "--format", "html"];
    let page = insights(report).expect_code(0).stdout;
    assert!(page.contains(&format!("href=\"{first}.html#insight-")) && page.contains(&told), "{page}");
    let range =
        ["report", "--state", state.to_str().unwrap(), "--from", &first.to_string(), "--to", &night(3).to_string()];
    let range = insights(range).expect_code(0).stdout;
    assert!(
        range.contains("Judged again\n") && range.contains(&format!("{one}, in the run of {three}, as the")),
        "{range}"
    );

    let own = record(&state, 1);
    let revision = &own["revisions"][0];
    assert_eq!(revision["in_run_of"], night(3).to_string());
    assert_eq!(revision["why"]["counts"][0], first.to_string());
    let added = revision["added"].as_array().unwrap();
    assert!(!added.is_empty() && revision["taken_back"].as_array().unwrap().is_empty(), "{revision}");
    let ids: Vec<&Value> = own["reported"].as_array().unwrap().iter().map(|reported| &reported["id"]).collect();
    assert!(added.iter().all(|id| ids.contains(&id)), "{own}");
    assert_eq!(record(&state, 3)["judged_again"], serde_json::json!([first, second]));
    let again = run(&events, &state, 3..=3, &[]).stdout;
    assert!(!again.contains("judged again,"), "what stands is left alone: {again}");
}

#[test]
fn what_turns_out_wrong_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[1]), folder.path().join("state"));
    run(&events, &state, 1..=1, &[]);
    assert!(reports_the_key(&state, 1));
    rewrite(&events, 1, Vec::new());
    let told = run(&events, &state, 2..=2, &["--format", "json"]).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let again = &told[0]["judged_again"][0]["run"];
    assert_eq!((&told[0]["run"]["date"], &again["date"]), (&night(2).to_string().into(), &night(1).to_string().into()));
    let taken_back = again["revisions"][0]["taken_back"].as_array().unwrap();
    assert!(taken_back.iter().any(|own| own["sentence"].as_str().unwrap().contains(&key_of("7"))), "{again}");
    assert!(!reports_the_key(&state, 1));
    assert_same_files(&quiet(folder.path(), &events, 2), &lasting(&state));
}

#[test]
fn alerts_that_come_and_go_with_late_events_are_told_beside_the_insights() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 4, &[]), folder.path().join("state"));
    run(&events, &state, 1..=2, &[]);
    let grant = |second| Call { service: "Ram", api: "AttachPolicyToUser", ..Call::usual(second, 7) };
    rewrite(&events, 2, vec![grant(40_000)]);
    let told = run(&events, &state, 3..=3, &[]).stdout;
    assert!(told.contains(&format!("{} judged again", night(2))) && told.contains("2 alerts added"), "{told}");
    assert!(told.contains("Permission granted or taken away: user name7 called Ram/AttachPolicyToUser"), "{told}");
    let own = record(&state, 2);
    let added = own["revisions"][0]["alerts"]["added"].as_array().unwrap();
    let ids: Vec<&Value> = own["reported_alerts"].as_array().unwrap().iter().map(|alert| &alert["id"]).collect();
    assert!(!added.is_empty() && added.iter().all(|id| ids.contains(&id)), "{own}");

    rewrite(&events, 2, vec![grant(40_000), grant(40_010)]);
    let told = run(&events, &state, 3..=3, &[]).stdout;
    assert!(told.contains("2 alerts changed"), "{told}");
    rewrite(&events, 2, Vec::new());
    let told = run(&events, &state, 3..=3, &[]).stdout;
    assert!(told.contains("2 alerts taken back"), "{told}");
    let revisions = record(&state, 2)["revisions"].as_array().unwrap().clone();
    assert_eq!(revisions.len(), 3);
    let gone = revisions[2]["alerts"]["taken_back"].as_array().unwrap();
    assert_eq!((gone.len(), &gone[0]["matches"]), (added.len(), &2.into()));
    assert_same_files(&quiet(folder.path(), &events, 3), &lasting(&state));
}

#[test]
fn an_older_change_is_counted_and_its_nights_are_named_with_what_mends_them() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 5, &[]), folder.path().join("state"));
    run(&events, &state, 1..=4, &[]);
    rewrite(&events, 1, burst());
    let told = run(&events, &state, 5..=5, &["--set", "late_window=3"]).stdout;
    let (first, last) = (night(1), night(5));
    let words = format!(
        "the nights {first} to {} were judged before the events of {first} changed; `insights run EVENTS --from {first} --to {last}`",
        night(4)
    );
    assert!(told.contains(&words), "{told}");
    assert!(!reports_the_key(&state, 1), "the night itself is left");
    let stale = record(&state, 5)["stale"].as_array().unwrap().clone();
    assert_eq!(stale.len(), 4);
    assert_eq!(record(&state, 5)["counted_days"], serde_json::json!([first, last]));
    let mended = run(&events, &state, 1..=5, &[]).stdout;
    assert!(mended.contains("since it was judged last: "), "{mended}");
    assert!(!mended.contains("were judged before"), "{mended}");
    assert_same_files(&quiet(folder.path(), &events, 5), &lasting(&state));
}

#[test]
fn a_night_judged_again_with_another_result_takes_the_next_ones_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 4, &[]), folder.path().join("state"));
    run(&events, &state, 1..=3, &[]);
    rewrite(&events, 2, burst());
    let told = run(&events, &state, 2..=2, &[]).stdout;
    assert!(
        told.contains(&format!("the night {} was judged before the events of {} changed", night(3), night(2))),
        "{told}"
    );
    run(&events, &state, 4..=4, &[]);
    assert_same_files(&quiet(folder.path(), &events, 4), &lasting(&state));
}

#[test]
fn a_night_that_nobody_asked_for_is_not_judged_by_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 3, &[]), folder.path().join("state"));
    run(&events, &state, 1..=1, &[]);
    rewrite(&events, 2, burst());
    run(&events, &state, 3..=3, &[]);
    assert!(!state.join("runs").join(format!("{}.json", night(2))).exists());
    assert!(!dated(&state.join("insights"), night(2)).exists());
}

#[test]
fn events_that_were_purged_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    // Every day also holds a few calls of the next, which count for that.
    let spilled = |_| (86_400..86_460).step_by(20).map(|second| Call::usual(second, 3)).collect();
    write_days(&events, day(1, 1), night(3), spilled);
    let state = folder.path().join("state");
    run(&events, &state, 1..=2, &[]);
    let rollups = |state: &Path| files_below(&state.join("rollups"));
    let before = rollups(&state);
    for date in day(1, 1).iter_days().take(6) {
        fs::remove_dir_all(dated(&events, date)).unwrap();
    }
    let told = run(&events, &state, 3..=3, &[]).stdout;
    assert!(!told.contains("judged again,") && !told.contains("judged before"), "{told}");
    let mut after = rollups(&state);
    let own = after.keys().filter(|path| path.starts_with(format!("date={}", night(3)))).cloned().collect::<Vec<_>>();
    for path in own {
        after.remove(&path);
    }
    assert_same_files(&before, &after);
    assert_eq!(record(&state, 3)["missing_days"], serde_json::json!([]));
}

#[test]
fn a_night_whose_own_events_are_gone_is_left_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 3, &[1]), folder.path().join("state"));
    run(&events, &state, 1..=2, &[]);
    let before = fs::read(dated(&state.join("insights"), night(1)).join("insights.jsonl")).unwrap();
    fs::remove_dir_all(dated(&events, night(1))).unwrap();
    write_day(&events, night(0), usual_day(night(0)).into_iter().chain(burst()).collect());
    let told = run(&events, &state, 3..=3, &[]).stdout;
    assert!(told.contains("what it was judged by is gone in part"), "{told}");
    assert!(told.contains(&format!("{} judged again", night(2))), "{told}");
    assert_eq!(fs::read(dated(&state.join("insights"), night(1)).join("insights.jsonl")).unwrap(), before);
}

#[test]
fn nights_judged_with_other_settings_are_named_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[]), folder.path().join("state"));
    run(&events, &state, 1..=1, &["--set", "min_excess=20"]);
    rewrite(&events, 1, burst());
    let told = run(&events, &state, 2..=2, &[]).stdout;
    let words =
        format!("the night {} was judged with other settings or by another version, and left as they are", night(1));
    assert!(told.contains(&words.replace("as they are", "as it is")), "{told}");
    assert!(!reports_the_key(&state, 1));
}

#[test]
fn a_night_that_was_killed_while_it_wrote_is_finished_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[1]), folder.path().join("state"));
    run(&events, &state, 1..=1, &[]);
    fs::write(dated(&state.join("insights"), night(1)).join("insights.jsonl"), "").unwrap();
    fs::write(state.join("runs").join(format!("{}.unfinished", night(1))), "").unwrap();
    let told = run(&events, &state, 2..=2, &[]).stdout;
    let words = format!("{} judged again, as the run that began it was ended in the middle", night(1));
    assert!(told.contains(&words), "{told}");
    assert_same_files(&quiet(folder.path(), &events, 2), &lasting(&state));
    assert!(!state.join("runs").join(format!("{}.unfinished", night(1))).exists());
}

#[test]
fn days_that_were_missed_are_caught_up_with() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 4, &[2]), folder.path().join("state"));
    let catch_up = || {
        let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--catch-up", "--quiet"];
        insights(words.iter().chain(&["--set", "baseline_days=14"])).expect_code(0).stdout
    };
    run(&events, &state, 1..=1, &[]);
    let told = catch_up();
    let judged = |number: u32| told.contains(&format!("{}: ", night(number)));
    assert_eq!([1, 2, 3, 4].map(judged), [false, true, true, true], "{told}");
    assert_same_files(&quiet(folder.path(), &events, 4), &lasting(&state));
    let overdue = |number: u32| {
        digest_of_runs(&state, number).is_some_and(|digest| digest.contains("mind: the newest partition is of "))
    };
    assert_eq!([2, 3, 4].map(overdue), [false, false, true]);
    let again = catch_up();
    assert!(again.starts_with(&format!("{}: ", night(4))), "nothing was missed: {again}");
}

#[test]
fn only_what_is_new_in_earlier_nights_counts_for_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 3, &[1]), folder.path().join("state"));
    run(&events, &state, 1..=2, &[]);
    let arguments = |number: u32| -> Vec<String> {
        let (events, state, date) = (events.to_str().unwrap(), state.to_str().unwrap(), night(number).to_string());
        let words = ["run", events, "--state", state, "--date", &date, "--quiet", "--fail-on", "medium"];
        words.iter().map(|word| (*word).to_owned()).chain(["--set".to_owned(), "baseline_days=14".to_owned()]).collect()
    };
    // One more call of the same burst: what was reported is changed, and not new.
    rewrite(&events, 1, burst().into_iter().chain([Call::usual(38_000, 7)]).collect());
    insights(arguments(3)).expect_code(0);
    rewrite(&events, 2, burst());
    insights(arguments(3)).expect_code(1);
}

#[test]
fn the_state_is_the_same_elsewhere_in_another_zone_and_with_rollups_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 3, &[1, 2]), folder.path().join("state"));
    let expected = quiet(folder.path(), &events, 3);
    for number in 1..=3 {
        run(&events, &state, number..=number, &["--threads", "1"]);
    }
    assert_same_files(&expected, &lasting(&state));
    fs::remove_dir_all(state.join("rollups")).unwrap();
    let moved = folder.path().join("moved/events");
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(&events, &moved).unwrap();
    let date = night(3).to_string();
    let words = ["run", moved.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    let mut command = program();
    command.args(words).args(["--set", "baseline_days=14", "--threads", "2"]).env("TZ", "Asia/Kathmandu");
    let told = Outcome::from(command.current_dir(folder.path()).output().unwrap()).expect_code(0).stdout;
    assert!(!told.contains("judged again,"), "the same events elsewhere are no change: {told}");
    assert_same_files(&expected, &lasting(&state));
}

#[test]
fn a_night_that_knew_more_is_kept_when_its_events_are_gone_or_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[1]), folder.path().join("state"));
    run(&events, &state, 1..=1, &[]);
    let before = lasting(&state);
    let asked = night(1).to_string();
    let again = |state: &Path| {
        let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &asked];
        insights(arguments.iter().chain(&["--quiet", "--set", "baseline_days=14"]))
    };
    let file = fs::read_dir(dated(&events, night(1))).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    again(&state).expect_code(3).expect_said(&[
        "was judged before, and its events cannot be read",
        "is kept",
        "put the events back",
    ]);
    assert_same_files(&before, &lasting(&state));
    fs::remove_dir_all(dated(&events, night(1))).unwrap();
    again(&state).expect_code(3).expect_said(&["was judged before, and its events are gone", "is kept"]);
    assert_same_files(&before, &lasting(&state));
}

#[test]
fn a_night_of_counts_alone_tells_what_was_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[1]), folder.path().join("state"));
    let arguments = ["rollup", events.to_str().unwrap(), "--state", state.to_str().unwrap()];
    insights(arguments).expect_code(0);
    fs::remove_dir_all(dated(&events, night(1))).unwrap();
    let asked = night(1).to_string();
    let arguments = [
        "run",
        events.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
        "--date",
        &asked,
        "--set",
        "baseline_days=14",
    ];
    let told = insights(arguments).expect_code(0).stdout;
    assert!(told.contains("the events of this day are gone; its rollup was used"), "{told}");
    assert!(reports_the_key(&state, 1));
    let lines = fs::read_to_string(dated(&state.join("insights"), night(1)).join("insights.jsonl")).unwrap();
    assert!(
        !lines.contains("made 0 calls") && !lines.contains("called 0 times") && !lines.contains("with  "),
        "{lines}"
    );
    let key = lines.lines().find(|line| line.contains(&format!("\"insightObject\":\"{}\"", key_of("7")))).unwrap();
    assert!(key.contains(" calls"), "{key}");
}

/// Catches up, with the metrics of the run.
fn catch_up(events: &Path, state: &Path, code: i32) -> (Outcome, String) {
    let metrics = state.with_extension("prom");
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--catch-up", "--quiet"];
    let more = ["--set", "baseline_days=14", "--metrics", metrics.to_str().unwrap()];
    let told = insights(words.iter().chain(&more)).expect_code(code);
    (told, fs::read_to_string(metrics).unwrap())
}

#[test]
fn a_day_that_cannot_be_read_stops_no_later_night_and_is_judged_when_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 4, &[2]), folder.path().join("state"));
    run(&events, &state, 1..=1, &[]);
    let damaged = dated(&events, night(2)).join("part-0000.parquet");
    let whole = fs::read(&damaged).unwrap();
    fs::write(&damaged, "garbage that is no Parquet at all").unwrap();
    let is_judged = |number: u32| state.join("runs").join(format!("{}.json", night(number))).exists();
    // The second time nothing is new, and it is still damaged.
    for _ in 0..2 {
        let (told, metrics) = catch_up(&events, &state, 4);
        let said = format!("! {} is left out: nothing of {} can be used: ", night(2), night(2));
        let told = told.expect_said(&[&said, "does not end like a Parquet file"]).stdout;
        assert!(told.contains(&format!("{}: ", night(4))) && told.contains(&format!("date={}/part-0000", night(2))));
        assert_eq!([2, 3, 4].map(is_judged), [false, true, true]);
        assert!(metrics.contains("insights_left_out_days 1\n") && metrics.contains("insights_run_success 1\n"));
    }
    let date = night(2).to_string();
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    insights(words).expect_code(3).expect_said(&["error: nothing of ", "hint: mend or replace the files"]);

    fs::write(&damaged, whole).unwrap();
    let (told, metrics) = catch_up(&events, &state, 0);
    assert!(told.stdout.contains(&format!("{} judged again, as the events of {} ", night(3), night(2))), "{told:?}");
    assert!(is_judged(2) && reports_the_key(&state, 2) && metrics.contains("insights_left_out_days 0\n"));
    assert_same_files(&quiet(folder.path(), &events, 4), &lasting(&state));
    let (told, _) = catch_up(&events, &state, 0);
    assert!(told.stdout.starts_with(&format!("{}: ", night(4))), "it is left out no more: {}", told.stdout);
}

#[test]
fn a_range_of_which_nothing_can_be_used_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[]), folder.path().join("state"));
    for number in 1..=2 {
        fs::write(dated(&events, night(number)).join("part-0000.parquet"), "garbage").unwrap();
    }
    let (from, to) = (night(1).to_string(), night(2).to_string());
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--from", &from, "--to", &to];
    let said = [&format!("! {from} is left out: ")[..], &format!("error: nothing of {to} can be used: date={to}/")];
    insights(words).expect_code(3).expect_said(&said);
}

#[test]
fn counts_that_are_damaged_are_made_anew_while_the_events_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[1]), folder.path().join("state"));
    run(&events, &state, 1..=2, &[]);
    let rollup = dated(&state.join("rollups"), night(0)).join("rollup.parquet");
    let pairs = dated(&state.join("rollups"), night(1)).join("pairs.parquet");
    let before = lasting(&state);
    fs::write(&rollup, "").unwrap();
    fs::write(&pairs, "garbage that is no Parquet at all").unwrap();
    let told = run(&events, &state, 2..=2, &[]).stdout;
    for (name, date) in [("rollup", night(0)), ("pairs", night(1))] {
        let said =
            format!("`rollups/date={date}/{name}.parquet` was damaged, and was made anew from the events of {date}");
        // The summary breaks its lines.
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(&said), "{told}");
    }
    assert_same_files(&before, &lasting(&state));
    fs::write(&rollup, "").unwrap();
    let words = ["rollup", events.to_str().unwrap(), "--state", state.to_str().unwrap()];
    insights(words).expect_code(0).expect_said(&["rollup.parquet` was damaged, and was made anew"]);
    assert_same_files(&before, &lasting(&state));

    fs::remove_dir_all(dated(&events, night(0))).unwrap();
    fs::write(&rollup, "").unwrap();
    let date = night(2).to_string();
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    insights(words).expect_code(3).expect_said(&["rollup.parquet", "put them back"]);
    assert!(rollup.exists(), "what cannot be made anew is left");
}

#[test]
fn a_file_that_stands_twice_is_counted_once_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[1]), folder.path().join("state"));
    let once = quiet(folder.path(), &events, 2);
    let own = |name: &str| dated(&events, night(2)).join(name);
    fs::copy(own("part-0000.parquet"), own("part-0001.parquet")).unwrap();
    fs::copy(own("part-0000.parquet"), dated(&events, night(1)).join("other.parquet")).unwrap();
    fs::copy(own("part-0000.parquet"), events.join("backup.parquet")).unwrap();
    let date = night(2).to_string();
    let run = |state: &Path| {
        let (from, to) = (night(1).to_string(), night(2).to_string());
        let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--from", &from, "--to", &to];
        insights(words.iter().chain(&["--quiet", "--set", "baseline_days=14"])).expect_code(4)
    };
    let told = run(&state).stdout;
    let original = format!("holds the same as `date={date}/part-0000.parquet`, to the byte");
    for copy in [
        format!("date={date}/part-0001.parquet"),
        format!("date={}/other.parquet", night(1)),
        "backup.parquet".to_owned(),
    ] {
        let problems = record(&state, 2)["problems"].as_array().unwrap().clone();
        let named =
            problems.iter().find(|problem| problem["file"] == *copy).unwrap_or_else(|| panic!("{copy}: {told}"));
        assert!(named["message"].as_str().unwrap().starts_with(&original), "{named}");
        assert!(told.contains(&copy), "{told}");
    }
    // The pages name the copies.
    let without_pages = |mut files: BTreeMap<PathBuf, Vec<u8>>| {
        files.retain(|path, _| !path.starts_with("reports"));
        files
    };
    assert_same_files(&without_pages(once), &without_pages(lasting(&state)));
    // Whoever asks about the events counts them once as well.
    let count = |code: i32| {
        let words = [
            "query",
            events.to_str().unwrap(),
            "--from",
            &date,
            "--to",
            &date,
            "--count-by",
            "service",
            "--format",
            "csv",
        ];
        insights(words).expect_code(code).stdout
    };
    let twice = count(4);
    for copy in
        [own("part-0001.parquet"), dated(&events, night(1)).join("other.parquet"), events.join("backup.parquet")]
    {
        fs::remove_file(copy).unwrap();
    }
    assert_eq!(twice, count(0));
}

/// Takes a night's whole partition away, and puts it back.
fn without(folder: &Path, events: &Path, number: u32) -> impl Fn() {
    let (own, aside) = (dated(events, night(number)), folder.join(format!("aside-{number}")));
    fs::rename(&own, &aside).unwrap();
    move || fs::rename(&aside, &own).unwrap()
}

#[test]
fn a_whole_day_that_comes_late_is_judged_as_late_and_the_nights_after_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 4, &[2]), folder.path().join("state"));
    let come = without(folder.path(), &events, 2);
    run(&events, &state, 1..=3, &[]);
    come();
    let date = night(4).to_string();
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date, "--quiet"];
    let more = ["--set", "baseline_days=14", "--fail-on", "medium"];
    let told = insights(words.iter().chain(&more)).expect_code(1).stdout;
    let late = format!("{} judged late, as no run had judged it, though later nights were judged: ", night(2));
    assert!(told.contains(&late) && told.contains(&key_of("7")), "{told}");
    assert!(told.contains(&format!("{} judged again, as the events of {} have changed", night(3), night(2))), "{told}");
    assert!(reports_the_key(&state, 2));
    assert_same_files(&quiet(folder.path(), &events, 4), &lasting(&state));

    let own = record(&state, 2);
    let (revision, reported) = (&own["revisions"][0], own["reported"].as_array().unwrap());
    assert_eq!((&revision["why"], &revision["in_run_of"]), (&"came_late".into(), &date.clone().into()));
    assert!(!reported.is_empty() && revision["added"].as_array().unwrap().len() == reported.len(), "{own}");
    let digest = digest_of_runs(&state, 2).unwrap();
    assert!(digest.contains("This night was judged late in the run of "), "{digest}");
    assert!(digest_of_runs(&state, 4).unwrap().contains(" was judged late, as no run had judged it"));
    let again = insights(words.iter().chain(&more)).expect_code(0).stdout;
    assert!(!again.contains("judged late") && !again.contains("judged again,"), "what stands is left alone: {again}");
}

#[test]
fn a_whole_day_that_comes_too_late_is_counted_and_named_with_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 6, &[2]), folder.path().join("state"));
    let come = without(folder.path(), &events, 2);
    run(&events, &state, 1..=1, &[]);
    run(&events, &state, 3..=5, &[]);
    come();
    let told = run(&events, &state, 6..=6, &["--set", "late_window=3"]).stdout;
    let words = format!(
        "the night {} was not judged, as the events came after later nights had been judged; `insights run EVENTS --from {} --to {}` judges what was not",
        night(2),
        night(2),
        night(6)
    );
    assert!(told.contains(&words), "{told}");
    assert!(
        told.contains(&format!("the nights {} to {} were judged before the events of ", night(3), night(5))),
        "{told}"
    );
    assert!(dated(&state.join("rollups"), night(2)).exists() && !dated(&state.join("insights"), night(2)).exists());
    assert_eq!(record(&state, 6)["stale"].as_array().unwrap().len(), 4);
    let mended = run(&events, &state, 2..=6, &[]).stdout;
    assert!(!mended.contains("judged before") && !mended.contains("was not judged"), "{mended}");
    assert_same_files(&quiet(folder.path(), &events, 6), &lasting(&state));
}

#[test]
fn whole_days_late_in_any_order_end_as_quiet_nights() {
    const LAST: u32 = 6;
    for seed in 1..=4 {
        let folder = tempfile::tempdir().unwrap();
        let (events, state) = (events(folder.path(), LAST, &[1, 2, 4]), folder.path().join("state"));
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        // The days between the first night and the last come up to three evenings late, in whatever order.
        let mut waiting: Vec<(u32, NaiveDate)> = (2..LAST)
            .map(|number| (number + random.random_range(0..4), night(number)))
            .chain([(1, night(1)), (LAST, night(LAST))])
            .collect();
        for (_, date) in &waiting {
            fs::rename(dated(&events, *date), folder.path().join(date.to_string())).unwrap();
        }
        for evening in 1..=LAST + 3 {
            waiting.retain(|(comes, date)| {
                let comes = *comes <= evening;
                if comes {
                    fs::rename(folder.path().join(date.to_string()), dated(&events, *date)).unwrap();
                }
                !comes
            });
            // Everybody begins with the same night.
            if evening == 1 { drop(run(&events, &state, 1..=1, &[])) } else { drop(catch_up(&events, &state, 0)) }
        }
        assert_same_files(&quiet(folder.path(), &events, LAST), &lasting(&state));
    }
}

#[test]
fn what_late_events_make_graver_counts_for_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 2, &[]), folder.path().join("state"));
    let attach =
        |second, parameters| Call { service: "Ram", api: "AttachPolicyToUser", parameters, ..Call::usual(second, 7) };
    let reading = attach(36_000, r#"{"PolicyName":"ReadOnlyAccess","UserName":"bob"}"#);
    let all = attach(39_600, r#"{"PolicyName":"AdministratorAccess","UserName":"bob"}"#);
    rewrite(&events, 1, vec![reading.clone()]);
    let judge = |number: u32, code: i32| {
        let date = night(number).to_string();
        let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date, "--quiet"];
        insights(words.iter().chain(&["--set", "baseline_days=14", "--fail-on", "critical"])).expect_code(code).stdout
    };
    judge(1, 0);
    rewrite(&events, 1, vec![reading, all]);
    let told = judge(2, 1);
    assert!(
        told.contains(&format!("{} judged again", night(1))) && told.contains("1 insight changed (1 more severe)"),
        "{told}"
    );
    assert_eq!(record(&state, 1)["revisions"][0]["raised"].as_array().unwrap().len(), 1);
    judge(2, 0);
}

#[test]
fn what_a_night_left_and_is_damaged_is_made_anew_by_judging_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (events(folder.path(), 8, &[2, 3, 4]), folder.path().join("state"));
    let trail = Call {
        service: "Actiontrail",
        api: "UpdateTrail",
        parameters: r#"{"Name":"t","EventRW":"All"}"#,
        ..Call::usual(40_000, 5)
    };
    rewrite(&events, 1, vec![trail]);
    run(&events, &state, 1..=7, &[]);
    let files = [
        (1, format!("trail_settings/{}.json", night(1))),
        (7, format!("trail_settings/{}.json", night(7))),
        (7, format!("insights/date={}/episodes.json", night(7))),
        (7, format!("alerting/date={}/carry.json", night(7))),
    ];
    let whole = quiet(folder.path(), &events, 8);
    // The newest settings of a trail are what counts.
    for number in 2..=7 {
        fs::remove_file(state.join(format!("trail_settings/{}.json", night(number)))).unwrap();
    }
    for (number, file) in files {
        if number == 7 {
            run(&events, &state, 1..=7, &[]);
        }
        fs::write(state.join(&file), b"[{\xff").unwrap();
        let told = run(&events, &state, 8..=8, &[]).stdout;
        let said = format!("`{file}` was damaged, and {} was judged again to make it anew: ", night(number));
        assert!(told.contains(&said), "{told}");
        if number == 7 {
            assert_same_files(&whole, &lasting(&state));
        }
    }
    fs::write(state.join(format!("trail_settings/{}.json", night(7))), "[{").unwrap();
    fs::remove_dir_all(dated(&events, night(7))).unwrap();
    let date = night(8).to_string();
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    let hint = format!("hint: `insights run EVENTS --date {}` makes it anew", night(7));
    insights(words.iter().chain(&["--set", "baseline_days=14"]))
        .expect_code(3)
        .expect_said(&[&hint, "EOF while parsing"]);
}
