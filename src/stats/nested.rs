//! Values of members of groups: how far groups lie apart, members within a group, and the values of a member; and what is to be expected
//! of a member in that light.
//!
//! Empirical Bayes on three levels. The weight of a group is estimated, not assumed: where groups differ no more than their members
//! would by chance, it is zero, and a member is drawn towards all. Sources: Searle, Casella and `McCulloch` 1992, chapter 3 (moments of
//! nested variance components); Efron and Morris 1975.

/// Groups from which the variance between groups is told.
const LEAST_GROUPS: usize = 8;
/// Degrees of freedom from which a variance is told.
const LEAST_FREEDOM: f64 = 20.0;

/// The values of one member, as deviations from what is usual of all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Deviations {
    /// How many.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// The sum of their squared distances from it.
    pub squares: f64,
}

impl Deviations {
    /// Of some values.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / count.max(1.0);
        Self { count, mean, squares: values.map(|value| (value - mean).powi(2)).sum() }
    }
}

/// How much of the variance of values lies between groups, between members of a group, and within a member.
///
/// ```text
/// y = group + member + value,   Var group = G, Var member = M, Var value = V
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Nested {
    groups: f64,
    members: f64,
    within: f64,
}

/// What a group's members tell of it: weights and weighted means, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GroupEvidence {
    weight: f64,
    sum: f64,
}

/// What is to be expected of a member's next value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Effect {
    /// How far above what is usual of all.
    pub shift: f64,
    /// How much less its variance is than that of a value of anybody.
    pub explained: f64,
}

impl Nested {
    /// Learns from groups of members.
    ///
    /// ```text
    /// V = sum squares / sum (n - 1)
    /// M = max(0, sum_g sum_e (y_e - y_g)^2 / sum_g (k_g - 1) - mean of V/n)
    /// G = max(0, D - s),   D = Var y_g - mean of (M + V/n) / k_g,   s its standard error, Var y_g sqrt(2 / (groups - 1))
    /// ```
    /// with `y_e` the mean of a member's `n` values, `y_g` the mean over a group's `k_g` members. Nothing differs where too little is
    /// known to tell.
    pub fn fit<'a>(groups: impl Iterator<Item = &'a [Deviations]> + Clone) -> Self {
        let members = || groups.clone().flatten();
        let freedom: f64 = members().map(|member| member.count - 1.0).sum();
        if freedom < LEAST_FREEDOM {
            return Self::default();
        }
        let within = members().map(|member| member.squares).sum::<f64>() / freedom;
        let noise = |group: &[Deviations]| group.iter().map(|member| within / member.count).sum::<f64>();
        let mean = |group: &[Deviations]| group.iter().map(|member| member.mean).sum::<f64>() / group.len() as f64;
        let (mut apart, mut chance, mut freedom) = (0.0, 0.0, 0.0);
        for group in groups.clone() {
            let (middle, others) = (mean(group), group.len() as f64 - 1.0);
            apart += group.iter().map(|member| (member.mean - middle).powi(2)).sum::<f64>();
            chance += noise(group) * others / group.len() as f64;
            freedom += others;
        }
        if freedom < LEAST_FREEDOM {
            return Self { within, ..Self::default() };
        }
        let members = ((apart - chance) / freedom).max(0.0);
        let means: Vec<f64> = groups.clone().map(mean).collect();
        let count = means.len() as f64;
        let all = means.iter().sum::<f64>() / count;
        let variance = means.iter().map(|mean| (mean - all).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        let size = |group: &[Deviations]| group.len() as f64;
        let by_chance = groups.map(|group| (members + noise(group) / size(group)) / size(group)).sum::<f64>() / count;
        let error = variance * (2.0 / (count - 1.0).max(1.0)).sqrt();
        let told = means.len() >= LEAST_GROUPS;
        let groups = if told { (variance - by_chance - error).max(0.0) } else { 0.0 };
        Self { groups, members, within }
    }

    /// The variance between groups.
    pub fn between_groups(&self) -> f64 {
        self.groups
    }

    /// What a member tells of its group.
    pub fn evidence(&self, member: &Deviations) -> GroupEvidence {
        if member.count == 0.0 || self.within == 0.0 {
            return GroupEvidence::default();
        }
        let weight = (self.members + self.within / member.count).recip();
        GroupEvidence { weight, sum: weight * member.mean }
    }

    /// What is to be expected of a member with these values of its own, whose group's others tell this.
    ///
    /// ```text
    /// group ~ N(S / (1/G + W), g),  g = 1 / (1/G + W);   member's share of its own mean: K = (g + M) / (g + M + V/n)
    /// shift = (1 - K) group + K y,   explained = G + M - (g + M) (1 - K)
    /// ```
    pub fn expect(&self, own: &Deviations, others: GroupEvidence) -> Effect {
        if self.within == 0.0 {
            return Effect::default();
        }
        let unsure = if self.groups > 0.0 { (self.groups.recip() + others.weight).recip() } else { 0.0 };
        let group = unsure * others.sum;
        let prior = unsure + self.members;
        let own_share = if own.count > 0.0 { prior / (prior + self.within / own.count) } else { 0.0 };
        let shift = group + own_share * (own.mean - group);
        Effect { shift, explained: self.groups + self.members - prior * (1.0 - own_share) }
    }
}

impl GroupEvidence {
    /// Adds what another member tells.
    pub fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.sum += other.sum;
    }

    /// Without what one of the members tells.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        if self.weight <= other.weight * (1.0 + 1e-9) {
            return Self::default();
        }
        Self { weight: self.weight - other.weight, sum: self.sum - other.sum }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// Groups of five members with three values each, from these standard deviations; and each member's next value.
    fn draw(groups: f64, members: f64, within: f64, seed: u64) -> (Vec<Vec<Deviations>>, Vec<Vec<f64>>) {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut normal = move || -> f64 { StandardNormal.sample(&mut random) };
        let (mut seen, mut next) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let group = groups * normal();
            let drawn: Vec<(Deviations, f64)> = (0..5)
                .map(|_| {
                    let member = group + members * normal();
                    let values = [(); 3].map(|()| member + within * normal());
                    (Deviations::of(values.into_iter()), member + within * normal())
                })
                .collect();
            seen.push(drawn.iter().map(|(seen, _)| *seen).collect());
            next.push(drawn.iter().map(|(_, next)| *next).collect());
        }
        (seen, next)
    }

    fn fit(groups: &[Vec<Deviations>]) -> Nested {
        Nested::fit(groups.iter().map(Vec::as_slice))
    }

    /// Mean log density of the next values, by all, by the group, and by the group and the member itself.
    fn log_scores(groups: f64, seed: u64) -> [f64; 3] {
        let (seen, next) = draw(groups, 0.5, 0.8, seed);
        let nested = fit(&seen);
        let total = groups * groups + 0.25 + 0.64;
        let density = |value: f64, effect: Effect| {
            let variance = total - effect.explained;
            -0.5 * ((value - effect.shift).powi(2) / variance + (std::f64::consts::TAU * variance).ln())
        };
        let mut sums = [0.0; 3];
        for (group, next) in seen.iter().zip(&next) {
            let mut all = GroupEvidence::default();
            group.iter().for_each(|member| all.add(nested.evidence(member)));
            for (member, &value) in group.iter().zip(next) {
                let others = all.without(nested.evidence(member));
                let effects =
                    [Effect::default(), nested.expect(&Deviations::default(), others), nested.expect(member, others)];
                sums.iter_mut().zip(effects).for_each(|(sum, effect)| *sum += density(value, effect) / 1000.0);
            }
        }
        sums
    }

    #[test]
    fn components_come_back() {
        let found = fit(&draw(1.0, 0.5, 0.8, 1).0);
        assert!((0.7..1.1).contains(&found.groups), "{found:?}");
        assert!((found.members - 0.25).abs() < 0.06 && (found.within - 0.64).abs() < 0.06, "{found:?}");
    }

    #[test]
    fn groups_that_do_not_differ_have_no_say() {
        let zero = (0..20).filter(|&seed| fit(&draw(0.0, 0.5, 0.8, seed).0).groups == 0.0).count();
        assert!(zero >= 15, "{zero} of 20");
    }

    #[test]
    fn knowing_the_group_helps_where_groups_differ_and_does_not_hurt_where_they_do_not() {
        for seed in 0..5 {
            let [all, group, own] = log_scores(1.0, seed);
            assert!(group > all + 0.2 && own > group + 0.01, "{all} {group} {own}");
            let [all, group, own] = log_scores(0.0, 100 + seed);
            assert!(group > all - 0.005 && own > all + 0.01, "{all} {group} {own}");
        }
    }

    #[test]
    fn where_nothing_is_known_nothing_is_expected() {
        let few = [vec![Deviations::of([1.0, 2.0].into_iter())]];
        assert_eq!(fit(&few), Nested::default());
        assert_eq!(fit(&few).expect(&few[0][0], GroupEvidence::default()), Effect::default());
    }
}
