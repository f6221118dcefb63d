//! The names of users and roles: counts know principals by their lasting ids alone, people by their names.
//!
//! Names stand in the insights of the night and of those before it, and in the events. Of the events those of the one night are looked
//! through, and only where somebody is not known yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::baseline::Window;
use crate::error::Result;
use crate::event::{Column, Principal};
use crate::explain::told;
use crate::partition::Partitions;
use crate::query::{Condition, Field, Filter, Patterns, Request, Search, TimeRange, ValueTest, View};
use crate::shown::literal;

/// What tells who called.
const FIELDS: [Field; 5] = [
    Field::Column(Column::UserIdentityType),
    Field::Column(Column::PrincipalId),
    Field::Column(Column::UserName),
    Field::Column(Column::AccountId),
    Field::Column(Column::RecipientAccountId),
];
const ID: &[Column] = &[Column::PrincipalId, Column::UserName];

/// Names by principal, which is written `kind/id`.
#[derive(Debug)]
pub(super) struct Names<'a> {
    known: BTreeMap<String, BTreeSet<String>>,
    /// The events of the night, if somebody said where they are.
    events: Option<(&'a Partitions, TimeRange)>,
}

impl<'a> Names<'a> {
    /// The names that insights of the window tell; others will be looked for among the events of its night.
    pub(super) fn read(state: &Path, window: &Window, events: Option<&'a Partitions>) -> Result<Self> {
        let night = window.scored();
        let range = TimeRange::of_days(Some(night), Some(night))?;
        let mut names = Self { known: BTreeMap::new(), events: events.map(|events| (events, range)) };
        for day in (0..=window.length()).rev() {
            for told in told::read(state, window.date(day))? {
                if let Some(told::NamedPrincipal { kind, id, name: Some(name) }) = told.analysis.actor {
                    names.add(format!("{kind}/{id}"), name);
                }
            }
        }
        Ok(names)
    }

    /// Whether there are events to look through.
    pub(super) fn have_events(&self) -> bool {
        self.events.is_some()
    }

    fn add(&mut self, principal: String, name: String) {
        self.known.entry(principal).or_default().insert(name);
    }

    /// The name of a principal; of several the first in order.
    pub(super) fn of(&self, principal: &str) -> Option<&str> {
        self.known.get(principal)?.first().map(String::as_str)
    }

    /// The principals of that name, with or without its domain.
    pub(super) fn called(&mut self, name: &str) -> Result<BTreeSet<String>> {
        self.look_up(by_name(name)?);
        let fits = |known: &String| {
            let bare = known.split_once('@').map_or(known.as_str(), |(bare, _)| bare);
            known.eq_ignore_ascii_case(name) || bare.eq_ignore_ascii_case(name)
        };
        let named = self.known.iter().filter(|(_, names)| names.iter().any(fits));
        Ok(named.map(|(principal, _)| principal.clone()).collect())
    }

    /// Looks for the names of principals that have none yet.
    pub(super) fn look_for<'p>(&mut self, principals: impl IntoIterator<Item = &'p str>) -> Result<()> {
        let unknown = principals.into_iter().filter(|principal| !self.known.contains_key(*principal));
        let ids: BTreeSet<String> =
            unknown.filter_map(|principal| principal.split_once('/')).map(|(_, id)| literal(id)).collect();
        if ids.is_empty() || self.events.is_none() {
            return Ok(());
        }
        let ids: Vec<String> = ids.into_iter().collect();
        let globs = Patterns::parse(&ids, true).map_err(|mistake| mistake.of("id"))?.wanted;
        self.look_up(Condition::Test(ID, ValueTest::Globs(View::RolePart, globs)));
        Ok(())
    }

    /// Adds the names of those whose events meet a condition. What of the events cannot be read tells no name.
    fn look_up(&mut self, condition: Condition) {
        let Some((events, range)) = self.events else { return };
        let (tally, _) = Search::open(events, Filter { range, conditions: vec![condition] }).tally(&FIELDS);
        for (values, _) in tally.rows {
            let [kind, id, name, account, recipient] = [0, 1, 2, 3, 4].map(|field: usize| values[field].as_deref());
            let principal = Principal::from_fields(kind, id.or(name), None, account.or(recipient));
            if let Some((found, name)) = principal.zip(name) {
                let name = name.split_once(':').map_or(name, |(role, _)| role);
                self.add(format!("{}/{}", found.kind.name(), found.id), name.to_owned());
            }
        }
    }
}

/// The events of users and roles of a name, whatever their domain.
fn by_name(name: &str) -> Result<Condition> {
    let names = vec![literal(name), format!("{}@*", literal(name))];
    let (user, role) =
        (Request { user: names.clone(), ..Request::default() }, Request { role: names, ..Request::default() });
    let all = |request: &Request| Ok(Condition::All(Filter::parse(request, 0)?.conditions));
    Ok(Condition::Any(vec![all(&user)?, all(&role)?]))
}
