//! A check of what arrived lately, started every so often by a scheduler.
//!
//! A check looks at the time since the check before, and at `last` before that, so that an event that arrives no later than `last` after it
//! happened is seen, however irregularly checks are started. A check at a time that is yet to come is none: the one before it counts.

use chrono::NaiveDate;

use crate::alert::day::{DayAlerts, Look, span_of};
use crate::alert::notice::{Notice, ToldBook};
use crate::error::Result;
use crate::time::date_of_ms;

/// What a check came to.
#[derive(Debug)]
pub struct Checked {
    /// The first moment that was looked at, in milliseconds.
    pub from: i64,
    /// One past the last.
    pub now: i64,
    /// When the check before was, if that is yet to come.
    pub ahead: Option<i64>,
    /// Every day that it touched, anew.
    pub days: Vec<DayAlerts>,
    /// What is to be told.
    pub notices: Vec<Notice>,
    /// What was told, these notices included.
    pub told: ToldBook,
    /// What was told before.
    pub before: ToldBook,
}

/// Looks at what happened up to `now`, and at least since `last` before it (milliseconds). What it remembers of days is written
/// already; the alerts and who was told are not.
///
/// # Errors
/// When the state cannot be read or written.
pub fn check(look: &mut Look<'_>, last: i64, now: i64) -> Result<Checked> {
    let before = ToldBook::read(look.state)?;
    let (from, ahead) = (before.last_check(now).unwrap_or(now) - last, before.ahead(now));
    let mut days = Vec::new();
    for date in days_of(look, from, now) {
        let day = span_of(date);
        let mut found = look.stretch(date, from.max(day.start)..now.min(day.end))?;
        found.keep(look.state)?;
        look.settled.insert(date);
        days.push(found);
    }
    let mut told = before.clone();
    let alerts = days.iter().flat_map(|day| &day.alerts);
    let notices = told.check(alerts, from, now, &look.book.alerts);
    Ok(Checked { from, now, ahead, days, notices, told, before })
}

/// The days between two moments: those with events, or all where the lack of events may be an alert.
fn days_of(look: &Look<'_>, from: i64, now: i64) -> Vec<NaiveDate> {
    let Some((first, last)) = date_of_ms(from).zip(date_of_ms(now - 1)) else { return Vec::new() };
    if look.book.watches_silence() {
        return first.iter_days().take_while(|date| *date <= last).collect();
    }
    let dates = look.partitions.dates_with_neighbours();
    dates.into_iter().filter(|date| (first..=last).contains(date)).collect()
}
