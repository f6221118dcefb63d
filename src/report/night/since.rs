//! What changed since the night before: what is new, what goes on, what came again, what is over.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::detect::Model;
use crate::report::night::{Finding, NewLevel, Over, Record};

/// The insights of a night, by their number, beside those of the night before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Since {
    /// The night before; `None` where it was not judged, and everything counts as new.
    pub compared_with: Option<NaiveDate>,
    /// Not reported the night before.
    pub new: BTreeSet<usize>,
    /// Begun on an earlier day, and not over.
    pub going_on: BTreeSet<usize>,
    /// Another episode of an entity of which one was reported the night before.
    pub again: BTreeSet<usize>,
    /// Begun on an earlier day, and over by now.
    pub over: BTreeSet<usize>,
    /// Reported the night before, and not any more. Changes and first meetings are moments and do not go on.
    pub gone: Vec<Finding>,
}

/// How an insight stands to the night before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Standing {
    New,
    GoingOn,
    Again,
    Over,
}

impl Standing {
    /// The words for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::GoingOn => "going on",
            Self::Again => "again",
            Self::Over => "over",
        }
    }
}

impl Since {
    /// Compares a night's insights with those of the night before.
    pub(super) fn of(
        date: NaiveDate,
        findings: &[Finding],
        before: Option<Vec<Finding>>,
        record: Option<&Record>,
    ) -> Self {
        let compared_with = before.as_ref().and(date.pred_opt());
        let before = before.unwrap_or_default();
        let known: BTreeSet<_> = before.iter().map(Finding::same).collect();
        let mut since = Self { compared_with, ..Self::default() };
        for (number, finding) in findings.iter().enumerate() {
            let continued = finding.is_continued(date);
            let own = match (continued, finding.ended, known.contains(&finding.same())) {
                (true, true, _) => &mut since.over,
                (true, false, _) => &mut since.going_on,
                (false, _, true) => &mut since.again,
                (false, _, false) => &mut since.new,
            };
            own.insert(number);
        }
        // An entity of which several episodes were reported is gone once; one at a new level, or that is told to be over, is not gone.
        let mut here: BTreeSet<_> = findings.iter().map(Finding::same).collect();
        here.extend(record.into_iter().flat_map(|record| record.new_levels.iter().map(NewLevel::same)));
        here.extend(record.into_iter().flat_map(|record| record.over.iter().map(Over::same)));
        let is_moment = |finding: &Finding| finding.is_change() || finding.judged_by == Model::FirstSeen.name();
        since.gone = before.into_iter().filter(|finding| !is_moment(finding) && here.insert(finding.same())).collect();
        since
    }

    /// How an insight stands to the night before.
    pub fn standing(&self, finding: usize) -> Standing {
        if self.over.contains(&finding) {
            Standing::Over
        } else if self.again.contains(&finding) {
            Standing::Again
        } else if self.going_on.contains(&finding) {
            Standing::GoingOn
        } else {
            Standing::New
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(entity: &str, start: &str, ended: bool) -> Finding {
        Finding { entity: entity.into(), start: start.parse().unwrap(), ended, ..Finding::default() }
    }

    #[test]
    fn a_night_is_compared_with_the_one_before() {
        let (early, late) = ("2026-01-28T23:00:00Z", "2026-01-29T10:00:00Z");
        let tonight = [
            finding("new", late, true),
            finding("again", late, true),
            finding("on", early, false),
            finding("over", early, true),
        ];
        let before = ["again", "on", "over", "gone", "gone"].map(|entity| finding(entity, early, false)).to_vec();
        let date = "2026-01-29".parse().unwrap();
        let since = Since::of(date, &tonight, Some(before.clone()), None);
        let standings = [0, 1, 2, 3].map(|number| since.standing(number).name());
        assert_eq!(standings, ["new", "again", "going on", "over"]);
        assert_eq!(since.gone.iter().map(|finding| finding.entity.raw()).collect::<Vec<_>>(), ["gone"]);
        let level = NewLevel { entity: "gone".into(), ..NewLevel::default() };
        let leveled = Record { new_levels: vec![level], ..Record::default() };
        let over = Record { over: vec![Over { entity: "gone".into(), ..Over::default() }], ..Record::default() };
        assert!(Since::of(date, &tonight, Some(before.clone()), Some(&over)).gone.is_empty(), "it is told to be over");
        assert!(
            Since::of(date, &tonight, Some(before.clone()), Some(&leveled)).gone.is_empty(),
            "what is at a new level is not gone"
        );
        let alone = Since::of(date, &tonight, None, None);
        assert_eq!((alone.compared_with, alone.new.len(), alone.gone.len()), (None, 2, 0));
    }
}
