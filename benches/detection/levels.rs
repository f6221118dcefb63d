//! How long a level that lasts is told: entities that live at many times their level from one day on, night after night.

use insights::baseline::{FamilyHistory, HistoryHour};
use rayon::prelude::*;

use crate::deviations;
use crate::population::{HISTORY_DAYS, Nature, population};

const NIGHTS: usize = 8;
const FACTORS: [u32; 3] = [3, 10, 20];
/// One entity in so many changes its level.
const ONE_IN: usize = 12;

/// The share of entities at a new level that are told, by night.
pub(crate) fn print_levels(first: u64, seeds: u64) {
    println!("\nlevels that last: share told, by night         1    2    3    4    5    6    7    8");
    for factor in FACTORS {
        let told: Vec<[(usize, usize); NIGHTS]> =
            (0..seeds).into_par_iter().map(|seed| told(factor, 9000 + first + seed)).collect();
        let share = |night: usize| {
            let (told, all) = told.iter().fold((0, 0), |sum, seed| (sum.0 + seed[night].0, sum.1 + seed[night].1));
            format!("{:.2}", told as f64 / all as f64)
        };
        println!("{:<43} {}", format!("{factor} times"), (0..NIGHTS).map(share).collect::<Vec<_>>().join(" "));
    }
}

fn told(factor: u32, seed: u64) -> [(usize, usize); NIGHTS] {
    let nature = Nature { name: "", entities: 1200, past_bursts: 0.03, day_effect: 0.12, drift: 0.0, planted: 0.0 };
    let (history, truths) = population(nature, seed);
    let moves = |member: usize| member.is_multiple_of(ONE_IN) && truths[member].level >= 1.0;
    std::array::from_fn(|night| {
        let deviations = deviations(&moved(&history, HISTORY_DAYS - night, factor, moves));
        let all = (0..truths.len()).filter(|&member| moves(member)).count();
        let told =
            (0..truths.len()).filter(|&member| moves(member) && deviations.iter().any(|found| found.member == member));
        (told.count(), all)
    })
}

/// The same histories, some at so many times their level from a day on.
fn moved(history: &FamilyHistory, from: usize, factor: u32, moves: impl Fn(usize) -> bool) -> FamilyHistory {
    let hours = |member: usize| {
        let raised = |hour: &HistoryHour| {
            let is_new = moves(member) && usize::from(hour.hour) >= from * 24;
            HistoryHour { calls: hour.calls * if is_new { factor } else { 1 }, ..*hour }
        };
        (history.key(member).clone(), history.hours(member).iter().map(raised).collect())
    };
    FamilyHistory::from_entities(history.family, (0..history.len()).map(hours).collect::<Vec<_>>())
}
