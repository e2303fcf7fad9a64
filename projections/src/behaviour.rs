//! Behaviour: the activities of visitors.

pub mod event;
mod fold;

pub use event::Activity;
pub use fold::DIMENSIONS;
