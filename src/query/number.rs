//! The values of a field as small numbers, in the order of appearance within a row group: made once for every distinct value of
//! a dictionary, so that a row costs a look-up.

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::partition::{EventBatch, NO_TIME, TextColumn};
use crate::query::Field;

/// A field whose values have numbers, in the order of appearance.
#[derive(Debug)]
pub struct NumberedField {
    field: Field,
    numbers: HashMap<Option<String>, u32>,
    values: Vec<Option<String>>,
    /// The numbers of a dictionary's values, for fields that are made of one column.
    known: Option<(TextColumn, Vec<u32>)>,
    /// The numbers of the combinations of keys that occurred, for fields that are made of several, and the columns they are of.
    combined: (Vec<TextColumn>, HashMap<[i32; MOST_INPUTS], u32>),
    /// The last time that had a number, cut to what the field shows of it.
    last_time: Option<(i64, u32)>,
}

/// The most columns that a field is made of.
const MOST_INPUTS: usize = 4;

/// For each field the number of its value in every row; the batch has the fields' inputs one after the other.
pub fn number_rows(fields: &mut [NumberedField], batch: &EventBatch) -> Vec<Vec<u32>> {
    let mut start = 0;
    let number = |field: &mut NumberedField| {
        let end = start + field.field.inputs().len();
        let numbers = field.number_rows(batch, start..end);
        start = end;
        numbers
    };
    fields.iter_mut().map(number).collect()
}

impl NumberedField {
    /// A field of which nothing was seen yet.
    pub fn new(field: Field) -> Self {
        Self {
            field,
            numbers: HashMap::new(),
            values: Vec::new(),
            known: None,
            combined: Default::default(),
            last_time: None,
        }
    }

    /// The values by number.
    pub fn values(&self) -> &[Option<String>] {
        &self.values
    }

    fn number_rows(&mut self, batch: &EventBatch, columns: std::ops::Range<usize>) -> Vec<u32> {
        let columns = &batch.columns[columns];
        match columns {
            [only] => self.number_by_dictionary(only, batch.rows),
            [] => batch.times.iter().map(|&time| self.number_time(time)).collect(),
            _ => self.number_combinations(columns, batch.rows),
        }
    }

    /// Times come in order for the most part, so most are of the same hour or day as the one before.
    fn number_time(&mut self, time: i64) -> u32 {
        let shown = self.field.cut_time(time);
        match self.last_time {
            Some((last, number)) if last == shown => number,
            _ => {
                let text = self.field.text(&[], time).map(Cow::into_owned);
                let number = self.number(text);
                self.last_time = Some((shown, number));
                number
            }
        }
    }

    fn number_combinations(&mut self, columns: &[TextColumn], rows: usize) -> Vec<u32> {
        let (known, _) = &self.combined;
        let same = known.len() == columns.len()
            && known.iter().zip(columns).all(|(known, column)| known.same_dictionary(column));
        if !same {
            self.combined = (columns.iter().map(TextColumn::without_rows).collect(), HashMap::new());
        }
        let mut numbers = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut keys = [0; MOST_INPUTS];
            for (key, column) in keys.iter_mut().zip(columns) {
                *key = column.keys().map_or(0, |keys| keys[row]);
            }
            let number = match self.combined.1.get(&keys) {
                Some(&number) => number,
                None => self.number_combination(columns, keys),
            };
            numbers.push(number);
        }
        numbers
    }

    fn number_combination(&mut self, columns: &[TextColumn], keys: [i32; MOST_INPUTS]) -> u32 {
        let mut texts = [None; MOST_INPUTS];
        for ((text, column), key) in texts.iter_mut().zip(columns).zip(keys) {
            *text = column.value(key);
        }
        let text = self.field.text(&texts[..columns.len()], NO_TIME).map(Cow::into_owned);
        let number = self.number(text);
        self.combined.1.insert(keys, number);
        number
    }

    fn number_by_dictionary(&mut self, column: &TextColumn, rows: usize) -> Vec<u32> {
        if !self.known.as_ref().is_some_and(|(known, _)| known.same_dictionary(column)) {
            let numbers = (0..column.key_count() as i32)
                .map(|key| {
                    let text = self.field.text(&[column.value(key)], NO_TIME).map(Cow::into_owned);
                    self.number(text)
                })
                .collect();
            self.known = Some((column.without_rows(), numbers));
        }
        let numbers = self.known.as_ref().map_or(&[][..], |(_, numbers)| numbers);
        match column.keys() {
            Some(keys) => keys.iter().map(|&key| numbers[key as usize]).collect(),
            None => vec![numbers[0]; rows],
        }
    }

    fn number(&mut self, value: Option<String>) -> u32 {
        let next = self.values.len() as u32;
        let values = &mut self.values;
        *self.numbers.entry(value).or_insert_with_key(|value| {
            values.push(value.clone());
            next
        })
    }
}
