//! Made-up keys whose principals are known: how much better the days of young keys, and of those that come and go, are foretold by who
//! owns them.
//!
//! A principal shares its load among its keys, and replaces one now and then. In a second population the same keys are dealt out
//! anew, so that an owner tells nothing; there knowing it must not cost anything.

use insights::baseline::{Calendar, Expectation, FamilyBaseline, FamilyHistory, Feed, HistoryHour, Window};
use insights::rollup::{EntityKey, Family};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::population::{HISTORY_DAYS, normal};

const PRINCIPALS: u32 = 400;

/// Keys with their hours, and the principal of each.
type Keys = Vec<(EntityKey, Vec<HistoryHour>, EntityKey)>;

/// Log scores of days with calls: of keys that are new, and of those that come and go.
#[derive(Default, Clone, Copy)]
struct LogScore {
    sum: [f64; 2],
    count: [u32; 2],
}

/// Prints mean log scores with and without owners.
pub(crate) fn print_keys(first: u64, seeds: u64) {
    println!("\nkeys: mean log score of the scored day       young: without   with     come and go: without   with");
    for (name, is_shuffled) in [("principals share out their load", false), ("owners tell nothing", true)] {
        let mut scores = [LogScore::default(); 2];
        for seed in first..first + seeds {
            let keys = population(is_shuffled, seed);
            scores[0].add(&keys, false);
            scores[1].add(&keys, true);
        }
        let mean = |score: &LogScore, kind: usize| score.sum[kind] / f64::from(score.count[kind].max(1));
        let [without, with] = scores;
        println!(
            "{name:<44} {:>8} {:.3} {:.3}      {:>8} {:.3} {:.3}",
            with.count[0],
            mean(&without, 0),
            mean(&with, 0),
            with.count[1],
            mean(&without, 1),
            mean(&with, 1)
        );
    }
}

impl LogScore {
    fn add(&mut self, keys: &Keys, with_owners: bool) {
        let entities = keys.iter().map(|(key, hours, _)| (key.clone(), hours.clone()));
        let mut history = FamilyHistory::from_entities(Family::AccessKey, entities);
        if with_owners {
            history = history
                .with_owners(|key| keys.iter().find(|(own, _, _)| own == key).map(|(_, _, owner)| owner.clone()));
        }
        let window = Window::new("2026-02-02".parse().unwrap_or_default(), HISTORY_DAYS, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&history, &window, &calendar);
        let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
        for member in 0..history.len() {
            if let Some((kind, score)) = log_score(&baseline, member) {
                self.sum[kind] += score;
                self.count[kind] += 1;
            }
        }
    }
}

/// Which kind of key it is, and how likely its day was, given that there was one.
fn log_score(baseline: &FamilyBaseline<'_>, member: usize) -> Option<(usize, f64)> {
    let total: u64 = baseline.calls_of(member, HISTORY_DAYS).iter().map(|&calls| u64::from(calls)).sum();
    let sizes = baseline.sizes();
    let between = |upper: f64, beyond: f64| (upper.exp() - beyond.exp()).max(1e-300).ln();
    match baseline.expect(member, HISTORY_DAYS) {
        _ if total == 0 => None,
        Expectation::Seasonal { .. } => None,
        Expectation::Sparse { totals, .. } => {
            let effect = baseline.effect(member, &totals);
            // That the day is active at all is the same for everybody here, and left out.
            let ln_upper = |total| sizes.ln_upper(&totals, effect, 1.0, total);
            Some((1, between(ln_upper(total)?, ln_upper(total + 1)?)))
        }
        Expectation::New => {
            let effect = baseline.effect_of_new(member, HISTORY_DAYS);
            Some((0, between(sizes.ln_upper_new(effect, total, false)?, sizes.ln_upper_new(effect, total + 1, false)?)))
        }
    }
}

/// Principals of one to six keys, in twenty accounts.
fn population(is_shuffled: bool, seed: u64) -> Keys {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7000 + seed);
    let mut keys = Keys::new();
    for principal in 0..PRINCIPALS {
        let account = (principal % 20).to_string();
        let owner = EntityKey::new([account.as_str(), "user", &format!("svc-{principal:03}")]);
        let count: u32 = if random.random_bool(0.4) { 1 } else { random.random_range(2..=6) };
        let level = (20.0_f64.ln() + 1.3 * normal(&mut random)).exp() / f64::from(count);
        let comes_and_goes = random.random_bool(0.5);
        for number in 0..count {
            let is_young = number > 0 && random.random_bool(0.3);
            let first = if is_young { random.random_range(HISTORY_DAYS - 13..=HISTORY_DAYS) } else { 0 };
            let share = if comes_and_goes { random.random_range(0.1..0.5) } else { 1.0 };
            let own = level * (0.5 * normal(&mut random)).exp();
            let key = EntityKey::new([account.as_str(), &format!("LTAI{principal:03}{number}")]);
            keys.push((key, days(own, share, first, &mut random), owner.clone()));
        }
    }
    if is_shuffled {
        let mut owners: Vec<EntityKey> = keys.iter().map(|(_, _, owner)| owner.clone()).collect();
        owners.shuffle(&mut random);
        // Within its account a key's principal is as good as any.
        for ((key, _, owner), other) in keys.iter_mut().zip(owners) {
            *owner = EntityKey::new([key.account(), "user", &other.label()]);
        }
    }
    keys
}

/// An hour or two on each active day.
fn days(level: f64, share: f64, first: usize, random: &mut Xoshiro256PlusPlus) -> Vec<HistoryHour> {
    let mut hours = Vec::new();
    for day in first..=HISTORY_DAYS {
        if random.random_bool(share) {
            let calls = (level * (0.6 * normal(random)).exp()).round().max(1.0) as u32;
            let hour = (day * 24 + random.random_range(8..18)) as u16;
            hours.push(HistoryHour { hour, calls, errors: 0, peak: calls });
        }
    }
    hours
}
