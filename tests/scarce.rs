//! Runs that are short of something: killed while they count on the disk what memory does not hold, in need of a disk that is full, with more
//! names in the input than memory holds. Nothing half-written stays, what is wrong is named with what to do, and the next run comes to the same
//! bytes as an undisturbed one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use common::made::{Call, usual_day, write_day, write_days};
use common::{Outcome, assert_same_files, day, files_below, insights, program};

/// More names than are held in memory, whatever the cap.
const NAMES: u32 = 530_000;
/// So many names of a family are told.
const CAP: &str = "max_entities=1000";

/// Calls of people whom nobody knows, each from an address and with a key of its own, in one hour.
fn strangers(names: u32) -> impl Iterator<Item = Call> {
    (0..names).map(move |number| Call {
        address: format!("{}.{}.{}.9", 1 + (number >> 16), number >> 8 & 255, number & 255),
        user: format!("stranger{number:06}"),
        ..Call::usual(40_000 + i64::from(number) * 3600 / i64::from(names), 0)
    })
}

/// What lasts of a state: neither when a run was nor who holds the lock.
fn lasting(state: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files_below(state);
    files.retain(|path, _| !path.starts_with("runs") && path != Path::new("lock") && !path.starts_with("reports"));
    files
}

fn night() -> NaiveDate {
    day(1, 16)
}

/// A fortnight of usual days; on the last somebody does more than that.
fn history(events: &Path, last: impl Fn() -> Vec<Call>) {
    write_days(events, day(1, 1), night(), |date| if date == night() { last() } else { Vec::new() });
}

fn night_of(events: &Path, state: &Path) -> Vec<String> {
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", "2026-01-16"];
    words.iter().chain(&["--set", "baseline_days=14", "--set", CAP]).map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_count_on_the_disk_that_is_killed_leaves_nothing_and_the_next_comes_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_day(&path("events"), night(), usual_day(night()).into_iter().chain(strangers(NAMES)).collect());
    let count = |state: &Path| -> Command {
        let mut command = program();
        command.arg("rollup").arg(path("events")).arg("--state").arg(state).args(["--threads", "1", "--set", CAP]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let begun = Instant::now();
    assert!(count(&path("undisturbed")).status().unwrap().success());
    let whole = begun.elapsed();
    let mut killed = 0;
    for part in 1..8_u32 {
        let mut child = count(&path("state")).spawn().unwrap();
        std::thread::sleep((whole * part / 9).max(Duration::from_millis(2)));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
        let left: Vec<PathBuf> =
            files_below(&path("state")).into_keys().filter(|left| left != Path::new("lock")).collect();
        assert!(left.is_empty() || left.iter().all(|left| left.starts_with("rollups")), "{left:?}");
    }
    assert!(killed > 2, "only {killed} were killed in time");
    assert!(count(&path("state")).status().unwrap().success());
    assert_same_files(&files_below(&path("undisturbed").join("rollups")), &files_below(&path("state").join("rollups")));
    assert_eq!(files_below(&path("state")).into_keys().filter(|left| !left.starts_with("rollups")).count(), 1);
}

/// Runs the program in a process in which no file can grow beyond so many blocks of a kibibyte: as on a full disk, the write fails that
/// would go beyond.
fn with_room_for(blocks: u32, arguments: &[String]) -> Outcome {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ulimit -f {blocks} && exec \"$@\""), "shell"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("INSIGHTS_")) {
        command.env_remove(name);
    }
    command.arg(env!("CARGO_BIN_EXE_insights")).args(arguments);
    command.stdin(Stdio::null()).output().unwrap().into()
}

#[test]
fn whatever_file_has_no_room_is_named_with_what_to_do_and_made_good_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let thief = || {
        let stolen =
            |second: i64| Call { address: "203.0.113.66".to_owned(), agent: "thief/1.0", ..Call::usual(second, 7) };
        (40_200..42_000).step_by(3).map(stolen).collect()
    };
    history(&path("events"), thief);
    insights(night_of(&path("events"), &path("undisturbed"))).expect_code(0);
    let sizes: Vec<u32> = files_below(&path("undisturbed")).values().map(|file| (file.len() / 1024) as u32).collect();
    let largest = sizes.iter().max().copied().unwrap();
    let mut named = std::collections::BTreeSet::new();
    // With ever more room the run fails at ever later files.
    let mut room = 0;
    while room <= largest {
        let outcome = with_room_for(room, &night_of(&path("events"), &path("state")));
        assert_eq!(outcome.code, Some(3), "{room} KiB: {}{}", outcome.stdout, outcome.stderr);
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
        let place = outcome.stderr.split('`').nth(1).unwrap_or_default().to_owned();
        let own = place.strip_prefix(path("state").to_str().unwrap()).unwrap_or_else(|| panic!("{}", outcome.stderr));
        assert!(outcome.stderr.contains("cannot write") && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
        named.extend(own.split('/').nth(1).map(str::to_owned));
        let left: Vec<PathBuf> = files_below(&path("state")).into_keys().collect();
        // That a run was not finished is noted under `runs`, and nothing else is left of it.
        let is_half = |left: &&PathBuf| left.to_string_lossy().contains("unfinished") && !left.starts_with("runs");
        assert!(!left.iter().any(|left| is_half(&left)), "{left:?}");
        room += 1 + room / 4;
    }
    assert!(["rollups", "insights", "reports"].iter().all(|place| named.contains(*place)), "{named:?}");
    insights(night_of(&path("events"), &path("state"))).expect_code(0);
    assert_same_files(&lasting(&path("undisturbed")), &lasting(&path("state")));
}

#[test]
fn a_count_that_the_disk_has_no_room_for_is_named_and_made_good_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_day(&path("events"), night(), usual_day(night()).into_iter().chain(strangers(NAMES)).collect());
    let count = |state: &Path| -> Vec<String> {
        let words = ["rollup", path("events").to_str().unwrap(), "--state", state.to_str().unwrap(), "--set", CAP]
            .map(str::to_owned);
        words.to_vec()
    };
    insights(count(&path("undisturbed"))).expect_code(0);
    let scarce = with_room_for(1000, &count(&path("state"))).expect_code(3);
    let state = format!("cannot write `{}", path("state").display());
    scarce.expect_said(&[&state, "File too large", "hint: "]);
    assert_eq!(files_below(&path("state")).into_keys().collect::<Vec<_>>(), [Path::new("lock")]);
    insights(count(&path("state"))).expect_code(0);
    assert_same_files(&files_below(&path("undisturbed").join("rollups")), &files_below(&path("state").join("rollups")));
}

/// Runs the program and gives the most memory that it held, in MiB.
#[cfg(target_os = "linux")]
fn peak(arguments: &[String], metrics: &Path) -> u64 {
    let outcome = insights(arguments.iter().map(String::as_str).chain(["--metrics", metrics.to_str().unwrap()]));
    outcome.expect_code(0);
    let told = fs::read_to_string(metrics).unwrap();
    let line = told.lines().find(|line| line.starts_with("insights_run_peak_memory_bytes ")).unwrap();
    line.split(' ').nth(1).unwrap().parse::<f64>().unwrap() as u64 >> 20
}

/// The night is about an API that half a million strangers called, each once; who they were is in its events.
#[cfg(target_os = "linux")]
#[test]
fn names_by_the_million_do_not_stay_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    history(&path("few"), || {
        strangers(1000).flat_map(|call| std::iter::repeat_n(call, NAMES as usize / 1000)).collect()
    });
    history(&path("many"), || strangers(NAMES).collect());
    let few = peak(&night_of(&path("few"), &path("state_of_few")), &path("few.prom"));
    let many = peak(&night_of(&path("many"), &path("state_of_many")), &path("many.prom"));
    let found = fs::read_to_string(path("state_of_many").join("insights/date=2026-01-16/insights.jsonl")).unwrap();
    assert!(found.contains("\"insightObject\":\"DescribeInstances\""), "{found}");
    // All names of all families take 250 MiB, and more than twice that where each is looked up by it.
    assert!(many < few + 400, "{many} MiB, where few names take {few}");
}
