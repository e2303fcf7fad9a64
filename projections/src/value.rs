//! Money, currencies, rates, quantities, texts and time, as events and documents state them.

pub mod bucket;
pub mod currency;
pub mod days;
pub mod decimal;
pub mod money;
pub mod quantity;
pub mod rate;
pub mod text;
pub mod time;
