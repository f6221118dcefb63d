//! Printing: results to stdout, everything else to stderr, as text or as JSON lines.
//!
//! How stderr is written is decided once, when the command line has been read; that is the only thing this module remembers.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::shown::printable;
use crate::storage::write_text;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// How much is said on stderr, and in which form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Manner {
    /// One JSON object a line.
    pub(super) json: bool,
    /// Steps are told on a terminal too.
    pub(super) verbose: bool,
    /// Steps are told nowhere.
    pub(super) quiet: bool,
}

static MANNER: OnceLock<Manner> = OnceLock::new();

/// Decides how stderr is written from here on.
pub(super) fn set_manner(manner: Manner) {
    let _ = MANNER.set(manner);
}

fn manner() -> Manner {
    MANNER.get().copied().unwrap_or_default()
}

/// Prints a result.
pub(super) fn result(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::write(Path::new("standard output")))
}

/// A file that somebody names is not worth a folder that they may have misspelled.
/// Writes a result into a file, if one is named, and else prints it.
pub(super) fn result_into(file: Option<&Path>, text: &str, quiet: bool) -> Result<()> {
    let Some(path) = file else { return result(text) };
    write_text(path, text)?;
    if !quiet {
        complain(&format!("wrote {}", path.display()));
    }
    Ok(())
}

pub(super) fn expect_folder(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !std::fs::metadata(folder).is_ok_and(|found| found.is_dir()) => {
            Err(Error::write(file)(io::Error::new(io::ErrorKind::NotFound, "there is no such folder")))
        }
        _ => Ok(()),
    }
}

/// Prints a result as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(result(&(serde_json::to_string_pretty(value)? + "\n"))?)
}

/// Says something that is no result; if even that is impossible there is nobody to tell. `error: ` and `! ` at its begin
/// tell how bad it is.
pub(super) fn complain(text: &str) {
    if manner().json {
        let (level, message) = level(text);
        return log(level, message, Map::new());
    }
    let lines: Vec<String> = text.lines().map(printable).collect();
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

/// Puts a warning into a log of JSON; people find it in the summary.
pub(super) fn log_warning(message: &str) {
    if manner().json {
        log("warning", message, Map::new());
    }
}

/// Tells a step and its numbers: in a log of JSON, on a terminal only where `-v` asks for it.
pub(super) fn step(message: &str, numbers: &[(&str, Value)]) {
    if manner().quiet {
        return;
    }
    if manner().json {
        let numbers = numbers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        log("info", message, numbers.collect());
    } else if manner().verbose {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let numbers: Vec<String> = numbers.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
        complain(&format!("{message}: {}", numbers.join(", ")));
    }
}

fn level(text: &str) -> (&'static str, &str) {
    let levels = [("error: ", "error"), ("! ", "warning"), ("hint: ", "info")];
    let found = levels.iter().find_map(|(prefix, level)| text.strip_prefix(prefix).map(|message| (*level, message)));
    found.unwrap_or(("info", text))
}

fn log(level: &str, message: &str, numbers: Map<String, Value>) {
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)));
    line.insert("level".to_owned(), json!(level));
    line.insert("message".to_owned(), json!(message));
    line.extend(numbers);
    let _ = writeln!(io::stderr().lock(), "{}", Value::Object(line));
}

/// Whether progress may be drawn: never between lines of JSON.
pub(super) fn may_draw() -> bool {
    !manner().json
}

/// The terminal's width, if stdout is one.
pub(super) fn width() -> Option<u16> {
    io::stdout().is_terminal().then(|| comfy_table::Table::new().width()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_has_a_level() {
        assert_eq!(level("error: no"), ("error", "no"));
        assert_eq!(level("! file: broken"), ("warning", "file: broken"));
        assert_eq!(level("hint: try"), ("info", "try"));
        assert_eq!(level("done"), ("info", "done"));
    }
}
