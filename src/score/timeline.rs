//! From rows to buckets: how wide they are, where they begin, and what a missing one means.

use std::collections::BTreeMap;

use crate::score::season::{DAY, Timeline, WEEK};
use crate::score::table::{CountRow, CountSeries, CountTable};

/// The most buckets of a series; beyond it a time is most likely wrong.
pub(super) const MAX_BUCKETS: usize = 2_000_000;
/// A series without zeros that lacks at least this share of its buckets leaves its empty buckets out.
const SPARSE_SHARE: f64 = 0.05;
/// Series from which on a bucket that all of them lack is a gap, whatever a missing bucket means.
const MANY_SERIES: usize = 10;

/// What it means that a bucket has no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A gap where the series says zero elsewhere, or hardly any bucket is missing; else zero.
    Auto,
    /// Nobody counted: neither judged nor learnt from.
    Gap,
    /// Nothing happened.
    Zero,
}

/// A series by bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// When they are.
    pub timeline: Timeline,
    /// The value of every bucket; `None` is a gap.
    pub values: Vec<Option<f64>>,
    /// Rows that fell into a bucket that had a row already; they were added up.
    pub merged: usize,
    /// Whether buckets without a row were taken as zero.
    pub filled: bool,
}

/// The width, in seconds, that most neighbouring rows are apart; `None` without two rows of a series at different times.
pub fn bucket_of(table: &CountTable) -> Option<u32> {
    let mut gaps: BTreeMap<i64, usize> = BTreeMap::new();
    for series in &table.series {
        for pair in series.rows.windows(2).filter(|pair| pair[1].time > pair[0].time) {
            let seconds = ((pair[1].time - pair[0].time + 500) / 1000).max(1);
            *gaps.entry(seconds).or_default() += 1;
        }
    }
    // The most frequent, and the shorter of two that are equally frequent.
    let (&seconds, _) = gaps.iter().rev().max_by_key(|(_, count)| **count)?;
    u32::try_from(seconds).ok()
}

/// Lays out a series in buckets of this width. `aligned` begins them at whole hours, days and weeks (Monday) of UTC; else
/// they begin with the first row, so that rows a few seconds off the hour stay what they were.
///
/// # Errors
/// When there would be more than two million buckets: how many.
pub(super) fn lay_out(series: &CountSeries, bucket: u32, aligned: bool) -> Result<Buckets, u64> {
    let width = i64::from(bucket) * 1000;
    let first = series.rows.first().map_or(0, |row| row.time);
    let start = if aligned { align(first, bucket) } else { first };
    // Unaligned rows may be a little early or late, as clocks are.
    let slack = if aligned { 0 } else { width / 2 };
    let number = |row: &CountRow| row.time.saturating_sub(start).saturating_add(slack) / width;
    let buckets = series.rows.last().map_or(0, |row| number(row).saturating_add(1));
    let buckets = u64::try_from(buckets).unwrap_or(u64::MAX);
    if buckets > MAX_BUCKETS as u64 {
        return Err(buckets);
    }
    let mut values = vec![None; buckets as usize];
    let mut merged = 0;
    for row in &series.rows {
        let value: &mut Option<f64> = &mut values[number(row) as usize];
        merged += usize::from(value.is_some());
        *value = Some(value.unwrap_or(0.0) + row.value);
    }
    let timeline = Timeline { start: start.div_euclid(1000), bucket, buckets: values.len() };
    Ok(Buckets { timeline, values, merged, filled: false })
}

/// The last beginning of a bucket at or before a time.
fn align(time: i64, bucket: u32) -> i64 {
    // 5 January 1970 was the first Monday.
    let origin = if bucket.is_multiple_of(WEEK) { 4 * i64::from(DAY) * 1000 } else { 0 };
    let width = i64::from(bucket) * 1000;
    time - (time - origin).rem_euclid(width)
}

/// When some series of a table had a row.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    alive: std::collections::BTreeSet<i64>,
    known: bool,
}

impl Feed {
    /// Learns it from all series, if there are enough to tell.
    pub fn of(table: &CountTable, bucket: u32) -> Self {
        let known = table.series.len() >= MANY_SERIES;
        let width = i64::from(bucket) * 1000;
        let rows = table.series.iter().filter(|_| known).flat_map(|series| &series.rows);
        Self { alive: rows.map(|row| row.time.div_euclid(width)).collect(), known }
    }

    fn is_alive(&self, timeline: &Timeline, bucket: usize) -> bool {
        let middle = timeline.begin(bucket) + i64::from(timeline.bucket / 2);
        !self.known || self.alive.contains(&middle.div_euclid(i64::from(timeline.bucket)))
    }
}

impl Buckets {
    /// Decides what missing buckets mean, and puts zeros where they are that.
    pub fn fill(&mut self, missing: Missing, feed: &Feed) {
        self.filled = match missing {
            Missing::Gap => false,
            Missing::Zero => true,
            Missing::Auto => self.leaves_zeros_out(),
        };
        if self.filled {
            for bucket in 0..self.values.len() {
                if self.values[bucket].is_none() && feed.is_alive(&self.timeline, bucket) {
                    self.values[bucket] = Some(0.0);
                }
            }
        }
    }

    fn leaves_zeros_out(&self) -> bool {
        let has_zero = self.values.iter().flatten().any(|&value| value == 0.0);
        let lacking = self.values.iter().filter(|value| value.is_none()).count();
        !has_zero && lacking as f64 >= SPARSE_SHARE * self.values.len() as f64
    }
}
