//! What a state directory remembers as JSON: a file that is whole or not there.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use chrono::NaiveDate;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::storage::write_text;

/// The bytes of a file; `None` where there is no file.
fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        bytes => bytes.map(Some).map_err(Error::read(path)),
    }
}

/// The text of a file; `None` where there is no file.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(Error::read(path)),
    }
}

/// What a file of JSON holds; `None` where there is no file. `what` says what it should be, and what to do if it is not.
///
/// # Errors
/// When the file is there and cannot be read, or is not what it should be.
pub fn read_json<T: DeserializeOwned>(path: &Path, what: (&str, &str)) -> Result<Option<T>> {
    let Some(bytes) = read_bytes(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::Line {
        path: path.to_path_buf(),
        line: error.line(),
        message: format!("not {}: {error}; {}", what.0, what.1),
    })
}

/// What the night of `date` left to those after it in a file of JSON; `None` where there is no file.
///
/// # Errors
/// [`Error::Left`] when the file is damaged.
pub fn read_left<T: DeserializeOwned>(path: &Path, date: NaiveDate) -> Result<Option<T>> {
    let Some(bytes) = read_bytes(path)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| Error::Left { path: path.to_path_buf(), date, message: error.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Writes a value, a line a field.
///
/// # Errors
/// When that is impossible.
pub fn write_json<T: Serialize + ?Sized>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(Error::internal)?;
    write_text(path, &(text + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_names_its_line_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("file.json");
        let read = || read_json::<Vec<u32>>(&path, ("numbers", "delete the file"));
        assert_eq!(read().unwrap(), None);
        write_json(&path, &[1, 2]).unwrap();
        assert_eq!(
            (read().unwrap(), fs::read_to_string(&path).unwrap()),
            (Some(vec![1, 2]), "[\n  1,\n  2\n]\n".into())
        );
        fs::write(&path, "[\n1,\nx]").unwrap();
        let message = read().unwrap_err().to_string();
        assert!(message.contains("line 3: not numbers: ") && message.ends_with("; delete the file"), "{message}");
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(read().unwrap_err().to_string().contains("line 1: not numbers: "), "bytes that are no text");
        let left = read_left::<Vec<u32>>(&path, NaiveDate::from_ymd_opt(2026, 1, 5).unwrap()).unwrap_err();
        assert!(left.hint().unwrap().starts_with("`insights run EVENTS --date 2026-01-05` makes it anew"), "{left}");
    }
}
