//! How often the entities of a family meet something for the first time, and how well known among the others that usually is.
//!
//! Read from the rollups' pairs, entity by entity: of an entity's company only counts stay, 20 bytes for each of the last eight
//! days; of the pairs themselves only those first seen on these days, 12 bytes each. Nothing is held of the others. The unit of counting is a pair on a day,
//! however many calls it stands for.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::baseline::Window;
use crate::error::{Error, Result};
use crate::rollup::family::company;
use crate::rollup::store::{self, Numbering, PairDay, merge_pairs};
use crate::rollup::{EntityKey, Family};
use crate::stats::{KindCounts, NegativeBinomial, PitmanYor};

/// Days before the scored one that are asked what the scored one is asked.
pub const REPLAYED: usize = 7;
/// The scored day, counted from the first of those.
pub const TONIGHT: usize = REPLAYED;
/// Days with pairs from which on first-seen is a word with a meaning.
pub const LEAST_DAYS: usize = 14;
/// Active days from which on an entity has habits of its own.
pub const HABITS_FROM: u16 = 20;
/// Active days from which on an entity's past days are learnt from: the window before them is shorter.
pub const LEARNT_FROM: u16 = 12;

/// Peers are entities with about as many partners, by powers of two.
const BANDS: usize = 10;
/// Fewer peers than this are joined by all others.
const LEAST_PEERS: u64 = 20;
/// What is believed of the number of partners that one acquisition brings, as variance over mean, and how many expected ones that
/// belief counts for.
const USUAL_CLUMP: f64 = 2.0;
const CLUMP_BELIEF: f64 = 10.0;
/// The least variance over mean.
const LEAST_CLUMP: f64 = 1.2;
/// So many times more than expected is believed of a past day: what lies beyond may have been an attack.
const BELIEVED: f64 = 10.0;

/// What an entity had met before a day, and what it met on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// The habits of one entity on each of the days that are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityHabits {
    /// Its number among the left entities.
    pub member: u32,
    /// The scored day is the last.
    pub days: [Habit; REPLAYED + 1],
}

/// A pair on the first day on which it was seen.
#[derive(Debug, Clone, Copy)]
struct First {
    partner: u32,
    /// Which of the days that are asked.
    day: u8,
    member: u32,
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
    /// How many others knew the least known new partner of each entity and past day on which there was one, ascending.
    popularity: Vec<u32>,
}

/// All kinds of pairs of a window.
#[derive(Debug, Default)]
pub struct Company {
    /// The kinds, in the order of [`company`]; none where there is too little history of pairs.
    pub kinds: Vec<Novelty>,
    /// Days of history with pairs.
    pub days: usize,
    /// The keys of entities by family and number.
    keys: Vec<(Family, Vec<EntityKey>)>,
}

impl Company {
    /// Reads the pairs of a window.
    ///
    /// # Errors
    /// [`crate::Error::Rollup`] when a file is damaged.
    pub fn read(state: &Path, window: &Window) -> Result<Self> {
        let present: Vec<usize> = (0..=window.length()).filter(|&day| window.is_present(day)).collect();
        let pairs: Vec<Option<PathBuf>> = present
            .iter()
            .map(|&day| Some(store::pairs_path(state, window.date(day))).filter(|path| path.exists()))
            .collect();
        let past = present.iter().zip(&pairs).filter(|(day, path)| **day < window.length() && path.is_some());
        let (days, tonight) = (past.count(), pairs.last().is_some_and(Option::is_some));
        if days < LEAST_DAYS || !tonight || present.last() != Some(&window.length()) {
            return Ok(Self { days, ..Self::default() });
        }
        let rollups: Vec<PathBuf> = present.iter().map(|&day| store::rollup_path(state, window.date(day))).collect();
        let families = [Family::Api, Family::AccessKey, Family::Principal, Family::Network, Family::Region];
        let numberings: Vec<Numbering> =
            families.par_iter().map(|&family| Numbering::read(&rollups, family)).collect::<Result<_>>()?;
        let of = |family: Family| {
            let place = families.iter().position(|&own| own == family);
            place.ok_or_else(|| Error::Internal(format!("entities of {} are not numbered", family.name())))
        };
        let learn = |&(left, right): &(Family, Family)| -> Result<Novelty> {
            let numberings = (&numberings[of(left)?], &numberings[of(right)?]);
            let mut gathered = Gathered::new((left, right), numberings.1.keys.len());
            let calendar = Days { present: &present, length: window.length() };
            let named = Named::of(numberings);
            merge_pairs(&pairs, (left, right), numberings, |member, met| {
                if let Some(met) = named.among(member, met) {
                    gathered.add(member, &met, calendar);
                }
            })?;
            Ok(gathered.learn())
        };
        let kinds = company().collect::<Vec<_>>().par_iter().map(learn).collect::<Result<_>>()?;
        let keys = families.into_iter().zip(numberings).map(|(family, numbers)| (family, numbers.keys)).collect();
        Ok(Self { kinds, days, keys })
    }

    /// Company made of pairs: for each kind, and each left entity in the order of its number, whom it met, in the order of partners
    /// and days. A place is a day; `length` days lie before the scored one. Entities are called by their numbers.
    #[doc(hidden)]
    pub fn from_pairs(length: usize, kinds: impl IntoIterator<Item = ((Family, Family), Vec<Vec<PairDay>>)>) -> Self {
        let present: Vec<usize> = (0..=length).collect();
        let days = Days { present: &present, length };
        let mut company = Self { days: length, ..Self::default() };
        for (families, met) in kinds {
            let partners = met.iter().flatten().map(|pair| pair.partner + 1).max().unwrap_or(0);
            let mut gathered = Gathered::new(families, partners as usize);
            met.iter().zip(0..).for_each(|(met, member)| gathered.add(member, met, days));
            company.kinds.push(gathered.learn());
            for (family, count) in [(families.0, met.len()), (families.1, partners as usize)] {
                let named = |number: usize| EntityKey::new(["", &format!("{number:08}")]);
                let known = company.keys.iter().filter(|(own, _)| *own == family).map(|(_, keys)| keys.len()).max();
                company.keys.retain(|(own, _)| *own != family);
                company.keys.push((family, (0..count.max(known.unwrap_or(0))).map(named).collect()));
            }
        }
        company
    }

    /// The number of an entity.
    pub fn number(&self, family: Family, key: &EntityKey) -> Option<u32> {
        let keys = &self.keys.iter().find(|(own, _)| *own == family)?.1;
        keys.iter().position(|own| own == key).map(|number| number as u32)
    }

    /// The key of an entity.
    pub fn key(&self, family: Family, number: u32) -> Option<&EntityKey> {
        self.keys.iter().find(|(own, _)| *own == family)?.1.get(number as usize)
    }
}

/// Who is somebody: what is beyond a cap stands for many, who are no company and have none.
struct Named {
    unnamed: (BTreeSet<u32>, BTreeSet<u32>),
}

impl Named {
    fn of(numberings: (&Numbering, &Numbering)) -> Self {
        let unnamed = |numbering: &Numbering| {
            let keys = (0..).zip(&numbering.keys);
            keys.filter(|(_, key)| key.is_other()).map(|(number, _)| number).collect()
        };
        Self { unnamed: (unnamed(numberings.0), unnamed(numberings.1)) }
    }

    /// The pairs of somebody with somebody.
    fn among<'a>(&self, member: u32, met: &'a [PairDay]) -> Option<Cow<'a, [PairDay]>> {
        if self.unnamed.0.contains(&member) {
            return None;
        }
        if self.unnamed.1.is_empty() {
            return Some(Cow::Borrowed(met));
        }
        Some(Cow::Owned(met.iter().filter(|pair| !self.unnamed.1.contains(&pair.partner)).copied().collect()))
    }
}

/// Which days of the window the files are of.
#[derive(Clone, Copy)]
struct Days<'a> {
    present: &'a [usize],
    length: usize,
}

impl Days<'_> {
    /// The day of a file, counted from the first that is asked; negative before.
    fn asked(&self, pair: PairDay) -> i64 {
        self.of(pair) as i64 + REPLAYED as i64 - self.length as i64
    }

    fn of(&self, pair: PairDay) -> usize {
        self.present[usize::from(pair.place)]
    }
}

/// What is added up while a kind is read.
struct Gathered {
    novelty: Novelty,
    /// Pairs first seen on one of the days that are asked.
    firsts: Vec<First>,
    /// By partner how many knew it before the scored day.
    known_to: Vec<u32>,
    /// By band, and at last of all, what the entities' histories have in common.
    counts: Vec<KindCounts>,
    by_day: Vec<DayCount>,
}

/// What an entity met on one day of the window.
#[derive(Clone, Copy, Default)]
struct DayCount {
    met: u32,
    new: u32,
}

impl Gathered {
    fn new(families: (Family, Family), partners: usize) -> Self {
        let novelty = Novelty {
            families,
            entities: Vec::new(),
            acquaintances: Vec::new(),
            peers: Vec::new(),
            clump: USUAL_CLUMP,
            popularity: Vec::new(),
        };
        let (firsts, known_to) = (Vec::new(), vec![0; partners]);
        Self { novelty, firsts, known_to, counts: vec![KindCounts::default(); BANDS + 1], by_day: Vec::new() }
    }

    /// Adds an entity with all its pairs.
    fn add(&mut self, member: u32, met: &[PairDay], days: Days<'_>) {
        let same = |left: &PairDay, right: &PairDay| left.partner == right.partner;
        self.by_day.clear();
        self.by_day.resize(days.length + 1, DayCount::default());
        let mut singletons = 0;
        for partner in met.chunk_by(same) {
            let first = days.of(partner[0]);
            self.by_day[first].new += 1;
            partner.iter().for_each(|&pair| self.by_day[days.of(pair)].met += 1);
            if first < days.length {
                self.known_to[partner[0].partner as usize] += 1;
                let past = partner.iter().filter(|&&pair| days.of(pair) < days.length).count();
                singletons += u32::from(past == 1);
            }
            if let Ok(day) = u8::try_from(days.asked(partner[0])) {
                self.firsts.push(First { partner: partner[0].partner, day, member });
            }
        }
        let habits = habits(&self.by_day);
        let tonight = habits[TONIGHT];
        if tonight.is_settled() {
            for band in [band(tonight.kinds), BANDS] {
                self.counts[band].add(tonight.draws, tonight.kinds, singletons);
            }
        }
        if tonight.is_settled() || tonight.new > 0 {
            self.novelty.entities.push(EntityHabits { member, days: habits });
        }
    }

    fn learn(self) -> Novelty {
        let Self { mut novelty, mut firsts, known_to, counts, .. } = self;
        let everybody = PitmanYor::fit(&counts[BANDS]);
        let of_band = |counts: &KindCounts| {
            if counts.sequences() < LEAST_PEERS { everybody } else { PitmanYor::fit(counts) }
        };
        novelty.peers = counts[..BANDS].iter().map(|counts| (of_band(counts), 1.0)).collect();
        novelty.learn_rates();
        firsts.sort_unstable_by_key(|first| u64::from(first.partner) << 8 | u64::from(first.day));
        for same in firsts.chunk_by(|left, right| left.partner == right.partner) {
            novelty.note_firsts(same, known_to[same[0].partner as usize]);
        }
        novelty.acquaintances.sort_unstable();
        novelty.learn_popularity();
        novelty
    }
}

/// What an entity had met before, and met on, each of the days that are asked.
fn habits(by_day: &[DayCount]) -> [Habit; REPLAYED + 1] {
    let mut habits = [Habit::default(); REPLAYED + 1];
    let (mut before, mut last) = (Habit::default(), None);
    for (day, count) in by_day.iter().enumerate() {
        // The last day is the last that is asked, however few there are.
        if let Some(asked) = (day + REPLAYED + 1).checked_sub(by_day.len()) {
            let narrow = |count: u32| count.min(u32::from(u16::MAX)) as u16;
            let (known, new) = (narrow(count.met - count.new), narrow(count.new));
            habits[asked] = Habit { since: last.map_or(0, |last: usize| (day - last) as u16), known, new, ..before };
        }
        if count.met > 0 {
            last = Some(day);
            before.draws += count.met;
            before.kinds += count.new;
            before.days += 1;
        }
    }
    habits
}

fn band(kinds: u32) -> usize {
    (kinds.max(1).ilog2() as usize).min(BANDS - 1)
}

impl Default for Habit {
    fn default() -> Self {
        Self { draws: 0, kinds: 0, days: 0, since: 0, known: 0, new: 0, rarest: u32::MAX }
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
        days.copied().filter(|habit| habit.days >= LEARNT_FROM && habit.is_active())
    }

    /// Notes by whom one partner was met for the first time, day by day; so many knew it before the scored day.
    fn note_firsts(&mut self, firsts: &[First], known_to: u32) {
        let before = |day: u8| firsts.partition_point(|other| other.day < day);
        let past = before(TONIGHT as u8);
        for first in firsts {
            let Ok(place) = self.entities.binary_search_by_key(&first.member, |entity| entity.member) else { continue };
            let known_to = known_to.saturating_sub((past - before(first.day)) as u32);
            let rarest = &mut self.entities[place].days[usize::from(first.day)].rarest;
            *rarest = known_to.min(*rarest);
            if usize::from(first.day) == TONIGHT {
                self.acquaintances.push(Acquaintance { member: first.member, known_to, partner: first.partner });
            }
        }
    }

    /// Orders the least known new partner of each entity and past day by how many knew it.
    fn learn_popularity(&mut self) {
        let mut found: Vec<u32> = self.replayed().filter(|habit| habit.new > 0).map(|habit| habit.rarest).collect();
        found.sort_unstable();
        self.popularity = found;
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
        let below = self.popularity.partition_point(|&other| other <= known_to);
        (1.0 + below as f64) / (1.0 + self.popularity.len() as f64)
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

fn law_expects(law: &PitmanYor, habit: &Habit) -> f64 {
    let usual = f64::from(habit.draws) / f64::from(habit.days.max(1));
    law.new_probability(habit.draws, habit.kinds) * usual.max(f64::from(habit.known))
}

fn believed(new: u16, expected: f64) -> f64 {
    f64::from(new).min(BELIEVED * (1.0 + expected))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTH: usize = 28;
    const KIND: (Family, Family) = (Family::AccessKey, Family::Network);

    fn pairs(met: impl IntoIterator<Item = (u32, u16)>) -> Vec<PairDay> {
        let pairs = met.into_iter().map(|(partner, place)| PairDay { partner, place });
        pairs.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn learnt(entities: Vec<Vec<PairDay>>) -> Novelty {
        Company::from_pairs(LENGTH, [(KIND, entities)]).kinds.remove(0)
    }

    /// Partner 0 every day.
    fn steady() -> impl Iterator<Item = (u32, u16)> {
        (0..=LENGTH as u16).map(|day| (0, day))
    }

    #[test]
    fn few_days_are_enough_to_tell_a_habit() {
        let company = Company::from_pairs(3, [(KIND, vec![pairs([(0, 0), (0, 2), (0, 3), (1, 3)])])]);
        let tonight = company.kinds[0].habits(0).unwrap().days[TONIGHT];
        assert_eq!((tonight.draws, tonight.days, tonight.known, tonight.new), (2, 2, 1, 1));
    }

    #[test]
    fn a_habit_is_what_was_before_and_what_is_new_that_day() {
        let found = learnt(vec![pairs(steady().chain([(7, 3), (7, 28), (8, 25), (9, 28), (4, 28)]))]);
        let tonight = found.habits(0).unwrap().days[TONIGHT];
        let expected = Habit { draws: 30, kinds: 3, days: 28, since: 1, known: 2, new: 2, rarest: 0 };
        assert_eq!(tonight, expected);
        let replayed = found.habits(0).unwrap().days[25 + REPLAYED - LENGTH];
        assert_eq!((replayed.draws, replayed.kinds, replayed.known, replayed.new), (26, 2, 1, 1));
        let met: Vec<u32> = found.acquaintances(0).iter().map(|met| met.partner).collect();
        assert_eq!(met, [4, 9]);
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn a_partner_is_known_to_those_who_met_it_on_days_before() {
        let with = |more: &[(u32, u16)]| pairs(steady().chain(more.iter().copied()));
        let found = learnt(vec![
            with(&[(5, 2)]),
            with(&[(5, 23)]),
            with(&[(5, 25)]),
            with(&[(5, 25)]),
            with(&[(5, 28)]),
            with(&[(6, 28)]),
        ]);
        let rarest = |member: u32, day: usize| found.habits(member).unwrap().days[day + REPLAYED - LENGTH].rarest;
        assert_eq!([rarest(1, 23), rarest(2, 25), rarest(3, 25), rarest(4, 28), rarest(5, 28)], [1, 2, 2, 4, 0]);
        assert_eq!(found.popularity, [1, 2, 2]);
        assert_eq!([0, 1, 2, 9].map(|known_to| found.rarity(known_to)), [0.25, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn those_who_never_meet_anybody_new_are_less_likely_to_than_those_who_do() {
        let lively =
            |number: u32| pairs((0..=28).flat_map(move |day| [(0, day), (100 + number * 40 + u32::from(day), day)]));
        let entities = (0..60).map(|number| if number < 30 { pairs(steady()) } else { lively(number) }).collect();
        let found = learnt(entities);
        let expected = |member: u32| found.expected(&found.habits(member).unwrap().days[TONIGHT]);
        assert!(expected(0) < 0.01, "{}", expected(0));
        assert!((0.7..1.3).contains(&expected(40)), "{}", expected(40));
    }

    proptest! {
        #[test]
        fn habits_are_those_of_a_plain_count(met in prop::collection::btree_set((0_u32..12, 0_u16..=28), 0..80)) {
            let found = learnt(vec![pairs(steady().map(|(_, day)| (20, day)).chain(met.iter().copied()))]);
            let all: BTreeSet<(u32, u16)> = steady().map(|(_, day)| (20, day)).chain(met).collect();
            for (asked, habit) in found.habits(0).unwrap().days.iter().enumerate() {
                let day = (asked + LENGTH - REPLAYED) as u16;
                let before: Vec<_> = all.iter().filter(|(_, other)| *other < day).collect();
                let kinds: BTreeSet<u32> = before.iter().map(|(partner, _)| *partner).collect();
                let of_day: BTreeSet<u32> = all.iter().filter(|(_, other)| *other == day).map(|(partner, _)| *partner).collect();
                prop_assert_eq!((habit.draws as usize, habit.kinds as usize), (before.len(), kinds.len()));
                prop_assert_eq!(usize::from(habit.new), of_day.difference(&kinds).count());
                prop_assert_eq!(usize::from(habit.known), of_day.intersection(&kinds).count());
            }
        }
    }
}
