//! Incidents: insights that tell one story, because they share time and culprit.
//!
//! A stolen key that deletes resources raises an `IpInsight`, an `AkInsight` and an `ApiCallRateInsight`. Two insights of an account belong
//! together if they go the same way, are in the same hours or in adjacent ones, and agree on an actor: the entity of one, or
//! a first attribution with more than half of the change, is that of the other. With less an insight that several share equally would name the
//! key of one and the address of another. An API and those that mostly call it agree as well, if they share at least
//! half of the shorter one's time. Several episodes of one entity in a night belong together whenever they are, if an actor is the same, and a
//! rise and a drop of it that are as near, or as large: what is missing here was done there. An insight that agrees with nobody is an
//! incident of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::detect::Direction;
use crate::insight::life::alike::{Groups, Member, Span, join_near, join_overlapping};
use crate::insight::{Attribute, Insight, Severity};
use crate::rollup::Family;
use crate::shown::OTHER;

/// A change is a moment; what happens so near to it counts as at the same time.
const AROUND_A_CHANGE: i64 = 30;
/// What is no more minutes apart is in adjacent hours.
const ADJACENT: i64 = 60;
/// What moves within a day is no more minutes apart.
const MOVED_WITHIN: i64 = 720;
/// A rise and a drop of an entity are as large if one is at most so many times the other.
const AS_LARGE: f64 = 2.0;

/// Who an incident is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Culprit {
    /// The attribute that names it.
    pub attribute: Attribute,
    /// Its value.
    pub value: String,
}

/// An insight's place in its incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IncidentPart {
    /// The incident; the same in every re-run, and from night to night while an episode of it goes on.
    pub id: Uuid,
    /// Its rank among the night's incidents, from 1, the most serious first; alerts that agree count when they are known.
    pub rank: u32,
    /// How many insights it has.
    pub parts: u32,
    /// Whom most of its gravest insights name.
    pub culprit: Option<Culprit>,
}

/// Insights that tell one story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// The same in every re-run.
    pub id: Uuid,
    /// From 1, the most serious first.
    pub rank: u32,
    /// That of its most serious insight.
    pub severity: Severity,
    /// Whom most of its gravest insights name.
    pub culprit: Option<Culprit>,
    /// When the first of its insights starts.
    pub start: DateTime<Utc>,
    /// When the last of them ends.
    pub end: DateTime<Utc>,
    /// Its insights, the most serious first.
    pub parts: Vec<Uuid>,
}

/// Groups insights, which stand in the order of their seriousness, and puts incident after incident.
pub fn group(insights: &mut [Insight]) -> Vec<Incident> {
    let mut taken = BTreeSet::new();
    let mut incidents: Vec<(Incident, Vec<usize>)> =
        groups(insights).into_iter().map(|own| (incident(insights, &own, &mut taken), own)).collect();
    // The first insight of a group is its most serious one, and groups stand in the order of their first.
    for (place, (incident, own)) in incidents.iter_mut().enumerate() {
        incident.rank = place as u32 + 1;
        for &insight in own.iter() {
            let (id, rank, culprit) = (incident.id, incident.rank, incident.culprit.clone());
            insights[insight].incident = IncidentPart { id, rank, parts: own.len() as u32, culprit };
        }
    }
    insights.sort_by_key(|insight| insight.incident.rank);
    incidents.into_iter().map(|(incident, _)| incident).collect()
}

/// The insights of each group, ascending; groups in the order of their first.
fn groups(insights: &[Insight]) -> Vec<Vec<usize>> {
    let named: Vec<Naming> = insights.iter().map(Naming::of).collect();
    let mut at_once: BTreeMap<Shared<'_>, Vec<Member>> = BTreeMap::new();
    let mut by_actor: BTreeMap<Shared<'_>, Vec<(Span, usize)>> = BTreeMap::new();
    let mut again: BTreeMap<Again<'_>, usize> = BTreeMap::new();
    let mut groups = Groups::alone(insights.len());
    for (place, (insight, named)) in insights.iter().zip(&named).enumerate() {
        for (what, agrees_with_all) in named.apis() {
            let shared = (insight.account.as_str(), insight.direction, what);
            let member = Member { thing: place, span: span(insight), agrees_with_all };
            at_once.entry(shared).or_default().push(member);
        }
        for actor in &named.actors {
            let shared = (insight.account.as_str(), insight.direction, (actor.attribute, actor.value.as_str()));
            by_actor.entry(shared).or_default().push((moments(insight), place));
            let same = (insight.family, insight.direction, insight.account.as_str(), insight.entity.as_str(), actor);
            groups.join(*again.entry(same).or_insert(place), place);
        }
    }
    at_once.values_mut().for_each(|members| join_overlapping(members, &mut groups));
    by_actor.values_mut().for_each(|members| join_near(members, milliseconds(ADJACENT), &mut groups));
    join_moved(insights, &mut groups);
    let mut own: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    groups.firsts().into_iter().enumerate().for_each(|(insight, first)| own.entry(first).or_default().push(insight));
    own.into_values().collect()
}

/// What insights that happen at once can agree on: account, direction, and an actor or an API.
type Shared<'a> = (&'a str, Direction, (Attribute, &'a str));
/// What episodes of one entity have in common, whenever they are.
type Again<'a> = (Family, Direction, &'a str, &'a str, &'a Culprit);

fn milliseconds(minutes: i64) -> i64 {
    Duration::minutes(minutes).num_milliseconds()
}

fn moments(insight: &Insight) -> Span {
    (insight.start.timestamp_millis(), insight.end.timestamp_millis())
}

fn span(insight: &Insight) -> Span {
    let around = milliseconds(if insight.family == Family::Change { AROUND_A_CHANGE } else { 0 });
    let (start, end) = moments(insight);
    (start - around, end + around)
}

/// Joins the rises and the drops of an entity where one is next to the other, or where all of them come to about as much.
fn join_moved(insights: &[Insight], groups: &mut Groups) {
    let mut entities: BTreeMap<(Family, &str, &str), Vec<usize>> = BTreeMap::new();
    for (place, insight) in insights.iter().enumerate().filter(|(_, insight)| insight.model.is_some()) {
        entities.entry((insight.family, &insight.account, &insight.entity)).or_default().push(place);
    }
    for mut own in entities.into_values() {
        own.sort_by_key(|&place| (moments(&insights[place]), place));
        let is_as_large = are_as_large(own.iter().map(|&place| &insights[place]));
        for two in own.windows(2) {
            let (one, next) = (&insights[two[0]], &insights[two[1]]);
            let is_near = one.direction != next.direction && next.start - one.end <= Duration::minutes(ADJACENT);
            let is_soon = next.start - one.end <= Duration::minutes(MOVED_WITHIN);
            if is_near || is_as_large && is_soon {
                groups.join(two[0], two[1]);
            }
        }
    }
}

/// Whether there are about as many calls too many as there are too few.
fn are_as_large<'a>(insights: impl Iterator<Item = &'a Insight>) -> bool {
    let (mut many, mut few) = (0.0, 0.0);
    for insight in insights {
        let excess = insight.measured.observed as f64 - insight.measured.expected;
        *(if insight.direction == Direction::Up { &mut many } else { &mut few }) += excess.abs();
    }
    many > 0.0 && (1.0 / AS_LARGE..=AS_LARGE).contains(&(few / many))
}

/// What an insight names.
struct Naming {
    actors: Vec<Culprit>,
    /// The API that it is about.
    own_api: Option<String>,
    /// The API that it is attributed to.
    api: Option<String>,
}

impl Naming {
    fn of(insight: &Insight) -> Self {
        let mut actors: Vec<Culprit> = own_actor(insight).into_iter().collect();
        actors.extend(Attribute::ACTORS.into_iter().filter_map(|attribute| {
            let value = insight.attribution(attribute)?.culprit()?;
            Some(Culprit { attribute, value: value.to_owned() })
        }));
        actors.dedup();
        let own_api = match insight.family {
            Family::Api | Family::ApiError => insight.apis().first().map(|api| api.to_lowercase()),
            _ => None,
        };
        Self { actors, own_api, api: attributed_api(insight).map(str::to_lowercase) }
    }

    /// The APIs that it can agree on with others, and whether with all of those that name it. Two that are attributed to one API do not agree
    /// by that, but each does with the API itself.
    fn apis(&self) -> impl Iterator<Item = ((Attribute, &str), bool)> {
        let own = self.own_api.as_deref().map(|api| ((Attribute::Api, api), true));
        let other = self.api.as_deref().filter(|api| self.own_api.as_deref() != Some(api));
        own.into_iter().chain(other.map(|api| ((Attribute::Api, api), false)))
    }
}

fn own_actor(insight: &Insight) -> Option<Culprit> {
    let (attribute, value) = match insight.family {
        Family::Principal => (Attribute::Principal, insight.entity.clone()),
        Family::AccessKey => (Attribute::AccessKey, insight.entity.clone()),
        Family::SourceIp => (Attribute::SourceAddress, insight.entity.clone()),
        Family::Change => (Attribute::Principal, insight.changed_by()?),
        _ => return None,
    };
    Some(Culprit { attribute, value })
}

/// The API that explains an insight best, if one stands out.
fn attributed_api(insight: &Insight) -> Option<&str> {
    let found = insight.attribution(Attribute::Api).filter(|found| !found.broad)?;
    found.insight.first().map(|share| share.value.as_str()).filter(|value| *value != OTHER)
}

fn incident(insights: &[Insight], own: &[usize], taken: &mut BTreeSet<Uuid>) -> Incident {
    let parts = || own.iter().map(|&insight| &insights[insight]);
    let earliest = parts().min_by_key(|insight| (insight.start, insight.id));
    // Of a story that falls apart only the most serious part goes on with its id.
    let carried = parts().filter_map(|insight| insight.life.incident).filter(|id| !taken.contains(id)).min();
    let founded = earliest.map_or_else(Uuid::nil, |insight| founded(insight.id, taken));
    let id = carried.unwrap_or(founded);
    taken.insert(id);
    Incident {
        id,
        rank: 0,
        severity: parts().map(|insight| insight.severity).max().unwrap_or(Severity::Informational),
        culprit: culprit(parts()),
        start: earliest.map_or(DateTime::UNIX_EPOCH, |insight| insight.start),
        end: parts().map(|insight| insight.end).max().unwrap_or(DateTime::UNIX_EPOCH),
        parts: parts().map(|insight| insight.id).collect(),
    }
}

/// The id of a story that begins with an insight, if it is not one that this insight founded on an earlier night.
fn founded(first: Uuid, taken: &BTreeSet<Uuid>) -> Uuid {
    let mut id = story_of(first);
    while taken.contains(&id) {
        id = story_of(id);
    }
    id
}

/// The id of the story that an insight begins.
pub(super) fn story_of(insight: Uuid) -> Uuid {
    Uuid::new_v5(&insight, b"incident")
}

/// The actor that most of the gravest insights name, then most of the next graver ones, and so on: many small things beside it do not outvote an
/// attack. Of equals the first of [`Attribute::ACTORS`], then of values.
fn culprit<'a>(parts: impl Iterator<Item = &'a Insight>) -> Option<Culprit> {
    let mut counts: BTreeMap<Culprit, [usize; Severity::ALL.len()]> = BTreeMap::new();
    for part in parts {
        let graver = Severity::Critical as usize - part.severity as usize;
        Naming::of(part).actors.into_iter().for_each(|actor| counts.entry(actor).or_default()[graver] += 1);
    }
    counts.into_iter().min_by_key(|(_, counts)| Reverse(*counts)).map(|(actor, _)| actor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Direction;
    use crate::insight::Measured;
    use crate::insight::example::rate;
    use crate::insight::{Attribution, Life, Share};

    fn insight(family: Family, entity: &str, start: i64, end: i64) -> Insight {
        let moment = |minute: i64| DateTime::UNIX_EPOCH + Duration::minutes(minute);
        Insight {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{entity}/{start}").as_bytes()),
            account: "1".to_owned(),
            family,
            entity: entity.to_owned(),
            start: moment(start),
            end: moment(end),
            attributions: Vec::new(),
            actor: None,
            incident: IncidentPart::default(),
            ..rate()
        }
    }

    fn by(mut insight: Insight, attribute: Attribute, value: &str) -> Insight {
        let share = Share { average: 1.0, value: value.to_owned() };
        insight.attributions.push(Attribution {
            attribute,
            insight: vec![share],
            most: true,
            baseline: None,
            broad: false,
        });
        insight
    }

    fn ranks(mut insights: Vec<Insight>) -> Vec<u32> {
        let ids: Vec<Uuid> = insights.iter().map(|insight| insight.id).collect();
        group(&mut insights);
        let rank = |id: &Uuid| insights.iter().find(|insight| insight.id == *id).unwrap().incident.rank;
        ids.iter().map(rank).collect()
    }

    #[test]
    fn a_stolen_key_is_one_story() {
        let key = by(insight(Family::AccessKey, "LTAI1", 60, 80), Attribute::SourceAddress, "192.0.2.1");
        let address = by(insight(Family::SourceIp, "192.0.2.1", 60, 80), Attribute::Principal, "user/7");
        let api = by(insight(Family::Api, "Oss/GetObject", 61, 80), Attribute::AccessKey, "LTAI1");
        let mut change = insight(Family::Change, "permission/Ram/AttachPolicyToUser/user/7", 95, 96);
        change.fields = ["permission", "Ram", "AttachPolicyToUser", "user", "7"].map(str::to_owned).to_vec();
        let other = by(insight(Family::Api, "Ecs/RunInstances", 60, 80), Attribute::AccessKey, "LTAI2");
        let mut insights = vec![key, other, address, api, change];
        let incidents = group(&mut insights);
        assert_eq!(incidents.iter().map(|incident| incident.parts.len()).collect::<Vec<_>>(), [4, 1]);
        assert_eq!(insights.iter().map(|insight| insight.incident.rank).collect::<Vec<_>>(), [1, 1, 1, 1, 2]);
        let culprit = incidents[0].culprit.as_ref().unwrap();
        assert_eq!((culprit.attribute, culprit.value.as_str()), (Attribute::Principal, "user/7"));
    }

    #[test]
    fn several_episodes_of_an_entity_are_one_story_if_the_actor_is_the_same() {
        let at = |start, end| insight(Family::AccessKey, "LTAI1", start, end);
        assert_eq!(ranks(vec![at(60, 80), at(300, 320)]), [1, 1]);
        let api = |start, end, who| by(insight(Family::Api, "Ecs/RunInstances", start, end), Attribute::Principal, who);
        assert_eq!(ranks(vec![api(60, 80, "user/7"), api(300, 320, "user/7")]), [1, 1]);
        assert_eq!(ranks(vec![api(60, 80, "user/7"), api(300, 320, "user/8")]), [1, 2]);
    }

    #[test]
    fn time_account_direction_and_actor_must_agree() {
        let key = || by(insight(Family::AccessKey, "LTAI1", 60, 80), Attribute::Principal, "user/7");
        let principal = || insight(Family::Principal, "user/7", 60, 80);
        assert_eq!(ranks(vec![key(), principal()]), [1, 1]);
        assert_eq!(ranks(vec![key(), insight(Family::Principal, "user/8", 60, 80)]), [1, 2]);
        assert_eq!(ranks(vec![key(), insight(Family::Principal, "user/7", 140, 200)]), [1, 1], "in the next hour");
        assert_eq!(ranks(vec![key(), insight(Family::Principal, "user/7", 141, 200)]), [1, 2]);
        assert_eq!(ranks(vec![key(), Insight { account: "2".to_owned(), ..principal() }]), [1, 2]);
        assert_eq!(ranks(vec![key(), Insight { direction: Direction::Down, ..principal() }]), [1, 2]);
        let mut half = key();
        half.attributions[0].most = false;
        assert_eq!(ranks(vec![half, principal()]), [1, 2], "one of two is not the actor");
    }

    #[test]
    fn what_two_did_alike_joins_nothing() {
        // An API that two met from networks of their own, once each: the principal of one comes first, and the key of the other.
        let mut api = by(insight(Family::Api, "Rds/GetRdsConfig", 60, 120), Attribute::Principal, "role/team");
        api = by(by(api, Attribute::AccessKey, "LTAI1"), Attribute::SourceAddress, "192.0.2.1");
        api.attributions.iter_mut().for_each(|found| found.most = false);
        let thief = by(insight(Family::AccessKey, "LTAI1", 60, 80), Attribute::Principal, "user/7");
        let busy = by(insight(Family::SourceIp, "198.51.100.1", 60, 120), Attribute::Principal, "role/team");
        assert_eq!(ranks(vec![thief, busy, api]), [1, 2, 3]);
    }

    #[test]
    fn the_gravest_insight_says_who_it_was() {
        let of = |severity, entity: &str, who: &str| Insight {
            severity,
            ..by(insight(Family::Api, entity, 60, 80), Attribute::Principal, who)
        };
        let attack = || by(of(Severity::High, "Kms/GetSecretValue", "user/7"), Attribute::AccessKey, "LTAI2");
        let beside = |entity| by(of(Severity::Informational, entity, "role/team"), Attribute::AccessKey, "LTAI2");
        let culprit = |insights: Vec<Insight>| group(&mut { insights })[0].culprit.clone().unwrap().value;
        let few = vec![attack(), beside("Ecs/DescribeDisks"), beside("Vpc/ListVpcs")];
        assert_eq!(culprit(few), "LTAI2", "all of them name the key");
        let mut whose = vec![attack(), beside("Ecs/DescribeDisks"), beside("Vpc/ListVpcs")];
        whose.push(Insight { severity: Severity::High, ..insight(Family::Principal, "user/7", 60, 80) });
        assert_eq!(culprit(whose), "user/7", "both of the grave ones name the user, and one the key");
    }

    #[test]
    fn what_an_entity_does_at_other_hours_is_one_story_with_what_it_does_not() {
        let at = |start, end, direction, observed, expected| Insight {
            direction,
            measured: Measured { observed, expected, ..rate().measured },
            ..insight(Family::Principal, "user/7", start, end)
        };
        let rise = || at(600, 700, Direction::Up, 50, 5.0);
        assert_eq!(ranks(vec![rise(), at(700, 760, Direction::Down, 0, 400.0)]), [1, 1], "in the next hour");
        assert_eq!(ranks(vec![rise(), at(900, 960, Direction::Down, 0, 60.0)]), [1, 1], "as large");
        assert_eq!(ranks(vec![rise(), at(900, 960, Direction::Down, 0, 400.0)]), [1, 2]);
        let other = insight(Family::Principal, "user/8", 900, 960);
        let measured = Measured { observed: 0, expected: 60.0, ..rate().measured };
        assert_eq!(ranks(vec![rise(), Insight { direction: Direction::Down, measured, ..other }]), [1, 2]);
    }

    #[test]
    fn a_night_with_very_many_findings_comes_to_its_end() {
        // Comparing each with each, and naming all anew each time, would be 4 * 10^12 steps.
        let count = 20_000;
        let address = |number: i64| {
            let own = insight(Family::SourceIp, &format!("address {number}"), number % 1400, number % 1400 + 30);
            by(own, Attribute::Principal, "role/leaked")
        };
        let incidents = group(&mut (0..count).map(address).collect::<Vec<_>>());
        assert_eq!(incidents.iter().map(|incident| incident.parts.len()).collect::<Vec<_>>(), [count as usize]);
        let apart = |number: i64| insight(Family::SourceIp, &format!("address {number}"), 0, 30);
        assert_eq!(group(&mut (0..count).map(apart).collect::<Vec<_>>()).len(), count as usize);
    }

    #[test]
    fn an_incident_keeps_the_id_that_an_earlier_night_gave_it() {
        let before = Uuid::from_u128(7);
        let carried = Insight {
            life: Life { incident: Some(before), ..Life::default() },
            ..insight(Family::Principal, "user/7", 0, 80)
        };
        let mut insights =
            vec![by(insight(Family::AccessKey, "LTAI1", 60, 80), Attribute::Principal, "user/7"), carried];
        assert_eq!(group(&mut insights)[0].id, before);
    }

    #[test]
    fn a_story_that_falls_apart_leaves_its_id_to_one_part() {
        let founder = insight(Family::Principal, "user/7", 0, 80);
        let other = insight(Family::Principal, "user/8", 0, 80);
        let story = story_of(founder.id);
        for order in [[&founder, &other], [&other, &founder]] {
            let carried =
                |of: &Insight| Insight { life: Life { incident: Some(story), ..Life::default() }, ..of.clone() };
            let incidents = group(&mut order.map(carried));
            assert_eq!(incidents.iter().filter(|incident| incident.id == story).count(), 1);
            assert_eq!((incidents.len(), incidents[0].id), (2, story), "the most serious goes on with it");
        }
    }
}
