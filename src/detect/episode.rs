//! From hours that stand out to episodes: runs of hours with a begin and an end.

/// An hour of the scored day, judged in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JudgedHour {
    pub(super) hour: u8,
    pub(super) ln_p: f64,
}

/// Hours below this p-value continue an episode that others opened.
const CONTINUE_BELOW: f64 = 0.01;
/// Quiet hours that an episode may bridge.
const BRIDGE: u8 = 1;

/// Merges hours into episodes, (first hour, one past the last): opened by hours at or below `ln_open`, continued by neighbours
/// below 1 %, across single quiet hours.
pub(super) fn episodes(hours: &[JudgedHour], ln_open: f64) -> Vec<(u8, u8)> {
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

    fn judged(hours: &[(u8, f64)]) -> Vec<JudgedHour> {
        hours.iter().map(|&(hour, p)| JudgedHour { hour, ln_p: p.ln() }).collect()
    }

    #[test]
    fn episodes_bridge_one_quiet_hour_and_need_an_hour_that_opens() {
        let hours = judged(&[(1, 0.005), (2, 1e-9), (3, 0.5), (4, 0.009), (6, 0.5), (8, 0.004), (12, 1e-7)]);
        assert_eq!(episodes(&hours, 1e-6_f64.ln()), [(1, 5), (12, 13)]);
        assert_eq!(episodes(&hours, 1e-10_f64.ln()), []);
    }
}
