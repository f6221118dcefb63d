//! Whom an entity met for the first time, and how that is said.
//!
//! Of many new ones twenty of a sort are listed and three are named; how many there are is told exactly or as a lower bound, never guessed. Whether
//! a meeting is surprising was judged in [`detect::first_seen`](crate::detect::first_seen).

use serde::Serialize;

use crate::event::network;
use crate::insight::attribute::Attribute;
use crate::insight::events::evidence::Evidence;
use crate::insight::meaning::next_query::with_company;
use crate::insight::meaning::sentence::{subject, who};
use crate::insight::{Insight, InsightType};
use crate::rollup::Family;
use crate::shown::{clipped, counted, number, span};

/// New partners of a family that are listed.
pub(in crate::insight) const LISTED: usize = 20;
/// New partners that a sentence names.
const NAMED: usize = 3;

/// Whom an entity met for the first time, and how often it meets somebody new.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCompany {
    /// Networks, the least known to others first.
    pub networks: Vec<String>,
    /// APIs, the same.
    pub apis: Vec<String>,
    /// Regions, the same.
    pub regions: Vec<String>,
    /// How many there are in all; of each sort at most 20 are listed.
    pub total: usize,
    /// Whether one of the networks was known to no other entity of the family.
    pub unknown_network: bool,
    /// How many new ones it usually meets on a day on which it is active.
    pub usual: f64,
    /// Days of history that were looked back on.
    pub days: usize,
    /// Days since it was last active, where they are many.
    pub silent_days: Option<usize>,
    /// The family that all its events are with new ones of, if these are all listed; the first such.
    #[serde(skip)]
    pub shared: Option<Family>,
}

impl NewCompany {
    /// The new ones of a family that are listed.
    fn listed(&self, family: Family) -> &[String] {
        match family {
            Family::Network => &self.networks,
            Family::Region => &self.regions,
            _ => &self.apis,
        }
    }

    /// Whether all of them are listed.
    pub(super) fn are_all_listed(&self) -> bool {
        self.networks.len() + self.apis.len() + self.regions.len() >= self.total
    }

    /// How many of its events are with those of a family that are listed.
    pub(in crate::insight) fn calls_with(&self, family: Family, evidence: &Evidence) -> u64 {
        let listed = self.listed(family);
        let is_own = |value: &String| match family {
            Family::Network => value.parse().is_ok_and(|address| listed.contains(&network(address))),
            _ => listed.iter().any(|own| own.eq_ignore_ascii_case(value)),
        };
        let attribute = match family {
            Family::Network => Attribute::SourceAddress,
            Family::Region => Attribute::Region,
            _ => Attribute::Api,
        };
        evidence.values[attribute].iter().filter(|(value, _)| is_own(value)).map(|(_, calls)| calls).sum()
    }

    /// How many new ones of a family there are; `None` where that is not known, for several lists are full.
    fn count(&self, family: Family) -> Option<usize> {
        let own = self.listed(family).len();
        let all = [Family::Network, Family::Region, Family::Api];
        let others = || all.into_iter().filter(|other| *other != family).map(|other| self.listed(other).len());
        match own {
            LISTED.. if others().all(|others| others < LISTED) => self.total.checked_sub(others().sum()),
            LISTED.. => None,
            own => Some(own),
        }
    }
}

/// `AccessKey LTAI…x was used from the network 203.0.113.0/24, unknown to all other keys, and called 6 APIs (…) for the first time
/// in 28 days between 11:40 and 11:50 UTC; usual: 0.1 new ones a day`.
pub(in crate::insight) fn sentence(insight: &Insight, evidence: &Evidence) -> String {
    let Some(company) = &insight.new_company else { return String::new() };
    let who = subject(insight.family, &insight.entity, who(insight, evidence));
    let did: Vec<String> =
        [used_from(insight, company), called(company), worked_in(company)].into_iter().flatten().collect();
    let all = counted(company.days as u64, "day", "days");
    let days = match insight.measured.days_hidden {
        0 => format!("for the first time in {all} "),
        _ => String::new(),
    };
    let unknown = not_in_full(insight.measured.days_hidden, &all);
    let when = span(insight.start, insight.end);
    let usual = if company.usual < 0.05 { "less than 0.1".to_owned() } else { format!("{:.1}", company.usual) };
    let silence = company.silent_days.map_or(String::new(), |days| {
        format!("; after {}", counted(days.saturating_sub(1) as u64, "silent day", "silent days"))
    });
    let calls = calls(insight) + others(company);
    format!("{who} {} {days}{when}{silence}{unknown}{calls}; usual: {usual} new ones a day", did.join(" and "))
}

/// `; 44 calls in all, 26 of them failed`; nothing of one that did not.
fn calls(insight: &Insight) -> String {
    match (insight.measured.observed, insight.measured.errors) {
        (0 | 1, 0) => String::new(),
        (0 | 1, _) => "; the call failed".to_owned(),
        (calls, 0) => format!("; {} calls in all", number(calls)),
        (calls, failed) if failed >= calls => format!("; all {} calls failed", number(calls)),
        (calls, failed) => format!("; {} calls in all, {} of them failed", number(calls), number(failed)),
    }
}

/// Says so where its new ones are too many for a query that finds no other calls.
fn others(company: &NewCompany) -> &'static str {
    if with_company(company).is_some() { "" } else { "; the next query finds its other calls of that time as well" }
}

/// `; not known to have done so before, but 3 of 28 days were not counted in full`: on them a cap left names out.
fn not_in_full(days: usize, all: &str) -> String {
    match days {
        0 => String::new(),
        1 => format!("; not known to have done so before, but 1 of {all} was not counted in full"),
        days => {
            format!("; not known to have done so before, but {} of {all} were not counted in full", number(days as u64))
        }
    }
}

fn used_from(insight: &Insight, company: &NewCompany) -> Option<String> {
    let by_whom = match insight.insight_type {
        InsightType::AkInsight => ", unknown to all other keys,",
        InsightType::PrincipalInsight => ", unknown to everybody else,",
        _ => ", unknown to all other APIs,",
    };
    let verb = if insight.family == Family::Api { "was called" } else { "was used" };
    let verb = if insight.family == Family::Principal { "called" } else { verb };
    let unknown = if company.unknown_network { by_whom } else { "" };
    match &company.networks[..] {
        [] => None,
        [network] => Some(format!("{verb} from the network {network}{unknown}")),
        _ => Some(format!("{verb} from {}", several(company, Family::Network, "networks"))),
    }
}

fn called(company: &NewCompany) -> Option<String> {
    match &company.apis[..] {
        [] => None,
        [api] => Some(format!("called {}", clipped(api))),
        _ => Some(format!("called {}", several(company, Family::Api, "APIs"))),
    }
}

fn worked_in(company: &NewCompany) -> Option<String> {
    match &company.regions[..] {
        [] => None,
        [region] => Some(format!("was active in {}", clipped(region))),
        _ => Some(format!("was active in {}", several(company, Family::Region, "regions"))),
    }
}

/// `44 APIs (Rds/DeleteRdsItem, Rds/DeleteRdsSet, Vpc/DeleteVpcItem and 41 more)`.
fn several(company: &NewCompany, family: Family, what: &str) -> String {
    let listed = company.listed(family);
    let names = listed.iter().take(NAMED).map(|value| clipped(value)).collect::<Vec<_>>().join(", ");
    let Some(count) = company.count(family) else {
        return format!("at least {LISTED} {what} ({names} and others)");
    };
    let more = if count > NAMED { format!(" and {} more", number((count - NAMED) as u64)) } else { String::new() };
    format!("{} {what} ({names}{more})", number(count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Measured;
    use crate::insight::example::rate;

    fn told(company: NewCompany, observed: u64, errors: u64) -> String {
        let insight = Insight {
            insight_type: InsightType::PrincipalInsight,
            family: Family::Principal,
            new_company: Some(NewCompany { days: 28, ..company }),
            measured: Measured { observed, errors, ..rate().measured },
            ..rate()
        };
        sentence(&insight, &Evidence::default())
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("Ecs/Call{number}")).collect()
    }

    #[test]
    fn how_many_there_are_is_told_though_not_all_are_listed() {
        let company = NewCompany { apis: names(LISTED), regions: names(1), total: 45, ..NewCompany::default() };
        let said = told(company, 44, 26);
        let begin =
            "user svc-25 called 44 APIs (Ecs/Call0, Ecs/Call1, Ecs/Call2 and 41 more) and was active in Ecs/Call0 for";
        assert!(said.starts_with(begin), "{said}");
        assert!(said.contains("; 44 calls in all, 26 of them failed; the next query finds its other"), "{said}");
        let two = NewCompany { apis: names(LISTED), networks: names(LISTED), total: 60, ..NewCompany::default() };
        assert!(told(two, 9, 9).contains("called at least 20 APIs (Ecs/Call0, Ecs/Call1, Ecs/Call2 and others)"));
        let few = NewCompany { apis: names(2), total: 2, ..NewCompany::default() };
        let said = told(few, 1, 0);
        assert!(said.contains("called 2 APIs (Ecs/Call0, Ecs/Call1) for") && !said.contains("in all"), "{said}");
        assert!(!said.contains("next query"), "the two can be asked for: {said}");
    }

    #[test]
    fn what_all_events_share_narrows_them() {
        let mut evidence = Evidence { span: (0, 1), minutes: vec![3], ..Evidence::default() };
        evidence.values[Attribute::SourceAddress] =
            [("203.0.113.9".to_owned(), 2), ("203.0.113.80".to_owned(), 1)].into();
        evidence.values[Attribute::Api] = [("ecs/Call1".to_owned(), 2), ("Ecs/Old".to_owned(), 1)].into();
        let company = NewCompany {
            networks: vec!["203.0.113.0/24".to_owned()],
            apis: names(3),
            total: 4,
            ..NewCompany::default()
        };
        assert_eq!([Family::Network, Family::Api].map(|family| company.calls_with(family, &evidence)), [3, 2]);
    }
}
