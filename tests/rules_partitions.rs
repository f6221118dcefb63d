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
use insights::rules::matched::Facts;
use insights::rules::parse::parse_text;
use insights::rules::replay::{Seen, replay};
use insights::rules::{Intake, Program, RuleSet, RuleSettings};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

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
    some_rules(|_| true)
}

/// Those of the rules whose number is wanted.
fn some_rules(wanted: impl Fn(usize) -> bool) -> RuleSet {
    let settings = RuleSettings { values: [("none".to_owned(), Vec::new())].into(), ..RuleSettings::default() };
    let text = |(at, detection): (usize, &&str)| {
        let head = format!("title: t{at}\nid: '{at:02}'\nlogsource: {{product: alibabacloud, service: actiontrail}}");
        parse_text(&format!("{at}.yml"), &format!("{head}\ndetection:\n  {detection}\n"), &settings)
    };
    let wanted = DETECTIONS.iter().enumerate().filter(|(at, _)| wanted(*at));
    let set = RuleSet::link(wanted.map(text).collect(), &settings);
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
    by_day_up_to(usize::MAX, program, events, threads)
}

/// The same; behind so many matches only times are asked for.
fn by_day_up_to(most: usize, program: &Program, events: &Path, threads: usize) -> Vec<insights::rules::Match> {
    let settings = RuleSettings::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let partitions = Partitions::find(events, &ColumnOverrides::new()).unwrap();
        let mut matches = Vec::new();
        for date in partitions.dates() {
            let (files, problems) = partitions.open_range(date, date);
            assert!(problems.is_empty());
            let (_, problems) = evaluate_day(program, &settings.hours, &files, date, |found| {
                matches.push(found);
                if matches.len() < most { Facts::All } else { Facts::Time }
            });
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
fn behind_enough_matches_only_times_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { seed: 13, days: 1, events_per_day: 9_000, first_day: day(1, 5), ..Options::default() };
    generate_events(folder.path(), &options);
    let rows =
        read_parquet(&std::fs::read_dir(dated(folder.path(), day(1, 5))).unwrap().next().unwrap().unwrap().path());
    let cut = tempfile::tempdir().unwrap();
    let small = WriterProperties::builder().set_max_row_group_row_count(Some(300)).build();
    write_parquet(&dated(cut.path(), day(1, 5)).join("a.parquet"), &rows, small);
    let program = Program::compile(&rules());
    let whole = by_day(&program, cut.path(), 1);
    for threads in [1, 3] {
        let some = by_day_up_to(100, &program, cut.path(), threads);
        assert_eq!(some[..100], whole[..100]);
        let time = |found: &insights::rules::Match| (found.rule, found.event.time);
        assert!(some.iter().map(time).eq(whole.iter().map(time)));
        assert!(some.last().unwrap().event.event_name.is_none() && whole.last().unwrap().event.event_name.is_some());
    }
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

/// Alone or few together rules are sifted in other ways: dictionaries leave row groups out, and few columns are decoded.
#[test]
fn the_sieve_loses_nothing_of_few_rules() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { seed: 13, days: 1, events_per_day: 6_000, first_day: day(1, 5), ..Options::default() };
    generate_events(folder.path(), &options);
    let rows =
        read_parquet(&std::fs::read_dir(dated(folder.path(), day(1, 5))).unwrap().next().unwrap().unwrap().path());
    let groups = || WriterProperties::builder().set_max_row_group_row_count(Some(700));
    let layouts = [
        ("as written", WriterProperties::builder().build()),
        ("small row groups", groups().build()),
        ("without statistics", groups().set_statistics_enabled(EnabledStatistics::None).build()),
        ("without dictionaries", groups().set_dictionary_enabled(false).build()),
        (
            "dictionaries that overflow",
            groups()
                .set_dictionary_page_size_limit(200)
                .set_data_page_row_count_limit(100)
                .set_write_batch_size(50)
                .build(),
        ),
    ];
    let all = plainly(&Program::compile(&rules()), folder.path());
    for (name, layout) in layouts {
        let cut = tempfile::tempdir().unwrap();
        write_parquet(&dated(cut.path(), day(1, 5)).join("a.parquet"), &rows, layout);
        let singles = (0..DETECTIONS.len()).map(|rule| vec![rule]);
        let pairs = (0..DETECTIONS.len())
            .map(|rule| vec![rule, (rule * 7 + 3) % DETECTIONS.len(), (rule * 5 + 1) % DETECTIONS.len()]);
        for few in singles.chain(pairs) {
            let set = some_rules(|rule| few.contains(&rule));
            let mut number: Vec<usize> = few.clone();
            number.sort_unstable();
            number.dedup();
            let mut expected: Found = all.iter().filter(|(rule, ..)| few.contains(rule)).cloned().collect();
            expected.iter_mut().for_each(|(rule, ..)| *rule = number.iter().position(|known| known == rule).unwrap());
            expected.sort();
            assert_eq!(
                found(by_day(&Program::compile(&set), cut.path(), 2).iter()),
                expected,
                "{name}, rules {number:?}"
            );
        }
    }
}

/// Day by day correlations are counted in bounded memory; the counts are those of everything together.
#[test]
fn a_replay_counts_what_all_days_together_come_to() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { seed: 14, days: 4, events_per_day: 3_000, first_day: day(1, 5), ..Options::default() };
    generate_events(folder.path(), &options);
    let base = |name: &str, detection: &str| {
        format!(
            "title: {name}\nid: {name}\nlogsource: {{product: alibabacloud, service: actiontrail}}\ndetection: {{s: {{{detection}}}, condition: s}}\n---\n"
        )
    };
    let correlation = |name: &str, body: &str| format!("title: {name}\nid: {name}\ncorrelation: {{{body}}}\n---\n");
    let text = [
        base("failed", "insights.failed: true"),
        base("written", "eventRW: Write"),
        correlation("often", "type: event_count, rules: [failed], group-by: [userIdentity.principalId], timespan: 12h, condition: {gte: 3}, generate: true"),
        correlation("wide", "type: value_count, rules: [failed, written], group-by: [userIdentity.principalId], timespan: 30h, condition: {gte: 4, field: serviceName}"),
        correlation("chain", "type: temporal_ordered, rules: [often, written], group-by: [userIdentity.principalId], timespan: 20h"),
        correlation("quiet", "type: temporal, rules: [written, failed], group-by: [userIdentity.principalId], timespan: 5h, condition: written and not failed"),
    ]
    .concat();
    let settings = RuleSettings::default();
    let set = RuleSet::link(vec![parse_text("f.yml", text.trim_end_matches("---\n"), &settings)], &settings);
    assert!(set.refusals().is_empty(), "{:?}", set.refusals());
    let mut intake = Intake::new(&set, &settings.whitelist);
    for found in by_day(&Program::compile(&set), folder.path(), 1) {
        intake.take(&found);
    }
    let (fired, taken) = intake.finish(i64::MIN..i64::MAX);
    let partitions = Partitions::find(folder.path(), &ColumnOverrides::new()).unwrap();
    let mut seen = vec![0; set.rules().len()];
    let mut each = |found: Seen<'_>| match found {
        Seen::Event(found) => seen[found.rule] += 1,
        Seen::Correlation(found) => seen[found.rule] += 1,
    };
    let watched = replay(&set, &settings, &partitions, &|_| {}, Some(&mut each));
    let replayed = replay(&set, &settings, &partitions, &|_| {}, None);
    assert_eq!(watched, replayed);
    let reported = |(rule, hits): (usize, &u64)| if set.reports(rule) { *hits } else { 0 };
    assert_eq!(seen, taken.hits.iter().enumerate().map(reported).collect::<Vec<_>>(), "every firing is told");
    assert_eq!(replayed.rules.iter().map(|rule| rule.hits).collect::<Vec<_>>(), taken.hits);
    assert!(taken.hits.iter().all(|hits| *hits > 10), "{:?}", taken.hits);
    assert_eq!(replayed.without_group, taken.left_out.without_group);
    let whole_days = |moment: i64| moment.div_euclid(86_400_000);
    assert!(fired.iter().any(|found| whole_days(found.first) < whole_days(found.time)), "no window went past midnight");
}
