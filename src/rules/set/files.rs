//! Finding rule files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::rules::parse::{Parsed, parse_file};
use crate::rules::settings::RuleSettings;

/// The endings of rule files.
const ENDINGS: [&str; 2] = ["yml", "yaml"];

/// Reads files, and those below folders.
pub(super) fn read_all(paths: &[PathBuf], settings: &RuleSettings) -> Result<Vec<Parsed>> {
    let mut files = Vec::new();
    for path in paths {
        list(path, &mut files)?;
    }
    Ok(files.iter().map(|file| parse_file(file, settings)).collect())
}

/// The rule files below a folder, in order of their names; a file that is named counts whatever its ending.
fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !fs::metadata(path).map_err(Error::read(path))?.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(Error::read(path))?;
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()
        .map_err(Error::read(path))?;
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let rule =
            entry.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
        // Links to folders are not followed: they may lead back.
        if !hidden && (rule || fs::metadata(&entry).is_ok_and(|found| found.is_dir()) && !entry.is_symlink()) {
            list(&entry, files)?;
        }
    }
    Ok(())
}
