//! The judgement of an entity's company laid open: kind by kind whom it met, how often it meets somebody new, and what that came to.
//!
//! Nothing is decided here; the numbers are those that the test was made of, asked for again.

use super::{Acquaintance, FirstSeen, FirstSeenTests, Habit, JUDGED, Judged, NewPartner, Novelty};
use crate::baseline::novelty::TONIGHT;
use crate::detect::Thresholds;
use crate::detect::select::Ranked;
use crate::rollup::{EntityKey, Family};

/// How an entity's company of one kind was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct KindTrace {
    /// With whom.
    pub with: Family,
    /// What it had met before and met on the day.
    pub habit: Habit,
    /// How many new ones it was to be expected to meet.
    pub expected: f64,
    /// `ln P(it meets anybody new)`; 0 where only what others know counts.
    pub ln_any: f64,
    /// `ln P(so many, and so little known)`, given that there is somebody new; `None` where there is nobody.
    pub ln_beyond: Option<f64>,
    /// How often new ones were as little known, taken together, on the last days; `None` where it has no new one.
    pub rarity: Option<f64>,
    /// Whom it met for the first time, the least known first.
    pub partners: Vec<NewPartner>,
}

impl FirstSeenTests {
    /// The number of an entity, as [`super::Test::member`] has it, if the family's company is judged at all.
    pub fn member(&self, family: Family, key: &EntityKey) -> Option<u32> {
        self.company.number(family, key).filter(|_| JUDGED.contains(&family))
    }

    /// The kinds of company that were asked about.
    pub fn trace(&self, family: Family, member: u32, thresholds: &Thresholds) -> Vec<KindTrace> {
        let judged = Judged::new(&self.company, family, thresholds.max_p_value);
        judged.kinds.iter().filter_map(|kind| self.kind_trace(&judged, kind, member)).collect()
    }

    fn kind_trace(&self, judged: &Judged<'_>, kind: &Novelty, member: u32) -> Option<KindTrace> {
        let habit = kind.habits(member)?.days[TONIGHT];
        let question = judged.question(kind, (TONIGHT, &habit), 0)?;
        let partner = |met: &Acquaintance| {
            let key = self.company.key(kind.families.1, met.partner)?.clone();
            Some(NewPartner { key, known_to: met.known_to })
        };
        Some(KindTrace {
            with: kind.families.1,
            habit,
            expected: kind.expected(&habit),
            ln_any: question.ln_active,
            ln_beyond: question.ln_parts,
            rarity: (habit.new > 0).then(|| kind.ln_unfamiliar(TONIGHT, &habit).exp()),
            partners: kind.acquaintances(member).iter().filter_map(partner).collect(),
        })
    }

    /// What would be told of a test if it were selected, and whether that is worth telling.
    pub fn told(&self, family: Family, ranked: &Ranked) -> Option<(FirstSeen, bool)> {
        let found = self.first_seen(family, ranked)?;
        let is_worth_telling = found.is_worth_telling();
        Some((found, is_worth_telling))
    }

    /// The power that p-values were corrected by.
    pub fn power(&self) -> f64 {
        self.calibration.as_ref().map_or(1.0, |calibration| calibration.power)
    }
}
