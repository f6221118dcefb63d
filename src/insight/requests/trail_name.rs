//! Which trail a request is about.

use serde_json::Value;

use crate::insight::requests::serious::flatten;

/// Parameters that name a trail, in the order in which they are looked for: selectors of events have a `name` too.
const NAMES: [&str; 4] = ["trailname", "name", "trailarn", "trail"];
/// Bytes of a name that one may have.
const MOST_BYTES: usize = 256;

/// The name of the trail among parameters in lower case, and its region, if an ARN tells it.
pub(in crate::insight) fn trail_name(parameters: &[(String, String)]) -> Option<(String, Option<String>)> {
    let value = |name: &&str| parameters.iter().find(|(own, _)| own == *name).map(|(_, value)| value);
    let whole = NAMES.iter().find_map(value)?;
    let region = whole.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).map(str::to_owned);
    let name = whole.rsplit('/').next().unwrap_or_default();
    (!name.is_empty() && name.len() <= MOST_BYTES)
        .then(|| (name.to_owned(), region.filter(|region| region.len() <= MOST_BYTES)))
}

/// The same of parameters as JSON.
pub(in crate::insight) fn trail_of(parameters: &str) -> Option<(String, Option<String>)> {
    let mut flat = Vec::new();
    flatten("", &serde_json::from_str::<Value>(parameters).ok()?, &mut flat);
    trail_name(&flat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_known_by_its_name_and_its_region_by_an_arn() {
        let name = |text: &str| Some((text.to_owned(), None));
        assert_eq!(trail_of(r#"{"Name":"Main"}"#), name("main"));
        assert_eq!(trail_of(r#"{"advancedEventSelectors":[{"name":"all"}],"trailName":"t"}"#), name("t"));
        let arn = r#"{"name":"arn:aws:cloudtrail:eu-west-1:1:trail/t"}"#;
        assert_eq!(trail_of(arn), Some(("t".to_owned(), Some("eu-west-1".to_owned()))));
        for nothing in ["", "{", "{}", r#"{"name":""}"#] {
            assert_eq!(trail_of(nothing), None, "{nothing}");
        }
    }
}
