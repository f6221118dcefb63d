//! How often the entities of a family meet something for the first time, and how well known among the others that usually is.
//!
//! Read from the rollups' pairs, entity by entity: of an entity's company only counts stay, 24 bytes for each of the last eight
//! days; of the pairs themselves only those first seen on these days, 16 bytes each, and of networks how many principals came. Nothing is held of the others. The unit of counting is a pair on a day,
//! however many calls it stands for.

mod gathered;
mod hidden;
mod kind;
mod past;
mod visitors;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::baseline::Window;
use crate::error::{Error, Result};
use crate::rollup::family::company;
use crate::rollup::store::{self, Numbering, PairDay, merge_pairs};
use crate::rollup::{EntityKey, Family};
use crate::storage::is_there;

use gathered::Gathered;
use hidden::Hidden;
pub use kind::{Acquaintance, EntityHabits, Habit, Novelty};
use visitors::Visitors;

/// Days before the scored one that are asked what the scored one is asked.
pub const REPLAYED: usize = 7;
/// The scored day, counted from the first of those.
pub const TONIGHT: usize = REPLAYED;
/// Days with pairs from which on first-seen is a word with a meaning.
pub const LEAST_DAYS: usize = 14;
/// Active days from which on an entity has habits of its own.
pub const HABITS_FROM: u16 = 12;

/// Peers are entities with about as many partners, by powers of two.
const BANDS: usize = 10;
/// Fewer peers than this are joined by all others.
const LEAST_PEERS: u64 = 20;

/// The pairs that tell who came from which network.
const VISITS: (Family, Family) = (Family::Principal, Family::Network);

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
    /// [`crate::Error::Rollup`] when a file is damaged, [`crate::Error::Read`] when it cannot be told whether one is there.
    pub fn read(state: &Path, window: &Window) -> Result<Self> {
        let present: Vec<usize> = (0..=window.length()).filter(|&day| window.is_present(day)).collect();
        let pairs: Vec<Option<PathBuf>> = present
            .iter()
            .map(|&day| {
                let path = store::pairs_path(state, window.date(day));
                Ok(is_there(&path)?.then_some(path))
            })
            .collect::<Result<_>>()?;
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
        let calendar = Days { present: &present, length: window.length() };
        let principals = (&numberings[of(VISITS.0)?], &numberings[of(VISITS.1)?]);
        let visitors = visitors(&pairs, principals, calendar)?;
        let learn = |&(left, right): &(Family, Family)| -> Result<Novelty> {
            let numberings = (&numberings[of(left)?], &numberings[of(right)?]);
            let mut gathered = Gathered::new((left, right), numberings.1.keys.len(), &visitors);
            let mut hidden = Hidden::of(&numberings.0.keys, &numberings.1.keys);
            merge_pairs(&pairs, (left, right), numberings, |member, met| {
                let Some(named) = hidden.among(member, met, calendar) else {
                    return gathered.add_many(met, calendar);
                };
                if gathered.add(member, &named, calendar) {
                    hidden.note(member, met, calendar);
                }
            })?;
            Ok(gathered.learn().with_hidden_days(hidden.days()))
        };
        let kinds = company().collect::<Vec<_>>().par_iter().map(learn).collect::<Result<_>>()?;
        let keys = families.into_iter().zip(numberings).map(|(family, numbers)| (family, numbers.keys)).collect();
        Ok(Self { kinds, days, keys })
    }

    /// Company made of pairs: for each kind, and each left entity in the order of its number, whom it met, each partner's days in
    /// order. A place is a day; `length` days lie before the scored one. Entities are called by their numbers.
    #[doc(hidden)]
    pub fn from_pairs(length: usize, kinds: impl IntoIterator<Item = ((Family, Family), Vec<Vec<PairDay>>)>) -> Self {
        let present: Vec<usize> = (0..=length).collect();
        let days = Days { present: &present, length };
        let mut company = Self { days: length, ..Self::default() };
        let kinds: Vec<_> = kinds.into_iter().collect();
        let partners = |met: &[Vec<PairDay>]| met.iter().flatten().map(|pair| pair.partner + 1).max().unwrap_or(0);
        let visits = kinds.iter().find(|(families, _)| *families == VISITS).map_or(&[][..], |(_, met)| met);
        let mut visitors = Visitors::of(partners(visits) as usize);
        visits.iter().for_each(|met| visitors.add(false, met, days));
        for (families, met) in kinds {
            let partners = partners(&met);
            let mut gathered = Gathered::new(families, partners as usize, &visitors);
            met.iter().zip(0..).for_each(|(met, member)| _ = gathered.add(member, met, days));
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

    /// Learns nothing more from entities of the left family on these past days, counted from the first that is asked.
    pub(crate) fn set_aside(&mut self, days: &BTreeSet<(Family, u32, u8)>) {
        self.kinds.par_iter_mut().for_each(|kind| {
            let left = kind.families.0;
            let own = days.iter().filter(|(family, ..)| *family == left);
            kind.set_aside(own.map(|&(_, member, day)| (member, day)).collect());
        });
    }

    /// Forgets what only learning needs.
    pub(crate) fn settle(&mut self) {
        self.kinds.iter_mut().for_each(Novelty::settle);
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

/// Who came from which network on the days that are asked.
fn visitors(pairs: &[Option<PathBuf>], numberings: (&Numbering, &Numbering), days: Days<'_>) -> Result<Visitors> {
    let is_asked = |place: usize| days.asked(PairDay { partner: 0, place: place as u16 }) >= 0;
    let asked = pairs.iter().enumerate().map(|(place, path)| path.clone().filter(|_| is_asked(place)));
    let mut visitors = Visitors::of(numberings.1.keys.len());
    merge_pairs(&asked.collect::<Vec<_>>(), VISITS, numberings, |member, met| {
        visitors.add(numberings.0.keys[member as usize].is_other(), met, days);
    })?;
    Ok(visitors)
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

fn band(kinds: u32) -> usize {
    (kinds.max(1).ilog2() as usize).min(BANDS - 1)
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
        let expected = Habit {
            draws: 30,
            kinds: 3,
            days: 28,
            since: 1,
            known: 2,
            new: 2,
            left: 0,
            rarest: 0,
            surprise: tonight.surprise,
        };
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
        assert_eq!(found.popularity.all(), [1.0, 2.0, 2.0]);
        assert_eq!([0, 1, 2, 9].map(|known_to| found.rarity(TONIGHT, known_to)), [0.25, 0.5, 1.0, 1.0]);
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn what_is_set_aside_teaches_nothing() {
        let with = |more: Vec<(u32, u16)>| pairs(steady().chain(more));
        let odd = || with((100..140).map(|partner| (partner, 23)).collect());
        let others = || (0..30).map(|key| with(vec![(10 + key % 3, 21 + (key % 7) as u16)]));
        let (clean, mut found) = (learnt(others().collect()), learnt(others().chain([odd()]).collect()));
        let habit = found.habits(3).unwrap().days[TONIGHT];
        let partners = |found: &Novelty| found.new_partners(found.expected(&habit)).unwrap();
        let told = |found: &Novelty| found.ln_so_many(TONIGHT, &partners(found), 11);
        let poisoned = told(&found);
        found.set_aside([(30, (23 + REPLAYED - LENGTH) as u8)].into());
        assert!(poisoned > 0.5 * told(&clean) && told(&found) < 0.8 * told(&clean), "{poisoned} {}", told(&found));
        assert_eq!(found.popularity.all(), clean.popularity.all());
    }

    #[test]
    fn what_one_principal_alone_met_is_no_news_of_an_api() {
        let api = (Family::Api, Family::Network);
        let all = |more: &[(u32, u16)]| pairs(steady().chain(more.iter().copied()));
        // Two came from network 7 tonight, one from 8 and nobody who is known from 9; two from 6 on one day, one on the days around it.
        let one = all(&[(6, 23), (6, 25), (7, 28)]);
        let other = all(&[(6, 25), (6, 26), (7, 28), (8, 28)]);
        let apis = vec![all(&[(7, 28), (8, 28), (9, 28)]), all(&[(6, 23)]), all(&[(6, 25)]), all(&[(6, 26)])];
        let company = Company::from_pairs(LENGTH, [(VISITS, vec![one, other]), (api, apis)]);
        let [principals, apis] = &company.kinds[..] else { panic!("two kinds") };
        let met: Vec<u32> = apis.acquaintances(0).iter().map(|met| met.partner).collect();
        assert_eq!(met, [7, 9]);
        let tonight = apis.habits(0).unwrap().days[TONIGHT];
        assert_eq!((tonight.new, tonight.known, tonight.left), (2, 1, 1));
        assert_eq!(principals.acquaintances(1).len(), 2);
        let on = |member: u32, day: usize| apis.habits(member).unwrap().days[day + REPLAYED - LENGTH];
        assert_eq!([on(1, 23).new, on(2, 25).new, on(3, 26).new], [0, 1, 0]);
        assert_eq!(on(2, 25).rarest, 1, "whoever met it alone knows it");
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
