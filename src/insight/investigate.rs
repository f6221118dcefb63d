//! Going back to the events of what was flagged: the exact minutes, who did it, and some events to look at.
//!
//! Only row groups that can hold a flagged window are read. What is gathered is bounded: minutes of the window, and the values
//! of a few attributes.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;
use crate::event::{Column, SourceAddress, meaningful, service_name};
use crate::partition::{EventBatch, EventFile, RowGroupReader, midnight_ms};
use crate::rollup::keys::{INPUTS, Keyer};
use crate::rollup::{EntityKey, Family, RowKeys};

const MINUTE_MS: i64 = 60_000;
/// Events that are named as examples.
const EXAMPLES: usize = 10;
/// Distinct values of an attribute that are told apart; the rest goes by one name.
const MOST_VALUES: usize = 10_000;
/// What values beyond [`MOST_VALUES`] are counted under.
pub const OTHER: &str = "(other)";

/// The attributes of an event that an insight is attributed to.
pub const ATTRIBUTES: [&str; 7] =
    ["principalId", "accessKeyId", "sourceIpAddress", "userAgent", "apiRelated", "errorCode", "acsRegion"];

/// An entity and the hours of the day in which it stood out.
#[derive(Debug, Clone)]
pub struct Target {
    /// The entities, more than one for a change made through several APIs.
    pub family: Family,
    /// Their keys.
    pub keys: Vec<EntityKey>,
    /// First hour, one past the last.
    pub hours: (u8, u8),
    /// For a rise, the calls that were expected in these hours: its minutes are then cut out of them.
    pub rise_above: Option<f64>,
}

/// What the events of a target tell.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Calls by minute of the target's hours.
    pub minutes: Vec<u32>,
    /// The minutes of the episode among them, first and one past the last; all that follows is about these alone.
    pub span: (usize, usize),
    /// Failed calls.
    pub errors: u64,
    /// For each of [`ATTRIBUTES`] the values and their calls.
    pub values: [BTreeMap<String, u64>; ATTRIBUTES.len()],
    /// The user's or role's name, most frequent first, where events tell one.
    pub names: BTreeMap<String, u64>,
    /// The earliest events: time and id.
    pub examples: Vec<(i64, String)>,
}

/// Where the columns that are read beside [`INPUTS`] stand in a batch.
const EXTRAS: [&[Column]; 3] = [&[Column::EventId], &[Column::UserName], &[Column::UserAgent]];

/// Reads the events of all targets; one [`Evidence`] for each, in their order. The first reading finds the minutes, the second
/// who was in them.
pub fn investigate(files: &[EventFile], date: NaiveDate, targets: &[Target]) -> Result<Vec<Evidence>> {
    let new = |target: &Target| {
        let minutes = usize::from(target.hours.1 - target.hours.0) * 60;
        Evidence { minutes: vec![0; minutes], span: (0, minutes), ..Evidence::default() }
    };
    let mut evidence: Vec<Evidence> = targets.iter().map(new).collect();
    read(files, date, targets, &mut evidence, &INPUTS, |_, _, _, minute, evidence| evidence.minutes[minute] += 1)?;
    for (target, evidence) in targets.iter().zip(&mut evidence) {
        if let Some(expected) = target.rise_above {
            evidence.span = rise(&evidence.minutes, expected);
        }
    }
    let columns: Vec<&[Column]> = INPUTS.into_iter().chain(EXTRAS).collect();
    read(files, date, targets, &mut evidence, &columns, Reading::note)?;
    Ok(evidence)
}

/// What is done with a row of a target: its batch, its number, the minute it lies in.
type Visit = fn(&Reading, &EventBatch, usize, usize, &mut Evidence);

fn read(
    files: &[EventFile],
    date: NaiveDate,
    targets: &[Target],
    evidence: &mut [Evidence],
    columns: &[&[Column]],
    visit: Visit,
) -> Result<()> {
    for file in files {
        for group in file.row_groups_of(date).filter(|&group| may_hold(file, group, date, targets)) {
            let mut reading = Reading { keyer: Keyer::default(), keys: RowKeys::default(), date };
            for batch in RowGroupReader::open(file, group, columns)? {
                // An unreadable part was named when the day was counted; what was read before it still tells something.
                let Ok(batch) = batch else { break };
                reading.gather(&batch, targets, evidence, visit);
            }
        }
    }
    Ok(())
}

fn may_hold(file: &EventFile, group: usize, date: NaiveDate, targets: &[Target]) -> bool {
    let Some((first, last)) = file.row_groups[group].span else { return true };
    targets.iter().any(|target| {
        let (start, end) = window(date, target.hours);
        first < end && last >= start
    })
}

fn window(date: NaiveDate, hours: (u8, u8)) -> (i64, i64) {
    let hour = |hour: u8| midnight_ms(date) + i64::from(hour) * 60 * MINUTE_MS;
    (hour(hours.0), hour(hours.1))
}

struct Reading {
    keyer: Keyer,
    keys: RowKeys,
    date: NaiveDate,
}

impl Reading {
    fn gather(&mut self, batch: &EventBatch, targets: &[Target], evidence: &mut [Evidence], visit: Visit) {
        self.keyer.number_rows(batch, &mut self.keys);
        for (target, evidence) in targets.iter().zip(evidence) {
            let members = self.keyer.members(target.family);
            let numbers: Vec<u32> = target.keys.iter().filter_map(|key| members.number(key)).collect();
            if numbers.is_empty() {
                continue;
            }
            let (start, end) = window(self.date, target.hours);
            let mut note = |row: usize, member: u32| {
                let time = batch.times[row];
                if numbers.contains(&member) && (start..end).contains(&time) {
                    visit(self, batch, row, ((time - start) / MINUTE_MS) as usize, evidence);
                }
            };
            match self.keys.dense(target.family) {
                Some(members) => members.iter().enumerate().for_each(|(row, &member)| note(row, member)),
                None => {
                    self.keys.listed(target.family).iter().for_each(|&(row, member)| note(row as usize, member));
                }
            }
        }
    }

    fn note(&self, batch: &EventBatch, row: usize, minute: usize, evidence: &mut Evidence) {
        if !(evidence.span.0..evidence.span.1).contains(&minute) {
            return;
        }
        let text = |column: usize| batch.columns[column].row(row);
        let member =
            |family: Family| self.keys.member(family, row).map(|number| self.keyer.members(family).key(number).clone());
        let failed = self.keys.has_failed(row);
        evidence.errors += u64::from(failed);
        let source = text(4).and_then(SourceAddress::parse).map(|source| match source {
            SourceAddress::Ip(address) => address.to_string(),
            SourceAddress::Internal => "Internal".to_owned(),
            SourceAddress::Host(host) => host,
        });
        let api = text(2).map(service_name).zip(text(3)).map(|(service, api)| format!("{service}/{api}"));
        let code = member(Family::ApiError).and_then(|key| key.fields().last().map(str::to_owned));
        let extra = INPUTS.len();
        let values = [
            member(Family::Principal).map(|key| key.label()),
            text(8).and_then(meaningful).map(str::to_owned),
            source,
            text(extra + 2).map(str::to_owned),
            api,
            Some(code.unwrap_or_else(|| "null".to_owned())),
            text(5).map(str::to_owned),
        ];
        for (value, counts) in values.into_iter().zip(&mut evidence.values) {
            count(counts, value);
        }
        count(&mut evidence.names, text(extra + 1).map(str::to_owned));
        let time = batch.times[row];
        let later = evidence.examples.last().is_some_and(|(last, _)| *last <= time);
        if let Some(id) = text(extra).filter(|_| evidence.examples.len() < EXAMPLES || !later) {
            evidence.examples.push((time, id.to_owned()));
            evidence.examples.sort();
            evidence.examples.truncate(EXAMPLES);
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, value: Option<String>) {
    let Some(value) = value else { return };
    if let Some(known) = counts.get_mut(&value) {
        *known += 1;
    } else if counts.len() < MOST_VALUES {
        counts.insert(value, 1);
    } else {
        *counts.entry(OTHER.to_owned()).or_default() += 1;
    }
}

/// The values with the most calls, most first, equal ones in order of the value.
pub fn top(counts: &BTreeMap<String, u64>, most: usize) -> Vec<(&str, u64)> {
    let mut values: Vec<(&str, u64)> = counts.iter().map(|(value, &calls)| (value.as_str(), calls)).collect();
    values.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    values.truncate(most);
    values
}

/// The minutes of a rise: the run in which calls most exceed what is usual, twice the expected rate or a twentieth of the
/// busiest minute, whichever is more. First minute, and one past the last.
pub fn rise(minutes: &[u32], expected: f64) -> (usize, usize) {
    let busiest = f64::from(minutes.iter().copied().max().unwrap_or(0));
    let usual = (2.0 * expected / minutes.len().max(1) as f64).max(busiest / 20.0);
    let (mut best, mut sum, mut first) = ((0, minutes.len(), 0.0_f64), 0.0, 0);
    for (minute, &calls) in minutes.iter().enumerate() {
        if sum <= 0.0 {
            (sum, first) = (0.0, minute);
        }
        sum += f64::from(calls) - usual;
        if sum > best.2 {
            best = (first, minute + 1, sum);
        }
    }
    (best.0, best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_cut_out_of_its_hour() {
        let mut minutes = vec![0; 60];
        (minutes[3], minutes[32], minutes[33], minutes[50]) = (2, 600, 570, 1);
        assert_eq!(rise(&minutes, 4.0), (32, 34));
    }

    #[test]
    fn a_steady_rise_is_the_whole_of_it() {
        assert_eq!(rise(&[10; 120], 60.0), (0, 120));
        assert_eq!(rise(&[0; 60], 1.0), (0, 60));
    }
}
