//! Finding the rows of some entities in the events.
//!
//! Only row groups that can hold a target's hours and name are opened, and of their columns only those are read that tell which rows
//! belong to a target, of rows that pass a [`Sieve`].

use chrono::NaiveDate;

use crate::error::{Error, Result};
use crate::insight::events::belonging::{Belonging, window};
use crate::insight::events::passing::{Batch, Columns, Part, Told};
use crate::insight::events::pruning::may_name;
use crate::insight::events::sieve::{FamilySet, Sieve};
use crate::insight::events::target::Target;
use crate::partition::{EventFile, RowGroupReader};
use crate::rollup::keys::INPUTS;

/// A row group of a file.
pub(super) type Group<'files> = (&'files EventFile, usize);

/// The row groups that can hold rows of the targets, by their times and names.
pub(in crate::insight) fn groups<'files>(
    files: &'files [EventFile],
    date: NaiveDate,
    targets: &[Target],
) -> Vec<Group<'files>> {
    let all = files.iter().flat_map(|file| file.row_groups_of(date).map(move |group| (file, group)));
    all.filter(|&(file, group)| held(file, group, date, targets).next().is_some()).collect()
}

/// Finds rows in row group after row group, and remembers what it worked out about whom they belong to.
pub(super) struct Reader<'a> {
    date: NaiveDate,
    targets: &'a [Target],
    belonging: Belonging,
    marks: Vec<FamilySet>,
}

impl<'a> Reader<'a> {
    pub(in crate::insight) fn new(date: NaiveDate, targets: &'a [Target]) -> Self {
        Self { date, targets, belonging: Belonging::of(targets, date), marks: Vec::new() }
    }

    /// Finds the rows of all targets in a row group; calls `each` with part after part, the rows that targets have in
    /// it, ascending, and what is open of the row group.
    pub(in crate::insight) fn find(
        &mut self,
        group: Group<'_>,
        each: &mut impl FnMut(&Part<'_>, Vec<(usize, Vec<u32>)>, &mut dyn Told) -> Result<()>,
    ) -> Result<()> {
        let held = held(group.0, group.1, self.date, self.targets).map(|target| &self.targets[target]);
        let sieve = Sieve::of(held.map(|target| (target, window(self.date, target.search))));
        let mut columns = Columns::of(group);
        let Some(tests) = unless_damaged(sieve.open(&mut columns))? else {
            return self.until_damage(group, &sieve, 0, each);
        };
        if tests.is_empty() {
            return Ok(());
        }
        let Some(parts) = unless_damaged(columns.parts())? else { return Ok(()) };
        let mut done = 0;
        for times in parts {
            let Some(times) = unless_damaged(times)? else { return self.until_damage(group, &sieve, done, each) };
            let part = Part::new(done, &times);
            self.begin(&part);
            let marked = tests.iter().try_for_each(|test| test.mark(&mut columns, &part, &mut self.marks));
            let rows = marked.and_then(|()| self.belonging.rows(&self.marks, &part, &mut columns));
            let Some(rows) = unless_damaged(rows)? else { return self.until_damage(group, &sieve, done, each) };
            each(&part, rows, &mut columns)?;
            done += times.len() as u32;
        }
        Ok(())
    }

    fn begin(&mut self, part: &Part<'_>) {
        self.marks.clear();
        self.marks.resize(part.times.len(), 0);
    }

    /// Reads all columns from row `from` on up to where the file is damaged, as the count of the day did.
    fn until_damage(
        &mut self,
        (file, group): Group<'_>,
        sieve: &Sieve,
        from: u32,
        each: &mut impl FnMut(&Part<'_>, Vec<(usize, Vec<u32>)>, &mut dyn Told) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        for batch in RowGroupReader::open(file, group, &INPUTS)? {
            let Some(batch) = unless_damaged(batch)? else { break };
            let part = Part::new(first, &batch.times);
            self.begin(&part);
            let mut told = Batch(&batch, first);
            sieve.mark(|place| batch.columns[place].clone(), &mut self.marks);
            let before = (from.saturating_sub(first) as usize).min(batch.rows);
            self.marks[..before].fill(0);
            let rows = self.belonging.rows(&self.marks, &part, &mut told)?;
            each(&part, rows, &mut told)?;
            first += batch.rows as u32;
        }
        Ok(())
    }
}

/// What was read, unless the file is damaged there: that was named when the day was counted, and what was read before it still tells
/// something. A file that has gone or cannot be read since then is an error, and so is a fault of our own.
pub(super) fn unless_damaged<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(Error::Parquet { .. } | Error::ColumnType { .. }) => Ok(None),
        read => read.map(Some),
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
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::io::ErrorKind;
    use std::path::Path;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use proptest::prelude::*;

    use super::*;
    use crate::insight::events::described::DESCRIBING;
    use crate::insight::events::look::union;
    use crate::insight::events::target::Minutes;
    use crate::partition::{ColumnOverrides, EventBatch, TextColumn, read_texts};
    use crate::rollup::{EntityKey, Family};
    use crate::time::{HourSpan, midnight_ms};

    #[test]
    fn damage_is_passed_over_and_a_file_that_is_gone_is_not() {
        let gone = Error::read(Path::new("a.parquet"))(ErrorKind::NotFound.into());
        assert!(matches!(unless_damaged::<()>(Err(gone)), Err(Error::Read { .. })));
        let damaged = Error::Parquet { path: "a.parquet".into(), message: "a page ends before its rows do".into() };
        assert!(matches!(unless_damaged::<()>(Err(damaged)), Ok(None)));
        let fault = Error::Internal("a row belongs to nobody".to_owned());
        assert!(matches!(unless_damaged::<()>(Err(fault)), Err(Error::Internal(_))));
        assert_eq!(unless_damaged(Ok(7)).unwrap(), Some(7));
    }

    pub(in crate::insight::events) const DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
    const FAMILIES: [Family; 4] = [Family::Api, Family::SourceIp, Family::AccessKey, Family::Principal];

    /// A minute of the day, and the numbers of the API, the address, the key and the user, if there is one.
    pub(in crate::insight::events) type Row = (u16, u8, u8, Option<u8>, Option<u8>);
    /// The place of a family, the number of an entity, the first hour, how many, and the number of a user whom it has to be with.
    pub(in crate::insight::events) type Asked = (usize, u8, u8, u8, Option<u8>);

    fn field(row: Row, family: Family) -> Option<u8> {
        match family {
            Family::Api => Some(row.1),
            Family::SourceIp => Some(row.2),
            Family::AccessKey => row.3,
            _ => row.4,
        }
    }

    fn text(family: Family, number: u8) -> String {
        match family {
            Family::Api => format!("Call{number}"),
            Family::SourceIp => format!("192.0.2.{number}"),
            Family::AccessKey => format!("LTAI5tExampleKey{number:04}"),
            _ => format!("2000000{number}"),
        }
    }

    pub(in crate::insight::events) fn key(family: Family, number: u8) -> EntityKey {
        let name = text(family, number);
        match family {
            Family::Api => EntityKey::new(["", "s0", &name]),
            Family::Principal => EntityKey::new(["", "unknown", &name]),
            _ => EntityKey::new(["", &name]),
        }
    }

    pub(in crate::insight::events) fn open(
        rows: &[Row],
        page_rows: usize,
        dictionaries: bool,
    ) -> (tempfile::TempDir, EventFile) {
        let time = |row: &Row| midnight_ms(DATE) + i64::from(row.0) * 60_000;
        let texts = |family: Family| -> ArrayRef {
            let texts = rows.iter().map(|row| field(*row, family).map(|number| text(family, number)));
            Arc::new(texts.collect::<StringArray>())
        };
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(time)));
        let services: ArrayRef =
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| format!("s{}", row.1 % 2))));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("event_time", times, true),
            ("event_name", texts(Family::Api), true),
            ("service_name", services, true),
            ("source_ip_address", texts(Family::SourceIp), true),
            ("access_key_id", texts(Family::AccessKey), true),
            ("principal_id", texts(Family::Principal), true),
        ])
        .unwrap();
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(dictionaries)
            .set_data_page_row_count_limit(page_rows)
            .set_write_batch_size(8)
            .build();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = EventFile::open(&path, "events.parquet".to_owned(), None, &ColumnOverrides::new()).unwrap();
        (folder, file)
    }

    pub(in crate::insight::events) fn target(&(family, number, hour, hours, user): &Asked) -> Target {
        let hours = HourSpan::new(hour, hour + hours);
        Target {
            family: FAMILIES[family],
            keys: vec![key(FAMILIES[family], number)],
            hours,
            search: hours,
            minutes: Minutes::Whole,
            since: DATE,
            with: user.into_iter().map(|user| (Family::Principal, key(Family::Principal, user))).collect(),
            eve: Vec::new(),
        }
    }

    fn is_meant(row: Row, &(family, number, hour, hours, user): &Asked) -> bool {
        let (family, minutes) = (FAMILIES[family], u16::from(hour) * 60..u16::from((hour + hours).min(24)) * 60);
        let is_called = family != Family::Api || number % 2 == 0;
        let is_with = user.is_none() || row.4 == user;
        field(row, family) == Some(number) && is_called && minutes.contains(&row.0) && is_with
    }

    /// The rows of each target, with their times.
    type Found = BTreeMap<usize, Vec<(u32, i64)>>;

    fn note(found: &mut Found, part: &Part<'_>, rows: Vec<(usize, Vec<u32>)>) {
        for (target, rows) in rows {
            found.entry(target).or_default().extend(rows.into_iter().map(|row| (row, part.time(row))));
        }
    }

    /// What the rows of a batch say, column by column.
    fn texts(batch: &EventBatch) -> Vec<Vec<Option<&str>>> {
        let rows = |column| (0..batch.rows).map(|row| TextColumn::row(column, row)).collect();
        batch.columns.iter().map(rows).collect()
    }

    proptest! {
        /// The rows that are found are those that a look at every row finds, however they are written and read.
        #[test]
        fn every_row_of_a_target_is_found_and_no_other(
            mut rows in prop::collection::vec(
                (0_u16..1440, 0_u8..6, 0_u8..9, prop::option::weighted(0.8, 0_u8..5), prop::option::weighted(0.8, 0_u8..5)), 1..300
            ),
            asked in prop::collection::vec((0_usize..4, 0_u8..8, 0_u8..23, 1_u8..6, prop::option::weighted(0.2, 0_u8..5)), 1..6),
            in_order in any::<bool>(),
            dictionaries in any::<bool>(),
            page_rows in 8_usize..100,
            from in 0_u32..300,
        ) {
            if in_order {
                rows.sort_unstable();
            }
            let (_folder, file) = open(&rows, page_rows, dictionaries);
            let targets: Vec<Target> = asked.iter().map(target).collect();
            let mut reader = Reader::new(DATE, &targets);
            let mut found = Found::new();
            reader.find((&file, 0), &mut |part, rows, _| {
                note(&mut found, part, rows);
                Ok(())
            }).unwrap();
            let mut expected = Found::new();
            for (number, asked) in asked.iter().enumerate() {
                for (place, &row) in rows.iter().enumerate().filter(|(_, row)| is_meant(**row, asked)) {
                    let time = midnight_ms(DATE) + i64::from(row.0) * 60_000;
                    expected.entry(number).or_default().push((place as u32, time));
                }
            }
            prop_assert_eq!(&found, &expected);
            reader.find((&file, 0), &mut |_, rows, told| {
                let rows = union(&rows);
                let at_hand = told.at_hand(&rows).unwrap_or_default();
                for rows in [&rows[..], &rows[rows.len() / 2..]].into_iter().filter(|rows| !rows.is_empty()) {
                    assert_eq!(texts(&at_hand.open((&file, 0))?.read(rows)?), texts(&read_texts(&file, 0, &DESCRIBING, rows)?));
                }
                Ok(())
            }).unwrap();
            let mut batches = Found::new();
            let sieve = Sieve::of(targets.iter().map(|target| (target, window(DATE, target.search))));
            reader.until_damage((&file, 0), &sieve, from, &mut |part, rows, _| {
                note(&mut batches, part, rows);
                Ok(())
            }).unwrap();
            expected.values_mut().for_each(|rows| rows.retain(|(row, _)| *row >= from));
            expected.retain(|_, rows| !rows.is_empty());
            prop_assert_eq!(batches, expected);
        }
    }
}
