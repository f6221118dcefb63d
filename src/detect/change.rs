//! Changes of permissions, passwords and the trail: reported by their meaning, not by their volume.
//!
//! *What it flags*: every attempt on the trail; changes of permissions and passwords that are a first by their principal, that
//! are more than this principal ever makes (p below 1 %), or that come while there is no history to compare with.
//! *Statistic*: the gamma-Poisson predictive tail of the principal's changes of that kind in a day.
//! *Assumptions*: a principal's days are exchangeable. *When it is wrong*: when changes are batched and come in clumps; then it
//! reports too much, which is the safer side. *Parameters*: none; no size gate silences a change.

use std::collections::BTreeMap;

use crate::baseline::{FamilyHistory, Window};
use crate::event::ChangeKind;
use crate::stats::NegativeBinomial;

/// Days of history from which a first is a first.
const HISTORY_DAYS: usize = 7;
/// Below this p-value a day holds more changes than usual.
const UNUSUAL_BELOW: f64 = 0.01;

/// Why a change is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The trail was touched: always reported.
    Trail,
    /// This principal never made a change of this kind before.
    First,
    /// More changes than this principal makes.
    Unusual,
    /// There is no history to compare with.
    NoHistory,
}

/// Changes of one kind by one principal through one service on the scored day.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeFound {
    /// What was changed.
    pub kind: ChangeKind,
    /// Why it is reported.
    pub reason: Reason,
    /// The entities of the change family, one an API.
    pub members: Vec<usize>,
    /// Attempts.
    pub calls: u64,
    /// Failed attempts among them.
    pub errors: u64,
    /// Attempts that were expected of the principal on a day.
    pub expected: f64,
    /// The natural logarithm of the p-value.
    pub ln_p: f64,
    /// The hours of the day, first and one past the last.
    pub hours: (u8, u8),
}

/// Changes by account, kind and principal.
#[derive(Debug, Default)]
struct PrincipalChanges {
    past: u64,
    today: u64,
    by_service: BTreeMap<String, Vec<usize>>,
}

/// Finds the changes that are to be reported.
pub fn detect(history: &FamilyHistory, window: &Window) -> Vec<ChangeFound> {
    let mut principals: BTreeMap<(String, ChangeKind, String), PrincipalChanges> = BTreeMap::new();
    for member in 0..history.len() {
        let fields: Vec<&str> = history.key(member).fields().collect();
        let [account, kind, service, _, principal_kind, principal] = fields[..] else { continue };
        let Some(kind) = ChangeKind::named(kind) else { continue };
        let who = format!("{principal_kind}/{principal}");
        let changes = principals.entry((account.to_owned(), kind, who)).or_default();
        let (past, today) = history.split(member, window);
        changes.past += past.iter().map(|hour| u64::from(hour.calls)).sum::<u64>();
        changes.today += today.iter().map(|hour| u64::from(hour.calls)).sum::<u64>();
        if !today.is_empty() {
            changes.by_service.entry(service.to_owned()).or_default().push(member);
        }
    }
    let days = window.days_of_history();
    let found = principals.iter().flat_map(|((_, kind, _), changes)| judge(history, window, *kind, changes, days));
    found.collect()
}

fn judge(
    history: &FamilyHistory,
    window: &Window,
    kind: ChangeKind,
    changes: &PrincipalChanges,
    days: usize,
) -> Vec<ChangeFound> {
    let expected = (changes.past as f64 + 0.5) / (days as f64 + 1.0);
    let ln_p = NegativeBinomial::new(expected, changes.past as f64 + 0.5)
        .map_or(0.0, |predictive| predictive.ln_upper(changes.today));
    let reason = match kind {
        ChangeKind::Trail => Some(Reason::Trail),
        _ if days < HISTORY_DAYS => Some(Reason::NoHistory),
        _ if changes.past == 0 => Some(Reason::First),
        _ if ln_p < UNUSUAL_BELOW.ln() => Some(Reason::Unusual),
        _ => None,
    };
    let Some(reason) = reason else { return Vec::new() };
    let found =
        changes.by_service.values().map(|members| summed(history, window, members, kind, reason, expected, ln_p));
    found.collect()
}

fn summed(
    history: &FamilyHistory,
    window: &Window,
    members: &[usize],
    kind: ChangeKind,
    reason: Reason,
    expected: f64,
    ln_p: f64,
) -> ChangeFound {
    let today = || members.iter().flat_map(|&member| history.split(member, window).1);
    let hour = |hour: u16| (usize::from(hour) - window.length() * 24) as u8;
    let first = today().map(|found| hour(found.hour)).min().unwrap_or(0);
    let last = today().map(|found| hour(found.hour)).max().unwrap_or(0);
    ChangeFound {
        kind,
        reason,
        members: members.to_vec(),
        calls: today().map(|found| u64::from(found.calls)).sum(),
        errors: today().map(|found| u64::from(found.errors)).sum(),
        expected,
        ln_p,
        hours: (first, last + 1),
    }
}
