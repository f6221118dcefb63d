//! With whom some entities were seen on a day: the pairs of a few, by name. All that are beyond a cap go by one.
//!
//! Several questions may be asked of a day at once, for a file's families and kinds of pairs are each read once, whatever is asked of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use hashbrown::HashMap;

use crate::error::Result;
use crate::rollup::store::reading::{read_keys, read_pair_lists};
use crate::rollup::store::{pairs_path, rollup_path};
use crate::rollup::{Dimension, EntityKey, Family};
use crate::shown::OTHER;
use crate::storage::is_there;

/// Which side of a pair is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The left one: what it did, or where it was.
    Left,
    /// The right one: who did it.
    Right,
}

/// Whom some entities met, of those on the other side of a kind of pairs.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The kind of pairs.
    pub families: (Family, Family),
    /// The side that the entities are on.
    pub side: Side,
    /// The entities; any may be asked about more than once.
    pub wanted: &'a [EntityKey],
}

impl Question<'_> {
    fn own(&self) -> Family {
        if self.side == Side::Left { self.families.0 } else { self.families.1 }
    }

    fn other(&self) -> Family {
        if self.side == Side::Left { self.families.1 } else { self.families.0 }
    }
}

/// The other sides of an entity's pairs, as they are written in labels, with calls.
pub type Partners = BTreeMap<String, u64>;

/// The partners of each entity that a question names; `None` where the day has no pairs.
///
/// # Errors
/// [`crate::Error::Rollup`] when a file is damaged.
pub fn read_partners(state: &Path, date: NaiveDate, question: Question<'_>) -> Result<Option<Vec<Partners>>> {
    Ok(answer(state, date, &[question])?.and_then(|mut answers| answers.pop()))
}

/// What [`read_partners`] tells, of several questions in their order.
///
/// # Errors
/// As [`read_partners`].
pub fn answer(state: &Path, date: NaiveDate, questions: &[Question<'_>]) -> Result<Option<Vec<Vec<Partners>>>> {
    let (rollup, pairs) = (rollup_path(state, date), pairs_path(state, date));
    if !is_there(&rollup)? || !is_there(&pairs)? {
        return Ok(None);
    }
    let mut answers: Vec<Answer<'_>> = questions.iter().map(Answer::to).collect();
    find_wanted(&rollup, &mut answers)?;
    find_met(&pairs, &mut answers)?;
    name_met(&rollup, &mut answers)?;
    Ok(Some(answers.into_iter().map(|answer| answer.partners).collect()))
}

/// What is known of a question; entities go by their rows in the rollup's file.
struct Answer<'a> {
    question: &'a Question<'a>,
    /// By entity that is asked about, its places among the wanted.
    wanted: HashMap<u32, Vec<usize>>,
    /// By entity that was met, whoever met it and the calls.
    met: HashMap<u32, Vec<(usize, u64)>>,
    partners: Vec<Partners>,
}

impl<'a> Answer<'a> {
    fn to(question: &'a Question<'a>) -> Self {
        let partners = vec![Partners::new(); question.wanted.len()];
        Self { question, wanted: HashMap::new(), met: HashMap::new(), partners }
    }

    /// Takes those whom the entity `left` met, if it is asked about them or they about it.
    fn meet(&mut self, left: u32, rights: &[u32], calls: &[u32]) {
        let Self { question, wanted, met, .. } = self;
        let pairs = rights.iter().zip(calls);
        match question.side {
            Side::Left => {
                let Some(places) = wanted.get(&left) else { return };
                for (&right, &calls) in pairs {
                    met.entry(right).or_default().extend(places.iter().map(|&place| (place, u64::from(calls))));
                }
            }
            Side::Right => {
                for (right, &calls) in pairs {
                    let Some(places) = wanted.get(right) else { continue };
                    met.entry(left).or_default().extend(places.iter().map(|&place| (place, u64::from(calls))));
                }
            }
        }
    }
}

/// Answers by what `of` tells of their questions.
fn grouped<'answers, 'a, Key: Ord>(
    answers: &'answers mut [Answer<'a>],
    of: impl Fn(&Question<'a>) -> Key,
) -> BTreeMap<Key, Vec<&'answers mut Answer<'a>>> {
    let mut groups: BTreeMap<Key, Vec<&mut Answer<'a>>> = BTreeMap::new();
    answers.iter_mut().for_each(|answer| groups.entry(of(answer.question)).or_default().push(answer));
    groups
}

/// Finds the rows of those who are asked about.
fn find_wanted(rollup: &Path, answers: &mut [Answer<'_>]) -> Result<()> {
    for (family, mut answers) in grouped(answers, Question::own) {
        let all = answers.iter().enumerate().flat_map(|(number, answer)| {
            answer.question.wanted.iter().enumerate().map(move |(place, key)| (key.as_str(), number, place))
        });
        let mut wanted = all.collect::<BTreeSet<_>>().into_iter().peekable();
        // A family's keys ascend.
        read_keys(rollup, family, |key, _, row| {
            while wanted.next_if(|(own, ..)| *own < key).is_some() {}
            while let Some((_, number, place)) = wanted.next_if(|(own, ..)| *own == key) {
                answers[number].wanted.entry(row).or_default().push(place);
            }
        })?;
    }
    Ok(())
}

/// Finds the rows of those whom they met.
fn find_met(pairs: &Path, answers: &mut [Answer<'_>]) -> Result<()> {
    for (families, mut answers) in grouped(answers, |question| question.families) {
        answers.retain(|answer| !answer.wanted.is_empty());
        if !answers.is_empty() {
            read_pair_lists(pairs, families, |left, rights, calls| {
                answers.iter_mut().for_each(|answer| answer.meet(left, rights, calls));
            })?;
        }
    }
    Ok(())
}

/// Finds the labels of those whom they met.
fn name_met(rollup: &Path, answers: &mut [Answer<'_>]) -> Result<()> {
    for (family, mut answers) in grouped(answers, Question::other) {
        answers.retain(|answer| !answer.met.is_empty());
        if answers.is_empty() {
            continue;
        }
        read_keys(rollup, family, |key, service, row| {
            for Answer { met, partners, .. } in &mut answers {
                let Some(met) = met.get(&row) else { continue };
                let label = label(family, &EntityKey::of_joined(key), service);
                for &(place, calls) in met {
                    *partners[place].entry(label.clone()).or_default() += calls;
                }
            }
        })?;
    }
    Ok(())
}

/// The label of an entity with its service as it is spelled; one word for what is beyond a cap, whatever the family.
fn label(family: Family, key: &EntityKey, service: Option<&str>) -> String {
    if key.is_other() {
        return OTHER.to_owned();
    }
    let fields = key.fields().skip(1).zip(family.keyed_by());
    let spelled =
        fields.map(|(field, &dimension)| service.filter(|_| dimension == Dimension::Service).unwrap_or(field));
    spelled.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::store::owners::tests::{date, key, principal, write};

    const OWNERS: (Family, Family) = (Family::AccessKey, Family::Principal);

    #[test]
    fn what_is_asked_together_is_answered_as_it_is_alone() {
        let state = tempfile::tempdir().unwrap();
        write(state.path(), 0, &[("k1", "bob", 5), ("k1", "eve", 6), ("k2", "eve", 3)], true);
        let (keys, people) = ([key("k1"), key("k9"), key("k1")], [principal("eve"), principal("amy")]);
        let questions = [
            Question { families: OWNERS, side: Side::Left, wanted: &keys },
            Question { families: OWNERS, side: Side::Right, wanted: &people },
            Question { families: OWNERS, side: Side::Left, wanted: &[] },
        ];
        let met =
            |all: &[(&str, u64)]| -> Partners { all.iter().map(|&(name, calls)| (name.to_owned(), calls)).collect() };
        let of_k1 = met(&[("user/bob", 5), ("user/eve", 6)]);
        let expected = [vec![of_k1.clone(), met(&[]), of_k1], vec![met(&[("k1", 6), ("k2", 3)]), met(&[])], vec![]];
        assert_eq!(answer(state.path(), date(0), &questions).unwrap().unwrap(), expected);
        let alone = questions.map(|question| read_partners(state.path(), date(0), question).unwrap().unwrap());
        assert_eq!(alone, expected);
        std::fs::remove_file(pairs_path(state.path(), date(0))).unwrap();
        assert_eq!(answer(state.path(), date(0), &questions).unwrap(), None, "a day without pairs does not tell");
    }
}
