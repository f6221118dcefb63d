//! The places of an alert's addresses, in its data and in its sentence.

use crate::alert::Alert;
use crate::place::{PlaceBook, named_in};

/// Gives every alert the places of its addresses, and of the values of its keys that are addresses.
pub(super) fn annotate(alerts: &mut [Alert], places: &PlaceBook) {
    if places.is_empty() {
        return;
    }
    for alert in alerts {
        let keys = alert.keys.values().flatten();
        alert.places = places.look_up_all(alert.source_ips.iter().chain(keys).map(String::as_str));
        alert.sentence = named_in(&alert.sentence, &alert.places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::example::alert;
    use crate::place::example::{book, map, string};

    #[test]
    fn alerts_carry_their_places_and_the_sentence_names_them() {
        let sentence = "user nora61 called Ram/CreateUser from 203.0.113.77 and 203.0.113.8".to_owned();
        let mut alerts = vec![Alert { sentence: sentence.clone(), ..alert() }];
        alerts[0].keys.insert("sourceIpAddress".to_owned(), Some("203.0.113.8".to_owned()));
        annotate(&mut alerts, &PlaceBook::default());
        assert!(!serde_json::to_string(&alerts[0]).unwrap().contains("places"));
        annotate(&mut alerts, &book(&[map(&[("as_name", string("Example Net"))])]));
        assert_eq!(alerts[0].sentence, sentence.replace(".77", ".77 (Example Net)") + " (Example Net)");
        let told: Vec<&str> = alerts[0].places.iter().map(|place| place.address.as_str()).collect();
        assert_eq!(told, ["203.0.113.77", "203.0.113.8"]);
        let line = serde_json::to_value(&alerts[0]).unwrap();
        assert_eq!(line["places"][0]["network_owner"], "Example Net");
    }
}
