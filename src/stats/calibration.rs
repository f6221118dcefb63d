//! Whether p-values are what they claim: observed exceedances over expected, and the power that mends them.
//!
//! Which p-values are looked at, those of past days scored again, is decided in `detect`.

/// Exceedances that must be expected before a rate is believed: of twenty the number that is found is uncertain by `1/sqrt(20)`, 22 %, so
/// that half as many again, from where p-values are corrected, are two standard errors too many.
pub const MEASURABLE: f64 = 20.0;
/// Nominal rates, finest first.
const NOMINAL: [f64; 2] = [1e-3, 1e-2];
/// Inflation from which p-values are corrected.
const CORRECT_ABOVE: f64 = 1.5;
/// The strongest correction.
const LEAST_POWER: f64 = 0.6;

/// How honest a set of p-values is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// How many p-values were looked at.
    pub tests: usize,
    /// The finest nominal rate that could be measured; `None` when too few are expected below any.
    pub nominal: Option<f64>,
    /// P-values below it over those expected; 1 is honest, 2 twice too many.
    pub inflation: Option<f64>,
    /// The power `g` of the correction `p^g`; 1 when none is due.
    pub power: f64,
}

impl Calibration {
    /// Measures `ln p` of tests in which nothing, or hardly anything, was there to find.
    ///
    /// ```text
    /// inflation = (number of p <= a) / (a n),   a = 0.001 if 0.001 n >= 20, else 0.01 if 0.01 n >= 20
    /// g = ln a / ln(the a-quantile of p), within [0.6, 1], where inflation > 1.5;   g = 1 otherwise
    /// ```
    ///
    /// Source: prequential calibration, Dawid 1984; the power is this project's own, the one of a family of one parameter that puts the
    /// `a`-quantile where it should be.
    pub fn measure(ln_p: &[f64]) -> Self {
        let tests = ln_p.len();
        let measurable = NOMINAL.into_iter().find(|nominal| nominal * tests as f64 >= MEASURABLE);
        let Some(nominal) = measurable else {
            return Self { tests, nominal: None, inflation: None, power: 1.0 };
        };
        let below = ln_p.iter().filter(|ln_p| **ln_p <= nominal.ln()).count();
        let inflation = below as f64 / (nominal * tests as f64);
        let power = if inflation > CORRECT_ABOVE { power(ln_p, nominal) } else { 1.0 };
        Self { tests, nominal: Some(nominal), inflation: Some(inflation), power }
    }

    /// The corrected `ln p`, `g ln p`.
    pub fn correct(&self, ln_p: f64) -> f64 {
        ln_p * self.power
    }
}

fn power(ln_p: &[f64], nominal: f64) -> f64 {
    let mut sorted = ln_p.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile = sorted[(nominal * ln_p.len() as f64) as usize];
    (nominal.ln() / quantile).clamp(LEAST_POWER, 1.0)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn draws(count: usize, change: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        (0..count).map(|_| change(random.random_range(1e-12..1.0_f64)).ln()).collect()
    }

    #[test]
    fn honest_p_values_stay_as_they_are() {
        let found = Calibration::measure(&draws(100_000, |p| p));
        assert_eq!((found.nominal, found.power), (Some(1e-3), 1.0));
        assert!((found.inflation.unwrap() - 1.0).abs() < 0.3);
    }

    #[test]
    fn inflated_ones_are_mended_at_the_rate_that_was_measured() {
        let inflated = draws(100_000, |p| p.powf(1.5));
        let found = Calibration::measure(&inflated);
        assert!((found.power - 1.0 / 1.5).abs() < 0.05, "{}", found.power);
        let mended: Vec<f64> = inflated.iter().map(|&ln_p| found.correct(ln_p)).collect();
        assert!((Calibration::measure(&mended).inflation.unwrap() - 1.0).abs() < 0.1);
    }

    #[test]
    fn too_few_tests_measure_nothing() {
        let found = Calibration::measure(&draws(1999, |p| p * p));
        assert_eq!((found.nominal, found.inflation, found.power), (None, None, 1.0));
        assert_eq!(Calibration::measure(&draws(2000, |p| p)).nominal, Some(1e-2));
    }
}
