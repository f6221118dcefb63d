//! Which episodes are not over at midnight, and have calls after the last of their minutes: in hours that tell nothing of them. These calls are
//! theirs, for the next night goes on from its own midnight.

use crate::baseline::FamilyHistory;
use crate::detect::{Deviation, Direction};
use crate::insight::NightFindings;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::target::Target;
use crate::insight::extent::rhythm::{Days, Rhythm, TELLING};
use crate::insight::life::episode::Running;
use crate::time::DAY_MINUTES;

/// Whether an episode may go on after its last minute of the day: nothing until midnight speaks for what is usual, or too short a time. Hours
/// that cannot be believed speak for nothing, the one in which the feed broke off among them.
pub(in crate::insight) fn goes_on(
    (history, deviation): (&FamilyHistory, &Deviation),
    continued: Option<&Running>,
    evidence: &Evidence,
    days: Days<'_>,
) -> bool {
    let (start, end) = evidence.minutes_of_day();
    let silence = DAY_MINUTES - end;
    if silence <= 0 {
        return true;
    }
    let today = days.window.length();
    let alive = days.feed.alive_in(history.family, history.key(deviation.member).account());
    let is_believed = |hour: usize| alive.get(hour).copied().unwrap_or(false);
    let rest_of_hour =
        if is_believed(today * 24 + (end / 60) as usize) { evidence.calls_after(silence % 60) } else { 0 };
    // Calls until midnight that are none of a rise mean that it was over before them: its count is of all between start and end.
    let next_hour = today * 24 + (end as usize).div_ceil(60);
    let mut later = history.hours_on(deviation.member, today).iter().map(|hour| (usize::from(hour.hour), hour.calls));
    let is_called_later = later.any(|(hour, calls)| hour >= next_hour && calls > 0 && is_believed(hour));
    if deviation.direction == Direction::Up && (is_called_later || rest_of_hour > 0) {
        return false;
    }
    let midnight = today as i64 * DAY_MINUTES;
    let begin = days.window.scored().and_time(chrono::NaiveTime::MIN).and_utc();
    let first = continued.map_or(start, |running| (running.start - begin).num_minutes());
    let begun_on = usize::try_from((midnight + first).div_euclid(DAY_MINUTES)).unwrap_or(0);
    let rhythm = Rhythm::learn(history, deviation.member, days, begun_on);
    let observed = continued.map_or(0, Running::calls_of_all_days) + evidence.calls();
    let level = rhythm.level(deviation.direction, observed, midnight + first..midnight + end);
    let telling = rhythm.telling_after(level, (midnight + end) as usize, rest_of_hour);
    let is_short = deviation.direction == Direction::Up && silence < 60 && silence <= evidence.longest_gap();
    is_short || telling < TELLING
}

impl NightFindings {
    /// The targets of episodes that are not over at midnight and have calls until then that are not counted yet, each with its place among all:
    /// their minutes, and the rest of the day.
    pub fn until_midnight(&self, targets: &[Target], evidence: &[Evidence], days: Days<'_>) -> Vec<(usize, Target)> {
        let all = self.reported().zip(targets).zip(evidence).enumerate();
        let open = all.filter(|(_, (((history, deviation), _), evidence))| {
            let continued = self.continued(history, deviation);
            let later = history.hours_on(deviation.member, days.window.length()).iter();
            let until = usize::from(evidence.until());
            let later = later.filter(|hour| usize::from(hour.hour % 24) >= until && hour.calls > 0).count();
            let has_more = later > 0 || evidence.calls_after(DAY_MINUTES) > 0;
            has_more && self.is_last(history, deviation) && goes_on((history, deviation), continued, evidence, days)
        });
        open.map(|(place, ((_, target), evidence))| (place, target.until_midnight(evidence))).collect()
    }

    /// Whether the entity has no other episode after this one that night.
    fn is_last(&self, history: &FamilyHistory, deviation: &Deviation) -> bool {
        let all = self.reported().filter(|(other, _)| other.family == history.family);
        let mut own = all.filter(|(_, other)| other.member == deviation.member);
        own.all(|(_, other)| other.hours.begin() <= deviation.hours.begin())
    }
}
