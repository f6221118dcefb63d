//! Sets of rules by number: equal sets have one number, and what two sets have in common is worked out once.

use hashbrown::HashMap;

/// The number of a set.
pub(super) type SetId = u32;

/// The number of the set without rules.
pub(super) const NOTHING: SetId = 0;
/// The number of the set of all rules.
const EVERYTHING: SetId = 1;
const NOT_YET: SetId = SetId::MAX;

/// With more sets it is time to forget.
const MANY_SETS: usize = 2_048;
/// The most sets. Where another would be needed, one with more rules stands in for it: the sieve may let too much through, never too little.
const MOST_SETS: usize = 4_096;

/// Sets of the rules from 0 up to some number.
#[derive(Debug)]
pub(super) struct RuleSets {
    rules: usize,
    /// The sets as bits in words.
    sets: Vec<Box<[u64]>>,
    numbers: HashMap<Box<[u64]>, SetId>,
    /// What two sets have in common, by the number of the one and of the other.
    common: Vec<Vec<SetId>>,
}

impl RuleSets {
    pub(super) fn new(rules: usize) -> Self {
        let mut sets = Self { rules, sets: Vec::new(), numbers: HashMap::new(), common: Vec::new() };
        sets.forget();
        sets
    }

    /// Whether it would be wise to forget.
    pub(super) fn is_full(&self) -> bool {
        self.sets.len() > MANY_SETS
    }

    /// Forgets every set but that of no rules and that of all; their numbers must not be used any more.
    pub(super) fn forget(&mut self) {
        self.sets.clear();
        self.numbers.clear();
        self.common.clear();
        let (nothing, everything) = (self.none(), self.all());
        self.number(nothing);
        self.number(everything);
    }

    /// The set of all rules but some.
    pub(super) fn without(&mut self, rules: impl Iterator<Item = usize>) -> SetId {
        let mut set = self.all();
        for rule in rules {
            set[rule / 64] &= !(1 << (rule % 64));
        }
        self.number(set).unwrap_or(EVERYTHING)
    }

    /// The set of some rules.
    pub(super) fn of(&mut self, rules: &[usize]) -> SetId {
        let mut set = self.none();
        for rule in rules {
            set[rule / 64] |= 1 << (rule % 64);
        }
        self.number(set).unwrap_or(EVERYTHING)
    }

    /// The rules that are in any of some sets.
    pub(super) fn any(&mut self, sets: &[SetId]) -> SetId {
        let mut union = self.none();
        for &set in sets {
            union.iter_mut().zip(&self.sets[set as usize]).for_each(|(all, bits)| *all |= bits);
        }
        self.number(union).unwrap_or(EVERYTHING)
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
        let common = pairs.map(|(left, right)| left & right).collect();
        let Some(common) = self.number(common) else { return one };
        let row = &mut self.common[one as usize];
        if row.len() <= other as usize {
            row.resize(other as usize + 1, NOT_YET);
        }
        row[other as usize] = common;
        common
    }

    /// Whether a rule is in a set.
    pub(super) fn has(&self, set: SetId, rule: usize) -> bool {
        self.sets[set as usize][rule / 64] & 1 << (rule % 64) != 0
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

    fn none(&self) -> Box<[u64]> {
        vec![0; self.rules.div_ceil(64)].into_boxed_slice()
    }

    /// The number of a set; `None` where there are too many.
    fn number(&mut self, set: Box<[u64]>) -> Option<SetId> {
        if let Some(&known) = self.numbers.get(&set) {
            return Some(known);
        }
        if self.sets.len() >= MOST_SETS {
            return None;
        }
        let number = self.sets.len() as SetId;
        self.sets.push(set.clone());
        self.common.push(Vec::new());
        self.numbers.insert(set, number);
        Some(number)
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
            let every = sets.without(std::iter::empty());
            assert_eq!(sets.rules(every).collect::<Vec<_>>(), (0..rules).collect::<Vec<_>>());
            let even = sets.without((0..rules).filter(|rule| rule % 2 == 1));
            let third = sets.without((0..rules).filter(|rule| rule % 3 != 0));
            let both = sets.both(even, third);
            assert_eq!(sets.rules(both).collect::<Vec<_>>(), (0..rules).step_by(6).collect::<Vec<_>>());
            assert_eq!(sets.both(even, third), both);
            assert_eq!(sets.of(&(0..rules).step_by(6).collect::<Vec<_>>()), both);
            assert_eq!((sets.any(&[]), sets.any(&[both, even])), (NOTHING, even));
            let none = sets.without(0..rules);
            assert_eq!((none, sets.both(even, none), sets.both(every, even)), (NOTHING, NOTHING, even));
        }
    }

    #[test]
    fn too_many_sets_are_stood_in_for_by_larger_ones() {
        let mut sets = RuleSets::new(64);
        let bits = |number: usize| (0..64).filter(move |bit| number >> bit & 1 == 1);
        for number in 0..2 * MOST_SETS {
            let rules: Vec<usize> = bits(number).collect();
            let set = sets.of(&rules);
            assert!(rules.iter().all(|&rule| sets.has(set, rule)));
            let common = sets.both(set, set);
            assert!(rules.iter().all(|&rule| sets.has(common, rule)));
        }
        assert!(sets.is_full() && sets.sets.len() == MOST_SETS);
        sets.forget();
        assert!(!sets.is_full());
    }

    #[test]
    fn no_rules_are_nothing() {
        assert_eq!(RuleSets::new(0).without(std::iter::empty()), NOTHING);
    }
}
