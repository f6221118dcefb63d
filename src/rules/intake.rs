//! Where matches arrive, one after another: counted, hidden by whitelists, remembered for correlations, or handed on.
//!
//! Whitelists hide a match from reports, from correlations or from both, so each is asked once, here. What a rule looks
//! for was decided before, by [`evaluate`](crate::rules::evaluate).

use std::collections::BTreeSet;
use std::ops::Range;

use crate::rules::correlate::{CorrelationMatch, Correlator, InsightInput, LeftOut};
use crate::rules::matched::Match;
use crate::rules::set::RuleSet;
use crate::rules::whitelist::Whitelist;

/// What became of the matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Matches of each rule, by position, those that a whitelist hid left out.
    pub hits: Vec<u64>,
    /// Matches that each whitelist entry hid, from reports or from correlations.
    pub hidden: Vec<u64>,
    /// What could not be correlated.
    pub left_out: LeftOut,
}

/// Takes matches, and says which are to be reported.
#[derive(Debug)]
pub struct Intake<'s> {
    rules: &'s RuleSet,
    whitelist: &'s Whitelist,
    correlator: Correlator<'s>,
    taken: Taken,
}

impl<'s> Intake<'s> {
    /// An intake for a set's matches.
    pub fn new(rules: &'s RuleSet, whitelist: &'s Whitelist) -> Self {
        let (hits, hidden) = (vec![0; rules.rules().len()], vec![0; whitelist.entries().len()]);
        let taken = Taken { hits, hidden, left_out: LeftOut::default() };
        Self { rules, whitelist, correlator: Correlator::new(rules), taken }
    }

    /// Takes a match of the time that is reported; whether it is to be reported by itself.
    pub fn take(&mut self, found: &Match) -> bool {
        if let Some(entry) = self.whitelist.hides(&self.rules.rules()[found.rule], &found.event) {
            self.taken.hidden[entry] += 1;
            return false;
        }
        self.taken.hits[found.rule] += 1;
        for entry in self.remember(found) {
            self.taken.hidden[entry] += 1;
        }
        self.rules.reports(found.rule)
    }

    /// Takes a match of the time before, which only correlations look at.
    pub fn look_back(&mut self, found: &Match) {
        if self.whitelist.hides(&self.rules.rules()[found.rule], &found.event).is_none() {
            self.remember(found);
        }
    }

    /// Takes an insight.
    pub fn take_insight(&mut self, insight: &InsightInput) {
        self.correlator.push_insight(insight);
    }

    /// What the correlations found at moments in `span`, and what became of the matches.
    pub fn finish(self, span: Range<i64>) -> (Vec<CorrelationMatch>, Taken) {
        let (fired, left_out) = self.correlator.finish(span);
        let mut taken = self.taken;
        taken.left_out = left_out;
        for found in &fired {
            taken.hits[found.rule] += 1;
        }
        let reported = fired.into_iter().filter(|found| self.rules.reports(found.rule));
        (reported.collect(), taken)
    }

    /// Counts at which moments in `span` correlations fired, tells `each`, if there is one, of those that are to be
    /// reported, and forgets what no later moment needs: for going through many days in memory that grows with what a
    /// window holds. Spans must follow one another, each after all of its matches were taken.
    pub fn count(&mut self, span: &Range<i64>, each: Option<&mut dyn FnMut(&CorrelationMatch)>) {
        let rules = self.rules;
        let Some(each) = each else { return self.correlator.count(span, &mut self.taken.hits, None) };
        let mut reported = |found: &CorrelationMatch| {
            if rules.reports(found.rule) {
                each(found);
            }
        };
        self.correlator.count(span, &mut self.taken.hits, Some(&mut reported));
    }

    /// What became of the matches.
    pub fn taken(mut self) -> Taken {
        self.taken.left_out = self.correlator.left_out();
        self.taken
    }

    /// Remembers a match for the correlations that no whitelist entry keeps it from; the entries that do, each once.
    fn remember(&mut self, found: &Match) -> BTreeSet<usize> {
        let (rules, whitelist) = (self.rules, self.whitelist);
        let mut kept_from = BTreeSet::new();
        self.correlator.push(found, |correlation| {
            let entry = whitelist.hides(&rules.rules()[correlation], &found.event);
            kept_from.extend(entry);
            entry.is_none()
        });
        kept_from
    }
}
