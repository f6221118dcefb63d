//! Files of JSON lines: one event or finding a line.

use std::path::Path;

use serde_json::Value;

use crate::error::Result;
use crate::storage::write_text;

/// Writes the values, each on a line of its own.
pub(super) fn write(path: &Path, values: impl Iterator<Item = Value>) -> Result<()> {
    let mut text = String::new();
    for value in values {
        text.push_str(&value.to_string());
        text.push('\n');
    }
    write_text(path, &text)
}
