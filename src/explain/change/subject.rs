//! Which changes of a night there are to explain, and which of them is meant.

use std::collections::BTreeSet;

use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::change::{PrincipalChanges, Reason, judged, silences};
use crate::error::{Error, Result};
use crate::evaluate::matching::canonical;
use crate::evaluate::reported::Found;
use crate::event::ChangeKind;
use crate::explain::names::Names;
use crate::explain::question::Question;
use crate::insight::Concern;
use crate::rollup::{EntityKey, Family};
use crate::shown::counted;
use crate::time::HourSpan;

/// Those who made changes that an error names.
const NAMED: usize = 8;

/// Changes of one kind by one principal through one service, or a silence after some.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// What is thought of all changes of the kind by the principal; of a silence, of those of the day before.
    pub(super) judged: PrincipalChanges,
    /// The entities, one an API.
    pub(super) members: Vec<usize>,
    /// The silence, if it is one.
    pub(super) silence: Option<Quiet>,
}

/// When nothing came, or next to nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    /// The hours of the scored day.
    pub(super) hours: HourSpan,
    /// The whole days before it.
    pub(super) days_before: usize,
    /// The calls that came nevertheless.
    pub(super) calls: u64,
    /// Those that were expected.
    pub(super) usual: f64,
}

impl Subject {
    /// The same with what its requests say: usual changes of permissions are reported if that is grave.
    pub(super) fn with_concerns(mut self, concerns: &[Concern]) -> Self {
        let is_grave = self.judged.kind == ChangeKind::Permission && concerns.iter().any(|concern| concern.is_grave());
        self.judged.reason = self.judged.reason.or(is_grave.then_some(Reason::Grave));
        self
    }

    /// All of a night.
    pub(super) fn all(history: &FamilyHistory, window: &Window, feed: &Feed) -> Vec<Self> {
        let all = judged(history, window);
        let made = all.iter().flat_map(|judged| {
            let made = |members: &Vec<usize>| Self { judged: judged.clone(), members: members.clone(), silence: None };
            judged.by_service.values().map(made)
        });
        let mut subjects: Vec<Self> = made.collect();
        for silence in silences(history, window, feed) {
            let key = history.key(silence.members[0]);
            let principal = key.fields().skip(4).collect::<Vec<_>>().join("/");
            let is_own = |judged: &&PrincipalChanges| {
                judged.kind == ChangeKind::Trail && judged.account == key.account() && judged.principal == principal
            };
            let own = all
                .iter()
                .find(is_own)
                .cloned()
                .map(|judged| PrincipalChanges { reason: Some(Reason::Silence), ..judged });
            subjects.extend(own.map(|judged| Self {
                judged,
                members: silence.members,
                silence: Some(Quiet {
                    hours: silence.hours,
                    days_before: silence.days_before,
                    calls: silence.calls,
                    usual: silence.expected,
                }),
            }));
        }
        subjects
    }

    /// The key of its first entity: account, kind, service, API and principal.
    pub(super) fn key<'h>(&self, history: &'h FamilyHistory) -> &'h EntityKey {
        history.key(self.members[0])
    }

    /// Who made them, as `kind/id`.
    pub(super) fn principal(&self, history: &FamilyHistory) -> String {
        self.key(history).fields().skip(4).collect::<Vec<_>>().join("/")
    }

    /// Whether an insight is about it.
    pub(super) fn is_of(&self, found: &Found, history: &FamilyHistory) -> bool {
        let is_silence = found.direction == crate::detect::Direction::Down;
        found.account == self.key(history).account()
            && is_silence == self.silence.is_some()
            && canonical(Family::Change.name(), &history.label(self.members[0])) == found.entity
    }

    /// Whether a name stands for it: its account, kind or service, one of its entities, or its principal.
    fn is_called(&self, about: &str, history: &FamilyHistory, principals: &BTreeSet<String>) -> bool {
        let principal = self.principal(history);
        let id = principal.split_once('/').map_or("", |(_, id)| id);
        let labels = self.members.iter().flat_map(|&member| [history.label(member), history.key(member).label()]);
        let mut names: Vec<String> = self.key(history).fields().take(3).map(str::to_owned).collect();
        names.extend([id.to_owned(), principal.clone()]);
        principals.contains(&principal) || names.into_iter().chain(labels).any(|name| name.eq_ignore_ascii_case(about))
    }
}

/// The changes that are meant by a name.
///
/// # Errors
/// When there are none, or a name stands for several principals.
pub(super) fn meant(
    subjects: Vec<Subject>,
    question: &Question,
    history: &FamilyHistory,
    window: &Window,
    names: &mut Names<'_>,
) -> Result<Vec<Subject>> {
    let about = question.about.as_str();
    let principals = names.called(about)?;
    let is_of_account = |account: &str| question.account.as_deref().is_none_or(|asked| asked == account);
    let is_meant = |subject: &Subject| {
        is_of_account(subject.key(history).account()) && subject.is_called(about, history, &principals)
    };
    let (meant, others): (Vec<Subject>, Vec<Subject>) = subjects.into_iter().partition(is_meant);
    if meant.is_empty() {
        names.look_for(
            others.iter().map(|subject| subject.principal(history)).collect::<Vec<_>>().iter().map(String::as_str),
        )?;
        return Err(nobody(about, &others, history, window, names));
    }
    let named: BTreeSet<String> = meant
        .iter()
        .map(|subject| subject.principal(history))
        .filter(|principal| principals.contains(principal))
        .collect();
    if named.len() > 1 {
        let listed: Vec<String> = named.iter().map(|principal| format!("  --family change {principal}")).collect();
        return Err(Error::Query {
            message: format!("several principals are called `{about}`:\n{}", listed.join("\n")),
            hint: Some("say which by its id".to_owned()),
        });
    }
    let at = |subject: &Subject| question.hour.is_none_or(|hour| hours(subject, history, window).contains(&hour));
    let (meant, at_other_hours): (Vec<Subject>, Vec<Subject>) = meant.into_iter().partition(at);
    match (meant.is_empty(), question.hour) {
        (true, Some(hour)) => Err(Error::Query {
            message: format!("`{about}` made no change in the hour from {hour:02}:00, UTC"),
            hint: Some(format!(
                "leave out --hour: {} that day",
                counted(at_other_hours.len() as u64, "change", "changes")
            )),
        }),
        _ => Ok(meant),
    }
}

/// The hours of the scored day in which changes were made, or of the silence.
pub(super) fn hours(subject: &Subject, history: &FamilyHistory, window: &Window) -> Vec<u8> {
    if let Some(Quiet { hours, .. }) = subject.silence {
        return hours.hours().collect();
    }
    let of_day = |&member: &usize| history.split(member, window).1.iter().map(|hour| (hour.hour % 24) as u8);
    let mut hours: Vec<u8> = subject.members.iter().flat_map(of_day).collect();
    hours.sort_unstable();
    hours.dedup();
    hours
}

/// That nobody of that name changed anything; who did stands in the hint.
fn nobody(about: &str, others: &[Subject], history: &FamilyHistory, window: &Window, names: &Names<'_>) -> Error {
    let shown = |subject: &Subject| {
        let principal = subject.principal(history);
        names.of(&principal).map_or(principal.clone(), |name| format!("{principal} ({name})"))
    };
    let mut known: Vec<String> = others.iter().map(shown).collect();
    known.sort();
    known.dedup();
    let more = known.len().saturating_sub(NAMED);
    known.truncate(NAMED);
    known.extend((more > 0).then(|| format!("{more} others")));
    let hint = match (known.is_empty(), names.have_events()) {
        (true, _) => "nobody did; `insights explain` without --family change asks about rates".to_owned(),
        (false, true) => format!("these did: {}", known.join(", ")),
        (false, false) => format!("these did: {}; with --events EVENTS names are looked up", known.join(", ")),
    };
    let message = format!("`{about}` changed no permission, no password and no trail on {}", window.scored());
    Error::Query { message, hint: Some(hint) }
}
