//! The entities that a row counts for, and the names that labels give them.
//!
//! They are keyed as the families of the product are, so that a label can be matched with what was found.

use super::actor::{Actor, Identity, Key};
use super::network::SERVICE_HOSTS;
use super::row::{Row, SUCCESS};
use super::services::ERRORS;
use super::world::{ACCOUNT, World};

/// A member of a family, by positions in the world's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entity {
    Api(u16),
    /// An API and a position in [`ERRORS`].
    ApiError(u16, u8),
    SourceIp(u32),
    /// The credential that holds the key.
    AccessKey(u32),
    Principal(u32),
    /// A sensitive API and who called it.
    Change(u16, u32),
}

impl Entity {
    /// Every entity that a row counts for.
    pub(crate) fn of(world: &World, row: &Row) -> impl Iterator<Item = Self> {
        let credential = &world.people.credentials[row.credential as usize];
        let error = (row.error != SUCCESS).then_some(Self::ApiError(row.api, row.error));
        let is_address = row.address as usize >= SERVICE_HOSTS.len();
        let key = matches!(credential.key, Key::Permanent(_)).then_some(Self::AccessKey(row.credential));
        let change = change_class(world, row.api).map(|_| Self::Change(row.api, credential.principal));
        [Some(Self::Api(row.api)), error, is_address.then_some(Self::SourceIp(row.address)), key]
            .into_iter()
            .chain([Some(Self::Principal(credential.principal)), change])
            .flatten()
    }

    /// Whether a row counts for this entity.
    pub(crate) fn holds(self, world: &World, row: &Row) -> bool {
        match self {
            Self::Api(api) => row.api == api,
            Self::SourceIp(address) => row.address == address,
            Self::AccessKey(credential) => row.credential == credential,
            _ => Self::of(world, row).any(|entity| entity == self),
        }
    }

    /// The probability that a call of the actor counts for this entity.
    pub(crate) fn share(self, world: &World, actor: &Actor) -> f64 {
        match self {
            Self::Api(api) => actor.apis.share_of(u32::from(api)),
            Self::ApiError(api, error) => {
                let called = &world.catalogue.apis[api as usize];
                actor.apis.share_of(u32::from(api)) * called.error_share * called.errors.share_of(u32::from(error))
            }
            Self::SourceIp(address) => actor.addresses.share_of(address),
            Self::AccessKey(credential) => actor.uses(credential),
            Self::Principal(principal) => {
                let own = |item: u32| world.people.credentials[item as usize].principal == principal;
                actor.credentials.shares().filter(|(item, _)| own(*item)).map(|(_, share)| share).sum()
            }
            Self::Change(api, principal) => {
                Self::Api(api).share(world, actor) * Self::Principal(principal).share(world, actor)
            }
        }
    }

    /// The family's name.
    pub(crate) fn family(self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::ApiError(..) => "api_error",
            Self::SourceIp(_) => "source_ip",
            Self::AccessKey(_) => "access_key",
            Self::Principal(_) => "principal",
            Self::Change(..) => "change",
        }
    }

    /// The entity's name within its family.
    pub(crate) fn name(self, world: &World) -> String {
        match self {
            Self::Api(api) => api_name(world, api),
            Self::ApiError(api, error) => format!("{}/{}", api_name(world, api), ERRORS[error as usize].0),
            Self::SourceIp(address) => world.people.addresses[address as usize].clone(),
            Self::AccessKey(credential) => match &world.people.credentials[credential as usize].key {
                Key::Permanent(text) => text.clone(),
                Key::None | Key::Temporary => String::new(),
            },
            Self::Principal(principal) => principal_name(world, principal),
            Self::Change(api, principal) => {
                let class = change_class(world, api).unwrap_or("change");
                format!("{class}/{}/{}", api_name(world, api), principal_name(world, principal))
            }
        }
    }
}

fn api_name(world: &World, api: u16) -> String {
    let api = &world.catalogue.apis[api as usize];
    format!("{}/{}", api.service, api.name)
}

fn principal_name(world: &World, principal: u32) -> String {
    let principal = &world.people.principals[principal as usize];
    match principal.identity {
        Identity::User => format!("user/{}", principal.id),
        Identity::Role => format!("role/{}", principal.id),
        Identity::Root => format!("root/{ACCOUNT}"),
        Identity::System => format!("service/{}", principal.id),
    }
}

/// What a sensitive API changes: permissions, passwords or the audit trail.
fn change_class(world: &World, api: u16) -> Option<&'static str> {
    let api = &world.catalogue.apis[api as usize];
    match (api.service, api.name.as_str()) {
        ("Ram", "ChangePassword")
        | ("Ims" | "Ram", "UpdateLoginProfile" | "CreateLoginProfile" | "DeleteLoginProfile") => Some("password"),
        ("Actiontrail", "StopLogging" | "DeleteTrail" | "UpdateTrail") => Some("trail"),
        ("Ram", name) if name.contains("PolicyTo") || name.contains("PolicyFrom") || name.contains("PolicyVersion") => {
            Some("permission")
        }
        ("Ram", "AddUserToGroup" | "RemoveUserFromGroup") => Some("permission"),
        _ => None,
    }
}
