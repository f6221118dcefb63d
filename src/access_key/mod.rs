//! What is known of `AccessKeys`: whose they are, since when and until when they were used, for what and from where.
//!
//! A [`KeyHistory`] adds up. Rollups supply it for the days that were counted: calls, failures, services, APIs and networks, to the
//! hour or the day. Events supply the rest: owners, addresses, regions and resources, to the millisecond.

mod events;
mod rollups;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use crate::place::{self, PlaceBook};
use crate::query::{Glob, rfc3339};
use crate::shown::OTHER;
use crate::time::{DAY_MS, HOUR_MS, date_of_ms, midnight_ms};

pub use events::{add_events, find_owners};
pub use rollups::{add_rollups, leaves_names_out};

/// Values of one kind that are told apart for a key; the rest goes by one name.
const MOST_VALUES: usize = 10_000;

/// What a key was used for, with, or from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trait {
    /// A service.
    Service,
    /// An API.
    Api,
    /// A network: IPv4 /24, IPv6 /48.
    Network,
    /// A source address, or what stands for one.
    Address,
    /// A region.
    Region,
    /// A resource.
    Resource,
    /// An error code.
    Error,
}

impl Trait {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Api => "api",
            Self::Network => "network",
            Self::Address => "address",
            Self::Region => "region",
            Self::Resource => "resource",
            Self::Error => "error",
        }
    }
}

/// How exactly it is known when something was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// As exactly as events tell.
    #[default]
    Millisecond,
    /// In which hour.
    Hour,
    /// On which day; the hours are those of the key's other calls.
    Day,
}

impl Precision {
    /// The name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Millisecond => "millisecond",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// A moment without what is not known of it.
    pub const fn shown(self, time: i64) -> i64 {
        match self {
            Self::Millisecond => time,
            Self::Hour => time - time.rem_euclid(HOUR_MS),
            Self::Day => time - time.rem_euclid(DAY_MS),
        }
    }
}

/// When something was done, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The first time, in milliseconds; not before this where that is known less exactly.
    pub first: i64,
    /// The last time, in milliseconds; not after this where that is known less exactly.
    pub last: i64,
    /// How exactly they are known.
    pub precision: Precision,
    /// Calls.
    pub calls: u64,
    /// Failed calls among them; `None` where that is not known of all.
    pub failures: Option<u64>,
}

impl Use {
    /// The first and the last time, without what is not known of them.
    pub fn shown(self) -> (i64, i64) {
        (self.precision.shown(self.first), self.precision.shown(self.last))
    }

    /// The two together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            precision: self.precision.max(other.precision),
            calls: self.calls + other.calls,
            failures: self.failures.zip(other.failures).map(|(own, other)| own + other),
        }
    }
}

/// What is known of a key.
#[derive(Debug, Clone, Default)]
pub struct KeyHistory {
    /// Who used it last, and whether that is the account's owner; `None` where no event tells.
    pub owner: Option<Owner>,
    /// The account it belongs to.
    pub account: Option<String>,
    /// All its calls.
    pub used: Option<Use>,
    /// The days on which it was used.
    pub days: BTreeSet<NaiveDate>,
    /// What it was used for, with and from.
    pub traits: BTreeMap<Trait, BTreeMap<String, Use>>,
}

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Owner {
    /// The principal, as `user alice`.
    pub principal: String,
    /// Its lasting id, where an event tells one.
    pub id: Option<String>,
    /// Whether that is the account's owner.
    pub root: bool,
}

impl Owner {
    /// Whether a pattern stands for it: for its name, with or without what kind of thing it is, or for its id.
    pub fn is_called(&self, pattern: &Glob) -> bool {
        let name = self.principal.split_once(' ').map_or(self.principal.as_str(), |(_, name)| name);
        let names = [Some(name), Some(self.principal.as_str()), self.id.as_deref(), self.root.then_some("root")];
        names.into_iter().flatten().any(|name| pattern.matches(name))
    }
}

/// Histories by key.
pub type Keys = BTreeMap<String, KeyHistory>;

impl KeyHistory {
    /// Adds calls.
    pub fn add(&mut self, used: Use) {
        self.used = Some(self.used.map_or(used, |known| known.and(used)));
        self.days.extend([used.first, used.last].into_iter().filter_map(date_of_ms));
    }

    /// Adds calls that had something in common.
    pub fn add_trait(&mut self, kind: Trait, value: &str, used: Use) {
        let values = self.traits.entry(kind).or_default();
        let room = values.len() < MOST_VALUES || values.contains_key(value);
        let name = if room { value } else { OTHER };
        match values.get_mut(name) {
            Some(known) => *known = known.and(used),
            None => drop(values.insert(name.to_owned(), used)),
        }
    }

    /// Adds another history of the same key.
    pub fn merge(&mut self, other: Self) {
        if let Some(used) = other.used {
            self.used = Some(self.used.map_or(used, |known| known.and(used)));
        }
        self.days.extend(other.days);
        for (kind, values) in other.traits {
            for (value, used) in values {
                self.add_trait(kind, &value, used);
            }
        }
        self.owner = self.owner.take().or(other.owner);
        self.account = self.account.take().or(other.account);
    }

    /// The networks that were first seen within `days` before the last use, of a key that is older than that.
    pub fn new_networks(&self, days: i64) -> Vec<&str> {
        let Some(used) = self.used else { return Vec::new() };
        let recent = used.last - days * DAY_MS;
        if used.first >= recent {
            return Vec::new();
        }
        let networks = self.traits.get(&Trait::Network).into_iter().flatten();
        let is_new = |(network, used): &(&String, &Use)| used.first >= recent && *network != OTHER;
        networks.filter(is_new).map(|(network, _)| network.as_str()).collect()
    }

    /// Whole days from the last use until `now`.
    pub fn unused_days(&self, now: i64) -> Option<i64> {
        self.used.map(|used| (now - used.last).max(0) / DAY_MS)
    }

    /// How many values of a kind there are.
    pub fn count(&self, kind: Trait) -> usize {
        self.traits.get(&kind).map_or(0, BTreeMap::len)
    }

    /// Values of a kind, the most used first.
    pub fn values(&self, kind: Trait) -> Vec<(&str, Use)> {
        let values = self.traits.get(&kind).into_iter().flatten();
        let mut values: Vec<(&str, Use)> = values.map(|(value, used)| (value.as_str(), *used)).collect();
        values.sort_by(|left, right| right.1.calls.cmp(&left.1.calls).then(left.0.cmp(right.0)));
        values
    }

    /// All of it as JSON; addresses and networks with their places, if there is a database to look them up in.
    pub fn json(&self, key: &str, now: i64, new_within: i64, places: &PlaceBook) -> serde_json::Value {
        let time = |used: fn(Use) -> i64| self.used.map(|all| rfc3339(used(all)));
        let precision = self.used.map_or("", |used| used.precision.name());
        let traits: serde_json::Map<String, serde_json::Value> = self
            .traits
            .keys()
            .map(|&kind| {
                let values = self.values(kind).into_iter().map(|(value, used)| {
                    let mut value_used = value_used(value, used);
                    if matches!(kind, Trait::Address | Trait::Network) && !places.is_empty() {
                        place::add_to(&mut value_used, places.look_up(value).as_ref());
                    }
                    value_used
                });
                (kind.name().to_owned(), values.collect())
            })
            .collect();
        serde_json::json!({
            "access_key": key, "account": self.account,
            "owner": self.owner.as_ref().map(|owner| &owner.principal),
            "owner_id": self.owner.as_ref().and_then(|owner| owner.id.as_ref()),
            "root": self.owner.as_ref().map(|owner| owner.root),
            "first_use": time(|used| used.shown().0), "last_use": time(|used| used.shown().1), "times_to_the": precision,
            "unused_days": self.unused_days(now), "days_used": self.days.len(),
            "calls": self.used.map_or(0, |used| used.calls), "failures": self.used.map_or(Some(0), |used| used.failures),
            "new_networks": self.new_networks(new_within), "used_for": traits,
        })
    }
}

fn value_used(value: &str, used: Use) -> serde_json::Value {
    let (first, last) = used.shown();
    serde_json::json!({
        "value": value, "calls": used.calls, "failures": used.failures,
        "first": rfc3339(first), "last": rfc3339(last), "times_to_the": used.precision.name(),
    })
}

/// The first millisecond of an hour of a day.
fn hour_ms(date: NaiveDate, hour: u8) -> i64 {
    midnight_ms(date) + i64::from(hour) * HOUR_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = DAY_MS;

    fn used(first: i64, last: i64, calls: u64) -> Use {
        Use { first, last, precision: Precision::Millisecond, calls, failures: Some(0) }
    }

    #[test]
    fn uses_add_up_in_any_order() {
        let (mut left, mut right) = (KeyHistory::default(), KeyHistory::default());
        left.add(used(10, 20, 3));
        left.add_trait(Trait::Api, "Ecs/Run", used(10, 20, 3));
        right.add(used(5, 7, 2));
        right.add_trait(Trait::Api, "Ecs/Run", used(5, 7, 2));
        let mut both = left.clone();
        both.merge(right.clone());
        right.merge(left);
        assert_eq!(both.used, Some(used(5, 20, 5)));
        assert_eq!((both.used, both.traits.clone()), (right.used, right.traits));
        assert_eq!(both.values(Trait::Api), [("Ecs/Run", used(5, 20, 5))]);
    }

    #[test]
    fn what_is_known_less_exactly_is_shown_so_and_unknown_failures_stay_unknown() {
        let exact = Use {
            first: DAY + 5,
            last: DAY + 3_600_005,
            precision: Precision::Millisecond,
            calls: 2,
            failures: Some(1),
        };
        let counted = Use { first: DAY, last: 2 * DAY - 1, precision: Precision::Day, calls: 3, failures: None };
        assert_eq!(exact.shown(), (DAY + 5, DAY + 3_600_005));
        assert_eq!(Use { precision: Precision::Hour, ..exact }.shown(), (DAY, DAY + HOUR_MS));
        let both = exact.and(counted);
        assert_eq!((both.shown(), both.calls, both.failures), ((DAY, DAY), 5, None));
    }

    #[test]
    fn the_same_calls_twice_are_twice_as_many() {
        let mut history = KeyHistory::default();
        history.add_trait(Trait::Region, "a", used(1, 2, 3));
        history.add_trait(Trait::Region, "a", used(1, 2, 3));
        assert_eq!(history.values(Trait::Region)[0].1.calls, 6);
    }

    #[test]
    fn a_network_is_new_only_for_a_key_that_is_not() {
        let mut history = KeyHistory::default();
        history.add(used(0, 30 * DAY, 9));
        history.add_trait(Trait::Network, "10.0.0.0/24", used(0, 30 * DAY, 8));
        history.add_trait(Trait::Network, "203.0.113.0/24", used(29 * DAY, 29 * DAY, 1));
        history.add_trait(Trait::Network, OTHER, used(29 * DAY, 29 * DAY, 1));
        assert_eq!(history.new_networks(7), ["203.0.113.0/24"]);
        assert_eq!(history.new_networks(31), Vec::<&str>::new());
        assert_eq!(history.unused_days(32 * DAY + 5), Some(2));
    }
}
