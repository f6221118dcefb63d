//! How the level moves around its usual shape: rival views, judged by how well each has foretold so far.
//!
//! One view is that the level is the shape's; others let it drift, slowly or fast, and return or not. Each comes with both
//! forms of the variance. Which of them speaks is decided by their past forecasts alone.

use super::shape::{Shape, consistency, oddness, strict};
use crate::stats::level::DriftingLevel;
use crate::stats::{ExcessEvidence, Overdispersion, VarianceForm, ln_negative_binomial};

/// Half-lives, in buckets, of levels that return to the shape, and the strength of its pull.
const RETURNING: [f64; 2] = [3.0, 16.0];
const RETURNING_PRIOR: f64 = 6.0;
/// Half-lives of levels that go where the counts lead.
const FREE: [f64; 4] = [4.0, 24.0, 144.0, 1008.0];
const FREE_PRIOR: f64 = 0.5;
/// What a drifting level, or the unusual form of variance, must have foretold better by, in log units, to be preferred.
const STEADY_BONUS: f64 = 6.0;
const FORM_BONUS: f64 = 4.0;
/// Forecasts after which a view's record counts half.
const RECORD_HALF_LIFE: f64 = 1000.0;
/// The most, in log units, that one bucket can say against a view.
const MOST_AGAINST: f64 = 3.0;
/// Prior of the excess: its mean and standard deviation.
const USUAL_EXCESS: f64 = 0.3;
const EXCESS_SPREAD: f64 = 0.5;
/// Standard errors that the excess is raised by, because too small a variance costs more than too large a one.
const CAUTION: f64 = 0.5;

/// One view of the level, with its record.
#[derive(Debug, Clone)]
pub(super) struct Track {
    level: Option<DriftingLevel>,
    pub(super) dispersion: Overdispersion,
    record: f64,
    run: Run,
    bonus: f64,
}

/// What a view expects of a bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expectation {
    pub(super) mean: f64,
    pub(super) inverse_size: f64,
}

/// How many odd buckets on the same side came last.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    length: usize,
    above: bool,
}

/// All views; `usual` is the form of variance that is believed without evidence.
pub(super) fn rivals(usual: VarianceForm) -> Vec<Track> {
    let steady = [None];
    let returning = RETURNING.map(|half_life| Some(DriftingLevel::new(half_life, RETURNING_PRIOR)));
    let free = FREE.map(|half_life| Some(DriftingLevel::new(half_life, FREE_PRIOR)));
    let levels = steady.into_iter().chain(returning).chain(free);
    let forms = [VarianceForm::Linear, VarianceForm::Quadratic];
    levels.flat_map(|level| forms.map(|form| Track::new(level, form, form == usual))).collect()
}

/// The view with the best record.
pub(super) fn best(tracks: &[Track]) -> &Track {
    tracks.iter().max_by(|left, right| left.merit().total_cmp(&right.merit())).unwrap_or(&tracks[0])
}

/// Adds a bucket to the record of every view.
pub(super) fn record(tracks: &mut [Track], usual: f64, unsure: f64, count: f64) {
    let said: Vec<f64> = tracks
        .iter()
        .map(|track| {
            let expected = track.expect(usual, unsure);
            ln_negative_binomial(count, expected.mean, expected.inverse_size)
        })
        .collect();
    let best = said.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let keep = (-RECORD_HALF_LIFE.recip()).exp2();
    for (track, said) in tracks.iter_mut().zip(said) {
        track.record = keep * track.record + (said - best).max(-MOST_AGAINST);
    }
}

impl Track {
    fn new(level: Option<DriftingLevel>, form: VarianceForm, usual: bool) -> Self {
        let bonus = if level.is_none() { STEADY_BONUS } else { 0.0 } + if usual { FORM_BONUS } else { 0.0 };
        Self {
            level,
            dispersion: Overdispersion { form, excess: USUAL_EXCESS },
            record: 0.0,
            run: Run::default(),
            bonus,
        }
    }

    fn merit(&self) -> f64 {
        self.record + self.bonus
    }

    /// What is expected where the shape's mean is `usual`, and that mean's relative variance `unsure`.
    ///
    /// ```text
    /// 1/size = 1/size of the excess + u (1 + 1/size),   u = relative variance of level and shape
    /// ```
    pub(super) fn expect(&self, usual: f64, unsure: f64) -> Expectation {
        let (factor, drift) = self.level.map_or((1.0, 0.0), |level| (level.mean(), level.relative_variance()));
        let mean = usual * factor;
        let own = self.dispersion.inverse_size(mean);
        Expectation { mean, inverse_size: own + (unsure + drift) * (1.0 + own) }
    }

    /// One bucket passes; what it held is learnt if there is something.
    pub(super) fn learn(&mut self, usual: f64, count: Option<f64>, readmit_after: usize) {
        if let (Some(count), Some(_)) = (count, self.level) {
            let mean = self.mean(usual);
            let oddness = oddness(count, mean, self.dispersion);
            self.follow(usual, mean, count, oddness, readmit_after);
        }
        self.forget();
    }

    fn mean(&self, usual: f64) -> f64 {
        self.level.map_or(usual, |level| usual * level.mean())
    }

    fn follow(&mut self, usual: f64, mean: f64, count: f64, weight: f64, readmit_after: usize) {
        let weight = self.readmitted(count > mean, weight, readmit_after);
        let information = weight * mean / self.dispersion.variance(mean);
        if let Some(level) = &mut self.level {
            level.learn(count, usual, information);
        }
    }

    fn forget(&mut self) {
        if let Some(level) = &mut self.level {
            level.forget();
        }
    }

    /// The weight of an odd bucket, unless so many before it were odd that this is how things are now.
    fn readmitted(&mut self, above: bool, weight: f64, readmit_after: usize) -> f64 {
        let before = if self.run.above == above { self.run.length } else { 0 };
        self.run = Run { length: if weight < 1.0 { before + 1 } else { 0 }, above };
        if self.run.length > readmit_after { 1.0 } else { weight }
    }

    /// Goes over the past again with a new shape: the excess, and where the level stands now.
    pub(super) fn replay(&mut self, shape: &Shape, counts: &[f64], telling: &[f64], readmit_after: usize) {
        if let Some(level) = &mut self.level {
            level.reset();
        }
        self.run = Run::default();
        let correction = shape.correction() / consistency(shape.level(), self.dispersion);
        let mut evidence = ExcessEvidence::new(self.dispersion);
        for (index, &usual) in shape.means.iter().enumerate() {
            if telling[index] > 0.5 {
                self.replay_bucket(
                    usual,
                    counts[index],
                    shape.weights[index],
                    correction,
                    &mut evidence,
                    readmit_after,
                );
            }
            self.forget();
        }
        self.dispersion = evidence.estimate(USUAL_EXCESS, EXCESS_SPREAD, CAUTION);
    }

    fn replay_bucket(
        &mut self,
        usual: f64,
        count: f64,
        weight: f64,
        correction: f64,
        evidence: &mut ExcessEvidence,
        readmit_after: usize,
    ) {
        let Some(level) = self.level else {
            evidence.add(count, usual, strict(weight), correction, 0.0);
            return;
        };
        let mean = self.mean(usual);
        let weight = oddness(count, mean, self.dispersion);
        let unsure = mean * mean * level.relative_variance() * (1.0 + self.dispersion.inverse_size(mean));
        evidence.add(count, mean, strict(weight), correction, unsure);
        self.follow(usual, mean, count, weight, readmit_after);
    }
}
