//! What became of an episode that the night before left open: one decision, from which all that is told of it follows.
//!
//! It is the same episode for as long as no hours since speak for what is usual: over a night in which nothing is usual, a weekend, a gap of
//! the feed. It is over when hours do, and where its level goes on but is not odd any more: by then the model has taken it for new, or it was
//! usual after all.

use crate::detect::Direction;
use crate::insight::episode::Running;
use crate::insight::rhythm::{Days, Rhythm, TELLING, lasted};

/// The first hours of a day, in which the rest of an episode of the day before is looked for minute by minute.
pub(super) const TAIL_HOURS: u8 = 3;
/// A deviation that begins up to this hour of the day goes on with the episode of the day before, whatever lies between: what is usual
/// in an hour or two tells nothing, and an hour after midnight may be odd only with those that follow it.
const AT_ONCE: u8 = 1;
/// Days without a word of an episode, after which it is over.
const MOST_DAYS_UNTOLD: i64 = 7;

/// What became of an open episode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Course {
    /// The deviation that begins in this hour goes on with it.
    GoesOn(u8),
    /// The whole day is at its level, though nothing of it is odd any more.
    Lasts,
    /// It was over after so many hours of the day.
    Ended(u8, Rates),
    /// The day does not tell: nothing was expected, or nothing can be believed.
    Untold,
}

/// Calls a minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rates {
    /// In the episode.
    pub(super) level: f64,
    /// Usually.
    pub(super) usual: f64,
}

/// The course of an episode; `next` is the first hour of tonight's first deviation of its entity that goes the same way.
pub(super) fn course(
    rhythm: &Rhythm,
    (running, direction): (&Running, Direction),
    next: Option<u8>,
    days: Days<'_>,
) -> Course {
    let begin = days.window.date(0).and_time(chrono::NaiveTime::MIN).and_utc();
    let minute = |moment: chrono::DateTime<chrono::Utc>| (moment - begin).num_minutes();
    let level = rhythm.level(direction, running.observed, minute(running.start)..minute(running.end));
    let today = days.window.length() * 24;
    let idle = usize::try_from((minute(running.end) + 59) / 60).unwrap_or(0).min(today);
    let rates = |hours: u8| {
        let usual = rhythm.usual(today..today + usize::from(hours));
        Rates { level: level.calls(usual * 60.0) / 60.0, usual }
    };
    let lasted = |until: u8| {
        let hours = today..today + usize::from(until);
        lasted(hours.map(|hour| rhythm.telling(level, hour..hour + 1))) as u8
    };
    match next {
        Some(first) if first <= AT_ONCE => Course::GoesOn(first),
        Some(first) if rhythm.telling(level, idle..today + usize::from(first)) < TELLING => Course::GoesOn(first),
        Some(first) => Course::Ended(lasted(first), rates(TAIL_HOURS.max(lasted(first)))),
        None => {
            let hours = lasted(24);
            let is_long_ago = (days.window.scored() - running.end.date_naive()).num_days() > MOST_DAYS_UNTOLD;
            if rhythm.telling(level, today + usize::from(hours)..today + 24) >= TELLING || is_long_ago {
                Course::Ended(hours, rates(TAIL_HOURS.max(hours)))
            } else if rhythm.telling(level, today..today + usize::from(hours)) <= -TELLING {
                Course::Lasts
            } else {
                Course::Untold
            }
        }
    }
}
