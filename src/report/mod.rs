//! Writing findings down: for machines ([`output`]), for the monitoring of the job ([`metrics`]) and for the person at the terminal
//! ([`summary`]).

mod columns;
pub mod csv;
mod jsonl;
pub mod metrics;
pub mod ocsf;
pub mod output;
mod record;
mod rule_record;
pub mod summary;
mod table;

pub use record::{CalibrationRecord, FamilyRecord, NightRecord};
pub use rule_record::RuleRecord;
