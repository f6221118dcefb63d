//! `insights rules check`: what is wrong with rule files.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::exit;
use crate::cli::output::{self, Format};
use crate::cli::rules::FAULTY;
use crate::rules::{RuleSet, RuleSettings};
use crate::shown::{counted, printable};

/// Check rule files: place, what was found, what to write instead
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Rule files, or folders to search for .yml and .yaml
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, settings: &RuleSettings) -> anyhow::Result<u8> {
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
                "{} can be used, {}",
                counted((set.rules().len() + set.disabled().len()) as u64, "rule", "rules"),
                counted(set.refusals().len() as u64, "fault", "faults")
            );
            output::result(&text)?;
        }
    }
    let has_rules = !(set.rules().is_empty() && set.disabled().is_empty());
    if !has_rules && set.refusals().is_empty() {
        output::complain("! there is no rule file; expected names that end with .yml or .yaml");
    }
    Ok(if has_rules && set.refusals().is_empty() { exit::DONE } else { FAULTY })
}
