//! From the text of rule files to [`plan::Rule`](crate::rules::plan::Rule)s: the only room that knows the Sigma parser.
//!
//! The parser reads one document at a time; what it lets pass is checked here. Everything that cannot be used becomes a
//! [`Refusal`] with its place, and the other rules go on.

mod correlation;
mod detection;
mod document;
mod encode;
mod explain;
mod modifier;
mod reader;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rsigma_parser::Timespan;

use crate::rules::field::LogSource;
use crate::rules::parse::document::Document;
use crate::rules::parse::reader::Reader;
use crate::rules::plan::{Condition, Rule};
use crate::rules::refusal::{Position, Refusal};
use crate::rules::settings::RuleSettings;
use crate::time::DAY_SECONDS;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Its rules, in the file's order.
    pub rules: Vec<Rule>,
    /// Its filters.
    pub filters: Vec<Filter>,
    /// What in it cannot be used.
    pub refusals: Vec<Refusal>,
    /// Names that `%name%` has in rules and filters.
    pub placeholders: BTreeSet<String>,
}

/// A condition that is added to other rules.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Ids or names of rules; `None` for every rule of the log source.
    pub rules: Option<Vec<String>>,
    /// Whose rules.
    pub source: LogSource,
    /// What must hold as well.
    pub condition: Condition,
    /// Where it stands.
    pub place: Position,
}

/// Reads a rule file; its size is looked at before it is read.
pub fn parse_file(path: &Path, settings: &RuleSettings) -> Parsed {
    let file = path.to_string_lossy().into_owned();
    let refuse = |found: String, instead: String| {
        let place = Position { file: file.clone(), ..Position::default() };
        Parsed { refusals: vec![Refusal { place, found, instead }], ..Parsed::default() }
    };
    let limit = settings.max_file_bytes;
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > limit => {
            let found = format!("the file has {} bytes, more than {limit}", metadata.len());
            return refuse(found, "split it, or raise `max_file_bytes` under `[rules]` in insights.toml".into());
        }
        _ => {}
    }
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => parse_text(&file, &text, settings),
        Ok(Err(_)) => refuse("the file is no UTF-8 text".into(), "save it as UTF-8".into()),
        Err(error) => refuse(format!("the file cannot be read: {error}"), "check its name and permissions".into()),
    }
}

/// Reads the text of a rule file.
pub fn parse_text(file: &str, text: &str, settings: &RuleSettings) -> Parsed {
    let mut parsed = Parsed::default();
    let documents = Document::split(file, text.strip_prefix('\u{feff}').unwrap_or(text));
    if documents.is_empty() {
        let place = Position { file: file.to_owned(), ..Position::default() };
        let instead = "write a rule with title, logsource and detection".to_owned();
        parsed.refusals.push(Refusal { place, found: "the file holds no rule".into(), instead });
    }
    for document in documents {
        if let Err(refusal) = (Reader { document, settings }).read(&mut parsed) {
            parsed.refusals.push(refusal);
        }
    }
    parsed
}

/// A timespan such as `10m`, in milliseconds; up to a year.
pub fn timespan_ms(text: &str) -> Option<i64> {
    let seconds = i64::try_from(Timespan::parse(text).ok()?.seconds).ok()?;
    Some(seconds * 1000).filter(|_| seconds <= 366 * i64::from(DAY_SECONDS))
}
