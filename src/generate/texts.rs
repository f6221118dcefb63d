//! How the world's members are spelt in events: endpoints, identities, keys, resources, parameters.
//!
//! Called while a day's tables are made, never per row.

use super::actor::{Credential, Identity, Key};
use super::catalogue::Api;
use super::population::letters;
use super::stream::scatter;
use super::world::{ACCOUNT, World};

/// The endpoint that an API answered at.
pub(crate) fn source(api: &Api, region: &str) -> String {
    match api.version {
        None => api.host.to_owned(),
        Some(_) if is_global(api) => format!("{}.aliyuncs.com", api.host),
        Some(_) => format!("{}.{region}.aliyuncs.com", api.host),
    }
}

/// Whether the service knows no regions.
pub(crate) fn is_global(api: &Api) -> bool {
    matches!(api.service, "Ram" | "Ims" | "Sts" | "AasSub" | "AasCustomer" | "ResourceManager" | "Alidns" | "Cdn")
}

/// The type of identity.
pub(crate) fn identity(world: &World, credential: &Credential) -> &'static str {
    match world.people.principals[credential.principal as usize].identity {
        Identity::User => "ram-user",
        Identity::Role => "assumed-role",
        Identity::Root => "root-account",
        Identity::System => "system",
    }
}

/// The principal's id; that of a role ends with the session.
pub(crate) fn principal(world: &World, credential: &Credential) -> String {
    let principal = &world.people.principals[credential.principal as usize];
    match (&credential.session, principal.identity) {
        (Some(session), _) => format!("{}:{session}", principal.id),
        (None, Identity::Root) => ACCOUNT.to_owned(),
        (None, _) => principal.id.clone(),
    }
}

/// The principal's name; that of a role ends with the session.
pub(crate) fn user(world: &World, credential: &Credential) -> String {
    let principal = &world.people.principals[credential.principal as usize];
    match &credential.session {
        Some(session) => format!("{}:{session}", principal.name),
        None => principal.name.clone(),
    }
}

/// The key that a credential signs with on that day.
pub(crate) fn key(world: &World, position: usize, day: u32) -> Option<String> {
    match &world.people.credentials[position].key {
        Key::None => None,
        Key::Permanent(text) => Some(text.clone()),
        Key::Temporary => {
            let seed = scatter(world.options.seed ^ (position as u64) << 20 ^ u64::from(day));
            Some(format!("STS.N{}", letters(seed, 20)))
        }
    }
}

/// The kind of resource that a request was about.
pub(crate) fn resource_type(world: &World, request: usize) -> Option<String> {
    let api = world.catalogue.apis.get(request / world.variants as usize)?;
    Some(format!("ACS::{}::{}", api.service.to_uppercase(), api.thing?))
}

/// The resource that a request was about; all APIs of a thing share the same few.
pub(crate) fn resource_name(world: &World, request: usize) -> Option<String> {
    let variants = world.variants as usize;
    let api = world.catalogue.apis.get(request / variants)?;
    let thing = api.thing?;
    let word = api.service.bytes().chain(thing.bytes()).fold(0, |word, byte| scatter(word ^ u64::from(byte)));
    let short: String = thing.chars().filter(char::is_ascii_uppercase).collect();
    Some(format!("{}-bp{:08x}", short.to_lowercase(), scatter(word ^ (request % variants) as u64) as u32))
}

/// The parameters of a request, as JSON.
pub(crate) fn parameters(world: &World, request: usize) -> Option<String> {
    let variants = world.variants as usize;
    let Some(api) = world.catalogue.apis.get(request / variants) else {
        return world.special_requests.get(request - world.catalogue.apis.len() * variants).cloned();
    };
    let variant = request % variants;
    match (api.thing, resource_name(world, request)) {
        _ if api.is_sign_in() => None,
        (Some(thing), Some(name)) => Some(format!(r#"{{"{thing}Id":"{name}"}}"#)),
        _ if api.service == "Sts" => {
            Some(format!(r#"{{"RoleArn":"acs:ram::{ACCOUNT}:role/app-role-{variant}","DurationSeconds":3600}}"#))
        }
        _ => Some(format!(r#"{{"PageNumber":{},"PageSize":{}}}"#, 1 + variant / 2, 50 << (variant % 2))),
    }
}

/// What a sign-in event carries beside its fields.
pub(crate) fn sign_in(second_factor: &str) -> String {
    let console = "https://homenew.console.aliyun.com/";
    format!(r#"{{"callbackUrl":"{console}","loginType":"password","mfaChecked":"{second_factor}"}}"#)
}
