//! Insights about changes: of permissions, of passwords, of the audit trail.
//!
//! One is about a principal, a service and a kind of change on a day, whatever APIs it was made through, for that is what a person asks about. Why it is
//! reported was decided by [`detect::change`](crate::detect::change); what its requests say makes it serious, or not.

use crate::baseline::{FamilyHistory, Feed};
use crate::detect::change::{ChangeFound, Reason};
use crate::event::ChangeKind;
use crate::insight::build::built::{Night, Told};
use crate::insight::build::draft::{Subject, id, moment};
use crate::insight::build::rate::baseline_average;
use crate::insight::events::evidence::Evidence;
use crate::insight::meaning::complete::complete;
use crate::insight::requests::concern::Concern;
use crate::insight::{Insight, InsightType, Measured, NightFindings};
use crate::rollup::Family;

pub(super) fn change_insight(
    findings: &NightFindings,
    history: &FamilyHistory,
    change: &ChangeFound,
    told: Told<'_>,
    night: Night<'_>,
) -> Insight {
    let mut insight = bare_change(history, change, told.evidence, night);
    insight.concerns = findings.concerns(history, change, told.evidence);
    insight.changed = told.evidence.objects.listed();
    if change.reason == Reason::Silence {
        insight.measured.baseline_average = change.expected / insight.minutes() as f64;
    } else if change.kind == ChangeKind::Trail && is_followed_by_silence(change, &insight.account, night.gaps.feed) {
        insight.concerns.push(Concern::SilenceFollowed);
        insight.concerns.sort_unstable();
    }
    complete(&mut insight, told.evidence, told.usual);
    insight
}

/// A change without what makes it serious, and without what all of it means.
fn bare_change(history: &FamilyHistory, change: &ChangeFound, evidence: &Evidence, night: Night<'_>) -> Insight {
    let date = night.window.scored();
    let is_silence = change.reason == Reason::Silence;
    let (start, end) = change_minutes(change, evidence);
    let insight_type = change_type(change.kind);
    let member = change.members[0];
    let key = history.key(member);
    let fields = history.spelled(member);
    let principal = key.fields().skip(4).collect::<Vec<_>>().join("/");
    let service = history.service(member).unwrap_or_default().to_owned();
    let identity = format!("{service}/{principal}");
    let subject = Subject {
        id: id(insight_type, key.account(), &identity, date, if is_silence { "silence" } else { change.kind.name() }),
        insight_type,
        account: key.account().to_owned(),
        family: Family::Change,
        fields,
        object: service,
    };
    let measured = Measured {
        observed: change.calls,
        errors: change.errors,
        expected: change.expected,
        expected_lower: change.interval.0,
        expected_upper: change.interval.1,
        ln_p: change.ln_p,
        baseline_average: baseline_average(history, &change.members, (night.window, night.gaps.feed), start),
        days_known: night.window.days_of_history(),
        ..Measured::default()
    };
    Insight {
        direction: change.direction(),
        reason: Some(change.reason),
        start: moment(date, start),
        end: moment(date, end),
        measured,
        ..subject.draft(evidence, date)
    }
}

fn change_type(kind: ChangeKind) -> InsightType {
    match kind {
        ChangeKind::Permission => InsightType::PolicyChangeInsight,
        ChangeKind::Password => InsightType::PasswordChangeInsight,
        ChangeKind::Trail => InsightType::TrailConcealmentInsight,
    }
}

/// The minutes of the day of a change, from its first call to its last; all of its hours for a silence, and where the events are
/// gone.
fn change_minutes(change: &ChangeFound, evidence: &Evidence) -> (i64, i64) {
    let hours = change.hours.minutes(0);
    let day_minute = |minute: usize| hours.start + minute as i64;
    let first = evidence.minutes.iter().position(|&calls| calls > 0);
    let last = evidence.minutes.iter().rposition(|&calls| calls > 0);
    match first.zip(last) {
        Some((first, last)) if change.reason != Reason::Silence => (day_minute(first), day_minute(last + 1)),
        _ => {
            let days_before = change.days_before as i64 * 24 * 60;
            (hours.start - days_before, hours.end)
        }
    }
}

/// Whether the account's feed fell silent in the hour of a change, or later that day.
fn is_followed_by_silence(change: &ChangeFound, account: &str, feed: &Feed) -> bool {
    feed.silences_begun(account).iter().any(|silence| silence.begin() >= change.hours.begin())
}
