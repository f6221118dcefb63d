//! What was learnt of a whole family before any of its entities is judged, and what it makes us expect of each.
//!
//! Entities lend one another what none has enough of: the shape of a day, how much counts clump, how large a usual day is. Any day
//! of the window can be asked about: the scored one, or a past one, which is then left out of the entity's own past.

mod habits;
mod learn;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::baseline::absence::Absences;
use crate::baseline::activity::{Activity, Alike};
use crate::baseline::calendar::is_off;
use crate::baseline::dispersion::Dispersions;
use crate::baseline::drift::Drift;
use crate::baseline::layers::{HourLayers, LayerKind};
use crate::baseline::parents::{OwnDays, Parents};
use crate::baseline::replayed::Replayed;
use crate::baseline::seasonal::{Fit, Learnt};
use crate::baseline::series::{Profile, ProfileSum, Series};
use crate::baseline::shift::Shift;
use crate::baseline::sparse::{ActiveDays, DaySizes, NEW_DAYS, SPARSE_BELOW};
use crate::baseline::tails::{Tail, Tails};
use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
use crate::rollup::UnreadHours;
use crate::stats::Effect;

/// An entity with a burst on more than this share of its days is bursty by nature.
const BURSTY_SHARE: f64 = 0.15;

/// What a family's past teaches.
#[derive(Debug)]
pub struct FamilyBaseline<'a> {
    /// The family's entities and hours.
    pub history: &'a FamilyHistory,
    window: &'a Window,
    feed: &'a Feed,
    week_hours: Vec<u8>,
    overall: Profile,
    groups: BTreeMap<String, Profile>,
    dispersions: Dispersions,
    drift: Drift,
    sizes: DaySizes,
    absences: Absences,
    parents: Parents,
    replayed: Replayed,
    tails: Tails,
}

/// A window of an entity's day.
#[derive(Debug, Clone, Copy)]
pub struct DayWindow<'a> {
    /// The entity's number.
    pub member: usize,
    /// The day on which the window is, or ends.
    pub day: usize,
    /// The first of its hours, counted from the beginning of the day; of windows of several days 0.
    pub first: usize,
    /// Its hours, as hours of the week.
    pub hours: &'a [u8],
    /// The place of its width in [`WIDTHS`](super::dispersion::WIDTHS).
    pub width: usize,
}

/// What is expected of one entity on one day.
#[derive(Debug)]
pub enum Expectation {
    /// Hour by hour, from its own past.
    Seasonal {
        /// What may hold: the whole window's model; or, where something has changed for good, that of before, and what may have come of it.
        /// What any of them explains is nothing.
        fits: Vec<Arc<Fit>>,
        /// How often it is active on such days, if it is not waited for; the last of the fits then is that of its other days.
        seldom: Option<Activity>,
    },
    /// A day as a whole: it comes and goes, or clumps by nature.
    Sparse {
        /// The totals of its active days.
        totals: Vec<u64>,
        /// How often it is active.
        activity: Activity,
    },
    /// It was first seen within the last week, or never.
    New,
}

impl<'a> FamilyBaseline<'a> {
    /// Learns from all entities' past.
    pub fn learn(history: &'a FamilyHistory, window: &'a Window, calendar: &Calendar, feed: &'a Feed) -> Self {
        let week_hours = (0..=window.length()).flat_map(|day| calendar.week_hours(window.date(day))).collect();
        let (overall, groups) = (ProfileSum::default().profile(), BTreeMap::new());
        let (dispersions, drift, sizes) = (Dispersions::unknown(), Drift::none(), ActiveDays::default().fit(1.0, 0));
        let (parents, replayed, tails) = (Parents::default(), Replayed::none(), Tails::unknown());
        let mut learnt = Self {
            history,
            window,
            feed,
            week_hours,
            overall,
            groups,
            dispersions,
            drift,
            sizes,
            absences: Absences::default(),
            parents,
            replayed,
            tails,
        };
        learnt.learn_profiles();
        learnt.learn_dispersions();
        learnt.learn_drift();
        learnt.learn_sizes();
        learnt.learn_absences();
        learnt.replayed = Replayed::of(&learnt);
        learnt.tails = Tails::learn(&learnt);
        learnt
    }

    /// The days.
    pub fn window(&self) -> &Window {
        self.window
    }

    /// How large days of entities that come and go usually are.
    pub fn sizes(&self) -> &DaySizes {
        &self.sizes
    }

    /// What was expected of the last days.
    pub(crate) fn replayed(&self) -> &Replayed {
        &self.replayed
    }

    #[cfg(test)]
    pub(super) fn tails(&self) -> &Tails {
        &self.tails
    }

    /// What an entity's parents, and its own few active days, say about the size of its next; `totals` are those of these days.
    pub fn effect(&self, member: usize, totals: &[u64]) -> Effect {
        self.parents.effect(&self.sizes, member, &OwnDays::Known(totals.to_vec()))
    }

    /// The same of an entity that is new on a day.
    pub fn effect_of_new(&self, member: usize, day: usize) -> Effect {
        self.parents.effect(&self.sizes, member, &OwnDays::New(self.totals_before(member, day)))
    }

    /// The totals of the entity's active days before a day.
    fn totals_before(&self, member: usize, day: usize) -> Vec<u64> {
        let before = self.day_totals(member, &(day..self.window.length() + 1));
        before.into_iter().map(|(_, total)| total).collect()
    }

    /// The calls of a usual active day of an entity that comes and goes; `totals` are those of its own.
    pub fn usual_day(&self, member: usize, totals: &[u64]) -> f64 {
        self.sizes.usual(totals, self.effect(member, totals)).unwrap_or(0.0)
    }

    /// Whether an entity was never seen before a day.
    pub fn is_first_day(&self, member: usize, day: usize) -> bool {
        self.known_from(member) >= day
    }

    /// The calls of a usual day in the first week of an entity that is new on the scored day.
    pub fn usual_first_day(&self, member: usize) -> f64 {
        self.sizes.usual_new(self.effect_of_new(member, self.window.length())).unwrap_or(0.0)
    }

    /// From whom an entity that comes and goes, or is new, borrows beside its family: its service, its network, its principal or its
    /// account, where such differ.
    pub fn parent(&self, member: usize) -> Option<String> {
        self.parents.name(self.history, member)
    }

    /// The hours of the week that the hours of some days are.
    pub fn week_hours(&self, days: Range<usize>) -> &[u8] {
        &self.week_hours[days.start * 24..days.end * 24]
    }

    /// Whether the entity's hours of some days can be believed: the feed of its account was alive, and no cap may hide it.
    pub fn alive(&self, member: usize, days: Range<usize>) -> Cow<'_, [bool]> {
        let alive = self.feed.alive_in(self.history.family, self.history.key(member).account());
        let mut alive = Cow::Borrowed(&alive[days.start * 24..days.end * 24]);
        for (place, _) in days.enumerate().filter(|&(_, day)| self.history.is_hidden(member, day)) {
            alive.to_mut()[place * 24..(place + 1) * 24].fill(false);
        }
        alive
    }

    /// The hours of a day whose calls are the least that there were, as events of them could not be read: of the scored day alone. More than
    /// is usual is more, and less says nothing.
    pub fn least(&self, member: usize, day: usize) -> UnreadHours {
        if day != self.window.length() || self.feed.unread().is_empty() {
            return UnreadHours::default();
        }
        let repeated = self.repeated(member, day);
        self.feed.unread().hours().filter(|&hour| !repeated[usize::from(hour)]).collect::<Vec<u8>>().into()
    }

    /// Whether the events of the entity's account stand there more than once in hours of a day, so that more is no rise.
    pub fn repeated(&self, member: usize, day: usize) -> &[bool] {
        &self.feed.repeated(self.history.key(member).account())[day * 24..(day + 1) * 24]
    }

    /// The entity's hours on a day.
    pub fn hours_of(&self, member: usize, day: usize) -> &'a [HistoryHour] {
        self.history.hours_on(member, day)
    }

    /// The entity's calls on a day, hour by hour.
    pub fn calls_of(&self, member: usize, day: usize) -> [u32; 24] {
        let mut calls = [0; 24];
        for hour in self.hours_of(member, day) {
            calls[usize::from(hour.hour) - day * 24] = hour.calls;
        }
        calls
    }

    fn today(&self) -> Range<usize> {
        self.window.length()..self.window.length() + 1
    }

    /// The entity's active days before the scored one, without some, with their totals.
    fn day_totals(&self, member: usize, without: &Range<usize>) -> Vec<(usize, u64)> {
        let total = |hours: &[HistoryHour]| hours.iter().map(|hour| u64::from(hour.calls)).sum();
        let others = self.past_days(member).filter(|(past, _)| !without.contains(past));
        others.map(|(past, hours)| (past, total(hours))).collect()
    }

    /// The entity's active days before the scored one, with their hours.
    fn past_days(&self, member: usize) -> impl Iterator<Item = (usize, &'a [HistoryHour])> {
        let (past, _) = self.history.split(member, self.window);
        past.chunk_by(|left, right| left.day() == right.day()).map(|hours| (hours[0].day(), hours))
    }

    /// The largest five-minute count of each of its active days before the scored one but one, with the day.
    pub fn day_peaks(&self, member: usize, day: usize) -> Vec<(usize, u64)> {
        let others = self.past_days(member).filter(|(past, _)| *past != day);
        others.map(|(past, hours)| (past, hours.iter().map(|hour| u64::from(hour.peak)).max().unwrap_or(0))).collect()
    }

    /// `ln P(at least `count` calls)` in a window by an entity's fit, in the light of what became of the family's windows before. A burst of
    /// an entity that has such bursts again and again is as likely as they were.
    pub fn ln_upper(&self, fit: &Fit, window: DayWindow<'_>, count: u64) -> f64 {
        self.tails.corrected(fit.level(), window.width, Tail::Upper, self.ln_upper_of_past(fit, window, count))
    }

    /// The same of at most `count` calls. A low window of an entity that has such windows day after day is as likely as they were.
    pub fn ln_lower(&self, fit: &Fit, window: DayWindow<'_>, count: u64) -> f64 {
        self.tails.corrected(fit.level(), window.width, Tail::Lower, self.ln_lower_of_past(fit, window, count))
    }

    /// The day on which the entity was first seen.
    pub(super) fn known_from(&self, member: usize) -> usize {
        self.history.hours(member).first().map_or(0, HistoryHour::day)
    }

    /// Days before `day` that the entity is known for; a window that begins with a gap begins after it, and days on which a cap may hide it do
    /// not count.
    pub fn days_known(&self, member: usize, day: usize) -> usize {
        let (past, _) = self.history.split(member, self.window);
        let first = past.first().map_or(day, HistoryHour::day);
        (first..day).filter(|&day| self.window.is_present(day) && !self.history.is_hidden(member, day)).count()
    }

    /// Days before the scored one on which a cap may hide the entity.
    pub fn days_hidden(&self, member: usize) -> usize {
        self.history.days_hidden(member, self.window)
    }

    /// What is expected of an entity on a day, from all its other days before the scored one.
    pub fn expect(&self, member: usize, day: usize) -> Expectation {
        self.expect_days(member, day..day + 1).pop().unwrap_or(Expectation::New)
    }

    /// What is expected of an entity on each of some days, from all its days before the scored one but these.
    pub fn expect_days(&self, member: usize, days: Range<usize>) -> Vec<Expectation> {
        let known = self.days_known(member, days.start);
        let Some(series) = self.past(member, Learnt::Whole, &days).filter(|_| known >= NEW_DAYS) else {
            return days.map(|_| Expectation::New).collect();
        };
        let active = self.day_totals(member, &days);
        let totals: Vec<u64> = active.iter().map(|&(_, total)| total).collect();
        let all = Activity { active: totals.len(), days: known, alike: Alike::All };
        let sparse = |activity| Expectation::Sparse { totals: totals.clone(), activity };
        if series.level() < SPARSE_BELOW {
            return days.map(|_| sparse(all)).collect();
        }
        let alike = [false, true].map(|off| self.activity(member, &active, off, &days));
        let of_day = |day: usize| alike[usize::from(self.is_off(day))];
        if alike.iter().all(|alike| alike.comes_and_goes(all)) {
            return days.map(|day| sparse(of_day(day))).collect();
        }
        let fit = Arc::new(Fit::new(&series, self.profile(member), &self.dispersions));
        let is_bursty = |fit: &Fit| fit.odd_days() as f64 > BURSTY_SHARE * known as f64;
        let seasonal = |day: usize| {
            let shift = self.shift(member, day, &fit, &days);
            // Days at a level that lasts are no bursts.
            if is_bursty(shift.as_ref().map_or(&*fit, |shift| &shift.before)) {
                return sparse(all);
            }
            let mut fits: Vec<Arc<Fit>> = match shift {
                Some(Shift { before, now }) => std::iter::once(before).chain(now).map(Arc::new).collect(),
                None => vec![fit.on_day(day).map_or_else(|| Arc::clone(&fit), Arc::new)],
            };
            let is_off = self.is_off(day);
            let seldom = Some(of_day(day)).filter(|alike| alike.comes_and_goes(all));
            fits.extend(seldom.map(|_| Arc::new(fits[0].as_on_other_days(is_off))));
            Expectation::Seasonal { fits, seldom }
        };
        days.clone().map(seasonal).collect()
    }

    /// Whether a day is of a weekend or off, by its noon.
    fn is_off(&self, day: usize) -> bool {
        is_off(self.week_hours[day * 24 + 12])
    }

    /// On how many weekdays, or days off, the entity was active since it was first seen, without some.
    fn activity(&self, member: usize, active: &[(usize, u64)], off: bool, without: &Range<usize>) -> Activity {
        let is_such = |day: usize| self.is_off(day) == off && !without.contains(&day);
        let is_known =
            |&day: &usize| is_such(day) && self.window.is_present(day) && !self.history.is_hidden(member, day);
        let days = (self.known_from(member)..self.window.length()).filter(is_known).count();
        let active = active.iter().filter(|&&(day, _)| is_such(day)).count();
        Activity { active, days, alike: if off { Alike::DaysOff } else { Alike::Weekdays } }
    }

    /// The layers of an hour of a day by one of the fits that are expected to hold; `None` if the entity has no past.
    pub fn hour_layers(&self, member: usize, day: usize, fit: &Fit, hour: u8) -> Option<HourLayers> {
        let series = self.past(member, fit.learnt(), &(day..day + 1))?;
        let week_hour = self.week_hours(day..day + 1)[usize::from(hour)];
        let by = match (fit.is_of_other_days(), fit.is_moved()) {
            (true, _) => LayerKind::OtherDays,
            (false, true) => LayerKind::NewLevel,
            (false, false) => LayerKind::Drift,
        };
        Some(Fit::layers(&series, self.profile(member), &self.dispersions, (by, fit), week_hour))
    }

    /// Lays out an entity's past without some days; gives the day it was first seen, or `None` if it has no past.
    fn lay_out(&self, member: usize, without: &Range<usize>, series: &mut Series) -> Option<usize> {
        let (past, _) = self.history.split(member, self.window);
        let first_day = past.first()?.day();
        let days = 0..self.window.length();
        series.fill(past, self.week_hours(days.clone()), &self.alive(member, days), first_day);
        series.leave_out(without.start.min(self.window.length())..without.end.min(self.window.length()));
        Some(first_day)
    }

    fn group(&self, member: usize) -> &'a str {
        // Entities that have a service share its rhythm.
        if self.history.service(member).is_none() {
            return "";
        }
        self.history.key(member).fields().nth(1).unwrap_or_default()
    }

    /// Whose shape of the day an entity is drawn towards, in words.
    pub fn group_name(&self, member: usize) -> String {
        let group = self.group(member);
        if self.groups.contains_key(group) && !group.is_empty() {
            return format!("all of {group}");
        }
        format!("all of its family, {}", self.history.family.name())
    }

    fn profile(&self, member: usize) -> &Profile {
        self.groups.get(self.group(member)).unwrap_or(&self.overall)
    }
}
