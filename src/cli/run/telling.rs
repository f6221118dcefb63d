//! What is told of a run: steps in the log, summaries as text, results as JSON.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::run::seconds;
use crate::cli::{memory, output};
use crate::pipeline::{NightResult, RunResult};
use crate::report::summary;

pub(super) fn begin(state: &Path, settings_hash: &str, days: usize) {
    let numbers = [
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("state", json!(state.display().to_string())),
        ("settings", json!(settings_hash)),
        ("threads", json!(rayon::current_num_threads())),
        ("days", json!(days)),
    ];
    output::step("run begins", &numbers);
}

/// Tells a finished run as a step with its numbers.
pub(super) fn log(run: &RunResult, begin: Instant) {
    for night in &run.again {
        let revision = night.record.revision.as_ref();
        let numbers = [
            ("date", json!(night.record.date)),
            ("why", json!(night.why)),
            ("insights", json!(night.insights.len())),
            ("added", json!(revision.map_or(0, |revision| revision.insights.added.len()))),
            ("changed", json!(revision.map_or(0, |revision| revision.insights.changed.len()))),
            ("taken_back", json!(revision.map_or(0, |revision| revision.insights.taken_back.len()))),
            ("alerts_added", json!(revision.map_or(0, |revision| revision.alerts.added.len()))),
            ("alerts_changed", json!(revision.map_or(0, |revision| revision.alerts.changed.len()))),
            ("alerts_taken_back", json!(revision.map_or(0, |revision| revision.alerts.taken_back.len()))),
        ];
        output::step("night judged again", &numbers);
    }
    let record = &run.night.record;
    let numbers = [
        ("date", json!(record.date)),
        ("events", json!(record.counts.events)),
        ("history_days", json!(record.days_of_history)),
        ("counted_days", json!(record.counted_days.len())),
        ("insights", json!(run.night.insights.len())),
        ("rules", json!(record.rules.rules)),
        ("alerts", json!(run.night.alerts.len())),
        ("warnings", json!(record.warnings.len())),
        ("problems", json!(record.problems.len())),
        ("seconds", json!(seconds(begin))),
        ("peak_memory_bytes", json!(memory::peak())),
    ];
    output::step("night judged", &numbers);
    record
        .warnings
        .iter()
        .chain(&record.stale_nights)
        .for_each(|warning| output::log_warning(&format!("{}: {warning}", record.date)));
    record.quality.iter().for_each(|flaw| output::log_warning(&format!("{}: {}", record.date, flaw.sentence)));
    record.problems.iter().for_each(|problem| output::log_warning(&format!("{}: {}", problem.file, problem.message)));
}

/// A run as JSON; what was judged again stands within the night that was asked for.
pub(super) fn value(run: &RunResult) -> Value {
    let of = |night: &NightResult| {
        json!({
            "run": night.record,
            "incidents": night.incidents,
            "insights": night.insights,
            "alerts": night.alerts,
        })
    };
    let mut value = of(&run.night);
    value["judged_again"] = run.again.iter().map(of).collect();
    value
}

/// A run as text: first what became of earlier nights, then the one that was asked for.
pub(super) fn text(run: &RunResult, quiet: bool) -> String {
    let width = output::width();
    let mut text = String::new();
    for night in &run.again {
        text.push_str(&summary::again(&night.record, &night.why, &run.night.record, width));
        text.push('\n');
    }
    text.push_str(&summary::night(&run.night.record, &run.night.insights, &run.night.alerts, width));
    if !quiet {
        for path in run.again.iter().chain([&run.night]).flat_map(|night| &night.written) {
            let _ = writeln!(text, "wrote {}", path.display());
        }
    }
    text.push('\n');
    text
}
