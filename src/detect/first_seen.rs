//! First-seen pairs: an entity that meets more, or rarer, new company than its habits explain.
//!
//! *What it flags*: keys, principals and APIs on networks, keys and principals with APIs, principals in regions, where the two were
//! never seen together in the window: a stolen key on a network of its own that calls what its owner never called.
//! *Statistic*: for each kind of pairs the number of new partners of the day, step by step, against a negative binomial around the
//! Pitman-Yor law of the entity's peers, and the popularity of the least known of them among what was met for the first time on the last days;
//! the kinds are put together by [`ln_occasional`], which knows how seldom each has anything to say. One test an entity and night, in
//! the set of first meetings of [`super::select`], where those with a new API that can do much harm have a share of their own.
//! What would have been a discovery on one of the last days is set aside from all that the others and the scored day are held against, so
//! that a thief does not make the next one look usual. What a principal alone did from a network is told of it, not of each API.
//! *Assumptions*: kinds are independent; the last week's acquisitions are like tonight's. Where they are not, the replay of the last
//! seven days sees it and corrects p. *When it is wrong*: when somebody changes his work; when a network of the cloud's own,
//! shared by all tenants, changes. Entities with less than 12 active days are judged by popularity alone.
//! *Parameters*: [`Thresholds`]; those of [`crate::baseline::novelty`].
//! *References*: Sanna Passino and Heard 2019; Metelli and Heard 2019 (new links of a network).

pub mod trace;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::baseline::novelty::{Acquaintance, Company, HABITS_FROM, Habit, LEAST_DAYS, Novelty, REPLAYED, TONIGHT};
use crate::detect::Thresholds;
use crate::detect::replay::measure;
use crate::detect::select::{Ranked, Test, TestSet, rank};
use crate::error::Result;
use crate::event::ChangeKind;
use crate::event::sensitivity::{CallMeaning, Sensitivity};
use crate::rollup::{EntityKey, Family};
use crate::stats::{Calibration, Occasional, ln_occasional};

/// The families that company is judged of.
pub const JUDGED: [Family; 3] = [Family::AccessKey, Family::Principal, Family::Api];
/// New partners of a day that are counted; more cannot make it any less likely.
const MOST_COUNTED: u16 = 10_000;
/// Numbers of new partners whose p-values are taken for what they are; most often there is one, and its p-value is one.
const STEPS: u64 = 4;
/// How often the last days are judged again without what was odd about them; odd days hide behind odder ones.
const MOST_ROUNDS: usize = 4;
/// So many entities of a family may have been on one network that an attacker brought.
const FEW: usize = 2;
/// A silence of so many days is worth a word.
const LONG_SILENCE: usize = 7;

/// A partner that an entity met for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartner {
    /// Its key.
    pub key: EntityKey,
    /// How many others of the entity's family knew it before.
    pub known_to: u32,
}

/// An entity whose new company on the scored day is beyond its habits.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstSeen {
    /// The entity's family.
    pub family: Family,
    /// The entity.
    pub key: EntityKey,
    /// Whom it met for the first time, by family, the least known first.
    pub partners: Vec<(Family, Vec<NewPartner>)>,
    /// How many new partners it usually meets on a day on which it is active.
    pub usual: f64,
    /// Days of history that were looked back on.
    pub days: usize,
    /// Days on which it was active among them.
    pub active_days: usize,
    /// Days since it was last active, where they are many.
    pub silent_days: Option<usize>,
    /// Days of history on which it may have met others than those that were counted under their names: a cap hides them.
    pub hidden_days: usize,
    /// The natural logarithm of the p-value.
    pub ln_p: f64,
    /// The natural logarithm of the q-value among all first meetings of the night.
    pub ln_q: f64,
}

/// The tests of a night.
#[derive(Debug, Default)]
pub struct FirstSeenTests {
    company: Company,
    /// Family by family, in the order of [`JUDGED`]: entities, ascending, with the `ln p` of their night.
    scores: Vec<Vec<(u32, f64)>>,
    /// How honest p-values were on the last days; `None` where nothing was judged.
    pub calibration: Option<Calibration>,
}

/// Judges the company of a night.
///
/// # Errors
/// [`crate::Error::Internal`] when a first meeting of the last days has no p-value.
pub fn judge(mut company: Company, thresholds: &Thresholds) -> Result<FirstSeenTests> {
    if company.kinds.is_empty() {
        return Ok(FirstSeenTests { company, ..FirstSeenTests::default() });
    }
    set_the_odd_aside(&mut company, thresholds)?;
    company.settle();
    let calibration = calibration(&company, thresholds)?;
    let corrected = |(member, ln_p): (u32, f64)| (member, calibration.correct(ln_p));
    let of_family = |family: Family| {
        let scores = Judged::new(&company, family, thresholds.max_p_value).scores(TONIGHT, TONIGHT);
        scores.into_iter().map(corrected).collect()
    };
    let scores = JUDGED.into_iter().map(of_family).collect();
    Ok(FirstSeenTests { scores, calibration: Some(calibration), company })
}

/// An entity's past day, judged as if it were tonight.
#[derive(Debug, Clone, Copy)]
struct Replayed {
    family: Family,
    member: u32,
    day: u8,
    ln_p: f64,
}

/// Sets aside what would have been discoveries of the last days, each judged by the others, until there are no more.
fn set_the_odd_aside(company: &mut Company, thresholds: &Thresholds) -> Result<()> {
    let mut known = BTreeSet::new();
    for _ in 0..MOST_ROUNDS {
        let mut odd = odd(company, thresholds)?;
        odd.retain(|found| !known.contains(found));
        if odd.is_empty() {
            break;
        }
        company.set_aside(&odd);
        known.append(&mut odd);
    }
    Ok(())
}

/// The last days judged again: each held against the others, or against all of them, itself among them, as the calibration has it.
fn replay(company: &Company, thresholds: &Thresholds, by_the_others: bool) -> Vec<Replayed> {
    let of_family = |family: Family| {
        let judged = Judged::new(company, family, thresholds.max_p_value);
        let of_day = move |day: usize| {
            let scores = judged.scores(day, if by_the_others { day } else { TONIGHT });
            scores.into_iter().map(move |(member, ln_p)| Replayed { family, member, day: day as u8, ln_p })
        };
        (0..REPLAYED).flat_map(of_day).collect::<Vec<_>>()
    };
    JUDGED.into_iter().flat_map(of_family).collect()
}

fn calibration(company: &Company, thresholds: &Thresholds) -> Result<Calibration> {
    let replayed = replay(company, thresholds, false);
    measure(TestSet::FirstSeen, replayed.iter().map(|replayed| replayed.ln_p).collect(), thresholds)
}

/// The entities and days that would have been discoveries of their own nights.
fn odd(company: &Company, thresholds: &Thresholds) -> Result<BTreeSet<(Family, u32, u8)>> {
    let calibration = calibration(company, thresholds)?;
    let replayed = replay(company, thresholds, true);
    let mut odd = BTreeSet::new();
    for day in 0..REPLAYED as u8 {
        let own: Vec<&Replayed> = replayed.iter().filter(|replayed| replayed.day == day).collect();
        let test = |(member, replayed): (usize, &&Replayed)| Test {
            set: TestSet::FirstSeen,
            family: 0,
            member,
            ln_p: calibration.correct(replayed.ln_p),
            sensitive: false,
        };
        let tests: Vec<Test> = own.iter().enumerate().map(test).collect();
        let selected = rank(&tests, thresholds)?.into_iter().filter(|ranked| ranked.selected);
        odd.extend(selected.map(|ranked| own[ranked.test.member]).map(|odd| (odd.family, odd.member, odd.day)));
    }
    Ok(odd)
}

/// The kinds of pairs of one family.
struct Judged<'a> {
    kinds: Vec<&'a Novelty>,
    /// A kind in which nothing can be as unlikely as this by popularity says nothing of entities without habits.
    max_p_value: f64,
}

impl<'a> Judged<'a> {
    fn new(company: &'a Company, family: Family, max_p_value: f64) -> Self {
        Self { kinds: company.kinds.iter().filter(|kind| kind.families.0 == family).collect(), max_p_value }
    }

    fn members(&self) -> Vec<u32> {
        let mut members: Vec<u32> =
            self.kinds.iter().flat_map(|kind| kind.entities.iter().map(|entity| entity.member)).collect();
        members.sort_unstable();
        members.dedup();
        members
    }

    /// The entities that can be judged on a day, with their `ln p`, held against the days that another one is held against.
    fn scores(&self, day: usize, against: usize) -> Vec<(u32, f64)> {
        let score = |member: u32| {
            let habits = self.kinds.iter().filter_map(|kind| Some((*kind, kind.habits(member)?.days[day])));
            let habits: Vec<(&Novelty, Habit)> = habits.collect();
            // Without news the answer is known, and steps need not be worked out.
            let steps = if habits.iter().any(|(_, habit)| habit.new > 0) { STEPS } else { 0 };
            let question = |(kind, habit): &(&Novelty, Habit)| self.question(kind, (against, habit), steps);
            let questions: Vec<Occasional> = habits.iter().filter_map(question).collect();
            (!questions.is_empty()).then(|| (member, ln_occasional(&questions)))
        };
        self.members().into_par_iter().filter_map(score).collect()
    }

    /// What one kind of pairs asks of an entity's day: how many are new, of which so many steps are told apart, and how little known they are.
    fn question(&self, kind: &Novelty, (day, habit): (usize, &Habit), steps: u64) -> Option<Occasional> {
        if habit.days >= HABITS_FROM {
            let partners = kind.new_partners(kind.expected(habit))?;
            let ln_active = partners.ln_upper(1).min(0.0);
            let ln_count = kind.ln_so_many(day, &partners, u64::from(habit.new));
            let ln_steps = (1..=steps).map(|new| kind.ln_so_many(day, &partners, new)).collect();
            let ln_parts = (habit.new > 0).then(|| ln_count + kind.ln_unfamiliar(day, habit));
            return Some(Occasional { ln_active, parts: 1, ln_steps, ln_parts });
        }
        let telling = habit.days > 0 && kind.rarity(day, 0) <= self.max_p_value;
        let ln_parts = (habit.new > 0).then(|| {
            // One of so many is as little known.
            let new = i32::from(habit.new.min(MOST_COUNTED));
            (-(1.0 - kind.rarity(day, habit.rarest)).powi(new)).ln_1p()
        });
        telling.then(|| Occasional { parts: 1, ln_parts, ..Occasional::default() })
    }
}

impl FirstSeenTests {
    /// The tests, whose families are numbered from `first_family` on.
    pub fn tests(&self, first_family: usize) -> Vec<Test> {
        let of_family = |(place, scores): (usize, &Vec<(u32, f64)>)| -> Vec<Test> {
            let family = first_family + place;
            let test = |&(member, ln_p): &(u32, f64)| {
                let sensitive = self.is_sensitive(JUDGED[place], member);
                Test { set: TestSet::FirstSeen, family, member: member as usize, ln_p, sensitive }
            };
            scores.iter().map(test).collect()
        };
        self.scores.iter().enumerate().flat_map(of_family).collect()
    }

    /// Whether an entity called an API for the first time tonight that can do much harm. Where many others met its new network as well, it may be
    /// one of those whose names somebody tried there.
    fn is_sensitive(&self, family: Family, member: u32) -> bool {
        let kinds = |right| self.company.kinds.iter().filter(move |kind| kind.families == (family, right));
        let is_crowded =
            |kind: &Novelty| kind.acquaintances(member).iter().any(|met| kind.met_tonight(met.partner) > FEW);
        let mut met = kinds(Family::Api).flat_map(|kind| kind.acquaintances(member));
        met.any(|met| self.company.key(Family::Api, met.partner).is_some_and(is_sensitive))
            && !kinds(Family::Network).any(is_crowded)
    }

    /// Why nothing was judged, in words; `None` if something was.
    pub fn left_out(&self) -> Option<String> {
        let why = match self.company.days {
            days if days < LEAST_DAYS => format!("{days} days of history have pairs, and {LEAST_DAYS} are needed"),
            _ => "the rollup of the day itself has no pairs".to_owned(),
        };
        let said = || format!("{why}: nothing is said of what was first seen together");
        self.company.kinds.is_empty().then(said)
    }

    /// How many entities were judged.
    pub fn tested(&self) -> usize {
        self.scores.iter().map(Vec::len).sum()
    }

    /// What is worth telling of the tests that were selected.
    pub fn found(&self, discoveries: &[Ranked], first_family: usize) -> Vec<FirstSeen> {
        let found = discoveries.iter().filter_map(|discovery| {
            let family = *JUDGED.get(discovery.test.family.checked_sub(first_family)?)?;
            self.first_seen(family, discovery)
        });
        found.filter(FirstSeen::is_worth_telling).collect()
    }

    fn first_seen(&self, family: Family, discovery: &Ranked) -> Option<FirstSeen> {
        let member = discovery.test.member as u32;
        let mut found = FirstSeen {
            family,
            key: self.company.key(family, member)?.clone(),
            partners: Vec::new(),
            usual: 0.0,
            days: self.company.days,
            active_days: 0,
            silent_days: None,
            hidden_days: 0,
            ln_p: discovery.test.ln_p,
            ln_q: discovery.ln_q,
        };
        let mut since = usize::MAX;
        for kind in self.company.kinds.iter().filter(|kind| kind.families.0 == family) {
            let Some(entity) = kind.habits(member) else { continue };
            let (habit, right) = (entity.days[TONIGHT], kind.families.1);
            let partner = |met: &Acquaintance| {
                Some(NewPartner { key: self.company.key(right, met.partner)?.clone(), known_to: met.known_to })
            };
            let partners: Vec<NewPartner> = kind.acquaintances(member).iter().filter_map(partner).collect();
            found.usual += kind.expected(&habit);
            found.active_days = found.active_days.max(usize::from(habit.days));
            since = since.min(usize::from(habit.since));
            if !partners.is_empty() {
                found.hidden_days = found.hidden_days.max(kind.hidden_days(member));
                found.partners.push((right, partners));
            }
        }
        // Who may have been hidden was not silent for sure.
        let is_known = found.hidden_days == 0;
        found.silent_days = Some(since).filter(|since| is_known && (LONG_SILENCE..usize::MAX).contains(since));
        Some(found)
    }
}

/// Whether an API can do much harm, and is no change of rights, passwords or the trail: these are told by themselves.
fn is_sensitive(api: &EntityKey) -> bool {
    let [_, service, name] = api.fields().collect::<Vec<_>>()[..] else { return false };
    ChangeKind::of_call(service, name).is_none()
        && CallMeaning::of_api(&format!("{service}/{name}")).sensitivity == Sensitivity::High
}

impl FirstSeen {
    /// The new partners of a family.
    pub fn partners(&self, family: Family) -> &[NewPartner] {
        self.partners.iter().find(|(own, _)| *own == family).map_or(&[], |(_, partners)| partners)
    }

    /// Whether the past is known well enough to call anybody new: most of its days were counted in full.
    pub fn is_known(&self) -> bool {
        2 * self.hidden_days <= self.days
    }

    /// A single new API or region is nobody's business, however seldom that happens; a network that nobody knew is, and so is an API that can
    /// do much harm and that nobody else ever called.
    fn is_worth_telling(&self) -> bool {
        self.is_known() && self.is_remarkable()
    }

    fn is_remarkable(&self) -> bool {
        let all: usize = self.partners.iter().map(|(_, partners)| partners.len()).sum();
        let unknown = |family: Family| self.partners(family).iter().filter(|partner| partner.known_to == 0);
        all > 1 || unknown(Family::Network).next().is_some() || unknown(Family::Api).any(|api| is_sensitive(&api.key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::detect::select::rank;
    use crate::rollup::store::PairDay;

    const LENGTH: u16 = 28;

    #[test]
    fn why_nothing_is_said_is_told_apart() {
        let said = |days: usize| {
            let mut tests = FirstSeenTests::default();
            tests.company.days = days;
            tests.left_out().unwrap()
        };
        assert!(said(LEAST_DAYS - 1).starts_with("13 days of history have pairs, and 14 are needed"));
        assert!(said(LEAST_DAYS).starts_with("the rollup of the day itself has no pairs"));
    }

    #[test]
    fn what_can_do_much_harm_and_is_told_by_nothing_else_is_sensitive() {
        let of = |service: &str, name: &str| is_sensitive(&EntityKey::new(["1", service, name]));
        assert!(of("ecs", "RunInstances") && of("secretsmanager", "GetSecretValue"));
        assert!(!of("ecs", "DescribeInstances") && !of("oss", "GetObject"));
        assert!(!of("ram", "AttachPolicyToUser"), "a change of rights");
    }

    fn pairs(met: impl IntoIterator<Item = (u32, u16)>) -> Vec<PairDay> {
        let pairs = met.into_iter().map(|(partner, place)| PairDay { partner, place });
        pairs.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Sixty keys that meet a new API each within the last week. Five days before the last a thief calls so many with the third of them, and
    /// on the last another eleven with the seventh.
    fn robbed(by_the_first: u32) -> Company {
        let days = || 0..=LENGTH;
        let called = |key: u32| {
            let usual = days().flat_map(move |day| (0..3).map(move |call| (key % 20 * 3 + call, day)));
            let recent = (key * 7 + 1) % 60;
            let stolen = if key == 3 { 0..by_the_first } else { 0..0 };
            let tonight = if key == 7 { 40..51 } else { 0..0 };
            let first = stolen.map(move |api| (100 + api, LENGTH - 5));
            pairs(
                usual
                    .chain([(recent, LENGTH - 1 - (key % 7) as u16)])
                    .chain(first)
                    .chain(tonight.map(|api| (api, LENGTH))),
            )
        };
        Company::from_pairs(usize::from(LENGTH), [((Family::AccessKey, Family::Api), (0..60).map(called).collect())])
    }

    #[test]
    fn a_thief_does_not_silence_the_next() {
        let ln_p = |by_the_first: u32| {
            let tests = judge(robbed(by_the_first), &Thresholds::default()).unwrap();
            tests.tests(0).iter().find(|test| test.member == 7).unwrap().ln_p
        };
        let (alone, after_another) = (ln_p(0), ln_p(40));
        assert!(alone < 1e-4_f64.ln(), "{alone}");
        assert!((after_another - alone).abs() < 0.2 * alone.abs(), "{alone} {after_another}");
        let names: Vec<String> = found(robbed(40)).iter().map(|found| found.key.label()).collect();
        assert_eq!(names, ["00000007"]);
    }

    #[test]
    fn what_one_principal_called_from_a_new_network_is_one_finding() {
        let days = || 0..=LENGTH;
        let callers = |api: u32| (0..40).filter(move |user: &u32| (user + api).is_multiple_of(3));
        let users = (0..40).map(|user| pairs(days().map(|day| (user, day)).chain((user == 5).then_some((90, LENGTH)))));
        let called = (0..40).map(|user: u32| {
            let usual = (0..60).filter(|api| (user + api).is_multiple_of(3)).collect::<Vec<_>>();
            let own = days().flat_map(move |day| usual.clone().into_iter().map(move |api| (api, day)));
            pairs(own.chain((0..17).filter(|_| user == 5).map(|api| (api * 3, LENGTH))))
        });
        let from = (0..60).map(|api| {
            let own = days().flat_map(move |day| callers(api).map(move |user| (user, day)));
            pairs(own.chain((api.is_multiple_of(3) && api < 51).then_some((90, LENGTH))))
        });
        let kinds = [
            ((Family::Principal, Family::Network), users.collect()),
            ((Family::Principal, Family::Api), called.collect()),
            ((Family::Api, Family::Network), from.collect::<Vec<_>>()),
        ];
        let found = found(Company::from_pairs(usize::from(LENGTH), kinds));
        let told: Vec<(Family, String)> = found.iter().map(|found| (found.family, found.key.label())).collect();
        assert_eq!(told, [(Family::Principal, "00000005".to_owned())]);
    }

    /// Sixty keys on networks of their own that call four of ten APIs a day, and whatever a test adds on the last day.
    fn company(networks: &[(u32, u32)], apis: &[(u32, u32)]) -> Company {
        let days = || 0..=LENGTH;
        let more = |added: &[(u32, u32)], key: u32| -> Vec<(u32, u16)> {
            added.iter().filter(|(own, _)| *own == key).map(|(_, partner)| (*partner, LENGTH)).collect()
        };
        let on = |key: u32| pairs(days().map(|day| (key, day)).chain(more(networks, key)));
        let api = |key: u32, day: u16, call: u32| (key * 7 + u32::from(day) * 3 + call * 11) % 10 + key % 5;
        let called = |key: u32| {
            pairs(days().flat_map(|day| (0..4).map(move |call| (api(key, day, call), day))).chain(more(apis, key)))
        };
        let kinds = [
            ((Family::AccessKey, Family::Network), (0..60).map(on).collect()),
            ((Family::AccessKey, Family::Api), (0..60).map(called).collect()),
        ];
        Company::from_pairs(usize::from(LENGTH), kinds)
    }

    fn found(company: Company) -> Vec<FirstSeen> {
        let thresholds = Thresholds::default();
        let tests = judge(company, &thresholds).unwrap();
        let selected = rank(&tests.tests(3), &thresholds).unwrap().into_iter().filter(|ranked| ranked.selected);
        tests.found(&selected.collect::<Vec<_>>(), 3)
    }

    #[test]
    fn a_key_on_a_new_network_that_calls_new_apis_is_found_with_them() {
        let found = found(company(&[(7, 90)], &[(7, 31), (7, 32), (7, 33)]));
        assert_eq!(found.len(), 1);
        let key = &found[0];
        assert_eq!((key.family, key.key.label().as_str(), key.active_days), (Family::AccessKey, "00000007", 28));
        let networks: Vec<(String, u32)> =
            key.partners(Family::Network).iter().map(|partner| (partner.key.label(), partner.known_to)).collect();
        assert_eq!(networks, [("00000090".to_owned(), 0)]);
        assert_eq!((key.partners(Family::Api).len(), key.silent_days), (3, None));
        assert!(key.usual < 0.5 && key.ln_p < 1e-5_f64.ln() && key.ln_q < 0.05_f64.ln(), "{key:?}");
    }

    #[test]
    fn one_new_api_and_an_ordinary_night_are_nothing() {
        assert_eq!(found(company(&[], &[(7, 31)])), []);
        assert_eq!(found(company(&[], &[])), []);
    }

    #[test]
    fn a_network_that_others_use_is_no_more_of_a_surprise_than_one_that_nobody_does() {
        let tests = judge(company(&[(7, 90)], &[(7, 31), (7, 32)]), &Thresholds::default()).unwrap();
        let known = judge(company(&[(7, 12)], &[(7, 31), (7, 32)]), &Thresholds::default()).unwrap();
        let ln_p = |tests: &FirstSeenTests| tests.tests(0).iter().find(|test| test.member == 7).unwrap().ln_p;
        assert!(ln_p(&tests) <= ln_p(&known), "{} {}", ln_p(&tests), ln_p(&known));
    }

    #[test]
    fn without_pairs_nothing_is_judged() {
        let tests = judge(Company::default(), &Thresholds::default()).unwrap();
        assert_eq!((tests.tested(), tests.tests(0).len(), tests.calibration), (0, 0, None));
    }
}
