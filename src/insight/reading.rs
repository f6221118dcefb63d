//! The rows of some entities in the events, and what values their attributes have.
//!
//! Only row groups that can hold a target's hours and name are opened, and of their rows only those that pass a [`Sieve`] are read
//! ([`passing`](super::passing)). Values are counted by the small numbers that stand for them in a batch; their texts are made once a batch, not once a row.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::error::{Error, Result};
use crate::event::{Column, SourceAddress, meaningful, service_name};
use crate::insight::investigate::Target;
use crate::insight::passing;
use crate::insight::pruning::may_name;
use crate::insight::sieve::Sieve;
use crate::partition::{EventBatch, EventFile, RowChoice, RowGroupReader, TextColumn, midnight_ms, read_rows};
use crate::rollup::keys::{INPUTS, Keyer};
use crate::rollup::{EntityKey, Family, RowKeys};
use crate::shown;

/// Milliseconds of a minute.
pub(super) const MINUTE_MS: i64 = 60_000;
/// Distinct values of an attribute that are told apart; the rest goes by one name.
const MOST_VALUES: usize = 10_000;
/// What values beyond [`MOST_VALUES`] are counted under.
pub const OTHER: &str = shown::OTHER;

/// The attributes of an event that an insight is attributed to.
pub const ATTRIBUTES: [&str; 8] = [
    "principalId",
    "accessKeyId",
    "sourceIpAddress",
    "userAgent",
    "apiRelated",
    "errorCode",
    "acsRegion",
    "resourceName",
];

/// For each of [`ATTRIBUTES`] the values and their calls.
pub type Values = [BTreeMap<String, u64>; ATTRIBUTES.len()];

/// What has to be read beside [`INPUTS`], and first, wherever attributes are counted.
pub(super) const ATTRIBUTE_COLUMNS: [&[Column]; 2] = [&[Column::UserAgent], &[Column::ResourceName]];
const USER_AGENT: usize = INPUTS.len();
const RESOURCE: usize = INPUTS.len() + 1;
const NAME: usize = INPUTS.len() + 2;
/// What an investigation reads beside [`INPUTS`].
const INVESTIGATED: [&[Column]; 3] = [ATTRIBUTE_COLUMNS[0], ATTRIBUTE_COLUMNS[1], &[Column::UserName]];
/// Rows that are read together of those that were chosen.
pub(super) const BATCH_ROWS: usize = 32_768;
/// Rows of one row group that are kept.
const MOST_KEPT: usize = 32_768;

/// The rows of a batch that belong to one target.
pub(super) struct TargetRows<'a> {
    pub(super) batch: &'a EventBatch,
    keyer: &'a Keyer,
    keys: &'a RowKeys,
    /// The rows, ascending in the batch.
    pub(super) rows: &'a [u32],
    /// For each row of the batch its number in the row group.
    pub(super) numbers: &'a [u32],
}

/// Rows of targets that were read once and are kept to be looked at again.
#[derive(Debug)]
pub(super) struct Kept {
    batch: EventBatch,
    numbers: Vec<u32>,
}

impl Kept {
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
}

impl<'a> Reader<'a> {
    pub(super) fn new(date: NaiveDate, targets: &'a [Target]) -> Self {
        let with_networks = targets.iter().any(|target| !target.with.is_empty());
        Self { date, targets, keyer: Keyer::new(with_networks), keys: RowKeys::default() }
    }

    /// Finds the rows of all targets in a row group, and keeps them unless they are too many.
    pub(super) fn find(
        &mut self,
        group: Group<'_>,
        visit: &mut impl FnMut(usize, &TargetRows<'_>),
    ) -> Result<Option<Vec<Kept>>> {
        let (mut kept, mut count) = (Vec::new(), 0);
        self.sieved(group, &investigated(), |reader, batch, numbers| {
            let rows = reader.visit_batch(batch, numbers, visit);
            count += rows.len();
            if !rows.is_empty() && count <= MOST_KEPT {
                let numbers = rows.iter().map(|&row| numbers[row as usize]).collect();
                kept.push(Kept { batch: batch.take(&rows).compact(), numbers });
            }
        })?;
        Ok((count <= MOST_KEPT).then_some(kept))
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
        passing::read(group, &mut Sieve::of(held), columns, |batch, numbers| each(self, batch, numbers))
    }

    /// Reads the rows of these ascending numbers in a row group.
    pub(super) fn these(
        &mut self,
        (file, group): Group<'_>,
        rows: &[u32],
        visit: &mut impl FnMut(usize, &TargetRows<'_>),
    ) -> Result<()> {
        let columns = &investigated();
        if rows.len() <= BATCH_ROWS {
            if let Some(batch) = unless_damaged(read_rows(file, group, columns, rows))? {
                self.visit_batch(&batch, rows, visit);
            }
            return Ok(());
        }
        let choice = RowChoice { rows: Some(rows), times: true, batch_rows: BATCH_ROWS };
        let mut first = 0;
        for batch in RowGroupReader::open_rows(file, group, columns, choice)? {
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
        let (keyer, keys) = (&self.keyer, &self.keys);
        let found = rows_of(self.targets, self.date, batch, keyer, keys);
        for (number, rows) in found.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            visit(number, &TargetRows { batch, keyer, keys, rows, numbers });
        }
        let mut all = found.concat();
        all.sort_unstable();
        all.dedup();
        all
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

/// The first millisecond of some hours of a day, and one past the last.
pub(super) fn window(date: NaiveDate, hours: (u8, u8)) -> (i64, i64) {
    let hour = |hour: u8| midnight_ms(date) + i64::from(hour) * 60 * MINUTE_MS;
    (hour(hours.0), hour(hours.1))
}

/// For each target its rows in a batch. Each family's rows are gone through once, however many targets there are.
fn rows_of(targets: &[Target], date: NaiveDate, batch: &EventBatch, keyer: &Keyer, keys: &RowKeys) -> Vec<Vec<u32>> {
    let mut rows = vec![Vec::new(); targets.len()];
    let families: BTreeSet<Family> = targets.iter().map(|target| target.family).collect();
    for family in families {
        let wanted = wanted(targets, family, keyer);
        let with: Vec<Option<Vec<(Family, u32)>>> = targets.iter().map(|target| with(target, keyer)).collect();
        let mut note = |row: u32, member: u32| {
            let time = batch.times[row as usize];
            for &target in wanted.get(member as usize).into_iter().flatten() {
                let (start, end) = window(date, targets[target].search);
                let is_with = |&(family, member): &(Family, u32)| keys.member(family, row as usize) == Some(member);
                if (start..end).contains(&time) && with[target].as_ref().is_none_or(|with| with.iter().any(is_with)) {
                    rows[target].push(row);
                }
            }
        };
        match keys.dense(family) {
            Some(members) => members.iter().enumerate().for_each(|(row, &member)| note(row as u32, member)),
            None => keys.listed(family).iter().for_each(|&(row, member)| note(row, member)),
        }
    }
    rows
}

/// The members of a batch one of which a target's rows must be with; `None` if all rows are meant.
fn with(target: &Target, keyer: &Keyer) -> Option<Vec<(Family, u32)>> {
    let member = |(family, key): &(Family, EntityKey)| Some((*family, keyer.members(*family).number(key)?));
    (!target.with.is_empty()).then(|| target.with.iter().filter_map(member).collect())
}

/// For each member of a family the targets that it belongs to.
fn wanted(targets: &[Target], family: Family, keyer: &Keyer) -> Vec<Vec<usize>> {
    let members = keyer.members(family);
    let mut wanted = vec![Vec::new(); members.len()];
    for (number, target) in targets.iter().enumerate().filter(|(_, target)| target.family == family) {
        for member in target.keys.iter().filter_map(|key| members.number(key)) {
            wanted[member as usize].push(number);
        }
    }
    wanted
}

impl TargetRows<'_> {
    /// The same batch with fewer rows.
    pub(super) fn only<'b>(&'b self, rows: &'b [u32]) -> TargetRows<'b> {
        TargetRows { batch: self.batch, keyer: self.keyer, keys: self.keys, rows, numbers: self.numbers }
    }

    /// Whether a row failed.
    pub(super) fn has_failed(&self, row: u32) -> bool {
        self.keys.has_failed(row as usize)
    }

    /// The name of the API that a row calls, as it is written.
    pub(super) fn api(&self, row: u32) -> Option<&str> {
        self.batch.columns[3].row(row as usize)
    }

    /// The names of users or roles, each with its principal and their calls, in an investigation.
    pub(super) fn names(&self) -> impl Iterator<Item = (String, &str, u64)> {
        let names = &self.batch.columns[NAME];
        let mut seen: BTreeMap<(u32, u32), (usize, u64)> = BTreeMap::new();
        for row in self.rows.iter().map(|&row| row as usize) {
            seen.entry((self.identity(0, row), code(names, row))).or_insert((row, 0)).1 += 1;
        }
        let told = |(row, calls)| Some((self.value(0, row).unwrap_or_default(), names.row(row)?, calls));
        seen.into_values().filter_map(told)
    }

    /// Adds the values of all rows.
    pub(super) fn count(&self, values: &mut Values) {
        for (attribute, counts) in values.iter_mut().enumerate() {
            let mut seen: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
            for &row in self.rows {
                seen.entry(self.identity(attribute, row as usize)).or_insert((row, 0)).1 += 1;
            }
            for (row, calls) in seen.into_values() {
                if let Some(value) = self.value(attribute, row as usize) {
                    add(counts, value, calls);
                }
            }
        }
    }

    /// A number that rows with the same value of an attribute share; several numbers may stand for one value.
    fn identity(&self, attribute: usize, row: usize) -> u32 {
        let key = |column: &TextColumn| code(column, row);
        let member = |family: Family| self.keys.member(family, row).unwrap_or(u32::MAX);
        let columns = &self.batch.columns;
        match attribute {
            0 => member(Family::Principal),
            1 => key(&columns[8]),
            2 => key(&columns[4]),
            3 => key(&columns[USER_AGENT]),
            4 => member(Family::Api),
            5 => member(Family::ApiError),
            6 => key(&columns[5]),
            _ => key(&columns[RESOURCE]),
        }
    }

    /// The value of an attribute in a row.
    fn value(&self, attribute: usize, row: usize) -> Option<String> {
        let text = |column: usize| self.batch.columns[column].row(row);
        let key = |family: Family| Some(self.keyer.members(family).key(self.keys.member(family, row)?));
        match attribute {
            0 => key(Family::Principal).map(EntityKey::label),
            1 => text(8).and_then(meaningful).map(str::to_owned),
            2 => text(4).and_then(SourceAddress::parse).map(source),
            3 => text(USER_AGENT).map(str::to_owned),
            4 => text(2).map(service_name).zip(text(3)).map(|(service, api)| format!("{service}/{api}")),
            5 => Some(key(Family::ApiError).and_then(|key| key.fields().last()).unwrap_or("null").to_owned()),
            6 => text(5).map(str::to_owned),
            _ => text(RESOURCE).map(str::to_owned),
        }
    }
}

/// The number that stands for a row's text in a column.
fn code(column: &TextColumn, row: usize) -> u32 {
    column.keys().map_or(0, |keys| keys[row] as u32)
}

fn source(source: SourceAddress) -> String {
    match source {
        SourceAddress::Ip(address) => address.to_string(),
        SourceAddress::Internal => "Internal".to_owned(),
        SourceAddress::Host(host) => host,
    }
}

/// Adds calls of a value; values beyond the most that are told apart go by one name.
pub(super) fn add(counts: &mut BTreeMap<String, u64>, value: String, calls: u64) {
    if let Some(known) = counts.get_mut(&value) {
        *known += calls;
    } else if counts.len() < MOST_VALUES {
        counts.insert(value, calls);
    } else {
        *counts.entry(OTHER.to_owned()).or_default() += calls;
    }
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
