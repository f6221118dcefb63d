//! Who, from where and with what: the values of the insight as bars, each beside what was usual of it.

use maud::{Markup, html};

use crate::insight::Attribute;
use crate::report::night::{Attribution, Finding, Place, Share, Text};
use crate::report::telling::{MOST_VALUES, figure};
use crate::shown::OTHER;

/// Values of the insight that are shown of an attribute; more are in the files.
const SHOWN: usize = 3;
/// Values that were usual and are not among them.
const USUAL: usize = 2;

/// The attributions of a finding, a click away; nothing where there are none.
pub(super) fn attributions(finding: &Finding) -> Markup {
    let all = &finding.details.attributions;
    html! {
        @if !all.is_empty() {
            details.attributions {
                summary { "Who, from where, with what: beside what was usual" }
                table {
                    thead { tr { th scope="col" { "value" } th scope="col" { "calls a minute" } th scope="col" { "usual" } th scope="col" { "beside each other" } } }
                    @for attribution in all { (body(finding, attribution)) }
                }
            }
        }
    }
}

fn body(finding: &Finding, attribution: &Attribution) -> Markup {
    let rows = rows(attribution);
    let most = rows.iter().map(|row| row.now.max(row.usual.unwrap_or(0.0))).fold(f64::MIN_POSITIVE, f64::max);
    html! {
        tbody {
            tr { th.attribute scope="rowgroup" colspan="4" { (name(attribution.attribute)) (remark(attribution)) } }
            @for row in &rows {
                tr {
                    td { (value(finding, attribution, &row.share.value)) }
                    td.number { (figure(row.now)) }
                    td.number { (usual(row, attribution)) }
                    td { (bars(row, most)) }
                }
            }
        }
    }
}

/// A value, or in words what is none; a principal by its name and, less loudly, its identifier; an address with where it is.
fn value(finding: &Finding, attribution: &Attribution, value: &Text) -> Markup {
    let name = finding.details.names.get(value.raw()).filter(|_| attribution.attribute == Attribute::Principal);
    let is_address = attribution.attribute == Attribute::SourceAddress;
    let place = if is_address { Place::of(&finding.details.places, value) } else { String::new() };
    html! {
        @if value.raw() == "null" { "none" }
        @else if value.raw() == OTHER { span.quiet { "all others, not counted one by one" } }
        @else if let Some(name) = name { bdi { (name) } " " span.quiet { bdi { (value) } } }
        @else { bdi { (value) } @if !place.is_empty() { " " span.quiet { bdi { (place) } } } }
    }
}

/// What was usual of a value. A full list holds only the largest: what is not in it had less than its least.
fn usual(row: &Row<'_>, attribution: &Attribution) -> String {
    let least = attribution.baseline.last().filter(|_| attribution.baseline.len() >= MOST_VALUES);
    match (row.usual, least) {
        (None, _) => "unknown".to_owned(),
        (Some(0.0), Some(least)) => format!("< {}", figure(least.average)),
        (Some(usual), _) => figure(usual),
    }
}

struct Row<'a> {
    share: &'a Share,
    now: f64,
    usual: Option<f64>,
}

/// The values that best explain the insight, then those that were usual and are not among them.
fn rows(attribution: &Attribution) -> Vec<Row<'_>> {
    let of = |shares: &[Share], value: &Share| {
        shares.iter().find(|share| share.value == value.value).map_or(0.0, |share| share.average)
    };
    let usual = |share: &Share| attribution.baseline_known.then(|| of(&attribution.baseline, share));
    let shown = attribution.insight.iter().take(SHOWN);
    let mut rows: Vec<Row<'_>> = shown.map(|share| Row { share, now: share.average, usual: usual(share) }).collect();
    let known = |share: &&Share| !attribution.insight.iter().take(SHOWN).any(|own| own.value == share.value);
    let more = attribution.baseline.iter().filter(known).take(USUAL);
    rows.extend(more.map(|share| Row { share, now: of(&attribution.insight, share), usual: Some(share.average) }));
    rows
}

fn remark(attribution: &Attribution) -> &'static str {
    match (attribution.broad, attribution.baseline_known) {
        (true, _) => " – nobody stands out",
        (false, false) => " – what was usual is not known",
        (false, true) => "",
    }
}

fn bars(row: &Row<'_>, most: f64) -> Markup {
    let width = |value: f64| format!("{:.1}", (value / most * 100.0).clamp(0.0, 100.0));
    html! {
        svg.pair viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.now width=(width(row.now)) height="5" {}
            @if let Some(usual) = row.usual { rect.usual y="5.5" width=(width(usual)) height="4" {} }
        }
    }
}

/// The attribute in words.
const fn name(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Principal => "principals",
        Attribute::AccessKey => "AccessKeys",
        Attribute::SourceAddress => "addresses",
        Attribute::UserAgent => "user agents",
        Attribute::Api => "APIs",
        Attribute::ErrorCode => "error codes",
        Attribute::Region => "regions",
        Attribute::Resource => "resources",
    }
}
