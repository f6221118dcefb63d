//! What is to be looked into: which deviations are reported at all, and what the events are read for.

mod following;
mod grave;
pub(super) mod night;
pub(super) mod open;
pub(super) mod targets;
