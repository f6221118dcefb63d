//! Where addresses are: country and network owner, from databases in MaxMind's format that the settings name.
//!
//! This room knows addresses and databases, and nothing of what tells of them. [`PlaceBook`] looks addresses up, a [`Place`] is what is
//! known of one. Without a database nothing has a place, and nothing else is missing. `layout` holds where the databases of several
//! vendors keep what is asked for.

mod book;
mod country;
mod database;
#[cfg(test)]
pub(crate) mod example;
mod layout;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use book::PlaceBook;
pub use country::is_country_code;

/// Where an address is, as far as the databases tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The address, or the network, as whoever tells of it writes it.
    pub address: String,
    /// The country's code of two letters; its name where a database has no codes.
    pub country: Option<String>,
    /// Who runs the network.
    pub network_owner: Option<String>,
    /// The network's autonomous system number.
    pub network_number: Option<u32>,
}

impl Place {
    /// The country, if the databases tell it by its code in the standard.
    pub fn country_code(&self) -> Option<&str> {
        self.country.as_deref().filter(|country| is_country_code(country))
    }

    /// `CN, Example Net`: the network by its number where its owner is not known.
    pub fn shown(&self) -> String {
        let network = self.network_owner.clone().or_else(|| self.network_number.map(|number| format!("AS{number}")));
        self.country.iter().chain(&network).map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Adds to an object of JSON, in which an address stands, where that is; nulls for what is not known.
pub fn add_to(object: &mut Value, place: Option<&Place>) {
    object["country"] = place.and_then(|place| place.country.as_deref()).into();
    object["network_owner"] = place.and_then(|place| place.network_owner.as_deref()).into();
    object["network_number"] = place.and_then(|place| place.network_number).into();
}

/// The sentence with each place in brackets after the first mention of its address.
pub fn named_in(sentence: &str, places: &[Place]) -> String {
    let mut mentions: Vec<(usize, &Place)> =
        places.iter().filter_map(|place| Some((end_of_mention(sentence, &place.address)?, place))).collect();
    mentions.sort_by_key(|(end, _)| *end);
    let (mut told, mut from) = (String::with_capacity(sentence.len()), 0);
    for (end, place) in mentions {
        told += &sentence[from..end];
        told.extend([" (", &place.shown(), ")"]);
        from = end;
    }
    told + &sentence[from..]
}

/// Where the first mention of an address ends; a longer address and a network are other things.
fn end_of_mention(sentence: &str, address: &str) -> Option<usize> {
    let part_of_more = |character: char| character.is_ascii_hexdigit() || ".:".contains(character);
    sentence.match_indices(address).find_map(|(start, _)| {
        let (before, after) = (&sentence[..start], &sentence[start + address.len()..]);
        // A full stop or a colon may follow it, too.
        let rest = after.strip_prefix(['.', ':']).unwrap_or(after);
        let goes_on = after.starts_with('/') || rest.starts_with(|next: char| next.is_ascii_hexdigit());
        (!before.ends_with(part_of_more) && !goes_on).then_some(start + address.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str, owner: &str) -> Place {
        let network_owner = Some(owner.to_owned()).filter(|owner| !owner.is_empty());
        Place { address: address.into(), country: Some("DE".into()), network_owner, network_number: None }
    }

    fn told(sentence: &str) -> String {
        named_in(sentence, &[place("10.0.0.1", "")])
    }

    #[test]
    fn a_longer_address_is_another() {
        assert_eq!(told("from 10.0.0.12 at"), "from 10.0.0.12 at");
        assert_eq!(told("from 110.0.0.1 and 10.0.0.1."), "from 110.0.0.1 and 10.0.0.1 (DE).");
        assert_eq!(told("10.0.0.1: 5, 10.0.0.1.7"), "10.0.0.1 (DE): 5, 10.0.0.1.7");
        assert_eq!(told("10.0.0.1.7, ::10.0.0.1"), "10.0.0.1.7, ::10.0.0.1");
        assert_eq!(told("from 10.0.0.1/32"), "from 10.0.0.1/32");
    }

    #[test]
    fn a_name_in_a_database_is_no_mention() {
        let places = [place("10.0.0.1", "10.0.0.2 Ltd"), place("10.0.0.2", "Other")];
        let told = named_in("10.0.0.1 and 10.0.0.2", &places);
        assert_eq!(told, "10.0.0.1 (DE, 10.0.0.2 Ltd) and 10.0.0.2 (DE, Other)");
    }

    #[test]
    fn a_network_without_an_owner_goes_by_its_number() {
        let place = Place { network_number: Some(65_000), ..place("10.0.0.1", "") };
        assert_eq!(place.shown(), "DE, AS65000");
        let place = Place { country: None, network_owner: Some("Example Net".into()), ..place };
        assert_eq!(place.shown(), "Example Net");
    }
}
