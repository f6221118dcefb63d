//! The exact minutes of an episode, found among the minutes around the hours that stood out.
//!
//! *Statistic*: two change points of a Poisson process, by maximum likelihood. What is usual differs from hour to hour; inside an episode
//! it has a multiple of its own, and beside it another, which for a rise is no higher than 1.5, and for a drop no lower than the root of
//! the drop's own: hours are busy or quiet for no reason at times, but what goes on is not beside itself. Of all runs of minutes the one is
//! taken that maximises `y ln(y / m) - y` inside and the same beside it, `y` calls where `m` are usual.
//! *When it is wrong*: when few calls make the episode; then its first and last call are as near as one can come. *Cost*: the square of
//! the minutes that have calls, at most a day's. *References*: Kulldorff 1997 (the likelihood of a Poisson scan statistic, inside and outside of
//! a window); Worsley 1986 (change points of an exponential family).

use crate::insight::extent::rhythm::{LEAST_USUAL, Level, TELLING, lasted};

/// A run of minutes with a smaller share of what the hours had too much, or too little, does not speak for them.
const SPEAKS_FOR: f64 = 0.5;
/// Beside a rise there are at most so many times as many calls as are usual.
const BESIDE: f64 = 1.5;
/// A drop begins and ends with an hour, and a rise with that of whoever makes it, unless other minutes are so much more likely. Calls come in
/// bursts: some minutes of silence beside hours of it tell little.
const TELLING_MINUTES: f64 = 10.0;
/// A silence is longer than hours tell where it is twice as long as any other gap beside it, between so many calls.
const LEAST_BESIDE: usize = 10;

/// Calls a minute that are usual, by the hour: the last one of the day before, then those of the day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsualDay {
    calls: [f64; 25],
    /// In others the feed was silent: their minutes tell nothing.
    believed: [bool; 25],
}

impl UsualDay {
    /// The same in all hours.
    pub fn even(calls_a_minute: f64) -> Self {
        Self { calls: [calls_a_minute; 25], believed: [true; 25] }
    }

    /// Of so many calls in the last hour of the day before, and in each of the day.
    pub fn of_hours(calls: [f64; 25]) -> Self {
        Self { calls: calls.map(|calls| calls / 60.0), believed: [true; 25] }
    }

    /// The same of these hours alone.
    #[must_use]
    pub fn believing(self, hours: [bool; 25]) -> Self {
        Self { believed: hours, ..self }
    }

    /// So many times as many.
    #[must_use]
    pub fn times(self, ratio: f64) -> Self {
        Self { calls: self.calls.map(|calls| calls * ratio), ..self }
    }

    /// The calls that are usual in some minutes, counted from the hour `first` of the day on.
    pub fn calls(&self, first: u8, minutes: (usize, usize)) -> f64 {
        (minutes.0..minutes.1).filter_map(|minute| self.at(i32::from(first), minute)).sum()
    }

    /// What is usual in a minute that tells something, counted from the hour `first` on, of which the last of the day before is -1.
    fn at(&self, first: i32, minute: usize) -> Option<f64> {
        let place = ((first + 1).max(0) as usize + minute / 60).min(24);
        self.believed[place].then_some(self.calls[place].max(LEAST_USUAL / 60.0))
    }
}

/// The minutes that are searched: calls, calls that are usual, and minutes that tell something, added up from the first on.
pub(in crate::insight) struct Around {
    calls: Vec<f64>,
    usual: Vec<f64>,
    told: Vec<f64>,
    /// Minutes that have calls, and tell something.
    busy: Vec<usize>,
    core: (usize, usize),
}

/// Some minutes that follow one another.
#[derive(Debug, Clone, Copy)]
struct Part {
    calls: f64,
    usual: f64,
}

impl Part {
    /// The log-likelihood of the multiple of what is usual that explains the calls best, up to what all runs have in common.
    fn likelihood(self) -> f64 {
        let Self { calls, usual } = self;
        if calls > 0.0 { calls * (calls / usual).ln() - calls } else { 0.0 }
    }

    /// The same of multiples up to `most`.
    fn likelihood_below(self, most: f64) -> f64 {
        let Self { calls, usual } = self;
        if calls > most * usual { calls * most.ln() - most * usual } else { self.likelihood() }
    }

    /// The same of multiples from `least` on.
    fn likelihood_above(self, least: f64) -> f64 {
        let Self { calls, usual } = self;
        if calls < least * usual { calls * least.ln() - least * usual } else { self.likelihood() }
    }

    fn multiple(self) -> f64 {
        self.calls / self.usual
    }

    fn excess(self) -> f64 {
        self.calls - self.usual
    }
}

impl Around {
    /// The minutes from the hour `first` of the day on, of which the last of the day before is -1, and those of them that stood out.
    pub(in crate::insight) fn new(minutes: &[u32], first: i32, usual: &UsualDay, core: (usize, usize)) -> Self {
        let usual: Vec<Option<f64>> = (0..minutes.len()).map(|minute| usual.at(first, minute)).collect();
        let told = || minutes.iter().zip(&usual).map(|(&calls, usual)| if usual.is_some() { calls } else { 0 });
        Self {
            calls: added_up(told().map(f64::from)),
            busy: told().enumerate().filter(|(_, calls)| *calls > 0).map(|(minute, _)| minute).collect(),
            told: added_up(usual.iter().map(|usual| f64::from(u8::from(usual.is_some())))),
            usual: added_up(usual.into_iter().map(Option::unwrap_or_default)),
            core,
        }
    }

    fn end(&self) -> usize {
        self.calls.len() - 1
    }

    fn part(&self, (first, end): (usize, usize)) -> Part {
        Part { calls: self.calls[end] - self.calls[first], usual: self.usual[end] - self.usual[first] }
    }

    /// How many hours of a part tell something.
    fn hours(&self, (first, end): (usize, usize)) -> f64 {
        (self.told[end] - self.told[first]) / 60.0
    }

    /// By how much the minutes from one on speak for what is usual.
    fn telling_from(&self, minute: usize, level: Level) -> f64 {
        let (rest, hours) = (self.part((minute, self.end())), self.hours((minute, self.end())));
        if hours > 0.0 { level.telling(rest.usual / hours, hours, rest.calls as u64) } else { 0.0 }
    }

    /// The minutes of a rise: the run that exceeds what is usual most, if it has half of what the core has too much, and would be worth
    /// reporting with what is usual in the rest of the core: at least `least` calls. One of several bursts has not; then the core's own
    /// minutes are meant, from its first call to its last. First minute, and one past the last.
    pub(in crate::insight) fn rise(&self, least: u64) -> (usize, usize) {
        let run = self.run();
        if self.is_worth_telling(run, least) {
            return run;
        }
        let busy = || self.busy.iter().filter(|&minute| (self.core.0..self.core.1).contains(minute));
        busy().next().zip(busy().next_back()).map_or(self.core, |(first, last)| (*first, last + 1))
    }

    fn is_worth_telling(&self, run: (usize, usize), least: u64) -> bool {
        let (part, core) = (self.part(run), self.part(self.core));
        let rest = (core.usual - part.usual).max(0.0);
        part.calls + rest >= least as f64 && part.excess() >= SPEAKS_FOR * core.excess()
    }

    /// The minutes of a rise in the `others`, of an episode of whoever makes it: from its first call in them to its last, unless `rise` is so
    /// much more likely by its own calls.
    pub(in crate::insight) fn rise_in(
        &self,
        others: (usize, usize),
        rise: (usize, usize),
        least: u64,
    ) -> (usize, usize) {
        let mut own = self.busy.iter().copied().filter(|minute| (others.0..others.1).contains(minute));
        let Some(first) = own.next() else { return rise };
        let run = (first, own.next_back().unwrap_or(first) + 1);
        let is_in_core = run.0 < self.core.1 && run.1 > self.core.0;
        let is_likely = self.likelihood(run) + TELLING_MINUTES >= self.likelihood(rise);
        if is_in_core && is_likely && self.is_worth_telling(run, least) { run } else { rise }
    }

    /// How likely a rise in these minutes is.
    fn likelihood(&self, run: (usize, usize)) -> f64 {
        let beside = |first: usize, end: usize| self.part((first, end)).likelihood_below(BESIDE);
        beside(0, run.0) + self.part(run).likelihood() + beside(run.1, self.end())
    }

    /// The run of minutes that has most calls beyond what is usual; it touches the core, and begins and ends with a call. The core itself
    /// if nothing exceeds.
    fn run(&self) -> (usize, usize) {
        let end = self.end();
        let beside = |first: usize, end: usize| self.part((first, end)).likelihood_below(BESIDE);
        let after: Vec<f64> = self.busy.iter().map(|&last| beside(last + 1, end)).collect();
        let mut best = (self.core, beside(0, end));
        for (place, &first) in self.busy.iter().enumerate().take_while(|(_, first)| **first < self.core.1) {
            let before = beside(0, first);
            let ends = self.busy[place..].iter().zip(&after[place..]);
            for (&last, after) in ends.filter(|(last, _)| **last >= self.core.0) {
                let inside = self.part((first, last + 1));
                let likelihood = before + inside.likelihood() + after;
                if inside.excess() > 0.0 && likelihood > best.1 {
                    best = ((first, last + 1), likelihood);
                }
            }
        }
        best.0
    }

    /// The minutes of a drop: the run that falls short of what is usual, and of what is beside it, most, if it has half of what the core
    /// lacks; the core if not, or if there are no calls at all. It begins with an hour or after a call, and ends with an hour or before
    /// a call.
    pub(in crate::insight) fn drop(&self) -> (usize, usize) {
        let run = self.lack();
        if self.busy.is_empty() || self.part(run).calls > 0.0 { run } else { self.silence(run) }
    }

    /// A run without a call from the call before it to the one after it, where that is further by far than any gap beside it is long.
    fn silence(&self, (first, end): (usize, usize)) -> (usize, usize) {
        let before = &self.busy[..self.busy.partition_point(|&minute| minute < first)];
        let after = &self.busy[self.busy.partition_point(|&minute| minute < end)..];
        let is_longest = |gap: usize, busy: &[usize]| {
            busy.len() >= LEAST_BESIDE && busy.windows(2).all(|two| 2 * (two[1] - two[0] - 1) <= gap)
        };
        let begun = before.last().map(|last| last + 1).filter(|begin| is_longest(first - begin, before));
        let over = after.first().copied().filter(|next| is_longest(next - end, after));
        (begun.unwrap_or(first), over.unwrap_or(end))
    }

    fn lack(&self) -> (usize, usize) {
        let end = self.end();
        let hours = || (0..=end).step_by(60);
        let starts = joined(hours(), self.busy.iter().map(|minute| minute + 1));
        let ends = joined(hours(), self.busy.iter().copied());
        let mut best = (self.core, f64::NEG_INFINITY);
        for &first in starts.iter().take_while(|first| **first < self.core.1) {
            for &last in ends.iter().filter(|end| **end > first.max(self.core.0)) {
                let likelihood = self.shortfall((first, last)).unwrap_or(f64::NEG_INFINITY);
                if likelihood > best.1 {
                    best = ((first, last), likelihood);
                }
            }
        }
        let lacking = |run| -self.part(run).excess();
        if self.busy.is_empty() || lacking(best.0) < SPEAKS_FOR * lacking(self.core) { self.core } else { best.0 }
    }

    /// How likely a drop in these minutes is; nothing where as much is missing beside it.
    fn shortfall(&self, run: (usize, usize)) -> Option<f64> {
        let (before, inside, after) = (self.part((0, run.0)), self.part(run), self.part((run.1, self.end())));
        let is_lower = |beside: Part| beside.usual <= 0.0 || inside.multiple() < beside.multiple();
        let is_drop = inside.multiple() < 1.0 && is_lower(before) && is_lower(after);
        let odd = [run.0, run.1].into_iter().filter(|minute| minute % 60 != 0).count() as f64;
        // Nearer to what is usual than to the drop.
        let beside = |part: Part| part.likelihood_above(inside.multiple().sqrt());
        let likelihood = beside(before) + inside.likelihood() + beside(after);
        is_drop.then_some(likelihood - TELLING_MINUTES * odd)
    }

    /// A drop in the last minutes of a day with all until midnight, if that tells that it goes on.
    pub(in crate::insight) fn low_until_midnight(&self, (first, end): (usize, usize)) -> (usize, usize) {
        let drop = self.part((first, end));
        let level = Level::Times(((drop.calls + 0.5) / (drop.usual + 0.5)).min(1.0 / BESIDE));
        let goes_on = self.telling_from(end, level) <= -TELLING;
        (first, if goes_on { self.end() } else { end })
    }

    /// A rise in the last minutes of a day with all that came until midnight, unless that speaks for what is usual; the rise itself if it
    /// does.
    pub(in crate::insight) fn until_midnight(&self, (first, end): (usize, usize)) -> (usize, usize) {
        let length = self.hours((first, end)).max(1.0 / 60.0);
        let level = Level::More((self.part((first, end)).excess() / length).max(0.0));
        let last = self.busy.last().map_or(end, |last| last + 1);
        if self.telling_from(end, level) < TELLING { (first, last.max(end)) } else { (first, end) }
    }
}

/// For how many of some minutes, from the begin of an hour on, an episode with `rate` calls a minute goes on, where `usual` is what follows: the
/// change point of greatest likelihood; of a drop one that ends with an hour, unless another is so much more likely.
pub fn tail(minutes: &[u32], rate: f64, usual: f64) -> usize {
    let (rate, usual) = ((rate * 60.0).max(LEAST_USUAL), (usual * 60.0).max(LEAST_USUAL));
    let level = Level::Times(rate / usual);
    let telling = minutes.iter().map(|&calls| level.telling(usual, 1.0 / 60.0, u64::from(calls)));
    if rate < usual { lasted_in_hours(telling) } else { lasted(telling) }
}

/// As [`lasted`], of minutes that are told by how much they speak for what is usual; each end within an hour speaks so much less for the level.
fn lasted_in_hours(telling: impl Iterator<Item = f64>) -> usize {
    let (mut best, mut sum) = ((0, 0.0), 0.0);
    for (minutes, telling) in (1_usize..).zip(telling) {
        sum -= telling;
        let odd = if minutes.is_multiple_of(60) { 0.0 } else { TELLING_MINUTES };
        if sum - odd > best.1 {
            best = (minutes, sum - odd);
        }
    }
    best.0
}

/// What there is up to each place; 0 before the first.
fn added_up(all: impl Iterator<Item = f64>) -> Vec<f64> {
    let sums = all.scan(0.0, |sum, one| {
        *sum += one;
        Some(*sum)
    });
    std::iter::once(0.0).chain(sums).collect()
}

/// All places of two lists, ascending, each once.
fn joined(one: impl Iterator<Item = usize>, other: impl Iterator<Item = usize>) -> Vec<usize> {
    one.chain(other).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn around(minutes: &[u32], core: (usize, usize), usual: f64) -> Around {
        Around::new(minutes, 0, &UsualDay::even(usual), core)
    }

    fn rise(minutes: &[u32], core: (usize, usize), usual: f64, least: u64) -> (usize, usize) {
        around(minutes, core, usual).rise(least)
    }

    fn drop(minutes: &[u32], core: (usize, usize), usual: f64) -> (usize, usize) {
        around(minutes, core, usual).drop()
    }

    #[test]
    fn a_burst_is_cut_out_of_its_hour() {
        let mut minutes = vec![0; 180];
        (minutes[63], minutes[92], minutes[93], minutes[110]) = (2, 600, 570, 1);
        assert_eq!(rise(&minutes, (60, 120), 4.0 / 60.0, 100), (92, 94));
    }

    #[test]
    fn a_burst_that_began_before_the_hour_that_stood_out_is_followed_back() {
        let minutes: Vec<u32> = (0..180).map(|minute| u32::from((50..100).contains(&minute))).collect();
        assert_eq!(rise(&minutes, (60, 120), 1.0 / 60.0, 10), (50, 100));
    }

    #[test]
    fn a_steady_rise_is_the_whole_of_it_and_nothing_is_the_core() {
        assert_eq!(rise(&[10; 120], (0, 120), 1.0, 100), (0, 120));
        assert_eq!(rise(&[0; 120], (60, 120), 1.0, 0), (60, 120));
    }

    #[test]
    fn one_burst_of_several_does_not_speak_for_all() {
        // Four bursts of eight calls in six hours of which nine calls are usual: together they stand out, one alone would not.
        let mut minutes = vec![0; 480];
        [65, 140, 220, 415].into_iter().for_each(|minute| minutes[minute] = 8);
        let (core, usual) = ((60, 420), 9.0 / 360.0);
        assert_eq!(rise(&minutes, core, usual, 21), (65, 416));
        // One that has most of it does, though another call came later.
        minutes[65] = 80;
        assert_eq!(rise(&minutes, core, usual, 21), (65, 66));
    }

    #[test]
    fn an_hour_in_which_less_is_usual_rises_with_less() {
        // Six times what is usual from 6:58 on, where work begins at eight: the hour before has few calls more, and all of them are odd.
        let calls = |minute: usize| match minute {
            58..120 => u32::from(minute.is_multiple_of(2)) * 4,
            120..184 => 24,
            184..240 => 4,
            _ => u32::from(minute % 3 == 1),
        };
        let minutes: Vec<u32> = (0..240).map(calls).collect();
        let mut hours = [0.0; 25];
        hours[7..9].fill(20.0);
        hours[9..11].fill(240.0);
        let by_hour = Around::new(&minutes, 6, &UsualDay::of_hours(hours), (120, 180));
        assert_eq!(by_hour.rise(100), (58, 184));
        let even = Around::new(&minutes, 6, &UsualDay::even(4.0), (120, 180));
        assert_eq!(even.rise(100), (120, 184), "as if hours were alike");
    }

    #[test]
    fn a_rise_has_the_minutes_of_whoever_makes_it_unless_its_own_speak_against_them() {
        // A call every ten minutes from minute 70 to 110, and one where it is usual, at 131.
        let mut minutes = vec![0; 180];
        [70, 80, 90, 100, 110, 131].into_iter().for_each(|minute| minutes[minute] = 1);
        let around = around(&minutes, (60, 120), 0.01);
        let rise = around.rise(4);
        assert_eq!(rise, (70, 132));
        assert_eq!(around.rise_in((66, 115), rise, 4), (70, 111));
        assert_eq!(around.rise_in((66, 75), rise, 4), rise, "hardly a part of it");
        assert_eq!(around.rise_in((140, 170), rise, 4), rise, "not a call of it");
        let dense: Vec<u32> = (0..180).map(|minute| u32::from((60..150).contains(&minute)) * 3).collect();
        let around = super::Around::new(&dense, 0, &UsualDay::even(0.01), (60, 120));
        assert_eq!(around.rise_in((60, 130), (60, 150), 10), (60, 150), "sixty calls more cannot be usual");
    }

    #[test]
    fn a_busy_hour_beside_a_rise_is_no_part_of_it() {
        // After an hour with fifteen calls where ten are usual the rise itself has four a minute.
        let calls = |minute: usize| match minute {
            0..60 => u32::from(minute.is_multiple_of(4)),
            60..120 => 4,
            _ => u32::from(minute.is_multiple_of(6)),
        };
        let minutes: Vec<u32> = (0..180).map(calls).collect();
        assert_eq!(rise(&minutes, (60, 120), 10.0 / 60.0, 20), (60, 120));
    }

    #[test]
    fn a_drop_has_the_hours_that_lack_calls_and_other_minutes_where_they_tell() {
        let calls = |silent: std::ops::Range<usize>| -> Vec<u32> {
            (0..480).map(|minute| u32::from(!silent.contains(&minute) && minute % 2 == 0)).collect()
        };
        assert_eq!(drop(&calls(120..360), (120, 360), 0.5), (120, 360));
        assert_eq!(drop(&calls(120..360), (60, 420), 0.5), (120, 360), "hours that lack nothing are left out");
        assert_eq!(drop(&calls(85..360), (120, 360), 0.5), (85, 360), "35 minutes without a call tell");
        assert_eq!(drop(&calls(115..360), (120, 360), 0.5), (115, 360), "no gap is nearly as long");
        let mut bursts = calls(115..360);
        bursts[70..73].fill(0);
        assert_eq!(drop(&bursts, (120, 360), 0.5), (120, 360), "five tell nothing where three were before");
        assert_eq!(drop(&[0; 180], (60, 120), 0.5), (60, 120), "nothing is known of its ends");
    }

    #[test]
    fn a_drop_is_not_cut_where_it_goes_on() {
        // One call in ten from minute 80 on to the end, in clumps that leave an hour or two with hardly any.
        let few = |minute: usize| match minute / 60 {
            0..3 => u32::from(minute.is_multiple_of(30)),
            3 | 4 => u32::from(minute.is_multiple_of(60)),
            _ => u32::from(minute.is_multiple_of(15)),
        };
        let minutes: Vec<u32> = (0..600).map(|minute| if minute < 80 { 1 } else { few(minute) }).collect();
        assert_eq!(drop(&minutes, (60, 600), 1.0), (80, 600));
        // A quarter until the last hour, which has a third.
        let minutes: Vec<u32> =
            (0..600).map(|minute| u32::from(minute % if minute < 540 { 4 } else { 3 } == 0)).collect();
        let around = around(&minutes, (60, 600), 1.0);
        assert_eq!(around.low_until_midnight((80, 540)), (80, 600));
        assert_eq!(
            super::Around::new(&[0; 600], 0, &UsualDay::even(0.0), (60, 540)).low_until_midnight((60, 540)),
            (60, 540)
        );
    }

    #[test]
    fn what_goes_on_after_midnight_has_all_calls_before_it() {
        let until_midnight =
            |minutes: &[u32], rise, usual| around(minutes, (0, minutes.len()), usual).until_midnight(rise);
        let mut minutes = vec![0; 180];
        minutes[60..150].iter_mut().step_by(10).for_each(|calls| *calls = 1);
        minutes[175] = 1;
        assert_eq!(until_midnight(&minutes, (60, 141), 0.01), (60, 176));
        assert_eq!(
            until_midnight(&minutes[..174], (60, 141), 0.01),
            (60, 141),
            "33 minutes of silence are telling at such a rate"
        );
        assert_eq!(until_midnight(&minutes[..170], (60, 160), 0.01), (60, 160), "nothing came");
        assert_eq!(until_midnight(&minutes, (60, 70), 0.08), (60, 176), "hardly more than usual");
        minutes[60..100].fill(5);
        assert_eq!(until_midnight(&minutes, (60, 100), 0.01), (60, 100), "what came after was another thing");
    }

    #[test]
    fn a_gap_of_the_feed_ends_nothing() {
        // Two a minute from 7 to 15, but for 208 minutes in which nothing arrived.
        let is_called = |minute: usize| (420..900).contains(&minute) && !(612..820).contains(&minute);
        let minutes: Vec<u32> = (0..1440).map(|minute| 2 * u32::from(is_called(minute))).collect();
        let usual = UsualDay::even(1.2);
        let rise = |usual: &UsualDay| super::Around::new(&minutes, 0, usual, (420, 900)).rise(0);
        assert_eq!(rise(&usual), (420, 612), "silence speaks for its end");
        let believed = std::array::from_fn(|place| !(11..=14).contains(&place));
        assert_eq!(rise(&usual.believing(believed)), (420, 900));
    }

    #[test]
    fn a_tail_ends_where_calls_become_usual() {
        let minutes: Vec<u32> =
            (0..60).map(|minute| if minute < 20 { 3 } else { u32::from(minute % 10 == 0) }).collect();
        assert_eq!(tail(&minutes, 3.0, 0.1), 21);
        assert_eq!(tail(&[0; 60], 3.0, 0.1), 0);
        // A silence goes on until calls are back.
        let back: Vec<u32> = (0..60).map(|minute| u32::from(minute >= 25)).collect();
        assert_eq!(tail(&back, 0.0, 1.0), 25);
    }

    #[test]
    fn a_silence_that_is_over_ends_with_an_hour_unless_its_minutes_tell() {
        let silent_for = |silent: usize| -> Vec<u32> {
            (0..180).map(|minute| u32::from(minute >= silent && (minute - silent).is_multiple_of(4))).collect()
        };
        assert_eq!(
            tail(&silent_for(131), 0.0, 0.25),
            120,
            "eleven minutes without a call, of which there is one in four"
        );
        assert_eq!(tail(&silent_for(170), 0.0, 0.25), 170, "fifty");
        assert_eq!(tail(&silent_for(109), 0.0, 0.25), 109, "three calls in the hour are not part of it");
        assert_eq!(tail(&silent_for(120), 0.0, 0.25), 120);
    }

    proptest! {
        /// No run from call to call that touches the core explains the calls better than the one that is found.
        #[test]
        fn the_best_run_is_found(minutes in prop::collection::vec(0_u32..5, 1..40), usual in 0.05_f64..2.0) {
            let core = (minutes.len() / 3, minutes.len());
            let around = around(&minutes, core, usual);
            // Poisson minutes with the best multiple inside, and the best up to 1.5 before and after.
            let poisson = |first: usize, end: usize, most: f64| {
                let (calls, expected) = (f64::from(minutes[first..end].iter().sum::<u32>()), (end - first) as f64 * usual);
                let multiple = if expected > 0.0 { (calls / expected).min(most) } else { 0.0 };
                (if calls > 0.0 { calls * multiple.ln() } else { 0.0 }) - multiple * expected
            };
            let likelihood = |(first, end): (usize, usize)| {
                poisson(0, first, BESIDE) + poisson(first, end, f64::INFINITY) + poisson(end, minutes.len(), BESIDE)
            };
            let found = around.run();
            let all = (0..core.1).flat_map(|first| (core.0.max(first) + 1..=minutes.len()).map(move |end| (first, end)));
            let exceeds = |&(first, end): &(usize, usize)| {
                minutes[first] > 0 && minutes[end - 1] > 0 && around.part((first, end)).excess() > 0.0
            };
            let none = poisson(0, minutes.len(), BESIDE);
            let best = all.filter(exceeds).map(likelihood).fold(none, f64::max);
            // Of a tie that rounding decides either is right.
            prop_assert!((likelihood(found) - best).abs() < 1e-9 || found == core && best - none < 1e-9);
        }

        /// What is told of hours with enough calls to be worth it has enough itself.
        #[test]
        fn what_is_cut_out_is_worth_telling(minutes in prop::collection::vec(0_u32..5, 3..40), usual in 0.05_f64..2.0) {
            let core = (minutes.len() / 3, minutes.len());
            let around = around(&minutes, core, usual);
            let least = around.part(core).calls;
            let found = around.part(around.rise(least as u64));
            prop_assert!(found.calls + (around.part(core).usual - found.usual).max(0.0) >= least);
        }

        /// A drop lacks at least half of what its hours do, wherever its ends are.
        #[test]
        fn a_drop_speaks_for_its_hours(minutes in prop::collection::vec(0_u32..3, 240), usual in 0.5_f64..3.0) {
            let around = around(&minutes, (60, 180), usual);
            let lacking = |run| -around.part(run).excess();
            let found = around.drop();
            prop_assert!(found.0 < 180 && found.1 > 60 && found.0 < found.1);
            prop_assert!(found == (60, 180) || lacking(found) >= SPEAKS_FOR * lacking((60, 180)));
        }
    }
}
