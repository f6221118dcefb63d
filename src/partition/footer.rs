//! What a file's footer tells about a column of a row group, before anything of it is read.

use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;

use crate::event::Column;
use crate::partition::EventFile;
use crate::partition::columns::Leaf;

impl EventFile {
    /// The smallest and the largest text, as bytes, of every leaf that can supply `columns` and is not all null; `None` where
    /// the footer does not tell. Texts cut short are rounded outwards.
    pub fn text_bounds(&self, group: usize, columns: &[Column]) -> Option<Vec<(&[u8], &[u8])>> {
        let mut bounds = Vec::new();
        if self.makes_any(columns) || self.answers_any(group, columns) {
            return None;
        }
        for chunk in self.chunks(group, columns) {
            let statistics = chunk.statistics()?;
            if statistics.null_count_opt() == Some(chunk.num_values() as u64) {
                continue;
            }
            let Statistics::ByteArray(values) = statistics else { return None };
            bounds.push((values.min_opt()?.data(), values.max_opt()?.data()));
        }
        Some(bounds)
    }

    /// Whether the dictionary of a batch of `columns` holds every value of the row group.
    pub fn has_whole_dictionary(&self, group: usize, columns: &[Column]) -> bool {
        let mut chunks = self.chunks(group, columns);
        match (chunks.next(), chunks.next()) {
            (Some(chunk), None) => is_all_dictionary(chunk) && !self.answers_any(group, columns),
            (None, _) => !self.makes_any(columns) && !self.answers_any(group, columns),
            _ => false,
        }
    }

    /// The bytes that reading `columns` of a row group costs, compressed.
    pub fn column_bytes(&self, group: usize, columns: &[Column]) -> u64 {
        let row_group = self.metadata.metadata().row_group(group);
        let made = columns.iter().filter_map(|&column| self.columns.made(column));
        let parts = made.flat_map(|made| made.leaves()).flat_map(Leaf::indexes).map(|leaf| row_group.column(leaf));
        self.chunks(group, columns).chain(parts).map(|chunk| chunk.compressed_size() as u64).sum()
    }

    /// Whether any of `columns` is made of others, of which the footer tells nothing.
    fn makes_any(&self, columns: &[Column]) -> bool {
        columns.iter().any(|&column| self.columns.made(column).is_some())
    }

    /// Whether responses of a row group tell what stands in any of `columns`, or may do so.
    fn answers_any(&self, group: usize, columns: &[Column]) -> bool {
        let told = || self.failures_by_response(group, None).is_ok_and(|failed| failed.is_empty());
        columns.contains(&Column::ErrorMessage) && !told()
    }

    /// Whether most of a leaf's values occur once, so that making a dictionary of them is work for nothing. Not every writer tells
    /// how its pages are encoded; the keys of a dictionary that is worth its name take no more than a few bytes a value.
    pub(super) fn is_mostly_distinct(&self, group: usize, leaf: &Leaf) -> bool {
        let chunk = self.metadata.metadata().row_group(group).column(leaf.index);
        !is_all_dictionary(chunk) && chunk.uncompressed_size() > MOST_KEY_BYTES * chunk.num_values()
    }

    fn chunks(&self, group: usize, columns: &[Column]) -> impl Iterator<Item = &ColumnChunkMetaData> {
        let row_group = self.metadata.metadata().row_group(group);
        columns.iter().flat_map(|&column| self.columns.leaves(column)).map(|leaf| row_group.column(leaf.index))
    }
}

/// What a value of a column with a useful dictionary takes at most, its share of the dictionary included.
const MOST_KEY_BYTES: i64 = 8;

/// Whether every page of a chunk holds keys into its dictionary.
pub(super) fn is_all_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    chunk.dictionary_page_offset().is_some()
        && chunk
            .page_encoding_stats_mask()
            .is_some_and(|mask| mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY))
}
