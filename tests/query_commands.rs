//! The commands that ask: every example that the help and the readme give works, mistakes are explained, saved searches and their
//! alerts, the AccessKey audit and the tracking of changes tell what is there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use common::{Outcome, insights, program, roll_up, write_parquet};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

const COMMANDS: [&str; 3] = ["query", "access-key", "changes"];
const ALERT: &str = "\
[searches.key-use]
description = 'a key at work'
access_key = '{key}'
failed = true
parameters = { key = 'LTAI5tSN662BHn4pLutEARFv' }
alert = { every = '5m', last = '24h', above = 2, severity = 'high' }

[searches.denied]
error = ['NoPermission', 'Forbidden*']
count_by = 'principal'
";

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

/// An empty folder that sees the sample data.
fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("data"), folder.path().join("data")).unwrap();
    folder
}

fn run_in(folder: &Path, arguments: &[&str]) -> Outcome {
    program().current_dir(folder).args(arguments).output().unwrap().into()
}

/// The words of a line as a shell would split them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), close) if open == close => quote = None,
            (None, ' ') => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// Lines that call one of the commands.
fn examples(text: &str) -> Vec<Vec<String>> {
    let calls = |line: &&str| COMMANDS.iter().any(|command| line.starts_with(&format!("insights {command} ")));
    text.lines().map(str::trim).filter(calls).map(|line| words(line)[1..].to_vec()).collect()
}

#[test]
fn every_example_of_the_help_works() {
    for command in COMMANDS {
        let help = program().args([command, "--help"]).env("COLUMNS", "400").output().unwrap();
        let examples = examples(&String::from_utf8(help.stdout).unwrap());
        assert!(examples.len() >= 4, "{command}: {examples:?}");
        for example in examples {
            works(&example);
        }
    }
}

#[test]
fn every_example_of_the_readme_works() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let examples = examples(&readme);
    assert!(examples.len() >= 6, "{examples:?}");
    for example in examples {
        works(&example);
    }
}

#[track_caller]
fn works(example: &[String]) {
    let folder = workplace();
    fs::write(folder.path().join("insights.toml"), ALERT).unwrap();
    let arguments: Vec<&str> = example.iter().map(String::as_str).collect();
    let outcome = run_in(folder.path(), &arguments);
    assert!(matches!(outcome.code, Some(0 | 1)), "{example:?}: {}", outcome.stderr);
    let written = fs::read_dir(folder.path()).unwrap().count() > 2;
    let found = outcome.stdout.lines().count() > 4 || outcome.stdout.starts_with(['{', '[']);
    assert!(found || written, "{example:?} shows nothing: {}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn mistakes_show_where_and_what_would_be_right() {
    let mut text = String::new();
    let sample = sample();
    for arguments in [
        &["--from", "2026-13-05"][..],
        &["--from", "2026-02-03", "--to", "2026-02-01"],
        &["--to", "soon"],
        &["--event", "Delete*,,Run*"],
        &["--source-ip", "10.0.0.0/8,10.0.0.0/33"],
        &["--where", "user_agnt=*cli*"],
        &["--where", "user_agent"],
        &["--count-by", "service,reigon"],
        &["--columns", "whoo"],
        &["--timeline", "1lightyear"],
        &["--timeline", "1s"],
        &["--before", "no-such-event"],
        &["--sql", "SELECT evnt_name FROM events"],
        &["--sql", "SELECT event_name\nFROM evnts"],
        &["--sql", "SELECT event_name FRM events"],
        &["--sql", "SELEC event_name FROM events"],
        &["--sql", "DROP TABLE events"],
        &["--sql", ""],
        &["--sql", "1"],
        &["--sql", "SELECT 1; SELECT 2"],
        &["--sql", "SELECT lowr(event_name) FROM events"],
        &["--sql", "SELECT 'a FROM events"],
        &["--sql", "SELECT (event_name FROM events"],
        &["--sql", "SELECT event_name) FROM events"],
        &["--sql", "SELECT event_name, count(*) FROM events"],
        &["--sql", "SELECT region, event_name, count(*) FROM events GROUP BY event_name"],
        &["--sql", "SELECT count(*) FROM events WHERE event_time > 5"],
        &["--sql", "SELECT count(*) FROM events WHERE event_time > 'noon'"],
        &["--sql", "SELECT count(*) FROM events WHERE event_name = 5"],
        &["--sql", "SELECT event_name + 1 FROM events"],
        &["--sql", "SELECT event_name FROM events WHERE event_name"],
        &["--sql", "SELECT event_name FROM events WHERE usr_name LIKE 'a%'"],
        &["--sql", "SELECT e.usr_name FROM events e"],
        &["--sql", "SELECT event_name FROM events ORDER event_time"],
        &["--sql", "SELECT event_name FROM events WHERE"],
        &["--sql", "SELECT 1 FROM events", "--event", "x"],
        &["--format", "parquet"],
        &["--saved", "nothing"],
        &["--saved", "x", "--parameter", "key"],
    ] {
        let outcome = insights(["query", sample.to_str().unwrap()].iter().chain(arguments)).expect_code(2);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        writeln!(text, "$ insights query EVENTS {}\n{}", arguments.join(" "), outcome.stderr).unwrap();
    }
    insta::assert_snapshot!(text);
}

fn json(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_saved_search_takes_parameters_and_what_is_typed_beside_it() {
    let folder = workplace();
    fs::write(folder.path().join("insights.toml"), ALERT).unwrap();
    let run = |more: &[&str]| run_in(folder.path(), &[&["query", "data/sample", "--format", "json"], more].concat());
    let denied = json(&run(&["--saved", "denied"]).expect_code(0));
    assert!(denied.len() > 3 && denied[0]["principal"].is_string());
    let typed = ["--error", "NoPermission,Forbidden*", "--count-by", "principal"];
    assert_eq!(denied, json(&run(&typed)));
    let count = |more: &[&str]| json(&run(more).expect_code(0))[0]["events"].as_u64().unwrap();
    let key = "LTAI5thWssdZRHCG54fJYBRq";
    assert_eq!(
        count(&["--saved", "key-use", "-p", &format!("key={key}"), "--count"]),
        count(&["--access-key", key, "--failed", "--count"])
    );
    run(&["--saved", "key-use", "-p", "kye=x"]).expect_code(2).expect_said(&["no parameter `kye`", "`key`"]);
    run(&["--saved", "denid"]).expect_code(2).expect_said(&["no search `denid`", "denied, key-use"]);
    fs::write(folder.path().join("insights.toml"), "[searches.x]\nevnt = 'a'\n").unwrap();
    run(&[]).expect_code(2).expect_said(&["`searches.x.evnt`", "`event`"]);
}

#[test]
fn a_saved_search_is_an_alarm_with_a_memory() {
    let folder = workplace();
    fs::write(folder.path().join("insights.toml"), ALERT).unwrap();
    let check = |now: &str, more: &[&str]| {
        let arguments = ["query", "data/sample", "--saved", "key-use", "--check", "--format", "json", "--now", now];
        run_in(folder.path(), &[&arguments[..], more].concat())
    };
    let fired = check("2026-01-30", &["--fail-on", "medium"]).expect_code(1);
    let row = &json(&fired)[0];
    assert_eq!((row["alert"].as_bool(), row["severity"].as_str()), (Some(true), Some("high")));
    let counted = ["query", "data/sample", "--saved", "key-use", "--from", "2026-01-29", "--to", "2026-01-29"];
    let counted = run_in(folder.path(), &[&counted[..], &["--count", "--format", "json"]].concat());
    assert_eq!(row["events"], json(&counted)[0]["events"]);

    assert_eq!(check("2026-01-30T00:02:00Z", &["--fail-on", "medium"]).expect_code(0).stdout, "", "not due yet");
    check("2026-01-30T00:05:00Z", &["--fail-on", "critical"]).expect_code(0);
    let quiet = check("2027-01-01", &["--fail-on", "info"]).expect_code(0);
    assert_eq!(json(&quiet)[0]["alert"].as_bool(), Some(false));

    let triggers = ["query", "data/sample", "--saved", "key-use", "--triggers", "--format", "json"];
    let triggers = json(&run_in(folder.path(), &triggers).expect_code(0));
    let times: Vec<&str> = triggers.iter().map(|row| row["at"].as_str().unwrap()).collect();
    assert_eq!(times, ["2026-01-30T00:05:00Z", "2026-01-30T00:00:00Z"]);
}

#[test]
fn an_alert_is_asked_of_a_search_that_has_one() {
    let folder = workplace();
    fs::write(folder.path().join("insights.toml"), ALERT).unwrap();
    let arguments = ["query", "data/sample", "--saved", "denied", "--check"];
    run_in(folder.path(), &arguments).expect_code(2).expect_said(&["`denied` has no alert", "above = 0"]);
}

#[test]
fn sql_sees_what_the_job_wrote() {
    let folder = workplace();
    run_in(folder.path(), &["run", "data/sample", "--date", "2026-01-29"]).expect_code(0);
    let ask = |sql: &str| {
        json(&run_in(folder.path(), &["query", "data/sample", "--format", "json", "--sql", sql]).expect_code(0))
    };
    let insights = ask("SELECT i.entity, count(e.event_id) AS n FROM insights i JOIN events e \
                        ON e.access_key_id = i.entity WHERE i.family = 'access_key' GROUP BY i.insight_id, i.entity ORDER BY n DESC");
    assert!(insights.iter().any(|row| row["entity"] == "LTAI5tSN662BHn4pLutEARFv" && row["n"].as_u64() == Some(4112)));
    let rollups =
        ask("SELECT date, family, count(*) AS n FROM rollups WHERE family = 'api' GROUP BY date, family ORDER BY date");
    assert!(rollups.len() >= 28 && rollups[0]["n"].as_u64() > Some(10), "{rollups:?}");
    assert!(ask("SELECT calls FROM rollups WHERE family = 'api' LIMIT 1")[0]["calls"].is_array());
    let one = &ask("SELECT family, date FROM rollups WHERE family = 'api' LIMIT 1")[0];
    assert_eq!(
        (&one["family"], one["date"].as_str().map(str::len)),
        (&"api".into(), Some(10)),
        "without quotation marks"
    );
    let later = ask(
        "SELECT count(*) AS n FROM events e JOIN insights i ON e.access_key_id = i.entity WHERE e.event_time >= i.\"start\"",
    );
    assert!(later[0]["n"].as_u64() > Some(0), "times of events and of insights compare: {later:?}");
}

#[test]
fn sql_counts_all_rows_and_changes_none() {
    let folder = workplace();
    let ask = |sql: &str| run_in(folder.path(), &["query", "data/sample", "--format", "json", "--sql", sql]);
    let all = ask("SELECT count(*) AS n FROM events").expect_code(0);
    assert!(
        json(&all)[0]["n"].as_u64() > Some(100_000) && !all.stderr.contains("panicked"),
        "{}{}",
        all.stdout,
        all.stderr
    );
    for change in ["DROP TABLE events", "DELETE FROM events", "CREATE TABLE mine AS SELECT * FROM events"] {
        ask(change).expect_code(2).expect_said(&["changes something, and only questions are run"]);
    }
}

/// What takes a query apart does so by recursion, and a stack that runs over ends the program without a word.
#[test]
fn sql_of_any_length_and_depth_is_answered_or_refused() {
    let sample = sample();
    let ask = |sql: &str| {
        let one_day = ["--from", "2026-01-29", "--to", "2026-01-29", "--state", "none", "--format", "json", "--sql"];
        insights(["query", sample.to_str().unwrap()].iter().chain(&one_day).chain(&[sql]))
    };
    for long in [
        format!("SELECT {}", vec!["1"; 8_000].join("+")),
        vec!["SELECT 1"; 840].join(" UNION ALL "),
        format!("SELECT count(*) FROM events WHERE {}", vec!["is_global"; 1_000].join(" AND ")),
    ] {
        assert!(long.len() < 16_384);
        ask(&long).expect_code(0);
        ask(&format!("{long} {}", " ".repeat(16_384))).expect_code(2).expect_said(&["are the most", "a shorter query"]);
    }
    for deep in ["(", "SELECT * FROM (", "NOT ", "CASE WHEN "] {
        let outcome = ask(&format!("SELECT {}", deep.repeat(16_000 / deep.len()))).expect_code(2);
        outcome.expect_said(&["--sql"]);
        assert!(ask(&format!("SELECT {}1", deep.repeat(200))).expect_code(2).stderr.len() < 2_000, "{deep}");
    }
}

#[test]
fn keys_are_found_by_their_owners() {
    let owners = |list: &str| -> BTreeSet<String> {
        let sample = sample();
        let arguments =
            ["access-key", sample.to_str().unwrap(), "--state", "none", "--format", "json", "--owner", list];
        let keys = json(&insights(arguments).expect_code(0));
        keys.iter().map(|key| key["owner"].as_str().unwrap().to_owned()).collect()
    };
    let one = owners("svc-25");
    assert_eq!(one, BTreeSet::from(["user svc-25".to_owned()]));
    assert_eq!(owners("237164814123308288"), one, "by the id");
    let (all, others) = (owners("*"), owners("!svc-25"));
    assert!(all.len() > 20 && !others.contains("user svc-25") && others.len() + 1 == all.len());
    assert!(owners("svc-2*").is_superset(&one) && owners("nobody").is_empty());
}

#[test]
fn results_go_only_where_and_as_they_were_asked_to() {
    let folder = workplace();
    let count = |more: &[&str]| run_in(folder.path(), &[&["query", "data/sample", "--count"], more].concat());
    count(&["--out", "count.pdf"]).expect_code(2).expect_said(&["nothing is known of how to write `count.pdf`"]);
    count(&["--out", "count.pdf", "--format", "csv"]).expect_code(0);
    count(&["--out", "none/count.csv"]).expect_code(3).expect_said(&["cannot write `none/count.csv`"]);
    assert!(!folder.path().join("none").exists());
    run_in(folder.path(), &["query", "data/sample", "--columns", "time,event_time"])
        .expect_code(2)
        .expect_said(&["`event_time` is named twice"]);
    let service = |name: &str| count(&["--service", name, "--format", "json"]).stdout;
    assert_eq!(service("ram.aliyuncs.com"), service("Ram"));
    assert_ne!(json(&count(&["--service", "ram.aliyuncs.com", "--format", "json"]))[0]["events"], 0);
}

#[test]
fn keys_are_told_from_rollups_as_from_events() {
    let folder = workplace();
    let state = folder.path().join("counted");
    roll_up(&sample(), &state, &[]);
    let keys = |state: &Path, more: &[&str]| -> Vec<Value> {
        let state = state.to_str().unwrap();
        let arguments = ["access-key", "data/sample", "--format", "json", "--now", "2026-02-05", "--state", state];
        json(&run_in(folder.path(), &[&arguments[..], more].concat()).expect_code(0))
    };
    let (counted, read) = (keys(&state, &[]), keys(&folder.path().join("none"), &[]));
    let essence = |keys: &[Value]| -> Vec<Value> {
        let mut essence: Vec<Value> = keys
            .iter()
            .map(|key| {
                let shown =
                    ["access_key", "owner", "root", "account", "calls", "failures", "days_used", "new_networks"];
                let sizes = ["api", "service", "network"].map(|kind| key["used_for"][kind].as_array().unwrap().len());
                serde_json::json!([shown.map(|name| key[name].clone()), sizes])
            })
            .collect();
        essence.sort_by_key(ToString::to_string);
        essence
    };
    assert!(read.len() > 40);
    assert_eq!(essence(&counted), essence(&read));
    let planted = |keys: &[Value]| keys.iter().any(|key| key["access_key"] == "LTAI5tSN662BHn4pLutEARFv");
    for state in [&state, &folder.path().join("none")] {
        assert!(planted(&keys(state, &["--new-network"])));
        let unused = keys(state, &["--unused", "3"]);
        assert!(!unused.is_empty() && unused.iter().all(|key| key["unused_days"].as_u64() >= Some(3)));
        assert!(keys(state, &["--root"]).is_empty(), "no account's owner has a key in the sample");
    }
}

#[test]
fn keys_of_accounts_owners_are_picked_out() {
    let folder = tempfile::tempdir().unwrap();
    let column = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let columns = [
        ("event_time", column(["2026-01-05T00:00:00Z", "2026-01-05T00:00:01Z"])),
        ("event_name", column(["ListUsers", "ListUsers"])),
        ("service_name", column(["Ram", "Ram"])),
        ("access_key_id", column(["LTAIowner", "LTAIuser"])),
        ("user_identity_type", column(["root-account", "ram-user"])),
        ("user_name", column(["root", "alice"])),
        ("account_id", column(["1599", "1599"])),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, rows)| (name, rows, true))).unwrap();
    write_parquet(&folder.path().join("events/date=2026-01-05/x.parquet"), &rows, WriterProperties::default());
    let keys = |more: &[&str]| -> Vec<Value> {
        let outcome = run_in(folder.path(), &[&["access-key", "events", "--format", "json"], more].concat());
        json(&outcome.expect_code(0))
    };
    assert_eq!(keys(&[]).len(), 2);
    let root = keys(&["--root"]);
    assert_eq!((root.len(), &root[0]["owner"], &root[0]["access_key"]), (1, &"root 1599".into(), &"LTAIowner".into()));
}

#[test]
fn the_owner_of_a_key_is_who_used_it_last() {
    let folder = tempfile::tempdir().unwrap();
    for (day, name) in [("2026-01-05", "alice"), ("2026-01-08", "bob")] {
        let column = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let time = format!("{day}T00:00:00Z");
        let columns = [
            ("event_time", column(&time)),
            ("event_name", column("ListUsers")),
            ("service_name", column("Ram")),
            ("access_key_id", column("LTAIkey")),
            ("user_identity_type", column("ram-user")),
            ("user_name", column(name)),
            ("principal_id", column(name)),
            ("account_id", column("1599")),
        ];
        let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, rows)| (name, rows, true))).unwrap();
        write_parquet(&folder.path().join(format!("events/date={day}/x.parquet")), &rows, WriterProperties::default());
    }
    let owner = || {
        let arguments = ["access-key", "events", "--format", "json", "--now", "2026-01-10"];
        json(&run_in(folder.path(), &arguments).expect_code(0))[0]["owner"].clone()
    };
    assert!(owner().as_str().unwrap().contains("bob"), "{}", owner());
    // Counts of the last day do not tell who it was; its events do.
    run_in(folder.path(), &["rollup", "events", "--from", "2026-01-08", "--quiet"]).expect_code(0);
    assert!(owner().as_str().unwrap().contains("bob"), "{}", owner());
}

#[test]
fn one_key_is_told_from_rollups_where_its_events_are_gone() {
    let folder = workplace();
    let state = folder.path().join("state");
    roll_up(&sample(), &state, &[]);
    let kept = folder.path().join("kept/date=2026-02-04");
    fs::create_dir_all(&kept).unwrap();
    fs::copy(sample().join("date=2026-02-04/part-0000.parquet"), kept.join("x.parquet")).unwrap();
    let key = |events: &str| -> Value {
        let arguments = ["access-key", events, "LTAI5tSN662BHn4pLutEARFv", "--format", "json", "--now", "2026-02-05"];
        serde_json::from_str(&run_in(folder.path(), &arguments).expect_code(0).stdout).unwrap()
    };
    let (gone, there) = (key("kept"), key("data/sample"));
    let cut = ["access-key", "kept", "--from", "2026-02-02T12:00", "--to", "2026-02-05", "--now", "2026-02-05"];
    run_in(folder.path(), &cut).expect_code(0).expect_said(&["! 2026-02-02 is left out: only its counts are there"]);
    for name in ["owner", "calls", "failures", "days_used", "new_networks"] {
        assert_eq!(gone[name], there[name], "{name}");
    }
    assert_eq!((&gone["times_to_the"], &there["times_to_the"]), (&"hour".into(), &"millisecond".into()));
    assert!(gone["last_use"].as_str().unwrap().ends_with(":00:00Z"), "{}", gone["last_use"]);
    let api = |key: &Value| key["used_for"]["api"][0].clone();
    assert!(api(&gone)["failures"].is_null() && api(&there)["failures"].is_u64(), "not known is not none");
    assert_eq!(api(&gone)["times_to_the"], "day");
    assert!(gone["first_use"].as_str().unwrap() <= there["first_use"].as_str().unwrap());
    assert!(there["used_for"]["resource"].as_array().unwrap().len() > 3);
}

#[test]
fn changes_are_told_in_order_with_their_parameters() {
    let folder = workplace();
    let run = |more: &[&str]| {
        json(&run_in(folder.path(), &[&["changes", "data/sample", "--format", "json"], more].concat()).expect_code(0))
    };
    let user = run(&["--user", "backup-sync"]);
    assert!(user.iter().any(|row| row["api"] == "Ram/AttachPolicyToUser"
        && row["request_parameters"]["PolicyName"] == "AdministratorAccess"
        && row["source_ip_address"].is_string()));
    let object = run(&["--resource", "o-bp2940ad6e"]);
    assert!(object.len() > 100 && object.iter().all(|row| row["api"] == "Oss/PutObject"));
    let times: Vec<&str> = object.iter().map(|row| row["event_time"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    let newest = run(&["--resource", "o-bp2940ad6e", "--limit", "7"]);
    assert_eq!(newest, object[object.len() - 7..]);
    run_in(folder.path(), &["changes", "data/sample"]).expect_code(2).expect_said(&["whose changes?", "--sign-ins"]);
}

#[test]
fn sign_ins_tell_the_second_factor_and_the_outcome() {
    let folder = workplace();
    let arguments = ["changes", "data/sample", "--sign-ins", "--format", "json"];
    let rows = json(&run_in(folder.path(), &arguments).expect_code(0));
    let (of, all) = (|test: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| test(row)).count(), rows.len());
    let count = |more: &[&str]| {
        let arguments = ["query", "data/sample", "--event", "ConsoleSignin", "--count", "--format", "json"];
        let outcome = run_in(folder.path(), &[&arguments[..], more].concat()).expect_code(0);
        json(&outcome)[0]["events"].as_u64().unwrap() as usize
    };
    assert_eq!(all, count(&[]));
    assert_eq!(of(&|row| row["outcome"] != "success"), count(&["--failed"]));
    assert_eq!(of(&|row| row["mfa"] == true), count(&["--where", "additional_event_data=*Checked\":\"true*"]));
    assert!(of(&|row| row["mfa"] == true) > 0 && of(&|row| row["mfa"] == false) > 0);
}
