//! Evaluating partitions: the sieve over every row group, then its candidates with all that their rules ask for.
//!
//! Row groups are worked on by all threads, each on its own, and what they hold is handed on in order, so that what is held at a time
//! is the matches of a few row groups; of one that is full of them so many at a time.

use std::borrow::Borrow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::Result;
use crate::partition::{EventFile, Problem, read_rows};
use crate::rules::compile::Program;
use crate::rules::evaluate::candidates::Candidates;
use crate::rules::evaluate::exact::Evaluator;
use crate::rules::evaluate::in_order::in_order;
use crate::rules::evaluate::sieve::Sieve;
use crate::rules::hours::WorkingHours;
use crate::rules::matched::{Facts, Match};
use crate::time::{DAY_MS, midnight_ms};

/// The most candidates that are read at a time, and whose matches wait for their turn.
const MOST_ROWS: usize = 32_768;

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

/// Evaluates the rows of one UTC day. Matches are handed on file by file, in the files' order; see [`Match`] for what they hold. Who takes
/// them says what is asked of the events of later ones; those that are on their way may tell more.
pub fn evaluate_day(
    program: &Program,
    hours: &WorkingHours,
    files: &[EventFile],
    date: NaiveDate,
    mut take: impl FnMut(Match) -> Facts,
) -> (Looked, Vec<Problem>) {
    let (mut looked, mut problems) = (Looked::default(), Vec::new());
    let scan = Scan::new(program, hours, Facts::All);
    scan.run(row_groups(files.iter(), date), |found| {
        looked.add(found.looked);
        problems.extend(found.problem);
        for found in found.matches {
            if take(found) == Facts::Time {
                scan.times_suffice.store(true, Ordering::Relaxed);
            }
        }
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
    /// Whether it turned out that of what is still to come nothing but times is asked.
    times_suffice: AtomicBool,
    /// Sieves that nobody uses now; what they have learnt of values holds in the next row group too.
    sieves: Mutex<Vec<Sieve<'p>>>,
}

impl<'p> Scan<'p> {
    /// A scan that tells of each match's event what `facts` says.
    pub fn new(program: &'p Program, hours: &'p WorkingHours, facts: Facts) -> Self {
        Self { program, hours, facts, times_suffice: AtomicBool::new(false), sieves: Mutex::new(Vec::new()) }
    }

    /// Evaluates row groups on all threads and hands on what they hold, in their order.
    pub fn run<F: Borrow<EventFile> + Send + Sync>(
        &self,
        groups: impl Iterator<Item = RowGroup<F>>,
        mut take: impl FnMut(Found),
    ) {
        let begin = |place: RowGroup<F>| {
            let (found, candidates) = self.row_group(&place);
            (place, found, candidates)
        };
        in_order(groups, begin, |(place, found, candidates)| {
            let is_whole = found.problem.is_none();
            take(found);
            if is_whole {
                self.rest(&place, candidates.as_ref(), &mut take);
            }
        });
    }

    /// Evaluates the candidates of a row group behind the first ones, on all threads, some at a time.
    fn rest<F: Borrow<EventFile> + Sync>(
        &self,
        place: &RowGroup<F>,
        candidates: Option<&Candidates>,
        take: &mut impl FnMut(Found),
    ) {
        let Some(candidates) = candidates else { return };
        let chunks: Vec<usize> = (1..candidates.rows().len().div_ceil(MOST_ROWS)).collect();
        for some in chunks.chunks(rayon::current_num_threads()) {
            let chunk = |&chunk: &usize| {
                let mut found = Found::new(place.date);
                let decided = self.decide(&mut found.matches, candidates, place, chunk);
                found.end(place, decided);
                found
            };
            let found: Vec<Found> = some.par_iter().map(chunk).collect();
            for found in found {
                let is_whole = found.problem.is_none();
                take(found);
                if !is_whole {
                    return;
                }
            }
        }
    }

    /// What the first candidates hold, and all of them.
    fn row_group<F: Borrow<EventFile>>(&self, place: &RowGroup<F>) -> (Found, Option<Candidates>) {
        let sieves = || self.sieves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sieve = sieves().pop().unwrap_or_else(|| Sieve::new(self.program));
        let mut found = Found::new(place.date);
        let candidates = self.fill(&mut found, &mut sieve, place);
        sieves().push(sieve);
        match candidates {
            Ok(candidates) => {
                found.end(place, Ok(()));
                (found, Some(candidates))
            }
            Err(error) => {
                found.end(place, Err(error));
                (found, None)
            }
        }
    }

    fn fill<F: Borrow<EventFile>>(
        &self,
        found: &mut Found,
        sieve: &mut Sieve<'p>,
        place: &RowGroup<F>,
    ) -> Result<Candidates> {
        let sifted = sieve.sift(place.file.borrow(), place.group, &span_of(place.date))?;
        found.looked.events = sifted.events;
        found.looked.candidates = sifted.candidates.rows().len() as u64;
        if !sifted.candidates.rows().is_empty() {
            self.decide(&mut found.matches, &sifted.candidates, place, 0)?;
        }
        Ok(sifted.candidates)
    }

    /// Reads some candidates, with every column that their rules ask for.
    fn decide<F: Borrow<EventFile>>(
        &self,
        matches: &mut Vec<Match>,
        candidates: &Candidates,
        place: &RowGroup<F>,
        chunk: usize,
    ) -> Result<()> {
        let span = span_of(place.date);
        let rules = candidates.all_rules();
        let asked = rules.iter().flat_map(|&rule| self.program.columns_of(rule));
        let facts = if self.times_suffice.load(Ordering::Relaxed) { Facts::Time } else { self.facts };
        let mut evaluator = Evaluator::with_facts(self.program, self.hours, asked, facts);
        let rows = candidates.rows().chunks(MOST_ROWS).nth(chunk).unwrap_or_default();
        let batch = read_rows(place.file.borrow(), place.group, evaluator.layout().columns(), rows)?;
        evaluator.begin(&batch);
        // The sieve trusts the footer's times; the rows' own times have the last word.
        for row in (0..rows.len()).filter(|row| span.contains(&batch.times[*row])) {
            let rules = candidates.rules(chunk * MOST_ROWS + row).iter().copied();
            evaluator.row(&batch, row, rules, matches);
        }
        Ok(())
    }
}

impl Found {
    fn new(date: NaiveDate) -> Self {
        Self { date, looked: Looked::default(), matches: Vec::new(), problem: None }
    }

    /// Counts the matches, and names what kept a row group from being evaluated to its end.
    fn end<F: Borrow<EventFile>>(&mut self, place: &RowGroup<F>, decided: Result<()>) {
        self.looked.matches = self.matches.len() as u64;
        if let Err(error) = decided {
            let (file, group) = (place.file.borrow(), place.group);
            let message = format!("row group {group} was not evaluated to its end: {}", error.about_its_file());
            self.problem = Some(Problem { file: file.name.clone(), message });
        }
    }
}

/// The milliseconds of a day.
fn span_of(date: NaiveDate) -> Range<i64> {
    let midnight = midnight_ms(date);
    midnight..midnight + DAY_MS
}
