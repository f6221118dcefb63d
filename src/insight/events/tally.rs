//! How often codes occur in some rows: small numbers that are counted by their places.

use std::mem::take;

/// Counts codes, again and again.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By code its calls, 0 between countings; rows take turns, for to count the same code twice in a row in one place takes its time.
    cells: [Vec<u32>; 2],
    met: Vec<u32>,
}

impl Tally {
    /// Calls `each` with the codes of some rows and their calls, in the order in which codes are met.
    pub(super) fn each(
        &mut self,
        rows: &[u32],
        bound: usize,
        code: impl Fn(u32) -> u32,
        mut each: impl FnMut(u32, u64),
    ) {
        let Self { cells: [one, other], met } = self;
        one.resize(one.len().max(bound), 0);
        other.resize(other.len().max(bound), 0);
        let mut meet = |cells: &mut [u32], code: u32| {
            let calls = &mut cells[code as usize];
            if *calls == 0 {
                met.push(code);
            }
            *calls += 1;
        };
        let (two, last) = rows.as_chunks::<2>();
        for &[row, next] in two {
            meet(one, code(row));
            meet(other, code(next));
        }
        last.iter().for_each(|&row| meet(one, code(row)));
        for code in met.drain(..) {
            // A code that was met in both places comes twice.
            let calls = take(&mut one[code as usize]) + take(&mut other[code as usize]);
            if calls > 0 {
                each(code, u64::from(calls));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn codes_are_counted_in_the_order_in_which_they_are_met(
            codes in prop::collection::vec(0_u32..20, 1..80), steps in prop::collection::vec(1_usize..4, 1..4)
        ) {
            let mut tally = Tally::default();
            for step in steps {
                let rows: Vec<u32> = (0..codes.len() as u32).step_by(step).collect();
                let mut plain: Vec<(u32, u64)> = Vec::new();
                for &row in &rows {
                    let code = codes[row as usize];
                    match plain.iter_mut().find(|(known, _)| *known == code) {
                        Some((_, calls)) => *calls += 1,
                        None => plain.push((code, 1)),
                    }
                }
                let mut found = Vec::new();
                tally.each(&rows, 20, |row| codes[row as usize], |code, calls| found.push((code, calls)));
                prop_assert_eq!(found, plain);
            }
        }
    }
}
