//! Compares the rules of `insights` with `rsigma-eval` on thousands of generated rules and events, event by event.
//!
//! The program is run as a user would: it imports the events and evaluates the rules over partitions. Constructs on which the two
//! differ on purpose are not generated; they stand in [`intended`], each with an event, and both answers are checked. At the end the
//! speed of the oracle on the same events is printed, parsing left out, to be held against `cargo bench --bench rules`.
//!
//! Arguments: the `insights` binary, then optionally a seed, the number of rules and the number of events.

mod generated;
mod intended;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;
use rsigma_parser::parse_sigma_yaml;
use serde_json::Value;

/// A rule's id and an event's id.
type Pair = (String, String);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let binary = arguments.next().ok_or("expected the path of the `insights` binary")?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (seed, rules, events) = (number(1)?, number(3000)?, number(3000)?);
    let mut random = fastrand::Rng::with_seed(seed);
    let events: Vec<Value> = (0..events).map(|at| generated::event(&mut random, at)).collect();
    let rules: Vec<String> = (0..rules).map(|at| generated::rule(&mut random, at)).collect();
    let ours = ours(Path::new(&binary), &rules, &events)?;
    let theirs = theirs(&rules, &events)?;
    let differing: Vec<&Pair> = ours.symmetric_difference(&theirs).collect();
    let mut shown = differing.clone();
    shown.dedup_by_key(|(rule, _)| rule);
    for (rule, event) in shown.iter().take(20) {
        let fires = ours.contains(&(rule.clone(), event.clone()));
        let at: usize = rule.parse()?;
        let event = events.iter().find(|known| known["eventID"] == event.as_str());
        println!(
            "rule {rule}: insights says {fires}, rsigma-eval says {}\n{}\n{}\n",
            !fires,
            rules[at],
            event.unwrap_or(&Value::Null)
        );
    }
    let broken = intended::check(Path::new(&binary))?;
    let tried = rules.len() * events.len();
    println!(
        "{} rules, {} events: {tried} pairs, {} matches, {} differ",
        rules.len(),
        events.len(),
        theirs.len(),
        differing.len()
    );
    println!("{} intended differences, {broken} not as listed", intended::ALL.len());
    speed(&rules[..57.min(rules.len())], &events)?;
    Ok(if differing.is_empty() && broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the program finds.
pub(crate) fn ours(binary: &Path, rules: &[String], events: &[Value]) -> Result<BTreeSet<Pair>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (log, partitions, rule_folder) =
        (folder.path().join("log.jsonl"), folder.path().join("events"), folder.path().join("rules"));
    fs::write(&log, events.iter().map(|event| format!("{event}\n")).collect::<String>())?;
    fs::create_dir(&rule_folder)?;
    for (at, rule) in rules.iter().enumerate() {
        fs::write(rule_folder.join(format!("{at:05}.yml")), rule)?;
    }
    let run = |arguments: &[&Path]| -> Result<String, Box<dyn Error>> {
        let output = Command::new(binary).args(arguments).current_dir(folder.path()).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?)
    };
    run(&[Path::new("import"), &log, Path::new("--out"), &partitions, Path::new("--quiet")])?;
    let found = run(&[
        Path::new("rules"),
        Path::new("test"),
        &rule_folder,
        Path::new("--events"),
        &partitions,
        Path::new("--matches"),
    ])?;
    let mut pairs = BTreeSet::new();
    for line in found.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        pairs.insert((text("rule"), text("event_id")));
    }
    Ok(pairs)
}

fn engine(rules: &[String]) -> Result<Engine, Box<dyn Error>> {
    let mut engine = Engine::new();
    for rule in rules {
        let collection = parse_sigma_yaml(rule)?;
        if let Some(error) = collection.errors.first() {
            return Err(format!("{error}\n{rule}").into());
        }
        engine.add_collection(&collection).map_err(|error| format!("{error}\n{rule}"))?;
    }
    Ok(engine)
}

/// What the oracle finds.
pub(crate) fn theirs(rules: &[String], events: &[Value]) -> Result<BTreeSet<Pair>, Box<dyn Error>> {
    let engine = engine(rules)?;
    let mut pairs = BTreeSet::new();
    for event in events {
        for found in engine.evaluate(&JsonEvent::borrow(event)) {
            let id = event["eventID"].as_str().unwrap_or_default().to_owned();
            pairs.insert((found.header.rule_id.unwrap_or_default(), id));
        }
    }
    Ok(pairs)
}

fn speed(rules: &[String], events: &[Value]) -> Result<(), Box<dyn Error>> {
    let engine = engine(rules)?;
    let start = Instant::now();
    let mut matches = 0;
    let mut rounds = 0;
    while start.elapsed().as_secs() < 3 {
        matches += events.iter().map(|event| engine.evaluate(&JsonEvent::borrow(event)).len()).sum::<usize>();
        rounds += 1;
    }
    let each = (rounds * events.len()) as f64 / start.elapsed().as_secs_f64();
    println!("rsigma-eval: {each:.0} parsed events a second with {} rules, {matches} matches", rules.len());
    Ok(())
}
