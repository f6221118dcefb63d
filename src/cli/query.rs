//! `insights query`: which events there are, how many, by what, and when.

use std::path::PathBuf;

use chrono::Utc;
use clap::Args;

use crate::cli::output;
use crate::cli::result::ResultArgs;
use crate::cli::{Common, exit, places, saved};
use crate::error::{Error, Result};
use crate::event::Column;
use crate::insight::Severity;
use crate::partition::{Partitions, Problem};
use crate::place::PlaceBook;
use crate::query::answer::{self, AnswerFormat, Heading, Kind, Value};
use crate::query::sql::{self, Tables};
use crate::query::{
    BucketLength, Field, Filter, Listing, MOST_VALUES, Request, Search, Tally, Timeline, headings, parse_moment,
};
use crate::shown::{OTHER, counted as plural, number, printable};

/// Rows of a table, where nothing else is asked for.
const TABLE_ROWS: usize = 50;

/// Find events by any condition, count them, or ask in SQL
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
#[command(after_help = "\
Conditions are joined by \"and\", the values of one condition by \"or\". A comma separates values, `*` \
stands for anything, `!` means \"not\", and `\\` takes those meanings away. Case counts in keys, ids \
and resource names only. Fields are the columns of the events, and api, principal, service, \
account, network, error, day, hour.

Examples:
  insights query data/sample --from 2026-02-03 --limit 5
  insights query data/sample --service Ram,Ims --write --failed
  insights query data/sample --source-ip 121.17.102.0/24 --user '!svc-*' --format json
  insights query data/sample --access-key LTAI5tSN662BHn4pLutEARFv --count-by service,error
  insights query data/sample --event 'Put*,Create*' --timeline 1d
  insights query data/sample --resource-name '*' --out resources.parquet
  insights query data/sample --sql 'SELECT region, count(*) AS n FROM events GROUP BY region'")]
pub(super) struct QueryArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    #[command(flatten)]
    request: Request,
    /// A search that has a name in the settings, [searches.NAME]; what is typed beside it takes the place of its own
    #[arg(long, value_name = "NAME", help_heading = "Saved searches")]
    saved: Option<String>,
    /// A value for a blank of the saved search
    #[arg(long = "parameter", short, value_name = "NAME=VALUE", requires = "saved", help_heading = "Saved searches")]
    parameters: Vec<String>,
    /// Check the saved search's alert: count its events over the last so long, note a trigger if there are too many
    #[arg(long, requires = "saved", conflicts_with_all = ["from", "to", "triggers", "count_by", "columns", "timeline", "sql"], help_heading = "Saved searches")]
    check: bool,
    /// List the times at which checks found too many events
    #[arg(long, requires = "saved", help_heading = "Saved searches")]
    triggers: bool,
    /// With --check, exit with 1 if there are too many events and the alert has this severity or above
    #[arg(long, value_enum, value_name = "SEVERITY", requires = "check", help_heading = "Saved searches")]
    fail_on: Option<Severity>,
    /// The time that "ago" counts from, and at which --check takes place [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Folder of history and results: the tables of --sql, the records of --check
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    #[command(flatten)]
    result: ResultArgs,
}

pub(super) fn run(args: &QueryArgs, common: &Common) -> anyhow::Result<u8> {
    args.result.check()?;
    let settings = common.load_settings(&[])?;
    let now = moment(args.now.as_deref())?;
    let search = args.saved.as_deref().map(|name| saved::find(&settings, name)).transpose()?;
    if let (Some(search), true) = (search, args.triggers) {
        return Ok(saved::list_triggers(search, &args.state, &args.result)?);
    }
    let request = match search {
        Some((name, search)) => search.request(name, &saved::parameters(&args.parameters)?, &args.request)?,
        None => args.request.clone(),
    };
    let mut filter = Filter::parse(&request, now)?;
    let plan = Plan::parse(&request, args.result.format())?;
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    if let (Some(search), true) = (search, args.check) {
        let check = saved::Check::new(search, &saved::parameters(&args.parameters)?, now)?;
        filter.range = check.window();
        return Ok(check.run(&Search::open(&partitions, filter), &args.state, &args.result, args.fail_on)?);
    }
    let places = if plan.may_tell_addresses() { places::open(&settings)? } else { PlaceBook::default() };
    let search = Search::open(&partitions, filter);
    let question = Question { args, request: &request, common, now, search, places: &places };
    question.warn();
    let mut problems = question.search.problems.clone();
    problems.extend(question.answer(plan)?);
    Ok(places::complain(&places, complain(&problems)))
}

/// The time that a command takes for now.
pub(super) fn moment(text: Option<&str>) -> Result<i64> {
    let now = Utc::now().timestamp_millis();
    text.map_or(Ok(now), |text| parse_moment(text, now, false).map_err(|mistake| mistake.of("--now")))
}

/// Everything that an answer depends on.
struct Question<'a> {
    args: &'a QueryArgs,
    request: &'a Request,
    common: &'a Common,
    now: i64,
    search: Search,
    places: &'a PlaceBook,
}

/// What is done with the events that are found.
enum Plan {
    Sql(String),
    Count,
    CountBy(Vec<Field>),
    Timeline(BucketLength),
    List(Vec<Field>),
}

impl Plan {
    fn parse(request: &Request, format: AnswerFormat) -> Result<Self> {
        let fields = |option: &str, lists: &[String]| Field::parse_list(lists).map_err(|mistake| mistake.of(option));
        if let Some(query) = &request.sql {
            Ok(Self::Sql(query.clone()))
        } else if request.count {
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

impl Plan {
    /// Whether one of the columns that are shown may hold addresses.
    fn may_tell_addresses(&self) -> bool {
        match self {
            Self::CountBy(fields) | Self::List(fields) => address(fields).is_some(),
            Self::Sql(_) => true,
            Self::Count | Self::Timeline(_) => false,
        }
    }
}

fn address(fields: &[Field]) -> Option<usize> {
    fields.iter().position(|field| *field == Field::Column(Column::SourceIpAddress))
}

/// Which column of an answer holds addresses, by the names that tables give it, unless their places are among the columns.
fn address_among(headings: &[Heading]) -> Option<usize> {
    let names = [Column::SourceIpAddress.name(), "source_ip", "top_source_ip"];
    let place = |name: &str| headings.iter().position(|heading| heading.name == name);
    let has_places = ["country", "network_owner", "network_number"].iter().any(|name| place(name).is_some());
    names.into_iter().find_map(place).filter(|_| !has_places)
}

/// Names what could not be used; the exit code.
pub(super) fn complain(problems: &[Problem]) -> u8 {
    for problem in problems {
        output::complain(&format!("! {}: {}", printable(&problem.file), printable(&problem.message)));
    }
    if problems.is_empty() { exit::DONE } else { exit::PARTIAL }
}

impl Question<'_> {
    /// Says why there may be nothing to find.
    fn warn(&self) {
        warn(&self.search);
    }

    fn answer(&self, plan: Plan) -> Result<Vec<Problem>> {
        match plan {
            Plan::Sql(query) => self.sql(&query),
            Plan::Count => self.count(),
            Plan::CountBy(fields) => self.count_by(&fields),
            Plan::Timeline(length) => self.timeline(length),
            Plan::List(fields) => self.list(fields),
        }
    }

    fn is_table(&self) -> bool {
        self.args.result.format() == AnswerFormat::Table
    }

    /// The most rows: 0 means all, and a table without a limit stays readable.
    fn limit(&self) -> Option<usize> {
        match self.request.limit {
            Some(0) => None,
            Some(limit) => Some(limit),
            None => self.is_table().then_some(TABLE_ROWS),
        }
    }

    /// Says something about the result that is no part of it.
    fn remark(&self, text: &str) {
        if !self.common.quiet {
            output::complain(text);
        }
    }

    fn count(&self) -> Result<Vec<Problem>> {
        let (events, problems) = self.search.count();
        let writer = self.args.result.writer(vec![Heading::new("events", Kind::Integer)])?;
        answer::write_all(writer, &[vec![Value::count(events)]])?;
        Ok(problems)
    }

    fn count_by(&self, fields: &[Field]) -> Result<Vec<Problem>> {
        let (tally, problems) = self.search.tally(fields);
        let limit = self.limit().unwrap_or(usize::MAX);
        let mut headings: Vec<Heading> = fields.iter().map(|field| Heading::new(field.name(), Kind::Text)).collect();
        headings.push(Heading::new("events", Kind::Integer));
        let mut rows: Vec<Vec<Value<'_>>> =
            tally.rows.iter().take(limit).map(|(values, events)| counted(values, *events)).collect();
        if tally.other > 0 {
            let mut other = vec![Value::Text(OTHER.into())];
            other.resize(fields.len(), Value::Null);
            other.push(Value::count(tally.other));
            rows.push(other);
        }
        answer::write_all(self.args.result.placed_writer(headings, address(fields), self.places)?, &rows)?;
        self.explain_tally(&tally, limit);
        Ok(problems)
    }

    fn explain_tally(&self, tally: &Tally, limit: usize) {
        let (all, events) = (number(tally.rows.len() as u64), number(tally.events));
        if tally.other > 0 {
            let (most, other) = (number(MOST_VALUES as u64), number(tally.other));
            output::complain(&format!("! more than {most} combinations: {other} events are counted as {OTHER}"));
        }
        if tally.rows.len() > limit {
            let left: u64 = tally.rows[limit..].iter().map(|(_, events)| events).sum();
            let left = number(left);
            self.remark(&format!(
                "{limit} of {all} shown; {left} of {events} events are in the others; --limit 0 for all"
            ));
        } else {
            self.remark(&plural(tally.events, "event", "events"));
        }
    }

    fn timeline(&self, length: BucketLength) -> Result<Vec<Problem>> {
        let (timeline, problems) = self.search.timeline(length)?;
        let most = timeline.buckets.iter().map(|(_, events)| *events).max().unwrap_or(0);
        let mut headings = vec![Heading::new("from", Kind::Time), Heading::new("events", Kind::Integer)];
        headings.extend(self.is_table().then(|| Heading::new("", Kind::Text)));
        let row = |&(start, events): &(i64, u64)| {
            let bar = self.is_table().then(|| Value::Text(bar(events, most, bar_width()).into()));
            [Value::Time(start), Value::count(events)].into_iter().chain(bar).collect()
        };
        let rows: Vec<Vec<Value<'_>>> = timeline.buckets.iter().map(row).collect();
        answer::write_all(self.args.result.writer(headings)?, &rows)?;
        self.explain_timeline(&timeline);
        Ok(problems)
    }

    fn explain_timeline(&self, timeline: &Timeline) {
        let events: u64 = timeline.buckets.iter().map(|(_, events)| events).sum();
        if timeline.timeless > 0 {
            let more = plural(timeline.timeless, "more event has", "more events have");
            output::complain(&format!("! {more} no time"));
        }
        self.remark(&plural(events, "event", "events"));
    }

    fn list(&self, fields: Vec<Field>) -> Result<Vec<Problem>> {
        let before = self.request.before.as_deref().map(|text| self.search.before(text, self.now)).transpose()?;
        let listing = Listing { fields, limit: self.limit(), offset: self.request.offset.unwrap_or(0), before };
        let headings = headings(&listing.fields);
        let mut writer = self.args.result.placed_writer(headings, address(&listing.fields), self.places)?;
        let listed = self.search.list(&listing, |rows| writer.rows(rows))?;
        writer.finish()?;
        match &listed.next {
            Some(next) => {
                self.remark(&format!("{} shown; more with --before {next}", number(listed.shown as u64)));
            }
            None if listed.shown == 0 => self.remark("no events"),
            None => {}
        }
        Ok(listed.problems)
    }

    fn sql(&self, query: &str) -> Result<Vec<Problem>> {
        if !self.search.filter.conditions.is_empty() {
            let message = "--sql: conditions other than --from and --to belong into the query".to_owned();
            let hint = Some("add them as `WHERE service_name = 'Ram' AND …`".to_owned());
            return Err(Error::Query { message, hint });
        }
        let tables = Tables::open(&self.search.files, self.search.filter.range, &self.args.state)?;
        let answer = sql::run(query, &tables)?;
        let limit = self.limit().unwrap_or(usize::MAX);
        let headings = answer.headings();
        let address = address_among(&headings);
        let mut writer = self.args.result.placed_writer(headings, address, self.places)?;
        answer.each_page(limit, |rows| writer.rows(rows))?;
        writer.finish()?;
        if answer.is_empty() {
            self.remark("no rows");
        }
        if answer.len() > limit {
            self.remark(&format!("{limit} of {} rows shown; --limit 0 for all", number(answer.len() as u64)));
        }
        Ok(Vec::new())
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

fn counted(values: &[Option<String>], events: u64) -> Vec<Value<'_>> {
    values.iter().map(|value| Value::text(value.as_deref())).chain([Value::count(events)]).collect()
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
