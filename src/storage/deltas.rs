//! Whole numbers by their differences, each as wide as the widest of 32 asks for: Parquet's `DELTA_BINARY_PACKED`.
//!
//! Numbers that are small, or in order, come to a few bits each, and there is nothing left to compress.

/// Differences whose smallest is written once, and taken off all of them.
const BLOCK: usize = 128;
/// Differences of equal width.
const GROUP: usize = 32;
/// Groups in a block.
const GROUPS: usize = BLOCK / GROUP;
/// No difference is wider.
const MOST_BITS: usize = 32;

/// One function a width.
macro_rules! packers {
    ($($width:literal)*) => { [$(pack_group::<$width>),*] };
}

/// Appends numbers; `number` tells that of an item.
pub(super) fn pack<T: Copy>(items: &[T], number: impl Fn(T) -> u32, bytes: &mut Vec<u8>) {
    for count in [BLOCK, GROUPS, items.len()] {
        put(count as u64, bytes);
    }
    put_signed(items.first().map_or(0, |&first| number(first)), bytes);
    for first in (0..items.len().saturating_sub(1)).step_by(BLOCK) {
        // A block begins with the difference to the last number of the one before.
        pack_block(&items[first..items.len().min(first + BLOCK + 1)], &number, bytes);
    }
}

fn pack_block<T: Copy>(items: &[T], number: &impl Fn(T) -> u32, bytes: &mut Vec<u8>) {
    let mut differences = [0_u32; BLOCK];
    for (difference, pair) in differences.iter_mut().zip(items.windows(2)) {
        *difference = number(pair[1]).wrapping_sub(number(pair[0]));
    }
    let known = &mut differences[..items.len() - 1];
    let least = known.iter().map(|&difference| difference as i32).min().unwrap_or_default() as u32;
    known.iter_mut().for_each(|difference| *difference = difference.wrapping_sub(least));
    put_signed(least, bytes);
    // What is beyond the last difference is zero; groups of nothing else take no room.
    let (groups, _) = differences.as_chunks();
    let bits = |group: &[u32; GROUP]| (u32::BITS - group.iter().fold(0, |all, bits| all | bits).leading_zeros()) as u8;
    bytes.extend(groups.iter().map(bits));
    groups.iter().for_each(|group| PACK[usize::from(bits(group))](group, bytes));
}

/// Appends a group.
type Pack = fn(&[u32; GROUP], &mut Vec<u8>);

/// By width, what packs a group. Each width has code of its own, in which all shifts are constants.
static PACK: [Pack; MOST_BITS + 1] = packers![
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
];

fn pack_group<const WIDTH: usize>(numbers: &[u32; GROUP], bytes: &mut Vec<u8>) {
    const WORD: usize = u32::BITS as usize;
    let mut words = [[0; 4]; GROUP];
    let (mut word, mut filled, mut next) = (0_u64, 0, 0);
    for &number in numbers {
        word |= u64::from(number) << filled;
        filled += WIDTH;
        if filled >= WORD {
            words[next] = (word as u32).to_le_bytes();
            (word, filled, next) = (word >> WORD, filled - WORD, next + 1);
        }
    }
    bytes.extend_from_slice(words[..WIDTH].as_flattened());
}

/// Appends a whole number, seven bits a byte, the lowest first.
pub(super) fn put(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a number as a signed one of 32 bits, the sign last, so that small ones are short.
fn put_signed(number: u32, bytes: &mut Vec<u8>) {
    let number = i64::from(number as i32);
    put((number << 1 ^ number >> 63) as u64, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    // That the Parquet library reads what was packed is tested with whole columns.

    fn packed(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(&numbers.into_iter().collect::<Vec<u32>>(), |number| number, &mut bytes);
        bytes
    }

    #[test]
    fn what_does_not_vary_takes_next_to_nothing() {
        let numbers = 6;
        // The least difference and four widths.
        let blocks = 8 * 5;
        assert_eq!(packed([7; 1000]).len(), numbers + blocks);
        assert_eq!(packed((0..1000).map(|number| 3 * number)).len(), numbers + blocks);
    }

    #[test]
    fn bytes_are_those_of_the_format() {
        let header = [0x80, 1, 4];
        assert_eq!(packed([]), [&header[..], &[0, 0]].concat());
        assert_eq!(packed([5]), [&header[..], &[1, 10]].concat());
        // Differences 2, -1, 0 are 3, 0, 1 above the least.
        let expected = [&header[..], &[4, 10], &[1], &[2, 0, 0, 0], &[0b01_00_11, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(packed([5, 7, 6, 6]), expected);
        assert_eq!(packed([0, u32::MAX]), [&header[..], &[2, 0], &[1], &[0; 4]].concat(), "differences wrap");
    }
}
