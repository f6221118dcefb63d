//! What an entity does again and again although its fit does not know of it: bursts that come back, pauses, days
//! without work.
//!
//! A habit only ever makes a window likelier: where there is none, what the fit says stands. How habits are measured is
//! told by `highs`, `lows` and `absence`; here the family's past is put before them.

use std::ops::Range;

use crate::baseline::FamilyBaseline;
use crate::baseline::absence::{Absences, days_away, differ};
use crate::baseline::activity::{Activity, Alike};
use crate::baseline::family::DayWindow;
use crate::baseline::highs::{PastBursts, ln_habit_of_peaks};
use crate::baseline::lows::{ALIKE, PastWindow, ln_habit_of_lows, ln_weekly_low};
use crate::baseline::seasonal::{Fit, LOOK_CLOSER_BELOW, WHOLE_DAY};
use crate::rollup::Family;
use crate::stats::NegativeBinomial;

/// A past day's window at the same hours of the day.
struct SameHours {
    day: usize,
    calls: u64,
    expected: NegativeBinomial,
}

impl FamilyBaseline<'_> {
    /// `ln P(at least `count` calls)` in a window by an entity's fit, or by its bursts at the same hours of other days,
    /// if that is more.
    pub(in crate::baseline) fn ln_upper_of_past(&self, fit: &Fit, window: DayWindow<'_>, count: u64) -> f64 {
        let ln_p = fit.ln_upper(window.hours, window.width, count);
        if ln_p > LOOK_CLOSER_BELOW.ln() {
            return ln_p;
        }
        // Not above what is not looked at more closely: a larger count is never the more usual one.
        ln_p.max(self.ln_burst_again(fit, window, count).min(LOOK_CLOSER_BELOW.ln()))
    }

    /// `ln P(at most `count` calls)`, by its fit or its low windows.
    pub(in crate::baseline) fn ln_lower_of_past(&self, fit: &Fit, window: DayWindow<'_>, count: u64) -> f64 {
        let ln_p = fit.ln_lower(window.hours, window.width, count);
        if ln_p > LOOK_CLOSER_BELOW.ln() || window.width > WHOLE_DAY {
            return ln_p;
        }
        // Whole: a low window that is a habit is worth as much as it is usual, or the days of who has it would call the
        // family's tails heavy.
        ln_p.max(self.ln_low_again(fit, window, count))
    }

    /// `ln P(at most `count` calls)` by the entity's low windows, or those at the same hours of the same day of the
    /// week; negative infinity where there is no such habit.
    pub fn ln_low_again(&self, fit: &Fit, window: DayWindow<'_>, count: u64) -> f64 {
        let expected: f64 = window.hours.iter().map(|&hour| fit.mean(hour)).sum();
        let share = count as f64 / expected;
        let any = self.ln_habit_of_lows(window.member, window.day, fit, window.hours.len(), share);
        any.max(self.ln_weekly_low(fit, window, share)).max(self.ln_absence(window.member, window.day))
    }

    /// `ln P(an entity that rests on days off stays away on a day, for as many days by now)`; negative infinity where
    /// it does not stay away, or never rests.
    fn ln_absence(&self, member: usize, day: usize) -> f64 {
        let days_away = days_away(&self.working_days(member, day + 1, &(0..0)));
        let own = (days_away > 0).then(|| self.absences_of(member, &(day..day + 1))).flatten();
        own.map_or(f64::NEG_INFINITY, |own| self.absences.chance(&own, days_away).ln())
    }

    /// The absences of an entity that rests on days off and is waited for on working days; some days left out.
    pub(super) fn absences_of(&self, member: usize, without: &Range<usize>) -> Option<Absences> {
        let active = self.day_totals(member, without);
        let days = self.days_known(member, self.window.length());
        let all = Activity { active: active.len(), days, alike: Alike::All };
        let [working, off] = [false, true].map(|off| self.activity(member, &active, off, without));
        let rests = !working.comes_and_goes(all) && off.comes_and_goes(all);
        if !rests || self.history.family == Family::Api {
            return None;
        }
        let working_days = self.working_days(member, self.window.length(), without);
        differ(&working_days).then(|| Absences::among(&working_days))
    }

    /// The calls of an entity's working days up to one, where all of the day is known, in their order; some days left
    /// out.
    fn working_days(&self, member: usize, end: usize, without: &Range<usize>) -> Vec<u64> {
        let is_asked = |day: &usize| !self.is_off(*day) && !without.contains(day);
        let is_known = |day: &usize| !self.alive(member, *day..*day + 1).contains(&false);
        let total = |day: usize| self.calls_of(member, day).iter().map(|&calls| u64::from(calls)).sum();
        (self.known_from(member)..end).filter(is_asked).filter(is_known).map(total).collect()
    }

    /// `ln P(a burst of at least `count` calls)` by those at the same hours of all other days, or of the same day of
    /// the week, whichever is more; negative infinity where there is no such habit, and of windows wider than a day.
    pub fn ln_burst_again(&self, fit: &Fit, window: DayWindow<'_>, count: u64) -> f64 {
        if window.width > WHOLE_DAY {
            return f64::NEG_INFINITY;
        }
        let weekday = self.weekday(window.day);
        let (mut all, mut weekly) = (PastBursts::default(), PastBursts::default());
        for past in self.same_hours(fit, window) {
            let is_burst = past.calls as f64 > past.expected.mean()
                && !past.expected.is_surely_usual(past.calls)
                && past.expected.ln_upper(past.calls) <= LOOK_CLOSER_BELOW.ln();
            all.add(past.calls, is_burst);
            if self.weekday(past.day) == weekday {
                weekly.add(past.calls, is_burst);
            }
        }
        all.ln_again(count).max(weekly.ln_again(count))
    }

    /// `ln P(five minutes of so many calls)` by the largest of days on which they were about as large, of all or of the
    /// same day of the week.
    pub fn ln_peak_again(&self, member: usize, day: usize, peak: u64) -> f64 {
        let peaks = self.day_peaks(member, day);
        let all: Vec<u64> = peaks.iter().map(|&(_, peak)| peak).collect();
        let weekly = peaks.iter().filter(|(past, _)| self.weekday(*past) == self.weekday(day)).map(|&(_, peak)| peak);
        ln_habit_of_peaks(&all, peak).max(ln_habit_of_peaks(&weekly.collect::<Vec<_>>(), peak))
    }

    fn weekday(&self, day: usize) -> u8 {
        self.week_hours(day..day + 1)[0] / 24
    }

    /// The windows at the same hours of the entity's other days before the scored one, where they can be believed.
    fn same_hours<'b>(&'b self, fit: &'b Fit, window: DayWindow<'b>) -> impl Iterator<Item = SameHours> + 'b {
        let (known_from, length) = (self.known_from(window.member), window.hours.len());
        let days = (known_from..self.window.length()).filter(move |&past| past != window.day);
        days.filter_map(move |day| {
            let hours = window.first..window.first + length;
            if self.alive(window.member, day..day + 1)[hours.clone()].contains(&false) {
                return None;
            }
            let calls = self.calls_of(window.member, day)[hours.clone()].iter().map(|&calls| u64::from(calls)).sum();
            let usual = fit.expected(&self.week_hours(day..day + 1)[hours], window.width)?;
            let expected = NegativeBinomial::new(usual.mean() * fit.past_level(day), usual.size()).ok()?;
            Some(SameHours { day, calls, expected })
        })
    }

    /// `ln P(a window holds at most this share of what is expected)` by the same hours of the same day of the week.
    fn ln_weekly_low(&self, fit: &Fit, window: DayWindow<'_>, share: f64) -> f64 {
        let weekday = self.weekday(window.day);
        let alike = self.same_hours(fit, window).filter(|past| self.weekday(past.day) == weekday);
        ln_weekly_low(
            alike.map(|past| PastWindow { day: past.day, calls: past.calls as f64, expected: past.expected.mean() }),
            share,
        )
    }

    /// The same by all of the entity's windows of as many hours.
    fn ln_habit_of_lows(&self, member: usize, day: usize, fit: &Fit, hours: usize, share: f64) -> f64 {
        let days = 0..self.window.length();
        let (alive, week_hours) = (self.alive(member, days.clone()), self.week_hours(days.clone()));
        let known_from = self.known_from(member);
        let windows = days.filter(|&past| past != day && past >= known_from).flat_map(|past| {
            let (calls, alive) = (self.calls_of(member, past), &alive);
            (0..24 / hours).filter_map(move |window| {
                let (within, place) = (window * hours, past * 24 + window * hours);
                let usual: f64 = week_hours[place..place + hours].iter().map(|&hour| fit.mean(hour)).sum();
                let expected = usual * fit.past_level(past);
                let calls = calls[within..within + hours].iter().map(|&calls| f64::from(calls)).sum();
                let is_alive = !alive[place..place + hours].contains(&false);
                is_alive.then_some(PastWindow { day: past, calls, expected })
            })
        });
        ln_habit_of_lows(windows, share, if hours == 24 { ALIKE } else { 0.0 })
    }
}
