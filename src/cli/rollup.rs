//! `insights rollup`: only bring the history up to date.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use crate::cli::output;
use crate::cli::{Common, date, exit, no_events, progress};
use crate::partition::Partitions;
use crate::query::TimeRange;
use crate::rollup::mend::Mended;
use crate::rollup::update::{Counting, DayOutcome, OF_OTHER_SETTINGS, update};
use crate::shown::{counted, printable};
use crate::storage::StateLock;

/// Count events by entity and hour, so that later nights have a history
#[derive(Debug, Args)]
#[command(after_help = "\
Days whose files have not changed since they were counted are left alone.

Examples:
  insights rollup events
  insights rollup events --from 2026-01-01 --to 2026-01-31 --state state")]
pub(super) struct RollupArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// Folder for history and results
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// First day [default: the first there is]
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<NaiveDate>,
    /// Last day [default: the last there is]
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<NaiveDate>,
    /// Count by the hour only, without which entities were seen together
    #[arg(long)]
    no_pairs: bool,
}

pub(super) fn run(args: &RollupArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = common.load_settings(&[])?;
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    TimeRange::of_days(args.from, args.to)?;
    let _lock = StateLock::acquire(&args.state)?;
    let wanted = |date: &NaiveDate| args.from.is_none_or(|from| *date >= from) && args.to.is_none_or(|to| *date <= to);
    let dates: Vec<NaiveDate> = partitions.dates_with_neighbours().into_iter().filter(wanted).collect();
    if dates.is_empty() && (args.from.is_some() || args.to.is_some()) {
        anyhow::bail!(no_events(&args.events, &partitions, args.from, args.to));
    }
    let bar = progress::events(common, "counting", None);
    let counting = Counting { pairs: !args.no_pairs, max_entities: settings.max_entities };
    let mut mended = Mended::default();
    let result = loop {
        match update(&partitions, &dates, &args.state, counting, &|events| bar.inc(events)) {
            Err(error) => mended.remove(error, &partitions, &args.state)?,
            Ok(result) => break result,
        }
    };
    bar.finish_and_clear();
    for said in mended.sentences() {
        output::complain(&format!("! {said}"));
    }
    let problems = result.all_problems();
    for problem in &problems {
        output::complain(&format!("! {}: {}", printable(&problem.file), printable(&problem.message)));
    }
    for day in &result.days {
        for warning in day.note.counts.warnings() {
            output::complain(&format!("! {}: {warning}", day.note.date));
        }
    }
    for day in result.of_other_settings() {
        output::complain(&format!("! {day}: {OF_OTHER_SETTINGS}"));
    }
    let partial = !problems.is_empty() || result.days.iter().any(|day| day.note.counts.is_partial());
    let done = result.days.iter().filter(|day| day.outcome == DayOutcome::Counted).count();
    let events: u64 = result.days.iter().map(|day| day.note.counts.events).sum();
    let left = result.days.len() - done;
    output::result(&format!(
        "{} counted, {left} left as they were; {} in all\n",
        counted(done as u64, "day", "days"),
        counted(events, "event", "events")
    ))?;
    Ok(if partial { exit::PARTIAL } else { exit::DONE })
}
