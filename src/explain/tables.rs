//! The tables of an explanation as rows of cells, for a terminal and for a page alike. Cells hold what callers wrote as they wrote it:
//! whoever shows them cleans them.

use crate::baseline::layers::{Drawn, Spread};
use crate::explain::Explanation;
use crate::explain::company::CompanyKind;
use crate::explain::composition::NamedLayer;
use crate::explain::text::{power_of_ten, span, way};
use crate::place::Place;
use crate::shown::number;

/// New ones that a cell names.
const NAMED: usize = 3;

/// A table with a head.
pub(super) struct Cells {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    /// The columns whose cells are broken between words alone.
    pub(super) whole: &'static [&'static str],
}

impl Cells {
    pub(super) fn new<const COLUMNS: usize>(
        head: [&'static str; COLUMNS],
        rows: impl Iterator<Item = [String; COLUMNS]>,
    ) -> Self {
        Self { head: head.to_vec(), rows: rows.map(Vec::from).collect(), whole: &[] }
    }

    /// The same, where the names in cells of some columns are copied as a whole.
    pub(super) fn whole(self, whole: &'static [&'static str]) -> Self {
        Self { whole, ..self }
    }
}

/// The layers that what is expected is made of.
pub(super) fn layers(explanation: &Explanation) -> Cells {
    let row = |(place, NamedLayer { name, layer }): (usize, &NamedLayer)| {
        let [own, weight, lent] = drawn(layer.drawn);
        let factor = if place == 0 { String::new() } else { format!("× {:.3}", layer.factor) };
        [name.clone(), own, weight, lent, factor, format!("{:.2}", layer.calls)]
    };
    Cells::new(
        ["layer", "its own", "weight", "lent", "factor", "calls"],
        explanation.composition.layers.iter().enumerate().map(row),
    )
}

/// What makes an hour stray from what is expected of it.
pub(super) fn spread(spread: &Spread) -> Cells {
    let of = |name: &str, drawn: [String; 3], comes_to: f64| {
        let [own, weight, lent] = drawn;
        [name.to_owned(), own, weight, lent, format!("{comes_to:.3}")]
    };
    let nothing = || [String::new(), String::new(), String::new()];
    let mut rows = vec![of("clumps within its hours", drawn(Some(spread.entity)), spread.entity.value())];
    rows.extend(spread.alike.map(|alike| of("its hours with about such a mean", drawn(Some(alike)), alike.value())));
    let at_that_time = spread.at_that_time;
    rows.extend(at_that_time.map(|alike| of("its hours at that time of day", drawn(Some(alike)), alike.value())));
    rows.extend(spread.beyond_doubt.map(|least| of("its hours beyond doubt, odd ones counted", nothing(), least)));
    rows.push(of("these, with what they leave uncertain", nothing(), spread.alpha));
    rows.push(of("uncertain mean of that hour", nothing(), spread.hour));
    rows.push(of("uncertain level", nothing(), spread.level));
    rows.push(of("the last three together", nothing(), spread.total()));
    Cells::new(
        ["variance beyond chance, over the squared mean", "its own", "weight", "lent", "comes to"],
        rows.into_iter(),
    )
}

fn drawn(drawn: Option<Drawn>) -> [String; 3] {
    let value = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.2}"));
    let Some(drawn) = drawn else { return [String::new(), String::new(), String::new()] };
    [value(drawn.own), format!("{:.0} %", 100.0 * drawn.own_weight), value(drawn.lent)]
}

/// The most unlikely windows; so many at most.
pub(super) fn windows(explanation: &Explanation, most: usize) -> Cells {
    let rows = explanation.windows.iter().take(most).map(|window| {
        let (own, corrected) = (power_of_ten(window.log10_p), power_of_ten(window.log10_corrected_p));
        let (calls, expected) = (number(window.observed), format!("{:.1}", window.expected));
        [span(window), calls, expected, way(window).to_owned(), own, corrected]
    });
    Cells::new(["window", "calls", "expected", "way", "p", "p, all windows considered"], rows)
}

/// Whom it met for the first time.
pub(super) fn company(explanation: &Explanation) -> Cells {
    let rows = explanation.company.kinds.iter().map(|kind| {
        let names: Vec<String> =
            kind.named.iter().take(NAMED).map(|new| located(&new.name, new.place.as_ref())).collect();
        let more = usize::from(kind.new).saturating_sub(names.len());
        let more = if more > 0 { format!(" and {} more", number(more as u64)) } else { String::new() };
        let rarity = kind.rarity.map_or(String::new(), |rarity| format!("{:.0} %", 100.0 * rarity));
        [
            kind.with.replace('_', " "),
            format!("{} on {} days", number(u64::from(kind.met_before)), kind.active_days),
            known(kind),
            format!("{:.2}", kind.expected_new),
            number(u64::from(kind.new)),
            format!("{}{more}", names.join(", ")),
            power_of_ten(kind.p_any.log10()),
            kind.log10_p_beyond.map_or(String::new(), power_of_ten),
            rarity,
        ]
    });
    let head = [
        "met",
        "before",
        "known today",
        "new ones due",
        "new",
        "the least known",
        "p of any",
        "p of these, given any",
        "new ones as little known",
    ];
    Cells::new(head, rows)
}

/// How many it had met before, and how many new ones are left to the principal who alone came with them.
fn known(kind: &CompanyKind) -> String {
    match kind.left {
        0 => number(u64::from(kind.known)),
        left => format!("{}; {} left to the one who came", number(u64::from(kind.known)), number(u64::from(left))),
    }
}

/// An entity with the name that people know it by, or an address with its place, where it has one.
pub(super) fn named(entity: &str, called: Option<&str>) -> String {
    called.map_or_else(|| entity.to_owned(), |called| format!("{entity} ({called})"))
}

fn located(name: &str, place: Option<&Place>) -> String {
    named(name, place.map(Place::shown).as_deref())
}

/// With whom it was seen.
pub(super) fn partners(explanation: &Explanation) -> Cells {
    let rows = explanation.partners.iter().map(|partner| {
        let usual = format!("{:.1}", partner.usual);
        let name = match &partner.called {
            Some(called) => named(&partner.name, Some(called)),
            None => located(&partner.name, partner.place.as_ref()),
        };
        [partner.family.replace('_', " "), name, number(partner.calls), usual]
    });
    Cells::new(["seen with", "name", "calls", "usual a day"], rows)
}
