//! The built-in rules, `data/rules`, as part of the program.
//!
//! A list by hand, so that building needs no script; a test keeps it true to the folder.

/// The files: path below `data/rules`, and text.
pub static FILES: &[(&str, &str)] = &[];
