//! Whatever stands in the events folder, a run ends with the right exit code and says what it could not use, by name.
//!
//! 0 done, 2 usage or settings, 3 nothing readable or writable, 4 part unreadable. Never a panic, never a silent gap; and a
//! process that is killed at any moment leaves a state from which the next run gives what an undisturbed one would have.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use common::{
    Outcome, assert_same_files, dated, day, files_below, generate_quiet, insights, midnight, program, read_day,
    write_parquet,
};
use insights::storage::StateLock;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

const HOUR: i64 = 3_600_000;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.events()).unwrap();
        place
    }

    fn events(&self) -> PathBuf {
        self.0.path().join("events")
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn file(&self, name: &str) -> PathBuf {
        let path = dated(&self.events(), day(1, 5)).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// A file of ten good rows.
    fn good(&self, name: &str) -> PathBuf {
        let path = self.file(name);
        let times = (0..10).map(|hour| midnight(day(1, 5)) + hour * HOUR);
        write_parquet(&path, &rows(milliseconds(times), texts(10, Some("RunInstances"))), WriterProperties::default());
        path
    }

    /// Runs a subcommand on the events; the temporary folder's name is taken out of what it says.
    fn start(&self, arguments: &[&str]) -> Outcome {
        let (events, state) = (self.events(), self.state());
        let [subcommand, more @ ..] = arguments else { panic!("a subcommand is needed") };
        let all = [subcommand, events.to_str().unwrap(), "--state", state.to_str().unwrap()];
        let mut outcome = insights(all.iter().chain(more));
        let own = self.0.path().to_str().unwrap();
        outcome.stdout = outcome.stdout.replace(own, "");
        outcome.stderr = outcome.stderr.replace(own, "");
        outcome
    }

    /// `run` for the day and `rollup` must come to the same exit code, and both say so.
    fn both(&self, code: i32, words: &[&str]) {
        self.start(&["rollup"]).expect_code(code).expect_said(words);
        let night = self.start(&["run", "--date", "2026-01-05"]).expect_code(code);
        // A night prints what it could not use as part of its result.
        let said = format!("{}{}", night.stdout, night.stderr);
        for word in words {
            assert!(said.contains(word), "{word:?} is not in what a night says:\n{said}");
        }
    }
}

fn milliseconds(times: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
}

fn texts(count: usize, text: Option<&str>) -> ArrayRef {
    Arc::new(StringArray::from(vec![text; count]))
}

fn rows(times: ArrayRef, names: ArrayRef) -> RecordBatch {
    let count = times.len();
    let columns = [
        ("event_time", times, true),
        ("event_name", names, true),
        ("service_name", texts(count, Some("Ecs")), true),
        ("account_id", texts(count, Some("1599")), true),
        ("source_ip_address", texts(count, Some("203.0.113.7")), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

#[test]
fn an_empty_folder_holds_nothing() {
    let place = Place::new();
    for subcommand in ["rollup", "run"] {
        let outcome = place.start(&[subcommand]).expect_code(3);
        insta::allow_duplicates! { insta::assert_snapshot!(outcome.stderr, @r"
        error: no event partitions in `/events`
        hint: expected `date=YYYY-MM-DD/*.parquet`, `year=/month=/day=` folders or Parquet files; make partitions from audit logs with `insights import LOGS --out EVENTS`
        "); }
        assert!(!place.state().exists(), "nothing was done, so nothing should be left");
    }
}

#[test]
fn a_missing_folder_is_named() {
    let place = Place::new();
    fs::remove_dir(place.events()).unwrap();
    for subcommand in ["rollup", "run"] {
        let outcome = place.start(&[subcommand]).expect_code(3);
        insta::allow_duplicates! { insta::assert_snapshot!(outcome.stderr, @"error: cannot read `/events`: No such file or directory (os error 2)"); }
    }
}

#[test]
fn a_file_of_no_bytes_is_named() {
    let place = Place::new();
    place.good("a.parquet");
    fs::write(place.file("b.parquet"), "").unwrap();
    place.both(4, &["b.parquet", "0 bytes"]);
    assert_eq!(read_day(&place.state(), day(1, 5)).0[0].hours.len(), 10);
}

#[test]
fn a_file_cut_short_is_named_wherever_it_was_cut() {
    let place = Place::new();
    let whole = fs::read(place.good("a.parquet")).unwrap();
    for length in [1, 4, 11, 12, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
        fs::write(place.file("b.parquet"), &whole[..length]).unwrap();
        place.both(4, &["b.parquet"]);
    }
}

#[test]
fn a_file_with_damaged_bytes_is_named_or_read_and_never_a_panic() {
    let place = Place::new();
    let whole = fs::read(place.good("a.parquet")).unwrap();
    for place_of_damage in (0..whole.len()).step_by(whole.len() / 60) {
        let mut damaged = whole.clone();
        for byte in damaged.iter_mut().skip(place_of_damage).take(8) {
            *byte = !*byte;
        }
        fs::write(place.file("b.parquet"), &damaged).unwrap();
        let outcome = place.start(&["rollup"]);
        assert!(!outcome.stderr.contains("panicked"), "damage at byte {place_of_damage}: {}", outcome.stderr);
        assert!(matches!(outcome.code, Some(0 | 4)), "damage at byte {place_of_damage}: {outcome:?}");
        // Damage to a time may make another time of it, which no file is to blame for.
        let is_named = ["b.parquet", "row more than a day away"].iter().any(|words| outcome.stderr.contains(words));
        assert!(outcome.code == Some(0) || is_named, "{outcome:?}");
    }
}

#[test]
fn a_file_without_times_is_named_with_what_it_has() {
    let place = Place::new();
    place.good("a.parquet");
    let timeless = [("what", texts(3, Some("x")), true), ("service_name", texts(3, Some("Ecs")), true)];
    let timeless = RecordBatch::try_from_iter_with_nullable(timeless).unwrap();
    write_parquet(&place.file("b.parquet"), &timeless, WriterProperties::default());
    place.both(4, &["b.parquet", "no column for `event_time`; it has what, service_name"]);
}

#[test]
fn nothing_readable_at_all_is_a_failure() {
    let place = Place::new();
    fs::write(place.file("b.parquet"), "no Parquet").unwrap();
    place.start(&["run", "--date", "2026-01-05"]).expect_code(3).expect_said(&["b.parquet"]);
}

#[test]
fn a_day_without_events_is_a_wrong_question() {
    let place = Place::new();
    place.good("a.parquet");
    let outcome = place.start(&["run", "--date", "2026-03-01"]).expect_code(2);
    insta::assert_snapshot!(outcome.stderr, @r"
    error: no events on 2026-03-01 in `/events`; there are events from 2026-01-05 to 2026-01-05
    hint: choose a day with events, or leave out the date for the newest
    ");
}

#[test]
fn texts_that_are_no_times_are_counted_and_said() {
    let place = Place::new();
    place.good("a.parquet");
    let times: ArrayRef =
        Arc::new(StringArray::from(vec![Some("2026-01-05T03:00:00Z"), Some("yesterday"), None, Some("")]));
    write_parquet(&place.file("b.parquet"), &rows(times, texts(4, Some("RunInstances"))), WriterProperties::default());
    let night = place.start(&["run", "--date", "2026-01-05", "--format", "json"]).expect_code(4);
    let record: serde_json::Value = serde_json::from_str(&night.stdout).unwrap();
    assert_eq!(record[0]["run"]["counts"]["without_time"], 3);
    assert_eq!(record[0]["run"]["counts"]["events"], 11);
}

#[test]
fn a_rollup_says_that_rows_have_no_time() {
    let place = Place::new();
    let times: ArrayRef = Arc::new(StringArray::from(vec![Some("2026-01-05T03:00:00Z"), Some("yesterday")]));
    write_parquet(&place.file("b.parquet"), &rows(times, texts(2, Some("RunInstances"))), WriterProperties::default());
    let outcome = place.start(&["rollup"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
}

#[test]
fn a_time_column_that_is_no_time_is_named() {
    let place = Place::new();
    place.good("a.parquet");
    let truth: ArrayRef = Arc::new(arrow::array::BooleanArray::from(vec![true; 4]));
    write_parquet(&place.file("b.parquet"), &rows(truth, texts(4, Some("RunInstances"))), WriterProperties::default());
    place.both(4, &["b.parquet", "event_time", "expected a timestamp, found Boolean"]);
}

#[test]
fn events_without_a_name_are_counted_for_what_they_say() {
    let place = Place::new();
    let times = (0..5).map(|hour| midnight(day(1, 5)) + hour * HOUR);
    write_parquet(&place.file("a.parquet"), &rows(milliseconds(times), texts(5, None)), WriterProperties::default());
    place.start(&["rollup"]).expect_code(0);
    let (entities, _) = read_day(&place.state(), day(1, 5));
    let families: Vec<&str> = entities.iter().map(|entity| entity.family.as_str()).collect();
    assert_eq!(families, ["source_ip", "network"]);
    let night = place.start(&["run", "--date", "2026-01-05", "--format", "json"]).expect_code(0);
    let record: serde_json::Value = serde_json::from_str(&night.stdout).unwrap();
    assert_eq!(record[0]["run"]["counts"]["without_api"], 5);
}

#[test]
fn rows_of_another_age_are_set_aside_and_said() {
    let place = Place::new();
    place.good("a.parquet");
    let far = [day(1, 5), chrono::NaiveDate::MIN, chrono::NaiveDate::MAX].map(|date| match date {
        chrono::NaiveDate::MIN => 5,
        chrono::NaiveDate::MAX => 4_102_444_800_000,
        date => midnight(date) + HOUR,
    });
    write_parquet(
        &place.file("b.parquet"),
        &rows(milliseconds(far), texts(3, Some("RunInstances"))),
        WriterProperties::default(),
    );
    let night = place.start(&["run", "--date", "2026-01-05", "--format", "json"]).expect_code(4);
    let record: serde_json::Value = serde_json::from_str(&night.stdout).unwrap();
    assert_eq!(record[0]["run"]["counts"]["set_aside"], 2);
    assert_eq!(record[0]["run"]["counts"]["events"], 11);
    assert!(night.stdout.contains("set aside") || night.stdout.contains("more than a day"), "{}", night.stdout);
    let days: Vec<_> = files_below(&place.state().join("rollups")).into_keys().collect();
    assert_eq!(days.len(), 2, "no rollups of 1970 or 2100: {days:?}");
}

/// A file of one row at midnight and one at the very end of what a timestamp can hold.
fn at_the_end_of_time(extreme: i64) -> [RecordBatch; 2] {
    let times = [midnight(day(1, 5)), extreme];
    let numbers: ArrayRef = Arc::new(Int64Array::from(times.to_vec()));
    [milliseconds(times), numbers].map(|times| rows(times, texts(2, Some("RunInstances"))))
}

const EXTREMES: [i64; 8] = [i64::MIN, i64::MIN + 1, i64::MIN / 1000, i64::MAX, i64::MAX / 1000, i64::MAX - 1, 0, -1];

fn calls_of_the_day(place: &Place) -> u32 {
    let outcome = place.start(&["rollup", "--from", "2026-01-05", "--to", "2026-01-05"]);
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    assert!(matches!(outcome.code, Some(0 | 4)), "{outcome:?}");
    read_day(&place.state(), day(1, 5)).0[0].hours.iter().map(|hour| hour.calls).sum()
}

#[test]
fn the_ends_of_time_in_a_dated_folder_cost_their_own_rows() {
    for extreme in EXTREMES {
        let place = Place::new();
        for (number, rows) in at_the_end_of_time(extreme).iter().enumerate() {
            write_parquet(&place.file(&format!("{number}.parquet")), rows, WriterProperties::default());
        }
        assert_eq!(calls_of_the_day(&place), 2, "{extreme}");
    }
}

#[test]
fn the_ends_of_time_in_no_dated_folder_cost_their_own_rows() {
    for extreme in EXTREMES {
        let place = Place::new();
        for (number, rows) in at_the_end_of_time(extreme).iter().enumerate() {
            write_parquet(&place.events().join(format!("{number}.parquet")), rows, WriterProperties::default());
        }
        assert_eq!(calls_of_the_day(&place), 2, "{extreme}");
    }
}

#[test]
fn a_setting_that_does_not_exist_names_the_nearest() {
    let place = Place::new();
    place.good("a.parquet");
    let settings = place.0.path().join("own.toml");
    fs::write(&settings, "time_zone = 'UTC'\nmin_exces = 20\n").unwrap();
    for subcommand in ["rollup", "run"] {
        let outcome = place.start(&[subcommand, "--settings", settings.to_str().unwrap()]).expect_code(2);
        insta::allow_duplicates! { insta::assert_snapshot!(outcome.stderr, @r"
        error: `/own.toml`: line 2: there is no setting `min_exces`; did you mean `min_excess`?
        hint: `insights settings --example` prints every setting with what it does and its default
        "); }
    }
}

#[test]
fn settings_that_are_not_there_are_named() {
    let place = Place::new();
    place.good("a.parquet");
    let outcome = place.start(&["rollup", "--settings", "/nowhere/own.toml"]);
    assert!(matches!(outcome.code, Some(2 | 3)), "{outcome:?}");
    assert!(outcome.stderr.contains("/nowhere/own.toml"), "{}", outcome.stderr);
}

#[test]
fn usage_errors_are_told_apart() {
    let place = Place::new();
    place.good("a.parquet");
    for wrong in [
        &["rollup", "--nonsense"][..],
        &["rollup", "--threads", "0"],
        &["run", "--date", "yesterday"],
        &["run", "--date", "2026-01-05", "--from", "2026-01-05", "--to", "2026-01-05"],
        &["run", "--from", "2026-01-05"],
        &["run", "--fail-on", "horrible"],
    ] {
        let outcome = place.start(wrong).expect_code(2);
        assert!(outcome.stderr.contains("error:") && outcome.stdout.is_empty(), "{outcome:?}");
    }
}

#[test]
fn a_reader_who_goes_away_is_no_panic() {
    let place = Place::new();
    generate_quiet(&place.events(), 3, 2, 500);
    for arguments in [&["rollup"][..], &["run"], &["run", "--format", "json"]] {
        let mut command = program();
        command.args([arguments[0], place.events().to_str().unwrap(), "--state", place.state().to_str().unwrap()]);
        let mut child = command.args(&arguments[1..]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(!said.contains("panicked"), "{said}");
        assert_eq!(status.code(), Some(0), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_who_goes_away_while_scores_are_written_is_no_error() {
    let place = Place::new();
    let counts = place.0.path().join("counts.csv");
    let rows = (0..20_000).map(|row| format!("series {},{},1\n", row / 10, 1_767_571_200 + row % 10 * 3600));
    std::fs::write(&counts, std::iter::once("series,timestamp,value\n".to_owned()).chain(rows).collect::<String>())
        .unwrap();
    let mut command = program();
    let mut child = command.arg("score").arg(&counts).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.contains("error")), (Some(0), false), "{said}");
}

#[test]
fn the_second_of_two_runs_is_told_who_is_first() {
    let place = Place::new();
    place.good("a.parquet");
    let lock = StateLock::acquire(&place.state()).unwrap();
    for arguments in [&["rollup"][..], &["run", "--date", "2026-01-05"]] {
        let outcome = place.start(arguments).expect_code(3);
        let holder = format!("`/state` is in use by process {}", std::process::id());
        outcome.expect_said(&[&holder, "hint:"]);
    }
    assert_eq!(files_below(&place.state()).len(), 1, "only the lock is there");
    drop(lock);
    // A process that another test starts holds the lock as well from its fork until it runs.
    let is_free = |_| place.start(&["rollup"]).code == Some(0);
    assert!((0..20).any(is_free), "the lock is gone with its holder");
}

#[test]
fn a_state_that_cannot_be_written_is_named() {
    let place = Place::new();
    place.good("a.parquet");
    fs::write(place.state(), "a file in the way").unwrap();
    place.start(&["rollup"]).expect_code(3).expect_said(&["cannot write", "/state"]);
}

/// A rollup in a shell that first makes room scarce; what it comes to is an [`Outcome`] like any other.
#[cfg(unix)]
fn rollup_in_shell(place: &Place, shell: &[&str], before: &str) -> Outcome {
    let own = place.0.path().to_str().unwrap();
    let mut command = std::process::Command::new(shell[0]);
    command.args(&shell[1..]).arg(format!("{before} && exec \"$@\"")).arg("shell");
    command.arg(env!("CARGO_BIN_EXE_insights")).arg("rollup").arg(place.events()).arg("--state").arg(place.state());
    let mut outcome = Outcome::from(command.env_remove("INSIGHTS_SETTINGS").output().unwrap());
    outcome.stderr = outcome.stderr.replace(own, "");
    outcome
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_grow_is_named_and_not_left_half_written() {
    let place = Place::new();
    generate_quiet(&place.events(), 7, 2, 3000);
    let undisturbed = place.0.path().join("undisturbed");
    common::roll_up(&place.events(), &undisturbed, &[]);
    // A limit is told as a full disk is: by the write that fails.
    let scarce = rollup_in_shell(&place, &["bash", "-c"], "ulimit -f 4");
    scarce.expect_code(3).expect_said(&["cannot write `/state/rollups/date=", ".parquet`: File too large"]);
    assert_eq!(files_below(&place.state()).into_keys().collect::<Vec<_>>(), [Path::new("lock")]);
    place.start(&["rollup"]).expect_code(0);
    assert_same_files(&files_below(&undisturbed.join("rollups")), &files_below(&place.state().join("rollups")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_with_what_to_do() {
    let place = Place::new();
    generate_quiet(&place.events(), 7, 2, 3000);
    fs::create_dir(place.state()).unwrap();
    let shell = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c"];
    let mounted = format!("mount -t tmpfs -o size=16k none '{}'", place.state().display());
    let can_mount = std::process::Command::new(shell[0]).args(&shell[1..]).arg(&mounted).output();
    if !can_mount.is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: nobody but the superuser may make a small disk here");
        return;
    }
    let full = rollup_in_shell(&place, &shell, &mounted).expect_code(3);
    full.expect_said(&["cannot write `/state/rollups/date=", "No space left on device", "hint: free some space"]);
}

#[cfg(unix)]
#[test]
fn a_result_that_nobody_can_take_is_a_failure() {
    let place = Place::new();
    place.good("a.parquet");
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full here");
        return;
    }
    let full = rollup_in_shell(&place, &["bash", "-c"], "exec > /dev/full");
    full.expect_code(3).expect_said(&["cannot write `standard output`: No space left on device"]);
}

/// Runs a subcommand as somebody who may not read every folder.
#[cfg(unix)]
fn start_without_rights(place: &Place, subcommand: &str, is_superuser: bool) -> Outcome {
    use std::os::unix::process::CommandExt;

    let mut command = program();
    command.arg(subcommand).arg(place.events()).arg("--state").arg(place.state());
    if is_superuser {
        // A copy that everybody may start, wherever the program was built; not made by this process, whose other threads start
        // programs that would hold it open for writing.
        let copy = place.0.path().join("program");
        let copied = std::process::Command::new("cp").arg(command.get_program()).arg(&copy).status();
        assert!(copied.unwrap().success());
        let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
        command = std::process::Command::new(copy);
        command.args(arguments).current_dir(place.0.path()).stdin(Stdio::null()).uid(NOBODY).gid(NOBODY);
    }
    let mut outcome = Outcome::from(command.output().unwrap());
    outcome.stderr = outcome.stderr.replace(place.0.path().to_str().unwrap(), "");
    outcome
}

/// A user that owns nothing.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let set_mode = |folder: &Path, mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    let place = Place::new();
    place.good("a.parquet");
    set_mode(place.0.path(), 0o777);
    for folder in [dated(&place.events(), day(1, 5)), place.events()] {
        set_mode(&folder, 0o000);
        let is_superuser = fs::read_dir(&folder).is_ok();
        let outcomes = ["rollup", "run"].map(|subcommand| start_without_rights(&place, subcommand, is_superuser));
        set_mode(&folder, 0o755);
        for outcome in outcomes {
            outcome.expect_code(3).expect_said(&["cannot read `/events", "Permission denied"]);
        }
        assert!(!place.state().exists(), "nothing was done, so nothing should be left");
    }
}

#[test]
fn a_damaged_rollup_is_made_anew_and_one_of_a_newer_version_is_named_with_what_to_do() {
    let place = Place::new();
    place.good("a.parquet");
    place.start(&["rollup"]).expect_code(0);
    let path = dated(&place.state().join("rollups"), day(1, 5)).join("rollup.parquet");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, "PAR1 no more").unwrap();
    place
        .start(&["rollup"])
        .expect_code(0)
        .expect_said(&["! `rollups/date=2026-01-05/rollup.parquet` was damaged, and"]);
    assert!(fs::read(&path).unwrap() == whole);
    // Counts of another version are not thrown away.
    let newer = KeyValue::new("insights.format".to_owned(), "99".to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![newer])).build();
    write_parquet(&path, &rows(milliseconds([0]), texts(1, None)), properties);
    let newer = fs::read(&path).unwrap();
    place.start(&["rollup"]).expect_code(3).expect_said(&[
        "rollup.parquet",
        "format 99",
        "hint: run the newer version",
    ]);
    assert!(fs::read(&path).unwrap() == newer);
}

#[test]
fn names_in_the_input_cannot_steer_the_terminal() {
    let place = Place::new();
    place.good("a.parquet");
    let columns = [("\u{1b}[31mred\nline", texts(3, Some("x")), true)];
    let odd = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    write_parquet(&place.file("b.parquet"), &odd, WriterProperties::default());
    fs::write(place.file("c\u{1b}[2J.parquet"), "").unwrap();
    for arguments in [&["rollup"][..], &["run", "--date", "2026-01-05"]] {
        let outcome = place.start(arguments).expect_code(4);
        let said = outcome.stdout + &outcome.stderr;
        assert!(said.contains("b.parquet"), "{said}");
        assert!(!said.contains('\u{1b}'), "{arguments:?} prints an escape: {said:?}");
    }
}

/// The arguments of a rollup on one thread, so that there is time to be killed in.
fn slow_rollup(events: &Path, state: &Path) -> std::process::Command {
    let mut command = program();
    command.args(["rollup", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--threads", "1"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_rollup_that_is_killed_again_and_again_comes_to_the_same_end() {
    let place = Place::new();
    generate_quiet(&place.events(), 5, 12, 20_000);
    let undisturbed = place.0.path().join("undisturbed");
    let begun = std::time::Instant::now();
    assert!(slow_rollup(&place.events(), &undisturbed).status().unwrap().success());
    let whole = begun.elapsed();
    let mut killed = 0;
    for part in 1..12_u32 {
        let mut child = slow_rollup(&place.events(), &place.state()).spawn().unwrap();
        std::thread::sleep((whole * part / 14).max(Duration::from_millis(2)));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
        if part % 3 == 0 {
            // Begin anew, to be killed among the first days too.
            fs::remove_dir_all(place.state().join("rollups")).unwrap_or_default();
        }
    }
    assert!(killed > 2, "only {killed} were killed in time");
    place.start(&["rollup"]).expect_code(0);
    let rollups = |state: &Path| files_below(&state.join("rollups"));
    assert_same_files(&rollups(&undisturbed), &rollups(&place.state()));
    let other: Vec<_> = files_below(&place.state()).into_keys().filter(|path| !path.starts_with("rollups")).collect();
    assert_eq!(other, [Path::new("lock")], "nothing unfinished is left");
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_costs_itself_alone() {
    let place = Place::new();
    place.good("a.parquet");
    std::os::unix::fs::symlink("/nowhere/b.parquet", place.file("b.parquet")).unwrap();
    place.both(4, &["b.parquet", "cannot be read"]);
    std::os::unix::fs::symlink("/nowhere/c.parquet", place.events().join("c.parquet")).unwrap();
    place.both(4, &["c.parquet", "cannot be read"]);
}

#[test]
fn rows_without_a_time_are_in_no_span_of_time() {
    let place = Place::new();
    place.good("a.parquet");
    let midnight = midnight(day(1, 5));
    let times = TimestampMillisecondArray::from(vec![Some(midnight + HOUR), None, Some(midnight + 2 * HOUR), None]);
    let rows = rows(Arc::new(times.with_timezone("UTC")), texts(4, Some("RunInstances")));
    write_parquet(&place.file("b.parquet"), &rows, WriterProperties::default());
    let events = place.events();
    let count = |span: &[&str]| {
        let asked = ["query", events.to_str().unwrap(), "--count"];
        let printed = insights(asked.iter().chain(span)).expect_code(0).stdout;
        printed.lines().nth(3).unwrap().trim_matches(['│', ' ']).to_owned()
    };
    assert_eq!(count(&[]), "14", "all that there is");
    let spans: [&[&str]; 3] =
        [&["--from", "2026-01-05", "--to", "2026-01-05"], &["--from", "2026-01-05"], &["--to", "2026-01-05"]];
    spans.iter().for_each(|span| assert_eq!(count(span), "12", "{span:?}"));
    let asked = ["query", events.to_str().unwrap(), "--timeline", "1d", "--format", "json"];
    let printed = insights(asked).expect_code(0).stdout;
    assert!(printed.contains("12") && !printed.contains("14"), "{printed}");
}

#[test]
fn nights_that_are_finished_are_told_though_a_later_one_fails() {
    let place = Place::new();
    let good = place.good("a.parquet");
    let next = dated(&place.events(), day(1, 6));
    fs::create_dir(&next).unwrap();
    let times = (0..10).map(|hour| midnight(day(1, 6)) + hour * HOUR);
    write_parquet(
        &next.join("a.parquet"),
        &rows(milliseconds(times), texts(10, Some("RunInstances"))),
        WriterProperties::default(),
    );
    assert!(good.exists());
    // Where the second night's results should be stands a file.
    fs::create_dir_all(place.state().join("insights")).unwrap();
    fs::write(dated(&place.state().join("insights"), day(1, 6)), "").unwrap();
    let days = ["run", "--from", "2026-01-05", "--to", "2026-01-06", "--format", "json"];
    let outcome = place.start(&days).expect_code(3);
    let told: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!(told[0]["run"]["date"], "2026-01-05");
}

#[test]
fn rows_of_a_neighbour_that_has_no_folder_are_counted() {
    let place = Place::new();
    let times = (0..10).map(|hour| midnight(day(1, 5)) + (hour - 5) * HOUR);
    let rows = rows(milliseconds(times), texts(10, Some("RunInstances")));
    write_parquet(&place.file("a.parquet"), &rows, WriterProperties::default());
    place.start(&["rollup"]).expect_code(0);
    for date in [day(1, 4), day(1, 5)] {
        let calls: u32 = read_day(&place.state(), date).0[0].hours.iter().map(|hour| hour.calls).sum();
        assert_eq!(calls, 5, "{date}");
    }
    place.start(&["rollup"]).expect_code(0).expect_said(&[]);
    assert!(!dated(&place.state().join("rollups"), day(1, 6)).exists());
}

#[cfg(unix)]
#[test]
fn a_folder_of_another_day_that_cannot_be_listed_costs_itself_alone() {
    let place = Place::new();
    place.good("a.parquet");
    let loops = dated(&place.events(), day(1, 4));
    fs::create_dir(&loops).unwrap();
    std::os::unix::fs::symlink(place.events(), loops.join("again")).unwrap();
    place.both(4, &["date=2026-01-04/again/*", "a link to a folder that it is in itself"]);
}

#[test]
fn made_up_events_replace_nothing() {
    let place = Place::new();
    place.good("a.parquet");
    let before = files_below(&place.events());
    let made = ["generate", "--out", place.events().to_str().unwrap(), "--days", "1", "--events-per-day", "100"]
        .map(str::to_owned);
    insights(&made).expect_code(2).expect_said(&["holds `date=2026-01-05` already", "hint: name a folder that is new"]);
    assert_same_files(&before, &files_below(&place.events()));
}

#[test]
fn a_variable_that_is_named_like_a_setting_and_is_none_is_told() {
    let outcome: Outcome = program().args(["rules", "list"]).env("INSIGHTS_MIN_RATOI", "3").output().unwrap().into();
    outcome
        .expect_code(0)
        .expect_said(&["! INSIGHTS_MIN_RATOI is no setting and has no effect; did you mean `INSIGHTS_MIN_RATIO`?"]);
}
