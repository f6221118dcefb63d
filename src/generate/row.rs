//! One event before it becomes columns: positions in the world's tables, and when.

/// No error: the call went well.
pub(crate) const SUCCESS: u8 = u8::MAX;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Seconds since the first day began.
    pub(crate) second: u32,
    pub(crate) credential: u32,
    pub(crate) address: u32,
    /// Which request it was: decides the parameters and the resource.
    pub(crate) request: u32,
    pub(crate) api: u16,
    pub(crate) agent: u16,
    pub(crate) region: u8,
    /// A position in [`super::services::ERRORS`], or [`SUCCESS`].
    pub(crate) error: u8,
}
