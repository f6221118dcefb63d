//! Every hour of an entity's scored day with what was expected of it and how unlikely it is, whether anything of it is reported or not.
//!
//! For those who look into a model; nothing is decided by these numbers. Only the seasonal model judges single hours.

use crate::baseline::seasonal::Fit;
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

/// The scored day of a member of a family. Of an entity of which several fits may hold each hour is told by the one that makes it likeliest.
pub fn scored_day(baseline: &FamilyBaseline<'_>, member: usize) -> ScoredDay {
    let expectation = baseline.expect(member, baseline.window().length());
    let hours = match &expectation {
        Expectation::Seasonal { fits, .. } => {
            let by_fit = fits.iter().map(|fit| by_fit(baseline, member, &expectation, fit));
            by_fit.reduce(likeliest).unwrap_or_default()
        }
        Expectation::Sparse { .. } | Expectation::New => {
            let hours = trace::hours(baseline, member, &expectation, None);
            hours.into_iter().map(|expected| ScoredHour { expected, ln_p: None }).collect()
        }
    };
    ScoredDay { model: rate::model(&expectation), hours }
}

fn by_fit(baseline: &FamilyBaseline<'_>, member: usize, expectation: &Expectation, fit: &Fit) -> Vec<ScoredHour> {
    let ln_p = Day::new(baseline, fit, member, baseline.window().length(), Look::Close).single_ln_p();
    let hours = trace::hours(baseline, member, expectation, Some(fit)).into_iter().zip(ln_p);
    hours.map(|(expected, ln_p)| ScoredHour { expected, ln_p }).collect()
}

/// Of equals the later one tells, as in [`rate`].
fn likeliest(earlier: Vec<ScoredHour>, later: Vec<ScoredHour>) -> Vec<ScoredHour> {
    let of_hour = |(earlier, later): (ScoredHour, ScoredHour)| {
        if later.ln_p.is_some() && later.ln_p >= earlier.ln_p { later } else { earlier }
    };
    earlier.into_iter().zip(later).map(of_hour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
    use crate::rollup::{EntityKey, Family};

    /// Twenty people who work on weekdays from nine to five, about thirty calls an hour; the scored day is a Sunday.
    fn people() -> FamilyHistory {
        let person = |number: usize| {
            let hours = (0..28 * 24).filter(|hour| (9..17).contains(&(hour % 24)) && hour / 24 % 7 < 5);
            let calls = |hour: usize| 30 + ((hour * 7 + number * 13) % 11) as u32 - 5;
            let hours = hours.map(|hour| HistoryHour { hour: hour as u16, calls: calls(hour), errors: 0, peak: 9 });
            (EntityKey::new(["1", &format!("person-{number:02}")]), hours.collect())
        };
        FamilyHistory::from_entities(Family::Principal, (0..20).map(person).collect::<Vec<(_, Vec<_>)>>())
    }

    #[test]
    fn an_hour_is_told_by_the_fit_whose_p_value_it_has() {
        let history = people();
        // A window of 27 days before a Sunday, 1 February 2026; it begins on a Monday.
        let window = Window::new("2026-02-01".parse().unwrap(), 27, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&history, &window, &calendar);
        let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
        let day = scored_day(&baseline, 3);
        assert_eq!(day.model, Model::Seasonal);
        for hour in &day.hours {
            let ln_p = hour.ln_p.unwrap();
            assert!(hour.expected.expected < 5.0 && ln_p > 0.1_f64.ln(), "a quiet Sunday is usual: {hour:?}");
        }
    }
}
