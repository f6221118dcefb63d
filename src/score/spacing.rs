//! How far rows are apart: whether there is a step that most of them keep, and what it is.
//!
//! A step is kept where rows are whole steps apart, so that a series that leaves its zeros out has one too.

use std::collections::BTreeMap;

use crate::score::table::CountTable;
use crate::time::{DAY_SECONDS, HOUR_SECONDS, WEEK_SECONDS};

/// A row may be early or late by this share of a step.
const TOLERANCE: f64 = 0.1;
/// The share of rows that must be whole steps apart, for there to be a step at all.
const REGULAR: f64 = 0.8;
/// The share of rows that must be a single step apart: that all are so many seconds apart says nothing.
const LEAST_SINGLE: f64 = 0.02;
/// Widths of buckets that people choose, in seconds.
const USUAL: [u32; 17] = [
    1,
    5,
    10,
    30,
    60,
    300,
    600,
    900,
    1800,
    HOUR_SECONDS,
    2 * HOUR_SECONDS,
    4 * HOUR_SECONDS,
    6 * HOUR_SECONDS,
    8 * HOUR_SECONDS,
    12 * HOUR_SECONDS,
    DAY_SECONDS,
    WEEK_SECONDS,
];

/// How far the rows of a table are apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spacing {
    /// The most frequent distance, in seconds.
    step: i64,
    /// Every distance, and how often.
    distances: BTreeMap<i64, u64>,
}

impl Spacing {
    /// That of all series; `None` without two rows of a series at different times.
    pub fn of(table: &CountTable) -> Option<Self> {
        let mut distances: BTreeMap<i64, u64> = BTreeMap::new();
        for series in &table.series {
            for pair in series.rows.windows(2).filter(|pair| pair[1].time > pair[0].time) {
                let seconds = (pair[1].time.saturating_sub(pair[0].time).saturating_add(500) / 1000).max(1);
                *distances.entry(seconds).or_default() += 1;
            }
        }
        // The shorter of two that are equally frequent.
        let (&step, _) = distances.iter().rev().max_by_key(|(_, count)| **count)?;
        Some(Self { step, distances })
    }

    /// The most frequent distance, in seconds.
    pub fn step(&self) -> i64 {
        self.step
    }

    /// Whether most rows are whole steps apart.
    pub fn is_regular(&self) -> bool {
        self.share(|distance| self.steps(distance).is_some()) >= REGULAR
            && self.share(|distance| self.steps(distance) == Some(1)) >= LEAST_SINGLE
    }

    /// Why there is no step, and what to ask for.
    pub fn irregular(&self) -> String {
        format!(
            "its rows are at irregular times: only {} of {} are {} after the one before, and no other distance is more frequent; \
             name a width, such as --bucket {}",
            self.count(|distance| distance == self.step),
            self.count(|_| true),
            width(self.step),
            width(i64::from(self.suggestion()))
        )
    }

    /// The least usual width that most neighbouring rows are no further apart than.
    fn suggestion(&self) -> u32 {
        let wide_enough = |width: &&u32| self.share(|distance| distance <= i64::from(**width)) >= REGULAR;
        USUAL.iter().find(wide_enough).copied().unwrap_or(WEEK_SECONDS)
    }

    /// How many whole steps a distance is, if it is that.
    fn steps(&self, distance: i64) -> Option<i64> {
        let steps = distance as f64 / self.step as f64;
        let whole = steps.round();
        (whole >= 1.0 && (steps - whole).abs() <= TOLERANCE).then_some(whole as i64)
    }

    fn count(&self, fits: impl Fn(i64) -> bool) -> u64 {
        self.distances.iter().filter(|(distance, _)| fits(**distance)).map(|(_, &count)| count).sum()
    }

    fn share(&self, fits: impl Fn(i64) -> bool) -> f64 {
        self.count(fits) as f64 / self.count(|_| true) as f64
    }
}

/// `5m`, `1h`, `90s`, as `--bucket` takes it.
pub fn width(seconds: i64) -> String {
    let units = [(WEEK_SECONDS, "w"), (DAY_SECONDS, "d"), (HOUR_SECONDS, "h"), (60, "m")];
    let unit = units.into_iter().map(|(unit, name)| (i64::from(unit), name)).find(|(unit, _)| seconds % unit == 0);
    unit.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::table::{CountRow, CountSeries};

    fn spacing(times: impl IntoIterator<Item = i64>) -> Option<Spacing> {
        let rows = times.into_iter().map(|second| CountRow { time: second * 1000, value: 1.0 }).collect();
        Spacing::of(&CountTable {
            series: vec![CountSeries { rows, ..CountSeries::default() }],
            ..CountTable::default()
        })
    }

    #[test]
    fn the_step_is_the_most_frequent_distance() {
        let step = |hours: &[i64]| spacing(hours.iter().map(|hour| hour * 3600)).map(|spacing| spacing.step());
        assert_eq!(step(&[0, 1, 2, 3, 7, 8]), Some(3600));
        assert_eq!(step(&[0, 1, 3]), Some(3600));
        assert_eq!(step(&[5, 5]), None);
        assert_eq!(Spacing::of(&CountTable::default()), None);
    }

    #[test]
    fn rows_at_any_time_have_no_step() {
        // Hours of which two in three are left out, and rows some seconds off the hour.
        let sparse = (0..600).filter(|hour| hour * 7919 % 11 < 4).map(|hour| hour * 3600);
        assert!(spacing(sparse).unwrap().is_regular());
        assert!(spacing((0..100).map(|hour| hour * 3600 + hour * 7919 % 17)).unwrap().is_regular());
        // Distances from 187 to 2,995 s, each of them once.
        let at = |row: i64| row * 2000 + row * row % 1900;
        let odd = spacing((0..500).map(at)).unwrap();
        assert!(!odd.is_regular(), "{}", odd.irregular());
        assert!(odd.irregular().ends_with("; name a width, such as --bucket 1h"), "{}", odd.irregular());
    }

    #[test]
    fn widths_are_said_as_they_are_typed() {
        let told = [300, 3600, 86_400, 604_800, 90].map(width);
        assert_eq!(told, ["5m", "1h", "1d", "1w", "90s"]);
    }
}
