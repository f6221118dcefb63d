//! What became of an episode that the night before left open: one decision, from which all that is told of it follows.
//!
//! It is the same episode for as long as no hours since speak for what is usual: over a night in which nothing is usual, a weekend, a gap of
//! the feed. It is over when hours do, and where its level goes on but is not odd any more: by then the model has taken it for new, or it was
//! usual after all. Of a story of which another episode is odd still it is kept open with that one: half of an attack is not over.

use crate::detect::Direction;
use crate::insight::extent::rhythm::{Days, Rhythm, TELLING, lasted};
use crate::insight::life::episode::Running;

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
    /// The rates of these hours.
    pub(in crate::insight) whole: Rates,
    /// The rates of those in which its last minute is looked for.
    pub(in crate::insight) around: Rates,
}

impl Ending {
    /// The hours of the day in which its last minute is looked for: the first ones, or those before and after the last whole hour.
    pub(in crate::insight) fn hours(self) -> (u8, u8) {
        match self.hours {
            0..=TAIL_HOURS => (0, TAIL_HOURS),
            hours => (hours - 1, (hours + 1).min(24)),
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
    let minute = |moment: chrono::DateTime<chrono::Utc>| (moment - begin).num_minutes();
    let level = rhythm.level(direction, running.observed, minute(running.start)..minute(running.end));
    let today = days.window.length() * 24;
    let idle = usize::try_from((minute(running.end) + 59) / 60).unwrap_or(0).min(today);
    let rates = |(first, end): (u8, u8)| {
        let usual = rhythm.usual(today + usize::from(first)..today + usize::from(end));
        Rates { level: level.calls(usual * 60.0) / 60.0, usual }
    };
    let ended = |hours: u8| {
        let ending = Ending { hours, ..Ending::default() };
        Course::Ended(Ending { whole: rates((0, TAIL_HOURS.max(hours))), around: rates(ending.hours()), ..ending })
    };
    let lasted = |until: u8| {
        let hours = today..today + usize::from(until);
        lasted(hours.map(|hour| rhythm.telling(level, hour..hour + 1))) as u8
    };
    match next {
        Some(first) if first <= AT_ONCE => Course::GoesOn(first),
        Some(first) if rhythm.telling(level, idle..today + usize::from(first)) < TELLING => Course::GoesOn(first),
        Some(first) => ended(lasted(first)),
        None => {
            let hours = lasted(24);
            let is_long_ago = (days.window.scored() - running.end.date_naive()).num_days() > MOST_DAYS_UNTOLD;
            if rhythm.telling(level, today + usize::from(hours)..today + 24) >= TELLING || is_long_ago {
                ended(hours)
            } else if rhythm.telling(level, today..today + usize::from(hours)) <= -TELLING {
                Course::Lasts(hours, rates((0, hours)))
            } else {
                Course::Untold
            }
        }
    }
}
