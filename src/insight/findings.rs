//! What is to be looked into: what the detectors found in a night, after what the night before left.
//!
//! Here it is decided which deviations are reported at all, which of them go on with an episode of the night before, and which
//! episodes last or come to their end without one ([`course`]). From that follow the targets that the events are read for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, Window};
use crate::detect::change::ChangeFound;
use crate::detect::first_seen::FirstSeen;
use crate::detect::{Deviation, Direction, Model, Thresholds};
use crate::error::Result;
use crate::insight::concern::{self, Concern};
use crate::insight::course::{Course, Rates, TAIL_HOURS, course};
use crate::insight::episode::{Episode, Running, Same};
use crate::insight::first_seen;
use crate::insight::habits::{Habits, principal_of};
use crate::insight::investigate::{Evidence, Minutes, Target};
use crate::insight::rhythm::{Days, Rhythm, TELLING};
use crate::insight::usual::Past;
use crate::rollup::{EntityKey, Family};

/// What the detectors found in a night, family by family, and what the night before left.
#[derive(Debug, Default)]
pub struct NightFindings {
    /// Deviations with the history they are about.
    pub rates: Vec<(FamilyHistory, Vec<Deviation>)>,
    /// Changes with theirs.
    pub changes: Option<(FamilyHistory, Vec<ChangeFound>)>,
    /// Entities that met somebody for the first time.
    pub firsts: Vec<FirstSeen>,
    pub(super) before: BTreeMap<Same, Episode>,
    /// What the night before left of entities that a cap may hide.
    pub(super) hidden: BTreeMap<Same, Episode>,
    /// What it left of those of which the day tells nothing.
    pub(super) untold: BTreeMap<Same, Episode>,
    /// What became of the episodes that the night before left open.
    courses: BTreeMap<Same, Course>,
    /// Entities that are beyond the level that they were taken to have.
    outgrown: BTreeSet<Same>,
    pub(super) level_shift_days: u32,
    thresholds: Thresholds,
    habits: Habits,
    searched: Searched,
}

/// For each rise, by its family, its entity's number and its hours, the hours in which its minutes are looked for.
type Searched = BTreeMap<(Family, usize, (u8, u8)), (u8, u8)>;

impl NightFindings {
    /// What was found, after what the night before left. After so many nights in a row of deviations in one direction they are an
    /// entity's new level.
    pub fn new(
        rates: Vec<(FamilyHistory, Vec<Deviation>)>,
        changes: (FamilyHistory, Vec<ChangeFound>),
        before: BTreeMap<Same, Episode>,
        level_shift_days: u32,
    ) -> Self {
        let (firsts, habits) = (Vec::new(), Habits::default());
        let searched = rates.iter().flat_map(|(history, found)| searched(history, found)).collect();
        let thresholds = Thresholds::default();
        let (changes, hidden, untold, courses) = (Some(changes), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self {
            rates,
            changes,
            firsts,
            before,
            hidden,
            untold,
            courses,
            outgrown: BTreeSet::new(),
            level_shift_days,
            thresholds,
            habits,
            searched,
        }
    }

    /// Adds entities that met somebody for the first time.
    #[must_use]
    pub fn with_firsts(mut self, firsts: Vec<FirstSeen>) -> Self {
        self.firsts = firsts;
        self
    }

    /// Sets aside what the night before left of entities that a cap may hide: whether it goes on is not known, so the next night is left it
    /// as it is.
    #[must_use]
    pub fn setting_hidden_aside(mut self, window: &Window) -> Self {
        let before = std::mem::take(&mut self.before);
        let is_hidden = |(family, key, _): &Same| {
            let history = self.history(*family);
            history.is_some_and(|history| {
                history.find(key).is_some_and(|member| history.is_hidden(member, window.length()))
            })
        };
        (self.hidden, self.before) = before.into_iter().partition(|(same, _)| is_hidden(same));
        self
    }

    /// Holds the episodes that were open against the day: which go on, which are over, and of which it tells nothing. Deviations of an
    /// entity between which nothing speaks for what is usual become one.
    #[must_use]
    pub fn holding_against(mut self, days: Days<'_>) -> Self {
        self.outgrown = self.outgrown(days.window);
        for (history, found) in &mut self.rates {
            *found = joined(history, std::mem::take(found), days);
        }
        self.searched = self.rates.iter().flat_map(|(history, found)| searched(history, found)).collect();
        let next = self.next();
        let course = |(same, running): (&Same, &Running)| {
            Some((same.clone(), self.course(same, running, next.get(same).copied(), days)?))
        };
        self.courses = self.open().filter_map(course).collect();
        let before = std::mem::take(&mut self.before);
        let is_untold = |same: &Same| self.courses.get(same) == Some(&Course::Untold);
        let (untold, before): (BTreeMap<_, _>, _) = before.into_iter().partition(|(same, _)| is_untold(same));
        Self { before, untold, ..self }
    }

    fn open(&self) -> impl Iterator<Item = (&Same, &Running)> {
        self.before.iter().filter_map(|(same, episode)| Some((same, episode.open.as_ref()?)))
    }

    /// The first hour of tonight's first deviation of each entity and direction.
    fn next(&self) -> BTreeMap<Same, u8> {
        let mut next = BTreeMap::new();
        for (history, deviation) in self.reported() {
            let first = next.entry(Self::same(history, deviation)).or_insert(deviation.hours.0);
            *first = deviation.hours.0.min(*first);
        }
        next
    }

    /// `None` where nothing is known of the entity any more.
    fn course(&self, same: &Same, running: &Running, next: Option<u8>, days: Days<'_>) -> Option<Course> {
        let (family, key, direction) = same;
        let history = self.history(*family)?;
        let member = history.find(key)?;
        let first_day = (0..=days.window.length()).find(|&day| days.window.date(day) >= running.start.date_naive());
        let rhythm = Rhythm::learn(history, member, days, first_day.unwrap_or(days.window.length()));
        Some(course(&rhythm, (running, *direction), next, days))
    }

    /// Notes by which gates the deviations were chosen.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// The history of a family whose rates were judged.
    pub(super) fn history(&self, family: Family) -> Option<&FamilyHistory> {
        self.rates.iter().map(|(history, _)| history).find(|history| history.family == family)
    }

    /// Adds the habits of those who made changes, to judge these by.
    pub fn with_habits(mut self, past: &Past<'_>) -> Result<Self> {
        let changes =
            self.changes.iter().flat_map(|(history, found)| found.iter().map(move |change| (history, change)));
        let principals = changes.map(|(history, change)| principal_of(history.key(change.members[0]))).collect();
        self.habits = Habits::read(past.state, past.window, self.history(Family::Principal), &principals)?;
        Ok(self)
    }

    /// What makes a change serious, the gravest first.
    pub(super) fn concerns(&self, history: &FamilyHistory, change: &ChangeFound, evidence: &Evidence) -> Vec<Concern> {
        let mut concerns = concern::of_evidence(evidence);
        if change.errors == change.calls {
            concerns.extend(concern::of_attempts(evidence));
        }
        let principal = principal_of(history.key(change.members[0]));
        concerns.extend(self.habits.concerns(&principal, evidence, change.hours.0));
        if concerns.contains(&Concern::RecordsLess) {
            // It says all of it.
            concerns.remove(&Concern::Narrowed);
        }
        concerns.into_iter().collect()
    }

    pub(super) fn same(history: &FamilyHistory, deviation: &Deviation) -> Same {
        (history.family, history.key(deviation.member).clone(), deviation.direction)
    }

    /// Deviations that are to be reported: not those of a level that was told to be new, unless they have outgrown it.
    pub(super) fn reported(&self) -> impl Iterator<Item = (&FamilyHistory, &Deviation)> {
        let all =
            self.rates.iter().flat_map(|(history, found)| found.iter().map(move |deviation| (history, deviation)));
        all.filter(|(history, deviation)| {
            let is_level = self.before(history, deviation).is_some_and(|before| before.level_shift);
            !is_level || self.outgrows(&Self::same(history, deviation))
        })
    }

    /// Whether an entity's day is beyond the level that it was taken to have.
    pub(super) fn outgrows(&self, same: &Same) -> bool {
        self.outgrown.contains(same)
    }

    /// Which entities' days are.
    fn outgrown(&self, window: &Window) -> BTreeSet<Same> {
        let is_outgrown = |(same, before): &(&Same, &Episode)| {
            before.is_outgrown(self.calls_of(same, window), self.thresholds.min_ratio)
        };
        self.before.iter().filter(is_outgrown).map(|(same, _)| same.clone()).collect()
    }

    /// An entity's calls on the scored day.
    pub(super) fn calls_of(&self, (family, key, _): &Same, window: &Window) -> u64 {
        let Some(history) = self.history(*family) else { return 0 };
        let Some(member) = history.find(key) else { return 0 };
        history.hours_on(member, window.length()).iter().map(|hour| u64::from(hour.calls)).sum()
    }

    /// Whether there are events of several accounts; keys stand in the order of their accounts.
    pub(super) fn has_several_accounts(&self) -> bool {
        let ends = |history: &FamilyHistory| {
            (0..history.len())
                .next()
                .zip((0..history.len()).next_back())
                .is_some_and(|(first, last)| history.key(first).account() != history.key(last).account())
        };
        self.rates.iter().any(|(history, _)| ends(history))
    }

    /// Whether an entity deviates tonight in this direction.
    pub(super) fn deviates(&self, (family, key, direction): &Same) -> bool {
        let own = self.rates.iter().filter(|(history, _)| history.family == *family);
        own.flat_map(|(history, found)| found.iter().map(move |deviation| (history, deviation)))
            .any(|(history, deviation)| deviation.direction == *direction && history.key(deviation.member) == key)
    }

    fn before(&self, history: &FamilyHistory, deviation: &Deviation) -> Option<&Episode> {
        self.before.get(&Self::same(history, deviation))
    }

    /// The episode of the night before that a deviation goes on with.
    pub(super) fn continued(&self, history: &FamilyHistory, deviation: &Deviation) -> Option<&Running> {
        let same = Self::same(history, deviation);
        let goes_on = self.courses.get(&same) == Some(&Course::GoesOn(deviation.hours.0));
        self.before.get(&same).filter(|_| goes_on).and_then(|before| before.open.as_ref())
    }

    /// Episodes of the night before that were open and that no deviation goes on with, and what became of each.
    pub(super) fn left_alone(&self) -> Vec<(&Same, &Episode, &Running, Course)> {
        let open = self.before.iter().filter_map(|(same, episode)| Some((same, episode, episode.open.as_ref()?)));
        let known = open.map(|(same, episode, running)| {
            let course = self.courses.get(same).copied().unwrap_or(Course::Ended(0, Rates::default()));
            (same, episode, running, course)
        });
        known.filter(|(.., course)| !matches!(course, Course::GoesOn(_))).collect()
    }

    /// Whether an open episode goes on though nothing of its entity is odd.
    pub(super) fn lasts(&self, same: &Same) -> bool {
        matches!(self.courses.get(same), Some(Course::Lasts(_)))
    }

    /// How many deviations are not reported, because they are a new level by now.
    pub fn absorbed(&self) -> usize {
        let all: usize = self.rates.iter().map(|(_, found)| found.len()).sum();
        all - self.reported().count()
    }

    /// What to go back to the events for, in the order that [`build`](super::build()) expects the evidence in.
    pub fn targets(&self, date: NaiveDate) -> Vec<Target> {
        let rates = self.reported().map(|(history, deviation)| self.rate_target(history, deviation, date));
        let changes = self
            .changes
            .iter()
            .flat_map(|(history, found)| found.iter().map(move |change| change_target(history, change, date)));
        let left =
            self.left_alone().into_iter().map(|(same, _, running, course)| self.left_target(same, running, course));
        let firsts = self.firsts.iter().map(|found| first_seen::target(found, self.history(found.family), date));
        rates.chain(changes).chain(firsts).chain(left).collect()
    }

    /// What the events of an episode that no deviation goes on with are read for: the hours for which it lasted.
    fn left_target(&self, (family, key, _): &Same, running: &Running, course: Course) -> Target {
        let whole = |hours: u8| ((0, hours), Minutes::Whole);
        let (hours, minutes) = match course {
            Course::Lasts(_) => whole(24),
            Course::Ended(hours, _) if hours > TAIL_HOURS => whole(hours),
            Course::Ended(_, rates) => {
                ((0, self.tail_hours(*family, key)), Minutes::Tail { rate: rates.level, usual: rates.usual })
            }
            Course::GoesOn(_) | Course::Untold => whole(0),
        };
        Target {
            family: *family,
            keys: vec![key.clone()],
            hours,
            search: hours,
            minutes,
            since: running.start.date_naive(),
            with: Vec::new(),
        }
    }

    /// The hours in which the rest of an entity's episode is looked for: those before its next one.
    fn tail_hours(&self, family: Family, key: &EntityKey) -> u8 {
        let Some(member) = self.history(family).and_then(|history| history.find(key)) else { return TAIL_HOURS };
        let next = self.searched.range((family, member, (0, 0))..(family, member + 1, (0, 0))).next();
        next.map_or(TAIL_HOURS, |(_, (first, _))| TAIL_HOURS.min(*first))
    }

    /// The hours of the day in which a deviation's minutes are looked for, first and one past the last.
    pub(super) fn search(&self, history: &FamilyHistory, deviation: &Deviation) -> (u8, u8) {
        let (first, end) = match deviation.direction {
            Direction::Up => self.searched.get(&(history.family, deviation.member, deviation.hours)).copied(),
            Direction::Down => None,
        }
        .unwrap_or(deviation.hours);
        // What goes on is looked for from midnight on.
        (if self.continued(history, deviation).is_some() { 0 } else { first }, end)
    }

    /// The fewest calls of its hours for which a rise would have been reported: more than the band, and past the gates.
    fn least(&self, deviation: &Deviation) -> u64 {
        let Thresholds { min_excess, min_ratio, .. } = self.thresholds;
        let past_gates = (deviation.expected + min_excess).max(deviation.expected * min_ratio).ceil() as u64;
        past_gates.max(deviation.upper + 1).min(deviation.observed)
    }

    fn rate_target(&self, history: &FamilyHistory, deviation: &Deviation, date: NaiveDate) -> Target {
        let continued = self.continued(history, deviation);
        let first = if continued.is_some() { 0 } else { deviation.hours.0 };
        let usual = usual_rate(deviation);
        // What goes on was worth telling when it began.
        let least = if continued.is_some() { 0 } else { self.least(deviation) };
        Target {
            family: history.family,
            keys: vec![history.key(deviation.member).clone()],
            hours: (first, deviation.hours.1),
            search: self.search(history, deviation),
            minutes: match deviation.direction {
                Direction::Up => Minutes::Rise { usual, least, from_start: continued.is_some() },
                Direction::Down => Minutes::Whole,
            },
            since: continued.map_or(date, |running| running.start.date_naive()),
            with: Vec::new(),
        }
    }
}

/// Deviations with those of an entity as one between which nothing speaks for what is usual: there was no end between them.
fn joined(history: &FamilyHistory, found: Vec<Deviation>, days: Days<'_>) -> Vec<Deviation> {
    let mut all: Vec<Deviation> = Vec::new();
    for next in found {
        match all.last_mut().filter(|last| is_one(history, last, &next, days)) {
            Some(last) => join(history, last, &next, days.window),
            None => all.push(next),
        }
    }
    all
}

fn is_one(history: &FamilyHistory, last: &Deviation, next: &Deviation, days: Days<'_>) -> bool {
    if (last.member, last.direction, last.model) != (next.member, next.direction, next.model) {
        return false;
    }
    let today = days.window.length();
    let hour = |hour: u8| today * 24 + usize::from(hour);
    let rhythm = Rhythm::learn(history, last.member, days, today);
    let minutes = hour(last.hours.0) as i64 * 60..hour(last.hours.1) as i64 * 60;
    let level = rhythm.level(last.direction, last.observed, minutes);
    rhythm.telling(level, hour(last.hours.1)..hour(next.hours.0)) < TELLING
}

/// Makes two deviations one; what was expected of the hours between them is left out, as nobody judged them.
fn join(history: &FamilyHistory, last: &mut Deviation, next: &Deviation, window: &Window) {
    let first = window.length() * 24;
    let between = first + usize::from(last.hours.1)..first + usize::from(next.hours.0);
    let hours = history.split(last.member, window).1.iter();
    let calls = hours.filter(|hour| between.contains(&usize::from(hour.hour))).map(|hour| u64::from(hour.calls));
    last.observed += next.observed + calls.sum::<u64>();
    last.hours.1 = next.hours.1;
    last.expected += next.expected;
    last.lower += next.lower;
    last.upper += next.upper;
    last.ln_p = last.ln_p.min(next.ln_p);
}

/// What the events of a change are read for.
pub(super) fn change_target(history: &FamilyHistory, change: &ChangeFound, date: NaiveDate) -> Target {
    Target {
        family: Family::Change,
        keys: change.members.iter().map(|&member| history.key(member).clone()).collect(),
        hours: change.hours,
        search: change.hours,
        minutes: Minutes::Whole,
        since: date,
        with: Vec::new(),
    }
}

/// The hours in which the minutes of each deviation are looked for. A rise may begin in the hour before those that stand out, and
/// end in the hour after; an hour between two of an entity belongs to the first, or its calls would be told twice.
fn searched(history: &FamilyHistory, found: &[Deviation]) -> Searched {
    let mut rises: Vec<&Deviation> = found.iter().filter(|deviation| deviation.direction == Direction::Up).collect();
    rises.sort_by_key(|deviation| (deviation.member, deviation.hours));
    let mut searched = Searched::new();
    let mut until = None;
    for (place, rise) in rises.iter().enumerate() {
        let next = rises.get(place + 1).filter(|next| next.member == rise.member);
        let end = (rise.hours.1 + 1).min(next.map_or(24, |next| next.hours.0)).max(rise.hours.1);
        let before = until.filter(|(member, _)| *member == rise.member).map_or(0, |(_, hour)| hour);
        let first = rise.hours.0.saturating_sub(1).max(before).min(rise.hours.0);
        searched.insert((history.family, rise.member, rise.hours), (first, end));
        until = Some((rise.member, end));
    }
    searched
}

/// Calls a minute that would have been usual: what was expected is about the hours in the seasonal model, and the day in others.
pub(super) fn usual_rate(deviation: &Deviation) -> f64 {
    let hours = match deviation.model {
        Model::Seasonal => f64::from(deviation.hours.1 - deviation.hours.0),
        Model::Sparse | Model::New | Model::FirstSeen => 24.0,
    };
    deviation.expected / (hours * 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::HistoryHour;
    use crate::insight::example::rate;

    /// What becomes of an open episode of a key that is not named tonight, and of one of a key that is.
    fn left(has_others: bool) -> (Vec<EntityKey>, Vec<EntityKey>) {
        let window = Window::new("2026-01-29".parse().unwrap(), 28, |_| true);
        let [gone, here] = ["LTAI1", "LTAI2"].map(|name| EntityKey::new(["1", name]));
        let hours = |days: &[u16]| -> Vec<HistoryHour> {
            days.iter().map(|day| HistoryHour { hour: day * 24 + 23, calls: 9, errors: 0, peak: 9 }).collect()
        };
        let other = EntityKey::other(Family::AccessKey, "1");
        let entities = [(gone.clone(), hours(&[27])), (here.clone(), hours(&[27, 28]))];
        let entities = entities.into_iter().chain(has_others.then(|| (other, hours(&[28]))));
        let history = FamilyHistory::from_entities(Family::AccessKey, entities);
        let insight = rate();
        let open = |key: EntityKey| {
            let same = (Family::AccessKey, key, Direction::Down);
            let mut episode = Episode::following(&same, "2026-01-28".parse().unwrap(), None, 7);
            episode.open = Some(Running::of(&insight, insight.end, 0.1, &Evidence::default()));
            (same, episode)
        };
        let before = [gone, here].map(open).into_iter().collect();
        let changes = (FamilyHistory::from_entities(Family::Change, []), Vec::new());
        let findings =
            NightFindings::new(vec![(history, Vec::new())], changes, before, 7).setting_hidden_aside(&window);
        let ending = findings.left_alone().into_iter().map(|(same, ..)| same.1.clone()).collect();
        (ending, findings.hidden.into_keys().map(|same| same.1).collect())
    }

    #[test]
    fn what_a_cap_may_hide_is_not_over() {
        let [gone, here] = ["LTAI1", "LTAI2"].map(|name| EntityKey::new(["1", name]));
        assert_eq!(left(true), (vec![here.clone()], vec![gone.clone()]));
        assert_eq!(left(false), (vec![gone, here], vec![]));
    }
}
