//! What a night leaves to the next, as a digest: should it change, the next night is to be judged again.
//!
//! Only that something is different is told by it, not what.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::alert::carry;
use crate::error::{Error, Result};
use crate::insight::life::{episode, trail};
use crate::late::basis::DIGEST;

/// The files in which a night, and those before it, leave something to the next. Whoever adds a file that the next
/// night reads adds it here.
fn files(state: &Path, date: NaiveDate) -> Result<Vec<PathBuf>> {
    let trails = trail::newest(state, date)?;
    let next = date.succ_opt().unwrap_or(date);
    let alerting = carry::newest_before(state, next)?.unwrap_or(date);
    let episodes = episode::night_before(state, next)?.unwrap_or(date);
    Ok([episode::path(state, episodes), carry::path(state, alerting)].into_iter().chain(trails).collect())
}

/// The digest of what the night before that of `date` left; `None` if it left nothing, as one that was not judged.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn left_before(state: &Path, date: NaiveDate) -> Result<Option<String>> {
    let Some(date) = date.pred_opt() else { return Ok(None) };
    let mut hasher = blake3::Hasher::new();
    let mut found = false;
    for (number, path) in files(state, date)?.iter().enumerate() {
        match std::fs::read(path) {
            Ok(bytes) => {
                found = true;
                hasher
                    .update(&(number as u64).to_le_bytes())
                    .update(&(bytes.len() as u64).to_le_bytes())
                    .update(&bytes);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::read(path)(error)),
        }
    }
    Ok(found.then(|| hasher.finalize().to_hex()[..DIGEST].to_owned()))
}
