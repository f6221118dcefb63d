//! How likely it is that what happened now and then happens once more.

/// The probability that something which happened on `happened` of `occasions` happens on the next.
///
/// ```text
/// (k + 1) / (n + 2)
/// ```
///
/// The mean of what is believed of an unknown share of which nothing was known before: neither nothing nor everything is ever certain.
///
/// Source: Laplace's rule of succession, 1774.
pub fn rule_of_succession(happened: usize, occasions: usize) -> f64 {
    (happened as f64 + 1.0) / (occasions as f64 + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_certain() {
        for (happened, occasions, expected) in [(0, 0, 0.5), (0, 8, 0.1), (8, 8, 0.9), (3, 8, 0.4)] {
            assert!((rule_of_succession(happened, occasions) - expected).abs() < 1e-15, "{happened} of {occasions}");
        }
    }
}
