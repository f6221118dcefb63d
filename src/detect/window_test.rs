//! A test of one window of a day: what was looked at, what was there, and how likely that is.

use crate::detect::Direction;
use crate::time::DAY_HOURS;

/// A window against what was expected of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct JudgedWindow {
    pub(super) direction: Direction,
    pub(super) ln_p: f64,
    pub(super) mean: f64,
    pub(super) observed: u64,
}

/// What a test looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Span {
    /// Some hours of the day, first and one past the last.
    Hours {
        /// The first hour.
        first: u8,
        /// One past the last.
        end: u8,
    },
    /// The days that end with the scored one.
    Days {
        /// How many.
        days: u8,
    },
    /// The largest five minutes of an hour.
    Peak {
        /// The hour.
        hour: u8,
    },
}

impl Span {
    /// The hours of the scored day that it touches.
    pub fn hours(self) -> std::ops::Range<usize> {
        match self {
            Self::Hours { first, end } => usize::from(first)..usize::from(end),
            Self::Days { .. } => 0..DAY_HOURS,
            Self::Peak { hour } => usize::from(hour)..usize::from(hour) + 1,
        }
    }
}

/// A test of one window of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowTest {
    /// What was looked at.
    pub span: Span,
    /// The calls in it; of slow windows with earlier bursts cut.
    pub observed: u64,
    /// The calls that were expected in it.
    pub expected: f64,
    /// Which way these are apart.
    pub direction: Direction,
    /// The natural logarithm of the window's own p-value.
    pub ln_p: f64,
    /// The same corrected for all windows of the day, at most 0.
    pub ln_corrected: f64,
}

impl WindowTest {
    /// Of more than was expected; `correction` is what choosing among windows adds to `ln p`.
    pub(super) fn rise(span: Span, observed: u64, expected: f64, ln_p: f64, correction: f64) -> Self {
        Self::new(span, JudgedWindow { direction: Direction::Up, ln_p, mean: expected, observed }, correction)
    }

    pub(super) fn new(span: Span, judged: JudgedWindow, correction: f64) -> Self {
        let JudgedWindow { direction, ln_p, mean: expected, observed } = judged;
        Self { span, observed, expected, direction, ln_p, ln_corrected: (ln_p + correction).min(0.0) }
    }
}
