//! What an expected count is made of: the baseline's layers with their numbers, named for people.

use serde::Serialize;

use crate::baseline::layers::{Drawn, Layer, LayerKind, Spread, of_day};
use crate::baseline::seasonal::Fit;
use crate::baseline::{Calendar, Expectation, FamilyBaseline};
use crate::shown::{OTHER, number};
use crate::stats::Effect;

/// How the expected count of an hour, or of a day that is judged as a whole, comes about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Composition {
    /// The hour, in UTC; `None` of a whole day.
    pub hour: Option<u8>,
    /// The layers; each multiplies what the ones before come to, and the last comes to what is expected.
    pub layers: Vec<NamedLayer>,
    /// The calls that are expected.
    pub expected: f64,
    /// How far an hour may stray from that.
    pub spread: Option<Spread>,
    /// What else is to be known of the past.
    pub remarks: Vec<String>,
}

/// A layer with its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedLayer {
    /// What it is, in words.
    pub name: String,
    /// Its numbers.
    #[serde(flatten)]
    pub layer: Layer,
}

/// The composition of what is expected of an entity on the scored day; `hour` matters where hours are judged.
pub(super) fn composition(
    baseline: &FamilyBaseline<'_>,
    calendar: &Calendar,
    member: usize,
    (expectation, told): (&Expectation, Option<&Fit>),
    hour: u8,
) -> Composition {
    let today = baseline.window().length();
    let of_hour = told.and_then(|fit| baseline.hour_layers(member, today, fit, hour));
    let (hour, layers, spread) = match of_hour {
        Some(of_hour) => (Some(hour), of_hour.layers, Some(of_hour.spread)),
        None => (None, of_day(baseline.sizes(), expectation, effect(baseline, member, expectation)), None),
    };
    let week_hour = baseline.week_hours(today..today + 1)[usize::from(hour.unwrap_or(0))];
    let parent = baseline.parent(member).unwrap_or_else(|| "others like it".to_owned());
    let whose = (baseline.group_name(member), parent);
    let name = |kind| name(kind, expectation, &whose, calendar, week_hour);
    Composition {
        hour,
        expected: layers.last().map_or(0.0, |layer| layer.calls),
        layers: layers.into_iter().map(|layer| NamedLayer { name: name(layer.kind), layer }).collect(),
        spread,
        remarks: remarks(baseline, member, expectation, told),
    }
}

fn effect(baseline: &FamilyBaseline<'_>, member: usize, expectation: &Expectation) -> Effect {
    match expectation {
        Expectation::Sparse { totals, .. } => baseline.effect(member, totals),
        _ => baseline.effect_of_new(member, baseline.window().length()),
    }
}

fn name(
    kind: LayerKind,
    expectation: &Expectation,
    (group, parent): &(String, String),
    calendar: &Calendar,
    week_hour: u8,
) -> String {
    const DAYS: [&str; 7] =
        ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays and days off"];
    let is_new = matches!(expectation, Expectation::New);
    let day = usize::from(week_hour / 24);
    match kind {
        LayerKind::Level => "own level, past bursts weighed down".to_owned(),
        LayerKind::DayType if day < 5 => "weekdays".to_owned(),
        LayerKind::DayType => "weekends and days off".to_owned(),
        LayerKind::Shape => format!("shape of the day of {group}"),
        LayerKind::Hour => format!("its own hours from {:02}:00, {} time", week_hour % 24, calendar.zone()),
        LayerKind::DayOfWeek => DAYS[day.min(6)].to_owned(),
        LayerKind::Drift => "level that the last days have drifted to".to_owned(),
        LayerKind::NewLevel => "new level of the last days".to_owned(),
        LayerKind::OtherDays => "as on its other days, for it is seldom there on such days".to_owned(),
        LayerKind::DaySize if is_new => "size of a day in others' first week".to_owned(),
        LayerKind::DaySize => "size of an active day".to_owned(),
        LayerKind::Parent => format!("what days of {parent}, and its own few, are like"),
        LayerKind::Activity if is_new => "not waited for: only its size is judged".to_owned(),
        LayerKind::Activity => "share of days on which it is active".to_owned(),
    }
}

fn remarks(baseline: &FamilyBaseline<'_>, member: usize, expectation: &Expectation, told: Option<&Fit>) -> Vec<String> {
    let mut remarks = Vec::new();
    let hidden = baseline.days_hidden(member);
    if hidden > 0 {
        remarks.push(format!(
            "{hidden} of {} days of history were not counted in full: it may have been under `{OTHER}` on them",
            baseline.window().days_of_history()
        ));
    }
    match expectation {
        Expectation::Seasonal { fits, seldom } => {
            remarks.extend(seldom.map(|seldom| {
                let kind = seldom.alike.name();
                let days = format!("active on {} of {} {kind}", seldom.active, seldom.days);
                format!("{days}: not waited for, and a rise only if it were one on its other days too")
            }));
            let since = fits.iter().find_map(|fit| fit.since()).map(|since| baseline.window().date(since));
            remarks.extend(since.map(|since| {
                format!("it has a new level since {since}, which is asked too: only what no level explains is reported")
            }));
            remarks.extend(told.into_iter().flat_map(of_past));
        }
        Expectation::Sparse { totals, activity } => {
            let most = totals.iter().max().copied().unwrap_or(0);
            remarks.push(format!(
                "active on {} of {} {}, with at most {} calls a day",
                activity.active,
                activity.days,
                activity.alike.name(),
                number(most)
            ));
            let sizes = baseline.sizes().drawn(totals, baseline.effect(member, totals));
            let whose = if is_its_own(sizes) { "its own active days" } else { "entities that come and go like it" };
            remarks.push(format!("the size of its day is judged against those of {whose}"));
        }
        Expectation::New => {
            remarks.push("known for less than a week, or never seen".to_owned());
            let newcomers = baseline.sizes().newcomers();
            remarks
                .push(format!("{newcomers:.2} that were never seen before are to be expected on a day in its family"));
        }
    }
    remarks
}

/// What of an entity's past is not taken as it is.
fn of_past(fit: &Fit) -> impl Iterator<Item = String> + use<> {
    let bursts = fit.odd_days();
    let bursts = (bursts > 0).then(|| format!("bursts on {bursts} past days are given little weight"));
    let unstable = "unstable: too many past hours are odd for any to be given up";
    bursts.into_iter().chain(fit.is_unstable().then(|| unstable.to_owned()))
}

fn is_its_own(sizes: Drawn) -> bool {
    sizes.own_weight > 0.5
}
