//! A night's judgement: every entity of every family scored, p-values corrected by replay, and what deviates selected in one go.
//!
//! How one entity is scored is the business of [`super::rate`] and [`super::surge`]; here they meet, with the others of their night.
//! A judgement can be asked for what it found, and for how it came to think so of any entity, found or not.

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::baseline::{Calendar, Expectation, FamilyBaseline, FamilyHistory, Feed, Window};
use crate::detect::rate::{self, EntityScore, score};
use crate::detect::replay::{Calibrations, replay};
use crate::detect::select::{Ranked, Test, TestSet, rank};
use crate::detect::surge::Surges;
use crate::detect::window_test::WindowTest;
use crate::detect::{Deviation, Direction, Thresholds, together, trace};
use crate::error::Result;
use crate::rollup::Family;

/// What all families of a night share.
#[derive(Debug, Clone, Copy)]
pub struct Night<'a> {
    /// The days.
    pub window: &'a Window,
    /// The slots.
    pub calendar: &'a Calendar,
    /// Which hours can be believed.
    pub feed: &'a Feed,
    /// What matters.
    pub thresholds: Thresholds,
}

/// What a family's detection did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RateResult {
    /// What was found, in the order of entities.
    pub deviations: Vec<Deviation>,
    /// Entities tested for a rise.
    pub tested_up: usize,
    /// Entities tested for a drop.
    pub tested_down: usize,
}

/// What the detection of a night did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NightRates {
    /// Family by family, in the order given.
    pub families: Vec<RateResult>,
    /// How honest p-values were on the last days.
    pub calibrations: Calibrations,
    /// What was selected of the questions that others ask.
    pub others: Vec<Ranked>,
}

/// Scores a family and selects what deviates in it, as if it were alone.
///
/// # Errors
/// As [`Judgement::of`].
pub fn detect(history: &FamilyHistory, night: Night<'_>) -> Result<RateResult> {
    Ok(judge(&[history], night, &[])?.families.pop().unwrap_or_default())
}

/// Scores families and selects what deviates, in one go over all of them; the results are in their order. For `others` see
/// [`Judgement::of`].
///
/// # Errors
/// As [`Judgement::of`].
pub fn judge(families: &[&FamilyHistory], night: Night<'_>, others: &[Test]) -> Result<NightRates> {
    Ok(Judgement::of(&learn(families, night), &night.thresholds, others)?.rates())
}

/// What each family's past teaches, in their order.
pub fn learn<'a>(families: &[&'a FamilyHistory], night: Night<'a>) -> Vec<FamilyBaseline<'a>> {
    let learn = |history| FamilyBaseline::learn(history, night.window, night.calendar, night.feed);
    families.par_iter().copied().map(learn).collect()
}

/// Everything that was asked in a night, and what became of it.
#[derive(Debug)]
pub struct Judgement<'a> {
    baselines: &'a [FamilyBaseline<'a>],
    thresholds: &'a Thresholds,
    surges: Option<Surges<'a>>,
    scores: Vec<Vec<EntityScore>>,
    calibrations: Calibrations,
    /// The newcomers, family and member, that are judged as one event with others.
    joined: BTreeSet<(usize, usize)>,
    ranked: Vec<Ranked>,
}

impl<'a> Judgement<'a> {
    /// Judges the scored day of some families. `others` are tests of other questions, which are ranked together with these; their
    /// families are numbered from the number of families on.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when a test, of tonight or of the last days, has no p-value.
    pub fn of(baselines: &'a [FamilyBaseline<'a>], thresholds: &'a Thresholds, others: &[Test]) -> Result<Self> {
        let surges = surges(baselines, thresholds);
        let of_family = |baseline| scores(baseline, surges.as_ref(), thresholds);
        let (scores, calibrations): (Vec<Vec<EntityScore>>, Result<Calibrations>) = rayon::join(
            || baselines.par_iter().map(of_family).collect(),
            || replay(baselines, surges.as_ref(), thresholds),
        );
        let calibrations = calibrations?;
        let families = scores.iter().zip(baselines).enumerate();
        let mut tests: Vec<Test> = families
            .flat_map(|(family, (scores, baseline))| tests(family, baseline.history.family, scores))
            .map(|test| Test { ln_p: test.ln_p * power(&calibrations, test.set), ..test })
            .chain(others.iter().copied())
            .collect();
        let joined = together::join(baselines, &mut tests);
        let joined = joined.into_iter().map(|place| (tests[place].family, tests[place].member)).collect();
        let ranked = rank(&tests, thresholds)?;
        Ok(Self { baselines, thresholds, surges, scores, calibrations, joined, ranked })
    }

    /// What was found.
    pub fn rates(self) -> NightRates {
        let mut families: Vec<RateResult> = self.scores.iter().map(|scores| RateResult::tested(scores)).collect();
        let selected = self.ranked.iter().filter(|ranked| ranked.selected);
        let (own, others): (Vec<&Ranked>, Vec<&Ranked>) =
            selected.partition(|ranked| ranked.test.family < families.len());
        for discovery in own {
            families[discovery.test.family].deviations.extend(self.deviations(discovery));
        }
        let others = others.into_iter().copied().collect();
        for result in &mut families {
            result.deviations.sort_by_key(|deviation| (deviation.member, deviation.direction, deviation.hours));
        }
        NightRates { families, calibrations: self.calibrations, others }
    }

    /// The episodes that make a selected entity's day what it is and are large enough to matter.
    fn deviations(&self, ranked: &Ranked) -> impl Iterator<Item = Deviation> {
        let admitted = |found: &Deviation| self.thresholds.admit(found.direction, found.observed, found.expected);
        self.candidates(ranked).into_iter().filter(admitted)
    }

    /// The same, whatever their size; none where the entity was not selected.
    pub fn candidates(&self, ranked: &Ranked) -> Vec<Deviation> {
        let baseline = &self.baselines[ranked.test.family];
        rate::candidates(baseline, self.surges_of(baseline), self.thresholds, ranked, self.power(ranked.test.set))
    }

    /// The windows of an entity's scored day that were looked at, the most unlikely first; `family` is its place among those judged.
    pub fn windows(&self, family: usize, member: usize, expectation: &Expectation) -> Vec<WindowTest> {
        let baseline = &self.baselines[family];
        trace::windows(baseline, self.surges_of(baseline), self.thresholds, member, expectation)
    }

    fn surges_of(&self, baseline: &FamilyBaseline<'_>) -> Option<&Surges<'a>> {
        self.surges.as_ref().filter(|_| is_errors(baseline))
    }

    /// Whether a newcomer's p-value is that of the event that others, which it called or which called it, are new as well.
    pub fn is_joined(&self, ranked: &Ranked) -> bool {
        ranked.test.set == TestSet::New && self.joined.contains(&(ranked.test.family, ranked.test.member))
    }

    /// The natural logarithm of the p-value up to which a test would be selected, all others being what they are.
    pub fn selected_up_to(&self, ranked: &Ranked) -> f64 {
        let surely = |test: Test| if test == ranked.test { Test { ln_p: f64::NEG_INFINITY, ..test } } else { test };
        let set = self.ranked.iter().map(|other| other.test).filter(|test| test.set == ranked.test.set);
        let ranked = rank(&set.map(surely).collect::<Vec<_>>(), self.thresholds);
        // They were ranked before, so they can be ranked.
        ranked.ok().and_then(|ranked| Some(ranked.first()?.ln_threshold)).unwrap_or(f64::NEG_INFINITY)
    }

    /// The power that a set's p-values are corrected by.
    pub fn power(&self, set: TestSet) -> f64 {
        power(&self.calibrations, set)
    }

    /// What each family's past teaches.
    pub fn baselines(&self) -> &'a [FamilyBaseline<'a>] {
        self.baselines
    }

    /// How many tests of a test's set were less likely than it, and how many there were in all.
    pub fn place(&self, ranked: &Ranked) -> (usize, usize) {
        let set = || self.ranked.iter().filter(|other| other.test.set == ranked.test.set);
        (set().filter(|other| other.test.ln_p < ranked.test.ln_p).count(), set().count())
    }

    /// The questions that were asked about an entity, with their answers and ranks; `family` is its place among those judged.
    pub fn ranked(&self, family: usize, member: usize) -> impl Iterator<Item = &Ranked> {
        self.ranked.iter().filter(move |ranked| ranked.test.family == family && ranked.test.member == member)
    }
}

/// The power that a set's p-values are corrected by.
fn power(calibrations: &Calibrations, set: TestSet) -> f64 {
    calibrations.get(&set).map_or(1.0, |calibration| calibration.power)
}

pub(super) fn is_errors(baseline: &FamilyBaseline<'_>) -> bool {
    baseline.history.family == Family::ApiError
}

/// What errors are judged by beside their number, where the calls they are a part of are known.
fn surges<'a>(baselines: &'a [FamilyBaseline<'a>], thresholds: &Thresholds) -> Option<Surges<'a>> {
    let apis = baselines.iter().find(|baseline| baseline.history.family == Family::Api)?;
    let errors = baselines.iter().find(|baseline| is_errors(baseline))?;
    Some(Surges::learn(errors, apis.history, thresholds))
}

fn scores(baseline: &FamilyBaseline<'_>, surges: Option<&Surges<'_>>, thresholds: &Thresholds) -> Vec<EntityScore> {
    let today = baseline.window().length();
    let counts = score(baseline, thresholds, today);
    match surges.filter(|_| is_errors(baseline)) {
        Some(surges) => by_share(surges, &counts, today),
        None => counts,
    }
}

/// The scores of errors by their share of the calls.
fn by_share(surges: &Surges<'_>, scores: &[EntityScore], day: usize) -> Vec<EntityScore> {
    scores.par_iter().enumerate().map(|(member, score)| of_share(surges, member, day, *score)).collect()
}

/// The same of one entity's day.
pub(super) fn of_share(surges: &Surges<'_>, member: usize, day: usize, score: EntityScore) -> EntityScore {
    EntityScore { ln_up: surges.score(member, day, score.ln_up).ln_p, ln_down: None, ..score }
}

/// The questions that a family's scores answer.
pub(super) fn tests(family: usize, kind: Family, scores: &[EntityScore]) -> impl Iterator<Item = Test> {
    scores.iter().enumerate().flat_map(move |(member, score)| {
        let set = |direction| TestSet::of(kind, score.model, direction);
        let test = |direction, ln_p| Test { set: set(direction), family, member, ln_p, sensitive: false };
        let up = test(Direction::Up, score.ln_up);
        let down = score.ln_down.map(|ln_p| test(Direction::Down, ln_p));
        std::iter::once(up).chain(down)
    })
}

impl RateResult {
    fn tested(scores: &[EntityScore]) -> Self {
        let tested_down = scores.iter().filter(|score| score.ln_down.is_some()).count();
        Self { deviations: Vec::new(), tested_up: scores.len(), tested_down }
    }
}
