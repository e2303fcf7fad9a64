//! Refunds: of an order, of a transaction, of a line or a part, or of nothing known.

pub mod document;
pub mod event;
mod fold;

pub use document::Refund;
