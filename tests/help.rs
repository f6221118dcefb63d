//! What `--help` says is part of the contract: a change of any option, default or example shows here.
//!
//! A subcommand that is new has no snapshot yet and so fails, until its help has been read and accepted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{Outcome, program};

/// What the program prints in a terminal of 100 columns.
fn help(arguments: &[&str]) -> String {
    let output = program().args(arguments).arg("--help").env("COLUMNS", "100").output().unwrap();
    let outcome = Outcome::from(output).expect_code(0);
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

/// The subcommands that the program names.
fn subcommands() -> Vec<String> {
    let help = help(&[]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
    names.filter(|name| name != "help").collect()
}

#[test]
fn the_program_says_what_it_can_do() {
    insta::assert_snapshot!("insights", help(&[]));
}

#[test]
fn every_subcommand_says_what_it_can_do() {
    let subcommands = subcommands();
    assert!(subcommands.len() >= 4, "{subcommands:?}");
    for subcommand in subcommands {
        insta::assert_snapshot!(format!("insights-{subcommand}"), help(&[&subcommand]));
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let all = subcommands().into_iter().map(|subcommand| help(&[&subcommand])).chain([help(&[])]);
    for line in all.flat_map(|help| help.lines().map(str::to_owned).collect::<Vec<_>>()) {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn the_version_is_the_crates() {
    let outcome = Outcome::from(program().arg("--version").output().unwrap()).expect_code(0);
    assert_eq!(outcome.stdout, format!("insights {}\n", env!("CARGO_PKG_VERSION")));
}
