//! From findings, and what the events told of them, to insights.
//!
//! [`built`] is the way in. Each kind of finding has a file that says what was measured of it; all of them begin as a [`draft`].

pub(super) mod built;
pub(super) mod callers;
mod change;
mod continuation;
mod draft;
mod first_seen;
pub(super) mod gaps;
pub mod hours;
pub(super) mod new_level;
mod rate;
