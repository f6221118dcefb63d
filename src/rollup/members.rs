//! The members of a family that occur, each with a small number in the order of appearance.
//!
//! Numbers depend on who came first and never leave memory; what is written is ordered by key. Most members of one day occur on
//! the next too, so keys are kept, and kept in order, from day to day.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::rollup::NONE;

/// What separates the fields of a key; it cannot occur in them.
pub(super) const SEPARATOR: char = '\0';

/// What an entity is: the account and the fields its family is keyed by, with the service's name folded for comparison.
/// Ordered field by field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey(Box<str>);

impl EntityKey {
    /// Joins the account and the family's fields. A NUL character inside a field, which no cloud writes, becomes U+FFFD.
    pub fn new<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut joined = String::new();
        Self::join(fields, &mut joined);
        Self(joined.into_boxed_str())
    }

    /// What [`EntityKey::as_str`] of these fields is, written over `joined`.
    pub(super) fn join<'a>(fields: impl IntoIterator<Item = &'a str>, joined: &mut String) {
        joined.clear();
        for (position, field) in fields.into_iter().enumerate() {
            if position > 0 {
                joined.push(SEPARATOR);
            }
            if field.contains(SEPARATOR) {
                joined.push_str(&field.replace(SEPARATOR, "\u{fffd}"));
            } else {
                joined.push_str(field);
            }
        }
    }

    /// The key whose [`EntityKey::as_str`] is `joined`.
    pub(crate) fn of_joined(joined: &str) -> Self {
        Self(joined.into())
    }

    /// The account, then the fields in the order of [`crate::rollup::Family::keyed_by`].
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.split(SEPARATOR)
    }

    /// The account; empty when the event named none.
    pub fn account(&self) -> &str {
        self.fields().next().unwrap_or_default()
    }

    /// The fields after the account, joined by a slash: how an entity is written in files and messages.
    pub fn label(&self) -> String {
        self.fields().skip(1).collect::<Vec<_>>().join("/")
    }

    /// The bytes that order keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The distinct keys seen so far. A key has a lasting number, and another on every day on which it occurs, so that the numbers
/// of a day are dense. Hashes are seeded by the process, for keys come from whoever can make a call.
#[derive(Debug, Default)]
pub struct Members {
    table: HashTable<u32>,
    hasher: RandomState,
    /// By lasting number.
    keys: Vec<EntityKey>,
    /// By lasting number the number of the day, or [`NONE`].
    of_day: Vec<u32>,
    /// By number of the day the lasting number.
    lasting: Vec<u32>,
    /// By lasting number the place in the order of keys, for the keys that were there when it was last asked for.
    ranks: Vec<u32>,
}

impl Members {
    /// The lasting number of `key`, new or known.
    pub fn intern(&mut self, key: EntityKey) -> u32 {
        let Self { table, keys, hasher, .. } = self;
        let hash = hasher.hash_one(key.as_str());
        if let Some(&number) = table.find(hash, |&number| keys[number as usize] == key) {
            return number;
        }
        let number = keys.len() as u32;
        table.insert_unique(hash, number, |&other| hasher.hash_one(keys[other as usize].as_str()));
        keys.push(key);
        self.of_day.push(NONE);
        number
    }

    /// The day's number for a lasting number, new or known.
    pub fn number_of_day(&mut self, lasting: u32) -> u32 {
        let number = &mut self.of_day[lasting as usize];
        if *number == NONE {
            *number = self.lasting.len() as u32;
            self.lasting.push(lasting);
        }
        *number
    }

    /// The day's number of `key`, if it occurs.
    pub fn number(&self, key: &EntityKey) -> Option<u32> {
        let hash = self.hasher.hash_one(key.as_str());
        let lasting = self.table.find(hash, |&number| self.keys[number as usize] == *key)?;
        Some(self.of_day[*lasting as usize]).filter(|&number| number != NONE)
    }

    /// How many there are in all.
    pub fn known(&self) -> usize {
        self.keys.len()
    }

    /// How many occur on the day.
    pub fn len(&self) -> usize {
        self.lasting.len()
    }

    /// Whether none occurs on the day.
    pub fn is_empty(&self) -> bool {
        self.lasting.is_empty()
    }

    /// The key of a number of the day.
    pub fn key(&self, number: u32) -> &EntityKey {
        &self.keys[self.lasting[number as usize] as usize]
    }

    /// The day's keys by number.
    pub fn keys(&self) -> impl Iterator<Item = &EntityKey> {
        self.lasting.iter().map(|&lasting| &self.keys[lasting as usize])
    }

    /// Begins a day on which nothing has occurred yet.
    pub fn begin_day(&mut self) {
        for lasting in self.lasting.drain(..) {
            self.of_day[lasting as usize] = NONE;
        }
    }

    /// The day's keys in order, and for each of its numbers the place in that order.
    pub fn in_order(&mut self) -> (Vec<EntityKey>, Vec<u32>) {
        self.rank_new_keys();
        let mut order: Vec<u32> = (0..self.lasting.len() as u32).collect();
        order.sort_unstable_by_key(|&number| self.ranks[self.lasting[number as usize] as usize]);
        let keys = order.iter().map(|&number| self.key(number).clone()).collect();
        (keys, inverse(&order))
    }

    fn rank_new_keys(&mut self) {
        let mut order = inverse(&self.ranks);
        if order.len() < self.keys.len() {
            let key = |&lasting: &u32| &self.keys[lasting as usize];
            let mut new: Vec<u32> = (order.len() as u32..self.keys.len() as u32).collect();
            new.sort_unstable_by(|left, right| key(left).cmp(key(right)));
            order.append(&mut new);
            // Two runs in order: a stable sort merges them.
            order.sort_by(|left, right| key(left).cmp(key(right)));
            self.ranks = inverse(&order);
        }
    }
}

/// Where each number stands in a permutation.
fn inverse(permutation: &[u32]) -> Vec<u32> {
    let mut places = vec![0; permutation.len()];
    for (place, &number) in permutation.iter().enumerate() {
        places[number as usize] = place as u32;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_field_by_field_and_cannot_be_confused() {
        let mut members = Members::default();
        let keys = [["1", "ecs", "Run"], ["1", "ec", "sRun"], ["1", "ecs", "A"]].map(EntityKey::new);
        assert_eq!(keys.clone().map(|key| members.intern(key)), [0, 1, 2]);
        assert_eq!(members.intern(keys[1].clone()), 1);
        for number in 0..3 {
            assert_eq!(members.number_of_day(number), number);
        }
        let (ordered, rank) = members.in_order();
        assert_eq!(ordered.iter().map(EntityKey::label).collect::<Vec<_>>(), ["ec/sRun", "ecs/A", "ecs/Run"]);
        assert_eq!(rank, [2, 0, 1]);
        assert_eq!(EntityKey::new(["a\0b", "c"]).fields().count(), 2);
    }

    #[test]
    fn a_day_knows_its_own_members_alone() {
        let mut members = Members::default();
        let key = |name| EntityKey::new(["1", name]);
        for (day, names) in [["d", "b"], ["c", "b"], ["a", "e"], ["e", "d"]].into_iter().enumerate() {
            members.begin_day();
            for (number, name) in names.into_iter().enumerate() {
                let lasting = members.intern(key(name));
                assert_eq!(members.number_of_day(lasting), number as u32);
                assert_eq!(members.keys[lasting as usize], key(name));
            }
            let mut sorted = names.map(key);
            sorted.sort();
            let (ordered, ranks) = members.in_order();
            assert_eq!(ordered, sorted, "day {day}");
            assert!((0..2).all(|number| ordered[ranks[number] as usize] == key(names[number])));
            assert_eq!((members.len(), members.keys().count(), members.number(&key("x"))), (2, 2, None));
            assert_eq!(members.number(&key("b")), names.iter().position(|&name| name == "b").map(|found| found as u32));
        }
        assert_eq!(members.known(), 5);
    }
}
