//! Making deviations of an entity one, where nothing between them speaks for what is usual: there was no end between them.

use crate::baseline::{FamilyHistory, Window};
use crate::detect::{Deviation, Model};
use crate::insight::rhythm::{Days, Rhythm, TELLING};

/// Deviations with those of an entity as one between which nothing speaks for what is usual: there was no end between them.
pub(super) fn joined(history: &FamilyHistory, found: Vec<Deviation>, days: Days<'_>) -> Vec<Deviation> {
    let mut all: Vec<Deviation> = Vec::new();
    for next in found {
        match all.last_mut().filter(|last| is_one(history, last, &next, days)) {
            Some(last) => join(history, last, &next, days.window),
            None => all.push(next),
        }
    }
    all
}

fn is_one(history: &FamilyHistory, last: &Deviation, next: &Deviation, days: Days<'_>) -> bool {
    if (last.member, last.direction, last.model) != (next.member, next.direction, next.model) {
        return false;
    }
    let today = days.window.length();
    let hour = |hour: u8| today * 24 + usize::from(hour);
    let rhythm = Rhythm::learn(history, last.member, days, today);
    let minutes = hour(last.hours.0) as i64 * 60..hour(last.hours.1) as i64 * 60;
    let level = rhythm.level(last.direction, last.observed, minutes);
    rhythm.telling(level, hour(last.hours.1)..hour(next.hours.0)) < TELLING
}

/// Makes two deviations one; what was expected of the hours between them is left out, as nobody judged them.
fn join(history: &FamilyHistory, last: &mut Deviation, next: &Deviation, window: &Window) {
    let first = window.length() * 24;
    let between = first + usize::from(last.hours.1)..first + usize::from(next.hours.0);
    let hours = history.split(last.member, window).1.iter();
    let calls = hours.filter(|hour| between.contains(&usize::from(hour.hour))).map(|hour| u64::from(hour.calls));
    last.observed += next.observed + calls.sum::<u64>();
    last.hours.1 = next.hours.1;
    // What was expected of a day as a whole was expected once.
    if next.model == Model::Seasonal {
        last.expected += next.expected;
        last.lower += next.lower;
        last.upper += next.upper;
    }
    last.ln_p = last.ln_p.min(next.ln_p);
}
