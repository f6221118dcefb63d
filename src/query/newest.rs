//! The newest matching events first, a bounded number at a time.
//!
//! Row groups are visited from the newest backwards, as many at once as there are threads, until none that is left can hold
//! anything newer than what was found. Events of the same millisecond go by their place, so that pages never overlap.

use std::cmp::Reverse;

use rayon::prelude::*;

use crate::error::Result;
use crate::partition::{NO_TIME, Problem, RowChoice, RowGroupReader};
use crate::query::Search;
use crate::query::search::{Found, GroupPlace, Selection};

/// An event: when it was, and where it stands. The order is from old to new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The time, or [`NO_TIME`].
    pub time: i64,
    /// The row group.
    pub place: GroupPlace,
    /// The number of the row in it.
    pub row: u32,
}

impl Search {
    /// The `most` newest events that match and are older than `before`, newest first.
    pub fn newest(&self, before: Option<Hit>, most: usize) -> (Vec<Hit>, Vec<Problem>) {
        let (mut hits, mut problems) = (Vec::new(), Vec::new());
        let mut left = &self.groups[..];
        while let Some(&next) = left.first() {
            if hits.len() >= most && self.is_older(next, hits.last()) {
                break;
            }
            let (wave, rest) = left.split_at(left.len().min(rayon::current_num_threads()));
            left = rest;
            let found: Vec<Found<Vec<Hit>>> = wave.par_iter().map(|&place| self.hits(place, before, most)).collect();
            for found in found {
                match found {
                    Ok(found) => hits.extend(found),
                    Err(problem) => problems.push(problem),
                }
            }
            keep_newest(&mut hits, most);
        }
        (hits, problems)
    }

    /// Whether all of a row group, and so of those after it, is older than an event.
    fn is_older(&self, place: GroupPlace, than: Option<&Hit>) -> bool {
        let last = self.span(place).map_or(i64::MAX, |(_, last)| last);
        than.is_none_or(|hit| last < hit.time)
    }

    fn hits(&self, place: GroupPlace, before: Option<Hit>, most: usize) -> Found<Vec<Hit>> {
        if before.is_some_and(|before| self.span(place).is_some_and(|(first, _)| first > before.time)) {
            return Ok(Vec::new());
        }
        let selection = self.select(place)?;
        let times = self.times(place, &selection).map_err(|error| self.problem(place, &error))?;
        let hit = |(number, time): (usize, i64)| Hit { time, place, row: selection.row(number) };
        let is_wanted = |hit: &Hit| before.is_none_or(|before| *hit < before);
        let mut hits: Vec<Hit> = times.into_iter().enumerate().map(hit).filter(is_wanted).collect();
        keep_newest(&mut hits, most);
        Ok(hits)
    }

    /// The times of selected rows.
    pub(super) fn times(&self, place: GroupPlace, selection: &Selection) -> Result<Vec<i64>> {
        if selection.is_empty() {
            return Ok(Vec::new());
        }
        let choice = RowChoice { rows: selection.rows(), ..RowChoice::default() };
        let mut times = Vec::with_capacity(selection.len());
        for batch in RowGroupReader::open_rows(self.file(place), place.group as usize, &[], choice)? {
            times.extend_from_slice(&batch?.times);
        }
        Ok(times)
    }
}

fn keep_newest(hits: &mut Vec<Hit>, most: usize) {
    if hits.len() > most && most > 0 {
        hits.select_nth_unstable_by_key(most - 1, |hit| Reverse(*hit));
    }
    hits.truncate(most);
    hits.sort_unstable_by_key(|hit| Reverse(*hit));
}

impl Hit {
    /// The place before everything of its moment and later: what `--before TIME` means.
    pub fn at_start_of(time: i64) -> Self {
        Self { time: time.max(NO_TIME + 1), place: GroupPlace { file: 0, group: 0 }, row: 0 }
    }
}
