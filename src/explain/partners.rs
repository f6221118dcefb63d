//! With whom an entity was seen on a day, beside how often that is usual: what the rollups' pairs tell.

use std::path::Path;

use serde::Serialize;

use crate::baseline::Window;
use crate::error::Result;
use crate::place::Place;
use crate::rollup::store::{Question, Side, read_partners};
use crate::rollup::{EntityKey, Family};

/// Days that tell what is usual.
const DAYS: usize = 7;
/// Partners of a kind that are named.
const NAMED: usize = 5;

/// An entity that another was seen with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Partner {
    /// Its family's name.
    pub family: &'static str,
    /// Its label.
    pub name: String,
    /// The name that people know it by, of a principal; null where nothing tells it.
    pub called: Option<String>,
    /// Where it is, of a network; absent where no database tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Calls that they share on the scored day.
    pub calls: u64,
    /// Calls a day in the seven days before.
    pub usual: f64,
}

/// Pairs by the family that is asked about, the other family, and the side of the former.
const ASKED: [((Family, Family), Side); 9] = [
    ((Family::AccessKey, Family::Api), Side::Left),
    ((Family::AccessKey, Family::Network), Side::Left),
    ((Family::Principal, Family::Api), Side::Left),
    ((Family::Principal, Family::Network), Side::Left),
    ((Family::Principal, Family::Region), Side::Left),
    ((Family::Principal, Family::Api), Side::Right),
    ((Family::AccessKey, Family::Api), Side::Right),
    ((Family::Api, Family::Network), Side::Left),
    ((Family::Api, Family::Network), Side::Right),
];

/// The busiest partners of an entity on the scored day, kind by kind; none for families that no pair is kept of.
///
/// # Errors
/// When a rollup is damaged.
pub fn partners(state: &Path, window: &Window, family: Family, key: &EntityKey) -> Result<Vec<Partner>> {
    let mut partners = Vec::new();
    for (families, side) in ASKED {
        let (own, other) = if side == Side::Left { families } else { (families.1, families.0) };
        if own == family {
            partners.extend(of_kind(state, window, families, side, other, key)?);
        }
    }
    Ok(partners)
}

fn of_kind(
    state: &Path,
    window: &Window,
    families: (Family, Family),
    side: Side,
    other: Family,
    key: &EntityKey,
) -> Result<Vec<Partner>> {
    let read = |day: usize| {
        let question = Question { families, side, wanted: std::slice::from_ref(key) };
        let found = read_partners(state, window.date(day), question)?;
        Ok::<_, crate::Error>(found.and_then(|mut found| found.pop()).unwrap_or_default())
    };
    let today = window.length();
    let mut busiest: Vec<(String, u64)> = read(today)?.into_iter().collect();
    busiest.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    busiest.truncate(NAMED);
    let days: Vec<usize> = (today.saturating_sub(DAYS)..today).filter(|&day| window.is_present(day)).collect();
    let mut before = vec![0; busiest.len()];
    for &day in &days {
        let found = read(day)?;
        for (sum, (name, _)) in before.iter_mut().zip(&busiest) {
            *sum += found.get(name).copied().unwrap_or(0);
        }
    }
    let partner = |((name, calls), before): ((String, u64), u64)| Partner {
        family: other.name(),
        name,
        called: None,
        place: None,
        calls,
        usual: before as f64 / (days.len() as f64).max(1.0),
    };
    Ok(busiest.into_iter().zip(before).map(partner).collect())
}
