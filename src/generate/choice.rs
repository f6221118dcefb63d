//! Weighted choice in constant time (Walker's alias method), which also tells everybody's share.

use rand::Rng;

/// Items with weights; an empty one has nothing to draw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    items: Vec<u32>,
    shares: Vec<f64>,
    thresholds: Vec<f64>,
    aliases: Vec<u32>,
}

impl Choice {
    /// Makes the table; weights need not add up to one, and items without weight are left out.
    pub(crate) fn new(weighted: impl IntoIterator<Item = (u32, f64)>) -> Self {
        let (items, mut shares): (Vec<u32>, Vec<f64>) = weighted.into_iter().filter(|pair| pair.1 > 0.0).unzip();
        let total: f64 = shares.iter().sum();
        for share in &mut shares {
            *share /= total;
        }
        let (thresholds, aliases) = alias_table(&shares);
        Self { items, shares, thresholds, aliases }
    }

    /// Equal weights.
    pub(crate) fn even(items: impl IntoIterator<Item = u32>) -> Self {
        Self::new(items.into_iter().map(|item| (item, 1.0)))
    }

    /// Weights that fall with the position, as `1 / (position + 1)^exponent`.
    pub(crate) fn zipf(items: impl IntoIterator<Item = u32>, exponent: f64) -> Self {
        let weight = |(position, item)| (item, (position as f64 + 1.0).powf(-exponent));
        Self::new(items.into_iter().enumerate().map(weight))
    }

    /// One item, or zero if there are none.
    pub(crate) fn draw(&self, random: &mut impl Rng) -> u32 {
        if self.items.len() < 2 {
            return self.items.first().copied().unwrap_or(0);
        }
        let bits = random.next_u64();
        // The high half chooses the column, the low half decides between it and its alias.
        let column = (((bits >> 32) * self.items.len() as u64) >> 32) as usize;
        let toss = f64::from(bits as u32) / 4_294_967_296.0;
        if toss < self.thresholds[column] { self.items[column] } else { self.items[self.aliases[column] as usize] }
    }

    /// The probability of `item`.
    pub(crate) fn share_of(&self, item: u32) -> f64 {
        self.items.iter().position(|own| *own == item).map_or(0.0, |position| self.shares[position])
    }

    /// Every item with its probability.
    pub(crate) fn shares(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        self.items.iter().copied().zip(self.shares.iter().copied())
    }

    /// Whether there is nothing to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items.
    pub(crate) fn items(&self) -> &[u32] {
        &self.items
    }
}

fn alias_table(shares: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let mut thresholds: Vec<f64> = shares.iter().map(|share| share * shares.len() as f64).collect();
    let mut aliases: Vec<u32> = (0..shares.len() as u32).collect();
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..shares.len()).partition(|position| thresholds[*position] < 1.0);
    while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
        aliases[poor] = rich as u32;
        thresholds[rich] -= 1.0 - thresholds[poor];
        if thresholds[rich] < 1.0 {
            large.pop();
            small.push(rich);
        }
    }
    (thresholds, aliases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::stream::{Purpose, stream};

    #[test]
    fn draws_follow_the_shares() {
        let choice = Choice::new([(7, 1.0), (8, 0.0), (9, 3.0), (11, 6.0)]);
        let mut random = stream(1, Purpose::Text, 0, 0);
        let draws: Vec<u32> = (0..20_000).map(|_| choice.draw(&mut random)).collect();
        for (item, share) in choice.shares() {
            let seen = draws.iter().filter(|drawn| **drawn == item).count() as f64 / 20_000.0;
            assert!((seen - share).abs() < 0.02, "{item}: {seen} for {share}");
        }
        assert!(choice.share_of(8).abs() < f64::EPSILON);
    }
}
