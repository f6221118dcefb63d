//! `insights.csv`: the flat table for a spreadsheet.
//!
//! Spreadsheets run what begins like a formula, and names and user agents come from whoever can make a call. Text that begins
//! with a sign that starts one is written with an apostrophe before it, as OWASP advises for CSV injection; control characters, which
//! could begin a new cell or row in a careless reader, become spaces. Numbers are left alone, for they are ours.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use chrono::SecondsFormat;

use crate::error::{Error, Result};
use crate::insight::Insight;
use crate::report::columns::{COLUMNS, Values};
use crate::storage::AtomicFile;

/// Signs that a spreadsheet may take for the begin of a formula, the wide forms of East Asian keyboards included.
const BEGINS_FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

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
        Values::Time(pick) => pick(insight).to_rfc3339_opts(SecondsFormat::Secs, true),
        Values::Flag(pick) => pick(insight).to_string(),
    }
}

/// Text that no spreadsheet takes for anything but text.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let begins_formula = text.trim_start().starts_with(BEGINS_FORMULA) || text.starts_with(char::is_control);
    if !begins_formula && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let plain: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    Cow::Owned(if begins_formula { format!("'{plain}") } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_a_formula() {
        for (text, written) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("  =1+1", "'  =1+1"),
            ("\t=1+1", "' =1+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a\r\nb", "a  b"),
            ("aws-cli/2.0", "aws-cli/2.0"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), written, "{text:?}");
        }
    }
}
