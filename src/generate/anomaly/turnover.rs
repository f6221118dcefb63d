//! Who came and who left shortly before, or while, anomalies are planted: nobody's attack, and still a deviation that is told for some nights.
//!
//! Nothing is planted here. That a world has people who come and go is drawn with the world; labels say so, or whoever tells of it would be
//! counted as wrong.

use super::planner::{Planner, VISIBLE, VISIBLE_LOSS, hours_of};
use crate::generate::entity::Entity;
use crate::generate::label::Label;
use crate::time::DAY_SECONDS;

/// Days after which a new level is no news.
const NEWS_DAYS: u32 = 3;

/// Labels of the entities that somebody's coming doubles, or somebody's going halves.
pub(super) fn label_turnover(planner: &mut Planner<'_>) {
    let told = planner.days.start.saturating_sub(NEWS_DAYS) + 1..planner.days.end;
    for position in 0..planner.world.people.actors.len() {
        let alive = planner.world.people.actors[position].alive.clone();
        let turns = [(alive.start, "arrival"), (alive.end, "departure")];
        for (day, kind) in turns.into_iter().filter(|(day, _)| *day > 0 && told.contains(day)) {
            let labels = labels(planner, position, day, kind);
            planner.note(labels);
        }
    }
}

fn labels(planner: &Planner<'_>, position: usize, day: u32, kind: &'static str) -> Vec<Label> {
    let span = day * DAY_SECONDS..(day + NEWS_DAYS).min(planner.days.end) * DAY_SECONDS;
    let actor = &planner.world.people.actors[position];
    let calls: f64 = hours_of(&span).map(|(hour, _)| planner.world.wish(actor, hour)).sum();
    let days = f64::from(span.end - span.start) / f64::from(DAY_SECONDS);
    let label = |entity: Entity| {
        let own = calls * entity.share(planner.world, actor);
        if own < VISIBLE as f64 * days {
            return None;
        }
        let all = planner.expected(entity, &span);
        let is_gone = kind == "departure";
        let with = if is_gone { all + own } else { all };
        let (expected, change) = if is_gone { (with, -own) } else { (with - own, own) };
        let size = (expected >= 1.0).then(|| ((expected + change) / expected).max(0.0));
        let label = planner.label(kind, entity, span.clone(), size, expected.max(0.0), change.round() as i64);
        (own >= VISIBLE_LOSS * with).then_some(label)
    };
    planner.countable().filter(|entity| !matches!(entity, Entity::ApiError(..))).filter_map(label).collect()
}
