//! Rate deviations: an entity that makes, or gets, more or fewer calls than its past explains.
//!
//! *What it flags*: hours of the scored day with counts far above or below the entity's baseline, and days of sparse or new
//! entities far larger than those of their kind.
//! *Statistic*: the exact tail of the predictive negative binomial over windows of several widths ([`super::windows`]); for
//! entities that come and go, or are new, the size of the whole day. [`super::judgement`] selects among entities.
//! *Assumptions*: hours of a slot are exchangeable once past bursts are weighed down; entities of a size share a dispersion.
//! *When it is wrong*: in the first days after a lasting change of level, and on holidays that are not in the settings.
//! *Parameters*: [`Thresholds`]. *References*: Farrington et al. 1996 and Noufaily et al. 2013 (robust count surveillance),
//! Benjamini and Hochberg 1995.

use std::sync::Arc;

use rayon::prelude::*;

use crate::baseline::dispersion::WIDTHS;
use crate::baseline::seasonal::Fit;
use crate::baseline::{Expectation, FamilyBaseline};
use crate::detect::day_score::DayScore;
use crate::detect::episode::{JudgedHour, episodes};
use crate::detect::hours::by_hour;
use crate::detect::select::{Ranked, TestSet};
use crate::detect::surge::Surges;
use crate::detect::windows::{Day, Look};
use crate::detect::{Deviation, Direction, Model, Thresholds};
use crate::time::HourSpan;

/// Coverage of the interval that is reported as expected.
const COVERAGE: f64 = 0.99;

/// How unlikely an entity's day is: the natural logarithms of its p-values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EntityScore {
    /// Of a rise.
    pub ln_up: f64,
    /// Of a drop, where one could be told.
    pub ln_down: Option<f64>,
    /// By which model.
    pub model: Model,
}

/// Scores every entity of a family on a day of its window, by its counts.
pub fn score(baseline: &FamilyBaseline<'_>, thresholds: &Thresholds, day: usize) -> Vec<EntityScore> {
    let of = |member: usize| score_expected(baseline, thresholds, member, day, &baseline.expect(member, day));
    (0..baseline.history.len()).into_par_iter().map(of).collect()
}

/// Scores an entity's day by what was expected of it.
pub(super) fn score_expected(
    baseline: &FamilyBaseline<'_>,
    thresholds: &Thresholds,
    member: usize,
    day: usize,
    expectation: &Expectation,
) -> EntityScore {
    let scored = score_day(baseline, thresholds, member, day, expectation);
    let ln_down = scored.down.map(|down| down.score.ln_p);
    EntityScore { ln_up: scored.up.score.ln_p, ln_down, model: model(expectation) }
}

/// By which model an expectation is judged.
pub fn model(expectation: &Expectation) -> Model {
    match expectation {
        Expectation::Seasonal { .. } => Model::Seasonal,
        Expectation::Sparse { .. } => Model::Sparse,
        Expectation::New => Model::New,
    }
}

/// A day in one direction, and the fit by which it is told: of those that may hold the one under which it is likeliest.
#[derive(Debug, Clone, Copy)]
struct ByFit<'a> {
    score: DayScore,
    fit: Option<&'a Fit>,
}

impl ByFit<'_> {
    /// What neither of two fits makes likely; of equals the later one tells, which is nearer to the last days.
    fn unless(self, later: Self) -> Self {
        let fit = if later.score.ln_p >= self.score.ln_p { later.fit } else { self.fit };
        Self { score: self.score.unless(&later.score), fit }
    }
}

/// A day in both directions.
#[derive(Clone, Copy)]
struct Scored<'a> {
    up: ByFit<'a>,
    down: Option<ByFit<'a>>,
}

impl Scored<'_> {
    fn unless(self, later: Self) -> Self {
        Self {
            up: self.up.unless(later.up),
            down: self.down.zip(later.down).map(|(earlier, later)| earlier.unless(later)),
        }
    }
}

fn score_day<'a>(
    baseline: &FamilyBaseline<'_>,
    thresholds: &Thresholds,
    member: usize,
    day: usize,
    expectation: &'a Expectation,
) -> Scored<'a> {
    let sizes = baseline.sizes();
    let whole = |score: DayScore| Scored { up: ByFit { score, fit: None }, down: None };
    match expectation {
        Expectation::Seasonal { fits, seldom } => {
            let by_fit = |fit: &'a Arc<Fit>| {
                let (up, down) = Day::new(baseline, fit, member, day, Look::Glance).score(thresholds.drop_min_expected);
                let told = |score: DayScore| ByFit { score, fit: Some(&**fit) };
                Scored { up: told(up), down: down.map(told) }
            };
            let scored = fits.iter().map(by_fit).reduce(Scored::unless).unwrap_or_else(|| whole(DayScore::usual()));
            // Nobody waits for who is seldom there on such days.
            Scored { down: scored.down.filter(|_| seldom.is_none()), ..scored }
        }
        Expectation::Sparse { totals, activity } => {
            let (effect, active) = (baseline.effect(member, totals), activity.chance());
            whole(score_total(baseline, member, day, |total| sizes.ln_upper(totals, effect, active, total)))
        }
        Expectation::New => {
            let effect = baseline.effect_of_new(member, day);
            let is_first = baseline.is_first_day(member, day);
            whole(score_total(baseline, member, day, |total| sizes.ln_upper_new(effect, total, is_first)))
        }
    }
}

/// The fit by which the scored day is told in one direction; `None` where days are judged as a whole.
pub fn told<'a>(
    baseline: &FamilyBaseline<'_>,
    thresholds: &Thresholds,
    member: usize,
    expectation: &'a Expectation,
    direction: Direction,
) -> Option<&'a Fit> {
    let scored = score_day(baseline, thresholds, member, baseline.window().length(), expectation);
    let down = scored.down.filter(|_| direction == Direction::Down);
    down.unwrap_or(scored.up).fit
}

/// Judges a whole day; the hours in which the entity was active share its p-value.
fn score_total(
    baseline: &FamilyBaseline<'_>,
    member: usize,
    day: usize,
    ln_upper: impl Fn(u64) -> Option<f64>,
) -> DayScore {
    let today = baseline.hours_of(member, day);
    let total: u64 = today.iter().map(|hour| u64::from(hour.calls)).sum();
    let mut score = DayScore::usual();
    let repeated = baseline.repeated(member, day);
    let is_true = today.iter().all(|hour| !repeated[usize::from(hour.hour) - day * 24]);
    if total > 0 && is_true {
        let hours = today.iter().map(|hour| usize::from(hour.hour) - day * 24);
        score.note(hours, ln_upper(total).unwrap_or(0.0));
    }
    score
}

/// The episodes of an entity's day that stand out as much as its set's selection asks, whether large enough to matter or not.
pub(super) fn candidates(
    baseline: &FamilyBaseline<'_>,
    surges: Option<&Surges<'_>>,
    thresholds: &Thresholds,
    ranked: &Ranked,
    power: f64,
) -> Vec<Deviation> {
    let (member, today) = (ranked.test.member, baseline.window().length());
    let expectation = baseline.expect(member, today);
    let Scored { up, down } = score_day(baseline, thresholds, member, today, &expectation);
    let (direction, ByFit { score, fit }) = match (ranked.test.set, down) {
        (TestSet::RateDown, Some(down)) => (Direction::Down, down),
        _ => (Direction::Up, up),
    };
    let score = surges
        .map_or(score, |surges| surges.score(member, today, score.ln_p))
        .to_the_power(power)
        .at_most(ranked.test.ln_p);
    let calls = baseline.calls_of(member, today);
    let episode = |hours: HourSpan| {
        let observed = within(&calls, hours);
        let (expected, lower, upper) = expected(baseline, member, (&expectation, fit), hours);
        Deviation {
            member,
            direction,
            model: model(&expectation),
            hours,
            observed,
            expected,
            lower,
            upper,
            ln_p: score.hours[hours.places(0)].iter().copied().fold(0.0, f64::min),
            ln_q: ranked.ln_q,
            unstable: fit.is_some_and(Fit::is_unstable),
            days_known: baseline.days_known(member, today),
            by_hour: by_hour(baseline, fit, COVERAGE),
        }
    };
    episodes(&judged_hours(&score), ranked.ln_threshold).into_iter().map(episode).collect()
}

fn judged_hours(score: &DayScore) -> Vec<JudgedHour> {
    let judged = |hour: u8| JudgedHour {
        hour,
        ln_p: score.hours[usize::from(hour)],
        ln_single: score.single[usize::from(hour)],
    };
    (0..24).map(judged).collect()
}

fn within(calls: &[u32; 24], hours: HourSpan) -> u64 {
    calls[hours.places(0)].iter().map(|&calls| u64::from(calls)).sum()
}

/// The hours of the rises that would be reported of an entity if its scored day had held such calls, where a day's p-value up to a
/// threshold is selected, once it is corrected by a power; none where days are judged as a whole.
pub(super) fn rises_with(
    baseline: &FamilyBaseline<'_>,
    thresholds: &Thresholds,
    (member, calls): (usize, [u32; 24]),
    expectation: &Expectation,
    (ln_threshold, power): (f64, f64),
) -> Vec<HourSpan> {
    let Expectation::Seasonal { fits, .. } = expectation else { return Vec::new() };
    let today = baseline.window().length();
    let by_fit = |fit: &Arc<Fit>| {
        Day::with(baseline, fit, member, (today, calls), Look::Glance).score(thresholds.drop_min_expected).0
    };
    let told = fits.iter().map(|fit| ByFit { score: by_fit(fit), fit: Some(&**fit) }).reduce(ByFit::unless);
    let Some(ByFit { score, fit }) = told else { return Vec::new() };
    let score = score.to_the_power(power);
    if score.ln_p > ln_threshold {
        return Vec::new();
    }
    let is_admitted = |hours: &HourSpan| {
        let (expected, ..) = self::expected(baseline, member, (expectation, fit), *hours);
        thresholds.admit(Direction::Up, within(&calls, *hours), expected)
    };
    episodes(&judged_hours(&score), ln_threshold).into_iter().filter(is_admitted).collect()
}

/// What was expected in some hours of the scored day, by the fit that it is told by: mean, and the ends of the central 99 %.
pub(super) fn expected(
    baseline: &FamilyBaseline<'_>,
    member: usize,
    (expectation, told): (&Expectation, Option<&Fit>),
    hours: HourSpan,
) -> (f64, u64, u64) {
    let today = baseline.window().length();
    match expectation {
        Expectation::Seasonal { .. } => {
            // The widest width's dispersion comes nearest for episodes that are longer still.
            let width = WIDTHS.iter().rposition(|&width| width <= usize::from(hours.length())).unwrap_or(0);
            let week_hours = &baseline.week_hours(today..today + 1)[hours.places(0)];
            let mean = told.map_or(0.0, |fit| fit.told(week_hours, width));
            let (lower, upper) = told.and_then(|fit| fit.interval(week_hours, width, COVERAGE)).unwrap_or((0, 0));
            (mean, lower, upper)
        }
        Expectation::Sparse { totals, activity } => {
            let usual = baseline.usual_day(member, totals);
            let largest = totals.iter().copied().max().unwrap_or(0);
            (usual * activity.chance(), 0, largest.max(usual.ceil() as u64))
        }
        Expectation::New => (0.0, 0, baseline.usual_first_day(member).ceil() as u64),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, Gamma, Poisson};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
    use crate::detect::judgement::{Judgement, Night, detect, learn};
    use crate::detect::trace::least_remarkable;
    use crate::rollup::{EntityKey, Family, UnreadHours};

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
        found_in(&window(), history)
    }

    fn found_in(window: &Window, history: &FamilyHistory) -> Vec<Deviation> {
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(history, window, &calendar);
        let night = Night { window, calendar: &calendar, feed: &feed, thresholds: Thresholds::default() };
        detect(history, night).unwrap().deviations
    }

    /// The same without five-minute counts.
    fn without_peaks(history: &FamilyHistory) -> FamilyHistory {
        let hours = |member: usize| history.hours(member).iter().map(|&hour| HistoryHour { peak: 0, ..hour }).collect();
        let all = (0..history.len()).map(|member| (history.key(member).clone(), hours(member)));
        FamilyHistory::from_entities(history.family, all.collect::<Vec<(_, Vec<_>)>>())
    }

    /// The least count of an hour of the scored day that is told to be enough.
    fn enough(history: &FamilyHistory, member: usize, hour: u8) -> u64 {
        let window = window();
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(history, &window, &calendar);
        let thresholds = Thresholds::default();
        let baselines = learn(&[history], Night { window: &window, calendar: &calendar, feed: &feed, thresholds });
        let judgement = Judgement::of(&baselines, &thresholds, &[]).unwrap();
        let ranked = judgement.ranked(0, member).find(|ranked| ranked.test.set == TestSet::RateUp).unwrap();
        let selected = (judgement.selected_up_to(ranked), judgement.power(TestSet::RateUp));
        let expectation = baselines[0].expect(member, window.length());
        least_remarkable(&baselines[0], &thresholds, member, &expectation, hour, selected).unwrap()
    }

    #[test]
    fn as_many_calls_as_would_be_enough_are_told_and_fewer_are_not() {
        let busy = TODAY + 5..TODAY + 10;
        for (member, hour, beside) in [(9, 7, 0), (30, 15, 0), (20, 9, 18), (20, 3, 18)] {
            let base = |number: usize, at: u16, calls: u32| {
                if number == member && busy.contains(&at) { calls + beside } else { calls }
            };
            let usual = without_peaks(&history(3, base));
            let needed = enough(&usual, member, hour);
            for count in [needed - 1, needed] {
                let changed = history(3, |number, at, calls| {
                    if number == member && at == TODAY + u16::from(hour) {
                        count as u32
                    } else {
                        base(number, at, calls)
                    }
                });
                let is_told = found(&without_peaks(&changed)).iter().any(|found| {
                    (found.member, found.direction) == (member, Direction::Up) && found.hours.contains(hour)
                });
                assert_eq!(is_told, count == needed, "{member} {hour}: {count} of {needed}");
            }
        }
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
        assert_eq!((deviation.member, deviation.direction, deviation.hours), (9, Direction::Up, HourSpan::new(7, 9)));
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
    fn of_hours_that_were_read_in_part_rises_are_told_and_drops_are_not() {
        let odd = |hour: u16| (TODAY + 3..TODAY + 9).contains(&hour);
        let changed = history(2, |number, hour, calls| match number {
            39 if odd(hour) => 0,
            20 if odd(hour) => calls + 200,
            _ => calls,
        });
        let told = |window: &Window| -> Vec<_> {
            found_in(window, &changed).iter().map(|found| (found.member, found.direction)).collect()
        };
        let unread = |hours: HourSpan| {
            let today = move |day: chrono::NaiveDate| day == window().scored();
            window().with_unread(move |day| if today(day) { hours.into() } else { UnreadHours::default() })
        };
        assert_eq!(told(&window()), [(20, Direction::Up), (39, Direction::Down)]);
        assert_eq!(told(&unread(HourSpan::new(2, 10))), [(20, Direction::Up)]);
        assert_eq!(told(&unread(HourSpan::new(12, 20))), [(20, Direction::Up), (39, Direction::Down)], "elsewhere");
    }

    /// The same with calls of entities beyond the cap on some days.
    fn capped(history: &FamilyHistory, days: std::ops::Range<u16>) -> FamilyHistory {
        let hours = days.start * 24..days.end * 24;
        let hours = hours.map(|hour| HistoryHour { hour, calls: 50, errors: 0, peak: 1 }).collect();
        let named = (0..history.len()).map(|member| (history.key(member).clone(), history.hours(member).to_vec()));
        let other = EntityKey::other(history.family, "1");
        FamilyHistory::from_entities(history.family, named.chain([(other, hours)]))
    }

    #[test]
    fn whom_a_cap_may_hide_has_not_dropped_and_whom_it_does_not_has() {
        let afternoon = TODAY + 12..TODAY + 24;
        let gone = history(2, |number, hour, calls| match number {
            39 if hour >= TODAY => 0,
            38 if afternoon.contains(&hour) => 0,
            _ => calls,
        });
        let dropped = |history: &FamilyHistory| -> Vec<usize> {
            let drops = found(history).into_iter().filter(|found| found.direction == Direction::Down);
            drops.map(|found| found.member).collect()
        };
        assert_eq!(dropped(&gone), [38, 39]);
        assert_eq!(dropped(&capped(&gone, TODAY / 24..TODAY / 24 + 1)), [38]);
        assert_eq!(dropped(&capped(&gone, TODAY / 24 - 1..TODAY / 24)), [38, 39], "it was named on the day before");
    }

    #[test]
    fn days_on_which_a_cap_may_hide_an_entity_teach_nothing() {
        let hidden = 20..25;
        let usual = history(2, |_, _, calls| calls);
        let absent = history(2, |_, hour, calls| if hidden.contains(&(hour / 24)) { 0 } else { calls });
        let absent = capped(&absent, hidden.clone());
        let window = window();
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&usual, &window, &calendar);
        let mean = |history: &FamilyHistory| {
            let baseline = FamilyBaseline::learn(history, &window, &calendar, &feed);
            {
                let expectation = baseline.expect(39, 28);
                let fit = told(&baseline, &Thresholds::default(), 39, &expectation, Direction::Up);
                expected(&baseline, 39, (&expectation, fit), HourSpan::DAY).0
            }
        };
        let (usual, absent) = (mean(&usual), mean(&absent));
        assert!((absent / usual - 1.0).abs() < 0.1, "{absent} {usual}");
    }

    #[test]
    fn an_earlier_burst_does_not_hide_a_later_one() {
        let burst = |number: usize, hour: u16| number == 9 && [TODAY + 7, 10 * 24 + 7, 10 * 24 + 8].contains(&hour);
        let change = |number, hour, calls| if burst(number, hour) { calls + 200 } else { calls };
        let deviations: Vec<_> = found(&history(3, change)).iter().map(|found| (found.member, found.hours)).collect();
        assert_eq!(deviations, [(9, HourSpan::hour(7))]);
    }

    #[test]
    fn a_job_of_every_week_is_no_news_from_the_fourth_time_on_and_one_that_is_much_larger_is() {
        let weeks = |weeks: u16, calls: u32, today: u32| {
            move |number: usize, hour: u16, usual: u32| {
                let weeks_ago = (TODAY / 24 - hour / 24) / 7;
                let is_job =
                    number == 9 && (hour / 24).is_multiple_of(7) && (2..4).contains(&(hour % 24)) && weeks_ago <= weeks;
                let more = if weeks_ago == 0 { today } else { calls };
                if is_job { usual + more } else { usual }
            }
        };
        assert_eq!(found(&history(5, weeks(4, 400, 400))), []);
        assert_eq!(found(&history(5, weeks(2, 400, 400))).len(), 1, "twice is no habit");
        assert_eq!(found(&history(5, weeks(4, 400, 4_000))).len(), 1, "ten times as much");
    }

    #[test]
    fn bursts_now_and_then_do_not_hide_the_next() {
        let irregular = |number: usize, hour: u16, usual: u32| {
            let is_burst = number == 9 && [2, 8, 16, 24, 28].contains(&(hour / 24)) && hour % 24 == 3;
            if is_burst { usual + 400 } else { usual }
        };
        assert_eq!(found(&history(8, irregular)).len(), 1);
    }

    /// On a Sunday, the last day of four weeks, what is found of the entity that lives as `calls` says; others have weekends like weekdays.
    fn found_on_sunday(calls: impl Fn(u16, u16) -> Option<u32>) -> Vec<Deviation> {
        let of = |number: usize, hour: u16, usual: u32| {
            if number == 39 { calls(hour / 24, hour % 24).unwrap_or(usual) } else { usual }
        };
        let history = history(9, of);
        let window = Window::new("2026-02-01".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&history, &window, &calendar);
        let night = Night { window: &window, calendar: &calendar, feed: &feed, thresholds: Thresholds::default() };
        detect(&history, night).unwrap().deviations.into_iter().filter(|found| found.member == 39).collect()
    }

    #[test]
    fn who_is_seldom_there_on_weekends_is_neither_waited_for_nor_odd_when_there() {
        let is_weekend = |day: u16| matches!(day % 7, 0 | 6);
        let once = |day: u16, hour: u16| (is_weekend(day) && !(day == 14 && hour < 6)).then_some(0);
        assert_eq!(found_on_sunday(once), [], "a Sunday two weeks ago is no habit");
        let again = |calls: u32| {
            move |day: u16, hour: u16| match (day, hour) {
                (28, 10..12) => Some(calls),
                _ if is_weekend(day) => Some(0),
                _ => None,
            }
        };
        assert_eq!(found_on_sunday(again(60)), [], "a session on a Sunday");
        assert_eq!(found_on_sunday(again(60_000)).len(), 1, "a hundred working days' calls in one");
    }

    #[test]
    fn a_day_off_every_week_is_no_drop() {
        let off = |weeks: u16| {
            move |number: usize, hour: u16, usual: u32| {
                let is_off = number == 39 && (hour / 24).is_multiple_of(7) && (TODAY / 24 - hour / 24) / 7 <= weeks;
                if is_off { 0 } else { usual }
            }
        };
        assert_eq!(found(&history(6, off(4))), []);
        assert_eq!(found(&history(6, off(0))).len(), 1);
    }

    #[test]
    fn a_newcomer_where_there_are_none_is_judged_by_the_days_of_all() {
        let newcomer = |calls: u32| {
            move |number: usize, hour: u16, usual: u32| match (number, hour) {
                (39, ..TODAY) => 0,
                (39, _) => calls,
                _ => usual,
            }
        };
        let large = found(&history(7, newcomer(1000)));
        assert_eq!(large.iter().map(|found| (found.member, found.model)).collect::<Vec<_>>(), [(39, Model::New)]);
        assert_eq!(found(&history(7, newcomer(15))), []);
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
