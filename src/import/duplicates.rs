//! Which events of a day are there already, or come twice.
//!
//! Exact up to a 128-bit hash of the event id (a mistake is less likely than a broken processor), and in bounded memory: a day
//! with more ids than fit is gone through several times, each time for the ids of one part of the hash space.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use chrono::NaiveDate;
use foldhash::quality::RandomState;
use hashbrown::HashSet;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::event::{Column, id_hash};
use crate::import::run::Run;
use crate::partition::{ColumnOverrides, EventFile, RowChoice, RowGroupReader, write};
use crate::storage::is_there;

/// Ids held in memory at a time.
const IDS_AT_ONCE: usize = 2 << 20;
/// Rows of files that are there already, in memory at a time.
const BATCH_ROWS: usize = 32_768;

/// For each run, for each of its events of the day, whether it is to be dropped. Of events that come twice the first stays.
pub(super) fn find(out: &Path, day: NaiveDate, runs: &[&Run]) -> Result<Vec<Vec<bool>>> {
    let present = partition_files(out, day)?;
    let new: usize = runs.iter().map(|run| run.count(day)).sum();
    let known: usize = present.iter().map(|path| row_count(path)).sum::<Result<usize>>()?;
    let passes = (new + known).div_ceil(IDS_AT_ONCE).max(1) as u64;
    let mut dropped: Vec<Vec<bool>> = runs.iter().map(|run| vec![false; run.count(day)]).collect();
    for pass in 0..passes {
        let mine = |hash: u128| (hash >> 64) as u64 % passes == pass;
        let mut seen: HashSet<u128, RandomState> =
            HashSet::with_capacity_and_hasher((new + known) / passes as usize, RandomState::default());
        for path in &present {
            for_each_present_id(path, |hash| {
                if mine(hash) {
                    seen.insert(hash);
                }
            })?;
        }
        let hashes: Vec<Vec<(usize, u128)>> =
            runs.par_iter().map(|run| hashes(run, day, mine)).collect::<Result<_>>()?;
        for (hashes, dropped) in hashes.into_iter().zip(&mut dropped) {
            hashes.into_iter().for_each(|(row, hash)| dropped[row] |= !seen.insert(hash));
        }
    }
    Ok(dropped)
}

/// The rows of a day whose ids' hashes belong to a part, with the hashes.
fn hashes(run: &Run, day: NaiveDate, part: impl Fn(u128) -> bool) -> Result<Vec<(usize, u128)>> {
    let mut hashes = Vec::new();
    let mut first = 0;
    for batch in run.ids(day)? {
        let batch = batch?;
        let ids = batch.column(0).as_string::<i32>().iter().map(|id| id_hash(id.unwrap_or_default()));
        hashes.extend(ids.enumerate().map(|(row, hash)| (first + row, hash)).filter(|&(_, hash)| part(hash)));
        first += batch.num_rows();
    }
    Ok(hashes)
}

/// The partition files of a day, in order.
pub(super) fn partition_files(out: &Path, day: NaiveDate) -> Result<Vec<PathBuf>> {
    let folder = write::folder(out, day);
    if !is_there(&folder)? {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(Error::read(&folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::read(&folder))?.path();
        if path.extension().is_some_and(|ending| ending == "parquet") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(Error::read(path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))
}

fn row_count(path: &Path) -> Result<usize> {
    Ok(open(path)?.metadata().file_metadata().num_rows() as usize)
}

fn for_each_present_id(path: &Path, mut visit: impl FnMut(u128)) -> Result<()> {
    // Others may have written it: with ids of another type, or under another name.
    let file = match EventFile::open(path, path.display().to_string(), None, &ColumnOverrides::new()) {
        // It holds no events that anybody here reads, and so none that could come twice.
        Err(Error::MissingColumn { .. } | Error::ColumnType { .. }) => return Ok(()),
        opened => opened?,
    };
    for group in 0..file.row_groups.len() {
        let choice = RowChoice { rows: None, times: false, batch_rows: BATCH_ROWS };
        for batch in RowGroupReader::open_rows(&file, group, &[&[Column::EventId]], choice)? {
            let batch = batch?;
            (0..batch.rows).filter_map(|row| batch.columns[0].row(row)).for_each(|id| visit(id_hash(id)));
        }
    }
    Ok(())
}
