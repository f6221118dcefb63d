//! What a state directory remembers as JSON: a file that is whole or not there.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::storage::write_text;

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
    let Some(text) = read_text(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| Error::Line {
        path: path.to_path_buf(),
        line: error.line(),
        message: format!("not {}: {error}; {}", what.0, what.1),
    })
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
    }
}
