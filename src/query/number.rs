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
}

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
        Self { field, numbers: HashMap::new(), values: Vec::new(), known: None }
    }

    /// The values by number.
    pub fn values(&self) -> &[Option<String>] {
        &self.values
    }

    fn number_rows(&mut self, batch: &EventBatch, columns: std::ops::Range<usize>) -> Vec<u32> {
        let columns = &batch.columns[columns];
        match columns {
            [only] if !self.field.needs_time() => self.number_by_dictionary(only, batch.rows),
            _ => (0..batch.rows).map(|row| self.number_row(columns, batch, row)).collect(),
        }
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

    fn number_row(&mut self, columns: &[TextColumn], batch: &EventBatch, row: usize) -> u32 {
        let mut texts = [None; 4];
        for (text, column) in texts.iter_mut().zip(columns) {
            *text = column.row(row);
        }
        let time = batch.times.get(row).copied().unwrap_or(NO_TIME);
        let text = self.field.text(&texts[..columns.len()], time);
        self.number(text.map(Cow::into_owned))
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
