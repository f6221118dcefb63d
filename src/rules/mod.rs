//! Rules in the Sigma language about single events, and correlations of what they match.
//!
//! Four steps, each with one way in: [`parse`] reads files into [`plan`]s and says what is wrong with the rest, [`RuleSet`] checks
//! them against one another, [`Program::compile`] turns them into shared predicates, [`evaluate`] decides batches of dictionary columns,
//! and [`correlate`] looks at what matched over time. [`Intake`] is where matches arrive: whitelists hide some, correlations remember
//! some, and the rest is what alerts are made of. This room reads partitions and raises nothing itself.
//!
//! What words of the language mean on events is decided here and documented in the README; where that differs from other engines it is
//! on purpose, and listed in `tests/oracle`.

pub mod builtin;
pub mod catalogue;
pub mod compile;
pub mod correlate;
pub mod evaluate;
pub mod example;
pub mod field;
pub mod hours;
mod inputs;
pub mod intake;
pub mod json;
pub mod matched;
pub mod parse;
pub mod pattern;
pub mod plan;
pub mod refusal;
pub mod replay;
mod set;
pub mod settings;
pub(crate) mod typed_date;
pub mod whitelist;
mod window;

pub use compile::Program;
pub use correlate::{CorrelationMatch, Correlator, InsightInput};
pub use intake::Intake;
pub use matched::{Match, MatchedEvent};
pub use plan::Rule;
pub use refusal::Refusal;
pub use set::RuleSet;
pub use settings::RuleSettings;
