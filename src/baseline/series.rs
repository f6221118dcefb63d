//! An entity's past laid out hour by hour, and the shape of the day that a group of entities shares.
//!
//! Files keep only hours with calls; a fit needs the silent ones too, and must know which hours can be believed at all. That is what a [`Series`] adds.
//! A shape is shared because most entities call too seldom to have one of their own; what is made of both is told in `seasonal`.

use std::ops::Range;

use crate::baseline::calendar::{is_off, slot};
use crate::baseline::drift::Levels;
use crate::baseline::week::Week;
use crate::baseline::{HistoryHour, SLOTS};

/// A level from which an entity has a say in its group's shape, in calls an hour.
const SHAPING_LEVEL: f64 = 1.0;
/// An hour counts at most this many times its entity's level in the group's shape.
const SHAPE_CAP: f64 = 8.0;

/// What every entity is believed to have done before it was seen, in calls and hours: hardly anything.
pub(super) const LENT_CALLS: f64 = 0.1;
pub(super) const LENT_HOURS: f64 = 5.0;

/// An entity's past as dense hours: the count, the hour of the week, and whether the hour can be believed.
#[derive(Debug, Default)]
pub struct Series {
    pub(super) counts: Vec<u32>,
    pub(super) week_hours: Vec<u8>,
    pub(super) believed: Vec<bool>,
    /// Which hours were fed, those that are left out included.
    pub(super) fed: Vec<bool>,
    /// The level of each day.
    pub(super) levels: Levels,
}

impl Series {
    /// Lays out the hours before the scored day. An entity's past begins with the day it was first seen.
    pub fn fill(&mut self, hours: &[HistoryHour], week_hours: &[u8], alive: &[bool], first_day: usize) {
        self.counts.clear();
        self.counts.resize(week_hours.len(), 0);
        for hour in hours {
            self.counts[usize::from(hour.hour)] = hour.calls;
        }
        self.week_hours.clear();
        self.week_hours.extend_from_slice(week_hours);
        self.fed.clear();
        self.fed
            .extend(alive[..week_hours.len()].iter().enumerate().map(|(hour, &alive)| alive && hour >= first_day * 24));
        self.believed.clone_from(&self.fed);
        self.levels = Levels::flat();
    }

    /// Leaves days out of what is learnt from.
    pub fn leave_out(&mut self, days: Range<usize>) {
        self.believed[days.start * 24..days.end * 24].fill(false);
    }

    /// Makes a day and all that follow unknown.
    pub(super) fn forget_from(&mut self, day: usize) {
        let first = (day * 24).min(self.fed.len());
        self.fed[first..].fill(false);
        self.believed[first..].fill(false);
    }

    /// Makes all days before one unknown.
    pub(super) fn forget_before(&mut self, day: usize) {
        let end = (day * 24).min(self.fed.len());
        self.fed[..end].fill(false);
        self.believed[..end].fill(false);
    }

    /// Calls an hour over the hours that can be believed.
    ///
    /// ```text
    /// level = (sum y + 0.1) / (n + 5)
    /// ```
    pub fn level(&self) -> f64 {
        self.sums(None, &Week::flat()).level()
    }

    /// How many hours can be believed.
    pub(super) fn believed_hours(&self) -> usize {
        self.believed.iter().filter(|&&believed| believed).count()
    }

    /// The same of weekdays, or of weekends and days off.
    pub(super) fn believed_hours_like(&self, off: bool) -> usize {
        let hours = self.believed.iter().zip(&self.week_hours);
        hours.filter(|&(&believed, &hour)| believed && is_off(hour) == off).count()
    }

    /// The hours of each day, one after the other.
    fn days(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        (0..self.counts.len() / 24).map(|day| day * 24..day * 24 + 24)
    }

    pub(super) fn sums(&self, weights: Option<&[f64]>, week: &Week) -> SlotSums {
        let mut sums = SlotSums { calls: [0.0; SLOTS], hours: [0.0; SLOTS] };
        for (day, hours) in self.days().enumerate() {
            let level = self.levels.on(day);
            for hour in hours.filter(|&hour| self.believed[hour]) {
                let weight = weights.map_or(1.0, |weights| weights[hour]);
                let slot = slot(self.week_hours[hour]);
                sums.calls[slot] += weight * f64::from(self.counts[hour]);
                sums.hours[slot] += weight * week.factor(self.week_hours[hour]) * level;
            }
        }
        sums
    }
}

/// Weighted calls and hours by slot; an hour of a day with twice the calls counts as two.
pub(super) struct SlotSums {
    pub(super) calls: [f64; SLOTS],
    pub(super) hours: [f64; SLOTS],
}

impl SlotSums {
    pub(super) fn level(&self) -> f64 {
        (self.calls.iter().sum::<f64>() + LENT_CALLS) / (self.hours.iter().sum::<f64>() + LENT_HOURS)
    }
}

/// The shape of a day that a group of entities shares, relative to their levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub(super) shape: [f64; SLOTS],
}

/// Adds up the shapes of a group's entities; each counts the same, whatever its size.
#[derive(Debug, Clone)]
pub struct ProfileSum {
    shape: [f64; SLOTS],
    members: [f64; SLOTS],
}

impl Default for ProfileSum {
    fn default() -> Self {
        Self { shape: [0.0; SLOTS], members: [0.0; SLOTS] }
    }
}

/// An entity's own shape: for each slot its calls relative to its level; `None` for slots of which nothing is known.
#[derive(Debug, Clone)]
pub struct OwnShape([Option<f64>; SLOTS]);

impl OwnShape {
    /// The shape of an entity, if it is active enough to have one.
    pub fn of(series: &Series) -> Option<Self> {
        let sums = series.sums(None, &Week::flat());
        let level = sums.level();
        let relative = |slot: usize| (sums.calls[slot] / sums.hours[slot] / level).min(SHAPE_CAP);
        let shape = std::array::from_fn(|slot| (sums.hours[slot] > 0.0).then(|| relative(slot)));
        (level >= SHAPING_LEVEL).then_some(Self(shape))
    }
}

impl ProfileSum {
    /// Adds an entity.
    pub fn add(&mut self, own: &OwnShape) {
        for (slot, relative) in own.0.iter().enumerate() {
            if let Some(relative) = relative {
                self.shape[slot] += relative;
                self.members[slot] += 1.0;
            }
        }
    }

    /// How many entities have a say.
    pub fn members(&self) -> f64 {
        self.members.iter().copied().fold(0.0, f64::max)
    }

    /// The mean shape; flat where nothing is known.
    ///
    /// ```text
    /// S[slot] = mean over entities of (mean calls in slot / level)
    /// ```
    pub fn profile(&self) -> Profile {
        let shape = std::array::from_fn(|slot| {
            if self.members[slot] > 0.0 { (self.shape[slot] / self.members[slot]).max(0.01) } else { 1.0 }
        });
        Profile { shape }
    }
}
