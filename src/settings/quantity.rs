//! Quantities that are written with a unit: spans of days and sizes of memory.

use std::fmt;
use std::str::FromStr;

/// A number of days, written `400d` or `57w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u32);

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected days or weeks, such as `400d` or `57w`, found `{text}`");
        let (number, factor) = match text.trim().split_at_checked(text.trim().len().saturating_sub(1)) {
            Some((number, "d")) => (number, 1),
            Some((number, "w")) => (number, 7),
            _ => return Err(wrong()),
        };
        let days: u32 = number.parse().map_err(|_| wrong())?;
        days.checked_mul(factor).filter(|days| (1..=100_000).contains(days)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}d", self.0)
    }
}

/// A number of bytes, written `800M` or `2G` (powers of 1024).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a size, such as `800M` or `2G`, found `{text}`");
        let bare = text.trim().trim_end_matches(['B', 'b']).trim_end_matches(['i', 'I']);
        let (number, shift) = match bare.char_indices().last() {
            Some((place, 'k' | 'K')) => (&bare[..place], 10),
            Some((place, 'm' | 'M')) => (&bare[..place], 20),
            Some((place, 'g' | 'G')) => (&bare[..place], 30),
            _ => (bare, 0),
        };
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes % (1 << 30) == 0 => write!(formatter, "{}G", bytes >> 30),
            bytes if bytes % (1 << 20) == 0 => write!(formatter, "{}M", bytes >> 20),
            bytes => write!(formatter, "{bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_weeks() {
        assert_eq!(["400d", "2w", " 1d "].map(|text| text.parse::<Days>().unwrap().0), [400, 14, 1]);
        for wrong in ["", "d", "400", "0d", "-1d", "4.5d", "4000000000w", "é"] {
            assert!(wrong.parse::<Days>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in
            [("2G", 2 << 30), ("800M", 800 << 20), ("1GiB", 1 << 30), ("512kb", 512 << 10), ("4096", 4096)]
        {
            assert_eq!(text.parse::<Bytes>().unwrap().0, bytes, "{text}");
        }
        for wrong in ["", "G", "0", "-1M", "1.5G", "99999999999G", "é"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
        assert_eq!(Bytes(2 << 30).to_string(), "2G");
    }
}
