//! On how many of its days an entity is active, weekdays and days off told apart: who works from Monday to Friday comes and goes on Sundays.
//!
//! Where an entity is not active on most days like the one that is judged, nobody waits for it: silence is no drop, and a rise is one only if it
//! were on the other kind of days as well.

/// Days that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alike {
    /// All days.
    All,
    /// Working days.
    Weekdays,
    /// Weekends and days off.
    DaysOff,
}

impl Alike {
    /// In words, for many of them.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "days",
            Self::Weekdays => "weekdays",
            Self::DaysOff => "weekend days and days off",
        }
    }
}

/// On how many days like one an entity was active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Days with a call.
    pub active: usize,
    /// Days that are known.
    pub days: usize,
    /// What sort of days they are.
    pub alike: Alike,
}

/// Days of a sort that tell by themselves whether an entity is waited for on the next.
const LEAST_DAYS: usize = 3;
/// An entity that is active on a smaller share of its days comes and goes.
const MOST_DAYS: f64 = 0.6;

impl Activity {
    /// Whether such days are not to be waited for; where few of them are known, and it was active on each, `all` days tell.
    pub(super) fn comes_and_goes(self, all: Self) -> bool {
        let seldom = |activity: Self| (activity.active as f64) < MOST_DAYS * activity.days as f64;
        seldom(self) || self.days < LEAST_DAYS && seldom(all)
    }

    /// The probability that the next such day is active.
    ///
    /// ```text
    /// (active + 1/2) / (days + 1)
    /// ```
    pub fn chance(self) -> f64 {
        ((self.active as f64 + 0.5) / (self.days as f64 + 1.0)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(active: usize, days: usize) -> Activity {
        Activity { active, days, alike: Alike::DaysOff }
    }

    #[test]
    fn who_is_active_on_most_days_is_waited_for() {
        let (daily, rare) = (of(9, 9), of(2, 9));
        assert!(!of(8, 8).comes_and_goes(rare) && !of(3, 5).comes_and_goes(rare));
        assert!(of(0, 8).comes_and_goes(daily) && of(10, 20).comes_and_goes(daily) && of(0, 2).comes_and_goes(daily));
        assert!(
            !of(2, 2).comes_and_goes(daily) && of(2, 2).comes_and_goes(rare),
            "a machine of nine days, and one weekend"
        );
    }

    #[test]
    fn what_was_never_active_may_be() {
        assert!((of(0, 8).chance() - 0.5 / 9.0).abs() < 1e-15);
        assert!(of(9, 8).chance() <= 1.0);
    }
}
