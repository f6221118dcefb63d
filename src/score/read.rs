//! Reading a table of counts, CSV or Parquet; rows that cannot be used are named and set aside.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::error::{Error, Result};
use crate::partition::{NO_TIME, milliseconds};
use crate::score::moment;
use crate::score::table::{CountTable, TableBuilder};

/// The first bytes of every Parquet file.
const MAGIC: &[u8] = b"PAR1";
/// The longest name of a series, in bytes; longer ones are cut.
const LONGEST_NAME: usize = 1024;
/// Columns that an error lists.
const SHOWN: usize = 20;

/// Reads a table with the columns `timestamp`, `value` and, if there are several series, `series`.
///
/// # Errors
/// When the file cannot be read, or a column is missing or of an impossible type. Rows are never an error.
pub fn read(path: &Path) -> Result<CountTable> {
    let mut file = File::open(path).map_err(Error::read(path))?;
    let mut magic = [0; MAGIC.len()];
    let is_parquet = file.read_exact(&mut magic).is_ok() && magic == MAGIC;
    file.rewind().map_err(Error::read(path))?;
    if is_parquet { Error::if_damaged(path, || read_parquet(path, file)) } else { read_csv(path, file) }
}

/// Where the columns are.
struct Columns {
    series: Option<usize>,
    timestamp: usize,
    value: usize,
}

impl Columns {
    fn find(path: &Path, names: &[&str]) -> Result<Self> {
        let position =
            |wanted: &str| names.iter().position(|name| name.trim_matches(NOISE).eq_ignore_ascii_case(wanted));
        let needed = |wanted: &'static str| {
            position(wanted).ok_or_else(|| {
                let found = names[..names.len().min(SHOWN)].join(", ");
                let found = if found.is_empty() { "no header line" } else { &found };
                let why = other_separator(names, wanted).map_or_else(String::new, |separator| {
                    format!("; its columns are separated by {separator}, expected commas")
                });
                Error::counts(path, format!("there is no column `{wanted}`; found: {found}{why}"))
            })
        };
        Ok(Self { series: position("series"), timestamp: needed("timestamp")?, value: needed("value")? })
    }
}

/// What separates the columns of a header that was taken for one column, if the wanted one is among them then.
fn other_separator(names: &[&str], wanted: &str) -> Option<&'static str> {
    let [header] = names else { return None };
    let separators = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
    let is_there = |separator: char| {
        header.split(separator).any(|name| name.trim_matches(NOISE).trim_matches('"').eq_ignore_ascii_case(wanted))
    };
    separators.into_iter().find(|&(separator, _)| is_there(separator)).map(|(_, name)| name)
}

/// Blanks and the mark that some editors put at the beginning of a file.
const NOISE: [char; 3] = [' ', '\t', '\u{feff}'];

fn read_csv(path: &Path, file: File) -> Result<CountTable> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::new(file));
    let headers = reader.headers().map_err(csv_failure(path))?.clone();
    let columns = Columns::find(path, &headers.iter().collect::<Vec<_>>())?;
    let mut table = TableBuilder::new(path.display().to_string(), columns.series.is_some());
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => return Err(csv_failure(path)(error)),
        }
        let line = record.position().map_or(0, csv::Position::line);
        let field = |column: usize| record.get(column).map(String::from_utf8_lossy).unwrap_or_default();
        let name = columns.series.map(field).unwrap_or_default();
        let value = if record.iter().skip(headers.len()).any(|cell| !cell.is_empty()) {
            Err(too_many_cells(record.len(), headers.len()))
        } else {
            parse_value(&field(columns.value))
        };
        table.add(shortened(&name), moment::understood(&field(columns.timestamp)), value, || format!("line {line}"));
    }
    Ok(table.finish())
}

/// A cell beyond the header is most likely a part of a number, or of a name, that was cut at its comma.
fn too_many_cells(cells: usize, columns: usize) -> String {
    format!(
        "it has {cells} cells, the header {columns}; write numbers without separators of thousands, and put names with \
         commas into quotes"
    )
}

fn parse_value(text: &str) -> std::result::Result<f64, String> {
    let shown: String = text.chars().take(40).collect();
    text.trim().parse().map_err(|_| format!("`value` is `{shown}`, expected a count"))
}

fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}

fn csv_failure(path: &Path) -> impl Fn(csv::Error) -> Error {
    move |error| match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::read(path)(source),
        csv::ErrorKind::Utf8 { .. } => Error::counts(path, "the first line is not text".to_owned()),
        other => Error::counts(path, format!("{other:?}")),
    }
}

fn read_parquet(path: &Path, file: File) -> Result<CountTable> {
    // What a writer notes of its own types besides Parquet's may be unknown to the library.
    let physical = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, physical).map_err(Error::parquet(path))?;
    let schema = builder.schema().clone();
    let columns = Columns::find(path, &schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>())?;
    let mut table = TableBuilder::new(path.display().to_string(), columns.series.is_some());
    let mut row = 0_u64;
    for batch in builder.build().map_err(Error::parquet(path))? {
        let batch = batch.map_err(Error::parquet(path))?;
        let times = times(path, batch.column(columns.timestamp))?;
        let values = values(path, batch.column(columns.value))?;
        let names = columns.series.map(|column| texts(path, "series", batch.column(column))).transpose()?;
        for (index, time) in times.into_iter().enumerate() {
            row += 1;
            let name = names.as_ref().filter(|names| names.is_valid(index)).map_or("", |names| names.value(index));
            let value =
                if values.is_valid(index) { Ok(values.value(index)) } else { Err("`value` is empty".to_owned()) };
            table.add(shortened(name), time, value, || format!("row {row}"));
        }
    }
    Ok(table.finish())
}

/// The times of a column, or why one is none: dates and texts of any usual form beside what event files have.
fn times(path: &Path, array: &ArrayRef) -> Result<Vec<std::result::Result<i64, String>>> {
    let empty = || "`timestamp` is empty".to_owned();
    match array.data_type() {
        DataType::Date32 | DataType::Date64 => {
            let days = cast(array, &DataType::Date64).map_err(|_| column_type(path, "timestamp", array))?;
            let days = days.as_primitive::<arrow::datatypes::Date64Type>();
            Ok(days.iter().map(|day| day.ok_or_else(empty)).collect())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let texts = texts(path, "timestamp", array)?;
            Ok(texts.iter().map(|text| text.ok_or_else(empty).and_then(moment::understood)).collect())
        }
        _ => {
            let times = milliseconds(array).map_err(|_| column_type(path, "timestamp", array))?;
            let known = |&time: &i64| (time != NO_TIME).then_some(time).ok_or_else(empty);
            Ok(times.iter().map(known).collect())
        }
    }
}

fn values(path: &Path, array: &ArrayRef) -> Result<Float64Array> {
    let numeric = array.data_type().is_numeric();
    let numbers = if numeric { cast(array, &DataType::Float64).ok() } else { None };
    numbers
        .map(|numbers| numbers.as_primitive::<Float64Type>().clone())
        .ok_or_else(|| column_type(path, "value", array))
}

fn texts(path: &Path, column: &'static str, array: &ArrayRef) -> Result<StringArray> {
    let texts = cast(array, &DataType::Utf8).map_err(|_| column_type(path, column, array))?;
    Ok(texts.as_string::<i32>().clone())
}

fn column_type(path: &Path, column: &'static str, array: &ArrayRef) -> Error {
    let expected = match column {
        "timestamp" => "a timestamp, a date, text or whole numbers",
        "value" => "a number",
        _ => "text",
    };
    Error::counts(path, format!("its column `{column}` is of the type {}, expected {expected}", array.data_type()))
}
