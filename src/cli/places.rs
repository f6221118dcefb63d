//! The databases of addresses, where a command shows any: opened, and what is wrong with them said.

use chrono::Utc;

use crate::cli::{exit, output};
use crate::error::Result;
use crate::place::PlaceBook;
use crate::settings::{OutputFormat, Settings};

/// Opens the databases of the settings, and says which of them are old or superfluous.
pub(super) fn open(settings: &Settings) -> Result<PlaceBook> {
    let places = PlaceBook::open(&settings.geoip)?;
    places.remarks(Utc::now()).iter().for_each(|remark| output::complain(&format!("! {remark}")));
    Ok(places)
}

/// The exit code of a command that writes findings, once it said what of the databases some outputs cannot hold, and which are damaged.
pub(super) fn complain_of_findings(places: &PlaceBook, settings: &Settings, code: u8) -> u8 {
    let mut ocsf = [OutputFormat::Ocsf, OutputFormat::SecurityLake].iter();
    let others: Vec<String> = places.other_countries().into_iter().map(|country| format!("`{country}`")).collect();
    if ocsf.any(|format| settings.formats.contains(format)) && !others.is_empty() {
        output::complain(&format!(
            "! geoip.files: countries that are no codes of ISO 3166 ({}) are left out of OCSF findings",
            others.join(", ")
        ));
    }
    complain(places, code)
}

/// Says which databases are damaged; the exit code: that of the command, unless it is better than what this comes to.
pub(super) fn complain(places: &PlaceBook, code: u8) -> u8 {
    let damages = places.damages();
    for (path, why) in &damages {
        output::complain(&format!("! {}: {why}", path.display()));
    }
    match code {
        exit::DONE | exit::FINDINGS if !damages.is_empty() => exit::PARTIAL,
        code => code,
    }
}
