//! The attributes of an event that an insight is attributed to: who called, with what, from where, what, and what came of it.
//!
//! They have an order, that of every list of attributions, and the names that the vendor gives them. What is known of each of them stands in a
//! [`ByAttribute`], so that nothing is looked up by a bare number. How the values of an attribute are told from an event is the business of
//! [`values`](crate::insight::events::values).

use std::array::IntoIter;
use std::iter::Zip;
use std::ops::{Index, IndexMut};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An attribute of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Attribute {
    /// As `kind/id`.
    Principal,
    AccessKey,
    /// An address, or the name of a service's own host.
    SourceAddress,
    UserAgent,
    /// As `Service/EventName`.
    Api,
    /// `null` of what did not fail.
    ErrorCode,
    Region,
    Resource,
}

impl Attribute {
    /// All, in their order.
    pub const ALL: [Self; 8] = [
        Self::Principal,
        Self::AccessKey,
        Self::SourceAddress,
        Self::UserAgent,
        Self::Api,
        Self::ErrorCode,
        Self::Region,
        Self::Resource,
    ];
    /// Those that name who makes calls.
    pub const ACTORS: [Self; 3] = [Self::Principal, Self::AccessKey, Self::SourceAddress];

    /// The name in every output, as the vendor spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Principal => "principalId",
            Self::AccessKey => "accessKeyId",
            Self::SourceAddress => "sourceIpAddress",
            Self::UserAgent => "userAgent",
            Self::Api => "apiRelated",
            Self::ErrorCode => "errorCode",
            Self::Region => "acsRegion",
            Self::Resource => "resourceName",
        }
    }

    /// The attribute of a name; `None` of one that this version does not know.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join("`, `");
            D::Error::custom(format!("unknown attribute `{name}`, expected one of `{known}`"))
        })
    }
}

/// Something of each attribute. It is written as the list of them, in the order of [`Attribute::ALL`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByAttribute<T>([T; Attribute::ALL.len()]);

impl<T> ByAttribute<T> {
    /// What is made of each.
    pub fn of(make: impl FnMut(Attribute) -> T) -> Self {
        Self(Attribute::ALL.map(make))
    }

    /// Each attribute with what is known of it, in their order.
    pub fn iter(&self) -> Zip<IntoIter<Attribute, 8>, std::slice::Iter<'_, T>> {
        Attribute::ALL.into_iter().zip(&self.0)
    }

    /// The same of what is made of it.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> ByAttribute<U> {
        ByAttribute(self.0.map(make))
    }
}

impl<T> Index<Attribute> for ByAttribute<T> {
    type Output = T;

    fn index(&self, attribute: Attribute) -> &T {
        &self.0[attribute as usize]
    }
}

impl<T> IndexMut<Attribute> for ByAttribute<T> {
    fn index_mut(&mut self, attribute: Attribute) -> &mut T {
        &mut self.0[attribute as usize]
    }
}

impl<T> IntoIterator for ByAttribute<T> {
    type Item = (Attribute, T);
    type IntoIter = Zip<IntoIter<Attribute, 8>, IntoIter<T, 8>>;

    fn into_iter(self) -> Self::IntoIter {
        Attribute::ALL.into_iter().zip(self.0)
    }
}

impl<'a, T> IntoIterator for &'a ByAttribute<T> {
    type Item = (Attribute, &'a T);
    type IntoIter = Zip<IntoIter<Attribute, 8>, std::slice::Iter<'a, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_read_back_by_its_name_and_found_at_its_place() {
        let places = ByAttribute::of(|attribute| attribute as usize);
        for (place, attribute) in Attribute::ALL.into_iter().enumerate() {
            assert_eq!(places[attribute], place, "{attribute:?} stands elsewhere in the list");
            let written = serde_json::to_string(&attribute).unwrap();
            assert_eq!(serde_json::from_str::<Attribute>(&written).unwrap(), attribute);
        }
        assert!(places.iter().map(|(attribute, _)| attribute).eq(Attribute::ALL));
        let unknown = serde_json::from_str::<Attribute>("\"tlsVersion\"").unwrap_err().to_string();
        assert!(unknown.contains("`tlsVersion`") && unknown.contains("`sourceIpAddress`"), "{unknown}");
    }

    #[test]
    fn what_is_known_of_each_is_written_as_a_list() {
        let names = ByAttribute::of(Attribute::name);
        let written = serde_json::to_value(&names).unwrap();
        assert_eq!(written[4], "apiRelated");
        let read: ByAttribute<String> = serde_json::from_value(written).unwrap();
        assert_eq!(read, names.map(str::to_owned));
    }
}
