//! What an episode that begins with a day did before its midnight: a burst from 23:50 on has its first minutes in the events of the day before,
//! on which they did not stand out.
//!
//! Of findings that may have begun in the last hour of the day before, its minutes are searched with those of the day; what lies in them is read
//! as the rest is, and told as one episode. What the day before has told of itself is not told again.

use chrono::{Days, NaiveDate};

use crate::error::Result;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::{count_minutes, investigate};
use crate::insight::events::target::{Begin, Minutes, Target};
use crate::partition::Partitions;
use crate::time::HourSpan;

/// The last hour of a day.
const LAST_HOUR: HourSpan = HourSpan::hour(23);

/// Gives targets that may have begun before the midnight of their day the minutes of the hour before it.
pub fn look_back(partitions: &Partitions, date: NaiveDate, targets: &mut [Target]) -> Result<()> {
    let all: Vec<usize> = (0..targets.len()).filter(|&target| may_begin_before(&targets[target])).collect();
    let Some(day) = date.checked_sub_days(Days::new(1)).filter(|_| !all.is_empty()) else { return Ok(()) };
    let of_eve: Vec<Target> = all.iter().map(|&target| on_eve(&targets[target], Minutes::Whole)).collect();
    let (files, _) = partitions.open_range(day, day);
    let minutes = count_minutes(&files, day, &of_eve)?;
    for (target, minutes) in all.into_iter().zip(minutes).filter(|(_, minutes)| minutes.iter().any(|&calls| calls > 0))
    {
        targets[target].eve = minutes;
    }
    Ok(())
}

/// Reads what the events before midnight tell of the episodes that began there.
pub fn read(partitions: &Partitions, date: NaiveDate, targets: &[Target], evidence: &mut [Evidence]) -> Result<()> {
    let begun: Vec<usize> = (0..targets.len()).filter(|&target| evidence[target].before > 0).collect();
    let Some(day) = date.checked_sub_days(Days::new(1)).filter(|_| !begun.is_empty()) else { return Ok(()) };
    let part = |target: usize| Minutes::Part((60 - evidence[target].before, 60), 0);
    let of_eve: Vec<Target> = begun.iter().map(|&target| on_eve(&targets[target], part(target))).collect();
    let (files, _) = partitions.open_range(day, day);
    for (target, eve) in begun.into_iter().zip(investigate(&files, day, &of_eve)?) {
        evidence[target].eve = Some(Box::new(eve));
    }
    Ok(())
}

fn may_begin_before(target: &Target) -> bool {
    matches!(target.minutes, Minutes::Rise { begin: Begin::Before, .. } | Minutes::Drop { begin: Begin::Before, .. })
}

fn on_eve(target: &Target, minutes: Minutes) -> Target {
    Target { hours: LAST_HOUR, search: LAST_HOUR, minutes, eve: Vec::new(), ..target.clone() }
}
