//! Rates of exchange, and money in other currencies than the shop's.
//!
//! A rate is of one currency and one day. A sale in another currency is converted by the rate that
//! its event states, else by the one that it was converted by before, else by the newest of at most
//! 7 days before it that the log has by then.

pub mod document;
pub mod event;
pub(crate) mod fold;
pub mod foreign;

pub use foreign::Foreign;
