//! Sets of rules by number: equal sets have one number, and what two sets have in common is worked out once.

use hashbrown::HashMap;

use crate::event::Column;

/// The number of a set.
pub(super) type SetId = u32;

/// The number of the set without rules.
pub(super) const NOTHING: SetId = 0;
/// The number of the set of all rules.
const EVERYTHING: SetId = 1;
const NOT_YET: SetId = SetId::MAX;

/// The most sets, and values, that are remembered.
const MOST_SETS: usize = 4_096;
const MOST_VALUES: usize = 1 << 17;

/// Sets of the rules from 0 up to some number.
#[derive(Debug)]
pub(super) struct RuleSets {
    rules: usize,
    /// The sets as bits in words.
    sets: Vec<Box<[u64]>>,
    numbers: HashMap<Box<[u64]>, SetId>,
    /// What two sets have in common, by the number of the one and of the other.
    common: Vec<Vec<SetId>>,
    /// What a column's value leaves, for all files alike.
    values: HashMap<(Column, Option<Box<str>>), SetId>,
}

impl RuleSets {
    pub(super) fn new(rules: usize) -> Self {
        let mut sets =
            Self { rules, sets: Vec::new(), numbers: HashMap::new(), common: Vec::new(), values: HashMap::new() };
        sets.forget();
        sets
    }

    /// Whether it would be wise to forget.
    pub(super) fn is_full(&self) -> bool {
        self.sets.len() > MOST_SETS || self.values.len() > MOST_VALUES
    }

    /// Forgets every set but that of no rules and that of all; their numbers must not be used any more.
    pub(super) fn forget(&mut self) {
        self.sets.clear();
        self.numbers.clear();
        self.common.clear();
        self.values.clear();
        self.number(vec![0; self.rules.div_ceil(64)].into_boxed_slice());
        let everything = self.all();
        self.number(everything);
    }

    /// The set of all rules.
    pub(super) fn every(&self) -> SetId {
        if self.rules == 0 { NOTHING } else { EVERYTHING }
    }

    /// The set of all rules but some.
    pub(super) fn without(&mut self, rules: impl Iterator<Item = usize>) -> SetId {
        let mut set = self.all();
        for rule in rules {
            set[rule / 64] &= !(1 << (rule % 64));
        }
        self.number(set)
    }

    /// What a column's value leaves, worked out by `left` if it is not known.
    pub(super) fn of_value(
        &mut self,
        column: Column,
        value: Option<&str>,
        left: impl FnOnce(&mut Self) -> SetId,
    ) -> SetId {
        let key = (column, value.map(Box::from));
        if let Some(&known) = self.values.get(&key) {
            return known;
        }
        let set = left(self);
        self.values.insert(key, set);
        set
    }

    /// What two sets have in common.
    pub(super) fn both(&mut self, one: SetId, other: SetId) -> SetId {
        match self.common[one as usize].get(other as usize) {
            Some(&known) if known != NOT_YET => known,
            _ => self.work_out(one, other),
        }
    }

    #[cold]
    fn work_out(&mut self, one: SetId, other: SetId) -> SetId {
        let pairs = self.sets[one as usize].iter().zip(&self.sets[other as usize]);
        let common = self.number(pairs.map(|(left, right)| left & right).collect());
        let row = &mut self.common[one as usize];
        if row.len() <= other as usize {
            row.resize(other as usize + 1, NOT_YET);
        }
        row[other as usize] = common;
        common
    }

    /// The rules of a set, ascending.
    pub(super) fn rules(&self, set: SetId) -> impl Iterator<Item = usize> {
        let words = self.sets[set as usize].iter().enumerate();
        words.flat_map(|(word, &bits)| Bits(bits).map(move |bit| word * 64 + bit))
    }

    fn all(&self) -> Box<[u64]> {
        let bits = |word: usize| match self.rules - word * 64 {
            rest @ 1..64 => (1 << rest) - 1,
            _ => u64::MAX,
        };
        (0..self.rules.div_ceil(64)).map(bits).collect()
    }

    fn number(&mut self, set: Box<[u64]>) -> SetId {
        if let Some(&known) = self.numbers.get(&set) {
            return known;
        }
        let number = self.sets.len() as SetId;
        self.sets.push(set.clone());
        self.common.push(Vec::new());
        self.numbers.insert(set, number);
        number
    }
}

/// The numbers of the bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_what_is_left() {
        for rules in [1, 63, 64, 65, 200] {
            let mut sets = RuleSets::new(rules);
            let every = sets.every();
            assert_eq!(sets.rules(every).collect::<Vec<_>>(), (0..rules).collect::<Vec<_>>());
            let even = sets.without((0..rules).filter(|rule| rule % 2 == 1));
            let third = sets.without((0..rules).filter(|rule| rule % 3 != 0));
            let both = sets.both(even, third);
            assert_eq!(sets.rules(both).collect::<Vec<_>>(), (0..rules).step_by(6).collect::<Vec<_>>());
            assert_eq!(sets.both(even, third), both);
            let none = sets.without(0..rules);
            assert_eq!((none, sets.both(even, none), sets.both(every, even)), (NOTHING, NOTHING, even));
        }
    }

    #[test]
    fn no_rules_are_nothing() {
        let sets = RuleSets::new(0);
        assert_eq!(sets.every(), NOTHING);
    }
}
