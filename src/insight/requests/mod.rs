//! What requests ask for, read from their parameters: what they change for whom, and what makes that serious.
//!
//! Which parameters say so is data (`data/changed.csv`, `data/serious.csv`). Who asked, when and from where is no concern of this room.

pub mod changed;
pub mod concern;
mod selectors;
pub mod serious;
pub(in crate::insight) mod trail_name;
