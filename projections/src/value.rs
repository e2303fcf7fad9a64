//! Money and time, as events and documents state them.

pub mod bucket;
pub mod money;
pub mod time;
