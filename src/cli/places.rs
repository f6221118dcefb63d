//! The databases of addresses, where a command shows any: opened, and what is wrong with them said.

use chrono::Utc;

use crate::cli::{exit, output};
use crate::error::Result;
use crate::place::PlaceBook;
use crate::settings::Settings;

/// Opens the databases of the settings, and says which of them are old or superfluous.
pub(super) fn open(settings: &Settings) -> Result<PlaceBook> {
    let places = PlaceBook::open(&settings.geoip)?;
    places.remarks(Utc::now()).iter().for_each(|remark| output::complain(&format!("! {remark}")));
    Ok(places)
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
