//! A rule file as documents, and where in it something stands.
//!
//! Documents are cut apart before they are parsed, so that a fault in one costs no other, and so that its lines can be told. The
//! parsers behind give no positions within a rule; a key is found again by looking for it.

use crate::rules::refusal::{Position, Refusal};

/// One YAML document of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'t> {
    file: &'t str,
    text: &'t str,
    /// Lines of the file before it.
    before: usize,
}

impl<'t> Document<'t> {
    /// The documents of a file; those that hold nothing but comments are left out.
    pub(super) fn split(file: &'t str, text: &'t str) -> Vec<Self> {
        let mut documents = Vec::new();
        let (mut start, mut at, mut before, mut line) = (0, 0, 0, 0);
        for full in text.split_inclusive('\n') {
            if is_separator(full) {
                documents.push(Self { file, text: &text[start..at], before });
                start = at + if full.trim_end() == "---" { full.len() } else { 4 };
                before = line + usize::from(full.trim_end() == "---");
            }
            at += full.len();
            line += 1;
        }
        documents.push(Self { file, text: &text[start.min(text.len())..], before });
        documents.retain(Self::says_something);
        documents
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The place of the last of `keys` that is found, each looked for below the one before; the document's first line otherwise.
    pub(super) fn place(&self, keys: &[&str]) -> Position {
        let mut found = (self.first_line(), 0);
        let mut from = 0;
        for key in keys {
            let below = self.text.lines().enumerate().skip(from);
            let hit = below
                .map(|(line, text)| (line, column_of(text, key)))
                .find_map(|(line, column)| column.map(|c| (line, c)));
            let Some((line, column)) = hit else { break };
            found = (line, column);
            from = line;
        }
        self.at(found.0 + 1, found.1)
    }

    /// The place of the first anchor.
    pub(super) fn anchor(&self) -> Position {
        let found = self.text.lines().enumerate().find_map(|(line, text)| Some((line, text.find(": &")?)));
        found.map_or_else(|| self.place(&[]), |(line, column)| self.at(line + 1, column + 3))
    }

    /// A line and column of the document as a place in the file.
    pub(super) fn at(&self, line: usize, column: usize) -> Position {
        Position { file: self.file.to_owned(), line: self.before + line, column }
    }

    /// The place of a character, counted from 0 in the document; of the last one that is no blank, where it is beyond the end.
    pub(super) fn place_of(&self, character: usize) -> Position {
        let end = self.text.char_indices().nth(character).map(|(at, _)| at);
        let before = end.map_or_else(|| self.text.trim_end(), |end| &self.text[..end]);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        self.at(before.matches('\n').count() + 1, column + 1)
    }

    /// A refusal at the last of `keys` that is found.
    pub(super) fn refuse(&self, keys: &[&str], found: impl Into<String>, instead: impl Into<String>) -> Refusal {
        Refusal { place: self.place(keys), found: found.into(), instead: instead.into() }
    }

    fn first_line(&self) -> usize {
        self.text.lines().position(says_something).unwrap_or(0)
    }

    fn says_something(&self) -> bool {
        self.text.lines().any(says_something)
    }
}

fn says_something(line: &str) -> bool {
    let line = line.trim();
    !(line.is_empty() || line.starts_with('#') || line.starts_with('%') || line == "...")
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// The column at which a line has the key (quoted or not, first on its line or within braces), or the item.
fn column_of(line: &str, key: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(start) = line.get(from..).and_then(|rest| rest.find(key)).map(|found| from + found) {
        let before = line[..start].trim_end_matches(['"', '\'']);
        let after = line[start + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        let begins = before.trim_end().is_empty() || before.trim_end().ends_with(['-', '{', ',', ':', '[']);
        if begins && (after.is_empty() || after.starts_with([':', ',', ']', '}', '|', '#'])) {
            return Some(line[..start].chars().count() + 1);
        }
        from = start + key.len().max(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_cut_at_their_marks() {
        let text = "# head\n---\ntitle: a\n---\n# nothing\n--- \ntitle: b\nx: |\n  ---\n";
        let found = Document::split("f", text);
        let places: Vec<Position> = found.iter().map(|document| document.place(&["title"])).collect();
        assert_eq!(places.iter().map(|place| place.line).collect::<Vec<_>>(), [3, 7]);
        assert_eq!(found[1].text(), "title: b\nx: |\n  ---\n");
    }

    #[test]
    fn characters_have_places_and_the_end_is_the_last_of_them() {
        let text = "a: é\nbc: [\n\n";
        let document = Document::split("f", text)[0];
        for (character, place) in [(0, "f:1:1"), (3, "f:1:4"), (5, "f:2:1"), (9, "f:2:5"), (12, "f:2:6"), (99, "f:2:6")]
        {
            assert_eq!(document.place_of(character).to_string(), place, "{character}");
        }
    }

    #[test]
    fn keys_are_found_below_one_another() {
        let text = "title: x\ndetection:\n  a:\n    eventName: A\n  b:\n    - eventName|contains: B\n  condition: a\n";
        let document = Document::split("f", text)[0];
        assert_eq!(document.place(&["detection", "b", "eventName"]).to_string(), "f:6:7");
        assert_eq!(document.place(&["detection", "a", "eventName"]).to_string(), "f:4:5");
        assert_eq!(document.place(&["detection", "c"]).to_string(), "f:2:1");
        assert_eq!(document.place(&["nothing"]).to_string(), "f:1");
    }
}
