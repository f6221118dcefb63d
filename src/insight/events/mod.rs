//! Going back to the events: which rows are a target's, when they were, and who is in them.
//!
//! [`investigate`] is the way in. A [`target`] says whose events in which hours are meant; [`reading`] opens the row groups that can hold
//! them ([`pruning`], [`stretches`], [`sieve`], [`passing`], [`belonging`]) and [`look`] tells what stands in their rows ([`described`]), by what
//! [`notes`] and [`at_hand`] remember of the first reading, which [`again`] asks once more. What comes of it is [`evidence`]; [`usual`] is the same of the
//! week before; by both, rises and drops are told with whoever makes them, or is missing ([`apart`], [`missing`]), and refusals with whoever
//! got in after them ([`let_in`]). What it means is said elsewhere.

mod again;
pub mod apart;
mod at_hand;
mod belonging;
pub(super) mod compared;
mod described;
pub mod eve;
pub mod evidence;
pub mod investigate;
pub mod let_in;
mod look;
pub mod missing;
pub mod names;
mod notes;
mod passing;
mod pruning;
mod reading;
mod sieve;
mod spelling;
mod stretches;
mod tally;
pub mod target;
mod texts;
pub mod usual;
pub mod values;
