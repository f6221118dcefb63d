//! Rollups: one day of integer counts per entity and hour, and which two entities were seen together.
//!
//! What is counted is declared once, in [`family`]; [`scan`](scan_day) counts it on one core or many; [`store`] keeps it. Counts
//! are integers and merge by addition, so the same events give the same bytes however the work was divided. A cap bounds how many entities of a
//! family a day names (`cap`); what is beyond is counted under [`OTHER`]. Nor does a count hold more names than it has room for (`bounded`).

mod bounded;
mod cap;
mod combine;
mod counter;
mod day;
pub mod family;
pub mod hours;
mod inputs;
pub mod keys;
mod meanings;
mod members;
mod memory;
pub mod mend;
mod names;
mod pairs;
mod plain_keys;
mod room;
mod scan;
mod shed;
pub mod store;
mod sums;
mod unread;
pub mod update;
pub mod wanted;

pub use counter::{Anew, DayCounter, HourSet, Run};
pub use day::{DayRollup, FamilyRollup, HourColumns, PairRollup, ScanCounts};
pub use family::{Dimension, Family, OWNERS, PAIRS};
pub use keys::RowKeys;
pub use members::EntityKey;
pub use room::Full;
pub use scan::{ScanOptions, Scanner, runs, scan_day};
pub use unread::{Unread, UnreadHours};

/// Stands for "this row has no member of the family".
pub const NONE: u32 = u32::MAX;
