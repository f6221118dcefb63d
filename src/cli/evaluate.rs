//! `insights evaluate`: how good the insights are.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::output::{self, Format};
use crate::cli::{Common, exit};
use crate::evaluate::{Which, evaluate, list, text};

/// Compare insights with labels: precision, recall, false alerts, timing, culprits
#[derive(Debug, Args)]
#[command(after_help = "\
Labels are lines of JSON as `insights generate` writes them: start, end, family, entity, kind and, \
where known, account, size, expected, calls, anomaly (labels of one anomaly are one attack).

An insight is true if it names the entity and direction of a label and touches one of its hours; \
each label is found once. Insights that repeat a label, or that are side effects of a labelled \
attack, count as neither true nor false; the latter are known by attributions, which a table \
(insights.parquet) has not, so that they count as false there. False alerts per entity-day need the records of the runs \
beside the insights.

--list tells them one by one instead, with calls, expected calls, p and score, and with the nearest label of an insight, \
or the nearest insight of a label, and what keeps the two apart.

Examples:
  insights evaluate state --labels events/labels.jsonl
  insights evaluate insights.jsonl --labels labels.jsonl --format json
  insights evaluate state --labels events/labels.jsonl --list missed")]
pub(super) struct EvaluateArgs {
    /// State directory, its insights folder, or a file of insights (.jsonl, .parquet)
    #[arg(value_name = "INSIGHTS")]
    insights: PathBuf,
    /// What is known to have happened, one line of JSON for each entity
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// List what was false, what was missed, or all, in place of the measures
    #[arg(long, value_enum, value_name = "WHICH")]
    list: Option<Listing>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Listing {
    /// Insights about nothing that is labelled
    False,
    /// Labels that no insight found
    Missed,
    /// Every insight, and every label that none found
    All,
}

impl From<Listing> for Which {
    fn from(listing: Listing) -> Self {
        match listing {
            Listing::False => Self::False,
            Listing::Missed => Self::Missed,
            Listing::All => Self::All,
        }
    }
}

pub(super) fn run(args: &EvaluateArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = common.load_settings(&[])?;
    if let Some(which) = args.list {
        let list = list(&args.insights, &args.labels, which.into())?;
        return tell(args, &list, |list| text::listed(list, output::width()));
    }
    let evaluation = evaluate(&args.insights, &args.labels, settings.thresholds.false_discovery_rate)?;
    tell(args, &evaluation, |evaluation| text::text(evaluation, output::width()))
}

fn tell<T: serde::Serialize>(args: &EvaluateArgs, result: &T, text: impl Fn(&T) -> String) -> anyhow::Result<u8> {
    if args.insights.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        output::complain(
            "! a table has no attributions: side effects of attacks may count as false, and culprits are not measured; insights.jsonl has",
        );
    }
    match args.format {
        Format::Text => output::result(&text(result))?,
        Format::Json => output::json(result)?,
    }
    Ok(exit::DONE)
}
