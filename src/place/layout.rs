//! Where databases keep a country and a network's owner.
//!
//! Vendors nest a country's code (`country.iso_code`) or write it flat (`country_code`, `country`), and call an owner
//! `autonomous_system_organization`, by itself or among the `traits` of an address, or `as_name`, or `name` beside an `asn`.
//! All of them are understood, wherever they stand together; whatever else a record holds is passed over.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::shown::{clipped, is_hidden};

/// What a record tells of a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) country: Option<String>,
    pub(super) network_owner: Option<String>,
    pub(super) network_number: Option<u32>,
}

/// A record, as any of the vendors lays it out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    country: Field,
    country_code: Field,
    autonomous_system_number: Field,
    autonomous_system_organization: Field,
    traits: Field,
    asn: Field,
    as_name: Field,
    name: Field,
}

/// A value of a record. One of an unknown form tells nothing, and keeps nothing else from being told.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Number(u32),
    Nested {
        iso_code: Option<String>,
        autonomous_system_number: Option<u32>,
        autonomous_system_organization: Option<String>,
    },
    Other(IgnoredAny),
}

impl Default for Field {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl Field {
    fn text(&self) -> Option<String> {
        if let Self::Text(text) = self { clean(text) } else { None }
    }

    /// A number, or one that is written as `AS65000`.
    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim_start_matches("AS").parse().ok(),
            _ => None,
        }
    }
}

impl From<Record> for Facts {
    fn from(record: Record) -> Self {
        let code = match &record.country {
            Field::Nested { iso_code: Some(code), .. } => clean(code),
            _ => None,
        };
        let (nested_number, nested_owner) = match record.traits {
            Field::Nested { autonomous_system_number, autonomous_system_organization, .. } => {
                (autonomous_system_number, autonomous_system_organization)
            }
            _ => (None, None),
        };
        let number = record.autonomous_system_number.number().or(nested_number).or_else(|| record.asn.number());
        let owner = record.autonomous_system_organization.text().or_else(|| clean(nested_owner.as_deref()?));
        // A name says whose network it is only beside the network's number.
        let by_number = || record.name.text().filter(|_| record.asn.number().is_some());
        Self {
            country: code.or_else(|| record.country_code.text()).or_else(|| record.country.text()),
            network_owner: owner.or_else(|| record.as_name.text()).or_else(by_number),
            network_number: number,
        }
    }
}

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is known here, and where nothing is, what is known there.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            country: self.country.or(other.country),
            network_owner: self.network_owner.or(other.network_owner),
            network_number: self.network_number.or(other.network_number),
        }
    }
}

/// A name as sentences can hold it: in one line, with nothing hidden, and no longer than other names; `None` if nothing is left.
fn clean(text: &str) -> Option<String> {
    let shown: String = text.chars().map(|character| if is_hidden(character) { ' ' } else { character }).collect();
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then(|| clipped(&words).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(record: Value) -> (Option<String>, Option<String>, Option<u32>) {
        let facts = Facts::from(serde_json::from_value::<Record>(record).unwrap());
        (facts.country, facts.network_owner, facts.network_number)
    }

    #[test]
    fn every_layout_tells_the_same() {
        let all = (Some("DE".to_owned()), Some("Example Net".to_owned()), Some(65_000));
        let layouts = [
            json!({"country": {"iso_code": "DE", "names": {"en": "Germany"}}, "autonomous_system_number": 65_000,
                "autonomous_system_organization": "Example Net"}),
            json!({"country": {"iso_code": "DE"}, "city": {"names": {}}, "location": {"latitude": 1.5},
                "traits": {"autonomous_system_number": 65_000, "autonomous_system_organization": "Example Net"}}),
            json!({"asn": "AS65000", "as_name": "Example Net", "as_domain": "example.net", "country": "Germany",
                "country_code": "DE", "continent": "Europe"}),
            json!({"asn": "AS65000", "name": "Example Net", "country": "DE", "country_name": "Germany"}),
            json!({"asn": 65_000, "as_name": "Example Net", "country_code": "DE"}),
        ];
        for layout in layouts {
            assert_eq!(told(layout.clone()), all, "{layout}");
        }
    }

    #[test]
    fn what_is_of_another_form_tells_nothing_and_hides_nothing() {
        let odd = json!({"country": ["DE"], "country_code": 7, "asn": "none", "as_name": {"a": 1}, "name": "x"});
        assert_eq!(told(odd), (None, None, None));
        assert_eq!(told(json!({"country": true, "as_name": "Example Net"})).1.as_deref(), Some("Example Net"));
        assert_eq!(told(json!({"connection_type": "Corporate", "name": "a place"})), (None, None, None));
    }

    #[test]
    fn names_are_short_and_nothing_in_them_is_hidden() {
        let owner = told(json!({"as_name": "\u{1b}[31mEvil\r\n\u{202e} <b>Net</b> "})).1;
        assert_eq!(owner.as_deref(), Some("[31mEvil <b>Net</b>"));
        assert_eq!(told(json!({"as_name": "x".repeat(9_000)})).1.map(|name| name.chars().count()), Some(161));
        assert_eq!(told(json!({"country_code": " \n", "country": "DE"})).0.as_deref(), Some("DE"));
    }
}
