//! Multiple testing over log p-values: Benjamini-Hochberg selection, q-values, weighted Bonferroni.
//!
//! A family of a night may hold far more tests than the p-values worth keeping; the absent ones count as `p = 1`.
//! Which tests form a family, and at what rate, is decided in `detect`.

use crate::stats::{ParameterError, require};

/// Slack for a sum of weights that is 1 but for rounding.
const WEIGHT_SUM_SLACK: f64 = 1e-9;

/// What [`benjamini_hochberg`] selected.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// For every given p-value, in the given order, whether it was rejected ("is a discovery").
    pub rejected: Vec<bool>,
    /// How many were rejected.
    pub count: usize,
    /// `ln(rate * count / tests)`: exactly the p-values up to this were rejected. Negative infinity when none was.
    pub ln_threshold: f64,
}

/// What [`bonferroni`] made of several p-values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Combination {
    /// `ln` of the combined p-value, at most 0.
    pub ln_p: f64,
    /// Position of the p-value that decided it, the first among equals; `None` when there was none.
    pub winner: Option<usize>,
}

/// Selects p-values so that the expected share of false ones among them is at most `rate`.
///
/// ```text
/// R = max { i : p_(i) <= rate * i / tests },   rejected are p_(1) ... p_(R)
/// ```
///
/// `tests` may exceed the number of p-values given. Valid under independence and positive dependence.
///
/// # Errors
/// When a log p-value is NaN or positive, `tests` is smaller than their number, or `rate` is not in `(0, 1)`.
///
/// Source: Benjamini and Hochberg, JRSS B 57 (1995) 289.
pub fn benjamini_hochberg(ln_p: &[f64], tests: usize, rate: f64) -> Result<Selection, ParameterError> {
    require_family(ln_p, tests)?;
    require(rate > 0.0 && rate < 1.0, "rate", "in (0, 1)", rate)?;
    let line = |rank: usize| (rate * rank as f64 / tests as f64).ln();
    let mut sorted = ln_p.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = (1..=sorted.len()).rev().find(|&rank| sorted[rank - 1] <= line(rank)).unwrap_or(0);
    let ln_threshold = if count == 0 { f64::NEG_INFINITY } else { line(count) };
    let rejected = ln_p.iter().map(|&ln| count > 0 && ln <= ln_threshold).collect();
    Ok(Selection { rejected, count, ln_threshold })
}

/// For every p-value, in the given order, `ln` of the smallest rate at which [`benjamini_hochberg`] would reject it.
///
/// ```text
/// q_(i) = min over j >= i of p_(j) * tests / j,   at most 1
/// ```
///
/// # Errors
/// When a log p-value is NaN or positive, or `tests` is smaller than their number.
///
/// Source: Benjamini and Hochberg's adjusted p-values, as in R's `p.adjust(method = "BH")`.
pub fn q_values(ln_p: &[f64], tests: usize) -> Result<Vec<f64>, ParameterError> {
    require_family(ln_p, tests)?;
    let mut order: Vec<usize> = (0..ln_p.len()).collect();
    order.sort_unstable_by(|&left, &right| ln_p[left].total_cmp(&ln_p[right]));
    let mut ln_q = vec![0.0; ln_p.len()];
    let mut smallest: f64 = 0.0;
    for (index, &position) in order.iter().enumerate().rev() {
        smallest = smallest.min(ln_p[position] + (tests as f64 / (index + 1) as f64).ln());
        ln_q[position] = smallest;
    }
    Ok(ln_q)
}

/// Combines `(ln p, weight)` pairs into one p-value that is valid under any dependence between them.
///
/// ```text
/// p = min(1, min over i of p_i / weight_i),   sum of weights <= 1
/// ```
///
/// No pair at all is no evidence: `p = 1`.
///
/// # Errors
/// When a log p-value is NaN or positive, a weight is not in `(0, 1]`, or the weights sum to more than 1.
///
/// Source: Bonferroni's inequality, weighted as in Rosenthal and Rubin 1983.
pub fn bonferroni(pairs: impl IntoIterator<Item = (f64, f64)>) -> Result<Combination, ParameterError> {
    let mut combined = Combination { ln_p: 0.0, winner: None };
    let mut smallest = f64::INFINITY;
    let mut weights = 0.0;
    for (position, (ln_p, weight)) in pairs.into_iter().enumerate() {
        require(ln_p <= 0.0, "ln_p", "at most 0", ln_p)?;
        require(weight > 0.0 && weight <= 1.0, "weight", "in (0, 1]", weight)?;
        weights += weight;
        let adjusted = ln_p - weight.ln();
        if adjusted < smallest {
            smallest = adjusted;
            combined = Combination { ln_p: adjusted.min(0.0), winner: Some(position) };
        }
    }
    require(weights <= 1.0 + WEIGHT_SUM_SLACK, "sum of weights", "at most 1", weights)?;
    Ok(combined)
}

fn require_family(ln_p: &[f64], tests: usize) -> Result<(), ParameterError> {
    require(tests >= ln_p.len(), "tests", "at least the number of p-values", tests as f64)?;
    ln_p.iter().try_for_each(|&ln| require(ln <= 0.0, "ln_p", "at most 0", ln))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition read aloud: try every rank, reject everything up to the largest that passes. Ordinary p-values.
    fn naive_rejections(p: &[f64], rate: f64) -> Vec<bool> {
        let mut sorted = p.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut cut = None;
        for (index, &value) in sorted.iter().enumerate() {
            if value <= rate * (index + 1) as f64 / p.len() as f64 {
                cut = Some(value);
            }
        }
        p.iter().map(|&value| cut.is_some_and(|cut| value <= cut)).collect()
    }

    /// The fifteen p-values of the worked example in Benjamini and Hochberg 1995, section 3.2.
    const PAPER: [f64; 15] = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.0000,
    ];

    fn ln_all(p: &[f64]) -> Vec<f64> {
        p.iter().map(|p| p.ln()).collect()
    }

    #[test]
    fn the_paper_rejects_four() {
        let selection = benjamini_hochberg(&ln_all(&PAPER), 15, 0.05).unwrap();
        assert_eq!(selection.count, 4);
        assert_eq!(selection.rejected.iter().filter(|&&rejected| rejected).count(), 4);
        assert!((selection.ln_threshold.exp() - 0.05 * 4.0 / 15.0).abs() < 1e-15);
    }

    #[test]
    fn q_values_of_the_paper_step_up() {
        // By hand: 15 p_i / i, then the running minimum from the right.
        let q = q_values(&ln_all(&PAPER), 15).unwrap();
        let expected = [(0, 0.0015), (1, 0.003), (3, 0.035_625), (5, 15.0 * 0.0298 / 7.0), (8, 0.0765), (14, 1.0)];
        for (position, value) in expected {
            assert!((q[position].exp() - value).abs() < 1e-12, "{position}: {} {value}", q[position].exp());
        }
    }

    #[test]
    fn absent_tests_count_as_p_of_one() {
        let given = ln_all(&PAPER[..5]);
        let mut padded = given.clone();
        padded.resize(40, 0.0);
        let sparse = benjamini_hochberg(&given, 40, 0.05).unwrap();
        let full = benjamini_hochberg(&padded, 40, 0.05).unwrap();
        assert_eq!((sparse.count, sparse.ln_threshold), (full.count, full.ln_threshold));
        assert_eq!(sparse.rejected, full.rejected[..5]);
        assert_eq!(q_values(&given, 40).unwrap(), q_values(&padded, 40).unwrap()[..5]);
    }

    #[test]
    fn p_values_below_the_smallest_float_keep_their_order() {
        let q = q_values(&[-3000.0, -2000.0, f64::NEG_INFINITY], 1000).unwrap();
        assert!((q[0] - (-3000.0 + 500f64.ln())).abs() < 1e-12);
        assert!((q[1] - (-2000.0 + (1000f64 / 3.0).ln())).abs() < 1e-12);
        assert!(q[2] == f64::NEG_INFINITY);
        let selection = benjamini_hochberg(&[f64::NEG_INFINITY, -0.1], 2, 0.05).unwrap();
        assert_eq!(selection.rejected, [true, false]);
    }

    #[test]
    fn nothing_given_selects_nothing() {
        let selection = benjamini_hochberg(&[], 0, 0.05).unwrap();
        assert_eq!(selection, Selection { rejected: vec![], count: 0, ln_threshold: f64::NEG_INFINITY });
        assert!(q_values(&[], 10).unwrap().is_empty());
        assert_eq!(bonferroni([]).unwrap(), Combination { ln_p: 0.0, winner: None });
    }

    #[test]
    fn bonferroni_takes_the_smallest_weighted() {
        let combined = bonferroni([(-10.0, 0.25), (-11.0, 0.01), (-2.0, 0.5)]).unwrap();
        assert_eq!(combined.winner, Some(0));
        assert!((combined.ln_p - (-10.0 + 4f64.ln())).abs() < 1e-14);
        let hopeless = bonferroni([(-0.1, 0.5), (-0.2, 0.5)]).unwrap();
        assert_eq!(hopeless, Combination { ln_p: 0.0, winner: Some(1) });
    }

    #[test]
    fn weights_split_evenly_over_windows_sum_to_one() {
        let windows = [24, 8, 4, 1].into_iter().flat_map(|n| (0..n).map(move |_| (-1.0, 0.25 / f64::from(n))));
        assert!(bonferroni(windows).is_ok());
        assert!(bonferroni([(-1.0, 0.6), (-1.0, 0.5)]).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(benjamini_hochberg(&[f64::NAN], 1, 0.05).is_err());
        assert!(benjamini_hochberg(&[0.1], 1, 0.05).is_err());
        assert!(benjamini_hochberg(&[-1.0, -1.0], 1, 0.05).is_err());
        assert!(benjamini_hochberg(&[-1.0], 1, f64::NAN).is_err());
        assert!(q_values(&[f64::NAN], 1).is_err());
        assert!(bonferroni([(f64::NAN, 0.5)]).is_err());
        assert!(bonferroni([(-1.0, f64::NAN)]).is_err());
        assert!(bonferroni([(-1.0, 0.0)]).is_err());
    }

    /// P-values on a grid, so that ties are common, mixed with small ones, so that rejections are.
    fn p_values() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(prop_oneof![(1u32..=997).prop_map(|n| f64::from(n) / 997.0), 1e-9..0.02], 1..60)
    }

    proptest! {
        #[test]
        fn agrees_with_the_textbook(p in p_values(), rate in 0.01..0.5) {
            let selection = benjamini_hochberg(&ln_all(&p), p.len(), rate).unwrap();
            prop_assert_eq!(&selection.rejected, &naive_rejections(&p, rate));
            prop_assert_eq!(selection.count, selection.rejected.iter().filter(|&&rejected| rejected).count());
        }

        #[test]
        fn order_does_not_matter(shuffled in p_values().prop_flat_map(|p| (Just(p.clone()), Just(p).prop_shuffle()))) {
            let (p, q) = shuffled;
            let by_value = |p: &[f64]| {
                let selection = benjamini_hochberg(&ln_all(p), p.len() + 5, 0.1).unwrap();
                let ln_q = q_values(&ln_all(p), p.len() + 5).unwrap();
                let row = |i: usize| (p[i].to_bits(), selection.rejected[i], ln_q[i].to_bits());
                let mut rows: Vec<_> = (0..p.len()).map(row).collect();
                rows.sort_unstable();
                (rows, selection.count, selection.ln_threshold.to_bits())
            };
            prop_assert_eq!(by_value(&p), by_value(&q));
        }

        #[test]
        fn q_values_say_at_which_rate(p in p_values(), extra in 0usize..100, rate in 0.01..0.5) {
            let ln_p = ln_all(&p);
            let rejected = benjamini_hochberg(&ln_p, p.len() + extra, rate).unwrap().rejected;
            for (ln_q, rejected) in q_values(&ln_p, p.len() + extra).unwrap().into_iter().zip(rejected) {
                // Both sides round their own way, so the boundary itself is left out.
                prop_assume!((ln_q - rate.ln()).abs() > 1e-12);
                prop_assert_eq!(ln_q < rate.ln(), rejected);
            }
        }
    }
}
