//! A validator for the part of JSON Schema that `data/schema` uses.
//!
//! A keyword that it does not know makes it panic, so a schema cannot ask for what is not checked.

#![allow(dead_code, reason = "every test file uses a part of it")]

use regex::Regex;
use serde_json::Value;

/// Words of a schema that only describe.
const WORDS: [&str; 4] = ["$schema", "$defs", "title", "description"];

/// What is wrong with a value, each with its place; nothing if it is as the schema says.
pub(crate) fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        if let Some(wrong) = violated(root, schema, keyword, wanted, value, place, found) {
            found.push(format!("{place}: {wrong}, found {value}"));
        }
    }
}

fn violated(
    root: &Value,
    schema: &Value,
    keyword: &str,
    wanted: &Value,
    value: &Value,
    place: &str,
    found: &mut Vec<String>,
) -> Option<String> {
    let length = |limit: &Value| limit.as_u64().unwrap() as usize;
    let holds = match keyword {
        "$ref" => {
            let target = root.pointer(wanted.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
            check(root, target, value, place, found);
            true
        }
        "type" => match wanted {
            Value::Array(types) => types.iter().any(|wanted| is_of_type(wanted, value)),
            wanted => is_of_type(wanted, value),
        },
        "const" => value == wanted,
        "enum" => wanted.as_array().unwrap().contains(value),
        "anyOf" => wanted.as_array().unwrap().iter().any(|schema| {
            let mut own = Vec::new();
            check(root, schema, value, place, &mut own);
            own.is_empty()
        }),
        "required" => wanted.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
        "properties" => {
            for (name, schema) in wanted.as_object().unwrap() {
                if let Some(inner) = value.get(name) {
                    check(root, schema, inner, &format!("{place}.{name}"), found);
                }
            }
            true
        }
        "additionalProperties" => {
            assert_eq!(wanted, &Value::Bool(false));
            let known = schema["properties"].as_object().unwrap();
            value.as_object().is_none_or(|fields| fields.keys().all(|name| known.contains_key(name)))
        }
        "items" => {
            for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                check(root, wanted, item, &format!("{place}[{number}]"), found);
            }
            true
        }
        "minItems" => value.as_array().is_none_or(|items| items.len() >= length(wanted)),
        "maxItems" => value.as_array().is_none_or(|items| items.len() <= length(wanted)),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= length(wanted)),
        "pattern" => value.as_str().is_none_or(|text| Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text)),
        "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
        word => {
            assert!(WORDS.contains(&word), "the schema says `{word}`, which is not checked");
            true
        }
    };
    (!holds).then(|| format!("{keyword} {wanted}"))
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    match wanted.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the schema says type `{other}`, which there is not"),
    }
}
