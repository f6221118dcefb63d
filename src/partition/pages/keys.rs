//! A column of texts whose pages all hold keys into one dictionary.

use arrow::array::StringArray;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::PageReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use crate::partition::TextColumn;
use crate::partition::columns::Leaf;
use crate::partition::footer::is_all_dictionary;
use crate::partition::pages::runs::Runs;
use crate::partition::pages::{Column, Decoder, damaged};

/// A dictionary of which each text could stand in so many rows is taken as it is: nearly all of them do stand in one.
const WORTH_IT: usize = 8;

impl Column<Keys> {
    /// The texts of the next rows.
    pub(in crate::partition) fn read_texts(&mut self, rows: usize) -> Result<TextColumn> {
        let keys = self.read(rows)?;
        Ok(TextColumn::of_keys(self.decoder.texts()?, keys.into()))
    }

    /// The dictionary, before any row is read.
    pub(in crate::partition) fn dictionary(&mut self) -> Result<StringArray> {
        while self.decoder.dictionary.page.is_empty() && self.pages.peek_next_page()?.is_some_and(|page| page.is_dict) {
            self.turn_page()?;
        }
        self.decoder.texts()
    }

    /// The texts of keys, with a dictionary of hardly any others.
    pub(in crate::partition) fn texts_of(&mut self, keys: Vec<i32>) -> Result<TextColumn> {
        if self.decoder.dictionary.count * WORTH_IT < keys.len() {
            return Ok(TextColumn::of_keys(self.decoder.texts()?, keys.into()));
        }
        self.decoder.dictionary.compact(keys)
    }

    /// The texts of the rows of these ascending numbers, with a dictionary of hardly any others; see [`Column::pick`].
    pub(in crate::partition) fn pick_texts(&mut self, rows: &[u32]) -> Result<TextColumn> {
        let keys = self.pick(rows)?;
        self.texts_of(keys)
    }
}

/// Decodes keys.
pub(in crate::partition) struct Keys {
    dictionary: Dictionary,
    /// All texts of the dictionary, once they were asked for.
    texts: Option<StringArray>,
    runs: Option<Runs>,
}

impl Keys {
    fn new(are_texts: bool) -> Self {
        Self { dictionary: Dictionary { page: Bytes::new(), count: 0, are_texts }, texts: None, runs: None }
    }

    fn check(&self, keys: &[i32]) -> Result<()> {
        let count = self.dictionary.count as u32;
        // Every key is looked at, for that takes less time than to stop at the first bad one.
        let beyond = keys.iter().filter(|&&key| key as u32 >= count).count();
        if beyond == 0 { Ok(()) } else { Err(no_such_key()) }
    }

    fn texts(&mut self) -> Result<StringArray> {
        match &self.texts {
            Some(texts) => Ok(texts.clone()),
            None => Ok(self.texts.insert(self.dictionary.texts(|_| true)?).clone()),
        }
    }
}

impl Decoder for Keys {
    type Value = i32;

    fn of(leaf: &Leaf, chunk: &ColumnChunkMetaData) -> Option<Self> {
        let texts = matches!(leaf.data_type, DataType::Utf8 | DataType::Binary);
        let readable = chunk.column_type() == Type::BYTE_ARRAY && texts && is_all_dictionary(chunk);
        readable.then(|| Self::new(leaf.data_type == DataType::Utf8))
    }

    fn set_dictionary(&mut self, bytes: &Bytes, count: usize) -> Result<()> {
        if self.dictionary.count > 0 {
            return Err(damaged("a column has a second dictionary"));
        }
        // Each text takes four bytes at least.
        if bytes.len() / 4 < count {
            return Err(short_dictionary());
        }
        (self.dictionary.page, self.dictionary.count) = (bytes.clone(), count);
        Ok(())
    }

    fn set_page(&mut self, encoding: Encoding, bytes: Bytes) -> Result<()> {
        self.runs = Some(key_runs(encoding, &bytes)?);
        Ok(())
    }

    fn decode(&mut self, keys: &mut [i32]) -> Result<()> {
        if let Some(runs) = &mut self.runs {
            runs.decode(keys)?;
        }
        self.check(keys)
    }

    fn pick(&mut self, places: &[u32], keys: &mut [i32]) -> Result<()> {
        if let Some(runs) = &mut self.runs {
            runs.pick(places, keys)?;
        }
        self.check(keys)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.runs.as_mut().map_or(Ok(()), |runs| runs.skip(count))
    }

    fn null(&self) -> i32 {
        self.dictionary.count as i32
    }
}

/// Whether pages of an encoding hold keys into the dictionary.
pub(super) fn are_keys(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
}

/// The keys of a page, whose first byte is their width.
pub(super) fn key_runs(encoding: Encoding, page: &Bytes) -> Result<Runs> {
    if !are_keys(encoding) {
        return Err(damaged("the footer says that a column holds keys alone, and a page of it does not"));
    }
    // A page without values may have no bytes at all.
    let width = page.first().copied().unwrap_or_default();
    Runs::new(page.slice(page.len().min(1)..), u32::from(width))
}

pub(super) fn no_such_key() -> ParquetError {
    damaged("a key is beyond the end of its dictionary")
}

/// A dictionary page: each text's length, then its bytes.
struct Dictionary {
    page: Bytes,
    count: usize,
    /// Whether the file says that its bytes are text.
    are_texts: bool,
}

impl Dictionary {
    /// The texts of the keys that are wanted, in order.
    fn texts(&self, wanted: impl Fn(usize) -> bool) -> Result<StringArray> {
        let mut texts = Vec::new();
        let mut ends = vec![0];
        let mut rest = &self.page[..];
        for key in 0..self.count {
            let (text, after) = rest
                .split_first_chunk::<4>()
                .and_then(|(length, after)| after.split_at_checked(u32::from_le_bytes(*length) as usize))
                .ok_or_else(short_dictionary)?;
            rest = after;
            if !wanted(key) {
                continue;
            }
            if self.are_texts {
                texts.extend_from_slice(text);
            } else {
                // Old writers do not say that their bytes are text; what is not is shown as well as it can be.
                texts.extend_from_slice(String::from_utf8_lossy(text).as_bytes());
            }
            ends.push(i32::try_from(texts.len()).map_err(|_| damaged("a dictionary is larger than two gibibytes"))?);
        }
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        // All texts are checked at once, which takes less time than each by itself.
        StringArray::try_new(offsets, Buffer::from_vec(texts), None)
            .map_err(|error| damaged(&format!("a text of a dictionary is not UTF-8: {error}")))
    }

    /// Keys into this dictionary as keys into one of the texts that they mean.
    fn compact(&self, mut keys: Vec<i32>) -> Result<TextColumn> {
        let mut new = vec![-1; self.count + 1];
        keys.iter().for_each(|&key| new[key as usize] = 0);
        let mut next = 0;
        // What stands for no text comes last, as it does in the whole.
        for new in new[..self.count].iter_mut().filter(|new| **new == 0) {
            (*new, next) = (next, next + 1);
        }
        new[self.count] = next;
        let texts = self.texts(|key| new[key] >= 0)?;
        keys.iter_mut().for_each(|key| *key = new[*key as usize]);
        Ok(TextColumn::of_keys(texts, keys.into()))
    }
}

fn short_dictionary() -> ParquetError {
    damaged("a dictionary is shorter than it says")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(texts: &[&[u8]]) -> Bytes {
        let written = |text: &&[u8]| [&(text.len() as u32).to_le_bytes()[..], *text].concat();
        texts.iter().flat_map(written).collect::<Vec<u8>>().into()
    }

    fn keys_of(page: &[u8]) -> Result<Vec<i32>> {
        let mut keys = Keys::new(true);
        keys.set_dictionary(&self::page(&[b"a", b"", b"c"]), 3)?;
        keys.set_page(Encoding::RLE_DICTIONARY, page.to_vec().into())?;
        let mut found = vec![0; 4];
        keys.decode(&mut found).map(|()| found)
    }

    #[test]
    fn keys_lie_within_their_dictionary() {
        assert_eq!(keys_of(&[2, 8, 2]).unwrap(), [2; 4]);
        assert_eq!(keys_of(&[2, 8, 3]).unwrap_err().to_string(), no_such_key().to_string());
        assert!(keys_of(&[2, 6, 1]).is_err(), "three keys are not four");
        assert!(keys_of(&[33, 8, 1]).is_err());
        assert!(keys_of(&[]).is_err());
    }

    #[test]
    fn only_texts_that_occur_are_kept() {
        let dictionary = Dictionary { page: page(&[b"a", b"b", b"c", b"d"]), count: 4, are_texts: true };
        let column = dictionary.compact(vec![3, 1, 4, 3]).unwrap();
        assert_eq!(column.values(), &StringArray::from(vec!["b", "d"]));
        assert_eq!([0, 1, 2, 3].map(|row| column.row(row)), [Some("d"), Some("b"), None, Some("d")]);
        let none = dictionary.compact(vec![4, 4]).unwrap();
        assert_eq!([none.row(0), none.row(1)], [None; 2]);
    }

    #[test]
    fn what_is_not_a_dictionary_is_refused() {
        let dictionary = |page: &Bytes, count: usize, are_texts: bool| {
            Dictionary { page: page.clone(), count, are_texts }.texts(|_| true)
        };
        let good = page(&[b"caf\xc3\xa9", b"x"]);
        assert_eq!(dictionary(&good, 2, true).unwrap(), StringArray::from(vec!["caf\u{e9}", "x"]));
        assert!(dictionary(&good, 3, true).is_err());
        assert!(dictionary(&good.slice(..good.len() - 1), 2, true).is_err());
        let bytes = page(&[b"\xff"]);
        assert!(dictionary(&bytes, 1, true).is_err());
        assert_eq!(dictionary(&bytes, 1, false).unwrap(), StringArray::from(vec!["\u{fffd}"]));
        let mut keys = Keys::new(true);
        keys.set_dictionary(&good, 2).unwrap();
        assert!(keys.set_dictionary(&good, 2).is_err(), "keys of the first would be looked up in the second");
        assert!(keys.set_page(Encoding::PLAIN, Bytes::new()).is_err());
    }
}
