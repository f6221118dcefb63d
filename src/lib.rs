//! Finds what deviates in cloud audit logs.

pub mod error;
pub mod event;
pub mod partition;
pub mod rollup;
pub mod storage;

pub use error::{Error, Result};
