//! Counts by hour, read back.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::report::night::columns::Columns;

/// An hour of a finding's entity.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of the table, described in README.md")]
pub struct Hour {
    pub time: DateTime<Utc>,
    pub calls: u64,
    pub expected: Option<f64>,
    pub lower: u64,
    pub upper: u64,
    pub believed: bool,
    pub flagged: bool,
}

/// The hours of a night's findings, by insight.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Vec<Hour>>> {
    let columns = Columns::read(path)?;
    let (ids, times, calls) = (columns.texts("insight_id")?, columns.times("time")?, columns.counts("calls")?);
    let (lower, upper) = (columns.counts("expected_lower")?, columns.counts("expected_upper")?);
    let (expected, believed) = (columns.numbers("expected")?, columns.flags("believed")?);
    let flagged = columns.flags("flagged")?;
    let mut hours: BTreeMap<String, Vec<Hour>> = BTreeMap::new();
    for (row, id) in ids.into_iter().enumerate() {
        hours.entry(id.to_lowercase()).or_default().push(Hour {
            time: times[row],
            calls: calls[row],
            expected: expected[row],
            lower: lower[row],
            upper: upper[row],
            believed: believed[row],
            flagged: flagged[row],
        });
    }
    hours.values_mut().for_each(|hours| hours.sort_by_key(|hour| hour.time));
    Ok(hours)
}
