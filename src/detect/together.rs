//! Newcomers that are one event: somebody who was never seen calls what nobody ever called.
//!
//! *What it joins*: the tests of an API on its first day and of keys, principals and addresses on theirs, of one account, whose calls are hour by hour
//! those of the API, or of all APIs that are new in the account. *Statistic*: that whoever is new brings a key, a principal and an address along is no
//! news, so of these the likeliest counts; that the API is new as well is a matter of its own, as rare as new APIs are. Its size is that of the
//! calls, and counts once. *When it is wrong*: when a new service is put to work by a new user; newcomers of a family that has one every day
//! add nothing. *References*: none; it is the probability of two independent events, doubled for the two that could have been asked about.

use std::collections::BTreeMap;

use crate::baseline::FamilyBaseline;
use crate::detect::select::{Test, TestSet};
use crate::rollup::Family;

/// Fewer calls than this may be alike by chance.
const LEAST_CALLS: u64 = 10;
/// Who calls.
const CALLERS: [Family; 3] = [Family::AccessKey, Family::Principal, Family::SourceIp];

/// The calls of an account's newcomer, hour by hour.
type Calls<'a> = (&'a str, [u32; 24]);

/// A newcomer's test by its place, on its first day.
struct Newcomer<'a> {
    place: usize,
    calls: Calls<'a>,
}

/// Lowers the p-values of newcomers that are one event to that of the event; gives the places of the tests it is about.
///
/// ```text
/// P = min(1, 2 max(p of those who call) min(1, new APIs a day))
/// ```
pub(super) fn join(baselines: &[FamilyBaseline<'_>], tests: &mut [Test]) -> Vec<usize> {
    let Some(apis) = baselines.iter().find(|baseline| baseline.history.family == Family::Api) else {
        return Vec::new();
    };
    let called = newcomers(baselines, tests, &[Family::Api]);
    let callers = newcomers(baselines, tests, &CALLERS);
    let ln_another = apis.sizes().newcomers().min(1.0).ln() + std::f64::consts::LN_2;
    let mut joined = Vec::new();
    for (calls, apis) in events(&called) {
        let who: Vec<usize> = callers.iter().filter(|who| who.calls == calls).map(|who| who.place).collect();
        let Some(likeliest) = who.iter().map(|&place| tests[place].ln_p).reduce(f64::max) else { continue };
        joined.extend(apis.iter().chain(&who).map(|&place| (place, likeliest + ln_another)));
    }
    joined.retain(|&(place, ln_p): &(usize, f64)| ln_p < tests[place].ln_p);
    // An API may be of two events, by its own calls and by those of all that are new: the rarer counts.
    joined.iter().for_each(|&(place, ln_p)| tests[place].ln_p = tests[place].ln_p.min(ln_p));
    joined.into_iter().map(|(place, _)| place).collect()
}

/// The newcomers of some families on their first day, in the order of their tests.
fn newcomers<'a>(baselines: &[FamilyBaseline<'a>], tests: &[Test], families: &[Family]) -> Vec<Newcomer<'a>> {
    let of_test = |(place, test): (usize, &Test)| {
        let baseline = baselines.get(test.family).filter(|_| test.set == TestSet::New)?;
        let (history, today) = (baseline.history, baseline.window().length());
        let calls = baseline.calls_of(test.member, today);
        let is_first = families.contains(&history.family) && baseline.is_first_day(test.member, today);
        let is_telling = calls.iter().map(|&calls| u64::from(calls)).sum::<u64>() >= LEAST_CALLS;
        (is_first && is_telling).then(|| Newcomer { place, calls: (history.key(test.member).account(), calls) })
    };
    tests.iter().enumerate().filter_map(of_test).collect()
}

/// The calls of each new API, and those of all that are new in an account, with the places of their tests.
fn events<'a>(apis: &[Newcomer<'a>]) -> BTreeMap<Calls<'a>, Vec<usize>> {
    let mut found: BTreeMap<Calls<'a>, Vec<usize>> = BTreeMap::new();
    for account in apis.chunk_by(|one, other| one.calls.0 == other.calls.0) {
        let mut all = [0_u32; 24];
        for api in account {
            all.iter_mut().zip(api.calls.1).for_each(|(sum, calls)| *sum = sum.saturating_add(calls));
            found.entry(api.calls).or_default().push(api.place);
        }
        let places = account.iter().map(|api| api.place);
        found.entry((account[0].calls.0, all)).or_insert_with(|| places.collect());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
    use crate::detect::judgement::{Night, judge, learn};
    use crate::detect::{Model, Thresholds};
    use crate::rollup::EntityKey;

    const TODAY: u16 = 28 * 24;
    const FAMILIES: [Family; 4] = [Family::Api, Family::AccessKey, Family::Principal, Family::SourceIp];
    /// Those of each family who are known; newcomers are numbered from here on.
    const KNOWN: usize = 12;

    /// Twelve APIs, keys, principals and addresses of 20 calls an hour for four weeks, and tonight's newcomers of each family by their
    /// calls in two hours.
    fn tonight<Found>(newcomers: [&[u32]; 4], ask: impl FnOnce(&[&FamilyHistory], Night<'_>) -> Found) -> Found {
        let hours = |hours: std::ops::Range<u16>, calls: u32| -> Vec<HistoryHour> {
            hours.map(|hour| HistoryHour { hour, calls, errors: 0, peak: 1 }).collect()
        };
        let history = |(family, calls): (Family, &[u32])| {
            let known =
                (0..KNOWN).map(|number| (EntityKey::new(["1", &format!("k{number:02}")]), hours(0..TODAY + 24, 20)));
            let new = calls.iter().enumerate().map(|(number, &calls)| {
                (EntityKey::new(["1", &format!("new{number}")]), hours(TODAY + 16..TODAY + 18, calls))
            });
            FamilyHistory::from_entities(family, known.chain(new))
        };
        let histories: Vec<FamilyHistory> = FAMILIES.into_iter().zip(newcomers).map(history).collect();
        let window = Window::new("2026-02-02".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&histories[0], &window, &calendar);
        let night = Night { window: &window, calendar: &calendar, feed: &feed, thresholds: Thresholds::default() };
        ask(&histories.iter().collect::<Vec<_>>(), night)
    }

    /// The newcomers that are found, at most one of each family, with their p-values.
    fn found(newcomers: [Option<u32>; 4]) -> Vec<(Family, f64)> {
        let newcomers = newcomers.each_ref().map(Option::as_slice);
        let judged = tonight(newcomers, |histories, night| judge(histories, night, &[]).unwrap().families);
        let found = FAMILIES.into_iter().zip(judged).flat_map(|(family, rates)| {
            rates
                .deviations
                .into_iter()
                .filter(|found| found.model == Model::New)
                .map(move |found| (family, found.ln_p))
        });
        found.collect()
    }

    #[test]
    fn an_api_of_two_events_is_as_rare_as_the_rarer() {
        // A key calls the first of two new APIs alone; a principal and an address call both.
        let newcomers: [&[u32]; 4] = [&[100, 150], &[100], &[250], &[250]];
        let test =
            |family, member, ln_p| Test { set: TestSet::New, family, member: KNOWN + member, ln_p, sensitive: false };
        let asked = [test(0, 0, -3.0), test(0, 1, -4.0), test(1, 0, -20.0), test(2, 0, -6.0), test(3, 0, -7.0)];
        let (ln_p, another) = tonight(newcomers, |histories, night| {
            let baselines = learn(histories, night);
            let mut tests = asked;
            join(&baselines, &mut tests);
            (tests.map(|test| test.ln_p), baselines[0].sizes().newcomers().min(1.0).ln() + std::f64::consts::LN_2)
        });
        assert!(another < 0.0, "{another}");
        let (alone, both) = (another - 20.0, another - 6.0);
        let due = [alone, both, alone, both, f64::min(-7.0, both)];
        assert!(ln_p.iter().zip(due).all(|(ln_p, due)| (ln_p - due).abs() < 1e-12), "{ln_p:?} {due:?}");
    }

    #[test]
    fn somebody_new_who_calls_what_is_new_is_told_as_one_event() {
        let all = found([Some(200); 4]);
        assert_eq!(all.iter().map(|(family, _)| *family).collect::<Vec<_>>().len(), 4, "{all:?}");
        let alone = found([None, Some(200), Some(200), Some(200)]);
        let least = |found: &[(Family, f64)]| found.iter().map(|(_, ln_p)| *ln_p).fold(0.0, f64::min);
        assert!(least(&all) < least(&alone) - 1.0, "{all:?} {alone:?}");
    }

    #[test]
    fn newcomers_of_other_hours_or_calls_are_others() {
        let least = |found: Vec<(Family, f64)>| found.iter().map(|(_, ln_p)| *ln_p).fold(0.0, f64::min);
        let (one, two) = (least(found([Some(200); 4])), least(found([Some(150), Some(200), Some(200), Some(200)])));
        assert!(one < two, "{one} {two}");
    }
}
