//! Evaluating a day's partitions: the sieve over every row of a few columns, then the candidates with all that their rules ask for.
//!
//! Row groups are worked on in waves, each on its own, and their matches handed on in order, so that what is held at a time is the
//! matches of a few row groups.

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::Result;
use crate::partition::{DAY_MS, EventFile, Problem, RowGroupReader, midnight_ms, read_rows};
use crate::rules::compile::Program;
use crate::rules::evaluate::exact::Evaluator;
use crate::rules::evaluate::sieve::{Candidates, Sieve};
use crate::rules::hours::WorkingHours;
use crate::rules::matched::Match;

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
    let groups: Vec<(&EventFile, usize)> =
        files.iter().flat_map(|file| file.row_groups_of(date).map(move |group| (file, group))).collect();
    let (mut looked, mut problems) = (Looked::default(), Vec::new());
    // A sieve for each thread that lasts, for what it has learnt of values holds in the next row group too.
    let mut sieves: Vec<Sieve<'_>> = (0..rayon::current_num_threads().max(1)).map(|_| Sieve::new(program)).collect();
    for wave in groups.chunks(sieves.len()) {
        let work = |((file, group), sieve): (&(&EventFile, usize), &mut Sieve<'_>)| {
            row_group(program, hours, sieve, file, *group, date)
        };
        let done: Vec<Group> = wave.par_iter().zip(sieves.par_iter_mut()).map(work).collect();
        for group in done {
            looked.events += group.looked.events;
            looked.candidates += group.looked.candidates;
            looked.matches += group.matches.len() as u64;
            problems.extend(group.problem);
            group.matches.into_iter().for_each(&mut take);
        }
    }
    (looked, problems)
}

#[derive(Default)]
struct Group {
    matches: Vec<Match>,
    looked: Looked,
    problem: Option<Problem>,
}

fn row_group(
    program: &Program,
    hours: &WorkingHours,
    sieve: &mut Sieve<'_>,
    file: &EventFile,
    group: usize,
    date: NaiveDate,
) -> Group {
    let mut done = Group::default();
    if let Err(error) = fill(&mut done, program, hours, sieve, file, group, date) {
        let message = format!("row group {group} was not evaluated to its end: {error}");
        done.problem = Some(Problem { file: file.name.clone(), message });
    }
    done
}

fn fill(
    done: &mut Group,
    program: &Program,
    hours: &WorkingHours,
    sieve: &mut Sieve<'_>,
    file: &EventFile,
    group: usize,
    date: NaiveDate,
) -> Result<()> {
    let midnight = midnight_ms(date);
    let of_day = |time: i64| (midnight..midnight + DAY_MS).contains(&time);
    let mut candidates = Candidates::default();
    let mut first = 0;
    let columns = sieve.layout().columns().to_vec();
    for batch in RowGroupReader::open(file, group, &columns)? {
        let batch = batch?;
        done.looked.events += batch.times.iter().filter(|time| of_day(**time)).count() as u64;
        sieve.sift(&batch, first, of_day, &mut candidates);
        first += batch.times.len() as u32;
    }
    done.looked.candidates = candidates.rows().len() as u64;
    if candidates.rows().is_empty() {
        return Ok(());
    }
    decide(done, program, hours, &candidates, file, group)
}

/// Reads the candidates again, with every column that their rules ask for.
fn decide(
    done: &mut Group,
    program: &Program,
    hours: &WorkingHours,
    candidates: &Candidates,
    file: &EventFile,
    group: usize,
) -> Result<()> {
    let rules = candidates.all_rules();
    let asked = rules.iter().flat_map(|&rule| program.columns_of(rule));
    let mut evaluator = Evaluator::new(program, hours, asked);
    for (chunk, rows) in candidates.rows().chunks(MOST_ROWS).enumerate() {
        let batch = read_rows(file, group, evaluator.layout().columns(), rows)?;
        evaluator.begin(&batch);
        for row in 0..rows.len() {
            evaluator.row(&batch, row, candidates.rules(chunk * MOST_ROWS + row), &mut done.matches);
        }
    }
    Ok(())
}
