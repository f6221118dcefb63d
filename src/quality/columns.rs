//! Columns that say nothing all day, and what that disables.

use chrono::NaiveDate;

use crate::event::{Column, meaningful};
use crate::partition::EventFile;
use crate::quality::{Effect, Flaw, FlawKind, Whereabouts};
use crate::rollup::ScanCounts;

/// With fewer events than this it may be that none has failed.
const TELLING_EVENTS: u64 = 1000;

/// Columns of which one would do, and what cannot be done without them.
struct Need {
    columns: &'static [Column],
    effect: Effect,
    disables: &'static str,
    /// Whether few events may well say nothing here.
    is_seldom: bool,
    /// Whether it is missed where something is written alone.
    is_of_writes: bool,
}

const fn need(columns: &'static [Column], effect: Effect, disables: &'static str) -> Need {
    Need { columns, effect, disables, is_seldom: false, is_of_writes: false }
}

const NEEDS: [Need; 10] = [
    need(
        &[Column::RecipientAccountId, Column::AccountId],
        Effect::NotJudged,
        "accounts are not told apart, and all are judged as one",
    ),
    need(
        &[Column::SourceIpAddress],
        Effect::NotJudged,
        "IpInsight is blind, and networks that are new for somebody are not seen",
    ),
    need(&[Column::AccessKeyId], Effect::NotJudged, "AkInsight is blind"),
    need(
        &[Column::PrincipalId, Column::UserName],
        Effect::NotJudged,
        "PrincipalInsight is blind, and nobody is named as the culprit",
    ),
    Need {
        columns: &[Column::ErrorCode, Column::ErrorMessage],
        effect: Effect::NotJudged,
        disables: "ApiErrorRateInsight is blind, and every call counts as a success",
        is_seldom: true,
        is_of_writes: false,
    },
    need(&[Column::Region], Effect::ForInformation, "insights name no region, and silent regions are not seen"),
    need(&[Column::UserAgent], Effect::ForInformation, "attributions name no user agents"),
    need(&[Column::EventId], Effect::ForInformation, "insights name no example events"),
    Need {
        columns: &[Column::RequestParameters],
        effect: Effect::ForInformation,
        disables: "what makes a change serious is not seen in its parameters",
        is_seldom: true,
        is_of_writes: true,
    },
    Need {
        columns: &[Column::ResourceName],
        effect: Effect::ForInformation,
        disables: "attributions name no resources",
        is_seldom: true,
        is_of_writes: false,
    },
];

/// The columns that are absent, or null as far as the footers tell, in every row group of the day.
pub(super) fn judge(files: &[EventFile], date: NaiveDate, counts: ScanCounts) -> Vec<Flaw> {
    let groups = files.iter().flat_map(|file| file.row_groups_of(date).map(move |group| (file, group)));
    let groups: Vec<(&EventFile, usize)> = groups.collect();
    if counts.events == 0 || groups.is_empty() {
        return Vec::new();
    }
    NEEDS.iter().filter_map(|need| need.judge(&groups, counts.events)).collect()
}

/// Whether there may be writes: unless the footers tell of every row group that its events only read.
fn may_write(groups: &[(&EventFile, usize)]) -> bool {
    let reads = |bound: &[u8]| bound.eq_ignore_ascii_case(b"read");
    let only_reads = |&(file, group): &(&EventFile, usize)| {
        let bounds = file.text_bounds(group, &[Column::EventRw]);
        bounds
            .is_some_and(|bounds| !bounds.is_empty() && bounds.iter().all(|(least, most)| reads(least) && reads(most)))
    };
    !groups.iter().all(only_reads)
}

impl Need {
    fn judge(&self, groups: &[(&EventFile, usize)], events: u64) -> Option<Flaw> {
        let has_none = |file: &EventFile| self.columns.iter().all(|&column| file.columns.is_missing(column));
        let is_absent = groups.iter().all(|(file, _)| has_none(file));
        let is_empty = || groups.iter().all(|&(file, group)| self.is_empty(file, group));
        let is_missed = || !self.is_of_writes || may_write(groups);
        let says_nothing = is_absent || ((events >= TELLING_EVENTS || !self.is_seldom) && is_missed() && is_empty());
        says_nothing.then(|| {
            let names: Vec<&'static str> = self.columns.iter().map(|column| column.name()).collect();
            Flaw {
                kind: FlawKind::EmptyColumn,
                numbers: [("events", events)].into(),
                effect: self.effect,
                sentence: format!(
                    "{} {} in every event: {}",
                    names.join(" and "),
                    match (is_absent, names.len()) {
                        (true, 1) => "is absent",
                        (true, _) => "are absent",
                        (false, 1) => "is null",
                        (false, _) => "are null",
                    },
                    self.disables
                ),
                whereabouts: Whereabouts { columns: names, ..Whereabouts::default() },
            }
        })
    }

    fn is_empty(&self, file: &EventFile, group: usize) -> bool {
        let word_for_nothing = |text: &[u8]| std::str::from_utf8(text).is_ok_and(|text| meaningful(text).is_none());
        let nothing = |&(least, most): &(&[u8], &[u8])| least == most && word_for_nothing(least);
        file.text_bounds(group, self.columns).is_some_and(|bounds| bounds.iter().all(nothing))
    }
}
