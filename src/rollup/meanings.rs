//! What the texts of a row's columns stand for: a member of a family, and for an address its network too.
//!
//! Asked once for each distinct combination of texts, never for a row.

use crate::event::{
    ChangeKind, Principal, SourceAddress, failure_code, fold_service, network, permanent_access_key, service_name,
};
use crate::rollup::combine::Meaning;
use crate::rollup::members::{EntityKey, Members};
use crate::rollup::names::Names;
use crate::rollup::{Family, NONE};

/// Texts that stand for one member of a family.
pub(super) struct Plain<'members, Key> {
    pub(super) members: &'members mut Members,
    pub(super) key: Key,
}

impl<Key: Fn(&[Option<&str>]) -> Option<EntityKey>> Meaning for Plain<'_, Key> {
    fn lasting(&mut self, texts: &[Option<&str>]) -> u32 {
        (self.key)(texts).map_or(NONE, |key| self.members.intern(key))
    }

    fn of_day(&mut self, lasting: u32) -> u32 {
        self.members.number_of_day(lasting)
    }
}

/// Texts that stand for one member of a family, or for `(other)` if its name is not known.
pub(super) struct Chosen<'keyer> {
    pub(super) members: &'keyer mut Members,
    pub(super) key: fn(&[Option<&str>]) -> Option<EntityKey>,
    pub(super) family: Family,
    pub(super) names: &'keyer Names,
}

impl Meaning for Chosen<'_> {
    fn lasting(&mut self, texts: &[Option<&str>]) -> u32 {
        (self.key)(texts).map_or(NONE, |key| self.members.intern(self.names.known_as(self.family, key)))
    }

    fn of_day(&mut self, lasting: u32) -> u32 {
        self.members.number_of_day(lasting)
    }
}

/// Texts that stand for an address, and so for a network.
pub(super) struct Addresses<'keyer> {
    /// The addresses.
    pub(super) members: &'keyer mut Members,
    /// The networks, where they are asked for.
    pub(super) networks: Option<&'keyer mut Members>,
    /// By an address's lasting number the lasting number of its network.
    pub(super) network_of: &'keyer mut Vec<u32>,
    /// By an address's number of the day the number of its network.
    pub(super) of_day: &'keyer mut Vec<u32>,
}

impl Meaning for Addresses<'_> {
    fn lasting(&mut self, texts: &[Option<&str>]) -> u32 {
        address_key(texts).map_or(NONE, |key| self.members.intern(key))
    }

    fn of_day(&mut self, lasting: u32) -> u32 {
        let number = self.members.number_of_day(lasting);
        if let Some(networks) = &mut self.networks
            && self.of_day.get(number as usize).is_none_or(|known| *known == NONE)
        {
            let known = entry(self.network_of, lasting);
            if *known == NONE
                && let Some(key) = network_of(self.members.key(number))
            {
                *known = networks.intern(key);
            }
            *entry(self.of_day, number) = networks.number_of_day(*known);
        }
        number
    }
}

fn network_of(address: &EntityKey) -> Option<EntityKey> {
    let parsed = address.fields().nth(1)?.parse().ok()?;
    Some(EntityKey::new([address.account(), &network(parsed)]))
}

fn entry(numbers: &mut Vec<u32>, place: u32) -> &mut u32 {
    numbers.resize(numbers.len().max(place as usize + 1), NONE);
    &mut numbers[place as usize]
}

pub(super) fn address_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    let address = SourceAddress::parse(texts[1]?).and_then(|source| source.ip())?;
    Some(EntityKey::new([texts[0].unwrap_or_default(), &address.to_string()]))
}

pub(super) fn network_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    network_of(&address_key(texts)?)
}

pub(super) fn api_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    let service = service_name(texts[1]?);
    Some(EntityKey::new([texts[0].unwrap_or_default(), &fold_service(service), texts[2]?]))
}

pub(super) fn api_error_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    let (api, code) = (api_key(texts)?, failure_code(texts[3], texts[4])?);
    Some(EntityKey::new(api.fields().chain([code])))
}

pub(super) fn access_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    Some(EntityKey::new([texts[0].unwrap_or_default(), texts[1].and_then(permanent_access_key)?]))
}

pub(super) fn principal_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    let found = Principal::from_fields(texts[1], texts[2], None, texts[0])?;
    Some(EntityKey::new([texts[0].unwrap_or_default(), found.kind.name(), &found.id]))
}

pub(super) fn region_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    Some(EntityKey::new([texts[0].unwrap_or_default(), texts[1]?]))
}

pub(super) fn change_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    let api = api_key(texts)?;
    Some(change_by(&api, changed_by(&api)?, principal_key(&texts[3..]).as_ref()))
}

/// What a call of an API changes.
pub(super) fn changed_by(api: &EntityKey) -> Option<ChangeKind> {
    let mut fields = api.fields().skip(1);
    ChangeKind::of_call(fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
}

/// A change through an API by a principal, where one is known.
pub(super) fn change_by(api: &EntityKey, kind: ChangeKind, principal: Option<&EntityKey>) -> EntityKey {
    let who: Vec<&str> = principal.map_or(vec!["unknown", ""], |key| key.fields().skip(1).collect());
    EntityKey::new([api.account(), kind.name()].into_iter().chain(api.fields().skip(1)).chain(who))
}
