//! Questions about events: which ones, how many, by what, when.
//!
//! A [`Request`] is what was typed; a [`Filter`] is what it means; a [`Search`] is a filter on opened partitions, of whatever
//! layout and dialect, that finds the newest events first, counts, and reads columns late. An [`Answer`] is a table that can be
//! written for people and programs. Saved searches and the alerts on them stand here too; what an audit event means does not.

pub mod answer;
mod condition;
mod evaluate;
mod field;
mod filter;
mod listing;
mod mistake;
mod moment;
mod newest;
mod number;
mod page;
mod pattern;
mod request;
mod saved;
mod search;
mod search_alert;
pub mod sql;
mod tally;
mod timeline;

pub use condition::{AddressPattern, Condition, ValueTest, View};
pub use field::Field;
pub use filter::{Filter, reads};
pub use listing::{Listed, Listing, headings};
pub use mistake::Mistake;
pub use moment::{TimeRange, parse as parse_moment, parse_length, rfc3339};
pub use newest::Hit;
pub use number::{NumberedField, number_rows};
pub use page::Page;
pub use pattern::{Glob, Patterns};
pub use request::Request;
pub use saved::{SavedSearch, SavedSearches, is_name};
pub use search::{GroupPlace, Search, Selection};
pub use search_alert::{SearchAlert, Trigger, TriggerRecord, search_alert};
pub use tally::{MOST_VALUES, Tally};
pub use timeline::{BucketLength, Timeline};
