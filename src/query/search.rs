//! Finding the rows that meet a filter, row group by row group.
//!
//! A row group is passed over if the footer shows that it cannot match. In the others the conditions are asked one after the
//! other, the cheapest to read first, each of what the former left over; nothing else of a row is read before it is known to match.

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::Result;
use crate::event::Column;
use crate::partition::{EventFile, Partitions, Problem, RowChoice, RowGroupReader, lies_within};
use crate::query::evaluate::Evaluator;
use crate::query::{Condition, Filter, TimeRange};
use crate::time::date_of_ms;

/// Rows in a batch while values are compared: a dictionary without a match ends the row group after the first batch.
const BATCH_ROWS: usize = 32_768;

/// Something of a row group, or what could not be read.
pub(super) type Found<T> = std::result::Result<T, Problem>;

/// Rows that are looked at together.
const RUN: usize = 128;

/// A row group of one of the files of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupPlace {
    /// The file's number.
    pub file: u32,
    /// The row group's number in it.
    pub group: u32,
}

/// The rows of a row group that meet a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them; so many.
    All(usize),
    /// These, ascending.
    Rows(Vec<u32>),
}

impl Selection {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::All(rows) => *rows,
            Self::Rows(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of the rows, where not all are meant.
    pub fn rows(&self) -> Option<&[u32]> {
        match self {
            Self::All(_) => None,
            Self::Rows(rows) => Some(rows),
        }
    }

    /// The number in the row group of the selection's row `place`.
    pub fn row(&self, place: usize) -> u32 {
        match self {
            Self::All(_) => place as u32,
            Self::Rows(rows) => rows[place],
        }
    }
}

/// Opened files and what is asked of them.
#[derive(Debug)]
pub struct Search {
    /// The files that may hold something.
    pub files: Vec<EventFile>,
    /// What is asked.
    pub filter: Filter,
    /// The row groups that may match, newest first: those whose end is unknown come first of all.
    pub groups: Vec<GroupPlace>,
    /// What could not be opened.
    pub problems: Vec<Problem>,
    /// The first and the last day that there is, whatever was asked.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

impl Search {
    /// Opens the files of the days that the filter's time range touches.
    pub fn open(partitions: &Partitions, filter: Filter) -> Self {
        let dates = partitions.dates();
        let days = dates.first().copied().zip(dates.last().copied());
        let mut search =
            Self { files: Vec::new(), filter, groups: Vec::new(), problems: partitions.problems().to_vec(), days };
        if let Some((first, last)) = days {
            let day = |ms: Option<i64>| ms.and_then(date_of_ms);
            let (from, to) = (day(search.filter.range.from), day(search.filter.range.to));
            let (from, to) = (from.unwrap_or(first), to.unwrap_or(last));
            let (files, problems) = partitions.open_range(from, to);
            search.files = files;
            search.problems.extend(problems.into_iter().chain(partitions.copies(from, to).cloned()));
            search.groups = search.possible_groups();
        }
        search
    }

    /// Another question about the same files.
    #[must_use]
    pub fn with_filter(&self, filter: Filter) -> Self {
        let mut search = Self { files: self.files.clone(), filter, groups: vec![], problems: vec![], days: self.days };
        search.groups = search.possible_groups();
        search
    }

    /// The columns that no opened file has; a condition on them can never be met.
    pub fn absent_columns(&self) -> Vec<Column> {
        let missing = |column: &Column| {
            let is_absent = |file: &EventFile| file.columns.is_missing(*column);
            !self.files.is_empty() && self.files.iter().all(is_absent)
        };
        Column::ALL.into_iter().filter(missing).collect()
    }

    /// All rows that match.
    pub fn count(&self) -> (u64, Vec<Problem>) {
        let counted: Vec<Found<usize>> = self
            .groups
            .par_iter()
            .map(|&place| self.count_group(place).map_err(|error| self.problem(place, &error)))
            .collect();
        let (found, problems): (Vec<_>, Vec<_>) = counted.into_iter().partition(std::result::Result::is_ok);
        let rows = found.into_iter().filter_map(std::result::Result::ok).map(|rows| rows as u64).sum();
        (rows, problems.into_iter().filter_map(std::result::Result::err).collect())
    }

    /// The file of a row group.
    pub fn file(&self, place: GroupPlace) -> &EventFile {
        &self.files[place.file as usize]
    }

    /// The first and last time of a row group, where they are known.
    pub fn span(&self, place: GroupPlace) -> Option<(i64, i64)> {
        self.file(place).row_groups[place.group as usize].span
    }

    /// The rows of a row group that match.
    ///
    /// # Errors
    /// What could not be read; nothing of the row group counts then.
    pub fn select(&self, place: GroupPlace) -> Found<Selection> {
        self.try_select(place).map_err(|error| self.problem(place, &error))
    }

    /// A row group that could not be read.
    pub fn problem(&self, place: GroupPlace, error: &crate::Error) -> Problem {
        let message = format!("row group {} is left out: {}", place.group, error.about_its_file());
        Problem { file: self.file(place).name.clone(), message }
    }

    fn try_select(&self, place: GroupPlace) -> Result<Selection> {
        self.narrow(place, &self.conditions_by_cost(place))
    }

    /// How many rows of a row group match: the last condition's rows are counted and not listed.
    fn count_group(&self, place: GroupPlace) -> Result<usize> {
        let conditions = self.conditions_by_cost(place);
        let Some((last, others)) = conditions.split_last() else { return Ok(self.narrow(place, &[])?.len()) };
        let selection = self.narrow(place, others)?;
        let mut count = 0;
        if !selection.is_empty() {
            each_mask(self.file(place), place.group as usize, last, &selection, |_, mask| {
                count += mask.iter().map(|&met| usize::from(met)).sum::<usize>();
            })?;
        }
        Ok(count)
    }

    fn conditions_by_cost(&self, place: GroupPlace) -> Vec<&Condition> {
        let cost = |columns: &'static [Column]| self.file(place).column_bytes(place.group as usize, columns);
        let mut conditions: Vec<&Condition> = self.filter.conditions.iter().collect();
        conditions.sort_by_cached_key(|condition| condition.columns().into_iter().map(cost).sum::<u64>());
        conditions
    }

    /// The rows within the time range that meet all of some conditions.
    fn narrow(&self, place: GroupPlace, conditions: &[&Condition]) -> Result<Selection> {
        let (file, group) = (self.file(place), place.group as usize);
        let mut selection = Selection::All(file.row_groups[group].rows as usize);
        if !self.filter.range.is_open() && !lies_within(file, group, &self.filter.range.moments()) {
            selection = within(file, group, self.filter.range)?;
        }
        for condition in conditions {
            if selection.is_empty() {
                break;
            }
            selection = meeting(file, group, condition, &selection)?;
        }
        Ok(selection)
    }

    fn possible_groups(&self) -> Vec<GroupPlace> {
        let mut groups = Vec::new();
        for (number, file) in self.files.iter().enumerate() {
            for group in (0..file.row_groups.len()).filter(|&group| self.is_possible(file, group)) {
                groups.push(GroupPlace { file: number as u32, group: group as u32 });
            }
        }
        groups.sort_by_key(|&place| std::cmp::Reverse((self.span(place).map_or(i64::MAX, |(_, last)| last), place)));
        groups
    }

    fn is_possible(&self, file: &EventFile, group: usize) -> bool {
        file.row_groups[group].span.is_none_or(|span| self.filter.range.touches(span))
            && self.filter.conditions.iter().all(|condition| condition.is_possible(file, group))
    }
}

fn within(file: &EventFile, group: usize, range: TimeRange) -> Result<Selection> {
    let mut rows = Vec::new();
    let mut first = 0;
    for batch in RowGroupReader::open(file, group, &[])? {
        let batch = batch?;
        rows.extend((first..).zip(&batch.times).filter(|&(_, &time)| range.contains(time)).map(|(row, _)| row));
        first += batch.rows as u32;
    }
    Ok(Selection::Rows(rows))
}

/// Adds the rows of `among` that the mask names; its first stands for the row `first` of them. Most runs have none.
fn add_met(rows: &mut Vec<u32>, mask: &[bool], first: usize, among: &Selection) {
    for (run, met) in mask.chunks(RUN).enumerate() {
        if met.iter().fold(false, |any, met| any | met) {
            let places = met.iter().enumerate().filter(|(_, met)| **met).map(|(place, _)| first + run * RUN + place);
            rows.extend(places.map(|place| among.row(place)));
        }
    }
}

fn meeting(file: &EventFile, group: usize, condition: &Condition, among: &Selection) -> Result<Selection> {
    let mut rows = Vec::new();
    each_mask(file, group, condition, among, |first, mask| add_met(&mut rows, mask, first, among))?;
    Ok(Selection::Rows(rows))
}

/// Asks a condition of selected rows: `visit` gets the number of a row among them, and whether it and those after it meet it.
/// It ends early if no value of the row group can.
fn each_mask(
    file: &EventFile,
    group: usize,
    condition: &Condition,
    among: &Selection,
    mut visit: impl FnMut(usize, &[bool]),
) -> Result<()> {
    let mut evaluator = Evaluator::new(condition);
    let choice = RowChoice { rows: among.rows(), times: false, batch_rows: BATCH_ROWS };
    let values_are_known = evaluator.columns.iter().all(|columns| file.has_whole_dictionary(group, columns));
    let columns = evaluator.columns.clone();
    let mut first = 0;
    for batch in RowGroupReader::open_rows(file, group, &columns, choice)? {
        let batch = batch?;
        let mask = evaluator.mask(&batch);
        if values_are_known && !evaluator.is_possible() {
            break;
        }
        visit(first, &mask);
        first += batch.rows;
    }
    Ok(())
}
