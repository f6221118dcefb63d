//! The built-in rules: the program holds every file of `data/rules`, and each rule does what its examples say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use insights::rules::builtin::FILES;
use insights::rules::example::try_all;
use insights::rules::{RuleSet, RuleSettings};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rules")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "yml") {
            found.push(entry);
        }
    }
}

/// The names of the files below `data/rules`, in order.
fn names() -> Vec<String> {
    let mut found = Vec::new();
    files(&folder(), &mut found);
    let name = |path: &PathBuf| path.strip_prefix(folder()).unwrap().to_string_lossy().replace('\\', "/");
    let mut names: Vec<String> = found.iter().map(name).collect();
    names.sort();
    names
}

/// `UPDATE_RULES=1` writes the list anew.
#[test]
fn the_list_is_the_folder() {
    let names = names();
    if std::env::var_os("UPDATE_RULES").is_some() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules/builtin.rs");
        let text = fs::read_to_string(&source).unwrap();
        let head = &text[..text.find("pub static FILES").unwrap()];
        let mut list = format!("{head}pub static FILES: &[(&str, &str)] = files![\n");
        for name in &names {
            writeln!(list, "    {name:?},").unwrap();
        }
        fs::write(&source, list + "];\n").unwrap();
        return;
    }
    let listed: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, names, "run this test with UPDATE_RULES=1 to write src/rules/builtin.rs anew");
    for (name, text) in FILES {
        assert_eq!(*text, fs::read_to_string(folder().join(name)).unwrap(), "{name}");
    }
}

#[test]
fn every_rule_does_what_its_examples_say() {
    let settings = RuleSettings::default();
    let set = RuleSet::load(&settings).unwrap();
    assert!(set.refusals().is_empty(), "{:#?}", set.refusals());
    let (_, failures) = try_all(&set, &settings);
    assert!(failures.is_empty(), "{failures:#?}");
    for (position, rule) in set.rules().iter().enumerate().filter(|(position, _)| set.reports(*position)) {
        let shows = |fires: bool| rule.extension.examples.iter().any(|example| example.fires == fires);
        assert!(shows(true) && shows(false), "{}: an example that fires and a near miss", set.rules()[position].title);
    }
}
