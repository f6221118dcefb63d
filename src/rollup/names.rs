//! Which names a count tells apart: as a rule all of them.
//!
//! Where there are more than can be held, a count knows those of one family, or those alone that are to be kept. It is asked once for each
//! distinct combination of texts, never for a row.

use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashSet;

use crate::rollup::Family;
use crate::rollup::members::EntityKey;

/// By family the names that are kept; all of them where there is no set.
pub(super) type Kept = [Option<Arc<HashSet<EntityKey, RandomState>>>; Family::COUNT];

/// The names that a count knows.
#[derive(Debug, Clone, Default)]
pub(super) enum Names {
    /// Every name of every family.
    #[default]
    All,
    /// Every name of one family; all other families are left out.
    Only(Family),
    /// Those that are kept. The others of a family stand for `(other)`, account by account.
    Kept(Kept),
}

impl Names {
    /// Whether a family is counted at all.
    pub(super) fn concern(&self, family: Family) -> bool {
        !matches!(self, Self::Only(only) if *only != family)
    }

    /// Whether some of a family's names are chosen, so that it cannot have too many.
    pub(super) fn are_chosen(&self, family: Family) -> bool {
        matches!(self, Self::Kept(kept) if kept[family as usize].is_some())
    }

    /// As whom a member is counted.
    pub(super) fn known_as(&self, family: Family, key: EntityKey) -> EntityKey {
        match self {
            Self::Kept(kept) if kept[family as usize].as_ref().is_some_and(|names| !names.contains(&key)) => {
                EntityKey::other(family, key.account())
            }
            _ => key,
        }
    }
}
