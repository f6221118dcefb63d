//! From hours that stand out to episodes: runs of hours with a begin and an end.

use crate::time::HourSpan;

/// An hour of the scored day, judged in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JudgedHour {
    pub(super) hour: u8,
    pub(super) ln_p: f64,
    /// Its own p-value, by itself.
    pub(super) ln_single: f64,
}

/// Hours below this p-value continue an episode that others opened.
const CONTINUE_BELOW: f64 = 0.01;
/// An hour beside an episode belongs to it if it is below this p-value by itself.
const BESIDE_BELOW: f64 = 0.05;
/// Quiet hours that an episode may bridge.
const BRIDGE: u8 = 1;

/// Merges hours, all of a day in order, into episodes: opened by hours at or below `ln_open`, continued by neighbours below 1 %,
/// across single quiet hours; hours beside them that are unusual by themselves are theirs.
pub(super) fn episodes(hours: &[JudgedHour], ln_open: f64) -> Vec<HourSpan> {
    let mut found: Vec<HourSpan> = Vec::new();
    for run in runs(hours, ln_open).into_iter().map(|run| widened(hours, run)) {
        match found.last_mut() {
            Some(before) if run.begin() <= before.end() => *before = before.hull(run),
            _ => found.push(run),
        }
    }
    found
}

fn widened(hours: &[JudgedHour], run: HourSpan) -> HourSpan {
    let belongs = |hour: &&JudgedHour| hour.ln_single < BESIDE_BELOW.ln();
    let before = hours[..usize::from(run.begin())].iter().rev().take_while(belongs).count();
    let after = hours[usize::from(run.end())..].iter().take_while(belongs).count();
    HourSpan::new(run.begin() - before as u8, run.end() + after as u8)
}

fn runs(hours: &[JudgedHour], ln_open: f64) -> Vec<HourSpan> {
    let mut found: Vec<(HourSpan, bool)> = Vec::new();
    for hour in hours.iter().filter(|hour| hour.ln_p < CONTINUE_BELOW.ln() || hour.ln_p <= ln_open) {
        let opens = hour.ln_p <= ln_open;
        match found.last_mut() {
            Some((run, open)) if hour.hour <= run.end() + BRIDGE => {
                *run = run.until(hour.hour + 1);
                *open |= opens;
            }
            _ => found.push((HourSpan::hour(hour.hour), opens)),
        }
    }
    found.into_iter().filter(|(_, open)| *open).map(|(run, _)| run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day of hours of which some are told: hour, combined p-value, its own.
    fn judged(told: &[(usize, f64, f64)]) -> Vec<JudgedHour> {
        let mut hours: Vec<JudgedHour> = (0..24).map(|hour| JudgedHour { hour, ln_p: 0.0, ln_single: 0.0 }).collect();
        for &(hour, p, single) in told {
            (hours[hour].ln_p, hours[hour].ln_single) = (p.ln(), single.ln());
        }
        hours
    }

    #[test]
    fn episodes_bridge_one_quiet_hour_and_need_an_hour_that_opens() {
        let told = [(1, 0.005), (2, 1e-9), (4, 0.009), (8, 0.004), (12, 1e-7)];
        let hours = judged(&told.map(|(hour, p)| (hour, p, 1.0)));
        assert_eq!(episodes(&hours, 1e-6_f64.ln()), [HourSpan::new(1, 5), HourSpan::hour(12)]);
        assert_eq!(episodes(&hours, 1e-10_f64.ln()), []);
    }

    #[test]
    fn hours_beside_an_episode_that_are_unusual_by_themselves_are_a_part_of_it() {
        let hours = judged(&[
            (4, 1.0, 0.03),
            (5, 1.0, 0.04),
            (6, 1e-9, 1e-9),
            (7, 1.0, 0.01),
            (9, 1.0, 1e-3),
            (23, 1e-8, 0.02),
        ]);
        assert_eq!(episodes(&hours, 1e-6_f64.ln()), [HourSpan::new(4, 8), HourSpan::hour(23)]);
    }
}
