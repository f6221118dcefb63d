//! `insights explain`: why an entity's day was judged as it was.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use crate::cli::{Common, exit, output, places};
use crate::error::Error;
use crate::explain::explain;
use crate::explain::question::Question;
use crate::partition::Partitions;
use crate::rollup::Family;

/// Explain an insight, or any entity's day or changes, whether they alarmed or not
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
#[command(after_help = "\
Judges the night again from the counts in the state directory and shows what the job knew: calls by hour \
beside what was expected, how the expected count of an hour comes about layer by layer, the windows that \
were tested, p, rank and q, the gate that stopped it, how many calls would have been enough, whom it met \
for the first time, and with whom it was seen. Events are read with --events alone.

ABOUT is the id of an insight (its first digits are enough), or an entity as outputs write it, such as \
Oss/GetObject, LTAI5tSN662BHn4pLutEARFv or 203.0.113.7; of a user or role, the id or the name is enough. \
Names are those of insights and, with --events, of the events of the night.

Changes of permissions, passwords and the trail are reported by their meaning. Of an insight about some, or with \
--family change and a principal, an account, a service or a kind (permission, password, trail), it shows what was \
changed, which rule reported it or why none did, what makes it serious, and how its severity came about.

Examples:
  insights explain Oss/GetObject --date 2026-01-29
  insights explain LTAI5tSN662BHn4pLutEARFv --date 2026-01-29
  insights explain Oss/GetObject --date 2026-01-29 --hour 8
  insights explain --family api_error Redis/DescribeInstances/NoPermission --date 2026-01-29
  insights explain Kms/GetSecretValue --date 2026-02-02 --format json
  insights explain svc-25 --date 2026-01-29 --events data/sample
  insights explain --family change nora61 --date 2026-01-29 --events data/sample
  insights explain --family change permission --date 2026-01-29
  insights explain Oss/GetObject --date 2026-01-29 --out explained.html")]
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
    family: Option<JudgedFamily>,
    /// The account, where several have such an entity
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Folder of event partitions, for the changes one by one and for names
    #[arg(long, value_name = "EVENTS")]
    events: Option<PathBuf>,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to write it [default: by the file's ending, else text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<ExplainFormat>,
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

/// The families that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum JudgedFamily {
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
    /// Changes of permissions, passwords and the trail
    Change,
}

impl From<JudgedFamily> for Family {
    fn from(family: JudgedFamily) -> Self {
        match family {
            JudgedFamily::Api => Self::Api,
            JudgedFamily::ApiError => Self::ApiError,
            JudgedFamily::SourceIp => Self::SourceIp,
            JudgedFamily::AccessKey => Self::AccessKey,
            JudgedFamily::Principal => Self::Principal,
            JudgedFamily::Change => Self::Change,
        }
    }
}

pub(super) fn run(args: &ExplainArgs, common: &Common) -> anyhow::Result<u8> {
    let format = args.format.map_or_else(|| by_ending(args.out.as_deref()), Ok)?;
    args.out.as_deref().map_or(Ok(()), output::expect_folder)?;
    let settings = common.load_settings(&[])?;
    let events = args.events.as_deref().map(|events| Partitions::find(events, &settings.columns)).transpose()?;
    let family = args.family.map(Family::from);
    let question = Question { about: args.about.clone(), family, account: args.account.clone(), hour: args.hour };
    let places = places::open(&settings)?;
    let mut explained = explain(&args.state, &question, args.date, &settings, events.as_ref())?;
    explained.locate(&places);
    let width = args.out.is_none().then(output::width).flatten();
    let text = match format {
        ExplainFormat::Text => explained.text(width),
        ExplainFormat::Json => serde_json::to_string_pretty(&explained)? + "\n",
        ExplainFormat::Html => explained.page(),
    };
    output::result_into(args.out.as_deref(), &text, common.quiet)?;
    Ok(places::complain(&places, exit::DONE))
}

/// The form that the file's ending asks for.
fn by_ending(out: Option<&Path>) -> Result<ExplainFormat, Error> {
    let Some(out) = out else { return Ok(ExplainFormat::Text) };
    match out.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase().as_str() {
        "html" | "htm" => Ok(ExplainFormat::Html),
        "json" => Ok(ExplainFormat::Json),
        "txt" => Ok(ExplainFormat::Text),
        _ => Err(Error::unknown_ending(out, ".html, .json or .txt")),
    }
}
