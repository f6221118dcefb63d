//! Outbreak detection on the 28 scenarios of Noufaily et al. 2013: weekly counts with trend, season, overdispersion, past
//! outbreaks in the baseline and one to be found.
//!
//! `ln m = theta + beta t + season`, variance `phi m`, 624 weeks of which 313 to 575 are the baseline (with four outbreaks) and
//! 576 to 624 are judged. An outbreak has Poisson(k sd) cases, spread by `floor(LogNormal(0, 0.5))` weeks.

use insights::score::model::walk;
use insights::score::season::{LocalTime, Season, Timeline, plan};
use insights::stats::{NegativeBinomial, ln_normal_upper};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::null::{gamma, poisson};

/// Scenarios.
pub(crate) const SCENARIOS: usize = 28;
/// `theta, beta, g1, g2, phi` of the seven parameter sets.
const SETS: [[f64; 5]; 7] = [
    [0.1, 0.0025, 0.6, 0.6, 1.5],
    [-2.0, 0.005, 0.1, 0.3, 2.0],
    [1.5, 0.003, 0.2, -0.4, 1.0],
    [0.5, 0.002, 0.5, 0.5, 5.0],
    [2.5, 0.001, 1.0, 0.1, 3.0],
    [3.75, 0.001, 0.1, -0.1, 1.1],
    [5.0, 0.0001, 0.05, 0.01, 1.2],
];
const BASELINE: std::ops::Range<usize> = 313..576;
const END: usize = 625;
const JUDGED: usize = END - BASELINE.end;
/// Ours, among [`DETECTORS`].
pub(crate) const OURS: usize = 0;
/// The one that knows the truth, among [`DETECTORS`].
pub(crate) const ORACLE: usize = 1;
/// Detectors, in the order of [`Judged::ln_p`].
pub(crate) const DETECTORS: [&str; 5] = ["insights", "oracle", "mean and sd", "median and MAD", "EARS C2"];

/// One judged series.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// Which scenario.
    pub(crate) scenario: usize,
    /// Size of the outbreak in standard deviations.
    pub(crate) k: u32,
    /// First and last week with cases of the outbreak, counted from the first judged week; `None` if it had none.
    pub(crate) outbreak: Option<(usize, usize)>,
    /// `ln p` (or what a detector takes for it) of every judged week, by detector.
    pub(crate) ln_p: [Vec<f64>; DETECTORS.len()],
}

/// Means and variance over mean of a scenario.
fn scenario(number: usize) -> (Vec<f64>, f64) {
    let [theta, beta, sine, cosine, phi] = SETS[number / 4];
    let (trend, season) = (number % 2 == 1, number / 2 % 2 == 1);
    let mean = |week: usize| {
        let angle = std::f64::consts::TAU * week as f64 / 52.0;
        let seasonal = if season { sine * angle.cos() + cosine * angle.sin() } else { 0.0 };
        (theta + if trend { beta * week as f64 } else { 0.0 } + seasonal).exp()
    };
    ((0..END).map(mean).collect(), phi)
}

/// A negative binomial with variance `phi m`; Poisson for `phi` 1.
fn draw(mean: f64, phi: f64, random: &mut Xoshiro256PlusPlus) -> u64 {
    let mixed = if phi > 1.0 { mean * gamma((phi - 1.0) / mean, random) } else { mean };
    poisson(mixed, random)
}

/// Adds an outbreak that starts somewhere in `weeks` and does not leave them; the weeks of its first and last case.
fn outbreak(
    counts: &mut [u64],
    weeks: std::ops::Range<usize>,
    deviation: impl Fn(usize) -> f64,
    k: u32,
    random: &mut Xoshiro256PlusPlus,
) -> Option<(usize, usize)> {
    let start = random.random_range(weeks.clone());
    let cases = poisson(f64::from(k) * deviation(start), random);
    let spread = LogNormal::new(0.0, 0.5).ok()?;
    let mut seen: Option<(usize, usize)> = None;
    for _ in 0..cases {
        let week = start + spread.sample(random) as usize;
        if weeks.contains(&week) {
            counts[week] += 1;
            seen = Some(seen.map_or((week, week), |(first, last)| (first.min(week), last.max(week))));
        }
    }
    seen
}

/// Makes and judges every scenario `replicates` times.
pub(crate) fn run(replicates: usize, seed: u64) -> Vec<Judged> {
    (0..SCENARIOS * replicates).into_par_iter().map(|job| judge(job % SCENARIOS, job / SCENARIOS, seed)).collect()
}

fn judge(number: usize, replicate: usize, seed: u64) -> Judged {
    let stream = seed ^ ((number as u64) << 32 | replicate as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(stream);
    let (means, phi) = scenario(number);
    let mut counts: Vec<u64> = means.iter().map(|&mean| draw(mean, phi, &mut random)).collect();
    let deviation = |week: usize| (phi * means[week]).sqrt();
    for _ in 0..4 {
        let k = [2, 3, 5, 10][random.random_range(0..4)];
        outbreak(&mut counts, BASELINE, deviation, k, &mut random);
    }
    let k = random.random_range(1..=10);
    let found = outbreak(&mut counts, BASELINE.end..END, deviation, k, &mut random);
    let from_judged = |(first, last): (usize, usize)| (first - BASELINE.end, last - BASELINE.end);
    let weeks = |detector: &dyn Fn(usize) -> f64| (BASELINE.end..END).map(detector).collect::<Vec<f64>>();
    let ln_p = [
        insights(&counts[BASELINE.start..]),
        weeks(&|week| {
            let size = if phi > 1.0 { means[week] / (phi - 1.0) } else { f64::INFINITY };
            NegativeBinomial::new(means[week], size).map_or(0.0, |truth| truth.ln_upper(counts[week]))
        }),
        weeks(&|week| z_score(&counts[BASELINE.start..week], counts[week])),
        weeks(&|week| robust_z_score(&counts[BASELINE.start..week], counts[week])),
        weeks(&|week| z_score(&counts[week - 9..week - 2], counts[week])),
    ];
    Judged { scenario: number, k, outbreak: found.map(from_judged), ln_p }
}

fn insights(counts: &[u64]) -> Vec<f64> {
    let values: Vec<Option<u64>> = counts.iter().copied().map(Some).collect();
    let timeline = Timeline { start: 0, bucket: 7 * 86_400, buckets: counts.len() };
    let forecasts = walk(&values, &plan(&timeline, Season::Buckets(52), Some(BASELINE.len()), &LocalTime::utc()));
    let ln_upper = |week: usize| forecasts[week].as_ref().map_or(0.0, |forecast| forecast.ln_upper(counts[week]));
    (counts.len() - JUDGED..counts.len()).map(ln_upper).collect()
}

fn z_score(past: &[u64], count: u64) -> f64 {
    let n = past.len() as f64;
    let mean = past.iter().sum::<u64>() as f64 / n;
    let variance = past.iter().map(|&value| (value as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
    ln_normal_upper((count as f64 - mean) / variance.sqrt().max(0.2))
}

fn robust_z_score(past: &[u64], count: u64) -> f64 {
    let median = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let middle = median(past.iter().map(|&value| value as f64).collect());
    let spread = 1.4826 * median(past.iter().map(|&value| (value as f64 - middle).abs()).collect());
    ln_normal_upper((count as f64 - middle) / spread.max(0.2))
}

/// How a detector does at a threshold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Performance {
    /// Alarms among weeks without outbreak.
    pub(crate) false_positive_rate: f64,
    /// Outbreaks with at least one alarm.
    pub(crate) detected: f64,
    /// Outbreaks with an alarm in their first week.
    pub(crate) detected_at_once: f64,
    /// Detected by size: k of 1 to 3, 4 to 6, 7 to 10.
    pub(crate) by_size: [f64; 3],
}

fn quiet(series: &Judged, week: usize) -> bool {
    series.outbreak.is_none_or(|(first, last)| week < first || week > last)
}

/// The performance of a detector that alarms at `ln p <= threshold`.
pub(crate) fn performance(all: &[Judged], detector: usize, threshold: f64) -> Performance {
    let (mut weeks, mut alarms, mut outbreaks, mut found, mut at_once) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut sizes = [(0.0, 0.0); 3];
    for series in all {
        let alarm = |week: usize| f64::from(u8::from(series.ln_p[detector][week] <= threshold));
        for week in (0..JUDGED).filter(|&week| quiet(series, week)) {
            weeks += 1.0;
            alarms += alarm(week);
        }
        let Some((first, last)) = series.outbreak else { continue };
        let any = (first..=last).map(alarm).fold(0.0, f64::max);
        let size = &mut sizes[match series.k {
            0..=3 => 0,
            4..=6 => 1,
            _ => 2,
        }];
        (size.0, size.1) = (size.0 + any, size.1 + 1.0);
        (outbreaks, found, at_once) = (outbreaks + 1.0, found + any, at_once + alarm(first));
    }
    Performance {
        false_positive_rate: alarms / weeks,
        detected: found / outbreaks,
        detected_at_once: at_once / outbreaks,
        by_size: sizes.map(|(found, all)| found / all),
    }
}

/// The threshold at which a detector alarms in this share of the weeks without outbreak.
pub(crate) fn threshold_at(all: &[Judged], detector: usize, rate: f64) -> f64 {
    let mut quiet_weeks: Vec<f64> = all
        .iter()
        .flat_map(|series| (0..JUDGED).filter(|&week| quiet(series, week)).map(|week| series.ln_p[detector][week]))
        .collect();
    quiet_weeks.sort_unstable_by(f64::total_cmp);
    quiet_weeks[((rate * quiet_weeks.len() as f64) as usize).saturating_sub(1)]
}

/// Detected by ours over detected by the oracle, each at the threshold that gives it this false-positive rate; and the ends of
/// the central 95 % of that over resampled series.
pub(crate) fn ratio_interval(all: &[Judged], rate: f64, seed: u64) -> (f64, f64, f64) {
    let detected = |detector: usize| -> Vec<f64> {
        let threshold = threshold_at(all, detector, rate);
        let with_outbreak = all.iter().filter_map(|series| series.outbreak.map(|weeks| (series, weeks)));
        let any = |(series, (first, last)): (&Judged, (usize, usize))| {
            series.ln_p[detector][first..=last].iter().any(|&ln_p| ln_p <= threshold)
        };
        with_outbreak.map(any).map(|found| f64::from(u8::from(found))).collect()
    };
    let (ours, oracle) = (detected(OURS), detected(ORACLE));
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut resampled = || {
        let picks = (0..ours.len()).map(|_| random.random_range(0..ours.len()));
        let (mine, its) = picks.fold((0.0, 0.0), |(mine, its), pick| (mine + ours[pick], its + oracle[pick]));
        mine / its
    };
    let mut ratios: Vec<f64> = (0..1000).map(|_| resampled()).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    (ours.iter().sum::<f64>() / oracle.iter().sum::<f64>(), ratios[25], ratios[974])
}
