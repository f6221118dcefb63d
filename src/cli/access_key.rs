//! `insights access-key`: whose keys there are, and what they were used for.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use crate::access_key::{
    KeyHistory, Keys, Precision, Trait, Use, add_events, add_rollups, find_owners, leaves_names_out,
};
use crate::cli::query::{complain, moment};
use crate::cli::result::ResultArgs;
use crate::cli::{Common, output, places};
use crate::error::Result;
use crate::partition::{Partitions, Problem};
use crate::place::PlaceBook;
use crate::query::answer::{self, AnswerFormat, Heading, Kind, Value};
use crate::query::{Filter, Glob, Patterns, Request, Search, TimeRange, rfc3339};
use crate::rollup::store;
use crate::shown::{counted, literal, number, printable};
use crate::time::{DAY_MS, midnight_ms};

/// Show whose AccessKeys there are, when they were used, for what and from where
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
#[command(after_help = "\
Without KEY, all permanent keys: from the rollups of the state directory where there are any, and \
from events for the other days. With KEY, one key of any sort in detail: from events where there \
are any, and from rollups for the other days. What only rollups tell is known to the hour (calls) \
or the day (APIs, networks), as `times_to_the` says; which calls to an API or from a network failed is not known then.

Examples:
  insights access-key data/sample --limit 5
  insights access-key data/sample LTAI5tSN662BHn4pLutEARFv
  insights access-key data/sample --owner svc-25
  insights access-key data/sample --new-network --now 2026-02-05
  insights access-key data/sample --unused 3 --now 2026-02-05 --format json")]
pub(super) struct AccessKeyArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// The key [default: all permanent ones]
    #[arg(value_name = "KEY", conflicts_with_all = ["owner", "root", "new_network", "unused"])]
    key: Option<String>,
    /// Folder of history and results
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// Not earlier than this: a date, a time, or how long ago
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Earlier than this; a date means the end of its day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only keys that were not used for so many days
    #[arg(long, value_name = "DAYS")]
    unused: Option<i64>,
    /// Only keys of these: users and roles by name or id, root for accounts' owners; `*` and `!` as in query
    #[arg(long, value_name = "LIST")]
    owner: Vec<String>,
    /// Only keys of accounts' owners
    #[arg(long)]
    root: bool,
    /// Only keys that were lately used from a network for the first time
    #[arg(long)]
    new_network: bool,
    /// How many days before a key's last use a network counts as new
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=400))]
    new_within: i64,
    /// The most rows, for one key of each kind; 0 for all [default: 50 in a table, 20 of each kind for one key, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The time that "ago" and --unused count from [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    #[command(flatten)]
    result: ResultArgs,
}

pub(super) fn run(args: &AccessKeyArgs, common: &Common) -> anyhow::Result<u8> {
    args.result.check()?;
    let settings = common.load_settings(&[])?;
    let now = moment(args.now.as_deref())?;
    let range = TimeRange::parse(args.from.as_deref(), args.to.as_deref(), now)?;
    let owners = Patterns::parse(&args.owner, false).map_err(|mistake| mistake.of("--owner"))?;
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    let places = places::open(&settings)?;
    let (keys, problems) = match &args.key {
        Some(key) => one_key(args, &partitions, range, key)?,
        None => all_keys(args, &partitions, range)?,
    };
    match &args.key {
        Some(key) => show_key(args, &keys, key, now, &places)?,
        None => show_keys(args, &keys, &owners, (now, &places), common)?,
    }
    Ok(places::complain(&places, complain(&problems)))
}

/// The days within a range: those that have a rollup to tell from, and those that have events. A rollup that leaves names out is none beside
/// events. Of a day without events that is only partly within the range nothing can be told, and that is said.
fn days(args: &AccessKeyArgs, partitions: &Partitions, range: TimeRange) -> Result<(Vec<NaiveDate>, Vec<NaiveDate>)> {
    let span = |date: &NaiveDate| (midnight_ms(*date), midnight_ms(*date) + DAY_MS - 1);
    let part = |date: &NaiveDate| range.touches(span(date));
    let events: Vec<NaiveDate> = partitions.dates().into_iter().filter(part).collect();
    let counted = store::dates(&args.state)?.into_iter().filter(part);
    let (whole, cut): (Vec<NaiveDate>, Vec<NaiveDate>) = counted.partition(|date| range.covers(span(date)));
    for date in cut.iter().filter(|date| !events.contains(date)) {
        output::complain(&format!("! {date} is left out: only its counts are there, and they are of the whole day"));
    }
    let mut told = Vec::new();
    for date in whole {
        if !leaves_names_out(&args.state, date)? {
            told.push(date);
        } else if !events.contains(&date) {
            output::complain(&format!(
                "! {date} is not known in full: its counts name the busiest keys and networks alone (`max_entities`), and its events are gone; \
                 others may have been used on it"
            ));
            told.push(date);
        }
    }
    Ok((told, events))
}

fn one_key(args: &AccessKeyArgs, partitions: &Partitions, range: TimeRange, key: &str) -> Result<(Keys, Vec<Problem>)> {
    let (rollups, events) = days(args, partitions, range)?;
    let mut keys = Keys::new();
    for date in rollups.into_iter().filter(|date| !events.contains(date)) {
        add_rollups(&mut keys, &args.state, date, Some(key))?;
    }
    let search = Search::open(partitions, used_by(literal(key), range)?);
    let mut problems = add_events(&mut keys, &search);
    problems.extend(search.problems);
    Ok((keys, problems))
}

fn all_keys(args: &AccessKeyArgs, partitions: &Partitions, range: TimeRange) -> Result<(Keys, Vec<Problem>)> {
    let (rollups, events) = days(args, partitions, range)?;
    let mut keys = Keys::new();
    for &date in &rollups {
        add_rollups(&mut keys, &args.state, date, None)?;
    }
    let uncounted: Vec<NaiveDate> = events.into_iter().filter(|date| !rollups.contains(date)).collect();
    let mut problems = Vec::new();
    // The newest days first, for an owner is who used a key last.
    for run in uncounted.chunk_by(|day, next| day.succ_opt() == Some(*next)).rev() {
        let (first, last) = (midnight_ms(run[0]), midnight_ms(run[run.len() - 1]) + DAY_MS);
        let days = TimeRange { from: Some(first), to: Some(last) };
        let search = Search::open(partitions, used_by("LTAI*,AKIA*".to_owned(), range.and(days))?);
        problems.extend(add_events(&mut keys, &search));
        problems.extend(search.problems);
    }
    // Counts do not tell owners: where the last use is among them, only later events than those above can tell.
    let counted_last = |history: &&mut KeyHistory| history.days.last().is_some_and(|last| rollups.contains(last));
    keys.values_mut().filter(counted_last).for_each(|history| history.owner = None);
    if keys.values().any(|history| history.owner.is_none()) {
        let search = Search::open(partitions, Filter { range, conditions: Vec::new() });
        problems.extend(find_owners(&mut keys, &search));
        problems.extend(search.problems);
    }
    problems.sort();
    problems.dedup();
    Ok((keys, problems))
}

fn used_by(keys: String, range: TimeRange) -> Result<Filter> {
    let filter = Filter::parse(&Request { access_key: vec![keys], ..Request::default() }, 0)?;
    Ok(Filter { range, ..filter })
}

/// Whether a key is of one of those who are wanted, and of none who is not.
fn is_of(history: &KeyHistory, Patterns { wanted, unwanted }: &Patterns) -> bool {
    let is_one_of = |patterns: &[Glob]| {
        history.owner.as_ref().is_some_and(|owner| patterns.iter().any(|pattern| owner.is_called(pattern)))
    };
    (wanted.is_empty() || is_one_of(wanted)) && !is_one_of(unwanted)
}

fn show_keys(
    args: &AccessKeyArgs,
    keys: &Keys,
    owners: &Patterns,
    (now, places): (i64, &PlaceBook),
    common: &Common,
) -> anyhow::Result<()> {
    let wanted = |history: &KeyHistory| {
        is_of(history, owners)
            && (!args.root || history.owner.as_ref().is_some_and(|owner| owner.root))
            && (!args.new_network || !history.new_networks(args.new_within).is_empty())
            && args.unused.is_none_or(|days| history.unused_days(now).is_some_and(|unused| unused >= days))
    };
    let mut found: Vec<(&String, &KeyHistory)> = keys.iter().filter(|(_, history)| wanted(history)).collect();
    found.sort_by_key(|(key, history)| (std::cmp::Reverse(history.used.map(|used| used.last)), (*key).clone()));
    let is_table = args.result.format() == AnswerFormat::Table;
    let limit = args.limit.or(is_table.then_some(50)).filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    if args.result.format() == AnswerFormat::Json {
        let summary = |(key, history): &(&String, &KeyHistory)| history.json(key, now, args.new_within, places);
        return args.result.json_lines(found.iter().take(limit).map(summary));
    }
    let rows: Vec<Vec<Value<'_>>> =
        found.iter().take(limit).map(|(key, history)| row(key, history, args.new_within)).collect();
    answer::write_all(args.result.writer(list_headings())?, &rows)?;
    if !common.quiet {
        let shown = if found.len() > limit { format!("{limit} of ") } else { String::new() };
        output::complain(&format!("{shown}{}", counted(found.len() as u64, "key", "keys")));
    }
    Ok(())
}

fn list_headings() -> Vec<Heading> {
    let text = |name: &str| Heading::new(name, Kind::Text);
    let count = |name: &str| Heading::new(name, Kind::Integer);
    let time = |name: &str| Heading::new(name, Kind::Time);
    vec![
        Heading::new("access_key", Kind::Id),
        text("owner"),
        time("first_use"),
        time("last_use"),
        count("calls"),
        count("failures"),
        count("services"),
        count("apis"),
        count("networks"),
        text("new_networks"),
        text("times_to_the"),
    ]
}

fn row<'a>(key: &'a str, history: &'a KeyHistory, new_within: i64) -> Vec<Value<'a>> {
    let used = history.used;
    let time = |time: fn(Use) -> i64| Value::time(used.map(time).map(|ms| ms - ms.rem_euclid(1000)));
    let count = |kind| Value::count(history.count(kind) as u64);
    vec![
        Value::Text(key.into()),
        Value::text(history.owner.as_ref().map(|owner| owner.principal.as_str())),
        time(|used| used.shown().0),
        time(|used| used.shown().1),
        Value::count(used.map_or(0, |used| used.calls)),
        failures(used),
        count(Trait::Service),
        count(Trait::Api),
        count(Trait::Network),
        Value::Text(history.new_networks(new_within).join(" ").into()),
        Value::text(used.map(|used| used.precision.name())),
    ]
}

/// Failed calls; nothing where it is not known which failed.
fn failures<'a>(used: Option<Use>) -> Value<'a> {
    used.map_or(Some(0), |used| used.failures).map_or(Value::Null, Value::count)
}

fn show_key(args: &AccessKeyArgs, keys: &Keys, key: &str, now: i64, places: &PlaceBook) -> anyhow::Result<()> {
    let Some(history) = keys.get(key) else {
        output::complain(&format!("there is no use of the key `{}` in that time", printable(key)));
        return Ok(());
    };
    if args.result.format() == AnswerFormat::Json {
        return args.result.json_lines([history.json(key, now, args.new_within, places)]);
    }
    if args.result.format() == AnswerFormat::Table && args.result.is_printed() {
        output::result(&heading(key, history, now, args.new_within))?;
    }
    let is_table = args.result.format() == AnswerFormat::Table;
    let limit = args.limit.or(is_table.then_some(20)).filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let mut rows: Vec<Vec<Value<'_>>> = Vec::new();
    for &kind in history.traits.keys() {
        let values = history.values(kind);
        if values.len() > limit {
            output::complain(&format!("{limit} of {} values of {} shown", values.len(), kind.name()));
        }
        rows.extend(values.into_iter().take(limit).map(|(value, used)| {
            let (first, last) = used.shown();
            vec![
                Value::Text(kind.name().into()),
                Value::Text(value.into()),
                Value::count(used.calls),
                failures(Some(used)),
                Value::Time(first),
                Value::Time(last),
                Value::Text(used.precision.name().into()),
            ]
        }));
    }
    let headings = [("kind", Kind::Text), ("value", Kind::Text), ("calls", Kind::Integer), ("failures", Kind::Integer)];
    let times = [("first_use", Kind::Time), ("last_use", Kind::Time), ("times_to_the", Kind::Text)];
    let headings: Vec<Heading> =
        headings.into_iter().chain(times).map(|(name, kind)| Heading::new(name, kind)).collect();
    let values = headings.iter().position(|heading| heading.name == "value");
    Ok(answer::write_all(args.result.placed_writer(headings, values, places)?, &rows)?)
}

fn heading(key: &str, history: &KeyHistory, now: i64, new_within: i64) -> String {
    let owner = history.owner.as_ref().map_or("an unknown owner", |owner| owner.principal.as_str());
    let account = history.account.as_deref().map_or(String::new(), |account| format!(", account {account}"));
    let Some(used) = history.used else { return String::new() };
    let new = history.new_networks(new_within);
    let networks = if new.is_empty() { String::new() } else { format!("new networks: {}\n", new.join(", ")) };
    let (first, last) = used.shown();
    let to_the = match used.precision {
        Precision::Millisecond => String::new(),
        less => format!(" (known to the {})", less.name()),
    };
    let text = format!(
        "{key} of {owner}{account}\nused from {} to {}{to_the}, on {}; unused for {}\n{}{}\n{networks}",
        rfc3339(first),
        rfc3339(last),
        counted(history.days.len() as u64, "day", "days"),
        counted(history.unused_days(now).unwrap_or(0).unsigned_abs(), "day", "days"),
        counted(used.calls, "call", "calls"),
        used.failures.map_or(String::new(), |failures| format!(", {} failed", number(failures))),
    );
    text.lines().map(|line| printable(line) + "\n").collect()
}
