//! What a first reading of a row group decoded anyway, kept for the second look: of the columns that name entities the keys of the rows of
//! all targets.
//!
//! Keys take two bytes each. The texts that they stand for are read again, for those of a row group take more room than the keys. A row's
//! place among the rows is counted in a set of bits.

use crate::error::Result;
use crate::insight::events::described::{DESCRIBING, DESCRIBING_INPUTS};
use crate::insight::events::reading::Group;
use crate::partition::{CodedColumn, EventBatch, read_texts};
use crate::rollup::keys::INPUTS;

/// Bits of a word.
const BITS: u32 = u64::BITS;

/// Keys of some rows of a row group.
#[derive(Debug, Default)]
pub(super) struct AtHand {
    rows: RowSet,
    /// Columns by their places in [`DESCRIBING`], and the keys of the rows.
    columns: Vec<(usize, Vec<u16>)>,
}

impl AtHand {
    /// What `keys` knows of ascending rows, column by column of [`INPUTS`].
    pub(super) fn of(rows: &[u32], keys: impl Fn(usize) -> Option<Vec<u16>>) -> Self {
        let known = DESCRIBING_INPUTS.enumerate().filter_map(|(column, place)| Some((column, keys(place)?)));
        Self { columns: known.collect(), rows: RowSet::of(rows) }
    }

    pub(super) fn bytes(&self) -> usize {
        let keys = self.columns.iter().map(|(_, keys)| size_of_val(&keys[..]));
        self.rows.bytes() + keys.sum::<usize>()
    }

    /// The columns, with the texts that keys stand for.
    pub(super) fn open<'a>(&'a self, group: Group<'a>) -> Result<Opened<'a>> {
        let mut columns = Vec::new();
        for (column, keys) in &self.columns {
            let place = DESCRIBING_INPUTS.start() + column;
            if let Some(opened) = CodedColumn::open(group.0, group.1, INPUTS[place])? {
                columns.push((*column, &keys[..], opened));
            }
        }
        Ok(Opened { group, rows: &self.rows, columns })
    }
}

/// Columns that are at hand, and the row group that all others are read from.
pub(super) struct Opened<'a> {
    group: Group<'a>,
    rows: &'a RowSet,
    columns: Vec<(usize, &'a [u16], CodedColumn<'a>)>,
}

impl Opened<'_> {
    /// What [`DESCRIBING`] names of ascending rows.
    pub(super) fn read(&mut self, rows: &[u32]) -> Result<EventBatch> {
        let mut others = DESCRIBING;
        self.columns.iter().for_each(|(column, ..)| others[*column] = &[]);
        let mut batch = read_texts(self.group.0, self.group.1, &others, rows)?;
        if !self.columns.is_empty() {
            let places: Vec<u32> = rows.iter().map(|&row| self.rows.place(row)).collect();
            for (column, keys, opened) in &mut self.columns {
                let own = places.iter().map(|&place| i32::from(keys[place as usize])).collect();
                batch.columns[*column] = opened.texts_of(own)?;
            }
        }
        Ok(batch)
    }
}

/// Some rows, each with its place among them.
#[derive(Debug, Default)]
struct RowSet {
    first: u32,
    /// By so many rows as a word has bits, which are in the set, and how many come before.
    words: Vec<(u64, u32)>,
}

impl RowSet {
    /// The set of ascending rows.
    fn of(rows: &[u32]) -> Self {
        let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else { return Self::default() };
        let mut words = vec![(0_u64, 0_u32); ((last - first) / BITS) as usize + 1];
        rows.iter().for_each(|row| words[((row - first) / BITS) as usize].0 |= 1 << ((row - first) % BITS));
        let mut before = 0;
        for (word, count) in &mut words {
            *count = before;
            before += word.count_ones();
        }
        Self { first, words }
    }

    /// The place of a row of the set.
    fn place(&self, row: u32) -> u32 {
        let (word, before) = self.words[((row - self.first) / BITS) as usize];
        before + (word & ((1 << ((row - self.first) % BITS)) - 1)).count_ones()
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.words[..])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_has_as_many_before_it_as_its_place_says(rows in prop::collection::btree_set(0_u32..1000, 0..200)) {
            let rows: Vec<u32> = BTreeSet::into_iter(rows).collect();
            let set = RowSet::of(&rows);
            for (place, &row) in rows.iter().enumerate() {
                prop_assert_eq!(set.place(row) as usize, place);
            }
        }
    }
}
