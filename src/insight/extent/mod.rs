//! From when to when: the minutes and hours of an episode, told by what is usual and by what is its own level.
//!
//! Numbers in, numbers out: counts by minute or hour come from whoever has read them.

pub(super) mod joining;
pub mod minutes;
pub mod rhythm;
