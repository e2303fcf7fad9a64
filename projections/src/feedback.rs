//! Feedback: ratings of products.

pub mod document;
pub mod event;
mod fold;

pub use document::Rating;
pub use event::Feedback;
