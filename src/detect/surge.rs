//! Error surges: errors that rose more than the calls they are a part of.
//!
//! *What it flags*: of the rate deviations of the `api_error` family those whose share of the API's calls at least doubled. If
//! only the number of errors rose because calls did, the API's own deviation tells the story.
//! *Statistic*: errors and calls of the episode's hours against those of the baseline, shares smoothed by one half.
//! *When it is wrong*: when an API's calls and errors change their kind together. *Parameters*: `min_ratio`.

use crate::baseline::{FamilyHistory, HistoryHour, Window};
use crate::detect::{Deviation, Direction};
use crate::rollup::EntityKey;

/// Keeps the deviations of errors that their API's calls do not explain.
pub fn keep_surges(
    deviations: Vec<Deviation>,
    errors: &FamilyHistory,
    apis: &FamilyHistory,
    window: &Window,
    min_ratio: f64,
) -> Vec<Deviation> {
    let surges = |deviation: &Deviation| {
        let key = errors.key(deviation.member);
        let api = EntityKey::new(key.fields().take(3));
        let Some(api) = apis.find(&api) else { return true };
        let share = |errors: f64, calls: f64| (errors + 0.5) / (calls + 1.0);
        let (past_errors, _) = errors.split(deviation.member, window);
        let (past_calls, today) = apis.split(api, window);
        let first = (window.length() * 24) as u16;
        let inside = |hour: &&HistoryHour| {
            (first + u16::from(deviation.hours.0)..first + u16::from(deviation.hours.1)).contains(&hour.hour)
        };
        let calls_now: f64 = today.iter().filter(inside).map(|hour| f64::from(hour.calls)).sum();
        let usual = share(sum(past_errors), sum(past_calls));
        deviation.direction == Direction::Up && share(deviation.observed as f64, calls_now) >= min_ratio * usual
    };
    deviations.into_iter().filter(surges).collect()
}

fn sum(hours: &[HistoryHour]) -> f64 {
    hours.iter().map(|hour| f64::from(hour.calls)).sum()
}
