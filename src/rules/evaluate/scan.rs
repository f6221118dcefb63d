//! Evaluating partitions: the sieve over every row group, then its candidates with all that their rules ask for.
//!
//! Row groups are worked on by all threads, each on its own, and what they hold is handed on in order, so that what is held at a time
//! is the matches of a few row groups.

use std::borrow::Borrow;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;

use crate::error::Result;
use crate::partition::{DAY_MS, EventFile, Problem, midnight_ms, read_rows};
use crate::rules::compile::Program;
use crate::rules::evaluate::candidates::Candidates;
use crate::rules::evaluate::exact::Evaluator;
use crate::rules::evaluate::in_order::in_order;
use crate::rules::evaluate::sieve::Sieve;
use crate::rules::hours::WorkingHours;
use crate::rules::matched::{Facts, Match};

/// The most candidates that are read at a time.
const MOST_ROWS: usize = 65_536;

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Rows of the day.
    pub events: u64,
    /// Rows that the sieve left.
    pub candidates: u64,
    /// Matches.
    pub matches: u64,
}

/// Evaluates the rows of one UTC day. Matches are handed on file by file, in the files' order; see [`Match`] for what they hold.
pub fn evaluate_day(
    program: &Program,
    hours: &WorkingHours,
    files: &[EventFile],
    date: NaiveDate,
    mut take: impl FnMut(Match),
) -> (Looked, Vec<Problem>) {
    let (mut looked, mut problems) = (Looked::default(), Vec::new());
    Scan::new(program, hours, Facts::All).run(row_groups(files.iter(), date), |found| {
        looked.add(found.looked);
        problems.extend(found.problem);
        found.matches.into_iter().for_each(&mut take);
    });
    (looked, problems)
}

impl Looked {
    /// Counts what was looked at elsewhere too.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.candidates += other.candidates;
        self.matches += other.matches;
    }
}

/// A row group, to be evaluated for a day.
#[derive(Debug, Clone)]
pub struct RowGroup<F> {
    file: F,
    group: usize,
    date: NaiveDate,
}

/// The row groups of some files that concern a day, in the files' order.
pub fn row_groups<F: Borrow<EventFile> + Clone>(
    files: impl Iterator<Item = F>,
    date: NaiveDate,
) -> impl Iterator<Item = RowGroup<F>> {
    files.flat_map(move |file| {
        let groups: Vec<usize> = file.borrow().row_groups_of(date).collect();
        groups.into_iter().map(move |group| RowGroup { file: file.clone(), group, date })
    })
}

/// What a row group holds.
#[derive(Debug)]
pub struct Found {
    /// The day for which it was evaluated.
    pub date: NaiveDate,
    /// What was looked at.
    pub looked: Looked,
    /// The matches, row by row.
    pub matches: Vec<Match>,
    /// Why it was not evaluated to its end.
    pub problem: Option<Problem>,
}

/// Evaluates row groups, of one day or of many.
#[derive(Debug)]
pub struct Scan<'p> {
    program: &'p Program,
    hours: &'p WorkingHours,
    facts: Facts,
    /// Sieves that nobody uses now; what they have learnt of values holds in the next row group too.
    sieves: Mutex<Vec<Sieve<'p>>>,
}

impl<'p> Scan<'p> {
    /// A scan that tells of each match's event what `facts` says.
    pub fn new(program: &'p Program, hours: &'p WorkingHours, facts: Facts) -> Self {
        Self { program, hours, facts, sieves: Mutex::new(Vec::new()) }
    }

    /// Evaluates row groups on all threads and hands on what they hold, in their order.
    pub fn run<F: Borrow<EventFile> + Send>(&self, groups: impl Iterator<Item = RowGroup<F>>, take: impl FnMut(Found)) {
        in_order(groups, |group| self.row_group(&group), take);
    }

    fn row_group<F: Borrow<EventFile>>(&self, place: &RowGroup<F>) -> Found {
        let sieves = || self.sieves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sieve = sieves().pop().unwrap_or_else(|| Sieve::new(self.program));
        let mut found = Found { date: place.date, looked: Looked::default(), matches: Vec::new(), problem: None };
        let (file, group) = (place.file.borrow(), place.group);
        if let Err(error) = self.fill(&mut found, &mut sieve, file, group) {
            let message = format!("row group {group} was not evaluated to its end: {}", error.about_its_file());
            found.problem = Some(Problem { file: file.name.clone(), message });
        }
        found.looked.matches = found.matches.len() as u64;
        sieves().push(sieve);
        found
    }

    fn fill(&self, found: &mut Found, sieve: &mut Sieve<'p>, file: &EventFile, group: usize) -> Result<()> {
        let midnight = midnight_ms(found.date);
        let span = midnight..midnight + DAY_MS;
        let sifted = sieve.sift(file, group, &span)?;
        found.looked.events = sifted.events;
        found.looked.candidates = sifted.candidates.rows().len() as u64;
        if sifted.candidates.rows().is_empty() {
            return Ok(());
        }
        self.decide(&mut found.matches, &sifted.candidates, file, group, &span)
    }

    /// Reads the candidates, with every column that their rules ask for.
    fn decide(
        &self,
        matches: &mut Vec<Match>,
        candidates: &Candidates,
        file: &EventFile,
        group: usize,
        span: &Range<i64>,
    ) -> Result<()> {
        let rules = candidates.all_rules();
        let asked = rules.iter().flat_map(|&rule| self.program.columns_of(rule));
        let mut evaluator = Evaluator::with_facts(self.program, self.hours, asked, self.facts);
        for (chunk, rows) in candidates.rows().chunks(MOST_ROWS).enumerate() {
            let batch = read_rows(file, group, evaluator.layout().columns(), rows)?;
            evaluator.begin(&batch);
            // The sieve trusts the footer's times; the rows' own times have the last word.
            for row in (0..rows.len()).filter(|row| span.contains(&batch.times[*row])) {
                let rules = candidates.rules(chunk * MOST_ROWS + row).iter().copied();
                evaluator.row(&batch, row, rules, matches);
            }
        }
        Ok(())
    }
}
