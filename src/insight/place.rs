//! Where addresses are: country and network owner, from MaxMind-format files that the settings name.
//!
//! Without such a file an insight has no places, and nothing else is missing. The layouts understood are those of the vendor
//! (`country.iso_code`, `autonomous_system_organization`) and the flat one of others (`country_code` or `country`, `as_name`, `asn`).

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{PathElement, Reader};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::insight::Insight;

/// Where an address is, as far as the files tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The address, as the insight writes it.
    pub address: String,
    /// The country's code of two letters.
    pub country: Option<String>,
    /// Who runs the network.
    pub network_owner: Option<String>,
    /// The network's autonomous system number.
    pub network_number: Option<u32>,
}

impl Place {
    /// `CN, Example Net`; empty if nothing is known.
    pub fn shown(&self) -> String {
        self.country.iter().chain(&self.network_owner).map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Opened databases, asked in the order in which they were named.
#[derive(Debug, Default)]
pub struct PlaceBook {
    readers: Vec<Reader<Vec<u8>>>,
}

impl PlaceBook {
    /// Reads the files into memory.
    ///
    /// # Errors
    /// When one cannot be read, or is not in MaxMind's format.
    pub fn open(files: &[PathBuf]) -> Result<Self> {
        let readers = files.iter().map(|file| open(file)).collect::<Result<_>>()?;
        Ok(Self { readers })
    }

    /// Gives every insight the places of its addresses, in its data and in its sentence.
    pub fn annotate(&self, insights: &mut [Insight]) {
        if self.readers.is_empty() {
            return;
        }
        for insight in insights {
            insight.places = addresses(insight).into_iter().filter_map(|address| self.look_up(&address)).collect();
            for place in &insight.places {
                insight.sentence = with_place(&insight.sentence, place);
            }
        }
    }

    /// What the databases say of an address; `None` if that is nothing.
    pub fn look_up(&self, address: &str) -> Option<Place> {
        let parsed: IpAddr = address.parse().ok()?;
        let text =
            |paths: &[&[PathElement<'static>]]| self.find::<String>(parsed, paths).filter(|text| !text.is_empty());
        let key = PathElement::Key;
        let number = self
            .find::<u32>(parsed, &[&[key("autonomous_system_number")]])
            .or_else(|| text(&[&[key("asn")]])?.trim_start_matches("AS").parse().ok());
        let place = Place {
            address: address.to_owned(),
            country: text(&[&[key("country"), key("iso_code")], &[key("country_code")], &[key("country")]]),
            network_owner: text(&[&[key("autonomous_system_organization")], &[key("as_name")]]),
            network_number: number,
        };
        (place.country.is_some() || place.network_owner.is_some() || place.network_number.is_some()).then_some(place)
    }

    /// The first of the paths that leads to a value of that type, in the first database that has one.
    fn find<'book, Value: serde::Deserialize<'book>>(
        &'book self,
        address: IpAddr,
        paths: &[&[PathElement<'static>]],
    ) -> Option<Value> {
        let records = self.readers.iter().filter_map(|reader| reader.lookup(address).ok());
        records.into_iter().find_map(|record| paths.iter().find_map(|path| record.decode_path(path).ok().flatten()))
    }
}

fn open(file: &Path) -> Result<Reader<Vec<u8>>> {
    let bytes = std::fs::read(file).map_err(Error::read(file))?;
    Reader::from_source(bytes).map_err(|error| Error::Settings {
        path: file.to_path_buf(),
        message: format!("expected a database in MaxMind's format (.mmdb), found: {error}"),
    })
}

fn addresses(insight: &Insight) -> Vec<String> {
    let mut found: Vec<String> = vec![insight.object.clone()];
    found.extend(insight.values("sourceIpAddress").map(str::to_owned));
    found.retain(|address| address.parse::<IpAddr>().is_ok());
    let mut known = std::collections::BTreeSet::new();
    found.retain(|address| known.insert(address.clone()));
    found
}

/// The sentence with the place in brackets after the address.
fn with_place(sentence: &str, place: &Place) -> String {
    let shown = place.shown();
    let part_of_more = |character: char| character.is_ascii_hexdigit() || ".:".contains(character);
    let ends = sentence.match_indices(&place.address).filter_map(|(start, address)| {
        let (before, after) = (&sentence[..start], &sentence[start + address.len()..]);
        // A full stop or a colon may follow it, too.
        let goes_on =
            after.strip_prefix(['.', ':']).unwrap_or(after).starts_with(|next: char| next.is_ascii_hexdigit());
        (!before.ends_with(part_of_more) && !goes_on).then_some(start + address.len())
    });
    match ends.into_iter().next() {
        Some(end) if !shown.is_empty() => format!("{} ({shown}){}", &sentence[..end], &sentence[end..]),
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;

    /// A database whose one record covers `203.0.113.0/24`: a path of 24 nodes, the record, the metadata.
    fn database(record: &[u8]) -> Vec<u8> {
        let (network, nodes) = (u32::from_be_bytes([203, 0, 113, 0]), 24_u32);
        let mut bytes = Vec::new();
        for depth in 0..nodes {
            let next = if depth + 1 == nodes { nodes + 16 } else { depth + 1 };
            let set = (network >> (31 - depth)) & 1 == 1;
            let (left, right) = if set { (nodes, next) } else { (next, nodes) };
            bytes.extend(&left.to_be_bytes()[1..]);
            bytes.extend(&right.to_be_bytes()[1..]);
        }
        bytes.extend([0; 16]);
        bytes.extend(record);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.extend(map(&[
            ("binary_format_major_version", vec![0xa1, 2]),
            ("binary_format_minor_version", vec![0xa0]),
            ("build_epoch", vec![1, 2, 1]),
            ("database_type", string("Test")),
            ("description", map(&[])),
            ("ip_version", vec![0xa1, 4]),
            ("languages", vec![0, 4]),
            ("node_count", vec![0xc1, 24]),
            ("record_size", vec![0xa1, 24]),
        ]));
        bytes
    }

    fn string(text: &str) -> Vec<u8> {
        assert!(text.len() < 29 + 256);
        let mut bytes =
            if text.len() < 29 { vec![0x40 | text.len() as u8] } else { vec![0x5d, (text.len() - 29) as u8] };
        bytes.extend(text.as_bytes());
        bytes
    }

    fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0xe0 | entries.len() as u8];
        for (key, value) in entries {
            bytes.extend(string(key));
            bytes.extend(value);
        }
        bytes
    }

    fn book(records: &[Vec<u8>]) -> PlaceBook {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> =
            (0..records.len()).map(|number| folder.path().join(format!("{number}.mmdb"))).collect();
        for (file, record) in files.iter().zip(records) {
            std::fs::write(file, database(record)).unwrap();
        }
        PlaceBook::open(&files).unwrap()
    }

    #[test]
    fn country_and_owner_may_come_from_two_files_or_from_one() {
        let country = map(&[("country", map(&[("iso_code", string("DE"))]))]);
        let owner = map(&[
            ("autonomous_system_number", vec![0xc2, 0xfd, 0xe8]),
            ("autonomous_system_organization", string("Example Net")),
        ]);
        let flat =
            map(&[("country_code", string("DE")), ("as_name", string("Example Net")), ("asn", string("AS65000"))]);
        for records in [vec![country, owner], vec![flat]] {
            let place = book(&records).look_up("203.0.113.77").unwrap();
            assert_eq!(place.shown(), "DE, Example Net");
            assert_eq!(place.network_number, Some(65_000));
        }
    }

    #[test]
    fn what_the_files_do_not_know_is_left_out() {
        let book = book(&[map(&[("country", map(&[("iso_code", string("DE"))]))])]);
        for unknown in ["198.51.100.1", "2001:db8::1", "cloudmonitor.aliyuncs.com", ""] {
            assert_eq!(book.look_up(unknown), None, "{unknown}");
        }
        assert_eq!(book.look_up("203.0.113.1").unwrap().network_owner, None);
    }

    #[test]
    fn insights_carry_their_places_and_the_sentence_names_them() {
        let mut insights = vec![Insight { sentence: "203.0.113.77 made 5 calls".to_owned(), ..rate() }];
        PlaceBook::default().annotate(&mut insights);
        assert!(insights[0].places.is_empty());
        book(&[map(&[("country_code", string("DE"))])]).annotate(&mut insights);
        assert_eq!(insights[0].sentence, "203.0.113.77 (DE) made 5 calls");
        assert_eq!(insights[0].places.len(), 1);
    }

    #[test]
    fn a_longer_address_is_another() {
        let place =
            Place { address: "10.0.0.1".into(), country: Some("DE".into()), network_owner: None, network_number: None };
        assert_eq!(with_place("from 10.0.0.12 at", &place), "from 10.0.0.12 at");
        assert_eq!(with_place("from 110.0.0.1 and 10.0.0.1.", &place), "from 110.0.0.1 and 10.0.0.1 (DE).");
        assert_eq!(with_place("10.0.0.1: 5, 10.0.0.1.7", &place), "10.0.0.1 (DE): 5, 10.0.0.1.7");
        assert_eq!(with_place("10.0.0.1.7, ::10.0.0.1", &place), "10.0.0.1.7, ::10.0.0.1");
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text.mmdb");
        std::fs::write(&file, "no database").unwrap();
        let refused = PlaceBook::open(&[file]).unwrap_err().to_string();
        assert!(refused.contains("text.mmdb") && refused.contains("MaxMind"), "{refused}");
    }
}
