//! An expectation laid open: the layers that it is made of, what each contributes, and how far it may stray.
//!
//! Nothing is decided here. Each layer multiplies what those before it came to, and the last comes to the count that the detector
//! compares with; the layers of an hour are worked out beside the model, in [`super::seasonal`].

use serde::Serialize;

use crate::baseline::Expectation;
use crate::baseline::sparse::DaySizes;
use crate::stats::Effect;

/// What an entity's own past says of something, and what it is drawn towards where that is thin.
///
/// ```text
/// value = weight own + (1 - weight) lent
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drawn {
    /// What its own past says; `None` where that says nothing.
    pub own: Option<f64>,
    /// The weight of that, from 0 to 1.
    pub own_weight: f64,
    /// What others lend; `None` where they have nothing.
    pub lent: Option<f64>,
}

impl Drawn {
    /// An own value worth so much, beside a lent one.
    pub(super) fn by_worth((own, worth): (f64, f64), (lent, lent_worth): (f64, f64)) -> Self {
        let own_weight = worth / (worth + lent_worth);
        Self { own: (worth > 0.0).then_some(own), own_weight, lent: Some(lent) }
    }

    /// What comes of both.
    pub fn value(&self) -> f64 {
        self.own_weight * self.own.unwrap_or(0.0) + (1.0 - self.own_weight) * self.lent.unwrap_or(0.0)
    }
}

/// What a layer of the baseline is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// The entity's calls an hour, past bursts weighed down; drawn towards hardly any.
    Level,
    /// Its level of weekdays, or of weekends; drawn towards its level times what its group has on such days.
    DayType,
    /// The shape of the day that its group shares.
    Shape,
    /// Its own calls in that hour; drawn towards what the layers before say.
    Hour,
    /// What days of the week have in common, where history is long enough to tell.
    DayOfWeek,
    /// The level that the days before have drifted to.
    Drift,
    /// The level of the last days, where all of the day or that hour has changed for good.
    NewLevel,
    /// Its other kind of days, weekdays or days off, on which it is there.
    OtherDays,
    /// The size of a day on which the entity is active.
    DaySize,
    /// What the days of its parent's other entities, and its own few, make of that.
    Parent,
    /// The share of days on which it is; drawn towards half of them.
    Activity,
}

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Layer {
    /// What it is about.
    pub kind: LayerKind,
    /// What it rests on, in calls an hour or a day, or as a share of days; `None` of what is only lent, or only its own.
    pub drawn: Option<Drawn>,
    /// What it multiplies with; the first begins at 1.
    pub factor: f64,
    /// The calls that are expected with it and those before, an hour or a day.
    pub calls: f64,
}

/// How far an hour may stray from what is expected of it: relative variances, beside that of a Poisson count.
///
/// ```text
/// Var = m + (alpha + hour + level) m^2
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// How much its hours clump; lent by entities of about its size.
    pub entity: Drawn,
    /// How much its hours with about such a mean do; drawn towards the former. `None` where it has none.
    pub alike: Option<Drawn>,
    /// How much its hours at that time of day do; drawn towards the former, with what these leave uncertain. `None` where hours are alike.
    pub at_that_time: Option<Drawn>,
    /// How much its hours clump beyond doubt, odd ones counted, where that is far more than the former come to.
    pub beyond_doubt: Option<f64>,
    /// What they leave uncertain; nothing beside what hours at that time are drawn towards.
    pub uncertainty: f64,
    /// `alpha`: what comes of these, 0.01 at least before the uncertainty.
    pub alpha: f64,
    /// What is uncertain about the mean of that hour.
    pub hour: f64,
    /// What is uncertain about the level.
    pub level: f64,
}

impl Spread {
    /// The inverse of the negative binomial's size.
    pub fn total(&self) -> f64 {
        self.alpha + self.hour + self.level
    }
}

/// The layers of an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct HourLayers {
    /// The layers, each on the one before.
    pub layers: Vec<Layer>,
    /// How far the hour may stray.
    pub spread: Spread,
}

/// Layers, one laid on another.
#[derive(Debug)]
pub(super) struct Pile {
    pub(super) layers: Vec<Layer>,
    calls: f64,
}

impl Pile {
    pub(super) fn new() -> Self {
        Self { layers: Vec::new(), calls: 1.0 }
    }

    /// Lays a layer that comes to so many calls on those before.
    pub(super) fn lay(&mut self, kind: LayerKind, drawn: Option<Drawn>, calls: f64) {
        let factor = if self.calls > 0.0 { calls / self.calls } else { 0.0 };
        self.layers.push(Layer { kind, drawn, factor, calls });
        self.calls = calls;
    }
}

impl Pile {
    /// Lays the size of a day, and on it what the parent makes of it, if it has a say.
    fn lay_size(&mut self, size: impl Fn(Effect) -> Drawn, effect: Effect) -> f64 {
        let (without, with) = (size(Effect::default()), size(effect).value());
        self.lay(LayerKind::DaySize, Some(without), without.value());
        if (with - without.value()).abs() > 1e-9 * with {
            self.lay(LayerKind::Parent, None, with);
        }
        self.calls
    }
}

/// The layers of a day that is judged as a whole; none of one that is judged hour by hour. `effect` is what the entity's parent, and its
/// own few days, make of the size of a day.
pub fn of_day(sizes: &DaySizes, expectation: &Expectation, effect: Effect) -> Vec<Layer> {
    let mut pile = Pile::new();
    match expectation {
        Expectation::Seasonal { .. } => {}
        Expectation::Sparse { totals, activity } => {
            let size = |effect| sizes.drawn(totals, effect);
            let (active, days) = (activity.active as f64, activity.days as f64);
            let activity = Drawn::by_worth((active / days.max(1.0), days), (0.5, 1.0));
            let told = pile.lay_size(size, effect);
            pile.lay(LayerKind::Activity, Some(activity), told * activity.value());
        }
        Expectation::New => {
            pile.lay_size(|effect| Drawn { own: None, own_weight: 0.0, lent: sizes.usual_new(effect) }, effect);
            // Nobody waits for what was never there: only its size is judged.
            pile.lay(LayerKind::Activity, None, 0.0);
        }
    }
    pile.layers
}
