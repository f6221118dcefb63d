//! Looking into columns of JSON text: along a path, without building what is not asked for.
//!
//! Values stay text. A number keeps its digits unless it is written with a fraction or an exponent; an object is its compact text,
//! as the fields of services are compared whole in public rules. Nesting beyond [`DEPTH`] is not followed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep arrays and objects are followed.
const DEPTH: usize = 64;

/// Calls `visit` with the JSON text of every value at `path` (field names joined by dots) until it says true.
///
/// A path crosses arrays: every element is followed. A field whose name holds dots itself is found before nested ones.
pub fn any_at<'a>(text: &'a str, path: &str, visit: &mut dyn FnMut(&'a str) -> bool) -> bool {
    follow(text, path, DEPTH, visit)
}

fn follow<'a>(text: &'a str, path: &str, depth: usize, visit: &mut dyn FnMut(&'a str) -> bool) -> bool {
    if depth == 0 {
        return false;
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            let mut found = entries_towards(text, path);
            // The longest name that fits wins, as a literal name is found before a nested one.
            found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
            found.into_iter().any(|(length, value)| match path.get(length + 1..) {
                Some(rest) => follow(value.get(), rest, depth - 1, visit),
                None => visit(value.get()),
            })
        }
        Some(b'[') => elements(text).into_iter().any(|element| follow(element.get(), path, depth - 1, visit)),
        _ => false,
    }
}

/// Calls `visit` with every text that a value can be compared by, until it says true: the value itself, or each element of an
/// array; an object by its compact text, and by that text with the JSON written into its strings laid open.
pub fn any_text(text: &str, visit: &mut dyn FnMut(&str) -> bool) -> bool {
    texts(text, DEPTH, visit)
}

fn texts(text: &str, depth: usize, visit: &mut dyn FnMut(&str) -> bool) -> bool {
    if depth == 0 {
        return false;
    }
    match text.as_bytes().first() {
        None | Some(b'n') => false,
        Some(b'"') => string(text).is_some_and(|text| visit(&text)),
        Some(b'{') => {
            let whole = compact(text);
            visit(&whole) || laid_open(&whole).is_some_and(|open| visit(&open))
        }
        Some(b'[') => elements(text).into_iter().any(|element| texts(element.get(), depth - 1, visit)),
        Some(b't' | b'f') => visit(text),
        Some(_) => visit(&number(text)),
    }
}

/// Calls `visit` with every string, number and word in a value, however deep, until it says true.
pub fn any_leaf(text: &str, visit: &mut dyn FnMut(&str) -> bool) -> bool {
    leaves(text, DEPTH, visit)
}

fn leaves(text: &str, depth: usize, visit: &mut dyn FnMut(&str) -> bool) -> bool {
    if depth == 0 {
        return false;
    }
    match text.as_bytes().first() {
        Some(b'{') => values(text).into_iter().any(|value| leaves(value.get(), depth - 1, visit)),
        Some(b'[') => elements(text).into_iter().any(|element| leaves(element.get(), depth - 1, visit)),
        _ => texts(text, depth, visit),
    }
}

/// Whether a column's text is a JSON object or array.
pub fn is_container(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'{' | b'[')) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn string(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    if inner.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// A number as text: `1`, `1.0` and `1e0` are all `1`.
fn number(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return text.parse::<f64>().map_or(Cow::Borrowed(text), |number| Cow::Owned(number.to_string()));
    }
    Cow::Borrowed(text)
}

/// The same JSON without blanks between its parts, its strings in their shortest form.
pub fn compact(text: &str) -> Cow<'_, str> {
    rewrite(text, |string| {
        if !string.contains('\\') {
            return None;
        }
        let plain: String = serde_json::from_str(string).ok()?;
        serde_json::to_string(&plain).ok()
    })
}

/// The same JSON with every string that is an object or array itself replaced by it; `None` if there is none.
fn laid_open(text: &str) -> Option<String> {
    let open = rewrite(text, |string| {
        let plain: String = if string.contains('\\') { serde_json::from_str(string).ok()? } else { return None };
        is_container(plain.trim_start()).then(|| compact(plain.trim_start()).into_owned())
    });
    (open != text).then(|| open.into_owned())
}

/// Drops the blanks between parts, and replaces strings (quotes included) for which `replace` has something else.
fn rewrite(text: &str, replace: impl Fn(&str) -> Option<String>) -> Cow<'_, str> {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(quote) = text[at..].find('"').map(|found| at + found) {
        result.extend(text[at..quote].chars().filter(|letter| !letter.is_ascii_whitespace()));
        let end = end_of_string(text, quote);
        let string = &text[quote..end];
        result.push_str(replace(string).as_deref().unwrap_or(string));
        at = end;
    }
    result.extend(text[at..].chars().filter(|letter| !letter.is_ascii_whitespace()));
    if result == text { Cow::Borrowed(text) } else { Cow::Owned(result) }
}

/// One past the quote that ends the string which begins at `quote`.
fn end_of_string(text: &str, quote: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = quote + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        if bytes[at + found] == b'"' {
            return at + found + 1;
        }
        at += found + 2;
    }
    text.len()
}

/// The entries of an object that can lie on a path: the length of their name, and their value.
fn entries_towards<'a>(text: &'a str, path: &str) -> Vec<(usize, &'a RawValue)> {
    parse(
        text,
        Entries {
            wanted: |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        },
    )
}

fn values(text: &str) -> Vec<&RawValue> {
    parse(text, Entries { wanted: |_: &str| true }).into_iter().map(|(_, value)| value).collect()
}

fn elements(text: &str) -> Vec<&RawValue> {
    serde_json::from_str(text).unwrap_or_default()
}

/// What cannot be parsed holds nothing.
fn parse<F: Fn(&str) -> bool>(text: &str, entries: Entries<F>) -> Vec<(usize, &RawValue)> {
    serde_json::Deserializer::from_str(text).deserialize_map(entries).unwrap_or_default()
}

struct Entries<F> {
    wanted: F,
}

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Entries<F> {
    type Value = Vec<(usize, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(length) = map.next_key_seed(Name { wanted: &self.wanted })? {
            match length {
                Some(length) => found.push((length, map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// A name that is looked at and not kept: its length if it is wanted.
struct Name<'f, F> {
    wanted: &'f F,
}

impl<'de, F: Fn(&str) -> bool> DeserializeSeed<'de> for Name<'_, F> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: Fn(&str) -> bool> Visitor<'_> for Name<'_, F> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok((self.wanted)(text).then_some(text.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        any_at(text, path, &mut |value| {
            found.push(value.to_owned());
            false
        });
        found
    }

    fn compared_by(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        any_text(text, &mut |value| {
            found.push(value.to_owned());
            false
        });
        found
    }

    #[test]
    fn paths_cross_arrays_and_dotted_names() {
        let text = r#"{"a":{"b":[{"c":1},{"c":[2,3]},{"d":4}]},"LookupAttribute.1.Key":"x","p.q":{"r":5}}"#;
        assert_eq!(at(text, "a.b.c"), ["1", "[2,3]"]);
        assert_eq!(at(text, "LookupAttribute.1.Key"), ["\"x\""]);
        assert_eq!(at(text, "p.q.r"), ["5"]);
        assert_eq!(at(text, "a.x"), Vec::<String>::new());
        assert_eq!(at("not json", "a"), Vec::<String>::new());
    }

    #[test]
    fn what_values_are_compared_by() {
        assert_eq!(compared_by(r#""a\"b""#), ["a\"b"]);
        assert_eq!(compared_by("[1, 1.50, true, null, \"x\"]"), ["1", "1.5", "true", "x"]);
        assert_eq!(compared_by("12345678901234567890"), ["12345678901234567890"]);
        assert_eq!(compared_by("null"), Vec::<String>::new());
        assert_eq!(compared_by("[]"), Vec::<String>::new());
        assert_eq!(compared_by(r#"{ "a" : "b c", "d": [ 1, 2 ] }"#), [r#"{"a":"b c","d":[1,2]}"#]);
    }

    #[test]
    fn json_within_strings_is_laid_open() {
        let text = r#"{"policyDocument":"{\"Effect\": \"Allow\"}"}"#;
        assert_eq!(compared_by(text)[0], r#"{"policyDocument":"{\"Effect\": \"Allow\"}"}"#);
        assert_eq!(compared_by(text)[1], r#"{"policyDocument":{"Effect":"Allow"}}"#);
    }

    #[test]
    fn hostile_nesting_comes_to_an_end() {
        let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(compared_by(&deep), Vec::<String>::new());
        assert!(!any_leaf(&deep, &mut |_| true));
        let objects = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
        assert_eq!(compared_by(&objects).len(), 1);
        assert!(!any_at(&objects, &"a.".repeat(60_000), &mut |_| true));
    }

    #[test]
    fn escapes_have_one_form() {
        assert_eq!(compact("{\"a\\u0062\": \"\\u003c\"}"), r#"{"ab":"<"}"#);
    }
}
