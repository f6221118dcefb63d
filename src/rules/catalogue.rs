//! The rule catalogue: what the rules of a set find, as a page of Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::rules::plan::{Body, Rule};
use crate::rules::set::RuleSet;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};

/// The tags of techniques begin so.
const TECHNIQUE: &str = "attack.t";

/// A page about those of some rules (by position) that are reported, by the folder in which they stand.
pub fn markdown(rules: &RuleSet, positions: &[usize]) -> String {
    let mut folders: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
    for rule in positions.iter().filter(|position| rules.reports(**position)).map(|&position| &rules.rules()[position])
    {
        let folder = rule.place.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        folders.entry(folder).or_default().push(rule);
    }
    let count: usize = folders.values().map(Vec::len).sum();
    let mut page = format!("# Rules\n\n{count} rules. `insights rules show ID` tells what one of them compiles to.\n");
    for (folder, mut rules) in folders {
        rules.sort_by(|left, right| (&left.place, &left.id).cmp(&(&right.place, &right.id)));
        let _ = writeln!(page, "\n## {}\n", cell(folder));
        page.push_str("| rule | level | finds | by | harmless | ATT&CK | id |\n|---|---|---|---|---|---|---|\n");
        rules.iter().for_each(|rule| page.push_str(&row(rule)));
    }
    page
}

fn row(rule: &Rule) -> String {
    let file = rule.place.file.rsplit('/').next().unwrap_or_default();
    let techniques = rule.tags.iter().filter_map(|tag| tag.strip_prefix(TECHNIQUE)).map(|number| format!("T{number}"));
    let id = rule.extension.builtin.as_deref().unwrap_or(&rule.id);
    let cells = [
        format!("**{}** ({})", cell(&rule.title), cell(file)),
        rule.level.name().to_owned(),
        cell(summary(&rule.description)),
        cell(&told_apart_by(rule)),
        cell(&rule.false_positives.join(" ")),
        cell(&techniques.collect::<Vec<_>>().join(", ")),
        format!("`{}`", cell(id)),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The first paragraph: what happened and why it matters.
fn summary(description: &str) -> &str {
    description.split("\n\n").next().unwrap_or_default()
}

/// How many of what within which time, and which fields tell one alert from another.
fn told_apart_by(rule: &Rule) -> String {
    let mut parts = Vec::new();
    let fields = match &rule.body {
        Body::Detection(_) => &rule.fields,
        Body::Correlation(correlation) => {
            let bounds = correlation.kind.bounds().iter();
            let bounds: Vec<String> =
                bounds.map(|bound| format!("{} {}", bound.relation.name(), bound.value)).collect();
            parts.push(format!("{} {} in {}", correlation.kind.name(), bounds.join(", "), span(correlation.window_ms)));
            &correlation.group_by
        }
    };
    if !fields.is_empty() {
        parts.push(format!("by {}", fields.join(", ")));
    }
    let values = rule.extension.parameters.values.iter();
    parts.extend(values.map(|(name, values)| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        format!("%{name}%: {}", if values.is_empty() { "none".to_owned() } else { values.join(", ") })
    }));
    parts.join("; ")
}

/// A length of time in its largest whole unit.
fn span(milliseconds: i64) -> String {
    let units = [(DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m")];
    let whole = units.into_iter().find(|(length, _)| milliseconds % length == 0);
    let (length, unit) = whole.unwrap_or((1000, "s"));
    format!("{}{unit}", milliseconds / length)
}

/// A text in one cell of a table; what Markdown or HTML would take for its own is escaped.
fn cell(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*").replace('`', "\\`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_largest_whole_unit() {
        let spans = [(86_400_000, "1d"), (129_600_000, "36h"), (1_800_000, "30m"), (90_000, "90s")];
        spans.iter().for_each(|(milliseconds, text)| assert_eq!(span(*milliseconds), *text));
    }

    #[test]
    fn cells_hold_what_they_say_and_nothing_else() {
        assert_eq!(cell("a | b\n<script> *x* `y`"), "a \\| b &lt;script> \\*x\\* \\`y\\`");
    }
}
