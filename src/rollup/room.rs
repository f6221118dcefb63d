//! How many names the counters of a day may hold of each family, all together.
//!
//! Threads meet the same names, so what they hold does not tell how many there are. Only when they hold more than there is room for do they
//! look closer: of the names they hold they put those into a common sample whose hashes say so, and its size tells how many are distinct.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;
use hashbrown::HashSet;

use crate::rollup::Family;
use crate::rollup::members::Members;

/// So many names make a sample: it is right to some hundredths.
const SAMPLE: usize = 4096;

/// A family has more names than there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The room that counters share on a day.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    hasher: RandomState,
    /// One of so many names is in the sample.
    one_of: u64,
    /// By family the names that all counters hold.
    held: [AtomicUsize; Family::COUNT],
    samples: [Mutex<HashSet<u64, RandomState>>; Family::COUNT],
}

/// How many of its names a counter has told of, by family.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Noted {
    held: [usize; Family::COUNT],
    sampled: [usize; Family::COUNT],
}

impl Room {
    /// Room for so many names of each family.
    pub(super) fn of(most: usize) -> Self {
        Self {
            most,
            hasher: RandomState::default(),
            one_of: (most / SAMPLE).max(1) as u64,
            held: Default::default(),
            samples: Default::default(),
        }
    }

    /// Takes note of the names that a counter has come to hold.
    pub(super) fn take(&self, family: Family, members: &Members, told: &mut Noted) -> Result<(), Full> {
        let (place, count) = (family as usize, members.len());
        let new = count - told.held[place];
        if new == 0 {
            return Ok(());
        }
        told.held[place] = count;
        let held = self.held[place].fetch_add(new, Ordering::Relaxed) + new;
        if held > self.most && self.distinct(family, members, &mut told.sampled[place]) > self.most as u64 {
            return Err(Full);
        }
        Ok(())
    }

    /// The families that fill more than half of their room: where one has too many names, so soon may these.
    pub(super) fn crowded(&self) -> Vec<Family> {
        let is_crowded = |family: &Family| self.held[*family as usize].load(Ordering::Relaxed) > self.most / 2;
        Family::ALL.into_iter().filter(is_crowded).collect()
    }

    /// About how many distinct names there are among those that counters have told of; all of them where few make the sample.
    fn distinct(&self, family: Family, members: &Members, sampled: &mut usize) -> u64 {
        let new = (*sampled..members.len()).map(|number| self.hasher.hash_one(members.key(number as u32).as_str()));
        let mut sample = self.samples[family as usize].lock().unwrap_or_else(PoisonError::into_inner);
        sample.extend(new.filter(|hash| hash % self.one_of == 0));
        *sampled = members.len();
        sample.len() as u64 * self.one_of
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::EntityKey;

    const FAMILY: Family = Family::AccessKey;

    /// Lets several counters meet names in turn; gives how many distinct ones there were when room was out.
    fn full_at(most: usize, counters: usize, name: impl Fn(usize, usize) -> usize, rounds: usize) -> Option<usize> {
        let room = Room::of(most);
        let mut all: Vec<(Members, Noted)> = (0..counters).map(|_| Default::default()).collect();
        let mut distinct = std::collections::BTreeSet::new();
        for round in 0..rounds {
            for (counter, (members, told)) in all.iter_mut().enumerate() {
                let name = name(counter, round);
                distinct.insert(name);
                let lasting = members.intern(EntityKey::new(["1", &name.to_string()]));
                members.number_of_day(lasting);
                if room.take(FAMILY, members, told).is_err() {
                    return Some(distinct.len());
                }
            }
        }
        None
    }

    #[test]
    fn names_that_all_counters_meet_need_room_once() {
        assert_eq!(full_at(100, 4, |_, round| round, 100), None);
        assert_eq!(full_at(100, 4, |_, round| round, 101), Some(101));
        // Counters tell of what they hold when they meet the next name.
        let full = full_at(100, 4, |counter, round| counter * 1000 + round, 27);
        assert!(full.is_some_and(|full| (101..105).contains(&full)), "{full:?}");
    }

    #[test]
    fn many_names_are_told_from_a_sample() {
        let most = 40 * SAMPLE;
        let full = full_at(most, 2, |counter, round| counter * most + round, most).unwrap();
        assert!((most * 9 / 10..most * 11 / 10).contains(&full), "{full} of {most}");
        assert_eq!(full_at(most, 2, |_, round| round, most * 9 / 10), None);
    }
}
