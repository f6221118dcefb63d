//! What is to be looked into: what the detectors found in a night, after what the night before left.
//!
//! Here it is decided which deviations are reported at all, which of them go on with an episode of the night before, and which
//! episodes last or come to their end without one ([`course`]). From that follow the [`targets`](crate::insight::findings::targets) that the events are read for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Duration, NaiveDate, NaiveTime};
use uuid::Uuid;

use crate::baseline::{FamilyHistory, Window};
use crate::detect::change::ChangeFound;
use crate::detect::first_seen::FirstSeen;
use crate::detect::{Deviation, Direction, Thresholds};
use crate::error::Result;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::Past;
use crate::insight::extent::joining::joined;
use crate::insight::extent::rhythm::{Days, Rhythm};
use crate::insight::findings::following::Callers;
use crate::insight::findings::targets::{Searched, searched};
use crate::insight::life::course::{Course, Ending, course};
use crate::insight::life::episode::{Episode, Running, Same};
use crate::insight::meaning::habits::{Habits, principal_of};
use crate::insight::meaning::severity::all_failed;
use crate::insight::requests::concern::Concern;
use crate::rollup::Family;

/// What the detectors found in a night, family by family, and what the night before left.
#[derive(Debug, Default)]
pub struct NightFindings {
    /// Deviations with the history they are about.
    pub rates: Vec<(FamilyHistory, Vec<Deviation>)>,
    /// Changes with theirs.
    pub changes: Option<(FamilyHistory, Vec<ChangeFound>)>,
    /// Entities that met somebody for the first time.
    pub firsts: Vec<FirstSeen>,
    pub(in crate::insight) before: BTreeMap<Same, Episode>,
    /// What the night before left of entities that a cap may hide.
    pub(in crate::insight) hidden: BTreeMap<Same, Episode>,
    /// What it left of those of which the day tells nothing.
    pub(in crate::insight) untold: BTreeMap<Same, Episode>,
    /// What became of the episodes that the night before left open.
    courses: BTreeMap<Same, Course>,
    /// Entities that are beyond the level that they were taken to have.
    outgrown: BTreeSet<Same>,
    pub(in crate::insight) level_shift_days: u32,
    pub(in crate::insight) thresholds: Thresholds,
    habits: Habits,
    callers: Callers,
    pub(in crate::insight) searched: Searched,
}

impl NightFindings {
    /// What was found, after what the night before left. After so many nights of deviations in one direction, none of those between being
    /// usual, they are an entity's new level.
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
            callers: Callers::default(),
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
        self.callers.lead(&mut self.rates, days);
        self.searched = self.rates.iter().flat_map(|(history, found)| searched(history, found)).collect();
        let next = self.next();
        let course = |(same, running): (&Same, &Running)| {
            Some((same.clone(), self.course(same, running, next.get(same).copied(), days)?))
        };
        self.courses = self.open().filter_map(course).collect();
        self.keep_open();
        let before = std::mem::take(&mut self.before);
        let is_untold = |same: &Same| self.courses.get(same) == Some(&Course::Untold);
        let (untold, before): (BTreeMap<_, _>, _) = before.into_iter().partition(|(same, _)| is_untold(same));
        Self { before, untold, ..self }
    }

    /// Keeps episodes open that last, where another one of their story goes the same way and is odd still.
    fn keep_open(&mut self) {
        let story = |same: &Same| Some((self.before.get(same)?.incident?, same.2));
        let is_odd = |(_, course): &(&Same, &Course)| matches!(course, Course::GoesOn(_));
        let odd: BTreeSet<(Uuid, Direction)> =
            self.courses.iter().filter(is_odd).filter_map(|(same, _)| story(same)).collect();
        let kept = self.courses.iter().filter_map(|(same, course)| match course {
            Course::Lasts(hours, rates) if story(same).is_some_and(|story| odd.contains(&story)) => {
                Some((same.clone(), Course::KeptOpen(*hours, *rates)))
            }
            _ => None,
        });
        let kept: Vec<(Same, Course)> = kept.collect();
        self.courses.extend(kept);
    }

    fn open(&self) -> impl Iterator<Item = (&Same, &Running)> {
        self.before.iter().filter_map(|(same, episode)| Some((same, episode.open.as_ref()?)))
    }

    /// The first hour of tonight's first deviation of each entity and direction.
    fn next(&self) -> BTreeMap<Same, u8> {
        let mut next = BTreeMap::new();
        for (history, deviation) in self.reported() {
            let first = next.entry(Self::same(history, deviation)).or_insert(deviation.hours.begin());
            *first = deviation.hours.begin().min(*first);
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
    pub(in crate::insight) fn history(&self, family: Family) -> Option<&FamilyHistory> {
        self.rates.iter().map(|(history, _)| history).find(|history| history.family == family)
    }

    /// Adds who called the APIs that deviate, to see whom they follow; before they are [held against the day](Self::holding_against).
    pub fn with_callers(mut self, past: &Past<'_>) -> Result<Self> {
        self.callers = Callers::read(&self.rates, past)?;
        Ok(self)
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
    pub(in crate::insight) fn concerns(
        &self,
        history: &FamilyHistory,
        change: &ChangeFound,
        evidence: &Evidence,
    ) -> Vec<Concern> {
        let mut concerns = evidence.all_concerns();
        if all_failed(change.errors, change.calls) {
            concerns.extend(evidence.concerns_of_attempts());
        }
        let principal = principal_of(history.key(change.members[0]));
        concerns.extend(self.habits.concerns(&principal, evidence, change.hours.begin()));
        if concerns.contains(&Concern::RecordsLess) {
            // It says all of it.
            concerns.remove(&Concern::Narrowed);
        }
        concerns.into_iter().collect()
    }

    pub(in crate::insight) fn same(history: &FamilyHistory, deviation: &Deviation) -> Same {
        (history.family, history.key(deviation.member).clone(), deviation.direction)
    }

    /// Deviations that are to be reported: not those of a level that was told to be new, unless they have outgrown it.
    pub(in crate::insight) fn reported(&self) -> impl Iterator<Item = (&FamilyHistory, &Deviation)> {
        let all =
            self.rates.iter().flat_map(|(history, found)| found.iter().map(move |deviation| (history, deviation)));
        all.filter(|(history, deviation)| {
            let is_level = self.before(history, deviation).is_some_and(|before| before.level_shift);
            !is_level || self.outgrows(&Self::same(history, deviation))
        })
    }

    /// Whether an entity's day is beyond the level that it was taken to have.
    pub(in crate::insight) fn outgrows(&self, same: &Same) -> bool {
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
    pub(in crate::insight) fn calls_of(&self, (family, key, _): &Same, window: &Window) -> u64 {
        let Some(history) = self.history(*family) else { return 0 };
        let Some(member) = history.find(key) else { return 0 };
        history.hours_on(member, window.length()).iter().map(|hour| u64::from(hour.calls)).sum()
    }

    /// Whether there are events of several accounts; keys stand in the order of their accounts.
    pub(in crate::insight) fn has_several_accounts(&self) -> bool {
        let ends = |history: &FamilyHistory| {
            (0..history.len())
                .next()
                .zip((0..history.len()).next_back())
                .is_some_and(|(first, last)| history.key(first).account() != history.key(last).account())
        };
        self.rates.iter().any(|(history, _)| ends(history))
    }

    /// Whether an entity deviates tonight in this direction.
    pub(in crate::insight) fn deviates(&self, (family, key, direction): &Same) -> bool {
        let own = self.rates.iter().filter(|(history, _)| history.family == *family);
        own.flat_map(|(history, found)| found.iter().map(move |deviation| (history, deviation)))
            .any(|(history, deviation)| deviation.direction == *direction && history.key(deviation.member) == key)
    }

    fn before(&self, history: &FamilyHistory, deviation: &Deviation) -> Option<&Episode> {
        self.before.get(&Self::same(history, deviation))
    }

    /// Whether the night before told of the same entity and direction in the last hour of its day.
    pub(in crate::insight) fn was_told_at_its_end(&self, same: &Same, date: NaiveDate) -> bool {
        let last_hour = date.and_time(NaiveTime::MIN).and_utc() - Duration::hours(1);
        let told = self.before.get(same).filter(|before| before.insight.is_some());
        told.is_some_and(|before| before.again.as_ref().is_none_or(|over| over.end > last_hour))
    }

    /// The episode of the night before that a deviation goes on with.
    pub(in crate::insight) fn continued(&self, history: &FamilyHistory, deviation: &Deviation) -> Option<&Running> {
        let same = Self::same(history, deviation);
        let goes_on = self.courses.get(&same) == Some(&Course::GoesOn(deviation.hours.begin()));
        self.before.get(&same).filter(|_| goes_on).and_then(|before| before.open.as_ref())
    }

    /// The episode of the night before that was over, and that a deviation repeats.
    pub(in crate::insight) fn repeated(&self, history: &FamilyHistory, deviation: &Deviation) -> Option<&Running> {
        let again = self.before(history, deviation)?.again.as_ref()?;
        again.is_repeated(deviation).then_some(again)
    }

    /// Episodes of the night before that were open and that no deviation goes on with, and what became of each.
    pub(in crate::insight) fn left_alone(&self) -> Vec<(&Same, &Episode, &Running, Course)> {
        let open = self.before.iter().filter_map(|(same, episode)| Some((same, episode, episode.open.as_ref()?)));
        let known = open.map(|(same, episode, running)| {
            let course = self.courses.get(same).copied().unwrap_or(Course::Ended(Ending::default()));
            (same, episode, running, course)
        });
        known.filter(|(.., course)| !matches!(course, Course::GoesOn(_))).collect()
    }

    /// Whether an open episode goes on though nothing of its entity is odd.
    pub(in crate::insight) fn lasts(&self, same: &Same) -> bool {
        matches!(self.courses.get(same), Some(Course::Lasts(..)))
    }

    /// How many deviations are not reported, because they are a new level by now.
    pub fn absorbed(&self) -> usize {
        let all: usize = self.rates.iter().map(|(_, found)| found.len()).sum();
        all - self.reported().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::HistoryHour;
    use crate::insight::example::rate;
    use crate::insight::life::course::Rates;
    use crate::rollup::EntityKey;

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
    fn what_lasts_is_kept_open_while_its_story_is_odd() {
        let changes = (FamilyHistory::from_entities(Family::Change, []), Vec::new());
        let story = |number: u128, direction: Direction, name: &str| {
            let same = (Family::AccessKey, EntityKey::new(["1", name]), direction);
            let mut episode = Episode::following(&same, "2026-01-28".parse().unwrap(), None, 7);
            episode.incident = Some(Uuid::from_u128(number));
            (same, episode)
        };
        let (up, down) = (Direction::Up, Direction::Down);
        let all = [story(1, up, "odd"), story(1, up, "sibling"), story(1, down, "other way"), story(2, up, "stranger")];
        let mut findings = NightFindings::new(Vec::new(), changes, all.clone().into(), 7);
        let lasts = Course::Lasts(24, Rates::default());
        findings.courses = all.iter().map(|(same, _)| (same.clone(), lasts)).collect();
        findings.keep_open();
        assert!(findings.courses.values().all(|course| *course == lasts), "nothing is odd");
        findings.courses.insert(all[0].0.clone(), Course::GoesOn(0));
        findings.keep_open();
        let of = |place: usize| findings.courses[&all[place].0];
        assert_eq!([of(1), of(2), of(3)], [Course::KeptOpen(24, Rates::default()), lasts, lasts]);
    }

    /// Whether the night before told of an entity in its last hour, if its episode there was over at some time.
    fn was_told_at_its_end(over: Option<&str>) -> bool {
        let same = (Family::AccessKey, EntityKey::new(["1", "LTAI1"]), Direction::Up);
        let mut before = Episode::following(&same, "2026-01-28".parse().unwrap(), None, 7);
        before.insight = Some(Uuid::from_u128(7));
        before.again = over.map(|end| Running::of(&rate(), end.parse().unwrap(), 0.1, &Evidence::default()));
        let changes = (FamilyHistory::from_entities(Family::Change, []), Vec::new());
        let findings = NightFindings::new(Vec::new(), changes, [(same.clone(), before)].into(), 7);
        findings.was_told_at_its_end(&same, "2026-01-29".parse().unwrap())
    }

    #[test]
    fn what_was_over_before_the_last_hour_leaves_that_to_the_next_night() {
        assert!(!was_told_at_its_end(Some("2026-01-28T16:21:00Z")));
        assert!(was_told_at_its_end(Some("2026-01-28T23:05:00Z")));
        assert!(was_told_at_its_end(None), "it was open");
    }

    #[test]
    fn what_a_cap_may_hide_is_not_over() {
        let [gone, here] = ["LTAI1", "LTAI2"].map(|name| EntityKey::new(["1", name]));
        assert_eq!(left(true), (vec![here.clone()], vec![gone.clone()]));
        assert_eq!(left(false), (vec![gone, here], vec![]));
    }
}
