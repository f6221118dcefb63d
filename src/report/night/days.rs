//! How much was found day by day.

use std::path::Path;

use chrono::{Days, NaiveDate};

use crate::error::Result;
use crate::insight::Severity;
use crate::report::night::columns::Columns;
use crate::report::night::{TABLE, alert, alerts_path};
use crate::storage::{Daily, is_there};

/// Days of the calendar, the judged one included.
pub const CALENDAR_DAYS: u64 = 28;

/// What was found on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayCount {
    /// The day.
    pub date: NaiveDate,
    /// Whether it was judged.
    pub is_judged: bool,
    /// Insights.
    pub insights: usize,
    /// Alerts.
    pub alerts: usize,
    /// The gravest severity among them.
    pub gravest: Option<Severity>,
}

/// The days of the calendar that ends with a day, the oldest first.
pub(super) fn last(date: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    (0..CALENDAR_DAYS).rev().filter_map(move |back| date.checked_sub_days(Days::new(back)))
}

/// What was found on a day.
pub(super) fn count(state: &Path, date: NaiveDate) -> Result<DayCount> {
    let path = Daily::Insights.folder(state, date).join(TABLE);
    if !is_there(&path)? {
        return Ok(DayCount { date, ..DayCount::default() });
    }
    let severities = Columns::read(&path)?.texts("severity")?;
    let alerts = alert::read(&alerts_path(state, date))?;
    let graves = severities.iter().filter_map(|name| Severity::named(name));
    let gravest = graves.chain(alerts.iter().map(alert::Alert::severity)).max();
    Ok(DayCount { date, is_judged: true, insights: severities.len(), alerts: alerts.len(), gravest })
}
