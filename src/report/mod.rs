//! Writing findings down: for machines ([`jsonl`], [`table`]) and for the person at the terminal ([`summary`]).

pub mod jsonl;
mod record;
pub mod summary;
pub mod table;

pub use record::{FamilyRecord, NightRecord};
