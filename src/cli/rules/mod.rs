//! `insights rules`: the rule catalogue, and trying rules out. A file for each of its subcommands.

mod check;
mod list;
mod show;
mod test;

use crate::cli::{Common, exit, output};
use crate::rules::Refusal;
use crate::shown::{Shown, TextTable};
use clap::{Args, Subcommand};

/// List, show, check and try out rules in the Sigma language
#[derive(Debug, Args)]
#[command(after_help = "\
Rules are the built-in ones and those of `paths` under [rules] in insights.toml. A rule that cannot \
be used is named with its place and what to write instead; the others go on, and the exit code is 2.

Examples:
  insights rules list --tag attack.persistence --level high
  insights rules show cis.at.trail_off
  insights rules list --format markdown > rules.md
  insights rules check my-rules/
  insights rules test                             every rule against the example events in its file
  insights rules test my-rules --events events    how often each rule matches in partitions")]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Check(check::CheckArgs),
    Test(test::TestArgs),
}

/// The exit code when a rule cannot be used, or contradicts its examples.
const FAULTY: u8 = exit::USAGE;

pub(super) fn run(args: &RulesArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = common.load_settings(&[])?;
    match &args.command {
        RulesCommand::List(args) => list::run(args, &settings.rules),
        RulesCommand::Show(args) => show::run(args, &settings.rules),
        RulesCommand::Check(args) => check::run(args, &settings.rules),
        RulesCommand::Test(args) => test::run(args, &settings, common),
    }
}

fn table<const N: usize>(columns: [(&str, Shown); N], rows: impl Iterator<Item = [String; N]>) -> TextTable {
    let mut table = TextTable::new(output::width(), columns);
    rows.for_each(|row| table.row(row));
    table
}

/// Names what cannot be used; the exit code.
fn complain(refusals: &[Refusal]) -> u8 {
    for refusal in refusals {
        output::complain(&format!("! {refusal}"));
    }
    if refusals.is_empty() { exit::DONE } else { FAULTY }
}
