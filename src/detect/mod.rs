//! Finding the entities and hours that the baseline cannot explain.
//!
//! [`rate`] scores an entity's day, `surge` its errors by their share of the calls, [`first_seen`] with whom it was seen; `together` joins
//! newcomers that are one event; [`judgement`] puts this together for all entities and controls the share of false discoveries over them;
//! [`score_cap`] holds scores down where little is known; [`change`] reports changes by their meaning; [`hours`] is for those who draw what
//! was expected. A [`Deviation`] says what was found; turning it into an insight that a person reads is the business of [`crate::insight`].

pub mod change;
mod day_score;
mod episode;
pub mod first_seen;
pub mod hours;
pub mod judgement;
#[cfg(test)]
mod known_truth;
pub mod rate;
pub mod replay;
pub mod score_cap;
pub mod scored;
pub mod select;
mod surge;
mod together;
pub mod trace;
mod window_test;
mod windows;

use crate::time::HourSpan;

pub use window_test::{Span, WindowTest};

/// Which way counts deviate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More than expected.
    Up,
    /// Less than expected.
    Down,
}

impl Direction {
    /// Which way a count is from what was expected.
    fn of(observed: u64, expected: f64) -> Self {
        if observed as f64 > expected { Self::Up } else { Self::Down }
    }
}

/// Which model a deviation is judged by, and so what "expected" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Hour by hour against the entity's own past.
    Seasonal,
    /// The day against active days of entities that come and go.
    Sparse,
    /// The day against first days of entities.
    New,
    /// Whom the entity met for the first time, against how often it meets somebody new.
    FirstSeen,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Seasonal, Self::Sparse, Self::New, Self::FirstSeen];

    /// The model of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    /// The name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seasonal => "seasonal",
            Self::Sparse => "sparse",
            Self::New => "new",
            Self::FirstSeen => "first_seen",
        }
    }
}

/// An entity and some hours of the scored day that the baseline cannot explain.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// The entity's number in its family's history.
    pub member: usize,
    /// Which way.
    pub direction: Direction,
    /// By which model.
    pub model: Model,
    /// The hours of the day.
    pub hours: HourSpan,
    /// Calls in these hours.
    pub observed: u64,
    /// Calls that were expected in these hours.
    pub expected: f64,
    /// The lower end of the central 99 % of what was expected.
    pub lower: u64,
    /// The upper end of it.
    pub upper: u64,
    /// The natural logarithm of the p-value, corrected for the windows of the day that were looked at.
    pub ln_p: f64,
    /// The natural logarithm of the q-value of the entity's day among the entities tested.
    pub ln_q: f64,
    /// Whether the entity's past was too odd to be sure of anything.
    pub unstable: bool,
    /// Days since the entity was first seen, as far as history goes.
    pub days_known: usize,
    /// What was expected of each hour of [`hours::hourly_days`]; empty where days are judged as a whole.
    pub by_hour: Vec<hours::Band>,
}

/// What counts as worth a person's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// The share of false discoveries that is accepted.
    pub false_discovery_rate: f64,
    /// An entity's day must be at least this unlikely, however few entities there are to choose among.
    pub max_p_value: f64,
    /// A rise must be at least so many calls above what was expected.
    pub min_excess: f64,
    /// A rise must be at least so many times what was expected.
    pub min_ratio: f64,
    /// A drop must fall short of at least so many expected calls.
    pub drop_min_expected: f64,
    /// A drop must leave at most this share of what was expected.
    pub drop_max_ratio: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            false_discovery_rate: 0.05,
            max_p_value: 5e-3,
            min_excess: 10.0,
            min_ratio: 2.0,
            drop_min_expected: 20.0,
            drop_max_ratio: 0.5,
        }
    }
}

impl Thresholds {
    /// Whether a deviation is large enough to matter, however sure we are of it.
    pub fn admit(&self, direction: Direction, observed: u64, expected: f64) -> bool {
        let observed = observed as f64;
        match direction {
            Direction::Up => observed - expected >= self.min_excess && observed >= self.min_ratio * expected,
            Direction::Down => expected >= self.drop_min_expected && observed <= self.drop_max_ratio * expected,
        }
    }
}
