//! Writing findings down: for machines ([`jsonl`], [`table`]) and for the person at the terminal ([`summary`]).

pub mod jsonl;
pub mod summary;
pub mod table;
