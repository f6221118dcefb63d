//! With which day a new level began, as far as the days' own ratios tell: the change point in the mean by least squares.
//!
//! *References*: Hinkley 1970 (the change point of a normal mean by maximum likelihood); Bai 1994 (least squares where errors are no more than
//! alike).

use super::{LEAST_CHANGE, LEAST_RATIO, SHIFT_DAYS};

/// Days that must have been at the old level.
const LEAST_BEFORE: usize = 7;
/// Days in which a change is looked for.
const RECENT_DAYS: usize = 21;

/// The day with which a new level may have begun: the split of the days' ratios that leaves the least variance of their logarithms, if the
/// levels on both sides are far enough apart.
pub(super) fn onset(ratios: &[Option<f64>]) -> Option<usize> {
    let first = (ratios.len().saturating_sub(RECENT_DAYS)).max(LEAST_BEFORE);
    let ln = |ratio: &Option<f64>| ratio.map(|ratio| ratio.max(LEAST_RATIO).ln());
    let split = |&day: &usize| {
        let (before, after) = ratios.split_at(day);
        let (before, after) = (Spread::of(before.iter().filter_map(ln)), Spread::of(after.iter().filter_map(ln)));
        let enough = before.number >= LEAST_BEFORE as f64 && after.number >= SHIFT_DAYS as f64;
        enough.then_some((day, after.mean - before.mean, before.squares + after.squares))
    };
    let days = first..(ratios.len() + 1).saturating_sub(SHIFT_DAYS);
    let best = days.filter_map(|day| split(&day)).min_by(|left, right| left.2.total_cmp(&right.2));
    best.filter(|(_, change, _)| change.abs() >= LEAST_CHANGE.ln()).map(|(day, ..)| day)
}

/// Some values: how many, their mean, and the squares of their distances from it.
struct Spread {
    number: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut number, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for value in values {
            number += 1.0;
            let apart = value - mean;
            mean += apart / number;
            squares += apart * (value - mean);
        }
        Self { number, mean, squares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(ratios: impl IntoIterator<Item = f64>) -> Option<usize> {
        onset(&ratios.into_iter().map(Some).collect::<Vec<_>>())
    }

    #[test]
    fn a_level_begins_where_both_sides_are_most_alike() {
        let with = |old: usize, level: f64, new: usize| split([vec![1.0; old], vec![level; new]].concat());
        assert_eq!(with(20, 3.0, 3), Some(20));
        assert_eq!(with(20, 0.0, 8), Some(20));
        assert_eq!(with(20, 1.4, 8), None, "hardly another one");
        assert_eq!(with(4, 3.0, 5), None, "too little is known of the old one");
        assert_eq!(split([]), None);
        let gap = [vec![Some(1.0); 20], vec![None], vec![Some(4.0); 3]].concat();
        assert_eq!(onset(&gap), Some(20));
    }
}
