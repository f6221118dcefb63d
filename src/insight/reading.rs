//! Going through the rows of some entities in the events.
//!
//! Only row groups that can hold a target's hours and name are opened, and of their rows only those that pass a [`Sieve`] are read
//! ([`passing`](super::passing)). What is found may be kept, to be looked at again.

use chrono::NaiveDate;

use crate::error::{Error, Result};
use crate::event::Column;
use crate::insight::belonging::{rows_of, window};
use crate::insight::investigate::Target;
use crate::insight::passing;
use crate::insight::pruning::may_name;
use crate::insight::sieve::{Sieve, those};
use crate::insight::values::TargetRows;
use crate::partition::{EventBatch, EventFile, RowChoice, RowGroupReader, read_rows, read_texts};
use crate::rollup::keys::{INPUTS, Keyer};
use crate::rollup::{Family, NONE, RowKeys};

/// What has to be read beside [`INPUTS`] wherever attributes and names are counted.
pub(super) const INVESTIGATED: [&[Column]; 3] = [&[Column::UserAgent], &[Column::ResourceName], &[Column::UserName]];
/// Rows that are read together of those that were chosen.
pub(super) const BATCH_ROWS: usize = 32_768;
/// Rows of one row group that are looked at again together.
const ROWS_AGAIN: usize = 1 << 17;
/// Rows of one row group that are kept.
const MOST_KEPT: usize = 65_536;

/// Rows of targets that were read once and are kept to be looked at again.
#[derive(Debug)]
pub(super) struct Kept {
    batch: EventBatch,
    numbers: Vec<u32>,
}

impl Kept {
    /// These rows of a batch.
    fn of(batch: &EventBatch, numbers: &[u32], rows: &[u32]) -> Self {
        let numbers = rows.iter().map(|&row| numbers[row as usize]).collect();
        Self { batch: batch.take(rows).compact(), numbers }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }
}

/// A row group of a file.
pub(super) type Group<'files> = (&'files EventFile, usize);

/// The row groups that can hold rows of the targets, by their times and names.
pub(super) fn groups<'files>(files: &'files [EventFile], date: NaiveDate, targets: &[Target]) -> Vec<Group<'files>> {
    let all = files.iter().flat_map(|file| file.row_groups_of(date).map(move |group| (file, group)));
    all.filter(|&(file, group)| held(file, group, date, targets).next().is_some()).collect()
}

/// Reads the rows of all targets on one day and calls `visit` with a target's number and its rows in a batch. A batch has the
/// columns of [`INPUTS`], then `more`.
pub(super) fn read(
    files: &[EventFile],
    date: NaiveDate,
    targets: &[Target],
    more: &[&[Column]],
    mut visit: impl FnMut(usize, &TargetRows<'_>),
) -> Result<()> {
    let mut reader = Reader::new(date, targets);
    let columns: Vec<&[Column]> = INPUTS.into_iter().chain(more.iter().copied()).collect();
    groups(files, date, targets).into_iter().try_for_each(|group| reader.all_with(group, &columns, &mut visit))
}

/// The columns that an investigation reads.
fn investigated() -> Vec<&'static [Column]> {
    INPUTS.into_iter().chain(INVESTIGATED).collect()
}

/// Reads row group after row group, and remembers what it worked out about who calls.
pub(super) struct Reader<'a> {
    date: NaiveDate,
    targets: &'a [Target],
    keyer: Keyer,
    keys: RowKeys,
    /// By row of a batch the member of [`Family::ApiError`], or [`NONE`].
    errors: Vec<u32>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(date: NaiveDate, targets: &'a [Target]) -> Self {
        let with_networks = targets.iter().any(|target| !target.with.is_empty());
        Self { date, targets, keyer: Keyer::new(with_networks), keys: RowKeys::default(), errors: Vec::new() }
    }

    /// Finds the rows of all targets in a row group, by the columns that tell these; keeps them with all others, unless they are too many.
    pub(super) fn find(
        &mut self,
        group: Group<'_>,
        visit: &mut impl FnMut(usize, &TargetRows<'_>),
    ) -> Result<Option<Vec<Kept>>> {
        let (mut kept, mut count) = (Vec::new(), 0);
        self.sieved(group, &INPUTS, |reader, batch, numbers| {
            let rows = reader.visit_batch(batch, numbers, visit);
            count += rows.len();
            if !rows.is_empty() && count <= MOST_KEPT {
                kept.push(Kept::of(batch, numbers, &rows));
            }
        })?;
        if count > MOST_KEPT {
            return Ok(None);
        }
        for kept in &mut kept {
            let Some(more) = unless_damaged(read_texts(group.0, group.1, &INVESTIGATED, &kept.numbers))? else {
                return Ok(None);
            };
            kept.batch.columns.extend(more.columns);
        }
        Ok(Some(kept))
    }

    /// Looks at kept rows again.
    pub(super) fn again(&mut self, kept: &[Kept], visit: &mut impl FnMut(usize, &TargetRows<'_>)) {
        for Kept { batch, numbers } in kept {
            self.visit_batch(batch, numbers, visit);
        }
    }

    /// Reads all rows of a row group, as [`Reader::find`] does.
    pub(super) fn all(&mut self, group: Group<'_>, visit: &mut impl FnMut(usize, &TargetRows<'_>)) -> Result<()> {
        self.all_with(group, &investigated(), visit)
    }

    fn all_with(
        &mut self,
        group: Group<'_>,
        columns: &[&[Column]],
        visit: &mut impl FnMut(usize, &TargetRows<'_>),
    ) -> Result<()> {
        self.sieved(group, columns, |reader, batch, numbers| {
            reader.visit_batch(batch, numbers, visit);
        })
    }

    /// Reads all rows of a row group that a target can be about.
    fn sieved(
        &mut self,
        group: Group<'_>,
        columns: &[&[Column]],
        mut each: impl FnMut(&mut Self, &EventBatch, &[u32]),
    ) -> Result<()> {
        let held = held(group.0, group.1, self.date, self.targets).map(|target| &self.targets[target]);
        let mut sieve = Sieve::of(held.map(|target| (target, window(self.date, target.search))));
        passing::read(group, &mut sieve, columns, |batch, numbers| each(self, batch, numbers))
    }

    /// Reads the rows of these ascending numbers in a row group.
    pub(super) fn these(
        &mut self,
        group: Group<'_>,
        rows: &[u32],
        visit: &mut impl FnMut(usize, &TargetRows<'_>),
    ) -> Result<()> {
        let columns = &investigated();
        for rows in rows.chunks(ROWS_AGAIN) {
            match unless_damaged(read_rows(group.0, group.1, columns, rows))? {
                Some(batch) => self.visit_batch(&batch, rows, visit),
                None => return self.until_damage(group, rows, visit),
            };
        }
        Ok(())
    }

    /// Reads the rows of these ascending numbers that come before the place where the file is damaged.
    fn until_damage(
        &mut self,
        (file, group): Group<'_>,
        rows: &[u32],
        visit: &mut impl FnMut(usize, &TargetRows<'_>),
    ) -> Result<()> {
        let choice = RowChoice { rows: Some(rows), times: true, batch_rows: BATCH_ROWS };
        let mut first = 0;
        for batch in RowGroupReader::open_rows(file, group, &investigated(), choice)? {
            let Some(batch) = unless_damaged(batch)? else { break };
            self.visit_batch(&batch, &rows[first..first + batch.rows], visit);
            first += batch.rows;
        }
        Ok(())
    }

    /// Gives the rows that belong to any target, ascending.
    fn visit_batch(
        &mut self,
        batch: &EventBatch,
        numbers: &[u32],
        visit: &mut impl FnMut(usize, &TargetRows<'_>),
    ) -> Vec<u32> {
        self.keyer.number_rows(batch, &mut self.keys);
        self.errors.clear();
        self.errors.resize(batch.rows, NONE);
        for &(row, member) in self.keys.listed(Family::ApiError) {
            self.errors[row as usize] = member;
        }
        let (keyer, keys, errors) = (&self.keyer, &self.keys, &self.errors[..]);
        let found = rows_of(self.targets, self.date, batch, keyer, keys);
        let mut belong = vec![false; batch.rows];
        for (number, rows) in found.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            visit(number, &TargetRows { batch, keyer, keys, errors, rows, numbers });
            rows.iter().for_each(|&row| belong[row as usize] = true);
        }
        those(&belong)
    }
}

/// What was read, unless the file is damaged there: that was named when the day was counted, and what was read before it still tells
/// something. A file that has gone or cannot be read since then is an error.
pub(super) fn unless_damaged<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(Error::Read { .. }) => read.map(Some),
        read => Ok(read.ok()),
    }
}

/// The numbers of the targets that a row group can hold rows of, by the times and names that its statistics tell.
fn held(file: &EventFile, group: usize, date: NaiveDate, targets: &[Target]) -> impl Iterator<Item = usize> {
    let overlaps = move |target: &Target| {
        let (start, end) = window(date, target.search);
        file.row_groups[group].span.is_none_or(|(first, last)| first < end && last >= start)
    };
    (0..targets.len()).filter(move |&target| overlaps(&targets[target]) && may_name(file, group, &targets[target]))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;

    use super::*;

    #[test]
    fn damage_is_passed_over_and_a_file_that_is_gone_is_not() {
        let gone = Error::read(Path::new("a.parquet"))(ErrorKind::NotFound.into());
        assert!(matches!(unless_damaged::<()>(Err(gone)), Err(Error::Read { .. })));
        let damaged = Error::Parquet { path: "a.parquet".into(), message: "a page ends before its rows do".into() };
        assert!(matches!(unless_damaged::<()>(Err(damaged)), Ok(None)));
        assert_eq!(unless_damaged(Ok(7)).unwrap(), Some(7));
    }
}
