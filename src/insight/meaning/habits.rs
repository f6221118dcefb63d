//! When and from where the principals that made changes usually call: what makes an hour or a network unusual.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use crate::baseline::{FamilyHistory, HistoryHour, Window};
use crate::error::Result;
use crate::event::network;
use crate::insight::attribute::Attribute;
use crate::insight::events::evidence::Evidence;
use crate::insight::requests::concern::Concern;
use crate::rollup::store::{Question, Side, read_partners};
use crate::rollup::{EntityKey, Family};

/// Active days from which on a principal has habits.
const ACTIVE_DAYS: usize = 7;

/// The habits of some principals over the baseline window.
#[derive(Debug, Default)]
pub struct Habits {
    networks: BTreeMap<EntityKey, BTreeSet<String>>,
    hours: BTreeMap<EntityKey, [bool; 24]>,
}

/// The principal of a change, as a member of its own family.
pub fn principal_of(change: &EntityKey) -> EntityKey {
    EntityKey::new([change.account()].into_iter().chain(change.fields().skip(4)))
}

impl Habits {
    /// Reads the habits of `principals`; those that are not active often enough have none.
    ///
    /// # Errors
    /// When a rollup is damaged.
    pub fn read(
        state: &Path,
        window: &Window,
        history: Option<&FamilyHistory>,
        principals: &BTreeSet<EntityKey>,
    ) -> Result<Self> {
        let mut habits = Self::default();
        let Some(history) = history else { return Ok(habits) };
        for key in principals {
            if let Some(hours) = history.find(key).and_then(|member| active_hours(history, member, window)) {
                habits.hours.insert(key.clone(), hours);
            }
        }
        let keys: Vec<EntityKey> = habits.hours.keys().cloned().collect();
        let days = if keys.is_empty() { 0 } else { window.length() };
        let question = Question { families: (Family::Principal, Family::Network), side: Side::Left, wanted: &keys };
        for day in (0..days).filter(|&day| window.is_present(day)) {
            let Some(found) = read_partners(state, window.date(day), question)? else {
                // A day without pairs might have held any network.
                habits.networks.clear();
                break;
            };
            for (key, found) in keys.iter().zip(found) {
                habits.networks.entry(key.clone()).or_default().extend(found.into_keys());
            }
        }
        Ok(habits)
    }

    /// The networks that a principal called from; `None` where that is not known, or it was not active often enough.
    pub fn networks(&self, principal: &EntityKey) -> Option<&BTreeSet<String>> {
        self.networks.get(principal)
    }

    /// The hours of the day, in UTC, at which a principal was active; `None` if it was not on enough days.
    pub fn hours(&self, principal: &EntityKey) -> Option<impl Iterator<Item = u8>> {
        let hours = self.hours.get(principal)?;
        Some((0..24).filter(|&hour| hours[usize::from(hour)]))
    }

    /// What is unusual about where and when a principal made a change; `hour` is that of its first.
    pub(in crate::insight) fn concerns(&self, principal: &EntityKey, evidence: &Evidence, hour: u8) -> Vec<Concern> {
        self.unusual(principal, evidence.values[Attribute::SourceAddress].keys().map(String::as_str), hour)
    }

    /// What is unusual about these source addresses and this hour.
    pub fn unusual<'a>(&self, principal: &EntityKey, sources: impl Iterator<Item = &'a str>, hour: u8) -> Vec<Concern> {
        let known = self.networks.get(principal);
        let mut networks = sources.filter_map(|source| source.parse::<IpAddr>().ok()).map(network);
        let is_new = |network: String| known.is_some_and(|known| !known.contains(&network));
        let elsewhere = networks.any(is_new).then_some(Concern::UnusualNetwork);
        let hours = self.hours.get(principal);
        let unusual = hours.is_some_and(|hours| [23, 0, 1].iter().all(|more| !hours[(usize::from(hour) + more) % 24]));
        elsewhere.into_iter().chain(unusual.then_some(Concern::UnusualHour)).collect()
    }
}

/// The hours of the day at which an entity was active; `None` if it was on too few days.
fn active_hours(history: &FamilyHistory, member: usize, window: &Window) -> Option<[bool; 24]> {
    let (past, _) = history.split(member, window);
    let days: BTreeSet<usize> = past.iter().map(HistoryHour::day).collect();
    let mut hours = [false; 24];
    for hour in past {
        hours[usize::from(hour.hour % 24)] = true;
    }
    (days.len() >= ACTIVE_DAYS).then_some(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A principal that calls from one network in the hours 8 to 17.
    fn habits() -> (Habits, EntityKey) {
        let key = EntityKey::new(["1", "user", "7"]);
        let hours = std::array::from_fn(|hour| (8..18).contains(&hour));
        let networks = BTreeSet::from([network("192.0.2.7".parse().unwrap())]);
        (Habits { networks: [(key.clone(), networks)].into(), hours: [(key.clone(), hours)].into() }, key)
    }

    fn concerns(address: &str, hour: u8) -> Vec<Concern> {
        let (habits, key) = habits();
        let mut evidence = Evidence::default();
        evidence.values[Attribute::SourceAddress].insert(address.to_owned(), 1);
        habits.concerns(&key, &evidence, hour)
    }

    #[test]
    fn another_network_is_unusual_and_another_address_of_the_same_is_not() {
        assert_eq!(concerns("192.0.3.7", 10), [Concern::UnusualNetwork]);
        assert_eq!(concerns("2001:db8::7", 10), [Concern::UnusualNetwork]);
        assert_eq!(concerns("192.0.2.250", 10), []);
        assert_eq!(concerns("ecs.aliyuncs.com", 10), [], "a service's own host is no network");
    }

    #[test]
    fn an_hour_beside_the_usual_ones_is_no_unusual_hour() {
        assert_eq!(concerns("192.0.2.7", 3), [Concern::UnusualHour]);
        assert_eq!(concerns("192.0.2.7", 6), [Concern::UnusualHour]);
        assert_eq!(concerns("192.0.2.7", 7), []);
        assert_eq!(concerns("192.0.2.7", 18), []);
        assert_eq!(concerns("198.51.100.1", 23), [Concern::UnusualNetwork, Concern::UnusualHour]);
    }

    #[test]
    fn who_was_active_on_too_few_days_has_no_habits() {
        let window = Window::new("2026-01-29".parse().unwrap(), 28, |_| true);
        let active = |days: u16| {
            let hour = |day: u16| crate::baseline::HistoryHour { hour: day * 24 + 9, calls: 1, errors: 0, peak: 1 };
            let hours = (0..days).map(hour).collect::<Vec<_>>();
            let history =
                FamilyHistory::from_entities(Family::Principal, [(EntityKey::new(["1", "user", "7"]), hours)]);
            active_hours(&history, 0, &window)
        };
        assert_eq!(active(6), None);
        assert!(active(7).is_some_and(|hours| hours[9] && !hours[10]));
    }
}
