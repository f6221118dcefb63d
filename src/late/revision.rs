//! What judging a night again changed of what it had reported.
//!
//! A night is compared with itself as it was reported before, insight by insight and alert by alert, by their ids. Why
//! it was judged again is told by `words`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alert::Alert;
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
            calls: insight.measured.observed,
            sentence: insight.sentence.clone(),
        }
    }
}

/// What a reader was told of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedAlert {
    /// Its id.
    pub id: Uuid,
    /// The rule's title.
    pub rule: String,
    /// How serious it is.
    pub severity: Severity,
    /// The first event.
    pub first: DateTime<Utc>,
    /// The last match.
    pub last: DateTime<Utc>,
    /// Matches.
    pub matches: u64,
    /// The sentence.
    pub sentence: String,
}

impl ReportedAlert {
    /// What an alert tells.
    pub fn of(alert: &Alert) -> Self {
        Self {
            id: alert.alert_id,
            rule: alert.rule.clone(),
            severity: alert.severity,
            first: alert.first_time,
            last: alert.last_time,
            matches: alert.count,
            sentence: alert.sentence.clone(),
        }
    }
}

/// Something that a night told, and is known again by its id.
pub trait Identified: Clone + PartialEq {
    /// The id.
    fn id(&self) -> Uuid;

    /// How serious it is.
    fn severity(&self) -> Severity;
}

impl Identified for Reported {
    fn id(&self) -> Uuid {
        self.id
    }

    fn severity(&self) -> Severity {
        self.severity
    }
}

impl Identified for ReportedAlert {
    fn id(&self) -> Uuid {
        self.id
    }

    fn severity(&self) -> Severity {
        self.severity
    }
}

/// What is told otherwise than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference<T> {
    /// What had not been told.
    pub added: Vec<Uuid>,
    /// What has another severity, time, count or sentence.
    pub changed: Vec<Uuid>,
    /// Of what changed that which is more serious than it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raised: Vec<Uuid>,
    /// What is told no more, as it was.
    pub taken_back: Vec<T>,
}

impl<T> Default for Difference<T> {
    fn default() -> Self {
        Self { added: Vec::new(), changed: Vec::new(), raised: Vec::new(), taken_back: Vec::new() }
    }
}

impl<T: Identified> Difference<T> {
    /// What is different in `after`.
    pub fn between(before: &[T], after: &[T]) -> Self {
        let known: BTreeMap<Uuid, &T> = before.iter().map(|told| (told.id(), told)).collect();
        let now: BTreeSet<Uuid> = after.iter().map(Identified::id).collect();
        let ids = |is_wanted: &dyn Fn(&T) -> bool| {
            after.iter().filter(|told| is_wanted(told)).map(Identified::id).collect::<Vec<_>>()
        };
        Self {
            added: ids(&|own| !known.contains_key(&own.id())),
            changed: ids(&|own| known.get(&own.id()).is_some_and(|known| *known != own)),
            raised: ids(&|own| known.get(&own.id()).is_some_and(|known| known.severity() < own.severity())),
            taken_back: before.iter().filter(|told| !now.contains(&told.id())).cloned().collect(),
        }
    }

    /// Whether something had not been told, or not as so serious.
    pub fn is_news(&self, id: Uuid) -> bool {
        self.added.contains(&id) || self.raised.contains(&id)
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.taken_back.is_empty()
    }
}

/// What a night told: its insights and its alerts.
#[derive(Debug, Clone, Copy)]
pub struct NightReport<'a> {
    /// The insights.
    pub insights: &'a [Reported],
    /// The alerts; `None` where a record of an earlier version does not say.
    pub alerts: Option<&'a [ReportedAlert]>,
}

/// The difference between what a night had reported and what it reports now. What only changed in its probabilities,
/// its score or its attributions is not told; the files have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The night whose run made it.
    pub in_run_of: NaiveDate,
    /// Why the night was judged again.
    pub why: Why,
    /// Insights that are reported otherwise.
    #[serde(flatten)]
    pub insights: Difference<Reported>,
    /// Alerts that are.
    #[serde(default)]
    pub alerts: Difference<ReportedAlert>,
}

impl Revision {
    /// What is different in `after`; `None` if nothing is, unless it is the first that is told of a night which is
    /// late.
    pub fn between(before: NightReport<'_>, after: NightReport<'_>, why: &Why, in_run_of: NaiveDate) -> Option<Self> {
        let insights = Difference::between(before.insights, after.insights);
        let alerts = before.alerts.zip(after.alerts).map(|(before, after)| Difference::between(before, after));
        let revision = Self { in_run_of, why: why.clone(), insights, alerts: alerts.unwrap_or_default() };
        let is_worth_telling =
            matches!(why, Why::CameLate) || !revision.insights.is_empty() || !revision.alerts.is_empty();
        is_worth_telling.then_some(revision)
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
    fn what_became_more_serious_is_news_and_what_became_less_so_is_not() {
        let of = |severity| Reported { severity, ..reported(1, "a") };
        let is_news = |before, after| Difference::between(&[of(before)], &[of(after)]).is_news(Uuid::from_u128(1));
        assert!(is_news(Severity::Medium, Severity::Critical));
        assert!(!is_news(Severity::High, Severity::Medium) && !is_news(Severity::High, Severity::High));
        assert!(Difference::between(&[], &[of(Severity::Low)]).is_news(Uuid::from_u128(1)));
    }

    fn alert(id: u128, matches: u64) -> ReportedAlert {
        let time = DateTime::UNIX_EPOCH;
        let (rule, sentence) = ("Trail off".to_owned(), "s".to_owned());
        ReportedAlert {
            id: Uuid::from_u128(id),
            rule,
            severity: Severity::High,
            first: time,
            last: time,
            matches,
            sentence,
        }
    }

    #[test]
    fn what_is_new_other_and_gone_is_told_and_nothing_else() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap();
        let before = [reported(1, "a"), reported(2, "b"), reported(3, "c")];
        let after = [reported(4, "d"), reported(3, "c"), reported(2, "other")];
        let (alerts_before, alerts_after) = ([alert(7, 1), alert(8, 2)], [alert(8, 3), alert(9, 1)]);
        let of = |insights, alerts| NightReport { insights, alerts };
        let (first, second) = (of(&before, Some(&alerts_before)), of(&after, Some(&alerts_after)));
        let revision = Revision::between(first, second, &Why::NightBefore, date).unwrap();
        assert_eq!(revision.insights.added, [Uuid::from_u128(4)]);
        assert_eq!(revision.insights.changed, [Uuid::from_u128(2)]);
        assert!(revision.insights.raised.is_empty());
        assert_eq!(revision.insights.taken_back, [reported(1, "a")]);
        assert_eq!(revision.alerts.added, [Uuid::from_u128(9)]);
        assert_eq!(revision.alerts.changed, [Uuid::from_u128(8)]);
        assert_eq!(revision.alerts.taken_back, [alert(7, 1)]);
        let text = serde_json::to_string(&revision).unwrap();
        assert_eq!(serde_json::from_str::<Revision>(&text).unwrap(), revision);
        let reversed: Vec<Reported> = before.iter().rev().cloned().collect();
        let again = of(&reversed, Some(&alerts_before));
        assert_eq!(Revision::between(first, again, &Why::Asked, date), None, "order tells nothing");
        let graver =
            [before[0].clone(), Reported { severity: Severity::Critical, ..before[1].clone() }, before[2].clone()];
        let lifted = Difference::between(&before, &graver);
        assert_eq!((&lifted.changed, &lifted.raised), (&vec![Uuid::from_u128(2)], &vec![Uuid::from_u128(2)]));
        assert!(lifted.is_news(Uuid::from_u128(2)) && !lifted.is_news(Uuid::from_u128(1)));
        assert!(Difference::between(&graver, &before).raised.is_empty(), "less grave is no news");
        let nothing = of(&[], Some(&[]));
        assert!(Revision::between(nothing, nothing, &Why::Unfinished, date).is_none());
        assert!(Revision::between(nothing, nothing, &Why::CameLate, date).is_some(), "a late night is told");
        let unknown = of(&before, None);
        assert_eq!(
            Revision::between(unknown, first, &Why::Asked, date),
            None,
            "a record without alerts says nothing of them"
        );
    }
}
