//! Money, currencies, rates, quantities and time, as events and documents state them.

pub mod bucket;
pub mod currency;
pub mod decimal;
pub mod money;
pub mod quantity;
pub mod rate;
pub mod time;
