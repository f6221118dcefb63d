//! A column of texts whose pages all hold keys into one dictionary.

use arrow::array::{Array, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use crate::partition::TextColumn;
use crate::partition::columns::Leaf;
use crate::partition::footer::is_all_dictionary;
use crate::partition::pages::runs::Runs;
use crate::partition::pages::{Column, Decoder, damaged};

impl Column<Keys> {
    /// The texts of the next rows.
    pub(in crate::partition) fn read_texts(&mut self, rows: usize) -> Result<TextColumn> {
        let keys = self.read(rows)?;
        Ok(TextColumn::of_keys(self.decoder.dictionary.clone(), keys.into()))
    }
}

/// Decodes keys.
pub(in crate::partition) struct Keys {
    /// Whether the file says that its bytes are text.
    are_texts: bool,
    dictionary: StringArray,
    runs: Option<Runs>,
}

impl Keys {
    fn new(are_texts: bool) -> Self {
        Self { are_texts, dictionary: StringArray::new_null(0), runs: None }
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
        if !self.dictionary.is_empty() {
            return Err(damaged("a column has a second dictionary"));
        }
        self.dictionary = dictionary(bytes, count, self.are_texts)?;
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
        let count = self.dictionary.len() as u32;
        // Every key is looked at, for that takes less time than to stop at the first bad one.
        let beyond = keys.iter().filter(|&&key| key as u32 >= count).count();
        if beyond == 0 { Ok(()) } else { Err(no_such_key()) }
    }

    fn null(&self) -> i32 {
        self.dictionary.len() as i32
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

/// The texts of a dictionary page: each one's length, then its bytes.
fn dictionary(page: &[u8], count: usize, are_texts: bool) -> Result<StringArray> {
    let mut texts = Vec::with_capacity(page.len());
    let mut ends = Vec::with_capacity(page.len().min(4 * count) / 4 + 1);
    ends.push(0);
    let mut rest = page;
    for _ in 0..count {
        let (text, after) = rest
            .split_first_chunk::<4>()
            .and_then(|(length, after)| after.split_at_checked(u32::from_le_bytes(*length) as usize))
            .ok_or_else(|| damaged("a dictionary is shorter than it says"))?;
        match std::str::from_utf8(text) {
            Ok(text) => texts.extend_from_slice(text.as_bytes()),
            // Old writers do not say that their bytes are text; what is not is shown as well as it can be.
            Err(_) if !are_texts => texts.extend_from_slice(String::from_utf8_lossy(text).as_bytes()),
            Err(error) => return Err(damaged(&format!("a text of a dictionary is not UTF-8: {error}"))),
        }
        ends.push(i32::try_from(texts.len()).map_err(|_| damaged("a dictionary is larger than two gibibytes"))?);
        rest = after;
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    StringArray::try_new(offsets, Buffer::from_vec(texts), None)
        .map_err(|error| ParquetError::General(error.to_string()))
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
    fn what_is_not_a_dictionary_is_refused() {
        let good = page(&[b"caf\xc3\xa9", b"x"]);
        assert_eq!(dictionary(&good, 2, true).unwrap(), StringArray::from(vec!["caf\u{e9}", "x"]));
        assert!(dictionary(&good, 3, true).is_err());
        assert!(dictionary(&good[..good.len() - 1], 2, true).is_err());
        let bytes = page(&[b"\xff"]);
        assert!(dictionary(&bytes, 1, true).is_err());
        assert_eq!(dictionary(&bytes, 1, false).unwrap(), StringArray::from(vec!["\u{fffd}"]));
        let mut keys = Keys::new(true);
        keys.set_dictionary(&good, 2).unwrap();
        assert!(keys.set_dictionary(&good, 2).is_err(), "keys of the first would be looked up in the second");
        assert!(keys.set_page(Encoding::PLAIN, Bytes::new()).is_err());
    }
}
