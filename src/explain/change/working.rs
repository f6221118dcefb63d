//! Judging the changes of a night again, and looking at their events, if somebody says where they are.
//!
//! Counts are judged from rollups alone. What only requests tell is taken over from what the night reported where
//! events are not read.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::change::{PrincipalChanges, Reason};
use crate::error::Result;
use crate::evaluate::matching::canonical;
use crate::evaluate::reported::Found as FoundInsight;
use crate::event::ChangeKind;
use crate::explain::answers::log10;
use crate::explain::change::concerns::{self, Found, LessThanBefore};
use crate::explain::change::events::{Seen, SeenChanges};
use crate::explain::change::subject::{Subject, hours, meant};
use crate::explain::change::{Attempts, Change, Changes, Event, rules};
use crate::explain::names::Names;
use crate::explain::question::Question;
use crate::explain::told::{self, NamedPrincipal, ReportedInsight};
use crate::insight::life::trail::TrailBook;
use crate::insight::meaning::habits::{Habits, principal_of};
use crate::insight::meaning::severity::{ChangeFacts, Step, Touched, all_failed, change_steps, changes_own_password};
use crate::insight::{Actor, Concern};
use crate::partition::Partitions;
use crate::rollup::Family;
use crate::settings::Settings;
use crate::time::HourSpan;

/// Events that are kept of a change.
const KEPT: usize = 1_000;

/// What changes are asked about, in which night, and where its events are, if somebody said.
pub(in crate::explain) struct Asked<'a> {
    pub(in crate::explain) state: &'a Path,
    pub(in crate::explain) window: &'a Window,
    pub(in crate::explain) settings: &'a Settings,
    pub(in crate::explain) events: Option<&'a Partitions>,
    pub(in crate::explain) question: &'a Question,
    /// The insight that is meant, if one is.
    pub(in crate::explain) insight: Option<&'a FoundInsight>,
}

/// What is known of a night.
struct Known<'a> {
    asked: &'a Asked<'a>,
    history: FamilyHistory,
    feed: Feed,
    habits: Habits,
    names: Names<'a>,
    told: Vec<ReportedInsight>,
    seen: SeenChanges,
    /// The changes of the day before, which silences follow.
    seen_before: SeenChanges,
    less: LessThanBefore,
}

/// Explains the changes that are asked about.
pub(in crate::explain) fn explain(asked: &Asked<'_>) -> Result<Changes> {
    let Asked { state, window, question, .. } = *asked;
    let history = FamilyHistory::read(state, Family::Change, window)?;
    let feed = Feed::judge(&FamilyHistory::read(state, Family::Api, window)?, window, &asked.settings.calendar);
    let mut names = Names::read(state, window, asked.events)?;
    let all = Subject::all(&history, window, &feed);
    let subjects = match asked.insight {
        Some(found) => all.iter().filter(|subject| subject.is_of(found, &history)).cloned().collect(),
        None => meant(all.clone(), question, &history, window, &mut names)?,
    };
    let principals: Vec<String> = subjects.iter().map(|subject| subject.judged.principal.clone()).collect();
    names.look_for(principals.iter().map(String::as_str))?;
    let keys = subjects.iter().map(|subject| principal_of(subject.key(&history))).collect();
    let callers = FamilyHistory::read(state, Family::Principal, window)?;
    let habits = Habits::read(state, window, Some(&callers), &keys)?;
    let told = told::read(state, window.scored())?;
    let (seen, seen_before) = (SeenChanges::default(), SeenChanges::default());
    let less = LessThanBefore::new();
    let mut known = Known { asked, history, feed, habits, names, told, seen, seen_before, less };
    known.look_at_events(&all, &subjects)?;
    Ok(Changes {
        date: window.scored(),
        family: Family::Change.name(),
        days_of_history: window.days_of_history(),
        events_from: known.events_from(),
        changes: subjects.iter().map(|subject| known.change(subject)).collect(),
    })
}

/// How serious a change is, step by step; nothing where there is no reason to tell of it.
fn severity(
    judged: &PrincipalChanges,
    principal: &NamedPrincipal,
    apis: &[Attempts],
    concerns: &[Concern],
) -> Vec<Step> {
    let Some(reason) = judged.reason else { return Vec::new() };
    let (calls, errors) = sums(apis);
    let is_own = |api: &Attempts| api.api.rsplit('/').next().is_some_and(changes_own_password);
    let NamedPrincipal { kind, id, name } = principal.clone();
    change_steps(ChangeFacts {
        touched: Touched::of(
            judged.kind == ChangeKind::Trail,
            judged.kind == ChangeKind::Password && !apis.is_empty() && apis.iter().all(is_own),
        ),
        reason,
        all_failed: all_failed(errors, calls),
        is_privileged: Actor { kind, id, name }.is_privileged(),
        concerns,
    })
}

/// Attempts through all of them, and those that failed.
fn sums(apis: &[Attempts]) -> (u64, u64) {
    (apis.iter().map(|api| api.calls).sum(), apis.iter().map(|api| api.errors).sum())
}

impl Known<'_> {
    /// Reads the events of the subjects, and of all changes of the trails that they touched, for what these were
    /// before.
    fn look_at_events(&mut self, all: &[Subject], subjects: &[Subject]) -> Result<()> {
        let Asked { state, window, events: Some(events), .. } = *self.asked else { return Ok(()) };
        let date = window.scored();
        let made = |subject: &&Subject| subject.silence.is_none();
        let is_trail = |subject: &&Subject| subject.judged.kind == ChangeKind::Trail;
        let accounts: Vec<&str> =
            subjects.iter().filter(made).filter(is_trail).map(|subject| subject.judged.account.as_str()).collect();
        let of_trails = |subject: &&Subject| is_trail(subject) && accounts.contains(&subject.judged.account.as_str());
        let needed = subjects.iter().filter(made).chain(all.iter().filter(made).filter(of_trails));
        let members = needed.flat_map(|subject| subject.members.iter().copied());
        self.seen = SeenChanges::read(events, date, &self.history, members)?;
        let silences = subjects.iter().filter(|subject| subject.silence.is_some());
        let quiet = subjects.iter().filter_map(|subject| subject.silence).map(|silence| silence.days_before).max();
        let before = date - chrono::Days::new(quiet.unwrap_or(0) as u64 + 1);
        let members = silences.flat_map(|subject| subject.members.iter().copied());
        self.seen_before = SeenChanges::read(events, before, &self.history, members)?;
        let mut book = TrailBook::read_before(state, date)?;
        let accounts: std::collections::BTreeSet<&str> = accounts.into_iter().collect();
        for account in accounts {
            let own = all.iter().filter(made).filter(is_trail).filter(|subject| subject.judged.account == account);
            let members: Vec<usize> = own.flat_map(|subject| subject.members.iter().copied()).collect();
            self.less.extend(concerns::lessened(account, &mut book, &self.seen.of(&self.history, &members)));
        }
        Ok(())
    }

    fn events_from(&self) -> String {
        let Some(events) = self.asked.events else {
            return "events were not read; --events EVENTS lists them and shows what their requests say".to_owned();
        };
        let problems: Vec<&str> =
            self.seen.problems.iter().chain(&self.seen_before.problems).map(String::as_str).collect();
        let cut =
            if self.seen.cut || self.seen_before.cut { "; only the latest of the day were looked at" } else { "" };
        let left_out = if problems.is_empty() { String::new() } else { format!("; not read: {}", problems.join("; ")) };
        format!("events from {}{cut}{left_out}", events.root().display())
    }

    fn change(&self, subject: &Subject) -> Change {
        let is_silence = subject.silence.is_some();
        let seen = if is_silence { &self.seen_before } else { &self.seen }.of(&self.history, &subject.members);
        let reported = self.told.iter().find(|told| self.is_of(subject, told)).cloned();
        let apis = if is_silence { Vec::new() } else { self.attempts(subject) };
        let (calls, errors) = sums(&apis);
        let found = self.concerns(subject, &seen, reported.as_ref());
        let grave: Vec<Concern> = found.keys().copied().collect();
        let subject = &subject.clone().with_concerns(&grave);
        let judged = &subject.judged;
        let principal = self.principal(judged.principal.as_str(), &seen, reported.as_ref());
        let severity = severity(judged, &principal, &apis, &grave);
        let hours = hours(subject, &self.history, self.asked.window);
        let past = self.past(subject);
        Change {
            account: judged.account.clone(),
            kind: judged.kind.name(),
            service: self.history.service(subject.members[0]).unwrap_or_default().to_owned(),
            hours: HourSpan::new(hours.first().copied().unwrap_or(0), hours.last().map_or(24, |last| last + 1)),
            calls,
            errors,
            reason: judged.reason,
            verdict: rules::verdict(subject),
            rules: rules::rules(subject, self.asked.window, &past),
            before: judged.past,
            days_before: past.len(),
            last_before: past.last_key_value().map(|(day, _)| *day),
            today: if is_silence { 0 } else { judged.today },
            expected: subject.silence.map_or(judged.expected, |silence| silence.usual),
            log10_p: if is_silence { 0.0 } else { log10(judged.ln_p) },
            usual_up_to: judged.usual_up_to(),
            concerns: concerns::said(found),
            severity,
            otherwise: rules::otherwise(subject, self.asked.window),
            more_events: seen.len().saturating_sub(KEPT) as u64,
            events: seen.into_iter().take(KEPT).map(|seen| seen.event.clone()).collect::<Vec<Event>>(),
            principal,
            apis,
            reported,
        }
    }

    /// Whether the night told of a subject by this insight.
    fn is_of(&self, subject: &Subject, told: &ReportedInsight) -> bool {
        let label = canonical(Family::Change.name(), &self.history.label(subject.members[0]));
        told.analysis.family == Family::Change.name()
            && told.account == subject.judged.account
            && (told.analysis.reason == Some(Reason::Silence)) == subject.silence.is_some()
            && canonical(Family::Change.name(), &told.analysis.entity) == label
    }

    fn attempts(&self, subject: &Subject) -> Vec<Attempts> {
        let of = |&member: &usize| {
            let (_, today) = self.history.split(member, self.asked.window);
            let label = self.history.label(member);
            Attempts {
                api: label.splitn(4, '/').skip(1).take(2).collect::<Vec<_>>().join("/"),
                calls: today.iter().map(|hour| u64::from(hour.calls)).sum(),
                errors: today.iter().map(|hour| u64::from(hour.errors)).sum(),
            }
        };
        subject.members.iter().map(of).collect()
    }

    /// Attempts of the kind by the principal on the days before.
    fn past(&self, subject: &Subject) -> BTreeMap<NaiveDate, u64> {
        let window = self.asked.window;
        let own = self.history_of(subject);
        let mut past = BTreeMap::new();
        for hour in own.flat_map(|member| self.history.split(member, window).0) {
            *past.entry(window.date(hour.day())).or_default() += u64::from(hour.calls);
        }
        past
    }

    fn history_of<'s>(&'s self, subject: &'s Subject) -> impl Iterator<Item = usize> + 's {
        let judged = &subject.judged;
        (0..self.history.len()).filter(move |&member| {
            let key = self.history.key(member);
            key.account() == judged.account
                && key.fields().nth(1) == Some(judged.kind.name())
                && key.fields().skip(4).collect::<Vec<_>>().join("/") == judged.principal
        })
    }

    /// The principal; what its events call it most often in the order of names comes before what others do.
    fn principal(&self, principal: &str, seen: &[&Seen], reported: Option<&ReportedInsight>) -> NamedPrincipal {
        if let Some(actor) = reported.and_then(|told| told.analysis.actor.clone()) {
            return actor;
        }
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for name in seen.iter().filter_map(|change| change.event.name.as_deref()) {
            *names.entry(name.split_once(':').map_or(name, |(role, _)| role)).or_default() += 1;
        }
        let often = names.into_iter().max_by(|left, right| left.1.cmp(&right.1).then(right.0.cmp(left.0)));
        let name = often.map(|(name, _)| name).or_else(|| self.names.of(principal)).map(str::to_owned);
        let (kind, id) = principal.split_once('/').unwrap_or(("unknown", principal));
        NamedPrincipal { kind: kind.to_owned(), id: id.to_owned(), name }
    }

    /// What makes it serious, each with what says so. What only requests tell is taken over from the night where they
    /// were not read.
    fn concerns(&self, subject: &Subject, seen: &[&Seen], reported: Option<&ReportedInsight>) -> Found {
        let judged = &subject.judged;
        let is_known = judged.reason.is_some() || self.asked.events.is_some() || reported.is_some();
        if subject.silence.is_some() || !is_known {
            return Found::new();
        }
        let mut found = concerns::of_requests(judged.kind, seen);
        concerns::of_trails(&mut found, seen, &self.less);
        let sources: Vec<&str> = seen.iter().filter_map(|change| change.event.source_ip_address.as_deref()).collect();
        let told = reported.into_iter().flat_map(|told| told.analysis.concerns.iter());
        let told: Vec<Concern> = told.filter_map(|name| Concern::named(name)).collect();
        let hour = hours(subject, &self.history, self.asked.window).first().copied().unwrap_or(0);
        concerns::of_habits(&mut found, &self.habits, &principal_of(subject.key(&self.history)), &sources, hour);
        if judged.kind == ChangeKind::Trail {
            concerns::of_feed(&mut found, &self.feed, &judged.account, hour);
        }
        let principal = principal_of(subject.key(&self.history));
        for concern in told {
            found.entry(concern).or_insert_with(|| concerns::of_the_night(concern, &self.habits, &principal));
        }
        found
    }
}
