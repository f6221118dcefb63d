//! What is gone back to the events for: an entity, the hours in which it stood out, and how its minutes are found in them.
//!
//! The search itself is in [`minutes`](crate::insight::extent::minutes); nothing is read here.

use chrono::NaiveDate;

use crate::event::signs_in;
use crate::insight::events::evidence::Evidence;
use crate::insight::extent::minutes::{Around, UsualDay, tail};
use crate::rollup::{EntityKey, Family};
use crate::time::HourSpan;

/// How the minutes of a target are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Minutes {
    /// They are the hours that stood out.
    Whole,
    /// They are these of those that are searched, first and one past the last, and so many before midnight.
    Part((usize, usize), usize),
    /// They are those from this one of those that are searched to the last event, and so many before midnight.
    UntilLast(usize, usize),
    /// They are those from the first event to the last.
    Active,
    /// A rise above what is usual, cut out of the hours searched.
    Rise {
        /// What is.
        usual: UsualDay,
        /// The fewest calls that would be worth telling.
        least: u64,
        /// Where it may begin.
        begin: Begin,
    },
    /// A fall below what is usual, cut out of the hours searched.
    Drop {
        /// What is.
        usual: UsualDay,
        /// Where it may begin.
        begin: Begin,
    },
    /// What is left of an episode of the night before.
    Tail {
        /// The minute up to which it is known to go on.
        from: usize,
        /// Its calls a minute.
        rate: f64,
        /// The calls a minute that follow it.
        usual: f64,
    },
}

/// Where an episode may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It goes on from the first minute that is searched.
    GoesOn,
    /// In the minutes that are searched.
    Within,
    /// In these, or in the hour before the midnight from which on they are searched.
    Before,
}

impl Begin {
    fn of(self, (first, end): (usize, usize)) -> (usize, usize) {
        (if self == Self::GoesOn { 0 } else { first }, end)
    }
}

/// An entity and the hours of the day in which it stood out.
#[derive(Debug, Clone)]
pub struct Target {
    /// The family.
    pub family: Family,
    /// The entities, more than one for a change made through several APIs.
    pub keys: Vec<EntityKey>,
    /// The hours that stood out.
    pub hours: HourSpan,
    /// The hours in which its minutes are looked for; they hold the former.
    pub search: HourSpan,
    /// How they are found.
    pub minutes: Minutes,
    /// The day from which on the past tells nothing of what is usual: the one on which the episode began.
    pub since: NaiveDate,
    /// Only events with one of these are meant; with anybody, if there are none.
    pub with: Vec<(Family, EntityKey)>,
    /// The calls by minute of the hour before the midnight at which the day begins, where it may have begun in that; else nothing.
    pub eve: Vec<u32>,
}

impl Target {
    /// Whether it is an API that signs people in.
    pub(super) fn signs_in(&self) -> bool {
        let name = self.keys.first().and_then(|key| key.fields().last());
        self.family == Family::Api && name.is_some_and(signs_in)
    }

    /// The minutes that stood out, counted from the first that is searched.
    pub(in crate::insight) fn core(&self) -> (usize, usize) {
        let minute = |hour: u8| usize::from(hour - self.search.begin()) * 60;
        (minute(self.hours.begin()), minute(self.hours.end()))
    }

    /// The same with the minutes that were found, and those after them until midnight; of a rise until its last call.
    pub(in crate::insight) fn until_midnight(&self, evidence: &Evidence) -> Self {
        let end = usize::from(24 - evidence.from) * 60;
        let minutes = match self.minutes {
            Minutes::Rise { .. } => Minutes::UntilLast(evidence.span.0, evidence.before),
            _ => Minutes::Part((evidence.span.0, end), evidence.before),
        };
        Self { search: HourSpan::new(evidence.from, 24), minutes, ..self.clone() }
    }

    /// The minutes of a run that `find` finds, and how many more it has before midnight.
    fn found(
        &self,
        minutes: &[u32],
        usual: &UsualDay,
        find: impl Fn(&Around) -> (usize, usize),
    ) -> ((usize, usize), usize) {
        let (core, before) = (self.core(), self.eve.len());
        let all = [&self.eve, minutes].concat();
        let first = i32::from(self.search.begin()) - before.div_ceil(60) as i32;
        let around = Around::new(&all, first, usual, (core.0 + before, core.1 + before));
        let (first, end) = find(&around);
        ((first.saturating_sub(before), end - before), before.saturating_sub(first))
    }

    /// The minutes of a rise, and how many more it has before midnight, where whoever makes it has an episode in these minutes of the day: its
    /// own begin and end with them, unless its calls speak against that.
    pub(super) fn span_in(&self, minutes: &[u32], others: (i64, i64)) -> ((usize, usize), usize) {
        let Minutes::Rise { usual, least, begin } = self.minutes else { return self.span(minutes) };
        let first = self.search.minutes(0).start - self.eve.len() as i64;
        let place = |minute: i64| (minute - first).max(0) as usize;
        let (run, before) = self.found(minutes, &usual, |around| {
            self.until_end(around, around.rise_in((place(others.0), place(others.1)), around.rise(least), least))
        });
        (begin.of(run), before)
    }

    /// A rise with what follows it until midnight, if it is searched until then.
    fn until_end(&self, around: &Around, rise: (usize, usize)) -> (usize, usize) {
        if self.search.end() == 24 { around.until_midnight(rise) } else { rise }
    }

    /// The minutes of the episode among those that were searched, and how many more it has before midnight.
    pub(in crate::insight) fn span(&self, minutes: &[u32]) -> ((usize, usize), usize) {
        match self.minutes {
            Minutes::Whole => (self.core(), 0),
            Minutes::Part(part, before) => (part, before),
            Minutes::UntilLast(first, before) => {
                let last = minutes.iter().rposition(|&calls| calls > 0);
                ((first, last.map_or(minutes.len(), |last| (last + 1).max(first + 1))), before)
            }
            Minutes::Active => {
                let first = minutes.iter().position(|&calls| calls > 0);
                let last = minutes.iter().rposition(|&calls| calls > 0);
                (first.zip(last).map_or_else(|| self.core(), |(first, last)| (first, last + 1)), 0)
            }
            Minutes::Rise { usual, least, begin } => {
                let (run, before) = self.found(minutes, &usual, |around| self.until_end(around, around.rise(least)));
                (begin.of(run), before)
            }
            Minutes::Drop { usual, begin } => {
                let until_end = |around: &Around| {
                    let drop = around.drop();
                    if self.search.end() == 24 { around.low_until_midnight(drop) } else { drop }
                };
                let (run, before) = self.found(minutes, &usual, until_end);
                (begin.of(run), before)
            }
            Minutes::Tail { from, rate, usual } => {
                let from = from.min(minutes.len());
                ((0, from + tail(&minutes[from..], rate, usual)), 0)
            }
        }
    }
}
