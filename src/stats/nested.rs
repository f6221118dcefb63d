//! Values of members of groups, and of groups of strata: how far each lie apart; and what is to be expected of a member in that light.
//!
//! Empirical Bayes on four levels. The weight of a level is estimated, not assumed: where groups differ no more than their members
//! would by chance, it is zero, and a member is drawn towards its stratum, or towards all. Sources: Searle, Casella and `McCulloch` 1992,
//! chapter 3 (moments of nested variance components); Efron and Morris 1975.

/// Groups, or strata, from which the variance between them is told.
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
    /// The degrees of freedom of that; zero where it tells nothing of others.
    pub freedom: f64,
}

impl Deviations {
    /// Of some values.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / count.max(1.0);
        let squares = values.map(|value| (value - mean).powi(2)).sum();
        Self { count, mean, squares, freedom: (count - 1.0).max(0.0) }
    }

    /// The same for their mean alone.
    #[must_use]
    pub fn of_mean_alone(self) -> Self {
        Self { squares: 0.0, freedom: 0.0, ..self }
    }
}

/// A member's group and that group's stratum, by number; groups of different strata have different numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NestedPlace {
    /// The stratum.
    pub stratum: u32,
    /// The group.
    pub group: u32,
}

/// How much of the variance of values lies between strata, between groups of a stratum, between members of a group, and within a member.
///
/// ```text
/// y = stratum + group + member + value,   Var stratum = A, Var group = G, Var member = M, Var value = V
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Nested {
    strata: f64,
    groups: f64,
    members: f64,
    within: f64,
    are_members_told: bool,
}

/// What members tell of their group, or groups of their stratum: weights and weighted means, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    weight: f64,
    sum: f64,
}

/// What is to be expected of a member's next value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Effect {
    /// How far above what is usual of all.
    pub shift: f64,
    /// The share by which its variance is less than that of a value of anybody.
    pub explained: f64,
}

/// Parts of a whole, by their means: how far they lie apart, beyond what each mean's own variance makes of it.
#[derive(Debug, Clone, Copy, Default)]
struct Apart {
    squares: f64,
    chance: f64,
    freedom: f64,
}

impl Apart {
    /// Adds the parts of one whole: the mean of each, and its variance.
    fn add(&mut self, parts: &[(f64, f64)]) {
        let count = parts.len() as f64;
        let middle = mean(parts.iter().map(|part| part.0));
        self.squares += parts.iter().map(|part| (part.0 - middle).powi(2)).sum::<f64>();
        self.chance += mean(parts.iter().map(|part| part.1)) * (count - 1.0);
        self.freedom += count - 1.0;
    }

    /// The variance between parts beyond chance, and so many of its standard errors taken off.
    fn beyond_chance(&self, errors: f64) -> f64 {
        let variance = self.squares / self.freedom;
        let error = variance * (2.0 / self.freedom).sqrt();
        (variance - self.chance / self.freedom - errors * error).max(0.0)
    }

    fn told_between_groups(&self) -> f64 {
        if self.freedom + 1.0 >= LEAST_GROUPS as f64 { self.beyond_chance(1.0) } else { 0.0 }
    }
}

/// The mean of some values, with its variance if each has its own.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn mean_of(parts: &[(f64, f64)], between: f64) -> (f64, f64) {
    let variance = mean(parts.iter().map(|part| between + part.1)) / parts.len() as f64;
    (mean(parts.iter().map(|part| part.0)), variance)
}

impl Nested {
    /// Learns from members, which must be in the order of their places and have values.
    ///
    /// ```text
    /// V = sum squares / sum freedom
    /// M = max(0, sum_g sum_e (y_e - y_g)^2 / sum_g (k_g - 1) - mean of V/n)
    /// G = max(0, D - s),   D = sum_a sum_g (y_g - y_a)^2 / sum_a (k_a - 1) - mean of (M + V/n) / k_g,   s the standard error of the first
    /// A likewise of the means y_a of strata
    /// ```
    /// with `y_e` the mean of a member's `n` values, `y_g` the mean over a group's `k_g` members, `y_a` that over a stratum's `k_a`
    /// groups. Nothing differs where too little is known to tell.
    pub fn fit(members: &[(NestedPlace, Deviations)]) -> Self {
        let sum = |of: fn(&Deviations) -> f64| members.iter().map(|(_, member)| of(member)).sum::<f64>();
        let freedom = sum(|member| member.freedom);
        if freedom < LEAST_FREEDOM {
            return Self::default();
        }
        let within = sum(|member| member.squares) / freedom;
        let part = |(_, member): &(NestedPlace, Deviations)| (member.mean, within / member.count);
        let mut groups: Vec<(u32, Vec<(f64, f64)>)> = Vec::new();
        for group in members.chunk_by(|left, right| left.0 == right.0) {
            groups.push((group[0].0.stratum, group.iter().map(part).collect()));
        }
        let mut apart = Apart::default();
        groups.iter().for_each(|(_, group)| apart.add(group));
        if apart.freedom < LEAST_FREEDOM {
            return Self { within, ..Self::default() };
        }
        let members = apart.beyond_chance(0.0);
        let mut strata: Vec<Vec<(f64, f64)>> = Vec::new();
        for stratum in groups.chunk_by(|left, right| left.0 == right.0) {
            strata.push(stratum.iter().map(|(_, group)| mean_of(group, members)).collect());
        }
        let mut apart = Apart::default();
        strata.iter().for_each(|stratum| apart.add(stratum));
        let groups = apart.told_between_groups();
        let strata: Vec<(f64, f64)> = strata.iter().map(|stratum| mean_of(stratum, groups)).collect();
        let mut apart = Apart::default();
        apart.add(&strata);
        Self { strata: apart.told_between_groups(), groups, members, within, are_members_told: true }
    }

    /// The variance between groups of a stratum.
    pub fn between_groups(&self) -> f64 {
        self.groups
    }

    /// The variance between strata.
    pub fn between_strata(&self) -> f64 {
        self.strata
    }

    /// Whether enough groups have several members for these to be told from their groups.
    pub fn are_members_told(&self) -> bool {
        self.are_members_told
    }

    /// What a member tells of its group: its mean, with the weight `1 / (M + V/n)`. A member without values tells nothing.
    pub fn of_group(&self, member: &Deviations) -> Evidence {
        if member.count == 0.0 || self.within == 0.0 {
            return Evidence::default();
        }
        Evidence::of(member.mean, self.members + self.within / member.count)
    }

    /// What a group, of which its members tell this, tells of its stratum: the weighted mean of its members, with the weight
    /// `1 / (G + 1/W)`, `W` the sum of theirs.
    pub fn of_stratum(&self, group: Evidence) -> Evidence {
        if group.weight == 0.0 {
            return Evidence::default();
        }
        Evidence::of(group.sum / group.weight, self.groups + group.weight.recip())
    }

    /// What is to be expected of a member with these values of its own, of whose group its other members, and of whose stratum its
    /// other groups, tell this.
    ///
    /// ```text
    /// stratum ~ N(a (S_a),      a),  a = 1 / (1/A + W_a)
    /// group   ~ N(g (stratum / (a + G) + S_g), g),  g = 1 / (1/(a + G) + W_g)
    /// member's share of its own mean: K = (g + M) / (g + M + V/n)
    /// shift = (1 - K) group + K y,   explained = (A + G + M - (g + M) (1 - K)) / (A + G + M + V)
    /// ```
    pub fn expect(&self, own: &Deviations, group: Evidence, stratum: Evidence) -> Effect {
        if self.within == 0.0 {
            return Effect::default();
        }
        let stratum = stratum.believed((0.0, self.strata));
        let group = group.believed((stratum.0, stratum.1 + self.groups));
        let prior = group.1 + self.members;
        let own_share = if own.count > 0.0 { prior / (prior + self.within / own.count) } else { 0.0 };
        let shift = group.0 + own_share * (own.mean - group.0);
        let apart = self.strata + self.groups + self.members;
        Effect { shift, explained: (apart - prior * (1.0 - own_share)) / (apart + self.within) }
    }
}

impl Evidence {
    fn of(mean: f64, variance: f64) -> Self {
        if variance > 0.0 { Self { weight: variance.recip(), sum: mean / variance } } else { Self::default() }
    }

    /// Mean and variance of what was believed to have these before.
    fn believed(self, (mean, variance): (f64, f64)) -> (f64, f64) {
        if variance <= 0.0 {
            return (mean, 0.0);
        }
        let after = (variance.recip() + self.weight).recip();
        (after * (mean / variance + self.sum), after)
    }

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

    /// Groups of one stratum.
    fn fit(groups: &[Vec<Deviations>]) -> Nested {
        let placed = (0..).zip(groups).flat_map(|(group, members)| {
            members.iter().map(move |&member| (NestedPlace { stratum: 0, group }, member))
        });
        Nested::fit(&placed.collect::<Vec<_>>())
    }

    /// Mean log density of the next values, by all, by the group, and by the group and the member itself.
    fn log_scores(groups: f64, seed: u64) -> [f64; 3] {
        let (seen, next) = draw(groups, 0.5, 0.8, seed);
        let nested = fit(&seen);
        let total = groups * groups + 0.25 + 0.64;
        let density = |value: f64, effect: Effect| {
            let variance = total * (1.0 - effect.explained);
            -0.5 * ((value - effect.shift).powi(2) / variance + (std::f64::consts::TAU * variance).ln())
        };
        let mut sums = [0.0; 3];
        for (group, next) in seen.iter().zip(&next) {
            let mut all = Evidence::default();
            group.iter().for_each(|member| all.add(nested.of_group(member)));
            for (member, &value) in group.iter().zip(next) {
                let others = all.without(nested.of_group(member));
                let expect = |own| nested.expect(own, others, Evidence::default());
                let effects = [Effect::default(), expect(&Deviations::default()), expect(member)];
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
        assert_eq!(fit(&few).expect(&few[0][0], Evidence::default(), Evidence::default()), Effect::default());
    }

    /// Forty strata of five groups of four members with three values each; for the first member of each group, left out of what is known,
    /// the squared error of what all, its stratum, and its group and stratum, make of its next value.
    fn errors_by_level(strata: f64, groups: f64, seed: u64) -> [f64; 3] {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut normal = move || -> f64 { StandardNormal.sample(&mut random) };
        let (mut members, mut next) = (Vec::new(), Vec::new());
        for place in (0..200).map(|group| NestedPlace { stratum: group / 5, group }) {
            if place.group % 5 == 0 {
                next.push((strata * normal(), Vec::new()));
            }
            let stratum = next.last().unwrap().0;
            let group = stratum + groups * normal();
            for _ in 0..4 {
                let member = group + 0.5 * normal();
                members.push((place, Deviations::of([(); 3].map(|()| member + 0.8 * normal()).into_iter())));
                next.last_mut().unwrap().1.push(member + 0.8 * normal());
            }
        }
        let next: Vec<f64> = next.into_iter().flat_map(|(_, next)| next).collect();
        let nested = Nested::fit(&members);
        let told = |of: &dyn Fn(NestedPlace) -> bool| {
            let mut sum = Evidence::default();
            members.iter().filter(|(place, _)| of(*place)).for_each(|(_, member)| sum.add(nested.of_group(member)));
            sum
        };
        let mut errors = [0.0; 3];
        for (number, &next) in next.iter().enumerate().step_by(4) {
            let place = members[number].0;
            let own_group = told(&|other| other == place).without(nested.of_group(&members[number].1));
            let mut stratum = Evidence::default();
            for other in (place.stratum * 5..place.stratum * 5 + 5).filter(|&other| other != place.group) {
                stratum.add(nested.of_stratum(told(&|place| place.group == other)));
            }
            let expect = |group, stratum| nested.expect(&Deviations::default(), group, stratum).shift;
            let shifts = [0.0, expect(Evidence::default(), stratum), expect(own_group, stratum)];
            errors.iter_mut().zip(shifts).for_each(|(sum, shift)| *sum += (next - shift).powi(2) / 200.0);
        }
        errors
    }

    #[test]
    fn a_member_is_drawn_to_its_group_and_a_lonely_one_to_its_stratum() {
        for seed in 0..3 {
            let [all, stratum, group] = errors_by_level(1.5, 0.7, seed);
            assert!(stratum < 0.75 * all && group < 0.85 * stratum, "{all} {stratum} {group}");
            let [all, stratum, group] = errors_by_level(0.0, 0.0, 100 + seed);
            assert!(stratum < 1.03 * all && group < 1.03 * all, "{all} {stratum} {group}");
        }
    }

    #[test]
    fn members_that_are_alone_in_their_groups_are_not_told_from_them() {
        let alone: Vec<Vec<Deviations>> = draw(1.0, 0.5, 0.8, 1).0.into_iter().map(|group| vec![group[0]]).collect();
        assert!(!fit(&alone).are_members_told() && fit(&draw(1.0, 0.5, 0.8, 1).0).are_members_told());
    }
}
