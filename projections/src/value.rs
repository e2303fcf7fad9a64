//! What an event or a document says of money and time.

pub mod bucket;
pub mod money;
pub mod time;
