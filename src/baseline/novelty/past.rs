//! Numbers of the last days, kept day by day: each of these days is held against the others, the scored one against all of them.
//!
//! A day that stood among what it is compared with would hide what is odd about it, and two odd entities of one day each other.

use super::{REPLAYED, TONIGHT};

/// Past p-values that the model's own word counts for.
const MODEL_BELIEF: f64 = 20.0;
/// Logarithms that are as near are the same number.
const SAME: f64 = 1e-9;

/// Numbers of each of the last days, ascending once they are sorted.
#[derive(Debug, Default)]
pub(super) struct PastNumbers([Vec<f64>; REPLAYED]);

impl PastNumbers {
    /// The numbers with the days that they are of; those of the scored one are left out.
    pub(super) fn of(numbers: impl Iterator<Item = (usize, f64)>) -> Self {
        let mut past = Self::default();
        numbers.filter(|(day, _)| *day < TONIGHT).for_each(|(day, number)| past.0[day].push(number));
        past.0.iter_mut().for_each(|numbers| numbers.sort_unstable_by(f64::total_cmp));
        past
    }

    /// What a day is held against.
    fn others(&self, day: usize) -> impl Iterator<Item = &[f64]> {
        self.0.iter().enumerate().filter(move |(other, _)| *other != day).map(|(_, numbers)| numbers.as_slice())
    }

    /// How many numbers of other days are not above this one, and how many there are.
    fn up_to(&self, day: usize, number: f64) -> (f64, f64) {
        self.others(day).fold((0.0, 0.0), |(below, all), numbers| {
            (below + numbers.partition_point(|&other| other <= number) as f64, all + numbers.len() as f64)
        })
    }

    /// The share of the other days' numbers that are as small; no number is smaller than all that may come.
    ///
    /// ```text
    /// F(m) = (1 + #{M <= m}) / (1 + #M)
    /// ```
    pub(super) fn rank(&self, day: usize, number: f64) -> f64 {
        let (below, all) = self.up_to(day, number);
        (1.0 + below) / (1.0 + all)
    }

    /// The logarithm of a p-value of a day in the light of those of the other days: its rank among them, and beyond all of them as much
    /// further as the model says; where there are few, the model's own word.
    ///
    /// ```text
    /// R = (1 + #{V' <= V}) / (1 + n) min(1, V / min V'),   ln p = (20 ln V + n ln R) / (20 + n)
    /// ```
    pub(super) fn ln_in_the_light_of(&self, day: usize, ln_p: f64) -> f64 {
        let (below, number) = self.up_to(day, ln_p + SAME);
        let least = self.others(day).filter_map(|numbers| numbers.first()).copied().reduce(f64::min);
        let beyond = least.map_or(0.0, |least| (ln_p - least).min(0.0));
        let ln_rank = ((1.0 + below) / (1.0 + number)).ln() + beyond;
        (MODEL_BELIEF * ln_p + number * ln_rank) / (MODEL_BELIEF + number)
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<f64> {
        let mut all = self.0.concat();
        all.sort_unstable_by(f64::total_cmp);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn a_day_is_held_against_the_others_and_the_scored_one_against_all() {
        let past = PastNumbers::of([(0, 1.0), (0, 5.0), (3, 2.0), (6, 9.0), (TONIGHT, 0.0)].into_iter());
        assert_eq!([past.rank(TONIGHT, 2.0), past.rank(3, 2.0), past.rank(0, 2.0)], [0.6, 0.5, 2.0 / 3.0]);
        assert_eq!(
            [past.rank(TONIGHT, 0.5), past.rank(TONIGHT, 9.0), PastNumbers::default().rank(0, 7.0)],
            [0.2, 1.0, 1.0]
        );
    }

    #[test]
    fn what_lies_beyond_all_others_goes_as_much_further() {
        let past = PastNumbers::of((0..700).map(|number| (number % REPLAYED, -((number % 10) as f64))));
        let (edge, beyond) = (past.ln_in_the_light_of(TONIGHT, -9.0), past.ln_in_the_light_of(TONIGHT, -30.0));
        assert!((edge - 0.1_f64.ln()).abs() < 0.3 && beyond < edge - 20.0, "{edge} {beyond}");
        // Two of one day are as odd as each would be alone.
        let own = [(2, -40.0), (2, -41.0), (4, -39.0)];
        let two = PastNumbers::of((0..700).map(|number| (number % REPLAYED, -1.0)).chain(own));
        assert!(two.ln_in_the_light_of(2, -40.0) < two.ln_in_the_light_of(TONIGHT, -40.0) - 0.5);
    }
}
