//! What a day's rollup was made from, so that a change of the input is noticed.

use serde::{Deserialize, Serialize};

use crate::partition::EventFile;

/// One file that concerned the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// What it is called below the events folder.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// The hash of its footer.
    pub fingerprint: String,
    /// All its rows, of whatever day.
    pub rows: u64,
}

/// Every file that concerned the day, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayInput {
    /// The files.
    pub files: Vec<InputFile>,
}

impl DayInput {
    /// The input of a day made of these files.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a EventFile>) -> Self {
        let input = |file: &EventFile| InputFile {
            file: file.name.clone(),
            size: file.size,
            fingerprint: file.fingerprint.clone(),
            rows: file.rows(),
        };
        let mut files: Vec<InputFile> = files.into_iter().map(input).collect();
        files.sort_by(|left, right| left.file.cmp(&right.file));
        Self { files }
    }
}
