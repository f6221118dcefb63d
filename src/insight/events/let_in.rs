//! Who got in after a spray: sign-ins that succeed from the address of those that were refused, until an hour after the last of these.
//!
//! The episode of the refusals is over by then, or is about their error alone, so its own rows do not tell. Only of refusals most of which came
//! from one address is it asked: of any other it is not known whose success would be the same hand's.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;
use crate::event::signs_in;
use crate::insight::attribute::Attribute;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::{investigate, top};
use crate::insight::events::names::Names;
use crate::insight::events::target::{Minutes, Target};
use crate::partition::EventFile;
use crate::rollup::{EntityKey, Family};
use crate::shown::OTHER;
use crate::time::{DAY_MINUTES, HourSpan};

/// Minutes after the last refusal in which a success is the same hand's.
const AFTER: i64 = 60;

/// Who signed in from the address of those that were refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LetIn {
    /// The address.
    pub address: String,
    /// Principals and how often.
    pub who: BTreeMap<String, u64>,
    /// What they are called.
    pub names: Names,
    /// The first time, in milliseconds.
    pub at: i64,
}

/// Looks for those who got in after the refusals of some targets.
///
/// # Errors
/// When a file cannot be read.
pub fn look_for_those_let_in(
    files: &[EventFile],
    date: NaiveDate,
    targets: &[Target],
    evidence: &mut [Evidence],
) -> Result<()> {
    let all = targets.iter().zip(&*evidence).enumerate();
    let (places, asked): (Vec<(usize, String)>, Vec<Target>) = all
        .filter_map(|(place, (target, evidence))| {
            let (address, asked) = after_refusals(target, evidence)?;
            Some(((place, address), asked))
        })
        .unzip();
    for ((place, address), found) in places.into_iter().zip(investigate(files, date, &asked)?) {
        let Evidence { signed_in: who, signed_in_at, names, .. } = found;
        evidence[place].let_in = signed_in_at.map(|at| LetIn { address, who, names, at });
    }
    Ok(())
}

/// The address of a rise of refused sign-ins, and its sign-ins from the first of them until an hour after the last.
fn after_refusals(target: &Target, evidence: &Evidence) -> Option<(String, Target)> {
    let is_refused = matches!(target.minutes, Minutes::Rise { .. }) && 2 * evidence.errors > evidence.calls();
    let api = sign_in(target.keys.first().filter(|_| is_refused)?, target.family)?;
    let addresses = &evidence.values[Attribute::SourceAddress];
    let (address, calls) = top(addresses, 1).first().copied().filter(|(address, _)| *address != OTHER)?;
    if 2 * calls <= evidence.calls() {
        return None;
    }
    let (first, last) = evidence.minutes_of_day();
    let end = (last + AFTER).min(DAY_MINUTES);
    let from = first - first % 60;
    let search = HourSpan::new((first / 60) as u8, (end as u64).div_ceil(60) as u8);
    let asked = Target {
        family: Family::Api,
        hours: search,
        search,
        minutes: Minutes::Part(((first - from) as usize, (end - from) as usize), 0),
        with: vec![(Family::SourceIp, EntityKey::new([api.account(), address]))],
        keys: vec![api],
        eve: Vec::new(),
        ..target.clone()
    };
    Some((address.to_owned(), asked))
}

/// The API that signs people in and that an entity is, or whose error.
fn sign_in(key: &EntityKey, family: Family) -> Option<EntityKey> {
    let fields: Vec<&str> = key.fields().collect();
    match (family, &fields[..]) {
        (Family::Api, &[account, service, api]) | (Family::ApiError, &[account, service, api, _]) => {
            signs_in(api).then(|| EntityKey::new([account, service, api]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::events::target::Begin;
    use crate::insight::extent::minutes::UsualDay;

    /// What is asked of refusals from 10:12 to 10:40, so many of which came from one address and so many from another.
    fn asked(fields: &[&str], family: Family, (one, other): (u64, u64)) -> Option<(String, Target)> {
        let target = Target {
            family,
            keys: vec![EntityKey::new(fields.iter().copied())],
            hours: HourSpan::new(10, 11),
            search: HourSpan::new(9, 12),
            minutes: Minutes::Rise { usual: UsualDay::even(0.0), least: 1, begin: Begin::Within },
            since: NaiveDate::default(),
            with: Vec::new(),
            eve: Vec::new(),
        };
        let mut evidence = Evidence { from: 9, minutes: vec![0; 180], span: (72, 100), ..Evidence::default() };
        (evidence.minutes[72], evidence.errors) = ((one + other) as u32, one + other);
        let addresses = [("66.6.6.6".to_owned(), one), ("192.0.2.1".to_owned(), other)];
        evidence.values[Attribute::SourceAddress] = addresses.into();
        after_refusals(&target, &evidence)
    }

    #[test]
    fn who_got_in_is_asked_of_refusals_that_came_from_one_address() {
        let errors = ["1", "aassub", "ConsoleSignin", "InvalidPassword"];
        let (address, target) = asked(&errors, Family::ApiError, (40, 5)).unwrap();
        assert_eq!((address.as_str(), target.family), ("66.6.6.6", Family::Api));
        assert_eq!(target.keys, [EntityKey::new(["1", "aassub", "ConsoleSignin"])]);
        assert_eq!(target.with, [(Family::SourceIp, EntityKey::new(["1", "66.6.6.6"]))]);
        assert_eq!(
            (target.search, target.minutes),
            (HourSpan::new(10, 12), Minutes::Part((12, 100), 0)),
            "until 11:40"
        );
        assert!(asked(&errors[..3], Family::Api, (40, 5)).is_some());
        assert_eq!(asked(&errors, Family::ApiError, (20, 20)).map(|_| ()), None, "from nobody's address most of all");
        let others = ["1", "ecs", "RunInstances", "Forbidden"];
        assert_eq!(asked(&others, Family::ApiError, (40, 5)).map(|_| ()), None);
    }
}
