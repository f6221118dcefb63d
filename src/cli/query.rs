//! `insights query`: which events there are, how many, by what, and when.

use std::io::{BufWriter, stdout};
use std::path::PathBuf;

use chrono::Utc;
use clap::Args;

use crate::cli::output;
use crate::cli::{Common, exit};
use crate::error::Result;
use crate::event::Column;
use crate::insight::sentence_number as number;
use crate::partition::{Partitions, Problem};
use crate::query::answer::{self, AnswerFormat, AnswerWriter, Heading, Kind, Sink, Value};
use crate::query::{
    BucketLength, Field, Filter, Listing, MOST_VALUES, OTHER, Request, Search, Tally, Timeline, headings,
};
use crate::report::summary::printable;
use crate::settings::Settings;

/// Rows of a table, where nothing else is asked for.
const TABLE_ROWS: usize = 50;

/// Find events by any condition, count them, or ask in SQL
#[derive(Debug, Args)]
#[command(after_help = "\
Conditions are joined by \"and\", the values of one condition by \"or\". A comma separates values, `*` stands for anything, `!` means
\"not\", and `\\` takes those meanings away. Case counts in keys, ids and resource names only.

Fields for --columns and --count-by: any column (see --columns nothing for a list), and api, principal, service, account, network, error, day, hour.

Examples:
  insights query data/sample --from 2026-02-03 --limit 5
  insights query data/sample --service Ram --write --failed")]
pub(super) struct QueryArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    result: ResultArgs,
}

/// Where a result goes and in what form.
#[derive(Debug, Args)]
pub(super) struct ResultArgs {
    /// How to write the result [default: table, or what the ending of --out says]
    #[arg(long, value_enum)]
    format: Option<AnswerFormat>,
    /// File to write the result to [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl ResultArgs {
    /// The form that is asked for.
    pub(super) fn format(&self) -> AnswerFormat {
        let by_ending = || self.out.as_deref().and_then(AnswerFormat::of_file);
        self.format.or_else(by_ending).unwrap_or(AnswerFormat::Table)
    }

    fn sink(&self) -> Result<Sink> {
        match &self.out {
            Some(path) => Sink::file(path),
            None => Ok(Sink::Stream(Box::new(BufWriter::new(stdout().lock())))),
        }
    }

    /// Starts a result.
    pub(super) fn writer(&self, headings: Vec<Heading>) -> Result<Box<dyn AnswerWriter>> {
        answer::writer(self.format(), headings, self.sink()?, output::width())
    }
}

pub(super) fn run(args: &QueryArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = Settings::load(common.settings.as_deref())?;
    let now = Utc::now().timestamp_millis();
    let request = &args.request;
    let filter = Filter::parse(request, now)?;
    let plan = Plan::parse(request, args.result.format())?;
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    let search = Search::open(&partitions, filter);
    warn(&search);
    let mut problems = search.problems.clone();
    problems.extend(match plan {
        Plan::Count => count(&search, &args.result)?,
        Plan::CountBy(fields) => count_by(&search, &fields, args)?,
        Plan::Timeline(length) => timeline(&search, length, &args.result)?,
        Plan::List(fields) => list(&search, fields, args, common, now)?,
    });
    Ok(complain(&problems))
}

/// What is done with the events that are found.
enum Plan {
    Count,
    CountBy(Vec<Field>),
    Timeline(BucketLength),
    List(Vec<Field>),
}

impl Plan {
    fn parse(request: &Request, format: AnswerFormat) -> Result<Self> {
        let fields = |option: &str, lists: &[String]| Field::parse_list(lists).map_err(|mistake| mistake.of(option));
        if request.count {
            Ok(Self::Count)
        } else if !request.count_by.is_empty() {
            fields("--count-by", &request.count_by).map(Self::CountBy)
        } else if let Some(length) = &request.timeline {
            Ok(Self::Timeline(BucketLength::parse(length).map_err(|mistake| mistake.of("--timeline"))?))
        } else if !request.columns.is_empty() {
            fields("--columns", &request.columns).map(Self::List)
        } else if format == AnswerFormat::Table {
            Ok(Self::List(Field::TABLE.to_vec()))
        } else {
            Ok(Self::List(Field::columns()))
        }
    }
}

/// Says why there may be nothing to find.
fn warn(search: &Search) {
    if search.files.is_empty()
        && let Some((first, last)) = search.days
    {
        output::complain(&format!("there are no events in that time; there are events from {first} to {last}"));
    }
    let absent = search.absent_columns();
    for condition in &search.filter.conditions {
        let columns: Vec<Column> = condition.columns().concat();
        if columns.iter().all(|column| absent.contains(column)) {
            let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
            output::complain(&format!("! these events have no column for {}: all are without", names.join(", ")));
        }
    }
}

/// Names what could not be used; the exit code.
pub(super) fn complain(problems: &[Problem]) -> u8 {
    for problem in problems {
        output::complain(&format!("! {}: {}", printable(&problem.file), printable(&problem.message)));
    }
    if problems.is_empty() { exit::DONE } else { exit::PARTIAL }
}

fn count(search: &Search, result: &ResultArgs) -> Result<Vec<Problem>> {
    let (events, problems) = search.count();
    let mut writer = result.writer(vec![Heading::new("events", Kind::Integer)])?;
    writer.rows(&[vec![Value::count(events)]])?;
    writer.finish()?;
    Ok(problems)
}

fn count_by(search: &Search, fields: &[Field], args: &QueryArgs) -> Result<Vec<Problem>> {
    let (tally, problems) = search.tally(fields);
    let is_table = args.result.format() == AnswerFormat::Table;
    let limit = limit(args.request.limit, is_table).unwrap_or(usize::MAX);
    let mut headings: Vec<Heading> = fields.iter().map(|field| Heading::new(field.name(), Kind::Text)).collect();
    headings.push(Heading::new("events", Kind::Integer));
    let mut rows: Vec<Vec<Value<'_>>> = tally.rows.iter().take(limit).map(|(values, events)| row(values, *events)).collect();
    if tally.other > 0 {
        let mut other = vec![Value::Text(OTHER.into())];
        other.resize(fields.len(), Value::Null);
        other.push(Value::count(tally.other));
        rows.push(other);
    }
    answer::write_all(args.result.writer(headings)?, &rows)?;
    explain_tally(&tally, limit);
    Ok(problems)
}

fn row<'a>(values: &'a [Option<String>], events: u64) -> Vec<Value<'a>> {
    let mut row: Vec<Value<'a>> = values.iter().map(|value| Value::text(value.as_deref())).collect();
    row.push(Value::count(events));
    row
}

fn explain_tally(tally: &Tally, limit: usize) {
    if tally.other > 0 {
        output::complain(&format!(
            "! more than {} combinations: {} events are counted as {OTHER}",
            number(MOST_VALUES as u64),
            number(tally.other)
        ));
    }
    let (all, events) = (tally.rows.len(), number(tally.events));
    if all > limit {
        let left: u64 = tally.rows[limit..].iter().map(|(_, events)| events).sum();
        let (all, left) = (number(all as u64), number(left));
        output::complain(&format!("{limit} of {all} shown, {left} of {events} events in the others; --limit 0 for all"));
    } else {
        output::complain(&format!("{events} events"));
    }
}

fn timeline(search: &Search, length: BucketLength, result: &ResultArgs) -> Result<Vec<Problem>> {
    let (timeline, problems) = search.timeline(length)?;
    let is_table = result.format() == AnswerFormat::Table;
    let most = timeline.buckets.iter().map(|(_, events)| *events).max().unwrap_or(0);
    let mut headings = vec![Heading::new("from", Kind::Time), Heading::new("events", Kind::Integer)];
    if is_table {
        headings.push(Heading::new("", Kind::Text));
    }
    let row = |&(start, events): &(i64, u64)| {
        let mut row = vec![Value::Time(start), Value::count(events)];
        if is_table {
            row.push(Value::Text(bar(events, most, bar_width()).into()));
        }
        row
    };
    let rows: Vec<Vec<Value<'_>>> = timeline.buckets.iter().map(row).collect();
    answer::write_all(result.writer(headings)?, &rows)?;
    explain_timeline(&timeline);
    Ok(problems)
}

fn explain_timeline(timeline: &Timeline) {
    let events: u64 = timeline.buckets.iter().map(|(_, events)| events).sum();
    let timeless = if timeline.timeless > 0 {
        format!("; {} more have no time", number(timeline.timeless))
    } else {
        String::new()
    };
    output::complain(&format!("{} events{timeless}", number(events)));
}

/// What a table leaves for bars beside times, numbers and borders.
fn bar_width() -> usize {
    usize::from(output::width().unwrap_or(120)).saturating_sub(48).clamp(8, 80)
}

/// A bar in eighths of a character; whatever is not nothing is seen.
fn bar(events: u64, most: u64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (events as f64 / most.max(1) as f64 * (width * 8) as f64).round() as usize;
    let eighths = if events > 0 { eighths.max(1) } else { 0 };
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

fn list(search: &Search, fields: Vec<Field>, args: &QueryArgs, common: &Common, now: i64) -> Result<Vec<Problem>> {
    let request = &args.request;
    let is_table = args.result.format() == AnswerFormat::Table;
    let before = request.before.as_deref().map(|text| search.before(text, now)).transpose()?;
    let limit = limit(request.limit, is_table);
    let listing = Listing { fields, limit, offset: request.offset.unwrap_or(0), before };
    let mut writer = args.result.writer(headings(&listing.fields))?;
    let listed = search.list(&listing, |rows| writer.rows(rows))?;
    writer.finish()?;
    if !common.quiet {
        match listed.next {
            Some(next) => output::complain(&format!("{} shown; more with --before {next}", number(listed.shown as u64))),
            None if listed.shown == 0 => output::complain("no events"),
            None => {}
        }
    }
    Ok(listed.problems)
}

/// 0 means all; a table without a limit stays readable.
fn limit(asked: Option<usize>, is_table: bool) -> Option<usize> {
    match asked {
        Some(0) => None,
        Some(limit) => Some(limit),
        None => is_table.then_some(TABLE_ROWS),
    }
}
