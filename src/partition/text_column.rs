//! A column of texts as keys into the distinct values that occur.
//!
//! Work is done once for every distinct value and never for every row; a column that has one value for a whole row group has no
//! keys at all.

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;

use crate::event::meaningful;

/// Texts by key. A key equal to [`TextColumn::null_key`] means that the row has no text.
#[derive(Debug, Clone)]
pub struct TextColumn {
    values: StringArray,
    keys: Option<ScalarBuffer<i32>>,
    constant_null: bool,
}

impl TextColumn {
    /// A column whose every row holds the same text, or none.
    pub fn constant(value: Option<&str>) -> Self {
        let values: StringArray = value.into_iter().map(Some).collect();
        Self { values, keys: None, constant_null: value.is_none() }
    }

    /// Takes texts of which most occur once: every row has a key of its own, and no time goes into finding equal ones.
    pub fn of_rows(texts: &StringArray) -> Self {
        Self { values: texts.clone(), keys: Some((0..texts.len() as i32).collect()), constant_null: false }
    }

    /// Takes keys into texts; whoever calls has seen to it that none is beyond [`TextColumn::null_key`].
    pub(super) fn of_keys(values: StringArray, keys: ScalarBuffer<i32>) -> Self {
        Self { values, keys: Some(keys), constant_null: false }
    }

    /// Takes an array of any type that has a text form.
    pub fn from_array(array: &ArrayRef) -> Result<Self, ArrowError> {
        let array = as_dictionary(array)?;
        let dictionary = array.as_dictionary::<Int32Type>();
        let values = match dictionary.values().as_string_opt::<i32>() {
            Some(texts) => texts.clone(),
            // Old writers do not say that their bytes are text; what is not is shown as well as it can be.
            None => {
                dictionary.values().as_binary::<i32>().iter().map(|bytes| bytes.map(String::from_utf8_lossy)).collect()
            }
        };
        let keys = keys_without_nulls(dictionary.keys(), values.len() as i32);
        Ok(Self { values, keys: Some(keys), constant_null: false })
    }

    /// The distinct values; some may not occur.
    pub fn values(&self) -> &StringArray {
        &self.values
    }

    /// One key a row, or `None` when the column is constant (then every key is 0).
    pub fn keys(&self) -> Option<&[i32]> {
        self.keys.as_deref()
    }

    /// The key of a row without a text.
    pub fn null_key(&self) -> i32 {
        self.values.len() as i32
    }

    /// How many keys there can be, the null key included.
    pub fn key_count(&self) -> usize {
        self.values.len() + 1
    }

    /// The text of a key, if it says anything: words for nothing are nothing ([`meaningful`]).
    pub fn value(&self, key: i32) -> Option<&str> {
        self.as_written(key).and_then(meaningful)
    }

    /// The text of a key as it is written, whether it says anything or not.
    pub fn as_written(&self, key: i32) -> Option<&str> {
        let key = key as usize;
        (key < self.values.len() && self.values.is_valid(key)).then(|| self.values.value(key))
    }

    /// The text of a row.
    pub fn row(&self, row: usize) -> Option<&str> {
        self.value(self.keys.as_ref().map_or(0, |keys| keys[row]))
    }

    /// The text of a row as it is written.
    pub fn row_as_written(&self, row: usize) -> Option<&str> {
        self.as_written(self.keys.as_ref().map_or(0, |keys| keys[row]))
    }

    /// The same rows with other texts: what `map` makes of each.
    #[must_use]
    pub fn mapped(&self, map: impl Fn(&str) -> Option<String>) -> Self {
        let values = self.values.iter().map(|text| map(meaningful(text?)?)).collect();
        Self { values, ..self.clone() }
    }

    /// Whether no row can have a text.
    pub fn is_all_null(&self) -> bool {
        self.constant_null || self.values.is_empty()
    }

    /// Whether both have the very same dictionary, so that what was worked out for the keys of one holds for the other.
    /// Sound while either is alive, for then its memory cannot have been used again.
    pub fn same_dictionary(&self, other: &Self) -> bool {
        self.values.len() == other.values.len()
            && self.values.value_data().as_ptr() == other.values.value_data().as_ptr()
            && self.values.value_offsets().as_ptr() == other.values.value_offsets().as_ptr()
    }

    /// For each row the first of `columns` that has a text there.
    pub fn coalesce(columns: Vec<Self>, rows: usize) -> Self {
        let mut columns = columns.into_iter().filter(|column| !column.is_all_null());
        let Some(mut result) = columns.next() else { return Self::constant(None) };
        for next in columns {
            if result.has_null(rows) {
                result = result.or(&next, rows);
            }
        }
        result
    }

    /// The rows of the given numbers, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let keys = self.keys.as_ref().map(|keys| rows.iter().map(|&row| keys[row as usize]).collect());
        Self { keys, ..self.clone() }
    }

    /// The rows of columns one after another, of which each has so many.
    pub fn concat(columns: &[(Self, usize)]) -> Self {
        let Some((first, _)) = columns.first() else { return Self::constant(None) };
        let alike = |column: &Self| column.keys.is_some() == first.keys.is_some() && column.same_dictionary(first);
        if first.keys.is_none() && columns.iter().all(|(column, _)| column.values == first.values) {
            return first.clone();
        }
        if columns.iter().all(|(column, _)| alike(column)) {
            let keys = columns.iter().filter_map(|(column, _)| column.keys()).flatten().copied().collect();
            return Self { keys: Some(keys), ..first.clone() };
        }
        let values: StringArray = columns.iter().flat_map(|(column, _)| column.values.iter()).collect();
        let (mut keys, mut offset, null) = (Vec::new(), 0, values.len() as i32);
        for (column, rows) in columns {
            let key = |row: usize| column.keys.as_ref().map_or(0, |keys| keys[row]);
            let moved = |key: i32| if key == column.null_key() { null } else { offset + key };
            keys.extend((0..*rows).map(|row| moved(key(row))));
            offset += column.values.len() as i32;
        }
        Self { keys: Some(keys.into()), values, constant_null: false }
    }

    /// The same rows with a dictionary of the texts that occur.
    #[must_use]
    pub fn compact(&self) -> Self {
        let Some(keys) = &self.keys else { return self.clone() };
        let mut texts = Vec::new();
        let mut known = vec![None; self.key_count()];
        let mut new = |key: i32| {
            let text = self.as_written(key)?;
            Some(*known[key as usize].get_or_insert_with(|| {
                texts.push(text);
                texts.len() as i32 - 1
            }))
        };
        let keys: Vec<Option<i32>> = keys.iter().map(|&key| new(key)).collect();
        let null = texts.len() as i32;
        let keys = keys.into_iter().map(|key| key.unwrap_or(null)).collect();
        Self { values: StringArray::from_iter_values(texts), keys: Some(keys), constant_null: false }
    }

    /// The same dictionary with no rows, to be kept at little cost; whether the column is constant stays visible.
    #[must_use]
    pub fn without_rows(&self) -> Self {
        Self { keys: self.keys.as_ref().map(|_| ScalarBuffer::from(Vec::new())), ..self.clone() }
    }

    fn says_something(&self) -> Vec<bool> {
        (0..self.key_count() as i32).map(|key| self.value(key).is_some()).collect()
    }

    fn has_null(&self, rows: usize) -> bool {
        let told = self.says_something();
        self.keys.as_ref().map_or_else(|| !told[0], |keys| keys[..rows].iter().any(|&key| !told[key as usize]))
    }

    fn or(&self, next: &Self, rows: usize) -> Self {
        let told = self.says_something();
        let values: StringArray = self.values.iter().chain(next.values.iter()).collect();
        let offset = self.values.len() as i32;
        let pick = |row: usize| {
            let own = self.keys.as_ref().map_or(0, |keys| keys[row]);
            if told[own as usize] { own } else { offset + next.keys.as_ref().map_or(0, |keys| keys[row]) }
        };
        Self { keys: Some((0..rows).map(pick).collect()), values, constant_null: false }
    }
}

/// The array as keys into texts, or into bytes that should be texts.
fn as_dictionary(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let of = |values: DataType| DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
    match array.data_type() {
        known if *known == of(DataType::Utf8) || *known == of(DataType::Binary) => Ok(array.clone()),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            cast(&cast(array, &DataType::Binary)?, &of(DataType::Binary))
        }
        _ => cast(&cast(array, &DataType::Utf8)?, &of(DataType::Utf8)),
    }
}

fn keys_without_nulls(keys: &Int32Array, null_key: i32) -> ScalarBuffer<i32> {
    match keys.nulls() {
        Some(nulls) if nulls.null_count() > 0 => {
            let filled = keys.values().iter().zip(nulls).map(|(&key, valid)| if valid { key } else { null_key });
            filled.collect()
        }
        _ => keys.values().clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn column(texts: &[Option<&str>]) -> TextColumn {
        TextColumn::from_array(&(Arc::new(StringArray::from(texts.to_vec())) as ArrayRef)).unwrap()
    }

    #[test]
    fn the_first_text_wins() {
        let columns = vec![
            column(&[Some("a"), None, None]),
            TextColumn::constant(None),
            column(&[Some("b"), Some("c"), None]),
            TextColumn::constant(Some("d")),
        ];
        let joined = TextColumn::coalesce(columns, 3);
        assert_eq!([0, 1, 2].map(|row| joined.row(row)), [Some("a"), Some("c"), Some("d")]);
    }

    #[test]
    fn columns_one_after_another_say_what_each_says() {
        let (one, other) = (column(&[Some("a"), None, Some("b")]), column(&[None, Some("c")]));
        let constant = |text: Option<&str>| TextColumn::constant(text);
        let said = |columns: &[(TextColumn, usize)]| {
            let rows: usize = columns.iter().map(|(_, rows)| rows).sum();
            let joined = TextColumn::concat(columns);
            (0..rows).map(|row| joined.row(row).map(str::to_owned)).collect::<Vec<_>>()
        };
        let texts =
            |texts: &[&str]| texts.iter().map(|text| (*text != "-").then(|| (*text).to_owned())).collect::<Vec<_>>();
        let mixed = [
            (one.take(&[2, 0]), 2),
            (constant(Some("x")), 2),
            (other.clone(), 2),
            (constant(None), 1),
            (one.clone(), 3),
        ];
        assert_eq!(said(&mixed), texts(&["b", "a", "x", "x", "-", "c", "-", "a", "-", "b"]));
        assert_eq!(said(&[(one.take(&[1]), 1), (one.take(&[2, 2]), 2)]), texts(&["-", "b", "b"]));
        assert_eq!(said(&[(constant(Some("x")), 1), (constant(Some("x")), 2)]), texts(&["x"; 3]));
        assert_eq!(said(&[(constant(None), 1), (constant(Some("x")), 1)]), texts(&["-", "x"]));
    }

    #[test]
    fn a_compact_column_says_the_same() {
        let rows = column(&[Some("a"), None, Some("b"), Some("c"), Some("b"), None]).take(&[4, 1, 0, 2]);
        let compact = rows.compact();
        assert_eq!([0, 1, 2, 3].map(|row| compact.row(row)), [Some("b"), None, Some("a"), Some("b")]);
        assert_eq!(compact.values(), &StringArray::from(vec!["b", "a"]));
        assert_eq!(compact.take(&[1]).compact().key_count(), 1);
        assert_eq!(TextColumn::constant(Some("x")).compact().row(7), Some("x"));
    }

    #[test]
    fn numbers_have_a_text_form() {
        let numbers =
            TextColumn::from_array(&(Arc::new(arrow::array::Int64Array::from(vec![Some(7), None])) as ArrayRef));
        let numbers = numbers.unwrap();
        assert_eq!([numbers.row(0), numbers.row(1)], [Some("7"), None]);
    }
}
