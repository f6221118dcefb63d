//! Numbers in order: medians and quantiles.

/// The upper of the two middle values, the middle one of an odd number; `None` of none. It is one of the values, which a mean of two is not.
pub fn upper_median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let sorted = sorted(values);
    sorted.get(sorted.len() / 2).copied()
}

/// The median: the middle value, the mean of the two middle ones; `None` of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let sorted = sorted(values);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[sorted.len() / 2 - 1], upper) })
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// A quantile of ascending numbers, between two where it falls between them; `None` of none.
///
/// ```text
/// x_k + (x_(k+1) - x_k) (h - k),   h = at (n - 1),   k = floor h,   counted from 0
/// ```
///
/// Source: definition 7 of Hyndman and Fan 1996.
pub(super) fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let place = at * (sorted.len().checked_sub(1)? as f64);
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_an_even_number_differ() {
        for (values, upper, middle) in [
            (&[][..], None, None),
            (&[3.0, 1.0][..], Some(3.0), Some(2.0)),
            (&[9.0, 1.0, 2.0][..], Some(2.0), Some(2.0)),
            (&[4.0, 1.0, 2.0, 9.0][..], Some(4.0), Some(3.0)),
        ] {
            assert_eq!((upper_median(values.iter().copied()), median(values.iter().copied())), (upper, middle));
        }
    }

    #[test]
    fn quantiles_lie_between_where_they_fall_between() {
        let values = [1.0, 2.0, 4.0, 8.0];
        let found = [0.0, 0.25, 0.5, 1.0].map(|at| quantile(&values, at));
        assert_eq!(found, [Some(1.0), Some(1.75), Some(3.0), Some(8.0)]);
        assert_eq!(quantile(&[], 0.5), None);
    }
}
