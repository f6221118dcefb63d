//! One database: opened, and refused if it tells nothing of places.
//!
//! One is in memory as a whole: it does not change while a night is told, whoever replaces the file.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use ipnet::IpNet;
use maxminddb::{MaxMindDbError, Reader, WithinOptions};

use crate::error::{Error, Result};
use crate::place::layout::{Facts, Record};

/// Networks that are looked at before a database is taken for one that tells nothing of places; nearly always the first
/// is enough.
const TRIED: usize = 10_000;
/// Days after which a database is old: networks change hands.
const OLD: i64 = 365;

/// A database in memory.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) path: PathBuf,
    reader: Reader<Vec<u8>>,
}

impl Database {
    /// Reads a file into memory.
    ///
    /// # Errors
    /// When it cannot be read, is not in MaxMind's format, or knows neither countries nor owners of networks.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::read(path))?;
        let refused = |found: String| Error::Settings {
            path: path.to_path_buf(),
            message: format!(
                "geoip.files: expected a database in MaxMind's format (.mmdb) of countries or owners of networks, found {found}"
            ),
        };
        let reader = Reader::from_source(bytes).map_err(|error| refused(format!("another file: {error}")))?;
        let database = Self { path: path.to_path_buf(), reader };
        match database.tells_places() {
            Ok(true) => Ok(database),
            Ok(false) => Err(refused(format!("one of type `{}`", database.reader.metadata().database_type))),
            Err(error) => Err(refused(format!("a damaged one: {error}"))),
        }
    }

    /// Whether one of its first networks has a record that tells of a place.
    fn tells_places(&self) -> std::result::Result<bool, MaxMindDbError> {
        // Networks without a record count, too, so that no tree is searched without end.
        let networks = self.reader.networks(WithinOptions::default().include_networks_without_data())?;
        for network in networks.take(TRIED) {
            let Some(record) = network?.decode::<Record>()? else { continue };
            if !Facts::from(record).is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What it tells of an address; nothing if the address is not in it.
    pub(super) fn look_up(&self, address: IpAddr) -> std::result::Result<Facts, MaxMindDbError> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(Facts::default());
        }
        Ok(self.reader.lookup(address)?.decode::<Record>()?.map(Facts::from).unwrap_or_default())
    }

    /// What it tells of all addresses of a network; nothing if it tells of smaller ones one by one.
    pub(super) fn look_up_network(&self, network: IpNet) -> std::result::Result<Facts, MaxMindDbError> {
        if network.addr().is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(Facts::default());
        }
        let found = self.reader.lookup(network.addr())?;
        if found.network()?.prefix() > network.prefix_len() {
            return Ok(Facts::default());
        }
        Ok(found.decode::<Record>()?.map(Facts::from).unwrap_or_default())
    }

    /// The day on which it was made, if that was more than a year before `now`; `None` where it does not tell.
    pub(super) fn made_long_before(&self, now: DateTime<Utc>) -> Option<NaiveDate> {
        let seconds = i64::try_from(self.reader.metadata().build_epoch).ok().filter(|seconds| *seconds > 0)?;
        let made = DateTime::from_timestamp(seconds, 0)?;
        (now.signed_duration_since(made).num_days() > OLD).then(|| made.date_naive())
    }
}
