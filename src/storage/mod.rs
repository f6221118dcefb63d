//! Files that are whole or not there: writing beside and renaming, Parquet with all cores, one writer at a time, old days removed;
//! and what memory does not hold.
//!
//! Knows where a state directory keeps what ([`Daily`]), and nothing of events, rollups or insights; every module that leaves something
//! on disk goes through here.

mod atomic;
mod commits;
mod daily;
mod deltas;
mod json;
mod lock;
mod packed;
mod parquet_writer;
mod retention;
mod spill;

pub use atomic::{AtomicFile, TEMPORARY_PREFIX, remove_leftovers, write_bytes, write_text};
pub use commits::{Commits, commit_beside};
pub use daily::{Daily, day_folder, day_of_folder, entries, is_there};
pub use json::{read_json, read_left, read_text, write_json};
pub use lock::StateLock;
pub use packed::Packed;
pub use parquet_writer::{ParquetFile, Values, WRITER, compact, compact_values};
pub use retention::{remove, remove_before};
pub use spill::Spill;
