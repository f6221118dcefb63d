//! Student's t: the prediction of a normal sample's next value when its deviation is only estimated.

use std::f64::consts::{LN_2, PI};

use statrs::function::gamma::ln_gamma;

use crate::stats::special::{BetaPoint, ln_1m_exp};

/// `ln P(T >= t)` of a Student t with `freedom` degrees of freedom.
///
/// ```text
/// P(T >= t) = I_x(f/2, 1/2) / 2,   x = f/(f + t^2),   for t >= 0, mirrored below
/// ```
///
/// Source: DLMF 8.17, and Abramowitz and Stegun 26.7.1.
pub fn ln_student_upper(t: f64, freedom: f64) -> f64 {
    let square = t * t;
    let (x, y) = (freedom / (freedom + square), square / (freedom + square));
    let half = 0.5 * freedom;
    let ln_tail = BetaPoint { a: half, b: 0.5, x, y, excess: half * y - 0.5 * x }.tail().ln() - LN_2;
    if t >= 0.0 { ln_tail } else { ln_1m_exp(ln_tail) }
}

/// The natural logarithm of its density.
///
/// ```text
/// ln Gamma((f+1)/2) - ln Gamma(f/2) - ln(f pi)/2 - (f+1)/2 ln(1 + t^2/f)
/// ```
pub fn ln_student_density(t: f64, freedom: f64) -> f64 {
    let half = 0.5 * (freedom + 1.0);
    ln_gamma(half) - ln_gamma(0.5 * freedom) - 0.5 * (freedom * PI).ln() - half * (t * t / freedom).ln_1p()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::reference::{STUDENT_UPPER, relative_error};

    #[test]
    fn tail_matches_the_reference() {
        let error = |&(t, freedom, ln): &(f64, f64, f64)| relative_error(ln_student_upper(t, freedom), ln);
        let worst = STUDENT_UPPER.iter().map(error).fold(0.0, f64::max);
        println!("student: worst relative error of ln p {worst:e}");
        assert!(worst < 1e-13);
    }

    #[test]
    fn density_by_hand() {
        // One degree of freedom is Cauchy's: 1/pi at 0, 1/(2 pi) at 1.
        assert!((ln_student_density(0.0, 1.0) + PI.ln()).abs() < 1e-14);
        assert!((ln_student_density(1.0, 1.0) + (2.0 * PI).ln()).abs() < 1e-14);
    }

    proptest! {
        #[test]
        fn tails_mirror(t in 0.0..200.0, freedom in 1.0..500.0) {
            let total = ln_student_upper(t, freedom).exp() + ln_student_upper(-t, freedom).exp();
            prop_assert!((total - 1.0).abs() < 1e-14);
        }

        #[test]
        fn the_tail_falls_as_the_density_says(t in -20.0..20.0, freedom in 1.0..200.0) {
            let step = 1e-4;
            let fall = ln_student_upper(t - step, freedom).exp() - ln_student_upper(t + step, freedom).exp();
            let density = ln_student_density(t, freedom).exp();
            prop_assert!((fall / (2.0 * step) - density).abs() < 1e-6 * density + 1e-9);
        }
    }
}
