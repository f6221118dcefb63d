//! `insights score` as a user runs it: files in and out, defaults, broken input, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray,
};
use arrow::datatypes::Float64Type;
use chrono::{DateTime, SecondsFormat};
use common::{Outcome, insights, read_parquet, write_parquet};
use parquet::file::properties::WriterProperties;

const HEADER: &str = "series,timestamp,value,expected,lower,upper,p_up,p_down,p_value,score,flagged";
/// Monday, 5 January 2026.
const MONDAY: i64 = 1_767_571_200;

/// Scores a file of the folder; the other arguments follow.
fn score(folder: &Path, file: &str, more: &[&str]) -> Outcome {
    let path = folder.join(file);
    insights(["score", path.to_str().unwrap()].iter().chain(more))
}

fn stamp(hour: i64) -> String {
    DateTime::from_timestamp(MONDAY + hour * 3600, 0).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A day's rhythm with some spread that needs no generator of random numbers.
fn usual(hour: i64) -> u64 {
    let busy = if (8..18).contains(&(hour % 24)) { 100 } else { 20 };
    busy + (hour * 7919 % 17) as u64
}

/// Hourly counts with one burst and one drop.
fn eventful(hours: i64) -> String {
    let mut text = "timestamp,value\n".to_owned();
    for hour in 0..hours {
        let value = match hour {
            700 => 400,
            730 => 0,
            _ => usual(hour),
        };
        writeln!(text, "{},{value}", stamp(hour)).unwrap();
    }
    text
}

/// The fields of every row of a CSV result.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn flagged(rows: &[Vec<String>]) -> Vec<&str> {
    rows.iter().filter(|row| row[10] == "true").map(|row| row[1].as_str()).collect()
}

#[test]
fn finds_a_burst_and_a_drop_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counts.csv"), eventful(800)).unwrap();
    let outcome = score(folder.path(), "counts.csv", &[]).expect_code(0);
    let rows = rows(&outcome.stdout);
    assert_eq!(rows.len(), 800);
    assert_eq!(flagged(&rows), [stamp(700), stamp(730)]);
    assert!(rows[..168].iter().all(|row| row[3..10].iter().all(String::is_empty)), "the first week only teaches");
    let expected: f64 = rows[699][3].parse().unwrap();
    assert!((20.0..40.0).contains(&expected), "{expected}");
    outcome.expect_said(&["1 series in buckets of 1h: 632 buckets judged, 168 only learnt from; 2 flagged"]);
}

#[test]
fn a_bucket_is_judged_by_what_came_before_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long.csv"), eventful(800)).unwrap();
    fs::write(folder.path().join("short.csv"), eventful(600)).unwrap();
    let [long, short] = ["long.csv", "short.csv"].map(|file| rows(&score(folder.path(), file, &[]).stdout));
    assert_eq!(long[..600], short[..]);
}

#[test]
fn threads_and_repetition_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "series,timestamp,value\n".to_owned();
    for series in 0..5 {
        (0..300).for_each(|hour| writeln!(text, "s{series},{},{}", stamp(hour), usual(hour + series)).unwrap());
    }
    fs::write(folder.path().join("counts.csv"), text).unwrap();
    let [one, two] = ["1", "3"].map(|threads| score(folder.path(), "counts.csv", &["--threads", threads]).stdout);
    assert_eq!(one, two);
    let rows = rows(&one);
    assert_eq!((rows.len(), rows[0][0].as_str(), rows[1499][0].as_str()), (1500, "s0", "s4"));
}

#[test]
fn parquet_in_and_out_says_the_same_as_csv() {
    let folder = tempfile::tempdir().unwrap();
    let times: TimestampSecondArray = (0..400).map(|hour| Some(MONDAY + hour * 3600)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("series", Arc::new(StringArray::from(vec!["calls"; 400]))),
        ("Timestamp", Arc::new(times)),
        ("value", Arc::new((0..400).map(|hour| Some(usual(hour) as f64)).collect::<Float64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    write_parquet(&folder.path().join("counts.parquet"), &batch, WriterProperties::default());
    let texts = RecordBatch::try_from_iter([
        ("timestamp", Arc::clone(batch.column(1))),
        ("value", Arc::new(StringArray::from(vec!["12"; 400])) as ArrayRef),
    ]);
    write_parquet(&folder.path().join("texts.parquet"), &texts.unwrap(), WriterProperties::default());
    let refused = score(folder.path(), "texts.parquet", &[]).expect_code(3);
    refused.expect_said(&["its column `value` is of the type Utf8, expected a number", "hint: expected CSV"]);
    let target = folder.path().join("scores.parquet");
    score(folder.path(), "counts.parquet", &["--out", target.to_str().unwrap()]).expect_code(0);
    let scores = read_parquet(&target);
    let names: Vec<&str> = scores.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names.join(","), HEADER);
    let as_csv = rows(&score(folder.path(), "counts.parquet", &[]).stdout);
    let expected = scores.column_by_name("expected").unwrap().as_primitive::<Float64Type>();
    assert_eq!((scores.num_rows(), expected.null_count()), (400, 168));
    let said: f64 = as_csv[399][3].parse().unwrap();
    assert!((expected.value(399) - said).abs() < 1e-4 * said);
}

#[test]
fn every_form_of_time_gives_the_same_scores() {
    let folder = tempfile::tempdir().unwrap();
    let forms: [fn(i64) -> String; 5] = [
        stamp,
        |hour| stamp(hour).replace('T', " ").replace('Z', ""),
        |hour| (MONDAY + hour * 3600).to_string(),
        |hour| ((MONDAY + hour * 3600) * 1000).to_string(),
        |hour| stamp(hour).replace('Z', "+00:00"),
    ];
    let scores = forms.map(|form| {
        let lines: Vec<String> = (0..250).map(|hour| format!("{},{}", form(hour), usual(hour))).collect();
        fs::write(folder.path().join("counts.csv"), format!("timestamp,value\n{}\n", lines.join("\n"))).unwrap();
        score(folder.path(), "counts.csv", &[]).expect_code(0).stdout
    });
    assert!(scores.iter().all(|other| *other == scores[0]));
}

#[test]
fn rows_are_added_up_in_wider_buckets() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counts.csv"), eventful(24 * 40)).unwrap();
    let outcome = score(folder.path(), "counts.csv", &["--bucket", "1d"]).expect_code(0);
    let rows = rows(&outcome.stdout);
    assert_eq!(rows.len(), 40);
    let second: u64 = (24..48).map(usual).sum();
    assert_eq!((rows[1][1].as_str(), rows[1][2].as_str()), ("2026-01-06T00:00:00Z", second.to_string().as_str()));
    outcome.expect_said(&["buckets of 1d", "920 rows fell into a bucket that had one already"]);
}

#[test]
fn a_day_that_is_not_over_is_said_to_be_so_and_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counts.csv"), eventful(24 * 40 + 9)).unwrap();
    let outcome = score(folder.path(), "counts.csv", &["--bucket", "1d"]).expect_code(0);
    let rows = rows(&outcome.stdout);
    assert_eq!((rows.len(), rows[40][1].as_str()), (41, "2026-02-14T00:00:00Z"));
    assert!(!rows[39][3].is_empty() && rows[40][3..10].iter().all(String::is_empty), "{:?}", rows[40]);
    outcome.expect_said(&["19 buckets judged", "1 series ends in a bucket that is unfinished, which was not judged"]);
}

#[test]
fn a_gap_is_no_zero_unless_zeros_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let counts = |keep: &dyn Fn(i64) -> bool, value: &dyn Fn(i64) -> u64| {
        let kept = (0..500).filter(|&hour| keep(hour));
        kept.fold("timestamp,value\n".to_owned(), |text, hour| format!("{text}{},{}\n", stamp(hour), value(hour)))
    };
    fs::write(folder.path().join("gap.csv"), counts(&|hour| !(300..310).contains(&hour), &usual)).unwrap();
    let gap =
        score(folder.path(), "gap.csv", &[]).expect_code(0).expect_said(&["10 buckets have no row and were left out"]);
    assert_eq!((rows(&gap.stdout).len(), flagged(&rows(&gap.stdout)).len()), (490, 0));
    let zero = score(folder.path(), "gap.csv", &["--missing", "zero"]).expect_code(0);
    let zero = rows(&zero.stdout);
    assert!(flagged(&zero).contains(&stamp(300).as_str()), "ten empty hours of a busy series are odd");
    fs::write(folder.path().join("sparse.csv"), counts(&|hour| hour % 10 == 0, &|_| 1)).unwrap();
    let sparse = score(folder.path(), "sparse.csv", &["--bucket", "1h"]).expect_code(0);
    assert_eq!(rows(&sparse.stdout).len(), 491);
    sparse.expect_said(&["441 buckets have no row and were taken as zero"]);
}

#[test]
fn a_row_with_more_cells_than_the_header_is_no_count() {
    let folder = tempfile::tempdir().unwrap();
    let thousands = format!("{}2026-02-01T00:00:00Z,1,234\n", eventful(300).replace(":00Z,", ":00Z, "));
    fs::write(folder.path().join("counts.csv"), thousands).unwrap();
    let outcome = score(folder.path(), "counts.csv", &[]).expect_code(4);
    assert_eq!(rows(&outcome.stdout).len(), 300);
    outcome.expect_said(&["counts.csv: line 302: it has 3 cells, the header 2; write numbers without separators"]);
    let blank = "timestamp,value\n".to_owned()
        + &eventful(300).lines().skip(1).map(|l| l.to_owned() + ",\n").collect::<String>();
    fs::write(folder.path().join("blank.csv"), blank).unwrap();
    score(folder.path(), "blank.csv", &[]).expect_code(0);
}

#[test]
fn rows_at_irregular_times_need_a_width() {
    let folder = tempfile::tempdir().unwrap();
    let at = |row: i64| MONDAY + row * 2000 + row * row % 1900;
    let lines =
        (0..500).fold("timestamp,value\n".to_owned(), |text, row| format!("{text}{},{}\n", at(row), 20 + row % 3));
    fs::write(folder.path().join("counts.csv"), lines).unwrap();
    let outcome = score(folder.path(), "counts.csv", &[]).expect_code(3);
    outcome.expect_said(&["counts.csv", "at irregular times", "name a width, such as --bucket 1h"]);
    score(folder.path(), "counts.csv", &["--bucket", "1h"]).expect_code(0);
}

#[test]
fn buckets_narrower_than_the_rows_are_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counts.csv"), eventful(400)).unwrap();
    let outcome = score(folder.path(), "counts.csv", &["--bucket", "15m"]).expect_code(0);
    outcome.expect_said(&["rows are 1h apart, more than a bucket is wide; see --bucket", "were taken as zero"]);
}

/// Office hours of a city whose clocks change on 29 March: by UTC every morning after it is odd, by its own time none.
#[test]
fn hours_are_those_of_the_time_zone() {
    let folder = tempfile::tempdir().unwrap();
    let usual_there = |hour: i64| {
        let summer = MONDAY + hour * 3600 >= 1_774_746_000;
        usual(hour + if summer { 2 } else { 1 })
    };
    let lines = (0..24 * 7 * 15)
        .fold("timestamp,value\n".to_owned(), |text, hour| format!("{text}{},{}\n", stamp(hour), usual_there(hour)));
    fs::write(folder.path().join("counts.csv"), lines).unwrap();
    let odd = |more: &[&str]| flagged(&rows(&score(folder.path(), "counts.csv", more).expect_code(0).stdout)).len();
    assert!(odd(&[]) > 5);
    assert_eq!(odd(&["--set", "time_zone=Europe/Berlin"]), 0);
    score(folder.path(), "counts.csv", &["--set", "time_zone=Mars"]).expect_code(2);
}

#[test]
fn unusable_rows_are_named_and_the_rest_is_scored() {
    let folder = tempfile::tempdir().unwrap();
    let broken = "2026-01-06,-3\n2026-01-07,many\nyesterday,4\n2026-01-08,\n2026-01-10,1e20\n2026-01-11\n";
    fs::write(folder.path().join("counts.csv"), format!("{}{broken}", eventful(300))).unwrap();
    let outcome = score(folder.path(), "counts.csv", &[]).expect_code(4);
    assert_eq!(rows(&outcome.stdout).len(), 295, "what five hours held is not known");
    outcome.expect_said(&[
        "5 buckets have a row that could not be used and were left out as gaps",
        "counts.csv: line 302: `value` is -3, but a count cannot be negative",
        "line 303: `value` is `many`, expected a count",
        "line 304: `timestamp` is `yesterday`, expected a form such as 2026-01-31T14:00:00Z",
        "line 305: `value` is ``",
        "line 306: `value` is 1e20",
        "line 307",
    ]);
}

/// Hours whose value is empty, `NaN` or `NA` are no hours without calls, however the rest is taken.
#[test]
fn what_could_not_be_counted_is_no_zero() {
    let folder = tempfile::tempdir().unwrap();
    let broken = [(250, ""), (251, "NaN"), (295, "NA")];
    let value = |hour: i64| {
        let usual = usual(hour).to_string();
        broken.iter().find(|(own, _)| *own == hour).map_or(usual, |(_, text)| (*text).to_owned())
    };
    let lines = (0..24 * 14).fold("timestamp,value\n".to_owned(), |text, hour| {
        // Nights are left out, so what is missing is zero.
        if hour % 24 < 4 { text } else { format!("{text}{},{}\n", stamp(hour), value(hour)) }
    });
    fs::write(folder.path().join("counts.csv"), lines).unwrap();
    let outcome = score(folder.path(), "counts.csv", &[]).expect_code(4);
    let hours: Vec<String> = rows(&outcome.stdout).iter().map(|row| row[1].clone()).collect();
    assert!(
        broken.iter().all(|(hour, _)| !hours.iter().any(|found| found.starts_with(stamp(*hour).trim_end_matches('Z'))))
    );
    outcome.expect_said(&["3 buckets have a row that could not be used", "were taken as zero"]);
}

#[test]
fn fractions_are_rounded_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let lines = (0..300)
        .fold("timestamp,value\n".to_owned(), |text, hour| format!("{text}{},{}.4\n", stamp(hour), usual(hour)));
    fs::write(folder.path().join("counts.csv"), lines).unwrap();
    let outcome = score(folder.path(), "counts.csv", &[]).expect_code(0);
    assert_eq!(rows(&outcome.stdout)[299][2], format!("{}.4", usual(299)));
    outcome.expect_said(&["300 values are not whole numbers and were judged as the nearest one"]);
}

#[test]
fn what_cannot_be_scored_is_said_with_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("columns.csv", "time,count\n2026-01-05,5\n", "no column `timestamp`; found: time, count"),
        ("one.csv", "timestamp,value\n2026-01-05,5\n", "so buckets have no width; name one, such as --bucket 1h"),
        (
            "us.csv",
            "timestamp,value\n12/31/2026,5\n01/01/2027,4\n",
            "none of its 2 rows can be used; line 2: `timestamp` is `12/31/2026`",
        ),
        (
            "semicolon.csv",
            "Timestamp;Value\n2026-01-05;5\n",
            "its columns are separated by semicolons, expected commas",
        ),
        ("empty.csv", "", "no column `timestamp`"),
        ("far.csv", "timestamp,value\n0,5\n1,5\n4000000000,5\n", "would make 4000000001 buckets of 1s"),
        ("months.csv", "timestamp,value\n2026-01-01,5\n2026-02-01,5\n2026-03-01,4\n", "28 days apart"),
        ("bytes.csv", "\u{1}\u{2}\n\u{3}", "no column `timestamp`"),
    ];
    for (file, content, message) in cases {
        fs::write(folder.path().join(file), content).unwrap();
        let outcome = score(folder.path(), file, &[]).expect_code(3);
        assert_eq!(outcome.stdout, "", "{file}");
        outcome.expect_said(&[file, message, "hint: expected CSV with a header line, or Parquet"]);
    }
    fs::write(folder.path().join("torn.parquet"), "PAR1 and nothing more").unwrap();
    score(folder.path(), "torn.parquet", &[]).expect_code(3).expect_said(&["torn.parquet", "not readable Parquet"]);
    score(folder.path(), "nowhere.csv", &[]).expect_code(3).expect_said(&["cannot read", "nowhere.csv"]);
}

#[test]
fn options_that_make_no_sense_are_usage_errors() {
    for arguments in [
        ["--bucket", "5x"],
        ["--bucket", "0m"],
        ["--season", "yearly"],
        ["--warmup", "0"],
        ["--max-p", "2"],
        ["--missing", "maybe"],
    ] {
        insights(["score", "counts.csv"].iter().chain(&arguments)).expect_code(2).expect_said(&[arguments[0]]);
    }
}

#[test]
fn a_failed_run_leaves_the_earlier_result() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counts.csv"), "timestamp,value\n0,5\n1,5\n4000000000,5\n").unwrap();
    let target = folder.path().join("scores.csv");
    fs::write(&target, "earlier").unwrap();
    score(folder.path(), "counts.csv", &["--out", target.to_str().unwrap()]).expect_code(3);
    assert_eq!(fs::read_to_string(&target).unwrap(), "earlier");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn names_that_look_like_formulas_are_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let lines =
        (0..40).fold("series,timestamp,value\n".to_owned(), |text, hour| format!("{text}=1+1,{},3\n", stamp(hour)));
    fs::write(folder.path().join("counts.csv"), lines).unwrap();
    let outcome = score(folder.path(), "counts.csv", &[]).expect_code(0);
    assert!(rows(&outcome.stdout).iter().all(|row| row[0] == "'=1+1"));
}

/// The examples of `--help`, each as it stands there.
#[test]
fn the_examples_of_the_help_work() {
    let help = insights(["score", "--help"]).expect_code(0).stdout;
    let examples: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("insights score ")).collect();
    assert!(examples.len() >= 3, "{help}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counts.csv"), eventful(400)).unwrap();
    let weeks = |week: i64| stamp(week * 168);
    let lines =
        (0..170).fold("timestamp,value\n".to_owned(), |text, week| format!("{text}{},{}\n", weeks(week), usual(week)));
    fs::write(folder.path().join("weekly.csv"), lines).unwrap();
    for example in examples {
        let arguments = example.split(" > ").next().unwrap().split_whitespace().skip(1);
        let output = common::program().args(arguments).current_dir(folder.path()).output().unwrap();
        Outcome::from(output).expect_code(0);
    }
    assert!(folder.path().join("scores.parquet").is_file() && folder.path().join("scores.csv").is_file());
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // The counts are not there, and yet it is the target that is told.
    score(folder.path(), "none.csv", &["--out", &out("x.jsno")]).expect_code(2).expect_said(&[
        "--out: nothing is known of how to write",
        "hint: expected a name that ends with .csv or .parquet",
    ]);
    score(folder.path(), "none.csv", &["--out", &out("nowhere/x.csv")]).expect_said(&["nowhere"]);
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn what_a_writer_notes_of_types_that_we_do_not_know_is_passed_over() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use parquet::file::metadata::KeyValue;

    let folder = tempfile::tempdir().unwrap();
    let times = TimestampSecondArray::from_iter_values((0..100).map(|hour| 1_767_571_200 + hour * 3600));
    let counts = Int64Array::from_iter_values((0..100).map(|hour| hour % 7));
    let rows = RecordBatch::try_from_iter([
        ("timestamp", Arc::new(times) as ArrayRef),
        ("value", Arc::new(counts) as ArrayRef),
    ])
    .unwrap();
    // Whole numbers of 128 bits, which Polars writes.
    let mut note = STANDARD.decode(parquet::arrow::encode_arrow_schema(&rows.schema())).unwrap();
    let width = note.chunks_exact(4).position(|bytes| bytes == [64, 0, 0, 0]).unwrap() * 4;
    note[width] = 128;
    let note = KeyValue::new("ARROW:schema".to_owned(), STANDARD.encode(note));
    let path = folder.path().join("counts.parquet");
    let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new()
        .with_skip_arrow_metadata(true)
        .with_properties(WriterProperties::builder().set_key_value_metadata(Some(vec![note])).build());
    let file = fs::File::create(&path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new_with_options(file, rows.schema(), options).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    score(folder.path(), "counts.parquet", &[]).expect_code(0);
}
