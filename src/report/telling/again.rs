//! What was judged again, and what does not stand any more.

use crate::report::night::{Change, JudgedAgain, Night};
use crate::report::telling::short_date;

/// The heading of both.
pub const AGAIN: &str = "Judged again";

/// Which night was judged again, why, and how much that changed.
pub fn judged_again(night: &Night, again: &JudgedAgain) -> String {
    if again.date == night.date {
        let run = if again.in_run_of == night.date {
            String::new()
        } else {
            format!(" in the run of {}", short_date(again.in_run_of))
        };
        return format!("This night was {}{run}, {}.", again.how, again.what);
    }
    format!("The night of {} was {}, {}.", short_date(again.date), again.how, again.what)
}

/// `added, critical: user bob …`.
pub fn change(change: &Change) -> String {
    format!("{}, {}: {}", change.what, change.severity.name(), change.sentence.shown())
}

/// The nights whose results do not stand, with what mends them.
pub fn stale(night: &Night) -> Vec<String> {
    let stale = night.record.iter().flat_map(|record| &record.stale_nights);
    stale.map(|sentence| format!("Stale: {}.", sentence.shown())).collect()
}
