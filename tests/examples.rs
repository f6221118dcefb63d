//! Every example runs as it stands: those of `--help`, of every command at every level, and those of the documentation.
//!
//! Examples are collected, not listed, so a new one is run from the day on which it is written. What no scene can run stands in
//! [`NOT_RUN`] with its reason, and must at least be shell. What ends with another code than 0 stands in [`CODES`].

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use common::scene::{Scene, root};
use common::{Outcome, program};
use serde_json::Value;

/// Examples that are not run, and why.
const NOT_RUN: [(&str, &str); 2] = [
    ("cargo test --release", "it is what runs this test"),
    ("cargo bench --bench calibration", "it builds and takes minutes; a small edition is tests/calibration.rs"),
];

/// Examples that end with another code than 0, as they should.
const CODES: [(&str, i32); 5] = [
    ("insights run events --catch-up --quiet --fail-on high --metrics run.prom", 1),
    ("insights run events --state /var/lib/insights --catch-up --quiet --fail-on high", 1),
    ("insights query data/sample --saved key-use --check --now 2026-01-29T11:50:00Z --fail-on high", 1),
    (
        "/usr/local/bin/insights run /srv/audit-events --catch-up --state /var/lib/insights --quiet --fail-on high \
         --keep 400d --memory-limit 1500M",
        1,
    ),
    (
        "/usr/local/bin/insights run /srv/audit-events --catch-up --state /var/lib/insights --log-format json \
         --fail-on high --keep 400d --memory-limit 1500M --metrics /var/lib/insights/metrics.prom",
        1,
    ),
];

/// Some lines that are run in one scene, one after the other.
#[derive(Debug)]
struct Block {
    of: String,
    lines: Vec<String>,
}

/// A command's own words at a terminal that is wide enough for any line.
fn help(command: &[String]) -> String {
    let output = program().args(command).arg("--help").env("COLUMNS", "400").output().unwrap();
    Outcome::from(output).expect_code(0).stdout
}

/// Every command and every subcommand of one.
fn commands(command: &[String]) -> Vec<Vec<String>> {
    let help = help(command);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let below = names.flat_map(|name| commands(&[command, &[name.to_owned()]].concat()));
    std::iter::once(command.to_vec()).chain(below).collect()
}

/// The examples of a help text: what is indented below the word.
fn examples_of_help(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty());
    listed.map(without_comment).collect()
}

/// An example without the words beside it, which two blanks set off.
fn without_comment(line: &str) -> String {
    line.trim().split("  ").next().unwrap().to_owned()
}

/// The fenced blocks of a language in a document.
fn fenced(document: &str, language: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let fence = format!("```{language}");
    let mut blocks: Vec<Vec<String>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line.trim()) {
            (false, found) if found == fence => {
                inside = true;
                blocks.push(Vec::new());
            }
            (true, "```") => inside = false,
            (true, _) => blocks.last_mut().unwrap().push(line.to_owned()),
            (false, _) => {}
        }
    }
    blocks
}

/// The shell blocks of a document.
fn shell(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (number, lines) in fenced(document, "sh").into_iter().enumerate() {
        let lines = lines.iter().map(|line| without_comment(line)).filter(|line| !line.is_empty()).collect();
        blocks.push(Block { of: format!("{document}, shell block {}", number + 1), lines });
    }
    blocks
}

/// Runs a block in a scene of its own, which may have something more; gives what went wrong.
fn run(block: &Block, add: impl Fn(&Scene)) -> Vec<String> {
    let scene = Scene::new();
    add(&scene);
    let (mut before, mut faults) = (Vec::new(), Vec::new());
    for line in &block.lines {
        if is_assignment(line) {
            before.push(line.clone());
            continue;
        }
        if NOT_RUN.iter().any(|(not_run, _)| line == not_run) {
            faults.extend((!is_shell(line)).then(|| format!("{}: no shell: {line}", block.of)));
            continue;
        }
        let wanted = CODES.iter().find(|(example, _)| example == line).map_or(0, |(_, code)| *code);
        let outcome = scene.run(&before, line);
        if outcome.code != Some(wanted) || outcome.stderr.contains("panicked") {
            let found = outcome.code;
            faults.push(format!("{}: {line}\n  {found:?}, not {wanted}: {}", block.of, outcome.stderr.trim()));
        }
    }
    faults
}

fn is_assignment(line: &str) -> bool {
    let name = line.split('=').next().unwrap();
    line.contains('=') && name.chars().all(|letter| letter.is_ascii_uppercase())
}

fn is_shell(line: &str) -> bool {
    Command::new("bash").args(["-n", "-c", line]).status().unwrap().success()
}

#[track_caller]
fn all_run(blocks: &[Block]) {
    let faults: Vec<String> =
        blocks.iter().flat_map(|block| run(block, |scene| for_command(scene, &block.of))).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Made-up events replace nothing.
fn for_command(scene: &Scene, command: &str) {
    if command == "generate" {
        fs::remove_dir_all(scene.path().join("events")).unwrap();
    }
}

/// The blocks of all help texts.
fn of_help() -> Vec<Block> {
    let block = |command: Vec<String>| Block { lines: examples_of_help(&help(&command)), of: command.join(" ") };
    commands(&[]).into_iter().map(block).filter(|block| !block.lines.is_empty()).collect()
}

/// The commands that the readme's table of commands shows.
fn of_the_table() -> Block {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let cell = regex::Regex::new(r"(?m)^\| `.*\| `(insights [^`]+)` \|$").unwrap();
    let lines = cell.captures_iter(&readme).map(|found| found[1].to_owned()).collect();
    Block { of: "README.md, commands".to_owned(), lines }
}

/// The commands of the files for schedulers.
fn of_operations() -> Block {
    let mut lines = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(root().join("data/operations")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let calls = text.lines().filter_map(|line| Some(&line[line.find("/usr/local/bin/insights ")?..]));
        lines.extend(calls.map(str::to_owned));
        if text.contains("kind: CronJob") {
            let job: Value = yaml_serde::from_str(&text).unwrap();
            let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
            let words: Vec<&str> =
                container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
            lines.push(format!("insights {}", words.join(" ")));
        }
    }
    Block { of: "data/operations".to_owned(), lines }
}

/// Gives a scene the searches that the readme defines.
fn with_searches(scene: &Scene) {
    let blocks = fenced("README.md", "toml");
    let searches = blocks.iter().find(|lines| lines[0].starts_with("[searches")).unwrap();
    fs::write(scene.path().join("insights.toml"), searches.join("\n")).unwrap();
}

#[test]
fn the_examples_of_the_help_run() {
    let blocks = of_help();
    let with_examples: Vec<&str> = blocks.iter().map(|block| block.of.as_str()).collect();
    for command in commands(&[]).iter().filter(|command| command.len() == 1) {
        assert!(with_examples.contains(&command[0].as_str()), "`insights {}` has no example", command[0]);
    }
    all_run(&blocks);
}

#[test]
fn the_shell_blocks_of_the_readme_run() {
    let blocks = shell("README.md");
    assert!(blocks.len() > 8, "{blocks:?}");
    let faults: Vec<String> = blocks.iter().flat_map(|block| run(block, with_searches)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_of_commands_runs() {
    let block = of_the_table();
    assert_eq!(block.lines.len(), commands(&[]).iter().filter(|command| command.len() == 1).count() - 1);
    all_run(&[block]);
}

#[test]
fn the_shell_blocks_of_the_notebooks_run() {
    all_run(&["notebooks/README.md", "notebooks/calibration.md"].into_iter().flat_map(shell).collect::<Vec<_>>());
}

#[test]
fn the_commands_for_schedulers_run() {
    let block = of_operations();
    assert!(block.lines.len() >= 3, "{block:?}");
    all_run(&[block]);
}

#[test]
fn the_settings_of_the_readme_are_settings() {
    for (number, lines) in fenced("README.md", "toml").into_iter().enumerate() {
        let scene = Scene::new();
        fs::write(scene.path().join("insights.toml"), lines.join("\n")).unwrap();
        for line in ["insights settings", "insights rules list"] {
            let outcome = scene.run(&[], line);
            assert_eq!(outcome.code, Some(0), "README.md, toml block {}: {line}: {}", number + 1, outcome.stderr);
        }
    }
}

#[test]
fn exceptions_are_examples() {
    let documents = ["README.md", "notebooks/README.md", "notebooks/calibration.md"].into_iter().flat_map(shell);
    let all = of_help().into_iter().chain(documents).chain([of_the_table(), of_operations()]);
    let all: BTreeSet<String> = all.flat_map(|block| block.lines).collect();
    for example in NOT_RUN.iter().map(|(line, _)| line).chain(CODES.iter().map(|(line, _)| line)) {
        assert!(all.contains(*example), "there is no such example any more: {example}");
    }
}
