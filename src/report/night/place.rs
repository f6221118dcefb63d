//! Where an address is, read back. Insights spell the names as the vendor does, alerts as everything else of theirs.

use std::borrow::Cow;

use serde::Deserialize;

use crate::report::night::Text;

/// What was known of an address.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the files, described in README.md")]
pub struct Place {
    pub address: Text,
    pub country: Text,
    #[serde(alias = "networkOwner")]
    pub network_owner: Text,
    #[serde(alias = "networkNumber")]
    pub network_number: Option<u32>,
}

impl Place {
    /// `CN, Example Net`: the network by its number where its owner is not known; empty if nothing is.
    pub fn shown(&self) -> String {
        let by_number = || self.network_number.map_or(String::new(), |number| format!("AS{number}"));
        let network = if self.network_owner.is_empty() { Cow::Owned(by_number()) } else { self.network_owner.shown() };
        let parts = [self.country.shown(), network];
        parts.iter().filter(|part| !part.is_empty()).map(AsRef::as_ref).collect::<Vec<&str>>().join(", ")
    }

    /// What is known of an address among several; empty if nothing is.
    pub fn of<'night>(places: impl IntoIterator<Item = &'night Self>, address: &Text) -> String {
        places.into_iter().find(|place| place.address == *address).map_or(String::new(), Self::shown)
    }

    /// The address, with what is known of it in brackets.
    pub fn beside<'night>(places: impl IntoIterator<Item = &'night Self>, address: &Text) -> String {
        match Self::of(places, address) {
            place if place.is_empty() => address.shown().into_owned(),
            place => format!("{} ({place})", address.shown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let read = |text: &str| serde_json::from_str::<Place>(text).unwrap().shown();
        let insight = r#"{"address":"1.2.3.4","country":"CN","networkOwner":"Example Net","networkNumber":7}"#;
        assert_eq!(read(insight), "CN, Example Net");
        assert_eq!(read(r#"{"address":"1.2.3.4","country":null,"network_owner":null,"network_number":7}"#), "AS7");
        assert_eq!(read("{}"), "");
    }
}
