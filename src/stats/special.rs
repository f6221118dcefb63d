//! The special functions behind the tails: regularised incomplete beta and gamma functions as logarithms.
//!
//! Each is a density-like front factor, written as a deviance plus Stirling errors so that nothing large cancels,
//! divided by a continued fraction. Both stay accurate where a difference of log-gammas would have lost all digits.
//! Distributions are built on top of this in `negative_binomial` and `predictive`; nothing here knows a count.

use std::f64::consts::{LN_2, TAU};

use statrs::function::gamma::ln_gamma;

use crate::stats::normal::ln_normal_upper;
use crate::stats::{ParameterError, require};

/// `ln sqrt(2 pi)`.
const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// Relative change at which a continued fraction has settled: the spacing of `f64` at one.
const SETTLED: f64 = f64::EPSILON;

/// Steps after which a continued fraction stops where it is. Near the centre it needs a few times the square root of
/// the variance parameter, which [`EXPANSION_FROM`] keeps far below this.
const MAX_STEPS: u32 = 500_000;

/// Variance parameter `ab/(a+b)` (gamma: `a`) from which the uniform expansion, whose error is its inverse, is used.
const EXPANSION_FROM: f64 = 1e10;

/// Where the second rule of [`BetaPoint::is_short`] ends.
const SECOND_RULE_MAX_X: f64 = 0.999;

/// Standard deviations from the centre up to which the expansion is used; further out the fraction is short anyway.
const EXPANSION_WITHIN: f64 = 5.0;

/// `ln` of the sum of numbers of which the `ln` are given; minus infinity, which is zero, of none.
///
/// ```text
/// M + ln sum exp(x_i - M),   M the largest
/// ```
///
/// The largest is taken out first, so that nothing overflows and what is lost is far below the result.
///
/// Source: Blanchard, Higham and Higham 2021.
pub fn ln_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.iter().map(|term| (term - largest).exp()).sum::<f64>().ln()
}

/// `ln(1 - e^x)` for `x <= 0`, without cancellation at either end.
///
/// ```text
/// ln(-expm1(x))   for x > -ln 2
/// ln1p(-exp(x))   otherwise
/// ```
///
/// `x` is a log-probability; a positive one can only be rounding and counts as 0, giving negative infinity.
/// NaN stays NaN. Source: Maechler, "Accurately computing log(1 - exp(-|a|))", the `Rmpfr` package.
pub fn ln_1m_exp(x: f64) -> f64 {
    if x >= 0.0 {
        f64::NEG_INFINITY
    } else if x > -LN_2 {
        (-x.exp_m1()).ln()
    } else {
        (-x.exp()).ln_1p()
    }
}

/// Natural logarithm of the regularised incomplete beta function.
///
/// ```text
/// I_x(a, b) = 1/B(a, b) * integral from 0 to x of t^(a-1) (1-t)^(b-1) dt
/// ```
///
/// `x` and `1 - x` are passed apart, so that either may be as small as it likes. Relative error of the logarithm is
/// below 3e-12 (see the tests); where the continued fraction would be too long (`ab/(a+b) >= 1e10`, within five
/// standard deviations) Temme's uniform expansion answers, with a relative error below 1e-10.
///
/// # Errors
/// When a parameter is not positive and finite, or `x` and `one_minus_x` are no complementary pair in `[0, 1]`.
///
/// Source: Didonato and Morris, ACM TOMS 18 (1992) 360, and DLMF 8.17.22 (the fraction); Loader 2000 (the front
/// factor); Temme 1996, section 11.3 (the expansion).
pub fn ln_beta_regularized(a: f64, b: f64, x: f64, one_minus_x: f64) -> Result<f64, ParameterError> {
    require(a > 0.0 && a <= 1e100, "a", "in (0, 1e100]", a)?;
    require(b > 0.0 && b <= 1e100, "b", "in (0, 1e100]", b)?;
    require((0.0..=1.0).contains(&x), "x", "in [0, 1]", x)?;
    let complementary = (x + one_minus_x - 1.0).abs() <= 4.0 * f64::EPSILON && one_minus_x >= 0.0;
    require(complementary, "one_minus_x", "1 - x", one_minus_x)?;
    Ok(BetaPoint { a, b, x, y: one_minus_x, excess: a * one_minus_x - b * x }.tail().ln())
}

/// Natural logarithm of the regularised lower incomplete gamma function, `ln P(X >= a)` of a Poisson `X` for whole `a`.
///
/// ```text
/// P(a, x) = 1/Gamma(a) * integral from 0 to x of t^(a-1) e^(-t) dt
/// ```
///
/// # Errors
/// When `a` is not positive and finite, or `x` is negative or not finite.
///
/// Source: DLMF 8.9 and 8.11; front factor as in Loader 2000.
pub fn ln_gamma_lower(a: f64, x: f64) -> Result<f64, ParameterError> {
    Ok(GammaPoint::new(a, x)?.tail().ln())
}

/// Natural logarithm of the regularised upper incomplete gamma function, `Q(a, x) = 1 - P(a, x)`.
///
/// ```text
/// Q(a, x) = 1/Gamma(a) * integral from x to infinity of t^(a-1) e^(-t) dt
/// ```
///
/// Sources as of [`ln_gamma_lower`].
///
/// # Errors
/// As [`ln_gamma_lower`].
pub fn ln_gamma_upper(a: f64, x: f64) -> Result<f64, ParameterError> {
    Ok(GammaPoint::new(a, x)?.tail().ln_complement())
}

/// A probability of which one side was computed; the other side follows when asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tail {
    /// `ln p`.
    Direct(f64),
    /// `ln(1 - p)`.
    Complement(f64),
}

impl Tail {
    pub(super) fn ln(self) -> f64 {
        match self {
            Self::Direct(ln) => at_most_zero(ln),
            Self::Complement(ln) => ln_1m_exp(ln),
        }
    }

    pub(super) fn ln_complement(self) -> f64 {
        match self {
            Self::Direct(ln) => ln_1m_exp(ln),
            Self::Complement(ln) => at_most_zero(ln),
        }
    }
}

/// Takes back what rounding put above `ln 1`, and unlike `f64::min` lets a NaN be seen.
fn at_most_zero(ln: f64) -> f64 {
    if ln > 0.0 { 0.0 } else { ln }
}

/// Where the incomplete beta function is wanted. `excess` is `a y - b x`, how far `a` lies above its centre `(a+b) x`:
/// callers who know it exactly pass it, because it is a difference and everything hangs on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct BetaPoint {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) excess: f64,
}

impl BetaPoint {
    /// `I_x(a, b)` by whichever of it and `I_y(b, a) = 1 - I_x(a, b)` has the short continued fraction.
    pub(super) fn tail(self) -> Tail {
        if self.x <= 0.0 {
            return Tail::Direct(f64::NEG_INFINITY);
        }
        if self.y <= 0.0 {
            return Tail::Complement(f64::NEG_INFINITY);
        }
        let ln_front = self.ln_front();
        if self.is_short() {
            Tail::Direct(self.ln_by(ln_front))
        } else {
            Tail::Complement(self.swapped().ln_by(ln_front))
        }
    }

    /// As [`Self::tail`], with a front factor the caller has already.
    pub(super) fn tail_with_front(self, ln_front: f64) -> Tail {
        if self.is_short() {
            Tail::Direct(ln_front - self.fraction().ln())
        } else {
            Tail::Complement(ln_front - self.swapped().fraction().ln())
        }
    }

    /// `x <= (a+1)/(a+b+2)`, the usual rule, or `x <= a/(a+b)` away from one: the leading coefficient of the fraction
    /// is positive in both. The second keeps a small tail from being one minus a large one where `b` is tiny; close to
    /// one it would be paid for with thousands of steps.
    fn is_short(self) -> bool {
        self.excess + 1.0 >= 2.0 * self.x || (self.excess >= 0.0 && self.x <= SECOND_RULE_MAX_X)
    }

    fn swapped(self) -> Self {
        Self { a: self.b, b: self.a, x: self.y, y: self.x, excess: -self.excess }
    }

    /// `ln I_x(a, b)` from the front factor, which both sides share.
    fn ln_by(self, ln_front: f64) -> f64 {
        let inverse_sizes = (self.a.recip(), self.b.recip());
        uniform_expansion(inverse_sizes, self.excess, self.deviance(), ln_front)
            .unwrap_or_else(|| ln_front - self.fraction().ln())
    }

    /// Half the likelihood-ratio statistic between `a : b` and `x : y`.
    fn deviance(self) -> f64 {
        let total = self.a + self.b;
        deviance(self.a, total * self.x, self.excess) + deviance(self.b, total * self.y, -self.excess)
    }

    /// `ln(x^a y^b / B(a, b))`.
    fn ln_front(self) -> f64 {
        let Self { a, b, .. } = self;
        let stirling = stirling_error(a + b) - stirling_error(a) - stirling_error(b);
        0.5 * (a / (a + b) * b / TAU).ln() - self.deviance() + stirling
    }

    /// What the front factor is divided by: the even part of the continued fraction DLMF 8.17.22, in the form whose
    /// coefficients do not cancel when `a` is huge and `x` close to one.
    fn fraction(self) -> f64 {
        let Self { a, b, x, y, excess } = self;
        let mut inverse = (a + 1.0).recip();
        continued_fraction(a * (excess + 1.0) * inverse, |i| {
            let here = inverse;
            inverse = (a + 2.0 * i + 1.0).recip();
            let shared = i * (b - i) * x * here;
            let numerator = shared * (a + i - 1.0) * ((a + b + i - 1.0) * x) * here;
            (numerator, i + shared + (a + i) * (excess + 1.0 + i * (1.0 + y)) * inverse)
        })
    }
}

/// Where the incomplete gamma function is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct GammaPoint {
    pub(super) a: f64,
    pub(super) x: f64,
}

impl GammaPoint {
    fn new(a: f64, x: f64) -> Result<Self, ParameterError> {
        require(a > 0.0 && a <= 1e100, "a", "in (0, 1e100]", a)?;
        require((0.0..=1e100).contains(&x), "x", "in [0, 1e100]", x)?;
        Ok(Self { a, x })
    }

    /// `P(a, x)` or `Q(a, x)`, whichever has the short continued fraction.
    pub(super) fn tail(self) -> Tail {
        if self.x <= 0.0 {
            return Tail::Direct(f64::NEG_INFINITY);
        }
        let ln_front = self.ln_front();
        let excess = self.a - self.x;
        if self.is_short() {
            let expanded = uniform_expansion((self.a.recip(), 0.0), excess, self.deviance(), ln_front);
            Tail::Direct(expanded.unwrap_or_else(|| ln_front - self.lower_fraction().ln()))
        } else {
            // Seen from the other side the sizes change places, and with them the sign of the skewness.
            let expanded = uniform_expansion((0.0, self.a.recip()), -excess, self.deviance(), ln_front);
            Tail::Complement(expanded.unwrap_or_else(|| ln_front - self.upper_fraction().ln()))
        }
    }

    /// As [`Self::tail`], with a front factor the caller has already.
    pub(super) fn tail_with_front(self, ln_front: f64) -> Tail {
        if self.is_short() {
            Tail::Direct(ln_front - self.lower_fraction().ln())
        } else {
            Tail::Complement(ln_front - self.upper_fraction().ln())
        }
    }

    fn is_short(self) -> bool {
        self.x <= self.a + 1.0
    }

    fn deviance(self) -> f64 {
        deviance(self.a, self.x, self.a - self.x)
    }

    /// `ln(x^a e^(-x) / Gamma(a))`.
    fn ln_front(self) -> f64 {
        0.5 * (self.a / TAU).ln() - self.deviance() - stirling_error(self.a)
    }

    /// The limit of [`BetaPoint::fraction`] for `b` to infinity with `b x` held.
    fn lower_fraction(self) -> f64 {
        let Self { a, x } = self;
        let excess = a - x;
        let mut inverse = (a + 1.0).recip();
        continued_fraction(a * (excess + 1.0) * inverse, |i| {
            let here = inverse;
            inverse = (a + 2.0 * i + 1.0).recip();
            let shared = i * x * here;
            (shared * (a + i - 1.0) * x * here, i + shared + (a + i) * (excess + 1.0 + 2.0 * i) * inverse)
        })
    }

    /// DLMF 8.9.2, contracted.
    fn upper_fraction(self) -> f64 {
        let start = self.x - self.a + 1.0;
        continued_fraction(start, |i| (i * (self.a - i), start + 2.0 * i))
    }
}

/// `first + n1/(d1 + n2/(d2 + ...))` by the modified Lentz method, `step(i)` giving `(n_i, d_i)`.
fn continued_fraction(first: f64, mut step: impl FnMut(f64) -> (f64, f64)) -> f64 {
    let nonzero = |value: f64| if value == 0.0 { f64::MIN_POSITIVE } else { value };
    let mut value = nonzero(first);
    let mut c = value;
    let mut d = 0.0;
    for i in 1..=MAX_STEPS {
        let (numerator, denominator) = step(f64::from(i));
        c = nonzero(denominator + numerator / c);
        d = nonzero(denominator + numerator * d).recip();
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() <= SETTLED || change.is_nan() {
            break;
        }
    }
    value
}

/// The tail above a point close to the centre of a distribution too wide for a continued fraction, or `None` where the
/// fraction is the better way.
///
/// ```text
/// w = sign(excess) sqrt(2 deviance),  s^2 = 1/(1/a + 1/b)
/// p = Phi(-w) + front/excess - phi(w)/w
/// ```
///
/// First term of Temme's expansion; what is left out is of relative size `1/s^2`. The difference is replaced by its
/// limit `phi(w) s/3 (1/a - 1/b)` where it would cancel.
fn uniform_expansion(inverse_sizes: (f64, f64), excess: f64, deviance: f64, ln_front: f64) -> Option<f64> {
    let (inverse_a, inverse_b) = inverse_sizes;
    let variance = (inverse_a + inverse_b).recip();
    let distance = (2.0 * deviance).sqrt().copysign(excess);
    if variance < EXPANSION_FROM || distance.abs() > EXPANSION_WITHIN {
        return None;
    }
    let correction = if distance.abs() < 1e-3 {
        ln_front.exp() / 3.0 * (inverse_a - inverse_b)
    } else {
        ln_front.exp() / excess - (-deviance).exp() / (TAU.sqrt() * distance)
    };
    Some((ln_normal_upper(distance).exp() + correction).ln())
}

/// `observed ln(observed/expected) - difference` with `difference = observed - expected`: the deviance of one count.
///
/// By a series where the two are close and the terms would cancel. Source: Loader 2000, "Fast and accurate computation
/// of binomial probabilities" (`bd0`).
fn deviance(observed: f64, expected: f64, difference: f64) -> f64 {
    if difference.abs() >= 0.1 * (observed + expected) {
        return observed * (observed / expected).ln() - difference;
    }
    let ratio = difference / (observed + expected);
    let square = ratio * ratio;
    let mut sum = difference * ratio;
    let mut term = 2.0 * observed * ratio;
    // Each term is less than a hundredth of the one before; seven leave nothing to see.
    for index in 1..=7 {
        term *= square;
        sum += term / f64::from(2 * index + 1);
    }
    sum
}

/// `ln Gamma(z) - ((z - 1/2) ln z - z + ln sqrt(2 pi))`, what Stirling's formula leaves over.
///
/// Source: the series is DLMF 5.11.1.
fn stirling_error(z: f64) -> f64 {
    if z < 10.0 {
        return ln_gamma(z) - ((z - 0.5) * z.ln() - z + LN_SQRT_TAU);
    }
    let inverse = z.recip();
    let square = inverse * inverse;
    let coefficients = [
        -3_617.0 / 122_400.0,
        1.0 / 156.0,
        -691.0 / 360_360.0,
        1.0 / 1_188.0,
        -1.0 / 1_680.0,
        1.0 / 1_260.0,
        -1.0 / 360.0,
        1.0 / 12.0,
    ];
    coefficients.iter().fold(0.0, |sum, coefficient| sum * square + coefficient) * inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{BETA, GAMMA, relative_error};

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn sums_of_exponentials_do_not_overflow() {
        assert_eq!((ln_sum_exp(&[]), ln_sum_exp(&[f64::NEG_INFINITY; 2])), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert_eq!(ln_sum_exp(&[f64::NEG_INFINITY, -3.0]), -3.0);
        for largest in [-5000.0, 0.0, 5000.0] {
            let terms = [largest, largest + 2.0_f64.ln(), largest - 800.0];
            assert!((ln_sum_exp(&terms) - (largest + 3.0_f64.ln())).abs() < 1e-12 * largest.abs().max(1.0));
        }
    }

    #[test]
    fn beta_matches_the_reference() {
        let error = |row: &&(f64, f64, f64, f64)| {
            relative_error(ln_beta_regularized(row.0, row.1, row.2, 1.0 - row.2).unwrap(), row.3)
        };
        let worst = |wide: bool| {
            let rows = BETA.iter().filter(|row| (row.0 * row.1 / (row.0 + row.1) >= EXPANSION_FROM) == wide);
            rows.map(|row| error(&row)).fold(0.0, f64::max)
        };
        println!("beta: worst relative error of ln: fraction {:e}, expansion {:e}", worst(false), worst(true));
        assert!(worst(false) < 3e-12 && worst(true) < 1e-10);
    }

    #[test]
    fn gamma_matches_the_reference() {
        let error = |row: &(f64, f64, f64, f64)| {
            let lower = relative_error(ln_gamma_lower(row.0, row.1).unwrap(), row.2);
            lower.max(relative_error(ln_gamma_upper(row.0, row.1).unwrap(), row.3))
        };
        let worst =
            |wide: bool| GAMMA.iter().filter(|row| (row.0 >= EXPANSION_FROM) == wide).map(error).fold(0.0, f64::max);
        println!("gamma: worst relative error of ln: fraction {:e}, expansion {:e}", worst(false), worst(true));
        assert!(worst(false) < 3e-12 && worst(true) < 1e-10);
    }

    #[test]
    fn closed_forms() {
        // I_x(a, 1) = x^a, I_x(1, b) = 1 - (1-x)^b, P(1, x) = 1 - e^-x.
        for x in [1e-300, 1e-8, 0.2, 0.9] {
            assert!(relative_error(ln_beta_regularized(7.5, 1.0, x, 1.0 - x).unwrap(), 7.5 * x.ln()) < 1e-13);
            let complement = ln_1m_exp(3.25 * (-x).ln_1p());
            assert!(relative_error(ln_beta_regularized(1.0, 3.25, x, 1.0 - x).unwrap(), complement) < 1e-13);
            assert!(relative_error(ln_gamma_lower(1.0, x).unwrap(), ln_1m_exp(-x)) < 1e-13);
            assert!(relative_error(ln_gamma_upper(1.0, 1e3 * x).unwrap(), -1e3 * x) < 1e-13);
        }
    }

    #[test]
    fn one_minus_x_keeps_what_x_cannot_hold() {
        // I_x(2, 3) = 1 - y^3 (4 - 3y) for y = 1 - x far below the spacing of f64 at one.
        let found = ln_beta_regularized(2.0, 3.0, 1.0, 1e-60).unwrap();
        assert!(relative_error(found, -4e-180) < 1e-13, "{found}");
    }

    /// The expansion takes over at `ab/(a+b) = 1e10`; the fraction just below must agree with it.
    #[test]
    fn fraction_and_expansion_meet() {
        for deviations in [-4.9, -1.0, -1e-4, 0.0, 1e-4, 0.5, 3.0, 4.9] {
            let a: f64 = 1e10;
            let point = GammaPoint { a, x: a - deviations * a.sqrt() };
            let expanded = point.tail().ln();
            let front = point.ln_front();
            let by_fraction = point.tail_with_front(front).ln();
            assert!(relative_error(expanded, by_fraction) < 1e-10, "{deviations}: {expanded} {by_fraction}");
            let (a, b): (f64, f64) = (4e10, 2e10);
            let x = 2.0 / 3.0 - deviations * (a * b / (a + b)).sqrt() / (a + b);
            let point = BetaPoint { a, b, x, y: 1.0 - x, excess: a * (1.0 - x) - b * x };
            let by_fraction = point.tail_with_front(point.ln_front()).ln();
            assert!(relative_error(point.tail().ln(), by_fraction) < 1e-10, "{deviations}");
        }
    }

    #[test]
    fn complement_of_an_exponential() {
        assert!(ln_1m_exp(0.0) == f64::NEG_INFINITY && ln_1m_exp(1e-17) == f64::NEG_INFINITY);
        assert!(ln_1m_exp(f64::NAN).is_nan());
        assert!(relative_error(ln_1m_exp(-1e-300), -690.775_527_898_213_7) < 1e-15);
        assert!(relative_error(ln_1m_exp(-700.0), -(-700f64).exp()) < 1e-15);
        assert!(relative_error(ln_1m_exp(-LN_2), -LN_2) < 1e-15);
    }

    #[test]
    fn ends_and_nonsense() {
        assert!(ln_beta_regularized(2.0, 3.0, 0.0, 1.0).unwrap() == f64::NEG_INFINITY);
        assert!(ln_beta_regularized(2.0, 3.0, 1.0, 0.0).unwrap() == 0.0);
        assert!(ln_gamma_lower(2.0, 0.0).unwrap() == f64::NEG_INFINITY);
        assert!(ln_gamma_upper(2.0, 0.0).unwrap() == 0.0);
        for (a, b, x, y) in
            [(0.0, 1.0, 0.5, 0.5), (1.0, f64::NAN, 0.5, 0.5), (1.0, 1.0, 0.5, 0.4), (1.0, 1.0, f64::NAN, 0.5)]
        {
            assert!(ln_beta_regularized(a, b, x, y).is_err());
        }
        assert!(ln_gamma_lower(f64::NAN, 1.0).is_err() && ln_gamma_upper(1.0, -1.0).is_err());
    }
}
