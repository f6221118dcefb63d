//! Numbers for combinations: the inner loop's way from the keys of several columns to the number of an entity.
//!
//! A combination that has been met before costs an array access; only a new one is looked at as texts. What is remembered
//! holds as long as the columns keep their dictionaries, that is, within a row group.

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::partition::TextColumn;
use crate::rollup::NONE;

/// A table is an array while it has no more cells than this; beyond, it is a hash map.
const DENSE_CELLS: usize = 1 << 22;

/// Not yet asked for.
const UNSEEN: u32 = u32::MAX - 1;

/// Gives each pair of small numbers a small number, in order of appearance.
#[derive(Debug)]
pub(super) struct PairNumbers {
    width: usize,
    dense: Vec<u32>,
    /// The last pair met for each left number: pairs that follow one another tend to repeat.
    recent: Vec<(u32, u32)>,
    sparse: HashMap<u64, u32, RandomState>,
    pairs: Vec<(u32, u32)>,
}

impl PairNumbers {
    /// For right numbers below `width`, or of no known bound when it is 0.
    pub(super) fn new(width: usize) -> Self {
        Self { width, dense: Vec::new(), recent: Vec::new(), sparse: HashMap::default(), pairs: Vec::new() }
    }

    /// The number of a pair, new or known.
    #[inline]
    pub(super) fn number(&mut self, left: u32, right: u32) -> u32 {
        let cell = left as usize * self.width + right as usize;
        if (right as usize) < self.width && cell < self.dense.len() {
            let known = self.dense[cell];
            if known != UNSEEN {
                return known;
            }
        } else if let Some(&(recent_right, number)) = self.recent.get(left as usize)
            && recent_right == right
        {
            return number;
        }
        self.slow_number(left, right)
    }

    fn slow_number(&mut self, left: u32, right: u32) -> u32 {
        let end = (left as usize + 1).saturating_mul(self.width);
        if (right as usize) < self.width && end <= DENSE_CELLS {
            if self.dense.len() < end {
                self.dense.resize(end, UNSEEN);
            }
            let cell = left as usize * self.width + right as usize;
            if self.dense[cell] == UNSEEN {
                self.dense[cell] = self.pairs.len() as u32;
                self.pairs.push((left, right));
            }
            return self.dense[cell];
        }
        let next = self.pairs.len() as u32;
        let number = *self.sparse.entry(u64::from(left) << 32 | u64::from(right)).or_insert(next);
        if number == next {
            self.pairs.push((left, right));
        }
        if self.recent.len() <= left as usize {
            self.recent.resize(left as usize + 1, (NONE, NONE));
        }
        self.recent[left as usize] = (right, number);
        number
    }

    /// The pairs by number.
    pub(super) fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }
}

/// The numbers of what several columns say together.
#[derive(Debug, Default)]
pub(super) struct Combination {
    columns: Vec<TextColumn>,
    steps: Vec<PairNumbers>,
    numbers: Vec<u32>,
}

impl Combination {
    /// Writes for each row the number of its combination; `resolve` is asked once for each new one, with its texts.
    pub(super) fn number_rows(
        &mut self,
        columns: &[&TextColumn],
        rows: usize,
        numbers: &mut Vec<u32>,
        mut resolve: impl FnMut(&[Option<&str>]) -> u32,
    ) {
        self.renew(columns);
        let varying: Vec<usize> = (0..columns.len()).filter(|&index| columns[index].keys().is_some()).collect();
        numbers.clear();
        let Some((&first, rest)) = varying.split_first() else {
            let texts: Vec<Option<&str>> = columns.iter().map(|column| column.value(0)).collect();
            numbers.resize(rows, resolve(&texts));
            return;
        };
        numbers.extend(columns[first].keys().unwrap_or_default()[..rows].iter().map(|&key| key as u32));
        for (step, &index) in rest.iter().enumerate() {
            if self.steps.len() <= step {
                self.steps.push(PairNumbers::new(columns[index].key_count()));
            }
            let table = &mut self.steps[step];
            for (number, &key) in numbers.iter_mut().zip(columns[index].keys().unwrap_or_default()) {
                *number = table.number(*number, key as u32);
            }
        }
        self.resolve_rows(numbers, &varying, &mut resolve);
    }

    fn resolve_rows(&mut self, rows: &mut [u32], varying: &[usize], resolve: &mut impl FnMut(&[Option<&str>]) -> u32) {
        let combinations = if varying.len() == 1 {
            self.columns[varying[0]].key_count()
        } else {
            self.steps[varying.len() - 2].pairs().len()
        };
        self.numbers.resize(combinations, UNSEEN);
        for row in rows {
            let combination = *row;
            let mut number = self.numbers[combination as usize];
            if number == UNSEEN {
                number = resolve(&self.texts(combination, varying));
                self.numbers[combination as usize] = number;
            }
            *row = number;
        }
    }

    fn texts(&self, combination: u32, varying: &[usize]) -> Vec<Option<&str>> {
        let mut texts: Vec<Option<&str>> = self.columns.iter().map(|column| column.value(0)).collect();
        let mut number = combination;
        for step in (1..varying.len()).rev() {
            let (left, right) = self.steps[step - 1].pairs()[number as usize];
            texts[varying[step]] = self.columns[varying[step]].value(right as i32);
            number = left;
        }
        texts[varying[0]] = self.columns[varying[0]].value(number as i32);
        texts
    }

    /// Forgets everything when any dictionary changed.
    fn renew(&mut self, columns: &[&TextColumn]) {
        let same = self.columns.len() == columns.len()
            && self
                .columns
                .iter()
                .zip(columns)
                .all(|(old, new)| old.same_dictionary(new) && old.keys().is_some() == new.keys().is_some());
        if !same {
            *self = Self { columns: columns.iter().map(|&column| column.without_rows()).collect(), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn column(texts: &[Option<String>]) -> TextColumn {
        TextColumn::from_array(&(Arc::new(StringArray::from(texts.to_vec())) as ArrayRef)).unwrap()
    }

    proptest! {
        #[test]
        fn rows_get_the_same_number_exactly_when_they_say_the_same(
            rows in prop::collection::vec((0_u8..5, 0_u8..4, prop::option::of(0_u8..3)), 1..200)
        ) {
            let columns = [
                column(&rows.iter().map(|row| Some(format!("a{}", row.0))).collect::<Vec<_>>()),
                column(&rows.iter().map(|row| Some(format!("b{}", row.1))).collect::<Vec<_>>()),
                TextColumn::constant(Some("c")),
                column(&rows.iter().map(|row| row.2.map(|value| format!("d{value}"))).collect::<Vec<_>>()),
            ];
            let mut seen: Vec<Vec<Option<String>>> = Vec::new();
            let mut numbers = Vec::new();
            let mut combination = Combination::default();
            for _ in 0..2 {
                combination.number_rows(&columns.each_ref(), rows.len(), &mut numbers, |texts| {
                    seen.push(texts.iter().map(|text| text.map(str::to_owned)).collect());
                    seen.len() as u32 - 1
                });
                for (row, &number) in numbers.iter().enumerate() {
                    let texts: Vec<_> = columns.iter().map(|column| column.row(row).map(str::to_owned)).collect();
                    prop_assert_eq!(&seen[number as usize], &texts);
                }
            }
            let mut distinct = seen.clone();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), seen.len());
        }

        #[test]
        fn pair_numbers_do_not_depend_on_how_they_are_kept(pairs in prop::collection::vec((0_u32..50, 0_u32..50), 1..300)) {
            let (mut dense, mut sparse) = (PairNumbers::new(50), PairNumbers::new(0));
            for &(left, right) in &pairs {
                prop_assert_eq!(dense.number(left, right), sparse.number(left, right));
            }
            prop_assert_eq!(dense.pairs(), sparse.pairs());
        }
    }
}
