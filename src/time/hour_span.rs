//! Some hours of a day that follow one another.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

/// Hours of a day, from the first to one before the end: `begin <= end <= 24`. None of them, where something was over at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourSpan {
    begin: u8,
    end: u8,
}

impl HourSpan {
    /// All hours of the day.
    pub const DAY: Self = Self { begin: 0, end: 24 };

    /// The hours from `begin` on and before `end`, as far as they are of the day.
    pub const fn new(begin: u8, end: u8) -> Self {
        let end = if end > 24 { 24 } else { end };
        Self { begin: if begin > end { end } else { begin }, end }
    }

    /// A single hour.
    pub const fn hour(hour: u8) -> Self {
        Self::new(hour, hour.saturating_add(1))
    }

    /// The first hours of the day, so many.
    pub const fn first(hours: u8) -> Self {
        Self::new(0, hours)
    }

    /// The first hour.
    pub const fn begin(self) -> u8 {
        self.begin
    }

    /// One past the last hour.
    pub const fn end(self) -> u8 {
        self.end
    }

    /// How many hours they are.
    pub const fn length(self) -> u8 {
        self.end - self.begin
    }

    /// Whether an hour is one of them.
    pub fn contains(self, hour: u8) -> bool {
        self.hours().contains(&hour)
    }

    /// Whether some hour is one of both.
    pub fn overlaps(self, other: Self) -> bool {
        self.begin.max(other.begin) < self.end.min(other.end)
    }

    /// These and others, with those between them.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { begin: self.begin.min(other.begin), end: self.end.max(other.end) }
    }

    /// With another first hour.
    #[must_use]
    pub const fn since(self, begin: u8) -> Self {
        Self::new(begin, self.end)
    }

    /// With another end.
    #[must_use]
    pub const fn until(self, end: u8) -> Self {
        Self::new(self.begin, end)
    }

    /// The hours, one by one.
    pub const fn hours(self) -> Range<u8> {
        self.begin..self.end
    }

    /// Their places in what is held hour by hour, where `midnight` is the place of the day's first hour.
    pub fn places(self, midnight: usize) -> Range<usize> {
        midnight + usize::from(self.begin)..midnight + usize::from(self.end)
    }

    /// Their minutes, where `midnight` is the day's first.
    pub fn minutes(self, midnight: i64) -> Range<i64> {
        midnight + i64::from(self.begin) * 60..midnight + i64::from(self.end) * 60
    }
}

impl fmt::Display for HourSpan {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(text, "{:02}:00 to {:02}:00", self.begin, self.end)
    }
}

/// As the first hour and one past the last.
impl Serialize for HourSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.begin, self.end).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(span: HourSpan) -> BTreeSet<u8> {
        (0..=u8::MAX).filter(|&hour| span.contains(hour)).collect()
    }

    proptest! {
        #[test]
        fn hours_are_those_of_a_set(begin in 0_u8..30, end in 0_u8..30, other in (0_u8..30, 0_u8..30)) {
            let (own, other) = (HourSpan::new(begin, end), HourSpan::new(other.0, other.1));
            prop_assert_eq!(set(own), (begin..end.min(24)).collect());
            prop_assert_eq!(own.hours().collect::<BTreeSet<u8>>(), set(own));
            prop_assert_eq!(usize::from(own.length()), set(own).len());
            prop_assert_eq!(own.overlaps(other), set(own).intersection(&set(other)).next().is_some());
            prop_assert!(own.length() == 0 || set(own.hull(other)).is_superset(&set(own)));
            prop_assert_eq!(own.places(48).map(|place| (place - 48) as u8).collect::<BTreeSet<u8>>(), set(own));
            prop_assert_eq!(own.minutes(-60).count(), 60 * set(own).len());
        }
    }

    #[test]
    fn a_span_is_written_as_its_ends() {
        let span = HourSpan::new(9, 17);
        assert_eq!(
            (span.to_string(), serde_json::to_string(&span).unwrap()),
            ("09:00 to 17:00".into(), "[9,17]".into())
        );
    }
}
