//! Made-up company whose truth is known: keys with networks and APIs, and on the last day some thieves.
//!
//! One population obeys the law that the detector believes in, each key with parameters of its own. The other does not: keys have
//! fixed palettes, changes of work that bring several new APIs at once, journeys that bring a network and an API together, and days
//! off.

use std::collections::BTreeSet;

use insights::baseline::novelty::Company;
use insights::detect::Thresholds;
use insights::detect::first_seen::{FirstSeen, judge};
use insights::detect::select::{Ranked, rank};
use insights::rollup::Family;
use insights::rollup::store::PairDay;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const LENGTH: u16 = 28;
const KEYS: u32 = 3000;
const NETWORK: (Family, Family) = (Family::AccessKey, Family::Network);
const API: (Family, Family) = (Family::AccessKey, Family::Api);
/// Networks that no key has for its own, and APIs of which a thief chooses.
const FOREIGN: u32 = 1_000_000;
const APIS: u32 = 400;

/// How keys come by new company.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Habit {
    /// By the Pitman-Yor law.
    PitmanYor,
    /// By changes of work and journeys.
    Work,
}

/// Prints p-values of quiet nights, false findings, and how many thieves are found.
pub(crate) fn print_company(first: u64, seeds: u64) {
    println!(
        "\ncompany: keys with networks and APIs, 3000 keys a night     p observed over nominal         found  false"
    );
    println!(
        "                                                            1e-2  1e-3  1e-4    thieves   here  per 1000"
    );
    for (name, habit) in [("Pitman-Yor", Habit::PitmanYor), ("work and journeys", Habit::Work)] {
        let (mut ln_p, mut found, mut thieves, mut wrong) = (Vec::new(), 0, 0, 0);
        for seed in first..first + seeds {
            let (company, stolen) = population(habit, 0, seed);
            assert!(stolen.is_empty());
            ln_p.extend(judge(company, &Thresholds::default()).unwrap().tests(0).iter().map(|test| test.ln_p));
            let (company, stolen) = population(habit, 30, 1000 + seed);
            let names: BTreeSet<String> = stolen.iter().map(|key| format!("{key:08}")).collect();
            let reported = night(company);
            let right = reported.iter().filter(|key| names.contains(&key.key.label())).count();
            found += right;
            wrong += reported.len() - right;
            thieves += stolen.len();
        }
        let share = |nominal: f64| {
            let below = ln_p.iter().filter(|ln_p| **ln_p <= nominal.ln()).count();
            format!("{:.2}", below as f64 / ln_p.len() as f64 / nominal)
        };
        println!(
            "{name:<57} {:>6} {:>5} {:>5} {:>10} {:>6.2} {:>9.2}",
            share(1e-2),
            share(1e-3),
            share(1e-4),
            thieves,
            found as f64 / thieves as f64,
            1000.0 * wrong as f64 / (seeds * u64::from(KEYS)) as f64
        );
    }
}

fn night(company: Company) -> Vec<FirstSeen> {
    let thresholds = Thresholds::default();
    let tests = judge(company, &thresholds).unwrap();
    let ranked = rank(&tests.tests(0), &thresholds).unwrap();
    let selected: Vec<Ranked> = ranked.into_iter().filter(|ranked| ranked.selected).collect();
    tests.found(&selected, 0)
}

/// The company of all keys, and which of them are stolen on the last day.
fn population(habit: Habit, stolen: u32, seed: u64) -> (Company, BTreeSet<u32>) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut stolen_keys = BTreeSet::new();
    while stolen_keys.len() < stolen as usize {
        stolen_keys.insert(random.random_range(0..KEYS));
    }
    let (mut networks, mut apis) = (Vec::new(), Vec::new());
    for key in 0..KEYS {
        let (mut on, mut called) = match habit {
            Habit::PitmanYor => by_law(key, &mut random),
            Habit::Work => by_work(key, &mut random),
        };
        if stolen_keys.contains(&key) {
            on.insert((FOREIGN + key, LENGTH));
            (0..random.random_range(2..6)).for_each(|_| {
                called.insert((random.random_range(0..APIS), LENGTH));
            });
        }
        networks.push(pairs(on));
        apis.push(pairs(called));
    }
    (Company::from_pairs(usize::from(LENGTH), [(NETWORK, networks), (API, apis)]), stolen_keys)
}

type Met = BTreeSet<(u32, u16)>;

fn pairs(met: Met) -> Vec<PairDay> {
    met.into_iter().map(|(partner, place)| PairDay { partner, place }).collect()
}

/// A small number is likelier: Zipf by inversion.
fn popular(of: u32, random: &mut Xoshiro256PlusPlus) -> u32 {
    (f64::from(of).powf(random.random_range(0.0..1.0)) as u32).min(of) - 1
}

/// Draws by a law of the key's own; what is new is new to all in three of ten networks and in one of fifty APIs.
fn by_law(key: u32, random: &mut Xoshiro256PlusPlus) -> (Met, Met) {
    let lively: f64 = random.random_range(0.0..1.0_f64).powi(3);
    let mut draw = |a_day: usize, fresh: f64, known: u32| {
        let (discount, strength) = (0.05 + 0.4 * lively, 4.0 * lively);
        let (mut met, mut counts): (Met, Vec<(u32, u32)>) = (Met::new(), Vec::new());
        for day in 0..=LENGTH {
            for _ in 0..a_day {
                let draws: u32 = counts.iter().map(|(_, count)| count).sum();
                let new = (strength + discount * counts.len() as f64) / (strength + f64::from(draws)).max(1e-9);
                if draws == 0 || random.random_bool(new.min(1.0)) {
                    let own = FOREIGN + KEYS + key * 1000 + counts.len() as u32;
                    let partner = if random.random_bool(fresh) { own } else { popular(known, random) };
                    match counts.iter_mut().find(|(other, _)| *other == partner) {
                        Some((_, count)) => *count += 1,
                        None => counts.push((partner, 1)),
                    }
                    met.insert((partner, day));
                } else {
                    let mut place = random.random_range(0..draws);
                    let drawn = counts.iter_mut().find(|(_, count)| {
                        let here = place < *count;
                        place = place.saturating_sub(*count);
                        here
                    });
                    if let Some((partner, count)) = drawn {
                        *count += 1;
                        met.insert((*partner, day));
                    }
                }
            }
        }
        met
    };
    (draw(1, 0.3, 200), draw(5, 0.02, APIS))
}

/// A fixed palette; work that changes now and then, journeys, days off.
fn by_work(key: u32, random: &mut Xoshiro256PlusPlus) -> (Met, Met) {
    let (mut on, mut called) = (Met::new(), Met::new());
    let is_person = key.is_multiple_of(3);
    let network = if is_person { popular(50, random) } else { 1000 + key };
    let mut palette: Vec<u32> = (0..random.random_range(2..15)).map(|_| popular(APIS, random)).collect();
    let (changes, journeys) = if is_person { (0.03, 0.03) } else { (0.004, 0.001) };
    for day in 0..=LENGTH {
        if is_person && random.random_bool(0.1) {
            continue;
        }
        let work = random.random_bool(changes);
        if work {
            palette.extend((0..random.random_range(1..6)).map(|_| popular(APIS, random)));
        }
        let journey = random.random_bool(journeys);
        let elsewhere = if random.random_bool(0.5) {
            FOREIGN + KEYS + random.random_range(0..100_000)
        } else {
            popular(50, random)
        };
        on.insert((if journey { elsewhere } else { network }, day));
        if journey && random.random_bool(0.3) {
            called.insert((popular(APIS, random), day));
        }
        for place in 0..palette.len() {
            let newest = work && place + 5 >= palette.len();
            if newest || random.random_bool(0.6) {
                called.insert((palette[place], day));
            }
        }
    }
    (on, called)
}
