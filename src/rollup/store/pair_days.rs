//! Several days of one kind of pairs, entity by entity: with whom each was seen, and on which days.
//!
//! The files are in the order of the left side, and so are the numbers that [`Numbering`] gives it: they merge in the memory of a
//! batch a day and one entity's pairs.

use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::UInt32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::error::Result;
use crate::rollup::Family;
use crate::rollup::family::pair_name;
use crate::rollup::store::merge::Numbering;
use crate::rollup::store::reading::{batches, refusal};

/// Rows that are decoded at a time of each day.
const BATCH_ROWS: usize = 4096;

/// A partner on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairDay {
    /// The right side's number.
    pub partner: u32,
    /// The place of the day's file.
    pub place: u16,
}

/// Calls `visit` for every left entity, in the order of its number, with all its pairs in the order of days and partners.
/// `paths` are the pairs files of the days whose rollups were numbered; `None` for a day without.
///
/// # Errors
/// [`crate::Error::Rollup`] when a file is damaged, or names rows that its rollup has not.
pub fn merge_pairs(
    paths: &[Option<PathBuf>],
    families: (Family, Family),
    numberings: (&Numbering, &Numbering),
    mut visit: impl FnMut(u32, &[PairDay]),
) -> Result<()> {
    let mut cursors = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        if let Some(path) = path {
            let mut cursor = PairCursor::open(path, place, families)?;
            cursor.advance(numberings.0)?;
            cursors.push(cursor);
        }
    }
    let mut pairs = Vec::new();
    while let Some(left) = cursors.iter().filter_map(|cursor| cursor.left).min() {
        pairs.clear();
        for cursor in cursors.iter_mut().filter(|cursor| cursor.left == Some(left)) {
            cursor.gather(numberings.1, &mut pairs)?;
            cursor.advance(numberings.0)?;
        }
        visit(left, &pairs);
    }
    Ok(())
}

/// A place among the left entities of a day's pairs.
struct PairCursor {
    path: PathBuf,
    place: usize,
    reader: ParquetRecordBatchReader,
    batch: Option<PairBatch>,
    next: usize,
    /// The number of the left entity; none when the day has no more.
    left: Option<u32>,
}

struct PairBatch {
    lefts: ScalarBuffer<u32>,
    offsets: OffsetBuffer<i32>,
    rights: ScalarBuffer<u32>,
}

impl PairBatch {
    fn of(batch: &RecordBatch) -> Option<Self> {
        let lefts = batch.column_by_name("entity")?.as_primitive_opt::<UInt32Type>()?.values().clone();
        let list = batch.column_by_name("with")?.as_list_opt::<i32>()?;
        let rights = list.values().as_primitive_opt::<UInt32Type>()?.values().clone();
        Some(Self { lefts, offsets: list.offsets().clone(), rights })
    }
}

impl PairCursor {
    fn open(path: &Path, place: usize, families: (Family, Family)) -> Result<Self> {
        let (reader, _) = batches(path, &pair_name(families), &["entity", "with"], BATCH_ROWS)?;
        Ok(Self { path: path.to_path_buf(), place, reader, batch: None, next: 0, left: None })
    }

    /// Goes to the next left entity.
    fn advance(&mut self, lefts: &Numbering) -> Result<()> {
        while self.batch.as_ref().is_none_or(|batch| self.next >= batch.lefts.len()) {
            let Some(batch) = self.reader.next() else {
                self.left = None;
                return Ok(());
            };
            let batch = batch.map_err(refusal(&self.path))?;
            let found =
                PairBatch::of(&batch).ok_or_else(|| refusal(&self.path)("a column is missing or of another type"))?;
            (self.batch, self.next) = (Some(found), 0);
        }
        let row = self.batch.as_ref().map_or(0, |batch| batch.lefts[self.next]);
        let left =
            lefts.number(self.place, row).ok_or_else(|| refusal(&self.path)("it names rows that are not there"))?;
        if self.left.is_some_and(|before| left < before) {
            return Err(refusal(&self.path)("its pairs are not in the order of their entities"));
        }
        self.left = Some(left);
        self.next += 1;
        Ok(())
    }

    fn gather(&self, rights: &Numbering, pairs: &mut Vec<PairDay>) -> Result<()> {
        let Some(batch) = &self.batch else { return Ok(()) };
        let range = batch.offsets[self.next - 1] as usize..batch.offsets[self.next] as usize;
        for &row in &batch.rights[range] {
            let partner = rights.number(self.place, row);
            let partner = partner.ok_or_else(|| refusal(&self.path)("it names rows that are not there"))?;
            pairs.push(PairDay { partner, place: self.place as u16 });
        }
        Ok(())
    }
}
