//! What the Sigma parser complains of, as refusals: where it stands in the file, and what to write instead.

use rsigma_parser::Modifier;

use crate::rules::parse::document::Document;
use crate::rules::refusal::{Refusal, instead};
use crate::severity::Severity;

/// Every modifier, to suggest from.
const MODIFIERS: [&str; 25] = [
    "contains",
    "startswith",
    "endswith",
    "all",
    "re",
    "i",
    "m",
    "s",
    "cidr",
    "exists",
    "fieldref",
    "gt",
    "gte",
    "lt",
    "lte",
    "neq",
    "cased",
    "wide",
    "utf16le",
    "utf16be",
    "utf16",
    "base64",
    "base64offset",
    "windash",
    "expand",
];

impl Document<'_> {
    /// What a message of the parser means here.
    pub(super) fn explain(&self, error: &str) -> Refusal {
        let quoted = |before: &str| error.strip_prefix(before).map(|rest| rest.trim_matches(['\'', '"', ' ']));
        if let Some(modifier) = quoted("Unknown modifier ") {
            return self.unknown_modifier(modifier);
        }
        if let Some(field) = quoted("Missing required field ") {
            return self.refuse(&[], format!("the rule has no `{field}`"), format!("add `{field}:`"));
        }
        if let Some(message) = error.strip_prefix("Condition parse error") {
            let column = message.strip_prefix(" at 1:").and_then(|rest| rest.split(':').next());
            let column = column.map_or_else(String::new, |column| format!(" at its character {column}"));
            let instead =
                "combine selections with and, or, not, `1 of name*`, `all of name*`; to count, write a correlation";
            return self.refuse(&["detection", "condition"], format!("the condition cannot be read{column}"), instead);
        }
        if error.contains("`not` is not a value modifier") {
            return self.refuse(&["detection"], "`not` is no modifier", "write `not selection` in the condition");
        }
        if let Some(word) = quoted("invalid level: ") {
            return self.unknown_level(word);
        }
        self.unreadable(error)
    }

    /// A document of another shape than a rule's.
    pub(super) fn unreadable(&self, message: &str) -> Refusal {
        let message = message.lines().next().unwrap_or_default();
        self.refuse(&[], format!("the rule cannot be read: {message}"), "see the Sigma specification, version 2")
    }

    fn unknown_modifier(&self, modifier: &str) -> Refusal {
        let needle = format!("|{modifier}");
        let line = self.text().lines().enumerate().find_map(|(line, text)| Some((line, text.find(&needle)?)));
        let place = line.map(|(line, column)| self.at(line + 1, column + 2));
        let known = MODIFIERS.iter().copied().filter(|name| name.parse::<Modifier>().is_ok());
        Refusal {
            place: place.unwrap_or_else(|| self.place(&["detection"])),
            found: format!("there is no modifier `{modifier}`"),
            instead: instead(modifier, known),
        }
    }

    /// A level that is none.
    pub(super) fn unknown_level(&self, word: &str) -> Refusal {
        let instead = format!("write {}", Severity::ALL.map(Severity::name).join(", "));
        self.refuse(&["level"], format!("there is no level `{word}`"), instead)
    }
}
