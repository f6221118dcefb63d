//! `insights run`: the job.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::bail;
use chrono::{NaiveDate, Utc};
use clap::Args;

use crate::cli::output::{self, Format};
use crate::cli::{Common, exit, progress};
use crate::insight::{Insight, Severity};
use crate::partition::Partitions;
use crate::pipeline::{NightResult, run_night};
use crate::report::summary;
use crate::settings::Settings;
use crate::storage::StateLock;

/// Find what deviates on a day, compared with the days before it
#[derive(Debug, Args)]
#[command(after_help = "\
Counts whatever days of the baseline window were not counted yet, judges the day, and writes insights.jsonl (ActionTrail
Insights events), insights.parquet (the same, flat) and a record of the run into the state directory.

Examples:
  insights run events                          the newest day before today (UTC)
  insights run events --date 2026-02-04 --state /var/lib/insights
  insights run events --from 2026-01-29 --to 2026-02-04
  insights run events --quiet --fail-on high   for a scheduler")]
pub(super) struct RunArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// Folder for history and results
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// The day to judge [default: the newest before today (UTC)]
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "to"])]
    date: Option<NaiveDate>,
    /// First of several days, judged one after the other
    #[arg(long, value_name = "DATE", requires = "to")]
    from: Option<NaiveDate>,
    /// Last of several days
    #[arg(long, value_name = "DATE", requires = "from")]
    to: Option<NaiveDate>,
    /// Exit with 1 if there is an insight of this severity or above
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &RunArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = Settings::load(common.settings.as_deref())?;
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    let dates = dates(args, &partitions)?;
    let _lock = StateLock::acquire(&args.state)?;
    let mut nights = Vec::new();
    for date in dates {
        let bar = progress::events(common, &date.to_string(), None);
        let night = run_night(&partitions, date, &args.state, &settings, &|events| bar.inc(events))?;
        bar.finish_and_clear();
        if args.format == Format::Text {
            output::result(&text(&night, common))?;
        }
        nights.push(night);
    }
    if args.format == Format::Json {
        let value = |night: &NightResult| serde_json::json!({ "run": night.record, "incidents": night.incidents, "insights": night.insights });
        output::json(&nights.iter().map(value).collect::<Vec<_>>())?;
    }
    Ok(code(args, &nights))
}

fn dates(args: &RunArgs, partitions: &Partitions) -> anyhow::Result<Vec<NaiveDate>> {
    let known = partitions.dates();
    if let Some(date) = args.date {
        return Ok(vec![date]);
    }
    if let (Some(from), Some(to)) = (args.from, args.to) {
        let between: Vec<NaiveDate> = known.into_iter().filter(|date| (from..=to).contains(date)).collect();
        if between.is_empty() {
            bail!("no events from {from} to {to} in `{}`", args.events.display());
        }
        return Ok(between);
    }
    let today = Utc::now().date_naive();
    match known.into_iter().rfind(|date| *date < today) {
        Some(date) => Ok(vec![date]),
        None => bail!(
            "no usable events before today ({today}) in `{}`{}",
            args.events.display(),
            partitions.problems().first().map_or(String::new(), |problem| format!("; {}", problem.message))
        ),
    }
}

fn text(night: &NightResult, common: &Common) -> String {
    let mut text = summary::night(&night.record, &night.insights, output::width());
    if !common.quiet {
        for path in &night.written {
            let _ = writeln!(text, "wrote {}", path.display());
        }
    }
    text.push('\n');
    text
}

fn code(args: &RunArgs, nights: &[NightResult]) -> u8 {
    let serious = |insight: &Insight| args.fail_on.is_some_and(|least| insight.severity >= least);
    if nights.iter().any(|night| night.record.is_partial()) {
        exit::PARTIAL
    } else if nights.iter().any(|night| night.insights.iter().any(serious)) {
        exit::FINDINGS
    } else {
        exit::DONE
    }
}
