//! Event times in whatever form a file has them, as milliseconds since 1970.
//!
//! Timestamps of any unit, bare integers (told apart by their size) and text. What cannot be understood becomes
//! [`NO_TIME`], to be counted by whoever reads on.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::ScalarBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDateTime};

use crate::partition::TextColumn;

/// Stands for a time that is missing or cannot be understood.
pub const NO_TIME: i64 = i64::MIN;

/// The milliseconds of every row of a time column.
///
/// # Errors
/// When the column's type cannot hold a time.
pub(crate) fn milliseconds(array: &ArrayRef) -> Result<ScalarBuffer<i64>, ArrowError> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) if array.null_count() == 0 => {
            Ok(array.as_primitive::<TimestampMillisecondType>().values().clone())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => texts(array),
        other => match conversion(other) {
            Some(convert) => integers(array, convert),
            None => Err(ArrowError::CastError(format!("{other} is no time"))),
        },
    }
}

/// What makes milliseconds of the numbers of a type, if they can be times.
pub(super) fn conversion(data_type: &DataType) -> Option<fn(i64) -> i64> {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => Some(|value| value.saturating_mul(1000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Some(|value| value),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(|value| value.div_euclid(1000)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(|value| value.div_euclid(1_000_000)),
        DataType::Int64 | DataType::UInt64 | DataType::Int32 => Some(from_bare_integer),
        _ => None,
    }
}

fn integers(array: &ArrayRef, convert: impl Fn(i64) -> i64) -> Result<ScalarBuffer<i64>, ArrowError> {
    let numbers = cast(array, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    if numbers.null_count() == 0 {
        return Ok(numbers.values().iter().map(|&value| convert(value)).collect());
    }
    Ok(numbers.iter().map(|value| value.map_or(NO_TIME, &convert)).collect())
}

/// A number with no unit: from 1973 to 5138 the size of seconds, milliseconds, microseconds and nanoseconds do not overlap.
pub(crate) fn from_bare_integer(value: i64) -> i64 {
    match value.unsigned_abs() {
        0..100_000_000_000 => value * 1000,
        100_000_000_000..100_000_000_000_000 => value,
        100_000_000_000_000..100_000_000_000_000_000 => value.div_euclid(1000),
        _ => value.div_euclid(1_000_000),
    }
}

fn texts(array: &ArrayRef) -> Result<ScalarBuffer<i64>, ArrowError> {
    let column = TextColumn::from_array(array)?;
    let known: Vec<i64> =
        (0..column.key_count() as i32).map(|key| column.value(key).and_then(parse).unwrap_or(NO_TIME)).collect();
    let keys = column.keys().unwrap_or(&[]);
    Ok(keys.iter().map(|&key| known[key as usize]).collect())
}

/// Digits of the shortest number that is taken for a time; fewer may be a date without its hyphens.
const LEAST_DIGITS: usize = 9;

/// Reads `2026-01-05T00:00:00Z`, with fractions or an offset, with a blank for the `T`, without a zone (then UTC), and numbers since
/// 1970 as [`from_bare_integer`] does.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() >= LEAST_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(from_bare_integer);
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_millis());
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f UTC", "%Y-%m-%dT%H:%MZ"];
    forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Int64Array, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
        TimestampSecondArray,
    };

    use super::*;

    const MOMENT: i64 = 1_767_571_200_000;

    #[test]
    fn every_form_of_one_moment() {
        let forms: Vec<ArrayRef> = vec![
            Arc::new(TimestampSecondArray::from(vec![MOMENT / 1000])),
            Arc::new(TimestampMillisecondArray::from(vec![MOMENT]).with_timezone("UTC")),
            Arc::new(TimestampMicrosecondArray::from(vec![MOMENT * 1000]).with_timezone("Asia/Shanghai")),
            Arc::new(TimestampNanosecondArray::from(vec![MOMENT * 1_000_000])),
            Arc::new(Int64Array::from(vec![MOMENT / 1000])),
            Arc::new(Int64Array::from(vec![MOMENT])),
            Arc::new(Int64Array::from(vec![MOMENT * 1_000_000])),
            Arc::new(StringArray::from(vec!["2026-01-05T00:00:00Z"])),
            Arc::new(StringArray::from(vec!["2026-01-05T08:00:00.000+08:00"])),
            Arc::new(StringArray::from(vec!["2026-01-05 00:00:00"])),
            Arc::new(StringArray::from(vec!["1767571200"])),
            Arc::new(StringArray::from(vec!["1767571200000"])),
        ];
        for form in forms {
            assert_eq!(milliseconds(&form).unwrap()[..], [MOMENT], "{}", form.data_type());
        }
    }

    #[test]
    fn what_is_no_time_is_said_so() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("yesterday"), None, Some(""), Some("20260105")]));
        assert_eq!(milliseconds(&texts).unwrap()[..], [NO_TIME; 4]);
        let truth: ArrayRef = Arc::new(arrow::array::BooleanArray::from(vec![true]));
        assert!(milliseconds(&truth).is_err());
    }

    #[test]
    fn times_before_1970_round_down() {
        let early: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-1]));
        assert_eq!(milliseconds(&early).unwrap()[..], [-1]);
    }
}
