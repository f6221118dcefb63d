//! Texts with wildcards, compared without case unless a rule asks for it.
//!
//! `*` stands for any characters, line ends included, `?` for one. Without case means: both sides in lower case, as Unicode has it.

use std::borrow::Cow;

/// A piece of a text with wildcards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Piece {
    /// This character.
    Char(char),
    /// Any character.
    One,
    /// Any characters, or none.
    Run,
    /// A dash in any of the forms that command lines accept.
    Dash,
}

/// The dashes that the modifier `windash` takes for one another.
pub(super) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

impl Piece {
    fn takes(self, found: char) -> bool {
        match self {
            Self::Char(expected) => expected == found,
            Self::One => true,
            Self::Dash => DASHES.contains(&found),
            Self::Run => false,
        }
    }
}

/// What a text must be like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    shape: Shape,
    cased: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shape {
    Equals(String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Pieces(Vec<Piece>),
}

impl Pattern {
    /// A pattern from pieces; a [`Piece::Run`] at either end leaves that end open.
    pub fn new(pieces: &[Piece], cased: bool) -> Self {
        let fold = |piece: &Piece| match piece {
            Piece::Char(letter) if !cased => letter.to_lowercase().map(Piece::Char).collect(),
            other => vec![*other],
        };
        let mut pieces: Vec<Piece> = pieces.iter().flat_map(fold).collect();
        pieces.dedup_by(|left, right| *left == Piece::Run && *right == Piece::Run);
        Self { shape: Shape::of(pieces), cased }
    }

    /// Whether the text is like this.
    pub fn is_match(&self, text: &str) -> bool {
        if self.cased {
            return self.shape.is_match(text);
        }
        if let Shape::Equals(expected) = &self.shape
            && text.is_ascii()
        {
            return text.eq_ignore_ascii_case(expected);
        }
        self.shape.is_match(&fold(text))
    }

    /// The folded text that a value must be equal to, for patterns that are no more than that.
    pub fn plain(&self) -> Option<&str> {
        match &self.shape {
            Shape::Equals(text) if !self.cased => Some(text),
            _ => None,
        }
    }
}

/// A text in lower case.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    // Character by character, so that a pattern and a text are folded alike wherever they are cut.
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

impl Shape {
    fn of(pieces: Vec<Piece>) -> Self {
        let open_start = pieces.first() == Some(&Piece::Run);
        let open_end = pieces.len() > 1 && pieces.last() == Some(&Piece::Run);
        let middle = &pieces[usize::from(open_start)..pieces.len() - usize::from(open_end)];
        let literal: Option<String> =
            middle.iter().map(|piece| if let Piece::Char(letter) = piece { Some(*letter) } else { None }).collect();
        match (literal, open_start, open_end) {
            (Some(text), false, false) => Self::Equals(text),
            (Some(text), true, true) => Self::Contains(text),
            (Some(text), false, true) => Self::StartsWith(text),
            (Some(text), true, false) => Self::EndsWith(text),
            (None, ..) => Self::Pieces(pieces),
        }
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Equals(expected) => text == expected,
            Self::Contains(part) => text.contains(part.as_str()),
            Self::StartsWith(start) => text.starts_with(start.as_str()),
            Self::EndsWith(end) => text.ends_with(end.as_str()),
            Self::Pieces(pieces) => matches_pieces(pieces, text),
        }
    }
}

/// The usual wildcard match: on a mismatch the last run takes one character more.
fn matches_pieces(pieces: &[Piece], text: &str) -> bool {
    let mut rest = text.chars();
    let mut at = 0;
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        match pieces.get(at) {
            Some(Piece::Run) => {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            Some(piece) => match rest.next() {
                None => return false,
                Some(found) if piece.takes(found) => {
                    at += 1;
                    continue;
                }
                Some(_) => {}
            },
            None if rest.next().is_none() => return true,
            None => {}
        }
        let Some((resume, from)) = &mut retry else { return false };
        from.next();
        at = *resume;
        rest = from.clone();
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.shape {
            Shape::Equals(text) => write!(formatter, "= {text:?}")?,
            Shape::Contains(text) => write!(formatter, "contains {text:?}")?,
            Shape::StartsWith(text) => write!(formatter, "starts with {text:?}")?,
            Shape::EndsWith(text) => write!(formatter, "ends with {text:?}")?,
            Shape::Pieces(pieces) => {
                let letter = |piece: &Piece| match piece {
                    Piece::Char(letter) => *letter,
                    Piece::One => '?',
                    Piece::Run => '*',
                    Piece::Dash => '-',
                };
                write!(formatter, "like {:?}", pieces.iter().map(letter).collect::<String>())?;
            }
        }
        formatter.write_str(if self.cased { " (case counts)" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str) -> Vec<Piece> {
        let piece = |letter| match letter {
            '*' => Piece::Run,
            '?' => Piece::One,
            '~' => Piece::Dash,
            other => Piece::Char(other),
        };
        text.chars().map(piece).collect()
    }

    fn is_match(pattern: &str, text: &str) -> bool {
        Pattern::new(&pieces(pattern), false).is_match(text)
    }

    #[test]
    fn every_shape() {
        for (pattern, text, expected) in [
            ("StopLogging", "stoplogging", true),
            ("StopLogging", "StopLoggings", false),
            ("*log*", "StopLogging", true),
            ("stop*", "StopLogging", true),
            ("*ging", "StopLogging", true),
            ("s?op*g?ng", "StopLogging", true),
            ("s?op*g?ngs", "StopLogging", false),
            ("*", "", true),
            ("?*", "", false),
            ("**", "x", true),
            ("a*b", "a\nb", true),
            ("", "", true),
            ("", "x", false),
            ("GRÜN*", "grün und blau", true),
            ("x ~y", "x /y", true),
            ("x ~y", "x _y", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn case_counts_where_it_is_asked_for() {
        let cased = Pattern::new(&pieces("Stop*"), true);
        assert!(cased.is_match("StopLogging") && !cased.is_match("stopLogging"));
    }

    /// The plainest way to say what wildcards mean.
    fn naive(pieces: &[Piece], text: &[char]) -> bool {
        match pieces.split_first() {
            None => text.is_empty(),
            Some((Piece::Run, rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            Some((piece, rest)) => {
                text.split_first().is_some_and(|(first, others)| piece.takes(*first) && naive(rest, others))
            }
        }
    }

    proptest! {
        #[test]
        fn as_the_plain_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let letters: Vec<char> = text.chars().collect();
            prop_assert_eq!(is_match(&pattern, &text), naive(&pieces(&pattern), &letters));
        }
    }
}
