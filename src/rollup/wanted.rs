//! Numbers for the rows of those who go back to the events of a few entities: which of these a row belongs to, and what it says of itself.
//!
//! Unlike [`Keyer`](crate::rollup::keys::Keyer), nothing here grows with the names that events hold: whoever is not looked for has no number,
//! and of what rows say only so much is remembered.

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::partition::TextColumn;
pub(crate) use crate::rollup::combine::PairNumbers;
use crate::rollup::combine::{Combination, Meaning};
use crate::rollup::inputs::inputs_of;
use crate::rollup::meanings::principal_key;
use crate::rollup::members::EntityKey;
use crate::rollup::plain_keys::key_of;
use crate::rollup::{Family, NONE};

/// Some entities of a family, each with a number.
#[derive(Debug)]
pub struct WantedKeys {
    family: Family,
    combination: Combination,
    numbers: HashMap<EntityKey, u32, RandomState>,
}

impl WantedKeys {
    /// Nobody yet.
    pub fn new(family: Family) -> Self {
        Self { family, combination: Combination::default(), numbers: HashMap::default() }
    }

    /// The number of an entity, which is looked for from now on; to be asked before any row is.
    pub fn want(&mut self, key: &EntityKey) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(key.clone()).or_insert(next)
    }

    /// What tells the entities apart: places in [`INPUTS`](crate::rollup::keys::INPUTS).
    pub fn inputs(&self) -> impl Iterator<Item = usize> + use<> {
        inputs_of(self.family).iter().map(|&input| input as usize)
    }

    /// Writes for each row the number of its entity, or [`NONE`]; `columns` are those of [`WantedKeys::inputs`].
    pub fn number_rows(&mut self, columns: &[&TextColumn], rows: usize, numbers: &mut Vec<u32>) {
        let mut wanted = Wanted { family: self.family, numbers: &self.numbers };
        self.combination.number_rows(columns, rows, numbers, &mut wanted);
    }
}

struct Wanted<'keys> {
    family: Family,
    numbers: &'keys HashMap<EntityKey, u32, RandomState>,
}

impl Meaning for Wanted<'_> {
    fn lasting(&mut self, texts: &[Option<&str>]) -> u32 {
        key_of(self.family)(texts).and_then(|key| self.numbers.get(&key).copied()).unwrap_or(NONE)
    }

    fn of_day(&mut self, lasting: u32) -> u32 {
        lasting
    }
}

/// What the texts of a row come to, if they say anything.
pub type Saying = fn(&[Option<&str>]) -> Option<String>;

/// Sayings that are remembered; where there are more, memory begins anew.
const MOST_SAYINGS: usize = 1 << 16;

/// Numbers for what rows say.
#[derive(Debug)]
pub struct Sayings {
    say: Saying,
    combination: Combination,
    numbers: HashMap<String, u32, RandomState>,
    texts: Vec<String>,
}

impl Sayings {
    /// Nothing was said yet.
    pub fn new(say: Saying) -> Self {
        Self { say, combination: Combination::default(), numbers: HashMap::default(), texts: Vec::new() }
    }

    /// Writes for each row the number of what its columns say, or [`NONE`]. Numbers hold until the next call.
    pub fn number_rows(&mut self, columns: &[&TextColumn], rows: usize, numbers: &mut Vec<u32>) {
        if self.texts.len() > MOST_SAYINGS {
            *self = Self::new(self.say);
        }
        let mut said = Said { say: self.say, numbers: &mut self.numbers, texts: &mut self.texts };
        self.combination.number_rows(columns, rows, numbers, &mut said);
    }

    /// By number what was said.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

struct Said<'sayings> {
    say: Saying,
    numbers: &'sayings mut HashMap<String, u32, RandomState>,
    texts: &'sayings mut Vec<String>,
}

impl Meaning for Said<'_> {
    fn lasting(&mut self, texts: &[Option<&str>]) -> u32 {
        let Some(said) = (self.say)(texts) else { return NONE };
        let next = self.texts.len() as u32;
        let number = *self.numbers.entry_ref(&said[..]).or_insert(next);
        if number == next {
            self.texts.push(said);
        }
        number
    }

    fn of_day(&mut self, lasting: u32) -> u32 {
        lasting
    }
}

/// Who calls, as kind and id, by the caller's account, the type of the identity and its id.
pub fn principal_label(texts: &[Option<&str>]) -> Option<String> {
    principal_key(texts).map(|key| key.label())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};

    use super::*;

    fn column(texts: Vec<String>) -> TextColumn {
        TextColumn::from_array(&(Arc::new(StringArray::from(texts)) as ArrayRef)).unwrap()
    }

    #[test]
    fn whoever_is_not_looked_for_has_no_number() {
        let mut wanted = WantedKeys::new(Family::SourceIp);
        let key = |account: &str, address: &str| EntityKey::new([account, address]);
        assert_eq!([wanted.want(&key("1", "192.0.2.7")), wanted.want(&key("2", "192.0.2.7"))], [0, 1]);
        assert_eq!(wanted.want(&key("1", "192.0.2.7")), 0);
        let addresses = column(["192.0.2.7", "192.0.2.8", "::ffff:192.0.2.7"].map(str::to_owned).to_vec());
        let mut numbers = Vec::new();
        wanted.number_rows(&[&TextColumn::constant(Some("2")), &addresses], 3, &mut numbers);
        assert_eq!(numbers[..2], [1, NONE]);
        assert_eq!(wanted.inputs().count(), 2);
    }

    #[test]
    fn however_much_is_said_memory_is_bounded_and_numbers_hold() {
        let mut sayings = Sayings::new(|texts| texts[0].map(|text| text[..text.len() - 1].to_owned()));
        let mut numbers = Vec::new();
        for round in 0..4 {
            let texts: Vec<String> =
                (0..40_000).map(|number| format!("{}{}", round * 40_000 + number / 2, number % 2)).collect();
            sayings.number_rows(&[&column(texts.clone())], texts.len(), &mut numbers);
            for (text, &number) in texts.iter().zip(&numbers) {
                assert_eq!(sayings.texts()[number as usize], text[..text.len() - 1]);
            }
            assert!(sayings.texts().len() <= MOST_SAYINGS + 20_000);
        }
    }
}
