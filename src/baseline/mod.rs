//! What history makes us expect of an entity in an hour: a distribution, not a number.
//!
//! Three models, by how much is known: [`seasonal`] for entities that are active day by day, [`sparse`] for those that come and
//! go, and its sibling for those never seen before. History is read from rollups alone; hours in which the feed was silent, or
//! delivered events again, are masked ([`Feed`]), and the scored day is never part of what it is compared with. Beside counts, [`novelty`] knows with whom entities
//! were seen, and how often that is somebody new. [`layers`] shows what an expectation is made of.

mod absence;
pub mod activity;
mod blind;
mod calendar;
pub mod dispersion;
mod drift;
mod family;
mod feed;
mod highs;
mod history;
pub mod layers;
mod lows;
pub mod novelty;
mod one_sided;
mod parents;
mod regions;
mod repeated;
mod replayed;
pub mod seasonal;
pub mod series;
mod shift;
pub mod sparse;
mod tails;
mod week;

pub use blind::Blindness;
pub use calendar::{Calendar, SLOTS, WEEK_HOURS};
pub use family::{DayWindow, Expectation, FamilyBaseline};
pub use feed::{Feed, Silence};
pub use history::{FamilyHistory, HistoryHour, Window};
pub use one_sided::{OneSided, Side};
pub use regions::{SilentRegion, SilentRegions};
pub use repeated::Repeat;
