//! Reading the rows that pass a sieve. Which these are is told by the few columns that name entities; all others are read of those rows
//! alone, and few as they are, hardly anything of the others is decoded.

use arrow::buffer::ScalarBuffer;

use crate::error::Result;
use crate::event::Column;
use crate::insight::reading::{BATCH_ROWS, Group, unless_damaged};
use crate::insight::sieve::{Sieve, ToldBy};
use crate::partition::{EventBatch, RowChoice, RowGroupReader, TextColumn, read_rows, read_texts, read_times};

/// Row groups with more rows are read batch by batch, which bounds what is in memory.
const MOST_ROWS: usize = 1 << 20;
/// Rows that are read together of those that pass.
const ROWS_TOGETHER: usize = 1 << 17;

/// Rows that a sieve let through.
#[derive(Default)]
struct Passed {
    /// Their numbers in the row group.
    numbers: Vec<u32>,
    /// What was read of them, batch by batch.
    batches: Vec<EventBatch>,
}

impl Passed {
    fn column(&self, place: usize) -> TextColumn {
        let parts: Vec<_> = self.batches.iter().map(|batch| (batch.columns[place].clone(), batch.rows)).collect();
        TextColumn::concat(&parts).compact()
    }
}

/// Calls `each` with the rows that pass, with these columns and their times, and with their numbers in the row group. The first columns
/// must be those that the sieve knows.
pub(super) fn read(
    (file, group): Group<'_>,
    sieve: &mut Sieve,
    columns: &[&[Column]],
    mut each: impl FnMut(&EventBatch, &[u32]),
) -> Result<()> {
    match search((file, group), sieve)? {
        Some(found) => found.read((file, group), sieve, columns, each),
        None => read_in_batches((file, group), sieve, columns, &mut each),
    }
}

/// Rows of a row group that were found at one go.
struct Found<'file> {
    times: ScalarBuffer<i64>,
    rows: Vec<u32>,
    told_by: Vec<ToldBy<'file>>,
}

/// Finds the rows that pass; `None` if that cannot be done at one go.
fn search<'file>((file, group): Group<'file>, sieve: &Sieve) -> Result<Option<Found<'file>>> {
    if file.row_groups[group].rows > MOST_ROWS as u64 {
        return Ok(None);
    }
    let Some(times) = unless_damaged(read_times(file, group))? else { return Ok(None) };
    let found = unless_damaged(sieve.search((file, group), &times))?.flatten();
    Ok(found.map(|(rows, told_by)| Found { times, rows, told_by }))
}

impl Found<'_> {
    fn read(
        mut self,
        (file, group): Group<'_>,
        sieve: &mut Sieve,
        columns: &[&[Column]],
        mut each: impl FnMut(&EventBatch, &[u32]),
    ) -> Result<()> {
        let mut others = columns.to_vec();
        self.told_by.iter().for_each(|(place, _)| others[*place] = &[]);
        for rows in std::mem::take(&mut self.rows).chunks(ROWS_TOGETHER) {
            let Some(batch) = unless_damaged(self.batch((file, group), &others, rows))? else {
                return until_damage((file, group), sieve, columns, rows[0], each);
            };
            each(&batch, rows);
        }
        Ok(())
    }

    fn batch(&mut self, (file, group): Group<'_>, others: &[&[Column]], rows: &[u32]) -> Result<EventBatch> {
        let mut batch = read_texts(file, group, others, rows)?;
        batch.times = rows.iter().map(|&row| self.times[row as usize]).collect();
        for (place, column) in &mut self.told_by {
            batch.columns[*place] = column.take(rows)?;
        }
        Ok(batch)
    }
}

fn read_in_batches(
    (file, group): Group<'_>,
    sieve: &mut Sieve,
    columns: &[&[Column]],
    each: &mut impl FnMut(&EventBatch, &[u32]),
) -> Result<()> {
    let telling = sieve.columns();
    let is_telling = |place: usize| telling.get(place).is_some_and(|columns| !columns.is_empty());
    let mut others = columns.to_vec();
    (0..telling.len()).filter(|&place| is_telling(place)).for_each(|place| others[place] = &[]);
    let choice = RowChoice { times: false, ..RowChoice::default() };
    let mut batches = RowGroupReader::open_rows(file, group, &telling, choice)?;
    let mut next = 0;
    loop {
        let first = next;
        let passed = pass((file, group), sieve, &mut batches, &mut next)?;
        if passed.numbers.is_empty() {
            return Ok(());
        }
        let Some(mut found) = unless_damaged(read_rows(file, group, &others, &passed.numbers))? else {
            return until_damage((file, group), sieve, columns, first, each);
        };
        for place in (0..telling.len()).filter(|&place| is_telling(place)) {
            found.columns[place] = passed.column(place);
        }
        each(&found, &passed.numbers);
    }
}

/// Lets rows through a sieve up to the end of the row group, or until they are many; `next` is the number of the next row.
fn pass(
    (file, group): Group<'_>,
    sieve: &mut Sieve,
    batches: &mut RowGroupReader<'_>,
    next: &mut u32,
) -> Result<Passed> {
    let mut passed = Passed::default();
    while passed.numbers.len() < BATCH_ROWS {
        let Some(batch) = batches.next().map(unless_damaged).transpose()?.flatten() else { break };
        let rows = sieve.rows(&batch);
        if !rows.is_empty() {
            passed.numbers.extend(rows.iter().map(|row| *next + row));
            passed.batches.push(batch.take(&rows));
        } else if sieve.is_vain(file, group) {
            break;
        }
        *next += batch.rows as u32;
    }
    Ok(passed)
}

/// Reads all columns from row `from` on up to where the file is damaged, as the count of the day did.
fn until_damage(
    (file, group): Group<'_>,
    sieve: &mut Sieve,
    columns: &[&[Column]],
    from: u32,
    mut each: impl FnMut(&EventBatch, &[u32]),
) -> Result<()> {
    let mut first = 0;
    for batch in RowGroupReader::open(file, group, columns)? {
        let Some(batch) = unless_damaged(batch)? else { break };
        let mut rows = sieve.rows(&batch);
        rows.retain(|row| first + row >= from);
        if !rows.is_empty() {
            let numbers: Vec<u32> = rows.iter().map(|row| first + row).collect();
            each(&batch.take(&rows), &numbers);
        }
        first += batch.rows as u32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
    use chrono::NaiveDate;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use proptest::prelude::*;

    use super::*;
    use crate::insight::belonging::window;
    use crate::insight::investigate::{Minutes, Target};
    use crate::partition::{ColumnOverrides, EventFile, midnight_ms};
    use crate::rollup::keys::INPUTS;
    use crate::rollup::{EntityKey, Family};

    const DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
    const FAMILIES: [Family; 3] = [Family::Api, Family::SourceIp, Family::AccessKey];

    /// A minute of the day, and the numbers of the API, the address and the key, if there is one.
    type Row = (u16, u8, u8, Option<u8>);

    fn field(row: Row, family: Family) -> Option<u8> {
        match family {
            Family::Api => Some(row.1),
            Family::SourceIp => Some(row.2),
            _ => row.3,
        }
    }

    fn text(family: Family, number: u8) -> String {
        match family {
            Family::Api => format!("Call{number}"),
            Family::SourceIp => format!("192.0.2.{number}"),
            _ => format!("LTAI5tExampleKey{number:04}"),
        }
    }

    fn open(rows: &[Row], page_rows: usize) -> (tempfile::TempDir, EventFile) {
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
        ])
        .unwrap();
        let properties =
            WriterProperties::builder().set_data_page_row_count_limit(page_rows).set_write_batch_size(8).build();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = EventFile::open(&path, "events.parquet".to_owned(), None, &ColumnOverrides::new()).unwrap();
        (folder, file)
    }

    fn target(family: Family, number: u8, hours: (u8, u8)) -> Target {
        let name = text(family, number);
        let fields: &[&str] = if family == Family::Api { &["1", "s0", &name] } else { &["1", &name] };
        Target {
            family,
            keys: vec![EntityKey::new(fields.iter().copied())],
            hours,
            search: hours,
            minutes: Minutes::Whole,
            since: DATE,
            with: Vec::new(),
        }
    }

    /// What was read of rows, by their numbers: the time and the texts.
    type Told = BTreeMap<u32, (i64, Vec<Option<String>>)>;

    fn tell(told: &mut Told, batch: &EventBatch, numbers: &[u32]) {
        for (row, &number) in numbers.iter().enumerate() {
            let texts = batch.columns.iter().map(|column| column.row(row).map(str::to_owned)).collect();
            assert!(told.insert(number, (batch.times[row], texts)).is_none(), "row {number} was told twice");
        }
    }

    proptest! {
        /// The search at one go finds every row that batch after batch finds and that is asked for, and tells the same of it.
        #[test]
        fn what_is_found_at_one_go_is_what_batches_tell(
            mut rows in prop::collection::vec((0_u16..1440, 0_u8..6, 0_u8..9, prop::option::weighted(0.8, 0_u8..5)), 1..300),
            asked in prop::collection::vec((0_usize..3, 0_u8..8, 0_u8..23, 1_u8..6), 1..6),
            in_order in any::<bool>(),
            page_rows in 8_usize..100,
        ) {
            if in_order {
                rows.sort_unstable();
            }
            let (_folder, file) = open(&rows, page_rows);
            let targets: Vec<Target> = asked
                .iter()
                .map(|&(family, number, hour, hours)| target(FAMILIES[family], number, (hour, (hour + hours).min(24))))
                .collect();
            let sieve = || Sieve::of(targets.iter().map(|target| (target, window(DATE, target.search))));
            let (mut fast, mut slow) = (Told::new(), Told::new());
            let found = search((&file, 0), &sieve()).unwrap().expect("all columns are of keys");
            found.read((&file, 0), &mut sieve(), &INPUTS, |batch, numbers| tell(&mut fast, batch, numbers)).unwrap();
            read_in_batches((&file, 0), &mut sieve(), &INPUTS, &mut |batch: &EventBatch, numbers: &[u32]| tell(&mut slow, batch, numbers))
                .unwrap();
            prop_assert!(fast.iter().all(|(number, told)| slow.get(number) == Some(told)));
            for (number, row) in rows.iter().enumerate() {
                let is_asked_for = asked.iter().any(|&(family, asked, hour, hours)| {
                    field(*row, FAMILIES[family]) == Some(asked) && (u16::from(hour) * 60..u16::from((hour + hours).min(24)) * 60).contains(&row.0)
                });
                prop_assert!(!is_asked_for || fast.contains_key(&(number as u32)), "row {} is missing", number);
            }
        }
    }
}
