//! What one night leaves to the next, and which insights of a night tell one story.
//!
//! [`episode`] and [`trail`] are kept in the state directory; [`course`] says what became of an episode, [`nights`] what its reader has to know of that, [`over`] how its end is told.

pub(super) mod alike;
pub(super) mod course;
pub mod episode;
pub mod incident;
pub(super) mod nights;
pub(super) mod over;
pub mod trail;
