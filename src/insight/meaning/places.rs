//! The places of an insight's addresses and new networks, in its data and in its sentence.

use crate::insight::{Attribute, Insight};
use crate::place::{PlaceBook, named_in};

/// Gives every insight the places of the addresses that it names: its object, the values of its attribution, those that were
/// usual among them, and networks that are new to its entity.
pub fn annotate(insights: &mut [Insight], places: &PlaceBook) {
    if places.is_empty() {
        return;
    }
    for insight in insights {
        insight.places = places.look_up_all(addresses(insight));
        insight.sentence = named_in(&insight.sentence, &insight.places);
    }
}

fn addresses(insight: &Insight) -> impl Iterator<Item = &str> {
    let found = insight.attribution(Attribute::SourceAddress);
    let usual = found.and_then(|found| found.baseline.as_ref()).into_iter().flatten();
    let shares = found.map_or(&[][..], |found| &found.insight).iter().chain(usual);
    let networks = insight.new_company.iter().flat_map(|company| &company.networks);
    let named = shares.map(|share| &share.value).chain(networks).map(String::as_str);
    std::iter::once(insight.object.as_str()).chain(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;
    use crate::insight::{Attribution, Share};
    use crate::place::example::{book, map, string};

    #[test]
    fn insights_carry_their_places_and_the_sentence_names_them() {
        let share = |value: &str| Share { average: 1.0, value: value.to_owned() };
        let attribution = Attribution {
            attribute: Attribute::SourceAddress,
            insight: vec![share("203.0.113.77"), share("Internal")],
            baseline: Some(vec![share("203.0.113.8"), share("198.51.100.1")]),
            broad: false,
            most: false,
        };
        let sentence = "203.0.113.77 made 5 calls".to_owned();
        let mut insights = vec![Insight { sentence, attributions: vec![attribution], ..rate() }];
        annotate(&mut insights, &PlaceBook::default());
        assert!(insights[0].places.is_empty());
        annotate(&mut insights, &book(&[map(&[("country_code", string("DE"))])]));
        assert_eq!(insights[0].sentence, "203.0.113.77 (DE) made 5 calls");
        let told: Vec<&str> = insights[0].places.iter().map(|place| place.address.as_str()).collect();
        assert_eq!(told, ["203.0.113.77", "203.0.113.8"]);
    }
}
