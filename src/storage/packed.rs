//! Columns of whole numbers and of lists of them, made without the Parquet library's writer.
//!
//! A rollup is little else. The library asks for two levels a number, then encodes and compresses; here the levels follow from where
//! lists begin, and numbers are packed by their differences ([`deltas`](super::deltas)), which leaves nothing to compress. What
//! comes out is plain Parquet: the tests read it with the library.

use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::storage::deltas::{pack, put};

/// Numbers in a page, unless one list alone has more.
const PAGE: usize = 1 << 16;

/// A column of a row group, ready to be laid down.
#[derive(Debug, Clone)]
pub struct Packed {
    rows: usize,
    pages: Vec<PackedPage>,
}

#[derive(Debug, Clone)]
struct PackedPage {
    /// Numbers, and empty lists.
    entries: usize,
    bytes: Vec<u8>,
}

impl Packed {
    /// A required column of 32-bit numbers; `number` tells that of an item.
    pub fn numbers<T: Copy>(items: &[T], number: impl Fn(T) -> u32) -> Self {
        let page = |items: &[T]| {
            let mut bytes = Vec::new();
            pack(items, &number, &mut bytes);
            PackedPage { entries: items.len(), bytes }
        };
        Self { rows: items.len(), pages: items.chunks(PAGE).map(page).collect() }
    }

    /// A column of required lists of required 32-bit numbers: `starts` tells where among the items each list begins, and last
    /// where the last one ends.
    pub fn lists<T: Copy>(items: &[T], starts: &[u32], number: impl Fn(T) -> u32) -> Self {
        let rows = starts.len().saturating_sub(1);
        let (mut pages, mut first) = (Vec::new(), 0);
        while first < rows {
            let end = end_of_page(starts, first);
            pages.push(page_of_lists(items, &starts[first..=end], &number));
            first = end;
        }
        Self { rows, pages }
    }

    /// Writes the column into a row group whose next column it is.
    pub(super) fn write<W: Write + Send>(
        self,
        column: ColumnDescPtr,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let mut entries = 0;
        for page in self.pages {
            entries += page.entries;
            writer.write_page(page.into_page())?;
        }
        writer.close()?;
        let bytes = Bytes::from(sink.into_inner()?);
        let metadata = ColumnChunkMetaData::builder(column)
            .set_encodings(vec![Encoding::RLE, Encoding::DELTA_BINARY_PACKED])
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(bytes.len() as i64)
            .set_num_values(entries as i64)
            .set_data_page_offset(0)
            .build()?;
        let written = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(&bytes, written)
    }
}

impl PackedPage {
    fn into_page(self) -> CompressedPage {
        let length = self.bytes.len();
        let page = Page::DataPage {
            buf: self.bytes.into(),
            num_values: self.entries as u32,
            encoding: Encoding::DELTA_BINARY_PACKED,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        CompressedPage::new(page, length)
    }
}

/// One past the last of the lists from `first` on that share a page.
fn end_of_page(starts: &[u32], first: usize) -> usize {
    let ends = &starts[first + 1..];
    let fitting = ends.partition_point(|&end| (end - starts[first]) as usize <= PAGE);
    first + fitting.clamp(1, PAGE)
}

fn page_of_lists<T: Copy>(items: &[T], starts: &[u32], number: &impl Fn(T) -> u32) -> PackedPage {
    let lengths = || starts.windows(2).map(|bounds| (bounds[1] - bounds[0]) as usize);
    let entries: usize = lengths().map(|length| length.max(1)).sum();
    let mut bytes = Vec::new();
    // The first entry of a list goes on with none.
    let firsts = lengths().scan(0, |next, length| Some(std::mem::replace(next, *next + length.max(1))));
    put_levels(entries, firsts.clone(), &mut bytes);
    let empty = firsts.zip(lengths()).filter(|(_, length)| *length == 0);
    put_levels(entries, empty.map(|(first, _)| first), &mut bytes);
    pack(&items[range(starts)], number, &mut bytes);
    PackedPage { entries, bytes }
}

fn range(starts: &[u32]) -> Range<usize> {
    starts[0] as usize..starts[starts.len() - 1] as usize
}

/// Appends as many levels as there are entries: 1, and 0 at some places.
fn put_levels(entries: usize, zeros: impl Iterator<Item = usize>, bytes: &mut Vec<u8>) {
    let mut bits = vec![u8::MAX; entries.div_ceil(8)];
    let mut varies = false;
    for place in zeros {
        bits[place / 8] &= !(1 << (place % 8));
        varies = true;
    }
    let mut levels = Vec::with_capacity(bits.len() + 8);
    if varies {
        put((bits.len() as u64) << 1 | 1, &mut levels);
        levels.append(&mut bits);
    } else {
        put((entries as u64) << 1, &mut levels);
        levels.push(1);
    }
    bytes.extend((levels.len() as u32).to_le_bytes());
    bytes.append(&mut levels);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use proptest::prelude::*;

    use super::*;
    use crate::storage::{ParquetFile, Values, compact_values};

    /// Writes row groups of a number and a list a row, and reads them with the Parquet library.
    fn written_and_read(groups: &[Vec<Vec<u32>>]) -> Vec<(u32, Vec<u32>)> {
        let list = DataType::List(Arc::new(Field::new("element", DataType::UInt32, false)));
        let fields = vec![Field::new("number", DataType::UInt32, false), Field::new("list", list, false)];
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.parquet");
        let mut file = ParquetFile::create(&target, &Arc::new(Schema::new(fields)), compact_values().build()).unwrap();
        for lists in groups {
            // What is before the first list is not in the column.
            let items: Vec<u32> = [9, 9].into_iter().chain(lists.iter().flatten().copied()).collect();
            let ends = lists.iter().scan(2, |end, list| {
                *end += list.len() as u32;
                Some(*end)
            });
            let starts: Vec<u32> = [2].into_iter().chain(ends).collect();
            let numbers: Vec<usize> = (0..lists.len()).collect();
            let columns =
                [Packed::numbers(&numbers, |number| number as u32), Packed::lists(&items, &starts, |item| item)];
            file.write_values(columns.map(Values::Packed).into()).unwrap();
        }
        file.finish().unwrap();
        read(&target)
    }

    fn read(target: &std::path::Path) -> Vec<(u32, Vec<u32>)> {
        let file = std::fs::File::open(target).unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1000).build().unwrap();
        let mut rows = Vec::new();
        for batch in batches {
            let batch = batch.unwrap();
            let numbers = batch.column(0).as_primitive::<UInt32Type>().values();
            let lists = batch.column(1).as_list::<i32>();
            let list = |row| lists.value(row).as_primitive::<UInt32Type>().values().to_vec();
            rows.extend(numbers.iter().enumerate().map(|(row, &number)| (number, list(row))));
        }
        rows
    }

    fn expected(groups: &[Vec<Vec<u32>>]) -> Vec<(u32, Vec<u32>)> {
        groups.iter().flat_map(|lists| (0..).zip(lists.iter().cloned())).collect()
    }

    /// Lists of numbers of at most so many bits.
    fn group() -> impl Strategy<Value = Vec<Vec<u32>>> {
        (0_u32..=32).prop_flat_map(|bits| {
            let number = 0..=((1_u64 << bits) - 1) as u32;
            prop::collection::vec(prop::collection::vec(number, 0..9), 1..80)
        })
    }

    proptest! {
        #[test]
        fn the_parquet_library_reads_what_was_written(groups in prop::collection::vec(group(), 1..4)) {
            prop_assert_eq!(written_and_read(&groups), expected(&groups));
        }
    }

    #[test]
    fn columns_of_many_pages_come_back() {
        let numbers = |count: usize| (0..count as u32).map(|number| number / 3).collect::<Vec<u32>>();
        let of_three = numbers(2 * PAGE).chunks(3).map(<[u32]>::to_vec).collect();
        let longer_than_a_page = vec![numbers(5), numbers(PAGE + 70), Vec::new(), numbers(1)];
        let mostly_empty = [vec![Vec::new(); 2 * PAGE + 1], vec![vec![7]]].concat();
        let groups = [of_three, longer_than_a_page, mostly_empty];
        let found = written_and_read(&groups);
        assert!(found == expected(&groups), "{} rows", found.len());
    }
}
