//! How honest detection is on populations whose truth is known: false share, recall, false alarms; ten seeds each.
//!
//! Not a stopwatch: the numbers are the product's promises about what it reports. `cargo bench --bench detection` prints them;
//! `-- rates`, `calibration`, `levels`, `company` or `keys` prints a part.

#![allow(clippy::print_stdout)]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made ends here")]

mod company;
mod keys;
mod levels;
mod population;

use insights::baseline::{Calendar, FamilyBaseline, FamilyHistory, Feed, Window};
use insights::detect::judgement::{Night, detect};
use insights::detect::rate::{EntityScore, score};
use insights::detect::{Deviation, Direction, Model, Thresholds};
use insights::time::HourSpan;
use population::{HISTORY_DAYS, Nature, Planted, Truth, population};
use rayon::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NATURES: [Nature; 6] = [
    Nature { name: "clean", entities: 4000, past_bursts: 0.0, day_effect: 0.12, drift: 0.0, planted: 0.09 },
    Nature { name: "dirty", entities: 4000, past_bursts: 0.03, day_effect: 0.12, drift: 0.0, planted: 0.09 },
    Nature { name: "stress clean", entities: 4000, past_bursts: 0.0, day_effect: 0.3, drift: 0.0, planted: 0.09 },
    Nature { name: "stress dirty", entities: 4000, past_bursts: 0.03, day_effect: 0.3, drift: 0.0, planted: 0.09 },
    Nature { name: "drifting", entities: 4000, past_bursts: 0.03, day_effect: 0.12, drift: 0.06, planted: 0.09 },
    Nature { name: "quiet", entities: 4000, past_bursts: 0.03, day_effect: 0.12, drift: 0.0, planted: 0.0 },
];

/// Found and planted, by what was planted.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    found: [usize; 5],
    planted: [usize; 5],
    reported: usize,
    wrong: usize,
    entity_days: usize,
}

impl Tally {
    fn add(mut self, other: Self) -> Self {
        for kind in 0..5 {
            self.found[kind] += other.found[kind];
            self.planted[kind] += other.planted[kind];
        }
        self.reported += other.reported;
        self.wrong += other.wrong;
        self.entity_days += other.entity_days;
        self
    }
}

fn kind(truth: &Truth) -> Option<usize> {
    match truth.planted {
        Planted::Burst { factor, excess, .. } if truth.level >= 1.0 && excess >= 10.0 => {
            [3.0, 5.0, 10.0, 30.0].iter().position(|&known: &f64| (known - factor).abs() < 0.5)
        }
        Planted::Drop { .. } if truth.level >= 1.0 => Some(4),
        _ => None,
    }
}

fn right(deviation: &Deviation, truth: &Truth) -> bool {
    let overlaps = |hours: HourSpan| deviation.hours.overlaps(hours);
    match truth.planted {
        Planted::Nothing => false,
        Planted::Burst { hours, .. } => deviation.direction == Direction::Up && overlaps(hours),
        Planted::Drop { hours } => deviation.direction == Direction::Down && overlaps(hours),
    }
}

/// What is told of the last day.
fn deviations(history: &FamilyHistory) -> Vec<Deviation> {
    let window = Window::new("2026-02-02".parse().unwrap_or_default(), HISTORY_DAYS, |_| true);
    let calendar = Calendar::new(chrono_tz::UTC);
    let feed = Feed::judge(history, &window, &calendar);
    let night = Night { window: &window, calendar: &calendar, feed: &feed, thresholds: Thresholds::default() };
    detect(history, night).unwrap().deviations
}

fn tally(history: &FamilyHistory, truths: &[Truth]) -> Tally {
    let deviations = deviations(history);
    let mut tally = Tally { reported: deviations.len(), entity_days: truths.len(), ..Tally::default() };
    // `from_entities` keeps the order of keys, which is the order of numbers.
    tally.wrong = deviations.iter().filter(|deviation| !right(deviation, &truths[deviation.member])).count();
    for (member, truth) in truths.iter().enumerate() {
        if let Some(kind) = kind(truth) {
            tally.planted[kind] += 1;
            let found = deviations.iter().any(|deviation| deviation.member == member && right(deviation, truth));
            tally.found[kind] += usize::from(found);
        }
    }
    tally
}

/// How often quiet entity-days are at least as unlikely as they claim, over one nominal rate.
fn print_calibration(first: u64, seeds: u64) {
    println!(
        "\ncombined p-values of quiet days, observed over nominal   up: 1e-2  1e-3  1e-4   down: 1e-2  1e-3  1e-4"
    );
    for nature in &NATURES[..5] {
        let nature = Nature { planted: 0.0, ..*nature };
        let mut scores: Vec<EntityScore> = Vec::new();
        for seed in 0..seeds {
            let (history, _) = population(nature, 5000 + first + seed);
            let window = Window::new("2026-02-02".parse().unwrap_or_default(), HISTORY_DAYS, |_| true);
            let calendar = Calendar::new(chrono_tz::UTC);
            let feed = Feed::judge(&history, &window, &calendar);
            let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
            scores.extend(score(&baseline, &Thresholds::default(), HISTORY_DAYS));
        }
        let up: Vec<f64> =
            scores.iter().filter(|score| score.model == Model::Seasonal).map(|score| score.ln_up).collect();
        let down: Vec<f64> = scores.iter().filter_map(|score| score.ln_down).collect();
        let share = |ln_p: &[f64], nominal: f64| {
            ln_p.iter().filter(|ln_p| **ln_p <= nominal.ln()).count() as f64 / ln_p.len() as f64 / nominal
        };
        let row = |ln_p: &[f64]| [1e-2, 1e-3, 1e-4].map(|nominal| format!("{:.2}", share(ln_p, nominal))).join("  ");
        println!("{:<55} {}         {}", nature.name, row(&up), row(&down));
    }
}

/// False findings, and found ones by what was planted.
fn print_rates(first: u64, seeds: u64) {
    println!("population    reported  false  share  false/1000   x3   x5   x10  x30  drop");
    for nature in NATURES {
        let tallies: Vec<Tally> = (0..seeds)
            .map(|seed| {
                let (history, truths) = population(nature, 1000 + first + seed);
                tally(&history, &truths)
            })
            .collect();
        let total = tallies.into_par_iter().reduce(Tally::default, Tally::add);
        let recall = |kind: usize| total.found[kind] as f64 / total.planted[kind].max(1) as f64;
        println!(
            "{:<13} {:>8} {:>6} {:>5.1}% {:>10.2}   {:.2} {:.2} {:.2} {:.2} {:.2}",
            nature.name,
            total.reported,
            total.wrong,
            100.0 * total.wrong as f64 / total.reported.max(1) as f64,
            1000.0 * total.wrong as f64 / total.entity_days as f64,
            recall(0),
            recall(1),
            recall(2),
            recall(3),
            recall(4)
        );
    }
}

type Part = (&'static str, fn(u64, u64));
const PARTS: [Part; 5] = [
    ("rates", print_rates),
    ("calibration", print_calibration),
    ("levels", levels::print_levels),
    ("company", company::print_company),
    ("keys", keys::print_keys),
];

fn main() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    // Whoever changes a model looks at other populations than those that the published numbers are of.
    let (first, seeds) = (number("INSIGHTS_FIRST_SEED").unwrap_or(0), number("INSIGHTS_SEEDS").unwrap_or(10));
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (_, print) in PARTS.iter().filter(|(name, _)| asked.is_empty() || asked.iter().any(|part| part == name)) {
        print(first, seeds);
    }
}
