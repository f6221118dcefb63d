//! Conditions on the columns of an event: what a test of a value means, and how tests are joined.
//!
//! A test looks at one text; it never sees a row, so that it is made once for every distinct value of a row group.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::event::{Column, PrincipalKind, SourceAddress, only_reads, service_name};
use crate::partition::EventFile;
use crate::query::pattern::Glob;

/// A condition that an event meets or not.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The text of the first of these columns that has one passes a test.
    Test(&'static [Column], ValueTest),
    /// The condition is not met.
    Not(Box<Self>),
    /// All are met.
    All(Vec<Self>),
    /// At least one is met.
    Any(Vec<Self>),
}

/// What is asked of one text, or of its absence.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTest {
    /// There is a text.
    Present,
    /// It matches one of the patterns, seen in a certain way.
    Globs(View, Vec<Glob>),
    /// It is a source address that one of these describes.
    Addresses(Vec<AddressPattern>),
    /// It names an identity type of this kind.
    Kind(PrincipalKind),
    /// It says `Read`.
    Read,
    /// It is the name of an API that begins with a verb of reading.
    ReadingVerb,
    /// It is a message that tells of a failure.
    FailureMessage,
}

/// How a text is seen before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As it stands.
    AsIs,
    /// A service's host name is cut to the service.
    Service,
    /// As it stands, and without the session: `role` of `role:session`.
    RolePart,
    /// As it stands, and each element of a list: types are separated by semicolons, names by commas.
    Elements,
}

/// What a source address is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum AddressPattern {
    /// A network, or one address.
    Network(IpNet),
    /// A text: a host name, `Internal`, an address with stars.
    Text(Glob),
}

impl ValueTest {
    /// Whether a text passes.
    pub fn passes(&self, text: Option<&str>) -> bool {
        let Some(text) = text else { return false };
        match self {
            Self::Present => true,
            Self::Globs(view, globs) => globs.iter().any(|glob| view.shows(glob, text)),
            Self::Addresses(patterns) => {
                let address = SourceAddress::parse(text).and_then(|source| source.ip());
                patterns.iter().any(|pattern| pattern.describes(address, text))
            }
            Self::Kind(kind) => PrincipalKind::parse(text) == *kind,
            Self::Read => text.eq_ignore_ascii_case("read"),
            Self::ReadingVerb => only_reads(text),
            Self::FailureMessage => !text.eq_ignore_ascii_case("success"),
        }
    }
}

impl View {
    fn shows(self, glob: &Glob, text: &str) -> bool {
        match self {
            Self::AsIs => glob.matches(text),
            Self::Service => glob.matches(service_name(text)),
            Self::RolePart => glob.matches(text) || text.split_once(':').is_some_and(|(role, _)| glob.matches(role)),
            Self::Elements => glob.matches(text) || text.split([';', ',']).any(|element| glob.matches(element.trim())),
        }
    }
}

impl AddressPattern {
    fn describes(&self, address: Option<IpAddr>, text: &str) -> bool {
        match self {
            Self::Network(network) => address.is_some_and(|address| network.contains(&address)),
            Self::Text(glob) => glob.matches(text),
        }
    }
}

impl Condition {
    /// The columns that decide it, each list once.
    pub fn columns(&self) -> Vec<&'static [Column]> {
        match self {
            Self::Test(columns, _) => vec![columns],
            Self::Not(inner) => inner.columns(),
            Self::All(parts) | Self::Any(parts) => {
                let mut all = Vec::new();
                for columns in parts.iter().flat_map(Self::columns) {
                    if !all.contains(&columns) {
                        all.push(columns);
                    }
                }
                all
            }
        }
    }

    /// Whether the footer leaves it possible that a row of the group meets the condition.
    pub fn is_possible(&self, file: &EventFile, group: usize) -> bool {
        match self {
            Self::Test(columns, test) => test_is_possible(test, file, group, columns),
            Self::Not(_) => true,
            Self::All(parts) => parts.iter().all(|part| part.is_possible(file, group)),
            Self::Any(parts) => parts.iter().any(|part| part.is_possible(file, group)),
        }
    }
}

fn test_is_possible(test: &ValueTest, file: &EventFile, group: usize, columns: &[Column]) -> bool {
    let Some(bounds) = file.text_bounds(group, columns) else { return true };
    let prefixes: Option<Vec<&str>> = match test {
        ValueTest::Globs(View::AsIs, globs) => globs.iter().map(Glob::prefix).collect(),
        _ => Some(vec![""]),
    };
    let prefixes = prefixes.unwrap_or_else(|| vec![""]);
    bounds.iter().any(|(least, most)| prefixes.iter().any(|prefix| may_begin(prefix.as_bytes(), least, most)))
}

/// Whether a text from `least` to `most` may begin with `prefix` once blanks and quotes around it are gone. Only where both ends
/// begin with a plain character is it sure that no text between them has any in front.
fn may_begin(prefix: &[u8], least: &[u8], most: &[u8]) -> bool {
    let plain = |text: &[u8]| text.first().is_some_and(|first| (b'#'..=b'~').contains(first));
    if !plain(least) || !plain(most) {
        return true;
    }
    prefix <= most && (prefix >= least || least.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::pattern::Patterns;

    fn globs(text: &str) -> Vec<Glob> {
        Patterns::parse(&[text.to_owned()], true).unwrap().wanted
    }

    #[test]
    fn roles_lists_and_services_are_seen_through() {
        let passes = |view, pattern: &str, text| ValueTest::Globs(view, globs(pattern)).passes(Some(text));
        assert!(passes(View::RolePart, "ram-admin", "ram-admin:alice-s1"));
        assert!(passes(View::RolePart, "*:alice*", "ram-admin:alice-s1"));
        assert!(!passes(View::RolePart, "alice-s1", "ram-admin:alice-s1"));
        assert!(passes(View::Elements, "i-2", "i-1,i-2;sg-1"));
        assert!(passes(View::Service, "iam", "iam.amazonaws.com"));
        assert!(!ValueTest::Globs(View::AsIs, globs("*")).passes(None));
    }

    #[test]
    fn addresses_match_by_value_not_by_spelling() {
        let inside = |network: &str, text| {
            ValueTest::Addresses(vec![AddressPattern::Network(network.parse().unwrap())]).passes(Some(text))
        };
        assert!(inside("203.0.113.0/24", "203.0.113.7"));
        assert!(inside("203.0.113.7/32", "::ffff:203.0.113.7"));
        assert!(inside("2001:db8::/32", "2001:DB8:0::1"));
        assert!(!inside("203.0.113.0/24", "Internal"));
    }

    #[test]
    fn bounds_rule_out_only_what_cannot_be() {
        for (prefix, least, most, possible) in [
            ("LTAI5", "LTAI1", "LTAI9", true),
            ("LTAI5", "LTAI5abc", "LTAI9", true),
            ("LTAI5", "LTAI1", "LTAI5", true),
            ("LTAI5", "LTAI6", "LTAI9", false),
            ("LTAI5", "AKIA1", "LTAI4zzz", false),
            ("Forbidden", "\"Forbidden\"", "\"Throttling\"", true),
            ("Forbidden", " A", "Z", true),
            ("", "A", "Z", true),
        ] {
            assert_eq!(may_begin(prefix.as_bytes(), least.as_bytes(), most.as_bytes()), possible, "{prefix} {least}");
        }
    }
}
