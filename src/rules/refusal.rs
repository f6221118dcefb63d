//! Why something in a rule file is not used: where it stands, what was found, what to write instead.
//!
//! A refusal costs one rule, never the run: the other rules of the file and of the folder go on.

use std::fmt;

use serde::Serialize;

use crate::error::meant;

/// Names that are listed where none is like the one that was written.
const LISTED: usize = 6;

/// A place in a rule file. Lines and columns count from 1; 0 means that it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The file, as it was named.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// A key under `[rules]` in the settings.
    pub(super) fn settings(key: &str) -> Self {
        Self { file: format!("settings, rules.{key}"), ..Self::default() }
    }
}

impl fmt::Display for Position {
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
    pub place: Position,
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

/// What to write instead of `word`: the name that may be meant by it, or, where none is like it, what names there are.
pub(super) fn instead<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = meant(word, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let listed: Vec<String> = known.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    match known.len().saturating_sub(LISTED) {
        0 if known.is_empty() => "remove it; there is nothing that it could name".to_owned(),
        0 => format!("write one of {}", listed.join(", ")),
        more => format!("write one of {}, or of {more} others", listed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_like_a_word_is_offered_for_it() {
        assert_eq!(instead("eventNam", ["eventName", "userAgent"]), "did you mean `eventName`?");
        assert_eq!(instead("foo", ["eventName", "userAgent"]), "write one of `eventName`, `userAgent`");
        assert!(instead("foo", ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"]).ends_with("`a6`, or of 2 others"));
        assert_eq!(instead("foo", []), "remove it; there is nothing that it could name");
    }
}
