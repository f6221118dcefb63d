//! A query as words, texts, numbers and signs with their places: as much of SQL as it takes to say where something is wrong.

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, or a name without quotes.
    Plain,
    /// A name in double quotes or backticks.
    Quoted,
    /// A text in single quotes.
    Text,
    /// A number.
    Number,
    /// Anything else; signs of comparison are one.
    Sign,
}

/// A word and where it begins, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'q> {
    pub(super) kind: Kind,
    /// As it is written, without its quotes.
    pub(super) text: &'q str,
    pub(super) at: usize,
}

/// Something that begins and has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclosed {
    /// What would end it.
    pub(super) end: &'static str,
    pub(super) at: usize,
}

impl Word<'_> {
    /// Whether it is this keyword.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Plain && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is this sign.
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// Whether it may name something.
    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Plain | Kind::Quoted)
    }
}

/// The words of a query, without blanks and comments.
pub(super) fn words(query: &str) -> Result<Vec<Word<'_>>, Unclosed> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        let end = match first {
            _ if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").ok_or(Unclosed { end: "*/", at })? + 2,
            _ if first.is_whitespace() => first.len_utf8(),
            '\'' | '"' | '`' => quoted(rest, first).ok_or(Unclosed { end: closing(first), at })?,
            _ => bare(rest, first),
        };
        if let Some(kind) = kind(rest, first) {
            let text = if matches!(kind, Kind::Text | Kind::Quoted) { &rest[1..end - 1] } else { &rest[..end] };
            words.push(Word { kind, text, at });
        }
        at += end;
    }
    Ok(words)
}

/// What begins here; `None` for blanks and comments.
fn kind(rest: &str, first: char) -> Option<Kind> {
    match first {
        _ if first.is_whitespace() || rest.starts_with("--") || rest.starts_with("/*") => None,
        '\'' => Some(Kind::Text),
        '"' | '`' => Some(Kind::Quoted),
        '0'..='9' => Some(Kind::Number),
        _ if first.is_alphabetic() || first == '_' => Some(Kind::Plain),
        _ => Some(Kind::Sign),
    }
}

/// The bytes up to and with the closing quotation mark; two of them stand for one.
fn quoted(rest: &str, mark: char) -> Option<usize> {
    let mut from = 1;
    loop {
        let end = from + rest[from..].find(mark)? + 1;
        if !rest[end..].starts_with(mark) {
            return Some(end);
        }
        from = end + 1;
    }
}

fn closing(mark: char) -> &'static str {
    match mark {
        '\'' => "'",
        '"' => "\"",
        _ => "`",
    }
}

/// The bytes of a word, a number or a sign.
fn bare(rest: &str, first: char) -> usize {
    let run = |wanted: fn(char) -> bool| rest.find(|character| !wanted(character)).unwrap_or(rest.len());
    match first {
        '0'..='9' => run(|character| character.is_ascii_alphanumeric() || character == '.'),
        '<' | '>' | '=' | '!' => run(|character| "<>=!".contains(character)),
        _ if first.is_alphabetic() || first == '_' => run(|character| character.is_alphanumeric() || character == '_'),
        _ => first.len_utf8(),
    }
}

/// Where a parenthesis stands that has no other half, and which half is missing.
pub(super) fn unbalanced(words: &[Word<'_>]) -> Option<(usize, &'static str)> {
    let mut open = Vec::new();
    for word in words {
        if word.is_sign("(") {
            open.push(word.at);
        } else if word.is_sign(")") && open.pop().is_none() {
            return Some((word.at, "("));
        }
    }
    open.pop().map(|at| (at, ")"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(query: &str) -> Vec<&str> {
        words(query).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_signs_and_quotes_are_told_apart() {
        assert_eq!(texts("SELECT a.b>=5 FROM t"), ["SELECT", "a", ".", "b", ">=", "5", "FROM", "t"]);
        assert_eq!(texts("-- all\n/* of; it */ 'it''s; a' \"x y\""), ["it''s; a", "x y"]);
        assert_eq!(texts("größe≠1"), ["größe", "≠", "1"]);
        assert!(texts("").is_empty());
    }

    #[test]
    fn what_has_no_end_is_found_where_it_begins() {
        assert_eq!(words("SELECT 'abc").unwrap_err(), Unclosed { end: "'", at: 7 });
        assert_eq!(words("SELECT \"a\"\" ").unwrap_err(), Unclosed { end: "\"", at: 7 });
        assert_eq!(words("a /* b").unwrap_err(), Unclosed { end: "*/", at: 2 });
        let place = |query| unbalanced(&words(query).unwrap()).map(|(at, _)| at);
        assert_eq!((place("(a) (b"), place("a))"), place("'('")), (Some(4), Some(1), None));
    }
}
