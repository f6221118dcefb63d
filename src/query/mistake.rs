//! What is wrong with something that was typed: where in the text, why, and what would be right.

use std::fmt;

use crate::error::Error;

/// Characters of a line that are shown on either side of the place.
const BESIDE: usize = 60;

/// A text that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The text as it was typed.
    pub text: String,
    /// Where in it the trouble begins, in bytes.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub expected: String,
}

impl Mistake {
    /// A mistake at a place in a text.
    pub fn new(text: &str, at: usize, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { text: text.to_owned(), at: at.min(text.len()), message: message.into(), expected: expected.into() }
    }

    /// The mistake as the error of an option, with the place marked.
    pub fn of(self, option: &str) -> Error {
        Error::Query { message: format!("{option}: {self}"), hint: Some(format!("expected {}", self.expected)) }
    }
}

impl fmt::Display for Mistake {
    /// The reason, then the line of the text in which it lies with a caret below the place. Of a long line that part is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = &self.text[..self.text.floor_char_boundary(self.at)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let place = before[line_start..].chars().count();
        let left_out = place.saturating_sub(BESIDE);
        let shown: String = line.chars().skip(left_out).take(2 * BESIDE).collect();
        let (begin, indent) = if left_out > 0 { ("…", place - left_out + 1) } else { ("", place) };
        let end = if line.chars().count() > left_out + 2 * BESIDE { "…" } else { "" };
        write!(formatter, "{}\n  {begin}{shown}{end}\n  {:indent$}^", self.message, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_place() {
        let mistake = Mistake::new("first\nsecönd bad", "first\nsecönd ".len(), "no such word", "a good one");
        assert_eq!(mistake.to_string(), "no such word\n  secönd bad\n         ^");
        assert_eq!(Mistake::new("", 9, "empty", "").to_string(), "empty\n  \n  ^");
        let long = format!("{}!{}", "é".repeat(500), "a".repeat(500));
        let shown = Mistake::new(&long, 1000, "too long", "").to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1].chars().nth(lines[2].chars().count() - 1), Some('!'), "{shown}");
        assert!(lines[1].starts_with("  …é") && lines[1].ends_with("a…"), "{shown}");
    }
}
