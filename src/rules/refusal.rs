//! Why something in a rule file is not used: where it stands, what was found, what to write instead.
//!
//! A refusal costs one rule, never the run: the other rules of the file and of the folder go on.

use std::fmt;

use serde::Serialize;

/// A place in a rule file. Lines and columns count from 1; 0 means that it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// A key under `[rules]` in the settings.
    pub(super) fn settings(key: &str) -> Self {
        Self { file: format!("settings, rules.{key}"), ..Self::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        if self.line > 0 && self.column > 0 {
            write!(formatter, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// A rule, or a part of a rule file, that is not used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What stands there and why it cannot be used.
    pub found: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.place, self.found, self.instead)
    }
}

/// The name among `known` that is most like `word`.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> &'a str {
    let likeness = |name: &str| strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase());
    known.into_iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right))).unwrap_or_default()
}
