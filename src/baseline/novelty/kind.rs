//! One kind of pairs, learnt: how many new partners are to be expected of an entity's day, and how well known they usually are.
//!
//! Here are the laws and what the last days made of them; what they are fitted to is added up in [`super::gathered`].

use std::collections::BTreeMap;

use super::{BANDS, HABITS_FROM, REPLAYED, TONIGHT, band};
use crate::rollup::Family;
use crate::stats::{NegativeBinomial, PitmanYor, ln_gamma_upper};

/// What is believed of the number of partners that one acquisition brings, as variance over mean, and how many expected ones that
/// belief counts for.
const USUAL_CLUMP: f64 = 2.0;
const CLUMP_BELIEF: f64 = 10.0;
/// Past p-values that the model's own word counts for.
const MODEL_BELIEF: f64 = 20.0;
/// Logarithms that are as near are the same number.
const SAME: f64 = 1e-9;
/// The least variance over mean.
const LEAST_CLUMP: f64 = 1.2;
/// So many times more than expected is believed of a past day: what lies beyond may have been an attack.
const BELIEVED: f64 = 10.0;

/// What an entity had met before a day, and what it met on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Habit {
    /// Pairs on days before, each counted once a day.
    pub draws: u32,
    /// Different partners before.
    pub kinds: u32,
    /// Days before on which it met anybody.
    pub days: u16,
    /// Days since the last of these.
    pub since: u16,
    /// Partners of the day that it had met before.
    pub known: u16,
    /// Those that it had not.
    pub new: u16,
    /// How many others knew the least known of the new ones before.
    pub rarest: u32,
    /// How little known the new ones are, taken together: the sum of `-ln F(m)` of each.
    pub surprise: f32,
}

/// The habits of one entity on each of the days that are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityHabits {
    /// Its number among the left entities.
    pub member: u32,
    /// The scored day is the last.
    pub days: [Habit; REPLAYED + 1],
}

/// A pair on the first day on which it was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    pub(super) partner: u32,
    /// Which of the days that are asked.
    pub(super) day: u8,
    pub(super) member: u32,
    /// How many others knew the partner before that day.
    pub(super) known_to: u32,
}

/// Somebody whom an entity met for the first time on the scored day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acquaintance {
    /// The left side's number.
    pub member: u32,
    /// How many others knew the partner before.
    pub known_to: u32,
    /// The right side's number.
    pub partner: u32,
}

/// What is known of one kind of pairs.
#[derive(Debug)]
pub struct Novelty {
    /// The kind.
    pub families: (Family, Family),
    /// Left entities that have habits or met somebody new on the scored day, ascending.
    pub entities: Vec<EntityHabits>,
    /// Pairs first seen on the scored day, entity by entity, the least known partners first.
    acquaintances: Vec<Acquaintance>,
    /// By band of peers the law of their acquaintances, and how much of what it expects came true.
    peers: Vec<(PitmanYor, f64)>,
    /// Variance over mean of the number of new partners of a day.
    clump: f64,
    /// How many others knew each new partner of the last days, ascending.
    known_to: Vec<u32>,
    /// How many others knew the least known new partner of each entity and past day on which there was one, ascending.
    pub(super) popularity: Vec<u32>,
    /// How little known the new partners of each entity and past day on which there was one were, all of them together, `ln U`, ascending.
    unfamiliar: Vec<f64>,
    /// How many there were of them, `ln V`, ascending.
    many: Vec<f64>,
    /// Of entities that met somebody new on the scored day, on how many days before they may have met others than those that were counted.
    hidden_days: BTreeMap<u32, usize>,
}

impl Default for Habit {
    fn default() -> Self {
        Self { draws: 0, kinds: 0, days: 0, since: 0, known: 0, new: 0, rarest: u32::MAX, surprise: 0.0 }
    }
}

impl Habit {
    /// Whether the entity met anybody on the day.
    pub fn is_active(&self) -> bool {
        self.known > 0 || self.new > 0
    }

    /// Whether the entity has habits of its own.
    pub fn is_settled(&self) -> bool {
        self.days >= HABITS_FROM
    }
}

impl Novelty {
    /// How many new partners a settled entity is to be expected to meet on a day on which it is active.
    ///
    /// ```text
    /// lambda = c P_new(N, K) max(N / D, known partners of the day)
    /// ```
    /// with `N` pairs on `D` active days with `K` partners before, `P_new` the Pitman-Yor law of its peers and `c` what the last
    /// days made of it.
    pub fn expected(&self, habit: &Habit) -> f64 {
        let (law, correction) = &self.peers[band(habit.kinds)];
        correction * law_expects(law, habit)
    }

    pub(super) fn new(families: (Family, Family)) -> Self {
        Self {
            families,
            entities: Vec::new(),
            acquaintances: Vec::new(),
            peers: Vec::new(),
            clump: USUAL_CLUMP,
            known_to: Vec::new(),
            popularity: Vec::new(),
            hidden_days: BTreeMap::new(),
            unfamiliar: Vec::new(),
            many: Vec::new(),
        }
    }

    /// With the days on which a cap hides whom entities met that met somebody new.
    pub(super) fn with_hidden_days(self, hidden_days: BTreeMap<u32, usize>) -> Self {
        Self { hidden_days, ..self }
    }

    /// On how many days before the scored one an entity that met somebody new may have met others than those that were counted.
    pub fn hidden_days(&self, member: u32) -> usize {
        self.hidden_days.get(&member).copied().unwrap_or(0)
    }

    /// With the law of each band of peers, the pairs that were new on the days that are asked, and how many knew each partner before
    /// the scored day.
    pub(super) fn learnt(
        mut self,
        laws: impl Iterator<Item = PitmanYor>,
        mut firsts: Vec<First>,
        known_to: &[u32],
    ) -> Self {
        self.peers = laws.map(|law| (law, 1.0)).collect();
        self.learn_rates();
        firsts.sort_unstable_by_key(|first| (first.partner, first.day, first.member));
        for same in firsts.chunk_by_mut(|left, right| left.partner == right.partner) {
            let before_tonight = known_to[same[0].partner as usize];
            note_known_to(same, before_tonight);
        }
        self.known_to = self.past_firsts(&firsts);
        firsts.iter().for_each(|first| self.note(first));
        self.acquaintances.sort_unstable();
        self.learn_popularity();
        self
    }

    fn learn_rates(&mut self) {
        let mut sums = [(1.0, 1.0); BANDS];
        for habit in self.replayed() {
            let band = band(habit.kinds);
            let expected = law_expects(&self.peers[band].0, &habit);
            sums[band].0 += believed(habit.new, expected);
            sums[band].1 += expected;
        }
        for ((_, correction), (found, expected)) in self.peers.iter_mut().zip(sums) {
            *correction = found / expected;
        }
        let (mut squares, mut total) = (USUAL_CLUMP * CLUMP_BELIEF, CLUMP_BELIEF);
        for habit in self.replayed() {
            let expected = self.expected(&habit);
            squares += (believed(habit.new, expected) - expected).powi(2);
            total += expected;
        }
        self.clump = (squares / total).max(LEAST_CLUMP);
    }

    /// The past days that are asked on which an entity was active that had been for a while.
    fn replayed(&self) -> impl Iterator<Item = Habit> {
        let days = self.entities.iter().flat_map(|entity| &entity.days[..REPLAYED]);
        days.copied().filter(|habit| habit.days >= HABITS_FROM && habit.is_active())
    }

    /// How many others knew each partner that an entity with a past met for the first time on one of the last days, ascending.
    fn past_firsts(&self, firsts: &[First]) -> Vec<u32> {
        let is_learnt_from = |first: &&First| {
            let day = usize::from(first.day);
            day < TONIGHT && self.habits(first.member).is_some_and(|entity| entity.days[day].days >= HABITS_FROM)
        };
        let mut found: Vec<u32> = firsts.iter().filter(is_learnt_from).map(|first| first.known_to).collect();
        found.sort_unstable();
        found
    }

    /// Notes that an entity met a partner for the first time.
    fn note(&mut self, first: &First) {
        let Ok(place) = self.entities.binary_search_by_key(&first.member, |entity| entity.member) else { return };
        let surprise = -rank(&self.known_to, first.known_to).ln() as f32;
        let habit = &mut self.entities[place].days[usize::from(first.day)];
        habit.rarest = first.known_to.min(habit.rarest);
        habit.surprise += surprise;
        if usize::from(first.day) == TONIGHT {
            let First { partner, member, known_to, .. } = *first;
            self.acquaintances.push(Acquaintance { member, known_to, partner });
        }
    }

    /// Orders the new partners of each entity and past day by how many knew the least known, and by how little known they were together.
    fn learn_popularity(&mut self) {
        let met: Vec<Habit> = self.replayed().filter(|habit| habit.new > 0).collect();
        self.popularity = met.iter().map(|habit| habit.rarest).collect();
        self.popularity.sort_unstable();
        self.unfamiliar = met.iter().map(ln_product).collect();
        self.unfamiliar.sort_unstable_by(f64::total_cmp);
        let many = |habit: &Habit| {
            let partners = self.new_partners(self.expected(habit))?;
            Some(ln_given_any(&partners, u64::from(habit.new)))
        };
        self.many = met.iter().filter_map(many).collect();
        self.many.sort_unstable_by(f64::total_cmp);
    }

    /// Whom an entity met for the first time on the scored day, the least known first.
    pub fn acquaintances(&self, member: u32) -> &[Acquaintance] {
        let place = |member: u32| self.acquaintances.partition_point(|known| known.member < member);
        &self.acquaintances[place(member)..place(member + 1)]
    }

    /// The habits of an entity.
    pub fn habits(&self, member: u32) -> Option<&EntityHabits> {
        let place = self.entities.binary_search_by_key(&member, |entity| entity.member).ok()?;
        Some(&self.entities[place])
    }

    /// How unlikely it is that the least known of so many new partners is known to so few: a rank among the last days.
    ///
    /// ```text
    /// F(m) = (1 + #{M <= m}) / (1 + #M),   M: how many others knew the least known new partner of an entity and day
    /// ```
    pub fn rarity(&self, known_to: u32) -> f64 {
        rank(&self.popularity, known_to)
    }

    /// How unlikely it is that the new partners of a day are as little known, taken together: Fisher's product of their ranks, in the light
    /// of the products of the last days, for those whom an entity meets on a day are often alike.
    ///
    /// ```text
    /// U = P(Gamma(n) >= sum -ln F(m_i))
    /// ```
    pub fn ln_unfamiliar(&self, habit: &Habit) -> f64 {
        ln_in_the_light_of(&self.unfamiliar, ln_product(habit))
    }

    /// How unlikely it is to meet so many new partners, given that there is one: the tail of the model in the light of those of the last
    /// days, for how many come at once is another matter in every family.
    ///
    /// ```text
    /// V = P(X >= n | X >= 1)
    /// ```
    pub fn ln_so_many(&self, partners: &NegativeBinomial, new: u64) -> f64 {
        ln_in_the_light_of(&self.many, ln_given_any(partners, new))
    }

    /// The distribution of the number of new partners of a day: a negative binomial whose clumps are as large however few are
    /// expected.
    ///
    /// ```text
    /// E X = lambda,   Var X = phi lambda,   size = lambda / (phi - 1)
    /// ```
    pub fn new_partners(&self, expected: f64) -> Option<NegativeBinomial> {
        let expected = expected.max(1e-9);
        NegativeBinomial::new(expected, expected / (self.clump - 1.0)).ok()
    }
}

/// Notes how many knew a partner before each day on which it was met for the first time; so many knew it before the scored day.
fn note_known_to(firsts: &mut [First], before_tonight: u32) {
    let before = |firsts: &[First], day: u8| firsts.partition_point(|other| other.day < day);
    let past = before(firsts, TONIGHT as u8);
    for place in 0..firsts.len() {
        let earlier = before(firsts, firsts[place].day);
        firsts[place].known_to = before_tonight.saturating_sub((past - earlier) as u32);
    }
}

/// The share of past numbers that are as small; no number is smaller than all that may come.
fn rank(past: &[u32], number: u32) -> f64 {
    let below = past.partition_point(|&other| other <= number);
    (1.0 + below as f64) / (1.0 + past.len() as f64)
}

/// The logarithm of the probability of so small a product of so many ranks.
fn ln_product(habit: &Habit) -> f64 {
    ln_gamma_upper(f64::from(habit.new.max(1)), f64::from(habit.surprise)).unwrap_or(0.0)
}

/// The logarithm of a p-value in the light of those of the last days, ascending: its rank among them, and beyond all of them as much further
/// as the model says; where there are few, the model's own word.
///
/// ```text
/// R = (1 + #{V' <= V}) / (1 + n) min(1, V / min V'),   ln p = (20 ln V + n ln R) / (20 + n)
/// ```
fn ln_in_the_light_of(past: &[f64], ln_p: f64) -> f64 {
    let below = past.partition_point(|&other| other <= ln_p + SAME);
    let beyond = past.first().map_or(0.0, |least| (ln_p - least).min(0.0));
    let number = past.len() as f64;
    let ln_rank = ((1.0 + below as f64) / (1.0 + number)).ln() + beyond;
    (MODEL_BELIEF * ln_p + number * ln_rank) / (MODEL_BELIEF + number)
}

/// `ln P(X >= n | X >= 1)`.
fn ln_given_any(partners: &NegativeBinomial, new: u64) -> f64 {
    (partners.ln_upper(new) - partners.ln_upper(1)).min(0.0)
}

fn law_expects(law: &PitmanYor, habit: &Habit) -> f64 {
    let usual = f64::from(habit.draws) / f64::from(habit.days.max(1));
    law.new_probability(habit.draws, habit.kinds) * usual.max(f64::from(habit.known))
}

fn believed(new: u16, expected: f64) -> f64 {
    f64::from(new).min(BELIEVED * (1.0 + expected))
}
