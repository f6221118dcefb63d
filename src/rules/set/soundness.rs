//! Whether correlations can work: their members are there, know the fields that are asked for, and lead nowhere in a
//! circle.
//!
//! A correlation whose member is refused cannot be used either, so all are asked again until none is left.

use crate::rules::InsightInput;
use crate::rules::plan::{Body, Correlation, Member};
use crate::rules::refusal::{Refusal, instead};
use crate::rules::set::RuleSet;
use crate::rules::set::links::key_name;

/// Why a rule cannot be used, and what to write instead.
type Reason = (String, String);

impl RuleSet {
    /// Takes out correlations that lead back to themselves, then those with members that are not there, until none is
    /// left.
    pub(super) fn refuse_unsound_correlations(&mut self) {
        let circles: Vec<Option<Reason>> = (0..self.rules.len()).map(|position| self.circle(position)).collect();
        self.refuse(circles);
        loop {
            let reason = |correlation| self.missing_member(correlation).or_else(|| self.keyless(correlation));
            let reasons: Vec<Option<Reason>> =
                (0..self.rules.len()).map(|position| self.correlation(position).and_then(reason)).collect();
            if !self.refuse(reasons) {
                return;
            }
        }
    }

    /// Takes out the rules for which there is a reason; whether there were any.
    fn refuse(&mut self, reasons: Vec<Option<Reason>>) -> bool {
        let before = self.rules.len();
        for (rule, reason) in std::mem::take(&mut self.rules).into_iter().zip(reasons) {
            match reason {
                Some((found, instead)) => self.refusals.push(Refusal { place: rule.place, found, instead }),
                None => self.rules.push(rule),
            }
        }
        self.rules.len() < before
    }

    fn missing_member(&self, correlation: &Correlation) -> Option<Reason> {
        for (position, member) in correlation.members.iter().enumerate() {
            let name = match member {
                Member::Rule(name) => name,
                Member::Insight(Some(kind)) if !InsightInput::KINDS.contains(&kind.as_str()) => {
                    let found = format!("there are no insights of a type `{kind}`");
                    return Some((found, instead(kind, InsightInput::KINDS)));
                }
                Member::Insight(_) => continue,
            };
            if self.member(member).is_none() {
                let known = self.rules.iter().flat_map(|rule| [Some(rule.id.as_str()), rule.name.as_deref()]).flatten();
                let instead = instead(name, known);
                return Some((
                    format!("the correlation names a rule `{name}` that is not there, or cannot be used"),
                    instead,
                ));
            }
            if correlation.members[..position].contains(member) {
                return Some((format!("the correlation names `{name}` twice"), "name each rule once".into()));
            }
        }
        None
    }

    fn circle(&self, start: usize) -> Option<Reason> {
        let mut open = vec![start];
        let mut seen = vec![false; self.rules.len()];
        while let Some(position) = open.pop() {
            let members =
                self.correlation(position).map(|correlation| correlation.members.as_slice()).unwrap_or_default();
            for member in members.iter().filter_map(|member| self.member(member)) {
                if member == start {
                    let path = format!("the correlation leads back to itself, by way of `{}`", self.rules[position].id);
                    return Some((path, "take one of them out of `rules`".into()));
                }
                if !std::mem::replace(&mut seen[member], true) {
                    open.push(member);
                }
            }
        }
        None
    }

    /// A field that a member cannot tell.
    fn keyless(&self, correlation: &Correlation) -> Option<Reason> {
        for (position, member) in correlation.members.iter().enumerate() {
            let name = if let Member::Rule(name) = member { name.as_str() } else { "an insight" };
            let fields = correlation.fields_of(position).into_iter().chain(correlation.measured());
            for field in fields {
                let known = match self.member(member).map(|rule| &self.rules[rule].body) {
                    Some(Body::Detection(detection)) => detection.source.operand(&field).map(|_| ()),
                    Some(Body::Correlation(inner)) if inner.group_by.contains(&field) => Ok(()),
                    Some(Body::Correlation(inner)) => Err(instead(&field, inner.group_by.iter().map(String::as_str))),
                    None if InsightInput::TOLD.contains(&key_name(&field).as_str()) => Ok(()),
                    None => Err(instead(&field, InsightInput::TOLD)),
                };
                if let Err(instead) = known {
                    let instead = format!("{instead}; a field of another name can be given under `aliases`");
                    return Some((format!("`{name}` has no field `{field}` to correlate by"), instead));
                }
            }
        }
        None
    }
}
