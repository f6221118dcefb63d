//! The rooms of the crate use one another one way only, in the order in which its documentation lists them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms in the order of the table in `src/lib.rs`.
fn listed() -> Vec<String> {
    listed_in("lib.rs")
}

/// The rooms in the order of the table in a file of the source.
fn listed_in(file: &str) -> Vec<String> {
    let text = fs::read_to_string(source().join(file)).unwrap();
    let row = |line: &str| Some(line.strip_prefix("//! | [`")?.split_once('`')?.0.to_owned());
    text.lines().filter_map(row).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// What a file says of other rooms, its tests and its comments left out.
fn named(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let names =
        |line| str::split(line, "crate::").skip(1).map(|rest: &str| rest.split(|c: char| !is_name(c)).next().unwrap());
    lines.flat_map(names).collect()
}

fn is_name(character: char) -> bool {
    character.is_ascii_lowercase() || character == '_'
}

/// For each room the rooms that it uses, with a file that does.
fn used() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all = Vec::new();
    files(&source(), &mut all);
    let rooms: BTreeSet<String> = listed().into_iter().collect();
    let mut used: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for path in all.iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")) {
        let inside = path.strip_prefix(source()).unwrap().with_extension("");
        let room = inside.iter().next().unwrap().to_str().unwrap().to_owned();
        let is_for_tests = inside.file_name().is_some_and(|name| name == "tests");
        if !rooms.contains(&room) || is_for_tests {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        for other in named(&text).into_iter().filter(|other| *other != room && rooms.contains(*other)) {
            used.entry(room.clone()).or_default().insert(other.to_owned(), inside.display().to_string());
        }
    }
    used
}

#[test]
fn every_room_is_listed() {
    let text = fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared: BTreeSet<String> =
        text.lines().filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned())).collect();
    assert_eq!(listed().into_iter().collect::<BTreeSet<_>>(), declared);
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let order = listed();
    let place = |room: &str| order.iter().position(|listed| listed == room).unwrap();
    let used = used();
    assert!(used["insight"].contains_key("rollup") && used["cli"].contains_key("pipeline"), "{used:?}");
    let wrong: Vec<String> = used
        .iter()
        .flat_map(|(room, others)| others.iter().map(move |(other, file)| (room, other, file)))
        .filter(|(room, other, _)| place(other) > place(room))
        .map(|(room, other, file)| format!("{room} uses {other}, which is below it: {file}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files of a room of `insight`, its tests left out, with what they name of it.
fn named_of_insight(room: &str) -> Vec<(String, BTreeSet<String>)> {
    let mut all = Vec::new();
    let place = source().join("insight").join(room);
    if place.is_dir() {
        files(&place, &mut all);
    }
    all.extend(fs::exists(place.with_extension("rs")).unwrap().then(|| place.with_extension("rs")));
    let of_insight = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap().replace("crate::insight::", "crate::");
        (path.display().to_string(), named(&text).into_iter().map(str::to_owned).collect())
    };
    all.iter().map(of_insight).collect()
}

#[test]
fn a_room_of_insight_uses_only_those_above_it() {
    let order = listed_in("insight/mod.rs");
    let mut wrong = Vec::new();
    for (place, room) in order.iter().enumerate() {
        let own = named_of_insight(room);
        assert!(!own.is_empty(), "{room} is listed and has no file");
        for (file, named) in own {
            let below = order[place + 1..].iter().filter(|below| named.contains(*below));
            wrong.extend(below.map(|below| format!("{room} uses {below}, which is below it: {file}")));
        }
    }
    assert!(order.len() > 5 && wrong.is_empty(), "{}", wrong.join("\n"));
}
