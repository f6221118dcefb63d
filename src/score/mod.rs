//! Any count series, judged bucket by bucket by what came before: `insights score`.
//!
//! The nightly job knows its entities, their peers and their days; here there is nothing but times and counts. The principles
//! are the same, and so are the tails, residuals and weights of [`crate::stats`]: earlier anomalies are weighed down, rare slots
//! borrow from common ones, the variance is learnt, the unsure mean is part of the distribution, gaps are no zeros.
//!
//! ```text
//! table (read) ── buckets (timeline) ── plan (season) ── walk (model) ── judge ── write
//! ```
//!
//! [`model`] is the mathematics and knows neither files nor calendars.

mod judge;
pub mod model;
mod moment;
mod read;
pub mod season;
mod spacing;
mod table;
mod timeline;
mod write;

pub use judge::{INTERVAL, Judge, Judgement, Notes, Options, SeasonChoice, SeriesScore, Verdict, judge};
pub use read::read;
pub use spacing::{Spacing, width};
pub use table::{CountRow, CountSeries, CountTable};
pub use timeline::{Buckets, Missing};
pub use write::{COLUMNS, FileForm, ScoreWriter};
