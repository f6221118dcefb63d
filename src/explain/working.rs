//! Judging a night again from its rollups, to keep what the job throws away.

use std::path::Path;

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::baseline::novelty::Company;
use crate::baseline::{Expectation, FamilyBaseline, FamilyHistory, Feed, Window};
use crate::detect::judgement::{Judgement, Night, learn};
use crate::detect::select::{Ranked, TestSet};
use crate::detect::{Deviation, Direction, Thresholds, WindowTest, first_seen, rate, trace};
use crate::error::{Error, Result};
use crate::evaluate::reported::{self, Found};
use crate::explain::partners::partners;
use crate::explain::question::{Question, entity, insight, is_about};
use crate::explain::{Answer, Enough, Explanation, Gate, Layer, Reported, WindowShown};
use crate::insight::sentence_number as number;
use crate::rollup::{Family, store};
use crate::settings::Settings;

/// Judges a night again and explains what is asked about; `date` is the night, by default that of the insight that is meant, or the
/// newest that is counted.
///
/// # Errors
/// When it is not clear what is meant, the night was not counted, or its history cannot be read.
pub fn explain(state: &Path, question: &Question, date: Option<NaiveDate>, settings: &Settings) -> Result<Explanation> {
    let meant = insight(question, state)?;
    let date = night(state, date.or(meant.as_ref().map(|found| found.night)))?;
    let question = meant.as_ref().map_or_else(|| Ok(question.clone()), about)?;
    let window = Window::new(date, settings.baseline_days, |day| store::rollup_path(state, day).exists());
    let window = window.without(&settings.incident_days);
    let families: Vec<FamilyHistory> =
        Family::RATED.par_iter().map(|&family| FamilyHistory::read(state, family, &window)).collect::<Result<_>>()?;
    let (family, member) = entity(&question, &families, date)?;
    let feed = Feed::judge(&families[0], &window, &settings.calendar);
    let night = Night { window: &window, calendar: &settings.calendar, feed: &feed, thresholds: settings.thresholds };
    let baselines = learn(&families.iter().collect::<Vec<_>>(), night);
    let company = first_seen::judge(Company::read(state, &window)?, &settings.thresholds);
    let judgement = Judgement::of(&baselines, &settings.thresholds, &company.tests(families.len()));
    let mut explanation = of_entity(&judgement, &settings.thresholds, family, member);
    explanation.partners = partners(state, &window, families[family].family, families[family].key(member))?;
    explanation.reported = reported_of(state, date, &families[family], member)?;
    Ok(explanation)
}

/// The night that is asked about: the newest that is counted, if none was named.
fn night(state: &Path, date: Option<NaiveDate>) -> Result<NaiveDate> {
    let counted = store::dates(state);
    let Some((&first, &last)) = counted.first().zip(counted.last()) else {
        return Err(Error::Query {
            message: format!("`{}` holds no counts", state.display()),
            hint: Some("count events first, with `insights run EVENTS` or `insights rollup EVENTS`".to_owned()),
        });
    };
    match date {
        Some(date) if !counted.contains(&date) => Err(Error::Query {
            message: format!("{date} is not counted in `{}`; there are counts from {first} to {last}", state.display()),
            hint: Some("name another --date, or count that day with `insights rollup EVENTS`".to_owned()),
        }),
        date => Ok(date.unwrap_or(last)),
    }
}

/// The question that asks for what an insight is about.
fn about(found: &Found) -> Result<Question> {
    let family = Family::named(&found.family).filter(|family| Family::RATED.contains(family));
    let Some(family) = family else {
        return Err(Error::Query {
            message: format!(
                "the insight is about a {}, which is reported by its meaning, not by its rate",
                found.family
            ),
            hint: Some("its sentence and its concerns say why it is reported; see `insights changes`".to_owned()),
        });
    };
    Ok(Question { about: found.entity.clone(), family: Some(family), account: Some(found.account.clone()) })
}

fn reported_of(state: &Path, date: NaiveDate, history: &FamilyHistory, member: usize) -> Result<Vec<Reported>> {
    if !state.join("insights").join(format!("date={date}")).is_dir() {
        return Ok(Vec::new());
    }
    let found = reported::read(state)?.found;
    let touches = |found: &&Found| found.start.date_naive() <= date && found.end.date_naive() >= date;
    let own = found.iter().filter(touches).filter(|found| is_about(found, history.family, history, member));
    let reported = |found: &Found| Reported {
        id: found.id.clone(),
        direction: found.direction,
        start: found.start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        end: found.end.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    };
    Ok(own.map(reported).collect())
}

fn of_entity(judgement: &Judgement<'_>, thresholds: &Thresholds, family: usize, member: usize) -> Explanation {
    let baseline = &judgement.baselines()[family];
    let (history, window) = (baseline.history, baseline.window());
    let expectation = baseline.expect(member, window.length());
    let windows = trace::windows(baseline, thresholds, member, &expectation);
    let answer = |ranked: &Ranked| answer(judgement, thresholds, ranked, &windows);
    Explanation {
        date: window.scored(),
        family: history.family.name(),
        account: history.key(member).account().to_owned(),
        entity: history.label(member),
        model: rate::model(&expectation),
        days_of_history: window.days_of_history(),
        days_known: baseline.days_known(member, window.length()),
        layers: layers(baseline, member, &expectation),
        hours: trace::hours(baseline, member, &expectation),
        windows: windows.iter().map(shown).collect(),
        answers: judgement.ranked(family, member).map(answer).collect(),
        enough: enough(judgement, thresholds, (family, member), &expectation, &windows),
        partners: Vec::new(),
        reported: Vec::new(),
    }
}

fn log10(ln: f64) -> f64 {
    ln / std::f64::consts::LN_10
}

fn shown(test: &WindowTest) -> WindowShown {
    WindowShown {
        span: test.span,
        observed: test.observed,
        expected: test.expected,
        direction: if test.above { Direction::Up } else { Direction::Down },
        log10_p: log10(test.ln_p),
        log10_corrected_p: log10(test.ln_corrected),
    }
}

/// What the expectation rests on.
fn layers(baseline: &FamilyBaseline<'_>, member: usize, expectation: &Expectation) -> Vec<Layer> {
    let layer = |name: &str, says: String| Layer { name: name.to_owned(), says };
    match expectation {
        Expectation::Seasonal { fit, shifted } => {
            let mut layers = vec![
                layer("own level", format!("{:.2} calls an hour, past bursts weighed down", fit.level())),
                layer("shape of the day", format!("its own, drawn towards that of {}", baseline.group_name(member))),
            ];
            let shift =
                shifted.as_ref().map(|shifted| format!("{:.2} calls an hour in the last days", shifted.level()));
            layers.extend(shift.map(|says| layer("new level", says)));
            let odd = (fit.odd_days() > 0).then(|| format!("on {} past days, given little weight", fit.odd_days()));
            layers.extend(odd.map(|says| layer("bursts", says)));
            let unstable = fit.is_unstable().then(|| "too many past hours are odd for any to be given up".to_owned());
            layers.extend(unstable.map(|says| layer("unstable", says)));
            layers
        }
        Expectation::Sparse { totals, days } => {
            let most = totals.iter().max().copied().unwrap_or(0);
            let active =
                format!("active on {} of {days} days, with at most {} calls a day", totals.len(), number(most));
            let usual = baseline.usual_day(member, totals);
            vec![
                layer("own days", active),
                layer(
                    "size of such a day",
                    format!("usually {usual:.0} calls, among entities that come and go like it"),
                ),
            ]
        }
        Expectation::New => {
            let usual = baseline.usual_first_day(member);
            vec![layer("first days of others", format!("usually {usual:.0} calls a day in an entity's first week"))]
        }
    }
}

fn answer(judgement: &Judgement<'_>, thresholds: &Thresholds, ranked: &Ranked, windows: &[WindowTest]) -> Answer {
    let direction = if ranked.test.set == TestSet::RateDown { Direction::Down } else { Direction::Up };
    let candidates = judgement.candidates(ranked);
    let largest = candidates.iter().max_by(|left, right| excess(left).total_cmp(&excess(right)));
    // Where nothing was selected the most unlikely window stands for what might have been.
    let sizes = largest.map(|found| (found.observed, found.expected)).or_else(|| {
        let own = windows.iter().find(|test| test.above == (direction == Direction::Up));
        own.map(|test| (test.observed, test.expected))
    });
    let mut gates = vec![selection_gate(ranked)];
    gates.extend(
        sizes.into_iter().flat_map(|(observed, expected)| size_gates(thresholds, direction, observed, expected)),
    );
    Answer {
        set: ranked.test.set,
        log10_p: log10(ranked.test.ln_p),
        power: judgement.power(ranked.test.set),
        log10_q: log10(ranked.ln_q),
        log10_threshold: log10(ranked.ln_threshold),
        reported: gates.iter().all(|gate| gate.passed),
        gates,
    }
}

fn excess(found: &Deviation) -> f64 {
    (found.observed as f64 - found.expected).abs()
}

fn selection_gate(ranked: &Ranked) -> Gate {
    let found = crate::explain::text::power_of_ten(log10(ranked.test.ln_p));
    let says = if ranked.ln_threshold.is_finite() {
        let needed = crate::explain::text::power_of_ten(log10(ranked.ln_threshold));
        format!("p {found}, selected up to {needed}")
    } else {
        format!("p {found}, and nothing of its set was selected")
    };
    Gate { setting: "false_discovery_rate, max_p_value", says, passed: ranked.selected }
}

fn size_gates(thresholds: &Thresholds, direction: Direction, observed: u64, expected: f64) -> [Gate; 2] {
    let calls = observed as f64;
    let gate = |setting, says, passed| Gate { setting, says, passed };
    match direction {
        Direction::Up => [
            gate(
                "min_excess",
                format!(
                    "{:.1} calls above the {expected:.1} expected, {} needed",
                    calls - expected,
                    thresholds.min_excess
                ),
                calls - expected >= thresholds.min_excess,
            ),
            gate(
                "min_ratio",
                format!("{:.1} times what was expected, {} needed", calls / expected.max(1e-9), thresholds.min_ratio),
                calls >= thresholds.min_ratio * expected,
            ),
        ],
        Direction::Down => [
            gate(
                "drop_min_expected",
                format!("{expected:.1} calls expected, {} needed", thresholds.drop_min_expected),
                expected >= thresholds.drop_min_expected,
            ),
            gate(
                "drop_max_ratio",
                format!(
                    "{:.2} of what was expected, at most {} allowed",
                    calls / expected.max(1e-9),
                    thresholds.drop_max_ratio
                ),
                calls <= thresholds.drop_max_ratio * expected,
            ),
        ],
    }
}

/// What would have been enough in the hour that stands out most; errors are judged by their share, so nothing is said of them.
fn enough(
    judgement: &Judgement<'_>,
    thresholds: &Thresholds,
    (family, member): (usize, usize),
    expectation: &Expectation,
    windows: &[WindowTest],
) -> Option<Enough> {
    let baseline = &judgement.baselines()[family];
    let ranked = judgement.ranked(family, member).find(|ranked| ranked.test.set == TestSet::RateUp)?;
    let single = windows.iter().filter(|test| test.above && test.span.hours().len() == 1);
    let hour = single.map(|test| test.span.hours().start as u8).next()?;
    let calls = u64::from(baseline.calls_of(member, baseline.window().length())[usize::from(hour)]);
    let ln_threshold = selected_from(ranked, thresholds) / judgement.power(ranked.test.set);
    let needed = trace::least_remarkable(baseline, thresholds, member, expectation, hour, ln_threshold)?;
    Some(Enough { hour, calls, needed })
}

/// The p-value up to which tests are selected; where none was, what the first would have needed cannot be more than the cap.
fn selected_from(ranked: &Ranked, thresholds: &Thresholds) -> f64 {
    if ranked.ln_threshold.is_finite() { ranked.ln_threshold } else { thresholds.max_p_value.ln() }
}
