//! The tables that a query can name, as lazy scans.

use std::collections::BTreeSet;
use std::path::Path;

use polars::prelude::{
    DataType, Expr, LazyFrame, NULL, PlRefPath, PlSmallStr, PolarsError, PolarsResult, ScanArgsParquet, Schema,
    StrptimeOptions, TimeUnit, TimeZone, UnionArgs, coalesce, col, concat, lit, when,
};

use crate::error::{Error, Result};
use crate::event::Column;
use crate::partition::{ColumnMap, EventFile, Made};
use crate::query::TimeRange;
use crate::query::sql::responses::{self, message};
use crate::storage::Daily;

/// What the state directory may hold, with the folder, the file, and whether the day stands in the folder's name only.
const STATE_TABLES: [(&str, Daily, &str, bool); 4] = [
    ("insights", Daily::Insights, "insights.parquet", false),
    ("alerts", Daily::Alerts, "alerts.parquet", false),
    ("rollups", Daily::Rollups, "rollup.parquet", true),
    ("pairs", Daily::Rollups, "pairs.parquet", true),
];

/// Names with their scans.
#[allow(missing_debug_implementations)]
pub struct Tables {
    pub(super) frames: Vec<(&'static str, LazyFrame)>,
}

impl Tables {
    /// Opens what there is: events, and the tables of a state directory.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn open(files: &[EventFile], range: TimeRange, state: &Path) -> Result<Self> {
        let mut frames = Vec::new();
        let scans = files.iter().map(|file| events(file).map_err(Error::parquet(&file.path)));
        let scans = scans.collect::<Result<Vec<LazyFrame>>>()?;
        if !scans.is_empty() {
            let all = union(&scans).map_err(Error::internal)?;
            frames.push(("events", within(all, range)));
        }
        for (name, kept, file, dated) in STATE_TABLES {
            let scans = kept
                .files(state, file)?
                .into_iter()
                .map(|(date, path)| day(&path, dated.then(|| date.to_string())).map_err(Error::parquet(&path)))
                .collect::<Result<Vec<LazyFrame>>>()?;
            if !scans.is_empty() {
                frames.push((name, days(scans).map_err(Error::internal)?));
            }
        }
        Ok(Self { frames })
    }

    /// The tables that there are.
    pub fn names(&self) -> Vec<&'static str> {
        self.frames.iter().map(|(name, _)| *name).collect()
    }

    /// The columns of the tables that a query names.
    pub(super) fn columns(&self, query: &str) -> Columns {
        let words = query.to_lowercase();
        let words: Vec<&str> = words.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        let named = self.frames.iter().filter(|(name, _)| words.contains(name));
        let schemas = named.filter_map(|(_, frame)| frame.clone().collect_schema().ok());
        let held = |(name, data_type): (&PlSmallStr, &DataType)| (name.to_string(), Held::of(data_type));
        Columns(schemas.flat_map(|schema| schema.iter().map(held).collect::<Vec<_>>()).collect())
    }
}

/// Columns of some tables by name; several may share one.
pub(super) struct Columns(Vec<(String, Held)>);

impl Columns {
    /// The names, each once.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What a column holds; `None` if there is none, or several that hold different things.
    pub(super) fn holds(&self, column: &str) -> Option<Held> {
        let mut held = self.0.iter().filter(|(name, _)| name == column).map(|(_, held)| *held);
        let first = held.next()?;
        held.all(|other| other == first).then_some(first)
    }
}

/// What a column holds, as far as it matters to comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Time,
    Text,
    Number,
    Other,
}

impl Held {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Datetime(_, _) => Self::Time,
            DataType::String => Self::Text,
            data_type if data_type.is_primitive_numeric() => Self::Number,
            _ => Self::Other,
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Time => "times",
            Self::Text => "texts",
            Self::Number => "numbers",
            Self::Other => "something else",
        }
    }

    /// One of them in words.
    pub(super) fn words_of_one(self) -> &'static str {
        match self {
            Self::Time => "a time",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Other => "something else",
        }
    }

    /// What can be compared with them.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Time => "a time, such as '2026-01-29' or '2026-01-29T08:00:00'",
            Self::Text => "a text in single quotes, such as 'Ecs'",
            Self::Number => "a number without quotes",
            Self::Other => "a value of the same kind",
        }
    }
}

fn union(scans: &[LazyFrame]) -> PolarsResult<LazyFrame> {
    concat(scans, UnionArgs { to_supertypes: true, ..UnionArgs::default() })
}

/// The days of a table as one. What a day lacks, for an earlier version of this program wrote it, is null there; what it holds as another
/// type is of the newest day's.
fn days(mut scans: Vec<LazyFrame>) -> PolarsResult<LazyFrame> {
    let schemas = scans.iter_mut().map(LazyFrame::collect_schema).collect::<PolarsResult<Vec<_>>>()?;
    let mut all: Vec<(&PlSmallStr, &DataType)> = Vec::new();
    // The newest day has them in the order of this version.
    for column in schemas.iter().rev().flat_map(|schema| schema.iter()) {
        if !all.iter().any(|(name, _)| *name == column.0) {
            all.push(column);
        }
    }
    let aligned = scans.into_iter().zip(&schemas).map(|(scan, schema)| {
        if schema.iter().eq(all.iter().copied()) {
            return scan;
        }
        let columns = all.iter().map(|&(name, data_type)| {
            let own = |held: &DataType| {
                if held == data_type { col(name.clone()) } else { col(name.clone()).cast(data_type.clone()) }
            };
            let own = schema.get(name).map(own);
            own.unwrap_or_else(|| lit(NULL).cast(data_type.clone()).alias(name.clone()))
        });
        scan.select(columns.collect::<Vec<Expr>>())
    });
    union(&aligned.collect::<Vec<LazyFrame>>())
}

fn scan(path: &Path) -> PolarsResult<LazyFrame> {
    let path = path.to_str().ok_or_else(|| PolarsError::ComputeError("its path is not Unicode".into()))?;
    LazyFrame::scan_parquet(PlRefPath::new(path), ScanArgsParquet { glob: false, ..ScanArgsParquet::default() })
}

fn day(path: &Path, date: Option<String>) -> PolarsResult<LazyFrame> {
    let mut frame = scan(path)?;
    // Nights of earlier versions have times without a zone, which the engine compares with no others.
    let zoneless = |data_type: &DataType| matches!(data_type, DataType::Datetime(_, None));
    let times: Vec<Expr> = frame
        .collect_schema()?
        .iter()
        .filter(|(_, data_type)| zoneless(data_type))
        .map(|(name, _)| col(name.clone()).cast(time_type()))
        .collect();
    let frame = frame.with_columns(times);
    Ok(match date {
        Some(date) => frame.with_column(lit(date).alias("date")),
        None => frame,
    })
}

fn within(frame: LazyFrame, range: TimeRange) -> LazyFrame {
    let moment = |ms: i64| lit(ms).cast(time_type());
    let time = || col(Column::EventTime.name());
    let frame = range.from.map_or(frame.clone(), |from| frame.filter(time().gt_eq(moment(from))));
    range.to.map_or(frame.clone(), |to| frame.filter(time().lt(moment(to))))
}

fn time_type() -> DataType {
    DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC))
}

/// A file's events under canonical names.
fn events(file: &EventFile) -> PolarsResult<LazyFrame> {
    let mut frame = scan(&file.path)?;
    let schema = frame.collect_schema()?;
    let canonical = |column: Column| canonical(&file.columns, &schema, column);
    let mut columns = Column::ALL.map(canonical);
    if !file.tells_all_failures() && !file.columns.leaves(Column::ResponseElements).is_empty() {
        columns[Column::ErrorMessage as usize] =
            message(responses::TELLING.map(canonical)).alias(Column::ErrorMessage.name());
    }
    Ok(frame.select(columns))
}

fn canonical(map: &ColumnMap, schema: &Schema, column: Column) -> Expr {
    let leaf = |path: &[String]| {
        let (found, data_type) = leaf(schema, path);
        match column {
            Column::EventTime => time(found, &data_type),
            Column::MfaAuthenticated | Column::IsGlobal => truth(found, &data_type),
            _ if data_type == DataType::String => found,
            _ => found.cast(DataType::String),
        }
    };
    let mut leaves: Vec<Expr> = map.leaves(column).iter().map(|found| leaf(&found.path)).collect();
    let expression = match leaves.len() {
        0 => match map.made(column).map(|made| &**made) {
            Some(Made::Constant(word)) => lit(*word),
            Some(Made::Access(leaf)) => {
                let (found, data_type) = self::leaf(schema, &leaf.path);
                let is = |wanted: bool| truth(found.clone(), &data_type).eq(lit(wanted));
                when(is(true)).then(lit("Read")).when(is(false)).then(lit("Write")).otherwise(lit(NULL))
            }
            // What is made of nested fields is more than an expression can say.
            _ => lit(NULL).cast(column_type(column)),
        },
        1 => leaves.remove(0),
        _ => coalesce(&leaves),
    };
    expression.alias(column.name())
}

fn column_type(column: Column) -> DataType {
    match column {
        Column::EventTime => time_type(),
        Column::MfaAuthenticated | Column::IsGlobal => DataType::Boolean,
        _ => DataType::String,
    }
}

/// The expression that reaches a leaf through structs, and its type.
fn leaf(schema: &Schema, path: &[String]) -> (Expr, DataType) {
    let mut found = col(path[0].as_str());
    let mut data_type = schema.get(&path[0]).cloned().unwrap_or(DataType::Null);
    for name in &path[1..] {
        found = found.struct_().field_by_name(name);
        data_type = match &data_type {
            DataType::Struct(fields) => {
                fields.iter().find(|field| field.name() == name).map_or(DataType::Null, |field| field.dtype().clone())
            }
            _ => DataType::Null,
        };
    }
    (found, data_type)
}

/// The same readings of a time as [`crate::partition::parse_time`] and its siblings have, as far as an expression can say them.
fn time(found: Expr, data_type: &DataType) -> Expr {
    match data_type {
        data_type if *data_type == time_type() => found,
        DataType::Datetime(_, _) => found.cast(time_type()),
        DataType::String => {
            let options = StrptimeOptions { strict: false, ..StrptimeOptions::default() };
            found.str().to_datetime(Some(TimeUnit::Milliseconds), Some(TimeZone::UTC), options, lit("raise"))
        }
        _ => {
            let number = found.cast(DataType::Int64);
            let below = |limit: i64| number.clone().lt(lit(limit));
            when(below(100_000_000_000))
                .then(number.clone() * lit(1000_i64))
                .when(below(100_000_000_000_000))
                .then(number.clone())
                .when(below(100_000_000_000_000_000))
                .then(number.clone() / lit(1000_i64))
                .otherwise(number.clone() / lit(1_000_000_i64))
                .cast(DataType::Int64)
                .cast(time_type())
        }
    }
}

fn truth(found: Expr, data_type: &DataType) -> Expr {
    match data_type {
        DataType::Boolean => found,
        DataType::String => {
            let lower = || found.clone().str().to_lowercase();
            let known = lower().eq(lit("true")).or(lower().eq(lit("false")));
            when(known).then(lower().eq(lit("true"))).otherwise(lit(NULL))
        }
        _ => found.cast(DataType::Boolean),
    }
}
