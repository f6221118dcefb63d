//! Regions of an account that fell silent on the scored day.
//!
//! Rollups know regions by the day, as partners of principals. A region is silent if it had less than a twentieth of what is usual for
//! such a day, though it was heard of on every one of the last such days (weekdays or weekend days). What is missing there is no
//! drop of those who called there: [`SilentRegions::explain`] tells whether it is the whole of one.

use std::collections::BTreeMap;
use std::path::Path;

use crate::baseline::feed::{ALIVE_SHARE, kind_of_day, usual_total};
use crate::baseline::{Blindness, Calendar, Window};
use crate::error::Result;
use crate::rollup::store::{pairs_path, read_family, read_pairs, rollup_path};
use crate::rollup::{EntityKey, Family};
use crate::storage::is_there;

/// Days of the same kind that are compared with, at most and at least.
const DAYS: usize = 8;
const LEAST_DAYS: usize = 4;
/// A region with fewer calls than this on some day tells nothing by its silence.
const TELLING_DAY: u64 = 50;
/// A drop to less than this share of what the other regions let expect is one by itself.
const STILL_A_DROP: f64 = 0.5;

/// Calls by account and region.
type Calls = BTreeMap<EntityKey, u64>;

/// A region that was silent though it is usually heard of.
#[derive(Debug, Clone, PartialEq)]
pub struct SilentRegion {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The calls that came all the same.
    pub calls: u64,
    /// The calls that usually come on such a day.
    pub usual: u64,
}

/// The regions that were silent on the scored day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SilentRegions(Vec<SilentRegion>);

impl SilentRegions {
    /// Judges regions from their calls on the scored day and on the last days of its kind.
    ///
    /// # Errors
    /// When a rollup cannot be read.
    pub fn judge(state: &Path, window: &Window, calendar: &Calendar) -> Result<Self> {
        let kind = |day: usize| kind_of_day(&calendar.slots(window.date(day)));
        let today = window.length();
        let is_whole = |day: usize| window.is_present(day) && window.unread(day).is_empty();
        // What could not be read may be all there was of a region.
        if !is_whole(today) {
            return Ok(Self::default());
        }
        let alike = (0..today).rev().filter(|&day| is_whole(day) && kind(day) == kind(today)).take(DAYS);
        let past: Vec<Calls> =
            alike.filter_map(|day| calls_of_day(state, window, day).transpose()).collect::<Result<_>>()?;
        Ok(calls_of_day(state, window, today)?.map_or_else(Self::default, |today| Self::of(&past, &today)))
    }

    fn of(past: &[Calls], today: &Calls) -> Self {
        if past.len() < LEAST_DAYS {
            return Self::default();
        }
        let silent = |key: &EntityKey| {
            let before: Vec<u64> = past.iter().map(|day| day.get(key).copied().unwrap_or(0)).collect();
            let (calls, usual) = (today.get(key).copied().unwrap_or(0), usual_total(&before));
            let least = before.iter().copied().min().unwrap_or(0);
            let is_silent = least >= TELLING_DAY && (calls as f64) < ALIVE_SHARE * usual;
            is_silent.then(|| SilentRegion {
                account: key.account().to_owned(),
                region: key.label(),
                calls,
                usual: usual as u64,
            })
        };
        // Whoever was not heard of on every day tells nothing, so any day names them all.
        Self(past[0].keys().filter_map(silent).collect())
    }

    /// Without those of accounts whose events name no principals, by whose pairs regions are counted: nothing is known of these.
    #[must_use]
    pub fn where_named(mut self, blind: &[Blindness]) -> Self {
        let is_blind =
            |account: &str| blind.iter().any(|blind| blind.family == Family::Principal && blind.account == account);
        self.0.retain(|region| !is_blind(&region.account));
        self
    }

    /// The regions, in the order of accounts.
    pub fn all(&self) -> &[SilentRegion] {
        &self.0
    }

    /// Whether a drop of an entity from `expected` calls to `observed` is no more than what is missing of these regions; `usual` are its
    /// calls by region in the days before. Of whoever usually calls there for the most part nothing can be told: calls come in bursts
    /// of one region.
    pub fn explain(&self, account: &str, usual: &BTreeMap<String, u64>, expected: f64, observed: u64) -> bool {
        let is_silent = |region: &str| self.0.iter().any(|silent| silent.account == account && silent.region == region);
        let calls = |wanted: bool| {
            usual.iter().filter(|(region, _)| is_silent(region) == wanted).map(|(_, calls)| calls).sum::<u64>()
        };
        let (missing, elsewhere) = (calls(true), calls(false));
        let rest = expected * elsewhere as f64 / (missing + elsewhere) as f64;
        missing > 0 && (missing >= elsewhere || observed as f64 >= STILL_A_DROP * rest)
    }
}

/// The calls of each region on a day; `None` where the day has no pairs.
fn calls_of_day(state: &Path, window: &Window, day: usize) -> Result<Option<Calls>> {
    let (rollup, pairs) = (rollup_path(state, window.date(day)), pairs_path(state, window.date(day)));
    if !is_there(&rollup)? || !is_there(&pairs)? {
        return Ok(None);
    }
    let mut by_number: BTreeMap<u32, u64> = BTreeMap::new();
    read_pairs(&pairs, (Family::Principal, Family::Region), |pair| {
        *by_number.entry(pair.right).or_default() += u64::from(pair.calls);
    })?;
    let mut calls = Calls::new();
    read_family(&rollup, Family::Region, |key, _, region| {
        calls.insert(key, by_number.get(&region.entity).copied().unwrap_or(0));
    })?;
    Ok(Some(calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(calls: &[(&str, u64)]) -> Calls {
        calls.iter().map(|&(region, calls)| (EntityKey::new(["1", region]), calls)).collect()
    }

    fn silent(past: &[Calls], today: &Calls) -> Vec<String> {
        SilentRegions::of(past, today).all().iter().map(|silent| silent.region.clone()).collect()
    }

    #[test]
    fn regions_of_an_account_whose_principals_are_unnamed_are_not_silent() {
        let found = || SilentRegions::of(&vec![day(&[("busy", 900)]); 6], &day(&[]));
        let blind = |family, account: &str| Blindness { account: account.to_owned(), family, calls: 0, usual: 900 };
        assert_eq!(found().where_named(&[]).all().len(), 1);
        assert_eq!(found().where_named(&[blind(Family::Principal, "2"), blind(Family::AccessKey, "1")]).all().len(), 1);
        assert_eq!(found().where_named(&[blind(Family::Principal, "1")]).all().len(), 0);
    }

    #[test]
    fn a_region_is_silent_if_it_was_always_heard_of_before() {
        let usual = day(&[("busy", 900), ("steady", 60), ("tiny", 9)]);
        let past = vec![usual.clone(); 6];
        assert_eq!(silent(&past, &day(&[("tiny", 9)])), ["busy", "steady"]);
        assert_eq!(silent(&past, &day(&[("busy", 44), ("steady", 3)])), ["busy"]);
        assert!(silent(&past, &usual).is_empty());
        let mut gaps = past.clone();
        gaps[3] = day(&[("busy", 900)]);
        assert_eq!(silent(&gaps, &day(&[])), ["busy"], "who comes and goes tells nothing");
        assert!(silent(&past[..3], &day(&[])).is_empty(), "three days are no history");
    }

    #[test]
    fn a_drop_is_explained_as_far_as_the_region_goes() {
        let past = vec![day(&[("east", 900), ("west", 900)]); 5];
        let silent = SilentRegions::of(&past, &day(&[("west", 900)]));
        let usual = |east: u64, west: u64| BTreeMap::from([("east".to_owned(), east), ("west".to_owned(), west)]);
        assert!(silent.explain("1", &usual(90, 10), 100.0, 8));
        assert!(silent.explain("1", &usual(100, 0), 100.0, 0));
        assert!(silent.explain("1", &usual(50, 50), 100.0, 10), "half of it says nothing of the rest");
        assert!(!silent.explain("1", &usual(40, 60), 100.0, 10), "it also dropped in the west");
        assert!(!silent.explain("1", &usual(0, 100), 100.0, 60));
        assert!(!silent.explain("2", &usual(100, 0), 100.0, 0), "another account");
    }
}
