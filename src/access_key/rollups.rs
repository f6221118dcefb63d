//! From rollups: calls and failures by the hour, APIs and networks by the day.

use std::path::Path;

use chrono::NaiveDate;
use hashbrown::HashMap;

use crate::access_key::{Keys, Precision, Trait, Use, hour_ms};
use crate::error::Result;
use crate::rollup::{EntityKey, Family, store};
use crate::shown::OTHER;
use crate::storage::is_there;
use crate::time::HOUR_MS;

/// The families that tell of keys: they themselves, and those that they are paired with.
const TELLING: [Family; 3] = [Family::AccessKey, Family::Api, Family::Network];

/// Whether the rollup of a day leaves names of keys, APIs or networks out, because there were more than a cap allows.
///
/// # Errors
/// [`crate::Error::Rollup`] when a file is damaged.
pub fn leaves_names_out(state: &Path, date: NaiveDate) -> Result<bool> {
    let path = store::rollup_path(state, date);
    if store::read_note(&path)?.is_none_or(|note| note.counts.beyond_cap == 0) {
        return Ok(false);
    }
    let mut found = false;
    for family in TELLING {
        store::read_family(&path, family, |key, _, _| found |= key.is_other())?;
    }
    Ok(found)
}

/// Adds what the rollup of a day knows of the wanted keys (all where none is named). Temporary keys are in no rollup, nor are
/// those beyond a cap.
///
/// # Errors
/// [`crate::Error::Rollup`] when a file is damaged.
pub fn add_rollups(keys: &mut Keys, state: &Path, date: NaiveDate, wanted: Option<&str>) -> Result<()> {
    let path = store::rollup_path(state, date);
    let mut of_entity: HashMap<u32, (String, Use)> = HashMap::new();
    store::read_family(&path, Family::AccessKey, |key, _, day| {
        let name = key.fields().nth(1).unwrap_or_default().to_owned();
        if key.is_other() || wanted.is_some_and(|wanted| wanted != name) || day.hours.is_empty() {
            return;
        }
        let used = Use {
            first: hour_ms(date, day.hours[0]),
            last: hour_ms(date, day.hours[day.hours.len() - 1]) + HOUR_MS - 1,
            precision: Precision::Hour,
            calls: day.calls.iter().map(|&calls| u64::from(calls)).sum(),
            failures: Some(day.errors.iter().map(|&errors| u64::from(errors)).sum()),
        };
        let history = keys.entry(name.clone()).or_default();
        history.add(used);
        history.account = Some(key.account().to_owned()).filter(|account| !account.is_empty());
        of_entity.insert(day.entity, (name, used));
    })?;
    let pairs = store::pairs_path(state, date);
    if of_entity.is_empty() || !is_there(&pairs)? {
        return Ok(());
    }
    for (family, kinds) in [(Family::Api, &[Trait::Service, Trait::Api][..]), (Family::Network, &[Trait::Network])] {
        let labels = labels(&path, family)?;
        store::read_pairs(&pairs, (Family::AccessKey, family), |pair| {
            let (Some((name, day)), Some(names)) = (of_entity.get(&pair.left), labels.get(&pair.right)) else { return };
            // A pair is known to the day: within it, the key's own first and last hour are as near as one can say.
            // Which of its calls failed is in no pair.
            let used = Use { precision: Precision::Day, calls: u64::from(pair.calls), failures: None, ..*day };
            let history = keys.entry(name.clone()).or_default();
            kinds.iter().zip(names).for_each(|(&kind, value)| history.add_trait(kind, value, used));
        })?;
    }
    Ok(())
}

/// How the entities of a family are called: for an API its service and its whole name.
fn labels(path: &Path, family: Family) -> Result<HashMap<u32, Vec<String>>> {
    let mut labels = HashMap::new();
    store::read_family(path, family, |key: EntityKey, service, day| {
        let names = match service {
            _ if key.is_other() => vec![OTHER.to_owned(); 2],
            Some(service) => vec![service.to_owned(), format!("{service}/{}", key.fields().nth(2).unwrap_or_default())],
            None => vec![key.label()],
        };
        labels.insert(day.entity, names);
    })?;
    Ok(labels)
}
