//! Digests: a night, or several, in a few lines for mail and chat.
//!
//! What is said is put together once, as a [`Document`] of headings, paragraphs, lists and tables; how it is written down, as Markdown, plain
//! text or HTML, is the document's own affair, and so is it that nothing in a name does anything there.

mod document;
mod night;
mod range;

pub use document::{Block, Document};
pub use night::night;
pub use range::range;
