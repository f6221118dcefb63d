//! `insights rules`: the rule catalogue, and trying rules out.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::cli::output::{self, Format};
use crate::cli::{Common, exit, progress};
use crate::insight::sentence_number as number;
use crate::partition::Partitions;
use crate::report::summary::printable;
use crate::rules::example::{Failure, try_all};
use crate::rules::field::LogSource;
use crate::rules::plan::{Body, Rule};
use crate::rules::replay::{Replay, RuleHits, replay};
use crate::rules::{Level, Match, Program, Refusal, RuleSet, RuleSettings};
use crate::settings::Settings;

/// List, show, check and try out rules in the Sigma language
#[derive(Debug, Args)]
#[command(after_help = "\
Rules are the built-in ones and those of `paths` under [rules] in insights.toml. A rule that cannot be used is named with
its place and what to write instead; the others go on, and the exit code is 2.

Examples:
  insights rules list --tag attack.persistence --level high
  insights rules show at-trail-off
  insights rules check my-rules/
  insights rules test                             every rule against the example events in its file
  insights rules test my-rules --events events    how often each rule matches in partitions")]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    List(ListArgs),
    Show(ShowArgs),
    Check(CheckArgs),
    Test(TestArgs),
}

/// List the rules
#[derive(Debug, Args)]
struct ListArgs {
    /// Only rules with this tag, or a tag that begins with it
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only rules of this level
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<Level>,
    /// Only rules that name this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Only rules about events of this cloud: aws, alibaba
    #[arg(long, value_name = "CLOUD", value_parser = ["aws", "alibaba"])]
    cloud: Option<String>,
    /// How to print the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Show a rule and what it compiles to
#[derive(Debug, Args)]
struct ShowArgs {
    /// The rule's id, the product's own id for it, or its name
    #[arg(value_name = "ID")]
    id: String,
}

/// Check rule files: place, what was found, what to write instead
#[derive(Debug, Args)]
struct CheckArgs {
    /// Rule files, or folders to search for .yml and .yaml
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Try rules out: against their own example events, or against partitions
#[derive(Debug, Args)]
struct TestArgs {
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

/// The exit code when a rule cannot be used, or contradicts its examples.
const FAULTY: u8 = 2;

/// Bytes of lines that are printed at a time.
const LINES_AT_A_TIME: usize = 1 << 16;

fn level(text: &str) -> Result<Level, String> {
    Level::named(text).ok_or_else(|| format!("expected {}", Level::ALL.map(Level::name).join(", ")))
}

pub(super) fn run(args: &RulesArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = Settings::load(common.settings.as_deref())?;
    match &args.command {
        RulesCommand::List(args) => list(args, &settings.rules),
        RulesCommand::Show(args) => show(args, &settings.rules),
        RulesCommand::Check(args) => check(args, &settings.rules),
        RulesCommand::Test(args) => match &args.events {
            Some(events) => test_on_events(args, events, &settings, common),
            None => test_examples(args, &settings.rules),
        },
    }
}

/// A rule as a list shows it.
#[derive(Debug, Serialize)]
struct Listed<'r> {
    id: &'r str,
    builtin: Option<&'r str>,
    title: &'r str,
    level: Level,
    kind: &'static str,
    cloud: Option<&'static str>,
    services: BTreeSet<String>,
    tags: &'r [String],
    file: &'r str,
    line: usize,
}

impl<'r> Listed<'r> {
    fn new(rule: &'r Rule) -> Self {
        Self {
            id: &rule.id,
            builtin: rule.extension.builtin.as_deref(),
            title: &rule.title,
            level: rule.level,
            kind: rule.kind(),
            cloud: rule.source().map(LogSource::cloud),
            services: rule.services(),
            tags: &rule.tags,
            file: &rule.place.file,
            line: rule.place.line,
        }
    }

    fn fits(&self, args: &ListArgs) -> bool {
        let tag = |wanted: &String| self.tags.iter().any(|tag| tag.starts_with(wanted.as_str()));
        let service = |wanted: &String| self.services.contains(&wanted.to_lowercase());
        args.tag.as_ref().is_none_or(tag)
            && args.level.is_none_or(|level| self.level == level)
            && args.service.as_ref().is_none_or(service)
            && args.cloud.as_ref().is_none_or(|cloud| self.cloud == Some(cloud))
    }
}

fn list(args: &ListArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
    let set = RuleSet::load(settings)?;
    let listed: Vec<Listed<'_>> = set.rules().iter().map(Listed::new).filter(|listed| listed.fits(args)).collect();
    match args.format {
        Format::Json => output::json(&listed)?,
        Format::Text => {
            let rows = listed.iter().map(|rule| {
                let services = rule.services.iter().cloned().collect::<Vec<_>>().join(" ");
                [rule.builtin.unwrap_or(rule.id), rule.level.name(), rule.cloud.unwrap_or(""), &services, rule.title]
                    .map(printable)
            });
            output::result(&format!("{}\n", table(["id", "level", "cloud", "services", "title"], rows)))?;
            output::result(&format!("{} rules\n", listed.len()))?;
        }
    }
    Ok(complain(set.refusals()))
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(output::width().unwrap_or(120)).set_header(header).add_rows(rows);
    table
}

/// Names what cannot be used; the exit code.
fn complain(refusals: &[Refusal]) -> u8 {
    for refusal in refusals {
        output::complain(&format!("! {refusal}"));
    }
    if refusals.is_empty() { exit::DONE } else { FAULTY }
}

fn show(args: &ShowArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
    let set = RuleSet::load(settings)?;
    let called = |rule: &&Rule| rule.is_called(&args.id);
    let Some(rule) = set.rules().iter().find(called) else {
        let nearest = set.nearest(&args.id).map_or(String::new(), |nearest| format!("; did you mean `{nearest}`?"));
        output::complain(&format!("error: there is no rule `{}`{nearest}", args.id));
        return Ok(FAULTY);
    };
    output::result(&described(&set, rule))?;
    Ok(exit::DONE)
}

fn described(set: &RuleSet, rule: &Rule) -> String {
    let mut text = format!("{}\n", printable(&rule.title));
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<16}{}", printable(value));
        }
    };
    line("id", &rule.id);
    line("builtin", rule.extension.builtin.as_deref().unwrap_or_default());
    line("group", rule.extension.group.as_deref().unwrap_or_default());
    line("level", rule.level.name());
    line("cloud", rule.source().map_or("", LogSource::cloud));
    line("tags", &rule.tags.join(" "));
    line("file", &rule.place.to_string());
    line("examples", &rule.extension.examples.len().to_string());
    for words in rule.description.lines() {
        line("", words);
    }
    for harmless in &rule.false_positives {
        line("harmless", harmless);
    }
    match &rule.body {
        Body::Detection(_) => {
            let program = Program::compile(set);
            let position = set.rules().iter().position(|other| other.id == rule.id).unwrap_or_default();
            for words in program.explain(position).unwrap_or_default().lines() {
                line("matches", words);
            }
        }
        Body::Correlation(correlation) => correlation.describe().iter().for_each(|words| line("correlates", words)),
    }
    text
}

fn check(args: &CheckArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
    let set = RuleSet::read(&args.files, settings)?;
    match args.format {
        Format::Json => output::json(&set.refusals())?,
        Format::Text => {
            let mut text = String::new();
            for refusal in set.refusals() {
                let _ = writeln!(text, "{}", printable(&refusal.to_string()));
            }
            let _ = writeln!(
                text,
                "{} rules can be used, {} faults",
                set.rules().len() + set.disabled().len(),
                set.refusals().len()
            );
            output::result(&text)?;
        }
    }
    Ok(if set.refusals().is_empty() { exit::DONE } else { FAULTY })
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

fn test_examples(args: &TestArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
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
            let (rules, failed) = (tried.rules, tried.failures.len());
            let _ =
                writeln!(text, "{rules} rules, {bare} of them without examples; {examples} examples, {failed} failed");
            output::result(&text)?;
        }
    }
    let code = complain(set.refusals());
    Ok(if tried.failures.is_empty() { code } else { FAULTY })
}

fn test_on_events(
    args: &TestArgs,
    events: &std::path::Path,
    settings: &Settings,
    common: &Common,
) -> anyhow::Result<u8> {
    let set = rules_of(args, &settings.rules)?;
    let partitions = Partitions::find(events, &settings.columns)?;
    let bar = progress::events(common, "evaluating", None);
    let (mut lines, mut printed) = (String::new(), Ok(()));
    let mut each = |found: &Match| {
        if args.matches && printed.is_ok() {
            lines.extend([match_line(&set, found).as_str(), "\n"]);
            if lines.len() > LINES_AT_A_TIME {
                printed = output::result(&std::mem::take(&mut lines));
            }
        }
    };
    let replay = replay(&set, &settings.rules, &partitions, &|events| bar.inc(events), &mut each);
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
    Ok(if code == exit::DONE && !replay.problems.is_empty() { exit::PARTIAL } else { code })
}

/// A match as a line of JSON.
fn match_line(set: &RuleSet, found: &Match) -> String {
    let event = &found.event;
    let time = chrono::DateTime::from_timestamp_millis(event.time);
    serde_json::json!({
        "rule": set.rules()[found.rule].id,
        "time": time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        "event_id": event.event_id.as_deref(),
        "event_name": event.event_name.as_deref(),
        "account": event.account.as_deref(),
        "principal": event.principal.as_deref(),
        "source_ip": event.source_ip.as_deref(),
        "error_code": event.error_code.as_deref(),
    })
    .to_string()
}

fn replay_text(replay: &Replay) -> String {
    let mut hit: Vec<&RuleHits> = replay.rules.iter().filter(|rule| rule.hits > 0).collect();
    hit.sort_by(|left, right| right.hits.cmp(&left.hits).then(left.id.cmp(&right.id)));
    let rows = hit.iter().map(|rule| {
        let file = std::path::Path::new(&rule.file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        [number(rule.hits), rule.level.name().to_owned(), printable(&file.unwrap_or_default()), printable(&rule.title)]
    });
    let mut text = String::new();
    if !hit.is_empty() {
        let _ = writeln!(text, "{}", table(["matches", "level", "file", "rule"], rows));
    }
    let (rules, events) = (replay.rules.len(), number(replay.events));
    let _ =
        writeln!(text, "{} matches of {} rules out of {rules} in {events} events", number(replay.matches), hit.len());
    for hidden in replay.hidden.iter().filter(|hidden| hidden.matches > 0) {
        let _ = writeln!(text, "{} matches hidden: {}", number(hidden.matches), printable(&hidden.reason));
    }
    if replay.without_group > 0 {
        let _ =
            writeln!(text, "{} matches not correlated: they lack a value to group by", number(replay.without_group));
    }
    if replay.beyond_limit > 0 {
        let _ = writeln!(text, "{} matches not correlated: there were too many", number(replay.beyond_limit));
    }
    text
}
