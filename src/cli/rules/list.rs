//! `insights rules list`: which rules there are.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use crate::cli::output;
use crate::cli::rules::{complain, table};
use crate::rules::catalogue;
use crate::rules::field::LogSource;
use crate::rules::plan::Rule;
use crate::rules::{RuleSet, RuleSettings};
use crate::severity::Severity;
use crate::shown::{Shown, counted, printable};

/// List the rules
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only rules with this tag, or a tag that begins with it
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only rules of this level
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<Severity>,
    /// Only rules that name this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Only rules about events of this cloud: aws, alibaba
    #[arg(long, value_name = "CLOUD", value_parser = ["aws", "alibaba"])]
    cloud: Option<String>,
    /// How to print the list
    #[arg(long, value_enum, default_value = "text")]
    format: ListFormat,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// A page for a documentation, of the rules that are reported.
    Markdown,
}

fn level(text: &str) -> Result<Severity, String> {
    Severity::named(text).ok_or_else(|| format!("expected {}", Severity::ALL.map(Severity::name).join(", ")))
}

/// A rule as a list shows it.
#[derive(Debug, Serialize)]
struct Listed<'r> {
    id: &'r str,
    builtin: Option<&'r str>,
    title: &'r str,
    level: Severity,
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

pub(super) fn run(args: &ListArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
    let set = RuleSet::load(settings)?;
    let fits = |position: &usize| Listed::new(&set.rules()[*position]).fits(args);
    let positions: Vec<usize> = (0..set.rules().len()).filter(fits).collect();
    let listed: Vec<Listed<'_>> = positions.iter().map(|&position| Listed::new(&set.rules()[position])).collect();
    match args.format {
        ListFormat::Json => output::json(&listed)?,
        ListFormat::Markdown => output::result(&catalogue::markdown(&set, &positions))?,
        ListFormat::Text => output::result(&text(&listed))?,
    }
    Ok(complain(set.refusals()))
}

fn text(listed: &[Listed<'_>]) -> String {
    let rows = listed.iter().map(|rule| {
        let services = rule.services.iter().cloned().collect::<Vec<_>>().join(" ");
        [rule.builtin.unwrap_or(rule.id), rule.level.name(), rule.cloud.unwrap_or(""), &services, rule.title]
            .map(printable)
    });
    let columns = [
        ("id", Shown::Whole),
        ("level", Shown::Whole),
        ("cloud", Shown::Whole),
        ("services", Shown::Words),
        ("title", Shown::Words),
    ];
    format!("{}\n{}\n", table(columns, rows), counted(listed.len() as u64, "rule", "rules"))
}
