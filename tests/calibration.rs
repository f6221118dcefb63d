//! A small edition of the calibration bench: p-values are honest, and outbreaks are found nearly as by who knows the truth.
//!
//! Seeds are fixed, so this passes or fails the same everywhere. The bounds of the null study leave room for chance in about
//! 28,000 hours a generator (28 expected below 0.001); the full study is `cargo bench --bench calibration`.

#![allow(dead_code, reason = "the bench prints more than is asserted here")]

#[path = "../benches/calibration/nightly.rs"]
mod nightly;
#[path = "../benches/calibration/null.rs"]
mod null;
#[path = "../benches/calibration/outbreaks.rs"]
mod outbreaks;

use nightly::calibrate_nightly;
use null::{Generator, SETTLED, calibrate, pooled};
use outbreaks::{ORACLE, OURS, performance, ratio_interval, threshold_at};

const SEED: u64 = 41;

fn assert_honest(generator: Generator) {
    let all = pooled(&calibrate(generator, 6, SEED, &SETTLED));
    assert!(all.hours > 28_000, "{}", all.hours);
    for (direction, name) in ["rise", "drop", "two-sided"].iter().enumerate() {
        let (percent, thousandth) = (all.ratio(direction, 0), all.ratio(direction, 1));
        assert!((0.75..=1.25).contains(&percent), "{generator:?} {name}: {percent:.2} times 0.01");
        assert!((0.5..=1.5).contains(&thousandth), "{generator:?} {name}: {thousandth:.2} times 0.001");
    }
}

#[test]
fn honest_on_poisson_counts() {
    assert_honest(Generator::Poisson);
}

#[test]
fn honest_on_negative_binomial_counts() {
    assert_honest(Generator::NegativeBinomial);
}

#[test]
fn honest_on_log_normal_mixtures() {
    assert_honest(Generator::LogNormal);
}

#[test]
fn honest_on_autocorrelated_rates() {
    assert_honest(Generator::Autocorrelated);
}

#[test]
fn honest_on_zero_inflated_counts() {
    assert_honest(Generator::ZeroInflated);
}

/// What is asked of the nightly model: 0.5 to 1.5 times what was promised, on every foreign generator. At 0.001 there is room for
/// chance: 36 hours are due, and those of an autocorrelated rate come in clusters.
#[test]
fn single_windows_of_a_night_are_as_unlikely_as_they_claim() {
    for generator in Generator::ALL {
        let by_width = calibrate_nightly(generator, 300, 1, SEED).map(|rates| pooled(&rates));
        for (width, all) in by_width.iter().take(3).enumerate() {
            for (direction, name) in ["rise", "drop"].iter().enumerate() {
                let ratio = all.ratio(direction, 0);
                assert!((0.4..=1.6).contains(&ratio), "{generator:?} width {width} {name}: {ratio:.2} times 0.01");
            }
        }
        let rare = [0, 1].map(|direction| by_width[0].ratio(direction, 1));
        assert!(rare.iter().all(|ratio| (0.2..=2.2).contains(ratio)), "{generator:?} hours: {rare:.2?} times 0.001");
    }
}

/// Windows of several hours of entities that pause: once 4 to 6 times as many drops as promised.
#[test]
fn pauses_are_no_drops() {
    let by_width = calibrate_nightly(Generator::ZeroInflated, 300, 1, SEED).map(|rates| pooled(&rates));
    for all in &by_width[1..3] {
        assert!(all.ratio(1, 1) <= 2.5, "{:.2} times 0.001", all.ratio(1, 1));
    }
}

#[test]
fn outbreaks_are_found_as_by_the_oracle() {
    let all = outbreaks::run(8, SEED);
    let nominal = performance(&all, OURS, 0.005_f64.ln());
    assert!((0.001..=0.006).contains(&nominal.false_positive_rate), "{nominal:?}");
    for rate in [0.004, 0.012] {
        let (ratio, ..) = ratio_interval(&all, rate, SEED);
        assert!(ratio >= 0.93, "{ratio:.3} of the oracle's detections at a false-positive rate of {rate}");
    }
    // Nobody beats who knows the truth by much; if so, the truth leaked.
    let oracle = performance(&all, ORACLE, threshold_at(&all, ORACLE, 0.004));
    assert!((0.3..0.7).contains(&oracle.detected), "{oracle:?}");
}
