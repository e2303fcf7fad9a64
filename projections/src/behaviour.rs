//! Behaviour: what visitors do.

pub mod event;
mod fold;

pub use event::Activity;
pub use fold::DIMENSIONS;
