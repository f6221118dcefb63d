//! Candidates: rows, and for each the rules that might match it.

use hashbrown::HashMap;

use crate::rules::evaluate::rule_sets::{RuleSets, SetId};

/// Rows of a row group that are worth deciding exactly.
#[derive(Debug, Default)]
pub struct Candidates {
    rows: Vec<u32>,
    /// For each row the place of its rules in `lists`.
    list: Vec<u32>,
    lists: Vec<Vec<usize>>,
}

impl Candidates {
    /// Rows with their sets of rules.
    pub(super) fn new(open: &[(u32, SetId)], sets: &RuleSets) -> Self {
        let mut candidates = Self::default();
        let mut places: HashMap<SetId, u32> = HashMap::new();
        for &(row, set) in open {
            let place = *places.entry(set).or_insert_with(|| {
                candidates.lists.push(sets.rules(set).collect());
                candidates.lists.len() as u32 - 1
            });
            candidates.rows.push(row);
            candidates.list.push(place);
        }
        candidates
    }

    /// The rows' numbers, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The rules (by their place in the program) that might match the row at `index` of [`Self::rows`].
    pub fn rules(&self, index: usize) -> &[usize] {
        &self.lists[self.list[index] as usize]
    }

    /// The rules that might match any row.
    pub fn all_rules(&self) -> Vec<usize> {
        let mut all = self.lists.concat();
        all.sort_unstable();
        all.dedup();
        all
    }
}
