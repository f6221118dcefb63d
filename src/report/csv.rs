//! `insights.csv`: the flat table for a spreadsheet.
//!
//! Texts come from whoever can make a call and are made [`harmless`]; numbers are left alone, for they are ours.

use std::io::Write;
use std::path::Path;

use chrono::SecondsFormat;

use crate::error::{Error, Result};
use crate::insight::Insight;
use crate::report::columns::{COLUMNS, Values};
use crate::shown::harmless;
use crate::storage::AtomicFile;

/// Writes the table.
pub(super) fn write(path: &Path, insights: &[Insight]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let internal = |error: csv::Error| Error::Internal(error.to_string());
    writer.write_record(COLUMNS.iter().map(|(name, _)| name)).map_err(internal)?;
    for insight in insights {
        writer.write_record(COLUMNS.iter().map(|(_, values)| cell(values, insight))).map_err(internal)?;
    }
    let bytes = writer.into_inner().map_err(Error::internal)?;
    file.write_all(&bytes).map_err(Error::write(path))?;
    file.commit()
}

fn cell(values: &Values<Insight>, insight: &Insight) -> String {
    match values {
        Values::Text(pick) => harmless(&pick(insight)).into_owned(),
        Values::Number(pick) => {
            // Debug, for it writes small probabilities with an exponent.
            Some(pick(insight))
                .filter(|number| number.is_finite())
                .map_or(String::new(), |number| format!("{number:?}"))
        }
        Values::Count(pick) => pick(insight).to_string(),
        Values::Known(pick) => pick(insight).map_or(String::new(), |count| count.to_string()),
        Values::Time(pick) => pick(insight).to_rfc3339_opts(SecondsFormat::Secs, true),
        Values::Flag(pick) => pick(insight).to_string(),
    }
}
