//! Rules over partitions: the sieve loses nothing, whatever the layout of the files and the number of threads.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::{dated, day, generate_events, read_parquet, write_parquet};
use insights::event::Column;
use insights::generate::Options;
use insights::partition::{ColumnOverrides, Partitions, RowGroupReader};
use insights::rules::evaluate::exact::Evaluator;
use insights::rules::evaluate::scan::evaluate_day;
use insights::rules::parse::parse_text;
use insights::rules::{Program, RuleSet, RuleSettings};
use parquet::file::properties::WriterProperties;

/// Conditions that lean on every kind of column, and on none.
const DETECTIONS: [&str; 18] = [
    "s: {eventName: [StopLogging, DeleteTrail, CreateAccessKey]}\n  condition: s",
    "s: {eventName|startswith: Delete}\n  f: {errorCode: null}\n  condition: s and f",
    "s: {insights.failed: true}\n  condition: s",
    "s: {insights.failed: true, serviceName: Ecs}\n  condition: s",
    "s: {eventName: DescribeInstances}\n  f: {insights.failed: true}\n  condition: s and not f",
    "s: {userAgent|contains: terraform}\n  condition: s",
    "s: {userAgent|contains: sdk}\n  f: {eventRW: Read}\n  condition: s and not f",
    "s: {insights.root: true}\n  condition: s",
    "s: {sourceIpAddress|cidr: [10.0.0.0/8, 47.0.0.0/8]}\n  f: {serviceName: Oss}\n  condition: s and not f",
    "s: {insights.network|startswith: '4'}\n  f: {eventRW: Read}\n  condition: s and not f",
    "s_1: {eventName: CreateUser}\n  s_2: {errorCode|contains: Forbidden}\n  s_3: {userIdentity.type: assumed-role}\n  condition: 2 of s_*",
    "s: {requestParameters|contains: '\"'}\n  f: {eventName|startswith: [Describe, List, Get]}\n  condition: s and not f",
    "s: {userIdentity.userName|fieldref: requestParameters.UserName}\n  condition: s",
    "s: {insights.outside_hours: true, eventName: ConsoleSignin}\n  condition: s",
    "s: {userIdentity.sessionContext.attributes.mfaAuthenticated: 'false'}\n  f: {eventRW: Write}\n  condition: s and f",
    "s: {errorCode: null}\n  f: {eventRW: Read}\n  condition: not s and not f",
    "s: {serviceName|re: '^(Ram|Ims)$'}\n  condition: s",
    "s: {eventName|expand: '%none%'}\n  condition: s",
];

fn rules() -> RuleSet {
    let settings = RuleSettings { values: [("none".to_owned(), Vec::new())].into(), ..RuleSettings::default() };
    let text = |(at, detection): (usize, &&str)| {
        let head = format!("title: t{at}\nid: '{at:02}'\nlogsource: {{product: alibabacloud, service: actiontrail}}");
        parse_text(&format!("{at}.yml"), &format!("{head}\ndetection:\n  {detection}\n"), &settings)
    };
    let set = RuleSet::link(DETECTIONS.iter().enumerate().map(text).collect(), &settings);
    assert!(set.refusals().is_empty(), "{:?}", set.refusals());
    set
}

type Found = Vec<(usize, i64, Option<String>)>;

/// Every rule on every row, with every column read.
fn plainly(program: &Program, events: &Path) -> Found {
    let settings = RuleSettings::default();
    let partitions = Partitions::find(events, &ColumnOverrides::new()).unwrap();
    let mut matches = Vec::new();
    for date in partitions.dates() {
        for file in partitions.open_range(date, date).0.iter().filter(|file| file.folder_date == Some(date)) {
            for group in 0..file.row_groups.len() {
                let mut evaluator = Evaluator::new(program, &settings.hours, Column::ALL);
                for batch in RowGroupReader::open(file, group, evaluator.layout().columns()).unwrap() {
                    let batch = batch.unwrap();
                    evaluator.begin(&batch);
                    for row in 0..batch.times.len() {
                        evaluator.row(&batch, row, 0..program.len(), &mut matches);
                    }
                }
            }
        }
    }
    found(matches.iter())
}

fn found<'m>(matches: impl Iterator<Item = &'m insights::rules::Match>) -> Found {
    let mut found: Found = matches
        .map(|found| (found.rule, found.event.time, found.event.event_id.as_deref().map(str::to_owned)))
        .collect();
    found.sort();
    found
}

/// The days one by one, on so many threads, in the order in which matches arrive.
fn by_day(program: &Program, events: &Path, threads: usize) -> Vec<insights::rules::Match> {
    let settings = RuleSettings::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let partitions = Partitions::find(events, &ColumnOverrides::new()).unwrap();
        let mut matches = Vec::new();
        for date in partitions.dates() {
            let (files, problems) = partitions.open_range(date, date);
            assert!(problems.is_empty());
            let (_, problems) = evaluate_day(program, &settings.hours, &files, date, |found| matches.push(found));
            assert!(problems.is_empty(), "{problems:?}");
        }
        matches
    })
}

#[test]
fn the_sieve_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { seed: 11, days: 2, events_per_day: 12_000, first_day: day(1, 5), ..Options::default() };
    generate_events(folder.path(), &options);
    let set = rules();
    let program = Program::compile(&set);
    let expected = plainly(&program, folder.path());
    let hit: std::collections::BTreeSet<usize> = expected.iter().map(|(rule, ..)| *rule).collect();
    assert!(hit.len() >= 12, "too few rules match for this test to tell much: {hit:?}");
    assert!(!hit.contains(&17), "a list without values matches nothing");
    assert_eq!(found(by_day(&program, folder.path(), 1).iter()), expected);
}

#[test]
fn the_layout_of_files_and_the_threads_make_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { seed: 12, days: 1, events_per_day: 9_000, first_day: day(1, 5), ..Options::default() };
    generate_events(folder.path(), &options);
    let date = dated(folder.path(), day(1, 5));
    let whole = by_day(&Program::compile(&rules()), folder.path(), 1);
    let rows = read_parquet(&std::fs::read_dir(&date).unwrap().next().unwrap().unwrap().path());
    let cut = tempfile::tempdir().unwrap();
    let small = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1_100))
        .set_data_page_row_count_limit(90)
        .set_write_batch_size(30)
        .build();
    write_parquet(&dated(cut.path(), day(1, 5)).join("a.parquet"), &rows, small);
    let program = Program::compile(&rules());
    assert!(!whole.is_empty());
    for threads in [1, 2, 5] {
        assert_eq!(by_day(&program, cut.path(), threads), whole, "on {threads} threads");
    }
}
