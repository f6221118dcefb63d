//! `runs/DATE.json`: what a night read, tested, found and could not use.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::alert::RuleBook;
use crate::alert::day::DayAlerts;
use crate::baseline::{FamilyHistory, Window};
use crate::detect::judgement::RateResult;
use crate::detect::replay::Calibrations;
use crate::detect::select::TestSet;
use crate::insight::{Incident, Insight, LeftToCaller, NewLevel, Over};
use crate::late::{
    Basis, NightReport, PastNight, PastRecord, Reported, ReportedAlert, Revision, StaleNight, Why, stale,
};
use crate::partition::Problem;
use crate::quality::{Flaw, Inspection};
use crate::report::RuleRecord;
use crate::rollup::ScanCounts;
use crate::rollup::store::DayInput;
use crate::rollup::update::{DayOutcome, OF_OTHER_SETTINGS, Update};
use crate::settings::Settings;
use crate::shown::local_day;
use crate::stats::Calibration;

/// What was tested of a family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FamilyRecord {
    /// The family.
    pub family: String,
    /// Entities alive in the window.
    pub entities: usize,
    /// Entities tested for a rise.
    pub tested: usize,
    /// Entities tested for a drop.
    pub tested_for_drops: usize,
    /// Episodes found.
    pub deviations: usize,
}

impl FamilyRecord {
    /// The record of a family's detection.
    pub fn new(history: &FamilyHistory, result: &RateResult) -> Self {
        Self {
            family: history.family.name().to_owned(),
            entities: history.len(),
            tested: result.tested_up,
            tested_for_drops: result.tested_down,
            deviations: result.deviations.len(),
        }
    }
}

/// How honest the p-values of a set of tests were when the last days were judged again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationRecord {
    /// The set of tests.
    pub set: TestSet,
    /// Entity-days that were judged again.
    pub entity_days: usize,
    /// The p-value below which they were counted; absent when too few were to be expected below any.
    pub nominal: Option<f64>,
    /// How many there were for one that should have been.
    pub inflation: Option<f64>,
    /// The power that tonight's p-values were raised to.
    pub power: f64,
}

impl CalibrationRecord {
    /// The records of a night, set by set.
    pub fn of(calibrations: &Calibrations) -> Vec<Self> {
        let record = |(&set, found): (&TestSet, &Calibration)| Self {
            set,
            entity_days: found.tests,
            nominal: found.nominal,
            inflation: found.inflation,
            power: found.power,
        };
        calibrations.iter().map(record).collect()
    }
}

/// The record of a night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightRecord {
    /// The scored day.
    pub date: NaiveDate,
    /// The program's version.
    pub version: &'static str,
    /// The hash of the settings.
    pub settings_hash: String,
    /// The hash of those that change insights.
    pub judging_hash: String,
    /// The zone whose clocks its readers go by.
    pub time_zone: String,
    /// The files of the scored day.
    pub input: DayInput,
    /// What became of the scored day's rows.
    pub counts: ScanCounts,
    /// Days of history that were compared with.
    pub days_of_history: usize,
    /// Days of the baseline window without a rollup.
    pub missing_days: Vec<NaiveDate>,
    /// Days of the baseline window that the settings tell not to learn from.
    pub incident_days: Vec<NaiveDate>,
    /// Days that were counted in this run.
    pub counted_days: Vec<NaiveDate>,
    /// What the results rest on.
    pub basis: Basis,
    /// What was tested.
    pub families: Vec<FamilyRecord>,
    /// How honest p-values were on the last days, for the sets in which that can be told.
    pub calibration: Vec<CalibrationRecord>,
    /// Insights by type.
    pub insights: BTreeMap<&'static str, usize>,
    /// Stories that the insights tell.
    pub incidents: usize,
    /// What became of the rules.
    pub rules: RuleRecord,
    /// Deviations that are not reported, because they have lasted so long that they are a new level.
    pub absorbed: usize,
    /// Entities that were reported until the night before, and are at a new level.
    pub new_levels: Vec<NewLevel>,
    /// Episodes that earlier nights reported, and that are over; they are no findings of this one.
    pub over: Vec<Over>,
    /// Drops that are not reported, because a silent region explains them.
    pub drops_explained: usize,
    /// Rises of APIs that are not reported, because they are no more than what the principal that makes them usually does.
    pub left_to_callers: Vec<LeftToCaller>,
    /// What was reported, in short.
    pub reported: Vec<Reported>,
    /// Alerts that were raised, in short.
    pub reported_alerts: Vec<ReportedAlert>,
    /// What judging the night again changed, the latest last.
    pub revisions: Vec<Revision>,
    /// What this run changed, if it did; the last of the revisions then.
    #[serde(skip)]
    pub revision: Option<Revision>,
    /// Nights before it that were judged again in the same run.
    pub judged_again: Vec<NaiveDate>,
    /// Nights whose results do not stand and were left as they are.
    pub stale: Vec<StaleNight>,
    /// The same in sentences, with what mends them.
    pub stale_nights: Vec<String>,
    /// What is wrong with the input, and what follows from it.
    pub quality: Vec<Flaw>,
    /// How many event ids were looked at for duplicates; absent where nobody asked.
    pub ids_checked: Option<u64>,
    /// What a reader of the results should know beside that.
    pub warnings: Vec<String>,
    /// What could not be used, of all days that were looked at.
    pub problems: Vec<Problem>,
}

/// What is told of a night, the rules aside.
#[derive(Debug)]
pub struct Told {
    /// What was tested.
    pub families: Vec<FamilyRecord>,
    /// How honest p-values were on the last days.
    pub calibrations: Calibrations,
    /// What was found.
    pub insights: Vec<Insight>,
    /// Episodes of earlier nights that are over: no findings of this one.
    pub closed: Vec<Insight>,
    /// Stories that it tells.
    pub incidents: Vec<Incident>,
    /// Deviations that have lasted so long that they are a new level.
    pub absorbed: usize,
    /// Entities that are at a new level.
    pub new_levels: Vec<NewLevel>,
    /// Drops that a silent region explains.
    pub drops_explained: usize,
    /// Rises that are left to their callers.
    pub left_to_callers: Vec<LeftToCaller>,
    /// What a reader should know beside that.
    pub warnings: Vec<String>,
}

/// What became of a night: what is told of it, what that rests on, and what the rules raised.
#[derive(Debug)]
pub struct Judged<'a> {
    /// What is told.
    pub told: &'a Told,
    /// What the judgement rests on.
    pub basis: Basis,
    /// What is wrong with the input.
    pub inspection: Inspection,
    /// The rules.
    pub book: &'a RuleBook,
    /// What they raised.
    pub alerts: &'a DayAlerts,
}

impl Judged<'_> {
    fn warnings(&self, rules: &RuleRecord, of_history: Vec<String>) -> Vec<String> {
        let of_rules = rules.warnings().into_iter().chain(self.alerts.warnings.iter().cloned());
        of_history.into_iter().chain(self.told.warnings.iter().cloned()).chain(of_rules).collect()
    }
}

impl NightRecord {
    /// Puts a night's record together.
    pub fn new(history: &Update, window: &Window, settings: &Settings, judged: Judged<'_>) -> Self {
        let history = &history.within(window.date(0), window.scored());
        let scored = history.days.iter().find(|day| day.note.date == window.scored());
        let counted = history.days.iter().filter(|day| day.outcome == DayOutcome::Counted);
        let (told, rules) = (judged.told, RuleRecord::new(judged.book, judged.alerts));
        Self {
            date: window.scored(),
            version: env!("CARGO_PKG_VERSION"),
            settings_hash: settings.hash(),
            judging_hash: settings.judging_hash(),
            time_zone: settings.calendar.zone().name().to_owned(),
            input: scored.map(|day| day.note.input.clone()).unwrap_or_default(),
            counts: history.counts_of(window.scored()),
            days_of_history: window.days_of_history(),
            missing_days: window.missing().collect(),
            incident_days: window.set_aside().to_vec(),
            counted_days: counted.map(|day| day.note.date).collect(),
            warnings: judged.warnings(&rules, warnings(history, window, settings)),
            problems: problems(history, judged.alerts, &judged.inspection),
            basis: judged.basis,
            families: told.families.clone(),
            calibration: CalibrationRecord::of(&told.calibrations),
            insights: by_type(&told.insights),
            incidents: told.incidents.len(),
            rules,
            absorbed: told.absorbed,
            new_levels: told.new_levels.clone(),
            over: told.closed.iter().filter_map(Over::of).collect(),
            drops_explained: told.drops_explained,
            left_to_callers: told.left_to_callers.clone(),
            reported: told.insights.iter().map(Reported::of).collect(),
            reported_alerts: judged.alerts.alerts.iter().map(ReportedAlert::of).collect(),
            revisions: Vec::new(),
            revision: None,
            judged_again: Vec::new(),
            stale: Vec::new(),
            stale_nights: Vec::new(),
            quality: judged.inspection.flaws,
            ids_checked: judged.inspection.ids_checked,
        }
    }

    /// When the day is, by the clocks of its readers; `None` where these show UTC.
    pub fn local_day(&self) -> Option<String> {
        local_day(self.date, self.time_zone.parse().ok()?)
    }

    /// Takes over what was known of the night, and notes what is reported otherwise than before.
    pub fn revise(&mut self, before: PastNight, why: &Why, in_run_of: NaiveDate) {
        // A night that nobody asked for, and of which nothing was told, is all new.
        let nothing = || matches!(why, Why::Unfinished | Why::CameLate).then(PastRecord::of_nothing);
        let Some(before) = before.record.or_else(nothing) else { return };
        let told = NightReport { insights: &before.reported, alerts: before.reported_alerts.as_deref() };
        let now = NightReport { insights: &self.reported, alerts: Some(&self.reported_alerts) };
        self.revision = Revision::between(told, now, why, in_run_of);
        self.revisions = before.revisions.into_iter().chain(self.revision.clone()).collect();
    }

    /// Notes the nights that are stale; `newest` is the last that was judged. They are no warning about this night.
    pub fn note_stale(&mut self, nights: Vec<StaleNight>, newest: NaiveDate) {
        self.stale_nights = stale(&nights, newest);
        self.stale = nights;
    }

    /// Whether part of the input could not be used.
    pub fn is_partial(&self) -> bool {
        !self.problems.is_empty() || self.counts.is_partial()
    }
}

fn by_type(insights: &[Insight]) -> BTreeMap<&'static str, usize> {
    let mut by_type = BTreeMap::new();
    for insight in insights {
        *by_type.entry(insight.insight_type.name()).or_default() += 1;
    }
    by_type
}

/// What could not be used, each once.
fn problems(history: &Update, alerts: &DayAlerts, inspection: &Inspection) -> Vec<Problem> {
    let mut problems = history.all_problems();
    problems.extend(alerts.problems.iter().chain(&inspection.problems).cloned());
    problems.into_iter().collect()
}

fn warnings(history: &Update, window: &Window, settings: &Settings) -> Vec<String> {
    let mut said = history_warnings(window, settings);
    said.extend(some_days(&history.of_other_settings(), window).map(|days| format!("{days}: {OF_OTHER_SETTINGS}")));
    if history.is_all_there_is(window.scored()) {
        let unreadable = history.problems_of(window.scored()).next().is_some();
        let became = if unreadable { "cannot be read" } else { "are gone" };
        said.push(format!("the events of this day {became}; its rollup was used, and nobody could be attributed"));
    }
    said
}

fn history_warnings(window: &Window, settings: &Settings) -> Vec<String> {
    let days = window.days_of_history();
    if days == 0 {
        return vec![
            "there is no history to compare with: rates cannot be judged, changes are reported all the same".to_owned(),
        ];
    }
    if days < settings.min_history_days {
        let needed = settings.min_history_days;
        return vec![format!("learning: {days} of at least {needed} days of history, so rates are not judged yet")];
    }
    let unread: Vec<NaiveDate> = window.unread_days().collect();
    let is_unread = |date: &NaiveDate| unread.contains(date);
    let missing = window.missing().filter(|date| !is_unread(date)).collect::<Vec<_>>();
    let missing =
        some_days(&missing, window).map(|days| format!("no events on {days}: masked, rates learn nothing from them"));
    let unread = some_days(&unread, window)
        .map(|days| format!("events of {days} could not be read: such hours are masked, not taken for silence"));
    let aside = some_days(window.set_aside(), window).map(|days| format!("incident on {days}: not learnt from"));
    missing.into_iter().chain(unread).chain(aside).collect()
}

/// Days of the window by name, or how many they are; `None` of none.
fn some_days(days: &[NaiveDate], window: &Window) -> Option<String> {
    let named = || days.iter().map(NaiveDate::to_string).collect::<Vec<_>>().join(", ");
    match days.len() {
        0 => None,
        1..=5 => Some(named()),
        many => Some(format!("{many} of the {} days before", window.length())),
    }
}
