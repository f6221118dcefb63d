//! Whom an entity met for the first time, how often it meets somebody new, and what became of that: why it was told, or was not.

use serde::Serialize;

use crate::baseline::FamilyHistory;
use crate::detect::Thresholds;
use crate::detect::first_seen::trace::KindTrace;
use crate::detect::first_seen::{FirstSeen, FirstSeenTests, JUDGED, NewPartner};
use crate::detect::judgement::Judgement;
use crate::explain::answers::{Answer, Asked, Gate, answer, log10};
use crate::place::Place;
use crate::rollup::{EntityKey, Family};
use crate::shown::number;

/// New ones that are named of a kind.
const NAMED: usize = 20;

/// An entity's company of one kind on the scored day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompanyKind {
    /// The family that it met.
    pub with: &'static str,
    /// How many of that family it had met in the window before.
    pub met_before: u32,
    /// Days before on which it met any.
    pub active_days: u16,
    /// Those of the day that it had met before.
    pub known: u16,
    /// Those that it had not.
    pub new: u16,
    /// Those that it had not either, but that one principal alone came with, who is asked about them.
    pub left: u16,
    /// How many new ones were to be expected.
    pub expected_new: f64,
    /// The probability that there is a new one at all; 1 where only what others know counts.
    pub p_any: f64,
    /// `log10 P(so many, and so little known)` given that there is one; null where there is none.
    pub log10_p_beyond: Option<f64>,
    /// The share of the last days' new company that was, taken together, known to as few others.
    pub rarity: Option<f64>,
    /// The new ones, the least known to others first; at most 20.
    pub named: Vec<NewOne>,
}

/// Somebody met for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOne {
    /// Its label.
    pub name: String,
    /// How many others of the entity's family knew it before.
    pub known_to: u32,
    /// Where it is, of a network; absent where no database tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// What is known of an entity's company.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Company {
    /// Kind by kind.
    pub kinds: Vec<CompanyKind>,
    /// Why nothing was asked; `None` if something was.
    pub left_out: Option<String>,
}

/// An entity's company, and the answer to whether it is beyond its habits, if that was asked. Its family is one of `families`.
pub(super) fn company(
    tests: &FirstSeenTests,
    judgement: &Judgement<'_>,
    thresholds: &Thresholds,
    families: &[FamilyHistory],
    (family, key): (Family, &EntityKey),
) -> (Company, Option<Answer>) {
    let left_out = |why: String| (Company { kinds: Vec::new(), left_out: Some(why) }, None);
    if !JUDGED.contains(&family) {
        return left_out(format!("no pairs of the family {} are judged", family.name()));
    }
    if let Some(why) = tests.left_out() {
        return left_out(why);
    }
    let place = JUDGED.iter().position(|&judged| judged == family).map_or(0, |place| families.len() + place);
    let Some(member) = tests.member(family, key) else {
        return left_out("it was seen with nobody".to_owned());
    };
    let spelled = |other: Family, key: &EntityKey| spelled(families, other, key);
    let kinds = tests.trace(family, member, thresholds).iter().map(|kind| shown(kind, &spelled)).collect();
    let Some(ranked) = judgement.ranked(place, member as usize).next() else {
        let why = "too few active days to have habits, and whom it met is known to too many for that to tell anything";
        return (Company { kinds, left_out: Some(why.to_owned()) }, None);
    };
    let gate = tests.told(family, ranked).map(|(found, passed)| company_gate(&found, passed));
    let answer = answer(judgement, Asked::Company, ranked, tests.power(), gate);
    (Company { kinds, left_out: None }, Some(answer))
}

fn shown(kind: &KindTrace, spelled: &impl Fn(Family, &EntityKey) -> String) -> CompanyKind {
    let new_one = |partner: &NewPartner| NewOne {
        name: spelled(kind.with, &partner.key),
        known_to: partner.known_to,
        place: None,
    };
    CompanyKind {
        with: kind.with.name(),
        met_before: kind.habit.kinds,
        active_days: kind.habit.days,
        known: kind.habit.known,
        new: kind.habit.new,
        left: kind.habit.left,
        expected_new: kind.expected,
        p_any: kind.ln_any.exp(),
        log10_p_beyond: kind.ln_beyond.map(log10),
        rarity: kind.rarity,
        named: kind.partners.iter().take(NAMED).map(new_one).collect(),
    }
}

/// The label of an entity, its service as it is spelled where there is a history to tell that.
fn spelled(families: &[FamilyHistory], family: Family, key: &EntityKey) -> String {
    let history = families.iter().find(|history| history.family == family);
    let known = history.and_then(|history| Some(history.label(history.find(key)?)));
    known.unwrap_or_else(|| key.label())
}

fn company_gate(found: &FirstSeen, passed: bool) -> Gate {
    let new: usize = found.partners.iter().map(|(_, partners)| partners.len()).sum();
    let unknown = found.partners(Family::Network).iter().filter(|network| network.known_to == 0).count();
    let says = format!(
        "{} new, {} of them networks that nobody else used; needed are two, or one such network",
        number(new as u64),
        number(unknown as u64)
    );
    let hidden = match (found.hidden_days, found.is_known()) {
        (0, _) => String::new(),
        (hidden, true) => format!("; {hidden} of {} days were not counted in full", found.days),
        (hidden, false) => {
            format!("; {hidden} of {} days were not counted in full, too many to call anybody new", found.days)
        }
    };
    Gate { setting: "company", says: says + &hidden, passed }
}
