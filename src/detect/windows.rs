//! The windows of an entity's day, each judged by the exact tail of what was expected of it, and combined.
//!
//! *Widths*: 1, 3, 6 and 24 hours at every offset of the day, the 3 and 7 days that end with it (slow changes), and the largest
//! five minutes (bursts inside an hour). *Combination*: weighted Bonferroni, each width with a share of its own, its windows with
//! equal parts of that, so the result is valid however much windows depend on one another.
//! A low window of an entity that pauses day after day is as likely as its pauses are.
//! *Unread events*: an hour of the scored day of which events could not be read is judged by those that could, for rises alone.
//! *When it is wrong*: a slow window that contains a day of little feed is left out, so slow changes are seen later then.

use crate::baseline::dispersion::WIDTHS;
use crate::baseline::seasonal::{Fit, WHOLE_DAY};
use crate::baseline::{DayWindow, FamilyBaseline, HistoryHour};
use crate::detect::Direction;
use crate::detect::day_score::DayScore;
use crate::detect::window_test::{JudgedWindow, Span, WindowTest};
use crate::rollup::UnreadHours;
use crate::stats::{LogNormalPredictive, NegativeBinomial, SURELY_USUAL};
use crate::time::DAY_HOURS;

/// Each width's share of the error that a day is allowed, in the order of [`WIDTHS`]; the rest is the five-minute peak's.
const SHARES: [f64; WIDTHS.len()] = [0.3, 0.3, 0.2, 0.08, 0.03, 0.03];
/// The share of the largest five minutes.
const PEAK_SHARE: f64 = 0.06;
/// An hour below this p-value is odd by itself.
const ODD_BELOW: f64 = 0.01;
/// An hour with less than this share of the largest hour's excess is not what a window is about.
const TELLING_SHARE: f64 = 0.5;
/// A slow change must go on: the day itself is at least this unlikely in the same direction.
const SLOW_DAY_BELOW: f64 = 0.1;
/// A slow window of which less than this can be believed tells nothing.
const SLOW_BELIEVED: f64 = 0.8;
/// Five-minute counts below this are no burst.
const LEAST_PEAK: u32 = 5;
/// What a window that is surely usual is at least worth: learnt tails may halve such a p-value, not more.
const USUAL: f64 = SURELY_USUAL / 2.0;

/// What choosing among so many windows of a width costs, to be added to `ln p`.
fn correction(windows: usize, width: usize) -> f64 {
    (windows as f64 / SHARES[width]).ln()
}

/// How closely windows are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Each has its exact tail.
    Close,
    /// Those that are surely usual, and whose tails the correction for the number of windows would make nothing of, are left at 1. What
    /// comes of a day is the same.
    Glance,
}

/// An entity's day under the seasonal model.
pub(super) struct Day<'a> {
    baseline: &'a FamilyBaseline<'a>,
    fit: &'a Fit,
    member: usize,
    number: usize,
    look: Look,
    calls: [u32; DAY_HOURS],
    /// Hours in which there may have been more calls.
    least: UnreadHours,
    single: [Option<JudgedWindow>; DAY_HOURS],
}

/// A window that can be judged.
struct Asked<'a> {
    window: DayWindow<'a>,
    observed: u64,
    expected: NegativeBinomial,
}

impl<'a> Day<'a> {
    pub(super) fn new(baseline: &'a FamilyBaseline<'a>, fit: &'a Fit, member: usize, day: usize, look: Look) -> Self {
        Self::with(baseline, fit, member, (day, baseline.calls_of(member, day)), look)
    }

    /// A day as if it had held such calls.
    pub(super) fn with(
        baseline: &'a FamilyBaseline<'a>,
        fit: &'a Fit,
        member: usize,
        (day, calls): (usize, [u32; DAY_HOURS]),
        look: Look,
    ) -> Self {
        let least = baseline.least(member, day);
        let mut found = Self { baseline, fit, member, number: day, look, calls, least, single: [None; DAY_HOURS] };
        for (hour, judged) in found.judge_all(0) {
            found.single[hour] = Some(judged);
        }
        found
    }

    /// The natural logarithm of each hour's own p-value, on the side of the mean on which its calls are.
    pub(super) fn single_ln_p(&self) -> [Option<f64>; DAY_HOURS] {
        self.single.map(|judged| judged.map(|judged| judged.ln_p))
    }

    /// Judges rises, and drops if some window is large enough to drop.
    pub(super) fn score(&self, drop_min_expected: f64) -> (DayScore, Option<DayScore>) {
        let (mut up, mut down, mut droppable) = (DayScore::usual(), DayScore::usual(), false);
        for (hour, judged) in self.judged_hours() {
            match judged.direction {
                Direction::Up => up.single[hour] = judged.ln_p,
                Direction::Down if self.least.contains(hour) => {}
                Direction::Down => down.single[hour] = judged.ln_p,
            }
        }
        for test in self.tests() {
            let drops = test.expected >= drop_min_expected;
            droppable |= drops && matches!(test.span, Span::Hours { .. });
            let hours = || self.odd_hours(test.span, test.direction);
            match test.direction {
                Direction::Up => up.note(hours(), test.ln_corrected),
                Direction::Down if drops => down.note(hours(), test.ln_corrected),
                Direction::Down => {}
            }
        }
        (up, droppable.then_some(down))
    }

    /// Every window that can be judged, the hours first.
    pub(super) fn tests(&self) -> Vec<WindowTest> {
        let mut tests = Vec::new();
        let mut whole_day = None;
        for (width, &hours) in WIDTHS.iter().enumerate().filter(|(_, hours)| **hours <= DAY_HOURS) {
            let windows = if width == 0 { self.judged_hours().collect() } else { self.judge_all(width) };
            let correction = correction(windows.len(), width);
            let span = |first: usize| Span::Hours { first: first as u8, end: (first + hours) as u8 };
            tests.extend(windows.iter().map(|&(first, window)| WindowTest::new(span(first), window, correction)));
            whole_day = windows.last().map(|(_, window)| *window).or(whole_day);
        }
        for (width, &hours) in WIDTHS.iter().enumerate().filter(|(_, hours)| **hours > DAY_HOURS) {
            let window = whole_day.and_then(|today| self.judge_slow(width, today));
            let span = Span::Days { days: (hours / DAY_HOURS) as u8 };
            tests.extend(window.map(|window| WindowTest::new(span, window, -SHARES[width].ln())));
        }
        tests.extend(self.judge_peaks());
        tests.retain(|test| test.direction == Direction::Up || !self.least.touches(test.span.hours()));
        tests
    }

    /// The single hours that could be judged.
    fn judged_hours(&self) -> impl Iterator<Item = (usize, JudgedWindow)> + '_ {
        self.single.iter().enumerate().filter_map(|(hour, judged)| Some((hour, (*judged)?)))
    }

    /// The windows of a width that can be judged, by their first hour.
    fn judge_all(&self, width: usize) -> Vec<(usize, JudgedWindow)> {
        let firsts = 0..=DAY_HOURS - WIDTHS[width];
        let asked: Vec<_> = firsts.filter_map(|first| Some((first, self.ask(first, width)?))).collect();
        let makes_up = USUAL.ln() + correction(asked.len(), width) >= 0.0;
        let glance = self.look == Look::Glance && makes_up;
        let judge = |asked: &Asked<'_>| if glance { self.glance(asked) } else { self.judge(asked) };
        asked.iter().map(|(first, asked)| (*first, judge(asked))).collect()
    }

    /// The window of [`WIDTHS`]`[width]` hours from `first` on; `None` unless all of it can be believed.
    fn ask(&self, first: usize, width: usize) -> Option<Asked<'_>> {
        let range = first..first + WIDTHS[width];
        let today = self.number..self.number + 1;
        let alive = self.baseline.alive(self.member, today.clone());
        if !range.clone().all(|hour| alive[hour] || self.least.contains(hour)) {
            return None;
        }
        let observed = self.calls[range.clone()].iter().map(|&count| u64::from(count)).sum();
        self.ask_count(self.fit, observed, first, &self.baseline.week_hours(today)[range], width)
    }

    fn ask_count<'b>(
        &self,
        fit: &Fit,
        observed: u64,
        first: usize,
        hours: &'b [u8],
        width: usize,
    ) -> Option<Asked<'b>> {
        let expected = fit.expected(hours, width)?;
        let window = DayWindow { member: self.member, day: self.number, first, hours, width };
        Some(Asked { window, observed, expected })
    }

    fn judge(&self, asked: &Asked<'_>) -> JudgedWindow {
        self.judge_by(self.fit, asked)
    }

    fn judge_by(&self, fit: &Fit, asked: &Asked<'_>) -> JudgedWindow {
        let &Asked { window, observed, expected } = asked;
        let mean = expected.mean();
        let direction = Direction::of(observed, mean);
        let ln_p = match direction {
            Direction::Up => self.baseline.ln_upper(fit, window, observed),
            Direction::Down => self.baseline.ln_lower(fit, window, observed),
        };
        JudgedWindow { direction, ln_p, mean, observed }
    }

    fn glance(&self, asked: &Asked<'_>) -> JudgedWindow {
        let &Asked { observed, expected, .. } = asked;
        // What is usual of an entity that pauses is not told by all of its hours.
        if self.fit.pauses() || !expected.is_surely_usual(observed) {
            return self.judge(asked);
        }
        let mean = expected.mean();
        JudgedWindow { direction: Direction::of(observed, mean), ln_p: 0.0, mean, observed }
    }

    /// The days that end with this one; hours before it are cut at what is usual, so that a burst is not reported again.
    fn judge_slow(&self, width: usize, today: JudgedWindow) -> Option<JudgedWindow> {
        let days = (self.number + 1).checked_sub(WIDTHS[width] / DAY_HOURS)?..self.number + 1;
        let (alive, week_hours) =
            (self.baseline.alive(self.member, days.clone()), self.baseline.week_hours(days.clone()));
        let believed = (0..alive.len()).filter(|&hour| alive[hour]);
        let week_hours: Vec<u8> = believed.clone().map(|hour| week_hours[hour]).collect();
        if today.ln_p > SLOW_DAY_BELOW.ln() || (week_hours.len() as f64) < SLOW_BELIEVED * alive.len() as f64 {
            return None;
        }
        let counts = self.calls_since(days.start);
        let today_starts = alive.len() - DAY_HOURS;
        let day_of = |hour: usize| days.start + hour / DAY_HOURS;
        let count = believed.zip(&week_hours).map(|(hour, &week_hour)| {
            let count = f64::from(counts[hour]);
            if hour >= today_starts { count } else { count.min(self.fit.usual_most_on(day_of(hour), week_hour)) }
        });
        // By the level with which they begin: one that is followed from day to day would hide what grows.
        let fit = self.fit.at_level_of(days.start);
        let slow = self.ask_count(&fit, count.sum::<f64>().round() as u64, 0, &week_hours, width)?;
        let mut window = self.judge_by(&fit, &slow);
        window.ln_p = window.ln_p.max(self.ln_day_again(today));
        // Whoever pauses for hours may pause for days; nothing tells how often.
        let may_pause = window.direction == Direction::Down && self.fit.pauses();
        (window.direction == today.direction && !may_pause).then_some(window)
    }

    /// `ln P` of the whole day by the entity's habits: what comes again and again is no slow change.
    fn ln_day_again(&self, today: JudgedWindow) -> f64 {
        let habit = self.ask(0, WHOLE_DAY).map(|asked| {
            let ask = match today.direction {
                Direction::Up => FamilyBaseline::ln_burst_again,
                Direction::Down => FamilyBaseline::ln_low_again,
            };
            ask(self.baseline, self.fit, asked.window, asked.observed)
        });
        habit.unwrap_or(f64::NEG_INFINITY)
    }

    fn calls_since(&self, first_day: usize) -> Vec<u32> {
        let before = (first_day..self.number).flat_map(|day| self.baseline.calls_of(self.member, day));
        before.chain(self.calls).collect()
    }

    /// The largest five minutes of each hour against the largest of earlier days.
    fn judge_peaks(&self) -> Vec<WindowTest> {
        let today = self.baseline.hours_of(self.member, self.number);
        if today.iter().all(|hour| hour.peak < LEAST_PEAK) {
            return Vec::new();
        }
        let largest: Vec<u64> =
            self.baseline.day_peaks(self.member, self.number).into_iter().map(|(_, peak)| peak).collect();
        let Some(expected) = LogNormalPredictive::fit(&largest) else { return Vec::new() };
        let test = |hour: &HistoryHour| {
            let observed = u64::from(hour.peak);
            let (ln_p, median) = (self.ln_peak(&expected, observed), expected.median());
            let hour = (usize::from(hour.hour) - self.number * DAY_HOURS) as u8;
            WindowTest::rise(Span::Peak { hour }, observed, median, ln_p, -PEAK_SHARE.ln())
        };
        let repeated = self.baseline.repeated(self.member, self.number);
        let is_true = |hour: &&HistoryHour| !repeated[usize::from(hour.hour) % DAY_HOURS];
        today.iter().filter(|hour| hour.peak >= LEAST_PEAK).filter(is_true).map(test).collect()
    }

    fn ln_peak(&self, expected: &LogNormalPredictive, observed: u64) -> f64 {
        let ln_p = expected.ln_upper(observed);
        if ln_p > ODD_BELOW.ln() {
            return ln_p;
        }
        ln_p.max(self.baseline.ln_peak_again(self.member, self.number, observed))
    }

    /// The hours that a window is about: those that are odd themselves in its direction, or all, if none is; and of these only the
    /// ones without which the window would not be what it is.
    fn odd_hours(&self, span: Span, direction: Direction) -> Vec<usize> {
        let window = span.hours();
        if matches!(span, Span::Peak { .. }) {
            return window.collect();
        }
        let excess =
            |hour: usize| self.single[hour].map_or(0.0, |judged| (f64::from(self.calls[hour]) - judged.mean).abs());
        let same_way = |hour: &usize| self.single[*hour].is_some_and(|hour| hour.direction == direction);
        let odd = |hour: &usize| self.single[*hour].is_some_and(|hour| hour.ln_p < ODD_BELOW.ln());
        let candidates: Vec<usize> = window.clone().filter(same_way).collect();
        let largest = candidates.iter().map(|&hour| excess(hour)).fold(0.0, f64::max);
        let telling = |hour: &usize| excess(*hour) >= TELLING_SHARE * largest;
        let found: Vec<usize> = candidates.into_iter().filter(|hour| odd(hour) && telling(hour)).collect();
        if found.is_empty() { window.collect() } else { found }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Distribution, Gamma, Poisson};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::baseline::{Calendar, Expectation, FamilyHistory, Feed, Window};
    use crate::detect::rate::score_expected;
    use crate::detect::{Thresholds, trace};
    use crate::rollup::{EntityKey, Family};

    const DAYS: usize = 28;
    /// Hours of the last day in which nothing came in, in one of two histories.
    const GAP: std::ops::Range<usize> = DAYS * 24 + 2..DAYS * 24 + 20;

    /// Sixty entities from a third of a call to hundreds an hour, clumped little and much; on the last days some burst, some fall silent.
    fn history(gap: bool) -> FamilyHistory {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
        let mut entity = |number: usize| {
            let (mean, clumps) = (0.3 * 1.13_f64.powi(number as i32), [0.3, 1.0, 5.0, 50.0][number % 4]);
            let hours = (0..=DAYS * 24 + 23).filter_map(|hour| {
                let mixing: f64 = Gamma::new(clumps, 1.0 / clumps).unwrap().sample(&mut random);
                let odd = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 8.0][random.random_range(0..8)];
                let factor = if hour >= (DAYS - 3) * 24 { odd } else { 1.0 };
                let calls: f64 = Poisson::new((mean * mixing * factor).max(1e-9)).unwrap().sample(&mut random);
                let calls = if gap && GAP.contains(&hour) { 0 } else { calls as u32 };
                (calls > 0).then_some(HistoryHour { hour: hour as u16, calls, errors: 0, peak: calls })
            });
            (EntityKey::new(["1", &format!("10.0.0.{number:03}")]), hours.collect())
        };
        FamilyHistory::from_entities(Family::SourceIp, (0..60).map(&mut entity).collect::<Vec<_>>())
    }

    #[test]
    fn the_windows_that_are_told_are_those_that_decide() {
        let (history, thresholds) = (history(false), Thresholds { drop_min_expected: 0.0, ..Thresholds::default() });
        let window = Window::new("2026-02-02".parse().unwrap(), DAYS, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&history, &window, &calendar);
        let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
        let mut shifted = 0;
        for member in 0..60 {
            let expectation = baseline.expect(member, DAYS);
            let score = score_expected(&baseline, &thresholds, member, DAYS, &expectation);
            let told = trace::windows(&baseline, None, &thresholds, member, &expectation);
            let least = |direction: Direction| {
                let own = told.iter().filter(|test| test.direction == direction);
                own.map(|test| test.ln_corrected).fold(0.0, f64::min)
            };
            assert!((least(Direction::Up) - score.ln_up).abs() < 1e-9, "{member}");
            if let Expectation::Seasonal { fits, .. } = &expectation {
                assert!((least(Direction::Down) - score.ln_down.unwrap_or(0.0)).abs() < 1e-9, "{member}");
                shifted += usize::from(fits.len() > 1);
            }
        }
        assert!(shifted > 5, "{shifted}");
    }

    #[test]
    fn a_glance_comes_to_what_a_close_look_does() {
        let (mut days, mut odd) = (0, 0);
        for history in [history(false), history(true)] {
            let window = Window::new("2026-02-02".parse().unwrap(), DAYS, |_| true);
            let calendar = Calendar::new(chrono_tz::UTC);
            let feed = Feed::judge(&history, &window, &calendar);
            let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
            for (member, day) in (0..60).flat_map(|member| (DAYS - 3..=DAYS).map(move |day| (member, day))) {
                let Expectation::Seasonal { fits, .. } = baseline.expect(member, day) else { continue };
                let look = |look| Day::new(&baseline, &fits[0], member, day, look).score(5.0);
                let (close, glance) = (look(Look::Close), look(Look::Glance));
                let decided =
                    |score: &DayScore| (score.ln_p, score.hours, score.single.map(|ln_p| ln_p < 0.05_f64.ln()));
                assert_eq!(decided(&close.0), decided(&glance.0), "{member} {day}");
                assert_eq!(close.1.as_ref().map(decided), glance.1.as_ref().map(decided), "{member} {day}");
                (days, odd) = (days + 1, odd + usize::from(close.0.ln_p < 0.0));
            }
        }
        assert!(days > 300 && odd > 50, "{days} {odd}");
    }
}
