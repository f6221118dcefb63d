//! What an insight means, once everything is measured: a small file for each thing that is said of it.
//!
//! [`complete`] is the way in, and the order in which they are said. Nothing is read or judged here.

pub(super) mod actor;
pub mod attack;
pub(super) mod complete;
pub mod habits;
pub(super) mod new_company;
pub(super) mod next_query;
pub mod places;
pub(super) mod sentence;
pub mod severity;
mod sign_ins;
