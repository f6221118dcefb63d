//! The messages of calls that failed by what their response alone says, for a query that asks for messages.

use polars::prelude::{Column as Series, DataType, Expr, Field, IntoColumn, PolarsResult, StringChunked, map_multiple};

use crate::event::{Column, FAILURE, failed_by_response, failure_code, is_told_by_response};

/// What [`message`] is told by.
pub(super) const TELLING: [Column; 4] =
    [Column::EventName, Column::ErrorCode, Column::ErrorMessage, Column::ResponseElements];

/// The message of each event as it is written, or what its response says; `columns` are those of [`TELLING`].
pub(super) fn message(columns: [Expr; 4]) -> Expr {
    map_multiple(messages, columns, |_, _| Ok(Field::new(Column::ErrorMessage.name().into(), DataType::String)))
}

fn messages(columns: &mut [Series]) -> PolarsResult<Series> {
    let rows = columns.iter().map(Series::len).max().unwrap_or_default();
    let texts: Vec<&StringChunked> = columns.iter().map(Series::str).collect::<PolarsResult<_>>()?;
    // What is the same in all rows stands there once.
    let text = |column: usize, row: usize| texts[column].get(if texts[column].len() == 1 { 0 } else { row });
    let message = |row: usize| {
        let (code, message) = (text(1, row), text(2, row));
        let is_silent = text(0, row).is_some_and(is_told_by_response) && failure_code(code, message).is_none();
        if is_silent && text(3, row).is_some_and(failed_by_response) { Some(FAILURE) } else { message }
    };
    let messages: StringChunked = (0..rows).map(message).collect();
    Ok(messages.with_name(Column::ErrorMessage.name().into()).into_column())
}
