//! What the texts of a row's columns stand for: a member of a family, and for an address its network too.
//!
//! Asked once for each distinct combination of texts, never for a row.

use crate::event::{Principal, SourceAddress, fold_service, network, permanent_access_key, service_name};
use crate::rollup::NONE;
use crate::rollup::combine::Meaning;
use crate::rollup::members::{EntityKey, Members};

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
        let (account, written) = (texts[0].unwrap_or_default(), texts[1].unwrap_or_default());
        let address = SourceAddress::parse(written).and_then(|source| source.ip());
        address.map_or(NONE, |address| self.members.intern(EntityKey::new([account, &address.to_string()])))
    }

    fn of_day(&mut self, lasting: u32) -> u32 {
        let number = self.members.number_of_day(lasting);
        if let Some(networks) = &mut self.networks
            && self.of_day.get(number as usize).is_none_or(|known| *known == NONE)
        {
            let known = entry(self.network_of, lasting);
            if *known == NONE
                && let Some(key) = network_key(self.members.key(number))
            {
                *known = networks.intern(key);
            }
            *entry(self.of_day, number) = networks.number_of_day(*known);
        }
        number
    }
}

fn network_key(address: &EntityKey) -> Option<EntityKey> {
    let parsed = address.fields().nth(1)?.parse().ok()?;
    Some(EntityKey::new([address.account(), &network(parsed)]))
}

fn entry(numbers: &mut Vec<u32>, place: u32) -> &mut u32 {
    numbers.resize(numbers.len().max(place as usize + 1), NONE);
    &mut numbers[place as usize]
}

pub(super) fn api_key(texts: &[Option<&str>]) -> Option<EntityKey> {
    let service = service_name(texts[1]?);
    Some(EntityKey::new([texts[0].unwrap_or_default(), &fold_service(service), texts[2]?]))
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
