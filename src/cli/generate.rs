//! `insights generate`: labelled synthetic partitions.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use crate::cli::output;
use crate::cli::{Common, exit, progress};
use crate::generate::{LABELS, Options, generate};
use crate::shown::counted;

/// Make synthetic event partitions with planted anomalies and their labels
#[derive(Debug, Args)]
#[command(after_help = "\
The same options give the same bytes. What was planted stands in labels.jsonl: interval, family, entity and kind.

Examples:
  insights generate --out events --days 35 --events-per-day 6000
  insights generate --out quiet --quiet-days --seed 3")]
pub(super) struct GenerateArgs {
    /// Folder to write partitions and labels to
    #[arg(long, short, value_name = "EVENTS")]
    out: PathBuf,
    /// What all chance is derived from
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,
    /// The first day
    #[arg(long, value_name = "DATE", default_value_t = Options::default().first_day)]
    first_day: NaiveDate,
    /// How many days
    #[arg(long, value_name = "N", default_value_t = Options::default().days, value_parser = clap::value_parser!(u32).range(1..=4000))]
    days: u32,
    /// How many events a day has on average
    #[arg(long, value_name = "N", default_value_t = Options::default().events_per_day, value_parser = clap::value_parser!(u64).range(100..=1_000_000_000))]
    events_per_day: u64,
    /// How many days at the end may have anomalies
    #[arg(long, value_name = "N", default_value_t = Options::default().anomaly_days)]
    anomaly_days: u32,
    /// Plant no anomalies
    #[arg(long)]
    quiet_days: bool,
}

pub(super) fn run(args: &GenerateArgs, common: &Common) -> anyhow::Result<u8> {
    let options = Options {
        seed: args.seed,
        first_day: args.first_day,
        days: args.days,
        events_per_day: args.events_per_day,
        quiet: args.quiet_days,
        anomaly_days: args.anomaly_days,
    };
    let total = u64::from(args.days) * args.events_per_day;
    let bar = progress::events(common, "generating", Some(total));
    let made = generate(&options, &args.out, &|events| bar.inc(events))?;
    bar.finish_and_clear();
    output::result(&format!(
        "{} on {}, {} in {}\n",
        counted(made.events, "event", "events"),
        counted(u64::from(made.days), "day", "days"),
        counted(made.labels as u64, "label", "labels"),
        args.out.join(LABELS).display()
    ))?;
    Ok(exit::DONE)
}
