//! Late and corrected data: whether what a night reported still stands.
//!
//! A night's results rest on the counts of its days and on what the night before left. Its record says which these were
//! ([`Basis`]). Where they are others now, the night is judged again if what changed is recent, and is named as stale if not
//! ([`Now::standing`]); a night whose events came whole after later nights were judged is late, and new. What that changed of what had been
//! reported is a [`Revision`]. Nothing is judged here, and nothing is written but the marks of nights that are not finished yet, and of those
//! that were left out.

mod basis;
mod left;
mod omitted;
mod past;
mod revision;
mod standing;
mod words;

pub use basis::Basis;
pub use left::left_before;
pub use omitted::{omit, omitted};
pub use past::{PastNight, PastRecord, begin, finish, judged, with_skipped};
pub use revision::{Difference, Identified, NightReport, Reported, ReportedAlert, Revision};
pub use standing::{Now, StaleNight, Standing, Why};
pub use words::{because, judged_how, revised, stale};
