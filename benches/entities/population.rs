//! Rollups of very many made-up entities: an eighth always busy, a third every day, the rest now and then.

use std::path::Path;

use chrono::NaiveDate;
use insights::Error;
use insights::rollup::store::{CountedBy, DayInput, DayNote, write_day};
use insights::rollup::{DayRollup, EntityKey, Family, FamilyRollup, HourColumns, NONE, PAIRS, PairRollup, ScanCounts};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Days before the scored one.
pub(crate) const HISTORY_DAYS: usize = 28;
/// APIs that an entity chooses from, and how many of them it calls on a day.
const PALETTE: u64 = 8;
const CALLED: u64 = 4;

/// All members of a family, in order, and how busy each is.
struct Members {
    family: Family,
    keys: Vec<EntityKey>,
}

/// Writes the rollups of the days up to `scored`.
pub(crate) fn write_days(state: &Path, entities: u64, scored: NaiveDate) -> Result<(), Error> {
    let parts = [
        (Family::Api, entities / 200),
        (Family::ApiError, entities / 50),
        (Family::SourceIp, entities / 2),
        (Family::AccessKey, entities / 4),
        (Family::Principal, entities / 4 - entities / 40),
        (Family::Change, 0),
        (Family::Network, entities / 40),
        (Family::Region, 20),
    ];
    let all = parts.map(|(family, count)| Members::new(family, count));
    for day in 0..=HISTORY_DAYS as u64 {
        let date = scored - chrono::Duration::days(HISTORY_DAYS as i64 - day as i64);
        let active: Vec<Vec<u32>> = all.iter().map(|members| members.active(day)).collect();
        let families: Vec<FamilyRollup> =
            all.iter().zip(&active).map(|(members, active)| members.rollup(active, day)).collect();
        let pairs = PAIRS.iter().map(|&families| pairs(families, &all, &active, day)).collect();
        let rollup = DayRollup {
            families,
            pairs,
            spellings: std::collections::BTreeMap::default(),
            counts: ScanCounts::default(),
        };
        let (input, counts) = (DayInput::default(), ScanCounts::default());
        write_day(
            state,
            &rollup,
            &DayNote { date, input, pairs: true, counted_by: CountedBy::default(), counts, problems: Vec::new() },
        )?;
    }
    Ok(())
}

fn random(numbers: [u64; 4]) -> Xoshiro256PlusPlus {
    let mix = |seed: u64, number: &u64| (seed ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    Xoshiro256PlusPlus::seed_from_u64(numbers.iter().fold(7, mix))
}

impl Members {
    fn new(family: Family, count: u64) -> Self {
        let key = |number: u64| {
            let fields = match family {
                Family::Api => vec![format!("service{:02}", number % 40), format!("DescribeThing{number}")],
                Family::ApiError => {
                    vec![
                        format!("service{:02}", number % 40),
                        format!("DescribeThing{number}"),
                        "Forbidden.Ram".to_owned(),
                    ]
                }
                Family::SourceIp => {
                    let spread = number.wrapping_mul(0x9e37_79b1) & 0xff_ffff;
                    vec![format!("47.{}.{}.{}", spread >> 16, spread >> 8 & 255, spread & 255)]
                }
                Family::AccessKey => vec![format!("LTAI5t{:018x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))],
                Family::Principal => vec!["user".to_owned(), format!("2{:017}", number.wrapping_mul(0x9e37_79b9) >> 3)],
                Family::Network => vec![format!("47.{}.{}.0/24", number >> 8 & 255, number & 255)],
                _ => vec![format!("cn-region-{number}")],
            };
            EntityKey::new(["1599000000000001"].into_iter().chain(fields.iter().map(String::as_str)))
        };
        let mut keys: Vec<EntityKey> = (0..count).map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        Self { family, keys }
    }

    /// The mean number of hours with calls, and of calls in them.
    fn busyness(&self, member: u32) -> (f64, f64) {
        let mut random = random([self.family as u64, u64::from(member), 1, 1]);
        match random.random_range(0..100) {
            _ if self.family == Family::Api => (20.0, 30.0),
            0..15 => (18.0, random.random_range(2.0..40.0)),
            15..50 => (5.0, random.random_range(1.0..6.0)),
            _ => (1.1, random.random_range(1.0..4.0)),
        }
    }

    /// Who does anything on a day.
    fn active(&self, day: u64) -> Vec<u32> {
        let acts = |member: &u32| match self.family {
            Family::Network | Family::Region | Family::Api => true,
            _ => !self.hours(*member, day).is_empty(),
        };
        (0..self.keys.len() as u32).filter(acts).collect()
    }

    /// The hours of a day with calls, and the calls.
    fn hours(&self, member: u32, day: u64) -> Vec<(u8, u32)> {
        let (hours, calls) = self.busyness(member);
        let mut random = random([self.family as u64, u64::from(member), 2, day]);
        let busy = |_: &u8| random.random_bool(hours / 24.0);
        let hours: Vec<u8> = (0..24).filter(busy).collect();
        hours.into_iter().map(|hour| (hour, 1 + (-calls * (1.0 - random.random::<f64>()).ln()) as u32)).collect()
    }

    fn rollup(&self, active: &[u32], day: u64) -> FamilyRollup {
        let (mut columns, mut starts) = (HourColumns::default(), vec![0]);
        for &member in active {
            let counted = !matches!(self.family, Family::Network | Family::Region);
            for (hour, calls) in if counted { self.hours(member, day) } else { Vec::new() } {
                columns.hour.push(hour);
                columns.calls.push(calls);
                columns.errors.push(calls / 20);
                columns.peak.push(calls.div_ceil(3));
            }
            starts.push(columns.hour.len() as u32);
        }
        let members = active.iter().map(|&member| self.keys[member as usize].clone()).collect();
        FamilyRollup { family: self.family, members, starts, hours: columns }
    }
}

fn pairs(families: (Family, Family), all: &[Members], active: &[Vec<u32>], day: u64) -> PairRollup {
    let (left, right) = (families.0 as usize, families.1 as usize);
    let mut place = vec![NONE; all[right].keys.len()];
    active[right].iter().zip(0..).for_each(|(&member, number)| place[member as usize] = number);
    let mut found = PairRollup { families, lefts: Vec::new(), starts: vec![0], rights: Vec::new(), calls: Vec::new() };
    for (number, &member) in (0..).zip(&active[left]) {
        let mut rights: Vec<u32> = partners(families, member, day, place.len() as u64)
            .into_iter()
            .map(|partner| place[partner as usize])
            .filter(|&partner| partner != NONE)
            .collect();
        rights.sort_unstable();
        rights.dedup();
        if !rights.is_empty() {
            found.calls.extend(rights.iter().map(|_| 3));
            found.rights.extend(rights);
            found.lefts.push(number);
            found.starts.push(found.rights.len() as u32);
        }
    }
    found
}

/// Whom an entity meets on a day: some of its usual company, seldom somebody else.
fn partners((left, right): (Family, Family), member: u32, day: u64, all: u64) -> Vec<u32> {
    let mut of_day = random([left as u64 * 16 + right as u64, u64::from(member), 3, day]);
    let (palette, met) = match right {
        Family::Api => (PALETTE, CALLED),
        _ if left == Family::Api => (30, 12),
        _ => (2, 1),
    };
    let one = |_| {
        let choice = if of_day.random_bool(0.002) {
            of_day.random_range(0..all) + palette
        } else {
            of_day.random_range(0..palette)
        };
        random([left as u64 * 16 + right as u64, u64::from(member), 4, choice]).random_range(0..all) as u32
    };
    (0..met).map(one).collect()
}
