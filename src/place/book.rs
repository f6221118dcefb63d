//! All databases of the settings together, and what was looked up in them.
//!
//! Asked in the order in which they are named, each for what those before it do not tell. A look-up that fails is
//! counted and told at the end; it stops nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use ipnet::IpNet;
use maxminddb::MaxMindDbError;

use crate::error::Result;
use crate::event::SourceAddress;
use crate::place::Place;
use crate::place::country::is_country_code;
use crate::place::database::Database;
use crate::place::layout::Facts;
use crate::shown::counted;

/// Addresses that are remembered; of more, each is looked up whenever it is met.
const REMEMBERED: usize = 100_000;
/// Countries without a code that are named.
const NAMED_COUNTRIES: usize = 5;

/// Opened databases, asked in the order in which they were named: the first that knows a country tells it, and so for
/// the owner.
#[derive(Debug, Default)]
pub struct PlaceBook {
    databases: Vec<Database>,
    named_twice: Vec<PathBuf>,
    known: Mutex<Known>,
}

/// What was looked up so far.
#[derive(Debug, Default)]
struct Known {
    facts: HashMap<IpAddr, Facts>,
    /// Look-ups that failed, by the place of the database: how many, and why the first did.
    failed: BTreeMap<usize, (u64, String)>,
    /// Countries that are no codes of the standard, the first that were told.
    other_countries: BTreeSet<String>,
}

impl PlaceBook {
    /// Reads the files into memory, each once.
    ///
    /// # Errors
    /// When one cannot be read, is not in MaxMind's format, or tells nothing of places.
    pub fn open(files: &[PathBuf]) -> Result<Self> {
        let mut book = Self::default();
        for file in files {
            if book.databases.iter().any(|known| is_same(&known.path, file)) {
                book.named_twice.push(file.clone());
            } else {
                book.databases.push(Database::open(file)?);
            }
        }
        Ok(book)
    }

    /// Whether there is no database, and so no address has a place.
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// What is known of a source address, or of all addresses of a network; `None` if that is nothing, and for what is
    /// no address of the internet.
    pub fn look_up(&self, source: &str) -> Option<Place> {
        if self.is_empty() {
            return None;
        }
        let network = source.contains('/').then(|| source.parse::<IpNet>().ok()).flatten();
        let address = network.map_or_else(|| SourceAddress::parse(source)?.ip(), |network| Some(network.addr()));
        let address = address.filter(|address| is_public(*address))?;
        let facts = network.map_or_else(|| self.facts(address), |network| self.facts_of_network(network));
        let Facts { country, network_owner, network_number } = Some(facts).filter(|facts| !facts.is_empty())?;
        Some(Place { address: source.to_owned(), country, network_owner, network_number })
    }

    /// The places of sources, each once, in their order.
    pub fn look_up_all<'source>(&self, sources: impl IntoIterator<Item = &'source str>) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for source in sources {
            if !places.iter().any(|known| known.address == source) {
                places.extend(self.look_up(source));
            }
        }
        places
    }

    fn facts(&self, address: IpAddr) -> Facts {
        let mut known = self.known();
        if let Some(facts) = known.facts.get(&address) {
            return facts.clone();
        }
        let facts = self.ask(&mut known, |database| database.look_up(address));
        if known.facts.len() < REMEMBERED {
            known.facts.insert(address, facts.clone());
        }
        facts
    }

    /// Networks are few, and are not remembered.
    fn facts_of_network(&self, network: IpNet) -> Facts {
        self.ask(&mut self.known(), |database| database.look_up_network(network))
    }

    /// What the databases tell, the first of each fact.
    fn ask(
        &self,
        known: &mut Known,
        look_up: impl Fn(&Database) -> std::result::Result<Facts, MaxMindDbError>,
    ) -> Facts {
        let mut facts = Facts::default();
        for (place, database) in self.databases.iter().enumerate() {
            match look_up(database) {
                Ok(found) => facts = facts.or(found),
                Err(error) => known.failed.entry(place).or_insert_with(|| (0, error.to_string())).0 += 1,
            }
        }
        let named = facts.country.as_deref().filter(|country| !is_country_code(country));
        if let Some(country) = named.filter(|_| known.other_countries.len() < NAMED_COUNTRIES) {
            known.other_countries.insert(country.to_owned());
        }
        facts
    }

    /// Countries that were told by other words than the standard's codes, a few of them.
    pub fn other_countries(&self) -> BTreeSet<String> {
        self.known().other_countries.clone()
    }

    /// A thread that panicked left nothing half done here.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be known of the databases themselves at a time: which are old, and which were named twice.
    pub fn remarks(&self, now: DateTime<Utc>) -> Vec<String> {
        let old = self.databases.iter().filter_map(|database| Some((database, database.made_long_before(now)?)));
        let old = old.map(|(database, made)| {
            format!(
                "geoip.files: {} was made on {made}, more than a year ago: countries and owners may be others by now",
                database.path.display()
            )
        });
        let twice = self.named_twice.iter();
        old.chain(twice.map(|path| format!("geoip.files: {} is named twice; it is read once", path.display())))
            .collect()
    }

    /// The databases in which look-ups failed, with why.
    pub fn damages(&self) -> Vec<(&Path, String)> {
        let known = self.known();
        let damage = |(place, (times, why)): (&usize, &(u64, String))| {
            let addresses = counted(*times, "address", "addresses");
            let path = self.databases[*place].path.as_path();
            (path, format!("{addresses} could not be looked up, and may lack country and network owner: {why}"))
        };
        known.failed.iter().map(damage).collect()
    }
}

/// Whether two names are of one file.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

/// Whether an address may be somewhere. Networks kept for documentation may: exercises use them, with databases of
/// their own.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let reserved = first == 0 || first >= 224;
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared || reserved)
        }
        IpAddr::V6(v6) => {
            let inside = v6.is_unique_local() || v6.is_unicast_link_local();
            !(inside || v6.is_loopback() || v6.is_unspecified() || v6.is_multicast())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::example::{book, damaged, database, map, number, string};

    fn country() -> Vec<u8> {
        map(&[("country", map(&[("iso_code", string("DE"))]))])
    }

    fn owner() -> Vec<u8> {
        map(&[("autonomous_system_number", number(65_000)), ("autonomous_system_organization", string("Example Net"))])
    }

    #[test]
    fn country_and_owner_may_come_from_two_files_or_from_one() {
        let flat =
            map(&[("country_code", string("DE")), ("as_name", string("Example Net")), ("asn", string("AS65000"))]);
        for records in [vec![country(), owner()], vec![owner(), country()], vec![flat]] {
            let place = book(&records).look_up("203.0.113.77").unwrap();
            assert_eq!(place.shown(), "DE, Example Net");
            assert_eq!(place.network_number, Some(65_000));
        }
    }

    #[test]
    fn what_the_files_do_not_know_is_left_out() {
        let book = book(&[country()]);
        for unknown in ["198.51.100.1", "2001:db8::1", "cloudmonitor.aliyuncs.com", "Internal", "", "null"] {
            assert_eq!(book.look_up(unknown), None, "{unknown}");
        }
        assert_eq!(book.look_up("203.0.113.1").unwrap().network_owner, None);
        assert_eq!(book.damages(), []);
    }

    #[test]
    fn an_address_in_the_clothes_of_another_kind_is_the_same() {
        let place = book(&[country()]).look_up("::ffff:203.0.113.77").unwrap();
        assert_eq!((place.address.as_str(), place.country.as_deref()), ("::ffff:203.0.113.77", Some("DE")));
    }

    #[test]
    fn what_is_nowhere_is_not_looked_up() {
        let book = book(&[country()]);
        let nowhere = [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ];
        for source in nowhere {
            assert_eq!(book.look_up(source), None, "{source}");
        }
        assert!(book.known().facts.is_empty());
        for somewhere in ["100.63.0.1", "100.128.0.1", "172.32.0.1", "8.8.8.8", "2408:4005::1"] {
            assert!(is_public(somewhere.parse().unwrap()), "{somewhere}");
        }
    }

    #[test]
    fn a_network_is_where_all_of_it_is() {
        let book = book(&[country()]);
        let place = book.look_up("203.0.113.0/24").unwrap();
        assert_eq!((place.address.as_str(), place.country.as_deref()), ("203.0.113.0/24", Some("DE")));
        assert!(book.look_up("203.0.113.64/26").is_some(), "it is a part of what the record covers");
        for wider in ["203.0.112.0/23", "10.0.0.0/8", "198.51.100.0/24", "2001:db8::/48", "a/24", "203.0.113.0/99"] {
            assert_eq!(book.look_up(wider), None, "{wider}");
        }
    }

    #[test]
    fn countries_without_a_code_are_remembered() {
        let book = book(&[map(&[("country", string("Germany"))])]);
        let place = book.look_up("203.0.113.7").unwrap();
        assert_eq!((place.country.as_deref(), place.country_code()), (Some("Germany"), None));
        assert_eq!(book.other_countries().into_iter().collect::<Vec<_>>(), ["Germany"]);
    }

    #[test]
    fn an_address_is_looked_up_once() {
        let book = book(&[country()]);
        let places = book.look_up_all(["203.0.113.7", "203.0.113.8", "203.0.113.7", "Internal"]);
        assert_eq!(
            places.iter().map(|place| place.address.as_str()).collect::<Vec<_>>(),
            ["203.0.113.7", "203.0.113.8"]
        );
        assert_eq!(book.known().facts.len(), 2);
    }

    #[test]
    fn damage_is_counted_and_the_other_database_still_tells() {
        let folder = tempfile::tempdir().unwrap();
        let [broken, whole] = ["broken.mmdb", "whole.mmdb"].map(|name| folder.path().join(name));
        std::fs::write(&broken, damaged(&country())).unwrap();
        std::fs::write(&whole, database(&owner(), 1)).unwrap();
        let book = PlaceBook::open(&[broken.clone(), whole]).unwrap();
        for address in ["203.0.113.77", "203.0.113.78", "203.0.113.77"] {
            assert_eq!(book.look_up(address).unwrap().shown(), "Example Net");
        }
        assert_eq!(book.look_up("198.51.100.7").unwrap().shown(), "DE");
        let [(path, why)] = &book.damages()[..] else { panic!("{:?}", book.damages()) };
        assert_eq!(*path, broken);
        assert!(why.starts_with("2 addresses could not be looked up"), "{why}");
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.mmdb");
        let mut cut = database(&country(), 1);
        cut.drain(4..90);
        let others = [
            (b"no database".to_vec(), "another file"),
            (database(&map(&[("connection_type", string("Corporate"))]), 1), "one of type `Test`"),
            (database(&map(&[]), 1), "one of type `Test`"),
            (cut, "found a"),
        ];
        for (bytes, found) in others {
            std::fs::write(&file, bytes).unwrap();
            let refused = PlaceBook::open(std::slice::from_ref(&file)).unwrap_err().to_string();
            assert!(refused.contains("some.mmdb") && refused.contains("MaxMind"), "{refused}");
            assert!(refused.contains(found), "{refused}");
        }
    }

    #[test]
    fn old_databases_and_those_named_twice_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let [old, young, undated] = ["old.mmdb", "young.mmdb", "undated.mmdb"].map(|name| folder.path().join(name));
        let now: DateTime<Utc> = "2026-02-05T00:00:00Z".parse().unwrap();
        let made = |days: i64| u32::try_from(now.timestamp() - days * 86_400).unwrap();
        std::fs::write(&old, database(&country(), made(366))).unwrap();
        std::fs::write(&young, database(&owner(), made(365))).unwrap();
        std::fs::write(&undated, database(&owner(), 0)).unwrap();
        let again = folder.path().join(".").join("young.mmdb");
        let book = PlaceBook::open(&[old, young, again, undated]).unwrap();
        assert_eq!(book.databases.len(), 3);
        let [age, twice] = &book.remarks(now)[..] else { panic!("{:?}", book.remarks(now)) };
        assert!(age.contains("old.mmdb was made on 2025-02-04, more than a year ago"), "{age}");
        assert!(twice.contains("young.mmdb is named twice"), "{twice}");
    }
}
