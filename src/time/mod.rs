//! Hours and days of UTC: how long they are, when a day begins, and spans of its hours.
//!
//! Moments that were counted, not those of a clock: nothing here knows what time it is. Days off, seasons and the zones in which people see
//! times are the business of others.

mod hour_span;

pub use hour_span::HourSpan;
