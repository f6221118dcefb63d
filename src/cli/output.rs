//! Printing: results to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::report::summary::printable;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Prints a result.
pub(super) fn result(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::write(Path::new("standard output")))
}

/// Prints a result as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(result(&(serde_json::to_string_pretty(value)? + "\n"))?)
}

/// Says something that is no result; if even that is impossible there is nobody to tell.
pub(super) fn complain(text: &str) {
    let lines: Vec<String> = text.lines().map(printable).collect();
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

/// The terminal's width, if stdout is one.
pub(super) fn width() -> Option<u16> {
    io::stdout().is_terminal().then(|| comfy_table::Table::new().width()).flatten()
}
