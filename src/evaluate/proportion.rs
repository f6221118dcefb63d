//! A share with the counts that it is made of, and how far such small counts can be trusted.

use serde::Serialize;

/// The two-sided 95 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// `count` of `of`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Proportion {
    /// How many had it.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// The share; `None` of nothing.
    pub share: Option<f64>,
    /// The lower end of its 95 % interval (Wilson 1927).
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

impl Proportion {
    /// `count` of `of`, with Wilson's interval: `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`.
    pub fn new(count: usize, of: usize) -> Self {
        if of == 0 {
            return Self { count, of, share: None, low: None, high: None };
        }
        let (share, size) = (count as f64 / of as f64, of as f64);
        let centre = share + Z * Z / (2.0 * size);
        let half = Z * (share * (1.0 - share) / size + Z * Z / (4.0 * size * size)).sqrt();
        let scale = 1.0 + Z * Z / size;
        let (low, high) = (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0));
        Self { count, of, share: Some(share), low: Some(low), high: Some(high) }
    }

    /// How many of all items have a property.
    pub fn of<Item>(items: impl IntoIterator<Item = Item>, has: impl Fn(&Item) -> bool) -> Self {
        let (count, of) = items.into_iter().fold((0, 0), |(count, of), item| (count + usize::from(has(&item)), of + 1));
        Self::new(count, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_that_of_the_textbook() {
        // Newcombe 1998, table I: 81 of 263 and 0 of 20.
        let found = Proportion::new(81, 263);
        assert!((found.low.unwrap() - 0.2553).abs() < 5e-5 && (found.high.unwrap() - 0.3662).abs() < 5e-5, "{found:?}");
        let none = Proportion::new(0, 20);
        assert!(none.low.unwrap() < 1e-12 && (none.high.unwrap() - 0.1611).abs() < 5e-5, "{none:?}");
        assert_eq!(Proportion::new(0, 0).share, None);
    }
}
