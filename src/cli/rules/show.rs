//! `insights rules show`: what a rule says, what it compiles to, and what it matched lately.

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use crate::cli::{exit, output};
use crate::error::{Error, Result};
use crate::rules::field::LogSource;
use crate::rules::plan::{Body, Rule};
use crate::rules::{Program, RuleSet, RuleSettings};
use crate::shown::{number, printable};
use crate::storage::Daily;

/// How many of a rule's latest alerts are shown.
const LATEST: usize = 5;

/// Show a rule and what it compiles to
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The rule's id, the product's own id for it, or its name
    #[arg(value_name = "ID")]
    id: String,
    /// State directory, whose alerts tell what the rule matched lately
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
}

pub(super) fn run(args: &ShowArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
    let set = RuleSet::load(settings)?;
    let called = |rule: &&Rule| rule.is_called(&args.id);
    let Some(rule) = set.rules().iter().find(called) else {
        let nearest = set.nearest(&args.id).map(|nearest| format!("did you mean `{nearest}`?"));
        anyhow::bail!(Error::Query { message: format!("there is no rule `{}`", args.id), hint: nearest });
    };
    output::result(&(described(&set, rule) + &lately(&args.state, &rule.id)?))?;
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

/// What is read of an alert.
#[derive(Debug, Deserialize)]
struct Alert {
    rule_id: String,
    first_time: String,
    count: u64,
    account: Option<String>,
}

/// The rule's latest alerts, newest first, a line each; nothing where there is no state.
fn lately(state: &Path, id: &str) -> Result<String> {
    let mut text = String::new();
    let mut left = LATEST;
    for (_, file) in Daily::Alerts.files(state, "alerts.jsonl")?.iter().rev() {
        let mut alerts = alerts(file, id)?;
        alerts.sort_by(|left, right| right.first_time.cmp(&left.first_time));
        for alert in alerts.iter().take(left) {
            let account = alert.account.as_deref().map_or(String::new(), |account| format!(", account {account}"));
            let words = format!("{}, {} times{account}", alert.first_time, number(alert.count));
            let _ = writeln!(text, "  {:<16}{}", "lately", printable(&words));
        }
        left -= alerts.len().min(left);
        if left == 0 {
            break;
        }
    }
    Ok(text)
}

/// The alerts of a rule in a file.
fn alerts(file: &Path, id: &str) -> Result<Vec<Alert>> {
    let lines = BufReader::new(fs::File::open(file).map_err(Error::read(file))?).lines();
    let mut found = Vec::new();
    for (line, text) in (1..).zip(lines) {
        let alert: Alert = serde_json::from_str(&text.map_err(Error::read(file))?).map_err(|error| Error::Line {
            path: file.to_path_buf(),
            line,
            message: format!("this is no alert: {error}; judge that day again with `insights run`"),
        })?;
        found.extend((alert.rule_id == id).then_some(alert));
    }
    Ok(found)
}
