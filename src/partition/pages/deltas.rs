//! Numbers as Parquet writes those that grow slowly, as times in order do: each as its difference from the one before, in blocks of which
//! each part has a width of its own (`DELTA_BINARY_PACKED`).

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};

use crate::partition::pages::damaged;
use crate::partition::pages::runs::{GROUP, MOST_BITS, unpack, whole_number};

/// Differences that are unpacked at a time.
const TOGETHER: usize = 64;
/// A block has no more parts, and a part no more differences; the format sets no bounds.
const MOST: usize = 1 << 16;

/// The numbers of a page.
pub(super) struct Deltas {
    bytes: Bytes,
    /// Where the next part begins.
    next: usize,
    /// The number that comes next, which has been worked out; those after it are told by their differences.
    number: i64,
    /// The differences that are still to come.
    left: usize,
    /// Whether the last number of the page was taken.
    is_over: bool,
    /// Parts in a block, and differences in a part.
    shape: (usize, usize),
    /// What all differences of the block exceed.
    least: i64,
    /// The widths of the block's parts that are still to come.
    widths: Bytes,
    part: Miniblock,
}

/// Differences of one width.
#[derive(Default)]
struct Miniblock {
    bytes: Bytes,
    width: usize,
    taken: usize,
    left: usize,
}

impl Deltas {
    /// The numbers of a page.
    pub(super) fn new(bytes: Bytes) -> Result<Self> {
        let mut next = 0;
        let mut header = || whole_number(&bytes, &mut next).ok_or_else(ended);
        let (block, parts, count, first) = (header()?, header()?, header()?, header()?);
        let size = |number: u64| usize::try_from(number).ok().filter(|number| (1..=MOST).contains(number));
        let shape = size(parts).and_then(|parts| Some((parts, size(block / parts as u64)?)));
        let shape =
            shape.filter(|(_, length)| length % 8 == 0).ok_or_else(|| damaged("a block of numbers has no size"))?;
        let left = usize::try_from(count).map_err(|_| ended())?;
        Ok(Self {
            bytes,
            next,
            number: signed(first),
            left: left.saturating_sub(1),
            is_over: left == 0,
            shape,
            least: 0,
            widths: Bytes::new(),
            part: Miniblock::default(),
        })
    }

    /// Decodes as many numbers as there is room for.
    pub(super) fn decode(&mut self, numbers: &mut [i64]) -> Result<()> {
        let mut rest = numbers;
        while let Some((now, later)) = rest.split_first_mut() {
            if self.is_over {
                return Err(ended());
            }
            *now = self.number;
            let more = later.len().min(self.left);
            let (now, later) = later.split_at_mut(more);
            self.add_up(now)?;
            self.is_over = self.left == 0;
            if !self.is_over {
                let mut next = [0];
                self.add_up(&mut next)?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Passes over numbers.
    pub(super) fn skip(&mut self, mut count: usize) -> Result<()> {
        let mut passed = [0; TOGETHER];
        while count > 0 {
            let now = count.min(TOGETHER);
            self.decode(&mut passed[..now])?;
            count -= now;
        }
        Ok(())
    }

    /// The numbers that follow, each told by its difference; as many as there are left at most.
    fn add_up(&mut self, numbers: &mut [i64]) -> Result<()> {
        let mut rest = numbers;
        while !rest.is_empty() {
            if self.part.left == 0 {
                self.begin_part()?;
            }
            let (now, later) = rest.split_at_mut(self.part.left.min(rest.len()));
            self.part.add_up(&mut self.number, self.least, now);
            self.left -= now.len();
            rest = later;
        }
        Ok(())
    }

    fn begin_part(&mut self) -> Result<()> {
        if self.widths.is_empty() {
            self.least = signed(whole_number(&self.bytes, &mut self.next).ok_or_else(ended)?);
            let end = self.next + self.shape.0;
            if end > self.bytes.len() {
                return Err(ended());
            }
            self.widths = self.bytes.slice(self.next..end);
            self.next = end;
        }
        let width = usize::from(self.widths.split_to(1)[0]);
        if width > u64::BITS as usize {
            return Err(damaged("a difference of two numbers is wider than numbers are"));
        }
        // Some writers cut the last part short.
        let end = (self.next + self.shape.1 / 8 * width).min(self.bytes.len());
        self.part = Miniblock { bytes: self.bytes.slice(self.next..end), width, taken: 0, left: self.shape.1 };
        self.next = end;
        if self.part.bytes.len() * 8 < width * self.left.min(self.shape.1) { Err(ended()) } else { Ok(()) }
    }
}

impl Miniblock {
    /// Adds the next differences to `number` and writes down what it comes to.
    fn add_up(&mut self, number: &mut i64, least: i64, numbers: &mut [i64]) {
        let mut rest = numbers;
        while !rest.is_empty() {
            // Up to where packed numbers begin with a byte: from there on they are unpacked many at a time.
            let begun = self.taken % GROUP;
            let most = if begun == 0 { TOGETHER } else { GROUP - begun };
            let (now, later) = rest.split_at_mut(most.min(rest.len()));
            if self.width <= MOST_BITS {
                let mut packed = [0; TOGETHER];
                unpack(&self.bytes, self.width, self.taken, &mut packed[..now.len()]);
                sum_up(number, least, packed.into_iter().map(|delta| i64::from(delta as u32)), now);
            } else {
                let wide = (self.taken..).map(|place| wide(&self.bytes, self.width, place) as i64);
                sum_up(number, least, wide, now);
            }
            self.taken += now.len();
            self.left -= now.len();
            rest = later;
        }
    }
}

fn sum_up(number: &mut i64, least: i64, deltas: impl Iterator<Item = i64>, numbers: &mut [i64]) {
    let mut sum = *number;
    for (next, delta) in numbers.iter_mut().zip(deltas) {
        sum = sum.wrapping_add(least.wrapping_add(delta));
        *next = sum;
    }
    *number = sum;
}

/// A packed number that is too wide for [`unpack`].
fn wide(bytes: &[u8], width: usize, place: usize) -> u64 {
    let bit = place * width;
    let mut word = [0; 16];
    let own = bytes.get(bit / 8..).unwrap_or_default();
    let own = &own[..own.len().min(word.len())];
    word[..own.len()].copy_from_slice(own);
    (u128::from_le_bytes(word) >> (bit % 8)) as u64 & (u64::MAX >> (u64::BITS as usize - width))
}

/// A number whose sign is its lowest bit.
fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn ended() -> ParquetError {
    damaged("a page ends before its numbers do")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes numbers in the plainest way: blocks of 128, parts of 32, the last of them whole or cut short.
    fn written(numbers: &[i64], cut: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let zigzag = |number: i64| (number << 1 ^ number >> 63) as u64;
        let header = [128, 4, numbers.len() as u64, zigzag(numbers.first().copied().unwrap_or_default())];
        header.into_iter().for_each(|number| varint(&mut bytes, number));
        let deltas: Vec<i64> = numbers.windows(2).map(|two| two[1].wrapping_sub(two[0])).collect();
        for block in deltas.chunks(128) {
            let least = block.iter().copied().min().unwrap_or_default();
            varint(&mut bytes, zigzag(least));
            let mut parts: Vec<Vec<u64>> = block
                .chunks(32)
                .map(|part| part.iter().map(|delta| delta.wrapping_sub(least) as u64).collect())
                .collect();
            parts.resize(4, Vec::new());
            let width = |part: &[u64]| part.iter().map(|delta| 64 - delta.leading_zeros()).max().unwrap_or_default();
            bytes.extend(parts.iter().map(|part| width(part) as u8));
            for mut part in parts.into_iter().filter(|part| !part.is_empty()) {
                let width = width(&part);
                if !cut {
                    part.resize(32, 0);
                }
                let bits: Vec<u64> =
                    part.iter().flat_map(|delta| (0..width).map(move |bit| delta >> bit & 1)).collect();
                bytes.extend(bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | *bit as u8)));
            }
        }
        bytes
    }

    fn varint(bytes: &mut Vec<u8>, mut number: u64) {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }

    fn numbers() -> impl Strategy<Value = Vec<i64>> {
        let steps = prop_oneof![4 => 0_i64..50, 1 => any::<i64>(), 1 => -9_000_000_000_i64..9_000_000_000];
        prop::collection::vec(steps, 0..400).prop_map(|steps| {
            let mut sum = 1_767_571_200_000_i64;
            steps
                .into_iter()
                .map(|step| {
                    sum = sum.wrapping_add(step);
                    sum
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in numbers(), cut in any::<bool>(), pieces in prop::collection::vec(1_usize..90, 1..60)) {
            let mut deltas = Deltas::new(written(&numbers, cut).into()).unwrap();
            let mut left = &numbers[..];
            for piece in pieces {
                let mut found = vec![-1; piece.min(left.len())];
                if piece % 3 == 0 {
                    deltas.skip(found.len()).unwrap();
                } else {
                    deltas.decode(&mut found).unwrap();
                    prop_assert_eq!(&found[..], &left[..found.len()]);
                }
                left = &left[found.len()..];
            }
            if left.is_empty() {
                prop_assert!(deltas.decode(&mut [0]).is_err());
            }
        }

        #[test]
        fn no_bytes_are_a_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), count in 0_usize..200) {
            if let Ok(mut deltas) = Deltas::new(bytes.into()) {
                let _ = deltas.skip(count / 3);
                let _ = deltas.decode(&mut vec![0; count]);
            }
        }
    }
}
