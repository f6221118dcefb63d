//! Event partitions: finding them, reading them whoever wrote them, writing our own.

pub mod write;
