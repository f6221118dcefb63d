//! How many events by time: equal buckets over the days that have any.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::partition::{NO_TIME, Problem, lies_within};
use crate::query::moment::{parse_length, rfc3339};
use crate::query::search::{Found, GroupPlace};
use crate::query::{Mistake, Search, TimeRange};
use crate::shown::number;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};

/// Buckets that a timeline may have.
const MOST_BUCKETS: i64 = 100_000;
/// Buckets that fit a screen.
const SCREEN: i64 = 60;
/// What a timeline chooses from when no length is given, in milliseconds.
const LENGTHS: [i64; 11] = [
    MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    7 * DAY_MS,
    28 * DAY_MS,
];

/// Counts by time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// The length of a bucket in milliseconds.
    pub length: i64,
    /// The start of each bucket and its events, without gaps, oldest first.
    pub buckets: Vec<(i64, u64)>,
    /// Events that have no time.
    pub timeless: u64,
}

/// How long buckets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketLength {
    /// What fits a screen.
    Auto,
    /// In milliseconds.
    Fixed(i64),
}

impl BucketLength {
    /// Understands `auto` or a length of time.
    pub fn parse(text: &str) -> std::result::Result<Self, Mistake> {
        if text == "auto" { Ok(Self::Auto) } else { parse_length(text).map(Self::Fixed) }
    }

    fn resolve(self, span: i64) -> i64 {
        match self {
            Self::Fixed(length) => length,
            Self::Auto => LENGTHS.into_iter().find(|length| span / length <= SCREEN).unwrap_or(28 * DAY_MS),
        }
    }
}

type Counts = (BTreeMap<i64, u64>, u64);

impl Search {
    /// Counts matching events by time.
    ///
    /// # Errors
    /// [`Error::Query`] when there would be too many buckets.
    pub fn timeline(&self, length: BucketLength) -> Result<(Timeline, Vec<Problem>)> {
        let extent = self.extent();
        let length = length.resolve(extent.map_or(0, |(first, last)| last - first));
        if let Some((first, last)) = extent {
            check(first, last, length)?;
        }
        let counted: Vec<Found<Counts>> =
            self.groups.par_iter().map(|&place| self.bucket_group(place, length)).collect();
        let (mut all, mut timeless, mut problems) = (BTreeMap::new(), 0, Vec::new());
        for group in counted {
            match group {
                Ok((buckets, without)) => {
                    for (start, events) in buckets {
                        *all.entry(start).or_default() += events;
                    }
                    timeless += without;
                }
                Err(problem) => problems.push(problem),
            }
        }
        if let (Some((&first, _)), Some((&last, _))) = (all.first_key_value(), all.last_key_value()) {
            check(first, last, length)?;
        }
        Ok((Timeline { length, buckets: without_gaps(&all, length), timeless }, problems))
    }

    fn bucket_group(&self, place: GroupPlace, length: i64) -> Found<Counts> {
        let selection = self.select(place)?;
        let bucket = |time: i64| time - time.rem_euclid(length);
        if let Some((first, _)) = self.span(place)
            && lies_within(self.file(place), place.group as usize, &(bucket(first)..bucket(first) + length))
            && !selection.is_empty()
        {
            return Ok((BTreeMap::from([(bucket(first), selection.len() as u64)]), 0));
        }
        let times = self.times(place, &selection).map_err(|error| self.problem(place, &error))?;
        let (mut buckets, mut timeless) = (BTreeMap::new(), 0);
        // Times come in order for the most part, so runs of one bucket are long.
        for run in times.chunk_by(|left, right| bucket(*left) == bucket(*right)) {
            if run[0] == NO_TIME {
                timeless += run.len() as u64;
            } else {
                *buckets.entry(bucket(run[0])).or_default() += run.len() as u64;
            }
        }
        Ok((buckets, timeless))
    }

    /// The time that the row groups in question cover, as far as asked for.
    fn extent(&self) -> Option<(i64, i64)> {
        let spans = self.groups.iter().filter_map(|&place| self.span(place));
        let (first, last) = spans.reduce(|all, span| (all.0.min(span.0), all.1.max(span.1)))?;
        let TimeRange { from, to } = self.filter.range;
        Some((from.map_or(first, |from| first.max(from)), to.map_or(last, |to| last.min(to - 1))))
    }
}

fn check(first: i64, last: i64, length: i64) -> Result<()> {
    let buckets = last.saturating_sub(first) / length;
    if buckets <= MOST_BUCKETS {
        return Ok(());
    }
    let message = format!(
        "--timeline: from {} to {} would be {} buckets, more than {}",
        rfc3339(first),
        rfc3339(last),
        number(buckets.unsigned_abs()),
        number(MOST_BUCKETS.unsigned_abs())
    );
    Err(Error::Query { message, hint: Some("give a longer bucket, or a shorter time with --from and --to".to_owned()) })
}

fn without_gaps(counts: &BTreeMap<i64, u64>, length: i64) -> Vec<(i64, u64)> {
    let (Some((&first, _)), Some((&last, _))) = (counts.first_key_value(), counts.last_key_value()) else {
        return Vec::new();
    };
    let starts = (0..=(last - first) / length).map(|number| first + number * length);
    starts.map(|start| (start, counts.get(&start).copied().unwrap_or(0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_between_buckets_is_shown() {
        let counts = BTreeMap::from([(0, 3), (120, 1)]);
        assert_eq!(without_gaps(&counts, 60), [(0, 3), (60, 0), (120, 1)]);
        assert_eq!(without_gaps(&BTreeMap::new(), 60), []);
    }

    #[test]
    fn a_bucket_fits_the_screen() {
        for (span, length) in [(0, MINUTE_MS), (HOUR_MS, MINUTE_MS), (DAY_MS, 30 * MINUTE_MS), (35 * DAY_MS, DAY_MS)] {
            assert_eq!(BucketLength::Auto.resolve(span), length);
            assert!(span / length <= SCREEN);
        }
        assert!(check(0, i64::MAX, 1).is_err());
    }
}
