//! What an audit event is, whatever cloud wrote it: its columns, who made the call, from where, and whether it failed.
//!
//! Everything after reading speaks only the words of this module; how a cloud spells them stays in [`dialect`].

pub mod schema;

pub use schema::Column;
