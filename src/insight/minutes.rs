//! The exact minutes of an episode, found among the minutes around the hours that stood out.
//!
//! *Statistic*: the scan statistic of Kulldorff (1997) in one dimension. Of all runs of minutes the one is taken that a Poisson
//! process with one raised rate inside explains best against the usual rate: it maximises `y ln(y / m) - (y - m)`, `y` calls inside
//! and `m = minutes × usual` expected there. *When it is wrong*: when few calls make the episode; then its first and last call are
//! as near as one can come. *Cost*: the square of the minutes that have calls, at most a day's.

/// A run of minutes with a smaller share of what the hours had too much does not speak for them.
const SPEAKS_FOR: f64 = 0.5;
/// So many calls must be missing for a silence to be the end of an episode: it is then one in twenty that there are none by chance.
const TELLING_SILENCE: f64 = 3.0;
/// A usual rate is at least this: a call a day. Nothing is infinitely surprising.
const LEAST_USUAL: f64 = 1.0 / 1440.0;

/// The minutes of a rise above what is usual (calls a minute): the run that exceeds it most, if it has at least `least` calls, those
/// that make the core worth reporting, and half of what the core has too much. One of several bursts has not; then the core's
/// own minutes are meant, from its first call to its last. First minute, and one past the last.
pub fn rise(minutes: &[u32], core: (usize, usize), usual: f64, least: u64) -> (usize, usize) {
    let run = run(minutes, core, usual);
    let calls = |(first, end): (usize, usize)| minutes[first..end].iter().map(|&calls| u64::from(calls)).sum::<u64>();
    let excess = |span: (usize, usize)| calls(span) as f64 - (span.1 - span.0) as f64 * usual;
    if calls(run) >= least && excess(run) >= SPEAKS_FOR * excess(core) {
        return run;
    }
    let busy = || (core.0..core.1).filter(|&minute| minutes[minute] > 0);
    busy().next().zip(busy().next_back()).map_or(core, |(first, last)| (first, last + 1))
}

/// A rise in the last minutes of a day with all that came until midnight, unless that speaks for what is usual (calls a minute); the rise
/// itself if it does.
///
/// ```text
/// (rate - usual) minutes - calls ln(rate / usual) < 3
/// ```
pub fn until_midnight(minutes: &[u32], (first, end): (usize, usize), usual: f64) -> (usize, usize) {
    let calls = |minutes: &[u32]| minutes.iter().map(|&calls| f64::from(calls)).sum::<f64>();
    let usual = usual.max(LEAST_USUAL);
    let rate = (calls(&minutes[first..end]) / (end - first).max(1) as f64).max(usual);
    let (rest, last) = (&minutes[end..], minutes.iter().rposition(|&calls| calls > 0).map_or(end, |last| last + 1));
    let speaks_for_usual = (rate - usual) * rest.len() as f64 - calls(rest) * (rate / usual).ln();
    if speaks_for_usual < TELLING_SILENCE { (first, last.max(end)) } else { (first, end) }
}

/// The run of minutes in which calls most exceed what is usual (calls a minute); it touches `core`, and begins and ends with a
/// call. First minute, and one past the last; the core itself if nothing exceeds.
fn run(minutes: &[u32], core: (usize, usize), usual: f64) -> (usize, usize) {
    let usual = usual.max(LEAST_USUAL);
    let busy: Vec<(usize, f64)> = running_sums(minutes);
    let mut best = (core, 0.0);
    for (place, &(first, _)) in busy.iter().enumerate().take_while(|(_, (first, _))| *first < core.1) {
        let before = if place == 0 { 0.0 } else { busy[place - 1].1 };
        for &(last, until) in busy[place..].iter().filter(|(last, _)| *last >= core.0) {
            let gain = gain(until - before, (last + 1 - first) as f64 * usual);
            if gain > best.1 {
                best = ((first, last + 1), gain);
            }
        }
    }
    best.0
}

/// The minutes with calls, each with the calls up to and with it.
fn running_sums(minutes: &[u32]) -> Vec<(usize, f64)> {
    let mut sum = 0.0;
    let busy = minutes.iter().enumerate().filter(|(_, calls)| **calls > 0);
    busy.map(|(minute, &calls)| {
        sum += f64::from(calls);
        (minute, sum)
    })
    .collect()
}

/// How much better a rate of its own explains `calls` where `expected` were usual; 0 unless there were more.
fn gain(calls: f64, expected: f64) -> f64 {
    if calls <= expected { 0.0 } else { calls * (calls / expected).ln() - (calls - expected) }
}

/// For how many of the first minutes an episode with `rate` calls a minute goes on, where `usual` is what follows: the change
/// point of greatest likelihood.
pub fn tail(minutes: &[u32], rate: f64, usual: f64) -> usize {
    let (rate, usual) = (rate.max(LEAST_USUAL), usual.max(LEAST_USUAL));
    let weight = (rate / usual).ln();
    let (mut best, mut sum) = ((0, 0.0), 0.0);
    for (minute, &calls) in minutes.iter().enumerate() {
        sum += f64::from(calls) * weight - (rate - usual);
        if sum > best.1 {
            best = (minute + 1, sum);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn what_goes_on_after_midnight_has_all_calls_before_it() {
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
    fn a_tail_ends_where_calls_become_usual() {
        let minutes: Vec<u32> =
            (0..60).map(|minute| if minute < 20 { 3 } else { u32::from(minute % 10 == 0) }).collect();
        assert_eq!(tail(&minutes, 3.0, 0.1), 21);
        assert_eq!(tail(&[0; 60], 3.0, 0.1), 0);
        // A silence goes on until calls are back.
        let back: Vec<u32> = (0..60).map(|minute| u32::from(minute >= 25)).collect();
        assert_eq!(tail(&back, 0.0, 1.0), 25);
    }

    proptest! {
        /// No run from call to call that touches the core explains the calls better than the one that is found.
        #[test]
        fn the_best_run_is_found(minutes in prop::collection::vec(0_u32..5, 1..40), usual in 0.05_f64..2.0) {
            let core = (minutes.len() / 3, minutes.len());
            let likelihood = |first: usize, end: usize| {
                let calls: u32 = minutes[first..end].iter().sum();
                gain(f64::from(calls), (end - first) as f64 * usual)
            };
            let found = run(&minutes, core, usual);
            let all = (0..core.1).flat_map(|first| (core.0.max(first) + 1..=minutes.len()).map(move |end| (first, end)));
            let all = all.filter(|&(first, end)| minutes[first] > 0 && minutes[end - 1] > 0);
            let best = all.map(|(first, end)| likelihood(first, end)).fold(0.0, f64::max);
            prop_assert!(best == 0.0 || (likelihood(found.0, found.1) - best).abs() < 1e-9);
        }

        /// What is told of hours with enough calls to be worth it has enough itself.
        #[test]
        fn what_is_cut_out_is_worth_telling(minutes in prop::collection::vec(0_u32..5, 3..40), usual in 0.05_f64..2.0) {
            let core = (minutes.len() / 3, minutes.len());
            let calls = |(first, end): (usize, usize)| minutes[first..end].iter().map(|&calls| u64::from(calls)).sum::<u64>();
            let least = calls(core);
            prop_assert!(calls(rise(&minutes, core, usual, least)) >= least);
        }
    }
}
