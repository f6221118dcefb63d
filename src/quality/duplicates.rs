//! Ids that stand in more than one event of a day.
//!
//! Exact up to the 128 bits that stand for an id, and in bounded memory: a day with more ids than fit is gone through several times, each
//! time for the ids of one part of the hash space. The part goes by a hash that is seeded by the process, for ids come from outside; which
//! part an id falls into does not show. Hours of which a good part repeats cannot be compared with those of other days.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use chrono::NaiveDate;
use foldhash::fast::RandomState;
use rayon::prelude::*;

use crate::error::Result;
use crate::event::{Column, id_hash};
use crate::partition::{EventFile, Problem, RowChoice, RowGroupReader};
use crate::quality::silence::ranges;
use crate::quality::{Effect, Flaw, FlawKind, NAMED_FILES, Whereabouts};
use crate::shown::{counted, number};
use crate::time::{DAY_HOURS, DAY_MS, HOUR_MS, midnight_ms};

/// Ids held in memory at a time: a hundred megabytes.
const IDS_AT_ONCE: u64 = 4 << 20;
/// The rows of a batch.
const BATCH_ROWS: usize = 32_768;
/// An hour is not believed if at least one in so many of its rows repeats another.
const ONE_IN: u64 = 5;

/// What repeats among the ids of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Ids that were read.
    pub(super) checked: u64,
    /// Rows beyond the first of their id.
    pub(super) rows: u64,
    /// Ids that stand in more than one row.
    pub(super) ids: u64,
    /// For each file how many of its rows have such an id.
    pub(super) files: BTreeMap<String, u64>,
    /// Where ids could not be read. Counting does not read them, so nobody else has named it.
    pub(super) problems: BTreeSet<Problem>,
    /// For each hour of the day its ids, and its rows beyond the first of their id.
    by_hour: [(u64, u64); DAY_HOURS],
}

/// An id, in halves, the number of its file, and its hour.
type Id = ([u64; 2], u32, u8);

/// Finds the ids that stand in more than one event of the day. What of a row group cannot be read is left out
/// and named.
///
/// # Errors
/// When a file cannot be opened any more.
pub fn find(files: &[EventFile], date: NaiveDate) -> Result<Duplicates> {
    find_within(files, date, IDS_AT_ONCE)
}

fn find_within(files: &[EventFile], date: NaiveDate, at_once: u64) -> Result<Duplicates> {
    let groups: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(number, file)| file.row_groups_of(date).map(move |group| (number, group)))
        .collect();
    let rows: u64 = groups.iter().map(|&(file, group)| files[file].row_groups[group].rows).sum();
    let parts = rows.div_ceil(at_once).max(1);
    let seed = RandomState::default();
    let mut found = Duplicates::default();
    for part in 0..parts {
        let is_own = |id: &str| parts == 1 || seed.hash_one(id) % parts == part;
        let read = |&(file, group): &(usize, usize)| ids(&files[file], file, group, date, &is_own);
        let read: Vec<(Vec<Id>, Option<Problem>)> = groups.par_iter().map(read).collect::<Result<_>>()?;
        let (ids, damaged): (Vec<Vec<Id>>, Vec<Option<Problem>>) = read.into_iter().unzip();
        found.problems.extend(damaged.into_iter().flatten());
        found.add(ids.concat(), files);
    }
    Ok(found)
}

/// The ids of a row group's rows of the day, and what is wrong with it, if it is damaged: those before the damage are given.
fn ids(
    file: &EventFile,
    number: usize,
    group: usize,
    date: NaiveDate,
    is_own: &(dyn Fn(&str) -> bool + Sync),
) -> Result<(Vec<Id>, Option<Problem>)> {
    let day = midnight_ms(date)..midnight_ms(date) + DAY_MS;
    let choice = RowChoice { rows: None, times: true, batch_rows: BATCH_ROWS };
    let mut found = Vec::new();
    for batch in RowGroupReader::open_rows(file, group, &[&[Column::EventId]], choice)? {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                let message =
                    format!("the ids of row group {group} were not all looked at: {}", error.about_its_file());
                return Ok((found, Some(Problem { file: file.name.clone(), message })));
            }
        };
        for row in (0..batch.rows).filter(|&row| day.contains(&batch.times[row])) {
            if let Some(id) = batch.columns[0].row(row).filter(|id| is_own(id)) {
                let hash = id_hash(id);
                let hour = ((batch.times[row] - day.start) / HOUR_MS) as u8;
                found.push(([(hash >> 64) as u64, hash as u64], number as u32, hour));
            }
        }
    }
    Ok((found, None))
}

impl Duplicates {
    fn add(&mut self, mut ids: Vec<Id>, files: &[EventFile]) {
        ids.sort_unstable();
        self.checked += ids.len() as u64;
        ids.iter().for_each(|id| self.by_hour[usize::from(id.2)].0 += 1);
        for same in ids.chunk_by(|left, right| left.0 == right.0).filter(|same| same.len() > 1) {
            self.ids += 1;
            self.rows += same.len() as u64 - 1;
            same[1..].iter().for_each(|(.., hour)| self.by_hour[usize::from(*hour)].1 += 1);
            for (_, file, _) in same {
                *self.files.entry(files[*file as usize].name.clone()).or_default() += 1;
            }
        }
    }

    /// The hours in which so many rows repeat others that nothing can be said of them, ascending.
    pub fn hours(&self) -> Vec<u8> {
        let is_repeated = |hour: &u8| {
            let (ids, rows) = self.by_hour[usize::from(*hour)];
            rows > 0 && rows * ONE_IN >= ids
        };
        (0..DAY_HOURS as u8).filter(is_repeated).collect()
    }

    /// For each hour of the day the ids that were read of it, where hardly any of them repeats; 0 elsewhere.
    pub fn ids_that_stand_once(&self) -> [u64; DAY_HOURS] {
        self.by_hour.map(|(ids, rows)| if rows * ONE_IN < ids { ids } else { 0 })
    }

    /// The flaw that they are; `None` if no id repeats.
    pub(super) fn flaw(&self) -> Option<Flaw> {
        let mut files: Vec<(&String, &u64)> = self.files.iter().collect();
        files.sort_by(|left, right| right.1.cmp(left.1).then(left.0.cmp(right.0)));
        files.truncate(NAMED_FILES);
        let named: Vec<String> =
            files.iter().take(3).map(|(file, rows)| format!("{file} ({})", number(**rows))).collect();
        let more = self.files.len().saturating_sub(3);
        let more =
            if more > 0 { format!(" and {}", counted(more as u64, "more file", "more files")) } else { String::new() };
        let hours = self.hours();
        let (effect, masked) = match &hours[..] {
            [] => (Effect::ForInformation, String::new()),
            hours => {
                (Effect::Masked, format!(": the hours {} are masked, nothing is said of their rates", ranges(hours)))
            }
        };
        (self.rows > 0).then(|| Flaw {
            kind: FlawKind::DuplicateIds,
            numbers: [("rows", self.rows), ("ids", self.ids), ("files", self.files.len() as u64)].into(),
            effect,
            sentence: format!(
                "{} the id of another event and counted again, in {}{more}{masked}",
                counted(self.rows, "row with", "rows with"),
                named.join(", ")
            ),
            whereabouts: Whereabouts {
                files: files.into_iter().map(|(file, _)| file.clone()).collect(),
                hours,
                ..Whereabouts::default()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Options, generate};
    use crate::partition::ColumnOverrides;

    /// A day of events that stands in two files.
    fn twice() -> (Vec<EventFile>, NaiveDate, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { days: 1, events_per_day: 2_000, quiet: true, ..Options::default() };
        generate(&options, folder.path(), &|_| ()).unwrap();
        let date = options.first_day;
        let own = folder.path().join(format!("date={date}"));
        std::fs::copy(own.join("part-0000.parquet"), own.join("part-0001.parquet")).unwrap();
        // Whoever looks for partitions finds that one is a copy, and opens the other alone.
        let open = |name: &str| {
            EventFile::open(&own.join(name), name.to_owned(), Some(date), &ColumnOverrides::new()).unwrap()
        };
        (["part-0000.parquet", "part-0001.parquet"].map(open).to_vec(), date, folder)
    }

    #[test]
    fn ids_that_cannot_be_read_are_named() {
        let (files, date, _folder) = twice();
        let leaf = files[0].columns.leaves(Column::EventId)[0].index;
        let (first, length) = files[0].metadata.metadata().row_group(0).column(leaf).byte_range();
        let mut bytes = std::fs::read(&files[0].path).unwrap();
        bytes[first as usize + 100..(first + length) as usize].fill(0xff);
        std::fs::write(&files[0].path, bytes).unwrap();
        let found = find_within(&files, date, 300).unwrap();
        let named: Vec<&str> = found.problems.iter().map(|problem| problem.file.as_str()).collect();
        assert_eq!(named, [files[0].name.as_str()]);
        assert!(found.checked >= files[1].rows());
    }

    #[test]
    fn however_few_ids_fit_at_once_the_same_are_found() {
        let (files, date, _folder) = twice();
        let all = find(&files, date).unwrap();
        assert_eq!((all.rows, all.ids, all.checked), (all.checked / 2, all.checked / 2, files[0].rows() * 2));
        assert!(all.files.values().all(|&rows| rows == files[0].rows()), "{all:?}");
        assert_eq!(find_within(&files, date, 300).unwrap(), all);
        assert_eq!(all.hours(), (0..24).collect::<Vec<u8>>());
        let one = find(&files[..1], date).unwrap();
        assert_eq!((one.rows, one.flaw()), (0, None));
    }
}
