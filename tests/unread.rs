//! Events that are there and cannot be read: no silence, no drops, no history of low counts; counted again once they can be read, though
//! nothing tells a file that was put right in its place from what it was but its bytes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use common::made::{Call, key_of, usual_day, write_day, write_days, write_part};
use common::{Outcome, assert_same_files, dated, day, insights, lasting};
use serde_json::Value;

/// The first of the nights that are judged; two weeks lie before it.
fn night(number: u32) -> NaiveDate {
    day(1, 14) + chrono::Duration::days(i64::from(number))
}

/// Inverts all that a Parquet file holds before its footer: size and footer stay what they are.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let tail = bytes.len() - 8;
    let footer = u32::from_le_bytes(bytes[tail..tail + 4].try_into().unwrap()) as usize;
    bytes[4..tail - footer].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(path, bytes).unwrap();
}

/// A folder with events, in which the day of night 2 is in two files: the second holds the calls of fourteen of twenty people. On the
/// day before somebody touches the trail; on the day itself user 3, who is in the first file, makes three more calls a minute for an hour.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        write_days(&made.events(), day(1, 1), night(4), |_| Vec::new());
        let touched = Call { service: "Actiontrail", api: "UpdateTrail", ..Call::usual(40_000, 5) };
        write_day(&made.events(), night(1), usual_day(night(1)).into_iter().chain([touched]).collect());
        let burst = (36_000..39_600).step_by(20).map(|second| Call::usual(second, 3));
        let all = usual_day(night(2)).into_iter().chain(burst);
        let (first, second) = all.partition(|call: &Call| call.user.parse::<u32>().unwrap() <= 6);
        write_part(&made.events(), night(2), 0, first);
        write_part(&made.events(), night(2), 1, second);
        made
    }

    fn events(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn part(&self, number: u32) -> PathBuf {
        dated(&self.events(), night(2)).join(format!("part-{number:04}.parquet"))
    }

    fn run_into(&self, state: &Path, more: &[&str]) -> Outcome {
        let events = self.events();
        let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--quiet"];
        insights(words.iter().chain(&["--set", "baseline_days=14"]).chain(more))
    }

    fn nights(&self, nights: std::ops::RangeInclusive<u32>, code: i32) -> Outcome {
        let (from, to) = (night(*nights.start()).to_string(), night(*nights.end()).to_string());
        self.run_into(&self.state(), &["--from", &from, "--to", &to]).expect_code(code)
    }

    fn record(&self, number: u32) -> Value {
        let path = self.state().join("runs").join(format!("{}.json", night(number)));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// What is said of a night's insights.
    fn told(&self, number: u32) -> Vec<String> {
        let reported = self.record(number)["reported"].as_array().unwrap().clone();
        reported.iter().map(|reported| reported["sentence"].as_str().unwrap().to_owned()).collect()
    }

    /// The state must be that of nights whose events could all be read from the beginning. The page of the night before one with a file that
    /// cannot be read, `named`, goes on naming that file, which may have held events of its day.
    #[track_caller]
    fn assert_as_if_nothing_had_been(&self, named: Option<NaiveDate>) {
        let quiet = self.folder.path().join("quiet");
        let (from, to) = (night(1).to_string(), night(4).to_string());
        self.run_into(&quiet, &["--from", &from, "--to", &to]).expect_code(0);
        let pages = ["html", "md"].map(|kind| named.map(|night| format!("reports/{night}.{kind}")));
        let is_one = |path: &Path| pages.iter().flatten().any(|page| path == Path::new(page));
        let of = |state: &Path| lasting(state).into_iter().filter(|(path, _)| !is_one(path)).collect();
        assert_same_files(&of(&quiet), &of(&self.state()));
    }
}

fn flaw<'record>(record: &'record Value, kind: &str) -> Option<&'record Value> {
    record["quality"].as_array().unwrap().iter().find(|flaw| flaw["kind"] == kind)
}

#[test]
fn a_day_of_which_no_row_can_be_read_is_left_out_and_judged_when_it_is_put_right() {
    let made = Made::new();
    let whole = [0, 1].map(|part| fs::read(made.part(part)).unwrap());
    [0, 1].into_iter().for_each(|part| damage(&made.part(part)));
    let told = made.nights(1..=3, 4);
    let said = format!("! {} is left out: nothing of {} can be used: ", night(2), night(2));
    told.expect_said(&[&said, "rows of row group 0 were not read"]);
    assert!(!made.state().join("runs").join(format!("{}.json", night(2))).exists(), "it was not judged");
    assert_eq!(made.told(3), [""; 0], "the trail was touched before, and nothing fell silent");
    let warnings = made.record(3)["warnings"].to_string();
    assert!(
        warnings.contains(&format!("events of {} could not be read: such hours are masked", night(2))),
        "{warnings}"
    );

    for (part, bytes) in (0..).zip(whole) {
        fs::write(made.part(part), bytes).unwrap();
    }
    let told = made.run_into(&made.state(), &["--catch-up"]).expect_code(0).stdout;
    assert!(
        told.contains(&format!("{}: ", night(2))) && told.contains(&format!("{} judged again, as ", night(3))),
        "{told}"
    );
    made.assert_as_if_nothing_had_been(None);
}

/// Judges the nights with a second file that cannot be read, which `damage` made, and once more when it can.
#[track_caller]
fn judge_by_half(damage: impl Fn(&Path)) {
    let made = Made::new();
    let whole = fs::read(made.part(1)).unwrap();
    damage(&made.part(1));
    made.nights(1..=2, 4);
    let told = made.told(2);
    assert!(told.iter().any(|sentence| sentence.contains(&key_of("3"))), "what rose rose: {told:#?}");
    assert!(!told.iter().any(|sentence| sentence.contains(" only ")), "nothing is known to have dropped: {told:#?}");
    let record = made.record(2);
    let unread = flaw(&record, "unread_events").unwrap();
    assert_eq!((&unread["effect"], unread["where"]["hours"].as_array().unwrap().len()), (&"not_judged".into(), 24));
    assert_eq!(unread["where"]["files"], serde_json::json!([format!("date={}/part-0001.parquet", night(2))]));
    assert_eq!(flaw(&record, "silent_hours"), None);
    // As long as it stays as it is it is counted no more, and the day after is no rise against it.
    made.nights(3..=3, 4);
    assert_eq!((made.told(3), &made.record(3)["counted_days"]), (Vec::new(), &serde_json::json!([night(3)])));

    fs::write(made.part(1), whole).unwrap();
    let told = made.nights(4..=4, 0).stdout;
    assert!(told.contains(&format!("{} judged again, as the events of {} have changed", night(2), night(2))), "{told}");
    made.assert_as_if_nothing_had_been(Some(night(1)));
}

#[test]
fn a_day_with_a_file_that_was_cut_short_tells_rises_and_no_drops_until_it_is_whole() {
    judge_by_half(|path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
}

#[test]
fn a_day_with_damaged_pages_tells_rises_and_no_drops_until_they_are_put_right() {
    judge_by_half(damage);
}

#[test]
fn a_file_that_cannot_be_read_and_is_taken_away_is_missed_no_more() {
    let made = Made::new();
    let junk = dated(&made.events(), night(3)).join("junk.parquet");
    fs::write(&junk, "").unwrap();
    made.nights(1..=3, 4);
    assert!(flaw(&made.record(3), "unread_events").is_some());
    fs::remove_file(junk).unwrap();
    made.nights(4..=4, 0);
    made.assert_as_if_nothing_had_been(Some(night(2)));
}
