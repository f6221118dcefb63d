//! A day with more entities than `max_entities` allows: those with the most calls keep their names, the rest is added up, nothing is
//! lost, and nobody judges what stands for many.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::made::{Call, usual_day, write_day, write_days, write_part};
use common::{Entity, Pairs, assert_same_files, day, files_below, insights, read_day, roll_up};
use insights::shown::number;
use serde_json::Value;

const OTHER: &str = "(other)";
/// As many as there are people on an ordinary day of [`usual_day`].
const MOST: usize = 20;

/// Four hundred addresses, users and keys that nobody knew, each with a call of its own API; the first thirty have two.
fn flood() -> Vec<Call> {
    let stranger = |number: u32, second: i64| Call {
        address: format!("198.51.{}.{}", 100 + number / 200, number % 200),
        user: format!("stranger{number:03}"),
        ..Call::usual(second, 0)
    };
    let calls = |number: u32| {
        (0..if number < 30 { 2 } else { 1 }).map(move |call| stranger(number, i64::from(number) * 200 + call))
    };
    (0..400).flat_map(calls).collect()
}

fn calls(entity: &Entity) -> u64 {
    entity.hours.iter().map(|hour| u64::from(hour.calls)).sum()
}

/// Calls by family, account and hour.
fn by_hour(entities: &[Entity]) -> BTreeMap<(String, String, u32), u64> {
    let mut sums = BTreeMap::new();
    for entity in entities {
        for hour in &entity.hours {
            let key = (entity.family.clone(), entity.key[0].clone(), hour.hour);
            *sums.entry(key).or_insert(0) += u64::from(hour.calls);
        }
    }
    sums
}

fn by_kind(pairs: &Pairs) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for ((kind, ..), calls) in pairs {
        *sums.entry(kind.as_str()).or_insert(0) += u64::from(*calls);
    }
    sums
}

fn is_other(key: &[String]) -> bool {
    key[1..].iter().all(|field| field == OTHER)
}

fn capped(events: &Path, state: &Path, threads: &str) -> String {
    let cap = format!("max_entities={MOST}");
    roll_up(events, state, &["--set", &cap, "--threads", threads]).stderr
}

#[test]
fn the_busiest_keep_their_names_and_the_rest_is_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let date = day(1, 5);
    write_day(&path("events"), date, usual_day(date).into_iter().chain(flood()).collect());
    roll_up(&path("events"), &path("plain"), &[]);
    let told = capped(&path("events"), &path("capped"), "1");
    let ((plain, plain_pairs), (entities, pairs)) = (read_day(&path("plain"), date), read_day(&path("capped"), date));
    assert_eq!(by_hour(&entities), by_hour(&plain));
    assert_eq!(by_kind(&pairs), by_kind(&plain_pairs));
    let mut beyond = 0;
    for family in ["api", "source_ip", "access_key", "principal", "network"] {
        let of = |entities: &[Entity]| -> Vec<Entity> {
            entities.iter().filter(|entity| entity.family == family).cloned().collect()
        };
        let mut busiest = of(&plain);
        busiest.sort_by_key(|entity| (Reverse(calls(entity)), entity.key.clone()));
        let kept: BTreeSet<Vec<String>> = busiest.iter().take(MOST).map(|entity| entity.key.clone()).collect();
        let named = of(&entities).into_iter().filter(|entity| !is_other(&entity.key)).map(|entity| entity.key);
        assert_eq!(named.collect::<BTreeSet<_>>(), kept, "{family}");
        beyond += busiest.len().saturating_sub(MOST);
    }
    assert!(beyond > 1000, "{beyond}");
    assert!(
        told.contains(&format!("{} entities are more than `max_entities` allows", number(beyond as u64))),
        "{told}"
    );

    // The same whoever counts, and in whatever files the events come.
    capped(&path("events"), &path("threads"), "2");
    assert_same_files(&files_below(&path("capped/rollups")), &files_below(&path("threads/rollups")));
    let (first, second): (Vec<Call>, Vec<Call>) =
        usual_day(date).into_iter().chain(flood()).partition(|call| call.second % 3 == 0);
    write_part(&path("parts"), date, 0, second);
    write_part(&path("parts"), date, 1, first);
    capped(&path("parts"), &path("in_parts"), "2");
    assert_eq!(read_day(&path("in_parts"), date), (entities, pairs));
}

#[test]
fn a_day_is_counted_again_by_other_settings_and_one_whose_events_are_gone_stays_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (first, last) = (day(1, 5), day(1, 7));
    write_days(&path("events"), first, last, |date| if date == last { Vec::new() } else { flood() });
    roll_up(&path("events"), &path("plain"), &[]);
    capped(&path("events"), &path("state"), "1");
    assert_ne!(read_day(&path("state"), first), read_day(&path("plain"), first));
    roll_up(&path("events"), &path("state"), &[]);
    assert_eq!(read_day(&path("state"), first), read_day(&path("plain"), first), "the cap is higher now");
    let again = roll_up(&path("events"), &path("state"), &[]).stdout;
    assert!(again.starts_with("0 days counted, 3 left"), "{again}");
    let columns = ["--set", "columns.access_key_id=user_name"];
    roll_up(&path("events"), &path("state"), &columns);
    assert_ne!(read_day(&path("state"), first), read_day(&path("plain"), first), "keys are read elsewhere now");

    fs::remove_dir_all(path("events/date=2026-01-05")).unwrap();
    let [events, state] = ["events", "state"].map(|name| path(name).to_str().unwrap().to_owned());
    let told = insights(["run", &events, "--state", &state, "--date", "2026-01-07"]).expect_code(0).stdout;
    assert!(told.contains("2026-01-05: counted by other columns"), "{told}");
    assert!(!told.contains("2026-01-06: counted by"), "{told}");
}

#[test]
fn nobody_judges_what_stands_for_many_and_the_night_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let last = day(1, 16);
    write_days(&events, day(1, 1), last, |date| if date == last { flood() } else { Vec::new() });
    let cap = format!("max_entities={MOST}");
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", "2026-01-16"];
    let told = insights(arguments.iter().chain(&["--set", &cap, "--set", "baseline_days=14"])).expect_code(0).stdout;
    assert!(told.contains("are more than `max_entities` allows: they are counted under `(other)`"), "{told}");
    let record = fs::read_to_string(state.join("runs/2026-01-16.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert!(record["counts"]["beyond_cap"].as_u64().unwrap() > 1000, "{}", record["counts"]);
    let flaws = record["quality"].as_array().unwrap();
    let flaw = flaws.iter().find(|flaw| flaw["kind"] == "too_many_entities").unwrap();
    assert_eq!(flaw["numbers"]["entities"], record["counts"]["beyond_cap"]);
    assert_eq!(flaw["numbers"]["known_before"], 0, "the people of every day call more often than the flood: {flaw}");
    for family in record["families"].as_array().unwrap() {
        assert!(family["entities"].as_u64().unwrap() <= MOST as u64, "{family}");
    }
    let insights = fs::read_to_string(state.join("insights/date=2026-01-16/insights.jsonl")).unwrap();
    assert!(!insights.contains("\"insightObject\":\"(other)"), "{insights}");
    let about = ["explain", OTHER, "--state", state.to_str().unwrap(), "--set", &cap, "--set", "baseline_days=14"];
    common::insights(about).expect_code(2).expect_said(&[
        "`(other)` is no entity",
        "calls of principal",
        "set `max_entities` higher",
    ]);
}

/// Twenty people, and on the last day one of them from a network of its own with four APIs that it never called.
fn thief(date: chrono::NaiveDate, last: chrono::NaiveDate) -> Vec<Call> {
    let apis = ["ListBuckets", "GetObject", "DescribeSecret", "DescribeUsers"];
    let call = |number: usize| Call {
        api: apis[number % apis.len()],
        address: "198.51.100.7".to_owned(),
        ..Call::usual(40_000 + number as i64 * 11, 3)
    };
    if date == last { (0..24).map(call).collect() } else { Vec::new() }
}

#[test]
fn where_days_left_names_out_it_is_not_said_that_something_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let last = day(1, 29);
    let told = |state: &str, capped: &[(&str, &str)]| {
        let (events, state) = (folder.path().join(format!("events of {state}")), folder.path().join(state));
        write_days(&events, day(1, 1), last, |date| thief(date, last));
        let state = state.to_str().unwrap();
        for (from, to) in capped {
            let own = ["rollup", events.to_str().unwrap(), "--state", state, "--from", from, "--to", to];
            common::insights(own.iter().chain(&["--set", "max_entities=8"])).expect_code(0);
            // With their events the night would count them again, by its own settings.
            let [from, to] = [from, to].map(|date| date.parse::<chrono::NaiveDate>().unwrap());
            from.iter_days().take_while(|date| *date <= to).for_each(|date| {
                fs::remove_dir_all(events.join(format!("date={date}"))).unwrap();
            });
        }
        common::insights(["run", events.to_str().unwrap(), "--state", state, "--date", "2026-01-29"]).expect_code(0);
        let lines = fs::read_to_string(Path::new(state).join("insights/date=2026-01-29/insights.jsonl")).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let analyses = lines.map(|line| line["insightDetails"]["analysis"].clone());
        analyses.filter(|analysis| analysis["judgedBy"] == "first_seen").collect::<Vec<Value>>()
    };
    let sentence = |analysis: &Value| analysis["sentence"].as_str().unwrap().to_owned();
    let plain = told("plain", &[]);
    assert!(!plain.is_empty(), "a thief is found");
    for analysis in &plain {
        assert!(sentence(analysis).contains(" for the first time in 28 days "), "{analysis}");
        assert!(analysis.get("daysNotCountedInFull").is_none(), "{analysis}");
    }
    let some = told("some", &[("2026-01-10", "2026-01-12")]);
    assert!(!some.is_empty(), "and is where three days are not known");
    for analysis in &some {
        let said = sentence(analysis);
        assert!(
            said.contains("; not known to have done so before, but 3 of 28 days were not counted in full"),
            "{said}"
        );
        assert!(!said.contains("first time"), "{said}");
        assert_eq!(analysis["daysNotCountedInFull"], 3, "{analysis}");
    }
    assert_eq!(told("most", &[("2026-01-05", "2026-01-27")]), Vec::<Value>::new(), "most days are not known");
}

#[test]
fn a_key_that_a_cap_leaves_out_was_used_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let last = day(1, 4);
    // The strangers of the last day call more often than the people of every day.
    let crowd =
        |number: i64| (0..400).map(move |call| Call { user: format!("a{number:02}"), ..Call::usual(call * 9, 1) });
    write_days(
        &events,
        day(1, 1),
        last,
        |date| if date == last { (0..20).flat_map(crowd).collect() } else { Vec::new() },
    );
    roll_up(&events, &state, &["--set", &format!("max_entities={MOST}")]);
    let ask = |more: &[&str]| {
        let own = ["access-key", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--now", "2026-01-05"];
        let answer = insights(own.iter().chain(more).chain(&["--format", "json"])).expect_code(0);
        let keys = answer.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let keys = keys.map(|key| {
            (key["access_key"].as_str().unwrap().to_owned(), key["last_use"].as_str().unwrap()[..10].to_owned())
        });
        (keys.collect::<BTreeMap<_, _>>(), answer.stderr)
    };
    let unused = ask(&["--unused", "1"]);
    assert!(unused.0.is_empty() && !unused.1.contains("max_entities"), "{unused:?}");
    let (all, _) = ask(&[]);
    assert_eq!(all.len(), 40);
    assert!(all.values().all(|day| day == "2026-01-04"), "{all:?}");

    // Where the events are gone, what is not known is said.
    fs::remove_dir_all(events.join("date=2026-01-04")).unwrap();
    let (unused, told) = ask(&["--unused", "1"]);
    assert_eq!(unused.len(), 20);
    assert!(!unused.contains_key(OTHER), "{unused:?}");
    assert!(told.contains("! 2026-01-04 is not known in full"), "{told}");
}

/// More names than are held in memory, whatever the cap: each has one call, and one in a thousand has another in another hour.
fn great_flood(names: u32) -> Vec<Call> {
    let call = |number: u32, second: i64| Call {
        address: format!("{}.{}.{}.9", 1 + (number >> 16), number >> 8 & 255, number & 255),
        user: format!("stranger{number:06}"),
        ..Call::usual(second, 0)
    };
    let seconds = |number: u32| {
        let first = i64::from(number) * 43_200 / i64::from(names);
        std::iter::once(first).chain((number % 1000 == 7).then_some(first + 43_200))
    };
    (0..names).flat_map(|number| seconds(number).map(move |second| call(number, second))).collect()
}

#[test]
fn names_that_memory_does_not_hold_are_counted_on_the_disk() {
    const NAMES: u32 = 530_000;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let date = day(1, 5);
    write_day(&path("events"), date, usual_day(date).into_iter().chain(great_flood(NAMES)).collect());
    let told = capped(&path("events"), &path("state"), "1");
    // Everybody has an address, a user and a key; the twenty people of every day share a network.
    let beyond = 3 * u64::from(NAMES) + u64::from(NAMES + 1) - MOST as u64;
    assert!(told.contains(&format!("{} entities are more than `max_entities` allows", number(beyond))), "{told}");
    let (entities, pairs) = read_day(&path("state"), date);
    for (family, every_day) in [("source_ip", "192.0.2."), ("access_key", "LTAI5tMADE"), ("principal", "")] {
        let own: Vec<&Entity> = entities.iter().filter(|entity| entity.family == family).collect();
        let (others, named): (Vec<&Entity>, Vec<&Entity>) = own.into_iter().partition(|entity| is_other(&entity.key));
        let is_usual =
            |entity: &&Entity| entity.key[entity.key.len() - 1].starts_with(every_day) && calls(entity) == 240;
        assert_eq!((named.len(), named.iter().all(is_usual), others.len()), (MOST, true, 1), "{family}");
        assert_eq!(calls(others[0]), u64::from(NAMES + NAMES / 1000), "{family}");
        assert!(others[0].hours.iter().all(|hour| hour.peak == 1), "{family}");
    }
    let met = pairs.iter().filter(|((kind, ..), _)| kind == "access_key_network").map(|(_, calls)| u64::from(*calls));
    assert_eq!(met.sum::<u64>(), u64::from(NAMES + NAMES / 1000) + 20 * 240);
    capped(&path("events"), &path("threads"), "2");
    assert_same_files(&files_below(&path("state/rollups")), &files_below(&path("threads/rollups")));
    let left: BTreeSet<_> = fs::read_dir(path("state")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, BTreeSet::from(["lock".into(), "rollups".into()]));
}
