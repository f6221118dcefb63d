//! A column of a row group as keys into its one dictionary, of which only stretches are decoded.
//!
//! For whoever looks for a few texts: the dictionary tells which keys mean them, and so where it is worth looking. What was decoded
//! is kept to be taken from; pages in which nobody looks and of which nothing is taken stay as they are.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::event::Column;
use crate::partition::chunks::Chunks;
use crate::partition::columns::Leaf;
use crate::partition::pages::KeyColumn;
use crate::partition::read::chunks;
use crate::partition::sources::{Source, sources};
use crate::partition::{EventFile, TextColumn};

/// A column whose rows hold keys into one dictionary, or all the same text.
#[allow(missing_debug_implementations)]
pub struct CodedColumn<'file> {
    file: &'file EventFile,
    dictionary: TextColumn,
    coded: Option<Coded>,
}

/// A column that does not hold the same text throughout.
struct Coded {
    group: usize,
    rows: usize,
    leaf: Leaf,
    chunks: Arc<Chunks>,
    column: KeyColumn,
    /// The row that the column comes to next.
    next: usize,
    decoded: Vec<Stretch>,
    picked: Picked,
}

/// Rows that follow one another and their keys.
struct Stretch {
    first: usize,
    keys: Vec<i32>,
}

impl Stretch {
    fn end(&self) -> usize {
        self.first + self.keys.len()
    }
}

/// Rows of which keys were picked that are remembered; nobody asks again for more at once.
const MOST_PICKED: usize = 1 << 15;

/// Rows that were picked, ascending, and their keys.
#[derive(Default)]
struct Picked(Vec<(u32, i32)>);

impl Picked {
    /// The keys of ascending rows; `pick` finds those that are not known.
    fn keys(&mut self, rows: &[u32], pick: impl FnOnce(&[u32]) -> Result<Vec<i32>>) -> Result<Vec<i32>> {
        if rows.len() > MOST_PICKED {
            return pick(rows);
        }
        let mut known = self.0.iter().map(|(row, _)| row).peekable();
        let is_new = |row: &&u32| {
            while known.next_if(|known| known < row).is_some() {}
            known.next_if_eq(row).is_none()
        };
        let new: Vec<u32> = rows.iter().filter(is_new).copied().collect();
        if !new.is_empty() {
            let keys = pick(&new)?;
            self.0.extend(new.into_iter().zip(keys));
            self.0.sort_by_key(|(row, _)| *row);
        }
        let mut wanted = rows.iter().peekable();
        Ok(self.0.iter().filter(|(row, _)| wanted.next_if_eq(&row).is_some()).map(|(_, key)| *key).collect())
    }
}

impl<'file> CodedColumn<'file> {
    /// Opens the first of some columns that has a text; `None` where the rows are not keys into one dictionary.
    pub fn open(file: &'file EventFile, group: usize, alternatives: &[Column]) -> Result<Option<Self>> {
        match &sources(file, group, alternatives, None)?[..] {
            [] => Ok(Some(Self { file, dictionary: TextColumn::constant(None), coded: None })),
            [Source::Constant(text)] => Ok(Some(Self { file, dictionary: text.clone(), coded: None })),
            [Source::Leaf(leaf)] => Error::if_damaged(&file.path, || Self::open_leaf(file, group, leaf)),
            _ => Ok(None),
        }
    }

    fn open_leaf(file: &'file EventFile, group: usize, leaf: &Leaf) -> Result<Option<Self>> {
        let chunks = Arc::new(chunks(file, group, &[leaf])?);
        let Some(column) = KeyColumn::open(file, group, leaf, &chunks) else { return Ok(None) };
        let mut column = column.map_err(Error::parquet(&file.path))?;
        let texts = column.dictionary().map_err(Error::parquet(&file.path))?;
        let rows = file.row_groups[group].rows as usize;
        let coded = Coded {
            group,
            rows,
            leaf: leaf.clone(),
            chunks,
            column,
            next: 0,
            decoded: Vec::new(),
            picked: Picked::default(),
        };
        Ok(Some(Self { file, dictionary: TextColumn::of_keys(texts, Vec::new().into()), coded: Some(coded) }))
    }

    /// The dictionary, with no rows.
    pub fn dictionary(&self) -> &TextColumn {
        &self.dictionary
    }

    /// The keys of some rows, none of which lies before those that were decoded last; `None` where all are 0.
    pub fn decode(&mut self, rows: Range<usize>) -> Result<Option<&[i32]>> {
        let path = &self.file.path;
        let Some(coded) = &mut self.coded else { return Ok(None) };
        Error::if_damaged(path, || coded.decode(rows).map_err(Error::parquet(path))).map(Some)
    }

    /// The rows of these ascending numbers, with a dictionary of hardly any others.
    pub fn take(&mut self, rows: &[u32]) -> Result<TextColumn> {
        let Some(coded) = &mut self.coded else { return Ok(self.dictionary.clone()) };
        let keys = Error::if_damaged(&self.file.path, || coded.keys_of(self.file, rows))?;
        self.texts_of(keys)
    }

    /// Looks up the keys of the rows of these ascending numbers, of which several askers will take some: pages are unpacked once for all.
    pub fn look_up(&mut self, rows: &[u32]) -> Result<()> {
        match &mut self.coded {
            Some(coded) if rows.len() <= MOST_PICKED => {
                Error::if_damaged(&self.file.path, || coded.keys_of(self.file, rows)).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// The keys of the rows of these ascending numbers, if all of them were decoded and none takes more than two bytes.
    pub fn short_keys(&self, rows: &[u32]) -> Option<Vec<u16>> {
        let coded = self.coded.as_ref().filter(|_| self.dictionary.key_count() <= usize::from(u16::MAX) + 1)?;
        let mut keys = Vec::with_capacity(rows.len());
        let mut rest = rows;
        for stretch in &coded.decoded {
            let (own, later) = rest.split_at(rest.partition_point(|&row| (row as usize) < stretch.end()));
            if own.first().is_some_and(|&first| (first as usize) < stretch.first) {
                return None;
            }
            keys.extend(own.iter().map(|&row| stretch.keys[row as usize - stretch.first] as u16));
            rest = later;
        }
        rest.is_empty().then_some(keys)
    }

    /// What keys stand for, with a dictionary of hardly any other texts.
    pub fn texts_of(&mut self, keys: Vec<i32>) -> Result<TextColumn> {
        let Some(coded) = &mut self.coded else { return Ok(self.dictionary.clone()) };
        Error::if_damaged(&self.file.path, || coded.column.texts_of(keys).map_err(Error::parquet(&self.file.path)))
    }
}

impl Coded {
    fn decode(&mut self, rows: Range<usize>) -> parquet::errors::Result<&[i32]> {
        self.column.skip(rows.start.saturating_sub(self.next))?;
        if self.decoded.last().is_none_or(|last| last.end() != rows.start) {
            // More may follow; what is set aside for it costs nothing until then.
            let keys = Vec::with_capacity(self.rows.saturating_sub(rows.start));
            self.decoded.push(Stretch { first: rows.start, keys });
        }
        let place = self.decoded.len() - 1;
        let keys = &mut self.decoded[place].keys;
        let known = keys.len();
        keys.resize(known + rows.len(), 0);
        self.column.read_into(&mut keys[known..])?;
        self.next = rows.end;
        Ok(&self.decoded[place].keys[known..])
    }

    /// The keys of rows: what was decoded is known, the others are read.
    fn keys_of(&mut self, file: &EventFile, rows: &[u32]) -> Result<Vec<i32>> {
        let mut keys = vec![0; rows.len()];
        let (mut missing, mut places) = (Vec::new(), Vec::new());
        let mut done = 0;
        let upto = |row: usize| rows.partition_point(|&other| (other as usize) < row);
        for stretch in &self.decoded {
            let own = upto(stretch.first)..upto(stretch.end());
            missing.extend(&rows[done..own.start]);
            places.extend(done..own.start);
            let known = keys[own.clone()].iter_mut().zip(&rows[own.clone()]);
            known.for_each(|(key, &row)| *key = stretch.keys[row as usize - stretch.first]);
            done = own.end;
        }
        missing.extend(&rows[done..]);
        places.extend(done..rows.len());
        if !missing.is_empty() {
            let mut picked = std::mem::take(&mut self.picked);
            let keys_of_missing = picked.keys(&missing, |rows| self.pick(file, rows))?;
            self.picked = picked;
            places.into_iter().zip(keys_of_missing).for_each(|(place, key)| keys[place] = key);
        }
        Ok(keys)
    }

    fn pick(&self, file: &EventFile, rows: &[u32]) -> Result<Vec<i32>> {
        let again = KeyColumn::open(file, self.group, &self.leaf, &self.chunks);
        again.map_or_else(|| Ok(Vec::new()), |column| column?.pick(rows)).map_err(Error::parquet(&file.path))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_picked_is_known_and_picked_once(
            asked in prop::collection::vec(prop::collection::btree_set(0_u32..60, 0..30), 1..6),
        ) {
            let key = |row: u32| (row * 7) as i32;
            let (mut picked, mut seen): (_, Vec<u32>) = (Picked::default(), Vec::new());
            for rows in asked {
                let rows: Vec<u32> = rows.into_iter().collect();
                let keys = picked.keys(&rows, |new| {
                    seen.extend(new);
                    Ok(new.iter().map(|&row| key(row)).collect())
                });
                prop_assert_eq!(keys.unwrap(), rows.iter().map(|&row| key(row)).collect::<Vec<_>>());
            }
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), count);
        }
    }
}
