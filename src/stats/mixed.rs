//! A negative binomial whose mean has good and bad days: the mean varies log-normally.
//!
//! What clumps within hours is gamma-like and thin in the tail; what lifts a whole day is multiplicative and is not. Where both
//! matter, one negative binomial with the sum of their variances promises far too much about rare days.

use crate::stats::{NegativeBinomial, ParameterError, ln_sum_exp, require};

/// Gauss-Hermite nodes and weights for a standard normal variable, 21 points; the other ten are mirrored. They are the eigenvalues of a
/// tridiagonal matrix, and the squares of what begins its eigenvectors (Golub and Welsch 1969).
const NODES: [(f64, f64); 11] = [
    (0.0, 0.270_260_183_572_877_07),
    (0.678_045_692_440_644, 0.215_333_715_695_059_7),
    (1.359_765_823_211_230_2, 0.108_392_285_626_419_49),
    (2.049_102_468_257_163, 0.033_952_729_786_542_866),
    (2.750_592_981_052_373_3, 0.006_439_697_051_408_777),
    (3.469_846_690_475_376_4, 0.000_708_047_795_481_536_9),
    (4.214_343_981_688_422, 4.219_234_742_551_663e-5),
    (4.994_963_944_782_025, 1.225_354_836_148_252_6e-6),
    (5.829_382_007_304_471_5, 1.450_661_284_493_085_7e-8),
    (6.751_444_718_717_461, 4.975_368_604_121_718_6e-11),
    (7.849_382_895_113_822_5, 2.098_991_219_565_671_2e-14),
];

/// A count with mean `m`, clumps of `1/size` within, and a mean whose relative variance between days is `day_variance`.
///
/// ```text
/// Y | D ~ NB(m D, size),   ln D ~ N(-s^2/2, s^2),   s^2 = ln(1 + day_variance)
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LogNormalMixed {
    parts: Vec<(NegativeBinomial, f64)>,
}

impl LogNormalMixed {
    /// The distribution, as a mixture of 21 negative binomials.
    ///
    /// # Errors
    /// When `mean` or `size` is out of the range of [`NegativeBinomial::new`], or `day_variance` is not in `[0, 100]`.
    pub fn new(mean: f64, size: f64, day_variance: f64) -> Result<Self, ParameterError> {
        require((0.0..=100.0).contains(&day_variance), "day_variance", "in [0, 100]", day_variance)?;
        let log_variance = day_variance.ln_1p();
        let part = |node: f64, weight: f64| {
            let day = (log_variance.sqrt() * node - 0.5 * log_variance).exp();
            Ok((NegativeBinomial::new(mean * day, size)?, weight))
        };
        let mirrored = NODES[1..].iter().map(|&(node, weight)| (-node, weight));
        let parts = NODES.into_iter().chain(mirrored).map(|(node, weight)| part(node, weight));
        Ok(Self { parts: parts.collect::<Result<_, _>>()? })
    }

    /// `ln P(Y >= count)`: the logarithm of the weighted sum of the parts' tails.
    ///
    /// ```text
    /// ln sum w_i P(NB(m exp(s z_i - s^2/2), size) >= count),   z_i, w_i the nodes and weights
    /// ```
    pub fn ln_upper(&self, count: u64) -> f64 {
        let terms: Vec<f64> = self.parts.iter().map(|(part, weight)| part.ln_upper(count) + weight.ln()).collect();
        ln_sum_exp(&terms).min(0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by brute force: the trapezoidal rule over forty deviations in ten thousand steps.
    fn brute_force(mean: f64, size: f64, day_variance: f64, count: u64) -> f64 {
        let log_variance = day_variance.ln_1p();
        let step = 40.0 / 10_000.0;
        let term = |index: i32| {
            let z = -20.0 + f64::from(index) * step;
            let day = (log_variance.sqrt() * z - 0.5 * log_variance).exp();
            let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
            NegativeBinomial::new(mean * day, size).unwrap().ln_upper(count).exp() * density * step
        };
        (0..=10_000).map(term).sum::<f64>().ln()
    }

    #[test]
    fn agrees_with_brute_force_far_into_the_tail() {
        for (mean, size, variance) in [(10.0, 4.0, 0.1), (100.0, 50.0, 0.09), (3.0, 2.0, 0.3), (1000.0, 12.0, 0.015)] {
            let mixed = LogNormalMixed::new(mean, size, variance).unwrap();
            for times in [1.0, 2.0, 3.0, 5.0] {
                let count = (mean * times) as u64;
                let (found, expected) = (mixed.ln_upper(count), brute_force(mean, size, variance, count));
                // Within 15 % of p as far as one in a million.
                if expected > 1e-6_f64.ln() {
                    assert!((found - expected).abs() < 0.15, "{mean} {size} {variance} {times}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn without_days_it_is_the_negative_binomial() {
        let (mixed, plain) = (LogNormalMixed::new(7.0, 3.0, 0.0).unwrap(), NegativeBinomial::new(7.0, 3.0).unwrap());
        for count in [0, 1, 7, 40, 400] {
            assert!((mixed.ln_upper(count) - plain.ln_upper(count)).abs() < 1e-12 * (1.0 - plain.ln_upper(count)));
        }
    }

    proptest! {
        #[test]
        fn larger_is_less_likely(mean in 0.01..1e4, size in 0.1..100.0, variance in 0.0..2.0, count in 0u64..10_000) {
            let mixed = LogNormalMixed::new(mean, size, variance).unwrap();
            prop_assert!(mixed.ln_upper(count + 1) <= mixed.ln_upper(count) + 1e-12);
        }
    }
}
