//! What is wrong with settings, in their own words: the line, the whole name, what was expected and what was found.

use toml::de::{DeTable, DeValue, Error};

use crate::error::did_you_mean;

/// What is wrong with the text of a settings file.
pub(super) fn in_file(text: &str, error: &Error) -> String {
    let named = path_of(error);
    let (key, message) = explained(&named, error.message());
    let place = place_of(text, &key).or(error.span().map(|span| span.start)).unwrap_or(0);
    let line = |place: usize| text[..place.min(text.len())].matches('\n').count() + 1;
    if error.message() == "duplicate key" {
        let twice = error.span().and_then(|span| text.get(span)).unwrap_or_default();
        return format!("line {}: `{twice}` is set twice", line(error.span().map_or(0, |span| span.start)));
    }
    // The value's own place is nearer than its name's, in a list that has many lines.
    let nearer = error.span().map(|span| span.start).filter(|start| *start >= place && !named.is_empty());
    format!("line {}: {message}", line(nearer.unwrap_or(place)))
}

/// What is wrong with the value of one setting.
pub(super) fn in_value(error: &Error) -> String {
    explained(&path_of(error), error.message()).1
}

/// The names of the tables and of the setting that an error is about, as far as the reader knows them.
fn path_of(error: &Error) -> Vec<String> {
    let mut bare = error.clone();
    bare.set_input(None);
    let told = bare.to_string();
    let path = told.rsplit_once("in `").and_then(|(_, rest)| rest.trim_end().strip_suffix('`'));
    path.map(|path| path.split('.').map(str::to_owned).collect()).unwrap_or_default()
}

/// The names that lead to what is wrong, and the message.
fn explained(path: &[String], message: &str) -> (Vec<String>, String) {
    // Of a table that is read by itself, as a search is, the message names the rest of the way.
    let (message, below) = message.split_once("\nin `").unwrap_or((message, ""));
    let below = below.trim_end().trim_end_matches('`').split('.').filter(|name| !name.is_empty());
    let path: Vec<String> = path.iter().cloned().chain(below.map(str::to_owned)).collect();
    let path = path.as_slice();
    let whole = path.join(".");
    if let Some((key, expected)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        // The message lists the names that the table has.
        let known = expected.split('`').skip(1).step_by(2);
        let key = [path, &[key.to_owned()]].concat();
        let said = format!("there is no setting `{}`{}", key.join("."), did_you_mean(&key[path.len()], known));
        return (key, said);
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let said = match wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => format!("expected {}, found {}", wanted(expected), thing(found)),
        None => message.trim().replace('\n', "; "),
    };
    (path.to_vec(), if whole.is_empty() { said } else { format!("{whole}: {said}") })
}

/// The reader's word for a kind of value, as people call it.
fn wanted(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

/// A value as the reader tells it: an integer, a string, or a sequence.
fn thing(found: &str) -> String {
    let value = found.split_once(['`', '"']).map(|(_, rest)| rest.trim_end_matches(['`', '"']));
    // A number in quotes is a text, which nobody sees who is told the number alone.
    let is_quoted =
        |value: &str| found.starts_with("string") && (value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok());
    match (value, found) {
        (Some(value), _) if is_quoted(value) => format!("the text `{value}`"),
        (Some(value), _) => format!("`{value}`"),
        (None, "sequence") => "a list".to_owned(),
        (None, "map") => "a table".to_owned(),
        (None, other) => other.to_owned(),
    }
}

/// Where a name stands in the text.
fn place_of(text: &str, path: &[String]) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut place = None;
    for name in path {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == name.as_str())?;
        place = Some(key.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    place
}
