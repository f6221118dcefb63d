//! What is read page by page is what the Parquet library's own reader finds, however the file was written.

use std::path::Path;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;

use super::*;
use crate::event::Column as Canonical;
use crate::partition::read::{RowChoice, RowGroupReader};
use crate::partition::{CodedColumn, ColumnOverrides, EventBatch, EventFile, NO_TIME, read_rows, read_times};

const COLUMNS: [&[Canonical]; 5] = [
    &[Canonical::EventName],
    &[Canonical::ServiceName],
    &[Canonical::AccessKeyId],
    &[Canonical::UserName, Canonical::AccessKeyId],
    &[Canonical::EventTime],
];

/// Time, event name, service, whether there is an identity, its key.
type Row = (Option<i64>, u8, u8, bool, Option<u8>);

#[derive(Debug, Clone)]
struct Writing {
    rows: Vec<Row>,
    data_type: DataType,
    properties: WriterProperties,
    batch_rows: usize,
    /// Whether times are written as differences.
    deltas: bool,
}

fn writing() -> impl Strategy<Value = Writing> {
    let row =
        (prop::option::weighted(0.9, 0_i64..1 << 41), any::<u8>(), 0_u8..2, any::<bool>(), prop::option::of(0_u8..5));
    let data_type = prop_oneof![
        Just(DataType::Int64),
        Just(DataType::Utf8),
        Just(DataType::Timestamp(TimeUnit::Second, None)),
        Just(DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()))),
        Just(DataType::Timestamp(TimeUnit::Microsecond, None)),
    ];
    let properties =
        (any::<bool>(), any::<bool>(), 1_usize..300, 8_usize..2000).prop_map(|(new, zstd, page_rows, dictionary)| {
            WriterProperties::builder()
                .set_writer_version(if new { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 })
                .set_compression(if zstd { Compression::ZSTD(ZstdLevel::default()) } else { Compression::UNCOMPRESSED })
                .set_data_page_row_count_limit(page_rows)
                .set_write_batch_size(16)
                .set_dictionary_page_size_limit(dictionary)
                .build()
        });
    (prop::collection::vec(row, 1..400), data_type, properties, 1_usize..150, any::<bool>()).prop_map(
        |(rows, data_type, properties, batch_rows, deltas)| Writing { rows, data_type, properties, batch_rows, deltas },
    )
}

/// Writes rows as a file whose access keys lie in a struct that may be missing.
fn write(path: &Path, writing: &Writing) {
    let rows = &writing.rows;
    let texts = |text: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(text).collect::<StringArray>())
    };
    let keys = texts(&|row| row.4.map(|key| format!("key {key}")));
    let is_there: NullBuffer = rows.iter().map(|row| row.3).collect::<Vec<bool>>().into();
    let identity =
        StructArray::new(vec![Field::new("accessKeyId", DataType::Utf8, true)].into(), vec![keys], Some(is_there));
    let times: ArrayRef = match &writing.data_type {
        DataType::Int64 => Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
        other => cast(&rows.iter().map(|row| row.0).collect::<TimestampMillisecondArray>(), other).unwrap(),
    };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("event_time", times, true),
        ("event_name", texts(&|row| Some(format!("Name{}", row.1))), false),
        ("service_name", texts(&|row| Some(format!("service {}", row.2))), true),
        ("userIdentity", Arc::new(identity) as ArrayRef, true),
        ("user_name", texts(&|row| (row.1 % 3 == 0).then(|| format!("user {}", row.1 % 7))), true),
    ])
    .unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut properties = writing.properties.clone();
    if writing.deltas && writing.data_type != DataType::Utf8 {
        properties = properties
            .into_builder()
            .set_column_dictionary_enabled("event_time".into(), false)
            .set_column_encoding("event_time".into(), Encoding::DELTA_BINARY_PACKED)
            .build();
    }
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn open(writing: &Writing) -> (tempfile::TempDir, EventFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.parquet");
    write(&path, writing);
    let file = EventFile::open(&path, "events.parquet".to_owned(), None, &ColumnOverrides::new()).unwrap();
    (folder, file)
}

/// Times and texts, row by row.
fn read(file: &EventFile, columns: &[&[Canonical]], choice: RowChoice<'_>) -> Vec<(i64, Vec<Option<String>>)> {
    let batches = RowGroupReader::open_rows(file, 0, columns, choice).unwrap();
    let rows = |batch: EventBatch| {
        assert!(batch.rows <= choice.batch_rows);
        rows_of(&batch)
    };
    batches.flat_map(|batch| rows(batch.unwrap())).collect()
}

fn rows_of(batch: &EventBatch) -> Vec<(i64, Vec<Option<String>>)> {
    let row = |row: usize| {
        (batch.times[row], batch.columns.iter().map(|column| column.row(row).map(str::to_owned)).collect())
    };
    (0..batch.rows).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn pages_and_arrays_say_the_same(writing in writing(), every in 1_usize..40) {
        let (_folder, file) = open(&writing);
        // Rows that were chosen are always read as arrays.
        let all: Vec<u32> = (0..writing.rows.len() as u32).collect();
        let choice = RowChoice { batch_rows: writing.batch_rows, ..RowChoice::default() };
        // A time with a zone has no text form.
        let as_text = if matches!(writing.data_type, DataType::Timestamp(..)) { 4 } else { 5 };
        for columns in [&COLUMNS[..4], &COLUMNS[..as_text]] {
            let expected = read(&file, columns, RowChoice { rows: Some(&all), ..choice });
            prop_assert_eq!(expected.len(), writing.rows.len());
            prop_assert!(writing.rows.iter().zip(&expected).all(|(row, found)| row.0.is_some() == (found.0 != NO_TIME)));
            prop_assert_eq!(&read(&file, columns, choice), &expected);
            let some: Vec<u32> = all.iter().copied().skip(every / 2 % all.len()).step_by(every).collect();
            let picked = read_rows(&file, 0, columns, &some).unwrap();
            prop_assert_eq!(rows_of(&picked), some.iter().map(|&row| expected[row as usize].clone()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn stretches_say_what_the_whole_says(
        writing in writing(), mut cuts in prop::collection::vec(0_usize..400, 0..8), every in 1_usize..40
    ) {
        let (_folder, file) = open(&writing);
        let rows = writing.rows.len();
        let whole = read(&file, &COLUMNS[..4], RowChoice::default());
        let times = read_times(&file, 0).unwrap();
        prop_assert!(times.iter().eq(whole.iter().map(|(time, _)| time)));
        cuts.sort_unstable();
        cuts.dedup();
        for (place, columns) in COLUMNS[..4].iter().enumerate() {
            let Some(mut column) = CodedColumn::open(&file, 0, columns).unwrap() else { continue };
            let dictionary = column.dictionary().clone();
            for cut in cuts.chunks_exact(2).map(|cut| cut[0].min(rows)..cut[1].min(rows)) {
                let found = column.decode(cut.clone()).unwrap().map(<[i32]>::to_vec);
                let keys = found.unwrap_or_else(|| vec![0; cut.len()]);
                prop_assert!(keys.iter().zip(cut).all(|(&key, row)| dictionary.value(key) == whole[row].1[place].as_deref()));
            }
            let some: Vec<u32> = (0..rows as u32).step_by(every).collect();
            let taken = column.take(&some).unwrap();
            prop_assert!(some.iter().enumerate().all(|(at, &row)| taken.row(at) == whole[row as usize].1[place].as_deref()));
        }
    }
}

#[test]
fn a_usual_file_is_read_page_by_page() {
    let rows = (0..300).map(|row| (Some(row), row as u8 % 9, row as u8 % 2, true, Some(row as u8 % 4))).collect();
    let data_type = DataType::Timestamp(TimeUnit::Millisecond, None);
    let writing = Writing { rows, data_type, properties: WriterProperties::default(), batch_rows: 100, deltas: false };
    let (_folder, file) = open(&writing);
    let chunks = || Arc::new(Chunks::load(std::fs::File::open(&file.path).unwrap(), file.size, []).unwrap());
    assert!(TimeColumn::open(&file, 0, &file.columns.leaves(Canonical::EventTime)[0], &chunks()).is_some());
    for column in &COLUMNS[..4] {
        let leaf = &file.columns.leaves(column[0])[0];
        let mut column = KeyColumn::open(&file, 0, leaf, &chunks()).unwrap().unwrap();
        column.read(300).unwrap();
        assert!(column.read(1).is_err(), "there are no more rows");
    }
}
