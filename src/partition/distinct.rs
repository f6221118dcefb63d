//! What the footer and the dictionary pages tell of a row group before any row of it is decoded.
//!
//! An answer is either sure or not given: a dictionary may hold texts that no row has, but never lacks one that some
//! row has.

use std::fs::File;
use std::sync::Arc;

use arrow::array::StringArray;
use arrow::datatypes::DataType;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::error::{Error, Result};
use crate::event::{Column, FAILURE};
use crate::partition::EventFile;
use crate::partition::columns::Leaf;
use crate::partition::rows::is_coded;
use crate::partition::sources::{Source, sources};

/// Dictionaries of more bytes, or of more values, are not looked at: decoding rows costs less.
const LARGEST: i64 = 1 << 22;
const MOST_VALUES: u32 = 1 << 16;

/// The texts that a column may hold in a row group; some of them may not occur.
#[derive(Debug)]
pub struct DistinctValues {
    texts: Vec<StringArray>,
    nullable: bool,
}

impl DistinctValues {
    /// Every text, and nothing where a row may have none; a text may come twice.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let absent = self.nullable.then_some(None);
        self.texts.iter().flat_map(|texts| texts.iter().flatten()).map(Some).chain(absent)
    }
}

/// The distinct values in a row group of the first of `alternatives` that has a text; `None` where that cannot be told
/// cheaply.
///
/// # Errors
/// When a dictionary page cannot be read.
pub fn distinct_values(file: &EventFile, group: usize, alternatives: &[Column]) -> Result<Option<DistinctValues>> {
    let mut found = DistinctValues { texts: Vec::new(), nullable: true };
    for source in sources(file, group, alternatives, None)? {
        match source {
            Source::Constant(column) => {
                found.nullable = column.is_all_null();
                found.texts.push(column.values().clone());
            }
            Source::Made(_) => return Ok(None),
            Source::Responses(_) => found.texts.push(StringArray::from(vec![FAILURE])),
            Source::Leaf(leaf) => {
                let read = || dictionary(file, group, &leaf);
                let Some(texts) = Error::if_damaged(&file.path, read)? else { return Ok(None) };
                found.texts.push(texts);
                found.nullable = has_nulls(file, group, &leaf);
            }
        }
    }
    Ok(Some(found))
}

/// Whether the footer shows that no row of a row group has a text in any of `alternatives`, and no response stands in
/// for one.
pub fn is_absent(file: &EventFile, group: usize, alternatives: &[Column]) -> bool {
    let absent = |source: &Source| matches!(source, Source::Constant(column) if column.is_all_null());
    // What cannot be read now is met where it is read.
    sources(file, group, alternatives, None).is_ok_and(|sources| sources.iter().all(absent))
}

/// Whether the footer shows that every row of a row group has a time within `span` (milliseconds).
pub fn lies_within(file: &EventFile, group: usize, span: &std::ops::Range<i64>) -> bool {
    let inside = |(first, last): (i64, i64)| span.contains(&first) && span.contains(&last);
    let times = &file.columns.leaves(Column::EventTime)[0];
    file.row_groups[group].span.is_some_and(inside) && !has_nulls(file, group, times)
}

fn has_nulls(file: &EventFile, group: usize, leaf: &Leaf) -> bool {
    if file.metadata.parquet_schema().column(leaf.index).max_def_level() == 0 {
        return false;
    }
    let statistics = file.metadata.metadata().row_group(group).column(leaf.index).statistics();
    statistics.and_then(parquet::file::statistics::Statistics::null_count_opt) != Some(0)
}

/// The texts of a leaf's dictionary page, if all of its pages hold keys into it.
fn dictionary(file: &EventFile, group: usize, leaf: &Leaf) -> Result<Option<StringArray>> {
    let row_group = file.metadata.metadata().row_group(group);
    let chunk = row_group.column(leaf.index);
    let text = matches!(leaf.data_type, DataType::Utf8 | DataType::Binary);
    if !text || !is_coded(file, group, leaf) || !is_small(chunk) {
        return Ok(None);
    }
    let handle = File::open(&file.path).map_err(Error::read(&file.path))?;
    let reader = SerializedPageReader::new(Arc::new(handle), chunk, row_group.num_rows() as usize, None);
    let page = reader.and_then(|mut reader| reader.get_next_page()).map_err(Error::parquet(&file.path))?;
    Ok(match page {
        Some(Page::DictionaryPage { buf, num_values, .. }) if num_values <= MOST_VALUES => texts(&buf, num_values),
        _ => None,
    })
}

/// Whether a chunk has a dictionary page of a reasonable size, at a place that Parquet would not panic at.
fn is_small(chunk: &ColumnChunkMetaData) -> bool {
    let size = chunk.dictionary_page_offset().and_then(|start| chunk.data_page_offset().checked_sub(start));
    let sound = chunk.dictionary_page_offset() >= Some(0) && chunk.compressed_size() >= 0;
    sound && size.is_some_and(|size| (0..LARGEST).contains(&size))
}

/// Reads texts that stand one after another, each after its length in four bytes; `None` if they do not.
fn texts(mut bytes: &[u8], count: u32) -> Option<StringArray> {
    let mut texts = Vec::new();
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(String::from_utf8_lossy(text));
        bytes = rest;
    }
    Some(StringArray::from_iter_values(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_length_before_them() {
        let page = b"\x03\0\0\0abc\0\0\0\0\x02\0\0\0\xc3\xa9";
        let found = texts(page, 3).unwrap();
        assert_eq!(found.iter().flatten().collect::<Vec<_>>(), ["abc", "", "é"]);
        assert!(texts(page, 4).is_none(), "a value that is not there");
        assert!(texts(b"\xff\xff\xff\xffabc", 1).is_none(), "a length beyond the page");
    }
}
