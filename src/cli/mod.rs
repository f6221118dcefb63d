//! The command line: what can be typed, and which room it leads to. The only place that prints.
//!
//! One file a subcommand. Results go to stdout, everything else to stderr; a reader who closes the pipe ends the program quietly.

mod evaluate;
mod generate;
mod import;
mod output;
mod progress;
mod rollup;
mod run;

use clap::{Args, Parser, Subcommand};

use crate::error::Error;

/// Exit codes that schedulers may rely on.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Done, with findings at or above `--fail-on`.
    pub const FINDINGS: u8 = 1;
    /// Done, but part of the input was unreadable and is named.
    pub const PARTIAL: u8 = 4;
    /// Input could not be read or results not written.
    pub const FAILED: u8 = 3;
}

/// Finds what deviates in cloud audit logs: nightly baselines per API, source IP and AccessKey.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  insights import logs/ --out events          audit log files into partitions
  insights run events                         the nightly job, for the newest day before today
  insights run events --from 2026-01-29 --to 2026-02-04
  insights rollup events                      only bring the history up to date

Exit codes: 0 done; 1 findings at or above --fail-on; 2 usage or settings; 3 input or output failed;
4 done, but part of the input could not be read and is named.";

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
struct Common {
    /// Settings file [default: insights.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "INSIGHTS_SETTINGS")]
    settings: Option<std::path::PathBuf>,
    /// Threads to work with [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Print results only
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::ImportArgs),
    Run(run::RunArgs),
    Rollup(rollup::RollupArgs),
    Generate(generate::GenerateArgs),
    Evaluate(evaluate::EvaluateArgs),
}

/// Runs what was typed; the exit code of a command that came to its end.
pub fn run() -> anyhow::Result<u8> {
    let cli = Cli::parse();
    if let Some(threads) = cli.common.threads {
        rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global()?;
    }
    match cli.command {
        Command::Import(args) => import::run(&args, &cli.common),
        Command::Run(args) => run::run(&args, &cli.common),
        Command::Rollup(args) => rollup::run(&args, &cli.common),
        Command::Generate(args) => generate::run(&args, &cli.common),
        Command::Evaluate(args) => evaluate::run(&args, &cli.common),
    }
}

/// Says what went wrong and what to try, and gives the exit code.
pub fn explain(error: &anyhow::Error) -> u8 {
    let closed = |cause: &&(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(|cause| closed(&cause)) {
        return exit::DONE;
    }
    let known = error.downcast_ref::<Error>();
    output::complain(&format!("error: {error}"));
    if let Some(hint) = known.and_then(Error::hint) {
        output::complain(&format!("hint: {hint}"));
    }
    known.map_or(exit::FAILED, Error::exit_code)
}
