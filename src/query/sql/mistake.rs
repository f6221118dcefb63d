//! What the engine says of a query that it cannot run, with the place and the nearest thing that exists.

use polars::error::PolarsError;
use polars::sql::keywords::all_functions;

use crate::error::{Error, did_you_mean, meant};
use crate::query::Mistake;
use crate::query::sql::Tables;
use crate::query::sql::check::comparisons;
use crate::query::sql::words::{Kind, unbalanced, words};

/// Keywords that follow a list of columns or a table, with what is written after each.
const CLAUSES: [&str; 13] = [
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "AS",
    "ON",
];

/// Words of the engine, the keyword near which the trouble lies, and what would be right.
const REMEDIES: [(&str, &str, &str); 9] = [
    (
        "should participate in the GROUP BY",
        "",
        "every column of the list in GROUP BY, or inside a function such as max(…)",
    ),
    ("join constraint", "JOIN", "JOIN table ON one.column = other.column"),
    ("must be of type `Boolean`", "WHERE", "a comparison after WHERE, such as event_name = 'RunInstances'"),
    ("LIMIT/OFFSET/FETCH", "LIMIT", "a whole number after LIMIT and OFFSET"),
    ("arithmetic on dtypes", "", "numbers on both sides; CAST(column AS BIGINT) makes one of a text"),
    ("not supported for dtype", "", "a column of numbers; CAST(column AS BIGINT) makes one of texts"),
    ("conversion from", "", "TRY_CAST, which makes null of what is no such value"),
    ("recursion limit", "", "fewer parentheses inside one another"),
    ("equal number of columns", "UNION", "the same number of columns on both sides of UNION"),
];

/// The mistake as an error that says in which line and column of the query it lies.
pub(super) fn located(query: &str, mistake: Mistake) -> Error {
    let before = &query[..query.floor_char_boundary(mistake.at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    mistake.of(&format!("--sql, line {line}, column {column}"))
}

/// The engine's error as one that shows where and what would be right.
pub(super) fn explain(query: &str, error: &PolarsError, tables: &Tables) -> Error {
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default();
    let said = Said { query, message, tables };
    let mistake = said
        .unclosed()
        .or_else(|| said.table())
        .or_else(|| said.column(matches!(error, PolarsError::ColumnNotFound(_))))
        .or_else(|| said.function())
        .or_else(|| said.comparison())
        .or_else(|| said.clause());
    mistake.map_or_else(|| said.otherwise(), |mistake| located(query, mistake))
}

/// What the engine said of a query.
struct Said<'a> {
    query: &'a str,
    message: &'a str,
    tables: &'a Tables,
}

impl Said<'_> {
    fn mistake(&self, at: usize, message: impl Into<String>, expected: impl Into<String>) -> Mistake {
        Mistake::new(self.query, at, message, expected)
    }

    /// A quotation mark, a comment or a parenthesis without its other half.
    fn unclosed(&self) -> Option<Mistake> {
        let missing = |at, end| self.mistake(at, "what begins here has no end", format!("`{end}` at its end"));
        match words(self.query) {
            Err(unclosed) => Some(missing(unclosed.at, unclosed.end)),
            Ok(words) => match unbalanced(&words)? {
                (at, "(") => {
                    Some(self.mistake(at, "this parenthesis closes nothing", "a `(` before it, or none of the two"))
                }
                (at, end) => Some(missing(at, end)),
            },
        }
    }

    fn table(&self) -> Option<Mistake> {
        let is_missing = self.message.contains("was not found") || self.message.starts_with("no table or struct");
        let name = quoted(self.message).filter(|_| is_missing)?;
        let names = self.tables.names();
        let message = format!("there is no table `{name}`{}", did_you_mean(&name, names.iter().copied()));
        let expected = format!("one of the tables that there are: {}", names.join(", "));
        Some(self.mistake(self.place(&name)?, message, expected))
    }

    fn column(&self, is_missing: bool) -> Option<Mistake> {
        let words = ["no column named", "unable to find column"];
        let is_missing = is_missing || words.iter().any(|words| self.message.contains(words));
        let name = quoted(self.message).filter(|_| is_missing)?;
        let columns = self.tables.columns(self.query);
        let message = format!("there is no column `{name}`{}", did_you_mean(&name, columns.names()));
        Some(self.mistake(
            self.place(&name)?,
            message,
            "a column of the tables in the query; texts stand in single quotes",
        ))
    }

    fn function(&self) -> Option<Mistake> {
        let name = quoted(self.message).filter(|_| self.message.starts_with("unsupported function"))?;
        let message = format!("there is no function `{name}`{}", did_you_mean(&name, all_functions()));
        Some(self.mistake(
            self.place(&name)?,
            message,
            "a function such as count, sum, max, lower, strftime or date_part",
        ))
    }

    fn comparison(&self) -> Option<Mistake> {
        let columns = self.tables.columns(self.query);
        let words = words(self.query).ok()?;
        comparisons(self.query, &words, &|name| columns.holds(name), true).err()
    }

    /// A word where the engine expected another.
    fn clause(&self) -> Option<Mistake> {
        let (expected, found) = self.message.split_once(", found: ")?;
        let expected = expected.rsplit("Expected: ").next().unwrap_or(expected);
        let at = position(self.message).and_then(|(line, column)| offset(self.query, line, column));
        let found = found.split(" at Line:").next().unwrap_or(found);
        if found == "EOF" {
            let message = format!("the query ends where {expected} should follow");
            return Some(self.mistake(self.query.trim_end().len(), message, format!("{expected} at the end")));
        }
        let near = meant(found, CLAUSES).filter(|_| !found.contains(['\'', '"', '(']));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let message = format!("`{found}` cannot stand here{near}");
        let right =
            if expected == "end of statement" { "the end of the query, or a clause such as WHERE" } else { expected };
        Some(self.mistake(at?, message, right))
    }

    /// What is not known any better: the place is that of a name that the engine mentions, if the query has it.
    fn otherwise(&self) -> Error {
        let text = self.message.split(" at Line:").next().unwrap_or(self.message).replace("sql parser error: ", "");
        let remedy = REMEDIES.iter().find(|(said, ..)| self.message.contains(said));
        let expected = remedy.map_or_else(
            || format!("a SELECT over {}", self.tables.names().join(", ")),
            |(_, _, expected)| (*expected).to_owned(),
        );
        let told = position(self.message).and_then(|(line, column)| offset(self.query, line, column));
        let keyword = || remedy.and_then(|(_, keyword, _)| self.place(keyword));
        let named = || self.message.split(['\'', '`', '"']).skip(1).step_by(2).find_map(|name| self.place(name));
        match told.or_else(keyword).or_else(named) {
            Some(at) => located(self.query, self.mistake(at, text, expected)),
            None => Error::Query { message: format!("--sql: {text}"), hint: Some(format!("expected {expected}")) },
        }
    }

    /// Where a name stands in the query, as a word of its own.
    fn place(&self, name: &str) -> Option<usize> {
        let words = words(self.query).unwrap_or_default();
        let is_name = |kind| matches!(kind, Kind::Plain | Kind::Quoted);
        let own = words.iter().find(|word| is_name(word.kind) && word.text.eq_ignore_ascii_case(name));
        own.map(|word| word.at)
    }
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

    #[test]
    fn lines_and_columns_count_from_one_and_by_letters() {
        let mistake = Mistake::new("SELECT\n é, x", "SELECT\n é, ".len(), "no such word", "another");
        assert!(located("SELECT\n é, x", mistake).to_string().starts_with("--sql, line 2, column 5: no such word\n"));
    }
}
