//! How many calls each entity should have in an hour, by the world's own probabilities: the truth that labels state.
//!
//! Worked out from the probabilities that calls are drawn by, not counted from the calls.

use super::actor::Actor;
use super::entity::Entity;
use super::services::ERRORS;
use super::world::World;

/// Expected calls in one hour, by position in the world's tables.
#[derive(Debug)]
pub(crate) struct Expectation {
    pub(crate) apis: Vec<f64>,
    pub(crate) api_errors: Vec<f64>,
    pub(crate) addresses: Vec<f64>,
    pub(crate) credentials: Vec<f64>,
    pub(crate) principals: Vec<f64>,
}

impl Expectation {
    /// The expectation of all calls in an hour, counted from the start.
    pub(crate) fn of(world: &World, hour: u32) -> Self {
        Self::sum(world, hour, None)
    }

    /// The expectation of those calls that count for `given`, an API, an address or a key.
    pub(crate) fn given(world: &World, hour: u32, given: Entity) -> Self {
        Self::sum(world, hour, Some(given))
    }

    fn sum(world: &World, hour: u32, given: Option<Entity>) -> Self {
        let mut all = Self {
            apis: vec![0.0; world.catalogue.apis.len()],
            api_errors: vec![0.0; world.catalogue.apis.len() * ERRORS.len()],
            addresses: vec![0.0; world.people.addresses.len()],
            credentials: vec![0.0; world.people.credentials.len()],
            principals: vec![0.0; world.people.principals.len()],
        };
        for actor in &world.people.actors {
            let rate = world.rate(actor, hour) * given.map_or(1.0, |given| given.share(world, actor));
            if rate > 0.0 {
                all.add(world, actor, rate, given);
            }
        }
        all.add_errors(world);
        all
    }

    fn add(&mut self, world: &World, actor: &Actor, rate: f64, given: Option<Entity>) {
        // Within the family that is given, everything else is impossible.
        match given {
            Some(Entity::Api(api)) => self.apis[api as usize] += rate,
            _ => actor.apis.shares().for_each(|(api, share)| self.apis[api as usize] += rate * share),
        }
        match given {
            Some(Entity::SourceIp(address)) => self.addresses[address as usize] += rate,
            _ => actor.addresses.shares().for_each(|(item, share)| self.addresses[item as usize] += rate * share),
        }
        let mut sign = |credential: u32, calls: f64| {
            self.credentials[credential as usize] += calls;
            self.principals[world.people.credentials[credential as usize].principal as usize] += calls;
        };
        match given {
            Some(Entity::AccessKey(credential)) => sign(credential, rate),
            _ => actor.credentials.shares().for_each(|(credential, share)| sign(credential, rate * share)),
        }
    }

    fn add_errors(&mut self, world: &World) {
        for (position, api) in world.catalogue.apis.iter().enumerate() {
            let failed = self.apis[position] * api.error_share;
            for (error, share) in api.errors.shares() {
                self.api_errors[position * ERRORS.len() + error as usize] = failed * share;
            }
        }
    }

    /// The calls expected of one entity.
    pub(crate) fn calls(&self, entity: Entity) -> f64 {
        match entity {
            Entity::Api(api) => self.apis[api as usize],
            Entity::ApiError(api, error) => self.api_errors[api as usize * ERRORS.len() + error as usize],
            Entity::SourceIp(address) => self.addresses[address as usize],
            Entity::AccessKey(credential) => self.credentials[credential as usize],
            Entity::Principal(principal) => self.principals[principal as usize],
            // Changes are planted on those who never make them.
            Entity::Change(..) => 0.0,
        }
    }
}
