//! What is wrong with a night's input, and what follows from it: the quality gate.
//!
//! A [`Flaw`] says what, where, how much and with what effect, in numbers and in a sentence. Judging is pure: it looks at counts, footers
//! and at which hours and regions can be believed; only looking for repeated ids ([`Duplicates`]) reads events. Masking itself is done where counts are judged
//! ([`crate::baseline::Feed`], [`crate::baseline::SilentRegions`]); here it is told.

mod columns;
pub mod duplicates;
mod one_sided;
mod silence;
mod times;
mod twins;
mod unread;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::baseline::{Feed, OneSided, SilentRegions, Window};
use crate::partition::{EventFile, Problem};
use crate::rollup::{Family, ScanCounts, Unread};

pub use duplicates::Duplicates;
pub use times::stopped;

/// Files that a flaw names; the rest is counted.
const NAMED_FILES: usize = 10;

/// What kind of flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlawKind {
    /// Events of some hours could not be read.
    UnreadEvents,
    /// Events were delivered more than once, as their counts tell.
    RepeatedEvents,
    /// Ids stand in more than one event, or seem to.
    DuplicateIds,
    /// An account was not heard of for some hours.
    SilentHours,
    /// An account was not heard of all day.
    SilentAccount,
    /// A region of an account was not heard of all day.
    SilentRegion,
    /// The newest event, or the newest partition, is older than it should be.
    StaleFeed,
    /// Partitions are of days that are yet to come.
    FuturePartition,
    /// Events lie far outside their partition's day.
    ClockSkew,
    /// Events have no usable time.
    NoTime,
    /// Events name no service or no API.
    NoApi,
    /// More entities of a family came than are named.
    TooManyEntities,
    /// A column is absent or null in every event.
    EmptyColumn,
    /// Hardly an event of an account names members of a family that it usually names.
    UnnamedFamily,
    /// An account's events are writes only.
    WritesOnly,
    /// An account's events are reads only.
    ReadsOnly,
}

impl FlawKind {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::UnreadEvents,
        Self::RepeatedEvents,
        Self::DuplicateIds,
        Self::SilentHours,
        Self::SilentAccount,
        Self::SilentRegion,
        Self::StaleFeed,
        Self::FuturePartition,
        Self::ClockSkew,
        Self::NoTime,
        Self::NoApi,
        Self::TooManyEntities,
        Self::EmptyColumn,
        Self::UnnamedFamily,
        Self::WritesOnly,
        Self::ReadsOnly,
    ];

    /// Whether a flaw with this name and these numbers is one of a run, not of the day: it is told by when the night was judged.
    pub fn is_of_the_run(name: &str, numbers: &BTreeMap<String, u64>) -> bool {
        let is_overdue = name == Self::StaleFeed.name() && numbers.contains_key(times::DAYS_MISSING);
        is_overdue || name == Self::FuturePartition.name()
    }

    /// The name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnreadEvents => "unread_events",
            Self::RepeatedEvents => "repeated_events",
            Self::DuplicateIds => "duplicate_ids",
            Self::SilentHours => "silent_hours",
            Self::SilentAccount => "silent_account",
            Self::SilentRegion => "silent_region",
            Self::StaleFeed => "stale_feed",
            Self::FuturePartition => "future_partition",
            Self::ClockSkew => "clock_skew",
            Self::NoTime => "no_time",
            Self::NoApi => "no_api",
            Self::TooManyEntities => "too_many_entities",
            Self::EmptyColumn => "empty_column",
            Self::UnnamedFamily => "unnamed_family",
            Self::WritesOnly => "writes_only",
            Self::ReadsOnly => "reads_only",
        }
    }
}

/// What follows from a flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// What is missing is neither an alarm nor evidence.
    Masked,
    /// Part of the input is not judged, or a type of insight is blind.
    NotJudged,
    /// Nothing; a reader should know.
    ForInformation,
}

/// Where a flaw is, as far as it is somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Whereabouts {
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The column, or those of which one would do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<&'static str>,
    /// The hours of the UTC day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<u8>,
    /// The files, the worst first, ten at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// Something that is wrong with the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// What.
    pub kind: FlawKind,
    /// Where.
    #[serde(rename = "where")]
    pub whereabouts: Whereabouts,
    /// How much, by what is counted.
    pub numbers: BTreeMap<&'static str, u64>,
    /// What follows.
    pub effect: Effect,
    /// All of it in a sentence.
    pub sentence: String,
}

/// What a night's input is judged by.
#[derive(Debug, Clone, Copy)]
pub struct NightInput<'a> {
    /// The days.
    pub window: &'a Window,
    /// The files that concern the scored day.
    pub files: &'a [EventFile],
    /// What became of the scored day's rows.
    pub counts: ScanCounts,
    /// What of them could not be read.
    pub unread: &'a [Unread],
    /// Of each family that is judged, how many entities that were named on days before may be hidden by a cap.
    pub hidden: &'a [(Family, usize)],
    /// Which hours can be believed.
    pub feed: &'a Feed,
    /// Which regions cannot.
    pub regions: &'a SilentRegions,
    /// Whose trail delivers one side only.
    pub sides: &'a [OneSided],
    /// Through which APIs the audit trail was touched on the scored day.
    pub trail_touched: &'a [String],
    /// The day that the newest partition should be of, where somebody expects one.
    pub due: Option<NaiveDate>,
    /// The days of partitions that lie ahead of the clock, ascending.
    pub ahead: &'a [NaiveDate],
    /// What repeats among the ids; `None` where nobody asked.
    pub duplicates: Option<&'a Duplicates>,
}

/// What was found about a night's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What is wrong, in the order of kinds.
    pub flaws: Vec<Flaw>,
    /// How many ids were looked at for duplicates; `None` where nobody asked.
    pub ids_checked: Option<u64>,
    /// What could not be read on the way.
    pub problems: Vec<Problem>,
}

/// Finds the flaws of a night's input.
pub fn inspect(input: &NightInput<'_>) -> Inspection {
    let mut flaws: Vec<Flaw> = input.feed.repeats().map(twins::repeated).collect();
    match input.duplicates {
        Some(found) => flaws.extend(found.flaw()),
        None => flaws.extend(twins::flaw(input.files, input.window.scored())),
    }
    flaws.extend(unread::tell(input.counts, input.unread));
    flaws.extend(silence::accounts(input.feed));
    flaws.extend(silence::regions(input.regions, input.feed));
    flaws.extend(times::judge(input));
    flaws.extend(columns::judge(input.files, input.window.scored(), input.counts));
    flaws.extend(silence::families(input.feed));
    flaws.extend(one_sided::tell(input.sides));
    flaws.sort_by_key(|flaw| flaw.kind);
    let (ids_checked, problems) = input.duplicates.map(|found| (found.checked, found.problems.clone())).unzip();
    Inspection { flaws, ids_checked, problems: problems.into_iter().flatten().collect() }
}

/// An account in a sentence.
fn shown(account: &str) -> String {
    if account.is_empty() { "events without an account".to_owned() } else { format!("account {account}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_goes_by_one_name() {
        for kind in FlawKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
