//! What is known to have happened: one line of JSON for each entity that behaved unlike itself.
//!
//! The form is that of `insights generate`. Of other people's labels `start`, `end`, `family`, `entity` and `kind` are enough;
//! lines without an `anomaly` are attacks of their own.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::detect::Direction;
use crate::error::{Error, Result, did_you_mean};
use crate::evaluate::matching::canonical;
use crate::rollup::Family;
use crate::time::HOUR_SECONDS;

/// The families that insights are of.
const FAMILIES: [Family; 6] =
    [Family::Api, Family::ApiError, Family::SourceIp, Family::AccessKey, Family::Principal, Family::Change];

/// One entity that behaved unlike itself, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it was over, exclusive.
    pub end: DateTime<Utc>,
    /// The family's name.
    pub family: String,
    /// The account, if the label names one.
    pub account: Option<String>,
    /// The entity in the form in which entities are compared.
    pub entity: String,
    /// What happened, in one word.
    pub kind: String,
    /// By which factor calls grew; what was left of them for a drop; `None` where nothing was usual before.
    pub size: Option<f64>,
    /// Calls that were to be expected between start and end.
    pub expected: Option<f64>,
    /// Additional calls; negative for a drop.
    pub calls: Option<i64>,
    /// The number of the attack that this is a part of, from 0.
    pub attack: usize,
}

impl Label {
    /// Which way counts went.
    pub fn direction(&self) -> Direction {
        if self.calls.is_some_and(|calls| calls < 0) { Direction::Down } else { Direction::Up }
    }

    /// The days that it touches, first and last.
    pub fn days(&self) -> (NaiveDate, NaiveDate) {
        (self.start.date_naive(), (self.end - chrono::Duration::milliseconds(1)).date_naive())
    }

    /// Whether the entity has at least one call an hour, and at least ten more or fewer of them in the interval: what a rate
    /// detector can be asked to find.
    pub fn is_ordinary(&self) -> bool {
        let hours = (self.end - self.start).num_seconds() as f64 / f64::from(HOUR_SECONDS);
        self.expected.is_some_and(|expected| expected >= hours)
            && self.calls.is_some_and(|calls| calls.unsigned_abs() >= 10)
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object with start, end, family, entity and kind")]
struct Line {
    start: String,
    end: String,
    family: String,
    account: Option<String>,
    entity: String,
    kind: String,
    size: Option<f64>,
    expected: Option<f64>,
    calls: Option<i64>,
    anomaly: Option<u64>,
}

/// Reads a file of labels.
///
/// # Errors
/// When it cannot be read, or a line is no label.
pub fn read(path: &Path) -> Result<Vec<Label>> {
    let text = std::fs::read_to_string(path).map_err(Error::read(path))?;
    parse(&text).map_err(|(line, message)| Error::Line { path: path.to_path_buf(), line, message })
}

/// The reader's words without its place: it has seen one line only.
fn no_label(error: &serde_json::Error) -> String {
    let words = error.to_string();
    format!("no label: {}", words.split(" at line ").next().unwrap_or_default())
}

fn moment(field: &str, text: &str) -> std::result::Result<DateTime<Utc>, String> {
    text.parse().map_err(|_| format!("`{field}`: expected a time such as 2026-01-29T11:40:00Z, found `{text}`"))
}

fn parse(text: &str) -> std::result::Result<Vec<Label>, (usize, String)> {
    let mut attacks: BTreeMap<u64, usize> = BTreeMap::new();
    let (mut labels, mut next) = (Vec::new(), 0);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let refuse = |message: String| (number + 1, message);
        let line: Line = serde_json::from_str(line).map_err(|error| refuse(no_label(&error)))?;
        if !FAMILIES.iter().any(|family| family.name() == line.family) {
            let near = did_you_mean(&line.family, FAMILIES.map(Family::name));
            return Err(refuse(format!("there are no insights of a family `{}`{near}", line.family)));
        }
        let start = moment("start", &line.start).map_err(refuse)?;
        let end = moment("end", &line.end).map_err(refuse)?;
        if end <= start {
            return Err(refuse(format!("the end, {end}, is not after the start, {start}")));
        }
        let fresh = next;
        let attack = line.anomaly.map_or(fresh, |anomaly| *attacks.entry(anomaly).or_insert(fresh));
        next += usize::from(attack == fresh);
        let label = Label {
            start,
            end,
            entity: canonical(&line.family, &line.entity),
            family: line.family,
            account: line.account,
            kind: line.kind,
            size: line.size,
            expected: line.expected,
            calls: line.calls,
            attack,
        };
        add(&mut labels, label);
    }
    Ok(labels)
}

/// Adds a label; one that names the same entity of the same attack, as changes through several APIs do, is the same label.
fn add(labels: &mut Vec<Label>, label: Label) {
    let same = |known: &&mut Label| {
        (known.attack, &known.family, &known.account, &known.entity)
            == (label.attack, &label.family, &label.account, &label.entity)
    };
    let Some(known) = labels.iter_mut().find(same) else { return labels.push(label) };
    (known.start, known.end) = (known.start.min(label.start), known.end.max(label.end));
    known.calls = known.calls.zip(label.calls).map(|(one, other)| one + other);
    known.expected = known.expected.zip(label.expected).map(|(one, other)| one + other);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"start":"2026-01-29T01:15:00Z","end":"2026-01-29T03:15:00Z","family":"api","account":"1","entity":"Ecs/Run","kind":"rate_spike","size":5.0,"expected":20.5,"calls":80,"anomaly":7}"#;
    const BARE: &str = r#"{"start":"2026-01-29T01:15:00Z","end":"2026-01-30T00:00:00Z","family":"source_ip","entity":"192.0.2.1","kind":"scan"}"#;

    #[test]
    fn labels_of_one_anomaly_are_one_attack_and_others_stand_alone() {
        let other = FIRST.replace("\"api\"", "\"principal\"");
        let labels = parse(&[FIRST, BARE, "", BARE, &other].join("\n")).unwrap();
        assert_eq!(labels.iter().map(|label| label.attack).collect::<Vec<_>>(), [0, 1, 2, 0]);
        assert_eq!(labels[0].entity, "ecs/Run");
        assert!(labels[0].is_ordinary() && !labels[1].is_ordinary());
        assert_eq!(labels[1].days(), (labels[0].start.date_naive(), labels[0].start.date_naive()));
    }

    #[test]
    fn one_change_through_two_apis_is_one_label() {
        let change = |api: &str, end: &str| {
            let entity = format!("trail/Actiontrail/{api}/user/7");
            FIRST.replace("\"api\"", "\"change\"").replace("Ecs/Run", &entity).replace("03:15", end)
        };
        let labels = parse(&[change("StopLogging", "03:15"), change("DeleteTrail", "03:20")].join("\n")).unwrap();
        assert_eq!((labels.len(), labels[0].calls), (1, Some(160)));
        assert_eq!(labels[0].end.to_rfc3339(), "2026-01-29T03:20:00+00:00");
    }

    #[test]
    fn a_broken_line_is_named() {
        let (line, message) = parse(&format!("{FIRST}\n{{}}")).unwrap_err();
        assert_eq!(line, 2);
        assert!(message.contains("missing field `start`"), "{message}");
        let unknown = parse(&BARE.replace("source_ip", "source_ips")).unwrap_err().1;
        assert_eq!(unknown, "there are no insights of a family `source_ips`; did you mean `source_ip`?");
        let odd = parse(&BARE.replace("2026-01-30T", "2026-13-30T")).unwrap_err().1;
        assert!(odd.starts_with("`end`: expected a time such as 2026-01-29T11:40:00Z, found `2026-13-30T"), "{odd}");
        let backwards = BARE.replace("2026-01-30", "2026-01-28");
        assert!(parse(&backwards).unwrap_err().1.contains("is not after the start"));
    }
}
