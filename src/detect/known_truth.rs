//! Tests of detection as a whole on histories whose truth is known: clock changes, days off, days of the week, poisoned pasts.

use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;
use rand::SeedableRng;
use rand_distr::{Distribution, Gamma, Poisson};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
use crate::detect::judgement::{Night, detect};
use crate::detect::{Direction, Thresholds};
use crate::rollup::{EntityKey, Family};
use crate::time::HourSpan;

const ENTITIES: usize = 40;

/// Something found: entity, direction, hours.
type Found = (usize, Direction, HourSpan);

/// A made-up tenant: entities of 2 to 80 calls an hour whose mean is `rhythm` times that, gamma-mixed.
struct Tenant<Rhythm> {
    scored: NaiveDate,
    days: usize,
    rhythm: Rhythm,
}

impl<Rhythm: Fn(usize, NaiveDate, u32) -> f64> Tenant<Rhythm> {
    /// The tenant's history, `change`d by entity, hour of the window and usual calls.
    fn history(&self, seed: u64, change: impl Fn(usize, usize, u32) -> u32) -> FamilyHistory {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let first = self.scored - chrono::Duration::days(self.days as i64);
        let mut entity = |number: usize| {
            let hours = (0..(self.days + 1) * 24).map(|hour| {
                let date = first + chrono::Duration::days((hour / 24) as i64);
                let mixing: f64 = Gamma::new(8.0, 1.0 / 8.0).unwrap().sample(&mut random);
                let mean = 2.0 * (number + 1) as f64 * (self.rhythm)(number, date, (hour % 24) as u32) * mixing;
                let usual: f64 = Poisson::new(mean.max(1e-9)).unwrap().sample(&mut random);
                let calls = change(number, hour, usual as u32);
                HistoryHour { hour: hour as u16, calls, errors: 0, peak: 0 }
            });
            let hours = hours.filter(|hour| hour.calls > 0).collect();
            (EntityKey::new(["1", &format!("10.0.0.{number:03}")]), hours)
        };
        FamilyHistory::from_entities(Family::SourceIp, (0..ENTITIES).map(&mut entity).collect::<Vec<_>>())
    }

    fn found(&self, history: &FamilyHistory, calendar: &Calendar) -> Vec<Found> {
        let window = Window::new(self.scored, self.days, |_| true);
        let feed = Feed::judge(history, &window, calendar);
        let night = Night { window: &window, calendar, feed: &feed, thresholds: Thresholds::default() };
        let deviations = detect(history, night).unwrap().deviations;
        deviations.iter().map(|found| (found.member, found.direction, found.hours)).collect()
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn utc() -> Calendar {
    Calendar::new(chrono_tz::UTC)
}

/// Twelve times as busy from nine to five, by the clock of a zone.
fn office(zone: Tz) -> impl Fn(usize, NaiveDate, u32) -> f64 {
    move |_, day, hour| {
        let local = day.and_hms_opt(hour, 0, 0).unwrap().and_utc().with_timezone(&zone);
        if (9..17).contains(&local.hour()) { 3.0 } else { 0.25 }
    }
}

#[test]
fn a_clock_change_is_no_news_in_the_tenants_own_zone() {
    let berlin = chrono_tz::Europe::Berlin;
    // The clocks of Berlin change on 29 March: from then on the office opens an hour earlier by UTC.
    let tenant = Tenant { scored: date("2026-03-30"), days: 28, rhythm: office(berlin) };
    let history = tenant.history(1, |_, _, calls| calls);
    assert_eq!(tenant.found(&history, &Calendar::new(berlin)), []);
    let by_utc = tenant.found(&history, &utc());
    let opening =
        by_utc.iter().filter(|(_, direction, hours)| (*direction, *hours) == (Direction::Up, HourSpan::hour(7)));
    assert!(opening.count() > ENTITIES / 2, "{by_utc:?}");
}

/// A tenth of the calls on weekends and on a Tuesday off.
fn working_days(_: usize, day: NaiveDate, _: u32) -> f64 {
    let off = day.weekday().num_days_from_monday() >= 5 || day == date("2026-02-17");
    if off { 0.1 } else { 1.0 }
}

#[test]
fn a_day_off_is_judged_like_a_weekend_day_once_it_is_named() {
    let tenant = Tenant { scored: date("2026-02-17"), days: 28, rhythm: working_days };
    let named = utc().with_days_off([date("2026-02-17")]);
    let history = tenant.history(2, |_, _, calls| calls);
    assert_eq!(tenant.found(&history, &named), []);
    let unnamed = tenant.found(&history, &utc());
    assert!(unnamed.iter().filter(|found| found.1 == Direction::Down).count() > ENTITIES / 4, "{unnamed:?}");
    // Ten times the calls of a weekend day are a usual Tuesday, and much on a day off.
    let busy = |number, hour, calls| {
        if number == 20 && (28 * 24 + 9..28 * 24 + 12).contains(&hour) { calls * 10 } else { calls }
    };
    assert_eq!(tenant.found(&tenant.history(2, busy), &named), [(20, Direction::Up, HourSpan::new(9, 12))]);
}

/// Mondays have four times the calls of other days.
fn busy_mondays(_: usize, day: NaiveDate, _: u32) -> f64 {
    if day.weekday().num_days_from_monday() == 0 { 4.0 } else { 1.0 }
}

#[test]
fn days_of_the_week_are_told_apart_after_eight_weeks() {
    let tripled =
        |today: usize| move |number, hour, calls| if number == 15 && hour / 24 == today { calls * 4 } else { calls };
    let days = 63;
    // Four times the usual is a usual Monday, and nothing usual on a Tuesday.
    let monday = Tenant { scored: date("2026-03-30"), days, rhythm: busy_mondays };
    // A night without anything has a false finding one time in twenty, of rises and of drops: 4 of 40 are due, and more than 9 one time in a hundred.
    let quiet = (3..43).map(|seed| monday.found(&monday.history(seed, |_, _, calls| calls), &utc()));
    let found: Vec<Vec<Found>> = quiet.filter(|found| !found.is_empty()).collect();
    assert!(found.len() <= 9 && found.iter().all(|found| found.len() <= 2), "{found:?}");
    let tuesday = Tenant { scored: date("2026-03-31"), days, rhythm: busy_mondays };
    let found = tuesday.found(&tuesday.history(3, tripled(days)), &utc());
    assert!(!found.is_empty() && found.iter().all(|found| found.0 == 15 && found.1 == Direction::Up), "{found:?}");
}

#[test]
fn what_was_planted_three_weeks_earlier_hides_nothing() {
    let tenant = Tenant { scored: date("2026-02-03"), days: 28, rhythm: office(chrono_tz::UTC) };
    let tonight = |number: usize, hour: usize| number % 8 == 5 && (28 * 24 + 10..28 * 24 + 12).contains(&hour);
    // Tonight's entities had a burst of their own then, and as many others had.
    let earlier = |number: usize, hour: usize| number % 4 == 1 && (7 * 24 + 9..7 * 24 + 12).contains(&hour);
    for seed in 10..20 {
        let burst = |number, hour, calls| if tonight(number, hour) { calls * 10 } else { calls };
        let poison = |number, hour, calls| if earlier(number, hour) { calls * 10 } else { burst(number, hour, calls) };
        for history in [tenant.history(seed, burst), tenant.history(seed, poison)] {
            let found = tenant.found(&history, &utc());
            let rises: Vec<usize> =
                found.iter().filter(|found| found.1 == Direction::Up).map(|found| found.0).collect();
            let missed: Vec<usize> = (5..ENTITIES).step_by(8).filter(|number| !rises.contains(number)).collect();
            assert!(missed.is_empty(), "seed {seed}: {missed:?} of {found:?}");
        }
    }
}
