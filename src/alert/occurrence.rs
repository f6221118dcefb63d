//! A match as alerts see it: of a rule about single events or of a correlation, with the fingerprint it falls under.
//!
//! How occurrences become alerts is told by [`join`](crate::alert::join); here nothing is joined yet, only put in an
//! order that does not depend on where a match was read.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::alert::Fingerprint;
use crate::alert::members::{Members, Shared};
use crate::rules::matched::MatchedEvent;
use crate::rules::plan::{Body, Correlation, Rule};
use crate::rules::{CorrelationMatch, Match, RuleSet};

/// Fields that hold an account, in the order in which they are asked.
pub(super) const ACCOUNTS: [&str; 4] =
    ["recipientAccountId", "recipient_account_id", "userIdentity.accountId", "account_id"];

/// What happened at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The moment, in milliseconds.
    pub time: i64,
    /// What.
    pub what: What,
}

/// An event that matched, or a correlation that held.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// An event.
    Event(Arc<MatchedEvent>),
    /// A correlation, with the events of all its group.
    Correlation(Arc<CorrelationMatch>, Shared),
}

/// What tells a rule's alerts apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The rule's position.
    pub rule: usize,
    /// The account; empty where the rule's group does not tell it.
    pub account: String,
    /// The values of its keys, in the rule's order.
    pub keys: Vec<Option<String>>,
}

/// Occurrences by fingerprint, each in order of time.
pub type Grouped = BTreeMap<Fingerprint, (Identity, Vec<Occurrence>)>;

impl Occurrence {
    /// The first event of it.
    pub fn first(&self) -> i64 {
        match &self.what {
            What::Event(_) => self.time,
            What::Correlation(found, _) => found.first,
        }
    }

    /// The events of it that came after a moment, earliest first.
    pub fn events_after(&self, moment: i64) -> Box<dyn Iterator<Item = &MatchedEvent> + '_> {
        match &self.what {
            What::Event(event) => Box::new(std::iter::once(&**event)),
            What::Correlation(found, events) => Box::new(events.between(found.first, found.time, moment)),
        }
    }

    /// Ids of its events, earliest first.
    pub fn ids(&self) -> Vec<&str> {
        match &self.what {
            What::Event(event) => event.event_id.as_deref().into_iter().collect(),
            What::Correlation(found, _) => found.examples.iter().rev().map(|id| &**id).collect(),
        }
    }

    /// A correlation's members in its window.
    pub fn members(&self) -> u64 {
        if let What::Correlation(found, _) = &self.what { found.members } else { 0 }
    }

    /// An order that does not depend on where an occurrence was read. A correlation fires but once at a moment.
    fn order(&self) -> (i64, i64, Option<&MatchedEvent>) {
        let event = if let What::Event(event) = &self.what { Some(&**event) } else { None };
        (self.time, self.first(), event)
    }
}

impl Identity {
    /// The identity of a match of a rule about single events.
    pub fn of_match(rules: &RuleSet, found: &Match) -> Self {
        let key = |place: &usize| found.captures.get(*place).cloned().flatten();
        Self {
            rule: found.rule,
            account: found.event.account.as_deref().unwrap_or_default().to_owned(),
            keys: rules.keys(found.rule).iter().map(key).collect(),
        }
    }

    /// The identity of a correlation's match: the values of its group.
    pub fn of_correlation(correlation: &Correlation, found: &CorrelationMatch) -> Self {
        let place = |field: &&str| correlation.group_by.iter().position(|known| known == *field);
        let account = ACCOUNTS.iter().find_map(place).and_then(|place| found.group.get(place));
        Self {
            rule: found.rule,
            account: account.cloned().unwrap_or_default(),
            keys: found.group.iter().cloned().map(Some).collect(),
        }
    }

    /// The fingerprint.
    pub fn fingerprint(&self, rule: &Rule) -> Fingerprint {
        Fingerprint::new(&self.account, &rule.id, self.keys.iter().map(Option::as_deref))
    }

    /// The keys by the names of their fields.
    pub fn named_keys(&self, rule: &Rule) -> BTreeMap<String, Option<String>> {
        let names = match &rule.body {
            Body::Detection(_) => &rule.fields,
            Body::Correlation(correlation) => &correlation.group_by,
        };
        names.iter().cloned().zip(self.keys.iter().cloned()).collect()
    }
}

/// What a match shows of its fingerprint: its rule, its account, its captures.
type Shown<'m> = (usize, Option<&'m str>, &'m [Option<String>]);

/// Matches of rules about single events, by fingerprint, in the order of time in which they come.
pub fn by_fingerprint<'m>(rules: &RuleSet, found: impl Iterator<Item = &'m Match>) -> Grouped {
    // Nearly all matches show what one before them showed; only a new sight is worth a hash.
    let mut fingerprints: HashMap<Shown<'m>, Fingerprint> = HashMap::new();
    let mut grouped = Grouped::new();
    for found in found {
        let shown = (found.rule, found.event.account.as_deref(), found.captures.as_slice());
        let fingerprint = *fingerprints.entry(shown).or_insert_with(|| {
            let identity = Identity::of_match(rules, found);
            let fingerprint = identity.fingerprint(&rules.rules()[identity.rule]);
            grouped.entry(fingerprint).or_insert_with(|| (identity, Vec::new()));
            fingerprint
        });
        let occurrence = Occurrence { time: found.event.time, what: What::Event(Arc::clone(&found.event)) };
        grouped.entry(fingerprint).and_modify(|(_, occurrences)| occurrences.push(occurrence));
    }
    grouped
}

/// Adds what correlations found, and puts all occurrences in order. `members` are the events that they looked at.
pub(super) fn add_correlated(
    grouped: &mut Grouped,
    rules: &RuleSet,
    correlated: Vec<CorrelationMatch>,
    members: &Members,
) {
    for found in correlated {
        let Some(correlation) = rules.correlation(found.rule) else { continue };
        let identity = Identity::of_correlation(correlation, &found);
        let fingerprint = identity.fingerprint(&rules.rules()[identity.rule]);
        let (time, events) = (found.time, members.of(&found));
        let (_, occurrences) = grouped.entry(fingerprint).or_insert_with(|| (identity, Vec::new()));
        occurrences.push(Occurrence { time, what: What::Correlation(Arc::new(found), events) });
    }
    for (_, occurrences) in grouped.values_mut() {
        occurrences.sort_by(|left, right| left.order().cmp(&right.order()));
    }
}
