//! The events behind what correlations found: all of them, for an alert that names the callers and addresses of some is wrong about
//! the others.
//!
//! A correlation's match tells its group and its window. The events are those matches of its member rules that have the group's values
//! and lie in the window; where a member is a correlation itself, those of that one's own window before too.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::rules::matched::MatchedEvent;
use crate::rules::whitelist::Whitelist;
use crate::rules::{CorrelationMatch, Match, RuleSet};

/// How matches of a rule about single events reach a correlation.
#[derive(Debug, Clone)]
struct Way {
    /// The correlation.
    to: usize,
    /// The first correlation on the way, which may be that one: whitelists keep matches from it, and from no later one.
    first: usize,
    /// Where the values of its group are among the captures of a match.
    group: Vec<usize>,
    /// How long before the correlation's window the windows on the way may begin, in milliseconds.
    ahead: i64,
}

/// An event of a group, and how long before a window it may lie and yet belong to it.
type Member = (Arc<MatchedEvent>, i64);

/// The events of one group of a correlation, in order of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shared(Arc<Vec<Member>>);

/// The events of all groups of which something was found.
#[derive(Debug, Default)]
pub(super) struct Members(HashMap<(usize, Vec<String>), Shared>);

impl Shared {
    /// Those of the window from `first` to `last` that came after `moment`.
    pub(super) fn between(&self, first: i64, last: i64, moment: i64) -> impl Iterator<Item = &MatchedEvent> {
        let begin = self.0.partition_point(|(event, _)| event.time <= moment);
        let own = self.0[begin..].iter().take_while(move |(event, _)| event.time <= last);
        own.filter(move |(event, ahead)| event.time.saturating_add(*ahead) >= first).map(|(event, _)| &**event)
    }
}

impl Members {
    /// Gathers the events of what was found among the matches that the correlations looked at.
    pub(super) fn gather<'m>(
        rules: &RuleSet,
        whitelist: &Whitelist,
        found: &[CorrelationMatch],
        matches: impl Iterator<Item = &'m Match>,
    ) -> Self {
        let mut groups: HashMap<(usize, Vec<String>), Vec<Member>> =
            found.iter().map(|found| ((found.rule, found.group.clone()), Vec::new())).collect();
        let mut ways: BTreeMap<usize, Vec<Way>> = BTreeMap::new();
        let any = !groups.is_empty();
        for one in matches.filter(|_| any) {
            let hides = |rule: usize| whitelist.hides(&rules.rules()[rule], &one.event).is_some();
            let ways = ways.entry(one.rule).or_insert_with(|| ways_of(rules, one.rule));
            for way in ways.iter() {
                let value = |place: &usize| one.captures.get(*place).cloned().flatten();
                let Some(group) = way.group.iter().map(value).collect::<Option<Vec<String>>>() else { continue };
                if let Some(group) = groups.get_mut(&(way.to, group))
                    && !hides(one.rule)
                    && !hides(way.first)
                {
                    group.push((Arc::clone(&one.event), way.ahead));
                }
            }
        }
        let sorted = |mut group: Vec<Member>| {
            group.sort();
            Shared(Arc::new(group))
        };
        Self(groups.into_iter().map(|(group, members)| (group, sorted(members))).collect())
    }

    /// The events of a match's group.
    pub(super) fn of(&self, found: &CorrelationMatch) -> Shared {
        self.0.get(&(found.rule, found.group.clone())).cloned().unwrap_or_default()
    }
}

/// The ways from a rule to the correlations that are built on it.
fn ways_of(rules: &RuleSet, rule: usize) -> Vec<Way> {
    let direct = rules.links(rule).iter().map(|link| Way {
        to: link.correlation,
        first: link.correlation,
        group: link.group.clone(),
        ahead: 0,
    });
    let mut ways: Vec<Way> = direct.collect();
    let mut next = 0;
    while let Some(way) = ways.get(next).cloned() {
        next += 1;
        let window = rules.correlation(way.to).map_or(0, |correlation| correlation.window_ms);
        ways.extend(rules.links(way.to).iter().filter_map(|link| {
            let group =
                link.group.iter().map(|&place| way.group.get(place).copied()).collect::<Option<Vec<usize>>>()?;
            Some(Way { to: link.correlation, first: way.first, group, ahead: way.ahead.saturating_add(window) })
        }));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::join::{Joining, Thread};
    use crate::alert::occurrence::{Grouped, add_correlated};
    use crate::alert::sentence::{next_query, sentence};
    use crate::alert::{AlertSettings, Fingerprint};
    use crate::rules::parse::parse_text;
    use crate::rules::{Intake, RuleSettings};

    const RULES: &str = "title: Guess
id: guess
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Guess}, condition: s}
---
title: Entry
id: entry
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Entry}, condition: s}
---
title: Many guesses
id: many
correlation:
  type: event_count
  rules: [guess]
  group-by: [userIdentity.userName]
  timespan: 1h
  condition: {gte: 20}
---
title: In after many guesses
id: in
correlation:
  type: temporal_ordered
  rules: [many, entry]
  group-by: [userIdentity.userName]
  timespan: 10m
  generate: true
";

    fn set() -> RuleSet {
        let settings = RuleSettings::default();
        let set = RuleSet::link(vec![parse_text("f", RULES, &settings)], &settings);
        assert!(set.refusals().is_empty(), "{:?}", set.refusals());
        set
    }

    /// What was called each second, from an address of the network, by bob.
    fn called(rules: &RuleSet, calls: &[(&str, u8)]) -> Vec<Match> {
        let of = |(second, (call, address)): (usize, &(&str, u8))| Match {
            rule: rules.rules().iter().position(|rule| rule.id == call.to_lowercase()).unwrap(),
            event: Arc::new(MatchedEvent {
                time: second as i64 * 1000,
                event_id: Some(format!("e{second}").into()),
                event_name: Some((*call).into()),
                source_ip: Some(format!("192.0.2.{address}").into()),
                principal: Some("user/1".into()),
                user_name: Some("bob".into()),
                ..MatchedEvent::default()
            }),
            captures: vec![Some("bob".to_owned())],
        };
        calls.iter().enumerate().map(of).collect()
    }

    /// The sentence and the next query of the only alert of a rule.
    fn told(calls: &[(&str, u8)], id: &str) -> (String, String) {
        let (rules, whitelist) = (set(), Whitelist::default());
        let matches = called(&rules, calls);
        let mut intake = Intake::new(&rules, &whitelist);
        for found in &matches {
            intake.take(found);
        }
        let mut correlated = intake.finish(i64::MIN..i64::MAX).0;
        correlated.retain(|found| rules.rules()[found.rule].id == id);
        let members = Members::gather(&rules, &whitelist, &correlated, matches.iter());
        let mut grouped = Grouped::new();
        add_correlated(&mut grouped, &rules, correlated, &members);
        let (identity, occurrences) = grouped.values().next().unwrap();
        let settings = AlertSettings::default();
        let joining = Joining { settings: &settings, consecutive: 1, fingerprint: Fingerprint::new("", id, []) };
        let running = joining.join(&mut Thread::default(), occurrences).pop().unwrap().running;
        let keys = [("userIdentity.userName".to_owned(), "bob".to_owned())];
        (sentence(&rules.rules()[identity.rule], &running, &keys), next_query(&running, false, &keys))
    }

    #[test]
    fn an_address_among_the_first_of_many_members_is_not_lost() {
        let calls = |other| [vec![("Guess", 1); 30], vec![("Guess", other); 10]].concat();
        let (sentence, query) = told(&calls(2), "many");
        assert!(sentence.contains("40 matches within 1 h of userName bob from 2 addresses"), "{sentence}");
        assert!(!query.contains("--source-ip"), "{query}");
        let (sentence, query) = told(&calls(1), "many");
        assert!(sentence.contains("bob from 192.0.2.1"), "{sentence}");
        assert!(query.contains("--source-ip 192.0.2.1"), "{query}");
    }

    #[test]
    fn what_a_member_that_is_a_correlation_saw_belongs_to_it_too() {
        let calls = |guesser| [vec![("Guess", guesser); 8], vec![("Guess", 1); 14], vec![("Entry", 1)]].concat();
        let (sentence, query) = told(&calls(2), "in");
        assert!(sentence.contains("from 2 addresses"), "{sentence}");
        assert!(!query.contains("--source-ip"), "{query}");
        assert!(told(&calls(1), "in").1.contains("--source-ip 192.0.2.1"));
    }

    #[test]
    fn events_of_others_or_before_the_window_are_none() {
        let rules = set();
        let many = rules.rules().iter().position(|rule| rule.id == "many").unwrap();
        let matches = called(&rules, &[("Guess", 1), ("Guess", 2), ("Entry", 3), ("Guess", 4), ("Guess", 5)]);
        let found = |group: &str| CorrelationMatch {
            rule: many,
            group: vec![group.to_owned()],
            first: 1000,
            time: 3000,
            members: 2,
            value: 2.0,
            examples: Vec::new(),
        };
        let members = Members::gather(&rules, &Whitelist::default(), &[found("bob"), found("eve")], matches.iter());
        let seen = |group: &str, moment| {
            members.of(&found(group)).between(1000, 3000, moment).map(|event| event.time).collect::<Vec<_>>()
        };
        assert_eq!(seen("bob", i64::MIN), [1000, 3000]);
        assert_eq!(seen("bob", 1000), [3000]);
        assert!(seen("eve", i64::MIN).is_empty());
    }
}
