//! Event partitions: finding them, reading them whoever wrote them, writing our own.
//!
//! A partition is a day of events in Parquet files. This module turns any sane writer's files into batches of dictionary
//! columns under canonical names ([`EventBatch`]); what the columns mean is the business of others.

mod chunks;
mod coded;
mod columns;
mod copies;
mod distinct;
mod file;
mod find;
mod footer;
mod made;
mod nested;
mod pages;
mod read;
mod responses;
mod rows;
mod sources;
mod text_column;
mod times;
pub mod write;

pub use coded::CodedColumn;
pub use columns::{ColumnMap, ColumnOverrides};
pub use distinct::{DistinctValues, distinct_values, is_absent, lies_within};
pub use file::{EventFile, RowGroupRange};
pub use find::{Partitions, Problem, date_of_path};
pub(crate) use find::{neither_file_nor_folder, no_loop};
pub use made::Made;
pub use read::{EventBatch, RowChoice, RowGroupReader};
pub use rows::{read_rows, read_texts, read_times};
pub use text_column::TextColumn;
pub use times::{NO_TIME, parse as parse_time};
pub(crate) use times::{from_bare_integer as epoch_ms, milliseconds};
