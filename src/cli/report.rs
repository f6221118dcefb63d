//! `insights report`: a page or a digest of a night, or of several, made again from the state directory.

use std::path::{Path, PathBuf};

use anyhow::bail;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use crate::cli::{Common, date, exit, output};
use crate::error::Error;
use crate::query::TimeRange;
use crate::report::digest::{self, Document};
use crate::report::night::{Night, judged};
use crate::report::page;

/// How a report is written
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// A page for a browser, with charts, filter and search
    Html,
    /// For chat, tickets and mail
    Markdown,
    /// For a terminal and plain mail
    Text,
}

/// Make the report of a judged night, or a summary of several
#[derive(Debug, Args)]
#[command(after_help = "\
Reads the results of `insights run` and nothing else, so a report can be made again at any time and is then the same. \
The page is one file that loads nothing. Every run writes it to STATE/reports/DATE.html, the digest beside it.

Examples:
  insights report                                          the newest night, as text
  insights report --date 2026-02-02 --out report.html
  insights report --date 2026-02-02 --format markdown
  insights report --from 2026-01-29 --to 2026-02-04        a week in summary
  insights report --from 2026-01-29 --to 2026-02-04 --out week.md")]
pub(super) struct ReportArgs {
    /// Folder with the results
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// The night [default: the newest that was judged]
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with_all = ["from", "to"])]
    date: Option<NaiveDate>,
    /// First of several nights, for a summary
    #[arg(long, value_name = "DATE", value_parser = date, requires = "to")]
    from: Option<NaiveDate>,
    /// Last of several nights
    #[arg(long, value_name = "DATE", value_parser = date, requires = "from")]
    to: Option<NaiveDate>,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to write it [default: by the file's ending, else text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<ReportFormat>,
}

pub(super) fn run(args: &ReportArgs, common: &Common) -> anyhow::Result<u8> {
    let format = args.format.map_or_else(|| by_ending(args.out.as_deref()), Ok)?;
    args.out.as_deref().map_or(Ok(()), output::expect_folder)?;
    let text = match args.from.zip(args.to) {
        Some((from, to)) => of_document(&summary(args, from, to)?, format),
        None => of_night(&night(args)?, format),
    };
    output::result_into(args.out.as_deref(), &text, common.quiet)?;
    Ok(exit::DONE)
}

/// The form that the file's ending asks for.
fn by_ending(out: Option<&Path>) -> Result<ReportFormat, Error> {
    let Some(out) = out else { return Ok(ReportFormat::Text) };
    match out.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase().as_str() {
        "html" | "htm" => Ok(ReportFormat::Html),
        "md" | "markdown" => Ok(ReportFormat::Markdown),
        "txt" => Ok(ReportFormat::Text),
        _ => Err(Error::unknown_ending(out, ".html, .md or .txt, or a --format")),
    }
}

fn night(args: &ReportArgs) -> anyhow::Result<Night> {
    let newest = || Ok::<_, Error>(judged(&args.state)?.last().copied().unwrap_or_default());
    let date = args.date.map_or_else(newest, Ok)?;
    Ok(Night::read(&args.state, date)?)
}

fn summary(args: &ReportArgs, from: NaiveDate, to: NaiveDate) -> anyhow::Result<Document> {
    TimeRange::of_days(args.from, args.to)?;
    let known = judged(&args.state)?;
    if known.range(from..=to).next().is_none() {
        let span = known.first().zip(known.last()).map_or(String::new(), |(first, last)| format!("{first} to {last}"));
        bail!(Error::Query {
            message: format!("no results from {from} to {to} in `{}`", args.state.display()),
            hint: Some(format!("there are results from {span}")),
        });
    }
    let nights: Vec<Night> =
        known.range(from..=to).map(|&date| Night::read(&args.state, date)).collect::<Result<_, _>>()?;
    Ok(digest::range(&nights, (from, to)))
}

fn of_night(night: &Night, format: ReportFormat) -> String {
    match format {
        ReportFormat::Html => page::page(night),
        _ => of_document(&digest::night(night), format),
    }
}

fn of_document(document: &Document, format: ReportFormat) -> String {
    match format {
        ReportFormat::Html => document.html(),
        ReportFormat::Markdown => document.markdown(),
        ReportFormat::Text => document.text(),
    }
}
