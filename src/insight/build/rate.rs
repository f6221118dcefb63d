//! Insights about rates: what was measured of an episode, and whether it may go on after the day.
//!
//! The hours and the p-value are the detector's, the minutes those of the events. A day that ends in the middle of an episode does not end it: only what
//! speaks for the usual level, or calls that are none of a rise, do.

use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::score_cap::capped_score;
use crate::detect::{Deviation, Direction};
use crate::insight::Insight;
use crate::insight::build::built::{Night, Told};
use crate::insight::build::draft::{Subject, id, moment, rate_type};
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::DAYS;
use crate::insight::extent::rhythm::{Rhythm, TELLING};
use crate::insight::life::episode::Running;

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// Whether an episode may go on after its last minute of the day: nothing until midnight speaks for what is usual, or too short a time.
fn goes_on(
    (history, deviation): (&FamilyHistory, &Deviation),
    continued: Option<&Running>,
    evidence: &Evidence,
    night: Night<'_>,
    (start, end): (i64, i64),
) -> bool {
    let silence = DAY - end;
    if silence <= 0 {
        return true;
    }
    let rest_of_hour = evidence.minutes.iter().skip(evidence.span.1).take((silence % 60) as usize);
    let rest_of_hour: u64 = rest_of_hour.map(|&calls| u64::from(calls)).sum();
    // Calls until midnight that are none of a rise mean that it was over before them: its count is of all between start and end.
    let next_hour = night.window.length() * 24 + (end as usize).div_ceil(60);
    let mut later = history.hours_on(deviation.member, night.window.length()).iter();
    let is_called_later = later.any(|hour| usize::from(hour.hour) >= next_hour && hour.calls > 0);
    if deviation.direction == Direction::Up && (is_called_later || rest_of_hour > 0) {
        return false;
    }
    let today = night.window.length() as i64 * DAY;
    let first = continued.map_or(start, |running| (running.start - moment(night.window.scored(), 0)).num_minutes());
    let begun_on = usize::try_from((today + first).div_euclid(DAY)).unwrap_or(0);
    let rhythm = Rhythm::learn(history, deviation.member, night.days, begun_on);
    let observed = continued.map_or(0, |running| running.observed) + evidence.calls();
    let level = rhythm.level(deviation.direction, observed, today + first..today + end);
    let telling = rhythm.telling_after(level, (today + end) as usize, rest_of_hour);
    let is_short = deviation.direction == Direction::Up && silence < 60 && silence <= evidence.longest_gap();
    is_short || telling < TELLING
}

pub(super) fn rate_insight(
    (history, deviation): (&FamilyHistory, &Deviation),
    continued: Option<&Running>,
    told: Told<'_>,
    night: Night<'_>,
    searched: (u8, u8),
) -> Insight {
    let Told { evidence, .. } = told;
    let date = night.window.scored();
    let first_minute = i64::from(searched.0) * 60;
    let (start, end) = (first_minute + evidence.span.0 as i64, first_minute + evidence.span.1 as i64);
    let key = history.key(deviation.member);
    let fields = history.spelled(deviation.member);
    let is_open = goes_on((history, deviation), continued, evidence, night, (start, end));
    let (observed, errors) = calls_of(history, deviation, evidence, night.window);
    let part = part_touched(deviation, (start, end));
    let insight_type = rate_type(history.family);
    let episode = format!("{}{:?}", deviation.hours.0, deviation.direction);
    let subject = Subject {
        id: id(insight_type, key.account(), &fields.join("/"), date, &episode),
        insight_type,
        account: key.account().to_owned(),
        family: history.family,
        fields,
        object: object(history, deviation.member),
    };
    Insight {
        direction: deviation.direction,
        model: Some(deviation.model),
        start: moment(date, start),
        // An hour's silence is not told, for it may go on after midnight.
        end: moment(date, if is_open && DAY - end < 60 { DAY } else { end }),
        ended: !is_open,
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
        ..subject.draft(evidence, date)
    }
}

/// The part of what was expected of a drop's hours that is of those that its minutes touch; all of it for a rise, which stands out
/// against its hours.
fn part_touched(deviation: &Deviation, (start, end): (i64, i64)) -> f64 {
    let Some(day) = deviation.by_hour.last_chunk::<24>() else { return 1.0 };
    let expected = |hours: &mut dyn Iterator<Item = i64>| hours.map(|hour| day[hour as usize].mean).sum::<f64>();
    let hours = || i64::from(deviation.hours.0)..i64::from(deviation.hours.1);
    let touched = expected(&mut hours().filter(|hour| start < (hour + 1) * 60 && end > hour * 60));
    let all = expected(&mut hours());
    if deviation.direction == Direction::Up || touched >= all { 1.0 } else { touched / all }
}

/// Calls of an episode and the failed ones among them: of its minutes, or, where the events are gone, of its hours as they were
/// counted.
fn calls_of(history: &FamilyHistory, deviation: &Deviation, evidence: &Evidence, window: &Window) -> (u64, u64) {
    if evidence.minutes.iter().any(|&calls| calls > 0) {
        return (evidence.calls(), evidence.errors);
    }
    let first = window.length() * 24;
    let (begin, end) = (first + usize::from(deviation.hours.0), first + usize::from(deviation.hours.1));
    let hours = history.split(deviation.member, window).1.iter();
    let errors = hours.filter(|hour| (begin..end).contains(&usize::from(hour.hour))).map(|hour| u64::from(hour.errors));
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
