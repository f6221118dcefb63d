//! How often somebody who has met so many different things meets yet another one: the Pitman-Yor process.
//!
//! Draws are what is met, one after another; a *kind* is a distinct thing. The law has two parameters: with the *discount* new kinds
//! keep coming like a power of the draws, with the *strength* like their logarithm. Both are learnt by moments from many sequences
//! at once, for one sequence of a few dozen draws tells next to nothing. Sources: Pitman and Yor 1997; Pitman 2006, section 3.2;
//! Sanna Passino and Heard 2019 (first-seen links of a network, and the moments).

use statrs::function::gamma::ln_gamma;

use crate::stats::{ParameterError, require};

/// The discounts that are believed; the data of one population never tell where the ends are.
const DISCOUNT: std::ops::RangeInclusive<f64> = 0.05..=0.9;
/// The largest strength: so much faith in what is new needs no more.
const MOST_STRENGTH: f64 = 1e4;
/// Halvings of the interval in which the strength is looked for: to 1e-12 of its length.
const HALVINGS: usize = 40;

/// A Pitman-Yor process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PitmanYor {
    discount: f64,
    strength: f64,
}

/// What sequences of draws have in common, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindCounts {
    kinds: u64,
    singletons: u64,
    /// By length how many sequences there are.
    lengths: std::collections::BTreeMap<u32, u64>,
}

impl KindCounts {
    /// Adds a sequence of `draws` in which there were `kinds`, of which `singletons` came once.
    pub fn add(&mut self, draws: u32, kinds: u32, singletons: u32) {
        self.kinds += u64::from(kinds);
        self.singletons += u64::from(singletons);
        *self.lengths.entry(draws).or_default() += 1;
    }

    /// Adds other sequences.
    pub fn merge(&mut self, other: &Self) {
        self.kinds += other.kinds;
        self.singletons += other.singletons;
        for (&draws, sequences) in &other.lengths {
            *self.lengths.entry(draws).or_default() += sequences;
        }
    }

    /// How many sequences there are.
    pub fn sequences(&self) -> u64 {
        self.lengths.values().sum()
    }
}

impl PitmanYor {
    /// A process.
    ///
    /// # Errors
    /// When `discount` is not in `[0, 1)` or `strength` is negative or not finite.
    pub fn new(discount: f64, strength: f64) -> Result<Self, ParameterError> {
        require((0.0..1.0).contains(&discount), "discount", "in [0, 1)", discount)?;
        require((0.0..=1e12).contains(&strength), "strength", "in [0, 1e12]", strength)?;
        Ok(Self { discount, strength })
    }

    /// The process whose moments are those of the sequences.
    ///
    /// ```text
    /// d = sum H_1 / sum K, held within [0.05, 0.9];   theta >= 0 such that sum E[K_n] = sum K
    /// ```
    /// with `K` the kinds of a sequence, `H_1` those that came once, `n` its draws. Without sequences every draw is new.
    pub fn fit(counts: &KindCounts) -> Self {
        let discount = counts.singletons as f64 / (counts.kinds as f64).max(1.0);
        let discount = discount.clamp(*DISCOUNT.start(), *DISCOUNT.end());
        let (mut low, mut high) = (0.0, MOST_STRENGTH);
        let too_few = |strength: f64| {
            let process = Self { discount, strength };
            let expected = |(&draws, &sequences): (&u32, &u64)| sequences as f64 * process.expected_kinds(draws);
            counts.lengths.iter().map(expected).sum::<f64>() < counts.kinds as f64
        };
        if counts.kinds == 0 || too_few(high) {
            return Self { discount, strength: high };
        }
        if !too_few(low) {
            return Self { discount, strength: low };
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if too_few(middle) { low = middle } else { high = middle }
        }
        Self { discount, strength: f64::midpoint(low, high) }
    }

    /// The discount `d`.
    pub fn discount(&self) -> f64 {
        self.discount
    }

    /// The strength `theta`.
    pub fn strength(&self) -> f64 {
        self.strength
    }

    /// The probability that the next draw is a kind never drawn before.
    ///
    /// ```text
    /// P_new = (theta + d K) / (theta + N);   1 before the first draw
    /// ```
    pub fn new_probability(&self, draws: u32, kinds: u32) -> f64 {
        if draws == 0 {
            return 1.0;
        }
        (self.strength + self.discount * f64::from(kinds)) / (self.strength + f64::from(draws))
    }

    /// The probability that the next draw is one particular kind, drawn `times` of `draws` so far and a part `base` of all there is.
    ///
    /// ```text
    /// P(x) = max(n_x - d, 0) / (theta + N) + P_new P_0(x)
    /// ```
    pub fn probability(&self, times: u32, draws: u32, kinds: u32, base: f64) -> f64 {
        let known = (f64::from(times) - self.discount).max(0.0);
        let of_past = if known > 0.0 { known / (self.strength + f64::from(draws)) } else { 0.0 };
        of_past + self.new_probability(draws, kinds) * base
    }

    /// How many kinds to expect in so many draws.
    ///
    /// ```text
    /// E[K_n] = theta/d ((theta + d)_n / (theta)_n - 1),   with (a)_n = Gamma(a + n) / Gamma(a)
    /// theta = 0:   Gamma(n + d) / (Gamma(1 + d) Gamma(n));   d = 0:   sum_{i<n} theta / (theta + i)
    /// ```
    pub fn expected_kinds(&self, draws: u32) -> f64 {
        let (d, theta, n) = (self.discount, self.strength, f64::from(draws));
        if draws == 0 {
            return 0.0;
        }
        if d == 0.0 {
            return (0..draws).map(|draw| if draw == 0 { 1.0 } else { theta / (theta + f64::from(draw)) }).sum();
        }
        if theta == 0.0 {
            return (ln_gamma(n + d) - ln_gamma(1.0 + d) - ln_gamma(n)).exp();
        }
        let ln_growth = ln_gamma(theta + d + n) - ln_gamma(theta + d) - ln_gamma(theta + n) + ln_gamma(theta);
        theta / d * ln_growth.exp_m1()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// `(d, theta, n, E[K_n])` with 60 digits by mpmath: rising factorials, sums for `d = 0`.
    #[rustfmt::skip]
    #[allow(clippy::unreadable_literal, clippy::excessive_precision)]
    const EXPECTED_KINDS: &[(f64, f64, u32, f64)] = &[
        (0.0, 1.5, 40, 5.5156603154690226),
        (0.0, 0.125, 1000, 1.9119841142057295),
        (0.05, 0.0, 28, 1.2124105270035233),
        (0.05, 0.25, 28, 2.1554331715221268),
        (0.25, 2.0, 200, 18.606949767535346),
        (0.5, 0.5, 1000, 55.056918840616006),
        (0.5, 10.0, 145, 59.665820548512523),
        (0.75, 3.0, 100000, 10167.465958218038),
        (0.875, 0.0, 7, 5.7125961780548096),
        (0.25, 1000.0, 20, 19.859116951747725),
        (0.25, 1024.0, 1000000, 18809.290529669628),
    ];

    /// Draws a sequence: kinds with their counts.
    fn draw(process: PitmanYor, draws: u32, random: &mut Xoshiro256PlusPlus) -> Vec<u32> {
        let mut counts: Vec<u32> = Vec::new();
        for drawn in 0..draws {
            let kinds = counts.len() as u32;
            let mut place = random.random_range(0.0..1.0) - process.new_probability(drawn, kinds);
            let is_new = place < 0.0;
            let passes = |times: &u32| {
                place -= process.probability(*times, drawn, kinds, 0.0);
                place < 0.0
            };
            match if is_new { None } else { counts.iter().position(passes) } {
                Some(known) => counts[known] += 1,
                None => counts.push(1),
            }
        }
        counts
    }

    #[test]
    fn expected_kinds_match_the_reference() {
        for &(discount, strength, draws, expected) in EXPECTED_KINDS {
            let found = PitmanYor::new(discount, strength).unwrap().expected_kinds(draws);
            assert!((found / expected - 1.0).abs() < 1e-8, "{discount} {strength} {draws}: {found}");
        }
    }

    #[test]
    fn simulated_sequences_have_the_expected_kinds_and_their_parameters_come_back() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let process = PitmanYor::new(0.4, 2.0).unwrap();
        let mut counts = KindCounts::default();
        for _ in 0..2000 {
            let drawn = draw(process, 150, &mut random);
            let singletons = drawn.iter().filter(|&&times| times == 1).count();
            counts.add(150, drawn.len() as u32, singletons as u32);
        }
        let mean = counts.kinds as f64 / 2000.0;
        assert!((mean / process.expected_kinds(150) - 1.0).abs() < 0.02, "{mean}");
        let fitted = PitmanYor::fit(&counts);
        // Singletons over kinds tend to the discount from above, slowly.
        assert!((0.35..0.6).contains(&fitted.discount()), "{fitted:?}");
        let drawn = draw(process, 150, &mut random);
        let chance = |process: &PitmanYor| process.new_probability(150, drawn.len() as u32);
        assert!((chance(&fitted) / chance(&process) - 1.0).abs() < 0.2, "{fitted:?}");
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn who_never_meets_anything_new_is_not_expected_to() {
        let mut counts = KindCounts::default();
        (0..100).for_each(|_| counts.add(28, 1, 0));
        let fitted = PitmanYor::fit(&counts);
        assert_eq!((fitted.discount(), fitted.strength()), (0.05, 0.0));
        assert!((fitted.new_probability(28, 1) - 0.05 / 28.0).abs() < 1e-15);
        assert_eq!(PitmanYor::fit(&KindCounts::default()).new_probability(0, 0), 1.0);
    }

    proptest! {
        /// `E[K_{n+1}] = E[K_n] + (theta + d E[K_n]) / (theta + n)`: the law of the next draw, averaged.
        #[test]
        fn kinds_grow_by_the_chance_of_a_new_one(d in 0.0..0.95, theta in 0.0..500.0, n in 1_u32..2000) {
            let process = PitmanYor::new(d, theta).unwrap();
            let (now, next) = (process.expected_kinds(n), process.expected_kinds(n + 1));
            let growth = (theta + d * now) / (theta + f64::from(n));
            prop_assert!((next - now - growth).abs() < 1e-7 * now.max(1.0), "{next} {now} {growth}");
        }

        #[test]
        fn all_that_may_come_next_adds_up_to_one(
            d in 0.0..0.95, theta in 0.0..50.0, counts in prop::collection::vec(1_u32..30, 1..20),
        ) {
            let process = PitmanYor::new(d, theta).unwrap();
            let (draws, kinds) = (counts.iter().sum::<u32>(), counts.len() as u32);
            let known: f64 = counts.iter().map(|&times| process.probability(times, draws, kinds, 0.0)).sum();
            let total = known + process.probability(0, draws, kinds, 1.0);
            prop_assert!((total - 1.0).abs() < 1e-12);
        }
    }
}
