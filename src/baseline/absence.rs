//! How often those who are waited for stay away, for a day or for several in a row: the sick, and those on leave.
//!
//! Told by entities of a family that rest on days off and whose days differ, as people's do. A machine that never rests, or does the same on
//! every working day, is no part of it, and not excused by it; neither is an API, which is not somebody.

/// An entity that does so little of a usual day stays away.
const MOST_OF_A_DAY: f64 = 0.05;
/// Days in a row that are told apart; who stays away for longer does so for at least as many.
const LONGEST: usize = 20;
/// Days' worth of the others' habits beside an entity's own.
const BORROWED_DAYS: f64 = 10.0;
/// The relative deviation between days from which an entity is one of those who may stay away: people's days differ, a job's do not.
const LEAST_DEVIATION: f64 = 0.25;

/// Whether an entity's active days differ as people's do.
pub(super) fn differ(totals: &[u64]) -> bool {
    let active: Vec<f64> = totals.iter().filter(|&&total| total > 0).map(|&total| total as f64).collect();
    let days = active.len().max(2) as f64;
    let mean = active.iter().sum::<f64>() / days;
    let variance = active.iter().map(|total| (total - mean).powi(2)).sum::<f64>() / (days - 1.0);
    variance.sqrt() > LEAST_DEVIATION * mean
}

/// Working days, in their order, and how many absences lasted at least 1, 2, ... of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Absences {
    days: f64,
    lasting: [f64; LONGEST],
}

impl Default for Absences {
    fn default() -> Self {
        Self { days: 0.0, lasting: [0.0; LONGEST] }
    }
}

impl Absences {
    /// Those among an entity's working days, given by their calls; what is before its first active day, or after the last one, is none.
    pub(super) fn among(totals: &[u64]) -> Self {
        let mut found = Self::default();
        let is_away = away(totals);
        let first = is_away.iter().position(|away| !away).unwrap_or(is_away.len());
        let end = is_away.iter().rposition(|away| !away).map_or(first, |last| last + 1);
        let known = &is_away[first..end];
        found.days = known.len() as f64;
        for run in known.chunk_by(|before, after| before == after).filter(|run| run[0]) {
            found.lasting[..run.len().min(LONGEST)].iter_mut().for_each(|lasting| *lasting += 1.0);
        }
        found
    }

    /// Adds another entity's.
    pub(super) fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.lasting.iter_mut().zip(other.lasting).for_each(|(own, other)| *own += other);
    }

    /// `P(an entity stays away, for so many days by now)` by its own absences beside those of all.
    ///
    /// ```text
    /// P = (k + 10 r) / (n + 10),   r = (K + 1/2) / (N + 1)
    /// ```
    /// with `k` of its own `n` days, and `K` of all `N`, on which an absence had lasted for as long.
    pub(super) fn chance(&self, own: &Self, days: usize) -> f64 {
        let place = days.clamp(1, LONGEST) - 1;
        let usual = (self.lasting[place] + 0.5) / (self.days + 1.0);
        (own.lasting[place] + BORROWED_DAYS * usual) / (own.days + BORROWED_DAYS)
    }
}

/// For how many working days an entity has stayed away by the last of them; 0 if it does not.
pub(super) fn days_away(totals: &[u64]) -> usize {
    away(totals).iter().rev().take_while(|away| **away).count()
}

/// On which days there was next to nothing of a usual one.
fn away(totals: &[u64]) -> Vec<bool> {
    let mut active: Vec<u64> = totals.iter().copied().filter(|&total| total > 0).collect();
    active.sort_unstable();
    let usual = active.get(active.len() / 2).copied().unwrap_or(0) as f64;
    totals.iter().map(|&total| total as f64 <= MOST_OF_A_DAY * usual).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absences_by_hand() {
        // Nothing before the first active day or after the last; one of two days, one of one, on which there was hardly anything.
        let own = Absences::among(&[0, 50, 60, 0, 0, 40, 2, 55, 0]);
        assert!((own.days - 7.0).abs() < 1e-12);
        assert_eq!(own.lasting[..3], [2.0, 1.0, 0.0]);
        assert_eq!((days_away(&[50, 60, 0, 2]), days_away(&[50, 60, 0, 40]), days_away(&[])), (2, 0, 0));
    }

    #[test]
    fn people_differ_from_day_to_day_and_machines_do_not() {
        assert!(differ(&[60, 0, 110, 80, 45, 130]));
        assert!(!differ(&[948, 917, 0, 979, 950, 940]) && !differ(&[]));
    }

    #[test]
    fn a_day_off_sick_is_usual_among_those_who_are_and_an_outage_is_none() {
        let mut people = Absences::default();
        let mut machines = Absences::default();
        for number in 0..50_usize {
            let away = |day: usize| number.is_multiple_of(2) && day == number % 19;
            people.add(&Absences::among(&(0..20).map(|day| if away(day) { 0 } else { 80 }).collect::<Vec<_>>()));
            machines.add(&Absences::among(&[80; 20]));
        }
        let own = Absences::among(&[80; 20]);
        assert!(people.chance(&own, 1) > 5e-3 && machines.chance(&own, 1) < 2e-4);
        assert!(people.chance(&own, 2) < 2e-4, "nobody was away for two days");
        assert!(people.chance(&Absences::among(&[80, 0, 0, 80, 80]), 2) > 0.05, "but who was may be again");
    }
}
