//! What the integration tests share: running the program, making and reading Parquet files, comparing folders.
//!
//! Nothing in here knows how the program works inside; it only starts it and reads what it wrote.

#![allow(dead_code, reason = "every test file uses a part of it")]

pub(crate) mod browser;
pub(crate) mod logs;
pub(crate) mod made;
pub(crate) mod places;
pub(crate) mod scene;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, UInt32Type};
use chrono::NaiveDate;
use insights::generate::{Options, generate};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

/// The columns that tell entities apart, in the order of the rollup file.
const DIMENSIONS: [&str; 11] = [
    "account",
    "service",
    "api",
    "error_code",
    "source_ip",
    "access_key",
    "principal_kind",
    "principal",
    "change",
    "network",
    "region",
];

/// What a run of the program came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The run must have come to this exit code, and must not have panicked.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// The standard error must say all of this.
    #[track_caller]
    pub(crate) fn expect_said(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in the standard error:\n{}", self.stderr);
        }
        self
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The program, to be given arguments; it sees no settings of whoever runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_insights"));
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| name.to_string_lossy().starts_with("INSIGHTS_")) {
        command.env_remove(name);
    }
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn insights<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Outcome {
    program().args(arguments).output().unwrap().into()
}

/// Runs `insights rollup`; all must go well.
#[track_caller]
pub(crate) fn roll_up(events: &Path, state: &Path, more: &[&str]) -> Outcome {
    let (events, state) = (events.to_str().unwrap(), state.to_str().unwrap());
    insights(["rollup", events, "--state", state].iter().chain(more)).expect_code(0)
}

/// A day of the year 2026.
pub(crate) fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}

/// The first millisecond of a day.
pub(crate) fn midnight(date: NaiveDate) -> i64 {
    date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis()
}

/// Makes events without planted anomalies.
pub(crate) fn generate_quiet(out: &Path, seed: u64, days: u32, events_per_day: u64) {
    generate_events(out, &Options { seed, days, events_per_day, quiet: true, ..Options::default() });
}

/// Makes events.
pub(crate) fn generate_events(out: &Path, options: &Options) {
    generate(options, out, &|_| ()).unwrap();
}

/// The folder of a day below a folder of partitions or rollups.
pub(crate) fn dated(folder: &Path, date: NaiveDate) -> PathBuf {
    folder.join(format!("date={date}"))
}

/// Writes rows as a Parquet file, making its folder if need be.
pub(crate) fn write_parquet(path: &Path, rows: &RecordBatch, properties: WriterProperties) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

/// All rows of a Parquet file.
pub(crate) fn read_parquet(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// The texts of a column.
pub(crate) fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let array = cast(rows.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

/// What one entity did in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct HourCount {
    pub(crate) hour: u32,
    pub(crate) calls: u32,
    pub(crate) errors: u32,
    pub(crate) peak: u32,
}

/// A row of a rollup file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) number: u32,
    pub(crate) family: String,
    /// The account, then every other dimension that is not null.
    pub(crate) key: Vec<String>,
    pub(crate) hours: Vec<HourCount>,
}

/// All rows of a rollup file.
pub(crate) fn read_entities(path: &Path) -> Vec<Entity> {
    let rows = read_parquet(path);
    let dimensions: Vec<Vec<Option<String>>> = DIMENSIONS.iter().map(|name| texts(&rows, name)).collect();
    let families = texts(&rows, "family");
    let numbers = numbers(rows.column_by_name("entity").unwrap());
    let [hours, calls, errors, peaks] = ["hour", "calls", "errors", "peak"].map(|name| lists(&rows, name));
    let entity = |row: usize| Entity {
        number: numbers[row],
        family: families[row].clone().unwrap(),
        key: dimensions.iter().filter_map(|texts| texts[row].clone()).collect(),
        hours: (0..hours[row].len())
            .map(|place| HourCount {
                hour: hours[row][place],
                calls: calls[row][place],
                errors: errors[row][place],
                peak: peaks[row][place],
            })
            .collect(),
    };
    (0..rows.num_rows()).map(entity).collect()
}

/// Calls by kind of pair and by the keys of its two entities.
pub(crate) type Pairs = BTreeMap<(String, Vec<String>, Vec<String>), u32>;

/// All pairs of a pairs file, with the entities of its rollup file.
pub(crate) fn read_pairs(path: &Path, entities: &[Entity]) -> Pairs {
    let rows = read_parquet(path);
    let kinds = texts(&rows, "pair");
    let lefts = numbers(rows.column_by_name("entity").unwrap());
    let (rights, calls) = (lists(&rows, "with"), lists(&rows, "calls"));
    let key = |number: u32| entities[number as usize].key.clone();
    let mut pairs = Pairs::new();
    for row in 0..rows.num_rows() {
        assert_eq!(rights[row].len(), calls[row].len());
        for (&right, &calls) in rights[row].iter().zip(&calls[row]) {
            let twice = pairs.insert((kinds[row].clone().unwrap(), key(lefts[row]), key(right)), calls);
            assert_eq!(twice, None, "a pair stands in the file twice");
        }
    }
    pairs
}

fn numbers(array: &dyn Array) -> Vec<u32> {
    cast(array, &DataType::UInt32).unwrap().as_primitive::<UInt32Type>().values().to_vec()
}

fn lists(rows: &RecordBatch, column: &str) -> Vec<Vec<u32>> {
    let list = rows.column_by_name(column).unwrap().as_list::<i32>();
    list.iter().map(|items| numbers(&items.unwrap())).collect()
}

/// Everything that a state directory has counted of a day: entities and pairs.
pub(crate) fn read_day(state: &Path, date: NaiveDate) -> (Vec<Entity>, Pairs) {
    let folder = dated(&state.join("rollups"), date);
    let entities = read_entities(&folder.join("rollup.parquet"));
    let pairs = read_pairs(&folder.join("pairs.parquet"), &entities);
    (entities, pairs)
}

/// The bytes of every file below a folder, by its path from there.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

/// Everything in a state directory but `runs/` and the lock.
pub(crate) fn lasting(state: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(state).into_iter();
    files.filter(|(path, _)| !path.starts_with("runs") && !path.starts_with("lock")).collect()
}

/// Two folders must hold the same files with the same bytes; only names and sizes are shown when they do not.
#[track_caller]
pub(crate) fn assert_same_files(left: &BTreeMap<PathBuf, Vec<u8>>, right: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(left), names(right));
    let differing: Vec<_> = left.iter().filter(|(name, bytes)| right[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differing.is_empty(), "these files differ: {differing:?}");
}
