//! What those who call are called: the names of users and roles, by principal.
//!
//! Names are what people know and identifiers are what lasts, so a name is told of its own principal alone: the commonest one among the
//! calls of an episode may be somebody else's.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::without_session;
use crate::insight::events::investigate::top;
use crate::insight::events::values::add;

/// Principals whose names are told apart; those of the rest are nobody's.
const MOST_PRINCIPALS: usize = 10_000;
/// Whose names these are where no principal is known, or too many are.
const NOBODY: &str = "";

/// Names and their calls, by principal as `kind/id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names(BTreeMap<String, BTreeMap<String, u64>>);

impl Names {
    /// Adds calls of a principal under a name.
    pub fn add(&mut self, principal: &str, name: &str, calls: u64) {
        if let Some(names) = self.0.get_mut(principal) {
            return add(names, name, calls);
        }
        let is_told = self.0.len() < MOST_PRINCIPALS;
        let names = self.0.entry(if is_told { principal } else { NOBODY }.to_owned()).or_default();
        add(names, name, calls);
    }

    /// Adds what others tell.
    pub fn absorb(&mut self, others: &Self) {
        for (principal, names) in &others.0 {
            names.iter().for_each(|(name, &calls)| self.add(principal, name, calls));
        }
    }

    /// The name that a principal goes by most often, with its session if it is that of a role.
    pub fn of(&self, principal: &str) -> Option<&str> {
        top(self.0.get(principal)?, 1).first().map(|(name, _)| *name)
    }

    /// The session of a role by which it made all of its calls; `None` where there were several, and for users.
    pub fn session_of(&self, principal: &str) -> Option<&str> {
        let mut names = self.0.get(principal)?.keys();
        let only = names.next().filter(|_| names.next().is_none())?;
        only.strip_prefix(without_session(only))?.strip_prefix(':').filter(|session| !session.is_empty())
    }

    /// All names, whosever they are.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// The most frequent names, so many of all.
    #[must_use]
    pub fn most(&self, count: usize) -> Self {
        let mut all: Vec<(Reverse<u64>, &str, &str)> = Vec::new();
        for (principal, names) in &self.0 {
            all.extend(names.iter().map(|(name, &calls)| (Reverse(calls), principal.as_str(), name.as_str())));
        }
        all.sort_unstable();
        let mut most = Self::default();
        all.into_iter().take(count).for_each(|(calls, principal, name)| most.add(principal, name, calls.0));
        most
    }
}

impl<'a> FromIterator<(&'a str, &'a str, u64)> for Names {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str, u64)>>(told: T) -> Self {
        let mut names = Self::default();
        told.into_iter().for_each(|(principal, name, calls)| names.add(principal, name, calls));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_principals_alone() {
        let mut names: Names =
            [("user/1", "alice", 2), ("user/2", "bob", 9), ("user/1", "al", 1)].into_iter().collect();
        assert_eq!((names.of("user/1"), names.of("user/2"), names.of("root/7")), (Some("alice"), Some("bob"), None));
        names.absorb(&[("user/1", "al", 5)].into_iter().collect());
        assert_eq!((names.of("user/1"), names.all().count()), (Some("al"), 3));
        assert_eq!(names.most(2), [("user/2", "bob", 9), ("user/1", "al", 6)].into_iter().collect());
    }

    #[test]
    fn a_role_is_told_by_its_session_where_there_is_one() {
        let names: Names =
            [("role/1", "team:ann", 2), ("role/2", "ops:a", 1), ("role/2", "ops:b", 1), ("role/3", "ci", 1)]
                .into_iter()
                .collect();
        assert_eq!(
            ["role/1", "role/2", "role/3", "role/4"].map(|role| names.session_of(role)),
            [Some("ann"), None, None, None]
        );
    }

    #[test]
    fn however_many_principals_there_are_they_are_bounded() {
        let mut names = Names::default();
        (0..MOST_PRINCIPALS + 5).for_each(|number| names.add(&format!("user/{number}"), "x", 1));
        assert_eq!(names.0.len(), MOST_PRINCIPALS + 1);
        assert_eq!(names.0[NOBODY]["x"], 5);
    }
}
