//! `insights import`: audit log files into partitions.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::output::{self, Format};
use crate::cli::progress::ImportBar;
use crate::cli::{Common, exit};
use crate::import::{ImportOptions, ImportReport, Limits, import};
use crate::settings::Bytes;
use crate::shown::{counted, number, printable};

/// Turn audit log files into event partitions, every event once
#[derive(Debug, Args)]
#[command(after_help = "\
Reads ActionTrail OSS objects, SLS exports, CloudTrail files and JSON lines, plain or gzip; what a file is, is told by its \
content. Importing the same files again adds nothing.

Examples:
  insights import logs/ --out events
  insights import AliyunLogs/Actiontrail trail.json.gz --out events --format json")]
pub(super) struct ImportArgs {
    /// Log files, or folders to search for .json, .jsonl, .ndjson, .log, .txt and .gz
    #[arg(required = true, value_name = "LOGS")]
    logs: Vec<PathBuf>,
    /// Folder of partitions to add to
    #[arg(long, short, value_name = "EVENTS")]
    out: PathBuf,
    /// The most bytes that one compressed file may hold
    #[arg(long, value_name = "BYTES", default_value_t = Bytes(Limits::default().decompressed))]
    max_decompressed: Bytes,
    /// The deepest nesting of a record
    #[arg(long, value_name = "LEVELS", default_value_t = Limits::default().depth)]
    max_depth: usize,
    /// The longest string in a record, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().string)]
    max_string: usize,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &ImportArgs, common: &Common) -> anyhow::Result<u8> {
    let defaults = Limits::default();
    let limits = Limits {
        decompressed: args.max_decompressed.0,
        depth: args.max_depth,
        string: args.max_string,
        record: defaults.record.max(args.max_string.saturating_mul(8)),
    };
    let options = ImportOptions { logs: args.logs.clone(), out: args.out.clone(), limits };
    let bar = ImportBar::new(common);
    let report = import(&options, &bar)?;
    bar.finish();
    for problem in &report.problems {
        output::complain(&format!("! {}: {}", printable(&problem.file), printable(&problem.message)));
    }
    match args.format {
        Format::Json => output::json(&report)?,
        Format::Text => output::result(&text(&report))?,
    }
    Ok(if report.problems.is_empty() { exit::DONE } else { exit::PARTIAL })
}

fn text(report: &ImportReport) -> String {
    let mut text = format!(
        "{} read from {}: {} new, {} there already or repeated",
        counted(report.events, "event", "events"),
        counted(report.files, "file", "files"),
        number(report.added),
        number(report.duplicates)
    );
    if report.set_aside > 0 {
        let _ = write!(text, ", {} set aside", counted(report.set_aside, "record", "records"));
    }
    text.push('\n');
    if !report.passed_over.is_empty() {
        let each = report.passed_over.iter().map(|(what, count)| format!("{what} {}", number(*count)));
        let _ = writeln!(text, "passed over: {}", each.collect::<Vec<_>>().join(", "));
    }
    for (day, events) in &report.days {
        let _ = writeln!(text, "  {day}  {:>12}", number(*events));
    }
    text
}
