//! What texts were found to mean, by the texts as they are written: row groups repeat one another, and so do days.
//!
//! Texts that a whole row group shares are set aside as its context, so that what is hashed and compared for each distinct value
//! is short. A memory may forget at any time.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::{HashMap, HashTable};

/// Texts are remembered up to this many bytes; beyond, the memory begins anew.
const MEMORY_BYTES: usize = 1 << 24;

/// Spreads contexts over hashes: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Something that was learnt: where it is written, in which context, and its number.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    length: u32,
    context: u32,
    number: u32,
}

/// Numbers by context and text.
#[derive(Debug, Default)]
pub(super) struct Memory {
    table: HashTable<Entry>,
    hasher: RandomState,
    /// All texts, one after another.
    written: Vec<u8>,
    contexts: HashMap<Vec<u8>, u32, RandomState>,
    /// The context that is in force, and its number.
    context: Vec<u8>,
    context_number: u32,
    hashes: Vec<u64>,
}

impl Memory {
    /// What is asked for from now on is said in this context.
    pub(super) fn set_context(&mut self, context: &[u8]) {
        self.context.clear();
        self.context.extend(context);
        self.number_context();
    }

    fn number_context(&mut self) {
        let next = self.contexts.len() as u32;
        self.context_number = *self.contexts.entry_ref(&self.context[..]).or_insert(next);
    }

    /// The number of a text, if it was learnt.
    pub(super) fn recall(&self, text: &[u8]) -> Option<u32> {
        self.find(self.hash(text), text)
    }

    /// The number of each text, or `unknown`. All hashes are taken first: then one look-up need not wait for another.
    pub(super) fn recall_all<'text>(
        &mut self,
        texts: impl Iterator<Item = &'text [u8]> + Clone,
        unknown: u32,
        numbers: &mut Vec<u32>,
    ) {
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.clear();
        hashes.extend(texts.clone().map(|text| self.hash(text)));
        numbers.clear();
        numbers.extend(hashes.iter().zip(texts).map(|(&hash, text)| self.find(hash, text).unwrap_or(unknown)));
        self.hashes = hashes;
    }

    /// Learns the number of a text that is not known.
    pub(super) fn learn(&mut self, text: &[u8], number: u32) {
        if self.written.len() > MEMORY_BYTES {
            *self = Self { context: std::mem::take(&mut self.context), ..Self::default() };
            self.number_context();
        }
        let hash = self.hash(text);
        let (start, length, context) = (self.written.len() as u32, text.len() as u32, self.context_number);
        self.written.extend(text);
        let Self { table, hasher, written, .. } = self;
        let rehash = |entry: &Entry| mix(hasher.hash_one(text_of(written, entry)), entry.context);
        table.insert_unique(hash, Entry { start, length, context, number }, rehash);
    }

    fn hash(&self, text: &[u8]) -> u64 {
        mix(self.hasher.hash_one(text), self.context_number)
    }

    fn find(&self, hash: u64, text: &[u8]) -> Option<u32> {
        let same = |entry: &Entry| entry.context == self.context_number && text_of(&self.written, entry) == text;
        self.table.find(hash, same).map(|entry| entry.number)
    }
}

fn text_of<'bytes>(written: &'bytes [u8], entry: &Entry) -> &'bytes [u8] {
    &written[entry.start as usize..][..entry.length as usize]
}

fn mix(hash: u64, context: u32) -> u64 {
    hash ^ u64::from(context).wrapping_mul(SPREAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_something_else_in_another_context() {
        let mut memory = Memory::default();
        for (round, context) in ["one", "two", "one"].into_iter().enumerate() {
            memory.set_context(context.as_bytes());
            let known = [("a", 0), ("", 1)];
            for (text, number) in known {
                let number = number + 10 * context.len() as u32 + u32::from(context == "two");
                let found = memory.recall(text.as_bytes());
                assert_eq!(found, (round == 2).then_some(number), "{context} {text}");
                if found.is_none() {
                    memory.learn(text.as_bytes(), number);
                }
            }
            let mut numbers = vec![7];
            memory.recall_all(["", "b"].into_iter().map(str::as_bytes), 99, &mut numbers);
            assert_eq!(numbers[1], 99);
            assert_eq!(Some(numbers[0]), memory.recall(b""));
        }
    }

    #[test]
    fn what_grows_too_large_is_forgotten_and_learnt_anew() {
        let mut memory = Memory::default();
        memory.set_context(b"other");
        memory.set_context(b"context");
        let text = |number: u32| format!("{number:01000}");
        let count = (MEMORY_BYTES / 1000) as u32 + 5;
        (0..count).for_each(|number| memory.learn(text(number).as_bytes(), number));
        assert_eq!(memory.recall(text(0).as_bytes()), None);
        assert_eq!(memory.recall(text(count - 1).as_bytes()), Some(count - 1));
        memory.set_context(b"other");
        assert_eq!(memory.recall(text(count - 1).as_bytes()), None);
    }
}
