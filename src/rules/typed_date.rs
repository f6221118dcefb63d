//! Dates as settings have them: as text, or as the dates that TOML knows without quotes. What they mean is read later.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::value::Datetime;

/// A date, or a span of dates, not read yet.
struct Typed(String);

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Words)
    }
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Typed;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a date such as 2026-02-17")
    }

    fn visit_str<E>(self, text: &str) -> Result<Typed, E> {
        Ok(Typed(text.to_owned()))
    }

    /// TOML's own dates come as a table of a kind that no file can have.
    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Typed, A::Error> {
        Datetime::deserialize(MapAccessDeserializer::new(table)).map(|date| Typed(date.to_string()))
    }
}

/// A list of dates.
pub(crate) fn several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Typed>::deserialize(deserializer)?.into_iter().map(|date| date.0).collect())
}

/// A date, if there is one.
pub(crate) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Typed::deserialize(deserializer)?.0))
}
