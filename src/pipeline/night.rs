//! One night whose history is up to date, step by step: what its judgement rests on, what is wrong with its input, what deviates,
//! who and when, what the rules raise. [`judge`] is the list; each step makes a value that the next one takes.

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::alert::day::DayAlerts;
use crate::baseline::novelty::Company;
use crate::baseline::{FamilyBaseline, FamilyHistory, Feed, OneSided, SilentRegions, Window};
use crate::detect::change::{self, ChangeFound};
use crate::detect::first_seen::{self, FirstSeen};
use crate::detect::judgement::{self, Judgement, Night, RateResult};
use crate::detect::replay::Calibrations;
use crate::detect::select::TestSet;
use crate::error::Result;
use crate::insight::build::hours::{self, FindingHour};
use crate::insight::events::apart::tell_apart;
use crate::insight::events::eve;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::{Investigation, read_on};
use crate::insight::events::let_in::look_for_those_let_in;
use crate::insight::events::missing::tell_with_the_missing;
use crate::insight::events::usual::{Past, Usual};
use crate::insight::extent::rhythm::Days;
use crate::insight::life::episode::{self, Episodes};
use crate::insight::life::incident;
use crate::insight::life::trail::TrailBook;
use crate::insight::meaning::places;
use crate::insight::vendor::Maker;
use crate::insight::{Built, Gaps, Insight, InsightType, NightFindings, build};
use crate::late::{self, Basis, PastNight, Why, left_before};
use crate::partition::EventFile;
use crate::pipeline::{Job, NightResult, write_alerts};
use crate::quality::{self, Duplicates, Inspection, NightInput};
use crate::report::{self, FamilyRecord, Judged, NightRecord, Told, output};
use crate::rollup::update::Update;
use crate::rollup::{Family, store};
use crate::storage::{AtomicFile, Daily, remove};

/// Finds what deviates on a day whose history is up to date, and replaces its results; [`NightResult::finish`] must follow.
pub(super) fn judge(
    job: &Job<'_>,
    history: &Update,
    date: NaiveDate,
    why: Why,
    in_run_of: NaiveDate,
) -> Result<NightResult> {
    let window = window(job, history, date)?;
    let known = Known::read(job, &window)?;
    let ground = Ground::new(job, &window, &known)?;
    let inspection = ground.inspect(history, matches!(why, Why::Asked));
    let (told, matched) = rayon::join(|| ground.tell(ground.detect(known)?), || job.look().whole_day(date));
    let (mut told, left) = told?;
    let alerts = job.look().with_insights(matched?, &told.insights);
    report::ranking::rank(&mut told.insights, &mut told.incidents, &alerts.alerts)?;
    let mut record = ground.record(history, &told, inspection, &alerts)?;
    record.revise(PastNight::read(job.state, date)?, &why, in_run_of);
    ground.write((record, told, left), alerts, why)
}

/// The days that the night's baseline reaches back to, and which of them are there.
fn window(job: &Job<'_>, history: &Update, date: NaiveDate) -> Result<Window> {
    let counted = store::counted_days(job.state, history.days.iter().map(|updated| updated.note.date))?;
    let window = Window::new(date, job.settings.baseline_days, |day| counted.contains(&day));
    Ok(window.without(&job.settings.incident_days).with_unread(|day| history.unread_hours(day)))
}

/// The counts of the window.
struct Known {
    apis: FamilyHistory,
    /// The other families whose rates are judged.
    others: Vec<FamilyHistory>,
    company: Company,
    changes: FamilyHistory,
}

impl Known {
    fn read(job: &Job<'_>, window: &Window) -> Result<Self> {
        let read = |family| FamilyHistory::read(job.state, family, window);
        let families = || Family::RATED[1..].par_iter().map(|&family| read(family)).collect::<Result<Vec<_>>>();
        let first = || rayon::join(|| read(Family::RATED[0]), || Company::read(job.state, window));
        let (others, (apis, company)) = rayon::join(families, first);
        Ok(Self { apis: apis?, others: others?, company: company?, changes: read(Family::Change)? })
    }
}

/// What a judgement rests on beside counts: the days, the scored one's events, and what of the feed can be believed.
struct Ground<'a> {
    job: &'a Job<'a>,
    window: &'a Window,
    files: Vec<EventFile>,
    feed: Feed,
    regions: SilentRegions,
    sides: Vec<OneSided>,
    /// Of each family how many entities of the days before a cap may hide tonight.
    hidden: Vec<(Family, usize)>,
    /// Through which APIs the audit trail was touched.
    trail_touched: Vec<String>,
    /// What repeats among the ids, where somebody asked.
    duplicates: Option<Duplicates>,
}

/// What the detectors made of a night.
struct Detected {
    rates: Vec<(FamilyHistory, RateResult)>,
    firsts: Vec<FirstSeen>,
    changes: (FamilyHistory, Vec<ChangeFound>),
    calibrations: Calibrations,
    /// What could not be judged, in words.
    unjudged: Option<String>,
    /// The hours of all scored entities, where somebody asked for them.
    scored_hours: Option<AtomicFile>,
}

/// What the events tell of what was found, target by target.
struct Seen {
    evidence: Vec<Evidence>,
    usual: Vec<Usual>,
    /// What of the week before could not be read, in words.
    left_out: Option<String>,
    trails: TrailBook,
}

/// What a night leaves beside what is told of it.
struct Left {
    /// What the next night needs to know of what went on, and of the trails.
    episodes: Episodes,
    trails: TrailBook,
    /// The hours that charts show.
    hours: Vec<FindingHour>,
    scored_hours: Option<AtomicFile>,
}

impl<'a> Ground<'a> {
    fn new(job: &'a Job<'a>, window: &'a Window, known: &Known) -> Result<Self> {
        let (calendar, apis) = (&job.settings.calendar, &known.apis);
        let (files, _) = job.partitions.open_range(window.scored(), window.scored());
        let others: Vec<&FamilyHistory> = known.others.iter().collect();
        let find = || quality::duplicates::find(&files, window.scored());
        let duplicates = job.settings.operations.check_duplicates.then(find).transpose()?;
        let repeated = duplicates.as_ref().map(Duplicates::hours).unwrap_or_default();
        let once = duplicates.as_ref().map(Duplicates::ids_that_stand_once).unwrap_or_default();
        let feed = Feed::judge(apis, window, calendar).believing_ids(&once).masking_repeated(&repeated);
        let feed = feed.masking(&others, apis, window);
        let regions = SilentRegions::judge(job.state, window, calendar)?.where_named(feed.blind());
        let hidden = std::iter::once(apis).chain(others).map(|family| (family.family, family.hidden_tonight(window)));
        let (hidden, sides) = (hidden.collect(), OneSided::judge(apis, window));
        let trail_touched = change::trail_touched(&known.changes, window);
        Ok(Self { job, window, files, feed, regions, sides, hidden, trail_touched, duplicates })
    }

    /// Looks for what is wrong with the input.
    fn inspect(&self, history: &Update, is_asked: bool) -> Inspection {
        quality::inspect(&NightInput {
            window: self.window,
            files: &self.files,
            counts: history.counts_of(self.window.scored()),
            unread: history.unread_of(self.window.scored()),
            hidden: &self.hidden,
            feed: &self.feed,
            regions: &self.regions,
            sides: &self.sides,
            trail_touched: &self.trail_touched,
            due: self.job.due.filter(|_| is_asked),
            ahead: if is_asked { self.job.ahead } else { &[] },
            duplicates: self.duplicates.as_ref(),
        })
    }

    /// Judges the rates of all families, whom their entities met, and the changes; only the latter while there is too little history.
    fn detect(&self, known: Known) -> Result<Detected> {
        let Known { apis, others, company, changes } = known;
        let mut found = change::detect(&changes, self.window);
        found.extend(change::silences(&changes, self.window, &self.feed));
        let (changes, families) = ((changes, found), std::iter::once(apis).chain(others).collect());
        if self.window.days_of_history() < self.job.settings.min_history_days {
            return Ok(learning(families, changes));
        }
        self.judge(families, company, changes)
    }

    fn judge(
        &self,
        families: Vec<FamilyHistory>,
        company: Company,
        changes: (FamilyHistory, Vec<ChangeFound>),
    ) -> Result<Detected> {
        let thresholds = self.job.settings.thresholds;
        let calendar = &self.job.settings.calendar;
        let night = Night { window: self.window, calendar, feed: &self.feed, thresholds };
        let histories: Vec<&FamilyHistory> = families.iter().collect();
        let (baselines, company) =
            rayon::join(|| judgement::learn(&histories, night), || first_seen::judge(company, &thresholds));
        let company = company?;
        let rates = Judgement::of(&baselines, &thresholds, &company.tests(families.len()))?.rates();
        let firsts = company.found(&rates.others, families.len());
        let mut calibrations = rates.calibrations;
        calibrations.extend(company.calibration.map(|calibration| (TestSet::FirstSeen, calibration)));
        let scored_hours = self.scored_hours(&baselines)?;
        let rates = families.into_iter().zip(rates.families).collect();
        Ok(Detected { rates, firsts, changes, calibrations, unjudged: company.left_out(), scored_hours })
    }

    /// The file is yet to be put in its place.
    fn scored_hours(&self, baselines: &[FamilyBaseline<'_>]) -> Result<Option<AtomicFile>> {
        let folder = Daily::Insights.folder(self.job.state, self.window.scored());
        let is_asked = self.job.settings.operations.scored_hours;
        is_asked.then(|| report::scored_hours::write(&folder, baselines)).transpose()
    }

    /// Goes back to the events of what was found, and puts it in words.
    fn tell(&self, detected: Detected) -> Result<(Told, Left)> {
        let Detected { rates, firsts, changes, calibrations, unjudged, scored_hours } = detected;
        let families = rates.iter().map(|(history, result)| FamilyRecord::new(history, result)).collect();
        let (findings, seen) = self.look_into(self.findings(rates, firsts, changes)?)?;
        let Built { mut insights, closed, episodes, new_levels, explained, left_to_callers } =
            self.say(&findings, &seen);
        let incidents = incident::group(&mut insights);
        let hours = hours::hours(&findings, &insights, self.window, &self.feed);
        let told = Told {
            families,
            calibrations,
            insights,
            closed,
            incidents,
            absorbed: findings.absorbed(),
            new_levels,
            drops_explained: explained,
            left_to_callers,
            warnings: seen.left_out.into_iter().chain(unjudged).collect(),
        };
        Ok((told, Left { episodes, trails: seen.trails, hours, scored_hours }))
    }

    /// What is to be looked into: what was found tonight, and what the night before left open.
    fn findings(
        &self,
        rates: Vec<(FamilyHistory, RateResult)>,
        firsts: Vec<FirstSeen>,
        (history, mut changes): (FamilyHistory, Vec<ChangeFound>),
    ) -> Result<NightFindings> {
        let (date, settings) = (self.window.scored(), self.job.settings);
        let rates = rates.into_iter().map(|(history, result)| (history, result.deviations)).collect();
        let before = episode::read_before(self.job.state, date)?;
        // Whether these are to be reported the events tell.
        changes.extend(change::usual(&history, self.window));
        Ok(NightFindings::new(rates, (history, changes), before, settings.level_shift_days)
            .setting_hidden_aside(self.window)
            .with_thresholds(settings.thresholds)
            .with_callers(&self.past())?
            .holding_against(self.days())
            .with_firsts(firsts))
    }

    /// What the events tell of it, and what of it is left by what they tell.
    fn look_into(&self, findings: NightFindings) -> Result<(NightFindings, Seen)> {
        let (partitions, date) = (self.job.partitions, self.window.scored());
        let mut targets = findings.targets(self.days());
        eve::look_back(partitions, date, &mut targets)?;
        let (read, mut evidence) = Investigation::of(&self.files, date, &targets)?;
        let (mut usual, left_out) = self.past().usual(&targets)?;
        tell_apart(partitions, &read, &usual, &mut evidence)?;
        tell_with_the_missing(&self.files, (date, &targets), &usual, &mut evidence)?;
        let open = findings.until_midnight(&targets, &evidence, self.days());
        read_on(&self.files, date, open, &mut evidence)?;
        eve::read(partitions, date, &targets, &mut evidence)?;
        look_for_those_let_in(&self.files, date, &targets, &mut evidence)?;
        let mut trails = TrailBook::read_before(self.job.state, date)?;
        trails.follow(&targets, &mut evidence);
        let findings = findings.leaving_harmless_out(&mut evidence, &mut usual).with_habits(&self.past())?;
        Ok((findings, Seen { evidence, usual, left_out, trails }))
    }

    /// What is said of it.
    fn say(&self, findings: &NightFindings, seen: &Seen) -> Built {
        let mut built = build(findings, &seen.evidence, &seen.usual, self.days(), self.gaps());
        let is_vendors = |insight: &Insight| insight.insight_type != InsightType::PrincipalInsight;
        for told in [&mut built.insights, &mut built.closed] {
            told.retain(|insight| !self.job.settings.vendor_types_only || is_vendors(insight));
            places::annotate(told, self.job.places);
        }
        built.new_levels.iter_mut().for_each(|level| level.locate(self.job.places));
        built
    }

    fn past(&self) -> Past<'_> {
        let Job { state, partitions, .. } = *self.job;
        Past { state, partitions, window: self.window, feed: &self.feed }
    }

    fn days(&self) -> Days<'_> {
        Days { window: self.window, calendar: &self.job.settings.calendar, feed: &self.feed }
    }

    fn gaps(&self) -> Gaps<'_> {
        Gaps { feed: &self.feed, regions: &self.regions, sides: &self.sides }
    }

    fn record(&self, history: &Update, told: &Told, inspection: Inspection, alerts: &DayAlerts) -> Result<NightRecord> {
        let left = left_before(self.job.state, self.window.scored())?;
        let basis = Basis::of(self.window, history, left);
        let judged = Judged { told, basis, inspection, book: self.job.book, alerts };
        Ok(NightRecord::new(history, self.window, self.job.settings, judged))
    }

    /// Replaces the results of the day.
    fn write(
        &self,
        (record, told, left): (NightRecord, Told, Left),
        mut alerts: DayAlerts,
        why: Why,
    ) -> Result<NightResult> {
        let Job { state, settings, settings_hash, .. } = *self.job;
        let Told { insights, closed, incidents, .. } = told;
        let Left { episodes, trails, hours, scored_hours } = left;
        let (date, folder) = (record.date, Daily::Insights.folder(state, record.date));
        late::begin(state, date)?;
        let mut written =
            output::write(&folder, (&insights, &closed), &settings.formats, Maker { settings: settings_hash })?;
        written.extend(write_alerts(state, &alerts, settings, settings_hash)?);
        written.push(report::hours::write(&folder, &hours)?);
        let path = folder.join(report::scored_hours::FILE_NAME);
        match scored_hours {
            Some(file) => {
                file.commit()?;
                written.push(path);
            }
            None => remove(&path)?,
        }
        written.push(episode::write(state, date, episodes, &insights)?);
        written.extend(trails.write(state, date)?);
        alerts.keep(state)?;
        Ok(NightResult { record, insights, incidents, alerts: alerts.alerts, why, written })
    }
}

/// Nothing is judged but the changes.
fn learning(families: Vec<FamilyHistory>, changes: (FamilyHistory, Vec<ChangeFound>)) -> Detected {
    let rates = families.into_iter().map(|history| (history, RateResult::default())).collect();
    Detected {
        rates,
        firsts: Vec::new(),
        changes,
        calibrations: Calibrations::default(),
        unjudged: None,
        scored_hours: None,
    }
}
