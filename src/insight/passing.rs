//! Reading the rows that pass a sieve. Which these are is told by the few columns that name entities; all others are read of those rows
//! alone, and few as they are, hardly anything of the others is decoded.

use crate::error::Result;
use crate::event::Column;
use crate::insight::reading::{BATCH_ROWS, Group, unless_damaged};
use crate::insight::sieve::Sieve;
use crate::partition::{EventBatch, RowChoice, RowGroupReader, TextColumn, read_rows};

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
