//! The texts of a column.
//!
//! Each distinct one once, with keys into them, until it is clear that hardly any comes again: then each as it is.
//! Which columns are tried at all is decided in [`rows`](super).

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Builder, StringBuilder};
use arrow::error::ArrowError;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// What a text costs beside its bytes.
const TEXT_BYTES: usize = 5;
/// Texts after which it is clear whether they come again.
const TRIED: usize = 1024;

/// Texts, one a row.
pub(super) enum Texts {
    /// Each as it is.
    Plain(StringBuilder),
    /// As keys into the distinct ones.
    Coded(Coded),
}

#[derive(Default)]
pub(super) struct Coded {
    keys: Int32Builder,
    distinct: StringBuilder,
    known: HashTable<i32>,
    hasher: RandomState,
    /// Texts that were looked up.
    tried: usize,
    /// The key of the text that came last, which often comes again.
    last: i32,
}

impl Texts {
    pub(super) fn new(coded: bool) -> Self {
        if coded { Self::Coded(Coded::default()) } else { Self::Plain(StringBuilder::new()) }
    }

    /// Adds a row; gives the bytes that it takes.
    pub(super) fn push(&mut self, text: Option<&str>) -> usize {
        match (self, text) {
            (Self::Plain(texts), Some(text)) => {
                texts.append_value(text);
                TEXT_BYTES + text.len()
            }
            (Self::Plain(texts), None) => {
                texts.append_null();
                1
            }
            (Self::Coded(texts), Some(text)) => texts.push(text),
            (Self::Coded(texts), None) => {
                texts.keys.append_null();
                1
            }
        }
    }

    /// Gives out the rows and begins anew.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Plain(texts) => Arc::new(texts.finish()),
            Self::Coded(texts) => {
                texts.known.clear();
                texts.tried = 0;
                let (keys, distinct) = (texts.keys.finish(), texts.distinct.finish());
                Arc::new(DictionaryArray::try_new(keys, Arc::new(distinct))?)
            }
        })
    }
}

impl Coded {
    fn push(&mut self, text: &str) -> usize {
        let known = self.key_of(text);
        self.last = known.unwrap_or_else(|| self.add(text));
        self.keys.append_value(self.last);
        if known.is_some() { TEXT_BYTES } else { 2 * TEXT_BYTES + text.len() }
    }

    fn key_of(&mut self, text: &str) -> Option<i32> {
        if self.known.is_empty() {
            return None;
        }
        if of(&self.distinct, self.last) == text.as_bytes() {
            return Some(self.last);
        }
        if self.is_vain() {
            return None;
        }
        self.tried += 1;
        let hash = self.hasher.hash_one(text.as_bytes());
        self.known.find(hash, |&key| of(&self.distinct, key) == text.as_bytes()).copied()
    }

    /// Whether most texts are new, so that it takes less time and room to write each down than to look for it.
    fn is_vain(&self) -> bool {
        self.tried >= TRIED && self.known.len() * 2 > self.tried
    }

    fn add(&mut self, text: &str) -> i32 {
        let is_vain = self.is_vain();
        let Self { distinct, known, hasher, .. } = self;
        let key = distinct.offsets_slice().len() as i32 - 1;
        distinct.append_value(text);
        if !is_vain {
            let hash = |key: i32| hasher.hash_one(of(distinct, key));
            known.insert_unique(hash(key), key, |&key| hash(key));
        }
        key
    }
}

/// The bytes of the text of a key.
fn of(distinct: &StringBuilder, key: i32) -> &[u8] {
    let ends = distinct.offsets_slice();
    &distinct.values_slice()[ends[key as usize] as usize..ends[key as usize + 1] as usize]
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Int32Type};

    use super::*;

    #[test]
    fn texts_of_which_most_are_new_are_not_looked_for() {
        let mut texts = Texts::new(true);
        let rows: Vec<String> = (0..3 * TRIED).chain(0..TRIED).map(|row| row.to_string()).collect();
        let bytes: usize = rows.iter().map(|row| texts.push(Some(row))).sum();
        assert_eq!(bytes, rows.iter().map(|row| 2 * TEXT_BYTES + row.len()).sum::<usize>());
        let array = texts.finish().unwrap();
        assert_eq!(array.as_dictionary::<Int32Type>().values().len(), rows.len());
        let plain = cast(&array, &DataType::Utf8).unwrap();
        assert!(plain.as_string::<i32>().iter().flatten().eq(rows.iter().map(String::as_str)));
    }

    #[test]
    fn a_text_that_comes_again_stands_once() {
        let mut texts = Texts::new(true);
        let rows = [Some("a"), None, Some("b"), Some("a"), Some(""), Some("b"), Some("b")];
        let bytes: usize = rows.map(|row| texts.push(row)).iter().sum();
        assert_eq!(bytes, 3 * 10 + 3 * 5 + 2 + 1);
        let array = texts.finish().unwrap();
        assert_eq!(array.as_dictionary::<Int32Type>().values().len(), 3);
        let plain = cast(&array, &DataType::Utf8).unwrap();
        assert_eq!(plain.as_string::<i32>().iter().collect::<Vec<_>>(), rows);
        texts.push(Some("b"));
        assert_eq!(texts.finish().unwrap().as_dictionary::<Int32Type>().keys().values(), &[0], "it begins anew");
    }
}
