//! The job as an operator meets it: settings and where they came from, logs, metrics, retention, the lock, a kill in the middle, and the
//! files that a package or a scheduler wants.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::NaiveDate;
use common::made::{Call, write_day};
use common::{Outcome, assert_same_files, day, files_below, insights, program};
use insights::settings::{REFERENCE, variable};
use insights::storage::StateLock;
use serde_json::Value;

const DAY: &str = "2026-01-29";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sample() -> PathBuf {
    root().join("data/sample")
}

/// `insights run` of the sample's day into a state directory.
fn run(state: &Path, more: &[&str]) -> Outcome {
    let sample = sample();
    let arguments = ["run", sample.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", DAY];
    insights(arguments.iter().chain(more))
}

/// Everything in a state directory that later runs build on.
fn lasting(state: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(state).into_iter();
    files.filter(|(path, _)| !path.starts_with("runs") && !path.starts_with("lock")).collect()
}

#[test]
fn settings_say_where_they_came_from() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("insights.toml"), "min_excess = 20\n[columns]\nregion = \"zone\"\n").unwrap();
    let mut command = program();
    command.current_dir(folder.path()).env("INSIGHTS_MIN_RATIO", "3");
    command.args(["settings", "--set", "outputs.formats=ocsf,csv"]);
    let outcome = Outcome::from(command.output().unwrap()).expect_code(0);
    assert_eq!(outcome.stderr, "");
    insta::assert_snapshot!("settings", outcome.stdout);
}

#[test]
fn settings_are_told_as_json_too() {
    let outcome = insights(["settings", "--format", "json", "--memory-limit", "2G"]).expect_code(0);
    let told: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(told.len(), REFERENCE.iter().filter(|setting| !setting.is_open).count());
    let limit = told.iter().find(|setting| setting["key"] == "operations.memory_limit").unwrap();
    assert_eq!(
        (limit["value"].as_str(), limit["source"].as_str()),
        (Some("\"2G\""), Some("command line operations.memory_limit"))
    );
}

#[test]
fn the_example_can_be_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let example = insights(["settings", "--example"]).expect_code(0).stdout;
    fs::write(folder.path().join("insights.toml"), &example).unwrap();
    let mut command = program();
    command.current_dir(folder.path()).args(["settings", "--format", "json"]);
    let outcome = Outcome::from(command.output().unwrap()).expect_code(0);
    let told: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(told.iter().all(|setting| setting["source"] == "default"), "{}", outcome.stdout);
    insta::assert_snapshot!("settings_example", example);
}

#[test]
fn a_wrong_setting_is_a_usage_error_that_says_where() {
    let state = tempfile::tempdir().unwrap();
    run(state.path(), &["--set", "min_ratoi=3"])
        .expect_code(2)
        .expect_said(&["min_ratoi", "did you mean `min_ratio`?"]);
    run(state.path(), &["--set", "min_ratio"]).expect_code(2).expect_said(&["expected KEY=VALUE"]);
    run(state.path(), &["--keep", "30d"]).expect_code(2).expect_said(&["expected at least 35 days", "found 30d"]);
    run(state.path(), &["--keep", "forever"]).expect_code(2).expect_said(&["such as `400d`"]);
    run(state.path(), &["--outputs", "xml"]).expect_code(2).expect_said(&["actiontrail, cloudtrail, ocsf"]);
    run(state.path(), &["--set", "geoip.files=/none.mmdb"]).expect_code(3).expect_said(&["/none.mmdb"]);
    assert!(files_below(state.path()).is_empty(), "all of that is found out before anything is counted");
}

/// The readme's row of a setting.
fn row(key: &str, default: &str, unit: &str, effect: &str) -> String {
    format!("| `{key}` | {default} | {unit} | {effect} |")
}

#[test]
fn the_readme_lists_every_setting() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let told = insights(["settings", "--format", "json"]).expect_code(0).stdout;
    let told: Vec<Value> = serde_json::from_str(&told).unwrap();
    for setting in &REFERENCE {
        let default = told.iter().find(|told| told["key"] == setting.key).and_then(|told| told["value"].as_str());
        let default = default.map_or("empty".to_owned(), |value| format!("`{value}`"));
        let row = row(setting.key, &default, setting.unit, setting.effect);
        assert!(readme.contains(&row), "README.md lacks this row:\n{row}");
        assert!(variable(setting.key).starts_with("INSIGHTS_"));
    }
}

#[test]
fn a_log_of_json_has_a_level_and_a_message_in_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &["--log-format", "json"]).expect_code(0);
    let lines: Vec<Value> = outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&str> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(told, ["run begins", "night judged", "run ended"]);
    assert!(lines.iter().all(|line| line["level"] == "info"));
    let night = &lines[1];
    assert_eq!((night["date"].as_str(), night["events"].as_i64()), (Some(DAY), Some(6090)));
    assert_eq!(run(folder.path(), &["--log-format", "json", "--quiet"]).expect_code(0).stderr, "");
    let missing = insights(["run", "/no/such/folder", "--log-format", "json"]);
    let lines: Vec<Value> = missing.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(missing.code, Some(3));
    assert_eq!(lines[0]["level"], "error");
    for line in lines {
        chrono::DateTime::parse_from_rfc3339(line["time"].as_str().unwrap()).unwrap();
        assert!(!line["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn what_could_not_be_used_is_a_warning_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    fs::create_dir_all(events.join("date=2026-01-28")).unwrap();
    fs::copy(sample().join("date=2026-01-28/part-0000.parquet"), events.join("date=2026-01-28/part-0000.parquet"))
        .unwrap();
    fs::write(events.join("date=2026-01-28/broken.parquet"), "no Parquet").unwrap();
    let outcome =
        insights(["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--log-format", "json", "-q"]);
    let lines: Vec<Value> =
        outcome.expect_code(4).stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["level"] == "warning"), "{lines:?}");
    let told = |words: &str| lines.iter().any(|line| line["message"].as_str().unwrap().contains(words));
    assert!(told("broken.parquet: ") && told("there is no history"), "{lines:?}");
}

#[test]
fn steps_are_told_to_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["--quiet"]).expect_code(0).stderr, "");
    let verbose = run(folder.path(), &["-v"]).expect_code(0);
    let lines: Vec<&str> = verbose.stderr.lines().collect();
    assert!(lines[0].starts_with("run begins: version "), "{lines:?}");
    assert!(lines[1].starts_with("night judged: date 2026-01-29, events 6090, "), "{lines:?}");
    assert!(lines[2].starts_with("run ended: exit_code 0, seconds "), "{lines:?}");
}

/// The samples of a metrics file, after a look at its form.
fn samples(path: &Path) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(path).unwrap();
    let sample = regex::Regex::new(r#"^(insights_[a-z_]+)(\{[a-z]+="[A-Za-z_]+"\})? (-?[0-9.]+)$"#).unwrap();
    let (mut found, mut described) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            described.push(rest.split(' ').next().unwrap().to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest, format!("{} gauge", described.last().unwrap()));
        } else {
            let parts = sample.captures(line).unwrap_or_else(|| panic!("{line:?} is no sample"));
            assert_eq!(&parts[1], described.last().unwrap());
            let name = format!("{}{}", &parts[1], parts.get(2).map_or("", |labels| labels.as_str()));
            assert_eq!(found.insert(name, parts[3].parse().unwrap()), None, "{line} stands there twice");
        }
    }
    found
}

#[test]
fn metrics_count_what_the_run_reports() {
    let folder = tempfile::tempdir().unwrap();
    let (state, metrics) = (folder.path().join("state"), folder.path().join("deep/metrics.prom"));
    let outcome = run(&state, &["--metrics", metrics.to_str().unwrap(), "--format", "json"]).expect_code(0);
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let findings = told[0]["insights"].as_array().unwrap();
    let high = findings.iter().filter(|insight| insight["severity"] == "high").count();
    let samples = samples(&metrics);
    let total: f64 =
        samples.iter().filter(|(name, _)| name.starts_with("insights_findings{")).map(|(_, value)| value).sum();
    assert_eq!((total as usize, samples["insights_findings{severity=\"high\"}"] as usize), (findings.len(), high));
    assert_eq!(samples["insights_events"] as u64, told[0]["run"]["counts"]["events"].as_u64().unwrap());
    assert_eq!((samples["insights_run_success"], samples["insights_judged_days"]), (1.0, 1.0));
    assert_eq!(fs::read_dir(metrics.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn metrics_tell_of_a_run_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("metrics.prom");
    let (state, path) = (folder.path().join("state"), metrics.to_str().unwrap());
    insights(["run", "/no/such/folder", "--state", state.to_str().unwrap(), "--metrics", path]).expect_code(3);
    let samples = samples(&metrics);
    assert_eq!((samples["insights_run_success"], samples["insights_run_exit_code"]), (0.0, 3.0));
    assert!(!samples.contains_key("insights_events"));
    fs::remove_file(&metrics).unwrap();
    insights(["run", "/no/such/folder", "--set", "baseline_days=1", "--metrics", path]).expect_code(2);
    assert!((self::samples(&metrics)["insights_run_exit_code"] - 2.0).abs() < 1e-9, "wrong settings are a failure too");
}

#[test]
fn every_metric_that_an_alert_asks_for_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("metrics.prom");
    run(&folder.path().join("state"), &["--metrics", metrics.to_str().unwrap()]).expect_code(0);
    let known = samples(&metrics);
    let rules = fs::read_to_string(root().join("data/operations/prometheus-rules.yaml")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let name = regex::Regex::new(r#"insights_[a-z_]+(\{severity="[a-z]+"\})?"#).unwrap();
    let asked: Vec<&str> = name.find_iter(&rules).map(|found| found.as_str()).collect();
    assert!(asked.len() >= 5);
    for metric in asked {
        assert!(known.contains_key(metric), "{metric} is not written");
    }
    for metric in known.keys().map(|metric| metric.split('{').next().unwrap()) {
        assert!(readme.contains(&format!("`{metric}`")), "README.md lacks {metric}");
    }
}

#[test]
fn days_past_are_removed_and_the_rest_stays() {
    let state = tempfile::tempdir().unwrap();
    run(state.path(), &[]).expect_code(0);
    let before = files_below(state.path());
    for old in
        ["rollups/date=2025-11-01/rollup.parquet", "insights/date=2025-12-24/insights.jsonl", "runs/2025-12-24.json"]
    {
        let path = state.path().join(old);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "old").unwrap();
    }
    // 2026-01-29 less 36 days is 2025-12-24, which is kept.
    let outcome = run(state.path(), &["--keep", "36d"]).expect_code(0);
    assert!(outcome.stderr.contains("1 day before 2025-12-24 removed"), "{}", outcome.stderr);
    assert!(state.path().join("runs/2025-12-24.json").exists());
    run(state.path(), &["--keep", "5w"]).expect_code(0);
    assert_eq!(files_below(state.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

#[test]
fn the_second_run_is_told_who_is_there() {
    let state = tempfile::tempdir().unwrap();
    let lock = StateLock::acquire(state.path()).unwrap();
    let own = format!("process {} since 20", std::process::id());
    run(state.path(), &[]).expect_code(3).expect_said(&["is in use by", &own, "hint: wait for the other run"]);
    drop(lock);
    run(state.path(), &[]).expect_code(0);
}

#[test]
fn a_run_that_is_killed_goes_on_where_it_was() {
    let (quiet, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sample = sample();
    let arguments = |state: &Path| -> Vec<String> {
        let range = ["--from", DAY, "--to", "2026-01-31", "--outputs", "ocsf,csv,security-lake"];
        let first = ["run", sample.to_str().unwrap(), "--state", state.to_str().unwrap()];
        first.iter().chain(&range).map(|word| (*word).to_owned()).collect()
    };
    insights(arguments(quiet.path())).expect_code(0);
    let mut ended = 0;
    for milliseconds in [60, 120, 200, 300, 450, 600, 800, 1000] {
        let mut command = program();
        let mut child =
            command.args(arguments(killed.path())).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        ended += usize::from(child.try_wait().unwrap().is_some());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(ended < 8, "no run was killed before it had ended");
    insights(arguments(killed.path())).expect_code(0);
    assert_same_files(&lasting(quiet.path()), &lasting(killed.path()));
}

#[test]
fn a_memory_limit_changes_no_result_and_an_impossible_one_is_refused() {
    let (free, limited) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(free.path(), &[]).expect_code(0);
    run(limited.path(), &["--memory-limit", "400M"]).expect_code(0);
    assert_same_files(&lasting(free.path()), &lasting(limited.path()));
    run(limited.path(), &["--memory-limit", "10M"])
        .expect_code(2)
        .expect_said(&["10M is too little", "224M is the least"]);
    run(limited.path(), &["--memory-limit", "lots"]).expect_code(2).expect_said(&["such as `800M` or `2G`"]);
}

/// Matches of rules are kept, however many threads there are.
#[test]
#[cfg(target_os = "linux")]
fn a_memory_limit_that_was_not_kept_is_said_of_a_single_night() {
    let folder = tempfile::tempdir().unwrap();
    let [events, state, rules, settings, metrics] =
        ["events", "state", "rules.yml", "insights.toml", "run.prom"].map(|name| folder.path().join(name));
    write_day(&events, day(1, 5), (0..700_000).map(|call| Call::usual(call / 9, call as u32 % 20)).collect());
    let rule = "title: all\nid: all\nlogsource: {product: alibabacloud, service: actiontrail}\n\
                detection: {s: {eventName: DescribeInstances}, condition: s}\n";
    fs::write(&rules, rule).unwrap();
    fs::write(&settings, format!("[rules]\nbuiltin = false\npaths = ['{}']\n", rules.display())).unwrap();
    let words = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", "2026-01-05"];
    let files = ["--settings", settings.to_str().unwrap(), "--metrics", metrics.to_str().unwrap()];
    let run = |limit: &str| insights(words.iter().chain(&files).chain(&["--memory-limit", limit])).expect_code(0);
    run("224M")
        .expect_said(&["! the memory limit of 224M was not kept: ", " MiB were held at the most, on 1 thread: "]);
    let told = samples(&metrics);
    assert!(told["insights_run_peak_memory_bytes"] > told["insights_run_memory_limit_bytes"], "{told:?}");
    assert!(!run("8G").stderr.contains("was not kept"));
}

#[test]
fn completions_are_scripts_that_their_shell_can_read() {
    for (shell, checks) in [("bash", Some(["-n"])), ("zsh", Some(["-n"])), ("fish", Some(["--no-execute"]))] {
        let script = insights(["completions", shell]).expect_code(0).stdout;
        for word in ["rollup", "fail-on", "security-lake"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        fs::write(&file, script).unwrap();
        if let Ok(read) = Command::new(shell).args(checks.into_iter().flatten()).arg(&file).output() {
            assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr));
        }
    }
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let page = insights(["man"]).expect_code(0).stdout;
    assert!(page.contains(".TH insights 1") && page.contains("rollup"), "{page}");
    insights(["man", "--out", folder.path().to_str().unwrap()]).expect_code(0);
    for name in ["insights", "insights-run", "insights-rollup", "insights-settings"] {
        let page = fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{name}: {}", &page[..page.len().min(300)]);
    }
}

fn operations(name: &str) -> String {
    fs::read_to_string(root().join("data/operations").join(name)).unwrap()
}

/// Asks the program whether it understands a command line, without running it.
#[track_caller]
fn understood(words: &[&str]) {
    let outcome = insights(words.iter().chain(&["--help"]));
    assert_eq!(outcome.code, Some(0), "{words:?}: {}", outcome.stderr);
    assert!(words.len() > 3 && words[0] == "run", "{words:?}");
}

/// The words after the program's name in a line.
fn arguments(line: &str) -> Vec<&str> {
    line.split_once("/usr/local/bin/insights ").unwrap().1.split_whitespace().collect()
}

#[test]
fn the_service_and_the_timer_are_what_systemd_understands() {
    let folder = tempfile::tempdir().unwrap();
    let service = operations("insights.service");
    let start = service.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    understood(&arguments(start));
    let here = service.replace("/usr/local/bin/insights", env!("CARGO_BIN_EXE_insights"));
    fs::write(folder.path().join("insights.service"), here).unwrap();
    fs::write(folder.path().join("insights.timer"), operations("insights.timer")).unwrap();
    let units = ["insights.service", "insights.timer"].map(|unit| folder.path().join(unit));
    let Ok(verified) = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output() else {
        assert!(std::env::var_os("CI").is_none(), "systemd-analyze is missing, so the units were not checked");
        eprintln!("systemd-analyze is missing, so the units were not checked");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let own: Vec<&str> = said.lines().filter(|line| line.contains("insights.")).collect();
    assert!(own.is_empty(), "{own:?}");
}

#[test]
fn the_cron_line_has_a_time_a_user_and_a_command() {
    let cron = operations("insights.cron");
    let lines: Vec<&str> = cron.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let (settings, jobs): (Vec<&str>, Vec<&str>) =
        lines.into_iter().partition(|line| line.split(' ').next().unwrap().contains('='));
    assert!(settings.iter().all(|setting| !setting.starts_with("CRON_TZ")), "not every cron knows it");
    let [job] = jobs[..] else { panic!("{jobs:?}") };
    let words: Vec<&str> = job.split_whitespace().collect();
    for (word, most) in words.iter().zip([59, 23, 31, 12, 7]) {
        assert!(*word == "*" || word.parse::<u32>().is_ok_and(|number| number <= most), "{word}");
    }
    assert_eq!(words[5], "insights", "the user");
    assert!(!job.contains('%'), "cron takes a percent sign for the end of the line");
    understood(&arguments(job));
}

#[test]
fn the_cron_job_is_yaml_with_what_kubernetes_requires() {
    let job: Value = yaml_serde::from_str(&operations("cronjob.yaml")).unwrap();
    assert_eq!((&job["apiVersion"], &job["kind"]), (&Value::from("batch/v1"), &Value::from("CronJob")));
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    let container = &pod["containers"][0];
    let arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    understood(&arguments);
    let mounted = container["volumeMounts"].as_array().unwrap().iter().map(|mount| &mount["name"]);
    let volumes: Vec<&Value> = pod["volumes"].as_array().unwrap().iter().map(|volume| &volume["name"]).collect();
    assert_eq!(mounted.collect::<Vec<_>>(), volumes);
    let rules: Value = yaml_serde::from_str(&operations("prometheus-rules.yaml")).unwrap();
    assert!(rules["groups"][0]["rules"].as_array().unwrap().iter().all(|rule| rule["expr"].is_string()));
}

#[test]
fn every_level_of_severity_can_be_asked_for() {
    let state = tempfile::tempdir().unwrap();
    for (level, code) in [("informational", 1), ("info", 1), ("low", 1), ("medium", 1), ("high", 1), ("critical", 1)] {
        run(state.path(), &["--fail-on", level]).expect_code(code);
    }
    let quiet_day = day(2, 2);
    let sample = sample();
    let arguments =
        ["run", sample.to_str().unwrap(), "--state", state.path().to_str().unwrap(), "--fail-on", "critical"];
    let worst = worst_of(state.path(), quiet_day);
    insights(arguments.iter().chain(&["--date", "2026-02-02"])).expect_code(i32::from(worst));
}

/// Whether a day has a critical insight, after it was judged.
fn worst_of(state: &Path, date: NaiveDate) -> bool {
    let sample = sample();
    let (events, state) = (sample.to_str().unwrap(), state.to_str().unwrap());
    let told =
        insights(["run", events, "--state", state, "--date", &date.to_string(), "--format", "json"]).expect_code(0);
    told.stdout.contains("\"severity\": \"critical\"")
}
