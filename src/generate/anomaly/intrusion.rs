//! Intrusions: somebody from outside uses a stolen key, or tries one password on everybody.

use rand::RngExt;

use super::material::pick_one;
use super::planner::{Draft, Planner};
use crate::generate::actor::{Actor, Key, outcome, request};
use crate::generate::catalogue::WRONG_PASSWORD;
use crate::generate::choice::Choice;
use crate::generate::entity::Entity;
use crate::generate::population::Population;
use crate::generate::row::{Row, SUCCESS};
use crate::time::{DAY_SECONDS, HOUR_SECONDS};

/// What a thief is after, the most wanted first.
const LOOT: [(&str, &str); 8] = [
    ("Oss", "GetObject"),
    ("Kms", "GetSecretValue"),
    ("Oss", "ListBuckets"),
    ("Ecs", "DescribeInstances"),
    ("Ram", "ListUsers"),
    ("Rds", "DescribeDBInstances"),
    ("Sts", "GetCallerIdentity"),
    ("Log", "GetLogs"),
];

/// A key is used from an address that nobody knows, for APIs that it never called: hundreds of calls in minutes.
pub(super) fn stolen_key(planner: &mut Planner<'_>) -> Option<Draft> {
    let length = planner.random.random_range(1..=4) * 300;
    let start = planner.moment(length)?;
    let span = start..start + length;
    let (credential, apis) = victim(planner, start)?;
    let most = (planner.world.options.events_per_day / 20).clamp(300, 1_200);
    let count = planner.random.random_range(200..most);
    let address = planner.foreign_address();
    let row = |planner: &mut Planner<'_>| {
        let (tables, random) = (planner.world.tables(), &mut planner.random);
        let api = apis.draw(random) as u16;
        Row {
            second: random.random_range(span.clone()),
            credential,
            address,
            request: request(tables, api, random),
            api,
            agent: Population::foreign_agent(),
            region: 0,
            error: outcome(tables, api, random),
        }
    };
    let rows = (0..count).map(|_| row(planner)).collect();
    let marks = vec![(Entity::AccessKey(credential), None), (Entity::SourceIp(address), None)];
    Some(Draft { kind: "stolen_key", span, marks, rows, silence: None })
}

/// A key that is in use, and what its owner never called.
fn victim(planner: &mut Planner<'_>, moment: u32) -> Option<(u32, Choice)> {
    let world = &*planner.world;
    let is_alive = |actor: &&Actor| actor.alive.contains(&(moment / DAY_SECONDS)) && actor.level > 0.05;
    let actors: Vec<&Actor> = world.people.actors.iter().filter(is_alive).collect();
    let actor = pick_one(&actors, &mut planner.random)?;
    let is_key = |item: &&u32| matches!(world.people.credentials[**item as usize].key, Key::Permanent(_));
    let credential = *actor.credentials.items().iter().find(is_key)?;
    let wanted = LOOT.iter().filter_map(|(service, name)| world.catalogue.find(service, name)).map(u32::from);
    let unheard: Vec<u32> = wanted.filter(|api| !actor.apis.items().contains(api)).take(4).collect();
    (!unheard.is_empty()).then(|| (credential, Choice::zipf(unheard, 2.5)))
}

/// From one unknown address, wrong passwords for many users, and at last a right one.
pub(super) fn password_spray(planner: &mut Planner<'_>) -> Option<Draft> {
    let length = planner.random.random_range(3..=9) * 300;
    let start = planner.moment(length + HOUR_SECONDS)?;
    let span = start..start + length;
    let sign_in = planner.world.sign_in();
    let is_alive =
        |actor: &&Actor| actor.alive.contains(&(start / DAY_SECONDS)) && actor.apis.share_of(u32::from(sign_in)) > 0.0;
    let users: Vec<u32> =
        planner.world.people.actors.iter().filter(is_alive).filter_map(|actor| actor.console).take(200).collect();
    if users.len() < 5 {
        return None;
    }
    let address = planner.foreign_address();
    let request = u32::from(sign_in) * planner.world.variants;
    let agent = planner.random.random_range(0..3);
    let attempt =
        |second, credential, error| Row { second, credential, address, request, api: sign_in, agent, region: 0, error };
    let wrong = users.len().max(40) + planner.random.random_range(0..users.len());
    let random = &mut planner.random;
    let mut rows: Vec<Row> = (0..wrong)
        .map(|number| attempt(random.random_range(start..span.end - 60), users[number % users.len()], WRONG_PASSWORD))
        .collect();
    rows.push(attempt(span.end - 30, pick_one(&users, random)?, SUCCESS));
    let marks = vec![(Entity::SourceIp(address), None), (Entity::ApiError(sign_in, WRONG_PASSWORD), None)];
    Some(Draft { kind: "password_spray", span, marks, rows, silence: None })
}
