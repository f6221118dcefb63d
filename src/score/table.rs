//! A table of counts as it was read: series by name, rows in order of time.

use std::collections::BTreeMap;

use crate::partition::Problem;

/// One count at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountRow {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The count; a fraction is allowed and rounded when it is judged.
    pub value: f64,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CountSeries {
    /// Its name; empty where the table has no column `series`.
    pub name: String,
    /// Its rows, ascending in time.
    pub rows: Vec<CountRow>,
    /// The times of its rows whose values could not be used, ascending: somebody counted then, and what is not known.
    pub refused: Vec<i64>,
}

/// What a file held.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CountTable {
    /// Whether there was a column `series`.
    pub named: bool,
    /// The series, by name.
    pub series: Vec<CountSeries>,
    /// The first few rows that could not be used, and why.
    pub problems: Vec<Problem>,
    /// How many rows could not be used.
    pub unusable: u64,
}

/// Problems that are kept in full; the rest is a number.
const PROBLEMS_KEPT: usize = 10;
/// Counts above this do not fit the arithmetic.
const MAX_VALUE: f64 = 1e15;

/// Collects rows as they are read.
#[derive(Debug)]
pub(super) struct TableBuilder {
    file: String,
    named: bool,
    numbers: BTreeMap<String, usize>,
    series: Vec<CountSeries>,
    problems: Vec<Problem>,
    unusable: u64,
}

impl TableBuilder {
    pub(super) fn new(file: String, named: bool) -> Self {
        Self { file, named, numbers: BTreeMap::new(), series: Vec::new(), problems: Vec::new(), unusable: 0 }
    }

    /// Adds a row, or says why it cannot be used; `place` names the row.
    pub(super) fn add(
        &mut self,
        name: &str,
        time: Result<i64, String>,
        value: Result<f64, String>,
        place: impl Fn() -> String,
    ) {
        let message = match (value.and_then(in_range), time) {
            (Ok(value), Ok(time)) => return self.series_of(name).rows.push(CountRow { time, value }),
            (Err(message), Ok(time)) => {
                self.series_of(name).refused.push(time);
                message
            }
            (Err(message), Err(_)) | (Ok(_), Err(message)) => message,
        };
        self.unusable += 1;
        if self.problems.len() < PROBLEMS_KEPT {
            self.problems.push(Problem { file: self.file.clone(), message: format!("{}: {message}", place()) });
        }
    }

    fn series_of(&mut self, name: &str) -> &mut CountSeries {
        let next = self.series.len();
        let number = match self.numbers.get(name) {
            Some(&number) => number,
            None => *self.numbers.entry(name.to_owned()).or_insert(next),
        };
        if number == next {
            self.series.push(CountSeries::default());
        }
        &mut self.series[number]
    }

    pub(super) fn finish(mut self) -> CountTable {
        let take = |(name, number): (String, usize)| {
            let CountSeries { mut rows, mut refused, .. } = std::mem::take(&mut self.series[number]);
            rows.sort_by(|left, right| left.time.cmp(&right.time).then(left.value.total_cmp(&right.value)));
            refused.sort_unstable();
            CountSeries { name, rows, refused }
        };
        let series = std::mem::take(&mut self.numbers).into_iter().map(take);
        // One without a row that can be used is no series; why was said of its rows.
        let series = series.filter(|series| !series.rows.is_empty()).collect();
        CountTable { named: self.named, series, problems: self.problems, unusable: self.unusable }
    }
}

fn in_range(value: f64) -> Result<f64, String> {
    if !value.is_finite() {
        Err(format!("`value` is {value}, expected a count"))
    } else if value < 0.0 {
        Err(format!("`value` is {value}, but a count cannot be negative"))
    } else if value > MAX_VALUE {
        Err(format!("`value` is {value:e}, more than the {MAX_VALUE:e} that can be judged"))
    } else {
        Ok(value)
    }
}
