//! Who signed in where others failed: those among the calls of an insight, and those who got in from the address of a spray.
//!
//! Parts of a [`sentence`](super::sentence); whom to look for was decided in [`let_in`](crate::insight::events::let_in).

use std::collections::BTreeMap;

use chrono::{DateTime, Duration};

use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::top;
use crate::insight::events::names::Names;
use crate::insight::{Actor, Insight};
use crate::shown::{clipped, number, span};

/// Those who signed in that are named.
const NAMED: usize = 3;

/// ` and 1 by user anna20 succeeded`: the sign-ins that did not fail, unless it is said who got in.
pub(super) fn succeeded(evidence: &Evidence) -> String {
    let who = named(&evidence.signed_in, &evidence.names).filter(|_| evidence.let_in.is_none());
    let calls = number(evidence.signed_in.values().sum());
    who.map_or_else(String::new, |who| format!(" and {calls} by {who} succeeded"))
}

/// `; user anna20 signed in from 66.6.6.6 at 10:52 UTC`: who got in after sign-ins from the same address were refused.
pub(super) fn let_in(insight: &Insight, evidence: &Evidence) -> String {
    let Some(found) = &evidence.let_in else { return String::new() };
    let who = named(&found.who, &found.names).unwrap_or_else(|| "somebody".to_owned());
    let at = DateTime::from_timestamp_millis(found.at).unwrap_or(insight.start);
    let when = span(at, at + Duration::minutes(1));
    format!("; {who} signed in from {} {when}", clipped(&found.address))
}

/// A few of some principals by what they are called.
fn named(principals: &BTreeMap<String, u64>, names: &Names) -> Option<String> {
    let called = |(principal, _): (&str, u64)| Some(Actor::of_entity(principal)?.called(names).shown());
    let named: Vec<String> = top(principals, NAMED).into_iter().filter_map(called).collect();
    let others = if principals.len() > NAMED { " and others" } else { "" };
    (!named.is_empty()).then(|| named.join(", ") + others)
}
