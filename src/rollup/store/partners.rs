//! With whom some entities were seen on a day: the pairs of a few, by name. All that are beyond a cap go by one.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use crate::error::Result;
use crate::rollup::store::{pairs_path, read_family, read_pairs, rollup_path};
use crate::rollup::{Dimension, EntityKey, Family};
use crate::shown::OTHER;
use crate::storage::is_there;

/// Which side of a pair is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The left one: what it did, or where it was.
    Left,
    /// The right one: who did it.
    Right,
}

/// The other sides of an entity's pairs, as they are written in labels, with calls.
pub type Partners = BTreeMap<String, u64>;

/// The partners of each of `wanted`, entities of the family on one side of a kind of pairs; `None` where the day has no pairs.
///
/// # Errors
/// [`crate::Error::Rollup`] when a file is damaged.
pub fn read_partners(
    state: &Path,
    date: NaiveDate,
    families: (Family, Family),
    side: Side,
    wanted: &[EntityKey],
) -> Result<Option<Vec<Partners>>> {
    let (rollup, pairs) = (rollup_path(state, date), pairs_path(state, date));
    if !is_there(&rollup)? || !is_there(&pairs)? {
        return Ok(None);
    }
    let (own, other) = match side {
        Side::Left => families,
        Side::Right => (families.1, families.0),
    };
    // The same entity may be asked about more than once.
    let mut places: BTreeMap<&EntityKey, Vec<usize>> = BTreeMap::new();
    wanted.iter().enumerate().for_each(|(place, key)| places.entry(key).or_default().push(place));
    let mut numbers: BTreeMap<u32, &[usize]> = BTreeMap::new();
    read_family(&rollup, own, |key, _, entity| {
        if let Some(places) = places.get(&key) {
            numbers.insert(entity.entity, places);
        }
    })?;
    let mut found: BTreeMap<u32, Vec<(usize, u64)>> = BTreeMap::new();
    if !numbers.is_empty() {
        read_pairs(&pairs, families, |pair| {
            let (own, other) = if side == Side::Left { (pair.left, pair.right) } else { (pair.right, pair.left) };
            let places = numbers.get(&own).into_iter().flat_map(|places| places.iter());
            for &place in places {
                found.entry(other).or_default().push((place, u64::from(pair.calls)));
            }
        })?;
    }
    let mut partners = vec![Partners::new(); wanted.len()];
    if !found.is_empty() {
        read_family(&rollup, other, |key, service, entity| {
            for &(place, calls) in found.get(&entity.entity).into_iter().flatten() {
                *partners[place].entry(label(other, &key, service)).or_default() += calls;
            }
        })?;
    }
    Ok(Some(partners))
}

/// The label of an entity with its service as it is spelled; one word for what is beyond a cap, whatever the family.
fn label(family: Family, key: &EntityKey, service: Option<&str>) -> String {
    if key.is_other() {
        return OTHER.to_owned();
    }
    let fields = key.fields().skip(1).zip(family.keyed_by());
    let spelled =
        fields.map(|(field, &dimension)| service.filter(|_| dimension == Dimension::Service).unwrap_or(field));
    spelled.collect::<Vec<_>>().join("/")
}
