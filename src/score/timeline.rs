//! From rows to buckets: how wide they are, where they begin, and what a missing one means.
//!
//! Counts of a bucket are added up; whether a bucket without a row means zero or that nobody counted is decided once a
//! series, and told with the result.

use crate::score::season::Timeline;
use crate::score::table::{CountSeries, CountTable};
use crate::time::{DAY_SECONDS, WEEK_SECONDS};

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
    /// Buckets with a row that could not be used, ascending: what they hold is not known, so they are gaps, whatever
    /// else fell into them.
    pub unknown: Vec<usize>,
}

/// Lays out a series in buckets of this width. `aligned` begins them at whole hours, days and weeks (Monday) of UTC;
/// else they begin with the first row, so that rows a few seconds off the hour stay what they were.
///
/// # Errors
/// When there would be more than two million buckets: how many.
pub(super) fn lay_out(series: &CountSeries, bucket: u32, aligned: bool) -> Result<Buckets, u64> {
    let buckets = span(series, bucket, aligned);
    if buckets > MAX_BUCKETS as u64 {
        return Err(buckets);
    }
    let start = start(series, bucket, aligned);
    let number = |time: i64| number(time, start, bucket, aligned);
    let mut values = vec![None; buckets as usize];
    let mut merged = 0;
    for row in &series.rows {
        let value: &mut Option<f64> = &mut values[number(row.time) as usize];
        merged += usize::from(value.is_some());
        *value = Some(value.unwrap_or(0.0) + row.value);
    }
    let refused = series.refused.iter().filter_map(|&time| usize::try_from(number(time)).ok());
    let mut unknown: Vec<usize> = refused.filter(|&bucket| bucket < values.len()).collect();
    unknown.dedup();
    unknown.iter().for_each(|&bucket| values[bucket] = None);
    let timeline = Timeline { start: start.div_euclid(1000), bucket, buckets: values.len() };
    Ok(Buckets { timeline, values, merged, filled: false, unknown })
}

/// How many buckets a series spans.
pub(super) fn span(series: &CountSeries, bucket: u32, aligned: bool) -> u64 {
    let start = start(series, bucket, aligned);
    let last = series.rows.last().map(|row| number(row.time, start, bucket, aligned));
    last.map_or(0, |last| u64::try_from(last.saturating_add(1)).unwrap_or(u64::MAX))
}

/// Milliseconds at which the first bucket begins.
fn start(series: &CountSeries, bucket: u32, aligned: bool) -> i64 {
    let first = series.rows.first().map_or(0, |row| row.time);
    if aligned { align(first, bucket) } else { first }
}

/// The bucket of a row, negative before the first. Unaligned rows may be a little early or late, as clocks are.
fn number(time: i64, start: i64, bucket: u32, aligned: bool) -> i64 {
    let width = i64::from(bucket) * 1000;
    time.saturating_sub(start).saturating_add(if aligned { 0 } else { width / 2 }).div_euclid(width)
}

/// The last beginning of a bucket at or before a time.
fn align(time: i64, bucket: u32) -> i64 {
    // 5 January 1970 was the first Monday.
    let origin = if bucket.is_multiple_of(WEEK_SECONDS) { 4 * i64::from(DAY_SECONDS) * 1000 } else { 0 };
    let width = i64::from(bucket) * 1000;
    time.saturating_sub(time.saturating_sub(origin).rem_euclid(width))
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
                let has_no_row = self.values[bucket].is_none() && self.unknown.binary_search(&bucket).is_err();
                if has_no_row && feed.is_alive(&self.timeline, bucket) {
                    self.values[bucket] = Some(0.0);
                }
            }
        }
    }

    /// How many buckets have no value.
    pub fn empty(&self) -> usize {
        self.values.iter().filter(|value| value.is_none()).count()
    }

    fn leaves_zeros_out(&self) -> bool {
        let has_zero = self.values.iter().flatten().any(|&value| value == 0.0);
        let lacking = self.empty() - self.unknown.len();
        !has_zero && lacking as f64 >= SPARSE_SHARE * (self.values.len() - self.unknown.len()) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::table::CountRow;
    use crate::time::HOUR_MS;

    /// Monday, 5 January 2026.
    const MONDAY: i64 = 1_767_571_200_000;

    fn series(name: &str, times: impl IntoIterator<Item = i64>, value: f64) -> CountSeries {
        let rows = times.into_iter().map(|time| CountRow { time, value }).collect();
        CountSeries { name: name.to_owned(), rows, ..CountSeries::default() }
    }

    fn table(series: Vec<CountSeries>) -> CountTable {
        CountTable { named: true, series, ..CountTable::default() }
    }

    #[test]
    fn rows_a_little_off_stay_in_their_bucket() {
        let rows = series("a", [MONDAY + 173_000, MONDAY + HOUR_MS + 170_000, MONDAY + 2 * HOUR_MS + 175_000], 2.0);
        let laid = lay_out(&rows, 3600, false).unwrap();
        assert_eq!(laid.values, [Some(2.0); 3]);
        assert_eq!(laid.timeline.begin(1), MONDAY / 1000 + 173 + 3600);
    }

    #[test]
    fn asked_for_buckets_begin_with_the_clock() {
        let rows = series("a", [MONDAY + 3 * HOUR_MS, MONDAY + 5 * HOUR_MS, MONDAY + 30 * HOUR_MS], 2.0);
        let days = lay_out(&rows, DAY_SECONDS, true).unwrap();
        assert_eq!((days.timeline.start, days.merged), (MONDAY / 1000, 1));
        assert_eq!(days.values, [Some(4.0), Some(2.0)]);
        let week = lay_out(&series("a", [MONDAY + 80 * HOUR_MS], 1.0), WEEK_SECONDS, true).unwrap();
        assert_eq!(week.timeline.start, MONDAY / 1000);
    }

    #[test]
    fn what_a_refused_row_counted_is_not_known_and_no_zero() {
        let hours = |hours: &[i64]| hours.iter().map(|hour| MONDAY + hour * HOUR_MS).collect::<Vec<_>>();
        let rows = series("a", hours(&[0, 1, 2, 3, 7, 8, 9]), 2.0);
        // One too early, one beside a row, two in an hour without, one too late.
        let refused = CountSeries { refused: hours(&[-1, 2, 5, 5, 12]), ..rows };
        let mut laid = lay_out(&refused, 3600, false).unwrap();
        assert_eq!(laid.unknown, [2, 5]);
        laid.fill(Missing::Zero, &Feed::default());
        let (two, zero) = (Some(2.0), Some(0.0));
        assert_eq!(laid.values, [two, two, None, two, zero, None, zero, two, two, two]);
        // Of twenty buckets one has no usable row: nothing is missing.
        let whole = series("a", hours(&(0..20).filter(|hour| *hour != 7).collect::<Vec<_>>()), 2.0);
        let mut laid = lay_out(&CountSeries { refused: hours(&[7]), ..whole }, 3600, true).unwrap();
        laid.fill(Missing::Auto, &Feed::default());
        assert!(!laid.filled && laid.values[7].is_none());
    }

    #[test]
    fn a_wild_time_is_refused() {
        assert_eq!(lay_out(&series("a", [0, 4_000_000_000_000], 1.0), 1, true), Err(4_000_000_001));
        assert!(lay_out(&series("a", [i64::MIN, i64::MAX], 1.0), 1, false).is_err());
    }

    #[test]
    fn what_is_missing_depends_on_what_else_there_is() {
        let filled = |rows: CountSeries, feed: &Feed| {
            let mut laid = lay_out(&rows, 3600, false).unwrap();
            laid.fill(Missing::Auto, feed);
            laid.values.iter().filter(|value| value.is_some()).count()
        };
        let hours = |keep: fn(&i64) -> bool| (0..100_i64).filter(keep).map(|hour| hour * HOUR_MS);
        let sparse = || series("a", hours(|hour| hour % 3 == 0), 1.0);
        assert_eq!(filled(sparse(), &Feed::default()), 100);
        assert_eq!(filled(series("a", hours(|hour| hour % 50 != 7), 1.0), &Feed::default()), 98);
        assert_eq!(filled(series("a", hours(|hour| hour % 3 == 0), 0.0), &Feed::default()), 34);
        // Ten series, all silent in the same six hours.
        let others = (0..9).map(|number| series(&number.to_string(), hours(|hour| !(40..46).contains(hour)), 1.0));
        let all = table(others.chain([sparse()]).collect());
        assert_eq!(filled(sparse(), &Feed::of(&all, 3600)), 94 + 2, "hours 42 and 45 are its own rows");
    }
}
