//! Judging a night again from its rollups, to keep what the job throws away.
//!
//! The night is judged by the settings of now, over the history of now: where either has changed since, the answer is
//! what would be said today.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{Days, NaiveDate};
use rayon::prelude::*;

use crate::baseline::novelty as pairs;
use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::judgement::{Judgement, Night, learn};
use crate::detect::select::Ranked;
use crate::detect::trace::{self, HourExpected};
use crate::detect::{Direction, WindowTest, first_seen, rate};
use crate::error::{Error, Result};
use crate::evaluate::reported::{self, Found};
use crate::explain::answers::{self, log10};
use crate::explain::company::{Company, company};
use crate::explain::composition::composition;
use crate::explain::names::Names;
use crate::explain::partners::{Partner, partners};
use crate::explain::question::{Question, entity, insight, is_about};
use crate::explain::{Absorbed, Explained, Explanation, Reported, WindowShown, change, told};
use crate::insight::LeftToCaller;
use crate::insight::life::episode;
use crate::insight::meaning::habits::principal_of;
use crate::partition::Partitions;
use crate::rollup::{EntityKey, Family, store};
use crate::settings::Settings;
use crate::storage::{Daily, is_there};

/// Judges a night again and explains what is asked about; `date` is the night, by default that of the insight that is
/// meant, or the newest that is counted. With `events` the changes are shown one by one, and names are looked up in
/// those of the night.
///
/// # Errors
/// When it is not clear what is meant, the night was not counted, or its history cannot be read.
pub fn explain(
    state: &Path,
    question: &Question,
    date: Option<NaiveDate>,
    settings: &Settings,
    events: Option<&Partitions>,
) -> Result<Explained> {
    let insight = insight(question, state)?;
    let date = night(state, date.or(insight.as_ref().map(|found| found.night)))?;
    let days = (0..=settings.baseline_days as u64).filter_map(|back| date.checked_sub_days(Days::new(back)));
    let counted = store::counted_days(state, days)?;
    let window = Window::new(date, settings.baseline_days, |day| counted.contains(&day));
    let unread =
        counted.iter().map(|&day| Ok((day, store::unread_hours(state, day)?))).collect::<Result<BTreeMap<_, _>>>()?;
    let window = window.without(&settings.incident_days);
    let window = window.with_unread(|day| unread.get(&day).copied().unwrap_or_default());
    if question.is_about_changes(insight.as_ref()) {
        let asked = change::Asked { state, window: &window, settings, events, question, insight: insight.as_ref() };
        return change::explain(&asked).map(Explained::Changes);
    }
    let question = insight.as_ref().map_or_else(|| question.clone(), |found| about(found, question.hour));
    let mut names = Names::read(state, &window, events)?;
    let explanation = rates(state, &question, &window, settings, &mut names)?;
    Ok(Explained::Rates(Box::new(explanation)))
}

/// Explains the rates of an entity's day.
fn rates(
    state: &Path,
    question: &Question,
    window: &Window,
    settings: &Settings,
    names: &mut Names<'_>,
) -> Result<Explanation> {
    let date = window.scored();
    let families: Vec<FamilyHistory> =
        Family::RATED.par_iter().map(|&family| FamilyHistory::read(state, family, window)).collect::<Result<_>>()?;
    let (family, member) = entity(question, &families, window, names)?;
    let all: Vec<&FamilyHistory> = families.iter().collect();
    let feed = Feed::judge(&families[0], window, &settings.calendar).masking(&all, &families[0], window);
    let night = Night { window, calendar: &settings.calendar, feed: &feed, thresholds: settings.thresholds };
    let baselines = learn(&all, night);
    let met = first_seen::judge(pairs::Company::read(state, window)?, &settings.thresholds)?;
    let judgement = Judgement::of(&baselines, &settings.thresholds, &met.tests(families.len()))?;
    let about = (families[family].family, families[family].key(member));
    let mut explanation = of_entity(&judgement, settings, (family, member), question.hour);
    let (company, answer) = company(&met, &judgement, &settings.thresholds, &families, about);
    explanation.company = company;
    explanation.answers.extend(answer);
    explanation.absorb(state, about, settings)?;
    explanation.left_to_callers = left_to_callers(state, date, &explanation)?;
    explanation.partners = partners(state, window, about.0, about.1)?;
    explanation.reported = reported_of(state, date, &families[family], member)?;
    explanation.changes = changes(state, window, about)?;
    explanation.name(names)?;
    Ok(explanation)
}

/// The night that is asked about: the newest that is counted, if none was named.
fn night(state: &Path, date: Option<NaiveDate>) -> Result<NaiveDate> {
    let counted = store::dates(state)?;
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
fn about(found: &Found, hour: Option<u8>) -> Question {
    let family = Family::named(&found.family);
    Question { about: found.entity.clone(), family, account: Some(found.account.clone()), hour }
}

/// The rises of the entity that the night left to their callers.
fn left_to_callers(state: &Path, date: NaiveDate, explained: &Explanation) -> Result<Vec<LeftToCaller>> {
    let mut left = told::left_to_callers(state, date)?;
    let entity = |left: &LeftToCaller| {
        (left.family.as_str(), &left.account, &left.entity) == (explained.family, &explained.account, &explained.entity)
    };
    left.retain(entity);
    Ok(left)
}

/// How many changes of permissions, passwords and the trail a principal made on the day.
fn changes(state: &Path, window: &Window, (family, key): (Family, &EntityKey)) -> Result<u64> {
    if family != Family::Principal {
        return Ok(0);
    }
    let today = Window::new(window.scored(), 0, |_| true);
    let history = FamilyHistory::read(state, Family::Change, &today)?;
    let own = (0..history.len()).filter(|&member| principal_of(history.key(member)) == *key);
    Ok(own.flat_map(|member| history.hours(member)).map(|hour| u64::from(hour.calls)).sum())
}

impl Explanation {
    /// Says where the night before took a deviation for the entity's new level: such a one is not told, whatever gates
    /// it passes.
    fn absorb(&mut self, state: &Path, (family, key): (Family, &EntityKey), settings: &Settings) -> Result<()> {
        let min_ratio = settings.thresholds.min_ratio;
        let calls = self.hours.iter().map(|hour| u64::from(hour.calls)).sum();
        let before = episode::read_before(state, self.date)?;
        for direction in [Direction::Up, Direction::Down] {
            let episode = before.get(&(family, key.clone(), direction));
            let Some(episode) = episode.filter(|episode| episode.level_shift) else { continue };
            if episode.is_outgrown(calls, min_ratio) {
                continue;
            }
            let (since, nights) = (episode.since, episode.nights);
            let own = self.answers.iter_mut().filter(|answer| answer.is_absorbed(direction));
            let lasts = own
                .map(|answer| answer.absorb(since, nights, settings.level_shift_days))
                .fold(false, |any, one| any | one);
            let told_again_from = episode.told_again_from(min_ratio);
            self.absorbed = Some(Absorbed { direction, since, nights, lasts, told_again_from });
        }
        Ok(())
    }

    /// Names the principals in it.
    fn name(&mut self, names: &mut Names<'_>) -> Result<()> {
        let principal = Family::Principal.name();
        let is_principal = |partner: &&mut Partner| partner.family == principal;
        let own = (self.family == principal).then_some(self.entity.as_str());
        let others = self.partners.iter().filter(|partner| partner.family == principal);
        names.look_for(own.into_iter().chain(others.map(|partner| partner.name.as_str())))?;
        self.called = own.and_then(|own| names.of(own)).map(str::to_owned);
        for partner in self.partners.iter_mut().filter(is_principal) {
            partner.called = names.of(&partner.name).map(str::to_owned);
        }
        Ok(())
    }
}

fn reported_of(state: &Path, date: NaiveDate, history: &FamilyHistory, member: usize) -> Result<Vec<Reported>> {
    if !is_there(&Daily::Insights.folder(state, date))? {
        return Ok(Vec::new());
    }
    let found = reported::read(state)?.found;
    let touches = |found: &&Found| found.start.date_naive() <= date && found.end.date_naive() >= date;
    let own = found.iter().filter(touches).filter(|found| is_about(found, history.family, history, member));
    let reported = |found: &Found| Reported {
        id: found.id.clone(),
        direction: found.direction,
        start: found.start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        end: found.told_end.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        is_open: found.is_open,
    };
    Ok(own.map(reported).collect())
}

fn of_entity(
    judgement: &Judgement<'_>,
    settings: &Settings,
    (family, member): (usize, usize),
    hour: Option<u8>,
) -> Explanation {
    let thresholds = &settings.thresholds;
    let baseline = &judgement.baselines()[family];
    let (history, window) = (baseline.history, baseline.window());
    let expectation = baseline.expect(member, window.length());
    let windows = judgement.windows(family, member, &expectation);
    let direction = windows.first().map_or(Direction::Up, |test| test.direction);
    let told = rate::told(baseline, thresholds, member, &expectation, direction);
    let hours = trace::hours(baseline, member, &expectation, told);
    let hour = hour.unwrap_or_else(|| telling_hour(&windows, &hours));
    let answer = |ranked: &Ranked| answers::of_counts(judgement, thresholds, ranked, &windows);
    Explanation {
        date: window.scored(),
        family: history.family.name(),
        account: history.key(member).account().to_owned(),
        entity: history.label(member),
        called: None,
        place: None,
        model: rate::model(&expectation),
        days_of_history: window.days_of_history(),
        days_known: baseline.days_known(member, window.length()),
        composition: composition(baseline, &settings.calendar, member, (&expectation, told), hour),
        hours,
        windows: windows.iter().map(shown).collect(),
        answers: judgement.ranked(family, member).map(answer).collect(),
        enough: answers::enough(judgement, thresholds, (family, member), &expectation, &windows),
        absorbed: None,
        left_to_callers: Vec::new(),
        company: Company::default(),
        partners: Vec::new(),
        reported: Vec::new(),
        changes: 0,
    }
}

/// The hour that is most worth an explanation: that of the most unlikely window with the most calls, the first of
/// equals.
fn telling_hour(windows: &[WindowTest], hours: &[HourExpected]) -> u8 {
    let span = windows.first().map_or(0..24, |test| test.span.hours());
    let within = hours.iter().filter(|hour| span.contains(&usize::from(hour.hour)));
    within.max_by_key(|hour| (hour.calls, std::cmp::Reverse(hour.hour))).map_or(0, |hour| hour.hour)
}

fn shown(test: &WindowTest) -> WindowShown {
    WindowShown {
        span: test.span,
        observed: test.observed,
        expected: test.expected,
        direction: test.direction,
        log10_p: log10(test.ln_p),
        log10_corrected_p: log10(test.ln_corrected),
    }
}
