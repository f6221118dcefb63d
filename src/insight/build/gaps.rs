//! What of a night's feed was missing, and which drops are no more than that: nothing is said of them.

use crate::baseline::{FamilyHistory, Feed, OneSided, SilentRegions};
use crate::detect::{Deviation, Direction};
use crate::insight::attribute::Attribute;
use crate::insight::events::usual::Usual;

/// What of the feed was missing.
#[derive(Debug, Clone, Copy)]
pub struct Gaps<'a> {
    /// Hours.
    pub feed: &'a Feed,
    /// Regions.
    pub regions: &'a SilentRegions,
    /// Reads, or writes.
    pub sides: &'a [OneSided],
}

impl Gaps<'_> {
    /// Whether a deviation is a drop that is no more than what the trail does not deliver any more, or what a silent region lacks, as far
    /// as its regions are known.
    pub(in crate::insight) fn explain(&self, history: &FamilyHistory, deviation: &Deviation, usual: &Usual) -> bool {
        let key = history.key(deviation.member);
        let by_region = |usual: &_| self.regions.explain(key.account(), usual, deviation.expected, deviation.observed);
        let one_sided = || self.sides.iter().any(|side| side.lacks(history.family, key));
        deviation.direction == Direction::Down
            && (usual.values[Attribute::Region].as_ref().is_some_and(by_region) || one_sided())
    }
}
