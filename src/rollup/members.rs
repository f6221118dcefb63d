//! The members of a family that occur, each with a small number in the order of appearance.
//!
//! Numbers depend on who came first and never leave memory; what is written is ordered by key.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

/// What separates the fields of a key; it cannot occur in them.
const SEPARATOR: char = '\0';

/// What an entity is: the account and the fields its family is keyed by, with the service's name folded for comparison.
/// Ordered field by field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey(Box<str>);

impl EntityKey {
    /// Joins the account and the family's fields. A NUL character inside a field, which no cloud writes, becomes U+FFFD.
    pub fn new<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut joined = String::new();
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
        Self(joined.into_boxed_str())
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

/// The distinct keys seen so far. Hashes are seeded by the process, for keys come from whoever can make a call.
#[derive(Debug, Default)]
pub struct Members {
    table: HashTable<u32>,
    keys: Vec<EntityKey>,
    hasher: RandomState,
    scratch: String,
}

impl Members {
    /// The number of `key`, new or known.
    pub fn intern(&mut self, key: EntityKey) -> u32 {
        let Self { table, keys, hasher, .. } = self;
        let hash = hasher.hash_one(key.as_str());
        let same = |&number: &u32| keys[number as usize] == key;
        if let Some(&number) = table.find(hash, same) {
            return number;
        }
        let number = keys.len() as u32;
        table.insert_unique(hash, number, |&other| hasher.hash_one(keys[other as usize].as_str()));
        keys.push(key);
        number
    }

    /// The number of the key made of these fields, if it is known; at less cost than making the key.
    pub fn find<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) -> Option<u32> {
        self.scratch.clear();
        for (position, field) in fields.into_iter().enumerate() {
            if position > 0 {
                self.scratch.push(SEPARATOR);
            }
            self.scratch.push_str(field);
        }
        let hash = self.hasher.hash_one(self.scratch.as_str());
        self.table.find(hash, |&number| self.keys[number as usize].as_str() == self.scratch).copied()
    }

    /// The number of `key`, if it is known.
    pub fn number(&self, key: &EntityKey) -> Option<u32> {
        let hash = self.hasher.hash_one(key.as_str());
        self.table.find(hash, |&number| self.keys[number as usize] == *key).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of a number.
    pub fn key(&self, number: u32) -> &EntityKey {
        &self.keys[number as usize]
    }

    /// The keys by number.
    pub fn keys(&self) -> &[EntityKey] {
        &self.keys
    }

    /// The keys in order, and for each number its place in that order.
    pub fn into_ordered(self) -> (Vec<EntityKey>, Vec<u32>) {
        let mut order: Vec<(EntityKey, u32)> = self.keys.into_iter().zip(0..).collect();
        order.sort_unstable();
        let mut rank = vec![0; order.len()];
        for (place, (_, number)) in order.iter().enumerate() {
            rank[*number as usize] = place as u32;
        }
        (order.into_iter().map(|(key, _)| key).collect(), rank)
    }
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
        let (ordered, rank) = members.into_ordered();
        assert_eq!(ordered.iter().map(EntityKey::label).collect::<Vec<_>>(), ["ec/sRun", "ecs/A", "ecs/Run"]);
        assert_eq!(rank, [2, 0, 1]);
        assert_eq!(EntityKey::new(["a\0b", "c"]).fields().count(), 2);
    }
}
