//! Numbers for combinations: the inner loop's way from the keys of several columns to the number of an entity.
//!
//! A combination that has been met before in a row group costs an array access. One that is new there is looked up by its
//! texts as they are written, and only texts that no row group before had together are taken apart for what they mean.

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::partition::TextColumn;
use crate::rollup::NONE;
use crate::rollup::memory::Memory;

/// A table is an array while it has no more cells than this; beyond, it is a hash map.
const DENSE_CELLS: usize = 1 << 22;

/// Combinations are of no more columns than this.
const MOST_COLUMNS: usize = 6;

/// The key of each column; 0 where a column is constant.
type Keys = [i32; MOST_COLUMNS];

/// Not yet asked for.
const UNSEEN: u32 = u32::MAX - 1;

/// Gives each pair of small numbers a small number, in order of appearance.
#[derive(Debug)]
pub(crate) struct PairNumbers {
    width: usize,
    dense: Vec<u32>,
    /// The last pair met for each left number: pairs that follow one another tend to repeat.
    recent: Vec<(u32, u32)>,
    sparse: HashMap<u64, u32, RandomState>,
    pairs: Vec<(u32, u32)>,
}

impl PairNumbers {
    /// For right numbers below `width`, or of no known bound when it is 0.
    pub(crate) fn new(width: usize) -> Self {
        Self { width, dense: Vec::new(), recent: Vec::new(), sparse: HashMap::default(), pairs: Vec::new() }
    }

    /// The number of a pair, new or known.
    #[inline]
    pub(crate) fn number(&mut self, left: u32, right: u32) -> u32 {
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
    pub(crate) fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }
}

/// What a combination of texts stands for, and by which number it goes.
pub(super) trait Meaning {
    /// The lasting number of what the texts say, or [`NONE`] when they say nothing; asked once in a while.
    fn lasting(&mut self, texts: &[Option<&str>]) -> u32;

    /// The day's number of a lasting number; asked once a row group.
    fn of_day(&mut self, lasting: u32) -> u32;
}

/// The numbers of what several columns say together.
#[derive(Debug, Default)]
pub(super) struct Combination {
    columns: Vec<TextColumn>,
    steps: Vec<PairNumbers>,
    /// By cell, which is what the keys of the columns that vary come to.
    numbers: Vec<u32>,
    /// By key of the only column that varies, the lasting number where one was learnt before.
    recalled: Vec<u32>,
    memory: Memory,
    /// The columns that vary.
    varying: Vec<usize>,
    /// What the memory is asked for: what the columns that vary say.
    asked: Vec<u8>,
}

impl Combination {
    /// Writes for each row the number of its combination.
    pub(super) fn number_rows(
        &mut self,
        columns: &[&TextColumn],
        rows: usize,
        numbers: &mut Vec<u32>,
        meaning: &mut impl Meaning,
    ) {
        self.renew(columns);
        let keys = |index: usize| &columns[index].keys().unwrap_or_default()[..rows];
        numbers.clear();
        match self.varying[..] {
            [] => numbers.resize(rows, self.number_of(Keys::default(), meaning)),
            [only] => self.number_singles((only, keys(only)), numbers, meaning),
            [left, right] if columns[left].key_count() * columns[right].key_count() <= DENSE_CELLS => {
                self.number_by_table((left, keys(left)), (right, keys(right)), numbers, meaning);
            }
            _ => self.number_by_pairs(columns, numbers, meaning),
        }
    }

    fn number_singles(&mut self, column: (usize, &[i32]), numbers: &mut Vec<u32>, meaning: &mut impl Meaning) {
        if self.numbers.is_empty() {
            self.recall_all(column.0);
        }
        numbers.extend(column.1.iter().map(|&key| {
            let known = self.numbers[key as usize];
            if known == UNSEEN { self.number_single(column.0, key, meaning) } else { known }
        }));
    }

    /// Recalls what is known of every key of the only column that varies.
    fn recall_all(&mut self, column: usize) {
        let count = self.columns[column].key_count();
        self.numbers.resize(count, UNSEEN);
        let texts = (0..count as i32).map(|key| bytes_of(self.columns[column].as_written(key)));
        self.memory.recall_all(texts, UNSEEN, &mut self.recalled);
    }

    #[inline(never)]
    fn number_single(&mut self, column: usize, key: i32, meaning: &mut impl Meaning) -> u32 {
        let number = match self.recalled[key as usize] {
            UNSEEN => self.number_of(keys([(column, key)]), meaning),
            recalled => of_day(recalled, meaning),
        };
        self.numbers[key as usize] = number;
        number
    }

    fn number_by_table(
        &mut self,
        left: (usize, &[i32]),
        right: (usize, &[i32]),
        numbers: &mut Vec<u32>,
        meaning: &mut impl Meaning,
    ) {
        let width = self.columns[right.0].key_count();
        self.numbers.resize(self.columns[left.0].key_count() * width, UNSEEN);
        numbers.extend(left.1.iter().zip(right.1).map(|(&one, &other)| {
            let cell = one as usize * width + other as usize;
            self.look_up(cell, || keys([(left.0, one), (right.0, other)]), meaning)
        }));
    }

    fn number_by_pairs(&mut self, columns: &[&TextColumn], numbers: &mut Vec<u32>, meaning: &mut impl Meaning) {
        let keys = |index: usize| columns[index].keys().unwrap_or_default().iter().map(|&key| key as u32);
        let (mut steps, varying) = (std::mem::take(&mut self.steps), self.varying.clone());
        numbers.extend(keys(varying[0]));
        for (step, &index) in varying[1..].iter().enumerate() {
            if steps.len() <= step {
                steps.push(PairNumbers::new(columns[index].key_count()));
            }
            numbers.iter_mut().zip(keys(index)).for_each(|(number, key)| *number = steps[step].number(*number, key));
        }
        self.numbers.resize(steps[varying.len() - 2].pairs().len(), UNSEEN);
        for number in numbers {
            let pair = *number;
            *number = self.look_up(pair as usize, || unpaired(&steps, &varying, pair), meaning);
        }
        self.steps = steps;
    }

    #[inline]
    fn look_up(&mut self, cell: usize, keys: impl FnOnce() -> Keys, meaning: &mut impl Meaning) -> u32 {
        let known = self.numbers[cell];
        if known != UNSEEN {
            return known;
        }
        let number = self.number_of(keys(), meaning);
        self.numbers[cell] = number;
        number
    }

    /// The number of the combination of these keys.
    #[inline(never)]
    fn number_of(&mut self, keys: Keys, meaning: &mut impl Meaning) -> u32 {
        self.ask(keys);
        let lasting = self.memory.recall(&self.asked).unwrap_or_else(|| {
            let mut texts = [None; MOST_COLUMNS];
            let columns = self.columns.iter().zip(keys);
            texts.iter_mut().zip(columns).for_each(|(text, (column, key))| *text = column.value(key));
            let number = meaning.lasting(&texts[..self.columns.len()]);
            self.memory.learn(&self.asked, number);
            number
        });
        of_day(lasting, meaning)
    }

    /// Writes down what the columns that vary say.
    fn ask(&mut self, keys: Keys) {
        let Self { columns, varying, asked, .. } = self;
        asked.clear();
        let vary = |index: usize| columns[index].keys().is_some();
        for (index, (column, key)) in columns.iter().zip(keys).enumerate().filter(|(index, _)| vary(*index)) {
            let text = bytes_of(column.as_written(key));
            // Lengths go first, so that no two combinations are written alike; the last one needs none.
            if varying.last() != Some(&index) {
                asked.extend((text.len() as u32).to_le_bytes());
            }
            asked.extend(text);
        }
    }

    /// Forgets the day's numbers.
    pub(super) fn begin_day(&mut self) {
        *self = Self { memory: std::mem::take(&mut self.memory), ..Self::default() };
    }

    /// Forgets the numbers of keys when any dictionary changed.
    fn renew(&mut self, columns: &[&TextColumn]) {
        let same = self.columns.len() == columns.len()
            && self
                .columns
                .iter()
                .zip(columns)
                .all(|(old, new)| old.same_dictionary(new) && old.keys().is_some() == new.keys().is_some());
        if !same {
            self.columns = columns.iter().map(|&column| column.without_rows()).collect();
            self.varying = (0..columns.len()).filter(|&index| columns[index].keys().is_some()).collect();
            self.steps.clear();
            self.numbers.clear();
            self.memory.set_context(&context(columns));
        }
    }
}

/// What the constant columns say, and which they are.
fn context(columns: &[&TextColumn]) -> Vec<u8> {
    let mut written = Vec::new();
    for column in columns {
        let text = column.keys().is_none().then(|| bytes_of(column.as_written(0)));
        written.extend(text.map_or(u32::MAX, |text| text.len() as u32).to_le_bytes());
        written.extend(text.unwrap_or_default());
    }
    written
}

/// The bytes of a text; those of a missing one are no text's.
fn bytes_of(text: Option<&str>) -> &[u8] {
    text.map_or(&[0xff], str::as_bytes)
}

fn of_day(lasting: u32, meaning: &mut impl Meaning) -> u32 {
    if lasting == NONE { NONE } else { meaning.of_day(lasting) }
}

fn keys<const COUNT: usize>(varying: [(usize, i32); COUNT]) -> Keys {
    let mut keys = Keys::default();
    for (column, key) in varying {
        keys[column] = key;
    }
    keys
}

/// The keys that were paired up to a number.
fn unpaired(steps: &[PairNumbers], varying: &[usize], mut number: u32) -> Keys {
    let mut keys = Keys::default();
    for (step, &column) in steps.iter().zip(&varying[1..]).rev() {
        let (left, right) = step.pairs()[number as usize];
        keys[column] = right as i32;
        number = left;
    }
    keys[varying[0]] = number as i32;
    keys
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

    /// Gives each new combination the next number; the day's number is another.
    #[derive(Default)]
    struct Seen(Vec<Vec<Option<String>>>);

    const SHIFT: u32 = 100;

    impl Meaning for Seen {
        fn lasting(&mut self, texts: &[Option<&str>]) -> u32 {
            self.0.push(texts.iter().map(|text| text.map(str::to_owned)).collect());
            self.0.len() as u32 - 1
        }

        fn of_day(&mut self, lasting: u32) -> u32 {
            lasting + SHIFT
        }
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
            for (first, last) in [(0, 1), (1, 3), (2, 3), (0, 2), (1, 4)] {
                let columns = &columns.each_ref()[first..last];
                let mut seen = Seen::default();
                let mut numbers = Vec::new();
                let mut combination = Combination::default();
                for day in 0..3 {
                    if day == 2 {
                        combination.begin_day();
                    }
                    combination.number_rows(columns, rows.len(), &mut numbers, &mut seen);
                    for (row, &number) in numbers.iter().enumerate() {
                        let texts: Vec<_> = columns.iter().map(|column| column.row(row).map(str::to_owned)).collect();
                        prop_assert_eq!(&seen.0[number as usize - SHIFT as usize], &texts);
                    }
                }
                let mut distinct = seen.0.clone();
                distinct.sort();
                distinct.dedup();
                prop_assert_eq!(distinct.len(), seen.0.len());
            }
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
