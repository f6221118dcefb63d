//! Counts by hour of what is reported, beside what was expected: all that a chart of a finding needs.
//!
//! The counts are those of the history that the night was judged by; nothing is read again.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveTime, Utc};
use uuid::Uuid;

use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::Direction;
use crate::detect::hours::{Band, hourly_days};
use crate::insight::{Insight, NightFindings};
use crate::rollup::Family;

/// An hour of a finding's entity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FindingHour {
    /// The insight.
    pub insight: Uuid,
    /// When the hour begins.
    pub time: DateTime<Utc>,
    /// Calls.
    pub calls: u64,
    /// Failed calls among them.
    pub errors: u64,
    /// What was expected; `None` where no hour is judged by itself.
    pub expected: Option<Band>,
    /// Whether the feed was alive.
    pub believed: bool,
    /// Whether the finding's episode touches the hour.
    pub flagged: bool,
}

/// An entity that something is reported of: its account, its name as insights have it, and which way it went.
type Reported = (Family, String, String, Direction);

/// Where its counts are, and what was expected.
struct Series<'a> {
    history: &'a FamilyHistory,
    members: Vec<usize>,
    expected: &'a [Band],
}

/// The hours of all insights, in their order.
pub fn hours(findings: &NightFindings, insights: &[Insight], window: &Window, feed: &Feed) -> Vec<FindingHour> {
    let known = series(findings);
    let mut hours = Vec::new();
    for insight in insights {
        let reported = (insight.family, insight.account.clone(), insight.entity.clone(), insight.direction);
        if let Some(series) = known.get(&reported) {
            hours.extend(series.hours(insight, window, feed));
        }
    }
    hours
}

fn series(findings: &NightFindings) -> BTreeMap<Reported, Series<'_>> {
    let rates = findings.reported().map(|(history, deviation)| {
        let (members, expected) = (vec![deviation.member], &deviation.by_hour[..]);
        (deviation.direction, Series { history, members, expected })
    });
    let changes =
        findings.changes.iter().flat_map(|(history, found)| found.iter().map(move |change| (history, change)));
    let changes = changes.map(|(history, change)| {
        (change.direction(), Series { history, members: change.members.clone(), expected: &[] })
    });
    let firsts = findings.firsts.iter().filter_map(|found| {
        let history = findings.history(found.family)?;
        Some((Direction::Up, Series { history, members: vec![history.find(&found.key)?], expected: &[] }))
    });
    firsts.chain(rates).chain(changes).map(|(direction, series)| (series.reported(direction), series)).collect()
}

impl Series<'_> {
    fn reported(&self, direction: Direction) -> Reported {
        let first = self.members[0];
        let account = self.history.key(first).account().to_owned();
        (self.history.family, account, self.history.label(first), direction)
    }

    fn hours(&self, insight: &Insight, window: &Window, feed: &Feed) -> Vec<FindingHour> {
        let days = hourly_days(window.length());
        let first = days.start * 24;
        let mut counts = vec![(0_u64, 0_u64); days.len() * 24];
        for hour in self.members.iter().flat_map(|&member| self.history.hours(member)) {
            if let Some(count) = usize::from(hour.hour).checked_sub(first).and_then(|place| counts.get_mut(place)) {
                *count = (count.0 + u64::from(hour.calls), count.1 + u64::from(hour.errors));
            }
        }
        let alive = feed.alive_in(self.history.family, &insight.account);
        let begin = window.date(days.start).and_time(NaiveTime::MIN).and_utc();
        let hour = |(place, (calls, errors)): (usize, (u64, u64))| {
            let time = begin + Duration::hours(place as i64);
            FindingHour {
                insight: insight.id,
                time,
                calls,
                errors,
                expected: self.expected.get(place).copied(),
                believed: alive[first + place],
                flagged: time < insight.end && time + Duration::hours(1) > insight.start,
            }
        };
        counts.into_iter().enumerate().map(hour).collect()
    }
}
