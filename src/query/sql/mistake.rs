//! What the engine says of a query that it cannot run, with the place and the nearest thing that exists.

use polars::error::PolarsError;

use crate::error::{Error, did_you_mean};
use crate::query::Mistake;
use crate::query::sql::Tables;

/// The engine's error as one that shows where and what would be right.
pub(super) fn explain(query: &str, error: &PolarsError, tables: &Tables) -> Error {
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default();
    let names = tables.names();
    if let Some(name) = message.contains("was not found").then(|| quoted(message)).flatten() {
        let known = names.join(", ");
        let text = format!("there is no table `{name}`{}", did_you_mean(&name, names.iter().copied()));
        return Mistake::new(query, place(query, &name), text, format!("one of the tables that there are: {known}"))
            .of("--sql");
    }
    if let PolarsError::ColumnNotFound(_) = error
        && let Some(name) = quoted(message)
    {
        let known = tables.column_names(query);
        let text = format!("there is no column `{name}`{}", did_you_mean(&name, known.iter().map(String::as_str)));
        return Mistake::new(query, place(query, &name), text, "a column of the tables in the query").of("--sql");
    }
    let at = position(message).and_then(|(line, column)| offset(query, line, column)).unwrap_or(0);
    let text = message.split(" at Line:").next().unwrap_or(message).replace("sql parser error: ", "");
    Mistake::new(query, at, text, format!("a SELECT over {}", names.join(", "))).of("--sql")
}

/// Whether whoever wrote the query has to mend it.
pub(super) fn is_of_the_query(error: &PolarsError) -> bool {
    matches!(
        error,
        PolarsError::SQLInterface(_)
            | PolarsError::SQLSyntax(_)
            | PolarsError::ColumnNotFound(_)
            | PolarsError::SchemaMismatch(_)
    )
}

/// The first name in quotes of any kind.
fn quoted(message: &str) -> Option<String> {
    let start = message.find(['"', '\'', '`'])?;
    let mark = message[start..].chars().next()?;
    let rest = &message[start + 1..];
    rest.split(mark).next().map(str::to_owned)
}

fn place(query: &str, name: &str) -> usize {
    query.to_lowercase().find(&name.to_lowercase()).unwrap_or(0)
}

/// `… at Line: 1, Column: 15`.
fn position(message: &str) -> Option<(usize, usize)> {
    let (line, column) = message.rsplit_once("Line: ")?.1.split_once(", Column: ")?;
    let digits = column.find(|character: char| !character.is_ascii_digit()).unwrap_or(column.len());
    Some((line.parse().ok()?, column[..digits].parse().ok()?))
}

fn offset(query: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = query.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let within = query[start..].char_indices().nth(column.checked_sub(1)?).map_or(query.len() - start, |(at, _)| at);
    Some(start + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found() {
        assert_eq!(position("Expected: end, found: x at Line: 2, Column: 3"), Some((2, 3)));
        assert_eq!(offset("ab\ncdef", 2, 3), Some(5));
        assert_eq!(offset("ab", 1, 9), Some(2));
        assert_eq!(quoted("relation 'evnts' was not found"), Some("evnts".into()));
    }
}
