//! Insights about entities that met somebody for the first time.
//!
//! Such an insight is about the events with the new partners alone: they were never seen with the entity before, so what was to be
//! expected of them is nothing.

use chrono::NaiveDate;

use crate::baseline::FamilyHistory;
use crate::detect::Model;
use crate::detect::first_seen::FirstSeen;
use crate::insight::build::draft::{Subject, id, moment, rate_type};
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::Usual;
use crate::insight::findings::night::NightFindings;
use crate::insight::findings::targets::hours_of_new_company;
use crate::insight::meaning::complete::complete;
use crate::insight::meaning::new_company::{LISTED, NewCompany};
use crate::insight::{Insight, Measured};
use crate::rollup::{EntityKey, Family};
use crate::stats::score;

/// The insight of an entity's new company.
pub(in crate::insight) fn insight(
    findings: &NightFindings,
    found: &FirstSeen,
    (evidence, usual): (&Evidence, &Usual),
    date: NaiveDate,
) -> Insight {
    let history = findings.history(found.family);
    let fields = spelled(history, &found.key);
    let hours = hours_of_new_company(found, history);
    let minute = |minute: usize| moment(date, hours.minutes(0).start + minute as i64);
    let insight_type = rate_type(found.family);
    let subject = Subject {
        id: id(insight_type, found.key.account(), &fields.join("/"), date, Model::FirstSeen.name()),
        insight_type,
        account: found.key.account().to_owned(),
        family: found.family,
        fields,
        object: found.key.fields().last().unwrap_or_default().to_owned(),
    };
    let mut insight = Insight {
        model: Some(Model::FirstSeen),
        start: minute(evidence.span.0),
        end: minute(evidence.span.1),
        measured: Measured {
            ln_p: found.ln_p,
            ln_q: Some(found.ln_q),
            score: score(found.ln_p.min(0.0)).unwrap_or(0.0),
            days_known: found.days,
            days_hidden: found.hidden_days,
            ..Measured::counted(evidence)
        },
        new_company: Some(new_company(findings, found, evidence)),
        ..subject.draft(evidence, date)
    };
    complete(&mut insight, evidence, usual);
    insight
}

fn new_company(findings: &NightFindings, found: &FirstSeen, evidence: &Evidence) -> NewCompany {
    let listed = |family: Family| {
        let partners = found.partners(family).iter().take(LISTED);
        partners.map(|partner| spelled(findings.history(family), &partner.key).join("/")).collect()
    };
    let company = NewCompany {
        networks: listed(Family::Network),
        apis: listed(Family::Api),
        regions: listed(Family::Region),
        total: found.partners.iter().map(|(_, partners)| partners.len()).sum(),
        unknown_network: found.partners(Family::Network).iter().any(|partner| partner.known_to == 0),
        usual: found.usual,
        days: found.days,
        silent_days: found.silent_days,
        shared: None,
    };
    let is_shared = |family: &Family| {
        found.partners(*family).len() <= LISTED && company.calls_with(*family, evidence) == evidence.calls()
    };
    let shared = [Family::Network, Family::Region, Family::Api].into_iter().find(is_shared);
    NewCompany { shared, ..company }
}

/// The fields of an entity's key, its service as it is spelled where there is a history to tell that.
fn spelled(history: Option<&FamilyHistory>, key: &EntityKey) -> Vec<String> {
    let known = history.and_then(|history| Some(history.spelled(history.find(key)?)));
    known.unwrap_or_else(|| key.fields().skip(1).map(str::to_owned).collect())
}
