//! Several things of which most never happen: how unlikely all that did happen is, together.
//!
//! Fisher's product of p-values throws away most of its power where a p-value is one on nearly every occasion. Here each question says
//! how often it has an answer at all, and only among the occasions on which the same questions have one are products compared. A count's
//! p-value has few values; they are taken for what they are, for as a uniform number they would make every answer look likelier.

use crate::stats::{ln_1m_exp, ln_sum_exp};

/// Questions that are looked at.
const MOST_QUESTIONS: usize = 16;
/// Questions up to which steps are told apart.
const MOST_STEPPED: usize = 4;

/// A question that has an answer only now and then.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Occasional {
    /// `ln` of the probability that there is an answer at all.
    pub ln_active: f64,
    /// How many independent p-values an answer comes with that can be anything from 0 to 1.
    pub parts: u32,
    /// `ln` of the largest values of a further p-value that has steps, from `ln 1` downwards; empty if there is none. Beyond the last it is
    /// taken for uniform, which is never too little.
    pub ln_steps: Vec<f64>,
    /// The sum of the `ln` of all of them, given that there is an answer; `None` where there is none.
    pub ln_parts: Option<f64>,
}

/// `ln p` of all answers together: the probability that the product of all that happened is as small, if questions are independent.
///
/// ```text
/// ln Q = sum over answered j of (ln a_j + ln u_j),   a_j = P(j has an answer),   u_j the product of its p-values
/// p    = sum over subsets S of the questions, and steps s_j of each in S, of
///        prod_{j in S} a_j P(s_j)  prod_{j not in S} (1 - a_j)  P(Gamma(sum_S k_j) >= sum_S (ln a_j + ln s_j) - ln Q)
/// P(s) = s - (the next step),   of the last one all that is left, with one more uniform part
/// ```
/// With all `a_j = 1` and no steps it is Fisher's test. The p-values of an answer may be conservative, then so is the result. At most 16
/// questions are looked at, and of more than 4 steps count for uniform numbers.
///
/// Source: Fisher 1932 (the product of p-values); which questions have answers is summed over, as for any mixture.
pub fn ln_occasional(questions: &[Occasional]) -> f64 {
    let questions = &questions[..questions.len().min(MOST_QUESTIONS)];
    let answered = questions.iter().filter_map(|question| Some(question.ln_active + question.ln_parts?));
    let ln_product: f64 = answered.sum();
    if ln_product >= 0.0 {
        return 0.0;
    }
    let outcomes: Vec<Vec<Outcome>> =
        questions.iter().map(|question| outcomes(question, questions.len() <= MOST_STEPPED)).collect();
    let mut terms = Vec::new();
    add_up(&outcomes, Outcome { ln_p: 0.0, ln_product: -ln_product, parts: 0, is_answer: false }, &mut terms);
    ln_sum_exp(&terms).min(0.0)
}

/// What may become of a question: how likely that is, what it adds to the logarithm of the product for certain, and how many uniform
/// p-values go with it.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    ln_p: f64,
    ln_product: f64,
    parts: u32,
    is_answer: bool,
}

fn outcomes(question: &Occasional, is_stepped: bool) -> Vec<Outcome> {
    let ln_active = question.ln_active;
    let answer = |ln_p: f64, ln_step: f64, parts: u32| Outcome {
        ln_p: ln_active + ln_p,
        ln_product: ln_active + ln_step,
        parts: question.parts + parts,
        is_answer: true,
    };
    let mut found = vec![Outcome { ln_p: ln_1m_exp(ln_active), ln_product: 0.0, parts: 0, is_answer: false }];
    match question.ln_steps.as_slice() {
        [] => found.push(answer(0.0, 0.0, 0)),
        _ if !is_stepped => found.push(answer(0.0, 0.0, 1)),
        [.., last] => {
            let steps = question.ln_steps.windows(2);
            found.extend(steps.map(|pair| answer(pair[0] + ln_1m_exp((pair[1] - pair[0]).min(0.0)), pair[0], 0)));
            found.push(answer(*last, *last, 1));
        }
    }
    found.retain(|outcome| outcome.ln_p > f64::NEG_INFINITY);
    found
}

/// Notes the `ln` of the probabilities of everything that may become of the remaining questions, given what became of those before.
fn add_up(remaining: &[Vec<Outcome>], before: Outcome, terms: &mut Vec<f64>) {
    let Some((next, rest)) = remaining.split_first() else {
        // Where nothing happens the product is one.
        let ln_tail =
            if before.is_answer { ln_erlang_upper(before.parts, before.ln_product) } else { f64::NEG_INFINITY };
        return terms.push(before.ln_p + ln_tail);
    };
    for outcome in next {
        let with = Outcome {
            ln_p: before.ln_p + outcome.ln_p,
            ln_product: before.ln_product + outcome.ln_product,
            parts: before.parts + outcome.parts,
            is_answer: before.is_answer || outcome.is_answer,
        };
        add_up(rest, with, terms);
    }
}

/// `ln P(G >= depth)` of the sum of so many exponential variables: `e^-t sum_{i<k} t^i / i!`.
fn ln_erlang_upper(parts: u32, depth: f64) -> f64 {
    // What comes out of sums that should cancel counts for nothing.
    if depth <= 1e-12 {
        return 0.0;
    }
    let (mut term, mut sum) = (1.0, 0.0);
    for i in 0..parts {
        sum += term;
        term *= depth / f64::from(i + 1);
    }
    (f64::ln(sum) - depth).min(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn question(active: f64, parts: u32, p: Option<f64>) -> Occasional {
        Occasional { ln_active: active.ln(), parts, ln_parts: p.map(f64::ln), ..Occasional::default() }
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

    /// The p-values `P(X >= x | X >= 1)` of a Poisson count.
    fn steps(mean: f64, count: usize) -> Vec<f64> {
        let mass = |x: usize| (1..=x).fold((-mean).exp(), |mass, i| mass * mean / i as f64);
        let below = |x: usize| (0..x).map(mass).sum::<f64>();
        (1..=count).map(|x| (1.0 - below(x)).ln() - (1.0 - below(1)).ln()).collect()
    }

    #[test]
    fn a_count_that_can_only_be_one_adds_nothing() {
        let once =
            Occasional { ln_active: 0.01_f64.ln(), parts: 1, ln_parts: Some(0.3_f64.ln()), ln_steps: Vec::new() };
        let counted = Occasional { ln_steps: steps(1e-9, 3), ..once.clone() };
        assert!((ln_occasional(&[counted]) - ln_occasional(&[once])).abs() < 1e-6);
    }

    #[test]
    fn counts_with_few_values_are_honest_and_not_too_careful() {
        use rand_distr::{Distribution, Poisson};
        let mut random = Xoshiro256PlusPlus::seed_from_u64(12);
        let means = [0.02_f64, 0.3].map(|mean| (mean, steps(mean, 12)));
        let draws = 100_000;
        let (mut below, mut as_uniform) = ([0_u32; 2], [0_u32; 2]);
        for _ in 0..draws {
            let mut questions = means.each_ref().map(|(mean, all)| {
                let count: f64 = Poisson::new(*mean).unwrap().sample(&mut random);
                let rarity: f64 = random.random_range(1e-12..1.0);
                let ln_parts = (count > 0.0).then(|| rarity.ln() + all[count as usize - 1]);
                Occasional { ln_active: (1.0 - (-mean).exp()).ln(), parts: 1, ln_steps: all[..4].to_vec(), ln_parts }
            });
            let note = |below: &mut [u32; 2], questions: &[Occasional]| {
                let p = ln_occasional(questions).exp();
                below.iter_mut().zip([0.01, 0.001]).for_each(|(below, nominal)| *below += u32::from(p <= nominal));
            };
            note(&mut below, &questions);
            questions.iter_mut().for_each(|question| {
                question.ln_steps.clear();
                question.parts = 2;
            });
            note(&mut as_uniform, &questions);
        }
        let ratio = |below: u32, nominal: f64| f64::from(below) / nominal / f64::from(draws);
        for (place, nominal) in [0.01, 0.001].into_iter().enumerate() {
            let (found, before) = (ratio(below[place], nominal), ratio(as_uniform[place], nominal));
            assert!((0.75..1.25).contains(&found) && before < 0.8 * found, "{nominal}: {found} {before}");
        }
    }
}
