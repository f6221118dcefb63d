//! How numbers, times, texts and tables are shown to people, in sentences, on terminals and in spreadsheets.
//!
//! A leaf: it knows no other room, so that every other can tell its numbers in one way, and none lets through what does not show.

mod clipped;
mod local;
mod number;
mod spreadsheet;
mod text_table;
mod typed;
mod visible;

/// What goes by one name because there is too much of it to be told apart.
pub const OTHER: &str = "(other)";

pub use clipped::clipped;
pub use local::{local_day, local_span};
pub use number::{counted, number, scientific, span};
pub use spreadsheet::harmless;
pub use text_table::{Shown, TextTable};
pub use typed::literal;
pub use visible::{is_hidden, printable, visible};
