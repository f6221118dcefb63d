//! Every hour of an entity's scored day with what was expected of it and how unlikely it is, whether anything of it is reported or not.
//!
//! For those who look into a model; nothing is decided by these numbers. Only the seasonal model judges single hours.

use crate::baseline::{Expectation, FamilyBaseline};
use crate::detect::Model;
use crate::detect::rate;
use crate::detect::trace::{self, HourExpected};
use crate::detect::windows::{Day, Look};

/// An entity's scored day.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredDay {
    /// By which model it was judged.
    pub model: Model,
    /// Its hours.
    pub hours: Vec<ScoredHour>,
}

/// An hour of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredHour {
    /// What it held, and what was expected.
    pub expected: HourExpected,
    /// The natural logarithm of the p-value of its calls by themselves, on the side of the mean on which they are; `None` where the feed
    /// was not alive, or days are judged as a whole.
    pub ln_p: Option<f64>,
}

/// The scored day of a member of a family.
pub fn scored_day(baseline: &FamilyBaseline<'_>, member: usize) -> ScoredDay {
    let today = baseline.window().length();
    let expectation = baseline.expect(member, today);
    let ln_p = single_hours(baseline, member, &expectation);
    let told = match &expectation {
        Expectation::Seasonal { fits, .. } => fits.last().map(|fit| &**fit),
        Expectation::Sparse { .. } | Expectation::New => None,
    };
    let hours = trace::hours(baseline, member, &expectation, told).into_iter().zip(ln_p);
    let hours = hours.map(|(expected, ln_p)| ScoredHour { expected, ln_p }).collect();
    ScoredDay { model: rate::model(&expectation), hours }
}

/// Of an entity of which several fits may hold, what none of them makes likely.
fn single_hours(baseline: &FamilyBaseline<'_>, member: usize, expectation: &Expectation) -> [Option<f64>; 24] {
    let Expectation::Seasonal { fits, .. } = expectation else { return [None; 24] };
    let today = baseline.window().length();
    let judged = fits.iter().map(|fit| Day::new(baseline, fit, member, today, Look::Close).single_ln_p());
    let likeliest = |one: [Option<f64>; 24], other: [Option<f64>; 24]| {
        std::array::from_fn(|hour| one[hour].zip(other[hour]).map(|(one, other)| one.max(other)))
    };
    judged.reduce(likeliest).unwrap_or([None; 24])
}
