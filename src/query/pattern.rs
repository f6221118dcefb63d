//! The values that a filter names: lists, `*` for any run of characters, `!` for "not".
//!
//! `a,b*` wants a value that is `a` or begins with `b`; `!a` takes everything but `a`, the absence of a value included. So `*`
//! means that there is a value and `!*` that there is none. `\` takes the meaning from a comma, a star or an exclamation mark.

use crate::query::Mistake;

const EXPECTED: &str = "values separated by commas, each `value`, `*wild*card*` or `!not this`";

/// A text with stars in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// What stands between the stars; one piece when there is no star.
    pieces: Vec<String>,
    /// Whether case counts.
    exact_case: bool,
}

impl Glob {
    /// Whether the whole of `value` matches.
    pub fn matches(&self, value: &str) -> bool {
        if self.exact_case { self.matches_folded(value) } else { self.matches_folded(&value.to_lowercase()) }
    }

    /// What every matching value begins with, as it is stored; nothing is known of it where case does not count.
    pub fn prefix(&self) -> Option<&str> {
        self.exact_case.then(|| self.pieces[0].as_str()).filter(|prefix| !prefix.is_empty())
    }

    /// The text, if it has no star.
    pub fn literal(&self) -> Option<&str> {
        if let [whole] = &self.pieces[..] { Some(whole) } else { None }
    }

    /// What stands before its first slash and what after it, if there is one.
    pub fn around_slash(&self) -> Option<(Self, Self)> {
        let place = self.pieces.iter().position(|piece| piece.contains('/'))?;
        let (before, after) = self.pieces[place].split_once('/')?;
        let of = |pieces: Vec<String>| Self { pieces, exact_case: self.exact_case };
        let (first, last) = (&self.pieces[..place], &self.pieces[place + 1..]);
        Some((of([first, &[before.to_owned()]].concat()), of([&[after.to_owned()], last].concat())))
    }

    fn matches_folded(&self, value: &str) -> bool {
        let [first, middle @ .., last] = &self.pieces[..] else { return self.pieces[0] == value };
        let Some(mut rest) = value.strip_prefix(first.as_str()) else { return false };
        for piece in middle {
            let Some(place) = rest.find(piece.as_str()) else { return false };
            rest = &rest[place + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

/// What a filter on one thing asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patterns {
    /// One of these must match, if there are any.
    pub wanted: Vec<Glob>,
    /// None of these may match.
    pub unwanted: Vec<Glob>,
}

impl Patterns {
    /// Understands lists as they are typed.
    ///
    /// # Errors
    /// When a value is empty.
    pub fn parse(lists: &[String], exact_case: bool) -> Result<Self, Mistake> {
        let mut patterns = Self::default();
        for list in lists {
            for item in split(list) {
                let negated = list[item.clone()].trim_start().starts_with('!');
                let glob = glob(list, item, negated, exact_case)?;
                if negated { &mut patterns.unwanted } else { &mut patterns.wanted }.push(glob);
            }
        }
        Ok(patterns)
    }
}

/// The places of the items between unescaped commas.
fn split(list: &str) -> Vec<std::ops::Range<usize>> {
    let (mut items, mut start, mut escaped) = (Vec::new(), 0, false);
    for (place, character) in list.char_indices() {
        if character == ',' && !escaped {
            items.push(start..place);
            start = place + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    items.push(start..list.len());
    items
}

fn glob(list: &str, item: std::ops::Range<usize>, negated: bool, exact_case: bool) -> Result<Glob, Mistake> {
    let text = list[item.clone()].trim();
    let text = if negated { text[1..].trim_start() } else { text };
    if text.is_empty() {
        return Err(Mistake::new(list, item.start, "a value is empty", EXPECTED));
    }
    let (mut pieces, mut piece, mut escaped) = (Vec::new(), String::new(), false);
    for character in text.chars() {
        match character {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '*' if !escaped => pieces.push(std::mem::take(&mut piece)),
            other => {
                // A backslash before anything ordinary is itself, as in `CORP\alice`.
                if escaped && !matches!(other, '*' | ',' | '!' | '\\') {
                    piece.push('\\');
                }
                piece.push(other);
            }
        }
        escaped = false;
    }
    if escaped {
        // At the end it is itself, too.
        piece.push('\\');
    }
    pieces.push(piece);
    if !exact_case {
        for piece in &mut pieces {
            *piece = piece.to_lowercase();
        }
    }
    Ok(Glob { pieces, exact_case })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(text: &str) -> Patterns {
        Patterns::parse(&[text.to_owned()], true).unwrap()
    }

    #[test]
    fn a_pattern_falls_into_two_at_its_first_slash() {
        let around = |text: &str| patterns(text).wanted[0].around_slash();
        let (service, event) = around("E*s/Delete*/x*").unwrap();
        assert!(service.matches("Ecs") && service.matches("Es") && !service.matches("Ec"));
        assert!(event.matches("DeleteAll/xy") && !event.matches("DeleteAll"));
        assert_eq!(around("RunInstances"), None);
    }

    #[test]
    fn lists_negations_and_escapes() {
        let found = patterns("a, b*,!c,x\\,y");
        assert_eq!(found.wanted.len(), 3);
        assert!(found.unwanted[0].matches("c"));
        assert!(found.wanted[1].matches("b") && found.wanted[1].matches("bcd"));
        assert!(found.wanted[2].matches("x,y"));
        assert!(patterns("2\\*3").wanted[0].matches("2*3"));
        for itself in ["CORP\\alice", "CORP\\", "a\\b\\"] {
            assert!(patterns(itself).wanted[0].matches(itself), "{itself}");
        }
        assert!(patterns("CORP\\\\").wanted[0].matches("CORP\\"));
        assert_eq!(patterns("b*d").wanted[0].prefix(), Some("b"));
        assert_eq!(patterns("*").wanted[0].prefix(), None);
    }

    #[test]
    fn an_empty_value_is_a_mistake_with_a_place() {
        for (text, at) in [("", 0), ("a,,b", 2), ("a,!", 2), (" ", 0)] {
            assert_eq!(Patterns::parse(&[text.to_owned()], true).unwrap_err().at, at, "{text:?}");
        }
    }

    #[test]
    fn case_counts_only_where_it_should() {
        let loose = Patterns::parse(&["DELETE*".to_owned()], false).unwrap();
        assert!(loose.wanted[0].matches("deleteBucket"));
        assert_eq!(loose.wanted[0].prefix(), None);
        assert!(!patterns("DELETE*").wanted[0].matches("deleteBucket"));
    }

    proptest! {
        /// What is typed for a value means that value, and no other.
        #[test]
        fn a_literal_is_itself_alone(value in r"[a-c*,!\\ ]{1,6}", other in r"[a-c*,!\\ ]{1,6}") {
            let (value, other) = (value.trim(), other.trim());
            prop_assume!(!value.is_empty());
            let found = patterns(&crate::shown::literal(value));
            prop_assert!(found.unwanted.is_empty() && found.wanted.len() == 1);
            prop_assert!(found.wanted[0].matches(value));
            prop_assert_eq!(found.wanted[0].matches(other), value == other);
        }

        /// Against a regular expression made of the same pieces.
        #[test]
        fn a_star_is_any_run(pattern in "[ab*]{1,8}", value in "[ab]{0,10}") {
            let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
            let regex = regex::Regex::new(&format!("^{}$", parts.join(".*"))).unwrap();
            prop_assert_eq!(patterns(&pattern).wanted[0].matches(&value), regex.is_match(&value));
        }
    }
}
