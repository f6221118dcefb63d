//! Rate deviations: an entity that makes, or gets, more or fewer calls than its past explains.
//!
//! *What it flags*: hours of the scored day with counts far above or below the entity's baseline, and days of sparse or new
//! entities far larger than those of their kind.
//! *Statistic*: for windows of one and three hours the exact tail of the predictive negative binomial; the smallest, corrected for
//! the number of windows (weighted Bonferroni), is the entity's p-value; Benjamini-Hochberg over all entities of the family, each direction by itself.
//! *Assumptions*: hours of a slot are exchangeable once past bursts are weighed down; entities of a size share a dispersion.
//! *When it is wrong*: in the first weeks after a lasting change of level, and on holidays that fall on weekdays.
//! *Parameters*: [`Thresholds`]. *References*: Farrington et al. 1996 and Noufaily et al. 2013 (robust count surveillance),
//! Benjamini and Hochberg 1995.

use rayon::prelude::*;

use crate::baseline::dispersion::{Dispersions, WIDTHS};
use crate::baseline::seasonal::Fit;
use crate::baseline::series::{Profile, ProfileSum, Series};
use crate::baseline::sparse::{ActiveDays, DaySizes, NEW_DAYS, SPARSE_BELOW};
use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
use crate::detect::episode::{JudgedHour, episodes};
use crate::detect::{Deviation, Direction, Model, Thresholds};
use crate::stats::{benjamini_hochberg, q_values};

/// Entities of one group that are enough to have a shape of their own.
const GROUP_MEMBERS: f64 = 5.0;
/// Entities that are heard about a family's dispersion; of more, every so many-th is.
const WITNESSES: usize = 4096;
/// An entity with a burst on more than this share of its days is bursty by nature.
const BURSTY_SHARE: f64 = 0.1;
/// An hour below this p-value is odd by itself.
const ODD_BELOW: f64 = 0.01;
/// Coverage of the interval that is reported as expected.
const COVERAGE: f64 = 0.99;

/// What all families of a night share.
#[derive(Debug, Clone, Copy)]
pub struct Night<'a> {
    /// The days.
    pub window: &'a Window,
    /// The slots.
    pub calendar: Calendar,
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

/// How an entity is to be judged.
enum Judged {
    Seasonal(Box<Fit>),
    Sparse { totals: Vec<u64>, days: usize },
    New,
}

/// A window of the scored day against what was expected of it.
#[derive(Clone, Copy)]
struct JudgedWindow {
    above: bool,
    ln_p: f64,
    droppable: bool,
}

/// The hours that a window is about: those that are odd themselves in its direction, or all, if none is.
fn odd_hours(single: &[Option<JudgedWindow>; 24], window: std::ops::Range<usize>, above: bool) -> Vec<usize> {
    let odd = |hour: &usize| single[*hour].is_some_and(|hour| hour.above == above && hour.ln_p < ODD_BELOW.ln());
    let found: Vec<usize> = window.clone().filter(odd).collect();
    if found.is_empty() { window.collect() } else { found }
}

/// One entity's day in one direction.
struct DayScore {
    ln_p: f64,
    hours: Vec<JudgedHour>,
}

/// Scores a family and selects what deviates.
pub fn detect(history: &FamilyHistory, night: Night<'_>) -> RateResult {
    let scorer = Scorer::learn(history, night);
    let days: Vec<(Judged, DayScore, Option<DayScore>)> =
        (0..history.len()).into_par_iter().map(|member| scorer.score(member)).collect();
    let mut result = RateResult::default();
    for direction in [Direction::Up, Direction::Down] {
        let tested: Vec<(usize, &DayScore)> = (0..days.len())
            .filter_map(|member| match direction {
                Direction::Up => Some((member, &days[member].1)),
                Direction::Down => Some((member, days[member].2.as_ref()?)),
            })
            .collect();
        match direction {
            Direction::Up => result.tested_up = tested.len(),
            Direction::Down => result.tested_down = tested.len(),
        }
        let ln_p: Vec<f64> = tested.iter().map(|(_, score)| score.ln_p).collect();
        let rate = night.thresholds.false_discovery_rate;
        let (Ok(selection), Ok(ln_q)) = (benjamini_hochberg(&ln_p, ln_p.len(), rate), q_values(&ln_p, ln_p.len()))
        else {
            continue;
        };
        let ln_most = night.thresholds.max_p_value.ln();
        let selected = |place: &usize| selection.rejected[*place] && ln_p[*place] <= ln_most;
        for (place, &(member, score)) in tested.iter().enumerate().filter(|(place, _)| selected(place)) {
            let judged = &days[member].0;
            let found = Found {
                member,
                direction,
                judged,
                score,
                ln_q: ln_q[place],
                ln_open: selection.ln_threshold.min(ln_most),
            };
            result.deviations.extend(scorer.deviations(&found));
        }
    }
    result.deviations.sort_by_key(|deviation| (deviation.member, deviation.direction, deviation.hours));
    result
}

/// A selected entity-day.
struct Found<'a> {
    member: usize,
    direction: Direction,
    judged: &'a Judged,
    score: &'a DayScore,
    ln_q: f64,
    ln_open: f64,
}

/// What was learnt of a family before any entity is scored.
struct Scorer<'a> {
    history: &'a FamilyHistory,
    night: Night<'a>,
    slots: Vec<u8>,
    today: [u8; 24],
    overall: Profile,
    groups: std::collections::BTreeMap<String, Profile>,
    dispersions: Dispersions,
    sizes: DaySizes,
}

impl<'a> Scorer<'a> {
    fn learn(history: &'a FamilyHistory, night: Night<'a>) -> Self {
        let window = night.window;
        let slots = (0..window.length()).flat_map(|day| night.calendar.slots(window.date(day))).collect();
        let today = night.calendar.slots(window.scored());
        let (overall, groups) = (ProfileSum::default().profile(), std::collections::BTreeMap::new());
        let (dispersions, sizes) = (Dispersions::unknown(), ActiveDays::default().fit());
        let mut scorer = Self { history, night, slots, today, overall, groups, dispersions, sizes };
        scorer.learn_profiles();
        scorer.learn_dispersions();
        scorer.learn_sizes();
        scorer
    }

    fn learn_profiles(&mut self) {
        let mut overall = ProfileSum::default();
        let mut groups: std::collections::BTreeMap<String, ProfileSum> = std::collections::BTreeMap::new();
        let mut series = Series::default();
        for member in 0..self.history.len() {
            if self.fill(member, &mut series).is_some() {
                overall.add(&series);
                groups.entry(self.group(member)).or_default().add(&series);
            }
        }
        self.overall = overall.profile();
        let own = groups.into_iter().filter(|(_, sum)| sum.members() >= GROUP_MEMBERS);
        self.groups = own.map(|(group, sum)| (group, sum.profile())).collect();
    }

    fn learn_dispersions(&mut self) {
        let evidence = |member: usize| {
            let mut series = Series::default();
            self.fill(member, &mut series).filter(|_| series.level() >= SPARSE_BELOW)?;
            Some(Fit::testimony(&series, self.profile(member)))
        };
        let every = self.history.len().div_ceil(WITNESSES).max(1);
        let entities: Vec<_> = (0..self.history.len()).into_par_iter().step_by(every).filter_map(evidence).collect();
        self.dispersions = Dispersions::learn(&entities);
    }

    fn learn_sizes(&mut self) {
        let mut active = ActiveDays::default();
        for member in 0..self.history.len() {
            let totals = self.day_totals(member);
            let Some(&(first_day, _)) = totals.first() else { continue };
            let sizes: Vec<u64> = totals.iter().map(|&(_, total)| total).collect();
            active.add(&sizes);
            // What shows up in the first week of the window was most likely there before.
            if first_day >= NEW_DAYS {
                let first_week = totals.iter().take_while(|(day, _)| *day < first_day + NEW_DAYS);
                active.add_first_week(&first_week.map(|&(_, total)| total).collect::<Vec<_>>());
            }
        }
        self.sizes = active.fit();
    }

    /// The entity's days before the scored one, with their totals.
    fn day_totals(&self, member: usize) -> Vec<(usize, u64)> {
        let (past, _) = self.history.split(member, self.night.window);
        let day = |hour: &HistoryHour| usize::from(hour.hour) / 24;
        let total = |hours: &[HistoryHour]| hours.iter().map(|hour| u64::from(hour.calls)).sum();
        past.chunk_by(|left, right| day(left) == day(right)).map(|hours| (day(&hours[0]), total(hours))).collect()
    }

    /// Lays out an entity's past; gives the day it was first seen, or `None` if it has no past.
    fn fill(&self, member: usize, series: &mut Series) -> Option<usize> {
        let (past, _) = self.history.split(member, self.night.window);
        let first_day = usize::from(past.first()?.hour) / 24;
        let alive = self.night.feed.alive(self.history.key(member).account());
        series.fill(past, &self.slots, alive, first_day);
        Some(first_day)
    }

    fn group(&self, member: usize) -> String {
        // Entities that have a service share its rhythm.
        if self.history.service(member).is_none() {
            return String::new();
        }
        self.history.key(member).fields().nth(1).unwrap_or_default().to_owned()
    }

    fn profile(&self, member: usize) -> &Profile {
        self.groups.get(&self.group(member)).unwrap_or(&self.overall)
    }

    /// Days that the entity is known for; a window that begins with a gap begins after it.
    fn days_known(&self, first_day: usize) -> usize {
        (first_day..self.night.window.length()).filter(|&day| self.night.window.is_present(day)).count()
    }

    fn score(&self, member: usize) -> (Judged, DayScore, Option<DayScore>) {
        let mut series = Series::default();
        let (_, today) = self.history.split(member, self.night.window);
        let Some(first_day) = self.fill(member, &mut series) else {
            return (Judged::New, self.score_day(today, |total| self.sizes.ln_upper_new(total)), None);
        };
        let days = self.days_known(first_day);
        if days < NEW_DAYS {
            return (Judged::New, self.score_day(today, |total| self.sizes.ln_upper_new(total)), None);
        }
        if series.level() < SPARSE_BELOW {
            return self.score_sparse(member, days, today);
        }
        let fit = Fit::new(&series, self.profile(member), &self.dispersions);
        if fit.odd_days() as f64 > BURSTY_SHARE * days as f64 {
            return self.score_sparse(member, days, today);
        }
        let (up, down) = self.score_hours(member, &fit, today);
        (Judged::Seasonal(Box::new(fit)), up, down)
    }

    /// Judges the day of an entity that comes and goes, or whose bursts are its nature.
    fn score_sparse(&self, member: usize, days: usize, today: &[HistoryHour]) -> (Judged, DayScore, Option<DayScore>) {
        let totals: Vec<u64> = self.day_totals(member).into_iter().map(|(_, total)| total).collect();
        let score = self.score_day(today, |total| self.sizes.ln_upper(&totals, days, total));
        (Judged::Sparse { totals, days }, score, None)
    }

    /// Judges a whole day; its hours share its p-value.
    fn score_day(&self, today: &[HistoryHour], ln_upper: impl Fn(u64) -> Option<f64>) -> DayScore {
        let total: u64 = today.iter().map(|hour| u64::from(hour.calls)).sum();
        let ln_p = if total == 0 { 0.0 } else { ln_upper(total).unwrap_or(0.0).min(0.0) };
        let first = self.night.window.length() * 24;
        let hours = today.iter().map(|hour| JudgedHour { hour: (usize::from(hour.hour) - first) as u8, ln_p });
        DayScore { ln_p, hours: hours.collect() }
    }

    /// Judges every window of every width. Each width has an equal share of the day's error, and so has each of its windows; an
    /// hour is as unlikely as the most unlikely window it is in.
    fn score_hours(&self, member: usize, fit: &Fit, today: &[HistoryHour]) -> (DayScore, Option<DayScore>) {
        let counts = self.counts(today);
        let alive = self.alive_today(member);
        let judge = |first: usize, width: usize| self.judge_window(fit, &counts, alive, first, width);
        let single: [Option<JudgedWindow>; 24] = std::array::from_fn(|hour| judge(hour, 0));
        let (mut up, mut down, mut droppable) = ([0.0_f64; 24], [0.0_f64; 24], false);
        for (width, &hours) in WIDTHS.iter().enumerate() {
            let windows: Vec<(usize, JudgedWindow)> =
                (0..=24 - hours).filter_map(|first| Some((first, judge(first, width)?))).collect();
            let share = ((windows.len() * WIDTHS.len()) as f64).ln();
            droppable |= windows.iter().any(|(_, window)| window.droppable);
            for (first, window) in windows.iter().filter(|(_, window)| window.above || window.droppable) {
                let scores = if window.above { &mut up } else { &mut down };
                for hour in odd_hours(&single, *first..first + hours, window.above) {
                    scores[hour] = scores[hour].min((window.ln_p + share).min(0.0));
                }
            }
        }
        (day_score(&up), droppable.then(|| day_score(&down)))
    }

    /// Judges the window of [`WIDTHS`]`[width]` hours from `first` on; `None` unless all of it can be believed.
    fn judge_window(
        &self,
        fit: &Fit,
        counts: &[u32; 24],
        alive: &[bool],
        first: usize,
        width: usize,
    ) -> Option<JudgedWindow> {
        let range = first..first + WIDTHS[width];
        let expected =
            if alive[range.clone()].contains(&false) { None } else { fit.expected(&self.today[range.clone()], width) }?;
        let count: u64 = counts[range].iter().map(|&count| u64::from(count)).sum();
        let above = count as f64 > expected.mean();
        let ln_p = if above { expected.ln_upper(count) } else { expected.ln_lower(count) };
        let droppable = expected.mean() >= self.night.thresholds.drop_min_expected;
        Some(JudgedWindow { above, ln_p, droppable })
    }

    fn counts(&self, today: &[HistoryHour]) -> [u32; 24] {
        let first = self.night.window.length() * 24;
        let mut counts = [0; 24];
        for hour in today {
            counts[usize::from(hour.hour) - first] = hour.calls;
        }
        counts
    }

    fn alive_today(&self, member: usize) -> &[bool] {
        &self.night.feed.alive(self.history.key(member).account())[self.night.window.length() * 24..]
    }

    fn deviations(&self, found: &Found<'_>) -> Vec<Deviation> {
        let (_, today) = self.history.split(found.member, self.night.window);
        let counts = self.counts(today);
        let opened = episodes(&found.score.hours, found.ln_open);
        let ln_p = |hours: (u8, u8)| {
            let inside = found.score.hours.iter().filter(|judged| (hours.0..hours.1).contains(&judged.hour));
            inside.map(|judged| judged.ln_p).fold(0.0, f64::min)
        };
        let episode = |hours: (u8, u8)| {
            let observed = (hours.0..hours.1).map(|hour| u64::from(counts[usize::from(hour)])).sum();
            let (expected, lower, upper) = self.expected(found, hours);
            let admitted = self.night.thresholds.admit(found.direction, observed, expected);
            admitted.then(|| Deviation {
                member: found.member,
                direction: found.direction,
                model: found.judged.model(),
                hours,
                observed,
                expected,
                lower,
                upper,
                ln_p: ln_p(hours),
                ln_q: found.ln_q,
                unstable: matches!(found.judged, Judged::Seasonal(fit) if fit.is_unstable()),
                days_known: self.day_totals(found.member).first().map_or(0, |&(day, _)| self.days_known(day)),
            })
        };
        opened.into_iter().filter_map(episode).collect()
    }

    /// What was expected in some hours: mean, and the ends of the central 99 %.
    fn expected(&self, found: &Found<'_>, hours: (u8, u8)) -> (f64, u64, u64) {
        match found.judged {
            Judged::Seasonal(fit) => {
                // The widest width's dispersion comes nearest for episodes that are longer still.
                let width = WIDTHS.iter().rposition(|&width| width <= usize::from(hours.1 - hours.0)).unwrap_or(0);
                let slots = &self.today[usize::from(hours.0)..usize::from(hours.1)];
                let expected = fit.expected(slots, width);
                let interval = expected.and_then(|expected| expected.interval(COVERAGE).ok()).unwrap_or((0, 0));
                (expected.map_or(0.0, |expected| expected.mean()), interval.0, interval.1)
            }
            Judged::Sparse { totals, days } => {
                let usual = self.sizes.usual(totals).unwrap_or(0.0);
                let largest = totals.iter().copied().max().unwrap_or(0);
                (usual * (totals.len() as f64 + 0.5) / (*days as f64 + 1.0), 0, largest.max(usual.ceil() as u64))
            }
            Judged::New => (0.0, 0, self.sizes.usual_new().unwrap_or(0.0).ceil() as u64),
        }
    }
}

impl Judged {
    fn model(&self) -> Model {
        match self {
            Self::Seasonal(_) => Model::Seasonal,
            Self::Sparse { .. } => Model::Sparse,
            Self::New => Model::New,
        }
    }
}

/// The day's p-value: the smallest of its hours, which are corrected for the number of windows already.
fn day_score(corrected: &[f64; 24]) -> DayScore {
    let hours = (0..24).map(|hour| JudgedHour { hour, ln_p: corrected[usize::from(hour)] }).collect();
    DayScore { ln_p: corrected.iter().copied().fold(0.0, f64::min), hours }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, Gamma, Poisson};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::rollup::{EntityKey, Family};

    const TODAY: u16 = 28 * 24;

    fn window() -> Window {
        Window::new("2026-02-02".parse().unwrap(), 28, |_| true)
    }

    /// Forty entities whose hours are gamma-mixed Poisson around levels from 1 to 40, a day-long rhythm on top; then changed.
    fn history(seed: u64, change: impl Fn(usize, u16, u32) -> u32) -> FamilyHistory {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut entity = |number: usize| {
            let hours = (0..TODAY + 24).map(|hour| {
                let rhythm = 1.0 + 0.5 * (f64::from(hour % 24) / 24.0 * std::f64::consts::TAU).sin();
                let mixing: f64 = Gamma::new(6.0, 1.0 / 6.0).unwrap().sample(&mut random);
                let mean = (number + 1) as f64 * rhythm * mixing;
                let usual: f64 = Poisson::new(mean.max(1e-9)).unwrap().sample(&mut random);
                let calls = change(number, hour, usual as u32);
                HistoryHour { hour, calls, errors: 0, peak: calls }
            });
            let hours = hours.filter(|hour| hour.calls > 0).collect();
            (EntityKey::new(["1", &format!("10.0.0.{number:03}")]), hours)
        };
        FamilyHistory::from_entities(Family::SourceIp, (0..40).map(&mut entity).collect::<Vec<_>>())
    }

    fn found(history: &FamilyHistory) -> Vec<Deviation> {
        let window = window();
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(history, &window, calendar);
        let night = Night { window: &window, calendar, feed: &feed, thresholds: Thresholds::default() };
        detect(history, night).deviations
    }

    #[test]
    fn ordinary_days_are_silent() {
        let alarms: usize = (0..20).map(|seed| found(&history(seed, |_, _, calls| calls)).len()).sum();
        // 800 entity-days at a threshold of one in ten thousand.
        assert!(alarms <= 1, "{alarms} alarms");
    }

    #[test]
    fn a_burst_is_found_with_its_hours_and_its_expectation() {
        let inside = |hour: u16| (TODAY + 7..TODAY + 9).contains(&hour);
        let burst = |number, hour, calls| if number == 9 && inside(hour) { calls + 120 } else { calls };
        let deviations = found(&history(1, burst));
        assert_eq!(deviations.len(), 1);
        let deviation = &deviations[0];
        assert_eq!((deviation.member, deviation.direction, deviation.hours), (9, Direction::Up, (7, 9)));
        assert!((20.0..45.0).contains(&deviation.expected), "{}", deviation.expected);
        assert!(deviation.upper < deviation.observed && deviation.ln_p < 1e-6_f64.ln());
    }

    #[test]
    fn a_drop_is_found_where_the_feed_is_alive_and_silence_of_the_feed_is_no_drop() {
        let silent = |hour: u16| (TODAY + 3..TODAY + 9).contains(&hour);
        let drop = found(&history(2, |number, hour, calls| if number == 39 && silent(hour) { 0 } else { calls }));
        let drop: Vec<_> = drop.iter().map(|found| (found.member, found.direction)).collect();
        assert_eq!(drop, [(39, Direction::Down)]);
        assert_eq!(found(&history(2, |_, hour, calls| if silent(hour) { 0 } else { calls })), []);
    }

    #[test]
    fn an_earlier_burst_does_not_hide_a_later_one() {
        let burst = |number: usize, hour: u16| number == 9 && [TODAY + 7, 10 * 24 + 7, 10 * 24 + 8].contains(&hour);
        let change = |number, hour, calls| if burst(number, hour) { calls + 200 } else { calls };
        let deviations: Vec<_> = found(&history(3, change)).iter().map(|found| (found.member, found.hours)).collect();
        assert_eq!(deviations, [(9, (7, 8))]);
    }

    #[test]
    fn what_happens_on_the_day_does_not_change_what_was_expected_of_it() {
        let burst =
            |calls: u32| move |number, hour, usual| if number == 9 && hour == TODAY + 7 { calls } else { usual };
        let [small, large] = [120, 5000].map(|calls| found(&history(4, burst(calls)))[0].clone());
        assert_eq!((small.expected, small.lower, small.upper), (large.expected, large.lower, large.upper));
        assert!(large.ln_p < small.ln_p);
    }
}
