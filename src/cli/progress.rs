//! Progress bars: on a terminal only, and never in the way of results.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{Common, output};
use crate::import::ImportProgress;
use crate::report::summary::printable;

/// A bar that counts events towards a total that may not be known.
pub(super) fn events(common: &Common, what: &str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{prefix} {wide_bar} {human_pos} of {human_len} events, {per_sec}, {eta} left",
        None => "{prefix} {spinner} {human_pos} events, {per_sec}",
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
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(printable(what));
    bar
}

/// The bar of an import: it moves with bytes, and tells events.
pub(super) struct ImportBar {
    bar: ProgressBar,
    events: std::sync::atomic::AtomicU64,
}

impl ImportBar {
    pub(super) fn new(common: &Common) -> Self {
        let template = "{prefix} {wide_bar} {bytes} of {total_bytes}, {msg}, {eta} left";
        let bar = dress(ProgressBar::new(0), common, "importing", template);
        Self { bar, events: std::sync::atomic::AtomicU64::new(0) }
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
        let events = self.events.fetch_add(events, std::sync::atomic::Ordering::Relaxed) + events;
        self.bar.inc(bytes);
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar.set_message(format!("{events} events, {:.0}/s", events as f64 / seconds));
    }
}
