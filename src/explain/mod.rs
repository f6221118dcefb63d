//! Why the job thinks what it thinks of an entity's day, whether it alarmed or not.
//!
//! [`question`] finds out which entity and which night is meant; [`working`] judges that night again from the rollups and keeps what the
//! job throws away: every layer of the baseline ([`composition`]), every window, every rank and gate ([`answers`]), all that was new about its
//! [`company`]. [`text`] and [`page`] show it to a person. Who contributed is what the rollups' pairs tell; events are opened for the
//! [`names`] of principals and for [`change`]s, which are judged by what they mean, and only if somebody says where they are.
//! Nothing here decides anything.

pub mod answers;
pub mod change;
pub mod company;
pub mod composition;
mod names;
pub mod page;
pub mod partners;
pub mod question;
mod tables;
pub mod text;
pub mod told;
mod working;

use chrono::NaiveDate;
use serde::Serialize;

use crate::detect::trace::HourExpected;
use crate::detect::{Direction, Model, Span};
use crate::explain::answers::{Answer, Asked, Enough};
use crate::explain::company::Company;
use crate::explain::composition::Composition;
use crate::explain::partners::Partner;
use crate::insight::LeftToCaller;
use crate::place::{Place, PlaceBook};
use crate::rollup::Family;

pub use working::explain;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Explained {
    /// How the rates of an entity's day were judged.
    Rates(Box<Explanation>),
    /// How changes were.
    Changes(change::Changes),
}

impl Explained {
    /// Adds where its addresses and networks are: the entity, whom it met, or those that changes were made from.
    pub fn locate(&mut self, places: &PlaceBook) {
        match self {
            Self::Rates(explanation) => explanation.locate(places),
            Self::Changes(changes) => changes.locate(places),
        }
    }

    /// For a terminal of that width, if there is one.
    pub fn text(&self, width: Option<u16>) -> String {
        match self {
            Self::Rates(explanation) => text::text(explanation, width),
            Self::Changes(changes) => change::text::text(changes, width),
        }
    }

    /// As a page that needs nothing else.
    pub fn page(&self) -> String {
        match self {
            Self::Rates(explanation) => page::page(explanation),
            Self::Changes(changes) => change::page::page(changes),
        }
    }
}

/// How an entity's day was judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The judged day.
    pub date: NaiveDate,
    /// The family's name.
    pub family: &'static str,
    /// The account.
    pub account: String,
    /// The entity, fields joined by slashes.
    pub entity: String,
    /// The name that people know it by, of a principal; null where nothing tells it.
    pub called: Option<String>,
    /// Where it is, of an address; absent where no database tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// By which model.
    pub model: Model,
    /// Days of history of all.
    pub days_of_history: usize,
    /// Days for which the entity was known.
    pub days_known: usize,
    /// How the expected count of the most telling hour, or of the day, comes about.
    pub composition: Composition,
    /// The scored day, hour by hour.
    pub hours: Vec<HourExpected>,
    /// Every window that was looked at, the most unlikely first.
    pub windows: Vec<WindowShown>,
    /// What was asked about the day, and the answers.
    pub answers: Vec<Answer>,
    /// How many calls in its most unlikely hour would have been reported.
    pub enough: Option<Enough>,
    /// Since when it has a level that nothing more is said of, if it has.
    pub absorbed: Option<Absorbed>,
    /// Rises of it that were left to the principal that made them.
    pub left_to_callers: Vec<LeftToCaller>,
    /// Whom it met for the first time.
    pub company: Company,
    /// With whom it was seen that day, and how often before.
    pub partners: Vec<Partner>,
    /// What was reported of it that night.
    pub reported: Vec<Reported>,
    /// Changes of permissions, passwords and the trail that it made, of a principal.
    pub changes: u64,
}

impl Explanation {
    fn locate(&mut self, places: &PlaceBook) {
        if self.family == Family::SourceIp.name() {
            self.place = places.look_up(&self.entity);
        }
        let network = Family::Network.name();
        for kind in self.company.kinds.iter_mut().filter(|kind| kind.with == network) {
            kind.named.iter_mut().for_each(|new| new.place = places.look_up(&new.name));
        }
        for partner in self.partners.iter_mut().filter(|partner| partner.family == network) {
            partner.place = places.look_up(&partner.name);
        }
    }

    /// Whether single hours have an expectation.
    pub fn is_hourly(&self) -> bool {
        self.model == Model::Seasonal
    }

    /// How many calls would have been enough, for people: not where too few in that hour were reported all the same, by a wider window, nor
    /// while a higher level is taken for new.
    pub fn what_would_be_enough(&self) -> Option<Enough> {
        if self.absorbed.as_ref().is_some_and(|level| level.direction == Direction::Up) {
            return None;
        }
        let is_reported =
            |asked: &dyn Fn(Asked) -> bool| self.answers.iter().any(|answer| answer.reported && asked(answer.asked));
        let (rise, any) = (is_reported(&|asked| asked == Asked::Rise), is_reported(&|_| true));
        self.enough.filter(|enough| rise == any && rise == (enough.calls >= enough.needed))
    }
}

/// A new level of which nothing more is said: it deviated in this way on so many nights, none of those between being usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Absorbed {
    /// Which way.
    pub direction: Direction,
    /// The first of the nights.
    pub since: NaiveDate,
    /// How many there were until the night before.
    pub nights: u32,
    /// Whether it deviates in this way tonight as well, and is not told for it.
    pub lasts: bool,
    /// With how many calls a day it would be told again, of a drop at most so many; nights of earlier versions left none.
    pub told_again_from: Option<u64>,
}

/// A window beside what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WindowShown {
    /// Which.
    pub span: Span,
    /// The calls in it.
    pub observed: u64,
    /// The calls that were expected.
    pub expected: f64,
    /// Which way it deviates.
    pub direction: Direction,
    /// Its own p-value, as a power of ten.
    pub log10_p: f64,
    /// Corrected for all windows of the day.
    pub log10_corrected_p: f64,
}

/// An insight that tells of the entity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reported {
    /// Its id.
    pub id: String,
    /// Which way.
    pub direction: Direction,
    /// The first minute, RFC 3339.
    pub start: String,
    /// One past the last that was told of.
    pub end: String,
    /// Whether nothing says that it was over by then.
    pub is_open: bool,
}
