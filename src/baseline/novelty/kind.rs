//! One kind of pairs, learnt: how many new partners are to be expected of an entity's day, and how well known they usually are.
//!
//! Here are the laws and what the last days made of them; what they are fitted to is added up in [`super::gathered`].

use std::collections::{BTreeMap, BTreeSet};

use super::past::PastNumbers;
use super::{BANDS, HABITS_FROM, REPLAYED, TONIGHT, band};
use crate::rollup::Family;
use crate::stats::{NegativeBinomial, PitmanYor, ln_gamma_upper};

/// What is believed of the number of partners that one acquisition brings, as variance over mean, and how many expected ones that
/// belief counts for.
const USUAL_CLUMP: f64 = 2.0;
const CLUMP_BELIEF: f64 = 10.0;
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
    /// Those that it had not either, but that are left to the one principal who came with them.
    pub left: u16,
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
    /// Whether it is no news of the member, but of the principal who came with the partner.
    pub(super) is_left: bool,
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
    /// Pairs first seen on the days that are asked.
    firsts: Vec<First>,
    /// Entities and past days that nothing is learnt from: they were odd by themselves.
    set_aside: BTreeSet<(u32, u8)>,
    /// How many others knew each new partner of the last days.
    known_to: PastNumbers,
    /// How many others knew the least known new partner of each entity and past day on which there was one.
    pub(super) popularity: PastNumbers,
    /// How little known the new partners of each entity and past day on which there was one were, all of them together, `ln U`.
    unfamiliar: PastNumbers,
    /// How many there were of them, `ln V`.
    many: PastNumbers,
    /// Of entities that met somebody new on the scored day, on how many days before they may have met others than those that were counted.
    hidden_days: BTreeMap<u32, usize>,
}

impl Default for Habit {
    fn default() -> Self {
        Self { draws: 0, kinds: 0, days: 0, since: 0, known: 0, new: 0, left: 0, rarest: u32::MAX, surprise: 0.0 }
    }
}

impl Habit {
    /// Whether the entity met anybody on the day.
    pub fn is_active(&self) -> bool {
        self.known > 0 || self.new > 0 || self.left > 0
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
    /// lambda = c P_new(N, K) max(N / D, partners of the day that are no news)
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
            firsts: Vec::new(),
            set_aside: BTreeSet::new(),
            known_to: PastNumbers::default(),
            popularity: PastNumbers::default(),
            hidden_days: BTreeMap::new(),
            unfamiliar: PastNumbers::default(),
            many: PastNumbers::default(),
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
        firsts.sort_unstable_by_key(|first| (first.partner, first.day, first.member));
        for same in firsts.chunk_by_mut(|left, right| left.partner == right.partner) {
            let before_tonight = known_to[same[0].partner as usize];
            note_known_to(same, before_tonight);
        }
        firsts.retain(|first| !first.is_left);
        let tonight = firsts.iter().filter(|first| usize::from(first.day) == TONIGHT);
        let met =
            |first: &First| Acquaintance { member: first.member, known_to: first.known_to, partner: first.partner };
        self.acquaintances = tonight.map(met).collect();
        self.acquaintances.sort_unstable();
        self.firsts = firsts;
        self.learn();
        self
    }

    /// Learns nothing more from these entities on these past days: what they met does not make the company of others any more usual.
    pub(crate) fn set_aside(&mut self, days: BTreeSet<(u32, u8)>) {
        if !days.is_empty() {
            self.set_aside.extend(days);
            self.learn();
        }
    }

    /// Forgets what only learning needs.
    pub(crate) fn settle(&mut self) {
        self.firsts = Vec::new();
    }

    /// Learns from the last days but for what is set aside.
    fn learn(&mut self) {
        self.learn_rates();
        self.known_to = self.past_firsts();
        let firsts = std::mem::take(&mut self.firsts);
        for habit in self.entities.iter_mut().flat_map(|entity| &mut entity.days) {
            (habit.rarest, habit.surprise) = (u32::MAX, 0.0);
        }
        firsts.iter().for_each(|first| self.note(first));
        self.firsts = firsts;
        self.learn_popularity();
    }

    fn learn_rates(&mut self) {
        let mut sums = [(1.0, 1.0); BANDS];
        for (_, habit) in self.replayed() {
            let band = band(habit.kinds);
            let expected = law_expects(&self.peers[band].0, &habit);
            sums[band].0 += believed(habit.new, expected);
            sums[band].1 += expected;
        }
        for ((_, correction), (found, expected)) in self.peers.iter_mut().zip(sums) {
            *correction = found / expected;
        }
        let (mut squares, mut total) = (USUAL_CLUMP * CLUMP_BELIEF, CLUMP_BELIEF);
        for (_, habit) in self.replayed() {
            let expected = self.expected(&habit);
            squares += (believed(habit.new, expected) - expected).powi(2);
            total += expected;
        }
        self.clump = (squares / total).max(LEAST_CLUMP);
    }

    /// The past days that are asked on which an entity was active that had been for a while, but for those set aside.
    fn replayed(&self) -> impl Iterator<Item = (usize, Habit)> {
        let days = self.entities.iter().flat_map(|entity| {
            let days = entity.days[..REPLAYED].iter().copied().enumerate();
            days.filter(|(day, _)| !self.set_aside.contains(&(entity.member, *day as u8)))
        });
        days.filter(|(_, habit)| habit.days >= HABITS_FROM && habit.is_active())
    }

    /// How many others knew each partner that an entity with a past met for the first time on one of the last days.
    fn past_firsts(&self) -> PastNumbers {
        let is_learnt_from = |first: &&First| {
            let had_a_past = |entity: &EntityHabits| entity.days[usize::from(first.day)].days >= HABITS_FROM;
            usize::from(first.day) < TONIGHT
                && !self.set_aside.contains(&(first.member, first.day))
                && self.habits(first.member).is_some_and(had_a_past)
        };
        let learnt = self.firsts.iter().filter(is_learnt_from);
        PastNumbers::of(learnt.map(|first| (usize::from(first.day), f64::from(first.known_to))))
    }

    /// Notes that an entity met a partner for the first time.
    fn note(&mut self, first: &First) {
        let Ok(place) = self.entities.binary_search_by_key(&first.member, |entity| entity.member) else { return };
        let day = usize::from(first.day);
        let surprise = -self.known_to.rank(day, f64::from(first.known_to)).ln() as f32;
        let habit = &mut self.entities[place].days[day];
        habit.rarest = first.known_to.min(habit.rarest);
        habit.surprise += surprise;
    }

    /// Orders the new partners of each entity and past day by how many knew the least known, and by how little known they were together.
    fn learn_popularity(&mut self) {
        let met: Vec<(usize, Habit)> = self.replayed().filter(|(_, habit)| habit.new > 0).collect();
        let many = |(day, habit): &(usize, Habit)| {
            let partners = self.new_partners(self.expected(habit))?;
            Some((*day, ln_given_any(&partners, u64::from(habit.new))))
        };
        let many = PastNumbers::of(met.iter().filter_map(many));
        self.popularity = PastNumbers::of(met.iter().map(|(day, habit)| (*day, f64::from(habit.rarest))));
        self.unfamiliar = PastNumbers::of(met.iter().map(|(day, habit)| (*day, ln_product(habit))));
        self.many = many;
    }

    /// Whom an entity met for the first time on the scored day, the least known first.
    pub fn acquaintances(&self, member: u32) -> &[Acquaintance] {
        let place = |member: u32| self.acquaintances.partition_point(|known| known.member < member);
        &self.acquaintances[place(member)..place(member + 1)]
    }

    /// How many entities met a partner for the first time on the scored day.
    pub fn met_tonight(&self, partner: u32) -> usize {
        self.acquaintances.iter().filter(|met| met.partner == partner).count()
    }

    /// The habits of an entity.
    pub fn habits(&self, member: u32) -> Option<&EntityHabits> {
        let place = self.entities.binary_search_by_key(&member, |entity| entity.member).ok()?;
        Some(&self.entities[place])
    }

    /// How unlikely it is that the least known of so many new partners of a day is known to so few: a rank among the other days.
    ///
    /// ```text
    /// F(m) = (1 + #{M <= m}) / (1 + #M),   M: how many others knew the least known new partner of an entity and day
    /// ```
    pub fn rarity(&self, day: usize, known_to: u32) -> f64 {
        self.popularity.rank(day, f64::from(known_to))
    }

    /// How unlikely it is that the new partners of a day are as little known, taken together: Fisher's product of their ranks, in the light
    /// of the products of the other days, for those whom an entity meets on a day are often alike.
    ///
    /// ```text
    /// U = P(Gamma(n) >= sum -ln F(m_i))
    /// ```
    pub fn ln_unfamiliar(&self, day: usize, habit: &Habit) -> f64 {
        self.unfamiliar.ln_in_the_light_of(day, ln_product(habit))
    }

    /// How unlikely it is to meet so many new partners on a day, given that there is one: the tail of the model in the light of those of the
    /// other days, for how many come at once is another matter in every family.
    ///
    /// ```text
    /// V = P(X >= n | X >= 1)
    /// ```
    pub fn ln_so_many(&self, day: usize, partners: &NegativeBinomial, new: u64) -> f64 {
        self.many.ln_in_the_light_of(day, ln_given_any(partners, new))
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

/// The logarithm of the probability of so small a product of so many ranks.
fn ln_product(habit: &Habit) -> f64 {
    ln_gamma_upper(f64::from(habit.new.max(1)), f64::from(habit.surprise)).unwrap_or(0.0)
}

/// `ln P(X >= n | X >= 1)`.
fn ln_given_any(partners: &NegativeBinomial, new: u64) -> f64 {
    (partners.ln_upper(new) - partners.ln_upper(1)).min(0.0)
}

fn law_expects(law: &PitmanYor, habit: &Habit) -> f64 {
    let usual = f64::from(habit.draws) / f64::from(habit.days.max(1));
    law.new_probability(habit.draws, habit.kinds) * usual.max(f64::from(habit.known) + f64::from(habit.left))
}

fn believed(new: u16, expected: f64) -> f64 {
    f64::from(new).min(BELIEVED * (1.0 + expected))
}
