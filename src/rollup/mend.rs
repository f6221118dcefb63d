//! Files that turned out to be damaged: those of the store are removed and made anew where the day's events are still
//! there; for others it is noted what somebody else did.
//!
//! Where the events are gone, or the file was made anew before, the error stands and the file stays as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::partition::{EventFile, Partitions, date_of_path};
use crate::storage::remove;

/// What was removed, by path, each with what to say of it.
#[derive(Debug, Default)]
pub struct Mended(BTreeMap<PathBuf, String>);

impl Mended {
    /// Removes the file that an error is about, so that the next update makes it anew.
    ///
    /// # Errors
    /// The error itself where it is of another kind, where the day's own events are gone, or where the file was made
    /// anew before.
    pub fn remove(&mut self, error: Error, partitions: &Partitions, state: &Path) -> Result<()> {
        let Error::Rollup { path, message } = &error else { return Err(error) };
        let Some(date) = date_of_path(path).filter(|_| !self.0.contains_key(path)) else { return Err(error) };
        let is_own = |file: &EventFile| file.folder_date.is_none_or(|folder| folder == date) && file.concerns(date);
        if !partitions.open_range(date, date).0.iter().any(is_own) {
            return Err(error);
        }
        remove(path)?;
        self.note(path.clone(), state, &format!("and was made anew from the events of {date}: {message}"));
        Ok(())
    }

    /// Notes that a file was damaged, and what was done about it.
    pub fn note(&mut self, path: PathBuf, state: &Path, what: &str) {
        let name = path.strip_prefix(state).unwrap_or(&path).display();
        let said = format!("`{name}` was damaged, {what}");
        self.0.insert(path, said);
    }

    /// Whether something was done about a file already.
    pub fn knows(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// What to say of each, in the order of days.
    pub fn sentences(&self) -> impl Iterator<Item = &String> {
        self.0.values()
    }
}
