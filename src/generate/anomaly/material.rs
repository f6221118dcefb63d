//! What drafts are made of: an entity to choose, calls that count for it, a moment, a foreign address, a special
//! request.
//!
//! Which anomaly is made of it is decided by the files beside this one.

use std::ops::Range;

use rand::{Rng, RngExt};

use crate::generate::actor::Actor;
use crate::generate::anomaly::planner::{Planner, hours_of};
use crate::generate::choice::Choice;
use crate::generate::entity::Entity;
use crate::generate::expectation::Expectation;
use crate::generate::row::Row;
use crate::generate::stream::round_randomly;
use crate::time::{DAY_SECONDS, HOUR_SECONDS};

impl Planner<'_> {
    /// A random entity that something may be multiplied or silenced for, expected to have so many calls in the hour.
    pub(super) fn choose(&mut self, hour: u32, calls: Range<f64>) -> Option<Entity> {
        let expectation = Expectation::of(self.world, hour);
        let family = self.random.random_range(0..3);
        let suits = |entity: &Entity| {
            let wanted = match entity {
                Entity::Api(api) => family == 0 && self.world.catalogue.apis[*api as usize].popularity > 0.0,
                Entity::SourceIp(_) => family == 1,
                Entity::AccessKey(_) => family == 2,
                _ => false,
            };
            wanted && calls.contains(&expectation.calls(*entity))
        };
        let suitable: Vec<Entity> = self.countable().filter(suits).collect();
        pick_one(&suitable, &mut self.random)
    }

    /// More calls of an entity, made by those who make its calls anyway: `strength` times the expected ones, by the
    /// hour. With a `culprit`, all of them are that actor's.
    pub(super) fn more_calls(
        &mut self,
        entity: Entity,
        culprit: Option<u32>,
        span: &Range<u32>,
        strength: impl Fn(u32) -> f64,
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        for (hour, part) in hours_of(span) {
            let actors = self.actors_of(entity, hour);
            let expected: f64 = actors.iter().map(|(_, calls)| calls).sum();
            let actors = culprit.map_or_else(|| Choice::new(actors), |own| Choice::even([own]));
            if actors.is_empty() {
                continue;
            }
            let seconds = f64::from(part.end - part.start) / f64::from(HOUR_SECONDS);
            let count = round_randomly(&mut self.random, expected * seconds * strength(hour));
            for _ in 0..count {
                let actor = actors.draw(&mut self.random);
                rows.push(self.call_of(entity, actor, &part));
            }
        }
        rows
    }

    /// Everybody whose calls count for the entity in that hour, with how many of them are expected.
    pub(super) fn actors_of(&self, entity: Entity, hour: u32) -> Vec<(u32, f64)> {
        let world = &*self.world;
        let calls = |actor: &Actor| world.rate(actor, hour) * entity.share(world, actor);
        let all = world.people.actors.iter().enumerate().map(|(number, actor)| (number as u32, calls(actor)));
        all.filter(|(_, calls)| *calls > 0.0).collect()
    }

    /// One call of an actor that counts for the entity.
    fn call_of(&mut self, entity: Entity, actor: u32, part: &Range<u32>) -> Row {
        let tables = self.world.tables();
        let actor = &self.world.people.actors[actor as usize];
        let random = &mut self.random;
        let mut clump = actor.clump(tables, random);
        match entity {
            Entity::SourceIp(address) => clump.address = address,
            Entity::AccessKey(credential) => {
                clump.credential = credential;
                clump.agent = tables.credentials[credential as usize].agents[0];
            }
            _ => {}
        }
        let mut row = actor.call(tables, &mut clump, 0, random);
        match entity {
            Entity::Api(api) | Entity::ApiError(api, _) => {
                row.api = api;
                row.credential = clump.credential;
                row.request = crate::generate::actor::request(tables, api, random);
                row.error = crate::generate::actor::outcome(tables, api, random);
            }
            // A key cannot sign in at the console.
            Entity::AccessKey(_) if row.api == tables.sign_in => {
                row.api = actor.apis.items().first().map_or(row.api, |api| *api as u16);
                row.credential = clump.credential;
                row.request = crate::generate::actor::request(tables, row.api, random);
                row.error = crate::generate::actor::outcome(tables, row.api, random);
            }
            _ => {}
        }
        if let Entity::ApiError(_, error) = entity {
            row.error = error;
        }
        row.second = random.random_range(part.clone());
        row
    }

    /// A moment on a whole five minutes, at least `room` seconds before the end.
    pub(super) fn moment(&mut self, room: u32) -> Option<u32> {
        let slots = (self.days.start * DAY_SECONDS / 300)..((self.days.end * DAY_SECONDS).checked_sub(room)? / 300);
        if slots.is_empty() { None } else { Some(self.random.random_range(slots) * 300) }
    }

    /// An address in a network from which nobody ever called.
    pub(super) fn foreign_address(&mut self) -> u32 {
        self.foreign += 1;
        let block = crate::generate::network::Block::Foreign;
        let text = block.address(self.world.options.seed, self.foreign);
        self.world.people.add_address(text)
    }

    /// A request with these parameters.
    pub(super) fn special_request(&mut self, parameters: String) -> u32 {
        let number = self.world.special_requests.iter().position(|known| *known == parameters).unwrap_or_else(|| {
            self.world.special_requests.push(parameters);
            self.world.special_requests.len() - 1
        });
        self.world.catalogue.apis.len() as u32 * self.world.variants + number as u32
    }
}

/// One of them, if there are any.
pub(super) fn pick_one<T: Copy>(items: &[T], random: &mut impl Rng) -> Option<T> {
    if items.is_empty() { None } else { Some(items[random.random_range(0..items.len())]) }
}
