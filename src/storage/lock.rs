//! One writer at a time in a state directory, and in a folder of events.
//!
//! The lock is the operating system's, so it goes when its process goes, however that ends; the file's text only says who it
//! was, for the message that the second process prints.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use chrono::{SecondsFormat, Utc};

use crate::error::{Error, Result};
use crate::storage::remove_leftovers;

/// The right to write to a folder, held until it is dropped.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock of `state`, making the directory if need be, and sweeps up what a killed predecessor left.
    ///
    /// # Errors
    /// [`Error::Locked`], with the holder's words, when another process has it.
    pub fn acquire(state: &Path) -> Result<Self> {
        Self::acquire_by(state, "lock")
    }

    /// Takes the lock of a folder of events in the same way. Its file is hidden, for others read the folder too.
    ///
    /// # Errors
    /// [`Error::Locked`], with the holder's words, when another process has it.
    pub fn of_events(events: &Path) -> Result<Self> {
        Self::acquire_by(events, ".lock")
    }

    fn acquire_by(state: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(state).map_err(Error::folder(state))?;
        let path = state.join(name);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::write(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(state, &mut file)),
            Err(TryLockError::Error(error)) => return Err(Error::write(&path)(error)),
        }
        let since = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let holder = format!("process {} since {since}", std::process::id());
        file.set_len(0).and_then(|()| write!(file, "{holder}")).map_err(Error::write(&path))?;
        remove_leftovers(state)?;
        Ok(Self { _file: file })
    }
}

fn held(state: &Path, file: &mut File) -> Error {
    let mut told = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut told));
    let holder = if read.is_err() || told.is_empty() { "another process".to_owned() } else { told };
    Error::Locked { path: state.to_path_buf(), holder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it_and_may_come_after() {
        let folder = tempfile::tempdir().unwrap();
        let first = StateLock::acquire(folder.path()).unwrap();
        let refused = StateLock::acquire(folder.path()).unwrap_err();
        assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        StateLock::acquire(folder.path()).unwrap();
    }
}
