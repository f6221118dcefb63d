//! Insights: what is reported of a night, whatever detector found it.
//!
//! An [`Insight`] holds everything the outputs need, so that each of them is only a way of writing it down. Its rooms, each of which uses those
//! above it only (`tests/rooms.rs` sees to it):
//!
//! | room | what it knows |
//! |---|---|
//! | [`attribute`] | what of an event tells who, from where and with what, and something known of each |
//! | [`insight_type`] | what kinds there are |
//! | [`attribution`] | the values that explain an insight, beside those that were usual |
//! | [`requests`] | what parameters ask for, and what makes that serious |
//! | [`extent`] | from which minute to which, and whether what is usual is back |
//! | [`events`] | whose rows these are, who is in them, what was usual in the week before |
//! | [`meaning`] | who is behind it, how serious it is, ATT&CK, the sentence, the next query |
//! | [`measured`] | what was counted of an episode, beside what was expected of it |
//! | [`life`] | what one night leaves to the next, and which insights are one story |
//! | [`findings`] | which deviations are reported, and what the events are read for |
//! | [`build`] | an insight of each finding, what was measured and what became of it |
//! | [`vendor`] | the forms that the clouds' own consumers know |

pub mod attribute;
pub mod attribution;
pub mod build;
mod cloud;
pub mod events;
#[cfg(test)]
pub(crate) mod example;
pub mod extent;
pub mod findings;
pub mod insight_type;
pub mod life;
pub mod meaning;
pub mod measured;
pub mod requests;
pub mod vendor;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::detect::change::Reason;
use crate::detect::{Direction, Model};
use crate::insight::life::nights::minutes_until;
use crate::place::Place;
use crate::rollup::Family;
use crate::shown::OTHER;

pub use crate::severity::Severity;
pub use attribute::{Attribute, ByAttribute};
pub use attribution::{Attribution, Share};
pub use build::built::{Built, build};
pub use build::callers::LeftToCaller;
pub use build::gaps::Gaps;
pub use build::new_level::NewLevel;
pub use cloud::Cloud;
pub use findings::night::NightFindings;
pub use insight_type::InsightType;
pub use life::incident::{Incident, IncidentPart};
pub use life::nights::{Lasting, Life};
pub use life::over::Over;
pub use meaning::actor::Actor;
pub use meaning::attack::Attack;
pub use measured::Measured;

pub use meaning::new_company::NewCompany;
pub(crate) use meaning::next_query::list_condition;
pub use requests::changed::Changed;
pub use requests::concern::Concern;

/// An episode that is reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Insight {
    /// The same for the start and the end of an episode, and in every re-run.
    pub id: Uuid,
    /// What kind it is.
    pub insight_type: InsightType,
    /// The scored day.
    pub date: NaiveDate,
    /// The account.
    pub account: String,
    /// The region with the most calls in it.
    pub region: String,
    /// What the vendor calls the insight's object.
    pub object: String,
    /// The family.
    #[serde(serialize_with = "family_name")]
    pub family: Family,
    /// The entity, fields joined by slashes.
    pub entity: String,
    /// The fields that `entity` joins. A slash may stand in one of them, so nothing is taken apart again.
    #[serde(skip)]
    pub fields: Vec<String>,
    /// Which way counts went.
    pub direction: Direction,
    /// By which model they were judged; `None` for changes.
    pub model: Option<Model>,
    /// Why a change is reported; `None` for rates.
    pub reason: Option<Reason>,
    /// The first minute.
    pub start: DateTime<Utc>,
    /// One past the last minute.
    pub end: DateTime<Utc>,
    /// Whether it ended within the day.
    pub ended: bool,
    /// What was counted, and what was expected.
    #[serde(flatten)]
    pub measured: Measured,
    /// Five levels.
    pub severity: Severity,
    /// Who, from where, with what.
    pub attributions: Vec<Attribution>,
    /// Ids of some events in it, in order of time.
    pub examples: Vec<String>,
    /// Who is behind it, if one is: who explains most of a rise, else who made most of the calls; of a drop who is missing.
    pub actor: Option<Actor>,
    /// What the principals among its attributions are called, where events tell it.
    pub names: BTreeMap<String, String>,
    /// The ARNs of principals by their identifiers, where events tell them.
    #[serde(skip)]
    pub principal_arns: BTreeMap<String, String>,
    /// What it would be, were it an attack; the most telling first.
    pub attacks: Vec<Attack>,
    /// Countries and network owners of its addresses; empty without a database to look them up in.
    pub places: Vec<Place>,
    /// One sentence for a person.
    pub sentence: String,
    /// The command that shows its events.
    pub next_query: String,
    /// How it goes on from night to night.
    pub life: Life,
    /// The story that it is a part of.
    pub incident: IncidentPart,
    /// What makes a change serious, the gravest first.
    pub concerns: Vec<Concern>,
    /// What a change was made to, the most frequent first; at most 20.
    pub changed: Vec<Changed>,
    /// Whom the entity met for the first time, where that is what it is about.
    pub new_company: Option<NewCompany>,
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn family_name<S: serde::Serializer>(family: &Family, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(family.name())
}

impl Insight {
    /// Whole minutes from start to end, at least one.
    pub fn minutes(&self) -> i64 {
        (self.end - self.start).num_minutes().max(1)
    }

    /// Whether a value has so many of the calls that it speaks for all.
    pub fn speaks_for_all(&self, share: &Share) -> bool {
        share.average >= meaning::actor::SPEAKS_FOR_ALL * self.average()
    }

    /// Those of them whose calls are counted: of nights that were left out none are.
    pub fn counted_minutes(&self) -> i64 {
        (self.minutes() - minutes_until(&self.life.left_out, self.end)).max(1)
    }

    /// Calls a minute between start and end.
    pub fn average(&self) -> f64 {
        self.measured.observed as f64 / self.counted_minutes() as f64
    }

    /// Whom it is about, for a sentence.
    pub fn subject(&self) -> String {
        meaning::sentence::subject(self.family, &self.entity, self.actor.as_ref().map(Actor::shown))
    }

    /// The APIs it is about, each as `Service/EventName`: its own, or those it is attributed to, the most telling first.
    pub fn apis(&self) -> Vec<&str> {
        match self.family {
            Family::Api => vec![&self.entity],
            Family::ApiError => vec![self.before_object()],
            _ => self.values(Attribute::Api).collect(),
        }
    }

    /// The entity without its last field, which is the object.
    fn before_object(&self) -> &str {
        let before = self.entity.strip_suffix(self.object.as_str()).and_then(|before| before.strip_suffix('/'));
        before.unwrap_or(&self.entity)
    }

    /// The service and the name of the API that its entity names, if it names one.
    pub fn own_api(&self) -> Option<(&str, &str)> {
        let place = match self.family {
            Family::Api | Family::ApiError => 0,
            // What kind of change it is comes first.
            Family::Change => 1,
            _ => return None,
        };
        self.fields.get(place).zip(self.fields.get(place + 1)).map(|(service, name)| (service.as_str(), name.as_str()))
    }

    /// The principal of a change, as `kind/id`.
    pub fn changed_by(&self) -> Option<String> {
        self.fields.get(3..).filter(|_| self.family == Family::Change).map(|principal| principal.join("/"))
    }

    /// Who, from where or with what.
    pub fn attribution(&self, attribute: Attribute) -> Option<&Attribution> {
        self.attributions.iter().find(|found| found.attribute == attribute)
    }

    /// The values of an attribute, in the order of its attribution, without what stands for many.
    pub fn values(&self, attribute: Attribute) -> impl Iterator<Item = &str> {
        let shares = self.attribution(attribute).map_or(&[][..], |found| &found.insight);
        shares.iter().map(|share| share.value.as_str()).filter(|value| *value != OTHER)
    }

    /// The p-value; 0 where it is too small for a number.
    pub fn p_value(&self) -> f64 {
        self.measured.ln_p.exp()
    }
}
