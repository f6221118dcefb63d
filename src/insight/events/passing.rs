//! A row group as it is searched: its rows part by part with their times, and of its columns what is asked for.
//!
//! Which rows can belong to a target is told by the few columns that name entities; all others are read of those rows alone, and few as
//! they are, hardly anything of the others is decoded.

use std::ops::Range;

use arrow::buffer::ScalarBuffer;

use crate::error::Result;
use crate::insight::events::at_hand::AtHand;
use crate::insight::events::described::{DESCRIBING, DESCRIBING_INPUTS};
use crate::insight::events::reading::Group;
use crate::partition::{CodedColumn, EventBatch, RowChoice, RowGroupReader, TextColumn, read_texts};
use crate::rollup::keys::INPUTS;

/// Rows that are searched together, which bounds what is in memory.
const PART_ROWS: usize = 1 << 20;

/// Some rows of a row group that follow one another.
#[derive(Debug, Clone, Copy)]
pub(in crate::insight) struct Part<'a> {
    /// The number of the first.
    pub(in crate::insight) first: u32,
    /// When they were, in milliseconds.
    pub(in crate::insight) times: &'a [i64],
    /// Whether they are in the order of their times.
    pub(super) in_order: bool,
}

impl<'a> Part<'a> {
    /// The rows from `first` on that have these times.
    pub(in crate::insight) fn new(first: u32, times: &'a [i64]) -> Self {
        Self { first, times, in_order: times.is_sorted() }
    }

    /// The time of a row of the row group.
    #[inline]
    pub(in crate::insight) fn time(&self, row: u32) -> i64 {
        self.times[(row - self.first) as usize]
    }
}

/// Where texts of rows are found; columns go by their places in [`INPUTS`], rows by their numbers in the row group.
pub(in crate::insight) trait Told {
    /// The texts of a column in rows with these ascending numbers.
    fn take(&mut self, place: usize, rows: &[u32]) -> Result<TextColumn>;

    /// Tells that a column will be asked for some of the rows with these ascending numbers, again and again.
    fn look_up(&mut self, _place: usize, _rows: &[u32]) -> Result<()> {
        Ok(())
    }

    /// What [`DESCRIBING`] names of rows with these ascending numbers, for keeping; nothing where that would be read as well later.
    fn described(&mut self, rows: &[u32]) -> Result<Option<EventBatch>>;

    /// What was decoded of rows with these ascending numbers.
    fn at_hand(&self, rows: &[u32]) -> Option<AtHand>;
}

/// The columns of a row group.
pub(super) struct Columns<'file> {
    group: Group<'file>,
    /// By place.
    opened: [Opened<'file>; INPUTS.len()],
}

/// A column of a row group.
#[derive(Default)]
enum Opened<'file> {
    /// Nobody asked for it.
    #[default]
    Not,
    /// Its rows hold texts.
    Texts,
    /// Its rows hold keys into one dictionary.
    Keys(Box<CodedColumn<'file>>),
}

impl<'file> Columns<'file> {
    pub(super) fn of(group: Group<'file>) -> Self {
        Self { group, opened: Default::default() }
    }

    /// A column as keys into one dictionary, if that is what its rows hold.
    pub(super) fn coded(&mut self, place: usize) -> Result<Option<&mut CodedColumn<'file>>> {
        let opened = &mut self.opened[place];
        if matches!(opened, Opened::Not) {
            let column = CodedColumn::open(self.group.0, self.group.1, INPUTS[place])?;
            *opened = column.map_or(Opened::Texts, |column| Opened::Keys(Box::new(column)));
        }
        Ok(if let Opened::Keys(column) = opened { Some(column) } else { None })
    }

    /// Calls `each` with the texts of all rows of a part, batch by batch, and with where in the part they are.
    pub(super) fn each_batch(
        &self,
        place: usize,
        part: &Part<'_>,
        mut each: impl FnMut(Range<usize>, &TextColumn),
    ) -> Result<()> {
        let choice = RowChoice { times: false, ..RowChoice::default() };
        let (begin, end) = (part.first as usize, part.first as usize + part.times.len());
        let mut first = 0;
        for batch in RowGroupReader::open_rows(self.group.0, self.group.1, &[INPUTS[place]], choice)? {
            let batch = batch?;
            let own = first.max(begin)..(first + batch.rows).min(end);
            if !own.is_empty() {
                let rows: Vec<u32> = (own.start - first..own.end - first).map(|row| row as u32).collect();
                each(own.start - begin..own.end - begin, &batch.columns[0].take(&rows));
            }
            first += batch.rows;
            if first >= end {
                break;
            }
        }
        Ok(())
    }

    /// The times of all rows, part by part.
    pub(super) fn parts(&self) -> Result<impl Iterator<Item = Result<ScalarBuffer<i64>>> + use<'file>> {
        let choice = RowChoice { batch_rows: PART_ROWS, ..RowChoice::default() };
        let batches = RowGroupReader::open_rows(self.group.0, self.group.1, &[], choice)?;
        Ok(batches.map(|batch| batch.map(|batch| batch.times)))
    }
}

impl Told for Columns<'_> {
    fn take(&mut self, place: usize, rows: &[u32]) -> Result<TextColumn> {
        if let Some(column) = self.coded(place)? {
            return column.take(rows);
        }
        let mut batch = read_texts(self.group.0, self.group.1, &[INPUTS[place]], rows)?;
        Ok(batch.columns.pop().unwrap_or_else(|| TextColumn::constant(None)))
    }

    fn look_up(&mut self, place: usize, rows: &[u32]) -> Result<()> {
        self.coded(place)?.map_or(Ok(()), |column| column.look_up(rows))
    }

    fn described(&mut self, rows: &[u32]) -> Result<Option<EventBatch>> {
        let mut others = DESCRIBING;
        let is_open = |(_, place): &(usize, usize)| matches!(self.opened[*place], Opened::Keys(_));
        let open: Vec<(usize, usize)> = DESCRIBING_INPUTS.enumerate().filter(is_open).collect();
        open.iter().for_each(|(column, _)| others[*column] = &[]);
        let mut batch = read_texts(self.group.0, self.group.1, &others, rows)?;
        for (column, place) in open {
            batch.columns[column] = self.take(place, rows)?;
        }
        Ok(Some(batch.compact()))
    }

    fn at_hand(&self, rows: &[u32]) -> Option<AtHand> {
        let keys = |place: usize| match &self.opened[place] {
            Opened::Keys(column) => column.short_keys(rows),
            Opened::Not | Opened::Texts => None,
        };
        Some(AtHand::of(rows, keys))
    }
}

/// A batch of a row group, and the number of its first row.
pub(super) struct Batch<'a>(pub(super) &'a EventBatch, pub(super) u32);

impl Told for Batch<'_> {
    fn take(&mut self, place: usize, rows: &[u32]) -> Result<TextColumn> {
        let rows: Vec<u32> = rows.iter().map(|row| row - self.1).collect();
        Ok(self.0.columns[place].take(&rows))
    }

    fn described(&mut self, _: &[u32]) -> Result<Option<EventBatch>> {
        Ok(None)
    }

    fn at_hand(&self, _: &[u32]) -> Option<AtHand> {
        None
    }
}
