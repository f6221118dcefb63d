//! Where in a row group it is worth looking: the stretches of rows whose times lie in the spans that are asked for.
//!
//! Rows mostly come in the order of their times; then a span is a stretch, and whatever lies between stretches is not decoded.

use std::ops::Range;

/// A span of time in milliseconds, first and one past the last.
pub(in crate::insight) type Span = (i64, i64);

/// The stretches of rows that hold all rows in any of the spans, ascending, apart from one another; all rows as one where times are not
/// in order.
pub(super) fn stretches(times: &[i64], in_order: bool, mut spans: Vec<Span>) -> Vec<Range<usize>> {
    if spans.is_empty() {
        return Vec::new();
    }
    if !in_order {
        return std::iter::once(0..times.len()).collect();
    }
    spans.sort_unstable();
    spans.dedup();
    let mut found: Vec<Range<usize>> = Vec::new();
    for (start, end) in spans {
        let place = |time: i64| times.partition_point(|&other| other < time);
        let own = place(start)..place(end);
        match found.last_mut().filter(|last| own.start <= last.end) {
            Some(last) => last.end = last.end.max(own.end),
            None => found.push(own),
        }
    }
    found.retain(|stretch| !stretch.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_become_stretches_of_rows_in_order() {
        let times = [1, 3, 3, 5, 8, 9];
        assert_eq!(stretches(&times, true, vec![(8, 20), (2, 4), (3, 5), (2, 4), (6, 7)]), [1..3, 4..6]);
        assert_eq!(stretches(&times, true, vec![(3, 8), (0, 3)]), std::slice::from_ref(&(0..4)));
        assert!(stretches(&times, true, Vec::new()).is_empty());
        assert_eq!(stretches(&[3, 1], false, vec![(1, 2)]), std::slice::from_ref(&(0..2)));
    }

    proptest! {
        #[test]
        fn every_row_in_a_span_is_in_one_stretch(
            mut times in prop::collection::vec(0_i64..50, 0..60),
            spans in prop::collection::vec((0_i64..50, 1_i64..10), 0..6),
            in_order in any::<bool>(),
        ) {
            if in_order {
                times.sort_unstable();
            }
            let spans: Vec<Span> = spans.into_iter().map(|(start, length)| (start, start + length)).collect();
            let found = stretches(&times, times.is_sorted(), spans.clone());
            prop_assert!(found.windows(2).all(|two| two[0].end < two[1].start));
            for (row, time) in times.iter().enumerate() {
                let is_meant = spans.iter().any(|(start, end)| (start..end).contains(&time));
                let times_found = found.iter().filter(|stretch| stretch.contains(&row)).count();
                let is_within = is_meant || !times.is_sorted() && !spans.is_empty();
                prop_assert_eq!(times_found, usize::from(is_within));
            }
        }
    }
}
