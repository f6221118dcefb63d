//! What judging a night again changed: the night's own revisions, and those that its run made of earlier nights.
//!
//! A run that finds late data judges earlier nights again. Whoever reads in the morning opens the newest page, so that one tells of
//! them too, as far back as its calendar reaches.

use std::path::Path;

use chrono::NaiveDate;
use uuid::Uuid;

use crate::error::Result;
use crate::insight::Severity;
use crate::late::{Difference, Identified, PastNight, PastRecord, Revision, because, judged_how, revised};
use crate::report::night::{Text, days};

/// A night that was judged again with another result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JudgedAgain {
    /// The night.
    pub date: NaiveDate,
    /// The night whose run did it.
    pub in_run_of: NaiveDate,
    /// What was done with it.
    pub how: &'static str,
    /// Why, and how much changed, as the end of a sentence.
    pub what: String,
    /// What is told otherwise, insights before alerts, what is new first.
    pub changes: Vec<Change>,
}

/// Something that is told otherwise than before.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `added`, `changed` or `taken back`.
    pub what: &'static str,
    /// How serious it is.
    pub severity: Severity,
    /// Its sentence.
    pub sentence: Text,
    /// Where the night's page has it; `None` of what was taken back.
    pub place: Option<String>,
}

/// The night's own revisions, then those that its run made of the nights before it, the oldest night first.
pub(super) fn read(state: &Path, date: NaiveDate) -> Result<Vec<JudgedAgain>> {
    let mut found = of(state, date, |_| true)?;
    for day in days::last(date).filter(|day| *day < date) {
        found.extend(of(state, day, |revision| revision.in_run_of == date)?);
    }
    Ok(found)
}

/// Those revisions of a night that are asked for.
fn of(state: &Path, date: NaiveDate, is_wanted: impl Fn(&Revision) -> bool) -> Result<Vec<JudgedAgain>> {
    let Some(record) = PastNight::read(state, date)?.record else { return Ok(Vec::new()) };
    let wanted = record.revisions.iter().filter(|revision| is_wanted(revision));
    Ok(wanted.map(|revision| judged_again(date, &record, revision)).collect())
}

fn judged_again(date: NaiveDate, record: &PastRecord, revision: &Revision) -> JudgedAgain {
    let alerts = record.reported_alerts.as_deref().unwrap_or_default();
    let mut changes =
        changes("insight", &revision.insights, &record.reported, |own| (own.severity, own.sentence.as_str()));
    changes.extend(self::changes("alert", &revision.alerts, alerts, |own| (own.severity, own.sentence.as_str())));
    let what = format!("{}: {}", because(&revision.why), revised(revision));
    JudgedAgain { date, in_run_of: revision.in_run_of, how: judged_how(&revision.why), what, changes }
}

/// What is told otherwise, each as it is told now.
fn changes<T: Identified>(
    kind: &str,
    difference: &Difference<T>,
    now: &[T],
    tell: impl Fn(&T) -> (Severity, &str),
) -> Vec<Change> {
    let change = |what, own: &T, place: Option<String>| {
        let (severity, sentence) = tell(own);
        Change { what, severity, sentence: sentence.into(), place }
    };
    let here = |what, ids: &[Uuid]| {
        let told = now.iter().filter(|own| ids.contains(&own.id()));
        told.map(|own| change(what, own, Some(format!("{kind}-{}", own.id())))).collect::<Vec<Change>>()
    };
    let mut changes = [here("added", &difference.added), here("changed", &difference.changed)].concat();
    changes.extend(difference.taken_back.iter().map(|own| change("taken back", own, None)));
    changes
}
