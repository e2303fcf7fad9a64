//! Sessions: the visits of a shop, as events state them, or as the activities of their id say.

pub mod document;
pub mod event;
mod fold;

pub use document::{Session, Sessions};
pub use event::Session as SessionEvent;
pub use fold::DIMENSIONS;
