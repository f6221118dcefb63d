//! One family's past: what each of its entities did, hour by hour, in the days before the scored one and on that day itself.
//!
//! Read from rollups, sparse, in memory: 16 bytes for each hour in which an entity was active, and a key for each entity alive in
//! the window.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;

use crate::error::Result;
use crate::rollup::store::{self, Owners};
use crate::rollup::{EntityKey, Family, OWNERS, UnreadHours};
use crate::time::DAY_HOURS;

/// The days that are compared: `length` days before the scored day, and that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    scored: NaiveDate,
    length: usize,
    present: Vec<bool>,
    set_aside: Vec<NaiveDate>,
    unread: Vec<UnreadHours>,
}

impl Window {
    /// The window before and with `scored`; a day is present when there is a rollup of it.
    pub fn new(scored: NaiveDate, length: usize, has_rollup: impl Fn(NaiveDate) -> bool) -> Self {
        let unread = vec![UnreadHours::default(); length + 1];
        let mut window = Self { scored, length, present: Vec::new(), set_aside: Vec::new(), unread };
        window.present = (0..=length).map(|day| has_rollup(window.date(day))).collect();
        window
    }

    /// The same without days that nothing is to be learnt from; the scored day stays.
    #[must_use]
    pub fn without(mut self, days: &BTreeSet<NaiveDate>) -> Self {
        for day in (0..self.length).filter(|&day| days.contains(&self.date(day))).collect::<Vec<_>>() {
            if std::mem::take(&mut self.present[day]) {
                self.set_aside.push(self.date(day));
            }
        }
        self
    }

    /// The same where events of some hours of days could not be read: their counts are too low, and silence there is none.
    #[must_use]
    pub fn with_unread(mut self, unread: impl Fn(NaiveDate) -> UnreadHours) -> Self {
        self.unread = (0..=self.length).map(|day| unread(self.date(day))).collect();
        self
    }

    /// The date of a day of the window; the scored day is the last.
    pub fn date(&self, day: usize) -> NaiveDate {
        self.scored - chrono::Duration::days((self.length - day) as i64)
    }

    /// How many days lie before the scored day.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The scored day.
    pub fn scored(&self) -> NaiveDate {
        self.scored
    }

    /// Whether there is a rollup of a day, and it is to be learnt from.
    pub fn is_present(&self, day: usize) -> bool {
        self.present[day]
    }

    /// How many of the days before the scored one are learnt from.
    pub fn days_of_history(&self) -> usize {
        self.present[..self.length].iter().filter(|&&present| present).count()
    }

    /// The days before the scored one that have no rollup.
    pub fn missing(&self) -> impl Iterator<Item = NaiveDate> {
        let absent = (0..self.length).filter(|&day| !self.present[day]).map(|day| self.date(day));
        absent.filter(|date| !self.set_aside.contains(date))
    }

    /// The hours of a day of which events could not be read.
    pub fn unread(&self, day: usize) -> UnreadHours {
        self.unread[day]
    }

    /// Whether events of an hour, counted from the window's begin, could not be read.
    pub fn is_unread(&self, hour: usize) -> bool {
        self.unread[hour / DAY_HOURS].contains(hour % DAY_HOURS)
    }

    /// The days before the scored one of which events could not be read.
    pub fn unread_days(&self) -> impl Iterator<Item = NaiveDate> {
        (0..self.length).filter(|&day| !self.unread[day].is_empty()).map(|day| self.date(day))
    }

    /// The days before the scored one that have a rollup and are not learnt from.
    pub fn set_aside(&self) -> &[NaiveDate] {
        &self.set_aside
    }
}

/// An hour in which an entity was active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryHour {
    /// The hour, counted from the window's begin.
    pub hour: u16,
    /// Calls.
    pub calls: u32,
    /// Failed calls among them.
    pub errors: u32,
    /// The largest five-minute count.
    pub peak: u32,
}

impl HistoryHour {
    /// The day that it is an hour of, counted from the window's begin.
    pub fn day(&self) -> usize {
        usize::from(self.hour) / 24
    }
}

/// The entities of a family and their hours.
#[derive(Debug)]
pub struct FamilyHistory {
    /// The family.
    pub family: Family,
    members: Vec<EntityKey>,
    services: Vec<Option<String>>,
    starts: Vec<usize>,
    hours: Vec<HistoryHour>,
    unnamed: Vec<(EntityKey, HistoryHour)>,
    /// The days on which an account had entities beyond the cap.
    capped: BTreeMap<String, BTreeSet<usize>>,
    /// Of keys.
    owners: Owners,
}

impl FamilyHistory {
    /// Reads the family's rollups of the window, entity by entity. A service is shown as the earliest day spelled it.
    ///
    /// # Errors
    /// [`crate::Error::Rollup`] when a rollup is damaged.
    pub fn read(state: &Path, family: Family, window: &Window) -> Result<Self> {
        let days: Vec<usize> = (0..=window.length()).filter(|&day| window.is_present(day)).collect();
        let paths: Vec<_> = days.iter().map(|&day| store::rollup_path(state, window.date(day))).collect();
        let merged = store::FamilyDays::open(&paths, family, store::Detail::Hours)?;
        let mut history = Self::empty(family, merged.most_hours());
        merged.for_each(|found| {
            let day = &found.day;
            let first = (days[found.place] * 24) as u16;
            let hours = day.hours.iter().enumerate().map(|(index, &hour)| HistoryHour {
                hour: first + u16::from(hour),
                calls: day.calls[index],
                errors: day.errors[index],
                peak: day.peaks[index],
            });
            if found.is_other() {
                history.add_unnamed(&EntityKey::of_joined(found.key), hours);
                return;
            }
            if history.members.last().is_none_or(|last| last.as_str() != found.key) {
                history.begin(EntityKey::of_joined(found.key), found.service.map(str::to_owned));
            }
            history.hours.extend(hours);
            history.end();
        })?;
        history.shrink();
        if family == OWNERS.0 && !history.is_empty() {
            let dates: Vec<NaiveDate> = days.iter().map(|&day| window.date(day)).collect();
            history.owners = store::read_owners(state, &dates)?;
        }
        Ok(history)
    }

    /// The same with owners of its entities.
    #[doc(hidden)]
    #[must_use]
    pub fn with_owners(mut self, owner: impl Fn(&EntityKey) -> Option<EntityKey>) -> Self {
        self.owners = Owners::from_keys(self.members.iter().filter_map(|key| Some((key.clone(), owner(key)?))));
        self
    }

    /// A history made of entities and their hours, which must be ascending within an entity.
    #[doc(hidden)]
    pub fn from_entities(family: Family, entities: impl IntoIterator<Item = (EntityKey, Vec<HistoryHour>)>) -> Self {
        let mut entities: Vec<(EntityKey, Vec<HistoryHour>)> = entities.into_iter().collect();
        entities.sort_by(|left, right| left.0.cmp(&right.0));
        let mut history = Self::empty(family, entities.iter().map(|(_, hours)| hours.len()).sum());
        for (key, hours) in entities {
            if key.is_other() {
                history.add_unnamed(&key, hours);
                continue;
            }
            history.begin(key, None);
            history.hours.extend(hours);
            history.end();
        }
        history
    }

    fn empty(family: Family, hours: usize) -> Self {
        let (members, services, unnamed) = (Vec::new(), Vec::new(), Vec::new());
        let (hours, capped) = (Vec::with_capacity(hours), BTreeMap::new());
        Self { family, members, services, starts: vec![0], hours, unnamed, capped, owners: Owners::default() }
    }

    /// Begins an entity; its hours follow.
    fn begin(&mut self, key: EntityKey, service: Option<String>) {
        self.members.push(key);
        self.services.push(service);
        self.starts.push(self.hours.len());
    }

    /// Ends what the last entity has of hours, for now.
    fn end(&mut self) {
        if let Some(end) = self.starts.last_mut() {
            *end = self.hours.len();
        }
    }

    /// Adds what an account's entities beyond the cap did together.
    fn add_unnamed(&mut self, key: &EntityKey, hours: impl IntoIterator<Item = HistoryHour>) {
        let days = self.capped.entry(key.account().to_owned()).or_default();
        for hour in hours {
            days.insert(hour.day());
            self.unnamed.push((key.clone(), hour));
        }
    }

    fn shrink(&mut self) {
        self.members.shrink_to_fit();
        self.services.shrink_to_fit();
        self.starts.shrink_to_fit();
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What entities beyond the cap on a day did together, by account: no entity, but calls that came.
    pub fn unnamed(&self) -> impl Iterator<Item = (&str, HistoryHour)> {
        self.unnamed.iter().map(|(key, hour)| (key.account(), *hour))
    }

    /// The key of an entity.
    pub fn key(&self, member: usize) -> &EntityKey {
        &self.members[member]
    }

    /// Whose an entity is, for keys of which it is known.
    pub fn owner(&self, member: usize) -> Option<&EntityKey> {
        self.owners.of(self.key(member))
    }

    /// The number of an entity.
    pub fn find(&self, key: &EntityKey) -> Option<usize> {
        self.members.binary_search(key).ok()
    }

    /// How the entity's service is spelled, for families that have one.
    pub fn service(&self, member: usize) -> Option<&str> {
        self.services[member].as_deref()
    }

    /// The entity's label with its service as it is spelled.
    pub fn label(&self, member: usize) -> String {
        self.spelled(member).join("/")
    }

    /// The fields of an entity's key after the account, its service as it is spelled.
    pub fn spelled(&self, member: usize) -> Vec<String> {
        let fields = self.key(member).fields().skip(1);
        let Some(shown) = self.service(member) else { return fields.map(str::to_owned).collect() };
        let spelled = |(field, dimension): (&'_ str, &crate::rollup::Dimension)| match dimension {
            crate::rollup::Dimension::Service => shown.to_owned(),
            _ => field.to_owned(),
        };
        fields.zip(self.family.keyed_by()).map(spelled).collect()
    }

    /// All hours in which an entity was active, the scored day's included.
    pub fn hours(&self, member: usize) -> &[HistoryHour] {
        &self.hours[self.starts[member]..self.starts[member + 1]]
    }

    /// Its hours on a day.
    pub fn hours_on(&self, member: usize, day: usize) -> &[HistoryHour] {
        let hours = self.hours(member);
        let place = |day: usize| hours.partition_point(|hour| usize::from(hour.hour) < day * 24);
        &hours[place(day)..place(day + 1)]
    }

    /// Whether it is unknown what an entity did on a day: it is not named, and its account had entities beyond the cap, so that it may
    /// have been one of them.
    pub fn is_hidden(&self, member: usize, day: usize) -> bool {
        let is_capped = || self.capped.get(self.key(member).account()).is_some_and(|days| days.contains(&day));
        !self.capped.is_empty() && is_capped() && self.hours_on(member, day).is_empty()
    }

    /// On how many days before the scored one it is unknown what an entity did.
    pub fn days_hidden(&self, member: usize, window: &Window) -> usize {
        (0..window.length()).filter(|&day| window.is_present(day) && self.is_hidden(member, day)).count()
    }

    /// How many entities that were named on a day before the scored one may be hidden by a cap on that day.
    pub fn hidden_tonight(&self, window: &Window) -> usize {
        (0..self.len()).filter(|&member| self.is_hidden(member, window.length())).count()
    }

    /// An entity's hours before the scored day, and those of that day.
    pub fn split(&self, member: usize, window: &Window) -> (&[HistoryHour], &[HistoryHour]) {
        let hours = self.hours(member);
        hours.split_at(hours.partition_point(|hour| usize::from(hour.hour) < window.length() * 24))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_set_aside_are_neither_learnt_from_nor_missing() {
        let date = |text: &str| -> NaiveDate { text.parse().unwrap() };
        let incidents = ["2026-01-30", "2026-01-31", "2026-02-01"].map(date).into_iter().collect();
        let window = Window::new(date("2026-02-01"), 28, |day| day != date("2026-01-31")).without(&incidents);
        assert_eq!(window.set_aside(), [date("2026-01-30")]);
        assert_eq!(window.missing().collect::<Vec<_>>(), [date("2026-01-31")]);
        assert!(window.days_of_history() == 26 && window.is_present(28) && !window.is_present(26));
    }

    #[test]
    fn entities_come_in_the_order_of_their_keys_with_their_own_hours() {
        let hour = |hour, calls| HistoryHour { hour, calls, errors: 0, peak: calls };
        let entities = [("b", vec![hour(3, 1), hour(700, 2)]), ("a", vec![hour(680, 5)])];
        let entities = entities.map(|(name, hours)| (EntityKey::new(["1", name]), hours));
        let history = FamilyHistory::from_entities(Family::SourceIp, entities);
        let window = Window::new("2026-02-01".parse().unwrap(), 28, |_| true);
        assert_eq!([history.label(0), history.label(1)], ["a", "b"]);
        assert_eq!(history.find(&EntityKey::new(["1", "b"])), Some(1));
        assert_eq!(history.split(0, &window), (&[][..], &[hour(680, 5)][..]));
        assert_eq!(history.split(1, &window), (&[hour(3, 1)][..], &[hour(700, 2)][..]));
    }
}
