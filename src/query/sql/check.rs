//! What is wrong with a query before the engine sees it: it asks nothing, or it asks something that the engine would answer without a
//! word and wrongly.

use crate::error::did_you_mean;
use crate::query::Mistake;
use crate::query::sql::tables::Held;
use crate::query::sql::words::{Kind, Word};

/// Tells what a column of that name holds.
pub(super) type Holds<'a> = dyn Fn(&str) -> Option<Held> + 'a;

/// Bytes of a query; the engine takes queries apart by recursion.
pub(super) const MOST_BYTES: usize = 16_384;
/// Words that a question begins with.
const ASKING: [&str; 4] = ["SELECT", "WITH", "SHOW", "EXPLAIN"];
/// Words that a statement begins with that changes something.
const CHANGING: [&str; 21] = [
    "ALTER", "ATTACH", "BEGIN", "CALL", "COMMIT", "COPY", "CREATE", "DELETE", "DETACH", "DROP", "EXECUTE", "GRANT",
    "INSERT", "MERGE", "PRAGMA", "REPLACE", "REVOKE", "SET", "TRUNCATE", "UPDATE", "VACUUM",
];
/// Functions that make one value of many rows.
const AGGREGATES: [&str; 16] = [
    "array_agg",
    "avg",
    "corr",
    "count",
    "covar",
    "first",
    "last",
    "max",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "stddev",
    "string_agg",
    "sum",
    "variance",
];
/// What ends the part of a query that belongs to one SELECT.
const NEXT_SELECT: [&str; 3] = ["UNION", "EXCEPT", "INTERSECT"];
const A_QUESTION: &str = "a query that begins with SELECT or WITH, such as \
                          SELECT service_name, count(*) AS calls FROM events GROUP BY service_name";

/// Refuses what is too long to be a question, whatever it says.
pub(super) fn is_short(query: &str) -> Result<(), Mistake> {
    if query.len() <= MOST_BYTES {
        return Ok(());
    }
    let message = format!("the query has {} bytes, and {MOST_BYTES} are the most", query.len());
    Err(Mistake::new(query, query.floor_char_boundary(MOST_BYTES), message, "a shorter query"))
}

/// Refuses what does more than ask, or less. The engine would do the former, to its own copy and without a word, so that it would look
/// done.
pub(super) fn only_asks(query: &str, words: &[Word<'_>]) -> Result<(), Mistake> {
    let begin = words.iter().find(|word| !word.is_sign("("));
    let Some(begin) = begin else { return Err(Mistake::new(query, 0, "the query is empty", A_QUESTION)) };
    let text = begin.text;
    if ASKING.iter().any(|asking| begin.is(asking)) {
        return one_statement(query, words);
    }
    let message = if CHANGING.iter().any(|changing| begin.is(changing)) {
        format!("`{text}` changes something, and only questions are run")
    } else {
        format!("no query begins with `{text}`{}", did_you_mean(text, ASKING))
    };
    Err(Mistake::new(query, begin.at, message, A_QUESTION))
}

fn one_statement(query: &str, words: &[Word<'_>]) -> Result<(), Mistake> {
    let end = words.iter().position(|word| word.is_sign(";"));
    match end.and_then(|end| words.get(end + 1)) {
        Some(second) => Err(Mistake::new(query, second.at, "a second statement begins here", "one statement")),
        None => Ok(()),
    }
}

/// Refuses a column beside an aggregate without GROUP BY: the engine would repeat the aggregate in every row.
pub(super) fn groups(query: &str, words: &[Word<'_>], holds: &Holds<'_>) -> Result<(), Mistake> {
    for (number, _) in words.iter().enumerate().filter(|(_, word)| word.is("SELECT")) {
        let block = block(&words[number + 1..]);
        let (list, rest) = block.split_at(top_level(block, "FROM").unwrap_or(block.len()));
        if top_level(rest, "GROUP").is_some() {
            continue;
        }
        let items = items(list);
        let Some(aggregate) = items.iter().find_map(|item| aggregate(item)) else { continue };
        if let Some(column) = items.iter().find_map(|item| bare_column(item, holds)) {
            let (name, function) = (column.text, aggregate.text);
            let message = format!("`{name}` has a value in every row, and `{function}` one for all of them");
            let expected = format!("GROUP BY {name}, or {name} inside a function such as max({name})");
            return Err(Mistake::new(query, column.at, message, expected));
        }
    }
    Ok(())
}

/// What belongs to the SELECT before these words.
fn block<'w, 'q>(words: &'w [Word<'q>]) -> &'w [Word<'q>] {
    let mut depth = 0_usize;
    for (number, word) in words.iter().enumerate() {
        match word.text {
            "(" if word.kind == Kind::Sign => depth += 1,
            ")" if word.kind == Kind::Sign && depth == 0 => return &words[..number],
            ")" if word.kind == Kind::Sign => depth -= 1,
            _ if depth == 0 && NEXT_SELECT.iter().any(|next| word.is(next)) => return &words[..number],
            _ => {}
        }
    }
    words
}

/// The depth of parentheses at which each word stands.
fn depths<'w>(words: &'w [Word<'_>]) -> impl Iterator<Item = usize> + 'w {
    words.iter().scan(0_usize, |depth, word| {
        let closed = usize::from(word.is_sign(")"));
        *depth = depth.saturating_sub(closed);
        let own = *depth;
        *depth += usize::from(word.is_sign("("));
        Some(own)
    })
}

/// Where a keyword stands outside of all parentheses.
fn top_level(words: &[Word<'_>], keyword: &str) -> Option<usize> {
    words.iter().zip(depths(words)).position(|(word, depth)| depth == 0 && word.is(keyword))
}

/// The parts of a list between its commas.
fn items<'w, 'q>(list: &'w [Word<'q>]) -> Vec<&'w [Word<'q>]> {
    let commas = list.iter().zip(depths(list)).enumerate();
    let commas = commas.filter(|(_, (word, depth))| *depth == 0 && word.is_sign(",")).map(|(place, _)| place);
    let mut start = 0;
    commas.chain([list.len()]).map(|end| &list[std::mem::replace(&mut start, end + 1)..end]).collect()
}

/// The aggregate of an item; one over a window has a value in every row.
fn aggregate<'q>(item: &[Word<'q>]) -> Option<Word<'q>> {
    let calls = item.windows(2).filter(|pair| pair[1].is_sign("("));
    let mut aggregates = calls.filter(|pair| AGGREGATES.iter().any(|name| pair[0].is(name))).map(|pair| pair[0]);
    let is_window = item.iter().any(|word| word.is("OVER") || word.is("SELECT"));
    aggregates.next().filter(|_| !is_window)
}

/// The column of an item that has a value in every row.
fn bare_column<'q>(item: &[Word<'q>], holds: &Holds<'_>) -> Option<Word<'q>> {
    if aggregate(item).is_some() || item.iter().any(|word| word.is("SELECT") || word.is("OVER")) {
        return None;
    }
    let named = top_level(item, "AS").unwrap_or(item.len());
    let is_column = |word: &&Word<'_>| word.is_name() && holds(word.text).is_some();
    item[..named].iter().find(is_column).copied()
}

/// Refuses a comparison of things that cannot be compared. Of times with numbers the engine makes nothing of it and keeps every row, so
/// `all` other kinds are told only of a query that it refused.
pub(super) fn comparisons(query: &str, words: &[Word<'_>], holds: &Holds<'_>, all: bool) -> Result<(), Mistake> {
    for (place, sign) in words.iter().enumerate().filter(|(_, word)| is_comparison(word)) {
        let before = place.checked_sub(1).map(|before| words[before]);
        let after = words.get(place + 1).copied().map(|word| signed(word, words.get(place + 2)));
        let (Some(left), Some(right)) = (before, after) else { continue };
        let sides = [(left, right), (right, left)];
        let mismatch = sides.into_iter().find_map(|(column, value)| mismatch(words, holds, column, value));
        if let Some((held, message)) = mismatch.filter(|(held, _)| all || *held == Held::Time) {
            let at = left.at.min(sign.at);
            return Err(Mistake::new(query, at, message, held.example()));
        }
    }
    Ok(())
}

fn is_comparison(word: &Word<'_>) -> bool {
    let is_sign = word.kind == Kind::Sign && word.text.chars().all(|sign| "<>=!".contains(sign));
    is_sign || word.is("BETWEEN")
}

/// A number behind its sign.
fn signed<'q>(word: Word<'q>, next: Option<&Word<'q>>) -> Word<'q> {
    if word.is_sign("-") { next.copied().unwrap_or(word) } else { word }
}

/// What a column holds, and why it cannot be compared with a value.
fn mismatch(words: &[Word<'_>], holds: &Holds<'_>, column: Word<'_>, value: Word<'_>) -> Option<(Held, String)> {
    let renamed = |pair: &[Word<'_>]| pair[0].is("AS") && pair[1].text.eq_ignore_ascii_case(column.text);
    if !column.is_name() || words.windows(2).any(renamed) {
        return None;
    }
    let held = holds(column.text)?;
    let given = match value.kind {
        Kind::Number => Held::Number,
        Kind::Text => Held::Text,
        _ => return None,
    };
    let fits = held == given || (held, given) == (Held::Time, Held::Text) && is_time(value.text) || held == Held::Other;
    let message =
        || format!("`{}` holds {}, and `{}` is {}", column.text, held.words(), value.text, given.words_of_one());
    (!fits).then(|| (held, message()))
}

/// Whether the engine can read a text as a time.
fn is_time(text: &str) -> bool {
    crate::partition::parse_time(text).is_some() || text.parse::<chrono::NaiveDate>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::sql::words::words;

    fn holds(name: &str) -> Option<Held> {
        match name {
            "event_time" => Some(Held::Time),
            "event_name" | "region" => Some(Held::Text),
            "calls" => Some(Held::Number),
            _ => None,
        }
    }

    /// The place and the message, or nothing.
    fn told(query: &str, all: bool) -> Option<(usize, String)> {
        let words = words(query).unwrap();
        let checked = only_asks(query, &words)
            .and_then(|()| groups(query, &words, &holds))
            .and_then(|()| comparisons(query, &words, &holds, all));
        checked.err().map(|mistake| (mistake.at, mistake.message))
    }

    #[test]
    fn questions_are_let_through() {
        for query in [
            "SELECT 1",
            " with a as (select 1) select * from a",
            "-- all\n/* of it; */ (Select 1);",
            "SHOW TABLES",
            "SELECT event_name, count(*) FROM events GROUP BY event_name",
            "SELECT count(*), max(event_name) FROM events WHERE event_time > '2026-01-29'",
            "SELECT event_name, count(*) OVER (PARTITION BY region) FROM events",
            "SELECT event_name, (SELECT count(*) FROM events) FROM events",
            "SELECT max(calls), 'event_name' AS region FROM events",
            "SELECT region FROM (SELECT max(calls) AS most FROM events)",
            "SELECT event_name AS event_time FROM events WHERE event_time > 5",
            "SELECT 1 FROM events WHERE calls > -5 AND event_name = 'a' AND event_time BETWEEN '2026-01-01' AND '2026-02-01'",
        ] {
            assert_eq!(told(query, true), None, "{query}");
        }
    }

    #[test]
    fn what_changes_something_is_told_from_what_is_misspelt() {
        let said = |query: &str| told(query, false).map(|(at, message)| format!("{at}: {message}")).unwrap();
        for changing in
            ["DROP TABLE events", "delete FROM events", "INSERT INTO a VALUES (1)", "CREATE TABLE a AS SELECT 1"]
        {
            assert!(said(changing).ends_with("changes something, and only questions are run"), "{changing}");
        }
        assert_eq!(said("/* x */ SELEC 1"), "8: no query begins with `SELEC`; did you mean `SELECT`?");
        assert_eq!(said("wiht a as (select 1) select 1"), "0: no query begins with `wiht`; did you mean `WITH`?");
        assert_eq!(said("1"), "0: no query begins with `1`");
        assert_eq!(said(" -- nothing"), "0: the query is empty");
        assert_eq!(said("SELECT ';'; DROP TABLE a"), "12: a second statement begins here");
    }

    #[test]
    fn columns_beside_aggregates_and_unlike_things_are_told_with_their_places() {
        let (at, message) = told("SELECT lower(event_name) AS n, count(*) FROM events", false).unwrap();
        assert_eq!(
            (at, message.as_str()),
            (13, "`event_name` has a value in every row, and `count` one for all of them")
        );
        let (at, message) = told("SELECT 1 FROM events WHERE event_time > 5", false).unwrap();
        assert_eq!((at, message.as_str()), (27, "`event_time` holds times, and `5` is a number"));
        assert!(told("SELECT 1 FROM events WHERE 5 <= event_time", false).is_some());
        assert!(told("SELECT 1 FROM events WHERE event_time = 'noon'", false).is_some());
        for refused in ["event_name > 5", "calls = 'many'", "calls BETWEEN 'a' AND 'b'"] {
            let query = format!("SELECT 1 FROM events WHERE {refused}");
            assert_eq!((told(&query, false), told(&query, true).is_some()), (None, true), "{query}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read() {
        assert!(is_short(&"x".repeat(MOST_BYTES)).is_ok());
        let mistake = is_short(&"é".repeat(MOST_BYTES)).unwrap_err();
        assert!(mistake.to_string().lines().all(|line| line.chars().count() < 200), "{mistake}");
    }
}
