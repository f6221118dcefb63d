//! Sensitive changes by those who never made one: permissions, passwords, the audit trail. A single call is the anomaly.

use rand::RngExt;

use super::material::pick_one;
use super::planner::{Draft, Planner};
use crate::generate::actor::{Actor, Kind};
use crate::generate::catalogue::NO_PERMISSION;
use crate::generate::entity::Entity;
use crate::generate::row::{Row, SUCCESS};
use crate::time::DAY_SECONDS;

/// One sensitive call: service, API, parameters.
type Act = (&'static str, &'static str, &'static str);

const PERMISSION: [&[Act]; 2] = [
    &[(
        "Ram",
        "AttachPolicyToUser",
        r#"{"PolicyType":"System","PolicyName":"AdministratorAccess","UserName":"backup-sync"}"#,
    )],
    &[(
        "Ram",
        "CreatePolicyVersion",
        r#"{"PolicyName":"app-read","SetAsDefault":true,"PolicyDocument":"{\"Statement\":[{\"Action\":\"*\",\"Effect\":\"Allow\",\"Resource\":\"*\"}],\"Version\":\"1\"}"}"#,
    )],
];

const PASSWORD: [&[Act]; 2] = [
    &[(
        "Ims",
        "UpdateLoginProfile",
        r#"{"UserPrincipalName":"finance@corp.onaliyun.com","PasswordResetRequired":false}"#,
    )],
    &[("Ram", "ChangePassword", r#"{"OldPassword":"***","NewPassword":"***"}"#)],
];

const TRAIL: [&[Act]; 4] = [
    &[("Actiontrail", "StopLogging", r#"{"Name":"trail-prod"}"#)],
    &[
        ("Actiontrail", "StopLogging", r#"{"Name":"trail-prod"}"#),
        ("Actiontrail", "DeleteTrail", r#"{"Name":"trail-prod"}"#),
    ],
    &[("Actiontrail", "UpdateTrail", r#"{"Name":"trail-prod","EventRW":"Read","TrailRegion":"cn-hangzhou"}"#)],
    &[("Actiontrail", "DeleteTrail", r#"{"Name":"trail-audit"}"#)],
];

/// Somebody gives himself or another all rights.
pub(super) fn permission_change(planner: &mut Planner<'_>) -> Option<Draft> {
    let acts = pick_one(&PERMISSION, &mut planner.random)?;
    change(planner, "permission_change", acts, 0.0)
}

/// Somebody sets a password who is not in charge of passwords.
pub(super) fn password_change(planner: &mut Planner<'_>) -> Option<Draft> {
    let acts = pick_one(&PASSWORD, &mut planner.random)?;
    change(planner, "password_change", acts, 0.0)
}

/// Somebody stops, narrows or deletes the audit trail, or is kept from it.
pub(super) fn trail_tampering(planner: &mut Planner<'_>) -> Option<Draft> {
    let acts = pick_one(&TRAIL, &mut planner.random)?;
    change(planner, "trail_tampering", acts, 0.4)
}

fn change(planner: &mut Planner<'_>, kind: &'static str, acts: &[Act], refused: f64) -> Option<Draft> {
    let length = 300;
    let start = planner.moment(length)?;
    let world = &*planner.world;
    let is_new = |actor: &&Actor| {
        actor.kind == Kind::Person && actor.alive.contains(&(start / DAY_SECONDS)) && actor.level > 0.0
    };
    let people: Vec<&Actor> = world.people.actors.iter().filter(is_new).collect();
    let actor = pick_one(&people, &mut planner.random)?;
    let clump = actor.clump(world.tables(), &mut planner.random);
    let principal = world.people.credentials[clump.credential as usize].principal;
    // Twice the same would be no news the second time.
    if planner.culprits.contains(&principal) {
        return None;
    }
    let error = if planner.random.random_bool(refused) { NO_PERMISSION } else { SUCCESS };
    let mut rows = Vec::new();
    let mut marks = Vec::new();
    for (service, name, parameters) in acts {
        let api = planner.world.catalogue.find(service, name)?;
        let request = planner.special_request((*parameters).to_owned());
        let (credential, address, agent, region) = (clump.credential, clump.address, clump.agent, clump.region);
        let second = planner.random.random_range(start..start + length);
        rows.push(Row { second, credential, address, request, api, agent, region, error });
        marks.push((Entity::Change(api, principal), None));
    }
    planner.culprits.insert(principal);
    Some(Draft { kind, span: start..start + length, marks, rows, silence: None })
}
