//! Files that stand twice: the same bytes under two names in a day's folders, beside them, or in no dated folder.
//!
//! Their events are counted once, by whoever reads them. Sizes tell which files may be the same, footers which of those are likely to
//! be, and their bytes decide. Files without rows are nobody's copies: some writers leave several of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use parquet::file::metadata::ParquetMetaDataReader;

use crate::error::{Error, Result};
use crate::partition::file::read_footer;
use crate::partition::{ColumnOverrides, EventFile};

/// A file that was found, with the day that its folder names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) date: Option<NaiveDate>,
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

/// The places in `files` of those that are copies, each with the place of the file that is counted in its stead.
pub(super) fn copies(files: &[Found], overrides: &ColumnOverrides) -> BTreeMap<usize, usize> {
    let by_size = together(0..files.len(), |&place| Some(files[place].size));
    let alike = by_size.into_iter().flat_map(|places| together(places, |&place| footer(&files[place].path)));
    let mut copies = BTreeMap::new();
    for places in alike {
        // Who is not a copy of one of these is kept beside them.
        let mut kept: Vec<Candidate> = Vec::new();
        for own in ranked(files, places, overrides) {
            match kept.iter().find(|kept| kept.counts_for(&own) && same_bytes(&kept.found.path, &own.found.path)) {
                Some(original) => {
                    copies.insert(own.place, original.place);
                }
                None => kept.push(own),
            }
        }
    }
    copies
}

/// Those that have a key with another one, together.
fn together<Key: Ord>(places: impl IntoIterator<Item = usize>, key: impl Fn(&usize) -> Option<Key>) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for place in places {
        if let Some(key) = key(&place) {
            groups.entry(key).or_default().push(place);
        }
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// The hash of a file's footer; nothing of one that has no rows or cannot be read, which is told when it is opened.
fn footer(path: &Path) -> Option<[u8; 32]> {
    let (footer, _) = read_footer(path).ok()?;
    let rows = Error::if_damaged(path, || rows(path, &footer)).ok()?;
    (rows > 0).then(|| *blake3::hash(&footer).as_bytes())
}

fn rows(path: &Path, footer: &[u8]) -> Result<i64> {
    let metadata = ParquetMetaDataReader::decode_metadata(footer).map_err(Error::parquet(path))?;
    Ok(metadata.file_metadata().num_rows())
}

/// A file among those that are alike, and the days of their rows.
struct Candidate<'f> {
    place: usize,
    found: &'f Found,
    days: Vec<NaiveDate>,
}

impl Candidate<'_> {
    /// In dated folders before others, nearest to the days of its rows, by its name.
    fn rank(&self) -> (bool, i64, &Path) {
        let far = |date: NaiveDate| self.days.iter().map(|day| (*day - date).num_days().abs()).sum();
        (self.found.date.is_none(), self.found.date.map_or(0, far), &self.found.path)
    }

    /// Whether this one's rows are counted where the other's would be.
    fn counts_for(&self, other: &Self) -> bool {
        match (self.found.date, other.found.date) {
            (None, None) => true,
            (Some(own), Some(other)) => (own - other).num_days().abs() <= 1,
            (Some(own), None) => self.days.iter().all(|day| (*day - own).num_days().abs() <= 1),
            (None, Some(_)) => false,
        }
    }
}

/// Files that are alike, the one that belongs where it stands first.
fn ranked<'f>(files: &'f [Found], places: Vec<usize>, overrides: &ColumnOverrides) -> Vec<Candidate<'f>> {
    let days = |found: &Found| {
        let file = EventFile::open(&found.path, String::new(), found.date, overrides).ok()?;
        Some(file.row_groups.into_iter().flat_map(|group| group.days).collect())
    };
    let own = |place: usize| Some(Candidate { place, found: &files[place], days: days(&files[place])? });
    let mut ranked: Vec<Candidate<'f>> = places.into_iter().filter_map(own).collect();
    ranked.sort_by(|left, right| left.rank().cmp(&right.rank()));
    ranked
}

/// Bytes that are compared at a time.
const BLOCK: usize = 1 << 18;

/// Whether two files hold the same. What cannot be read is not the same: it is told when it is opened.
fn same_bytes(left: &Path, right: &Path) -> bool {
    let compare = || -> std::io::Result<bool> {
        let (mut left, mut right) = (File::open(left)?, File::open(right)?);
        let (mut own, mut other) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        loop {
            own.clear();
            other.clear();
            left.by_ref().take(BLOCK as u64).read_to_end(&mut own)?;
            right.by_ref().take(BLOCK as u64).read_to_end(&mut other)?;
            if own != other || own.is_empty() {
                return Ok(own == other);
            }
        }
    };
    compare().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_and_not_the_size() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let long: Vec<u8> = (0..BLOCK + 10).map(|byte| byte as u8).collect();
        let mut otherwise = long.clone();
        otherwise[BLOCK + 5] ^= 1;
        let (one, same, other) = (file("a", &long), file("b", &long), file("c", &otherwise));
        assert!(same_bytes(&one, &same) && !same_bytes(&one, &other));
        assert!(!same_bytes(&one, &file("d", &long[..BLOCK])));
        assert!(!same_bytes(&one, &folder.path().join("absent")));
    }

    #[test]
    fn one_stands_for_another_where_its_rows_are_counted_for_the_same_days() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let found = |date: Option<u32>| Found { date: date.map(day), path: PathBuf::from("a"), size: 1 };
        let counts_for = |own: Option<u32>, other: Option<u32>| {
            let (own, other) = (found(own), found(other));
            let place = |found| Candidate { place: 0, found, days: vec![day(5), day(6)] };
            place(&own).counts_for(&place(&other))
        };
        assert!(counts_for(Some(5), Some(5)) && counts_for(Some(5), Some(6)) && counts_for(None, None));
        assert!(!counts_for(Some(5), Some(7)), "the rows of a folder so far off are set aside and told");
        assert!(counts_for(Some(5), None) && !counts_for(Some(4), None));
        let (near, far) = (found(Some(5)), found(Some(7)));
        let rank = |found| Candidate { place: 0, found, days: vec![day(5), day(6)] }.rank().1;
        assert_eq!((rank(&near), rank(&far)), (1, 3));
    }
}
