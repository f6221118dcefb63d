//! Outlines against `serde_json`, which says what JSON is.

use std::borrow::Cow;

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::*;

/// The fields of an object as `serde_json` sees them: keys, and values as they are written.
struct Fields<'a>(Vec<(String, &'a str)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Top;
        impl<'de> Visitor<'de> for Top {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    fields.push((key, map.next_value::<&'de RawValue>()?.get()));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Top)
    }
}

/// The fields of the object that a text begins with, and where it ends.
fn expected(text: &str) -> Option<(Fields<'_>, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Fields<'_>>();
    let fields = stream.next()?.ok()?;
    Some((fields, stream.byte_offset()))
}

fn limits() -> Limits {
    Limits { depth: usize::MAX, ..Limits::default() }
}

/// Compares an object's fields, and those of the objects in it as deep as they are kept.
fn assert_alike(object: Object<'_>, expected: &Fields<'_>, depth: usize) {
    let found: Vec<(Cow<'_, str>, &str)> = object.fields().map(|(key, value)| (key.text(), value.raw())).collect();
    let wanted: Vec<(Cow<'_, str>, &str)> = expected.0.iter().map(|(key, raw)| (key.as_str().into(), *raw)).collect();
    assert_eq!(found, wanted);
    for (_, value) in object.fields() {
        assert_eq!(value.text(), text_as_before(value.raw()), "{}", value.raw());
        match serde_json::from_str::<Fields<'_>>(value.raw()) {
            Ok(inner) if depth < DEEPEST => assert_alike(value.object().unwrap(), &inner, depth + 1),
            // A key that is no text, or an object too deep to be looked into.
            Ok(_) | Err(_) => assert!(value.object().is_none_or(|object| object.fields().next().is_none())),
        }
    }
}

fn text_as_before(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
        _ => Some(Cow::Borrowed(raw)),
    }
}

fn assert_judged_alike(text: &str) {
    let mut outline = Outline::default();
    let end = outline.trace(text.as_bytes(), &limits());
    let wanted = expected(text);
    assert_eq!(end, wanted.as_ref().map(|(_, end)| *end), "{text}");
    if let Some((fields, _)) = wanted {
        assert_alike(outline.object(text), &fields, 1);
    }
}

/// What may stand for a value: what JSON allows, and what nearly looks like it.
const VALUES: &[&str] = &[
    "0",
    "-0",
    "00",
    "01",
    "-",
    "1.",
    "1.5",
    ".5",
    "1e5",
    "1e",
    "1E+5",
    "1e-",
    "-1.25e-10",
    "+1",
    "NaN",
    "true",
    "tru",
    "truex",
    "false",
    "null",
    "nul",
    "",
    " ",
    "\"\"",
    "\"a",
    "\"\\u12",
    "\"\\u12G4\"",
    "\"\\ud800\"",
    "\"\\x\"",
    "\"a\tb\"",
    "\"a\\tb\"",
    "\"\u{7f}é\u{1f600}\"",
    "\"12345678\\\"\"",
    "[]",
    "[1]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{}",
    "{\"b\":1}",
    "{\"b\"}",
    "{\"b\":}",
    "{b:1}",
    "{\"b\":1,}",
    "{,}",
    "{\"b\":{\"c\":[{\"d\":{}}],\"e\":{\"f\":{\"g\":{\"h\":1}}}},\"i\":2}",
    "{\"\\ud800\":1,\"b\":{\"c\":2}}",
    "{\"a\\u0062\":1}",
];

#[test]
fn objects_are_judged_as_serde_judges_them() {
    for value in VALUES {
        for text in [
            format!("{{\"a\":{value}}}"),
            format!(" {{ \"a\" : {value} , \"z\" : [ {value} ] }} trailing"),
            format!("{{\"a\":[{{\"b\":{value}}}],\"c\":{{\"d\":{value}}}}}"),
            format!("{{\"\\u0061\":{value}"),
        ] {
            assert_judged_alike(&text);
        }
    }
    for text in [
        "{\"\\ud800\":1}",
        "{\"\\\"\":1,\"\\\"\":2}",
        "[]",
        "1",
        "",
        "{",
        "{}",
        "{}}",
        "{\"a\":1}{\"b\":2}",
        "\u{feff}{}",
    ] {
        assert_judged_alike(text);
    }
}

#[test]
fn limits_are_refused() {
    let limits = Limits { depth: 3, string: 4, record: 40, ..Limits::default() };
    let traced = |text: &str| Outline::default().trace(text.as_bytes(), &limits);
    assert_eq!(traced("{\"a\":[{}]}"), Some(10));
    assert_eq!(traced("{\"a\":[[[]]]}"), None, "four deep");
    assert_eq!(traced("{\"abcd\":\"abcd\"}"), Some(15));
    assert_eq!(traced("{\"a\":\"abcde\"}"), None, "five letters");
    assert_eq!(traced("{\"abcde\":1}"), None, "a key of five letters");
    assert_eq!(traced(&format!("{{{}}}", " ".repeat(38))), Some(40));
    assert_eq!(traced(&format!("{{{}}}", " ".repeat(39))), None, "41 bytes");
}

/// JSON of any shape, with blanks and odd texts.
fn json() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(
        prop::sample::select(vec![
            "a",
            "userIdentity",
            "é",
            "\\n",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\\"",
            " ",
            "{",
            "]",
            ",",
        ]),
        0..6,
    );
    let text = text.prop_map(|parts| format!("\"{}\"", parts.concat()));
    let leaf = prop_oneof![
        text.clone(),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,2})?([eE][+-]?[0-9])?",
        Just("null".to_owned()),
        Just("true".to_owned())
    ];
    let value = leaf.prop_recursive(6, 40, 5, move |inner| {
        let blank = prop::sample::select(vec!["", " ", "\n", "\t \r"]);
        let field = (text.clone(), blank.clone(), inner.clone())
            .prop_map(|(key, blank, value)| format!("{key}{blank}:{blank}{value}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..5), blank.clone())
                .prop_map(|(items, blank)| format!("[{blank}{}{blank}]", items.join(&format!("{blank},{blank}")))),
            (prop::collection::vec(field, 0..5), blank)
                .prop_map(|(items, blank)| format!("{{{blank}{}{blank}}}", items.join(&format!("{blank},{blank}")))),
        ]
    });
    value.prop_map(|value| format!("{{\"eventName\":{value}}}"))
}

proptest! {
    #[test]
    fn sound_json_is_outlined_as_serde_reads_it(text in json()) {
        assert_judged_alike(&text);
    }

    #[test]
    fn json_with_an_error_is_judged_as_serde_judges_it(
        text in json(),
        place in any::<prop::sample::Index>(),
        change in prop::sample::select(vec!["", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "\n", "\u{1}", "t", " "]),
        replace in any::<bool>(),
    ) {
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let at = places[place.index(places.len())];
        let rest = text[at..].chars().next().map_or(0, char::len_utf8);
        assert_judged_alike(&format!("{}{change}{}", &text[..at], &text[at + if replace { rest } else { 0 }..]));
    }
}
