//! Small numbers as Parquet writes levels and keys: runs of one number repeated, and of numbers packed bit by bit.

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};

/// Packed numbers come in groups of eight.
pub(super) const GROUP: usize = 8;
/// No number is wider.
pub(super) const MOST_BITS: usize = 32;
/// Numbers that are counted at a time: bits of a word from any of a byte on.
const FEW: usize = 56;
/// Bytes that are in view while a group is unpacked: the group, and what reading eight bytes at its end takes in beside it.
const WINDOW: usize = MOST_BITS + 8;

/// One function a width.
macro_rules! unpackers {
    ($($width:literal)*) => { [$(unpack_groups::<$width>),*] };
}

/// Numbers of one width, run by run.
pub(super) struct Runs {
    bytes: Bytes,
    width: usize,
    /// Where the next run begins.
    next: usize,
    /// How much of the current run is left.
    left: usize,
    run: Run,
}

/// Numbers of one run that follow one another, and how many.
pub(super) enum Stretch {
    Repeated(i32, usize),
    Packed(usize),
}

#[derive(Clone, Copy)]
enum Run {
    Repeated(i32),
    /// Where the run's numbers begin, and how many were taken.
    Packed {
        first: usize,
        taken: usize,
    },
}

impl Runs {
    /// The runs of numbers of `width` bits.
    pub(super) fn new(bytes: Bytes, width: u32) -> Result<Self> {
        let width = width as usize;
        if width > MOST_BITS {
            return Err(ParquetError::General(format!("numbers of {width} bits cannot be keys")));
        }
        Ok(Self { bytes, width, next: 0, left: 0, run: Run::Repeated(0) })
    }

    /// Whether the first run repeats `number` at least `count` times; asked before anything is decoded.
    pub(super) fn begin_with(&mut self, number: i32, count: usize) -> Result<bool> {
        if count > 0 {
            self.begin_run()?;
        }
        Ok(self.left >= count && matches!(self.run, Run::Repeated(repeated) if repeated == number))
    }

    /// Decodes as many numbers as there is room for.
    pub(super) fn decode(&mut self, numbers: &mut [i32]) -> Result<()> {
        let mut rest = numbers;
        while !rest.is_empty() {
            if self.left == 0 {
                self.begin_run()?;
                continue;
            }
            let (now, later) = rest.split_at_mut(self.left.min(rest.len()));
            match &mut self.run {
                Run::Repeated(number) => now.fill(*number),
                Run::Packed { first, taken } => {
                    unpack(&self.bytes[*first..], self.width, *taken, now);
                    *taken += now.len();
                }
            }
            self.left -= now.len();
            rest = later;
        }
        Ok(())
    }

    /// The numbers that follow of the current run, `most` of them at most: passed over where one is repeated, and still to be decoded where
    /// they are packed.
    pub(super) fn stretch(&mut self, most: usize) -> Result<Stretch> {
        while self.left == 0 {
            self.begin_run()?;
        }
        let count = self.left.min(most);
        match self.run {
            Run::Repeated(number) => {
                self.left -= count;
                Ok(Stretch::Repeated(number, count))
            }
            Run::Packed { .. } => Ok(Stretch::Packed(count)),
        }
    }

    /// The numbers at ascending places, counted from the one that comes next.
    pub(super) fn pick(&mut self, places: &[u32], numbers: &mut [i32]) -> Result<()> {
        let mut next = 0;
        for (number, &place) in numbers.iter_mut().zip(places) {
            let mut ahead = (place - next) as usize;
            while ahead >= self.left {
                ahead -= self.left;
                self.begin_run()?;
            }
            *number = match &mut self.run {
                Run::Repeated(number) => *number,
                Run::Packed { first, taken } => {
                    *taken += ahead + 1;
                    unpack_one(&self.bytes[*first..], self.width, *taken - 1)
                }
            };
            self.left -= ahead + 1;
            next = place + 1;
        }
        Ok(())
    }

    /// Calls `each` with the place, among ascending places counted from the next number, of each that holds this number, and with how many of
    /// them come before it. What is left of the run in which the last lies is passed over.
    pub(super) fn ranks(&mut self, number: i32, places: &[u32], mut each: impl FnMut(usize, u32)) -> Result<()> {
        let (mut begin, mut rank, mut owner) = (0_u32, 0, 0);
        while owner < places.len() {
            while self.left == 0 {
                self.begin_run()?;
            }
            let end = begin.saturating_add(u32::try_from(self.left).unwrap_or(u32::MAX));
            let first = owner;
            while places.get(owner).is_some_and(|&place| place < end) {
                owner += 1;
            }
            let own = first..owner;
            if let Run::Repeated(repeated) = self.run {
                if repeated == number {
                    own.for_each(|owner| each(owner, rank + places[owner] - begin));
                    rank += end - begin;
                }
                self.left = 0;
            } else {
                for owner in own {
                    rank += self.count(number, (places[owner] - begin) as usize)? as u32;
                    let is_it = self.count(number, 1)? as u32;
                    if is_it == 1 {
                        each(owner, rank);
                    }
                    (rank, begin) = (rank + is_it, places[owner] + 1);
                }
                rank += self.count(number, (end - begin) as usize)? as u32;
            }
            begin = end;
        }
        Ok(())
    }

    /// How many of the next numbers are this one; they are passed over.
    pub(super) fn count(&mut self, number: i32, numbers: usize) -> Result<usize> {
        let (mut count, mut left) = (0, numbers);
        while left > 0 {
            let passed = match self.stretch(left)? {
                Stretch::Repeated(repeated, passed) => {
                    count += if repeated == number { passed } else { 0 };
                    passed
                }
                Stretch::Packed(passed) => {
                    let passed = passed.min(FEW);
                    count += self.count_packed(number, passed)?;
                    passed
                }
            };
            left -= passed;
        }
        Ok(count)
    }

    /// As [`Runs::count`], of [`FEW`] packed numbers at most.
    fn count_packed(&mut self, number: i32, numbers: usize) -> Result<usize> {
        if let (1, Run::Packed { first, taken }) = (self.width, &mut self.run) {
            let ones = (word(&self.bytes[*first..], *taken) & ((1 << numbers) - 1)).count_ones() as usize;
            *taken += numbers;
            self.left -= numbers;
            return Ok(if number == 1 { ones } else { numbers - ones });
        }
        let mut few = [0; FEW];
        self.decode(&mut few[..numbers])?;
        Ok(few[..numbers].iter().filter(|&&other| other == number).count())
    }

    /// Passes over numbers.
    pub(super) fn skip(&mut self, mut count: usize) -> Result<()> {
        while count > 0 {
            if self.left == 0 {
                self.begin_run()?;
                continue;
            }
            let now = self.left.min(count);
            if let Run::Packed { taken, .. } = &mut self.run {
                *taken += now;
            }
            self.left -= now;
            count -= now;
        }
        Ok(())
    }

    fn begin_run(&mut self) -> Result<()> {
        // Some writers fill pages up with zeros.
        let header = whole_number(&self.bytes, &mut self.next).filter(|&header| header > 0).ok_or_else(ended)?;
        let count = usize::try_from(header >> 1).map_err(|_| ended())?;
        if header & 1 == 1 {
            let bytes = count.saturating_mul(self.width).min(self.bytes.len() - self.next);
            self.run = Run::Packed { first: self.next, taken: 0 };
            // Others cut the last group short.
            let held = (bytes * 8).checked_div(self.width).unwrap_or(usize::MAX);
            self.left = count.saturating_mul(GROUP).min(held);
            self.next += bytes;
        } else {
            let bytes = self.bytes.get(self.next..self.next + self.width.div_ceil(8)).ok_or_else(ended)?;
            let number = bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte));
            self.run = Run::Repeated(number as i32);
            self.left = count;
            self.next += bytes.len();
        }
        Ok(())
    }
}

/// A whole number from `next` on, seven bits a byte, the lowest first.
pub(super) fn whole_number(bytes: &[u8], next: &mut usize) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.get(*next)?;
        *next += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn ended() -> ParquetError {
    ParquetError::EOF("a page ends before its rows do".to_owned())
}

/// Unpacks numbers of which `taken` were taken before.
pub(super) fn unpack(bytes: &[u8], width: usize, taken: usize, numbers: &mut [i32]) {
    let groups = |first: usize, groups: &mut [[i32; GROUP]]| {
        UNPACK[width](bytes.get(first * width..).unwrap_or_default(), groups);
    };
    let (group, begun) = (taken / GROUP, taken % GROUP);
    let (head, numbers) = numbers.split_at_mut(((GROUP - begun) % GROUP).min(numbers.len()));
    let mut whole = [[0; GROUP]];
    if !head.is_empty() {
        groups(group, &mut whole);
        head.copy_from_slice(&whole[0][begun..begun + head.len()]);
    }
    let group = group + usize::from(begun > 0);
    let (middle, tail) = numbers.as_chunks_mut();
    groups(group, middle);
    if !tail.is_empty() {
        groups(group + middle.len(), &mut whole);
        tail.copy_from_slice(&whole[0][..tail.len()]);
    }
}

/// Unpacks one number.
fn unpack_one(bytes: &[u8], width: usize, place: usize) -> i32 {
    (word(bytes, place * width) & ((1 << width) - 1)) as i32
}

/// The bits from some bit on, 57 at least; none are beyond the end.
fn word(bytes: &[u8], bit: usize) -> u64 {
    let rest = bytes.get(bit / 8..).unwrap_or_default();
    let word = rest.first_chunk().map_or_else(
        || rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        |word| u64::from_le_bytes(*word),
    );
    word >> (bit % 8)
}

/// Unpacks groups.
type Unpack = fn(&[u8], &mut [[i32; GROUP]]);

/// By width, what unpacks groups. Each width has code of its own, in which all shifts are constants.
static UNPACK: [Unpack; MOST_BITS + 1] = unpackers![
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
];

fn unpack_groups<const WIDTH: usize>(bytes: &[u8], groups: &mut [[i32; GROUP]]) {
    for (place, group) in groups.iter_mut().enumerate() {
        let rest = bytes.get(place * WIDTH..).unwrap_or_default();
        if let Some(window) = rest.first_chunk() {
            unpack_group::<WIDTH>(window, group);
        } else {
            let mut window = [0; WINDOW];
            window[..rest.len()].copy_from_slice(rest);
            unpack_group::<WIDTH>(&window, group);
        }
    }
}

#[inline]
fn unpack_group<const WIDTH: usize>(window: &[u8; WINDOW], group: &mut [i32; GROUP]) {
    for (place, number) in group.iter_mut().enumerate() {
        let bit = place * WIDTH;
        let mut word = [0; 8];
        word.copy_from_slice(&window[bit / 8..bit / 8 + 8]);
        *number = (u64::from_le_bytes(word) >> (bit % 8) & ((1 << WIDTH) - 1)) as i32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs as they are meant: packed groups, or a number repeated.
    #[derive(Debug, Clone)]
    enum Meant {
        Packed(Vec<[u32; GROUP]>),
        Repeated(u32, usize),
    }

    fn meant() -> impl Strategy<Value = Vec<Meant>> {
        let packed = prop::collection::vec(any::<[u32; GROUP]>(), 1..9).prop_map(Meant::Packed);
        let repeated = (any::<u32>(), 1_usize..40).prop_map(|(number, count)| Meant::Repeated(number, count));
        prop::collection::vec(prop_oneof![packed, repeated], 1..6)
    }

    /// Writes runs in the plainest way, bit by bit; gives the bytes and the numbers.
    fn written(runs: &[Meant], width: u32) -> (Vec<u8>, Vec<i32>) {
        let cut = |number: u32| (u64::from(number) & ((1 << width) - 1)) as u32;
        let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
        for run in runs {
            match run {
                Meant::Packed(groups) => {
                    bytes.push((groups.len() << 1 | 1) as u8);
                    let own: Vec<u32> = groups.iter().flatten().map(|&number| cut(number)).collect();
                    let bits: Vec<u32> =
                        own.iter().flat_map(|number| (0..width).map(move |bit| number >> bit & 1)).collect();
                    bytes.extend(
                        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | *bit as u8)),
                    );
                    numbers.extend(own.iter().map(|&number| number as i32));
                }
                Meant::Repeated(number, count) => {
                    bytes.push((count << 1) as u8);
                    bytes.extend(&cut(*number).to_le_bytes()[..width.div_ceil(8) as usize]);
                    numbers.extend(std::iter::repeat_n(cut(*number) as i32, *count));
                }
            }
        }
        (bytes, numbers)
    }

    proptest! {
        #[test]
        fn numbers_of_every_width_come_back(
            runs in meant(), width in 0_u32..=32, pieces in prop::collection::vec(1_usize..30, 1..200)
        ) {
            let (bytes, numbers) = written(&runs, width);
            let mut decoder = Runs::new(bytes.into(), width).unwrap();
            let mut left = &numbers[..];
            for piece in pieces {
                let mut found = vec![-1; piece.min(left.len())];
                if piece % 5 == 0 && !found.is_empty() {
                    let places = [0, found.len() as u32 / 2, found.len() as u32 - 1];
                    let places = &places[..found.len().min(3)];
                    let places: Vec<u32> = if found.len() < 3 { (0..found.len() as u32).collect() } else { places.to_vec() };
                    let mut picked = vec![-1; places.len()];
                    decoder.pick(&places, &mut picked).unwrap();
                    prop_assert!(picked.iter().zip(&places).all(|(picked, &place)| *picked == left[place as usize]));
                } else if piece % 7 == 0 && !found.is_empty() {
                    let places: Vec<u32> = (0..found.len() as u32).filter(|place| place % 3 != 1).collect();
                    let end = *places.last().unwrap() as usize + 1;
                    let (mut ranks, number) = (Vec::new(), left[0]);
                    // Nothing is asked after it, for it passes over the rest of a run.
                    let mut other = Runs { bytes: decoder.bytes.clone(), run: decoder.run, ..decoder };
                    other.ranks(number, &places, |place, rank| ranks.push((place, rank))).unwrap();
                    let before = |place: u32| left[..place as usize].iter().filter(|&&other| other == number).count() as u32;
                    let those = places.iter().enumerate().filter(|(_, place)| left[**place as usize] == number);
                    prop_assert_eq!(ranks, those.map(|(owner, &place)| (owner, before(place))).collect::<Vec<_>>());
                    decoder.skip(end).unwrap();
                    left = &left[end..];
                    continue;
                } else if piece % 4 == 0 && !found.is_empty() {
                    let count = left[..found.len()].iter().filter(|&&number| number == left[0]).count();
                    prop_assert_eq!(decoder.count(left[0], found.len()).unwrap(), count);
                } else if piece % 3 == 0 {
                    decoder.skip(found.len()).unwrap();
                } else {
                    decoder.decode(&mut found).unwrap();
                    prop_assert_eq!(&found[..], &left[..found.len()]);
                }
                left = &left[found.len()..];
            }
            if left.is_empty() {
                prop_assert!(decoder.decode(&mut [0]).is_err());
            }
        }

        #[test]
        fn no_bytes_are_a_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), width in 0_u32..40, count in 0_usize..200) {
            if let Ok(mut decoder) = Runs::new(bytes.into(), width) {
                let _ = decoder.begin_with(1, count);
                let _ = decoder.count(1, count / 4);
                let _ = decoder.pick(&[0, count as u32, 2 * count as u32 + 1], &mut [0; 3]);
                let _ = decoder.skip(count / 3);
                let _ = decoder.ranks(1, &[0, count as u32 / 2], |_, _| {});
                let _ = decoder.decode(&mut vec![0; count]);
            }
        }
    }

    #[test]
    fn a_last_group_may_be_cut_short() {
        let mut decoder = Runs::new(vec![3, 0x21, 0x43].into(), 4).unwrap();
        let mut numbers = [0; 4];
        decoder.decode(&mut numbers).unwrap();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert!(decoder.decode(&mut [0]).is_err());
    }

    #[test]
    fn the_first_run_tells_whether_all_are_the_same() {
        let begins = |bytes: &[u8], count| Runs::new(bytes.to_vec().into(), 1).unwrap().begin_with(1, count).unwrap();
        assert!(begins(&[20, 1], 10));
        assert!(!begins(&[20, 1, 20, 0], 11));
        assert!(!begins(&[20, 0], 10));
        assert!(!begins(&[3, 0xff], 8));
    }
}
