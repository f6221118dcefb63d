//! From hours that stand out to episodes: runs of hours with a begin and an end.

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

/// Merges hours, all of a day in order, into episodes, (first hour, one past the last): opened by hours at or below `ln_open`,
/// continued by neighbours below 1 %, across single quiet hours; hours beside them that are unusual by themselves are theirs.
pub(super) fn episodes(hours: &[JudgedHour], ln_open: f64) -> Vec<(u8, u8)> {
    let runs = runs(hours, ln_open);
    let mut found: Vec<(u8, u8)> = Vec::new();
    for (first, end) in runs.into_iter().map(|run| widened(hours, run)) {
        match found.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(end),
            _ => found.push((first, end)),
        }
    }
    found
}

fn widened(hours: &[JudgedHour], (first, end): (u8, u8)) -> (u8, u8) {
    let belongs = |hour: &&JudgedHour| hour.ln_single < BESIDE_BELOW.ln();
    let before = hours[..usize::from(first)].iter().rev().take_while(belongs).count();
    let after = hours[usize::from(end)..].iter().take_while(belongs).count();
    (first - before as u8, end + after as u8)
}

fn runs(hours: &[JudgedHour], ln_open: f64) -> Vec<(u8, u8)> {
    let mut found: Vec<(u8, u8, bool)> = Vec::new();
    for hour in hours.iter().filter(|hour| hour.ln_p < CONTINUE_BELOW.ln() || hour.ln_p <= ln_open) {
        let opens = hour.ln_p <= ln_open;
        match found.last_mut() {
            Some((_, end, open)) if hour.hour <= *end + BRIDGE => {
                *end = hour.hour + 1;
                *open |= opens;
            }
            _ => found.push((hour.hour, hour.hour + 1, opens)),
        }
    }
    found.into_iter().filter(|(_, _, open)| *open).map(|(first, end, _)| (first, end)).collect()
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
        assert_eq!(episodes(&hours, 1e-6_f64.ln()), [(1, 5), (12, 13)]);
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
        assert_eq!(episodes(&hours, 1e-6_f64.ln()), [(4, 8), (23, 24)]);
    }
}
