//! What every setting is: its name, unit and effect. Defaults are taken from the settings themselves.

use std::fmt::Write;

use crate::settings::layers::{flat, shown};
use crate::settings::{RawSettings, Source};

/// A setting, as people look it up.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The name, with its table before a point.
    pub key: &'static str,
    /// What it is counted in.
    pub unit: &'static str,
    /// What it does.
    pub effect: &'static str,
    /// Whether it is a table whose names the reader chooses.
    pub is_open: bool,
}

const fn setting(key: &'static str, unit: &'static str, effect: &'static str) -> Setting {
    Setting { key, unit, effect, is_open: false }
}

const fn open_table(key: &'static str, unit: &'static str, effect: &'static str) -> Setting {
    Setting { key, unit, effect, is_open: true }
}

/// Every setting, in the order of the file.
pub const REFERENCE: [Setting; 30] = [
    setting("baseline_days", "days", "how long a history a day is compared with (7 to 400)"),
    setting(
        "min_history_days",
        "days",
        "with fewer days of history no rates are judged, changes are; at most `baseline_days`",
    ),
    setting(
        "time_zone",
        "IANA name",
        "which hours are alike, which days are weekend days, and which times people are told beside UTC; days of input and output stay UTC days",
    ),
    setting(
        "days_off",
        "dates or spans",
        "days that are like weekend days, such as `[\"2026-01-01\", \"2026-02-16/2026-02-22\"]`, in the time zone",
    ),
    setting(
        "incident_days",
        "dates or spans",
        "UTC days that nothing is learnt from, such as days of an attack or an outage; judged themselves they are as any other",
    ),
    setting(
        "false_discovery_rate",
        "share",
        "false alarms accepted among what is reported, of rises, drops, errors, newcomers and first meetings each, over all families together; lower reports less",
    ),
    setting("max_p_value", "probability", "an entity's day must be at least this unlikely"),
    setting("min_excess", "calls", "a rise must be at least so many calls above what was expected"),
    setting(
        "min_ratio",
        "factor",
        "a rise must be at least so many times what was expected; an error's share of calls must grow by it too",
    ),
    setting("drop_min_expected", "calls", "a drop must fall short of at least so many expected calls"),
    setting("drop_max_ratio", "share", "a drop must leave at most this share of what was expected"),
    setting(
        "level_shift_days",
        "nights",
        "an entity that deviates the same way on so many nights, none of those between being usual, has a new level; it is said once",
    ),
    setting(
        "late_window",
        "days",
        "when the events of so recent a day come late or change, its night and the later ones are judged again (0 to 60)",
    ),
    setting(
        "max_entities",
        "entities",
        "a day names at most so many of a family, those with the most calls; the rest is counted under `(other)` and not judged (from 1)",
    ),
    setting("vendor_types_only", "", "`true` leaves out `PrincipalInsight`"),
    open_table("columns", "names", "event column to the name it has in your files"),
    open_table("searches", "names", "saved searches, see [Questions](#questions)"),
    open_table("rules", "names", "rules, see below"),
    setting(
        "alerts.group_gap",
        "time",
        "matches of a rule with the same keys join an alert as long as no more than this lies between them (1m to 24h)",
    ),
    setting(
        "alerts.repeat_interval",
        "time",
        "a fingerprint is worth a notification at most once in this time (1m to 24h)",
    ),
    setting(
        "alerts.check_interval",
        "time",
        "what a check is to rules that ask for matches in several checks in a row (1m to 24h)",
    ),
    setting("alerts.resolved", "", "`true` makes `insights alert` tell when an alert is over as well"),
    setting(
        "alerts.command",
        "words",
        "a program and its arguments that `insights alert` starts with what is due, as JSON on its standard input",
    ),
    setting(
        "outputs.formats",
        "names",
        "what insights are written as: `actiontrail`, `cloudtrail`, `ocsf`, `security-lake`, `parquet`, `csv`; \
         `actiontrail` and `parquet` always are",
    ),
    setting(
        "geoip.files",
        "paths",
        "databases in MaxMind's format (.mmdb) that give addresses a country and a network owner, wherever they are told; \
         the first that knows something tells it",
    ),
    setting(
        "operations.keep",
        "days or weeks",
        "how long days stay in the state, such as `\"400d\"`: at least `baseline_days` and the larger of 7 and `late_window`; \
         empty keeps them for ever",
    ),
    setting(
        "operations.memory_limit",
        "bytes",
        "how much memory to make do with, such as `\"2G\"`; empty sets no limit",
    ),
    setting("operations.metrics", "path", "a file for metrics in Prometheus' text format; empty writes none"),
    setting(
        "operations.check_duplicates",
        "",
        "`true` reads every event id of a judged day, tells which stand in more than one event, and masks hours of which a fifth does",
    ),
    setting(
        "operations.scored_hours",
        "",
        "`true` writes every hour of every scored entity, with what was expected of it, to `scored-hours.parquet`",
    ),
];

/// The environment variable of a setting.
pub fn variable(key: &str) -> String {
    format!("INSIGHTS_{}", key.replace('.', "_").to_uppercase())
}

/// A settings file with every setting at its default, explained and commented out.
pub fn example() -> String {
    let defaults = flat(&RawSettings::default());
    let mut text = "# Settings of insights. Every line is optional; what is commented out is the default.\n".to_owned();
    let mut table = "";
    for setting in REFERENCE.iter().filter(|setting| !setting.is_open) {
        let (own, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if own != table {
            let _ = write!(text, "\n[{own}]\n");
            table = own;
        }
        let unit = if setting.unit.is_empty() { String::new() } else { format!(" [{}]", setting.unit) };
        let value = defaults.get(setting.key).map_or(String::new(), shown);
        let _ = write!(text, "\n# {}{unit}\n# {name} = {value}\n", setting.effect);
    }
    text.push_str("\n# Event columns that have other names in your files.\n[columns]\n\n# event_time = \"ts\"\n");
    text
}

/// A setting as it is in force.
#[derive(Debug, Clone, serde::Serialize)]
pub struct InForce {
    /// The name.
    pub key: String,
    /// The value, as it would be written into the file.
    pub value: String,
    /// Where it came from.
    #[serde(serialize_with = "source_text")]
    pub source: Source,
}

fn source_text<S: serde::Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn the_reference_is_of_the_settings_there_are() {
        let known: Vec<String> = flat(&RawSettings::default()).into_keys().collect();
        let told = REFERENCE.iter().filter(|setting| !setting.is_open);
        let mut told: Vec<&str> = told.map(|setting| setting.key).collect();
        told.sort_unstable();
        assert_eq!(known, told);
        assert!(REFERENCE.iter().all(|setting| !setting.effect.is_empty()));
    }

    #[test]
    fn the_example_is_the_defaults_commented_out() {
        let example = example();
        assert_eq!(Settings::parse(&example).unwrap(), Settings::default());
        let is_default = |line: &str| line.starts_with("# ") && line.contains(" = ") && !line.contains("event_time");
        let written = |line: &str| if is_default(line) { line[2..].to_owned() } else { line.to_owned() };
        let uncommented: Vec<String> = example.lines().map(written).collect();
        assert_eq!(
            uncommented.iter().filter(|line| line.contains(" = ") && !line.starts_with('#')).count(),
            REFERENCE.iter().filter(|setting| !setting.is_open).count()
        );
        assert_eq!(Settings::parse(&uncommented.join("\n")).unwrap(), Settings::default());
    }

    #[test]
    fn every_setting_has_a_variable() {
        assert_eq!(variable("outputs.formats"), "INSIGHTS_OUTPUTS_FORMATS");
    }
}
