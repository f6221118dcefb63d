//! What judging a night again changed of what it had reported.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::insight::{Insight, Severity};
use crate::late::Why;

/// What a reader was told of an insight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Its id.
    pub id: Uuid,
    /// The name of its type.
    pub insight_type: String,
    /// How serious it is.
    pub severity: Severity,
    /// The first minute.
    pub start: DateTime<Utc>,
    /// One past the last minute.
    pub end: DateTime<Utc>,
    /// Calls between the two.
    pub calls: u64,
    /// The sentence.
    pub sentence: String,
}

impl Reported {
    /// What an insight tells.
    pub fn of(insight: &Insight) -> Self {
        Self {
            id: insight.id,
            insight_type: insight.insight_type.name().to_owned(),
            severity: insight.severity,
            start: insight.start,
            end: insight.end,
            calls: insight.observed,
            sentence: insight.sentence.clone(),
        }
    }
}

/// The difference between what a night had reported and what it reports now. What only changed in its probabilities, its score
/// or its attributions is not told; the files have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The night whose run made it.
    pub in_run_of: NaiveDate,
    /// Why the night was judged again.
    pub why: Why,
    /// Insights that had not been reported.
    pub added: Vec<Uuid>,
    /// Insights with another severity, time, count or sentence.
    pub changed: Vec<Uuid>,
    /// Insights that are reported no more, as they were.
    pub taken_back: Vec<Reported>,
}

impl Revision {
    /// What is different in `after`; `None` if nothing is.
    pub fn between(before: &[Reported], after: &[Reported], why: &Why, in_run_of: NaiveDate) -> Option<Self> {
        let known: BTreeMap<Uuid, &Reported> = before.iter().map(|reported| (reported.id, reported)).collect();
        let ids = |is_wanted: &dyn Fn(&Reported) -> bool| {
            after.iter().filter(|reported| is_wanted(reported)).map(|reported| reported.id).collect::<Vec<_>>()
        };
        let is_gone = |reported: &&Reported| after.iter().all(|own| own.id != reported.id);
        let revision = Self {
            in_run_of,
            why: why.clone(),
            added: ids(&|own| !known.contains_key(&own.id)),
            changed: ids(&|own| known.get(&own.id).is_some_and(|known| *known != own)),
            taken_back: before.iter().filter(is_gone).cloned().collect(),
        };
        let is_empty = revision.added.is_empty() && revision.changed.is_empty() && revision.taken_back.is_empty();
        (!is_empty).then_some(revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(id: u128, sentence: &str) -> Reported {
        Reported {
            id: Uuid::from_u128(id),
            insight_type: "IpInsight".to_owned(),
            severity: Severity::Low,
            start: DateTime::UNIX_EPOCH,
            end: DateTime::UNIX_EPOCH,
            calls: 3,
            sentence: sentence.to_owned(),
        }
    }

    #[test]
    fn what_is_new_other_and_gone_is_told_and_nothing_else() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap();
        let before = [reported(1, "a"), reported(2, "b"), reported(3, "c")];
        let after = [reported(4, "d"), reported(3, "c"), reported(2, "other")];
        let revision = Revision::between(&before, &after, &Why::NightBefore, date).unwrap();
        assert_eq!(revision.added, [Uuid::from_u128(4)]);
        assert_eq!(revision.changed, [Uuid::from_u128(2)]);
        assert_eq!(revision.taken_back, [reported(1, "a")]);
        let again: Revision = serde_json::from_str(&serde_json::to_string(&revision).unwrap()).unwrap();
        assert_eq!(again, revision);
        let reversed: Vec<Reported> = before.iter().rev().cloned().collect();
        assert_eq!(Revision::between(&before, &reversed, &Why::Asked, date), None, "order tells nothing");
    }
}
