//! Who is behind an insight, and whether that is somebody who may do anything.
//!
//! Of a rise that is who explains most of what is too much: an API that somebody calls all day is not his when another one floods it. Where what is
//! usual is not known, it is the principal of most of the calls; of a drop, who is missing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::detect::{Direction, Model};
use crate::event::{PrincipalKind, without_session};
use crate::insight::attribute::Attribute;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::top;
use crate::insight::events::names::Names;
use crate::insight::{Attribution, Insight};
use crate::rollup::Family;
use crate::shown::{OTHER, clipped};

/// From this share of the calls on, one value speaks for all.
pub(in crate::insight) const SPEAKS_FOR_ALL: f64 = 0.6;
/// Roles and users that are administrators by their name.
const ADMINISTRATOR_WORDS: [&str; 3] = ["admin", "administrator", "superuser"];

/// The principal that explains most of the change, or made most of the calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// What kind of thing it is, as [`PrincipalKind::name`] has it.
    pub kind: String,
    /// Its lasting identifier.
    pub id: String,
    /// Its name, where events tell one; a session's name is cut off.
    pub name: Option<String>,
}

impl Actor {
    /// The actor that the events show, if one principal made most of the calls.
    pub(in crate::insight) fn of(evidence: &Evidence) -> Option<Self> {
        let principal = dominant(evidence, Attribute::Principal)?;
        Some(Self::of_entity(&principal)?.called(&evidence.names))
    }

    /// The same by the name that it goes by most often, without the session of a role.
    pub(in crate::insight) fn called(self, names: &Names) -> Self {
        let name = names.of(&format!("{}/{}", self.kind, self.id)).map(|name| without_session(name).to_owned());
        Self { name, ..self }
    }

    /// The actor that an entity `kind/id` is, for insights without any events.
    pub(crate) fn of_entity(entity: &str) -> Option<Self> {
        let (kind, id) = entity.split_once('/')?;
        Some(Self { kind: kind.to_owned(), id: id.to_owned(), name: None })
    }

    /// Whether it may do anything: the account's owner, or a user or role that is called an administrator.
    pub fn is_privileged(&self) -> bool {
        self.kind == PrincipalKind::Root.name() || self.name.iter().any(|name| is_administrator(name))
    }

    /// Whether it stands for all those whom events do not name.
    pub fn is_nameless(&self) -> bool {
        self.id.is_empty() && self.name.is_none() && self.kind != PrincipalKind::Root.name()
    }

    /// `user alice`, `root of 1599…`.
    pub fn shown(&self) -> String {
        if self.is_nameless() {
            return "somebody whom no event names".to_owned();
        }
        if self.kind == PrincipalKind::Root.name() {
            return format!("root of {}", clipped(&self.id));
        }
        format!("{} {}", self.kind, clipped(self.name.as_ref().unwrap_or(&self.id)))
    }
}

/// Who is behind it. Of a drop that is who is missing: those who still call are behind nothing.
pub(in crate::insight) fn behind(
    insight: &Insight,
    evidence: &Evidence,
    name_of: impl Fn(&str) -> Option<String>,
) -> Option<Actor> {
    let called = |principal: &str| Actor::of_entity(principal).map(|actor| Actor { name: name_of(principal), ..actor });
    let own = || match insight.family {
        Family::Principal => called(&insight.entity),
        Family::Change => called(&insight.changed_by()?),
        _ => None,
    };
    match (insight.direction, insight.family) {
        (Direction::Up, _) | (_, Family::Principal | Family::Change) => {
            let who = match compared(insight) {
                Some(principals) => risen(principals, evidence).and_then(called),
                None => Actor::of(evidence),
            };
            who.or_else(own)
        }
        (Direction::Down, _) => called(missing(insight)?),
    }
}

/// What the principals are called that are attributed, or were usual.
pub(in crate::insight) fn names(
    insight: &Insight,
    name_of: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let found = insight.attribution(Attribute::Principal).into_iter();
    let shares = found.flat_map(|found| found.insight.iter().chain(found.baseline.iter().flatten()));
    shares.filter_map(|share| Some((share.value.clone(), name_of(&share.value)?))).collect()
}

/// The principals of a rise, held against the week before; first meetings and changes are no more than what was done.
fn compared(insight: &Insight) -> Option<&Attribution> {
    let is_rise = insight.model.is_some_and(|model| model != Model::FirstSeen);
    insight.attribution(Attribute::Principal).filter(|found| is_rise && found.baseline.is_some())
}

/// Whose calls rose most surely, if that explains most of it, or that one makes most of them: who makes most of them as ever is behind nothing.
fn risen<'a>(principals: &'a Attribution, evidence: &Evidence) -> Option<&'a str> {
    let first = principals.insight.first().map(|share| share.value.as_str()).filter(|value| *value != OTHER)?;
    let makes_most = || dominant_calls(evidence, Attribute::Principal).is_some_and(|(value, _)| value == first);
    (principals.most || makes_most()).then_some(first)
}

/// The principal that explains a drop, where one stands out against the week before.
fn missing(insight: &Insight) -> Option<&str> {
    let found = insight.attribution(Attribute::Principal).filter(|found| found.baseline.is_some() && !found.broad)?;
    found.insight.first().map(|share| share.value.as_str()).filter(|value| *value != OTHER)
}

/// Whether one of the words of a name says administrator; words end where case or a sign changes.
fn is_administrator(name: &str) -> bool {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
        lower_before = character.is_lowercase();
    }
    words.iter().any(|word| ADMINISTRATOR_WORDS.contains(&word.as_str()))
}

/// The value that most calls have, if one does.
pub(super) fn dominant(evidence: &Evidence, attribute: Attribute) -> Option<String> {
    dominant_calls(evidence, attribute).map(|(value, _)| value.to_owned())
}

/// The value that most calls have, if one does, and how many have it; what stands for many is none.
pub(super) fn dominant_calls(evidence: &Evidence, attribute: Attribute) -> Option<(&str, u64)> {
    dominant_of(&evidence.values[attribute])
}

/// The same of values with their calls.
pub(in crate::insight) fn dominant_of(values: &BTreeMap<String, u64>) -> Option<(&str, u64)> {
    let total: u64 = values.values().sum();
    let first = top(values, 1).first().copied().filter(|(value, _)| *value != OTHER)?;
    (first.1 as f64 >= SPEAKS_FOR_ALL * total as f64).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Share;
    use crate::insight::example::rate;

    #[test]
    fn administrators_are_known_by_a_word_of_their_name() {
        for name in ["ram-admin", "AdministratorAccess", "OrganizationAdmin", "admin", "ops_superuser"] {
            assert!(is_administrator(name), "{name}");
        }
        for name in ["badminton", "administrative-report", "alice", ""] {
            assert!(!is_administrator(name), "{name}");
        }
    }

    #[test]
    fn those_whom_no_event_names_are_told_as_such() {
        let shown = |entity: &str| Actor::of_entity(entity).unwrap().shown();
        assert_eq!(shown("unknown/"), "somebody whom no event names");
        assert_eq!((shown("user/7"), shown("root/1")), ("user 7".to_owned(), "root of 1".to_owned()));
    }

    #[test]
    fn who_made_no_calls_goes_by_the_name_of_before() {
        let names = [("role/343", "app-role:one", 3), ("role/344", "other", 5)].into_iter().collect();
        assert_eq!(Actor::of_entity("role/343").unwrap().called(&names).shown(), "role app-role");
        assert_eq!(Actor::of_entity("role/343").unwrap().called(&Names::default()).shown(), "role 343");
    }

    #[test]
    fn nobody_goes_by_the_name_of_another() {
        let values = |principals: &[(&str, u64)]| {
            let mut values = crate::insight::events::values::Values::default();
            values[Attribute::Principal] =
                principals.iter().map(|&(principal, calls)| (principal.to_owned(), calls)).collect();
            values
        };
        // Services and many sessions are told without a name.
        let evidence = Evidence {
            values: values(&[("service/backup", 70), ("role/343", 30)]),
            names: [("role/343", "ram-admin:session", 30)].into_iter().collect(),
            ..Evidence::default()
        };
        let actor = Actor::of(&evidence).unwrap();
        assert_eq!((actor.shown().as_str(), actor.is_privileged()), ("service backup", false));
        let role = Evidence { values: values(&[("role/343", 30)]), ..evidence };
        let actor = Actor::of(&role).unwrap();
        assert_eq!((actor.shown().as_str(), actor.is_privileged()), ("role ram-admin", true));
    }

    #[test]
    fn who_floods_what_another_one_calls_all_day_is_behind_it() {
        let share = |value: &str, average| Share { value: value.to_owned(), average };
        let principals = Attribution {
            attribute: Attribute::Principal,
            insight: vec![share("user/thief", 2.0), share("user/busy", 9.0)],
            baseline: Some(vec![share("user/busy", 9.0)]),
            broad: false,
            most: true,
        };
        let mut evidence = Evidence::default();
        evidence.values[Attribute::Principal] = [("user/thief".to_owned(), 20), ("user/busy".to_owned(), 90)].into();
        let of = |principals: &Attribution| {
            let insight = Insight { attributions: vec![principals.clone()], ..rate() };
            behind(&insight, &evidence, |_| None).map(|actor| actor.id)
        };
        let thief = Some("thief".to_owned());
        assert_eq!(of(&principals), thief);
        let some = Attribution { most: false, ..principals.clone() };
        assert_eq!(of(&some), None, "who calls as ever is behind nothing");
        let busy = Some("busy".to_owned());
        let insight = vec![principals.insight[1].clone(), principals.insight[0].clone()];
        assert_eq!(of(&Attribution { insight, ..some }), busy, "whose calls rose most, and who makes most of them");
        assert_eq!(of(&Attribution { baseline: None, ..principals }), busy, "what is usual is not known");
    }

    #[test]
    fn the_owner_is_privileged_whatever_the_name() {
        let actor = Actor { kind: "root".into(), id: "1599".into(), name: None };
        assert!(actor.is_privileged());
        assert_eq!(actor.shown(), "root of 1599");
    }
}
