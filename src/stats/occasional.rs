//! Several things of which most never happen: how unlikely all that did happen is, together.
//!
//! Fisher's product of p-values throws away most of its power where a p-value is one on nearly every occasion. Here each question says
//! how often it has an answer at all, and only among the occasions on which the same questions have one are products compared.

use crate::stats::{ln_1m_exp, ln_gamma_upper};

/// A question that has an answer only now and then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occasional {
    /// `ln` of the probability that there is an answer at all.
    pub ln_active: f64,
    /// How many independent p-values an answer comes with.
    pub parts: u32,
    /// The sum of their `ln`, given that there is an answer; `None` where there is none.
    pub ln_parts: Option<f64>,
}

/// `ln p` of all answers together: the probability that the product of all that happened is as small, if questions are independent.
///
/// ```text
/// ln Q = sum over answered j of (ln a_j + ln u_j),   a_j = P(j has an answer),   u_j the product of its k_j p-values
/// p    = sum over subsets S of the questions of  prod_{j in S} a_j  prod_{j not in S} (1 - a_j)
///        P(Gamma(sum_S k_j) >= sum_S ln a_j - ln Q)
/// ```
/// With all `a_j = 1` it is Fisher's test. The p-values of an answer may be conservative, then so is the result. At most 16
/// questions are looked at.
pub fn ln_occasional(questions: &[Occasional]) -> f64 {
    let questions = &questions[..questions.len().min(16)];
    let answered = questions.iter().filter_map(|question| Some(question.ln_active + question.ln_parts?));
    let ln_product: f64 = answered.sum();
    if ln_product >= 0.0 {
        return 0.0;
    }
    let terms: Vec<f64> =
        (0..1_u32 << questions.len()).map(|subset| ln_of_subset(questions, subset, ln_product)).collect();
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    (largest + terms.iter().map(|term| (term - largest).exp()).sum::<f64>().ln()).min(0.0)
}

/// `ln` of the probability that these questions, and no others, have answers whose product is as small as `ln_product`, below zero.
fn ln_of_subset(questions: &[Occasional], subset: u32, ln_product: f64) -> f64 {
    let (mut ln_weight, mut ln_active, mut parts) = (0.0, 0.0, 0);
    for (place, question) in questions.iter().enumerate() {
        if subset >> place & 1 == 1 {
            ln_active += question.ln_active;
            parts += question.parts;
        } else {
            ln_weight += ln_1m_exp(question.ln_active);
        }
    }
    let depth = ln_active - ln_product;
    let ln_tail = match parts {
        // Where nothing happens the product is one.
        0 => f64::NEG_INFINITY,
        _ if depth <= 0.0 => 0.0,
        parts => ln_gamma_upper(f64::from(parts), depth).unwrap_or(0.0),
    };
    ln_weight + ln_active + ln_tail
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn question(active: f64, parts: u32, p: Option<f64>) -> Occasional {
        Occasional { ln_active: active.ln(), parts, ln_parts: p.map(f64::ln) }
    }

    #[test]
    fn always_answered_it_is_fishers_test() {
        // P(chi^2_4 >= -2 ln 0.0005) = q (1 - ln q).
        let found = ln_occasional(&[question(1.0, 1, Some(0.01)), question(1.0, 1, Some(0.05))]);
        let q: f64 = 0.0005;
        assert!((found.exp() / (q * (1.0 - q.ln())) - 1.0).abs() < 1e-12);
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn one_rare_answer_is_as_unlikely_as_it_says() {
        assert!((ln_occasional(&[question(0.01, 1, Some(0.5))]).exp() - 0.005).abs() < 1e-15);
        assert_eq!(ln_occasional(&[question(0.01, 2, None), question(0.2, 1, None)]), 0.0);
        assert_eq!(ln_occasional(&[]), 0.0);
    }

    #[test]
    fn p_values_are_honest() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
        let rates = [(0.05, 2), (0.3, 2), (0.01, 1), (1.0, 1)];
        let draws = 200_000;
        let mut below = [0_u32; 3];
        for _ in 0..draws {
            let mut uniform = || -> f64 { random.random_range(1e-12..1.0) };
            let questions = rates.map(|(active, parts)| {
                let answered = uniform() < active;
                let product = (0..parts).map(|_| uniform()).product::<f64>();
                question(active, parts, answered.then_some(product))
            });
            let p = ln_occasional(&questions).exp();
            for (place, nominal) in [0.1, 0.01, 0.001].into_iter().enumerate() {
                below[place] += u32::from(p <= nominal);
            }
        }
        for (count, nominal) in below.into_iter().zip([0.1, 0.01, 0.001]) {
            let expected = nominal * f64::from(draws);
            assert!((f64::from(count) - expected).abs() < 4.0 * expected.sqrt(), "{count} of {expected}");
        }
    }

    proptest! {
        #[test]
        fn a_less_likely_answer_makes_the_whole_less_likely(
            active in prop::collection::vec(0.001..1.0_f64, 2..5), p in 1e-9..1.0_f64, smaller in 0.01..1.0_f64,
        ) {
            let asked = |p: f64| -> f64 {
                let answers = active.iter().enumerate().map(|(place, &active)| question(active, 2, (place < 2).then_some(p)));
                ln_occasional(&answers.collect::<Vec<_>>())
            };
            prop_assert!(asked(p * smaller) <= asked(p) + 1e-9);
        }
    }
}
