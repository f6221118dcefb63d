//! SQL over events and over what the job wrote, by Polars: scanned lazily, so that only the columns and row groups are read that
//! a query needs.
//!
//! `events` has the canonical columns whatever the files call theirs, as they are stored, but for messages that only a response tells. `insights`, `alerts`, `rollups` and `pairs` are
//! the state directory's tables; the latter two get a column `date`, for their files have it in the folder's name only.

mod check;
mod mistake;
mod responses;
mod tables;
mod words;

use std::cell::OnceCell;

use polars::prelude::{AnyValue, Column, DataFrame, DataType, Engine, Series, TimeUnit};
use polars::sql::SQLContext;

use crate::error::{Error, Result, caught_everywhere};
use crate::query::Mistake;
use crate::query::answer::{Heading, Kind, Value};

pub use tables::Tables;
use words::words;

/// Rows that are turned into an answer at once.
const PAGE: usize = 8_192;
/// Room for the engine's recursion over the longest query.
const STACK_BYTES: usize = 256 << 20;

/// What a query gave.
#[derive(Debug)]
pub struct SqlAnswer {
    frame: DataFrame,
}

/// Runs a query.
///
/// # Errors
/// [`Error::Query`], with the place in the query where it can be told.
pub fn run(query: &str, tables: &Tables) -> Result<SqlAnswer> {
    check(query, tables).map_err(|mistake| mistake::located(query, mistake))?;
    let frame = on_a_deep_stack(|| collect(query, tables))??;
    Ok(SqlAnswer { frame })
}

/// Refuses what the engine would do, or answer wrongly, without a word. What is not even made of words it refuses itself.
fn check(query: &str, tables: &Tables) -> std::result::Result<(), Mistake> {
    check::is_short(query)?;
    let Ok(words) = words(query) else { return Ok(()) };
    check::only_asks(query, &words)?;
    let known = OnceCell::new();
    let holds = |column: &str| known.get_or_init(|| tables.columns(query)).holds(column);
    check::groups(query, &words, &holds)?;
    check::comparisons(query, &words, &holds, false)
}

fn collect(query: &str, tables: &Tables) -> Result<DataFrame> {
    let mut context = SQLContext::new();
    for (name, frame) in &tables.frames {
        context.register(name, frame.clone());
    }
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the engine does not export the name of the type")]
    let mut collect = |narrowed: bool| {
        let plan = context.execute(query)?.with_projection_pushdown(narrowed);
        plan.collect_with_engine(Engine::Streaming).map(|result| result.unwrap_single())
    };
    let mut result = caught_everywhere(|| collect(true));
    // Narrowed to no column at all, as a count of all rows is, several files are more than the engine can do; whole it can.
    if !matches!(&result, Ok(Ok(_))) && !matches!(&result, Ok(Err(error)) if mistake::is_of_the_query(error)) {
        result = caught_everywhere(|| collect(false));
    }
    result.map_err(|_| unable())?.map_err(|error| mistake::explain(query, &error, tables))
}

fn unable() -> Error {
    let hint = "ask in smaller steps; query without --sql lists and counts events, too".to_owned();
    Error::Query { message: "--sql: the engine cannot do this query".to_owned(), hint: Some(hint) }
}

/// Runs what takes a query apart by recursion where there is room for the longest that [`check`] lets pass.
fn on_a_deep_stack<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run);
        thread.map_err(Error::internal)?.join().map_err(|_| unable())
    })
}

impl SqlAnswer {
    /// The columns of the result.
    pub fn headings(&self) -> Vec<Heading> {
        let heading = |column: &Column| Heading::new(column.name().as_str(), kind(column.dtype()));
        self.frame.columns().iter().map(heading).collect()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.frame.height()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the first `limit` rows, a page at a time, to `show`.
    ///
    /// # Errors
    /// What `show` returns.
    pub fn each_page(&self, limit: usize, mut show: impl FnMut(&[Vec<Value<'_>>]) -> Result<()>) -> Result<()> {
        let rows = self.len().min(limit);
        for start in (0..rows).step_by(PAGE) {
            let end = rows.min(start + PAGE);
            let row = |row: usize| self.frame.columns().iter().map(|column| value(column, row)).collect();
            show(&(start..end).map(row).collect::<Vec<Vec<Value<'_>>>>())?;
        }
        Ok(())
    }
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Boolean => Kind::Truth,
        DataType::Datetime(_, _) => Kind::Time,
        DataType::List(_) => Kind::Json,
        data_type if data_type.is_integer() => Kind::Integer,
        data_type if data_type.is_float() => Kind::Number,
        _ => Kind::Text,
    }
}

fn value(column: &Column, row: usize) -> Value<'_> {
    let Ok(value) = column.get(row) else { return Value::Null };
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(truth) => Value::Truth(truth),
        AnyValue::String(text) => Value::Text(text.into()),
        // So come columns that hold one value throughout.
        AnyValue::StringOwned(text) => Value::Text(text.to_string().into()),
        AnyValue::Datetime(time, unit, _) => Value::Time(milliseconds(time, unit)),
        AnyValue::List(items) => Value::Text(json_list(&items).into()),
        value if column.dtype().is_integer() => value.extract::<i64>().map_or(Value::Null, Value::Integer),
        value if column.dtype().is_float() => value.extract::<f64>().map_or(Value::Null, Value::Number),
        other => Value::Text(other.to_string().into()),
    }
}

fn milliseconds(time: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Milliseconds => time,
        TimeUnit::Microseconds => time.div_euclid(1000),
        TimeUnit::Nanoseconds => time.div_euclid(1_000_000),
    }
}

fn json_list(items: &Series) -> String {
    let item = |value: AnyValue<'_>| match (&value, value.get_str()) {
        (_, Some(text)) => serde_json::Value::from(text).to_string(),
        (AnyValue::Null, _) => "null".to_owned(),
        (number, _) if number.is_primitive_numeric() => number.to_string(),
        (other, _) => serde_json::Value::from(other.to_string()).to_string(),
    };
    format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(","))
}
