//! Whether the right culprit is named first: attributions of true insights against the other labels of their attack.
//!
//! An insight has a culprit where the attack labels a principal, an `AccessKey` or an address other than the insight's own entity
//! that made at least half of the planted calls. Its attribute must then name that one first (hit at 1), or among the first five.

use serde::Serialize;

use crate::evaluate::label::Label;
use crate::evaluate::matching::{Matches, attribute_of, same_value};
use crate::evaluate::proportion::Proportion;
use crate::evaluate::reported::Found;
use crate::insight::Attribute;

/// The families that a culprit can be of.
const ACTORS: [&str; 3] = ["principal", "access_key", "source_ip"];
/// Values that count as named.
const NAMED: usize = 5;

/// How often one attribute names the culprit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttributionMeasure {
    /// The attribute; `all` for insights in which every attribute with a culprit is right.
    pub attribute: &'static str,
    /// Named first.
    pub first: Proportion,
    /// Named among the first five.
    pub among_five: Proportion,
}

/// One attribute of one insight: its name, and the culprit's place in it, from 0.
type CulpritPlace = (Attribute, Option<usize>);

/// Measures the attributions of all true insights; nothing where the insights come without attributions.
pub(super) fn measure(found: &[Found], labels: &[Label], matches: &Matches) -> Vec<AttributionMeasure> {
    let true_pairs = matches.found_by.iter().enumerate().filter_map(|(label, insight)| Some((label, (*insight)?)));
    let insights: Vec<Vec<CulpritPlace>> =
        true_pairs.map(|(label, insight)| places(&found[insight], &labels[label], labels)).collect();
    let insights: Vec<Vec<CulpritPlace>> = insights.into_iter().filter(|places| !places.is_empty()).collect();
    if insights.is_empty() {
        return Vec::new();
    }
    let within = |most: usize| move |place: &CulpritPlace| place.1.is_some_and(|place| place < most);
    let whole = |most: usize| Proportion::of(&insights, |places| places.iter().all(within(most)));
    let mut measures = vec![AttributionMeasure { attribute: "all", first: whole(1), among_five: whole(NAMED) }];
    for family in ACTORS {
        let Some((attribute, _)) = attribute_of(family, "") else { continue };
        let own = || insights.iter().flatten().filter(|(name, _)| *name == attribute);
        let share = |most: usize| Proportion::of(own(), |place| within(most)(place));
        measures.push(AttributionMeasure { attribute: attribute.name(), first: share(1), among_five: share(NAMED) });
    }
    measures
}

/// Where each culprit of the attack stands in the insight.
fn places(found: &Found, own: &Label, labels: &[Label]) -> Vec<CulpritPlace> {
    let Some(attributions) = &found.attributions else { return Vec::new() };
    let Some(planted) = own.calls.filter(|&calls| calls > 0) else { return Vec::new() };
    let is_culprit = |label: &&Label| {
        label.attack == own.attack
            && label.family != own.family
            && ACTORS.contains(&label.family.as_str())
            && label.calls.is_some_and(|calls| 2 * calls >= planted)
    };
    let place = |label: &Label| {
        let (attribute, culprit) = attribute_of(&label.family, &label.entity)?;
        let values = attributions.get(&attribute);
        Some((attribute, values.and_then(|values| values.iter().position(|value| same_value(culprit, value)))))
    };
    labels.iter().filter(is_culprit).filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::matching::matches;
    use crate::evaluate::matching::tests::{insight, label};

    #[test]
    fn the_culprit_is_who_made_most_of_the_planted_calls() {
        let minor = Label { calls: Some(100), ..label("source_ip", "192.0.2.9", 60, 90) };
        let labels = [label("api", "oss/GetObject", 60, 90), label("principal", "user/7", 60, 90), minor];
        let mut found = insight("api", "oss/GetObject", 60, 90);
        found.attributions = Some([(Attribute::Principal, vec!["user/8".to_owned(), "user/7".to_owned()])].into());
        let found = [found];
        let measures = measure(&found, &labels, &matches(&found, &labels));
        let of = |attribute: &str| measures.iter().find(|measure| measure.attribute == attribute).unwrap();
        assert_eq!((of("all").first.count, of("all").among_five.count, of("all").first.of), (0, 1, 1));
        assert_eq!(of("principalId").first.of, 1);
        assert_eq!(of("sourceIpAddress").first.of, 0);
    }
}
