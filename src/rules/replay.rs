//! Rules over a folder of partitions, day after day: how often each would have matched.
//!
//! Nothing is raised, told or remembered by it: it is for those who write rules and want to know how loud they are.

use std::sync::Arc;

use serde::Serialize;

use crate::partition::{Partitions, Problem};
use crate::rules::compile::Program;
use crate::rules::correlate::CorrelationMatch;
use crate::rules::evaluate::scan::{Found, Looked, Scan, row_groups};
use crate::rules::intake::{Intake, Taken};
use crate::rules::matched::{Facts, Match};
use crate::rules::set::RuleSet;
use crate::rules::settings::RuleSettings;
use crate::severity::Severity;
use crate::time::midnight_ms;

/// What rules came to over a folder of partitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// Events that were looked at.
    pub events: u64,
    /// Events that the sieve left to be decided exactly.
    pub candidates: u64,
    /// Matches, those that a whitelist hid left out; of correlations, the moments at which they fired.
    pub matches: u64,
    /// By rule, in order of their ids.
    pub rules: Vec<RuleHits>,
    /// What whitelists hid.
    pub hidden: Vec<Hidden>,
    /// Members of correlations without a value to group by.
    pub without_group: u64,
    /// Members of correlations without a value that these measure.
    pub without_value: u64,
    /// Members of correlations beyond what one run takes.
    pub beyond_limit: u64,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// A rule and its matches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleHits {
    /// The rule's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How bad a match is.
    pub level: Severity,
    /// The file in which it stands.
    pub file: String,
    /// Whether its matches are reported, or only correlated.
    pub reported: bool,
    /// Its matches.
    pub hits: u64,
}

/// A whitelist entry and what it hid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hidden {
    /// Why.
    pub reason: String,
    /// How many matches.
    pub matches: u64,
}

/// A match that is reported.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'m> {
    /// Of a rule about single events.
    Event(&'m Match),
    /// Of a correlation.
    Correlation(&'m CorrelationMatch),
}

/// Evaluates rules over every day of a folder. `each`, if there is one, sees the matches that are reported: those of
/// events file by file, those of correlations after the matches of their day.
pub fn replay(
    rules: &RuleSet,
    settings: &RuleSettings,
    partitions: &Partitions,
    progress: &dyn Fn(u64),
    mut each: Option<&mut dyn FnMut(Seen<'_>)>,
) -> Replay {
    let program = Program::compile(rules);
    let mut days =
        Days { intake: Intake::new(rules, &settings.whitelist), looked: Looked::default(), reached: i64::MIN };
    let mut problems = partitions.problems().to_vec();
    let mut unopened = Vec::new();
    let facts = if each.is_none() && settings.whitelist.entries().is_empty() { Facts::Time } else { Facts::All };
    let groups = partitions.dates_with_neighbours().into_iter().flat_map(|date| {
        let (files, problems) = partitions.open_range(date, date);
        unopened.extend(problems.into_iter().chain(partitions.copies(date, date).cloned()));
        row_groups(files.into_iter().map(Arc::new), date)
    });
    Scan::new(&program, &settings.hours, facts).run(groups, |found| {
        progress(found.looked.events);
        problems.extend(found.problem.clone());
        days.take(&found, &mut each);
    });
    problems.extend(unopened);
    problems.sort();
    problems.dedup();
    let (looked, taken) = days.finish(&mut each);
    summary(rules, settings, looked, &taken, problems)
}

/// Who is told of matches, if anybody is.
type Each<'e> = Option<&'e mut dyn FnMut(Seen<'_>)>;

/// Days one after another.
struct Days<'s> {
    intake: Intake<'s>,
    looked: Looked,
    /// The moment up to which correlations were counted.
    reached: i64,
}

impl Days<'_> {
    fn take(&mut self, found: &Found, each: &mut Each<'_>) {
        // A day's rows are handed on before those of the next.
        let begin = midnight_ms(found.date);
        if begin > self.reached {
            self.correlate_until(begin, each);
        }
        self.looked.add(found.looked);
        for found in &found.matches {
            if self.intake.take(found) {
                each.iter_mut().for_each(|each| each(Seen::Event(found)));
            }
        }
    }

    fn correlate_until(&mut self, end: i64, each: &mut Each<'_>) {
        let span = self.reached..end;
        self.reached = end;
        match each {
            Some(each) => self.intake.count(&span, Some(&mut |found| each(Seen::Correlation(found)))),
            None => self.intake.count(&span, None),
        }
    }

    fn finish(mut self, each: &mut Each<'_>) -> (Looked, Taken) {
        self.correlate_until(i64::MAX, each);
        (self.looked, self.intake.taken())
    }
}

fn summary(rules: &RuleSet, settings: &RuleSettings, looked: Looked, taken: &Taken, problems: Vec<Problem>) -> Replay {
    let hits = |(position, rule): (usize, &crate::rules::Rule)| RuleHits {
        id: rule.id.clone(),
        title: rule.title.clone(),
        level: rule.level,
        file: rule.place.file.clone(),
        reported: rules.reports(position),
        hits: taken.hits[position],
    };
    let hidden = settings.whitelist.entries().iter().zip(&taken.hidden);
    Replay {
        events: looked.events,
        candidates: looked.candidates,
        matches: taken.hits.iter().sum(),
        rules: rules.rules().iter().enumerate().map(hits).collect(),
        hidden: hidden.map(|(entry, &matches)| Hidden { reason: entry.reason.clone(), matches }).collect(),
        without_group: taken.left_out.without_group,
        without_value: taken.left_out.without_value,
        beyond_limit: taken.left_out.beyond_limit,
        problems,
    }
}
