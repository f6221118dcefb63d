//! Values that are spelled in several ways and mean the same: services of APIs.
//!
//! `Oss/GetObject` and `oss/GetObject` are one API. Values are compared in the form that [`crate::event::fold_service`] gives them, and shown as most of their
//! calls spell them. An address, a key and a principal have one spelling: they come from where it is made.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::fold_service;
use crate::insight::attribute::Attribute;

/// How the values of an attribute are spelled most often, and their calls under all spellings.
pub(super) type Folded<'a> = BTreeMap<Cow<'a, str>, (&'a str, u64)>;

/// The values of an attribute by the form in which they are compared.
pub(super) fn folded(attribute: Attribute, values: &BTreeMap<String, u64>) -> Folded<'_> {
    let mut found: BTreeMap<Cow<'_, str>, (&str, u64, u64)> = BTreeMap::new();
    for (value, &calls) in values {
        let (spelling, most, sum) = found.entry(fold(attribute, value)).or_insert((value, calls, 0));
        if calls > *most {
            (*spelling, *most) = (value, calls);
        }
        *sum += calls;
    }
    found.into_iter().map(|(folded, (spelling, _, sum))| (folded, (spelling, sum))).collect()
}

fn fold(attribute: Attribute, value: &str) -> Cow<'_, str> {
    match value.split_once('/') {
        Some((service, api)) if attribute == Attribute::Api => Cow::Owned(format!("{}/{api}", fold_service(service))),
        _ => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_one_however_they_are_spelled_and_nothing_else_is() {
        let values = [("Oss/GetObject", 2), ("oss/GetObject", 5), ("oss/getObject", 1)];
        let values = values.map(|(value, calls)| (value.to_owned(), calls)).into();
        let apis = folded(Attribute::Api, &values);
        assert_eq!(apis.into_values().collect::<Vec<_>>(), [("oss/GetObject", 7), ("oss/getObject", 1)]);
        assert_eq!(folded(Attribute::Resource, &values).len(), 3);
    }
}
