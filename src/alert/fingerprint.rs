//! What all alerts of a rule with the same account and keys have in common.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A hash of account, rule and the values of its keys; written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of a rule's alerts. A key without a value differs from one with an empty value.
    pub fn new<'k>(account: &'k str, rule: &'k str, keys: impl IntoIterator<Item = Option<&'k str>>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [Some(account), Some(rule)].into_iter().chain(keys) {
            // The length keeps values from running into one another.
            let length = part.map_or(u64::MAX, |text| text.len() as u64);
            hasher.update(&length.to_le_bytes()).update(part.unwrap_or_default().as_bytes());
        }
        let mut short = [0; 16];
        hasher.finalize_xof().fill(&mut short);
        Self(short)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(|| format!("`{text}` is no fingerprint"))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_another_fingerprint() {
        let all = [
            Fingerprint::new("1", "rule", [Some("a"), Some("b")]),
            Fingerprint::new("2", "rule", [Some("a"), Some("b")]),
            Fingerprint::new("1", "rule", [Some("ab"), Some("")]),
            Fingerprint::new("1", "rule", [Some("ab"), None]),
            Fingerprint::new("1", "rule", [Some("ab")]),
            Fingerprint::new("1r", "ule", [Some("ab")]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn what_is_written_is_read() {
        let fingerprint = Fingerprint::new("1", "rule", []);
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        assert!("xyz".parse::<Fingerprint>().is_err() && "00".parse::<Fingerprint>().is_err());
    }
}
