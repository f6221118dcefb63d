//! The command line: what can be typed, and which room it leads to. The only place that prints.
//!
//! One file a subcommand. Results go to stdout, everything else to stderr; a reader who closes the pipe ends the program quietly.

mod access_key;
mod alert;
mod changes;
mod completions;
mod evaluate;
mod explain;
mod generate;
mod import;
mod memory;
mod output;
mod places;
mod progress;
mod query;
mod report;
mod result;
mod rollup;
mod rules;
mod run;
mod saved;
mod score;
mod settings;

use std::path::Path;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};

use crate::error::Error;
use crate::partition::Partitions;
use crate::settings::{Bytes, Layers, Settings, environment};

/// Exit codes that schedulers may rely on.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Done, with findings at or above `--fail-on`.
    pub const FINDINGS: u8 = 1;
    /// Wrong usage or settings; done, but a rule could not be used.
    pub const USAGE: u8 = 2;
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
  insights alert events --last 30m            rules only, over what arrived lately
  insights report --out report.html           the page of the newest night
  insights rollup events                      only bring the history up to date
  insights explain Oss/GetObject --date 2026-01-29
  insights score counts.csv                   judge any count series by its own past

Exit codes: 0 done; 1 findings at or above --fail-on; 2 usage, settings or rules; 3 input or output failed; \
4 done, but part of the input could not be read and is named.";

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
struct Common {
    /// Settings file [default: insights.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "INSIGHTS_SETTINGS", display_order = 1000)]
    settings: Option<std::path::PathBuf>,
    /// Set a setting for this command, such as `min_excess=20`; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_and_value, display_order = 1001)]
    overrides: Vec<(String, String)>,
    /// Threads to work with [default: all cores]
    #[arg(long, global = true, value_name = "N", env = "INSIGHTS_THREADS", value_parser = clap::value_parser!(u16).range(1..), display_order = 1002)]
    threads: Option<u16>,
    /// Make do with so much memory, such as 800M or 2G, by using fewer threads
    #[arg(long, global = true, value_name = "BYTES", display_order = 1003)]
    memory_limit: Option<Bytes>,
    /// How stderr is written
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "INSIGHTS_LOG_FORMAT",
        default_value = "text",
        display_order = 1004
    )]
    log_format: output::Format,
    /// Print results only
    #[arg(long, short, global = true, display_order = 1005)]
    quiet: bool,
    /// Tell steps and their numbers on stderr
    #[arg(long, short, global = true, conflicts_with = "quiet", display_order = 1006)]
    verbose: bool,
}

impl Common {
    /// Everything that sets a setting, `flags` being what the command's own options set.
    fn layers(&self, flags: &[(&str, String)]) -> crate::Result<Layers> {
        let mut all = self.overrides.clone();
        all.extend(self.memory_limit.map(|limit| ("operations.memory_limit".to_owned(), limit.to_string())));
        all.extend(flags.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        Layers::read(self.settings.as_deref(), environment(), &all)
    }

    /// The settings in force. Of variables that are named like settings and are none it warns: each may be one that is mistyped.
    fn load_settings(&self, flags: &[(&str, String)]) -> crate::Result<Settings> {
        let layers = self.layers(flags)?;
        complain_of_variables(&layers);
        layers.settings()
    }

    /// Starts as many threads as are asked for and fit into the memory. Settings that cannot be read set no limit here; the
    /// command that reads them says what is wrong.
    fn start_threads(&self) -> anyhow::Result<()> {
        let settings = self.layers(&[]).and_then(|layers| layers.settings());
        let limit = settings.ok().and_then(|settings| settings.operations.memory_limit);
        let asked = self.threads.map(usize::from);
        let threads = match limit {
            Some(limit) => Some(memory::threads(limit, asked.unwrap_or_else(cores))?),
            None => asked,
        };
        if let Some(threads) = threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
        }
        Ok(())
    }
}

/// Says which variables have no effect.
fn complain_of_variables(layers: &Layers) {
    for (name, meant) in layers.unknown_variables() {
        output::complain(&format!("! {name} is no setting and has no effect{meant}"));
    }
}

/// How many threads the machine runs at once; asking rayon would start them.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A day, as options take it.
fn date(text: &str) -> Result<NaiveDate, String> {
    text.trim().parse().map_err(|_| format!("expected a day such as 2026-01-29, found `{text}`"))
}

/// That there are no events between two days, and between which there are.
fn no_events(events: &Path, partitions: &Partitions, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Error {
    let known = partitions.dates();
    let span = known.first().zip(known.last()).map(|(first, last)| format!("there are events from {first} to {last}"));
    let from = from.map_or(String::new(), |from| format!(" from {from}"));
    let to = to.map_or(String::new(), |to| format!(" to {to}"));
    Error::Query { message: format!("no events{from}{to} in `{}`", events.display()), hint: span }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.to_owned()));
    pair.ok_or_else(|| format!("expected KEY=VALUE, such as `min_excess=20`, found `{text}`"))
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::ImportArgs),
    Run(run::RunArgs),
    Report(report::ReportArgs),
    Rollup(rollup::RollupArgs),
    Score(score::ScoreArgs),
    Generate(generate::GenerateArgs),
    Evaluate(evaluate::EvaluateArgs),
    Explain(explain::ExplainArgs),
    Settings(settings::SettingsArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
    Query(Box<query::QueryArgs>),
    AccessKey(access_key::AccessKeyArgs),
    Changes(changes::ChangesArgs),
    Rules(rules::RulesArgs),
    Alert(alert::AlertArgs),
}

/// Runs what was typed; the exit code of a command that came to its end.
pub fn run() -> anyhow::Result<u8> {
    let cli = Cli::parse();
    let json = cli.common.log_format == output::Format::Json;
    output::set_manner(output::Manner { json, verbose: cli.common.verbose, quiet: cli.common.quiet });
    cli.common.start_threads()?;
    #[cfg(unix)]
    survive_files_that_may_not_grow()?;
    match cli.command {
        Command::Import(args) => import::run(&args, &cli.common),
        Command::Run(args) => run::run(&args, &cli.common),
        Command::Report(args) => report::run(&args, &cli.common),
        Command::Rollup(args) => rollup::run(&args, &cli.common),
        Command::Score(args) => score::run(&args, &cli.common),
        Command::Generate(args) => generate::run(&args, &cli.common),
        Command::Evaluate(args) => evaluate::run(&args, &cli.common),
        Command::Explain(args) => explain::run(&args, &cli.common),
        Command::Settings(args) => settings::run(&args, &cli.common),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
        Command::Query(args) => query::run(&args, &cli.common),
        Command::AccessKey(args) => access_key::run(&args, &cli.common),
        Command::Changes(args) => changes::run(&args, &cli.common),
        Command::Rules(args) => rules::run(&args, &cli.common),
        Command::Alert(args) => alert::run(&args, &cli.common),
    }
}

/// Lets a write beyond the limit of a file's size fail, so that it is told like a full disk. The signal that comes with it would end the
/// program without a word; that it is caught is enough.
#[cfg(unix)]
fn survive_files_that_may_not_grow() -> anyhow::Result<()> {
    use signal_hook::consts::SIGXFSZ;
    signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default())
        .map_err(|error| anyhow::anyhow!("cannot catch the signal of files that may not grow: {error}"))?;
    Ok(())
}

/// Says what went wrong and what to try, and gives the exit code.
pub fn explain(error: &anyhow::Error) -> u8 {
    let code = explain_code(error);
    if code != exit::DONE {
        output::complain(&format!("error: {error}"));
        if let Some(hint) = error.downcast_ref::<Error>().and_then(Error::hint) {
            output::complain(&format!("hint: {hint}"));
        }
    }
    code
}

/// The exit code of an error; a reader who closed the pipe has had enough, and that is none.
fn explain_code(error: &anyhow::Error) -> u8 {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return exit::DONE;
    }
    error.downcast_ref::<Error>().map_or(exit::FAILED, Error::exit_code)
}
