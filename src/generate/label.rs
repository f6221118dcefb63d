//! What was planted, as one line of JSON each: the truth that an evaluation compares insights with.

use std::path::Path;

use chrono::{Duration, NaiveTime, SecondsFormat};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::storage::write_text;

use super::entity::Entity;
use super::world::{ACCOUNT, World};

/// One entity that behaved unlike itself, and when. One attack may leave several labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) entity: Entity,
    pub(crate) kind: &'static str,
    /// Seconds since the first day began; the end is exclusive.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// By which factor the entity's calls grew, where that means something.
    pub(crate) size: Option<f64>,
    /// Calls of the entity in the interval if nothing had been planted.
    pub(crate) expected: f64,
    /// Planted calls; for a drop, minus those that were expected and did not come.
    pub(crate) calls: i64,
    /// What the labels of one attack share.
    pub(crate) anomaly: u32,
}

#[derive(Serialize)]
struct Line<'label> {
    start: String,
    end: String,
    family: &'label str,
    account: &'label str,
    entity: String,
    kind: &'label str,
    size: Option<f64>,
    expected: f64,
    calls: i64,
    anomaly: u32,
}

impl Label {
    fn line(&self, world: &World) -> Line<'_> {
        let moment = |second: u32| {
            let midnight = world.options.first_day.and_time(NaiveTime::MIN).and_utc();
            (midnight + Duration::seconds(i64::from(second))).to_rfc3339_opts(SecondsFormat::Secs, true)
        };
        Line {
            start: moment(self.start),
            end: moment(self.end),
            family: self.entity.family(),
            account: ACCOUNT,
            entity: self.entity.name(world),
            kind: self.kind,
            size: self.size.map(rounded),
            expected: rounded(self.expected),
            calls: self.calls,
            anomaly: self.anomaly,
        }
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// Writes `labels.jsonl`, in order of time; a file without lines if nothing was planted.
pub(crate) fn write(world: &World, labels: &[Label], target: &Path) -> Result<()> {
    let mut text = String::new();
    for label in labels {
        text += &serde_json::to_string(&label.line(world)).map_err(Error::internal)?;
        text.push('\n');
    }
    write_text(target, &text)
}
