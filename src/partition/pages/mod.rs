//! Columns read from their pages without an array in between: texts as keys into their dictionary, times as plain numbers.
//!
//! This is how nearly every column of a scan is read: a chunk whose pages hold only keys, or only plain numbers, comes as one vector a
//! batch. Whatever else a writer may do (other types, other encodings, nesting in lists) is left to the Parquet library's own
//! reader, and the tests compare the two.

mod deltas;
mod keys;
mod numbers;
mod runs;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::partition::EventFile;
use crate::partition::chunks::Chunks;
use crate::partition::columns::Leaf;
use runs::{Runs, Stretch};

/// What turns the bytes of pages into values.
pub(super) trait Decoder: Sized {
    /// What a row comes to.
    type Value: Copy + Default;

    /// A decoder for a leaf's chunk, if it is of the kind that can be read this way.
    fn of(leaf: &Leaf, chunk: &ColumnChunkMetaData) -> Option<Self>;

    /// Takes the dictionary of the chunk.
    fn set_dictionary(&mut self, bytes: &Bytes, count: usize) -> Result<()>;

    /// Takes the values of the next page.
    fn set_page(&mut self, encoding: Encoding, bytes: Bytes) -> Result<()>;

    /// Decodes as many values as there is room for.
    fn decode(&mut self, values: &mut [Self::Value]) -> Result<()>;

    /// The values at ascending places, counted from the one that comes next.
    fn pick(&mut self, places: &[u32], values: &mut [Self::Value]) -> Result<()>;

    /// Passes over so many values.
    fn skip(&mut self, count: usize) -> Result<()>;

    /// What stands for a row without a value.
    fn null(&self) -> Self::Value;
}

/// Of a page of which more than one row in so many is picked, all are decoded: one alone takes as long as so many in a row.
const DENSE: usize = 8;

/// A column of texts whose pages all hold keys into one dictionary.
pub(super) type KeyColumn = Column<keys::Keys>;
/// A column of times.
pub(super) type TimeColumn = Column<numbers::Numbers>;

/// A column chunk, read from its first row to its last.
pub(super) struct Column<D: Decoder> {
    pages: SerializedPageReader<Chunks>,
    /// The definition level of a row that has a value.
    present: i16,
    /// The levels of the current page, if any row of it has no value.
    levels: Option<Runs>,
    /// The rows of the current page that are still to be read.
    left: usize,
    decoder: D,
    /// Levels of rows that are being read, and the values among them.
    scratch: Vec<i32>,
    values: Vec<D::Value>,
    /// All values of a page of which many are picked.
    page: Vec<D::Value>,
}

impl<D: Decoder> Column<D> {
    /// Opens a leaf in a row group, if it can be read this way.
    pub(super) fn open(file: &EventFile, group: usize, leaf: &Leaf, chunks: &Arc<Chunks>) -> Option<Result<Self>> {
        let group = file.metadata.metadata().row_group(group);
        let chunk = group.column(leaf.index);
        let is_flat = chunk.column_descr().max_rep_level() == 0;
        let decoder = D::of(leaf, chunk).filter(|_| is_flat)?;
        let present = chunk.column_descr().max_def_level();
        let pages = SerializedPageReader::new(chunks.clone(), chunk, group.num_rows() as usize, None);
        Some(pages.map(|pages| Self {
            pages,
            present,
            levels: None,
            left: 0,
            decoder,
            scratch: Vec::new(),
            values: Vec::new(),
            page: Vec::new(),
        }))
    }

    /// The next rows.
    pub(super) fn read(&mut self, rows: usize) -> Result<Vec<D::Value>> {
        let mut values = vec![D::Value::default(); rows];
        self.read_into(&mut values)?;
        Ok(values)
    }

    /// As many of the next rows as there is room for.
    pub(super) fn read_into(&mut self, values: &mut [D::Value]) -> Result<()> {
        let mut rest = values;
        while !rest.is_empty() {
            while self.left == 0 {
                self.turn_page()?;
            }
            let (now, later) = rest.split_at_mut(self.left.min(rest.len()));
            self.read_from_page(now)?;
            self.left -= now.len();
            rest = later;
        }
        Ok(())
    }

    fn read_from_page(&mut self, values: &mut [D::Value]) -> Result<()> {
        let Some(mut levels) = self.levels.take() else { return self.decoder.decode(values) };
        let mut rest = values;
        while !rest.is_empty() {
            rest = match levels.stretch(rest.len())? {
                Stretch::Repeated(level, count) => {
                    let (now, later) = rest.split_at_mut(count);
                    if level == i32::from(self.present) {
                        self.decoder.decode(now)?;
                    } else {
                        now.fill(self.decoder.null());
                    }
                    later
                }
                Stretch::Packed(count) => {
                    let (now, later) = rest.split_at_mut(count);
                    self.read_mixed(&mut levels, now)?;
                    later
                }
            };
        }
        self.levels = Some(levels);
        Ok(())
    }

    /// Reads rows of which some have a value.
    fn read_mixed(&mut self, levels: &mut Runs, values: &mut [D::Value]) -> Result<()> {
        self.scratch.resize(values.len(), 0);
        levels.decode(&mut self.scratch)?;
        let present = self.scratch.iter().filter(|&&level| level == i32::from(self.present)).count();
        // One more than there are, so that there is something to look at behind the last.
        self.values.resize(present + 1, D::Value::default());
        self.decoder.decode(&mut self.values[..present])?;
        let (null, mut next) = (self.decoder.null(), 0);
        for (value, &level) in values.iter_mut().zip(&self.scratch) {
            // Whether a value is there cannot be foreseen, so nothing branches on it.
            let candidate = self.values[next];
            let is_present = level == i32::from(self.present);
            *value = if is_present { candidate } else { null };
            next += usize::from(is_present);
        }
        Ok(())
    }

    /// Passes over rows; pages that hold no others are not decoded.
    pub(super) fn skip(&mut self, mut rows: usize) -> Result<()> {
        while rows > 0 {
            if self.left > 0 {
                let now = self.left.min(rows);
                self.skip_in_page(now)?;
                rows -= now;
                continue;
            }
            let page = self.pages.peek_next_page()?.ok_or_else(ended)?;
            let length = page.num_rows.or(page.num_levels).filter(|_| !page.is_dict);
            if let Some(length) = length.filter(|&length| length <= rows) {
                self.pages.skip_next_page()?;
                rows -= length;
            } else {
                self.turn_page()?;
            }
        }
        Ok(())
    }

    fn skip_in_page(&mut self, rows: usize) -> Result<()> {
        let present = match &mut self.levels {
            Some(levels) => levels.count(i32::from(self.present), rows)?,
            None => rows,
        };
        self.left -= rows;
        self.decoder.skip(present)
    }

    /// The rows of these ascending numbers, of a column of which nothing was read yet; pages without any are passed over.
    pub(super) fn pick(&mut self, rows: &[u32]) -> Result<Vec<D::Value>> {
        let mut values = vec![D::Value::default(); rows.len()];
        let (mut first, mut picked) = (0, 0);
        while picked < rows.len() {
            let page = self.pages.peek_next_page()?.ok_or_else(ended)?;
            if page.is_dict {
                self.turn_page()?;
                continue;
            }
            let end = first + page.num_rows.or(page.num_levels).ok_or_else(ended)?;
            let own = rows[picked..].partition_point(|&row| (row as usize) < end);
            if own == 0 {
                self.pages.skip_next_page()?;
            } else {
                self.turn_page()?;
                let own = picked..picked + own;
                self.pick_from_page(first, &rows[own.clone()], &mut values[own])?;
            }
            (first, picked) = (end, picked + own);
        }
        Ok(values)
    }

    fn pick_from_page(&mut self, first: usize, rows: &[u32], values: &mut [D::Value]) -> Result<()> {
        if rows.last().is_some_and(|&last| last as usize - first >= self.left) {
            return Err(ended());
        }
        if rows.len() * DENSE > self.left {
            let mut page = std::mem::take(&mut self.page);
            page.resize(self.left, D::Value::default());
            self.read_from_page(&mut page)?;
            values.iter_mut().zip(rows).for_each(|(value, &row)| *value = page[row as usize - first]);
            self.page = page;
        } else if let Some(levels) = self.levels.take() {
            self.pick_present(levels, first, rows, values)?;
        } else {
            let places: Vec<u32> = rows.iter().map(|&row| row - first as u32).collect();
            self.decoder.pick(&places, values)?;
        }
        self.left = 0;
        Ok(())
    }

    /// Picks rows of a page of which some have no value.
    fn pick_present(&mut self, mut levels: Runs, first: usize, rows: &[u32], values: &mut [D::Value]) -> Result<()> {
        let own: Vec<u32> = rows.iter().map(|&row| row - first as u32).collect();
        let (mut places, mut owners) = (Vec::new(), Vec::new());
        levels.ranks(i32::from(self.present), &own, |owner, place| {
            places.push(place);
            owners.push(owner);
        })?;
        values.fill(self.decoder.null());
        let mut picked = vec![D::Value::default(); places.len()];
        self.decoder.pick(&places, &mut picked)?;
        owners.into_iter().zip(picked).for_each(|(owner, value)| values[owner] = value);
        Ok(())
    }

    fn turn_page(&mut self) -> Result<()> {
        match self.pages.get_next_page()? {
            None => Err(ended()),
            Some(Page::DictionaryPage { buf, num_values, .. }) => {
                self.decoder.set_dictionary(&buf, num_values as usize)
            }
            Some(Page::DataPage { buf, num_values, encoding, def_level_encoding, .. }) => {
                let (levels, values) =
                    if self.present > 0 { split_levels(&buf, def_level_encoding)? } else { (Bytes::new(), buf) };
                self.begin_page(levels, num_values, encoding, values)
            }
            Some(Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. }) => {
                let (first, end) =
                    (rep_levels_byte_len as usize, rep_levels_byte_len as usize + def_levels_byte_len as usize);
                if end > buf.len() {
                    return Err(damaged("the levels of a page are longer than the page"));
                }
                self.begin_page(buf.slice(first..end), num_values, encoding, buf.slice(end..))
            }
        }
    }

    fn begin_page(&mut self, levels: Bytes, rows: u32, encoding: Encoding, values: Bytes) -> Result<()> {
        self.left = rows as usize;
        self.levels = None;
        if self.present > 0 {
            let mut levels = Runs::new(levels, 16 - self.present.leading_zeros())?;
            if !levels.begin_with(i32::from(self.present), self.left)? {
                self.levels = Some(levels);
            }
        }
        self.decoder.set_page(encoding, values)
    }
}

/// Definition levels and values of a page of the first version, where the levels' length goes first.
fn split_levels(page: &Bytes, encoding: Encoding) -> Result<(Bytes, Bytes)> {
    if encoding != Encoding::RLE {
        return Err(ParquetError::NYI(format!("levels written as {encoding}")));
    }
    let (length, rest) = page.split_first_chunk::<4>().ok_or_else(|| damaged("a page has no room for its levels"))?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > rest.len() {
        return Err(damaged("the levels of a page are longer than the page"));
    }
    Ok((page.slice(4..4 + length), page.slice(4 + length..)))
}

fn ended() -> ParquetError {
    ParquetError::EOF("a column ends before its row group does".to_owned())
}

fn damaged(message: &str) -> ParquetError {
    ParquetError::General(message.to_owned())
}
