//! Progress bars: on a terminal only, and never in the way of results.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chrono::NaiveDate;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use serde_json::json;

use crate::cli::{Common, output};
use crate::import::ImportProgress;
use crate::shown::{number, printable};

/// A bar that counts events towards a total that may not be known.
pub(super) fn events(common: &Common, what: &str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{prefix} {wide_bar} {human_pos} of {human_len} events, {rate}, {eta} left",
        None => "{prefix} {spinner} {human_pos} events, {rate}",
    };
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    dress(bar, common, what, template)
}

fn dress(bar: ProgressBar, common: &Common, what: &str, template: &str) -> ProgressBar {
    bar.set_draw_target(if common.quiet || !output::may_draw() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    });
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // A line that cannot be drawn is drawn by the next beat.
        let _ = write!(text, "{}/s", number(state.per_sec() as u64));
    }));
    bar.set_prefix(printable(what));
    bar
}

/// Signs of life in a log, where no bar can be drawn: at most one line in so many seconds.
pub(super) struct Heartbeat {
    date: NaiveDate,
    begin: Instant,
    beats: AtomicU64,
}

impl Heartbeat {
    const SECONDS: u64 = 10;

    pub(super) fn new(date: NaiveDate) -> Self {
        Self { date, begin: Instant::now(), beats: AtomicU64::new(0) }
    }

    /// Tells how many events are read, if it is time to.
    pub(super) fn tick(&self, events: u64) {
        if !output::may_draw() && self.is_due(self.begin.elapsed().as_secs()) {
            output::step("events read", &[("date", json!(self.date)), ("events", json!(events))]);
        }
    }

    /// Whether a beat is due that no other thread has taken.
    fn is_due(&self, elapsed: u64) -> bool {
        let due = elapsed / Self::SECONDS;
        self.beats.fetch_max(due, Ordering::Relaxed) < due
    }
}

/// The bar of an import: it moves with bytes, and tells events.
pub(super) struct ImportBar {
    bar: ProgressBar,
    events: AtomicU64,
}

impl ImportBar {
    pub(super) fn new(common: &Common) -> Self {
        let template = "{prefix} {wide_bar} {bytes} of {total_bytes}, {msg}, {eta} left";
        let bar = dress(ProgressBar::new(0), common, "importing", template);
        Self { bar, events: AtomicU64::new(0) }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl ImportProgress for ImportBar {
    fn begin(&self, bytes: u64) {
        self.bar.set_length(bytes);
    }

    fn advance(&self, bytes: u64, events: u64) {
        let events = self.events.fetch_add(events, Ordering::Relaxed) + events;
        self.bar.inc(bytes);
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar.set_message(format!("{} events, {}/s", number(events), number((events as f64 / seconds) as u64)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_taken_once_and_missed_ones_are_not_made_up_for() {
        let heartbeat = Heartbeat::new(NaiveDate::default());
        let due = [3, 9, 10, 11, 19, 45, 45, 50].map(|elapsed| heartbeat.is_due(elapsed));
        assert_eq!(due, [false, false, true, false, false, true, false, true]);
    }
}
