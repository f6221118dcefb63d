//! `insights rules test`: rules against their own examples, or over partitions.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::cli::output::{self, Format};
use crate::cli::rules::{FAULTY, complain, table};
use crate::cli::{Common, exit, places, progress};
use crate::partition::Partitions;
use crate::place::{self, PlaceBook};
use crate::rules::example::{Failure, try_all};
use crate::rules::replay::{Replay, RuleHits, Seen, replay};
use crate::rules::{CorrelationMatch, Match, RuleSet, RuleSettings};
use crate::settings::Settings;
use crate::shown::{Shown, counted, number, printable};

/// Bytes of lines that are printed at a time.
const LINES_AT_A_TIME: usize = 1 << 16;

/// Try rules out: against their own example events, or against partitions
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Rule files or folders [default: the rules of the settings]
    #[arg(value_name = "RULES")]
    rules: Vec<PathBuf>,
    /// Folder of event partitions
    #[arg(long, value_name = "PARTITIONS")]
    events: Option<PathBuf>,
    /// Print every match, a line of JSON each, in place of how many there are
    #[arg(long, requires = "events")]
    matches: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &TestArgs, settings: &Settings, common: &Common) -> anyhow::Result<u8> {
    match &args.events {
        Some(events) => on_events(args, events, settings, common),
        None => examples(args, &settings.rules),
    }
}

fn rules_of(args: &TestArgs, settings: &RuleSettings) -> anyhow::Result<RuleSet> {
    Ok(if args.rules.is_empty() { RuleSet::load(settings)? } else { RuleSet::read(&args.rules, settings)? })
}

/// What trying examples came to.
#[derive(Debug, Serialize)]
struct Tried {
    rules: usize,
    without_examples: Vec<String>,
    examples: usize,
    failures: Vec<Failure>,
}

fn examples(args: &TestArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
    let set = rules_of(args, settings)?;
    let (examples, failures) = try_all(&set, settings);
    let bare = set.rules().iter().filter(|rule| rule.extension.examples.is_empty()).map(|rule| rule.id.clone());
    let tried = Tried { rules: set.rules().len(), without_examples: bare.collect(), examples, failures };
    match args.format {
        Format::Json => output::json(&tried)?,
        Format::Text => {
            let mut text = String::new();
            for failure in &tried.failures {
                let words = format!("{}, example `{}`: {}", failure.rule, failure.example, failure.message);
                let _ = writeln!(text, "{}", printable(&words));
            }
            let bare = tried.without_examples.len();
            let (rules, failed) = (counted(tried.rules as u64, "rule", "rules"), tried.failures.len());
            let examples = counted(examples as u64, "example", "examples");
            let _ = writeln!(text, "{rules}, {bare} of them without examples; {examples}, {failed} failed");
            output::result(&text)?;
        }
    }
    let code = complain(set.refusals());
    Ok(if tried.failures.is_empty() { code } else { FAULTY })
}

fn on_events(args: &TestArgs, events: &Path, settings: &Settings, common: &Common) -> anyhow::Result<u8> {
    let set = rules_of(args, &settings.rules)?;
    let partitions = Partitions::find(events, &settings.columns)?;
    let bar = progress::events(common, "evaluating", None);
    let places = if args.matches { places::open(settings)? } else { PlaceBook::default() };
    let (mut lines, mut printed) = (String::new(), Ok(()));
    let mut each = |found: Seen<'_>| {
        if printed.is_ok() {
            let line = match found {
                Seen::Event(found) => match_line(&set, found, &places),
                Seen::Correlation(found) => firing_line(&set, found),
            };
            lines.extend([line.as_str(), "\n"]);
            if lines.len() > LINES_AT_A_TIME {
                printed = output::result(&std::mem::take(&mut lines));
            }
        }
    };
    let replay =
        replay(&set, &settings.rules, &partitions, &|events| bar.inc(events), args.matches.then_some(&mut each));
    printed?;
    output::result(&lines)?;
    bar.finish_and_clear();
    match args.format {
        _ if args.matches => {}
        Format::Json => output::json(&replay)?,
        Format::Text => output::result(&replay_text(&replay))?,
    }
    for problem in &replay.problems {
        output::complain(&format!("! {}: {}", printable(&problem.file), printable(&problem.message)));
    }
    let code = complain(set.refusals());
    let code = if code == exit::DONE && !replay.problems.is_empty() { exit::PARTIAL } else { code };
    Ok(places::complain(&places, code))
}

/// A match as a line of JSON.
fn match_line(set: &RuleSet, found: &Match, places: &PlaceBook) -> String {
    let event = &found.event;
    let mut line = serde_json::json!({
        "rule": set.rules()[found.rule].id,
        "time": time(event.time),
        "event_id": event.event_id.as_deref(),
        "event_name": event.event_name.as_deref(),
        "account": event.account.as_deref(),
        "principal": event.principal.as_deref(),
        "source_ip": event.source_ip.as_deref(),
        "error_code": event.error_code.as_deref(),
    });
    if !places.is_empty() {
        place::add_to(&mut line, event.source_ip.as_deref().and_then(|address| places.look_up(address)).as_ref());
    }
    line.to_string()
}

/// A moment at which a correlation fired, as a line of JSON.
fn firing_line(set: &RuleSet, found: &CorrelationMatch) -> String {
    let fields = set.correlation(found.rule).map(|correlation| correlation.group_by.as_slice()).unwrap_or_default();
    let group: BTreeMap<&String, &String> = fields.iter().zip(&found.group).collect();
    serde_json::json!({
        "rule": set.rules()[found.rule].id,
        "time": time(found.time),
        "first_time": time(found.first),
        "group": group,
        "members": found.members,
        "value": found.value,
        "event_ids": found.examples,
    })
    .to_string()
}

fn time(moment: i64) -> Option<String> {
    let time = chrono::DateTime::from_timestamp_millis(moment);
    time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

fn matches(number: u64) -> String {
    counted(number, "match", "matches")
}

fn replay_text(replay: &Replay) -> String {
    let mut hit: Vec<&RuleHits> = replay.rules.iter().filter(|rule| rule.hits > 0).collect();
    hit.sort_by(|left, right| right.hits.cmp(&left.hits).then(left.id.cmp(&right.id)));
    let rows = hit.iter().map(|rule| {
        let file = Path::new(&rule.file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        [number(rule.hits), rule.level.name().to_owned(), printable(&file.unwrap_or_default()), printable(&rule.title)]
    });
    let mut text = String::new();
    if !hit.is_empty() {
        let columns =
            [("matches", Shown::Number), ("level", Shown::Whole), ("file", Shown::Words), ("rule", Shown::Words)];
        let _ = writeln!(text, "{}", table(columns, rows));
    }
    let rules = replay.rules.len();
    let (found, hits) = (matches(replay.matches), counted(hit.len() as u64, "rule", "rules"));
    let events = counted(replay.events, "event", "events");
    let _ = writeln!(text, "{found} of {hits} out of {rules} in {events}");
    for hidden in &replay.hidden {
        let hid = if hidden.matches > 0 { matches(hidden.matches) } else { "nothing".to_owned() };
        let _ = writeln!(text, "{hid} hidden: {}", printable(&hidden.reason));
    }
    if replay.without_group > 0 {
        let _ = writeln!(text, "{} not correlated for want of a value to group by", matches(replay.without_group));
    }
    if replay.without_value > 0 {
        let _ = writeln!(text, "{} not correlated for want of a value to measure", matches(replay.without_value));
    }
    if replay.beyond_limit > 0 {
        let _ = writeln!(text, "{} not correlated: there were too many", matches(replay.beyond_limit));
    }
    text
}
