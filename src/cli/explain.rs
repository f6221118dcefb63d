//! `insights explain`: why an entity's day was judged as it was.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use crate::cli::output;
use crate::cli::{Common, exit};
use crate::explain::question::Question;
use crate::explain::working::explain;
use crate::explain::{page, text};
use crate::rollup::Family;

/// Explain an insight, or any entity's day whether it alarmed or not
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
#[command(after_help = "\
Judges the night again from the counts in the state directory and shows what the job knew: calls by hour \
beside what was expected, how the expected count of an hour comes about layer by layer, the windows that \
were tested, p, rank and q, the gate that stopped it, how many calls would have been enough, whom it met \
for the first time, and with whom it was seen. Events are not read.

ABOUT is the id of an insight (its first digits are enough), or an entity as outputs write it, such as \
Oss/GetObject, LTAI5tSN662BHn4pLutEARFv or 203.0.113.7; of a user, the id alone is enough.

Examples:
  insights explain Oss/GetObject --date 2026-01-29
  insights explain LTAI5tSN662BHn4pLutEARFv --date 2026-01-29
  insights explain Oss/GetObject --date 2026-01-29 --hour 8
  insights explain --family api_error Redis/DescribeInstances/NoPermission --date 2026-01-29
  insights explain Kms/GetSecretValue --date 2026-02-02 --format json
  insights explain Oss/GetObject --date 2026-01-29 --format html > explained.html")]
pub(super) struct ExplainArgs {
    /// An insight's id, or an entity
    #[arg(value_name = "ABOUT")]
    about: String,
    /// Folder of history and results
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// The night [default: that of the insight, or the newest that is counted]
    #[arg(long, value_name = "DATE")]
    date: Option<NaiveDate>,
    /// The hour, in UTC, whose expected count is taken to pieces [default: the most telling one]
    #[arg(long, value_name = "HOUR", value_parser = clap::value_parser!(u8).range(0..24))]
    hour: Option<u8>,
    /// The kind of entity, where the name alone may be several
    #[arg(long, value_enum, value_name = "FAMILY")]
    family: Option<RatedFamily>,
    /// The account, where several have such an entity
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: ExplainFormat,
}

/// How an explanation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For a terminal
    Text,
    /// For machines, with every window
    Json,
    /// A page that needs nothing else
    Html,
}

/// The families whose rates are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum RatedFamily {
    /// An API
    Api,
    /// An API and an error code
    ApiError,
    /// An address
    SourceIp,
    /// A permanent AccessKey
    AccessKey,
    /// A user, a role or another identity
    Principal,
}

impl From<RatedFamily> for Family {
    fn from(family: RatedFamily) -> Self {
        match family {
            RatedFamily::Api => Self::Api,
            RatedFamily::ApiError => Self::ApiError,
            RatedFamily::SourceIp => Self::SourceIp,
            RatedFamily::AccessKey => Self::AccessKey,
            RatedFamily::Principal => Self::Principal,
        }
    }
}

pub(super) fn run(args: &ExplainArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = common.load_settings(&[])?;
    let family = args.family.map(Family::from);
    let question = Question { about: args.about.clone(), family, account: args.account.clone(), hour: args.hour };
    let explanation = explain(&args.state, &question, args.date, &settings)?;
    match args.format {
        ExplainFormat::Text => output::result(&text::text(&explanation, output::width()))?,
        ExplainFormat::Json => output::json(&explanation)?,
        ExplainFormat::Html => output::result(&page::page(&explanation))?,
    }
    Ok(exit::DONE)
}
