//! Finds what deviates in cloud audit logs.

pub mod baseline;
pub mod cli;
pub mod detect;
pub mod error;
pub mod event;
pub mod generate;
pub mod import;
pub mod insight;
pub mod partition;
pub mod pipeline;
pub mod report;
pub mod rollup;
pub mod settings;
pub mod stats;
pub mod storage;

pub use error::{Error, Result};
