//! What became of an episode that the night before left open: one decision, from which all that is told of it follows.
//!
//! It is the same episode for as long as no hours since speak for what is usual: over a night in which nothing is usual, a weekend, a gap of
//! the feed. It is over when hours do, more than any of its own did, whatever comes after them, and where its level goes on but is not odd any more: by then the model has taken it for new, or it was
//! usual after all. Of a story of which another episode is odd still it is kept open with that one: half of an attack is not over.

use chrono::{DateTime, Duration, Utc};

use crate::detect::Direction;
use crate::insight::extent::rhythm::{Days, HARDLY_ANY, Rhythm, TELLING};
use crate::insight::life::episode::Running;
use crate::time::HourSpan;

/// The first hours of a day, in which the rest of an episode of the day before is looked for minute by minute.
pub(super) const TAIL_HOURS: u8 = 3;
/// A deviation that begins up to this hour of the day goes on with the episode of the day before, whatever lies between: what is usual
/// in an hour or two tells nothing, and an hour after midnight may be odd only with those that follow it.
const AT_ONCE: u8 = 1;
/// Days without a word of an episode, after which it is over.
const MOST_DAYS_UNTOLD: i64 = 7;

/// What became of an open episode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::insight) enum Course {
    /// The deviation that begins in this hour goes on with it.
    GoesOn(u8),
    /// The day is at its level for so many hours and speaks for nothing else after them, though nothing of it is odd any more.
    Lasts(u8, Rates),
    /// The same, while another episode of its story is odd still.
    KeptOpen(u8, Rates),
    /// It was over in the day.
    Ended(Ending),
    /// The day does not tell: nothing was expected, or nothing can be believed.
    Untold,
}

/// How an episode came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::insight) struct Ending {
    /// After so many hours of the day, as whole hours tell.
    hours: u8,
    /// When it was over, as whole hours tell, if that was before the day.
    pub(in crate::insight) before: Option<DateTime<Utc>>,
    /// The rates of these hours.
    pub(in crate::insight) whole: Rates,
    /// The rates of those in which its last minute is looked for.
    pub(in crate::insight) around: Rates,
}

impl Ending {
    /// The hours of the day in which its last minute is looked for: the first ones, or those before and after the last whole hour.
    pub(in crate::insight) fn hours(self) -> HourSpan {
        match self.hours {
            0..=TAIL_HOURS => HourSpan::first(TAIL_HOURS),
            hours => HourSpan::new(hours - 1, hours + 1),
        }
    }
}

/// Calls a minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::insight) struct Rates {
    /// In the episode.
    pub(in crate::insight) level: f64,
    /// Usually.
    pub(in crate::insight) usual: f64,
}

/// The course of an episode; `next` is the first hour of tonight's first deviation of its entity that goes the same way.
pub(in crate::insight) fn course(
    rhythm: &Rhythm,
    (running, direction): (&Running, Direction),
    next: Option<u8>,
    days: Days<'_>,
) -> Course {
    let begin = days.window.date(0).and_time(chrono::NaiveTime::MIN).and_utc();
    let minute = |moment: DateTime<Utc>| (moment - begin).num_minutes();
    let level = rhythm.level(direction, running.calls_of_all_days(), minute(running.start)..minute(running.end));
    let today = days.window.length() * 24;
    let idle = usize::try_from((minute(running.end) + 59) / 60).unwrap_or(0).min(today);
    let rates = |hours: HourSpan| {
        let usual = rhythm.usual(hours.places(today));
        Rates { level: level.calls(usual * 60.0) / 60.0, usual }
    };
    let ended = |end: usize| {
        let hours = end.saturating_sub(today) as u8;
        let before = (idle < end && end <= today).then(|| begin + Duration::hours(end as i64));
        let ending = Ending { hours, before, ..Ending::default() };
        Course::Ended(Ending {
            whole: rates(HourSpan::first(TAIL_HOURS.max(hours))),
            around: rates(ending.hours()),
            ..ending
        })
    };
    let hour = |minute: i64| usize::try_from(minute.div_euclid(60)).unwrap_or(0);
    let whole_hours = hour(minute(running.start) + 59)..hour(minute(running.end));
    let over = rhythm.over(level, whole_hours);
    let lasted = |until: u8| {
        let (hours, is_over) = rhythm.lasted(level, idle..today + usize::from(until), over);
        (idle + hours, is_over)
    };
    match next {
        Some(first) if first <= AT_ONCE => Course::GoesOn(first),
        Some(first) if rhythm.telling(level, idle..today + usize::from(first)) < over => Course::GoesOn(first),
        // The feed was silent in the others.
        Some(first) if rhythm.believed(idle..today + usize::from(first)) <= HARDLY_ANY => Course::GoesOn(first),
        Some(first) => ended(lasted(first).0),
        None => {
            let (end, is_over) = lasted(24);
            let hours = end.saturating_sub(today) as u8;
            let is_long_ago = (days.window.scored() - running.end.date_naive()).num_days() > MOST_DAYS_UNTOLD;
            if is_over || rhythm.telling(level, today + usize::from(hours)..today + 24) >= over || is_long_ago {
                ended(end)
            } else if rhythm.telling(level, today..today + usize::from(hours)) <= -TELLING {
                Course::Lasts(hours, rates(HourSpan::first(hours)))
            } else {
                Course::Untold
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
    use crate::insight::Measured;
    use crate::insight::events::evidence::Evidence;
    use crate::insight::example::rate;
    use crate::rollup::{EntityKey, Family};

    /// What becomes of the episode of an address that usually calls twice an hour from 12 to 18, and once from 9 to 11, and made 294 calls from 12:58
    /// to 17:17 of the day before, 68 an hour; `tonight` are the calls in hours of the scored day.
    fn after_a_busy_afternoon(tonight: &[(u16, u32)]) -> Course {
        after(tonight, 0..0, None)
    }

    /// The same where the feed was silent in some hours of the window, and the first deviation of the scored day begins in an hour.
    fn after(tonight: &[(u16, u32)], silent: std::ops::Range<u16>, next: Option<u8>) -> Course {
        let window = Window::new("2026-01-29".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let hour = |hour: u16, calls: u32| HistoryHour { hour, calls, errors: 0, peak: calls };
        let usually = (0..28_u16).flat_map(|day| [9, 10, 12, 13, 14, 15, 16, 17].map(|of_day| (day, of_day)));
        let usually = usually.map(|(day, of_day)| match (day, of_day) {
            (27, 13..=16) => hour(day * 24 + of_day, 68),
            (27, 17) => hour(day * 24 + of_day, 20),
            (_, 9 | 10) => hour(day * 24 + of_day, 1),
            _ => hour(day * 24 + of_day, 2),
        });
        let own = usually.chain(tonight.iter().map(|&(of_day, calls)| hour(28 * 24 + of_day, calls))).collect();
        let history = FamilyHistory::from_entities(Family::SourceIp, [(EntityKey::new(["1", "192.0.2.1"]), own)]);
        let all = (0..29 * 24).filter(|place| !silent.contains(place)).map(|place| hour(place, 1000)).collect();
        let apis = FamilyHistory::from_entities(Family::Api, [(EntityKey::new(["1", "ecs", "Describe"]), all)]);
        let feed = Feed::judge(&apis, &window, &calendar);
        let days = Days { window: &window, calendar: &calendar, feed: &feed };
        let insight = rate();
        let running = Running {
            start: "2026-01-28T12:58:00Z".parse().unwrap(),
            end: "2026-01-28T17:17:00Z".parse().unwrap(),
            measured: Measured { observed: 294, ..insight.measured.finite() },
            ..Running::of(&insight, insight.end, 0.1, &Evidence::default())
        };
        course(&Rhythm::learn(&history, 0, days, 27), (&running, Direction::Up), next, days)
    }

    #[test]
    fn an_hour_that_is_usual_after_a_silent_feed_ends_nothing() {
        let tonight = [(12, 2), (13, 2), (14, 2), (15, 70), (16, 80)];
        assert!(
            matches!(after(&tonight, 0..0, Some(15)), Course::Ended(_)),
            "hours were believed in which nothing was odd"
        );
        let silent = 27 * 24 + 18..28 * 24 + 13;
        assert_eq!(after(&tonight, silent, Some(15)), Course::GoesOn(15), "two of them");
    }

    #[test]
    fn what_comes_after_a_gap_that_tells_is_another_thing() {
        let ended = |course: Course| match course {
            Course::Ended(ending) => ending.hours(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            ended(after_a_busy_afternoon(&[(8, 1), (12, 51), (16, 51)])),
            HourSpan::new(0, 3),
            "it ended the day before"
        );
        assert_eq!(ended(after_a_busy_afternoon(&[(8, 70), (9, 60), (10, 2), (12, 2), (13, 2)])), HourSpan::new(9, 11));
        let busy: Vec<(u16, u32)> = (8..18).map(|hour| (hour, 60)).collect();
        assert!(matches!(after_a_busy_afternoon(&busy), Course::Lasts(18, _)));
    }
}
