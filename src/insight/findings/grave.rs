//! Changes of permissions by those who usually make them: reported if a request is grave, whoever made it.
//!
//! What is asked for stands in the events alone, so these are read; of many changes of a night few are left.

use chrono::NaiveDate;

use crate::baseline::FamilyHistory;
use crate::detect::change::ChangeFound;
use crate::error::Result;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::investigate;
use crate::insight::events::target::Target;
use crate::insight::findings::targets::change_target;
use crate::insight::requests::concern::Concern;
use crate::partition::EventFile;

/// Those of the usual changes whose requests are grave.
///
/// # Errors
/// When the events cannot be read.
pub fn grave(
    files: &[EventFile],
    date: NaiveDate,
    history: &FamilyHistory,
    usual: Vec<ChangeFound>,
) -> Result<Vec<ChangeFound>> {
    if usual.is_empty() {
        return Ok(usual);
    }
    let targets: Vec<Target> = usual.iter().map(|change| change_target(history, change, date)).collect();
    let evidence = investigate(files, date, &targets)?;
    Ok(usual.into_iter().zip(&evidence).filter(|(_, evidence)| is_grave(evidence)).map(|(change, _)| change).collect())
}

fn is_grave(evidence: &Evidence) -> bool {
    evidence.all_concerns().into_iter().any(Concern::is_grave)
}
