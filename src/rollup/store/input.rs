//! What a day's rollup was made from, so that a change of the input is noticed.
//!
//! Files are told by name, size and the hash of their footer, which says where every column lies, how long it is and what its bounds are: so a day that has
//! not changed is known without reading its events.

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

    /// Whether this is `old` but for files that were purged.
    pub fn is_rest_of(&self, old: &Self, is_purged: impl Fn(&str) -> bool) -> bool {
        let is_there = |file: &InputFile| self.files.binary_search_by(|own| own.file.cmp(&file.file)).is_ok();
        let left = old.files.iter().filter(|file| is_there(file) || !is_purged(&file.file));
        left.eq(self.files.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(files: &[(&str, u64)]) -> DayInput {
        let file = |&(file, size): &(&str, u64)| InputFile {
            file: file.to_owned(),
            size,
            fingerprint: String::new(),
            rows: 1,
        };
        DayInput { files: files.iter().map(file).collect() }
    }

    #[test]
    fn what_was_purged_changes_nothing_and_all_else_does() {
        let old = input(&[("date=1/a", 1), ("date=1/b", 1), ("date=2/a", 1)]);
        let is_rest = |files: &[(&str, u64)]| input(files).is_rest_of(&old, |file| file.starts_with("date=2"));
        assert!(is_rest(&[("date=1/a", 1), ("date=1/b", 1), ("date=2/a", 1)]));
        assert!(is_rest(&[("date=1/a", 1), ("date=1/b", 1)]));
        assert!(!is_rest(&[("date=1/a", 1)]), "a file that was taken out of a folder that is still there");
        assert!(!is_rest(&[("date=1/a", 2), ("date=1/b", 1)]), "another file");
        assert!(!is_rest(&[("date=1/a", 1), ("date=1/b", 1), ("date=1/c", 1)]), "one more");
        assert!(
            !is_rest(&[("date=1/a", 1), ("date=1/b", 1), ("date=2/a", 2)]),
            "a purged file that came back, changed"
        );
    }
}
