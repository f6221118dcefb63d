//! A column of 64-bit numbers, as times are: plain, as differences, or as keys into a dictionary.

use arrow::datatypes::{DataType, TimeUnit};
use bytes::{Buf, Bytes};
use parquet::basic::{Encoding, Type};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;

use crate::partition::columns::Leaf;
use crate::partition::pages::deltas::Deltas;
use crate::partition::pages::keys::{are_keys, key_runs, no_such_key};
use crate::partition::pages::runs::Runs;
use crate::partition::pages::{Decoder, damaged};
use crate::partition::times::{NO_TIME, conversion};

/// Keys that are decoded at a time.
const KEYS: usize = 1024;

/// Decodes numbers into times in milliseconds.
pub(in crate::partition) struct Numbers {
    dictionary: Bytes,
    page: NumberPage,
    /// What makes milliseconds of numbers that are none.
    conversion: Option<fn(i64) -> i64>,
}

enum NumberPage {
    Plain(Bytes),
    Deltas(Deltas),
    Keys(Runs),
}

impl Decoder for Numbers {
    type Value = i64;

    fn of(leaf: &Leaf, chunk: &ColumnChunkMetaData) -> Option<Self> {
        let known = |encoding: Encoding| {
            matches!(encoding, Encoding::PLAIN | Encoding::DELTA_BINARY_PACKED | Encoding::RLE) || are_keys(encoding)
        };
        let signed = leaf.data_type != DataType::UInt64;
        if !(chunk.column_type() == Type::INT64 && signed && chunk.encodings().all(known)) {
            return None;
        }
        let is_milliseconds = matches!(leaf.data_type, DataType::Timestamp(TimeUnit::Millisecond, _));
        let conversion = conversion(&leaf.data_type)?;
        let conversion = (!is_milliseconds).then_some(conversion);
        Some(Self { dictionary: Bytes::new(), page: NumberPage::Plain(Bytes::new()), conversion })
    }

    fn set_dictionary(&mut self, bytes: &Bytes, _: usize) -> Result<()> {
        self.dictionary = bytes.clone();
        Ok(())
    }

    fn set_page(&mut self, encoding: Encoding, bytes: Bytes) -> Result<()> {
        self.page = match encoding {
            Encoding::PLAIN => NumberPage::Plain(bytes),
            Encoding::DELTA_BINARY_PACKED => NumberPage::Deltas(Deltas::new(bytes)?),
            _ => NumberPage::Keys(key_runs(encoding, &bytes)?),
        };
        Ok(())
    }

    fn pick(&mut self, places: &[u32], numbers: &mut [i64]) -> Result<()> {
        let mut next = 0;
        for (number, &place) in numbers.chunks_mut(1).zip(places) {
            self.skip((place - next) as usize)?;
            self.decode(number)?;
            next = place + 1;
        }
        Ok(())
    }

    fn decode(&mut self, numbers: &mut [i64]) -> Result<()> {
        match &mut self.page {
            NumberPage::Plain(bytes) => plain(bytes, numbers)?,
            NumberPage::Deltas(deltas) => deltas.decode(numbers)?,
            NumberPage::Keys(runs) => by_keys(&self.dictionary, runs, numbers)?,
        }
        if let Some(convert) = self.conversion {
            for number in numbers {
                *number = convert(*number);
            }
        }
        Ok(())
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        match &mut self.page {
            NumberPage::Plain(bytes) if bytes.len() / size_of::<i64>() < count => {
                Err(damaged("a page ends before its rows do"))
            }
            NumberPage::Plain(bytes) => {
                bytes.advance(count * size_of::<i64>());
                Ok(())
            }
            NumberPage::Deltas(deltas) => deltas.skip(count),
            NumberPage::Keys(runs) => runs.skip(count),
        }
    }

    fn null(&self) -> i64 {
        NO_TIME
    }
}

fn plain(bytes: &mut Bytes, numbers: &mut [i64]) -> Result<()> {
    let length = size_of_val(numbers);
    if bytes.len() < length {
        return Err(damaged("a page ends before its rows do"));
    }
    let (own, _) = bytes[..length].as_chunks();
    for (number, bytes) in numbers.iter_mut().zip(own) {
        *number = i64::from_le_bytes(*bytes);
    }
    bytes.advance(length);
    Ok(())
}

fn by_keys(dictionary: &[u8], runs: &mut Runs, numbers: &mut [i64]) -> Result<()> {
    let (dictionary, _) = dictionary.as_chunks();
    let mut keys = [0; KEYS];
    for numbers in numbers.chunks_mut(KEYS) {
        let keys = &mut keys[..numbers.len()];
        runs.decode(keys)?;
        for (number, &key) in numbers.iter_mut().zip(&*keys) {
            *number = i64::from_le_bytes(*dictionary.get(key as u32 as usize).ok_or_else(no_such_key)?);
        }
    }
    Ok(())
}
