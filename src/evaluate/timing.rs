//! How well starts and ends are told, and how long it takes until somebody hears of it.
//!
//! Errors are in minutes, positive when the insight's moment is the later one. A nightly job can report at the end of a day at the
//! earliest: the delay is the time from a label's start to the midnight after the first night that reported it. Of labels that began before
//! the first night nobody could tell the start, so that they are left out.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveTime};
use serde::Serialize;

use crate::evaluate::label::Label;
use crate::evaluate::matching::Matches;
use crate::evaluate::measure::{SIZES, size};
use crate::evaluate::proportion::Proportion;
use crate::evaluate::reported::Found;
use crate::stats::median;

/// Minutes that a start or an end may be off and still be called right.
const CLOSE_MINUTES: f64 = 5.0;

/// Starts, ends and delay of the labels of one kind and size that were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// The kind; `all` for all of them.
    pub kind: String,
    /// The size, as in [`KindMeasure`](crate::evaluate::measure::KindMeasure); `all` for all kinds.
    pub size: &'static str,
    /// Starts within five minutes.
    pub starts: Proportion,
    /// The median of the start's error, regardless of its sign, in minutes.
    pub start_error: Option<f64>,
    /// Ends within five minutes.
    pub ends: Proportion,
    /// The median of the end's error.
    pub end_error: Option<f64>,
    /// Both within five minutes.
    pub both: Proportion,
    /// Reported in the first night that could.
    pub first_night: Proportion,
    /// The median delay in hours.
    pub delay_hours: Option<f64>,
}

struct Timed {
    kind: String,
    size: usize,
    start: f64,
    end: f64,
    nights_missed: i64,
    delay_hours: f64,
}

/// Measures by kind and size, then all together.
pub(super) fn measure(
    found: &[Found],
    labels: &[Label],
    matches: &Matches,
    first_night: Option<NaiveDate>,
) -> Vec<Timing> {
    let could_be_told = |label: &Label| first_night.is_none_or(|first| label.days().0 >= first);
    let labels = labels.iter().zip(&matches.found_by).filter(|(label, _)| could_be_told(label));
    let pairs = labels.filter_map(|(label, insight)| Some((label, &found[(*insight)?])));
    let told: Vec<Timed> = pairs.map(|(label, found)| compare(label, found)).collect();
    let mut kinds: BTreeMap<(&str, usize), Vec<&Timed>> = BTreeMap::new();
    told.iter().for_each(|told| kinds.entry((&told.kind, told.size)).or_default().push(told));
    let all = timing(("all", "all"), &told.iter().collect::<Vec<_>>());
    kinds.iter().map(|((kind, size), told)| timing((kind, SIZES[*size].0), told)).chain([all]).collect()
}

fn compare(label: &Label, found: &Found) -> Timed {
    let minutes = |span: chrono::Duration| span.num_seconds() as f64 / 60.0;
    let midnight = (found.night + Days::new(1)).and_time(NaiveTime::MIN).and_utc();
    Timed {
        kind: label.kind.clone(),
        size: size(label),
        start: minutes(found.start - label.start),
        end: minutes(found.end - label.end),
        nights_missed: (found.night - label.days().0).num_days(),
        delay_hours: minutes(midnight - label.start) / 60.0,
    }
}

fn timing((kind, size): (&str, &'static str), told: &[&Timed]) -> Timing {
    let close = |error: f64| error.abs() <= CLOSE_MINUTES;
    let middle = |pick: fn(&Timed) -> f64| median(told.iter().map(|told| pick(told)));
    Timing {
        kind: kind.to_owned(),
        size,
        starts: Proportion::of(told, |told| close(told.start)),
        start_error: middle(|told| told.start.abs()),
        ends: Proportion::of(told, |told| close(told.end)),
        end_error: middle(|told| told.end.abs()),
        both: Proportion::of(told, |told| close(told.start) && close(told.end)),
        first_night: Proportion::of(told, |told| told.nights_missed <= 0),
        delay_hours: middle(|told| told.delay_hours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::matching::matches;
    use crate::evaluate::matching::tests::{insight, label};

    #[test]
    fn errors_are_minutes_and_the_delay_ends_at_midnight() {
        let labels = [label("api", "a/b", 60, 120), label("api", "c/d", 1380, 1500)];
        let found = [insight("api", "a/b", 64, 140), insight("api", "c/d", 1440, 1500)];
        let measured = measure(&found, &labels, &matches(&found, &labels), None);
        let all = measured.last().unwrap();
        assert_eq!((all.kind.as_str(), all.starts.count, all.ends.count, all.both.count), ("all", 1, 1, 0));
        assert_eq!((all.start_error, all.end_error), (Some(32.0), Some(10.0)));
        assert_eq!((all.first_night.count, all.delay_hours), (1, Some(f64::midpoint(23.0, 25.0))));
    }
}
