//! Episodes of earlier nights that are over, though nothing of their entity is odd tonight: they are closed, and are no findings of this night.
//!
//! Their end is told where consumers wait for it, as an event of the episode's own id, and to people in a few words.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::detect::Direction;
use crate::insight::life::incident;
use crate::insight::meaning::complete::left_out;
use crate::insight::{IncidentPart, Insight, Lasting};
use crate::shown::counted;

/// What is said of an episode whose level goes on.
const STILL_THERE: &str = "is at that level still, which is not odd any more";

/// An episode that an earlier night reported, and that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Over {
    /// The insight that told of it.
    pub insight: Uuid,
    /// The family.
    pub family: &'static str,
    /// The account.
    pub account: String,
    /// The entity, fields joined by slashes.
    pub entity: String,
    /// What people call it.
    pub name: String,
    /// Which way its counts went.
    pub direction: Direction,
    /// Its first minute.
    pub start: DateTime<Utc>,
    /// One past its last.
    pub end: DateTime<Utc>,
    /// Whether its level goes on and is not odd any more.
    #[serde(skip)]
    pub lasts: bool,
    /// All of it for a person.
    pub sentence: String,
}

impl Over {
    /// What is told to people of a closed episode; of one that became its entity's level that is told instead.
    pub fn of(insight: &Insight) -> Option<Self> {
        (!insight.life.level_shift).then(|| Self {
            insight: insight.id,
            family: insight.family.name(),
            account: insight.account.clone(),
            entity: insight.entity.clone(),
            name: insight.subject(),
            direction: insight.direction,
            start: insight.start,
            end: insight.end,
            lasts: insight.life.lasting == Lasting::Closed,
            sentence: format!(
                "{} {}, {} since {} UTC{}",
                insight.subject(),
                if insight.life.lasting == Lasting::Closed { STILL_THERE.to_owned() } else { ended(insight.end) },
                counted(insight.measured.observed, "call", "calls"),
                insight.start.format("%Y-%m-%d %H:%M"),
                left_out(insight)
            ),
        })
    }

    /// When it was over, and when it began; of several with the same times once.
    pub fn when(&self) -> String {
        let now = if self.lasts { STILL_THERE.to_owned() } else { ended(self.end) };
        format!("{now} (since {} UTC)", self.start.format("%Y-%m-%d %H:%M"))
    }
}

/// Makes a closed episode a part of the story that it was of, and of none of this night's.
pub(in crate::insight) fn close(insight: &mut Insight) {
    if !insight.life.level_shift {
        let since = insight.end.format("%Y-%m-%d %H:%M");
        insight.sentence = if insight.life.lasting == Lasting::Closed {
            format!("{}; {STILL_THERE}; told until {since} UTC", insight.sentence)
        } else {
            format!("{}; over since {since} UTC", insight.sentence)
        };
    }
    let id = insight.life.incident.unwrap_or_else(|| incident::story_of(insight.id));
    insight.incident = IncidentPart { id, rank: 0, parts: 1, culprit: None };
}

/// With its day, for it may be told days later.
fn ended(end: DateTime<Utc>) -> String {
    format!("ended at {} UTC", end.format("%Y-%m-%d %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;

    #[test]
    fn an_end_is_told_with_the_day_on_which_it_began() {
        let mut insight = rate();
        assert_eq!(
            Over::of(&insight).unwrap().sentence,
            "Oss/GetObject ended at 2026-01-29 11:50 UTC, 204 calls since 2026-01-29 11:40 UTC"
        );
        insight.end = "2026-01-30T00:00:00Z".parse().unwrap();
        close(&mut insight);
        assert!(Over::of(&insight).unwrap().sentence.starts_with("Oss/GetObject ended at 2026-01-30 00:00 UTC, "));
        assert!(insight.sentence.ends_with("; over since 2026-01-30 00:00 UTC"), "{}", insight.sentence);
        insight.life.level_shift = true;
        assert_eq!(Over::of(&insight), None, "its level is told instead");
    }
}
