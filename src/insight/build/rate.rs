//! Insights about rates: what was measured of an episode.
//!
//! The hours and the p-value are the detector's, the minutes and the calls those of the events. Whether it may go on after the day is asked elsewhere.

use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::score_cap::capped_score;
use crate::detect::{Deviation, Direction};
use crate::insight::build::built::{Night, Told};
use crate::insight::build::draft::{Subject, id, moment, rate_type};
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::DAYS;
use crate::insight::findings::open::goes_on;
use crate::insight::life::episode::Running;
use crate::insight::{Insight, Measured};
use crate::time::DAY_MINUTES;

pub(super) fn rate_insight(
    (history, deviation): (&FamilyHistory, &Deviation),
    continued: Option<&Running>,
    told: Told<'_>,
    night: Night<'_>,
) -> Insight {
    let Told { evidence, .. } = told;
    let date = night.window.scored();
    let (start, end) = evidence.minutes_of_day();
    let key = history.key(deviation.member);
    let fields = history.spelled(deviation.member);
    let is_open = goes_on((history, deviation), continued, evidence, night.days);
    let (observed, errors) = calls_of(history, deviation, evidence, night.window);
    let part = part_touched(deviation, (start, end));
    let insight_type = rate_type(history.family);
    let episode = format!("{}{:?}", deviation.hours.begin(), deviation.direction);
    let subject = Subject {
        id: id(insight_type, key.account(), &fields.join("/"), date, &episode),
        insight_type,
        account: key.account().to_owned(),
        family: history.family,
        fields,
        object: object(history, deviation.member),
    };
    let measured = Measured {
        observed,
        errors,
        expected: deviation.expected * part,
        expected_lower: (deviation.lower as f64 * part).floor() as u64,
        expected_upper: (deviation.upper as f64 * part).ceil() as u64,
        ln_p: deviation.ln_p,
        ln_q: Some(deviation.ln_q),
        score: capped_score(deviation),
        baseline_average: baseline_average(
            history,
            &[deviation.member],
            (night.window, night.gaps.feed),
            start - evidence.before as i64,
        ),
        days_known: deviation.days_known,
        days_hidden: history.days_hidden(deviation.member, night.window),
    };
    Insight {
        direction: deviation.direction,
        model: Some(deviation.model),
        start: moment(date, start),
        // An hour's silence is not told, for it may go on after midnight.
        end: moment(date, if is_open && DAY_MINUTES - end < 60 { DAY_MINUTES } else { end }),
        ended: !is_open,
        measured,
        ..subject.draft(evidence, date)
    }
}

/// The part of what was expected of a drop's hours that is of those of them that its minutes touch, and of its minutes in other hours; of a rise,
/// which stands out against its hours, all of these, and its minutes in others, but for a few in the hours beside them.
fn part_touched(deviation: &Deviation, (start, end): (i64, i64)) -> f64 {
    let Some(day) = deviation.by_hour.last_chunk::<24>() else { return 1.0 };
    let own = i64::from(deviation.hours.begin())..i64::from(deviation.hours.end());
    let is_beside = |hour: i64| hour + 1 == own.start || hour == own.end;
    let part = |hour: i64| {
        let minutes = (end.min(hour * 60 + 60) - start.max(hour * 60)).max(0);
        match deviation.direction {
            Direction::Up if own.contains(&hour) => 1.0,
            Direction::Up if is_beside(hour) && minutes < 60 => 0.0,
            Direction::Down if own.contains(&hour) && minutes > 0 => 1.0,
            Direction::Up | Direction::Down => minutes as f64 / 60.0,
        }
    };
    let touched: f64 = (0_i64..24).zip(day).map(|(hour, band)| band.mean * part(hour)).sum();
    let all: f64 = own.clone().map(|hour| day[hour as usize].mean).sum();
    if all > 0.0 { touched / all } else { 1.0 }
}

/// Calls of an episode and the failed ones among them: of its minutes, or, where the events are gone, of its hours as they were
/// counted.
fn calls_of(history: &FamilyHistory, deviation: &Deviation, evidence: &Evidence, window: &Window) -> (u64, u64) {
    if evidence.minutes.iter().any(|&calls| calls > 0) {
        return (evidence.calls(), evidence.errors);
    }
    let own = deviation.hours.places(window.length() * 24);
    let hours = history.split(deviation.member, window).1.iter();
    let errors = hours.filter(|hour| own.contains(&usize::from(hour.hour))).map(|hour| u64::from(hour.errors));
    (deviation.observed, errors.sum())
}

fn object(history: &FamilyHistory, member: usize) -> String {
    history.key(member).fields().last().unwrap_or_default().to_owned()
}

/// Calls a minute over the believed ones of the seven days of hours before the hour of the scored day in which an episode starts; of one that
/// starts before its midnight that is negative.
pub(in crate::insight) fn baseline_average(
    history: &FamilyHistory,
    members: &[usize],
    (window, feed): (&Window, &Feed),
    start: i64,
) -> f64 {
    let end = usize::try_from(window.length() as i64 * 24 + start.div_euclid(60)).unwrap_or(0);
    let hours = end.saturating_sub(DAYS * 24)..end;
    let all = members.iter().flat_map(|&member| history.hours(member));
    let calls: u64 = all.filter(|hour| hours.contains(&usize::from(hour.hour))).map(|hour| u64::from(hour.calls)).sum();
    let alive = feed.alive_in(history.family, history.key(members[0]).account());
    let minutes = alive[hours].iter().filter(|&&alive| alive).count() * 60;
    if minutes == 0 { 0.0 } else { calls as f64 / minutes as f64 }
}
