//! Who calls: principals, the credentials they call with, and actors, whose habits make the calls.
//!
//! An actor is one source of calls with a rhythm of its own; several may share a role or an office gateway. How many
//! actors of which sort there are is told in [`super::population`].

use std::ops::Range;

use rand::{Rng, RngExt};

use super::catalogue::Catalogue;
use super::choice::Choice;
use super::rhythm::Rhythm;
use super::row::{Row, SUCCESS};

/// What sort of identity a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    User,
    Role,
    Root,
    System,
}

/// Someone who is known to the account.
#[derive(Debug)]
pub(crate) struct Principal {
    pub(crate) identity: Identity,
    pub(crate) id: String,
    pub(crate) name: String,
}

/// What a call is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A console session, or the cloud itself.
    None,
    /// A key that stays.
    Permanent(String),
    /// A key that changes every day.
    Temporary,
}

/// A way in which a principal calls.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) principal: u32,
    /// The session of a role.
    pub(crate) session: Option<String>,
    pub(crate) key: Key,
    pub(crate) agents: [u16; 2],
    pub(crate) multi_factor: Option<bool>,
}

/// What an actor is, as far as that matters for what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Person,
    /// Changes permissions as a matter of course.
    Administrator,
    /// Changes passwords as a matter of course.
    Helpdesk,
    Root,
    Batch,
    /// A server acting through a role.
    Workload,
    /// A server with a key.
    Daemon,
    /// A service of the cloud.
    Service,
    /// Rolls out software: bursts of changes on most working days.
    Deployer,
}

impl Kind {
    /// Whether it sits before a screen.
    pub(crate) fn is_human(self) -> bool {
        matches!(self, Self::Person | Self::Administrator | Self::Helpdesk | Self::Root)
    }

    /// How many calls in a row share address and credential, on average.
    fn clump(self) -> f64 {
        if self.is_human() { 4.0 } else { 1.5 }
    }
}

/// One source of calls.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) kind: Kind,
    /// Mean calls an hour over a working day.
    pub(crate) level: f64,
    pub(crate) rhythm: Rhythm,
    /// The shape of the gamma variable that makes its hourly counts vary more than chance would.
    pub(crate) steadiness: f64,
    /// The days on which it exists.
    pub(crate) alive: Range<u32>,
    pub(crate) credentials: Choice,
    pub(crate) addresses: Choice,
    pub(crate) apis: Choice,
    pub(crate) regions: Choice,
    /// The credential of its console sign-ins.
    pub(crate) console: Option<u32>,
}

/// What consecutive calls have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clump {
    pub(crate) credential: u32,
    pub(crate) address: u32,
    pub(crate) region: u8,
    pub(crate) agent: u16,
    /// Seconds within the hour at which the next call may come.
    pub(crate) second: u32,
    left: u64,
}

/// What a row needs beside its actor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables<'world> {
    pub(crate) catalogue: &'world Catalogue,
    pub(crate) credentials: &'world [Credential],
    /// Different requests to one API.
    pub(crate) variants: u32,
    pub(crate) sign_in: u16,
}

impl Actor {
    /// The probability that a call of this actor is made with this key or session.
    pub(crate) fn uses(&self, credential: u32) -> f64 {
        self.credentials.share_of(credential)
    }

    /// Starts a clump of calls at a random second of the hour.
    pub(crate) fn clump(&self, tables: Tables<'_>, random: &mut impl Rng) -> Clump {
        let credential = self.credentials.draw(random);
        let length = -self.kind.clump() * (1.0 - random.random::<f64>()).ln();
        Clump {
            credential,
            address: self.addresses.draw(random),
            region: self.regions.draw(random) as u8,
            agent: tables.credentials[credential as usize].agents[usize::from(random.random_bool(0.2))],
            second: random.random_range(0..3_600),
            left: 1 + length as u64,
        }
    }

    /// One call of the clump; `hour` is the second at which the hour begins.
    pub(crate) fn call(&self, tables: Tables<'_>, clump: &mut Clump, hour: u32, random: &mut impl Rng) -> Row {
        let api = self.apis.draw(random) as u16;
        let credential =
            if api == tables.sign_in { self.console.unwrap_or(clump.credential) } else { clump.credential };
        let row = Row {
            second: hour + clump.second.min(3_599),
            credential,
            address: clump.address,
            request: request(tables, api, random),
            api,
            // Nobody signs in at the console with a program.
            agent: if credential == clump.credential {
                clump.agent
            } else {
                tables.credentials[credential as usize].agents[0]
            },
            region: clump.region,
            error: outcome(tables, api, random),
        };
        clump.second += random.random_range(0..20);
        clump.left = clump.left.saturating_sub(1);
        row
    }

    /// Adds `count` calls within the hour to `rows`.
    pub(crate) fn calls(&self, tables: Tables<'_>, count: u64, hour: u32, random: &mut impl Rng, rows: &mut Vec<Row>) {
        let mut clump = self.clump(tables, random);
        for _ in 0..count {
            if clump.left == 0 {
                clump = self.clump(tables, random);
            }
            rows.push(self.call(tables, &mut clump, hour, random));
        }
    }
}

/// Some request to the API; small numbers are the most frequent.
pub(crate) fn request(tables: Tables<'_>, api: u16, random: &mut impl Rng) -> u32 {
    let skewed = random.random_range(0..tables.variants).min(random.random_range(0..tables.variants));
    u32::from(api) * tables.variants + skewed
}

/// How a call of the API ends.
pub(crate) fn outcome(tables: Tables<'_>, api: u16, random: &mut impl Rng) -> u8 {
    let api = &tables.catalogue.apis[api as usize];
    if random.random::<f64>() < api.error_share { api.errors.draw(random) as u8 } else { SUCCESS }
}
