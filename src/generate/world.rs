//! The world: everything that is fixed before the first event, and how many calls it makes us expect of whom, when.
//!
//! What really happens in an hour is drawn in [`super::day`].

use chrono::{Datelike, Days, NaiveDate, Weekday};
use rand::RngExt;

use super::Options;
use super::actor::{Actor, Tables};
use super::catalogue::Catalogue;
use super::population::{Population, Wish};
use super::rhythm::HOURS;
use super::stream::{Purpose, stream};

/// The account that everything happens in.
pub(crate) const ACCOUNT: &str = "1599000000000001";

/// Everything that is fixed before the first event.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) catalogue: Catalogue,
    pub(crate) people: Population,
    /// Parameters of planted requests, numbered after those of all APIs.
    pub(crate) special_requests: Vec<String>,
    pub(crate) variants: u32,
    sign_in: u16,
    /// Hours since the start in which the feed brings nothing.
    gaps: Vec<u32>,
}

impl World {
    /// Draws the world of these options.
    pub(crate) fn new(options: &Options) -> Self {
        let events = options.events_per_day as f64;
        let catalogue = Catalogue::new(options.seed, (11.0 * events.powf(0.31)) as usize);
        let people = Population::new(options, &catalogue);
        let sign_in = catalogue.sign_in();
        let mut world = Self {
            options: options.clone(),
            catalogue,
            people,
            special_requests: Vec::new(),
            variants: if events < 100_000.0 { 6 } else { 16 },
            sign_in,
            gaps: gaps(options),
        };
        world.set_levels();
        world
    }

    /// What makes rows of an actor's calls.
    pub(crate) fn tables(&self) -> Tables<'_> {
        Tables {
            catalogue: &self.catalogue,
            credentials: &self.people.credentials,
            variants: self.variants,
            sign_in: self.sign_in,
        }
    }

    /// The sign-in of RAM users.
    pub(crate) fn sign_in(&self) -> u16 {
        self.sign_in
    }

    /// The calendar day of a number.
    pub(crate) fn date(&self, day: u32) -> NaiveDate {
        self.options.first_day.checked_add_days(Days::new(u64::from(day))).unwrap_or(NaiveDate::MAX)
    }

    /// The calls that are expected of an actor in an hour, counted from the start.
    pub(crate) fn rate(&self, actor: &Actor, hour: u32) -> f64 {
        if actor.alive.contains(&(hour / HOURS as u32)) { self.wish(actor, hour) } else { 0.0 }
    }

    /// The same, whether the actor exists or not.
    pub(crate) fn wish(&self, actor: &Actor, hour: u32) -> f64 {
        if self.gaps.contains(&hour) {
            return 0.0;
        }
        actor.level * actor.rhythm.at(self.is_day_off(hour / HOURS as u32), hour as usize % HOURS)
    }

    fn is_day_off(&self, day: u32) -> bool {
        matches!(self.date(day).weekday(), Weekday::Sat | Weekday::Sun)
    }

    /// Scales everybody's wishes so that the mean day has as many events as were asked for.
    fn set_levels(&mut self) {
        let days = self.options.days.max(1);
        let day_off: Vec<bool> = (0..days).map(|day| self.is_day_off(day)).collect();
        let span = |actor: &Actor| -> f64 {
            let alive = day_off.iter().enumerate().filter(|(day, _)| actor.alive.contains(&(*day as u32)));
            alive.map(|(_, off)| (0..HOURS).map(|hour| actor.rhythm.at(*off, hour)).sum::<f64>()).sum()
        };
        let spans: Vec<f64> = self.people.actors.iter().map(span).collect();
        let mut budget = self.options.events_per_day as f64 * f64::from(days);
        let mut shares = 0.0;
        for (wish, span) in self.people.wishes.iter().zip(&spans) {
            match wish {
                Wish::Daily(calls) => budget -= calls / HOURS as f64 * span,
                Wish::Share(part) => shares += part * span,
            }
        }
        let scale = if shares > 0.0 { budget.max(0.0) / shares } else { 0.0 };
        for (actor, wish) in self.people.actors.iter_mut().zip(&self.people.wishes) {
            actor.level = match wish {
                Wish::Daily(calls) => calls / HOURS as f64,
                Wish::Share(part) => part * scale,
            };
        }
    }
}

/// One or two gaps of one to three hours, before the last week.
fn gaps(options: &Options) -> Vec<u32> {
    let Some(early) = options.days.checked_sub(7).filter(|early| *early > 3) else { return Vec::new() };
    let mut random = stream(options.seed, Purpose::Calendar, 0, 0);
    let gap = |_| {
        let start = random.random_range(HOURS as u32..early * HOURS as u32 - 3);
        start..start + random.random_range(1..4)
    };
    let count = 1 + u64::from(options.seed.is_multiple_of(2));
    (0..count).flat_map(gap).collect()
}
